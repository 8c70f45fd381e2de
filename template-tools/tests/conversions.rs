//! `--update-content`, `--to-mapping` and `--to-ssm` from the outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod harness;
use harness::{Project, arn, entry, function, ledger};

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
    ran.ends(0).prints("a.yaml\n").says("sosw 1 to `SoswVersions` (line 7)").says("sosw 1 to 7 (line 8)");
    let text = project.read("a.yaml");
    assert!(text.starts_with("Mappings:\n  SoswVersions:\n    eu-west-1:\n      Version: 8\n    us-east-1:\n      Version: 7\nResources:\n"), "{text}");
    project.run(&["bump", "--ledger", "l.json", "--to-mapping"]).ends(0).prints("");
    project
        .write("l.json", &two_regions().replace(":8\"", ":9\"").replace("\"version\": 8", "\"version\": 9"));
    project.run(&["bump", "--ledger", "l.json"]).ends(0).prints("a.yaml\n");
    assert_eq!(project.read("a.yaml"), text.replace("Version: 8", "Version: 9"));
}

/// `x` in two accounts and two regions, with four numbers, and a function that has both layers.
fn two_accounts() -> (String, String) {
    let [one, other] = ["111111111111", "222222222222"];
    let versions = [
        ("x", one, "eu-west-1", 1),
        ("x", one, "us-east-1", 2),
        ("x", other, "eu-west-1", 5),
        ("x", other, "us-east-1", 6),
    ];
    let open = |account: &str, version: u64| {
        format!("!Sub arn:aws:lambda:${{AWS::Region}}:{account}:layer:x:{version}")
    };
    (ledger(&versions), function(&[&open(one, 1), &open(other, 5)]))
}

#[test]
fn each_account_gets_a_mapping_of_its_own() {
    let project = Project::new();
    let (ledger, template) = two_accounts();
    project.write("l.json", &ledger);
    project.write("a.yaml", &template);
    let ran = project.run(&["bump", "--ledger", "l.json", "--to-mapping"]);
    ran.ends(0).prints("a.yaml\n").says("x 1 to `XVersions` (line 7)").says("x 5 to `XVersions2` (line 8)");
    let text = project.read("a.yaml");
    let row = |account: &str, mapping: &str| {
        format!("{account}:layer:x:${{XVersion}}', {{XVersion: !FindInMap [{mapping}, ")
    };
    assert!(text.contains(&row("111111111111", "XVersions")), "{text}");
    assert!(text.contains(&row("222222222222", "XVersions2")), "{text}");
    assert!(text.contains("  XVersions2:\n    eu-west-1:\n      Version: 5\n"), "{text}");
    project.run(&["bump", "--ledger", "l.json", "--check"]).ends(0).prints("");
}

#[test]
fn a_parameter_is_one_accounts_also_where_the_ledger_knows_several() {
    let project = Project::new();
    let (ledger, together) = two_accounts();
    project.write("l.json", &ledger);
    let run = |more: &[&str]| {
        let to_ssm = ["bump", "--ledger", "l.json", "--layer", "x", "--to-ssm", "/l/x"];
        project.run(&[&to_ssm[..], more].concat())
    };
    let theirs = together.lines().last().unwrap();
    let second =
        format!("  G:\n    Type: AWS::Serverless::Function\n    Properties:\n      Layers:\n{theirs}\n");
    let apart = together.replace(&format!("{theirs}\n"), &second);
    for template in [together.clone(), apart] {
        project.write("a.yaml", &template);
        run(&[])
            .ends(1)
            .prints("")
            .says("refused to change layer `x` in several accounts")
            .says("111111111111 in a.yaml:7:")
            .says("222222222222 in a.yaml:")
            .says("--layer x --to-ssm /l/x --account ID`");
        assert_eq!(project.read("a.yaml"), template);
        run(&["--account", "111111111111"]).ends(0).prints("a.yaml\n");
        let text = project.read("a.yaml");
        assert!(text.contains(theirs) && !text.contains("111111111111:layer:x"), "{text}");
        assert_eq!(text.matches("!Ref XLayerVersionArn").count(), 1);
    }
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
    project.run(&["bump", "--layer", "sosw", "--version", "12", "--to-ssm", "/x"]).ends(2);
    for name in ["", "a: b", "#x", "*x", "{{x}}", "a/b", "/layers/sosw:3"] {
        let to_ssm = format!("--to-ssm={name}");
        project.run(&["bump", "--layer", "sosw", &to_ssm]).ends(2).is_silent_about("panicked");
    }
}

