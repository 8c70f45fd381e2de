use crate::arn::LayerVersionArn;
use crate::pins::{Pin, Pins};
use crate::plan::{Downgrades, Refusal, plan};

const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:layer:sosw";
const PARAMETER: &str = "Parameters: {V: {Type: Number, Default: 7}}\n";

/// The places for whose sake a bump is refused; `None` if it is done.
fn refused(text: &str) -> Option<Vec<String>> {
    let pin = format!("{ARN}:12").parse::<LayerVersionArn>().unwrap();
    let plan = plan(text, &Pins::new([Pin::from(pin)]).unwrap(), Downgrades::Refused).unwrap();
    match &plan.refusals[..] {
        [] => {
            assert!(plan.text.is_some(), "{text}\n{:?}", plan.left_alone);
            None
        }
        [(_, Refusal::UsedElsewhere { places, .. })] => Some(places.clone()),
        others => panic!("{others:?}"),
    }
}

/// Places without their columns.
#[track_caller]
fn check(text: &str, places: &[&str]) {
    let found = refused(text).unwrap_or_default();
    let lines = found.iter().map(|place| place.rsplit_once(':').unwrap().0).collect::<Vec<_>>();
    assert_eq!(lines, places, "{text}");
}

fn function(more: &str, layer: &str) -> String {
    format!(
        "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n{more}      Layers: [{layer}]\n"
    )
}

fn with_parameter(more: &str) -> String {
    format!("{PARAMETER}{}", function(more, &format!("!Sub '{ARN}:${{V}}'")))
}

#[test]
fn a_parameter_that_is_something_else_too() {
    check(&with_parameter("      Timeout: !Ref V\n"), &["`Resources.F.Properties.Timeout` (6"]);
    check(&with_parameter("      Timeout: {Ref: V}\n"), &["`Resources.F.Properties.Timeout` (6"]);
    check(&with_parameter("      Role: !Sub 'a-${V}'\n"), &["`Resources.F.Properties.Role` (6"]);
    check(&with_parameter("      Timeout: !If [C, !Ref V, 3]\n"), &["`Resources.F.Properties.Timeout` (6"]);
    // The same number in the name of another layer.
    let other = format!("!Sub '{ARN}:${{V}}', !Sub 'arn:aws:lambda:us-east-1:123456789012:layer:x${{V}}:3'");
    check(&format!("{PARAMETER}{}", function("", &other)), &["`Resources.F.Properties.Layers` (6"]);
    check(&format!("{}Conditions: {{C: !Equals [!Ref V, 7]}}\n", with_parameter("")), &["`Conditions.C` (7"]);
    check(
        &format!("{}Conditions: {{C: !Equals [12, !Ref V]}}\n", with_parameter("")),
        &["`Conditions.C` (7"],
    );
    check(
        &format!(
            "{}  S:\n    Type: AWS::CloudFormation::Stack\n    Properties: {{Parameters: {{N: !Ref V}}}}\n",
            with_parameter("")
        ),
        &["`Resources.S.Properties.Parameters.N` (9"],
    );
}

#[test]
fn a_parameter_that_is_seen_where_it_does_no_harm() {
    for more in [
        "      Description: !Sub 'layer ${V}'\n",
        "      Tags: [{Key: layer, Value: !Ref V}]\n",
        "      Environment: {Variables: {LAYER: !Ref V}}\n",
        "      Role: 'no ${V} without Sub'\n",
        "      Role: !Sub ['own ${V}', {V: x}]\n",
        "      Role: !Sub '${!V}'\n",
    ] {
        check(&with_parameter(more), &[]);
    }
    for more in [
        "Outputs: {O: {Value: !Ref V}}\n",
        "Metadata: {M: !Ref V}\n",
        "Conditions: {C: !Not [!Equals [!Ref V, '']]}\n",
        "  P:\n    Type: AWS::IAM::Policy\n    Properties: {R: !Sub 'arn:aws:lambda:us-east-1:123456789012:layer:sosw:${V}'}\n",
        "  S:\n    Type: AWS::CloudFormation::Stack\n    Properties: {Parameters: {LayerVersion: !Ref V}}\n",
    ] {
        check(&format!("{}{more}", with_parameter("")), &[]);
    }
    // A whole ARN is the layer wherever it is.
    let arn = format!("Parameters: {{L: {{Type: String, Default: '{ARN}:7'}}}}\n");
    check(&format!("{arn}{}", function("      Role: !Ref L\n", "!Ref L")), &[]);
}

