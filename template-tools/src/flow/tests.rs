//! The forms in which a template names a layer, one small case each.

use std::fmt::Write;

use expect_test::{Expect, expect};

use super::*;
use crate::document::parse;

/// Each leaf that was found, with its place: the version that stands there, or why it was not understood.
fn check(text: &str, expected: &Expect) {
    let document = parse(text).unwrap();
    let flow = flow(&document);
    let mut shown = String::new();
    for Reference { source, pattern, home, .. } in &flow.references {
        let Source::Leaf(leaf) = source else { continue };
        let position = document.position(*leaf);
        let region = match &pattern.region {
            Part::Is(region) if region.as_str() != "us-east-1" => format!(" in {region}"),
            _ => String::new(),
        };
        let home = match home {
            Home::Default(parameter) => format!(" of parameter {parameter}"),
            Home::Row => " of a row".to_owned(),
            _ => String::new(),
        };
        writeln!(shown, "{position} {} {}{region}{home}", pattern.layer, pattern.version).unwrap();
    }
    for Unread { node, reason, .. } in &flow.unread {
        writeln!(shown, "{} {reason}", document.position(*node)).unwrap();
    }
    expected.assert_eq(&shown);
}

fn function(layers: &str) -> String {
    format!("Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Layers:{layers}\n")
}

