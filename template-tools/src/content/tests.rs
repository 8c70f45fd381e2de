//! Templates that make the layer themselves: what is brought to the ledger's content, and what is refused.

use super::*;
use crate::pins::Pins;

fn ledger(content: bool) -> Ledger {
    let entry = |region: &str| Entry {
        content: content.then(|| Content {
            bucket: format!("b-{region}"),
            key: "sosw/new.zip".to_owned(),
            version: Some("v2".to_owned()),
        }),
        compatible_runtimes: vec!["python3.12".to_owned(), "python3.13".to_owned()],
        ..Entry::new(format!("arn:aws:lambda:{region}:123456789012:layer:sosw:7").parse().unwrap())
    };
    Ledger::from_iter([entry("us-east-1"), entry("eu-west-1")])
}

fn run(text: &str, ledger: &Ledger) -> Plan {
    let pins = Pins::from_ledger(ledger);
    update_content(text, &Wanted::new(&pins), ledger).unwrap()
}

/// `<old|new>` marks what changes.
#[track_caller]
fn check(marked: &str) {
    let side = |index: usize| {
        let mut text = String::new();
        for (number, piece) in marked.split(['<', '>']).enumerate() {
            text.push_str(if number % 2 == 0 { piece } else { piece.split('|').nth(index).unwrap() });
        }
        text
    };
    let (before, expected) = (side(0), side(1));
    let plan = run(&before, &ledger(true));
    assert_eq!(plan.refusals, []);
    assert_eq!(plan.text.unwrap_or(before), expected, "{:?}", plan.left_alone);
    assert_eq!(run(&expected, &ledger(true)).text, None);
}

fn layer(properties: &str) -> String {
    format!(
        "Resources:\n  L:\n    Type: AWS::Lambda::LayerVersion\n    Properties:\n      LayerName: sosw # x\n{properties}"
    )
}

#[test]
fn content_follows_the_ledger() {
    check(&layer(
        "      Content:\n        S3Bucket: b-eu-west-1\n        S3Key: '<old.zip|sosw/new.zip>' # key\n        S3ObjectVersion: \"<v1|v2>\"\n",
    ));
    check(&layer("      Content: {S3Bucket: !Sub 'b-${AWS::Region}', S3Key: <old.zip|sosw/new.zip>}\n"));
    check(&format!(
        "Parameters:\n  K: {{Type: String, Default: <k.zip|sosw/new.zip>}}\n{}",
        layer("      Content: {S3Bucket: b-us-east-1, S3Key: !Ref K}\n")
    ));
    check(
        "Resources:\n  sosw:\n    Type: AWS::Serverless::LayerVersion\n    Properties: {ContentUri: {Bucket: b-us-east-1, Key: <a|sosw/new.zip>, Version: <b|v2>}}\n",
    );
    check(
        "Resources:\n  sosw:\n    Type: AWS::Serverless::LayerVersion\n    Properties: {LayerName: other, ContentUri: {Bucket: b-us-east-1, Key: a}}\n",
    );
}

#[test]
fn runtimes_follow_the_ledger() {
    let content = "      Content: {S3Bucket: b-us-east-1, S3Key: sosw/new.zip}\n";
    check(&layer(&format!(
        "{content}      CompatibleRuntimes: <['python3.9']|['python3.12', 'python3.13']> # x\n"
    )));
    check(&layer(&format!(
        "      CompatibleRuntimes:\n        - <python3.9 |python3.12\n        - python3.13 ># x\n{content}"
    )));
    check(&layer(&format!("{content}      CompatibleRuntimes: [python3.13, python3.12]\n")));
}