#[test]
fn an_anchor_a_row_and_a_loop() {
    let join = format!("!Join [':', [{ARN}, *n]]");
    check(&function("      Timeout: &n 7\n", &join), &["`Resources.F.Properties.Timeout` (5"]);
    check(&format!("X: &n 7\n{}", function("", &join)), &[]);
    check(
        &format!("X: &n 7\n{}", function("      Timeout: *n\n", &join)),
        &["`Resources.F.Properties.Timeout` (6"],
    );
    let row = "Mappings: {M: {us-east-1: {V: 7, W: 8}}}\n";
    let find = "!FindInMap [M, us-east-1, V]";
    let layer = format!("!Join [':', [{ARN}, {find}]]");
    check(&format!("{row}{}", function("", &layer)), &[]);
    check(&format!("{row}{}", function("      Timeout: !FindInMap [M, us-east-1, W]\n", &layer)), &[]);
    check(
        &format!("{row}{}", function(&format!("      Timeout: {find}\n"), &layer)),
        &["`Resources.F.Properties.Timeout` (6"],
    );
    let each = |key: &str, more: &str| {
        format!(
            "Resources:\n  Fn::ForEach::L:\n    - V\n    - ['7']\n    - {key}:\n        Type: AWS::Lambda::Function\n        Properties:\n          Layers: [!Sub '{ARN}:${{V}}']\n{more}"
        )
    };
    check(&each("F", ""), &[]);
    check(&each("F", "          Timeout: !Ref V\n"), &["`Resources.Fn::ForEach::L.F.Properties.Timeout` (9"]);
    check(&each("F${V}", ""), &["`Resources.Fn::ForEach::L.F${V}` (5"]);
}

/// In large JSON most properties are not read.
#[test]
fn a_property_that_was_passed_over_counts() {
    let text = format!(
        "{{\"Parameters\": {{\"V\": {{\"Type\": \"Number\", \"Default\": 7}}}}, \"Description\": \"{}\", \"Resources\": {{\"F\": {{\"Type\": \
         \"AWS::Lambda::Function\", \"Properties\": {{\"Timeout\": {{\"Ref\": \"V\"}}, \"Layers\": [{{\"Fn::Sub\": \"{ARN}:${{V}}\"}}]}}}}}}}}",
        "x".repeat(1 << 20)
    );
    assert_eq!(refused(&text).unwrap().len(), 1);
    check(&text.replace("\"Timeout\"", "\"Tags\""), &[]);
}

#[test]
fn an_item_that_is_not_chosen_and_a_test_for_nothing() {
    let list = format!("Parameters: {{L: {{Type: CommaDelimitedList, Default: '{ARN}:7,{ARN}-x:1'}}}}\n");
    let chosen = |more: &str, items: &str| format!("{list}{}{more}", function("", items));
    check(&chosen("", "!Select [0, !Ref L], !Select [1, !Ref L]"), &[]);
    check(&chosen("Conditions: {C: !Not [!Equals [!Join ['', !Ref L], '']]}\n", "!Select [0, !Ref L]"), &[]);
    check(&chosen("Conditions: {C: !Equals [!Select [0, !Ref L], '']}\n", "!Select [0, !Ref L]"), &[]);
    check(
        &chosen("Conditions: {C: !Equals [!Select [0, !Ref L], 'x']}\n", "!Select [0, !Ref L]"),
        &["`Conditions.C` (7"],
    );
    // The number itself is chosen by.
    check(
        &format!(
            "{PARAMETER}{}",
            function("      Role: !Select [!Ref V, [a, b]]\n", &format!("!Sub '{ARN}:${{V}}'"))
        ),
        &["`Resources.F.Properties.Role` (6"],
    );
    check(&with_parameter("      VersionDescription: !Sub 'layer ${V}'\n"), &[]);
}

#[test]
fn layers_that_come_in_with_other_properties() {
    let both = |anchor: &str, merged: &str| {
        format!(
            "Resources:\n  A:\n    Type: AWS::Lambda::Function\n    Properties: {anchor}\n      Layers: ['{ARN}:7']\n      \
             Timeout: 3\n  B:\n    Type: {merged}\n"
        )
    };
    for merged in [
        "AWS::Lambda::Function\n    Properties: {<<: *p, MemorySize: 128}",
        "AWS::Serverless::Function\n    Properties: {<<: [*p], Layers: []}",
    ] {
        check(&both("&p", merged), &[]);
    }
    let elsewhere = "AWS::Other::Thing\n    Properties: {<<: *p}";
    check(&both("&p", elsewhere), &["`Resources.B.Properties.<<` (9"]);
    let deeper = "AWS::Lambda::Function\n    Properties: {VpcConfig: {<<: *p}}";
    check(&both("&p", deeper), &["`Resources.B.Properties.VpcConfig.<<` (9"]);
    let common = format!(
        "x-common: &common\n  Layers: ['{ARN}:7']\nGlobals: {{Function: {{<<: *common}}}}\n{}",
        function("      <<: *common\n", "")
    );
    check(&common, &[]);
}
