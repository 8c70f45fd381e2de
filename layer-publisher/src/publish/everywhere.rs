//! Every region at once, each on its own. What has come of one is recorded at once.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use template_tools::arn::Region;
use template_tools::ledger::{LayerPlace, Ledger};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;

use super::Intent;
use super::align::{self, Stuck};
use super::continuity::{Agreement, Has, Standing};
use super::execute::{self, Clock, LayerService as _, Maker, Outcome, RegionFailure, Stage, Surroundings};
use super::journal::JournalFile;
use super::permissions::{self, Others, Policy, Shared};
use super::plan::{self, Step, Wanted};
use super::pointer;
use super::progress::Lines;
use super::regions::Place;
use super::report::{self, Done, Report};
use super::sender::Sender;
use super::terms::{Choices, Terms};
use super::{Parcel, Told};
use crate::aws::failure::CallFailure;
use crate::aws::session::{Caller, Session};
use crate::called::CalledAs;
use crate::clocks::Clocks;
use crate::ledger_file::{self, LedgerFile};
use crate::stack::layer::{Around, LayerStack, Problem};

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
pub(super) async fn in_time<T>(
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
    pub(super) lines: &'a Lines,
    pub(super) called: &'a CalledAs,
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

/// Every region at once, each on its own; what has come of one is recorded at once. What was agreed on holds for the
/// artifact at the same place in the list.
pub(super) async fn execute(
    everything: &Everything<'_>,
    parcels: &[Parcel],
    agreements: &[Option<Agreement>],
    report: &mut Report<'_>,
) {
    let Everything { session, caller, clocks, ledger, others, lines, .. } = *everything;
    let mut stuck = Vec::new();
    for (index, parcel) in parcels.iter().enumerate() {
        stuck.push(match agreements.get(index).and_then(Option::as_ref) {
            Some(agreement) => align::fill_up(everything, parcel, index, agreement, report).await,
            None => Stuck::new(),
        });
    }
    let around_stacks = if parcels.iter().any(|parcel| parcel.stack.is_some()) {
        report.around(everything).inspect_err(|error| report.panicked(&error.to_string())).ok()
    } else {
        None
    };
    let mut running = JoinSet::new();
    let turns = Turns::new(parcels);
    for (index, parcel) in parcels.iter().enumerate() {
        let wanted = Arc::new(parcel.wanted.clone());
        let agreed = agreements.get(index).and_then(Option::as_ref).map(|agreement| agreement.number);
        for place in &parcel.places {
            let sender =
                Sender::new(session, &caller.account, &place.region, &wanted, parcel.bucket.as_ref()).only(
                    parcel.publisher(),
                    everything.choices.switch,
                    session,
                    &place.region,
                );
            let stack = parcel.stack.clone().zip(around_stacks.clone());
            let line = lines.line(wanted.layer_name(), &place.region);
            let stuck = stuck[index].remove(&place.region);
            let (wanted, place, clocks) = (Arc::clone(&wanted), place.clone(), *clocks);
            let journal = JournalFile::new(caller, &place.region, &wanted, &clocks);
            let (turns, grants) = (Arc::clone(&turns), parcel.grants.clone());
            let terms = everything.terms(&wanted, &place.region);
            running.spawn(async move {
                let _turn = turns.wait(&place.region).await;
                let clock = RealClock::default();
                let told = |stage| line.tell(stage);
                let around = Surroundings { clock: &clock, journal: &journal, clocks: &clocks, told: &told };
                let work = execute::bring(&sender, &around, &wanted, &terms, agreed);
                let result: Result<Outcome, _> = match (stuck, &stack) {
                    (Some(failure), _) => Err(failure),
                    // CloudFormation takes its own time, and says itself when it is over.
                    (None, Some((stack, around))) => {
                        let maker = ByStack {
                            stack,
                            around,
                            sender: &sender,
                            wanted: &wanted,
                            region: &place.region,
                        };
                        Box::pin(execute::bring_by(&maker, &sender, &told, &wanted, &terms, agreed)).await
                    }
                    (None, None) => in_time(&clocks, &wanted, Box::pin(work)).await,
                };
                let shared = match (&result, &grants) {
                    (Ok(outcome), Some(grants)) => {
                        line.say("setting its permissions");
                        Some(permissions::bring(&sender.lambda, &outcome.version.arn, grants, others).await)
                    }
                    _ => None,
                };
                let staged = sender.staged();
                Done { index, place, result, staged, shared, agreed }
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
    point(session, parcels, Intent::Publish, report).await;
}

/// A layer's stack in one region.
struct ByStack<'a> {
    stack: &'a LayerStack,
    around: &'a Around,
    sender: &'a Sender,
    wanted: &'a Wanted,
    region: &'a Region,
}

impl ByStack<'_> {
    fn failed(&self, problem: Problem) -> RegionFailure {
        by_stack(self.stack, self.wanted, problem)
    }
}

fn by_stack(stack: &LayerStack, wanted: &Wanted, Problem { why, hint }: Problem) -> RegionFailure {
    RegionFailure::Stack { layer: wanted.layer_name().clone(), stack: stack.name.clone(), why, hint }
}

impl Maker for ByStack<'_> {
    async fn holds(&self) -> Result<Option<u64>, RegionFailure> {
        let Around { session, called, .. } = self.around;
        let holds = self.stack.holds(session, called, self.region, self.wanted.layer_name()).await;
        holds.map_err(|problem| self.failed(problem))
    }

    /// Sends the zip to S3, and brings the stack to it.
    async fn make(&self) -> Result<u64, RegionFailure> {
        let layer = self.wanted.layer_name();
        let staged = self.sender.stage(&self.wanted.new).await;
        let staged = staged.map_err(|source| RegionFailure::Refused { layer: layer.clone(), source })?;
        let no_bucket = || self.failed(Problem { why: "there is no bucket".to_owned(), hint: None });
        let deployed =
            self.stack.deploy(self.around, self.region, layer, staged.ok_or_else(no_bucket)?).await;
        deployed.map_err(|problem| self.failed(problem))
    }
}

/// What each region has, and what would be done there. Gives what it means for the numbers, for each artifact.
pub(super) async fn show(
    everything: &Everything<'_>,
    parcels: &[Parcel],
    report: &mut Report<'_>,
) -> Vec<Vec<Standing>> {
    let known = everything.known;
    let mut standings = vec![Vec::new(); parcels.len()];
    let each = |index: usize, looked: Looked| {
        let Looked { place, told, shared } = looked;
        standings[index].push(standing(&place, &told));
        let parcel: &Parcel = &parcels[index];
        let is_recorded = told.as_ref().is_ok_and(|told| {
            let expected = report::expected(&told.step, parcel.target.as_deref());
            expected.is_none_or(|(entry, reinstated)| {
                let mut after = known.clone();
                ledger_file::make_current(&mut after, entry, reinstated);
                after == *known
            })
        });
        report.would(parcel, index, &place, told, shared, is_recorded);
    };
    let panics = look_everywhere(everything, parcels, Asking::Permissions, each).await;
    for what in &panics {
        report.panicked(what);
    }
    point(everything.session, parcels, Intent::Show, report).await;
    in_order(parcels, standings)
}

/// What each region has, as far as the numbers are concerned. Says nothing. Those that fail are told of the reason.
pub(super) async fn survey(
    everything: &Everything<'_>,
    parcels: &[Parcel],
) -> (Vec<Vec<Standing>>, Vec<(usize, Region, RegionFailure)>) {
    let mut standings = vec![Vec::new(); parcels.len()];
    let mut failures = Vec::new();
    let each = |index: usize, looked: Looked| {
        let Looked { place, told, .. } = looked;
        standings[index].push(standing(&place, &told));
        match told {
            Err(failure) => failures.push((index, place.region, failure)),
            Ok(Told { step: Step::Refused { version, why }, .. }) => {
                failures.push((index, place.region, RegionFailure::Withdrawn { version, why }));
            }
            Ok(_) => {}
        }
    };
    // Whatever has panicked will do so again, and is told then.
    drop(look_everywhere(everything, parcels, Asking::Versions, each).await);
    (in_order(parcels, standings), failures)
}

fn standing(place: &Place, told: &Result<Told, RegionFailure>) -> Standing {
    let has = match told.as_ref().map(|told| &told.step) {
        Ok(Step::Unchanged { version, .. } | Step::MakeCurrent { version, .. }) => {
            Has::Content(version.arn.version)
        }
        Ok(Step::Publish { expected, .. }) => Has::Next(expected.unwrap_or(1)),
        Ok(Step::Refused { .. }) | Err(_) => Has::Unknown,
    };
    Standing { region: place.region.clone(), weight: place.weight, has }
}

/// In the order in which the regions were named, whichever was the first to answer.
fn in_order(parcels: &[Parcel], mut standings: Vec<Vec<Standing>>) -> Vec<Vec<Standing>> {
    for (parcel, standings) in parcels.iter().zip(&mut standings) {
        standings
            .sort_by_key(|standing| parcel.places.iter().position(|place| place.region == standing.region));
    }
    standings
}

/// What one region has of one artifact.
struct Looked {
    place: Place,
    told: Result<Told, RegionFailure>,
    shared: Option<Result<Shared, CallFailure>>,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asking {
    Versions,
    /// Versions, and who may use them.
    Permissions,
}

/// Asks every region, and hands on what each says as it comes. Gives what went wrong with us.
async fn look_everywhere(
    everything: &Everything<'_>,
    parcels: &[Parcel],
    asking: Asking,
    mut each: impl FnMut(usize, Looked),
) -> Vec<String> {
    let Everything { session, caller, clocks, others, lines, called, .. } = *everything;
    let mut panics = Vec::new();
    let mut running = JoinSet::new();
    let turns = Turns::new(parcels);
    for (index, parcel) in parcels.iter().enumerate() {
        let wanted = Arc::new(parcel.wanted.clone());
        for place in &parcel.places {
            let sender = Sender::new(session, &caller.account, &place.region, &wanted, None).only(
                parcel.publisher(),
                everything.choices.switch,
                session,
                &place.region,
            );
            let terms = everything.terms(&wanted, &place.region);
            let line = lines.line(wanted.layer_name(), &place.region);
            let (wanted, place) = (Arc::clone(&wanted), place.clone());
            let (turns, clocks) = (Arc::clone(&turns), *clocks);
            let (stack, session, called) = (parcel.stack.clone(), session.clone(), called.clone());
            let grants = parcel.grants.clone().filter(|_| asking == Asking::Permissions);
            running.spawn(async move {
                let _turn = turns.wait(&place.region).await;
                line.tell(Stage::Looking);
                let look = async {
                    let found = execute::look(&sender, &wanted, &terms).await?;
                    let mut step = plan::step(&wanted, &found, &terms);
                    if let (Some(stack), Step::Unchanged { .. } | Step::MakeCurrent { .. }) = (&stack, &step)
                    {
                        let holds = stack.holds(&session, &called, &place.region, wanted.layer_name()).await;
                        let holds = holds.map_err(|problem| by_stack(stack, &wanted, problem))?;
                        step = execute::step_by(step, &found, holds, &terms);
                    }
                    if let Step::Publish { .. } = step {
                        sender.may_publish(found.newest.as_ref()).await?;
                    }
                    Ok(Told { step, twins: plan::twins(&wanted.mark, &found.listed) })
                };
                let told = in_time(&clocks, &wanted, look).await;
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
                (index, Looked { place, told, shared })
            });
        }
    }
    while let Some(joined) = running.join_next().await {
        match joined {
            Ok((index, looked)) => each(index, looked),
            Err(error) => panics.push(error.to_string()),
        }
    }
    panics
}

/// The pointers of every artifact that all required regions have, in every region that has it.
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
pub(super) struct RealClock {
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
