//! `latest`: the newest version of each layer in each region, as a ledger on standard output. What was withdrawn
//! does not count. Writes nothing.
//!
//! Layers of our own account are listed; those of others are tried out ([`probe`]), or read from a parameter that their
//! owner publishes ([`vendors`]).

mod error;
mod foreign;
mod probe;
mod vendors;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use template_tools::arn::{LayerName, LayerVersionArn, Region};
use template_tools::inventory::Inventory;
use template_tools::ledger::{Entry, Ledger};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::aws::failure::CallFailure;
use crate::aws::lambda::LambdaRegion;
use crate::aws::session::{Caller, Session};
use crate::called::{CalledAs, Command};
use crate::clocks::Clocks;
use crate::config::{ConfigError, LayersFile};
use crate::layer_version::LayerVersion;
use crate::ledger_file::LedgerFile;
use crate::publish::regions::{NoRegion, places};
use crate::ui::{Ui, counted};
pub use error::LatestError;
use foreign::{Foreign, Places, Start};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct LatestRequest {
    /// Layers by their name in `layers.toml`, or in Lambda, or by the ARN of one of their versions; those of
    /// `layers.toml` if there are none.
    pub names: Vec<String>,
    /// What `template-tools list --format json` has written, `-` for standard input: its layers are asked for, too.
    pub references: Option<PathBuf>,
    /// The profile that was named.
    pub profile: Option<String>,
    /// The regions that were named; else those of `layers.toml`.
    pub regions: Vec<Region>,
    /// The `layers.toml` that was named.
    pub layers_file: Option<PathBuf>,
}

/// One layer and where to ask for it.
struct Question {
    layer: LayerName,
    regions: Vec<Region>,
}

/// A layer in a region, and what came of asking for it.
struct Answer {
    /// The layer, and whose it is if it is not ours, in words.
    layer: String,
    region: Region,
    found: Result<Option<Found>, CallFailure>,
}

/// A version, and in words how sure it is that it is the newest.
struct Found {
    version: LayerVersion,
    how: String,
    whose: Whose,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    Foreign,
}

/// Asks, and prints a ledger.
pub async fn run(request: &LatestRequest, ui: &Ui, called: &CalledAs) -> Result<ExitCode, LatestError> {
    let file = find(request)?;
    let inventory = request.references.as_deref().map_or_else(|| Ok(Inventory::default()), read_inventory)?;
    let is_arn = |name: &&String| name.starts_with("arn:");
    let arns = request.names.iter().filter(is_arn).map(|name| name.parse::<LayerVersionArn>());
    let arns = arns.collect::<Result<Vec<_>, _>>().map_err(LatestError::Name)?;
    let configured = file.iter().flat_map(|file| file.layers.values());
    let configured = configured.map(|layer| &layer.destination);
    let configured = configured.flat_map(|to| to.regions.iter().chain(&to.optional_regions));
    let mut likely = request.regions.iter().chain(configured).cloned().collect::<Vec<_>>();
    let written = arns.iter().map(|arn| &arn.region);
    let written = written.chain(inventory.layers.iter().filter_map(|layer| layer.region.as_ref()));
    let anywhere = likely.iter().chain(written).cloned().collect::<Vec<_>>();
    let session =
        Session::open(request.profile.as_deref(), None, &anywhere, Clocks::from_environment()).await?;
    let questions = questions(request, file.as_ref(), session.default_region().as_ref())?;
    let withdrawn = Arc::new(withdrawn(file.as_ref(), ui));
    let mut foreign = Foreign::default();
    let mut caller = None;
    if !arns.is_empty() || !inventory.layers.is_empty() {
        if likely.is_empty() {
            likely.extend(session.default_region());
        }
        let asked = if anywhere.is_empty() { &likely } else { &anywhere };
        let who = session.caller(asked).await?;
        let places = Places { named: &request.regions, likely: &likely };
        foreign = foreign::foreign(&arns, &inventory, places, &who);
        caller = Some(who);
    }
    let nowhere = say_left_out(&foreign, ui);
    let hint_of = |failure: &CallFailure| failure.hint(session.advice(), called);

    let (sender, mut answers) = unbounded_channel();
    let running = ask(&session, &questions, &foreign.starts, caller.as_ref(), &withdrawn, &sender, ui);
    drop(sender);
    let mut ledger = Ledger::default();
    let mut failures = Vec::new();
    while let Some(Answer { layer, region, found }) = answers.recv().await {
        match found {
            Ok(Some(Found { version, how, whose })) => {
                ui.status("Found", format!("{region}: version {} of {layer}{how}", version.arn.version));
                let entry = Entry { foreign: whose == Whose::Foreign, ..version.entry() };
                // What is withdrawn goes along: templates may go down from there.
                let withdrawn = withdrawn.get(&entry.place());
                let withdrawn = withdrawn.map(|entry| entry.withdrawn.clone()).unwrap_or_default();
                ledger.insert(Entry { withdrawn, ..entry });
            }
            Ok(None) => ui.warning(format!("{region} has no version of {layer}")),
            Err(failure) => failures.push((layer, region, failure)),
        }
    }
    // A panic among them is our own bug, and shall not pass for an answer.
    running.join_all().await;
    let hint = failures.first().and_then(|(.., failure)| hint_of(failure));
    if ledger.is_empty() {
        return Err(match failures.into_iter().next() {
            Some((.., source)) => {
                LatestError::NoAnswer { layers: shown(&questions, &foreign), source: Box::new(source), hint }
            }
            None => LatestError::Nowhere {
                layers: shown(&questions, &foreign),
                first: questions.first().map(|question| question.layer.to_string()),
            },
        });
    }
    for (layer, region, failure) in &failures {
        ui.failed("Failed", format!("{region}: no word about {layer}: {failure}"));
    }
    ui.status("Finished", counted(ledger.entries().len(), "version"));
    if let Some(hint) = hint {
        ui.note(hint);
    }
    ui.result(ledger.to_text().trim_end());
    Ok(ExitCode::from(if failures.is_empty() && nowhere == 0 { 0 } else { 3 }))
}

