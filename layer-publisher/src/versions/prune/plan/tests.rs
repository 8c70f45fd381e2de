//! Each rule alone, and then all of them against chance: what any source names is never removed.

use std::time::Duration;

use super::*;
use crate::publish::permissions::Statement;

const DAY: u64 = 86_400;
const NOW: u64 = 1_000 * DAY;

/// Versions that were published so many days ago, the oldest first.
fn known(days: &[u64]) -> Known {
    let versions = (1..)
        .zip(days)
        .map(|(version, days)| Dated { version, created: Some(When { seconds: NOW - days * DAY }) });
    let versions = versions.collect::<Vec<_>>();
    let policies = versions.iter().map(|dated| (dated.version, Ok(Policy::default()))).collect();
    Known { versions, policies, ..Known::default() }
}

fn rules(keep: usize) -> Rules {
    let min_age = Age(Duration::from_secs(30 * DAY));
    Rules { keep, min_age, shared: SharedOnes::Keep, now: When { seconds: NOW } }
}

fn function() -> Reason {
    Reason::Function { function: "orders".to_owned(), version: "3".to_owned() }
}

fn name(known: &mut Known, version: u64, reason: Reason) {
    known.named.entry(version).or_default().insert(reason);
}

#[track_caller]
fn check(known: &Known, rules: &Rules, removed: &[u64], kept: &[&str]) {
    let plan = plan(known, rules);
    assert_eq!(plan.remove.iter().copied().collect::<Vec<_>>(), removed);
    let shown = plan.keep.iter().rev().map(|(version, reasons)| {
        let reasons = reasons.iter().map(ToString::to_string).collect::<Vec<_>>();
        format!("{version}: {}", reasons.join("; "))
    });
    assert_eq!(shown.collect::<Vec<_>>(), kept);
}

#[test]
fn the_newest_stay() {
    check(&known(&[90, 80, 70, 60]), &rules(2), &[1, 2], &["4: among the newest 2", "3: among the newest 2"]);
    check(&known(&[90]), &rules(5), &[], &["1: among the newest 5"]);
    check(&Known::default(), &rules(1), &[], &[]);
}

#[test]
fn what_was_taken_back_is_none_of_the_newest() {
    let mut known = known(&[90, 80, 70, 60]);
    known.withdrawn = [4].into();
    check(&known, &rules(1), &[1, 2, 4], &["3: the newest"]);
}

#[test]
fn what_was_taken_back_is_nothing_to_go_back_to() {
    let mut known = known(&[90, 80, 70, 60]);
    known.withdrawn = [3].into();
    name(&mut known, 4, Reason::Ledger);
    check(&known, &rules(1), &[1, 3], &["4: the ledger; the newest", "2: the one before 4"]);
}

#[test]
fn what_is_named_stays_and_the_one_before_it() {
    for (reason, shown) in [
        (function(), "function orders (3)"),
        (Reason::Ledger, "the ledger"),
        (Reason::Pointer("latest".to_owned()), "parameter latest"),
        (Reason::Stack("shop".to_owned()), "stack shop"),
        (Reason::File("app/template.yaml".to_owned()), "app/template.yaml"),
    ] {
        let mut known = known(&[90, 80, 70, 60, 50]);
        name(&mut known, 3, reason);
        let kept = ["5: the newest", &format!("3: {shown}"), "2: the one before 3"];
        check(&known, &rules(1), &[1, 4], &kept);
    }
}

#[test]
fn the_one_before_is_the_next_that_is_still_there() {
    let mut known = known(&[90, 80, 70, 60, 50]);
    known.versions.retain(|dated| dated.version != 3);
    name(&mut known, 4, function());
    check(&known, &rules(1), &[1], &["5: the newest", "4: function orders (3)", "2: the one before 4"]);
    // And also if the one that is named was deleted.
    let mut known = self::known(&[90, 80, 70, 60, 50]);
    known.versions.retain(|dated| dated.version != 4);
    name(&mut known, 4, function());
    check(&known, &rules(1), &[1, 2], &["5: the newest", "3: the one before 4"]);
}

