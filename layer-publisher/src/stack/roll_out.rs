//! `roll-out`: stacks to the layer versions that the ledger names, and nothing else in them.
//!
//! Each stack starts from the template that is deployed, whatever lies on this machine. What a change set would do
//! beyond that is refused.

mod behind;
mod beyond;
mod dynamic;
mod error;
mod found;
mod lost;
mod named;
mod one;
mod planned;
mod report;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use template_tools::arn::{LayerName, Region};
use template_tools::ledger::Ledger;
use tokio::task::JoinSet;

use super::deploy::new_name;
use crate::called::CalledAs;
use crate::clocks::Clocks;
use crate::config::LayersFile;
use crate::interrupt::{self, Interrupts};
use crate::ledger_file::LedgerFile;
use crate::publish::staging::BucketPattern;
use crate::ui::{Format, Ui, counted, shown, whole};
use crate::under_way::UnderWay;
use crate::versions::ways::{Ask, Subject, Way, WaysError};
use error::{RequestError, RollOutError};
use one::{Done, Run};
use report::{Report, Row};

/// What is to be done with the change sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// They are carried out.
    RollOut,
    /// They are shown, and thrown away.
    Show,
}

/// What a stack that fails means for those that have not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterFailure {
    /// They do not begin.
    Stop,
    /// They do.
    GoOn,
}

/// Changes that nobody has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherChanges {
    /// A stack that would get some is left alone.
    Refused,
    /// They come along.
    Allowed,
}

/// A `?` in a deployed template that has to be sent back: it may have been another letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuestionMarks {
    /// The stack is left alone, unless the file that it was deployed from tells.
    Refused,
    /// It was always one.
    Allowed,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct RollOutRequest {
    /// The layers, by the names of `layers.toml`; none means all of them.
    pub layers: Vec<String>,
    /// Only these stacks.
    pub stacks: Vec<String>,
    /// Which targets and regions are meant, and with whose credentials.
    pub ask: Ask,
    /// What is done with the change sets.
    pub intent: Intent,
    /// So many stacks at once.
    pub at_once: usize,
    /// What a failure means.
    pub after_failure: AfterFailure,
    /// What becomes of other changes.
    pub other_changes: OtherChanges,
    /// What a `?` means.
    pub question_marks: QuestionMarks,
    /// The bucket for templates of more than 51,200 bytes.
    pub bucket: Option<BucketPattern>,
    /// The form of the result.
    pub format: Format,
    /// The `layers.toml` that was named.
    pub layers_file: Option<PathBuf>,
}

/// A stack, and the way to it.
#[derive(Debug)]
struct Target {
    stack: String,
    region: Region,
    /// The layers that are brought to their new version there.
    layers: BTreeSet<LayerName>,
    way: Result<Arc<Way>, Arc<RollOutError>>,
    bucket: Option<BucketPattern>,
    /// The file that it was deployed from, if it is named.
    template: Option<PathBuf>,
}

impl Target {
    /// `orders in eu-west-1`
    fn label(&self) -> String {
        format!("{} in {}", self.stack, self.region)
    }
}

/// The stacks, in order, and who could not be asked about more of them.
#[derive(Debug, Default)]
struct Targets {
    all: Vec<Target>,
    failures: Vec<RollOutError>,
    /// So many accounts and regions that count could be asked.
    answered: usize,
}

/// What all stacks have in common.
#[derive(Debug)]
struct Shared {
    ledger: Ledger,
    intent: Intent,
    other_changes: OtherChanges,
    question_marks: QuestionMarks,
    clocks: Clocks,
    ui: Ui,
    interrupts: Interrupts,
    under_way: UnderWay,
    /// The beginning of a name that no other change set has.
    change_set: String,
}

/// Rolls out, and says everything, errors too.
pub async fn run(request: &RollOutRequest, ui: &Ui, called: &CalledAs) -> ExitCode {
    match try_run(request, ui, called).await {
        Ok(code) => code,
        Err(error) => {
            ui.error(&error, error.hint(called).as_deref());
            ExitCode::FAILURE
        }
    }
}

