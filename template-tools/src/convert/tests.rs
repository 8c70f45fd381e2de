//! What becomes of templates that are converted, whole.

use expect_test::{Expect, expect};

use super::*;
use crate::arn::LayerVersionArn;
use crate::pins::{Pin, Pins};

fn pins() -> Pins {
    let arns = [
        "arn:aws:lambda:us-east-1:123456789012:layer:my-Layer_1:7",
        "arn:aws:lambda:eu-west-1:123456789012:layer:my-Layer_1:8",
    ];
    Pins::new(arns.iter().map(|arn| Pin::from(arn.parse::<LayerVersionArn>().unwrap()))).unwrap()
}

fn check(text: &str, form: &Form, expected: &Expect) {
    let pins = pins();
    let plan = convert(text, &Wanted::new(&pins), form).unwrap();
    assert_eq!(plan.refusals, []);
    let after = plan.text.unwrap_or_else(|| format!("{:?}", plan.left_alone));
    expected.assert_eq(&after);
    let again = convert(&after, &Wanted::new(&pins), form).unwrap();
    assert_eq!((again.text, again.refusals), (None, Vec::new()));
}

fn ssm(name: &str) -> Form {
    Form::Ssm(SsmParameterName::new(name).unwrap())
}

const OPEN: &str = "arn:aws:lambda:${AWS::Region}:123456789012:layer:my-Layer_1:1";

fn yaml() -> String {
    format!(
        "# top\nDescription: \"x\" # y\nResources:\n    F:\n        Type: AWS::Lambda::Function\n        Properties:\n            Layers:\n                - !Sub {OPEN} # my layer\n                - Fn::Sub: \"{OPEN}\"\n                - arn:aws:lambda:us-east-1:123456789012:layer:my-Layer_1:1\n"
    )
}

fn json() -> String {
    format!(
        "{{\n  \"Resources\": {{\n    \"F\": {{\"Type\": \"AWS::Lambda::Function\", \"Properties\": {{\"Layers\": [{{\"Fn::Sub\": \"{OPEN}\"}}]}}}}\n  }}\n}}\n"
    )
}

/// What comes in stands above the comment on the key that follows.
#[test]
fn comments_stay_with_their_keys() {
    let function =
        format!("F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Layers: [!Sub '{OPEN}']\n");
    let yaml = |between: &str| {
        format!(
            "# the file\nParameters:\n  # stage doc\n  # and more\n  Stage: {{Type: String}}\n    # of Stage\n{between}# Resources follow\nResources:\n  {function}"
        )
    };
    let after = |text: &str, form: &Form| convert(text, &Wanted::new(&pins()), form).unwrap().text.unwrap();
    let to_ssm = after(&yaml(""), &ssm("/layers/x"));
    assert!(to_ssm.starts_with("# the file\nParameters:\n  MyLayer1LayerVersionArn:\n    Type:"), "{to_ssm}");
    assert!(to_ssm.contains("\n    Default: /layers/x\n  # stage doc\n  # and more\n  Stage:"), "{to_ssm}");
    for between in ["", "\n", "# other\n\n"] {
        let to_mapping = after(&yaml(between), &Form::Mapping);
        let expected = format!("  Stage: {{Type: String}}\n    # of Stage\n{between}Mappings:\n  ");
        assert!(to_mapping.contains(&expected), "{to_mapping}");
        assert!(to_mapping.contains("\n# Resources follow\nResources:"), "{to_mapping}");
        let windows = |text: &str| text.replace('\n', "\r\n");
        assert_eq!(after(&windows(&yaml(between)), &Form::Mapping), windows(&to_mapping));
    }
    // What a file begins with is on the file, and a byte order mark stays where it is.
    let top = format!("\u{feff}# the file\n# and more\nResources:\n  {function}");
    let to_mapping = after(&top, &Form::Mapping);
    assert!(to_mapping.starts_with("\u{feff}# the file\n# and more\nMappings:\n"), "{to_mapping}");
    let braces = format!(
        "{{\n  # all\n  Resources: {{F: {{Type: AWS::Lambda::Function, Properties: {{Layers: [!Sub '{OPEN}']}}}}}}\n}}\n"
    );
    let to_mapping = after(&braces, &Form::Mapping);
    assert!(to_mapping.starts_with("{\n  Mappings: {"), "{to_mapping}");
    assert!(to_mapping.contains("},\n  # all\n  Resources: "), "{to_mapping}");
}

