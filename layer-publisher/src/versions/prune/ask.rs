//! Asks everybody who may name a version: functions, stacks, pointers, the ledger, the work tree, and at last the
//! policies of what would go. Where somebody does not answer, nothing goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use template_tools::ledger::{LayerPlace, Ledger};
use tokio::task::JoinSet;

use super::plan::{self, Known, Named, Reason, Rules, SharedOnes};
use super::tree::Tree;
use super::{pointers, stacks};
use crate::aws::failure::CallFailure;
use crate::called::CalledAs;
use crate::layer_version::Dated;
use crate::publish::permissions::Policy;
use crate::ui::whole;
use crate::versions::usage::ask::{self as functions, Aliases, Corner};
use crate::versions::usage::{Opened, arn};
use crate::versions::ways::Spot;

/// What to do about a stack that does not tell.
const UNCLEAR: &str = "give the stack a parameter that can be read (without `NoEcho`), or delete versions one by one with \
                       `aws lambda delete-layer-version`";

/// Somebody names a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Naming {
    /// Where the version lies.
    pub(super) place: LayerPlace,
    /// Its number.
    pub(super) version: u64,
    /// Who names it.
    pub(super) reason: Reason,
}

/// Somebody who did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Silent {
    /// What was asked, and what was said.
    pub(super) said: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
}

/// What is known about one place.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) spot: &'a Spot,
    pub(super) known: Known,
    /// Sizes of zips in bytes, of what would go.
    pub(super) sizes: BTreeMap<u64, u64>,
    /// Who did not answer. Nothing goes then.
    pub(super) silent: Vec<Silent>,
}

/// Asks everybody about every place.
pub(super) async fn everybody<'a>(
    opened: &'a Opened,
    ledger: &Ledger,
    tree: &Tree,
    rules: &Rules,
    called: &CalledAs,
) -> Vec<Asked<'a>> {
    let spots = &opened.ways.spots;
    // All at once. One that panics is our own bug and has printed itself; then its answers are missing.
    let (all, subjects) = (Arc::<[Spot]>::from(spots.clone()), opened.subjects.clone());
    let of_functions = Arc::clone(&all);
    let answers = tokio::spawn(async move { functions::ask(&of_functions, Aliases::NotAsked).await });
    let of_stacks = Arc::clone(&all);
    let stacks = tokio::spawn(async move { ask_stacks(&of_stacks).await });
    let pointers = tokio::spawn(async move { pointers::ask(&subjects, &all).await });
    let versions = list(spots).await;
    let answers = answers.await.unwrap_or_default();
    let stacks = stacks.await.unwrap_or_default();
    let pointers = pointers.await.unwrap_or_default();
    let mut asked = Vec::new();
    for spot in spots {
        let place = &spot.place;
        let mut one = Asked { spot, known: Known::default(), sizes: BTreeMap::new(), silent: Vec::new() };
        let advice = spot.way.session.advice();
        let silent = |what: &str, failure: &CallFailure| Silent {
            said: format!("{what}: {failure}"),
            hint: failure.hint(advice, called),
        };
        match versions.get(place) {
            Some(Ok(versions)) => one.known.versions.clone_from(versions),
            Some(Err(failure)) => one.silent.push(silent("its versions", failure)),
            None => one.silent.push(not_asked("its versions")),
        }
        let mut named = Named::new();
        let mut add = |version: u64, reason: Reason| {
            named.entry(version).or_default().insert(reason);
        };

        // Whoever is in the same region may use it, if not now, then since before it was private.
        let corners = spots.iter().filter(|other| other.place.region == place.region).map(Corner::of);
        for corner in corners.collect::<BTreeSet<_>>() {
            let who = format!("account {}", corner.account);
            match answers.get(&corner).map(|answer| &answer.users) {
                Some(Ok(users)) => {
                    let here = users.iter().filter(|(arn, _)| {
                        arn.layer == place.layer_name
                            && arn.account == place.account
                            && arn.region == place.region
                    });
                    for (arn, user) in here.flat_map(|(arn, users)| users.iter().map(move |user| (arn, user)))
                    {
                        let elsewhere = (user.account != place.account).then(|| format!("{}:", user.account));
                        let function = format!("{}{}", elsewhere.unwrap_or_default(), user.function);
                        add(arn.version, Reason::Function { function, version: user.version.to_string() });
                    }
                }
                Some(Err(failure)) => one.silent.push(silent(&format!("the functions of {who}"), failure)),
                None => one.silent.push(not_asked(&format!("the functions of {who}"))),
            }
            match stacks.get(&corner) {
                Some(Ok(namings)) => {
                    let here = namings.iter().filter(|naming| naming.place == *place);
                    here.for_each(|naming| add(naming.version, naming.reason.clone()));
                }
                Some(Err(error)) => {
                    let hint = match error {
                        stacks::StacksError::Call { failure, .. } => failure.hint(advice, called),
                        stacks::StacksError::Unclear { .. } => Some(UNCLEAR.to_owned()),
                    };
                    one.silent.push(Silent { said: format!("the stacks of {who}: {error}"), hint });
                }
                None => one.silent.push(not_asked(&format!("the stacks of {who}"))),
            }
        }
        for failure in &opened.ways.failures {
            let regions = failure.destination.regions.iter().chain(&failure.destination.optional_regions);
            let mut regions = regions.peekable();
            if regions.peek().is_none() || regions.any(|region| *region == place.region) {
                one.silent.push(Silent { said: whole(failure), hint: failure.hint(called) });
            }
        }
        match pointers.get(place) {
            Some(Ok(namings)) => namings.iter().for_each(|(version, reason)| add(*version, reason.clone())),
            Some(Err(pointers::Unknown { said, failure })) => one.silent.push(Silent {
                said: said.clone(),
                hint: failure.as_ref().and_then(|failure| failure.hint(advice, called)),
            }),
            None => one.silent.push(not_asked("its pointers")),
        }
        if let Some(entry) = ledger.get(place) {
            add(entry.version(), Reason::Ledger);
            one.known.withdrawn = entry.withdrawn.keys().copied().collect();
        }
        let of_tree = tree.named.iter().filter(|naming| naming.place == *place);
        of_tree.for_each(|naming| add(naming.version, naming.reason.clone()));
        for failure in &tree.failures {
            one.silent.push(Silent { said: format!("the work tree: {failure}"), hint: None });
        }
        one.known.named = named;
        asked.push(one);
    }
    ask_about_candidates(&mut asked, rules).await;
    asked
}

