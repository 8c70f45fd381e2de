//! `rollback`: back to an older version, in every region. The ledger's rows return to it, later versions count as
//! withdrawn with the reason, and the pointers follow last. Nothing is deleted and nothing is published.

mod error;
pub mod plan;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use template_tools::arn::LayerName;
use template_tools::ledger::{Entry, Ledger};
use tokio::task::JoinSet;

use crate::aws::failure::{CallFailure, Kind};
use crate::aws::lambda::LambdaRegion;
use crate::called::CalledAs;
use crate::clocks::Clocks;
use crate::config::LayersFile;
use crate::ledger_file::{self, LedgerFile, LedgerFileError};
use crate::publish::regions::Weight;
use crate::ui::{Format, Ui};
use crate::versions::locks::Locks;
use crate::versions::mark;
use crate::versions::ways::{self, Ask, Spot, Subject, WaysError};
pub use error::{Regions, RollbackError};
use plan::{Held, Move, To};
use report::Report;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct RollbackRequest {
    /// The layer, by its name in `layers.toml` or in Lambda.
    pub layer: String,
    /// Where it shall go back to.
    pub to: To,
    /// Why, in the words that everybody will read.
    pub reason: Option<String>,
    /// Whether a version that was withdrawn itself may be current again.
    pub may_reinstate: bool,
    /// Whether nothing may be changed.
    pub is_dry_run: bool,
    /// Target, profile and regions.
    pub ask: Ask,
    /// The form of the results.
    pub format: Format,
    /// The `layers.toml` that was named.
    pub layers_file: Option<PathBuf>,
}

/// Goes back, or shows what would be done.
pub async fn run(request: &RollbackRequest, ui: &Ui, called: &CalledAs) -> Result<ExitCode, RollbackError> {
    let start = Instant::now();
    let here = std::env::current_dir().map_err(WaysError::Folder)?;
    let file = LayersFile::find(request.layers_file.as_deref(), &here)?;
    let ledger_file = LedgerFile::beside(&file.path);
    let ledger = ledger_file.read()?;
    if !request.is_dry_run {
        ledger_file.must_be_writable()?;
    }
    let clocks = Clocks::from_environment();
    let (subjects, ask) =
        one_way(Subject::of(&file, std::slice::from_ref(&request.layer))?, &ledger, request)?;
    let ways = ways::open(&subjects, &ledger, &ask, clocks).await?;
    let mut report = Report::new(ui, called, request);
    for failure in &ways.failures {
        report.no_way(failure);
    }

    let mut asking = JoinSet::new();
    for (index, spot) in ways.spots.iter().enumerate() {
        let lambda = spot.way.session.lambda(&spot.place.region);
        let (layer, to, after) = (spot.place.layer_name.clone(), request.to.clone(), clocks.deadline(0));
        asking.spawn(async move {
            let held = tokio::time::timeout(after, look(&lambda, &layer, &to)).await;
            (index, held.unwrap_or_else(|_| Err(CallFailure::too_late("ListLayerVersions", after))))
        });
    }
    let mut held = BTreeMap::new();
    while let Some(joined) = asking.join_next().await {
        let Ok((index, result)) = joined else { continue };
        let spot = &ways.spots[index];
        match result {
            Ok(there) if there.listed.is_empty() && there.target.is_none() => {
                report.nothing_there(spot, ledger.get(&spot.place).is_some());
            }
            Ok(there) => drop(held.insert(index, there)),
            Err(failure) => report.failed(spot, &failure),
        }
    }
    let moves = moves(&ways.spots, &held, &ledger, request)?;
    if moves.is_empty() && !report.has_failed() {
        return Err(RollbackError::Nowhere { layer: request.layer.clone() });
    }
    if !act(&moves, &ledger, &ledger_file, request, &clocks, ui, &mut report).await? {
        // Whoever was waited for has published something: that is what has to go.
        ui.status("Looking", "again, for another run has written the ledger meanwhile");
        return Box::pin(run(request, ui, called)).await;
    }
    Ok(report.finish(start.elapsed()))
}