#[test]
fn several_places_are_refused_and_so_is_a_second_publisher() {
    let open = layer("      Content: {S3Bucket: !Ref Bucket, S3Key: k}\n");
    let plan = run(
        &format!("Resources: {{}}\n---\n{}", layer("      Content: {S3Bucket: other, S3Key: k}\n")),
        &ledger(true),
    );
    assert!(matches!(plan.refusals[..], [(_, Refusal::Contents { .. })]), "{plan:?}");
    assert!(matches!(run(&open, &ledger(false)).refusals[..], [(_, Refusal::PublishedByApi { .. })]));
    assert_eq!(run(&open, &ledger(false)).text, None);
}

#[test]
fn a_bucket_from_outside_keeps_nobody_from_the_key() {
    let parameters = "Parameters:\n  B: {Type: String}\n  K: {Type: String, Default: <k.zip|sosw/new.zip>}\n  V: {Type: String, Default: ''}\n";
    let content = "      Content: {S3Bucket: !Ref B, S3Key: !Ref K, S3ObjectVersion: !If [HasV, !Ref V, !Ref AWS::NoValue]}\n";
    check(&format!("{parameters}{}", layer(content)));
    let plan = run(&layer(content), &ledger(true));
    assert!(
        plan.left_alone.iter().any(|left| left.reason.starts_with("`${B}` is set from outside")),
        "{plan:?}"
    );
}

#[test]
fn a_version_is_found_where_it_may_be_absent() {
    for content in [
        "{S3Bucket: b-us-east-1, S3Key: sosw/new.zip, S3ObjectVersion: !If [Has, <v1|v2>, !Ref AWS::NoValue]}",
        "{S3Bucket: b-us-east-1, S3Key: sosw/new.zip, S3ObjectVersion: !If [HasNot, !Ref AWS::NoValue, <v1|v2>]}",
    ] {
        check(&layer(&format!("      Content: {content}\n")));
    }
}

#[test]
fn a_file_of_this_machine_stays() {
    check(
        "Resources:\n  sosw:\n    Type: AWS::Serverless::LayerVersion\n    Properties: {ContentUri: target/layers/sosw.zip}\n",
    );
}

#[test]
fn lists_of_json_stay_json() {
    let text = |runtimes: &str, key: &str| {
        format!(
            "{{\"Resources\": {{\"L\": {{\"Type\": \"AWS::Lambda::LayerVersion\", \"Properties\": {{\"LayerName\": \"sosw\", \"Content\": {{\"S3Bucket\": \"b-us-east-1\", \"S3Key\": \"{key}\"}}, \"CompatibleRuntimes\": {runtimes}}}}}}}}}"
        )
    };
    let plan = run(&text("[]", "k"), &ledger(true));
    assert_eq!(plan.refusals, []);
    assert_eq!(plan.text, Some(text("[\"python3.12\", \"python3.13\"]", "sosw/new.zip")));
}

#[test]
fn every_place_is_that_of_the_file_and_a_list_may_serve_two_layers() {
    let text = format!(
        "{}  M:\n    Type: AWS::Lambda::LayerVersion\n    Properties: {{LayerName: sosw, Content: {{S3Bucket: b-us-east-1, S3Key: \
         sosw/new.zip}}, CompatibleRuntimes: *r}}\n  F: {{Type: AWS::Lambda::Function, Properties: {{Layers: \
         ['arn:aws:lambda:us-east-1:123456789012:layer:sosw:1']}}}}\n",
        layer(
            "      Content: {S3Bucket: b-us-east-1, S3Key: sosw/new.zip}\n      CompatibleRuntimes: &r\n        - python3.9\n"
        )
    );
    let plan = run(&text, &ledger(true));
    assert_eq!(plan.refusals, []);
    let expected =
        text.replace("- python3.9", "- python3.12\n        - python3.13").replace("sosw:1'", "sosw:7'");
    assert_eq!(plan.text.as_ref(), Some(&expected));
    let lines: Vec<_> = plan.bumps.iter().map(|bump| bump.position.line).collect();
    assert_eq!(lines, [8, 8, 12]);
    assert_eq!(run(&expected, &ledger(true)).text, None);
}
