//! Asks every account and region behind the ways to a layer which functions there are. Each on its own; an account and
//! region is asked once, however many ways and layers lead there.

use std::collections::{BTreeMap, BTreeSet};

use template_tools::arn::{AccountId, LayerVersionArn, Partition, Region};
use tokio::task::JoinSet;

use super::users::{Users, users, with_aliases};
use crate::aws::failure::CallFailure;
use crate::aws::lambda::LambdaRegion;
use crate::publish::regions::Weight;
use crate::versions::ways::Spot;

/// Whether the aliases of functions are of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aliases {
    /// They are asked for, one call for each function that uses a layer.
    Asked,
    /// They are not.
    NotAsked,
}

/// So many functions are asked for their aliases at once; the pace of the region decides how fast.
const AT_ONCE: usize = 5;

/// An account and a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Corner {
    /// The partition of the account.
    pub partition: Partition,
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
}

impl Corner {
    /// The one that a place lies in.
    pub fn of(spot: &Spot) -> Self {
        let place = &spot.place;
        Self {
            partition: place.partition.clone(),
            account: place.account.clone(),
            region: place.region.clone(),
        }
    }
}

/// What one account and region says.
#[derive(Debug)]
pub struct Answer {
    /// The target that led there; nothing for the layer's own table.
    pub target: Option<String>,
    /// Whether it counts if it says nothing.
    pub weight: Weight,
    /// Who uses the layers there.
    pub users: Result<Users, CallFailure>,
    /// Why the aliases of some function are missing, if they are.
    pub without_aliases: Option<CallFailure>,
}

/// Who uses the layers that lie in these places, by what each account and region says.
pub async fn ask(spots: &[Spot], aliases: Aliases) -> BTreeMap<Corner, Answer> {
    // A layer can be shared with an account that has one of the same name: its owner counts too.
    let layers = spots.iter().map(|spot| {
        let place = &spot.place;
        (place.partition.clone(), place.account.clone(), place.layer_name.clone())
    });
    let layers = layers.collect::<BTreeSet<_>>();
    let is_meant = move |arn: &LayerVersionArn| {
        layers.contains(&(arn.partition.clone(), arn.account.clone(), arn.layer.clone()))
    };
    let mut corners = BTreeMap::<Corner, &Spot>::new();
    for spot in spots {
        let known = corners.entry(Corner::of(spot)).or_insert(spot);
        if spot.weight < known.weight {
            *known = spot;
        }
    }
    let mut answers = BTreeMap::new();
    let mut running = JoinSet::new();
    for (corner, spot) in corners {
        let (lambda, is_meant) = (spot.way.session.lambda(&corner.region), is_meant.clone());
        let (target, weight) = (spot.target.clone(), spot.weight);
        running.spawn(async move {
            let (users, without_aliases) = match ask_one(&lambda, &corner.account, is_meant, aliases).await {
                Ok((users, without_aliases)) => (Ok(users), without_aliases),
                Err(failure) => (Err(failure), None),
            };
            (corner, Answer { target, weight, users, without_aliases })
        });
    }
    while let Some(joined) = running.join_next().await {
        // A panic is our own bug and has printed itself; whoever looks for that answer does not find it.
        answers.extend(joined.ok());
    }
    answers
}

async fn ask_one(
    lambda: &LambdaRegion,
    account: &AccountId,
    is_meant: impl Fn(&LayerVersionArn) -> bool,
    aliases: Aliases,
) -> Result<(Users, Option<CallFailure>), CallFailure> {
    let users = users(account, &lambda.functions().await?, is_meant);
    if aliases == Aliases::NotAsked {
        return Ok((users, None));
    }
    let mut waiting = users.values().flatten().map(|user| user.function.clone()).collect::<BTreeSet<_>>();
    let (mut found, mut failure) = (BTreeMap::new(), None);
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some(function) = waiting.pop_first()
        {
            let lambda = lambda.clone();
            running.spawn(async move { (lambda.aliases(&function).await, function) });
        }
        match running.join_next().await {
            Some(Ok((Ok(aliases), function))) => {
                found.insert(function, aliases);
            }
            // What holds for one function holds for the others, most probably: there is no use in asking for all.
            Some(Ok((Err(error), _))) => {
                failure.get_or_insert(error);
                waiting.clear();
            }
            Some(Err(_)) => {}
            None => break,
        }
    }
    Ok((with_aliases(users, &found), failure))
}
