//! What there is, what is wanted, and the step between them.

use super::*;
use crate::publish::fake::{self, listed, version};
use crate::publish::terms::{Choices, Withdrawal, replaced_by};

fn step_of(wanted: &Wanted, found: &Found) -> Step {
    step(wanted, found, &Terms::default())
}

fn publish(expected: Option<u64>) -> Step {
    Step::Publish { expected, reinstated: Vec::new() }
}

fn found(listed: Vec<Listed>, newest: LayerVersion) -> Found {
    Found { listed, newest: Some(newest), same: Vec::new() }
}

#[test]
fn a_region_without_versions_gets_one() {
    assert_eq!(step_of(&fake::wanted(b"a"), &Found::default()), publish(None));
}

#[test]
fn the_content_of_the_newest_version_decides() {
    let wanted = fake::wanted(b"a");
    let same = version(&wanted, 7);
    let unchanged = Step::Unchanged { version: Box::new(same.clone()), differences: Vec::new() };
    assert_eq!(step_of(&wanted, &found(Vec::new(), same.clone())), unchanged);

    // What the description says is no proof, in either direction.
    let other = LayerVersion { description: same.description.clone(), ..version(&fake::wanted(b"b"), 7) };
    assert_eq!(step_of(&wanted, &found(Vec::new(), other)), publish(Some(8)));
    let by_hand = LayerVersion { description: String::new(), ..same };
    assert!(matches!(step_of(&wanted, &found(Vec::new(), by_hand)), Step::Unchanged { .. }));
}

#[test]
fn the_same_hash_with_another_size_is_not_the_content() {
    let wanted = fake::wanted(b"a");
    let shorter = LayerVersion { size: 0, ..version(&wanted, 7) };
    assert_eq!(step_of(&wanted, &found(Vec::new(), shorter)), publish(Some(8)));
}

#[test]
fn other_metadata_is_told_and_the_order_of_a_list_is_not() {
    let wanted = fake::wanted(b"a");
    let mut there = version(&wanted, 7);
    there.compatible_runtimes.reverse();
    assert_eq!(wanted.differences(&there), Vec::<String>::new());
    there.compatible_runtimes.pop();
    there.compatible_architectures.clear();
    assert_eq!(
        wanted.differences(&there),
        [
            "its runtimes are python3.13, and not python3.12, python3.13",
            "its architectures are not given, and not x86_64, arm64"
        ]
    );
}

#[test]
fn candidates_are_newer_than_the_floor_and_bear_the_mark() {
    let (wanted, other) = (fake::wanted(b"a"), fake::wanted(b"b"));
    let listed = [listed(&wanted, 9), listed(&other, 8), listed(&wanted, 7), listed(&wanted, 6)];
    assert_eq!(candidates(&wanted, &listed, 6), [9, 7]);
    assert_eq!(candidates(&wanted, &listed, 9), Vec::<u64>::new());
}

#[test]
fn twins_are_the_newest_versions_that_follow_each_other() {
    let (wanted, other) = (fake::wanted(b"a"), fake::wanted(b"b"));
    let back_again = [listed(&wanted, 9), listed(&other, 8), listed(&wanted, 7)];
    assert_eq!(twins(&wanted.mark, &back_again), Vec::<u64>::new());
    let twice = [listed(&wanted, 9), listed(&wanted, 7), listed(&other, 6)];
    assert_eq!(twins(&wanted.mark, &twice), [9, 7]);
}

