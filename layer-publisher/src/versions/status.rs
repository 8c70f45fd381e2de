//! `status`: every account and region of a layer, against the ledger, the built zip and `layers.toml`. Changes nothing
//! but the ledger, and that only if it is asked to.

pub mod compare;
mod forget;
pub mod look;
pub mod mend;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use template_tools::arn::{LayerName, LayerVersionArn};
use template_tools::ledger::{Entry, LayerPlace, Ledger};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::aws::failure::CallFailure;
use crate::called::CalledAs;
use crate::clocks::Clocks;
use crate::config::LayersFile;
use crate::ledger_file::{LedgerFile, LedgerFileError};
use crate::manifest::{self, ArtifactError, Freshness};
use crate::publish::plan::Wanted;
use crate::ui::{Format, Ui, counted, shown};
use crate::versions::ways::{self, Ask, Spot, Subject, Ways, WaysError};
use compare::{Finding, Place};
pub use forget::StatusError;
use look::Seen;
use mend::{Mended, Mode};
use report::Report;

/// So many places are asked at once.
const AT_ONCE: usize = 64;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct StatusRequest {
    /// Layers by their names in `layers.toml` or in Lambda; all of the file if there are none.
    pub names: Vec<String>,
    /// Target, profile and regions.
    pub ask: Ask,
    /// Rows that leave the ledger. Then nobody is asked.
    pub forget: Vec<LayerVersionArn>,
    /// Whether the ledger is changed.
    pub mode: Mode,
    /// Whether a difference is a failure.
    pub is_check: bool,
    /// The form of the results.
    pub format: Format,
    /// The `layers.toml` that was named.
    pub layers_file: Option<PathBuf>,
}

/// One place, and what was found there.
struct Looked<'a> {
    spot: &'a Spot,
    seen: Result<Seen, CallFailure>,
    /// The ledger's row as it is at the end.
    known: Option<Entry>,
    wanted: Option<&'a Wanted>,
    findings: Vec<Finding>,
}

/// Compares, and brings the ledger into line if that is asked for.
pub async fn run(request: &StatusRequest, ui: &Ui, called: &CalledAs) -> Result<ExitCode, StatusError> {
    let start = Instant::now();
    let here = std::env::current_dir().map_err(WaysError::Folder)?;
    let file = LayersFile::find(request.layers_file.as_deref(), &here)?;
    let subjects = Subject::of(&file, &request.names)?;
    let ledger_file = LedgerFile::beside(&file.path);
    if !request.forget.is_empty() {
        forget::forget(&ledger_file, &request.forget, ui)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (ledger, broken) = if request.mode == Mode::Repair {
        ledger_file.read_or_salvage()?
    } else {
        (ledger_file.read()?, None)
    };
    if request.mode != Mode::Look {
        ledger_file.must_be_writable()?;
    }
    if let Some(error) = &broken {
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        let count = ledger.entries().len();
        ui.warning(format!("{error}{cause}"));
        ui.note(format!(
            "{} of it can still be read; what else it said is withdrawn is lost",
            counted(count, "row")
        ));
    }
    let built = built(&file, &subjects, ui);
    let clocks = Clocks::from_environment();
    let ways = ways::open(&subjects, &ledger, &request.ask, clocks).await?;
    let mut looked = look_everywhere(&ways, &ledger, &built, &clocks).await;

    let report = Report::new(ui, called, request);
    let (changed, after) = mended(&looked, &ledger, request.mode);
    let any_answer = looked.iter().any(|looked| looked.seen.is_ok());
    if any_answer && (!changed.is_empty() || broken.is_some()) {
        write(&ledger_file, &changed, &after, broken.is_some(), ui)?;
        for (place, row) in &changed {
            report.mended(place, row.as_ref());
        }
        for looked in &mut looked {
            looked.known = after.get(&looked.spot.place).cloned();
        }
    }
    compare(&mut looked);
    Ok(report.finish(&looked, &ways, start.elapsed()))
}

/// What is built, as far as it can be read.
fn built(file: &LayersFile, subjects: &[Subject], ui: &Ui) -> BTreeMap<LayerName, Wanted> {
    let mut built = BTreeMap::new();
    for subject in subjects {
        match manifest::artifacts(file, std::slice::from_ref(&subject.name), Freshness::AsBuilt) {
            Ok(artifacts) => {
                let wanted = artifacts.iter().filter_map(|artifact| Wanted::new(artifact).ok());
                built.extend(wanted.map(|wanted| (wanted.layer_name().clone(), wanted)));
            }
            Err(ArtifactError::NotBuilt { .. }) => {}
            Err(error) => ui.warning(format!("nothing is compared with what is built: {error}")),
        }
    }
    built
}

/// Every place at once, each on its own.
async fn look_everywhere<'a>(
    ways: &'a Ways,
    ledger: &Ledger,
    built: &'a BTreeMap<LayerName, Wanted>,
    clocks: &Clocks,
) -> Vec<Looked<'a>> {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (index, spot) in ways.spots.iter().enumerate() {
        let (spot, known, turns) = (spot.clone(), ledger.get(&spot.place).cloned(), Arc::clone(&turns));
        let after = clocks.deadline(0);
        running.spawn(async move {
            // It is never closed.
            let _turn = turns.acquire().await.ok();
            let seen = tokio::time::timeout(after, look::look(&spot, known.as_ref())).await;
            (index, seen.unwrap_or_else(|_| Err(CallFailure::too_late("ListLayerVersions", after))))
        });
    }
    let mut seen = BTreeMap::new();
    while let Some(joined) = running.join_next().await {
        // A panic is our own bug and has printed itself; its place is one without an answer.
        if let Ok((index, result)) = joined {
            seen.insert(index, result);
        }
    }
    let looked = ways.spots.iter().enumerate().map(|(index, spot)| Looked {
        spot,
        seen: seen
            .remove(&index)
            .unwrap_or_else(|| Err(CallFailure::too_late("ListLayerVersions", clocks.region))),
        known: ledger.get(&spot.place).cloned(),
        wanted: built.get(&spot.place.layer_name),
        findings: Vec::new(),
    });
    // Where nobody sends the layer and nothing is, there is nothing to tell.
    let matters = |looked: &Looked<'_>| {
        looked.spot.wanted
            || looked.known.is_some()
            || looked.seen.as_ref().is_ok_and(|seen| !seen.listed.is_empty())
    };
    looked.filter(matters).collect()
}

