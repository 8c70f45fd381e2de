//! Brings one artifact into one region, and never twice. Says nothing and writes no file.
//!
//! PublishLayerVersion has no idempotency token, and each call that arrives makes a version. So: look first; publish
//! with the SDK's retries off; after an answer that says nothing look again and again, for as long as Lambda may still
//! be at work, and publish again at most once; after a definite refusal one look is enough. What was published is read
//! back.

mod maker;
mod outcome;

use std::future::Future;
use std::time::Duration;

use template_tools::arn::LayerName;

pub use self::maker::{Maker, bring_by, step_by};
pub use self::outcome::{Outcome, RegionFailure, Was};
use super::journal::Journal;
use super::plan::{self, Found, Step, Wanted};
use super::refused;
use super::terms::Terms;
use crate::aws::failure::{CallFailure, Kind};
use crate::clocks::Clocks;
use crate::layer_version::{LayerVersion, Listed, NewLayerVersion};

/// The calls of Lambda that are needed, in one region.
pub trait LayerService: Sync {
    /// The versions of a layer, newest first; of many, the newest 50. Empty if there is no such layer.
    fn list(&self, layer: &LayerName) -> impl Future<Output = Result<Vec<Listed>, CallFailure>> + Send;
    /// One version.
    fn get(
        &self,
        layer: &LayerName,
        version: u64,
    ) -> impl Future<Output = Result<LayerVersion, CallFailure>> + Send;
    /// Whether the layer is ours to go on with, seen from its newest version. Asked before the first write only.
    fn may_publish(
        &self,
        _newest: Option<&LayerVersion>,
    ) -> impl Future<Output = Result<(), RegionFailure>> + Send {
        async { Ok(()) }
    }
    /// Makes a version, each time it arrives. Sent once.
    fn publish(
        &self,
        new: &NewLayerVersion,
    ) -> impl Future<Output = Result<LayerVersion, CallFailure>> + Send;
}

/// What surrounds the calls.
pub struct Surroundings<'a, C, J> {
    /// Time.
    pub clock: &'a C,
    /// The line of this artifact in this region.
    pub journal: &'a J,
    /// How long things are waited for.
    pub clocks: &'a Clocks,
    /// Who is told how far it is.
    pub told: &'a (dyn Fn(Stage) + Sync),
}

/// How far one artifact in one region is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The region is asked what it has.
    Looking,
    /// A version is being published, probably with this number.
    Publishing(Option<u64>),
    /// Lambda takes no more calls for a moment.
    Throttled,
    /// No answer has come, and it is looked whether a version appears.
    LookingAgain,
    /// What was published is read back.
    ReadingBack,
}

