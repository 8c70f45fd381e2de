//! `deploy-stack`: the way through, in every region at once, each on its own.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use template_tools::arn::Region;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::error::StackError;
use super::parameters::{check, check_limits, given_once};
use super::region::{Common, InRegion, Outcome};
use super::report::Report;
use super::settings::{Allowed, Asked, Confirm, Follow, Goal, Settings, settle};
use super::template::Template;
use crate::aws::failure::Advice;
use crate::aws::session::Session;
use crate::called::CalledAs;
use crate::clocks::Clocks;
use crate::interrupt::{self, Interrupts};
use crate::region;
use crate::ui::Ui;
use crate::under_way::UnderWay;

/// Deploys a template, or carries out a change set that was made before; says everything, errors too.
pub async fn run(asked: &Asked, ui: &Ui, called: &CalledAs) -> ExitCode {
    let mut advice = Advice::default();
    match try_run(asked, ui, called, &mut advice).await {
        Ok(code) => code,
        Err(error) => {
            ui.error(&error, error.hint(&advice, called).as_deref());
            ExitCode::from(if error.is_usage() { 2 } else { 1 })
        }
    }
}

async fn try_run(
    asked: &Asked,
    ui: &Ui,
    called: &CalledAs,
    advice: &mut Advice,
) -> Result<ExitCode, StackError> {
    let start = Instant::now();
    // Everything that can be wrong without AWS comes first.
    let (mut settings, template) = match &asked.execute {
        Some(arn) => (of_change_set(asked, arn)?, None),
        None => {
            let path = asked.template.as_deref().ok_or(StackError::NoTemplate)?;
            let (settings, template) = prepared(asked, path, ui)?;
            (settings, Some(template))
        }
    };
    let given = given_once(&settings.parameters)?;
    if let Some(template) = &template {
        check(&template.parameters, &given)?;
        check_limits(&template.parsed(), &template.parameters, &given)?;
        let missing = template.missing_capabilities(&settings.capabilities);
        if !missing.is_empty() {
            return Err(StackError::Capabilities(missing));
        }
    }
    if let Some(template) = &template
        && settings.s3_bucket.is_none()
        && !settings.resolve_s3
        && let Some(what) = template.needs_bucket()
    {
        return Err(StackError::NoBucket(what));
    }
    if settings.allowed.recreate && settings.goal == Goal::Prepare {
        return Err(StackError::RecreateLater);
    }
    if settings.confirm == Confirm::Yes && settings.goal == Goal::Deploy && !ui.can_ask() {
        return Err(StackError::NobodyToAsk);
    }

    let clocks = Clocks::from_environment();
    let session = Session::open(settings.profile.as_deref(), None, &settings.regions, clocks).await?;
    *advice = session.advice().clone();
    let prepared = match &asked.execute {
        None => None,
        Some(arn) => {
            let region = settings.regions.first().ok_or(StackError::NoRegion)?;
            let found = session.cloudformation(region).change_set(None, arn).await;
            let found =
                found.map_err(|failure| StackError::call(format!("read change set `{arn}`"), failure))?;
            // Its ARN names the change set, and not the stack.
            settings.stack_name.clone_from(&found.stack_name);
            Some(Arc::new(found))
        }
    };
    let mut regions = if settings.regions.is_empty() {
        vec![session.default_region().ok_or(StackError::NoRegion)?]
    } else {
        settings.regions.clone()
    };
    // Two at work on one stack would get in each other's way.
    let mut seen = BTreeSet::new();
    regions.retain(|region| seen.insert(region.clone()));
    let caller = session.caller(&regions).await?;
    let under_way = UnderWay::default();
    let interrupts = Interrupts::listen_for_stacks(ui, &under_way).map_err(StackError::Interrupts)?;
    let format = asked.format;
    let common = Arc::new(Common {
        session,
        caller,
        clocks,
        given,
        change_set: new_name(),
        ui: ui.clone(),
        interrupts,
        asking: Mutex::default(),
        settings,
    });
    let template = template.map(Arc::new);
    let mut running = JoinSet::new();
    for (position, region) in regions.iter().enumerate() {
        let one = InRegion::new(Arc::clone(&common), region.clone());
        let (template, prepared) = (template.clone(), prepared.clone());
        let begun = under_way.begin(region.as_str());
        running.spawn(async move {
            let _begun = begun;
            let result = match (&template, &prepared) {
                (Some(template), _) => Box::pin(one.deploy(template)).await,
                (None, Some(change_set)) => Box::pin(one.execute_prepared(change_set)).await,
                (None, None) => Err(StackError::NoTemplate),
            };
            (position, result)
        });
    }
    let mut results = Vec::new();
    while let Some(done) = running.join_next().await {
        match done {
            Ok(done) => results.push(done),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    results.sort_by_key(|(position, _)| *position);
    let results = results.into_iter().map(|(position, result)| (regions[position].clone(), result));
    let results: Vec<(Region, Result<Outcome, StackError>)> = results.collect();
    let report = Report { ui, called, advice, stack_name: &common.settings.stack_name, results: &results };
    report.print(format, start.elapsed());
    Ok(if common.interrupts.came() { ExitCode::from(interrupt::EXIT_CODE) } else { report.exit_code() })
}

fn prepared(asked: &Asked, path: &Path, ui: &Ui) -> Result<(Settings, Template), StackError> {
    let settings = settle(asked, path, ui)?;
    Ok((settings, Template::read(path, ui)?))
}

/// What a change set's ARN says of itself: `arn:aws:cloudformation:eu-west-1:123456789012:changeSet/name/…`.
fn of_change_set(asked: &Asked, arn: &str) -> Result<Settings, StackError> {
    let wrong = || StackError::NoChangeSetArn(arn.to_owned());
    let parts = arn.splitn(6, ':').collect::<Vec<_>>();
    let ["arn", _, "cloudformation", region, _, rest] = parts[..] else { return Err(wrong()) };
    let name = rest.strip_prefix("changeSet/").ok_or_else(wrong)?;
    let region = region::parse(region).map_err(|_| wrong())?;
    let stack_name = name.split('/').next().unwrap_or(name).to_owned();
    Ok(Settings {
        profile: asked.profile.clone(),
        confirm: asked.confirm.unwrap_or(Confirm::No),
        follow: asked.follow,
        allowed: Allowed { delete: asked.allowed.delete, ..Allowed::default() },
        ..Settings::plain(stack_name, region)
    })
}

/// A name that no other change set has: the time to the microsecond, and the number of this process.
pub(super) fn new_name() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("layer-publisher-{}-{}", now.as_micros(), std::process::id())
}

impl Follow {
    /// As the flag says.
    pub fn from_flag(no_wait: bool) -> Self {
        if no_wait { Self::No } else { Self::ToTheEnd }
    }
}