#[test]
fn a_parameter_takes_the_place_of_one_account_and_one_region() {
    let project = Project::new();
    let theirs = arn("sosw", "3").replace("123456789012", "999999999999").replace("us-east-1", "eu-west-1");
    let template = function(&[&arn("sosw", "7"), &theirs]);
    project.write("a.yaml", &template);
    let run = |more: &[&str]| project.run(&[&["bump", "--layer", "sosw", "--to-ssm", "/l"], more].concat());
    run(&[])
        .ends(1)
        .prints("")
        .says("123456789012 in a.yaml:7:11")
        .says("999999999999 in a.yaml:8:11")
        .says("`template-tools bump --layer sosw --to-ssm /l --account ID`");
    assert_eq!(project.read("a.yaml"), template);
    run(&["--account", "123456789012"]).ends(0).prints("a.yaml\n");
    assert!(project.read("a.yaml").ends_with(&format!("- !Ref SoswLayerVersionArn\n        - {theirs}\n")));
    run(&["--account", "123456789012"]).ends(0).prints("");

    let eu = arn("sosw", "3").replace("us-east-1", "eu-west-1");
    let template = function(&[&arn("sosw", "7"), &eu]);
    project.write("a.yaml", &template);
    run(&[]).ends(1).says("several regions, eu-west-1 and us-east-1").says("hint: `--region R`");
    assert_eq!(project.read("a.yaml"), template);
    run(&["--region", "us-east-1"]).ends(0).prints("a.yaml\n");
    assert!(project.read("a.yaml").ends_with(&format!("- !Ref SoswLayerVersionArn\n        - {eu}\n")));
    // The second goes to the parameter that is there.
    run(&["--region", "eu-west-1"]).ends(0).prints("a.yaml\n");
    assert_eq!(project.read("a.yaml").matches("SoswLayerVersionArn:").count(), 1);
}

#[test]
fn a_mapping_is_refused_where_a_number_would_be() {
    let project = Project::new();
    let made_for = |region: &str, version: u64| {
        entry("sosw", "123456789012", region, version)
            .replace("\"compatible_runtimes\": []", "\"compatible_runtimes\": [\"python3.12\"]")
    };
    let versions = [made_for("us-east-1", 12), made_for("eu-west-1", 13)].join(",");
    project.write("l.json", &format!("{{\"schema\": 1, \"versions\": [{versions}]}}"));
    let template = |version: &str, runtime: &str| {
        function(&[open().strip_suffix('1').map(|open| format!("{open}{version}")).unwrap().as_str()])
            .replace("      Handler", &format!("      Runtime: {runtime}\n      Handler"))
    };
    let run = |more: &[&str]| project.run(&[&["bump", "--ledger", "l.json", "--to-mapping"], more].concat());
    for (version, runtime, refusal, allow) in [
        (
            "20",
            "python3.12",
            "layer `sosw` has version 20 there, and version 13 is older",
            "--allow-downgrade",
        ),
        ("7", "python3.9", "function `F` has runtime `python3.9`", "--allow-unfit"),
    ] {
        project.write("a.yaml", &template(version, runtime));
        run(&[]).ends(1).prints("").says("refused to change `a.yaml:8:16`").says(refusal).says(allow);
        assert_eq!(project.read("a.yaml"), template(version, runtime));
        run(&[allow]).ends(0).prints("a.yaml\n");
    }
}