/// The rows that change, and the ledger as it is then.
fn mended(looked: &[Looked<'_>], ledger: &Ledger, mode: Mode) -> (Vec<(LayerPlace, Option<Entry>)>, Ledger) {
    let mut after = ledger.clone();
    let mut changed = Vec::new();
    for Looked { spot, seen, known, wanted, .. } in looked {
        let Ok(seen) = seen else { continue };
        match mend::mended(seen, known.as_ref(), *wanted, spot.target.as_deref(), mode) {
            Mended::Same => {}
            Mended::Row(entry) => {
                after.insert((*entry).clone());
                changed.push((spot.place.clone(), Some(*entry)));
            }
            Mended::Removed => {
                after.remove(&spot.place);
                changed.push((spot.place.clone(), None));
            }
        }
    }
    (changed, after)
}

/// Writes the rows that change. What somebody else has written meanwhile stays.
fn write(
    file: &LedgerFile,
    changed: &[(LayerPlace, Option<Entry>)],
    after: &Ledger,
    is_broken: bool,
    ui: &Ui,
) -> Result<(), LedgerFileError> {
    if is_broken {
        let kept = file.replace_broken(after)?;
        ui.status("Kept", format!("what could not be read as `{}`", shown(&kept)));
        return Ok(());
    }
    file.update(|ledger| {
        for (place, row) in changed {
            match row {
                Some(entry) => drop(ledger.insert(entry.clone())),
                None => drop(ledger.remove(place)),
            }
        }
    })?;
    Ok(())
}

/// Each place by itself, and the regions of one account against each other.
fn compare(looked: &mut [Looked<'_>]) {
    for looked in looked.iter_mut() {
        if let Ok(seen) = &looked.seen {
            looked.findings = compare::findings(Place {
                seen,
                known: looked.known.as_ref(),
                wanted: looked.wanted,
                destination: &looked.spot.destination,
                is_wanted: looked.spot.wanted,
            });
        }
    }
    let groups = looked.iter().map(|looked| group(looked.spot)).collect::<BTreeSet<_>>();
    for of in groups {
        let indexes = (0..looked.len()).filter(|index| group(looked[*index].spot) == of).collect::<Vec<_>>();
        let current = |index: &usize| {
            let looked = &looked[*index];
            let version = looked.seen.as_ref().ok()?.current(looked.known.as_ref())?;
            Some((*index, looked.spot.place.region.as_str(), version))
        };
        let current = indexes.iter().filter_map(current).collect::<Vec<_>>();
        let places = current.iter().map(|(_, region, version)| (*region, *version)).collect::<Vec<_>>();
        let found = compare::drift(&places);
        let indexes = current.iter().map(|(index, ..)| *index).collect::<Vec<_>>();
        for (index, finding) in indexes.into_iter().zip(found) {
            looked[index].findings.extend(finding);
        }
    }
}

/// What is shown, and compared, together.
fn group(spot: &Spot) -> (LayerName, String, Option<String>) {
    (spot.place.layer_name.clone(), spot.place.account.to_string(), spot.target.clone())
}