fn not_asked(what: &str) -> Silent {
    Silent { said: format!("{what}: not asked"), hint: None }
}

/// Every version of every place.
async fn list(spots: &[Spot]) -> BTreeMap<LayerPlace, Result<Vec<Dated>, CallFailure>> {
    let mut running = JoinSet::new();
    for spot in spots {
        let (lambda, place) = (spot.way.session.lambda(&spot.place.region), spot.place.clone());
        running.spawn(async move { (lambda.all_versions(&place.layer_name).await, place) });
    }
    let mut all = BTreeMap::new();
    while let Some(joined) = running.join_next().await {
        // A panic is our own bug and has printed itself; whoever looks for the answer does not find it.
        all.extend(joined.ok().map(|(versions, place)| (place, versions)));
    }
    all
}

/// What the stacks of every account and region name.
async fn ask_stacks(spots: &[Spot]) -> BTreeMap<Corner, Result<Vec<Naming>, stacks::StacksError>> {
    let mut corners = BTreeMap::<Corner, &Spot>::new();
    for spot in spots {
        corners.entry(Corner::of(spot)).or_insert(spot);
    }
    let mut running = JoinSet::new();
    for (corner, spot) in corners {
        let of_region = spots.iter().filter(|other| other.place.region == corner.region);
        let places = of_region.map(|other| other.place.clone()).collect::<Vec<_>>();
        let way = spot.way.clone();
        running.spawn(async move { (stacks::ask(&way.session, &corner, &places).await, corner) });
    }
    let mut all = BTreeMap::new();
    while let Some(joined) = running.join_next().await {
        all.extend(joined.ok().map(|(named, corner)| (corner, named)));
    }
    all
}

/// The policies and sizes of what would go.
async fn ask_about_candidates(asked: &mut [Asked<'_>], rules: &Rules) {
    let mut running = JoinSet::new();
    for (index, one) in asked.iter().enumerate().filter(|(_, one)| one.silent.is_empty()) {
        let (lambda, place) = (one.spot.way.session.lambda(&one.spot.place.region), &one.spot.place);
        let candidates = plan::candidates(&one.known, rules).remove;
        let (place, shared) = (place.clone(), rules.shared);
        running.spawn(async move {
            let mut found = Vec::new();
            for version in candidates {
                let arn = arn(&place, version);
                let policy = match shared {
                    SharedOnes::Keep => {
                        Some(lambda.policy(&arn).await.map_err(|failure| failure.to_string()))
                    }
                    SharedOnes::Include => None,
                };
                let size = match &policy {
                    Some(Ok(policy)) if policy.statements.is_empty() => {
                        lambda.get(&arn.layer, version).await.ok()
                    }
                    None => lambda.get(&arn.layer, version).await.ok(),
                    Some(_) => None,
                };
                found.push((version, policy, size.map(|version| version.size)));
            }
            (index, found)
        });
    }
    while let Some(joined) = running.join_next().await {
        let Ok((index, found)) = joined else { continue };
        for (version, policy, size) in found {
            let policies: &mut BTreeMap<u64, Result<Policy, String>> = &mut asked[index].known.policies;
            policies.extend(policy.map(|policy| (version, policy)));
            asked[index].sizes.extend(size.map(|size| (version, size)));
        }
    }
}