#[test]
fn places_are_those_of_the_file_as_it_is() {
    let project = Project::new();
    project.write("l.json", &two_regions());
    let join =
        "Fn::Join: [':', [arn, aws, lambda, !Ref AWS::Region, '123456789012', layer, sosw, !If [C, 1, 2]]]";
    let template = function(&[&open(), join]);
    project.write("a.yaml", &template);
    let ran = project.run(&["bump", "--ledger", "l.json", "--to-mapping"]);
    ran.ends(1).says("refused to change `a.yaml:8:101`").is_silent_about("fault in these tools");
    assert_eq!(project.read("a.yaml"), template);
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

/// Reasons are told beside what is done, and change nothing of it.
#[test]
fn why_changes_neither_what_is_edited_nor_the_exit_code() {
    let project = Project::new();
    let staged = two_regions()
        .replace("\"content\": null", "\"content\": {\"bucket\": \"b\", \"key\": \"sosw/new.zip\"}");
    project.write("l.json", &staged);
    let layer = "Resources:\n  L:\n    Type: AWS::Lambda::LayerVersion\n    Properties:\n      LayerName: sosw\n      Content: {S3Bucket: b, S3Key: old.zip}\n";
    project.write("a.yaml", layer);
    let update = ["bump", "--ledger", "l.json", "--update-content", "--region", "us-east-1", "--check"];
    let why = [&update[..], &["--why"]].concat();
    for arguments in [&update[..], &why] {
        project.run(arguments).ends(1).prints("a.yaml\n").says("1 file would change");
    }
    // A file that is broken and names another layer is nobody's business.
    project.write("a.yaml", &format!("{}: [\n", function(&[&arn("other", "7")])));
    for arguments in [&update[..], &why] {
        project.run(arguments).ends(0).prints("").is_silent_about("error");
    }
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

#[test]
fn a_placeholder_stays_out_where_only_a_number_can_be() {
    let project = Project::new();
    let to_placeholder = ["bump", "--layer", "sosw", "--to-placeholder"];
    let layer = arn("sosw", "7").strip_suffix(":7").unwrap().to_owned();
    let json = |piece: &str| {
        format!(
            r#"{{"Resources":{{"F":{{"Type":"AWS::Lambda::Function","Properties":{{"Layers":[{{"Fn::Join":[":",["{layer}",{piece}]]}},"{layer}:9"]}}}}}}}}"#
        )
    };
    project.write("a.json", &json("7"));
    project.run(&to_placeholder).ends(0).prints("a.json\n").says("it is a number of JSON");
    assert_eq!(project.read("a.json"), json("7").replace(":9", ":SOSW_LAYER_PLACEHOLDER"));
    project.write("a.json", &json("\"7\""));
    project.run(&to_placeholder).ends(0).prints("a.json\n");
    assert!(project.read("a.json").contains("\"SOSW_LAYER_PLACEHOLDER\"]"));
    std::fs::remove_file(project.path("a.json")).unwrap();

    for (parameter, reason) in [
        ("Type: Number, Default: 7", "parameter `V` is of type `Number`"),
        ("Type: String, AllowedPattern: '[0-9]+', Default: '7'", "the `AllowedPattern` of parameter `V`"),
    ] {
        let template =
            format!("Parameters: {{V: {{{parameter}}}}}\n{}", function(&[&format!("!Sub {layer}:${{V}}")]));
        project.write("a.yaml", &template);
        project.run(&to_placeholder).ends(0).prints("").says(reason);
        assert_eq!(project.read("a.yaml"), template);
    }
    let template = function(&[&format!("!Join [':', [{layer}, 7]]")]);
    project.write("a.yaml", &template);
    project.run(&to_placeholder).ends(0).prints("a.yaml\n");
    assert_eq!(project.read("a.yaml"), template.replace(", 7]", ", SOSW_LAYER_PLACEHOLDER]"));
}
