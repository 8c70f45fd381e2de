//! `--update-content`, `--to-mapping` and `--to-ssm` from the outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod harness;
use harness::{Project, arn, function, ledger};

fn open() -> String {
    format!("!Sub {}", arn("sosw", "1").replace("us-east-1", "${AWS::Region}"))
}

fn two_regions() -> String {
    ledger(&[("sosw", "123456789012", "us-east-1", 7), ("sosw", "123456789012", "eu-west-1", 8)])
}

#[test]
fn a_mapping_is_made_once_and_followed_from_then_on() {
    let project = Project::new();
    project.write("l.json", &two_regions());
    project.write("a.yaml", &function(&[&open(), &arn("sosw", "1")]));
    project.run(&["bump", "--ledger", "l.json"]).ends(1);
    let ran = project.run(&["bump", "--ledger", "l.json", "--to-mapping"]);
    ran.ends(0).prints("a.yaml\n").says("sosw 1 to `SoswVersions` (line 7)").says("sosw 1 to 7 (line 14)");
    let text = project.read("a.yaml");
    assert!(text.starts_with("Mappings:\n  SoswVersions:\n    eu-west-1:\n      Version: 8\n    us-east-1:\n      Version: 7\nResources:\n"), "{text}");
    project.run(&["bump", "--ledger", "l.json", "--to-mapping"]).ends(0).prints("");
    project
        .write("l.json", &two_regions().replace(":8\"", ":9\"").replace("\"version\": 8", "\"version\": 9"));
    project.run(&["bump", "--ledger", "l.json"]).ends(0).prints("a.yaml\n");
    assert_eq!(project.read("a.yaml"), text.replace("Version: 8", "Version: 9"));
}

#[test]
fn an_ssm_parameter_takes_the_place_of_a_layer() {
    let project = Project::new();
    project.write("a.yaml", &function(&[&open(), &arn("two", "1")]));
    let to_ssm = ["bump", "--layer", "sosw", "--to-ssm", "lambda-layer-sosw-latest"];
    project.run(&to_ssm).ends(0).prints("a.yaml\n");
    let expected = format!(
        "Parameters:\n  SoswLayerVersionArn:\n    Type: AWS::SSM::Parameter::Value<String>\n    Default: lambda-layer-sosw-latest\n{}",
        function(&["!Ref SoswLayerVersionArn", &arn("two", "1")])
    );
    assert_eq!(project.read("a.yaml"), expected);
    project.run(&to_ssm).ends(0).prints("");
    project.run(&["bump", "--to-ssm", "x"]).ends(2);
}

#[test]
fn the_layers_own_template_follows_the_ledger() {
    let project = Project::new();
    let staged = two_regions()
        .replace("\"content\": null", "\"content\": {\"bucket\": \"b\", \"key\": \"sosw/new.zip\"}");
    project.write("l.json", &staged);
    let template = |key: &str| {
        format!(
            "Resources:\n  L:\n    Type: AWS::Lambda::LayerVersion\n    Properties:\n      LayerName: sosw\n      Content: {{S3Bucket: b, S3Key: '{key}'}} # k\n"
        )
    };
    project.write("a.yaml", &template("old.zip"));
    project.run(&["bump", "--ledger", "l.json"]).ends(0).prints("");
    let update = ["bump", "--ledger", "l.json", "--update-content"];
    project.run(&update).ends(0).prints("a.yaml\n").says("sosw old.zip to sosw/new.zip (line 6)");
    assert_eq!(project.read("a.yaml"), template("sosw/new.zip"));
    project.run(&update).ends(0).prints("");
    project.write("l.json", &two_regions());
    let ran = project.run(&update);
    ran.ends(1)
        .says("resource `L` makes layer `sosw`, which the ledger says is published without a template");
    ran.says("one layer must not have two publishers");
}

#[test]
fn what_cannot_become_an_ssm_parameter_stays_as_it_is() {
    let project = Project::new();
    let joined =
        function(&["Fn::Join: [':', [arn, aws, lambda, us-east-1, '123456789012', layer, sosw, !Ref V]]"]);
    let by_default = format!("Parameters: {{V: {{Type: String, Default: '7'}}}}\n{joined}");
    project.write("a.yaml", &by_default);
    let to_ssm = ["bump", "--layer", "sosw", "--to-ssm", "/layers/sosw"];
    project.run(&to_ssm).ends(0).prints("").says("the version does not stand in the entry itself");
    assert_eq!(project.read("a.yaml"), by_default);
}
