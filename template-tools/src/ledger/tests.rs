//! What a ledger looks like, and how its faults are told.

use expect_test::{Expect, expect};

use super::*;

fn arn(region: &str, version: u64) -> LayerVersionArn {
    format!("arn:aws:lambda:{region}:123456789012:layer:sosw:{version}").parse().unwrap()
}

fn full() -> Entry {
    Entry {
        code_sha256: Some("n9yf1qKc=".to_owned()),
        size: Some(19_000_000),
        compatible_runtimes: vec!["python3.12".to_owned(), "python3.13".to_owned()],
        compatible_architectures: vec!["x86_64".to_owned()],
        content: Some(Content { bucket: "b".to_owned(), key: "k".to_owned(), version: None }),
        verified: true,
        target: Some("prod".to_owned()),
        ..Entry::new(arn("eu-west-1", 8))
    }
}

#[test]
fn versions_that_were_taken_back_stand_there_with_the_reason() {
    let mut entry = full();
    entry.withdrawn = [(12, "imports fail".to_owned()), (9, "says \"no\"".to_owned())].into();
    let ledger: Ledger = [entry].into_iter().collect();
    let text = ledger.to_text();
    let written = "      \"withdrawn\": {\n        \"9\": \"says \\\"no\\\"\",\n        \"12\": \"imports fail\"\n      }\n";
    assert!(text.contains(written), "{text}");
    assert_eq!(Ledger::parse(&text).unwrap(), ledger);
}

#[test]
fn an_entry_of_somebody_else_says_so() {
    let ledger: Ledger = [Entry { foreign: true, ..full() }].into_iter().collect();
    assert!(ledger.to_text().contains("      \"target\": \"prod\",\n      \"foreign\": true\n    }"));
    assert_eq!(Ledger::parse(&ledger.to_text()).unwrap(), ledger);
}

fn check_error(text: &str, expected: &Expect) {
    expected.assert_eq(&Ledger::parse(text).unwrap_err().to_string());
}

