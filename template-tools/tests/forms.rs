//! A file for each form in which a template can name a layer's version. `<7>` marks what has to become 12; nothing else
//! may change.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use template_tools::arn::LayerVersionArn;
use template_tools::pins::{Pin, Pins};
use template_tools::plan::{Downgrades, plan};

mod harness;
use harness::Project;

/// `sosw` is 12 in both regions, `two` is 12 in one and 13 in the other.
fn pins() -> Pins {
    let arns = [
        "arn:aws:lambda:us-east-1:123456789012:layer:sosw:12",
        "arn:aws:lambda:eu-west-1:123456789012:layer:sosw:12",
        "arn:aws:lambda:us-east-1:123456789012:layer:two:12",
        "arn:aws:lambda:eu-west-1:123456789012:layer:two:13",
    ];
    Pins::new(arns.iter().map(|arn| Pin::from(arn.parse::<LayerVersionArn>().unwrap()))).unwrap()
}

/// `<7>` becomes 12 and `{7}` becomes 13, in LF and CRLF, with and without a byte order mark; then nothing more.
#[track_caller]
fn check(marked: &str) {
    for (line_end, bom) in [("\n", ""), ("\r\n", ""), ("\n", "\u{feff}"), ("\r\n", "\u{feff}")] {
        let marked = format!("{bom}{marked}").replace('\n', line_end);
        let before = marked.replace("<7>", "7").replace("{7}", "7");
        let expected = marked.replace("<7>", "12").replace("{7}", "13");
        let first = plan(&before, &pins(), Downgrades::Refused).unwrap();
        assert_eq!(first.refusals, [], "{before}");
        assert_eq!(first.text.as_deref().unwrap_or(&before), expected, "{:?}", first.left_alone);
        let second = plan(&expected, &pins(), Downgrades::Refused).unwrap();
        assert_eq!((second.text, second.refusals), (None, Vec::new()), "{expected}");
    }
    check_scan(marked);
}

/// The same by way of the files of a tree: the file is looked at in the first place.
#[track_caller]
fn check_scan(marked: &str) {
    let project = Project::new();
    let text = |one: &str, two: &str| marked.replace("<7>", one).replace("{7}", two);
    project.write("a.yaml", &text("7", "7"));
    let mut bump = vec!["bump"];
    let pins = pins().pins().map(ToString::to_string).collect::<Vec<_>>();
    bump.extend(pins.iter().flat_map(|pin| ["--pin", pin]));
    project.run(&bump).ends(0).prints("a.yaml\n");
    assert_eq!(project.read("a.yaml"), text("12", "13"));
}

/// The same, and the text that people search for does not stand in the file.
#[track_caller]
fn check_hidden(marked: &str) {
    assert!(!marked.contains(":layer:"), "{marked}");
    check(marked);
}

fn function(layers: &str) -> String {
    format!("Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Layers:{layers}\n")
}

fn with(sections: &str, layers: &str) -> String {
    format!("{sections}\n{}", function(layers))
}

const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:layer:sosw";

#[test]
fn join_with_the_version_in_a_piece_or_as_a_piece_of_its_own() {
    check_hidden(&function(
        " [!Join [':', [arn:aws:lambda, !Ref AWS::Region, !Ref AWS::AccountId, layer, sosw, <7>]]]",
    ));
    check_hidden(&function(
        "
        - Fn::Join:
            - ':'
            - - arn
              - Ref: AWS::Partition
              - lambda
              - !Sub '${AWS::Region}'
              - '123456789012'
              - 'layer'
              - \"sosw\"
              - '<7>'",
    ));
    check_hidden(&function(
        " [!Join ['', ['arn:aws:lambda:', !Ref 'AWS::Region', ':123456789012:lay', 'er:sosw:<7>']]]",
    ));
    check_hidden(
        r#"{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Layers": [
        {"Fn::Join": [":", ["arn:aws:lambda", {"Ref": "AWS::Region"}, {"Ref": "AWS::AccountId"}, "layer", "sosw", <7>]]},
        {"Fn::Join": [":", ["arn:aws:lambda", {"Ref": "AWS::Region"}, {"Ref": "AWS::AccountId"}, "layer:sosw", "<7>"]]}]}}}}"#,
    );
}

