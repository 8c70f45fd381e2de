//! The stack that makes a layer, for `publish`: its template, brought to a content that lies in S3.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use template_tools::arn::{LayerName, LayerVersionArn, Region};
use tokio::sync::Mutex;

use super::deploy::new_name;
use super::error::StackError;
use super::interrupt::Interrupts;
use super::parameters::{Sent, check};
use super::region::{Common, InRegion, Outcome};
use super::settings::{Allowed, Confirm, Follow, Goal, Settings};
use super::template::Template;
use crate::aws::failure::Advice;
use crate::aws::session::{Caller, Session};
use crate::called::CalledAs;
use crate::clocks::Clocks;
use crate::publish::staging::S3Object;
use crate::ui::Ui;

/// The parameters that say where the content lies, as `stage` and `new-template` call them.
const BUCKET: &str = "S3Bucket";
const KEY: &str = "S3Key";
const VERSION: &str = "S3ObjectVersion";

/// A layer's stack, with its template.
#[derive(Clone, Debug)]
pub(crate) struct LayerStack {
    /// Its name.
    pub(crate) name: String,
    template: Arc<Template>,
}

/// Why a stack does not have the content, and what to type next.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Why, with all causes.
    pub(crate) why: String,
    /// What to type next.
    pub(crate) hint: Option<String>,
}

/// What deployments of several stacks have in common.
#[derive(Clone, Debug)]
pub(crate) struct Around {
    pub(crate) session: Session,
    pub(crate) caller: Caller,
    pub(crate) clocks: Clocks,
    pub(crate) ui: Ui,
    pub(crate) called: CalledAs,
    interrupts: Interrupts,
}

impl Around {
    /// From here on Ctrl-C leaves a stack in order. To be called once.
    pub(crate) fn new(
        session: &Session,
        caller: &Caller,
        clocks: Clocks,
        ui: &Ui,
        called: &CalledAs,
    ) -> std::io::Result<Self> {
        Ok(Self {
            session: session.clone(),
            caller: caller.clone(),
            clocks,
            ui: ui.clone(),
            called: called.clone(),
            interrupts: Interrupts::listen()?,
        })
    }
}

impl LayerStack {
    /// Reads the template, and refuses one that cannot be given a content.
    pub(crate) fn read(name: String, path: &Path, ui: &Ui, called: &CalledAs) -> Result<Self, Problem> {
        let template = Template::read(path, ui).map_err(|error| {
            let mut problem = problem(&error, &Advice::default(), called);
            if let StackError::Read { source, .. } = &error
                && source.kind() == std::io::ErrorKind::NotFound
            {
                problem.hint = Some(
                    "write it with `new-template cloudformation`, or name another one as `template`"
                        .to_owned(),
                );
            }
            problem
        })?;
        let missing = [BUCKET, KEY]
            .into_iter()
            .find(|name| !template.parameters.iter().any(|parameter| parameter.name == *name));
        if let Some(missing) = missing {
            return Err(Problem {
                why: format!("`{}` has no parameter `{missing}`", path.display()),
                hint: Some(format!(
                    "let `Content` take its place from parameters `{BUCKET}` and `{KEY}`, as `new-template \
                     cloudformation` does"
                )),
            });
        }
        let missing = template.missing_capabilities(&[]);
        if !missing.is_empty() {
            let error = StackError::Capabilities(missing);
            let hint = Some("a layer's own template makes nothing but the layer".to_owned());
            return Err(Problem { hint, ..problem(&error, &Advice::default(), called) });
        }
        Ok(Self { name, template: Arc::new(template) })
    }

