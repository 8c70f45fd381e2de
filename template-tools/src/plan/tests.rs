//! What one template becomes, in small cases: the lines that change, and what is said about the others.

use std::fmt::Write;

use expect_test::{Expect, expect};

use super::*;
use crate::arn::LayerVersionArn;

fn pins(arns: &[&str]) -> Pins {
    Pins::new(arns.iter().map(|arn| Pin::from(arn.parse::<LayerVersionArn>().unwrap()))).unwrap()
}

const SOSW_12: &str = "arn:aws:lambda:us-east-1:123456789012:layer:sosw:12";

/// The lines that change, then what is left alone, then what is refused.
fn check_with(pins: &Pins, text: &str, expected: &Expect) {
    let plan = plan(text, pins, Downgrades::Refused).unwrap();
    let mut shown = String::new();
    if let Some(after) = &plan.text {
        assert_eq!(text.lines().count(), after.lines().count());
        for (before, after) in text.split_inclusive('\n').zip(after.split_inclusive('\n')) {
            if before != after {
                writeln!(shown, "{}", after.trim()).unwrap();
            }
        }
    }
    for LeftAlone { position, layer, reason, weight } in &plan.left_alone {
        let Some(layer) = layer else { continue };
        if *weight == Weight::Other {
            continue;
        }
        writeln!(shown, "{weight:?} {position} {layer}: {reason}").unwrap();
    }
    for (position, refusal) in &plan.refusals {
        writeln!(shown, "refused {position} {refusal}").unwrap();
    }
    expected.assert_eq(&shown);
}

fn check(layers: &str, expected: &Expect) {
    check_with(&pins(&[SOSW_12]), &function(layers), expected);
}

fn function(layers: &str) -> String {
    format!(
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Layers:\n{layers}\n"
    )
}