#[test]
fn conditions_and_both_of_their_branches() {
    check(&function(&format!(" [!If [Prod, '{ARN}:<7>', !If [Test, {ARN}:<7>, !Ref AWS::NoValue]]]")));
    check(&function(&format!(" !If [Prod, ['{ARN}:<7>'], [{ARN}:<7>, !Sub '{ARN}:<7>']]")));
    check_hidden(&function(
        " [!Join [':', [arn:aws:lambda:us-east-1:123456789012, layer, sosw, !If [C, <7>, '<7>']]]]",
    ));
}

#[test]
fn parameters_that_hold_a_whole_arn_a_list_or_a_bare_version() {
    for default in ["{ARN}:<7>", "'{ARN}:<7>'", "\"{ARN}:<7>\"", ">-\n      {ARN}:<7>"] {
        let parameters =
            format!("Parameters:\n  L:\n    Type: String\n    Default: {}", default.replace("{ARN}", ARN));
        check(&with(&parameters, " [!Ref L]"));
        check(&with(&parameters, "\n        - Ref: L"));
    }
    let list =
        format!("Parameters: {{L: {{Type: CommaDelimitedList, Default: '{ARN}:<7>, {ARN}2:7 ,{ARN}:<7>'}}}}");
    check(&with(&list, " !Ref L"));
    let folded = format!(
        "Parameters:\n  L:\n    Type: CommaDelimitedList\n    Default: >\n      {ARN}:<7>,\n      {ARN}:<7>"
    );
    check(&with(&folded, " !Ref L"));
    check(&with(&list.replace("CommaDelimitedList", "String"), " !Split [',', !Ref L]"));
    for default in ["<7>", "'<7>'", "\"<7>\"", "&v <7>"] {
        let parameters = format!("Parameters:\n  V:\n    Type: Number\n    Default: {default} # the version");
        check_hidden(&with(
            &parameters,
            " [!Join [':', [!Sub 'arn:aws:lambda:${AWS::Region}:123456789012', layer, sosw, !Ref V]]]",
        ));
        check(&with(&parameters, " [!Sub 'arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:${V}']"));
    }
}

#[test]
fn variables_of_sub() {
    check(&function(&format!(" [!Sub ['{ARN}:${{V}}', {{V: <7>}}]]")));
    check_hidden(&function(
        " [!Sub ['arn:aws:lambda:${R}:123456789012:layer${C}sosw:<7>', {R: !Ref AWS::Region, C: ':'}]]",
    ));
    check(&function(&format!("\n        - Fn::Sub:\n            - {ARN}:${{V}}\n            - V: '<7>'")));
    check_hidden(&with(
        "Parameters: {Prefix: {Type: String, Default: 'arn:aws:lambda:us-east-1:123456789012:layer'}}",
        " [!Sub '${Prefix}:sosw:<7>']",
    ));
    check_hidden(&with(
        "Parameters: {Name: {Type: String, Default: 'layer:sosw'}}",
        " [!Sub 'arn:aws:lambda:us-east-1:123456789012:${Name}:<7>']",
    ));
}