async fn try_run(request: &RollOutRequest, ui: &Ui, called: &CalledAs) -> Result<ExitCode, RequestError> {
    let start = Instant::now();
    let here = std::env::current_dir().map_err(WaysError::Folder)?;
    let file = LayersFile::find(request.layers_file.as_deref(), &here)?;
    let subjects = Subject::of(&file, &request.layers)?;
    let ledger = LedgerFile::beside(&file.path).read()?;
    must_have_versions(&ledger, &subjects)?;
    let clocks = Clocks::from_environment();
    let named = named::concerned(&file, &subjects)?;
    let is_named = !named.is_empty();
    let mut targets = if named.is_empty() {
        found::targets(&subjects, &ledger, request, clocks, ui).await?
    } else {
        named::targets(&named, &subjects, request, &file.path, clocks).await?
    };
    if is_named {
        let is_empty = |region: &&Region| !targets.all.iter().any(|target| target.region == **region);
        for region in request.ask.regions.iter().filter(is_empty) {
            ui.warning(format!("no stack of `{}` is in {region}", shown(&file.path)));
        }
    }
    only_wanted(&mut targets, request)?;
    let under_way = UnderWay::default();
    let interrupts = Interrupts::listen_for_stacks(ui, &under_way).map_err(RequestError::Interrupts)?;
    if !targets.all.is_empty() {
        let how = if request.at_once > 1 { format!(", {} at once", request.at_once) } else { String::new() };
        let verb = if request.intent == Intent::Show { "Looking at" } else { "Rolling out" };
        ui.status(verb, format!("{}{how}", counted(targets.all.len(), "stack")));
    }
    let shared = Shared {
        ledger,
        intent: request.intent,
        other_changes: request.other_changes,
        question_marks: request.question_marks,
        clocks,
        ui: ui.clone(),
        interrupts: interrupts.clone(),
        under_way,
        change_set: new_name(),
    };
    let Targets { all, failures, answered } = targets;
    let is_stopped = request.after_failure == AfterFailure::Stop && !failures.is_empty();
    let rows = in_order(all, request, Arc::new(shared), is_stopped).await;
    let report =
        Report { ui, called, intent: request.intent, rows: &rows, failures: &failures, answered, is_named };
    let code = report.finish(request.format, start.elapsed());
    Ok(if interrupts.came() { ExitCode::from(interrupt::EXIT_CODE) } else { ExitCode::from(code) })
}

/// One after the other, or so many at once; after a failure no more begin, unless that is wanted.
async fn in_order(
    targets: Vec<Target>,
    request: &RollOutRequest,
    shared: Arc<Shared>,
    mut is_stopped: bool,
) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut waiting = targets.into_iter().enumerate();
    let mut running = JoinSet::new();
    loop {
        while running.len() < request.at_once.max(1) && !is_stopped && !shared.interrupts.came() {
            let Some((position, target)) = waiting.next() else { break };
            let shared = Arc::clone(&shared);
            running.spawn(async move {
                let _begun = shared.under_way.begin(target.label());
                let run = Box::pin(one::roll_out(&target, &shared, position)).await;
                if let Err(error) = &run.result {
                    shared.ui.failed("Failed", format!("{}: {}", target.label(), whole(error.as_ref())));
                }
                (position, target, run)
            });
        }
        match running.join_next().await {
            Some(Ok((position, target, run))) => {
                let row = Row::of(&target, run);
                is_stopped |= row.has_failed() && request.after_failure == AfterFailure::Stop;
                rows.push((position, row));
            }
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => break,
        }
    }
    for (position, target) in waiting {
        rows.push((position, Row::of(&target, Run { result: Ok(Done::NotBegun), ..Run::default() })));
    }
    rows.sort_by_key(|(position, _)| *position);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn must_have_versions(ledger: &Ledger, subjects: &[Subject]) -> Result<(), RequestError> {
    let is_known = |subject: &&Subject| {
        ledger.entries().any(|entry| subject.lambda_names.contains(&entry.layer_version_arn.layer))
    };
    if subjects.iter().any(|subject| is_known(&subject)) {
        return Ok(());
    }
    Err(RequestError::NothingPublished(subjects.iter().map(|subject| subject.name.clone()).collect()))
}

fn only_wanted(targets: &mut Targets, request: &RollOutRequest) -> Result<(), RequestError> {
    let stacks = &request.stacks;
    let is_unknown = |name: &&String| !targets.all.iter().any(|target| target.stack == **name);
    // Where somebody could not be asked it may be there, and that failure is told.
    if let Some(unknown) = stacks.iter().find(is_unknown).filter(|_| targets.failures.is_empty()) {
        let known = targets.all.iter().map(|target| target.stack.clone()).collect::<BTreeSet<_>>();
        return Err(RequestError::UnknownStack {
            name: unknown.clone(),
            known: known.into_iter().collect(),
            regions: request.ask.regions.clone(),
        });
    }
    targets.all.retain(|target| stacks.is_empty() || stacks.contains(&target.stack));
    Ok(())
}