#[test]
fn a_description_never_has_more_than_256_characters_and_always_the_whole_mark() {
    let mark = mark("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    assert_eq!(mark, "[sha256:0123456789abcdef0123456789abcdef]");
    assert_eq!(description("", &mark), mark);
    assert_eq!(description("sosw", &mark), format!("sosw {mark}"));
    for text in ["x".repeat(300), "ä".repeat(300), "x ".repeat(200)] {
        let described = description(&text, &mark);
        assert!(
            described.chars().count() <= 256
                && described.ends_with(&format!("{} {mark}", text.trim().chars().next().unwrap())),
            "{described}"
        );
    }
    let longest = 256 - 1 - mark.len();
    assert_eq!(description(&"x".repeat(longest), &mark).chars().count(), 256);
    assert_eq!(description(&"x".repeat(longest + 1), &mark), description(&"x".repeat(longest), &mark));
}

/// Versions 7 (the content that is wanted), 8 and 9 (another one).
fn history(wanted: &Wanted) -> Vec<Listed> {
    let other = fake::wanted(b"other");
    vec![listed(&other, 9), listed(&other, 8), listed(wanted, 7), listed(&other, 6)]
}

fn terms(choices: Choices, withdrawn: &[(u64, &str)]) -> Terms {
    let withdrawn = withdrawn.iter().map(|(version, why)| (*version, (*why).to_owned())).collect();
    Terms { choices, withdrawn }
}

#[test]
fn what_was_withdrawn_is_not_the_newest_and_its_number_is_not_used_again() {
    let wanted = fake::wanted(b"a");
    let withdrawn = terms(Choices::default(), &[(9, "it breaks"), (8, "it breaks")]);
    let listed = history(&wanted);
    assert_eq!(newest(&listed, &withdrawn).unwrap().version, 7);
    let there = found(listed.clone(), version(&wanted, 7));
    assert!(matches!(step(&wanted, &there, &withdrawn), Step::Unchanged { .. }));
    let new = fake::wanted(b"new");
    assert_eq!(step(&new, &there, &withdrawn), publish(Some(10)));
}

#[test]
fn content_that_was_withdrawn_is_refused_until_that_is_taken_back() {
    let wanted = fake::wanted(b"other");
    let listed = history(&fake::wanted(b"a"));
    let withdrawn = |choices| terms(choices, &[(9, "it breaks"), (8, "it breaks")]);
    assert_eq!(to_prove(&wanted, &listed, &withdrawn(Choices::default())), [9, 8]);
    // Versions that say that they hold something else need no proof; those that say nothing do, listed or not.
    let by_hand = terms(Choices::default(), &[(7, "a"), (5, "b")]);
    assert_eq!(to_prove(&wanted, &listed, &by_hand), [5]);

    let newest = version(&fake::wanted(b"a"), 7);
    let same = vec![version(&wanted, 9), version(&wanted, 8)];
    let there = Found { same, ..found(listed, newest) };
    let refused = Step::Refused { version: 9, why: "it breaks".to_owned() };
    assert_eq!(step(&wanted, &there, &withdrawn(Choices::default())), refused);
    let reuse = Choices { older: Older::Reuse, ..Choices::default() };
    assert_eq!(step(&wanted, &there, &withdrawn(reuse)), refused);
    let taken_back = withdrawn(Choices { withdrawal: Withdrawal::TakenBack, ..Choices::default() });
    let Step::MakeCurrent { version, replaced, reinstated, .. } = step(&wanted, &there, &taken_back) else {
        panic!("not made current");
    };
    assert_eq!((version.arn.version, replaced, reinstated), (9, vec![], vec![9, 8]));
}

#[test]
fn what_was_withdrawn_and_is_no_longer_the_newest_is_published_again_when_that_is_taken_back() {
    let (wanted, other) = (fake::wanted(b"a"), fake::wanted(b"other"));
    let there = Found { same: vec![version(&wanted, 7)], ..found(history(&wanted), version(&other, 9)) };
    let taken_back = Choices { withdrawal: Withdrawal::TakenBack, ..Choices::default() };
    let terms = terms(taken_back, &[(7, "it breaks")]);
    assert_eq!(step(&wanted, &there, &terms), Step::Publish { expected: Some(10), reinstated: vec![7] });
}

#[test]
fn an_older_version_is_used_again_only_if_that_is_asked_for_and_may_give_way_again() {
    let (wanted, other) = (fake::wanted(b"a"), fake::wanted(b"other"));
    let there = Found { same: vec![version(&wanted, 7)], ..found(history(&wanted), version(&other, 9)) };
    let reuse = Choices { older: Older::Reuse, ..Choices::default() };
    assert_eq!(to_prove(&wanted, &there.listed, &Terms::default()), [] as [u64; 0]);
    assert_eq!(to_prove(&wanted, &there.listed, &terms(reuse, &[])), [7]);
    let Step::MakeCurrent { version: older, replaced, .. } = step(&wanted, &there, &terms(reuse, &[])) else {
        panic!("not reused");
    };
    assert_eq!((older.arn.version, replaced), (7, vec![9, 8]));

    // And back: what gave way has not been found wanting.
    let why = replaced_by(7);
    let there = Found {
        same: vec![version(&other, 9), version(&other, 8)],
        ..found(history(&wanted), version(&wanted, 7))
    };
    let back = terms(reuse, &[(9, &why), (8, &why)]);
    assert!(
        matches!(step(&other, &there, &back), Step::MakeCurrent { version, .. } if version.arn.version == 9)
    );
    let plain = terms(Choices::default(), &[(9, &why), (8, &why)]);
    assert!(matches!(step(&other, &there, &plain), Step::Refused { version: 9, .. }));
}

#[test]
fn metadata_alone_is_published_again_only_if_that_is_asked_for() {
    let wanted = fake::wanted(b"a");
    let republish = terms(Choices { metadata: Metadata::Republish, ..Choices::default() }, &[]);
    let right = found(vec![listed(&wanted, 7)], version(&wanted, 7));
    assert!(matches!(step(&wanted, &right, &republish), Step::Unchanged { .. }));
    let mut fewer = right.clone();
    fewer.newest.as_mut().unwrap().compatible_runtimes.pop();
    assert_eq!(step(&wanted, &fewer, &republish), publish(Some(8)));
    assert!(
        matches!(step_of(&wanted, &fewer), Step::Unchanged { differences, .. } if differences.len() == 1)
    );

    // The description is metadata too, where it is ours; it makes a version no less what was built.
    let mut renamed = wanted.clone();
    renamed.new.description = format!("other text {}", wanted.mark);
    assert_eq!(step(&renamed, &right, &republish), publish(Some(8)));
    assert_eq!(renamed.differences(&version(&wanted, 7)), [""; 0]);
    let by_hand = LayerVersion { description: "by hand".to_owned(), ..version(&wanted, 7) };
    assert_eq!(wanted.other_words(&by_hand), None);
    // Versions with other metadata are no twins of each other.
    let twice = [Listed { license: "MIT".to_owned(), ..listed(&wanted, 8) }, listed(&wanted, 7)];
    assert_eq!(twins(&wanted.mark, &twice), [] as [u64; 0]);
}
