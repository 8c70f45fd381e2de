//! Which layers of which accounts are asked about: those that were named by their ARN, and those that templates name.
//! Pure.

use std::collections::BTreeMap;

use template_tools::arn::{AccountId, LayerName, LayerVersionArn, Partition, Region};
use template_tools::inventory::Inventory;

use crate::aws::session::Caller;

/// A layer in one place, by an ARN that need not exist: the version is the highest that is known, or 0.
pub(super) type Start = LayerVersionArn;

/// What is asked, and what cannot be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Foreign {
    /// Each layer in each place, sorted.
    pub(super) starts: Vec<Start>,
    /// Layers of other partitions, whose accounts have other credentials.
    pub(super) elsewhere: Vec<(LayerName, Partition)>,
    /// Layers whose region is known only when a stack is deployed, where no region was named.
    pub(super) nowhere: Vec<LayerName>,
}

/// Where layers are asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places<'r> {
    /// The regions that were named; all others are then left out.
    pub(super) named: &'r [Region],
    /// The regions for references that leave it open, where none was named.
    pub(super) likely: &'r [Region],
}

/// Sorts out what is to be asked. Layers whose account is known only when a stack is deployed are not foreign.
pub(super) fn foreign(
    named: &[LayerVersionArn],
    inventory: &Inventory,
    places: Places<'_>,
    caller: &Caller,
) -> Foreign {
    let mut highest: BTreeMap<(LayerName, Partition, AccountId, Region), u64> = BTreeMap::new();
    let mut found = Foreign::default();
    let mut add =
        |layer: &LayerName, partition: &Partition, account: &AccountId, region: &Region, version| {
            if *partition != caller.partition {
                let elsewhere = (layer.clone(), partition.clone());
                if !found.elsewhere.contains(&elsewhere) {
                    found.elsewhere.push(elsewhere);
                }
                return;
            }
            let key = (layer.clone(), partition.clone(), account.clone(), region.clone());
            let known = highest.entry(key).or_default();
            *known = (*known).max(version);
        };
    for arn in named {
        add(&arn.layer, &arn.partition, &arn.account, &arn.region, arn.version);
    }
    for layer in &inventory.layers {
        let Some(account) = &layer.account else { continue };
        let partition = layer.partition.as_ref().unwrap_or(&caller.partition);
        let regions = match &layer.region {
            Some(region) if places.named.is_empty() || places.named.contains(region) => {
                std::slice::from_ref(region)
            }
            Some(_) => continue,
            None if places.named.is_empty() => places.likely,
            None => places.named,
        };
        if regions.is_empty() && !found.nowhere.contains(&layer.layer) {
            found.nowhere.push(layer.layer.clone());
        }
        for region in regions {
            add(&layer.layer, partition, account, region, layer.highest());
        }
    }
    let start =
        |((layer, partition, account, region), version)| Start { layer, partition, account, region, version };
    found.starts = highest.into_iter().map(start).collect();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYERS: &str = r#"{"layers": [
        {"layer": "a", "partition": "aws", "account": "111111111111", "region": "eu-west-1", "versions": [3, 12], "mixed": true},
        {"layer": "a", "partition": null, "account": "111111111111", "region": null, "versions": [13], "mixed": false},
        {"layer": "b", "partition": "aws-us-gov", "account": "111111111111", "region": "us-gov-west-1", "versions": [1], "mixed": false},
        {"layer": "c", "partition": null, "account": null, "region": null, "versions": [1], "mixed": false},
        {"layer": "d", "partition": "aws", "account": "222222222222", "region": "us-east-1", "versions": ["D_LAYER_PLACEHOLDER"], "mixed": false}
    ]}"#;

    fn check(arns: &[&str], named: &[&str], likely: &[&str], expected: &[&str], nowhere: usize) {
        let regions =
            |names: &[&str]| names.iter().map(|name| Region::new(*name).unwrap()).collect::<Vec<_>>();
        let (named, likely) = (regions(named), regions(likely));
        let arns = arns.iter().map(|arn| arn.parse().unwrap()).collect::<Vec<_>>();
        let caller = Caller {
            partition: Partition::new("aws").unwrap(),
            account: AccountId::new("999999999999").unwrap(),
        };
        let places = Places { named: &named, likely: &likely };
        let found = foreign(&arns, &Inventory::parse(LAYERS).unwrap(), places, &caller);
        assert_eq!(found.starts.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        assert_eq!((found.elsewhere.len(), found.nowhere.len()), (usize::from(named.is_empty()), nowhere));
    }

    #[test]
    fn each_layer_is_asked_about_once_in_each_place() {
        let start = |layer: &str, account: &str, region: &str, version: u64| {
            format!("arn:aws:lambda:{region}:{account}:layer:{layer}:{version}")
        };
        let (one, two) = ("111111111111", "222222222222");
        // Without regions, those that are written out; what leaves it open has nowhere to go.
        let written = [start("a", one, "eu-west-1", 12), start("d", two, "us-east-1", 0)];
        check(&[], &[], &[], &written.each_ref().map(String::as_str), 1);
        // With likely ones, it goes there, and the highest version counts.
        let open = [
            start("a", one, "eu-west-1", 13),
            start("a", one, "us-east-1", 13),
            start("d", two, "us-east-1", 0),
        ];
        check(&[], &[], &["eu-west-1", "us-east-1"], &open.each_ref().map(String::as_str), 0);
        // Where regions were named, it is these alone; an ARN says itself where it is.
        let arn = start("e", two, "sa-east-1", 4);
        let named = [start("a", one, "us-east-1", 13), start("d", two, "us-east-1", 0), arn.clone()];
        check(&[&arn], &["us-east-1"], &["eu-west-1"], &named.each_ref().map(String::as_str), 0);
    }
}