    /// Deploys it with this content, and gives the number of the version that it has then.
    pub(crate) async fn deploy(
        &self,
        around: &Around,
        region: &Region,
        layer: &LayerName,
        object: &S3Object,
    ) -> Result<u64, Problem> {
        let Around { session, caller, clocks, ui, called, interrupts } = around.clone();
        let given = self.given(object);
        check(&self.template.parameters, &given)
            .map_err(|error| Problem { why: error.to_string(), hint: error.hint() })?;
        let common = Arc::new(Common {
            session,
            caller,
            clocks,
            given,
            change_set: new_name(),
            ui,
            interrupts,
            asking: Mutex::default(),
            settings: self.settings(region),
        });
        let one = InRegion::new(common, region.clone());
        let outcome = Box::pin(one.deploy(&self.template)).await;
        let advice = around.session.advice();
        match outcome.map_err(|error| self.problem(&error, region, advice, &called))? {
            Outcome::Deployed(_) | Outcome::Unchanged(_) => {}
            Outcome::Shown(_) | Outcome::Prepared(..) | Outcome::Begun(_) | Outcome::Left => {
                let why = "it was interrupted, and the stack may go on without us".to_owned();
                return Err(Problem { why, hint: Some("publish again to see what came of it".to_owned()) });
            }
        }
        self.holds(&around.session, &called, region, layer).await?.ok_or_else(|| Problem {
            why: format!("it makes no version of layer `{layer}`"),
            hint: Some(format!("the `LayerName` in its template must be `{layer}`")),
        })
    }

    /// The number of the version of the layer that the stack has now; nothing without a stack.
    pub(crate) async fn holds(
        &self,
        session: &Session,
        called: &CalledAs,
        region: &Region,
        layer: &LayerName,
    ) -> Result<Option<u64>, Problem> {
        let cloudformation = session.cloudformation(region);
        let resources = async {
            match cloudformation.stack(&self.name).await? {
                Some(stack) => cloudformation.resources(&stack.id).await,
                None => Ok(Vec::new()),
            }
        };
        let resources = resources.await.map_err(|failure| Problem {
            hint: failure.hint(session.advice(), called),
            why: failure.to_string(),
        })?;
        let versions = resources.into_iter().filter_map(|(_, _, physical)| {
            let arn = physical.parse::<LayerVersionArn>().ok()?;
            (arn.layer == *layer).then_some(arn.version)
        });
        Ok(versions.max())
    }

    fn given(&self, object: &S3Object) -> BTreeMap<String, Sent> {
        let has_version = self.template.parameters.iter().any(|parameter| parameter.name == VERSION);
        // Without versions the parameter is emptied, so that none is left of another bucket.
        let version = has_version.then(|| (VERSION, object.version.clone().unwrap_or_default()));
        let places = [(BUCKET, object.bucket.clone()), (KEY, object.key.clone())];
        let all = places.into_iter().chain(version);
        all.map(|(name, value)| (name.to_owned(), Sent::Value(value))).collect()
    }

    fn settings(&self, region: &Region) -> Settings {
        Settings {
            stack_name: self.name.clone(),
            parameters: Vec::new(),
            capabilities: Vec::new(),
            tags: Vec::new(),
            role_arn: None,
            profile: None,
            regions: vec![region.clone()],
            s3_bucket: None,
            s3_prefix: None,
            resolve_s3: false,
            on_failure: None,
            goal: Goal::Deploy,
            confirm: Confirm::No,
            follow: Follow::ToTheEnd,
            allowed: Allowed::default(),
            skip_resources: Vec::new(),
        }
    }

    fn problem(&self, error: &StackError, region: &Region, advice: &Advice, called: &CalledAs) -> Problem {
        let problem = problem(error, advice, called);
        let hint = match error {
            StackError::Failed { status, .. } | StackError::Stuck { status, .. }
                if status.as_str() != "UPDATE_ROLLBACK_FAILED" =>
            {
                let delete =
                    format!("`aws cloudformation delete-stack --stack-name {} --region {region}`", self.name);
                Some(match status.as_str() {
                    "UPDATE_ROLLBACK_COMPLETE" => "mend the cause, and publish again".to_owned(),
                    _ => format!("mend the cause, delete the failed stack with {delete}, and publish again"),
                })
            }
            StackError::Deletes(_) => Some(
                "give the layer `DeletionPolicy: Retain` and `UpdateReplacePolicy: Retain` in the template"
                    .to_owned(),
            ),
            _ => problem.hint,
        };
        Problem { hint, ..problem }
    }
}

fn problem(error: &StackError, advice: &Advice, called: &CalledAs) -> Problem {
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        why = format!("{why}: {cause}");
        source = cause.source();
    }
    Problem { why, hint: error.hint(advice, called) }
}
