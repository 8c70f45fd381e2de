//! The regions of a way, and the places that it leads to: each once, whichever way leads there first. Pure.

use std::sync::Arc;

use template_tools::arn::Region;
use template_tools::ledger::{Entry, LayerPlace, Ledger};

use super::{Ask, Candidate, Spot, Subject, Way, WayFailure, Ways};
use crate::aws::session::Caller;
use crate::config::publish::Destination;
use crate::publish::regions::{self, Weight};

/// The regions to be asked as far as they are known before the account is: each with its weight, and whether the layer
/// is sent there.
pub(super) fn regions(
    subject: &Subject,
    destination: &Destination,
    ledger: &Ledger,
    ask: &Ask,
) -> Vec<(Region, Weight, bool)> {
    let account = destination.account.as_ref();
    let is_there = |entry: &Entry| account.is_none_or(|account| entry.layer_version_arn.account == *account);
    with_ledger(subject, destination, ledger, ask, None, is_there)
}

fn with_ledger(
    subject: &Subject,
    destination: &Destination,
    ledger: &Ledger,
    ask: &Ask,
    default: Option<&Region>,
    is_there: impl Fn(&Entry) -> bool,
) -> Vec<(Region, Weight, bool)> {
    let wanted = regions::places(&ask.regions, Some(destination), None);
    let mut all = wanted.into_iter().map(|place| (place.region, place.weight, true)).collect::<Vec<_>>();
    if ask.regions.is_empty() {
        for entry in ledger.entries().filter(|entry| is_there(entry)) {
            let arn = &entry.layer_version_arn;
            if subject.lambda_names.contains(&arn.layer)
                && !all.iter().any(|(known, ..)| *known == arn.region)
            {
                all.push((arn.region.clone(), Weight::Required, false));
            }
        }
    }
    if all.is_empty() {
        all.extend(default.map(|region| (region.clone(), Weight::Required, true)));
    }
    all
}

/// Adds the places that a way leads to.
pub(super) fn add(
    ways: &mut Ways,
    subject: &Subject,
    candidate: &Candidate,
    way: &Arc<Way>,
    ledger: &Ledger,
    ask: &Ask,
) {
    let Caller { partition, account } = &way.caller;
    let is_there = |entry: &Entry| {
        entry.layer_version_arn.account == *account && entry.layer_version_arn.partition == *partition
    };
    let default = way.session.default_region();
    let regions = with_ledger(subject, &candidate.destination, ledger, ask, default.as_ref(), is_there);
    for layer_name in &subject.lambda_names {
        for (region, weight, wanted) in &regions {
            let place = LayerPlace {
                layer_name: layer_name.clone(),
                partition: partition.clone(),
                account: account.clone(),
                region: region.clone(),
            };
            let spot = Spot {
                way: Arc::clone(way),
                layer: subject.name.clone(),
                target: candidate.target.clone(),
                destination: Arc::clone(&candidate.destination),
                weight: *weight,
                wanted: *wanted && !candidate.is_base,
                place,
            };
            insert(&mut ways.spots, spot, ledger);
        }
    }
}

/// Of two ways to one place the one counts that the ledger names; else the one that sends the layer there; else the
/// first.
fn insert(spots: &mut Vec<Spot>, spot: Spot, ledger: &Ledger) {
    let Some(known) = spots.iter_mut().find(|known| known.place == spot.place) else {
        spots.push(spot);
        return;
    };
    let recorded = ledger.get(&spot.place).map(|entry| &entry.target);
    let rank = |spot: &Spot| (spot.wanted, recorded == Some(&spot.target));
    if rank(&spot) > rank(known) {
        *known = spot;
    }
}

/// Whether an entry of the ledger lies behind a way that could not be opened.
pub(super) fn is_behind(failure: &WayFailure, entry: &Entry) -> bool {
    match &failure.destination.account {
        Some(account) => entry.layer_version_arn.account == *account,
        None => entry.target == failure.target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        Subject {
            name: "sosw".to_owned(),
            lambda_names: vec!["sosw".parse().unwrap()],
            destination: Destination {
                regions: vec!["eu-west-1".parse().unwrap()],
                optional_regions: vec!["me-south-1".parse().unwrap()],
                ..Destination::default()
            },
            targets: std::collections::BTreeMap::new(),
        }
    }

    fn ledger(arns: &[&str]) -> Ledger {
        arns.iter().map(|arn| Entry::new(format!("arn:aws:lambda:{arn}").parse().unwrap())).collect()
    }

    fn shown(regions: &[(Region, Weight, bool)]) -> Vec<String> {
        let show = |(region, weight, wanted): &(Region, Weight, bool)| {
            let optional = if *weight == Weight::Optional { "?" } else { "" };
            let known_only = if *wanted { "" } else { " by the ledger" };
            format!("{region}{optional}{known_only}")
        };
        regions.iter().map(show).collect()
    }

    #[test]
    fn regions_are_those_of_the_table_and_those_that_the_ledger_knows_for_this_account() {
        let subject = subject();
        let ledger = ledger(&[
            "eu-west-1:123456789012:layer:sosw:7",
            "sa-east-1:123456789012:layer:sosw:7",
            "us-east-1:210987654321:layer:sosw:7",
            "us-west-2:123456789012:layer:other:7",
        ]);
        let account = "123456789012".parse().unwrap();
        let to = Destination { account: Some(account), ..subject.destination.clone() };
        let ask = Ask::default();
        assert_eq!(
            shown(&regions(&subject, &to, &ledger, &ask)),
            ["eu-west-1", "me-south-1?", "sa-east-1 by the ledger"]
        );
        // As long as nobody knows the account, everything is worth asking in.
        let all = regions(&subject, &subject.destination, &ledger, &ask);
        assert_eq!(all.len(), 4);
        let ask = Ask { regions: vec!["us-west-2".parse().unwrap()], ..Ask::default() };
        assert_eq!(shown(&regions(&subject, &to, &ledger, &ask)), ["us-west-2"]);
    }
}
