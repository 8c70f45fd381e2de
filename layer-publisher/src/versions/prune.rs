//! `prune`: deletes versions of a layer that nothing and nobody needs. A plan first, with the reason for each version
//! that stays; `--execute` asks everybody once more and then acts.

mod ask;
pub mod naming;
pub mod plan;
mod pointers;
mod report;
mod stacks;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use template_tools::ledger::LayerPlace;
use tokio::task::JoinSet;

use crate::aws::failure::{CallFailure, Kind};
use crate::called::CalledAs;
use crate::clocks::Clocks;
use crate::interrupt::Interrupts;
use crate::ui::{Format, Ui};
use crate::under_way::UnderWay;
use crate::versions::locks::Locks;
use crate::versions::usage::{self, Opened, arn};
use crate::versions::ways::{Ask, WaysError};
use crate::when::{Age, When};
use ask::Asked;
use plan::{Plan, Rules, SharedOnes};
use report::{Report, Verdict};
use tree::Tree;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct PruneRequest {
    /// The layer, as `layers.toml` or Lambda names it.
    pub layer: String,
    /// So many of the newest stay.
    pub keep: usize,
    /// What is younger stays.
    pub min_age: Age,
    /// What happens to versions that others may use.
    pub shared: SharedOnes,
    /// Whether anything is deleted.
    pub deletes: Deletes,
    /// Which ways are meant.
    pub ask: Ask,
    /// The form of the result.
    pub format: Format,
    /// The `layers.toml` that was named.
    pub layers_file: Option<PathBuf>,
}

/// Whether anything is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletes {
    /// It is (`--execute`).
    Really,
    /// It is only shown.
    Not,
}

/// What came of the deletion of one version.
type Deleted = BTreeMap<(LayerPlace, u64), Result<(), CallFailure>>;

/// Plans, and with `--execute` acts.
pub async fn run(request: &PruneRequest, ui: &Ui, called: &CalledAs) -> Result<ExitCode, WaysError> {
    let opened = usage::open(&request.layer, request.layers_file.as_deref(), &request.ask).await?;
    let rules = Rules { keep: request.keep, min_age: request.min_age, shared: request.shared, now: now() };
    let (asked, tree) = ask_all(&opened, &rules, ui, called).await?;
    for what in &tree.unclear {
        ui.detail("Unclear", what);
    }
    let mut verdicts = verdicts(asked, &rules);
    let mut report =
        Report { request, ui, called, opened: &opened, deleted: Deleted::new(), interrupted: false };
    if request.deletes == Deletes::Really && verdicts.iter().any(|verdict| !verdict.plan.remove.is_empty()) {
        let spots = opened.ways.spots.iter().collect::<Vec<_>>();
        let locks = Locks::acquire(&spots, &Clocks::from_environment(), ui).await?;
        // Between the plan and the deed somebody may have deployed something.
        let asked = match ask_all(&opened, &rules, ui, called).await {
            Ok((asked, _)) => asked,
            Err(error) => {
                locks.release(ui).await;
                return Err(error);
            }
        };
        for (verdict, again) in verdicts.iter_mut().zip(self::verdicts(asked, &rules)) {
            *verdict = verdict.agreed(again);
        }
        let under_way = UnderWay::default();
        let gates = spots.iter().map(|spot| Arc::clone(spot.way.session.gate())).collect::<Vec<_>>();
        let stop = move || gates.iter().for_each(|gate| gate.close());
        let interrupts = Interrupts::listen_for(ui, &under_way, stop);
        if let Err(error) = &interrupts {
            ui.warning(format!("Ctrl-C ends this run in the middle: {error}"));
        }
        delete(&verdicts, &mut report, &under_way).await;
        report.interrupted = interrupts.is_ok_and(|interrupts| interrupts.came());
        locks.release(ui).await;
    }
    Ok(report.finish(&verdicts))
}

/// Asks everybody about everything.
async fn ask_all<'a>(
    opened: &'a Opened,
    rules: &Rules,
    ui: &Ui,
    called: &CalledAs,
) -> Result<(Vec<Asked<'a>>, Tree), WaysError> {
    ui.status("Asking", "functions, stacks, pointers, the ledger and the work tree who names a version");
    let ledger = opened.ledger.read()?;
    let places = opened.ways.spots.iter().map(|spot| spot.place.clone()).collect::<Vec<_>>();
    let tree = tree::ask(opened.file.root(), &places);
    Ok((ask::everybody(opened, &ledger, &tree, rules, called).await, tree))
}

fn verdicts<'a>(asked: Vec<Asked<'a>>, rules: &Rules) -> Vec<Verdict<'a>> {
    let verdict = |asked: Asked<'a>| {
        let plan = if asked.silent.is_empty() { plan::plan(&asked.known, rules) } else { Plan::default() };
        Verdict { asked, plan }
    };
    asked.into_iter().map(verdict).collect()
}

/// Deletes what may go, each place on its own, the oldest first.
async fn delete(verdicts: &[Verdict<'_>], report: &mut Report<'_>, under_way: &UnderWay) {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let mut running = JoinSet::new();
    for verdict in verdicts {
        let spot = verdict.asked.spot;
        let (lambda, place) = (spot.way.session.lambda(&spot.place.region), spot.place.clone());
        let (remove, sender) = (verdict.plan.remove.clone(), sender.clone());
        let under_way = under_way.clone();
        running.spawn(async move {
            for version in remove {
                let arn = arn(&place, version);
                let begun = under_way.begin(arn.to_string());
                let result = lambda.delete(&arn).await;
                drop(begun);
                if result.as_ref().is_err_and(|failure| failure.kind == Kind::Interrupted) {
                    break;
                }
                let goes_on = result.is_ok();
                // The receiver lives as long as we do.
                let _ = sender.send((place.clone(), version, result));
                if !goes_on {
                    break;
                }
            }
        });
    }
    drop(sender);
    while let Some((place, version, result)) = receiver.recv().await {
        let verdict = verdicts.iter().find(|verdict| verdict.asked.spot.place == place);
        report.deleted(verdict, place, version, result);
    }
    while running.join_next().await.is_some() {}
}

fn now() -> When {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    When { seconds: since.as_secs() }
}

/// The reasons of one version, those of one kind that are many put together.
fn summed_up(reasons: &BTreeSet<plan::Reason>) -> String {
    const SHOWN: usize = 3;
    let mut words = Vec::new();
    let (mut count, mut kind) = (0, "");
    let more = |words: &mut Vec<String>, count: usize, kind: &str| {
        if let Some(hidden) = count.checked_sub(SHOWN).filter(|hidden| *hidden > 0) {
            words.push(format!("{hidden} more by kind `{kind}`"));
        }
    };
    for reason in reasons {
        if reason.kind() != kind {
            more(&mut words, count, kind);
            (count, kind) = (0, reason.kind());
        }
        count += 1;
        if count <= SHOWN {
            words.push(reason.to_string());
        }
    }
    more(&mut words, count, kind);
    words.join("; ")
}
