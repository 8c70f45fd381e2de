//! `publish`: everything that is built, into every region that is wanted, and into the ledger.

mod align;
pub mod choose;
pub mod continuity;
pub mod copy;
mod error;
mod everywhere;
pub mod execute;
#[cfg(test)]
pub(crate) mod fake;
pub mod journal;
pub mod permissions;
pub mod plan;
pub mod pointer;
mod progress;
pub mod refused;
pub mod regions;
mod report;
pub mod row;
mod second_account;
mod sender;
pub mod shared_lock;
pub mod stage;
pub mod staging;
pub mod terms;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use template_tools::arn::{LayerName, Region};
use template_tools::ledger::Ledger;
use template_tools::starter::stack_name;

use crate::aws::session::{Caller, Session};
use crate::called::{CalledAs, Command};
use crate::clocks::Clocks;
use crate::config::LayersFile;
use crate::config::publish::{Destination, Publisher, UnknownTarget};
use crate::interrupt::Interrupts;
use crate::ledger_file::LedgerFile;
use crate::machine_lock;
use crate::manifest::{self, Artifact, ArtifactError, Freshness};
use crate::stack::layer::{LayerStack, Problem};
use crate::ui::{Format, Ui, shown};
use crate::zip_source::LARGEST_DIRECT_ZIP;
use choose::ChangedError;
use continuity::{Agreement, Continuity, Disagreement, Standing};
pub use error::PublishError;
use everywhere::Everything;
use execute::RegionFailure;
use permissions::{Grant, Grants, Others};
use plan::{Step, Wanted};
use progress::Lines;
use regions::{NoRegion, Place, places};
use report::Report;
use shared_lock::LockPlace;
use staging::BucketPattern;
use terms::Choices;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct PublishRequest {
    /// Layers or artifacts by name; the only layer if there are none.
    pub names: Vec<String>,
    /// Only layers that have changed since this commit.
    pub changed_since: Option<String>,
    /// Whether the artifact must belong to the lock and the table as they are now.
    pub freshness: Freshness,
    /// The `layers.toml` that was named.
    pub layers_file: Option<PathBuf>,
    /// How it is published.
    pub options: Options,
}

/// How something is published, wherever it comes from.
#[derive(Clone, Debug)]
pub struct Options {
    /// The target of `layers.toml`; without one, what stands there without a target.
    pub target: Option<String>,
    /// The profile that was named; it outranks that of the target.
    pub profile: Option<String>,
    /// The regions that were named; else those of `layers.toml`.
    pub regions: Vec<Region>,
    /// The bucket that was named; else that of `layers.toml`, if there is one.
    pub bucket: Option<BucketPattern>,
    /// Whether anything may be changed.
    pub intent: Intent,
    /// Whether layers may become public.
    pub public: Public,
    /// What happens to permissions that nobody asked for.
    pub others: Others,
    /// Whether the version has to get the same number in every region.
    pub continuity: Continuity,
    /// What happens to other metadata, to older versions, and to what was withdrawn.
    pub choices: Choices,
    /// The form of the results.
    pub format: Format,
}

/// Whether anything may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Publish, and write it down.
    Publish,
    /// Say what would be done.
    Show,
    /// The same, and fail if that is anything.
    Check,
}

/// Whether layers may become public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Public {
    /// They may (`--allow-public`).
    Allowed,
    /// Only if somebody at the terminal says so.
    Asked,
}

/// One artifact, ready to be sent.
struct Parcel {
    /// The target's name, for the ledger.
    target: Option<String>,
    wanted: Wanted,
    places: Vec<Place>,
    /// Who shall be able to use it, if that is ours to say.
    grants: Option<Grants>,
    /// The bucket that its zip goes through.
    bucket: Option<BucketPattern>,
    /// Where runs on other machines see that this one is at work.
    lock: Option<LockPlace>,
    /// The stack that makes its versions, if they are not published by the API.
    stack: Option<LayerStack>,
    /// The parameter that names the current version.
    pointer: Option<String>,
}

impl Parcel {
    fn publisher(&self) -> Publisher {
        if self.stack.is_some() { Publisher::Stack } else { Publisher::Api }
    }
}

/// What a dry run finds out about a region.
struct Told {
    step: Step,
    /// Versions that have the same content without need.
    twins: Vec<u64>,
}

/// What is sent, and how.
pub(crate) struct Order<'a> {
    pub(crate) file: &'a LayersFile,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) options: &'a Options,
    pub(crate) start: Instant,
}

/// Publishes what is built, or shows what would be published.
pub async fn run(request: &PublishRequest, ui: &Ui, called: &CalledAs) -> Result<ExitCode, PublishError> {
    let Some((file, artifacts, start)) = order_of(request, ui)? else { return Ok(ExitCode::SUCCESS) };
    send(Order { file: &file, artifacts, options: &request.options, start }, ui, called).await
}

