//! Version continuity: the same number for a content in every region. Numbers drift apart where one region has missed a
//! version, or lost one; from then on "version 8" means something else in each. Pure: nothing is asked here.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use template_tools::arn::Region;

use super::regions::Weight;

/// Whether the numbers have to be the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Continuity {
    /// Each region goes on as it does.
    #[default]
    Free,
    /// Nothing is written unless they are (`--require-same-version`).
    Same,
    /// Regions that lag behind are filled up before (`--align`).
    Align,
}

/// One region, before anything is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The region.
    pub region: Region,
    /// Whether it counts.
    pub weight: Weight,
    /// What it has.
    pub has: Has,
}

/// What a region has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Has {
    /// The content, as this version.
    Content(u64),
    /// Something else; the content would probably become this version.
    Next(u64),
    /// It does not say.
    Unknown,
}

/// What all regions can come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The number of the content, everywhere.
    pub number: u64,
    /// A region that has all older versions.
    pub leader: Region,
    /// The versions that other regions lack before that number.
    pub fills: BTreeMap<Region, Range<u64>>,
}

/// Why they cannot come to the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// A region that counts does not say what it has.
    Unasked(Region),
    /// The numbers differ, and filling up would help.
    Lagging(Numbers),
    /// The numbers differ, and nothing helps: the content is there already under one of them.
    Settled(Numbers),
}

/// Each number, with the regions where it is the content's, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers(BTreeMap<u64, Vec<Region>>);

/// The number that the content can have everywhere. Nothing, if no region says anything.
pub fn agree(standings: &[Standing], continuity: Continuity) -> Result<Option<Agreement>, Disagreement> {
    let silent = |standing: &&Standing| standing.has == Has::Unknown && standing.weight == Weight::Required;
    if let Some(silent) = standings.iter().find(silent) {
        return Err(Disagreement::Unasked(silent.region.clone()));
    }
    let numbers = Numbers::of(standings);
    let settled = standings.iter().filter_map(|standing| match standing.has {
        Has::Content(number) => Some(number),
        Has::Next(_) | Has::Unknown => None,
    });
    let Some(&highest) = numbers.0.keys().next_back() else { return Ok(None) };
    let number = settled.clone().min().unwrap_or(highest);
    // What is there under a number is never published again under another one.
    if settled.clone().any(|settled| settled != number) || highest != number {
        return Err(Disagreement::Settled(numbers));
    }
    let behind = standings.iter().filter_map(|standing| match standing.has {
        Has::Next(next) if next < number => Some((standing.region.clone(), next..number)),
        _ => None,
    });
    let fills = behind.collect::<BTreeMap<_, _>>();
    if !fills.is_empty() && continuity != Continuity::Align {
        return Err(Disagreement::Lagging(numbers));
    }
    let leader = numbers.0[&number][0].clone();
    Ok(Some(Agreement { number, leader, fills }))
}

impl Numbers {
    fn of(standings: &[Standing]) -> Self {
        let mut numbers = BTreeMap::<u64, Vec<Region>>::new();
        for standing in standings {
            match standing.has {
                Has::Content(number) | Has::Next(number) => {
                    numbers.entry(number).or_default().push(standing.region.clone());
                }
                Has::Unknown => {}
            }
        }
        Self(numbers)
    }
}

/// `8 in eu-west-1 and us-east-1, 5 in ap-south-1`: the highest first.
impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (number, regions)) in self.0.iter().rev().enumerate() {
            let names = regions.iter().map(Region::as_str).collect::<Vec<_>>();
            let names = match names.as_slice() {
                [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
                names => names.join(""),
            };
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{number} in {names}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standings(list: &[(&str, Has)]) -> Vec<Standing> {
        let standing = |(name, has): &(&str, Has)| Standing {
            region: name.trim_end_matches('?').parse().unwrap(),
            weight: if name.ends_with('?') { Weight::Optional } else { Weight::Required },
            has: *has,
        };
        list.iter().map(standing).collect()
    }

    fn check(list: &[(&str, Has)], continuity: Continuity, expected: &str) {
        let said = match agree(&standings(list), continuity) {
            Ok(None) => "nothing".to_owned(),
            Ok(Some(Agreement { number, leader, fills })) => {
                let fills = fills.iter().map(|(region, range)| format!(", {region} {range:?}"));
                format!("{number} as {leader}{}", fills.collect::<String>())
            }
            Err(Disagreement::Unasked(region)) => format!("unasked: {region}"),
            Err(Disagreement::Lagging(numbers)) => format!("lagging: {numbers}"),
            Err(Disagreement::Settled(numbers)) => format!("settled: {numbers}"),
        };
        assert_eq!(said, expected);
    }

    use Continuity::{Align, Same};
    use Has::{Content, Next, Unknown};

    #[test]
    fn the_same_next_number_everywhere_is_agreed_on() {
        for continuity in [Same, Align] {
            check(&[("eu-west-1", Next(8)), ("us-east-1", Next(8))], continuity, "8 as eu-west-1");
            check(&[("eu-west-1", Content(8)), ("us-east-1", Next(8))], continuity, "8 as eu-west-1");
            check(&[("eu-west-1", Content(8)), ("us-east-1", Content(8))], continuity, "8 as eu-west-1");
            check(&[], continuity, "nothing");
        }
    }

    #[test]
    fn who_lags_behind_is_filled_up_to_the_highest_and_no_further() {
        let drifted = [("eu-west-1", Next(5)), ("us-east-1", Next(8)), ("ap-south-1", Next(1))];
        check(&drifted, Same, "lagging: 8 in us-east-1, 5 in eu-west-1, 1 in ap-south-1");
        check(&drifted, Align, "8 as us-east-1, ap-south-1 1..8, eu-west-1 5..8");
        // After a run that was stopped half-way.
        let half = [("eu-west-1", Next(7)), ("us-east-1", Content(8)), ("ap-south-1", Next(8))];
        check(&half, Align, "8 as us-east-1, eu-west-1 7..8");
        check(
            &[("eu-west-1", Next(5)), ("us-east-1", Content(8))],
            Same,
            "lagging: 8 in us-east-1, 5 in eu-west-1",
        );
    }

    #[test]
    fn what_is_there_under_one_number_is_not_published_under_another() {
        for continuity in [Same, Align] {
            let ahead = [("eu-west-1", Content(5)), ("us-east-1", Next(8))];
            check(&ahead, continuity, "settled: 8 in us-east-1, 5 in eu-west-1");
            let two = [("eu-west-1", Content(5)), ("us-east-1", Content(4)), ("us-west-2", Content(4))];
            check(&two, continuity, "settled: 5 in eu-west-1, 4 in us-east-1 and us-west-2");
        }
    }

    #[test]
    fn a_silent_region_counts_if_it_is_required() {
        check(&[("eu-west-1", Next(5)), ("us-east-1", Unknown)], Align, "unasked: us-east-1");
        check(&[("eu-west-1", Next(5)), ("me-south-1?", Unknown)], Same, "5 as eu-west-1");
        check(&[("eu-west-1", Next(5)), ("me-south-1?", Next(2))], Align, "5 as eu-west-1, me-south-1 2..5");
    }
}
