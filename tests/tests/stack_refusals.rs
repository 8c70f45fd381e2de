//! What `deploy-stack` says to input that is wrong: a sentence and a hint each, before AWS is called where it can be known.

use tests::proxy::{Fault, Rule};
use tests::stack::{REGION, Stacks};

const TOPIC: &str = "Parameters:\n  Name: {Type: String, Description: what it is called}\n  \
                     Stage: {Type: String, AllowedValues: [dev, prod]}\nResources: {T: {Type: AWS::SNS::Topic}}\n";

/// Refused without a single call, and with a hint.
#[track_caller]
fn at_once(stacks: &Stacks, arguments: &[&str], said: &str) {
    let run = stacks.deploy(arguments).ends_with(1).says(said).says("\n\nhint: ");
    assert!(run.calls.is_empty(), "{:?}", run.operations());
}

#[test]
fn pypi_templates_that_are_none() {
    let stacks = Stacks::new();
    at_once(&stacks, &["nowhere.yaml"], "error: failed to read the template `nowhere.yaml`");
    stacks.template("t.yaml", "Resources: {a: [\n");
    at_once(&stacks, &["t.yaml"], "error: failed to parse the template `t.yaml`");
    stacks.template("t.yaml", "a: b\n");
    at_once(&stacks, &["t.yaml"], "is no template of CloudFormation");
    stacks.template("t.yaml", format!("# {}\n", "x".repeat(1_000_001)));
    at_once(&stacks, &["t.yaml"], "is larger than CloudFormation takes");
    std::fs::write(stacks.world.project.path("t.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    at_once(&stacks, &["t.yaml"], "failed to read the template `t.yaml`");
}

#[test]
fn pypi_parameters_that_are_missing_unknown_or_not_allowed() {
    let stacks = Stacks::new();
    stacks.template("t.yaml", TOPIC);
    let run = stacks.deploy(&["t.yaml"]).ends_with(1);
    assert_eq!(run.count("CreateChangeSet"), 0);
    run.says("error: the template needs values for 2 parameters:")
        .says("  Name (String): what it is called")
        .says("  Stage (String); one of dev, prod")
        .says("hint: give them with `--parameters Name=… Stage=…`");
    at_once(
        &stacks,
        &["t.yaml", "--parameters", "Nam=x"],
        "the template has no parameter `Nam`; did you mean `Name`?",
    );
    at_once(&stacks, &["t.yaml", "--parameters", "Stage=test"], "parameter `Stage` cannot be `test`");
    for (limit, reason) in [
        ("MaxLength: 2", "the `MaxLength` of parameter `V` is 2, and `abc` has 3"),
        ("AllowedPattern: '[0-9]+'", "the `AllowedPattern` of parameter `V`, `[0-9]+`, does not match `abc`"),
        ("MaxLength: 2, NoEcho: true", "the template does not allow the value of parameter `V`"),
    ] {
        let parameter = format!("Parameters: {{V: {{Type: String, {limit}}}}}\n");
        stacks.template("limits.yaml", parameter + "Resources: {T: {Type: AWS::SNS::Topic}}\n");
        at_once(&stacks, &["limits.yaml", "--parameters", "V=abc"], reason);
    }
    at_once(&stacks, &["t.yaml", "--parameters", "Name=a", "Name=b"], "is given two different values");
    at_once(
        &stacks,
        &["t.yaml", "--parameters", "ParameterKey=Name,ParameterValue=a", "Stages=dev"],
        "did you mean `Stage`?",
    );
    stacks.deploy(&["t.yaml", "--parameters", "Name"]).ends_with(2).says("`Name` is no parameter");
    stacks.template("p.json", r#"[{"ParameterKey": "Name", "ParameterValue": "a"}]"#);
    stacks.deploy(&["t.yaml", "--parameters", "file://p.json", "Stage=dev"]).ends_with(0);
    assert_eq!((stacks.parameter("Name").as_str(), stacks.parameter("Stage").as_str()), ("a", "dev"));
    // It keeps both.
    stacks.deploy(&["t.yaml"]).ends_with(0).says("Unchanged");
}

#[test]
fn pypi_stacks_need_a_name_and_a_region() {
    let stacks = Stacks::new();
    stacks.template("t.yaml", "Resources: {T: {Type: AWS::SNS::Topic}}\n");
    let run = |arguments: &[&str]| stacks.run(&[&["deploy-stack"], arguments].concat());
    run(&["t.yaml"])
        .ends_with(2)
        .says("error: no stack is named")
        .says("hint: name it with `--stack-name NAME`");
    run(&["t.yaml", "--stack-name", "a_b"]).ends_with(2).says("a stack's name begins with a letter");
    for name in ["1st", "a.b", &"a".repeat(129)] {
        stacks.template("samconfig.toml", format!("[default.deploy.parameters]\nstack_name = \"{name}\"\n"));
        let run = run(&["t.yaml"]).ends_with(1).says(&format!("error: `{name}` is no name of a stack"));
        assert!(run.says("\n\nhint: name another one").calls.is_empty());
    }
    stacks.template("samconfig.toml", "");
    run(&["t.yaml", "--stack-name", "a"]).ends_with(1).says("error: no region is known");
    run(&["--stack-name", "a", "--region", REGION]).ends_with(2).says("error: no template is named");
}

#[test]
fn pypi_files_and_large_templates_need_a_bucket_that_is_there_and_in_the_region() {
    let stacks = Stacks::new();
    let layer = |content: &str| {
        format!(
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  L:\n    Type: AWS::Serverless::LayerVersion\n    \
             Properties: {{ContentUri: {content}, RetentionPolicy: Retain}}\n"
        )
    };
    stacks.template("t.yaml", layer("nowhere/"));
    at_once(&stacks, &["t.yaml"], "error: `ContentUri` of `L` names `nowhere/`, which does not exist");
    stacks.template("t.yaml", layer("layers.toml"));
    at_once(&stacks, &["t.yaml"], "which is no zip file");
    std::fs::create_dir(stacks.world.project.path("large")).unwrap();
    stacks.template("t.yaml", layer("large"));
    at_once(&stacks, &["t.yaml"], "names the folder `large`, which is empty");
    // A folder of 300 MB, which takes no room.
    let file = std::fs::File::create(stacks.world.project.path("large/file")).unwrap();
    file.set_len(300_000_000).unwrap();
    at_once(&stacks, &["t.yaml"], "holds more than Lambda takes: 300.0 MB of 262.1 MB");

    stacks.template("t.yaml", layer("target/layers/demo.zip"));
    at_once(&stacks, &["t.yaml"], "error: no bucket is known for `ContentUri` of `L`");
    stacks.template(
        "large.yaml",
        format!("# {}\nResources: {{T: {{Type: AWS::SNS::Topic}}}}\n", "x".repeat(60_000)),
    );
    at_once(&stacks, &["large.yaml"], "no bucket is known for a template of more than 51,200 bytes");
    let elsewhere = format!("oregon-{}", stacks.world.account);
    stacks.bucket(&elsewhere, "us-west-2");
    for (bucket, said) in [
        ("no-such-bucket-here", "there is no bucket `no-such-bucket-here` in eu-west-1".to_owned()),
        (&elsewhere, format!("bucket `{elsewhere}` lies in us-west-2")),
    ] {
        let run = stacks.deploy(&["t.yaml", "--s3-bucket", bucket]).ends_with(1).says(&said);
        assert_eq!(run.says("\n\nhint: ").count("CreateChangeSet"), 0);
    }
}

#[test]
fn pypi_capabilities_are_named_where_they_are_missing() {
    let stacks = Stacks::new();
    let role = "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {Version: '2012-10-17', Statement: []}\n";
    stacks.template("t.yaml", role);
    at_once(&stacks, &["t.yaml"], "error: the template needs CAPABILITY_IAM for resource `R`");
    stacks.deploy(&["t.yaml"]).says("`--capabilities CAPABILITY_IAM`");
    stacks.deploy(&["t.yaml", "--capabilities", "CAPABILITY_IAM"]).ends_with(0);
    // Several behind one flag as the AWS CLI takes them, by commas, or by the flag again; and none swallows the template.
    let named = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"];
    let stack = ["deploy-stack", "--stack-name", tests::stack::STACK, "--region", REGION];
    let run = |arguments: &[&str]| stacks.run(&[&stack[..], arguments].concat());
    run(&["t.yaml", "--capabilities", named[0], named[1]]).ends_with(0);
    run(&["--capabilities", named[0], named[1], "t.yaml"]).ends_with(0);
    run(&["--capabilities", "CAPABILITY_IAM,CAPABILITY_NAMED_IAM", "t.yaml"]).ends_with(0);
    run(&["--capabilities", named[0], "--capabilities", named[1], "--tags", "a=b", "t.yaml"]).ends_with(0);
    for (wrong, said) in [("CAPABILITY_IM", "`CAPABILITY_IM`"), ("iam", "`iam`")] {
        let refused = run(&["t.yaml", "--capabilities", wrong]).ends_with(2);
        assert!(refused.calls.is_empty(), "{:?}", refused.operations());
        refused.says(&format!("{said} is no capability: there are `CAPABILITY_IAM`, `CAPABILITY_NAMED_IAM`"));
    }
    // What only CloudFormation can know.
    let insufficient = Fault::Error {
        status: 400,
        code: "InsufficientCapabilitiesException",
        message: "Requires capabilities : [CAPABILITY_AUTO_EXPAND]",
    };
    stacks.world.proxy.add(Rule::always(insufficient).of("CreateChangeSet"));
    stacks
        .deploy(&["t.yaml", "--capabilities", "CAPABILITY_IAM"])
        .ends_with(1)
        .says("`--capabilities CAPABILITY_AUTO_EXPAND`");
}

#[test]
fn pypi_a_placeholder_is_no_version() {
    let stacks = Stacks::new();
    stacks.template(
        "t.yaml",
        "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Layers: [!Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:demo:DEMO_LAYER_PLACEHOLDER']\n",
    );
    let run = stacks.deploy(&["t.yaml"]).ends_with(1);
    assert_eq!(run.count("CreateChangeSet"), 0);
    run.says("function `F` still has the placeholder `DEMO_LAYER_PLACEHOLDER`")
        .says("hint: put the version in place");
}

#[test]
fn pypi_samconfig_is_honoured_or_refused() {
    let stacks = Stacks::new();
    stacks
        .template("t.yaml", "Parameters: {Name: {Type: String}}\nResources: {T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Name}}}\n");
    let config = |more: &str| {
        let head = format!(
            "[prod.deploy.parameters]\nstack_name = \"demo-stack\"\nregion = \"{REGION}\"\nparameter_overrides = \"Name=\\\"two words\\\"\"\n"
        );
        stacks.template("samconfig.toml", head + more);
    };
    let deploy = |arguments: &[&str]| stacks.run(&[&["deploy-stack", "t.yaml"], arguments].concat());
    deploy(&["--config-env", "prod"]).ends_with(1).says("there is no `samconfig.toml`");
    config("");
    deploy(&["--config-env", "prd"]).ends_with(1).says("`samconfig.toml` has no environment `prd`");
    config("image_repository = \"x\"\n");
    deploy(&["--config-env", "prod"])
        .ends_with(1)
        .says("sets `image_repository`, which only `sam deploy` honours");
    config("tags = 5\n");
    deploy(&["--config-env", "prod"]).ends_with(1).says("`tags` cannot be read");
    config("resolve_s3 = true\ntags = \"team=x\"\nfail_on_empty_changeset = true\n");
    let run = deploy(&["--config-env", "prod"]).ends_with(0);
    run.says("warning: nothing is done about 1 key of `samconfig.toml`: `fail_on_empty_changeset`");
    assert_eq!(stacks.parameter("Name"), "two words");
    let found = stacks.aws(&["cloudformation", "describe-stacks", "--stack-name", "demo-stack"]);
    assert_eq!(found["Stacks"][0]["Tags"], serde_json::json!([{ "Key": "team", "Value": "x" }]));
    // What is typed counts more.
    deploy(&["--config-env", "prod", "--parameters", "Name=typed"]).ends_with(0);
    assert_eq!(stacks.parameter("Name"), "typed");
    config("a = \n");
    deploy(&[]).ends_with(1).says("failed to parse `samconfig.toml`");
}
