//! Which versions the pointers name: the parameters of Systems Manager that `layers.toml` speaks of, in every place.

use std::collections::{BTreeMap, BTreeSet};

use template_tools::arn::version_number;
use template_tools::ledger::LayerPlace;
use tokio::task::JoinSet;

use super::naming;
use super::plan::Reason;
use crate::aws::failure::CallFailure;
use crate::aws::session::Session;
use crate::publish::pointer;
use crate::versions::ways::{Spot, Subject};

/// Why the pointers of a place are not known.
#[derive(Clone, Debug)]
pub(super) struct Unknown {
    /// Which one, and why.
    pub(super) said: String,
    /// What was said, if somebody was asked.
    pub(super) failure: Option<CallFailure>,
}

type Answer = Result<Vec<(u64, Reason)>, Unknown>;

/// What the pointers of every place name.
pub(super) async fn ask(subjects: &[Subject], spots: &[Spot]) -> BTreeMap<LayerPlace, Answer> {
    let mut running = JoinSet::new();
    for spot in spots {
        let names = names(subjects.iter().find(|subject| subject.name == spot.layer));
        let (way, place) = (spot.way.clone(), spot.place.clone());
        running.spawn(async move { (ask_one(&way.session, &place, &names).await, place) });
    }
    let mut all = BTreeMap::new();
    while let Some(joined) = running.join_next().await {
        all.extend(joined.ok().map(|(answer, place)| (place, answer)));
    }
    all
}

/// Every name that a pointer of the layer may have, by whichever target: two of them may be the same account.
fn names(subject: Option<&Subject>) -> BTreeSet<String> {
    let destinations = subject
        .into_iter()
        .flat_map(|subject| std::iter::once(&subject.destination).chain(subject.targets.values()));
    let patterns = destinations.filter_map(|to| to.pointer.as_deref());
    let both = patterns.flat_map(|pattern| {
        ["x86_64", "arm64"].map(|architecture| {
            pointer::name(pattern, &[architecture.to_owned()]).unwrap_or_else(|_| pattern.to_owned())
        })
    });
    both.collect()
}

async fn ask_one(session: &Session, place: &LayerPlace, names: &BTreeSet<String>) -> Answer {
    let mut named = Vec::new();
    for name in names {
        let value = value(session, place, name).await?;
        let Some(value) = value else { continue };
        let naming = naming::in_text(&value, place);
        // Some templates put the ARN together by themselves.
        let number = version_number(value.trim()).ok();
        let versions = naming.versions.into_iter().chain(number);
        named.extend(versions.map(|version| (version, Reason::Pointer(name.clone()))));
    }
    Ok(named)
}

async fn value(session: &Session, place: &LayerPlace, name: &str) -> Result<Option<String>, Unknown> {
    let answer = session.ssm(&place.region).get(name).await;
    answer
        .map_err(|failure| Unknown { said: format!("parameter `{name}`: {failure}"), failure: Some(failure) })
}