#[test]
fn mappings_with_a_row_for_each_region() {
    let rows = "Mappings:
  Layers:
    us-east-1: {Two: '<7>', Arn: 'arn:aws:lambda:us-east-1:123456789012:layer:two:<7>'}
    eu-west-1: {Two: {7}, Arn: 'arn:aws:lambda:eu-west-1:123456789012:layer:two:{7}'}";
    let used = " [!FindInMap [Layers, !Ref 'AWS::Region', Arn]]";
    // The numbers of the column that nobody uses stay.
    let arns = rows.replace("Two: '<7>'", "Two: '7'").replace("Two: {7}", "Two: 7");
    check(&with(&arns, used));
    check(&with(&arns, "\n        - Fn::FindInMap: [Layers, Ref: AWS::Region, Arn]"));
    let numbers = rows.replace("layer:two:<7>", "layer:two:7").replace("layer:two:{7}", "layer:two:7");
    check(&with(
        &numbers,
        " [!Sub ['arn:aws:lambda:${AWS::Region}:123456789012:layer:two:${V}', {V: !FindInMap [Layers, !Ref AWS::Region, Two]}]]",
    ));
    let hidden = "Mappings: {M: {us-east-1: {V: <7>}, eu-west-1: {V: {7}}}}";
    check_hidden(&with(
        hidden,
        " [!Join [':', [arn:aws:lambda, !Ref AWS::Region, '123456789012', layer, two, !FindInMap [M, !Ref AWS::Region, V]]]]",
    ));
    let lists = format!("Mappings: {{M: {{us-east-1: {{L: ['{ARN}:<7>', {ARN}:<7>]}}}}}}");
    check(&with(&lists, " !FindInMap [M, !Ref AWS::Region, L]"));
    let default = format!("Mappings: {{M: {{us-east-1: {{L: '{ARN}:<7>'}}}}}}");
    check(&with(&default, &format!(" [!FindInMap [M, !Ref AWS::Region, L, DefaultValue: '{ARN}:<7>']]")));
}

#[test]
fn loops_over_functions() {
    check(&format!(
        "Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::Functions:
    - Name
    - [A, B]
    - ${{Name}}Function:
        Type: AWS::Lambda::Function
        Properties: {{Layers: ['{ARN}:<7>']}}
"
    ));
    check_hidden(
        "Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::Functions:
    - Version
    - ['<7>']
    - F:
        Type: AWS::Lambda::Function
        Properties:
          Layers: [!Join [':', ['arn:aws:lambda:us-east-1:123456789012', layer, sosw, !Ref Version]]]
",
    );
}

#[test]
fn globals_and_layers_that_are_no_list() {
    check(&format!("Globals:\n  Function:\n    Layers: !If [C, [{ARN}:<7>], ['{ARN}:<7>']]\n"));
    check(&function(&format!(" {ARN}:<7>")));
    check(&function(&format!(" !Sub {ARN}:<7>")));
    check(&function(&format!(" !Split [',', '{ARN}:<7>,{ARN}:<7>']")));
}

#[test]
fn a_text_that_is_used_in_many_places_is_edited_once() {
    check(&format!(
        "X: &list\n  - &arn {ARN}:<7>\n  - *arn\n{}  G:\n    Type: AWS::Lambda::Function\n    Properties: {{Layers: [*arn, {{Ref: L}}, {{Ref: L}}]}}\nParameters: {{L: {{Type: String, Default: '{ARN}:<7>'}}}}\n",
        function(" *list")
    ));
}

#[test]
fn escapes_and_folds_in_every_quoting() {
    check(&function(" [\"arn:aws:lambda:us-east-1:123456789012:layer:s\\x6fsw:<7>\"]"));
    check(&function("\n        - \"arn:aws:lambda:us-east-1:\\\n          123456789012:layer:sosw:<7>\""));
    check(&function(
        "\n        - >-\n          arn:aws:lambda:us-east-1:123456789012:layer:sosw:<7>\n        - |\n          arn:aws:lambda:us-east-1:123456789012:layer:sosw:<7>\n",
    ));
    check(
        r#"{"Globals": {"Function": {"Layers": ["arn\u003aaws:lambda:us-east-1:123456789012:layer\u003asosw:<7>"]}}}"#,
    );
    let text = function(" [\"arn:aws:lambda:us-east-1:123456789012:layer:sosw\\x3a\\x37\"]");
    let after = plan(&text, &pins(), Downgrades::Refused).unwrap().text;
    assert_eq!(after, Some(text.replace("\\x37", "12")));
}

