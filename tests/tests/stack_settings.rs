//! What `deploy-stack` hands on of its flags and of `samconfig.toml`, and whom it asks before.

use tests::proxy::Call;
use tests::stack::{REGION, STACK, Stacks};
use tests::terminal;
use tests::world::Run;

const ROLE: &str = "arn:aws:iam::123456789012:role/deployer";

/// A function on a layer version that is there, or not.
fn function(version: u64) -> String {
    format!(
        "Resources:\n  T: {{Type: AWS::SNS::Topic}}\n  F:\n    Type: AWS::Lambda::Function\n    DependsOn: T\n    Properties:\n      \
         Handler: index.handler\n      Runtime: python3.13\n      Role: arn:aws:iam::123456789012:role/f\n      \
         Code: {{ZipFile: 'def handler(event, context): return 1'}}\n      Layers:\n        \
         - !Sub 'arn:aws:lambda:${{AWS::Region}}:${{AWS::AccountId}}:layer:demo:{version}'\n"
    )
}

/// The one call of this operation.
#[track_caller]
fn the_call<'r>(run: &'r Run, operation: &str) -> &'r Call {
    let mut calls = run.calls.iter().filter(|call| call.operation == operation);
    calls.next().unwrap_or_else(|| panic!("no {operation} in {:?}", run.operations()))
}

#[test]
fn pypi_on_failure_decides_what_becomes_of_a_stack_whose_creation_fails() {
    let stacks = Stacks::new();
    stacks.publish(1);
    stacks.template("t.yaml", function(99));
    let failing = |what: &str| stacks.deploy(&["t.yaml", "--on-failure", what]).ends_with(1);
    let run = failing("rollback").says("it is ROLLBACK_COMPLETE now");
    assert_eq!(the_call(&run, "CreateChangeSet").field("OnStackFailure").as_deref(), Some("ROLLBACK"));
    stacks.aws(&["cloudformation", "delete-stack", "--stack-name", STACK]);
    while stacks.status().is_some() {}

    // It goes, and with it all that was made.
    failing("DELETE").says("it is DELETE_COMPLETE now").says("Caused by: F (AWS::Lambda::Function): ");
    assert_eq!(stacks.status(), None);

    // It stays as it is, and goes on from there, but never with a deployment that would roll back: CloudFormation takes none.
    failing("DO_NOTHING").says("it is CREATE_FAILED now").says("hint: mend the cause");
    assert_eq!(stacks.status().as_deref(), Some("CREATE_FAILED"));
    stacks.template("t.yaml", function(1));
    let run = stacks.deploy(&["t.yaml"]).ends_with(1);
    assert_eq!(run.count("CreateChangeSet"), 0);
    run.says("error: stack `demo-stack` is CREATE_FAILED: its creation failed and was not undone")
        .says("Caused by: F (AWS::Lambda::Function): ")
        .says("with `--recreate`, or go on from there with `--on-failure DO_NOTHING`");
    stacks
        .deploy(&["t.yaml", "--on-failure", "DO_NOTHING"])
        .ends_with(0)
        .says("Deployed eu-west-1: stack `demo-stack`");
}

#[test]
fn pypi_on_failure_delete_deletes_no_stack_that_was_there_before() {
    let stacks = Stacks::new();
    stacks.publish(2);
    stacks.template("t.yaml", function(1));
    stacks.deploy(&["t.yaml", "--on-failure", "DELETE"]).ends_with(0);
    stacks.template("t.yaml", function(99));
    let run = stacks.deploy(&["t.yaml", "--on-failure", "DELETE"]).ends_with(1);
    run.says("it is UPDATE_ROLLBACK_COMPLETE now");
    stacks.template("t.yaml", function(2));
    stacks.deploy(&["t.yaml", "--on-failure", "DELETE"]).ends_with(0).says("F: demo 1 -> 2");
}

#[test]
fn pypi_a_role_is_handed_on_with_everything_that_changes_the_stack() {
    let stacks = Stacks::new();
    stacks.publish(1);
    stacks.template("t.yaml", function(99));
    let run = stacks.deploy(&["t.yaml", "--role-arn", ROLE]).ends_with(1);
    assert_eq!(the_call(&run, "CreateChangeSet").field("RoleARN").as_deref(), Some(ROLE));
    stacks.template("t.yaml", function(1));
    let run = stacks.deploy(&["t.yaml", "--role-arn", ROLE, "--recreate"]).ends_with(0);
    assert_eq!(the_call(&run, "DeleteStack").field("RoleARN").as_deref(), Some(ROLE));
    assert_eq!(the_call(&run, "CreateChangeSet").field("RoleARN").as_deref(), Some(ROLE));
    let run = stacks.deploy(&["t.yaml"]).ends_with(0);
    assert_eq!(the_call(&run, "CreateChangeSet").field("RoleARN"), None);
}

