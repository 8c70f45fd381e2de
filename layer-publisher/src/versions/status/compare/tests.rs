//! What is found out about a place, in words.

use super::*;
use crate::layer_version::Listed;
use crate::publish::fake;
use crate::publish::permissions::Grants;
use crate::versions::status::look::Pointer;

fn seen(versions: &[LayerVersion]) -> Seen {
    let listed = |version: &LayerVersion| Listed {
        version: version.arn.version,
        description: version.description.clone(),
        ..Listed::default()
    };
    Seen {
        listed: versions.iter().map(listed).collect(),
        versions: versions.iter().map(|version| (version.arn.version, version.clone())).collect(),
        policy: Some(Ok(Policy::default())),
        pointer: None,
    }
}

fn found(
    seen: &Seen,
    known: Option<&Entry>,
    wanted: Option<&Wanted>,
    destination: &Destination,
) -> Vec<String> {
    let place = Place { seen, known, wanted, destination, is_wanted: true };
    findings(place).into_iter().map(|finding| finding.text).collect()
}

fn verified(version: &LayerVersion) -> Entry {
    Entry { verified: true, ..version.entry() }
}

#[test]
fn where_all_is_right_nothing_is_said() {
    let a = fake::wanted(b"a");
    let there = fake::version(&a, 7);
    let to = Destination::default();
    assert_eq!(found(&seen(std::slice::from_ref(&there)), Some(&verified(&there)), Some(&a), &to), [""; 0]);
}

#[test]
fn what_was_withdrawn_is_told_and_is_no_difference_unless_it_is_what_is_built() {
    let (a, b) = (fake::wanted(b"a"), fake::wanted(b"b"));
    let there = fake::version(&a, 7);
    let later = [10, 9, 8].map(|number| fake::version(&b, number));
    let why = |number: u64| (number, if number < 10 { "it breaks" } else { "no" }.to_owned());
    // One before, and one that was deleted meanwhile, are nobody's concern.
    let withdrawn = [why(3), why(8), why(9), why(10), why(11)].into();
    let known = Entry { withdrawn, ..verified(&there) };
    let seen = seen(&[&later[..], std::slice::from_ref(&there)].concat());
    let of = |wanted| {
        let to = Destination::default();
        findings(Place { seen: &seen, known: Some(&known), wanted, destination: &to, is_wanted: true })
    };
    let shown = |wanted| of(wanted).into_iter().map(|finding| finding.text).collect::<Vec<_>>();
    let told = ["versions 8, 9 are withdrawn: it breaks", "version 10 is withdrawn: no"];
    assert_eq!(shown(Some(&a)), told);
    assert!(of(Some(&a)).iter().all(|finding| !finding.kind.is_difference()));
    let built = "version 7 is not what is built: that is version 10, which is withdrawn";
    assert_eq!(shown(Some(&b)), [built, told[0], told[1]]);
    assert_eq!(of(Some(&b))[0].kind, Kind::BuiltWithdrawn);
    assert_eq!(shown(Some(&fake::wanted(b"c")))[0], "version 7 is not what is built");
}

#[test]
fn ledger_and_region_are_held_against_each_other() {
    let (a, b) = (fake::wanted(b"a"), fake::wanted(b"b"));
    let (seven, eight) = (fake::version(&a, 7), fake::version(&b, 8));
    let to = Destination::default();
    assert_eq!(found(&seen(&[]), None, None, &to), ["it is not published"]);
    assert_eq!(
        found(&seen(std::slice::from_ref(&seven)), None, None, &to),
        ["version 7 is not in the ledger"]
    );
    assert_eq!(
        found(&seen(&[eight.clone(), seven.clone()]), Some(&verified(&seven)), None, &to),
        ["version 8 is newer than version 7 of the ledger"]
    );
    let by_hand = LayerVersion { description: String::new(), ..eight };
    assert_eq!(
        found(&seen(&[by_hand, seven.clone()]), Some(&verified(&seven)), None, &to),
        ["version 8 is newer than version 7 of the ledger, and is none of ours"]
    );
    let gone = fake::version(&a, 6).entry();
    assert_eq!(
        found(&seen(std::slice::from_ref(&seven)), Some(&gone), None, &to),
        ["version 6 of the ledger is not there"]
    );
    let wrong = Entry {
        code_sha256: Some("x".to_owned()),
        size: None,
        compatible_runtimes: Vec::new(),
        verified: false,
        ..verified(&seven)
    };
    assert_eq!(
        found(&seen(std::slice::from_ref(&seven)), Some(&wrong), None, &to),
        [
            &format!("version 7 has CodeSha256 {}, the ledger says x", seven.code_sha256),
            "version 7 has 1 bytes, the ledger says otherwise",
            "version 7 is for runtimes python3.12, python3.13, the ledger says otherwise",
            "version 7 is not verified"
        ]
    );
}

#[test]
fn the_built_zip_permissions_and_the_pointer_are_looked_at() {
    let (a, b) = (fake::wanted(b"a"), fake::wanted(b"b"));
    let there = fake::version(&a, 7);
    let known = verified(&there);
    let account = Grant::Account("210987654321".parse().unwrap());
    let to = Destination { permissions: Some(Grants::from([account])), ..Destination::default() };
    let value = Ok(Some(format!("{}:6", there.arn.layer_arn())));
    let pointer = Some(Pointer { name: "latest".to_owned(), value });
    let seen = Seen { pointer, ..seen(&[there]) };
    assert_eq!(
        found(&seen, Some(&known), Some(&b), &to),
        [
            "version 7 is not what is built",
            "it is not shared with account 210987654321",
            "parameter `latest` names version 6"
        ]
    );
}

#[test]
fn twins_and_drifting_numbers_are_worth_knowing_and_other_contents_are_a_difference() {
    let (a, b) = (fake::wanted(b"a"), fake::wanted(b"b"));
    let (seven, six) = (fake::version(&a, 7), fake::version(&a, 6));
    let twice = seen(&[seven.clone(), six]);
    let said = found(&twice, Some(&verified(&seven)), None, &Destination::default());
    assert_eq!(said, ["versions 7, 6 have the same content"]);
    assert!(!Kind::Twins.is_difference());

    let (other, later) = (fake::version(&b, 7), fake::version(&a, 9));
    let places = [("eu-west-1", &other), ("us-east-1", &seven), ("us-west-2", &later)];
    let drift = drift(&places).into_iter().map(|finding| finding.map(|finding| (finding.kind, finding.text)));
    assert_eq!(
        drift.collect::<Vec<_>>(),
        [
            Some((Kind::ContentDrift, "version 7 is not what us-east-1 has as version 7".to_owned())),
            None,
            Some((Kind::NumberDrift, "version 9 is what us-east-1 has as version 7".to_owned())),
        ]
    );
}

#[test]
fn who_may_use_it_fits_into_a_column() {
    let statement = |grant| permissions::Statement { id: "x".to_owned(), grant };
    let account = |digits: &str| Some(Grant::Account(digits.parse().unwrap()));
    let organization = Some(Grant::Organization("o-1".to_owned()));
    let shown = |grants: Vec<Option<Grant>>| {
        shared_with(&Policy { statements: grants.into_iter().map(statement).collect(), revision: None })
    };
    assert_eq!(shown(vec![]), "private");
    assert_eq!(shown(vec![Some(Grant::Public)]), "public");
    let many = vec![account("123456789012"), organization, account("210987654321"), None];
    assert_eq!(shown(many), "org, 2 accounts, others");
}