#[test]
fn plain_arns_in_every_quoting() {
    check(
        &function(
            "
        - arn:aws:lambda:us-east-1:123456789012:layer:sosw:7
        - 'arn:aws:lambda:us-east-1:123456789012:layer:sosw:8'
        - \"arn:aws:lambda:us-east-1:123456789012:layer:sosw:9\"
        - >-
          arn:aws:lambda:us-east-1:123456789012:layer:sosw:10
        - !!str arn:aws:lambda:us-east-1:123456789012:layer:sosw:11",
        ),
        &expect![[r#"
            6:11 sosw 7
            7:11 sosw 8
            8:11 sosw 9
            10:11 sosw 10
            11:17 sosw 11
        "#]],
    );
}

#[test]
fn flow_lists() {
    check(
        &function(
            " [arn:aws:lambda:us-east-1:123456789012:layer:sosw:7, !Sub 'arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:8']",
        ),
        &expect![[r#"
            5:16 sosw 7
            5:73 sosw 8
        "#]],
    );
}

#[test]
fn sub_in_both_forms() {
    check(
        &function(
            "
        - !Sub arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:7
        - Fn::Sub: arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:8
        - !Sub \"arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:SOSW_LAYER_PLACEHOLDER\"",
        ),
        &expect![[r#"
            6:16 sosw 7
            7:20 sosw 8
            8:16 sosw placeholder
        "#]],
    );
}

#[test]
fn json() {
    check(
        r#"{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Layers": [
            "arn:aws:lambda:us-east-1:123456789012:layer:sosw:7",
            {"Fn::Sub": "arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:8"},
            {"Ref": "Layer"}]}}}}"#,
        &expect![[r#"
            2:13 sosw 7
            3:25 sosw 8
            4:21 `Layer` is no parameter and no resource of this template
        "#]],
    );
}

#[test]
fn globals() {
    check(
        "Globals:\n  Function:\n    Layers:\n      - arn:aws:lambda:us-east-1:123456789012:layer:sosw:7\n",
        &expect![[r#"
            4:9 sosw 7
        "#]],
    );
}

#[test]
fn aliases_are_found_once_at_their_anchor() {
    check(
        "X: &arn arn:aws:lambda:us-east-1:123456789012:layer:sosw:7
Y: &list
  - *arn
Z: &common
  Layers: *list
Resources:
  F: {Type: AWS::Lambda::Function, Properties: {Layers: [*arn]}}
  G: {Type: AWS::Lambda::Function, Properties: {Layers: *list}}
  H: {Type: AWS::Lambda::Function, Properties: {<<: *common}}
",
        &expect![[r#"
            1:9 sosw 7
        "#]],
    );
}

#[test]
fn one_way_on_which_a_leaf_is_understood_is_enough() {
    let text = "&a 'arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:7'";
    check(
        &function(&format!(" [{text}, {{'Fn::Sub': *a}}]")),
        &expect![[r#"
        5:19 sosw 7
    "#]],
    );
    check(
        &function(&format!(" [{{'Fn::Sub': {text}}}, *a]")),
        &expect![[r#"
        5:31 sosw 7
    "#]],
    );
}

#[test]
fn several_documents_and_keys_that_come_twice() {
    let one = function(" [arn:aws:lambda:us-east-1:123456789012:layer:sosw:7]");
    check(
        &format!("{one}---\n{one}      Layers: [arn:aws:lambda:us-east-1:123456789012:layer:sosw:8]\n"),
        &expect![[r#"
            5:16 sosw 7
            11:16 sosw 7
            12:16 sosw 8
        "#]],
    );
}

#[test]
fn only_functions_count() {
    check(
        "Layers: [arn:aws:lambda:us-east-1:123456789012:layer:sosw:7]
Resources:
  Layers: [arn:aws:lambda:us-east-1:123456789012:layer:sosw:7]
  R:
    Type: AWS::Other
    Properties: {Layers: [arn:aws:lambda:us-east-1:123456789012:layer:sosw:7]}
  F:
    Type: AWS::Lambda::Function
    Layers: [arn:aws:lambda:us-east-1:123456789012:layer:sosw:7]
    Properties:
      Environment: {Layers: [arn:aws:lambda:us-east-1:123456789012:layer:sosw:7]}
",
        &expect![""],
    );
}

#[test]
fn what_is_not_understood_is_named() {
    check(
        &function(
            "
        - !Ref Layer
        - !Join ['', ['arn:aws:lambda:us-east-1:123456789012:layer:sosw:', '7']]
        - Fn::FindInMap: [Map, !Ref AWS::Region, Arn]
        - !Sub ['arn:aws:lambda:us-east-1:123456789012:layer:sosw:${V}', {V: 7}]
        - !Sub arn:aws:lambda:us-east-1:123456789012:layer:sosw:${V}
        - arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:7
        - '{{resolve:ssm:/layers/sosw}}'
        - [nested]
        - a: b",
        ),
        &expect![[r#"
            7:76 sosw 7
            9:78 sosw 7
            6:16 `Layer` is no parameter and no resource of this template
            8:26 there is no such row in `Mappings`: `Map.${AWS::Region}.Arn`
            10:16 the version is not known: `V` is no parameter and no resource of this template
            11:11 `${AWS::Region}` stands in a plain string, and CloudFormation replaces it in `Fn::Sub` only
            12:11 `{{resolve:ssm:/layers/sosw}}` is read from SSM: set that parameter, and mind that CloudFormation does not notice when it changes
            13:11 this is no layer
            14:11 this is no layer
        "#]],
    );
    check(
        &function(" !Ref Layers"),
        &expect![[r#"
            5:20 `Layers` is no parameter and no resource of this template
        "#]],
    );
    check(
        &function(" arn:aws:lambda:us-east-1:123456789012:layer:sosw:7"),
        &expect![[r#"
            5:15 sosw 7
        "#]],
    );
    check(
        &function(""),
        &expect![[r#"
            5:13 `Layers` is no list
        "#]],
    );
}

#[test]
fn what_picks_the_row_has_that_value_in_the_rest_of_the_text() {
    let rows = "Mappings: {Versions: {dev: {N: 7}, prod: {N: 5}}}\n";
    let stage = "Parameters: {Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}}\n";
    let layer = |number: &str| {
        function(&format!(
            "
      - !Sub
        - \"arn:aws:lambda:us-east-1:123456789012:layer:sosw-${{Stage}}:${{N}}\"
        - N: {number}"
        ))
    };
    check(
        &format!("{stage}{rows}{}", layer("!FindInMap [Versions, !Ref Stage, N]")),
        &expect![[r#"
        2:32 sosw-dev 7 of a row
        2:46 sosw-prod 5 of a row
    "#]],
    );
    let conditions =
        "Conditions: {IsProd: !Equals [!Ref Stage, prod], IsDev: !Not [!Equals [prod, !Ref Stage]]}\n";
    check(
        &format!("{stage}{conditions}{}", layer("!If [IsProd, 5, 7]")),
        &expect![[r#"
        10:27 sosw-prod 5
        10:30 sosw-dev 7
    "#]],
    );
    check(
        &format!("{stage}{conditions}{}", layer("!If [IsDev, 7, 5]")),
        &expect![[r#"
        10:26 sosw-dev 7
        10:29 sosw-prod 5
    "#]],
    );
    // What it may be besides nobody says.
    let open =
        "Parameters: {Stage: {Type: String, Default: dev}}\nConditions: {IsDev: !Equals [!Ref Stage, dev]}\n";
    check(
        &format!("{open}{}", layer("!If [IsDev, 7, 5]")),
        &expect![[r#"
        10:26 sosw-dev 7
        9:9 parameter `Stage` does not have its default there, and its other values are not known
    "#]],
    );
    let regions = "Parameters: {Region: {Type: String, Default: us-east-1}}\n\
                   Mappings: {Versions: {us-east-1: {N: 7}, eu-west-1: {N: 5}}}\n";
    let text = "
      - !Sub
        - \"arn:aws:lambda:${Region}:123456789012:layer:sosw:${N}\"
        - N: !FindInMap [Versions, !Ref Region, N]";
    check(
        &format!("{regions}{}", function(text)),
        &expect![[r#"
        2:38 sosw 7 of a row
        2:57 sosw 5 in eu-west-1 of a row
    "#]],
    );
}

/// Each row is looked at once for each of its values, not for those of all others as well.
#[test]
fn many_functions_may_pick_from_many_rows() {
    let mut text = "Parameters: {Stage: {Type: String, Default: s1}}\nMappings:\n  V:\n".to_owned();
    for row in 1..=60 {
        writeln!(text, "    s{row}: {{N: {row}}}").unwrap();
    }
    text += "Resources:\n";
    for number in 0..600 {
        let layer = "!Sub ['arn:aws:lambda:us-east-1:123456789012:layer:sosw-${Stage}:${N}', {N: !FindInMap [V, !Ref Stage, N]}]";
        writeln!(text, "  F{number}: {{Type: AWS::Lambda::Function, Properties: {{Layers: [{layer}]}}}}")
            .unwrap();
    }
    let flow = flow(&parse(&text).unwrap());
    assert!(flow.unread.is_empty(), "{:?}", flow.unread[0]);
    assert_eq!(flow.references.len(), 60 * 600);
    assert!(
        flow.references
            .iter()
            .all(|one| one.pattern.layer.as_str() == format!("sosw-s{}", one.pattern.version))
    );
}

#[test]
fn one_item_is_chosen_of_each_list_that_there_may_be() {
    const A: &str = "arn:aws:lambda:us-east-1:123456789012:layer";
    let rows = format!(
        "Parameters: {{Env: {{Type: String, Default: dev}}}}\nConditions: {{C: !Equals [!Ref Env, dev]}}\n\
         Mappings:\n  R:\n    us-east-1: {{L: ['{A}:sosw:7', '{A}:x:1']}}\n    eu-west-1: {{L: ['{A}:sosw:6']}}\n  \
         M:\n    dev: {{N: [3, 4]}}\n    prod: {{N: [5, 6]}}\n  \
         Q: {{prod: {{N: 1}}}}\n  W: {{dev: {{N: 2}}}}\n  P:\n    us-east-1: {{L: [arn, aws, lambda, us-east-1, '123456789012', layer, sosw, 8]}}\n"
    );
    for (layers, expected) in [
        (
            "!Select [0, !FindInMap [R, !Ref AWS::Region, L]]".to_owned(),
            expect![[r#"
            5:21 sosw 7 of a row
            6:21 sosw 6 of a row
        "#]],
        ),
        (
            format!("!Select [1, !If [C, ['{A}:x:1', '{A}:sosw:7'], ['{A}:x:1', '{A}:sosw:6']]]"),
            expect![[r#"
                19:81 sosw 7
                19:188 sosw 6
            "#]],
        ),
        (
            format!("!Select [0, !Split ['|', !If [C, '{A}:sosw:7|x', '{A}:sosw:6|x']]]"),
            expect![[r#"
            19:42 sosw 7
            19:98 sosw 6
        "#]],
        ),
        (
            format!("!Sub ['{A}:sosw:${{V}}', {{V: !Select [1, !FindInMap [M, !Ref Env, N]]}}]"),
            expect![[r#"
                8:18 sosw 4 of a row
                9:19 sosw 6 of a row
            "#]],
        ),
        (
            "!Join [':', !FindInMap [P, !Ref AWS::Region, L]]".to_owned(),
            expect![[r#"
            13:79 sosw 8 of a row
        "#]],
        ),
        (
            "!Join [':', !If [C, [arn, aws, lambda, us-east-1, '123456789012', layer, sosw, 7], \
             [arn, aws, lambda, us-east-1, '123456789012', layer, sosw, 6]]]"
                .to_owned(),
            expect![[r#"
                19:88 sosw 7
                19:151 sosw 6
            "#]],
        ),
        // It never comes to anything.
        (
            format!(
                "!If [C, !Sub ['{A}:sosw:${{V}}', {{V: !FindInMap [Q, !Ref Env, N]}}], \
                 !Sub ['{A}:sosw:${{V}}', {{V: !FindInMap [W, !Ref Env, N]}}]]"
            ),
            expect![[r#"
                19:13 it comes to nothing: its conditions contradict each other
            "#]],
        ),
    ] {
        check(&format!("{rows}{}", function(&format!("\n      - {layers}"))), &expected);
    }
}

/// Whether it is all of the text, a part of it, or put together itself.
#[test]
fn a_dynamic_reference_is_known_wherever_it_stands() {
    check(
        &function(
            "
        - !Sub '{{resolve:ssm:/${AWS::StackName}/layers/sosw}}'
        - !Join ['', ['{{resolve:ssm:/layers/', !Ref AWS::StackName, '}}']]
        - !Join [':', ['arn:aws:lambda:us-east-1:123456789012:layer:sosw', '{{resolve:ssm:/version:3}}']]
        - !Sub 'arn:aws:lambda:us-east-1:123456789012:layer:sosw:{{resolve:ssm:/layers/sosw-version}}'
        - !Sub ['arn:aws:lambda:us-east-1:123456789012:layer:${L}', {L: '{{resolve:ssm:/layers/sosw}}:7'}]
        - 'arn:aws:lambda:us-east-1:{{resolve:ssm:account}}:layer:sosw:7'
        - '{{resolve:ssm:/without/end'
        - !Sub 'arn:aws:lambda:us-east-1:123456789012:layer:sosw:7'",
        ),
        &expect![[r#"
            13:16 sosw 7
            6:16 `{{resolve:ssm:/${AWS::StackName}/layers/sosw}}` is read from SSM: set that parameter, and mind that CloudFormation does not notice when it changes
            7:17 `{{resolve:ssm:/layers/${AWS::StackName}}}` is read from SSM: set that parameter, and mind that CloudFormation does not notice when it changes
            8:17 `{{resolve:ssm:/version:3}}` is read from SSM: set that parameter, and mind that CloudFormation does not notice when it changes
            9:16 `{{resolve:ssm:/layers/sosw-version}}` is read from SSM: set that parameter, and mind that CloudFormation does not notice when it changes
            10:16 `{{resolve:ssm:/layers/sosw}}` is read from SSM: set that parameter, and mind that CloudFormation does not notice when it changes
            11:11 `{{resolve:ssm:account}}` is read from SSM: set that parameter, and mind that CloudFormation does not notice when it changes
            12:11 `{{resolve:ssm:/without/end` is read from SSM: set that parameter, and mind that CloudFormation does not notice when it changes
        "#]],
    );
}