#[test]
fn pypi_whoever_sits_at_the_terminal_is_asked_and_only_a_yes_deploys() {
    if !terminal::is_there("confirm") {
        return;
    }
    let stacks = Stacks::new();
    stacks.publish(1);
    stacks.template("t.yaml", function(1));
    let flags = format!("deploy-stack t.yaml --stack-name {STACK} --region {REGION} --confirm-changeset");
    let question = format!("Deploy this to stack `{STACK}` in {REGION}? [y/N]");
    for no in ["n", "", "what"] {
        let run = terminal::answering(&stacks.world, &flags, &question, no).ends_with(1);
        // What will happen is on the screen before the question.
        let asked = run.stdout.find(&question).unwrap_or_default();
        assert!(run.stdout[..asked].contains("F (AWS::Lambda::Function)"), "{}", run.stdout);
        assert!(run.stdout.contains("the change set was not confirmed, and nothing was changed"));
        assert_eq!((run.count("ExecuteChangeSet"), stacks.status()), (0, None));
    }
    // Ctrl-C, also where another region waits for its turn.
    let both = flags.replace(REGION, "eu-west-1,us-west-2");
    for (flags, regions) in [(&flags, 1), (&both, 2)] {
        let run = terminal::answering(&stacks.world, flags, "? [y/N]", terminal::CTRL_C).ends_with(130);
        assert_eq!((run.count("ExecuteChangeSet"), run.count("DeleteChangeSet")), (0, regions));
        assert_eq!(stacks.status(), None);
        assert!(run.stdout.contains(&format!("{regions} not changed")), "{}", run.stdout);
    }
    terminal::answering(&stacks.world, &flags, &question, "y").ends_with(0);
    assert_eq!(stacks.status().as_deref(), Some("CREATE_COMPLETE"));

    // `samconfig.toml` asks for the same, and a flag counts more.
    stacks.template("samconfig.toml", "[default.deploy.parameters]\nconfirm_changeset = true\n");
    stacks.template("t.yaml", function(1).replace("  T: ", "  U: {Type: AWS::SNS::Topic}\n  T: "));
    let flags = flags.replace(" --confirm-changeset", "");
    let run = terminal::answering(&stacks.world, &flags, &question, "n").ends_with(1);
    assert_eq!(run.count("ExecuteChangeSet"), 0);
    stacks.deploy(&["t.yaml", "--no-confirm-changeset"]).ends_with(0).says("Add eu-west-1: U");
}

#[test]
fn pypi_every_key_of_samconfig_reaches_cloudformation_as_sam_sends_it() {
    let stacks = Stacks::new();
    let bucket = format!("samconfig-{}", stacks.world.account);
    stacks.bucket(&bucket, REGION);
    let template = "Parameters: {Name: {Type: String}}\nResources:\n  R:\n    Type: AWS::IAM::Role\n    Properties: \
                    {AssumeRolePolicyDocument: {Version: '2012-10-17', Statement: []}}\n  L:\n    Type: AWS::Lambda::LayerVersion\n    \
                    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n    Properties: {LayerName: !Ref Name, Content: target/layers/demo.zip}\n";
    stacks.template("template.yaml", template);
    let config = |more: &str| {
        let head = format!(
            "version = 0.1\n[prod.global.parameters]\nstack_name = \"{STACK}\"\nregion = \"{REGION}\"\n[prod.deploy.parameters]\n\
             parameter_overrides = \"Name=\\\"named-here\\\"\"\ncapabilities = \"CAPABILITY_IAM CAPABILITY_AUTO_EXPAND\"\n\
             s3_bucket = \"{bucket}\"\ns3_prefix = \"in/here\"\ntags = \"team=\\\"x y\\\" stage=prod\"\nrole_arn = \"{ROLE}\"\n"
        );
        stacks.template("samconfig.toml", head + more);
    };
    let deploy = || stacks.run(&["deploy-stack", "template.yaml", "--config-env", "prod"]);
    config("disable_rollback = true\n");
    let run = deploy().ends_with(0).says(&format!("s3://{bucket}/in/here/"));
    let call = the_call(&run, "CreateChangeSet");
    assert_eq!(call.region, REGION);
    let expected = [
        ("StackName", STACK),
        ("Parameters.member.1.ParameterKey", "Name"),
        ("Parameters.member.1.ParameterValue", "named-here"),
        ("Capabilities.member.1", "CAPABILITY_IAM"),
        ("Capabilities.member.2", "CAPABILITY_AUTO_EXPAND"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "x y"),
        ("Tags.member.2.Key", "stage"),
        ("Tags.member.2.Value", "prod"),
        ("RoleARN", ROLE),
        ("OnStackFailure", "DO_NOTHING"),
    ];
    for (name, value) in expected {
        assert_eq!(call.field(name).as_deref(), Some(value), "{name}");
    }
    // The name of the failure counts more than `disable_rollback`.
    for what in ["ROLLBACK", "DO_NOTHING"] {
        config(&format!("on_failure = \"{what}\"\n"));
        let run = deploy().ends_with(0);
        assert_eq!(the_call(&run, "CreateChangeSet").field("OnStackFailure").as_deref(), Some(what));
    }
    config("on_failure = \"SHRUG\"\n");
    let run = deploy().ends_with(1).says("`samconfig.toml`: `on_failure` cannot be read");
    assert!(run.says("hint: ").calls.is_empty());

    // The keys of the profile, and not those of the environment.
    let other = "300000000077";
    stacks.template(
        "credentials",
        format!("[shipper]\naws_access_key_id = {other}\naws_secret_access_key = secret\n"),
    );
    config("profile = \"shipper\"\ndisable_rollback = true\n");
    stacks.world.proxy.take_calls();
    let mut command =
        stacks.world.command(&["deploy-stack", "template.yaml", "--config-env", "prod", "--dry-run"]);
    command.env("AWS_SHARED_CREDENTIALS_FILE", stacks.world.project.path("credentials"));
    assert!(command.output().is_ok());
    let calls = stacks.world.proxy.take_calls();
    assert!(!calls.is_empty() && calls.iter().all(|call| call.access_key == other), "{calls:?}");
}