/// The artifacts that are meant. Nothing, if those that were asked for have not changed.
fn order_of(
    request: &PublishRequest,
    ui: &Ui,
) -> Result<Option<(LayersFile, Vec<Artifact>, Instant)>, PublishError> {
    let start = Instant::now();
    let here = std::env::current_dir()
        .map_err(|source| PublishError::System { what: "find the current folder", source })?;
    let file = LayersFile::find(request.layers_file.as_deref(), &here)?;
    let Some(names) = names(request, &file, ui)? else {
        ui.status("Finished", "no layer has changed");
        return Ok(None);
    };
    let artifacts = manifest::artifacts(&file, &names, request.freshness)?;
    Ok(Some((file, artifacts, start)))
}

/// Everything that is known before a region is asked.
struct Prepared {
    session: Session,
    caller: Caller,
    clocks: Clocks,
    ledger: LedgerFile,
    parcels: Vec<Parcel>,
    called: CalledAs,
}

impl Prepared {
    fn everything<'a>(&'a self, known: &'a Ledger, options: &Options, lines: &'a Lines) -> Everything<'a> {
        let Self { session, caller, clocks, ledger, called, .. } = self;
        let (choices, others) = (options.choices, options.others);
        Everything { session, caller, clocks, ledger, known, choices, others, lines, called }
    }
}

/// Sends artifacts to where they are wanted, or shows what would be sent.
pub(crate) async fn send(order: Order<'_>, ui: &Ui, called: &CalledAs) -> Result<ExitCode, PublishError> {
    let (options, start) = (order.options, order.start);
    let prepared = prepare(order, Command::Publish, ui, called).await?;
    let lines = Lines::new(ui, prepared.parcels.len() > 1);
    let Prepared { session, caller, parcels, .. } = &prepared;
    let mut report = Report::new(ui, called, session.advice(), caller, parcels.len() > 1);
    match options.intent {
        Intent::Show | Intent::Check => show(&prepared, options, &lines, &mut report).await?,
        Intent::Publish => act(&prepared, options, &lines, &mut report, ui).await?,
    }
    Ok(report.finish(start.elapsed(), options.format, options.intent))
}

async fn show(
    prepared: &Prepared,
    options: &Options,
    lines: &Lines,
    report: &mut Report<'_>,
) -> Result<(), PublishError> {
    let known = prepared.ledger.read()?;
    let everything = prepared.everything(&known, options, lines);
    let parcels = &prepared.parcels;
    let standings = everywhere::show(&everything, parcels, report).await;
    for (index, (parcel, standings)) in parcels.iter().zip(&standings).enumerate() {
        match (agreement(parcel, standings, options.continuity), options.continuity) {
            (Ok(Some(agreement)), Continuity::Align) => report.would_fill(parcel, index, &agreement),
            (Ok(_), _) => {}
            (Err(error), Continuity::Free) => report.drifts(&error),
            (Err(error), _) => report.refused(&error),
        }
    }
    Ok(())
}

async fn act(
    prepared: &Prepared,
    options: &Options,
    lines: &Lines,
    report: &mut Report<'_>,
    ui: &Ui,
) -> Result<(), PublishError> {
    let Prepared { session, caller, clocks, parcels, .. } = prepared;
    let waiting = || {
        ui.status("Waiting", format!("for another run that publishes to account {}", caller.account));
    };
    let lock = machine_lock::acquire(caller, waiting);
    if let Err(error) = &lock {
        ui.warning(format!("other runs on this machine are not kept out: {error}"));
    }
    if let Err(error) = journal::must_be_writable() {
        ui.warning(format!("requests on their way are not written down: {error}"));
    }
    let places = parcels.iter().filter_map(|parcel| {
        Some((parcel.lock.as_ref()?, parcel.wanted.layer_name(), &parcel.places.first()?.region))
    });
    let shared = shared_lock::acquire(session, caller, clocks, &places.collect::<Vec<_>>(), ui).await?;
    // Before that nothing is written, and Ctrl-C ends at once.
    let gate = Arc::clone(session.gate());
    let listening = Interrupts::listen_for(ui, lines.under_way(), move || gate.close());
    if let Err(error) = &listening {
        ui.warning(format!("Ctrl-C ends this run in the middle: {error}"));
    }
    let done = act_alone(prepared, options, lines, report).await;
    report.interrupted = listening.is_ok_and(|interrupts| interrupts.came());
    shared.release(ui).await;
    drop(lock);
    done
}