/// Without a target the one that the ledger knows; if it knows several, that must be said: a number means something
/// else in each account.
fn one_way(
    mut subjects: Vec<Subject>,
    ledger: &Ledger,
    request: &RollbackRequest,
) -> Result<(Vec<Subject>, Ask), RollbackError> {
    let mut ask = request.ask.clone();
    if !ask.targets.is_empty() || ask.profile.is_some() {
        return Ok((subjects, ask));
    }
    let is_meant = |entry: &&Entry| {
        let arn = &entry.layer_version_arn;
        (ask.regions.is_empty() || ask.regions.contains(&arn.region))
            && subjects.iter().any(|subject| subject.lambda_names.contains(&arn.layer))
    };
    let targets =
        ledger.entries().filter(is_meant).map(|entry| entry.target.clone()).collect::<BTreeSet<_>>();
    let named = targets.iter().flatten().cloned().collect::<Vec<_>>();
    match (targets.len(), named.as_slice()) {
        (1, [one]) => ask.targets = vec![one.clone()],
        (0 | 1, _) => subjects.iter_mut().for_each(|subject| subject.targets.clear()),
        (_, [first, ..]) => {
            let own = targets.contains(&None).then(|| "and to none in particular".to_owned());
            return Err(RollbackError::WhichTarget {
                layer: request.layer.clone(),
                first: first.clone(),
                targets: named.iter().map(|name| format!("`{name}`")).chain(own).collect(),
            });
        }
        (_, []) => {}
    }
    Ok((subjects, ask))
}