/// Time as it passes here; a test's own passes at once.
pub trait Clock: Sync {
    /// Since some moment.
    fn now(&self) -> Duration;
    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// How often a throttled PublishLayerVersion is tried.
const TRIES: u32 = 6;
/// After so many answers that say nothing it is over.
const SILENCES: u32 = 2;

/// What the region has: one ListLayerVersions, and one GetLayerVersion if there is a version. More are needed only if
/// its content is another one, and the same was withdrawn or may be in an older version.
pub async fn look(
    service: &impl LayerService,
    wanted: &Wanted,
    terms: &Terms,
) -> Result<Found, RegionFailure> {
    let layer = wanted.layer_name();
    let failed = |source| RegionFailure::Look { layer: layer.clone(), source };
    let listed = service.list(layer).await.map_err(failed)?;
    let newest = match plan::newest(&listed, terms) {
        Some(newest) => Some(service.get(layer, newest.version).await.map_err(failed)?),
        None => None,
    };
    let mut same = Vec::new();
    if !newest.as_ref().is_some_and(|newest| wanted.is_in(newest)) {
        for candidate in plan::to_prove(wanted, &listed, terms) {
            match service.get(layer, candidate).await {
                Ok(version) if wanted.is_in(&version) => same.push(version),
                Ok(_) => continue,
                // Deleted since, or never there.
                Err(failure) if failure.kind == Kind::NotFound => continue,
                Err(failure) => return Err(failed(failure)),
            }
            // Of those that may be used again the newest is enough; of those that were withdrawn all must be known.
            if !terms.withdrawn.keys().any(|withdrawn| *withdrawn < candidate) {
                break;
            }
        }
    }
    Ok(Found { listed, newest, same })
}

/// Looks, publishes if that is needed, reads back. With a number that was agreed on, nothing is published under
/// another one, as far as that can be known before.
pub async fn bring<C: Clock, J: Journal>(
    service: &impl LayerService,
    around: &Surroundings<'_, C, J>,
    wanted: &Wanted,
    terms: &Terms,
    agreed: Option<u64>,
) -> Result<Outcome, RegionFailure> {
    (around.told)(Stage::Looking);
    let found = look(service, wanted, terms).await?;
    let reinstated = match ahead(plan::step(wanted, &found, terms), wanted, &found)? {
        Ahead::Nothing(outcome) => return Ok(*outcome),
        Ahead::Publish { reinstated } => reinstated,
    };
    let floor = may_go_on(service, wanted, &found, agreed).await?;
    let outcome = publish_above(service, around, wanted, floor).await?;
    Ok(Outcome { reinstated, ..outcome })
}

/// What there is to do in a region, once it was looked at.
enum Ahead {
    /// No write: this is what came of it.
    Nothing(Box<Outcome>),
    /// A version, which takes back these withdrawals.
    Publish { reinstated: Vec<u64> },
}

fn ahead(step: Step, wanted: &Wanted, found: &Found) -> Result<Ahead, RegionFailure> {
    Ok(match step {
        Step::Unchanged { version, differences } => {
            let twins = plan::twins(&wanted.mark, &found.listed);
            let outcome = Outcome::new(*version, Was::Unchanged);
            Ahead::Nothing(Box::new(Outcome { differences, twins, ..outcome }))
        }
        Step::MakeCurrent { version, differences, replaced, reinstated } => {
            let outcome = Outcome::new(*version, Was::MadeCurrent);
            Ahead::Nothing(Box::new(Outcome { differences, replaced, reinstated, ..outcome }))
        }
        Step::Refused { version, why } => return Err(RegionFailure::Withdrawn { version, why }),
        Step::Publish { reinstated, .. } => Ahead::Publish { reinstated },
    })
}

/// Refuses to write where that would give another number than was agreed on, or where the layer is another publisher's.
/// Gives the number of the newest version.
async fn may_go_on(
    service: &impl LayerService,
    wanted: &Wanted,
    found: &Found,
    agreed: Option<u64>,
) -> Result<u64, RegionFailure> {
    let floor = found.listed.first().map_or(0, |newest| newest.version);
    must_be_next(wanted, floor, agreed)?;
    service.may_publish(found.newest.as_ref()).await?;
    Ok(floor)
}

/// Makes version `number` with this content, unless the region has got that far already. Gives nothing then.
pub async fn fill<C: Clock, J: Journal>(
    service: &impl LayerService,
    around: &Surroundings<'_, C, J>,
    copy: &Wanted,
    number: u64,
) -> Result<Option<Outcome>, RegionFailure> {
    (around.told)(Stage::Looking);
    let layer = copy.layer_name();
    let listed = service.list(layer).await;
    let listed = listed.map_err(|source| RegionFailure::Look { layer: layer.clone(), source })?;
    let floor = listed.first().map_or(0, |newest| newest.version);
    if floor >= number {
        return Ok(None);
    }
    must_be_next(copy, floor, Some(number))?;
    let outcome = publish_above(service, around, copy, floor).await?;
    // Numbers of versions that were deleted are not used again.
    must_be_next(copy, outcome.version.arn.version - 1, Some(number))?;
    match outcome.not_read_back {
        Some(source) => Err(RegionFailure::Look { layer: layer.clone(), source }),
        None => Ok(Some(outcome)),
    }
}

fn must_be_next(wanted: &Wanted, newest: u64, agreed: Option<u64>) -> Result<(), RegionFailure> {
    match agreed {
        Some(expected) if expected != newest + 1 => {
            let layer = wanted.layer_name().clone();
            Err(RegionFailure::OtherNumber { layer, expected, found: newest + 1 })
        }
        _ => Ok(()),
    }
}

/// Publishes, and keeps the journal, so that a request that an ended run has left on its way is waited for.
async fn publish_above<C: Clock, J: Journal>(
    service: &impl LayerService,
    around: &Surroundings<'_, C, J>,
    wanted: &Wanted,
    floor: u64,
) -> Result<Outcome, RegionFailure> {
    if around.journal.is_left_over() {
        let failure = CallFailure {
            operation: "PublishLayerVersion",
            kind: Kind::Silence,
            message: "an earlier run was ended before its answer came".to_owned(),
            code: None,
            request_id: None,
        };
        if let Some(outcome) = look_again(service, around, wanted, floor, &failure).await? {
            around.journal.end();
            return Ok(outcome);
        }
    }
    around.journal.begin();
    let result = publish(service, around, wanted, floor).await;
    if !matches!(result, Err(RegionFailure::Unheard { .. } | RegionFailure::Look { .. })) {
        around.journal.end();
    }
    result
}

async fn publish<C: Clock, J: Journal>(
    service: &impl LayerService,
    around: &Surroundings<'_, C, J>,
    wanted: &Wanted,
    floor: u64,
) -> Result<Outcome, RegionFailure> {
    let layer = wanted.layer_name().clone();
    // Numbers of deleted versions are not used again, so that the first one is known of no layer.
    let expected = Some(floor + 1).filter(|_| floor > 0);
    let mut new = wanted.new.clone();
    let mut silences = 0;
    let mut refusals = 0;
    loop {
        (around.told)(Stage::Publishing(expected));
        let failure = match service.publish(&new).await {
            Ok(answer) => {
                (around.told)(Stage::ReadingBack);
                let mut outcome = read_back(service, wanted, answer).await?;
                if silences > 0
                    && let Ok(listed) = service.list(&layer).await
                {
                    // The first request may have arrived after all. That cannot be undone here, only told.
                    outcome.twins = plan::twins(&wanted.mark, &listed);
                }
                return Ok(outcome);
            }
            Err(failure) => failure,
        };
        if failure.says_nothing() {
            silences += 1;
            if let Some(outcome) = look_again(service, around, wanted, floor, &failure).await? {
                return Ok(outcome);
            }
            if silences == SILENCES {
                return Err(RegionFailure::Unheard { layer, source: failure });
            }
            continue;
        }
        let less = refused::without(&new, &wanted.mark, &failure);
        if let Some(less) = less.clone().filter(|_| silences == 0) {
            new = less;
            continue;
        }
        refusals += 1;
        let is_last = less.is_none() && (failure.kind != Kind::Throttled || refusals >= TRIES);
        if is_last && silences == 0 {
            return Err(RegionFailure::Refused { layer, source: failure });
        }
        (around.told)(Stage::Throttled);
        around.clock.sleep(around.clocks.backoff * 2_u32.pow(refusals - 1)).await;
        match appeared(service, wanted, floor).await {
            Ok(Some(version)) => return Ok(unheard(wanted, version)),
            Ok(None) if is_last => return Err(RegionFailure::Refused { layer, source: failure }),
            Ok(None) => new = less.unwrap_or(new),
            // Without a look nothing is published again.
            Err(source) => return Err(RegionFailure::Look { layer, source }),
        }
    }
}

/// Looks until the content has appeared, or the time is over in which it may still do so. That it has not is said only
/// by a look that came after that time.
async fn look_again<C: Clock, J: Journal>(
    service: &impl LayerService,
    around: &Surroundings<'_, C, J>,
    wanted: &Wanted,
    floor: u64,
    failure: &CallFailure,
) -> Result<Option<Outcome>, RegionFailure> {
    let Surroundings { clock, clocks, .. } = *around;
    (around.told)(Stage::LookingAgain);
    let end = clock.now() + clocks.look_again_for;
    let mut pause = clocks.look_again_after;
    loop {
        let is_last = clock.now() >= end;
        match appeared(service, wanted, floor).await {
            Ok(Some(version)) => return Ok(Some(unheard(wanted, version))),
            Ok(None) if is_last => return Ok(None),
            Err(_) if is_last => {
                return Err(RegionFailure::Unheard {
                    layer: wanted.layer_name().clone(),
                    source: failure.clone(),
                });
            }
            Ok(None) | Err(_) => {}
        }
        let left = end.saturating_sub(clock.now());
        clock.sleep(pause.min(left)).await;
        pause = (pause * 3 / 2).min(clocks.look_again_after * 4);
    }
}

/// The version above `floor` that has the content, if there is one.
async fn appeared(
    service: &impl LayerService,
    wanted: &Wanted,
    floor: u64,
) -> Result<Option<(LayerVersion, Vec<u64>)>, CallFailure> {
    let layer = wanted.layer_name();
    let listed = service.list(layer).await?;
    let candidates = plan::candidates(wanted, &listed, floor);
    for &candidate in &candidates {
        let version = service.get(layer, candidate).await?;
        if wanted.is_in(&version) {
            return Ok(Some((version, plan::twins(&wanted.mark, &listed))));
        }
    }
    Ok(None)
}

fn unheard(wanted: &Wanted, (version, twins): (LayerVersion, Vec<u64>)) -> Outcome {
    let differences = wanted.differences(&version);
    Outcome { differences, twins, ..Outcome::new(version, Was::PublishedUnheard) }
}

async fn read_back(
    service: &impl LayerService,
    wanted: &Wanted,
    answer: LayerVersion,
) -> Result<Outcome, RegionFailure> {
    let layer = wanted.layer_name();
    let (version, not_read_back) = match service.get(layer, answer.arn.version).await {
        Ok(version) => (version, None),
        Err(failure) => (answer, Some(failure)),
    };
    verified(wanted, version, not_read_back)
}

/// Holds a version that was just made against what was built.
fn verified(
    wanted: &Wanted,
    version: LayerVersion,
    not_read_back: Option<CallFailure>,
) -> Result<Outcome, RegionFailure> {
    let layer = wanted.layer_name();
    if !wanted.is_in(&version) {
        return Err(RegionFailure::OtherContent {
            layer: layer.clone(),
            version: version.arn.version,
            found: version.code_sha256,
            built: wanted.code_sha256.clone(),
        });
    }
    let differences = wanted.differences(&version);
    Ok(Outcome { differences, not_read_back, ..Outcome::new(version, Was::Published) })
}

#[cfg(test)]
mod tests;
