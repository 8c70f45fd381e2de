//! Every region at once, each on its own. What has come of one is recorded at once.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use template_tools::arn::Region;
use template_tools::ledger::{LayerPlace, Ledger};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;

#[cfg(feature = "ssm")]
use super::Intent;
use super::execute::{self, Clock, Outcome, RegionFailure};
use super::journal::JournalFile;
use super::permissions::{self, Others, Policy};
use super::plan::{self, Step, Wanted};
#[cfg(feature = "ssm")]
use super::pointer;
use super::report::{self, Done, Report};
use super::sender::Sender;
use super::terms::{Choices, Terms};
use super::{Parcel, Told};
use crate::aws::session::{Caller, Session};
use crate::clocks::Clocks;
use crate::ledger_file::{self, LedgerFile};

/// So many artifacts are attended to at once in one region, and
const AT_ONCE_IN_A_REGION: usize = 3;
/// so many over all.
const AT_ONCE: usize = 64;

/// Who may begin: the regions have queues of their own, so that one that is dead holds up nobody else.
struct Turns {
    all: Semaphore,
    regions: BTreeMap<Region, Semaphore>,
}

impl Turns {
    fn new(parcels: &[Parcel]) -> Arc<Self> {
        let regions = parcels.iter().flat_map(|parcel| &parcel.places);
        let regions = regions.map(|place| (place.region.clone(), Semaphore::new(AT_ONCE_IN_A_REGION)));
        Arc::new(Self { all: Semaphore::new(AT_ONCE), regions: regions.collect() })
    }

    /// They are never closed, so there is always a permit in the end.
    async fn wait(&self, region: &Region) -> [Option<SemaphorePermit<'_>>; 2] {
        let in_region = match self.regions.get(region) {
            Some(region) => region.acquire().await.ok(),
            None => None,
        };
        [in_region, self.all.acquire().await.ok()]
    }
}

/// What it comes to within the time that there is for it.
async fn in_time<T>(
    clocks: &Clocks,
    wanted: &Wanted,
    work: impl Future<Output = Result<T, RegionFailure>>,
) -> Result<T, RegionFailure> {
    let after = clocks.deadline(wanted.size);
    let layer = || wanted.layer_name().clone();
    let result = tokio::time::timeout(after, work).await;
    result.unwrap_or_else(|_| Err(RegionFailure::Deadline { layer: layer(), after }))
}

/// What every region needs.
pub(super) struct Everything<'a> {
    pub(super) session: &'a Session,
    pub(super) caller: &'a Caller,
    pub(super) clocks: &'a Clocks,
    pub(super) ledger: &'a LedgerFile,
    /// What the ledger said when all began.
    pub(super) known: &'a Ledger,
    pub(super) choices: Choices,
    pub(super) others: Others,
}

impl Everything<'_> {
    /// The terms for a layer in a region.
    fn terms(&self, wanted: &Wanted, region: &Region) -> Terms {
        let Caller { partition, account } = self.caller.clone();
        let layer_name = wanted.layer_name().clone();
        let place = LayerPlace { layer_name, partition, account, region: region.clone() };
        let withdrawn = self.known.get(&place).map(|entry| entry.withdrawn.clone());
        Terms { choices: self.choices, withdrawn: withdrawn.unwrap_or_default() }
    }
}

/// Every region at once, each on its own; what has come of one is recorded at once.
pub(super) async fn execute(everything: &Everything<'_>, parcels: &[Parcel], report: &mut Report<'_>) {
    let Everything { session, caller, clocks, ledger, others, .. } = *everything;
    let mut running = JoinSet::new();
    let turns = Turns::new(parcels);
    for (index, parcel) in parcels.iter().enumerate() {
        let wanted = Arc::new(parcel.wanted.clone());
        for place in &parcel.places {
            let sender =
                Sender::new(session, &caller.account, &place.region, &wanted, parcel.bucket.as_ref());
            let (wanted, place, clocks) = (Arc::clone(&wanted), place.clone(), *clocks);
            let journal = JournalFile::new(caller, &place.region, &wanted, &clocks);
            let (turns, grants) = (Arc::clone(&turns), parcel.grants.clone());
            let terms = everything.terms(&wanted, &place.region);
            running.spawn(async move {
                let _turn = turns.wait(&place.region).await;
                let clock = RealClock::default();
                let work = execute::bring(&sender, &clock, &journal, &clocks, &wanted, &terms);
                let result: Result<Outcome, _> = in_time(&clocks, &wanted, Box::pin(work)).await;
                let shared = match (&result, &grants) {
                    (Ok(outcome), Some(grants)) => {
                        Some(permissions::bring(&sender.lambda, &outcome.version.arn, grants, others).await)
                    }
                    _ => None,
                };
                let staged = sender.staged();
                Done { index, place, result, staged, shared }
            });
        }
    }
    while let Some(joined) = running.join_next().await {
        match joined {
            Ok(done) => {
                let recorded = match report::entry(&done, parcels[done.index].target.as_deref()) {
                    Some((entry, reinstated)) => ledger.update(|ledger| {
                        ledger_file::make_current(ledger, entry, reinstated);
                    }),
                    None => Ok(false),
                };
                report.done(&parcels[done.index], done, recorded.err());
            }
            Err(error) => report.panicked(&error.to_string()),
        }
    }
    #[cfg(feature = "ssm")]
    point(session, parcels, Intent::Publish, report).await;
}

