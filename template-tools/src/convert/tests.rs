//! What becomes of templates that are converted, whole.

use expect_test::{Expect, expect};

use super::*;
use crate::arn::LayerVersionArn;
use crate::pins::{Pin, Pins};

fn check(text: &str, form: &Form, expected: &Expect) {
    let arns = [
        "arn:aws:lambda:us-east-1:123456789012:layer:my-Layer_1:7",
        "arn:aws:lambda:eu-west-1:123456789012:layer:my-Layer_1:8",
    ];
    let pins = Pins::new(arns.iter().map(|arn| Pin::from(arn.parse::<LayerVersionArn>().unwrap()))).unwrap();
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