/// Its list, and the version that is meant, in full.
async fn look(lambda: &LambdaRegion, layer: &LayerName, to: &To) -> Result<Held, CallFailure> {
    let listed = lambda.list(layer).await?;
    for candidate in to.candidates(&listed) {
        match lambda.get(layer, candidate).await {
            Ok(version) if to.is(&version) => return Ok(Held { listed, target: Some(version) }),
            Ok(_) => {}
            Err(failure) if failure.kind == Kind::NotFound => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(Held { listed, target: None })
}

/// The steps of all regions, or why there is none: before anything is written, all regions that have answered must
/// have the same content.
fn moves<'a>(
    spots: &'a [Spot],
    held: &BTreeMap<usize, Held>,
    ledger: &Ledger,
    request: &RollbackRequest,
) -> Result<Vec<(&'a Spot, Move)>, RollbackError> {
    let mut moves = Vec::new();
    let names = held.keys().map(|index| &spots[*index].place.layer_name).collect::<BTreeSet<_>>();
    for name in names {
        let there = held.iter().map(|(index, held)| (&spots[*index], held));
        let there = there.filter(|(spot, _)| spot.place.layer_name == *name).collect::<Vec<_>>();
        let one = must_agree(&there, request)?;
        for (spot, held) in there {
            let known = ledger.get(&spot.place);
            let Some(to) = held.target.as_ref().filter(|_| one) else { continue };
            let step = plan::step(held, to, known, request.may_reinstate).map_err(|refused| {
                RollbackError::Withdrawn {
                    layer: name.to_string(),
                    version: refused.version,
                    region: spot.place.region.clone(),
                    why: refused.why,
                }
            })?;
            moves.push((spot, step));
        }
    }
    Ok(moves)
}

/// Whether all of them have the version, with one content. An optional region is as good as any other here.
fn must_agree(there: &[(&Spot, &Held)], request: &RollbackRequest) -> Result<bool, RollbackError> {
    let layer = there.first().map(|(spot, _)| spot.place.layer_name.to_string()).unwrap_or_default();
    let required_first =
        |(spot, held): &&(&Spot, &Held)| (held.target.is_none(), spot.weight != Weight::Required);
    let reference = there.iter().min_by_key(required_first).and_then(|(_, held)| held.target.as_ref());
    let Some(reference) = reference else {
        let regions = there.iter().map(|(spot, held)| {
            let newest = held.listed.iter().take(5).map(|listed| listed.version.to_string());
            format!(
                "{}: the newest versions are {}",
                spot.place.region,
                newest.collect::<Vec<_>>().join(", ")
            )
        });
        let what = match &request.to {
            To::Version(version) => format!("version {version}"),
            To::Content(digits) => format!("version with sha256 {digits}…"),
        };
        return Err(RollbackError::Missing { layer, what, source: Regions(regions.collect()) });
    };
    let is_same = |held: &Held| {
        held.target.as_ref().is_some_and(|version| version.code_sha256 == reference.code_sha256)
    };
    if there.iter().all(|(_, held)| is_same(held)) {
        return Ok(true);
    }
    let sha256 = mark::sha256(&reference.code_sha256);
    let digits = sha256.get(..12).unwrap_or_default().to_owned();
    let regions = there.iter().map(|(spot, held)| {
        let region = &spot.place.region;
        let number =
            if is_same(held) { held.target.as_ref().map(|version| version.arn.version) } else { None };
        match number.or_else(|| plan::says_it_has(&held.listed, &sha256)) {
            Some(number) => format!("{region}: version {number} has sha256 {digits}…"),
            None => format!("{region}: no version is known to have sha256 {digits}…"),
        }
    });
    let source = Regions(regions.collect());
    Err(match &request.to {
        To::Version(version) => RollbackError::Drift { layer, version: *version, source, digits },
        To::Content(given) => RollbackError::Missing {
            layer,
            what: format!("version with sha256 {given}… in every region"),
            source,
        },
    })
}

/// The ledger at once, then the pointers. `false` if another run has written what `ledger` says of these places, before
/// it was our turn: then nothing is done.
async fn act(
    moves: &[(&Spot, Move)],
    ledger: &Ledger,
    ledger_file: &LedgerFile,
    request: &RollbackRequest,
    clocks: &Clocks,
    ui: &Ui,
    report: &mut Report<'_>,
) -> Result<bool, RollbackError> {
    let mut locks = Locks::default();
    if !request.is_dry_run {
        let spots = moves.iter().map(|(spot, _)| *spot).collect::<Vec<_>>();
        locks = Locks::acquire(&spots, clocks, ui).await?;
        let is_same = |now: &Ledger| spots.iter().all(|spot| now.get(&spot.place) == ledger.get(&spot.place));
        let written = match ledger_file.read() {
            Ok(now) if is_same(&now) => write(moves, ledger_file, request).map(|_| true),
            Ok(_) => Ok(false),
            Err(error) => Err(error),
        };
        if !matches!(written, Ok(true)) {
            locks.release(ui).await;
            return Ok(written?);
        }
    }
    for (spot, step) in moves {
        report.moved(spot, step, &reason(request, step));
    }
    point(moves, request, report).await;
    locks.release(ui).await;
    Ok(true)
}

fn write(
    moves: &[(&Spot, Move)],
    ledger_file: &LedgerFile,
    request: &RollbackRequest,
) -> Result<bool, LedgerFileError> {
    ledger_file.update(|ledger| {
        for (spot, step) in moves {
            let reinstated = [step.to.arn.version];
            ledger_file::make_current(ledger, entry(spot, step, request), &reinstated);
        }
    })
}

/// What the ledger gets.
fn entry(spot: &Spot, step: &Move, request: &RollbackRequest) -> Entry {
    let why = reason(request, step);
    Entry {
        verified: mark::proves(&step.to),
        target: spot.target.clone(),
        withdrawn: step.withdrawn.iter().map(|version| (*version, why.clone())).collect(),
        ..step.to.entry()
    }
}

fn reason(request: &RollbackRequest, step: &Move) -> String {
    request.reason.clone().unwrap_or_else(|| format!("rolled back to version {}", step.to.arn.version))
}

/// The pointers, each to the version that its region goes back to.
async fn point(moves: &[(&Spot, Move)], request: &RollbackRequest, report: &mut Report<'_>) {
    use crate::publish::pointer;

    let mut running = JoinSet::new();
    for (index, (spot, step)) in moves.iter().enumerate() {
        let Some(pattern) = &spot.destination.pointer else { continue };
        let name = match pointer::name(pattern, &step.to.compatible_architectures) {
            Ok(name) => name,
            Err(error) => {
                report.not_pointed(spot, &error.to_string(), None);
                continue;
            }
        };
        let (ssm, version) = (spot.way.session.ssm(&spot.place.region), step.to.arn.clone());
        let is_dry_run = request.is_dry_run;
        running.spawn(async move {
            let pointed = if is_dry_run {
                pointer::look(&ssm, &name, &version).await
            } else {
                pointer::bring(&ssm, &name, &version).await
            };
            (index, name, pointed)
        });
    }
    while let Some(joined) = running.join_next().await {
        let Ok((index, name, pointed)) = joined else { continue };
        let (spot, step) = &moves[index];
        report.pointed(spot, step, &name, pointed);
    }
}
