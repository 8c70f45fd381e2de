//! The stacks of functions that run an older version of a layer, in every account and region that it goes to: what
//! `usage` finds, and the stack that CloudFormation has written into a tag of each function.

use std::collections::{BTreeMap, BTreeSet};

use template_tools::arn::LayerName;
use template_tools::ledger::{LayerPlace, Ledger};
use tokio::task::JoinSet;

use super::error::{RequestError, RollOutError};
use super::{RollOutRequest, Target, Targets};
use crate::aws::failure::CallFailure;
use crate::clocks::Clocks;
use crate::publish::regions::Weight;
use crate::ui::{Ui, counted};
use crate::versions::usage::ask::{Aliases, Answer, Corner, ask};
use crate::versions::usage::users::FunctionNumber;
use crate::versions::ways::{self, Spot, Subject};

/// So many functions are asked for their stack at once; the pace of the region decides how fast.
const AT_ONCE: usize = 5;

/// Asks everybody.
pub(super) async fn targets(
    subjects: &[Subject],
    ledger: &Ledger,
    request: &RollOutRequest,
    clocks: Clocks,
    ui: &Ui,
) -> Result<Targets, RequestError> {
    let ways = ways::open(subjects, ledger, &request.ask, clocks).await?;
    let mut targets = Targets::default();
    targets.failures.extend(ways.failures.into_iter().map(Box::new).map(RollOutError::Way));
    let corners = ways.spots.iter().map(Corner::of).collect::<BTreeSet<_>>();
    ui.status("Asking", format!("{} which stacks run an older version", counted(corners.len(), "region")));
    for (corner, answer) in ask(&ways.spots, Aliases::NotAsked).await {
        let Some(spot) = ways.spots.iter().find(|spot| Corner::of(spot) == corner) else { continue };
        let found = match &answer.users {
            Ok(_) => stacks(&corner, &answer, spot, ledger).await,
            Err(failure) => Err(failure.clone()),
        };
        match found {
            Ok(found) => {
                targets.answered += usize::from(answer.weight == Weight::Required);
                for (function, layers) in &found.without {
                    ui.note(format!(
                        "function `{function}` in {} belongs to no stack, and keeps {layers}",
                        corner.region
                    ));
                }
                for (stack, root) in &found.nested {
                    ui.note(format!(
                        "stack `{stack}` in {} is nested in `{root}`, which alone can update it: deploy that one with the new version",
                        corner.region
                    ));
                }
                targets.all.extend(found.stacks.into_iter().map(|(stack, layers)| Target {
                    stack,
                    region: corner.region.clone(),
                    layers,
                    way: Ok(spot.way.clone()),
                    bucket: request.bucket.clone().or_else(|| spot.destination.bucket.clone()),
                    template: None,
                }));
            }
            Err(failure) if answer.weight == Weight::Optional => {
                ui.warning(format!("{} is optional, and could not be asked: {failure}", corner.region));
            }
            Err(failure) => targets.failures.push(RollOutError::Usage {
                account: corner.account.clone(),
                region: corner.region.clone(),
                source: Box::new(failure),
                advice: Box::new(spot.way.session.advice().clone()),
            }),
        }
    }
    for name in &request.stacks {
        if !targets.all.iter().any(|target| target.stack == *name) {
            named(name, &ways.spots, request, &mut targets).await;
        }
    }
    Ok(targets)
}