#[test]
fn it_is_written_sorted_with_one_field_a_line() {
    let ledger: Ledger = [Entry::new(arn("us-east-1", 7)), full()].into_iter().collect();
    expect![[r#"
        {
          "schema": 1,
          "versions": [
            {
              "layer_name": "sosw",
              "partition": "aws",
              "account": "123456789012",
              "region": "eu-west-1",
              "version": 8,
              "layer_version_arn": "arn:aws:lambda:eu-west-1:123456789012:layer:sosw:8",
              "code_sha256": "n9yf1qKc=",
              "size": 19000000,
              "compatible_runtimes": ["python3.12", "python3.13"],
              "compatible_architectures": ["x86_64"],
              "content": {"bucket": "b", "key": "k", "version": null},
              "verified": true,
              "target": "prod"
            },
            {
              "layer_name": "sosw",
              "partition": "aws",
              "account": "123456789012",
              "region": "us-east-1",
              "version": 7,
              "layer_version_arn": "arn:aws:lambda:us-east-1:123456789012:layer:sosw:7",
              "code_sha256": null,
              "size": null,
              "compatible_runtimes": [],
              "compatible_architectures": [],
              "content": null,
              "verified": false,
              "target": null
            }
          ]
        }
    "#]]
    .assert_eq(&ledger.to_text());
    assert_eq!(Ledger::parse(&ledger.to_text()).unwrap(), ledger);
}

#[test]
fn an_empty_one_is_written_and_read() {
    assert_eq!(Ledger::default().to_text(), "{\n  \"schema\": 1,\n  \"versions\": []\n}\n");
    assert!(Ledger::parse(&Ledger::default().to_text()).unwrap().is_empty());
}

#[test]
fn fields_that_are_not_known_are_passed_over() {
    let text =
        Ledger::from_iter([full()]).to_text().replace("\"verified\"", "\"new\": {\"a\": 1},\n\"verified\"");
    assert_eq!(Ledger::parse(&text).unwrap(), Ledger::from_iter([full()]));
}

#[test]
fn a_merge_replaces_places_and_keeps_the_others() {
    let mut ledger = Ledger::from_iter([Entry::new(arn("us-east-1", 7)), Entry::new(arn("eu-west-1", 7))]);
    ledger.merge(Ledger::from_iter([full()]));
    let versions: Vec<_> = ledger.entries().map(|entry| entry.layer_version_arn.to_string()).collect();
    assert_eq!(versions, [arn("eu-west-1", 8).to_string(), arn("us-east-1", 7).to_string()]);
    assert_eq!(ledger.get(&full().place()), Some(&full()));
}

#[test]
fn another_schema_is_named_beside_ours() {
    check_error(r#"{"schema": 2, "versions": {}}"#, &expect!["its schema is 2, this program knows schema 1"]);
    check_error(r#"{"schema": "x"}"#, &expect![[r#"its schema is "x", this program knows schema 1"#]]);
}

#[test]
fn broken_json_is_named_with_its_place() {
    check_error("{\n  \"schema\": 1,\n  oops\n}", &expect!["line 3, column 3: key must be a string"]);
    check_error("{}", &expect!["line 1, column 2: missing field `schema`"]);
    check_error("", &expect!["line 1, column 0: EOF while parsing a value"]);
}

#[test]
fn a_conflict_of_git_is_named_with_its_line() {
    check_error(
        "{\n  \"schema\": 1,\n<<<<<<< HEAD\n  \"versions\": []\n=======\n>>>>>>> other\n}",
        &expect!["line 3 holds a conflict marker of git: `<<<<<<< HEAD`"],
    );
}

#[test]
fn an_entry_that_contradicts_itself_is_refused() {
    check_error(
        &Ledger::from_iter([full()]).to_text().replace("\"version\": 8", "\"version\": 9"),
        &expect![
            "line 4: entry 1 says `arn:aws:lambda:eu-west-1:123456789012:layer:sosw:9`, but its layer_version_arn says `arn:aws:lambda:eu-west-1:123456789012:layer:sosw:8`"
        ],
    );
}

#[test]
fn the_same_place_twice_is_refused() {
    let one = entry_text(&full());
    check_error(
        &format!("{{\"schema\": 1, \"versions\": [{one}, {one}]}}"),
        &expect![
            "lines 1 and 15: entries 1 and 2 are both about `arn:aws:lambda:eu-west-1:123456789012:layer:sosw`"
        ],
    );
}

#[test]
fn what_contradicts_itself_is_named_with_its_line() {
    let entries = [Entry::new(arn("eu-west-1", 7)), Entry { target: Some("{\"".to_owned()), ..full() }];
    let text = Ledger::from_iter([entries[0].clone(), Entry::new(arn("us-east-1", 7))]).to_text();
    let second = text.match_indices("    {\n").nth(1).map(|(at, _)| text[..at].lines().count() + 1).unwrap();
    let twice = Ledger::parse(&text.replace("us-east-1", "eu-west-1")).unwrap_err().to_string();
    assert!(twice.starts_with(&format!("lines 4 and {second}: entries 1 and 2 are both about")), "{twice}");
    let other =
        text.replacen("\"version\": 7", "\"version\": 8", 2).replacen("\"version\": 8", "\"version\": 7", 1);
    let said = Ledger::parse(&other).unwrap_err().to_string();
    assert!(said.starts_with(&format!("line {second}: entry 2 says")), "{said}");
    // Brackets in texts are none.
    let text = Ledger::from_iter([entries[1].clone(), Entry::new(arn("us-east-1", 7))]).to_text();
    let said = Ledger::parse(&text.replace("us-east-1\",\n", "us-east-2\",\n")).unwrap_err().to_string();
    assert!(said.starts_with("line ") && said.contains(": entry 2 says"), "{said}");
}