#[test]
fn what_is_young_stays_and_what_has_no_age() {
    let mut known = known(&[90, 31, 30, 29, 1]);
    known.versions[0].created = None;
    let kept = ["5: the newest; younger than 30d", "4: younger than 30d", "1: its age is not known"];
    check(&known, &rules(1), &[2, 3], &kept);
}

#[test]
fn what_is_shared_stays_unless_it_is_included() {
    let mut known = known(&[90, 80, 70, 60]);
    let statement = |id: &str, grant| Statement { id: id.to_owned(), grant };
    let account = Grant::Account("123456789012".parse().unwrap());
    let statements = vec![statement("a", Some(account)), statement("b", None)];
    known.policies.insert(1, Ok(Policy { statements, revision: None }));
    known.policies.insert(2, Err("not authorized".to_owned()));
    known.policies.remove(&3);
    let kept = [
        "4: the newest",
        "3: its policy is not known: it was not asked for",
        "2: its policy is not known: not authorized",
        "1: shared with account 123456789012, somebody, by the statement `b`",
    ];
    check(&known, &rules(1), &[], &kept);
    let rules = Rules { shared: SharedOnes::Include, ..rules(1) };
    check(&known, &rules, &[1, 2, 3], &["4: the newest"]);
}

/// A small generator of its own, so that a failure can be had again: its seed is printed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

#[test]
fn whatever_happens_nothing_is_removed_that_anybody_names() {
    for seed in 1..20_000 {
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let count = chance.below(12);
        let days = (0..count).map(|_| chance.below(60)).collect::<Vec<_>>();
        let mut known = known(&days);
        let of = |chance: &mut Chance| match chance.below(5) {
            0 => function(),
            1 => Reason::Ledger,
            2 => Reason::Pointer("p".to_owned()),
            3 => Reason::Stack("s".to_owned()),
            _ => Reason::File("f".to_owned()),
        };
        for _ in 0..chance.below(4) {
            let (version, reason) = (chance.below(15), of(&mut chance));
            name(&mut known, version, reason);
        }
        known.versions.retain(|_| chance.below(5) > 0);
        for dated in &mut known.versions {
            match chance.below(8) {
                0 => dated.created = None,
                1 => drop(known.policies.remove(&dated.version)),
                2 => drop(known.policies.insert(dated.version, Err("no".to_owned()))),
                _ => {}
            }
        }
        let rules = Rules {
            shared: if chance.below(4) == 0 { SharedOnes::Include } else { SharedOnes::Keep },
            ..rules(chance.below(4) as usize)
        };
        let plan = plan(&known, &rules);
        let listed = known.versions.iter().map(|dated| dated.version).collect::<BTreeSet<_>>();
        let kept = plan.keep.keys().copied().collect::<BTreeSet<_>>();
        // Every version is in one of the two, and none in both.
        assert!(kept.is_disjoint(&plan.remove), "seed {seed}");
        assert_eq!(kept.union(&plan.remove).copied().collect::<BTreeSet<_>>(), listed, "seed {seed}");
        assert!(plan.keep.values().all(|reasons| !reasons.is_empty()), "seed {seed}");
        for version in &plan.remove {
            assert!(!known.named.contains_key(version), "seed {seed}: {version} is named");
            let after = listed.range(version + 1..).next().copied().unwrap_or(u64::MAX);
            let is_before = known.named.keys().any(|named| named > version && *named <= after);
            assert!(!is_before, "seed {seed}: {version} is the one before");
            assert!(listed.range(version..).count() > rules.keep, "seed {seed}: {version} is new");
            let dated = known.versions.iter().find(|dated| dated.version == *version).unwrap();
            let created = dated.created.unwrap_or_else(|| panic!("seed {seed}: {version} has no age"));
            assert!(NOW - created.seconds >= 30 * DAY, "seed {seed}: {version} is young");
            let private = known.policies.get(version) == Some(&Ok(Policy::default()));
            assert!(private || rules.shared == SharedOnes::Include, "seed {seed}: {version} is shared");
        }
    }
}