/// A stack that was named and runs no older version: it is looked for, so that it can be said to be up to date.
async fn named(name: &str, spots: &[Spot], request: &RollOutRequest, targets: &mut Targets) {
    let mut corners = BTreeMap::<Corner, (&Spot, BTreeSet<LayerName>)>::new();
    for spot in spots {
        let (_, layers) = corners.entry(Corner::of(spot)).or_insert_with(|| (spot, BTreeSet::new()));
        layers.insert(spot.place.layer_name.clone());
    }
    for (corner, (spot, layers)) in corners {
        match spot.way.session.cloudformation(&corner.region).stack(name).await {
            Ok(Some(_)) => targets.all.push(Target {
                stack: name.to_owned(),
                region: corner.region,
                layers,
                way: Ok(spot.way.clone()),
                bucket: request.bucket.clone().or_else(|| spot.destination.bucket.clone()),
                template: None,
            }),
            Ok(None) => {}
            Err(failure) => targets.failures.push(RollOutError::Look {
                stack: name.to_owned(),
                account: corner.account,
                region: corner.region,
                source: Box::new(failure),
                advice: Box::new(spot.way.session.advice().clone()),
            }),
        }
    }
}

/// What one account and region has.
#[derive(Default)]
struct Found {
    /// The stacks, each with the layers of which something there is older.
    stacks: BTreeMap<String, BTreeSet<LayerName>>,
    /// The functions that belong to no stack, each with what it has.
    without: BTreeMap<String, String>,
    /// The stacks that belong to another one, each with the outermost.
    nested: BTreeMap<String, String>,
}

async fn stacks(
    corner: &Corner,
    answer: &Answer,
    spot: &Spot,
    ledger: &Ledger,
) -> Result<Found, CallFailure> {
    let mut waiting = outdated(answer, ledger);
    let lambda = spot.way.session.lambda(&corner.region);
    let (mut found, mut running) = (Found::default(), JoinSet::new());
    loop {
        while running.len() < AT_ONCE
            && let Some((function, layers)) = waiting.pop_first()
        {
            let Corner { partition, account, region } = corner;
            let arn = format!("arn:{partition}:lambda:{region}:{account}:function:{function}");
            let lambda = lambda.clone();
            running.spawn(async move { (lambda.stack_of(&arn).await, function, layers) });
        }
        match running.join_next().await {
            Some(Ok((stack, function, layers))) => match stack? {
                Some(stack) => {
                    let names = layers.into_keys();
                    found.stacks.entry(name_of(&stack).to_owned()).or_default().extend(names);
                }
                None => {
                    let layers = layers.iter().map(|(layer, version)| format!("{layer}:{version}"));
                    found.without.insert(function, layers.collect::<Vec<_>>().join(", "));
                }
            },
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => break,
        }
    }
    let cloudformation = spot.way.session.cloudformation(&corner.region);
    for stack in found.stacks.keys().cloned().collect::<Vec<_>>() {
        // Where this does not tell, the stack's own turn does.
        let root = cloudformation.stack(&stack).await.ok().flatten().and_then(|stack| stack.root);
        if let Some(root) = root {
            found.stacks.remove(&stack);
            found.nested.insert(stack, name_of(&root).to_owned());
        }
    }
    Ok(found)
}

/// The functions that run an older version than the ledger names, or one that was withdrawn.
fn outdated(answer: &Answer, ledger: &Ledger) -> BTreeMap<String, BTreeMap<LayerName, u64>> {
    let mut functions = BTreeMap::<String, BTreeMap<LayerName, u64>>::new();
    for (arn, users) in answer.users.iter().flatten() {
        let place = LayerPlace {
            layer_name: arn.layer.clone(),
            partition: arn.partition.clone(),
            account: arn.account.clone(),
            region: arn.region.clone(),
        };
        let Some(entry) = ledger.get(&place) else { continue };
        if arn.version >= entry.version() && !entry.withdrawn.contains_key(&arn.version) {
            continue;
        }
        for user in users.iter().filter(|user| user.version == FunctionNumber::Latest) {
            functions.entry(user.function.clone()).or_default().insert(arn.layer.clone(), arn.version);
        }
    }
    functions
}

/// `name` of `arn:aws:cloudformation:eu-west-1:123456789012:stack/name/0a1b…`.
fn name_of(arn: &str) -> &str {
    let rest = arn.split_once(":stack/").map_or(arn, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}