/// By the reader that bumps have: several pairs in one string of a list, both forms, quotes.
#[test]
fn pypi_parameters_of_samconfig_are_read_as_bumps_read_them() {
    let stacks = Stacks::new();
    let parameters = "{A: {Type: String}, B: {Type: String}, C: {Type: CommaDelimitedList}}";
    stacks.template(
        "t.yaml",
        format!("Parameters: {parameters}\nResources: {{T: {{Type: AWS::SNS::Topic}}}}\n"),
    );
    let with = |overrides: &str| {
        stacks.template(
            "samconfig.toml",
            format!("[default.deploy.parameters]\nparameter_overrides = {overrides}\n"),
        );
        stacks.deploy(&["t.yaml", "--dry-run"])
    };
    for overrides in [
        "['A=1 B=\"two words\"', 'C=x,y']",
        "[['A=1'], ['ParameterKey=B,ParameterValue=\"two words\" ParameterKey=C,ParameterValue=x,y A=2']]",
        "{A = 1, B = 'two words', C = ['x', 'y']}",
        "'A=0 A=1 B=\"two words\" C=x,y'",
    ] {
        let run = with(overrides).ends_with(0);
        let call = the_call(&run, "CreateChangeSet");
        for (number, (name, value)) in [("A", "1"), ("B", "two words"), ("C", "x,y")].into_iter().enumerate()
        {
            let field = |what: &str| call.field(&format!("Parameters.member.{}.Parameter{what}", number + 1));
            assert_eq!(field("Key").as_deref(), Some(name), "{overrides}");
            assert_eq!(field("Value").as_deref(), Some(value), "{overrides}");
        }
    }
    for overrides in ["['A=1', 'B']", "['A=1', 7]"] {
        let run = with(overrides).ends_with(1).says("`parameter_overrides` cannot be read");
        assert!(run.calls.is_empty());
    }
}

#[test]
fn pypi_keys_that_only_sam_honours_are_an_error_and_others_a_warning() {
    let stacks = Stacks::new();
    stacks.template("t.yaml", "Resources: {T: {Type: AWS::SNS::Topic}}\n");
    let with = |line: &str| {
        stacks.template("samconfig.toml", format!("[default.deploy.parameters]\n{line}\n"));
        stacks.deploy(&["t.yaml", "--dry-run"])
    };
    for (key, value) in [
        ("image_repositories", "[\"F=x\"]"),
        ("image_repository", "\"x\""),
        ("kms_key_id", "\"x\""),
        ("metadata", "\"a=b\""),
        ("notification_arns", "[\"x\"]"),
        ("resolve_image_repos", "true"),
        ("signing_profiles", "\"F=x\""),
        ("use_previous_template", "true"),
    ] {
        let run = with(&format!("{key} = {value}")).ends_with(1);
        let run = run.says(&format!("sets `{key}`, which only `sam deploy` honours"));
        assert!(run.says("hint: take them out").calls.is_empty());
    }
    with("resolve_image_repos = false").ends_with(0);
    for key in ["force_upload", "fail_on_empty_changeset", "use_json", "debug", "a_key_of_tomorrow"] {
        with(&format!("{key} = true"))
            .ends_with(0)
            .says(&format!("warning: nothing is done about 1 key of `samconfig.toml`: `{key}`"));
    }
}