/// With every lock in hand.
async fn act_alone(
    prepared: &Prepared,
    options: &Options,
    lines: &Lines,
    report: &mut Report<'_>,
) -> Result<(), PublishError> {
    let known = prepared.ledger.read()?;
    let everything = prepared.everything(&known, options, lines);
    let agreements = match options.continuity {
        Continuity::Free => Vec::new(),
        Continuity::Same | Continuity::Align => {
            agreements(&everything, &prepared.parcels, options.continuity, report).await?
        }
    };
    everywhere::execute(&everything, &prepared.parcels, &agreements, report).await;
    Ok(())
}

/// The number that each artifact gets everywhere, told before the first write. An error, if one cannot.
async fn agreements(
    everything: &Everything<'_>,
    parcels: &[Parcel],
    continuity: Continuity,
    report: &Report<'_>,
) -> Result<Vec<Option<Agreement>>, PublishError> {
    let (standings, mut failures) = everywhere::survey(everything, parcels).await;
    let mut agreements = Vec::new();
    for (index, (parcel, standings)) in parcels.iter().zip(&standings).enumerate() {
        report.expects(parcel, standings);
        let agreement = agreement(parcel, standings, continuity).map_err(|error| match error {
            PublishError::Numbers { layer, disagreement: Disagreement::Unasked(region) } => {
                let its = |(of, at, _): &(usize, Region, RegionFailure)| *of == index && *at == region;
                let failure = failures.iter().position(its).map(|at| failures.swap_remove(at).2);
                let source = report.cause(failure, &region);
                PublishError::UnknownNumber { layer, region, source: source.into() }
            }
            error => error,
        })?;
        agreements.push(agreement);
    }
    Ok(agreements)
}

fn agreement(
    parcel: &Parcel,
    standings: &[Standing],
    continuity: Continuity,
) -> Result<Option<Agreement>, PublishError> {
    continuity::agree(standings, continuity).map_err(|disagreement| PublishError::Numbers {
        layer: parcel.wanted.layer_name().to_string(),
        disagreement,
    })
}

/// Who sends what to where.
async fn prepare(
    order: Order<'_>,
    command: Command,
    ui: &Ui,
    called: &CalledAs,
) -> Result<Prepared, PublishError> {
    let Order { file, artifacts, options, .. } = order;
    let clocks = Clocks::from_environment();
    let ledger = LedgerFile::beside(&file.path);
    let known = ledger.read()?;
    if options.intent == Intent::Publish {
        ledger.must_be_writable()?;
    }

    let target = options.target.as_deref();
    let artifacts = artifacts
        .into_iter()
        .map(|artifact| {
            let layer = &artifact.manifest.layer;
            let destination = match file.layers.get(layer) {
                Some(configured) => configured.destination(layer, target)?.clone(),
                None => Destination::default(),
            };
            Ok((artifact, destination))
        })
        .collect::<Result<Vec<_>, UnknownTarget>>()?;
    for (artifact, destination) in &artifacts {
        let size = artifact.manifest.size;
        if options.bucket.is_none() && destination.bucket.is_none() && size > LARGEST_DIRECT_ZIP {
            let (layer, path) = (artifact.manifest.layer.clone(), artifact.manifest.zip.clone());
            return Err(ArtifactError::TooLarge { layer, path, size }.into());
        }
    }
    let mut stacks = Vec::new();
    for (artifact, destination) in &artifacts {
        stacks.push(match (command, destination.publisher) {
            (Command::Publish, Publisher::Stack) => {
                Some(stack_of(artifact, destination, file, options, called)?)
            }
            _ => None,
        });
    }
    let way = one_way(&artifacts)?;
    let all = artifacts.iter().flat_map(|(_, to)| places(&options.regions, Some(to), None));
    let wanted_regions = all.map(|place| place.region).collect::<Vec<_>>();
    let profile = options.profile.as_deref().or(way.profile.as_deref());
    let session = Session::open(profile, way.role_arn.as_deref(), &wanted_regions, clocks).await?;
    let default = session.default_region();
    let mut parcels = Vec::new();
    for ((artifact, destination), stack) in artifacts.iter().zip(stacks) {
        report::reading(ui, artifact);
        let places = places(&options.regions, Some(destination), default.as_ref());
        if places.is_empty() {
            return Err(NoRegion {
                layer: artifact.manifest.layer.clone(),
                file: file.path.clone(),
                command,
            }
            .into());
        }
        let wanted = Wanted::new(artifact)
            .map_err(|source| PublishError::Name { artifact: artifact.name.clone(), source })?;
        let (grants, target) = (destination.permissions.clone(), options.target.clone());
        let bucket = options.bucket.clone().or_else(|| destination.bucket.clone());
        // Variants move no pointer.
        let pointer = destination.pointer.as_ref().filter(|_| artifact.manifest.variant.is_none());
        let name = |pattern: &String| pointer::name(pattern, &artifact.manifest.compatible_architectures);
        let pointer = pointer
            .map(name)
            .transpose()
            .map_err(|source| PublishError::Pointer { artifact: artifact.name.clone(), source })?;
        let lock = destination.lock.clone();
        parcels.push(Parcel { target, wanted, places, grants, bucket, lock, stack, pointer });
    }
    if command == Command::Publish && options.intent == Intent::Publish && options.public == Public::Asked {
        ask_about_public(&parcels, &file.path, ui)?;
    }
    let mut asked = parcels.iter().flat_map(|parcel| &parcel.places).collect::<Vec<_>>();
    asked.sort_by_key(|place| place.weight);
    let asked = asked.into_iter().map(|place| place.region.clone()).collect::<Vec<_>>();
    let caller = session.caller(&asked).await?;
    caller.must_be(way.account.as_ref(), target)?;
    if command == Command::Publish {
        for ((artifact, destination), parcel) in artifacts.iter().zip(&parcels) {
            let (layer, lambda_name) = (artifact.manifest.layer.as_str(), parcel.wanted.layer_name());
            let coming = second_account::Coming { layer, lambda_name, target, destination };
            let said = (ui, called);
            second_account::must_be_meant(&coming, &known, &caller, options.intent, &file.path, said)?;
        }
    }
    ui.detail(
        "Using",
        format!(
            "account {} in partition {}, ledger {}",
            caller.account,
            caller.partition,
            shown(ledger.path())
        ),
    );
    Ok(Prepared { session, caller, clocks, ledger, parcels, called: called.clone() })
}