/// What each region has, and what would be done there.
pub(super) async fn show(everything: &Everything<'_>, parcels: &[Parcel], report: &mut Report<'_>) {
    let Everything { session, caller, clocks, known, others, .. } = *everything;
    let mut running = JoinSet::new();
    let turns = Turns::new(parcels);
    for (index, parcel) in parcels.iter().enumerate() {
        let wanted = Arc::new(parcel.wanted.clone());
        for place in &parcel.places {
            let sender = Sender::new(session, &caller.account, &place.region, &wanted, None);
            let terms = everything.terms(&wanted, &place.region);
            let (wanted, place) = (Arc::clone(&wanted), place.clone());
            let (turns, clocks, grants) = (Arc::clone(&turns), *clocks, parcel.grants.clone());
            running.spawn(async move {
                let _turn = turns.wait(&place.region).await;
                let found = in_time(&clocks, &wanted, execute::look(&sender, &wanted, &terms)).await;
                let told = found.map(|found| Told {
                    step: plan::step(&wanted, &found, &terms),
                    twins: plan::twins(&wanted.mark, &found.listed),
                });
                let step = told.as_ref().map(|told| &told.step);
                let shared = match (step, &grants) {
                    (
                        Ok(Step::Unchanged { version, .. } | Step::MakeCurrent { version, .. }),
                        Some(grants),
                    ) => Some(permissions::look(&sender.lambda, &version.arn, grants, others).await),
                    // A version that does not exist yet is private.
                    (Ok(Step::Publish { .. }), Some(grants)) => {
                        Some(Ok(permissions::plan(grants, &Policy::default(), others)))
                    }
                    _ => None,
                };
                (index, place, told, shared)
            });
        }
    }
    while let Some(joined) = running.join_next().await {
        match joined {
            Ok((index, place, told, shared)) => {
                let parcel = &parcels[index];
                let is_recorded = told.as_ref().is_ok_and(|told| {
                    let expected = report::expected(&told.step, parcel.target.as_deref());
                    expected.is_none_or(|(entry, reinstated)| {
                        let mut after = known.clone();
                        ledger_file::make_current(&mut after, entry, reinstated);
                        after == *known
                    })
                });
                report.would(parcel, index, &place, told, shared, is_recorded);
            }
            Err(error) => report.panicked(&error.to_string()),
        }
    }
    #[cfg(feature = "ssm")]
    point(session, parcels, Intent::Show, report).await;
}

/// The pointers of every artifact that all required regions have, in every region that has it.
#[cfg(feature = "ssm")]
async fn point(session: &Session, parcels: &[Parcel], intent: Intent, report: &mut Report<'_>) {
    let mut running = JoinSet::new();
    for (index, parcel) in parcels.iter().enumerate() {
        let Some(name) = &parcel.pointer else { continue };
        for version in report.verified(parcel, index, intent) {
            let (ssm, name) = (session.ssm(&version.region), name.clone());
            running.spawn(async move {
                let pointed = match intent {
                    Intent::Show | Intent::Check => pointer::look(&ssm, &name, &version).await,
                    Intent::Publish => pointer::bring(&ssm, &name, &version).await,
                };
                (index, version, pointed)
            });
        }
    }
    while let Some(joined) = running.join_next().await {
        match joined {
            Ok((index, version, pointed)) => {
                report.pointed(&parcels[index], index, &version, pointed, intent);
            }
            Err(error) => report.panicked(&error.to_string()),
        }
    }
}

/// Time as it passes.
struct RealClock {
    start: Instant,
}

impl Default for RealClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for RealClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