/// Says which layers are not asked about, and gives the number of those that could have been.
fn say_left_out(foreign: &Foreign, ui: &Ui) -> usize {
    for (layer, partition) in &foreign.elsewhere {
        ui.warning(format!(
            "layer `{layer}` is in partition `{partition}`, where these credentials are not known"
        ));
    }
    for layer in &foreign.nowhere {
        ui.warning(format!(
            "templates leave open in which region layer `{layer}` is: name one with `--region`"
        ));
    }
    foreign.nowhere.len()
}

/// Starts asking: our own layers all at once, the foreign ones of each region one after the other, because trying out
/// takes many calls, and no region takes many in a second.
fn ask(
    session: &Session,
    questions: &[Question],
    starts: &[Start],
    caller: Option<&Caller>,
    withdrawn: &Arc<Ledger>,
    answers: &UnboundedSender<Answer>,
    ui: &Ui,
) -> JoinSet<()> {
    let mut running = JoinSet::new();
    for question in questions {
        for region in &question.regions {
            ui.detail("Asking", format!("{region} for the newest version of `{}`", question.layer));
            let (lambda, layer, region) = (session.lambda(region), question.layer.clone(), region.clone());
            let (answers, withdrawn) = (answers.clone(), Arc::clone(withdrawn));
            running.spawn(async move {
                let found = newest(&lambda, &layer, &withdrawn).await;
                // Who asked waits until all have answered.
                let _ = answers.send(Answer { layer: format!("`{layer}`"), region, found });
            });
        }
    }
    if !starts.is_empty() {
        ui.status("Asking", format!("for {} that templates or ARNs name", counted(starts.len(), "layer")));
    }
    let mut by_region: BTreeMap<&Region, Vec<Start>> = BTreeMap::new();
    for start in starts {
        by_region.entry(&start.region).or_default().push(start.clone());
    }
    for (region, starts) in by_region {
        let (session, caller) = (session.clone(), caller.cloned());
        let (region, answers, withdrawn) = (region.clone(), answers.clone(), Arc::clone(withdrawn));
        running.spawn(async move {
            let lambda = session.lambda(&region);
            for start in starts {
                let is_ours = caller.as_ref().is_some_and(|caller| caller.account == start.account);
                let (layer, found) = if is_ours {
                    (format!("`{}`", start.layer), newest(&lambda, &start.layer, &withdrawn).await)
                } else {
                    let layer = format!("`{}` of {}", start.layer, start.account);
                    (layer, newest_of_others(&session, &lambda, &start).await.map(Some))
                };
                let _ = answers.send(Answer { layer, region: region.clone(), found });
            }
        });
    }
    running
}