/// The stack that makes the layer of an artifact, known before AWS is asked.
fn stack_of(
    artifact: &Artifact,
    destination: &Destination,
    file: &LayersFile,
    options: &Options,
    called: &CalledAs,
) -> Result<LayerStack, PublishError> {
    let layer = LayerName::new(artifact.manifest.layer_name.as_str())
        .map_err(|source| PublishError::Name { artifact: artifact.name.clone(), source })?;
    let failed = |Problem { why, hint }| PublishError::Stack { layer: layer.to_string(), why, hint };
    if options.bucket.is_none() && destination.bucket.is_none() {
        let (layer, file) = (artifact.manifest.layer.clone(), file.path.clone());
        return Err(PublishError::NoBucket { layer, file });
    }
    if options.continuity == Continuity::Align {
        let why = "`--align` fills up versions by the API, and a stack makes those of this layer".to_owned();
        return Err(failed(Problem { why, hint: None }));
    }
    let template = match &destination.template {
        Some(template) => template.clone(),
        None => format!("{layer}-layer.yaml").into(),
    };
    let path = file.path.parent().unwrap_or(Path::new("")).join(template);
    let name = destination.stack.clone().unwrap_or_else(|| stack_name(&layer));
    LayerStack::read(name, &path, &layer, called).map_err(failed)
}

/// Whose credentials are used, and for which account: one answer for all layers of a run.
fn one_way(artifacts: &[(Artifact, Destination)]) -> Result<&Destination, PublishError> {
    let ((first, way), rest) = artifacts.split_first().ok_or(PublishError::Nothing)?;
    let key = |to: &Destination| (to.profile.clone(), to.role_arn.clone(), to.account.clone());
    match rest.iter().find(|(_, other)| key(other) != key(way)) {
        None => Ok(way),
        Some((second, _)) => Err(PublishError::TwoWays {
            first: first.manifest.layer.clone(),
            second: second.manifest.layer.clone(),
        }),
    }
}

/// A layer becomes public only if somebody has said so.
fn ask_about_public(parcels: &[Parcel], file: &Path, ui: &Ui) -> Result<(), PublishError> {
    for parcel in parcels {
        if !parcel.grants.as_ref().is_some_and(|grants| grants.contains(&Grant::Public)) {
            continue;
        }
        let layer = parcel.wanted.layer_name().to_string();
        let question = format!("layer `{layer}` becomes public: everybody can use it. Go on? [yes/no]");
        if ui.ask(&question).is_none_or(|answer| answer != "yes") {
            return Err(PublishError::Public { layer, file: file.to_owned() });
        }
    }
    Ok(())
}

/// The names that are meant. Nothing, if those that were asked for have not changed.
fn names(request: &PublishRequest, file: &LayersFile, ui: &Ui) -> Result<Option<Vec<String>>, ChangedError> {
    if let Some(reference) = &request.changed_since {
        let mut names = choose::changed_since(file, reference)?;
        if !request.names.is_empty() {
            names.retain(|name| request.names.contains(name));
        }
        return Ok(Some(names).filter(|names| !names.is_empty()));
    }
    if request.names.is_empty()
        && file.layers.len() > 1
        && let Some(chosen) = choose::ask(ui, file)
    {
        return Ok(Some(chosen));
    }
    Ok(Some(request.names.clone()))
}
