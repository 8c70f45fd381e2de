//! The way of a region where somebody else makes the versions: the layer's own stack.

use std::future::Future;

use super::super::plan::{self, Found, Step, Wanted};
use super::super::terms::Terms;
use super::{Ahead, LayerService, Outcome, RegionFailure, Stage, Was, ahead, look, may_go_on, verified};

/// Whoever makes a layer's versions in one region, instead of PublishLayerVersion.
pub trait Maker: Sync {
    /// The version that it has made last and goes on from.
    fn holds(&self) -> impl Future<Output = Result<Option<u64>, RegionFailure>> + Send;
    /// Brings it to the content, and gives the version that it holds then.
    fn make(&self) -> impl Future<Output = Result<u64, RegionFailure>> + Send;
}

/// What there is to do where somebody else makes the versions. A version with the content that the maker does not hold
/// counts as little as none: a stack that was rolled back has left it behind, or it is another publisher's. Unless what
/// it holds was withdrawn: then it is the ledger that has gone back to an older version.
pub fn step_by(step: Step, found: &Found, holds: Option<u64>, terms: &Terms) -> Step {
    let (version, reinstated) = match &step {
        Step::Unchanged { version, .. } => (version.arn.version, Vec::new()),
        Step::MakeCurrent { version, reinstated, .. } => (version.arn.version, reinstated.clone()),
        Step::Publish { .. } | Step::Refused { .. } => return step,
    };
    let went_back = holds.is_some_and(|held| held > version && terms.is_withdrawn(held));
    if holds == Some(version) || went_back {
        return step;
    }
    let last = found.listed.iter().map(|listed| listed.version).max();
    Step::Publish { expected: last.map(|last| last + 1), reinstated }
}

/// The same as [`super::bring`], where somebody else makes the versions.
pub async fn bring_by(
    maker: &impl Maker,
    service: &impl LayerService,
    told: &(dyn Fn(Stage) + Sync),
    wanted: &Wanted,
    terms: &Terms,
    agreed: Option<u64>,
) -> Result<Outcome, RegionFailure> {
    told(Stage::Looking);
    let found = look(service, wanted, terms).await?;
    let mut step = plan::step(wanted, &found, terms);
    if let Step::Unchanged { .. } | Step::MakeCurrent { .. } = step {
        step = step_by(step, &found, maker.holds().await?, terms);
    }
    let reinstated = match ahead(step, wanted, &found)? {
        Ahead::Nothing(outcome) => return Ok(*outcome),
        Ahead::Publish { reinstated } => reinstated,
    };
    let floor = may_go_on(service, wanted, &found, agreed).await?;
    told(Stage::Publishing(Some(floor + 1).filter(|_| floor > 0)));
    let number = maker.make().await?;
    told(Stage::ReadingBack);
    let layer = wanted.layer_name();
    let version = service.get(layer, number).await;
    let version = version.map_err(|source| RegionFailure::Look { layer: layer.clone(), source })?;
    let outcome = verified(wanted, version, None)?;
    let was = if number > floor { Was::Published } else { Was::MadeCurrent };
    Ok(Outcome { was, reinstated, ..outcome })
}