/// No text of the name stands in these files, and no comment may be what decides.
#[test]
fn names_that_are_put_together() {
    check(&with(
        "Parameters: {Stage: {Type: String, Default: w}}",
        " [!Sub 'arn:aws:lambda:us-east-1:123456789012:layer:sos${Stage}:<7>']",
    ));
    check(&function("\n        - \"arn:aws:lambda:us-east-1:123456789012:layer:so\\\n          sw:<7>\""));
    check(&function(
        "\n        - \"arn:aws:lambda:us-east-1:123456789012:lay\\\n          er:so\\\n          sw:<7>\"",
    ));
    check_hidden(&with(
        "Parameters: {A: {Type: String, Default: 'er:so'}}",
        " !Sub 'arn:aws:lambda:us-east-1:123456789012:lay${A}sw:<7>'",
    ));
    check_hidden(&function(
        " [!Select [0, !Split [',', !Sub ['arn:aws:lambda:us-east-1:123456789012:layer${C}so${W}:<7>,x', {C: ':', W: sw}]]]]",
    ));
    // Even where the keys are escaped, and the digits.
    check_hidden(
        r#"{"Globals": {"Function": {"L\u0061yers": ["arn:aws:lambda:us-east-1:123456789012:lay\u0065r:s\u006fsw:<7>"]}}}"#,
    );
    for (before, after) in [("\"\\x37\"", "\"12\""), ("\"\\x31\\x30\"", "\"12\"")] {
        let text = |version: &str| {
            with(
                &format!("Parameters: {{V: {{Type: Number, Default: {version}}}}}"),
                " [!Join [':', [!Sub 'arn:aws:lambda:us-east-1:123456789012:layer', sosw, !Ref V]]]",
            )
        };
        let plan = plan(&text(before), &pins(), Downgrades::Refused).unwrap();
        assert_eq!(plan.text, Some(text(after)));
    }
}

/// Whoever is about another layer may be broken.
#[test]
fn a_broken_file_counts_only_if_it_may_name_the_layer() {
    let project = Project::new();
    let pin = format!("{ARN}:12");
    project.write("a.yaml", "Layers: [arn:aws:lambda:us-east-1:123456789012:layer:other:1\n");
    project.run(&["bump", "--pin", &pin]).ends(0);
    for broken in ["layer:sosw:1", "layer:${X}:1", "layer:{{ x }}:1"] {
        project.write("a.yaml", &format!("Layers: [arn:aws:lambda:us-east-1:123456789012:{broken}\n"));
        project.run(&["bump", "--pin", &pin]).ends(3).says("failed to read `a.yaml`");
    }
}

#[test]
fn a_parameter_of_samconfig_whose_template_puts_the_name_together() {
    let project = Project::new();
    let template = with(
        "Parameters: {V: {Type: Number}, N: {Type: String, Default: so}}",
        " !Sub 'arn:aws:lambda:us-east-1:123456789012:layer:${N}sw:${V}'",
    );
    project.write("template.yaml", &template);
    let text = |version: &str| format!("[default.deploy.parameters]\nparameter_overrides = 'V={version}'\n");
    project.write("samconfig.toml", &text("7"));
    project.run(&["bump", "--pin", &format!("{ARN}:12")]).ends(0).prints("samconfig.toml\n");
    assert_eq!(project.read("samconfig.toml"), text("12"));
    assert_eq!(project.read("template.yaml"), template);
}

#[test]
fn choices_that_belong_together_stay_together() {
    // The account of one region never meets the version of another: each row would else be `two` in the wrong region.
    check(&with(
        "Mappings: {M: {us-east-1: {R: us-east-1, V: <7>}, eu-west-1: {R: eu-west-1, V: {7}}}}",
        " [!Sub ['arn:aws:lambda:${R}:123456789012:layer:two:${V}', {R: !FindInMap [M, !Ref AWS::Region, R], V: !FindInMap [M, !Ref AWS::Region, V]}]]",
    ));
}