#[test]
fn every_quoting() {
    check(
        "        - arn:aws:lambda:us-east-1:123456789012:layer:sosw:1 # sosw:1
        - 'arn:aws:lambda:us-east-1:123456789012:layer:sosw:1'
        - \"arn:aws:lambda:us-east-1:123456789012:layer:sosw:1\"
        - !Sub 'arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:SOSW_LAYER_PLACEHOLDER'
        - {\"Fn::Sub\": \"arn:aws:lambda:us-east-1:${AWS::AccountId}:layer:sosw:1\"}",
        &expect![[r#"
                    - arn:aws:lambda:us-east-1:123456789012:layer:sosw:12 # sosw:1
                    - 'arn:aws:lambda:us-east-1:123456789012:layer:sosw:12'
                    - "arn:aws:lambda:us-east-1:123456789012:layer:sosw:12"
                    - !Sub 'arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:12'
                    - {"Fn::Sub": "arn:aws:lambda:us-east-1:${AWS::AccountId}:layer:sosw:12"}
        "#]],
    );
}

#[test]
fn folded_and_escaped_scalars() {
    check(
        "        - >-
          arn:aws:lambda:us-east-1:123456789012:layer:sosw:1
        - |
          arn:aws:lambda:us-east-1:123456789012:layer:sosw:2

        - !Sub >
          arn:aws:lambda:us-east-1:123456789012:layer:sosw:3
        - \"arn:aws:lambda:us-east-1:123456789012:layer:\\x73osw:4\"
        - \"arn:aws:lambda:us-east-1:123456789012:\\
           layer:sosw:5\"
        - \"arn:aws:lambda:us-east-1:123456789012:layer:sosw:\\x36\"
        - \"arn:aws:lambda:us-east-1:123456789012:layer:sosw\\x3a7\"",
        &expect![[r#"
            arn:aws:lambda:us-east-1:123456789012:layer:sosw:12
            arn:aws:lambda:us-east-1:123456789012:layer:sosw:12
            arn:aws:lambda:us-east-1:123456789012:layer:sosw:12
            - "arn:aws:lambda:us-east-1:123456789012:layer:\x73osw:12"
            layer:sosw:12"
            - "arn:aws:lambda:us-east-1:123456789012:layer:sosw:12"
            - "arn:aws:lambda:us-east-1:123456789012:layer:sosw\x3a12"
        "#]],
    );
}

#[test]
fn prefixes_of_names_and_of_versions_are_not_mixed_up() {
    let pins = pins(&[
        "arn:aws:lambda:us-east-1:123456789012:layer:MyLayer:10",
        "arn:aws:lambda:us-east-1:123456789012:layer:MyLayer2:20",
    ]);
    let text = function(
        "        - arn:aws:lambda:us-east-1:123456789012:layer:MyLayer:1
        - arn:aws:lambda:us-east-1:123456789012:layer:MyLayer2:1
        - arn:aws:lambda:us-east-1:123456789012:layer:MyLayer3:1
        - arn:aws:lambda:us-east-1:123456789012:layer:MyLayer:10
        - arn:aws:lambda:us-east-1:123456789012:layer:MyLaye:1",
    );
    check_with(
        &pins,
        &text,
        &expect![[r#"
                - arn:aws:lambda:us-east-1:123456789012:layer:MyLayer:10
                - arn:aws:lambda:us-east-1:123456789012:layer:MyLayer2:20
    "#]],
    );
}

#[test]
fn a_placeholder_stands_for_the_layer_of_its_arn() {
    let pins = pins(&[SOSW_12, "arn:aws:lambda:us-east-1:123456789012:layer:other:3"]);
    let text = function(
        "        - arn:aws:lambda:us-east-1:123456789012:layer:other:SOSW_LAYER_PLACEHOLDER
        - arn:aws:lambda:us-east-1:123456789012:layer:sosw:SOSW_LAYER_PLACEHOLDER_2",
    );
    check_with(
        &pins,
        &text,
        &expect![[r#"
            - arn:aws:lambda:us-east-1:123456789012:layer:other:3
            Warning 7:11 sosw: `SOSW_LAYER_PLACEHOLDER_2` is no version
        "#]],
    );
}

#[test]
fn somebody_elses_layer_is_left_alone() {
    check(
        "        - arn:aws:lambda:us-east-1:210987654321:layer:sosw:1
        - arn:aws:lambda:eu-west-1:123456789012:layer:sosw:1
        - arn:aws-cn:lambda:us-east-1:123456789012:layer:sosw:1",
        &expect![[r#"
            Expected 6:11 sosw: it is another account's layer
            Warning 7:11 sosw: no version is known for region `eu-west-1`
            Warning 8:11 sosw: no version is known for partition `aws-cn`
        "#]],
    );
}

#[test]
fn what_is_not_understood_is_reported_if_it_names_the_layer() {
    check(
        "        - !Join [':', [arn:aws:lambda, !Ref AWS::Region, !Ref AWS::AccountId, layer, sosw, 1]]
        - !Join ['', ['arn:aws:lambda:us-east-1:123456789012:layer:sosw', ':1']]
        - !Join ['', ['arn:aws:lambda:us-east-1:123456789012:layer:sosw2', ':1']]
        - !Sub arn:aws:lambda:us-east-1:123456789012:layer:sosw:${Version}
        - !Sub ['arn:aws:lambda:us-east-1:123456789012:layer:sosw:${V}', {V: 7}]
        - arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:1
        - !Ref SoswLayer
        - !Sub arn:aws:lambda:us-east-1:123456789012:layer:${Name}:SOSW_LAYER_PLACEHOLDER",
        &expect![[r#"
            - !Join [':', [arn:aws:lambda, !Ref AWS::Region, !Ref AWS::AccountId, layer, sosw, 12]]
            - !Join ['', ['arn:aws:lambda:us-east-1:123456789012:layer:sosw', ':12']]
            - !Sub ['arn:aws:lambda:us-east-1:123456789012:layer:sosw:${V}', {V: 12}]
            Warning 9:16 sosw: the version is not known: `Version` is no parameter and no resource of this template
            Warning 11:11 sosw: `${AWS::Region}` stands in a plain string, and CloudFormation replaces it in `Fn::Sub` only
            Warning 13:16 sosw: the name of the layer is not known: `Name` is no parameter and no resource of this template
        "#]],
    );
}

#[test]
fn what_is_elsewhere_is_noted_with_its_section() {
    check_with(
        &pins(&[SOSW_12]),
        "# arn:aws:lambda:us-east-1:123456789012:layer:sosw:1
Parameters:
  Layer: {Type: String, Default: 'arn:aws:lambda:us-east-1:123456789012:layer:sosw:1'}
Mappings:
  M: {us-east-1: {Arn: 'arn:aws:lambda:us-east-1:123456789012:layer:sosw:1'}}
Resources:
  P:
    Type: AWS::IAM::Policy
    Properties:
      Resource: [arn:aws:lambda:us-east-1:123456789012:layer:sosw:*, arn:aws:lambda:us-east-1:123456789012:layer:sosw:3]
",
        &expect![[r#"
            Note 3:34 sosw: it is in `Parameters`, and reaches the `Layers` of no function of this template
            Note 5:24 sosw: it is in `Mappings`, and reaches the `Layers` of no function of this template
            Note 10:70 sosw: it is not in the `Layers` of a function
        "#]],
    );
}

#[test]
fn the_key_of_a_layers_own_content_is_no_reference_to_it() {
    check_with(
        &pins(&[SOSW_12]),
        "Parameters:
  S3Key: {Type: String, Default: SOSW_LAYER_PLACEHOLDER}
  Other: {Type: String, Default: SOSW_LAYER_PLACEHOLDER}
Resources:
  L:
    Type: AWS::Lambda::LayerVersion
    Properties: {Content: {S3Bucket: b, S3Key: !Ref S3Key}}
",
        &expect![[r#"
            Expected 2:34 sosw: it is the content of a layer that this template makes, which `--update-content` brings along
            Note 3:34 sosw: it is in `Parameters`, and reaches the `Layers` of no function of this template
        "#]],
    );
}

#[test]
fn pins_that_disagree_are_refused_and_nothing_is_changed() {
    let pins = pins(&[SOSW_12, "arn:aws:lambda:eu-west-1:123456789012:layer:sosw:13"]);
    let text = function(
        "        - !Sub arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:1
        - arn:aws:lambda:us-east-1:123456789012:layer:sosw:1",
    );
    check_with(
        &pins,
        &text,
        &expect![[r#"
        refused 6:16 layer `sosw` could be any of these, which differ:
        arn:aws:lambda:eu-west-1:123456789012:layer:sosw:13
        arn:aws:lambda:us-east-1:123456789012:layer:sosw:12
    "#]],
    );
}

#[test]
fn a_downgrade_is_refused_unless_allowed() {
    let text = function("        - arn:aws:lambda:us-east-1:123456789012:layer:sosw:13");
    check_with(
        &pins(&[SOSW_12]),
        &text,
        &expect![[r#"
        refused 6:11 layer `sosw` has version 13 there, and version 12 is older
    "#]],
    );
    let plan = plan(&text, &pins(&[SOSW_12]), Downgrades::Allowed).unwrap();
    assert_eq!(plan.text, Some(text.replace("sosw:13", "sosw:12")));
}

#[test]
fn a_pin_for_any_account_says_whose_layers_it_was_taken_for() {
    let pin = Pin { account: None, ..Pin::from(SOSW_12.parse::<LayerVersionArn>().unwrap()) };
    let text = function(
        "        - arn:aws:lambda:us-east-1:123456789012:layer:sosw:1
        - arn:aws:lambda:us-east-1:210987654321:layer:sosw:12
        - !Sub arn:aws:lambda:us-east-1:${AWS::AccountId}:layer:sosw:1",
    );
    let plan = plan(&text, &Pins::new([pin]).unwrap(), Downgrades::Refused).unwrap();
    let accounts: Vec<_> = plan.accounts.iter().map(|taken| taken.account.as_str()).collect();
    assert_eq!(accounts, ["123456789012", "210987654321"]);
    assert_eq!((plan.bumps.len(), plan.current), (2, 1));
}

#[test]
fn the_second_run_does_nothing() {
    let text = function("        - arn:aws:lambda:us-east-1:123456789012:layer:sosw:1");
    let first = plan(&text, &pins(&[SOSW_12]), Downgrades::Refused).unwrap().text.unwrap();
    let second = plan(&first, &pins(&[SOSW_12]), Downgrades::Refused).unwrap();
    assert_eq!((second.text, second.current), (None, 1));
}
