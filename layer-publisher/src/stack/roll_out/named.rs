//! The stacks that `[[stacks]]` names, in the order of the file, and the ways to them: each kind of credentials once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use template_tools::arn::{LayerName, Region};
use tokio::task::JoinSet;

use super::error::{RequestError, RollOutError};
use super::{RollOutRequest, Target, Targets};
use crate::aws::session::OtherAccount;
use crate::clocks::Clocks;
use crate::config::LayersFile;
use crate::config::publish::Destination;
use crate::config::stacks::StackTable;
use crate::versions::ways::{self, Key, Subject, Way, WayError};

/// Those that have to do with these layers, each with those of them that it has to do with.
pub(super) fn concerned<'f>(
    file: &'f LayersFile,
    subjects: &[Subject],
) -> Result<Vec<(&'f StackTable, BTreeSet<String>)>, RequestError> {
    let mut concerned = Vec::new();
    for stack in &file.stacks {
        let own = if stack.layers.is_empty() { Vec::new() } else { Subject::of(file, &stack.layers)? };
        let is_meant =
            |subject: &&Subject| stack.layers.is_empty() || own.iter().any(|own| own.name == subject.name);
        let layers =
            subjects.iter().filter(is_meant).map(|subject| subject.name.clone()).collect::<BTreeSet<_>>();
        if !layers.is_empty() {
            concerned.push((stack, layers));
        }
    }
    Ok(concerned)
}

/// One stack, before its way is open.
struct Plan<'s> {
    stack: &'s StackTable,
    key: Key,
    destination: Destination,
    layers: BTreeSet<LayerName>,
}

/// Every stack in every region of it. `file` is the `layers.toml` that names them.
pub(super) async fn targets(
    stacks: &[(&StackTable, BTreeSet<String>)],
    subjects: &[Subject],
    request: &RollOutRequest,
    file: &Path,
    clocks: Clocks,
) -> Result<Targets, RequestError> {
    let mut plans = Vec::new();
    let targets = &request.ask.targets;
    for target in targets {
        let is_known = |subject: &Subject| subject.destination(Some(target)).is_ok();
        let is_named = stacks.iter().any(|(stack, _)| stack.target.as_ref() == Some(target));
        if let Some(subject) = subjects.first()
            && !is_named
            && !subjects.iter().any(is_known)
        {
            subject.destination(Some(target))?;
        }
    }
    let is_meant = |stack: &StackTable| {
        targets.is_empty() || stack.target.as_ref().is_some_and(|target| targets.contains(target))
    };
    for (stack, layers) in stacks.iter().filter(|(stack, _)| is_meant(stack)) {
        let mine = subjects.iter().filter(|subject| layers.contains(&subject.name)).collect::<Vec<_>>();
        let destination = destination(stack, &mine)?;
        // Who names credentials of a stack does not mean those that publish.
        let (profile, role) = if stack.profile.is_some() || stack.role_arn.is_some() {
            (stack.profile.clone(), stack.role_arn.clone())
        } else {
            (destination.profile.clone(), destination.role_arn.clone())
        };
        let key = (request.ask.profile.clone().or(profile), role);
        let layers = mine.iter().flat_map(|subject| subject.lambda_names.clone()).collect();
        plans.push(Plan { stack, key, destination, layers });
    }
    let ways = open(&plans, request, clocks).await;
    let mut targets = Targets::default();
    for plan in plans {
        let way = ways.get(&plan.key).cloned().unwrap_or(Err(WayError::NoRegion));
        let mut regions = regions(&plan, request);
        if regions.is_empty() && request.ask.regions.is_empty() {
            regions.extend(way.as_ref().ok().and_then(|way| way.session.default_region()));
        }
        for region in regions {
            targets.all.push(Target {
                stack: plan.stack.name.clone(),
                region,
                layers: plan.layers.clone(),
                way: of_account(&plan, way.clone()).map_err(Arc::new),
                bucket: request.bucket.clone().or_else(|| plan.destination.bucket.clone()),
                template: plan.stack.template.as_ref().map(|path| file.with_file_name(path)),
            });
        }
    }
    Ok(targets)
}

/// Where its layers go: what the stack's own table does not say is taken from there.
fn destination(stack: &StackTable, layers: &[&Subject]) -> Result<Destination, RequestError> {
    let mut unknown = None;
    for layer in layers {
        match layer.destination(stack.target.as_deref()) {
            Ok(destination) => return Ok(destination.clone()),
            Err(error) => unknown = unknown.or(Some(error)),
        }
    }
    unknown.map_or_else(|| Ok(Destination::default()), |unknown| Err(unknown.into()))
}

fn regions(plan: &Plan<'_>, request: &RollOutRequest) -> Vec<Region> {
    let Destination { regions, optional_regions, .. } = &plan.destination;
    let own = &plan.stack.regions;
    let all =
        if own.is_empty() { regions.iter().chain(optional_regions).cloned().collect() } else { own.clone() };
    let asked = &request.ask.regions;
    if all.is_empty() && !asked.is_empty() {
        return asked.clone();
    }
    all.into_iter().filter(|region| asked.is_empty() || asked.contains(region)).collect()
}

async fn open(
    plans: &[Plan<'_>],
    request: &RollOutRequest,
    clocks: Clocks,
) -> BTreeMap<Key, Result<Arc<Way>, WayError>> {
    let mut wanted = BTreeMap::<Key, Vec<Region>>::new();
    for plan in plans {
        wanted.entry(plan.key.clone()).or_default().extend(regions(plan, request));
    }
    let mut opening = JoinSet::new();
    for (key, regions) in wanted {
        opening.spawn(async move { (ways::open_one(&key, regions, clocks).await, key) });
    }
    let mut opened = BTreeMap::new();
    while let Some(joined) = opening.join_next().await {
        // A panic is our own bug and has printed itself; its way is missing then.
        opened.extend(joined.ok().map(|(way, key)| (key, way)));
    }
    opened
}

fn of_account(plan: &Plan<'_>, way: Result<Arc<Way>, WayError>) -> Result<Arc<Way>, RollOutError> {
    let way = way.map_err(|error| match error {
        WayError::Session(error) => RollOutError::Session(error),
        WayError::OtherAccount(error) => RollOutError::OtherAccount(error),
        WayError::NoRegion => RollOutError::NoRegion(plan.stack.name.clone()),
    })?;
    let wanted = plan.stack.account.as_ref().or(plan.destination.account.as_ref());
    match wanted {
        Some(wanted) if *wanted != way.caller.account => Err(RollOutError::OtherAccount(OtherAccount {
            target: format!("stack `{}`", plan.stack.name),
            wanted: wanted.clone(),
            found: way.caller.account.clone(),
        })),
        _ => Ok(way),
    }
}
