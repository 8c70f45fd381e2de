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
mod prepare;
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

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use template_tools::arn::Region;

use crate::called::{CalledAs, Command};
use crate::config::LayersFile;
use crate::interrupt::Interrupts;
use crate::machine_lock;
use crate::manifest::{self, Artifact, Freshness};
use crate::ui::{Format, Ui};
use choose::ChangedError;
use continuity::{Agreement, Continuity, Disagreement, Standing};
pub use error::PublishError;
use everywhere::Everything;
use execute::RegionFailure;
use permissions::Others;
use plan::Step;
use prepare::{Parcel, Prepared, prepare};
use progress::Lines;
use report::Report;
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