#[test]
fn to_a_mapping() {
    check(
        &yaml(),
        &Form::Mapping,
        &expect![[r##"
            # top
            Description: "x" # y
            Mappings:
                MyLayer1Versions:
                    eu-west-1:
                        Version: 8
                    us-east-1:
                        Version: 7
            Resources:
                F:
                    Type: AWS::Lambda::Function
                    Properties:
                        Layers:
                            - !Sub ["arn:aws:lambda:${AWS::Region}:123456789012:layer:my-Layer_1:${MyLayer1Version}", {MyLayer1Version: !FindInMap [MyLayer1Versions, !Ref "AWS::Region", Version]}] # my layer
                            - Fn::Sub: ["arn:aws:lambda:${AWS::Region}:123456789012:layer:my-Layer_1:${MyLayer1Version}", {MyLayer1Version: !FindInMap [MyLayer1Versions, !Ref "AWS::Region", Version]}]
                            - arn:aws:lambda:us-east-1:123456789012:layer:my-Layer_1:7
        "##]],
    );
    check(
        &json(),
        &Form::Mapping,
        &expect![[r#"
        {
          "Mappings": {
            "MyLayer1Versions": {
              "eu-west-1": {
                "Version": "8"
              },
              "us-east-1": {
                "Version": "7"
              }
            }
          },
          "Resources": {
            "F": {"Type": "AWS::Lambda::Function", "Properties": {"Layers": [{"Fn::Sub": ["arn:aws:lambda:${AWS::Region}:123456789012:layer:my-Layer_1:${MyLayer1Version}", {"MyLayer1Version": {"Fn::FindInMap": ["MyLayer1Versions", {"Ref": "AWS::Region"}, "Version"]}}]}]}}
          }
        }
    "#]],
    );
    check(
        &format!("Mappings:\n  Old:\n    a: {{b: c}}\n{}", yaml().replace("# top\n", "")),
        &Form::Mapping,
        &expect![[r#"
            Mappings:
              MyLayer1Versions:
                  eu-west-1:
                      Version: 8
                  us-east-1:
                      Version: 7
              Old:
                a: {b: c}
            Description: "x" # y
            Resources:
                F:
                    Type: AWS::Lambda::Function
                    Properties:
                        Layers:
                            - !Sub ["arn:aws:lambda:${AWS::Region}:123456789012:layer:my-Layer_1:${MyLayer1Version}", {MyLayer1Version: !FindInMap [MyLayer1Versions, !Ref "AWS::Region", Version]}] # my layer
                            - Fn::Sub: ["arn:aws:lambda:${AWS::Region}:123456789012:layer:my-Layer_1:${MyLayer1Version}", {MyLayer1Version: !FindInMap [MyLayer1Versions, !Ref "AWS::Region", Version]}]
                            - arn:aws:lambda:us-east-1:123456789012:layer:my-Layer_1:7
        "#]],
    );
    check(
        &json().replace("{\n", "{").replace("  ", ""),
        &Form::Mapping,
        &expect![[r#"
        {"Mappings": {"MyLayer1Versions": {"eu-west-1": {"Version": "8"}, "us-east-1": {"Version": "7"}}}, "Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Layers": [{"Fn::Sub": ["arn:aws:lambda:${AWS::Region}:123456789012:layer:my-Layer_1:${MyLayer1Version}", {"MyLayer1Version": {"Fn::FindInMap": ["MyLayer1Versions", {"Ref": "AWS::Region"}, "Version"]}}]}]}}
        }
        }
    "#]],
    );
}

#[test]
fn to_an_ssm_parameter() {
    check(
        &yaml(),
        &ssm("lambda-layer-sosw-latest"),
        &expect![[r##"
        # top
        Description: "x" # y
        Parameters:
            MyLayer1LayerVersionArn:
                Type: AWS::SSM::Parameter::Value<String>
                Default: lambda-layer-sosw-latest
        Resources:
            F:
                Type: AWS::Lambda::Function
                Properties:
                    Layers:
                        - !Ref MyLayer1LayerVersionArn # my layer
                        - !Ref MyLayer1LayerVersionArn
                        - !Ref MyLayer1LayerVersionArn
    "##]],
    );
    check(
        &json(),
        &ssm("/layers/mine"),
        &expect![[r#"
        {
          "Parameters": {
            "MyLayer1LayerVersionArn": {
              "Type": "AWS::SSM::Parameter::Value<String>",
              "Default": "/layers/mine"
            }
          },
          "Resources": {
            "F": {"Type": "AWS::Lambda::Function", "Properties": {"Layers": [{"Ref": "MyLayer1LayerVersionArn"}]}}
          }
        }
    "#]],
    );
}

const PLAIN: &str = "arn:aws:lambda:us-east-1:123456789012:layer:my-Layer_1";

/// A template of a function with these `Layers`.
fn of(layers: &str) -> String {
    format!("Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Layers:{layers}\n")
}

/// What comes of `Layers` with an SSM parameter in place of the ARN, and what is said to be left.
fn layers_with_ssm(layers: &str) -> Result<String, Vec<String>> {
    let text = of(layers);
    let pin = Pin { account: None, region: None, partition: None, version: None, ..own_pin() };
    let pins = Pins::new([pin]).unwrap();
    let plan = convert(&text, &Wanted::new(&pins), &ssm("/l")).unwrap();
    assert_eq!(plan.refusals, []);
    let Some(after) = plan.text else {
        return Err(plan.left_alone.into_iter().map(|left| left.reason).collect());
    };
    let parameter = "Parameters:\n  MyLayer1LayerVersionArn:\n    Type: AWS::SSM::Parameter::Value<String>\n    Default: /l\n";
    let rest = after.strip_prefix(parameter).unwrap();
    let start = of("").trim_end().len();
    Ok(rest[start..].trim_end().replace("MyLayer1LayerVersionArn", "P"))
}

fn own_pin() -> Pin {
    Pin::from(format!("{PLAIN}:7").parse::<LayerVersionArn>().unwrap())
}

#[test]
fn every_form_that_is_a_whole_arn_can_become_a_parameter() {
    for (before, after) in [
        (format!(" [!If [C, '{PLAIN}:7', !Ref AWS::NoValue]]"), " [!If [C, !Ref P, !Ref AWS::NoValue]]"),
        (
            format!(
                "\n        - Fn::If:\n            - C\n            - {PLAIN}:7 # c\n            - Ref: AWS::NoValue"
            ),
            "\n        - Fn::If:\n            - C\n            - !Ref P # c\n            - Ref: AWS::NoValue",
        ),
        (format!(" !If [C, ['{PLAIN}:7'], []]"), " !If [C, [!Ref P], []]"),
        (format!(" [!Join [':', [{PLAIN}, 7]], x]"), " [!Ref P, x]"),
        (
            format!(
                "\n        - !Join\n          - ':'\n          - - {PLAIN}\n            - 7\n        # c"
            ),
            "\n        - !Ref P\n        # c",
        ),
        (format!("\n        - >-\n          {PLAIN}:7\n        # c"), "\n        - !Ref P\n        # c"),
        (
            format!("\n        - !Sub |\n          {PLAIN}:7\n\n        - x"),
            "\n        - !Ref P\n\n        - x",
        ),
        (format!(" [!Sub ['{PLAIN}:7', {{}}]]"), " [!Ref P]"),
        (format!(" [&l '{PLAIN}:7', *l]"), " [&l !Ref P, *l]"),
        (format!(" [!Sub &l '{PLAIN}:7', *l]"), " [&l !Ref P, *l]"),
        (format!(" [&l !Sub '{PLAIN}:7', *l]"), " [&l !Ref P, *l]"),
    ] {
        assert_eq!(layers_with_ssm(&before).as_deref(), Ok(after), "{before}");
    }
}

#[test]
fn what_is_more_or_less_than_an_arn_stays() {
    for (layers, reason) in [
        (
            format!("\n        - Fn::Join:\n          - ':' # here\n          - [{PLAIN}, 7]"),
            "its form cannot be replaced",
        ),
        (format!(" '{PLAIN}:7,{PLAIN}:8'"), "other layers or entries"),
        (format!(" [&l '{PLAIN}:7']\n      Handler: *l"), "its anchor is used outside of `Layers`"),
        (format!(" [Fn::Sub: &l '{PLAIN}:7', *l]"), "other layers or entries"),
        (format!(" [!Sub ['{PLAIN}:${{V}}', {{V: !Ref W}}]]"), "the version is not known"),
    ] {
        let left = layers_with_ssm(&layers).unwrap_err();
        assert!(left.iter().any(|one| one.contains(reason)), "{layers}: {left:?}");
    }
}

#[test]
fn nothing_gets_a_number_that_nobody_asked_for() {
    let pin = Pin { version: None, ..own_pin() };
    let pins = Pins::new([pin]).unwrap();
    for text in [of(&format!(" [{PLAIN}:7]")), "a: b\n".to_owned(), format!("[{PLAIN}:7]")] {
        for part in [Part::IfTemplate, Part::Forced, Part::Excluded("x")] {
            let wanted = Wanted { part, ..Wanted::new(&pins) };
            assert_eq!(plan_with(&text, &wanted).unwrap().text, None);
            assert_eq!(convert(&text, &wanted, &Form::Mapping).unwrap().text, None);
        }
    }
}

#[test]
fn sections_are_filled_in_their_own_style() {
    let layers = of(&format!(" [{PLAIN}:7]"));
    let pins = Pins::new([Pin { version: None, ..own_pin() }]).unwrap();
    let kind = "AWS::SSM::Parameter::Value<String>";
    let block = format!("\n  MyLayer1LayerVersionArn:\n    Type: {kind}\n    Default: /l\n");
    let flow = format!("{{MyLayer1LayerVersionArn: {{Type: {kind}, Default: /l}}}}");
    for (before, after) in [
        ("Parameters:\n", format!("Parameters:{block}")),
        ("Parameters: # none\n# x\n", format!("Parameters: # none{block}# x\n")),
        ("Parameters: {}\n", format!("Parameters: {flow}\n")),
        ("Parameters: ~ # none\n", format!("Parameters: {flow} # none\n")),
        (
            "Parameters: {P: {Type: String}}\n",
            format!("Parameters: {}, P: {{Type: String}}}}\n", &flow[..flow.len() - 1]),
        ),
        (
            "\"Description\": \"x\"\n\"Parameters\":\n  \"P\": {}\n",
            format!(
                "\"Description\": \"x\"\n\"Parameters\":\n  \"MyLayer1LayerVersionArn\":\n    \"Type\": \"{kind}\"\n    \"Default\": \"/l\"\n  \"P\": {{}}\n"
            ),
        ),
    ] {
        for line_end in ["\n", "\r\n"] {
            let ended = |text: &str| format!("\u{feff}{text}").replace('\n', line_end);
            let plan =
                convert(&ended(&format!("{before}{layers}")), &Wanted::new(&pins), &ssm("/l")).unwrap();
            let expected =
                format!("{after}{}", layers.replace(&format!("{PLAIN}:7"), "!Ref MyLayer1LayerVersionArn"));
            assert_eq!((plan.text, plan.refusals), (Some(ended(&expected)), vec![]), "{before}");
        }
    }
    let globals =
        format!("Transform: AWS::Serverless-2016-10-31\nGlobals: {{Function: {{Layers: ['{PLAIN}:7']}}}}\n");
    let after = convert(&globals, &Wanted::new(&pins), &ssm("/l")).unwrap().text.unwrap();
    assert_eq!(
        after,
        format!(
            "Transform: AWS::Serverless-2016-10-31\nParameters:{block}Globals: {{Function: {{Layers: [!Ref MyLayer1LayerVersionArn]}}}}\n"
        )
    );
}

#[test]
fn what_is_dense_stays_dense() {
    let check = |text: &str, form: &Form, expected: &str| {
        let eu =
            Pin::from(format!("{PLAIN}:8").replace("us-east", "eu-west").parse::<LayerVersionArn>().unwrap());
        let pins = Pins::new([own_pin(), eu]).unwrap();
        let plan = convert(text, &Wanted::new(&pins), form).unwrap();
        assert_eq!((plan.text.as_deref(), plan.refusals), (Some(expected), vec![]));
    };
    let open = OPEN;
    let part = open.strip_suffix('1').unwrap();
    check(
        &format!(
            r#"{{"Resources":{{"F":{{"Type":"AWS::Lambda::Function","Properties":{{"Layers":[{{"Fn::Sub":"{open}"}}]}}}}}}}}"#
        ),
        &ssm("/l"),
        r#"{"Parameters":{"MyLayer1LayerVersionArn":{"Type":"AWS::SSM::Parameter::Value<String>","Default":"/l"}},"Resources":{"F":{"Type":"AWS::Lambda::Function","Properties":{"Layers":[{"Ref":"MyLayer1LayerVersionArn"}]}}}}"#,
    );
    check(
        &format!(
            r#"{{"Resources":{{"F":{{"Type":"AWS::Lambda::Function","Properties":{{"Layers":[{{"Fn::Sub":"{open}"}}]}}}}}}}}"#
        ),
        &Form::Mapping,
        &format!(
            r#"{{"Mappings":{{"MyLayer1Versions":{{"eu-west-1":{{"Version":"8"}},"us-east-1":{{"Version":"7"}}}}}},"Resources":{{"F":{{"Type":"AWS::Lambda::Function","Properties":{{"Layers":[{{"Fn::Sub":["{part}${{MyLayer1Version}}",{{"MyLayer1Version":{{"Fn::FindInMap":["MyLayer1Versions",{{"Ref":"AWS::Region"}},"Version"]}}}}]}}]}}}}}}}}"#
        ),
    );
    check(
        &format!(
            "{{Resources: {{F: {{Type: AWS::Lambda::Function, Properties: {{Layers: [!Sub '{open}']}}}}}}}}\n"
        ),
        &Form::Mapping,
        &format!(
            "{{Mappings: {{MyLayer1Versions: {{eu-west-1: {{Version: 8}}, us-east-1: {{Version: 7}}}}}}, Resources: {{F: {{Type: AWS::Lambda::Function, Properties: {{Layers: [!Sub ['{part}${{MyLayer1Version}}', {{MyLayer1Version: !FindInMap [MyLayer1Versions, !Ref 'AWS::Region', Version]}}]]}}}}}}}}\n"
        ),
    );
}

#[test]
fn each_layer_and_each_document_gets_its_own() {
    let two = |version: &str| {
        let arn = OPEN.replace("my-Layer_1:1", &format!("two:{version}"));
        format!(
            "Resources: {{F: {{Type: AWS::Lambda::Function, Properties: {{Layers: [!Sub '{OPEN}', !Sub '{arn}']}}}}}}\n"
        )
    };
    let text = format!("{0}---\n{0}", two("1"));
    let arns = [
        "us-east-1:123456789012:layer:two:3",
        "eu-west-1:123456789012:layer:two:4",
        "us-east-1:123456789012:layer:my-Layer_1:7",
        "eu-west-1:123456789012:layer:my-Layer_1:8",
    ];
    let pin = |arn: &&str| Pin::from(format!("arn:aws:lambda:{arn}").parse::<LayerVersionArn>().unwrap());
    let pins = Pins::new(arns.iter().map(pin)).unwrap();
    let plan = convert(&text, &Wanted::new(&pins), &Form::Mapping).unwrap();
    assert_eq!(plan.refusals, []);
    let after = plan.text.unwrap();
    assert_eq!(after.matches("Mappings:\n  MyLayer1Versions:\n").count(), 2, "{after}");
    assert_eq!(after.matches("\n  TwoVersions:\n").count(), 2);
    assert_eq!(plan.bumps.iter().map(|bump| bump.position.line).collect::<Vec<_>>(), [1, 1, 3, 3]);
    assert_eq!(convert(&after, &Wanted::new(&pins), &Form::Mapping).unwrap().text, None);
}

mod rows;