/// What the vendor says, where it says something; else what can be seen.
async fn newest_of_others(
    session: &Session,
    lambda: &LambdaRegion,
    start: &Start,
) -> Result<Found, CallFailure> {
    if let Some((arn, parameter)) = vendors::newest(session, start).await
        && let Ok(version) = lambda.get_by_arn(&arn).await
    {
        return Ok(Found { version, how: format!(", as `{parameter}` says"), whose: Whose::Foreign });
    }
    let version = probe::newest_seen(lambda, start).await?;
    Ok(Found { version, how: ", the newest seen".to_owned(), whose: Whose::Foreign })
}

fn read_inventory(path: &Path) -> Result<Inventory, LatestError> {
    let (name, text) = if path == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        ("standard input".to_owned(), read.map(|_| text))
    } else {
        (format!("`{}`", path.display()), std::fs::read_to_string(path))
    };
    match text {
        Ok(text) => Inventory::parse(&text).map_err(|source| LatestError::Inventory { name, source }),
        Err(source) => Err(LatestError::References { name, source }),
    }
}

/// All that was asked for, in backticks.
fn shown(questions: &[Question], foreign: &Foreign) -> String {
    let mut layers = questions.iter().map(|question| &question.layer).collect::<Vec<_>>();
    layers.extend(foreign.starts.iter().map(|start| &start.layer));
    layers.dedup();
    layers.iter().map(|layer| format!("`{layer}`")).collect::<Vec<_>>().join(", ")
}

/// Layers that were named need no `layers.toml`, but are looked up in it if there is one.
fn find(request: &LatestRequest) -> Result<Option<LayersFile>, LatestError> {
    let here = std::env::current_dir().map_err(LatestError::Folder)?;
    match LayersFile::find(request.layers_file.as_deref(), &here) {
        Ok(file) => Ok(Some(file)),
        Err(ConfigError::NotFound { .. }) if !request.names.is_empty() || request.references.is_some() => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn questions(
    request: &LatestRequest,
    file: Option<&LayersFile>,
    default: Option<&Region>,
) -> Result<Vec<Question>, LatestError> {
    let path = || file.map_or_else(|| crate::config::FILE_NAME.into(), |file| file.path.clone());
    let names: Vec<String> = match (request.names.is_empty(), file) {
        (true, Some(file)) => file.layers.keys().cloned().collect(),
        _ => request.names.iter().filter(|name| !name.starts_with("arn:")).cloned().collect(),
    };
    if names.is_empty() && request.names.is_empty() && request.references.is_none() {
        return Err(LatestError::NoLayers { file: path() });
    }
    let mut questions = Vec::new();
    for name in names {
        let layer = file.and_then(|file| file.layers.get(&name));
        let destination = layer.map(|layer| &layer.destination);
        let places = places(&request.regions, destination, default);
        let regions = places.into_iter().map(|place| place.region).collect::<Vec<_>>();
        if regions.is_empty() {
            return Err(NoRegion { layer: name, file: path(), command: Command::Latest }.into());
        }
        let lambda_names = layer.map_or_else(|| vec![name.clone()], |layer| layer.lambda_names.clone());
        for lambda_name in lambda_names {
            let layer = LayerName::new(lambda_name).map_err(LatestError::Name)?;
            questions.push(Question { layer, regions: regions.clone() });
        }
    }
    Ok(questions)
}

/// The ledger beside `layers.toml`, for what it says is withdrawn. That it cannot be read is no reason to keep silent.
fn withdrawn(file: Option<&LayersFile>, ui: &Ui) -> Ledger {
    let Some(file) = file else { return Ledger::default() };
    LedgerFile::beside(&file.path).read().unwrap_or_else(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        ui.warning(format!("versions that were withdrawn are not known: {error}{cause}"));
        Ledger::default()
    })
}

/// The newest version that is not withdrawn. Whose account it is, and so what is withdrawn there, its ARN tells.
async fn newest(
    lambda: &LambdaRegion,
    layer: &LayerName,
    ledger: &Ledger,
) -> Result<Option<Found>, CallFailure> {
    for listed in lambda.list(layer).await? {
        let version = lambda.get(layer, listed.version).await?;
        let known = ledger.get(&Entry::new(version.arn.clone()).place());
        if !known.is_some_and(|entry| entry.withdrawn.contains_key(&listed.version)) {
            return Ok(Some(Found { version, how: String::new(), whose: Whose::Ours }));
        }
    }
    Ok(None)
}
