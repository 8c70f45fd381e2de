//! `deploy-stack`: stacks that are created and updated, and the layer versions that their functions get.

use tests::proxy::{Fault, Rule};
use tests::stack::{REGION, STACK, Stacks};
use tests::terminal::{self, on_a_terminal};
use tests::world::Run;

/// A function whose layer's version stands in the template.
fn function(version: &str) -> String {
    format!(
        "Parameters:\n  Role: {{Type: String, Default: 'arn:aws:iam::123456789012:role/f'}}\n\
         Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Handler: index.handler\n      Runtime: python3.13\n      \
         Role: !Ref Role\n      Code: {{ZipFile: 'def handler(event, context): return 1'}}\n      Layers:\n        \
         - !Sub 'arn:aws:lambda:${{AWS::Region}}:${{AWS::AccountId}}:layer:demo:{version}'\n\
         Outputs:\n  Function: {{Value: !Ref F}}\n"
    )
}

/// A function whose layer's version stands in a parameter.
fn with_parameter(version: u64) -> String {
    function("${Version}").replacen(
        "Parameters:\n",
        &format!("Parameters:\n  Version: {{Type: String, Default: {version}}}\n"),
        1,
    )
}

#[test]
fn pypi_s8_a_stack_is_created_updated_and_left_alone() {
    let stacks = Stacks::new();
    stacks.publish(2);
    stacks.template("t.yaml", function("1"));
    let run = stacks.deploy(&["t.yaml"]).ends_with(0);
    let run = run
        .says("Add eu-west-1: F (AWS::Lambda::Function)")
        .says("Created eu-west-1: F (AWS::Lambda::Function)");
    let name = run.stdout.strip_prefix("Function=").unwrap().trim().to_owned();
    assert_eq!(stacks.layers(&name), [stacks.arn(1)]);

    // The same once more: success, and nothing is left behind.
    let run = stacks.deploy(&["t.yaml"]).ends_with(0).says("Unchanged eu-west-1: stack `demo-stack`");
    assert_eq!(run.count("ExecuteChangeSet"), 0);
    assert_eq!(stacks.change_sets(), 0);
    assert_eq!(run.stdout, format!("Function={name}\n"));

    stacks.template("t.yaml", function("2"));
    let run = stacks.deploy(&["t.yaml"]).ends_with(0);
    run.says("Change eu-west-1: F (AWS::Lambda::Function): Layers").says("Layer eu-west-1: F: demo 1 -> 2");
    assert_eq!(stacks.layers(&name), [stacks.arn(2)]);
    // Back is possible, and is said.
    stacks.template("t.yaml", function("1"));
    stacks.deploy(&["t.yaml"]).ends_with(0).says("F: demo 2 -> 1 goes back to an older version");
}

#[test]
fn pypi_a_dry_run_shows_what_would_happen_and_leaves_nothing() {
    let stacks = Stacks::new();
    stacks.publish(2);
    stacks.template("t.yaml", function("1"));
    let run = stacks.deploy(&["t.yaml", "--dry-run"]).ends_with(0).says("Add eu-west-1: F");
    assert_eq!((run.count("ExecuteChangeSet"), run.stdout.as_str()), (0, ""));
    assert_eq!(stacks.status(), None);
    stacks.deploy(&["t.yaml"]).ends_with(0);
    stacks.template("t.yaml", function("2"));
    stacks.deploy(&["t.yaml", "--dry-run"]).ends_with(0).says("Layer eu-west-1: F: demo 1 -> 2");
    assert_eq!(stacks.change_sets(), 0);
    assert_eq!(stacks.status().as_deref(), Some("CREATE_COMPLETE"));
    let rows = stacks.deploy(&["t.yaml", "--dry-run", "--format", "json"]).ends_with(0).json();
    let layer = &rows[0]["changes"]["layers"][0];
    assert_eq!((layer["function"].as_str(), layer["old"].as_str()), (Some("F"), Some("1")));
}

#[test]
fn pypi_s8_a_version_in_a_default_reaches_a_stack_that_exists() {
    let stacks = Stacks::new();
    stacks.publish(2);
    stacks.template("t.yaml", with_parameter(1));
    let role = "arn:aws:iam::123456789012:role/other";
    let run = stacks.deploy(&["t.yaml", "--parameters", &format!("ParameterKey=Role,ParameterValue={role}")]);
    let name = run.ends_with(0).stdout.strip_prefix("Function=").unwrap().trim().to_owned();
    stacks.template("t.yaml", with_parameter(2));
    let run = stacks.deploy(&["t.yaml"]).ends_with(0);
    run.says("Parameter eu-west-1: Version, a layer's version: 1 -> 2, the template's Default")
        .says("Layer eu-west-1: F: demo 1 -> 2");
    assert_eq!(stacks.layers(&name), [stacks.arn(2)]);
    // Everything else keeps the value that it was given once.
    assert_eq!(stacks.parameter("Role"), role);
    // What is given counts more than the template.
    stacks.deploy(&["t.yaml", "--parameters", "Version=1"]).ends_with(0);
    assert_eq!(stacks.layers(&name), [stacks.arn(1)]);
}

#[test]
fn pypi_a_function_that_was_changed_past_its_stack_is_found() {
    let stacks = Stacks::new();
    stacks.publish(2);
    stacks.template("t.yaml", function("2"));
    let run = stacks.deploy(&["t.yaml"]).ends_with(0);
    let name = run.stdout.strip_prefix("Function=").unwrap().trim().to_owned();
    let arn = stacks.arn(1);
    stacks.aws(&["lambda", "update-function-configuration", "--function-name", &name, "--layers", &arn]);
    let run = stacks.deploy(&["t.yaml"]).ends_with(1);
    run.says("stack `demo-stack` is deployed, and function `F` has version 1 of layer `demo`, not 2")
        .says("hint: somebody has changed the function past its stack");
}

#[test]
fn pypi_a_bad_layer_is_rolled_back_with_its_reason_and_the_next_deploy_works() {
    let stacks = Stacks::new();
    stacks.publish(2);
    stacks.template("t.yaml", function("1"));
    stacks.deploy(&["t.yaml"]).ends_with(0);
    stacks.template("t.yaml", function("99"));
    let run = stacks.deploy(&["t.yaml"]).ends_with(1).says("Failed eu-west-1: F (AWS::Lambda::Function): ");
    let run = run.says("Rolled back eu-west-1: stack `demo-stack`");
    run.says("error: failed to deploy stack `demo-stack`: it is UPDATE_ROLLBACK_COMPLETE now")
        .says("Caused by: F (AWS::Lambda::Function): ");
    stacks.template("t.yaml", function("2"));
    stacks.deploy(&["t.yaml"]).ends_with(0).says("Layer eu-west-1: F: demo 1 -> 2");
}

#[test]
fn pypi_a_creation_that_failed_is_explained_and_made_anew() {
    let stacks = Stacks::new();
    stacks.publish(1);
    stacks.template("t.yaml", function("99"));
    let run = stacks.deploy(&["t.yaml"]).ends_with(1).says("it is ROLLBACK_COMPLETE now");
    run.says("again with `--recreate`");
    stacks.template("t.yaml", function("1"));
    let run = stacks.deploy(&["t.yaml"]).ends_with(1);
    run.says("error: stack `demo-stack` is ROLLBACK_COMPLETE: its creation failed and was undone")
        .says("Caused by: F (AWS::Lambda::Function): ")
        .says("hint: let it be deleted and created anew with `--recreate`");
    let run =
        stacks.deploy(&["t.yaml", "--recreate", "--dry-run"]).ends_with(0).says("Would delete eu-west-1");
    assert_eq!(run.count("DeleteStack"), 0);
    stacks.deploy(&["t.yaml", "--recreate"]).ends_with(0).says("Deployed eu-west-1: stack `demo-stack`");
    assert_eq!(stacks.status().as_deref(), Some("CREATE_COMPLETE"));
}

#[test]
fn pypi_a_change_set_can_be_made_now_and_carried_out_later() {
    let stacks = Stacks::new();
    stacks.publish(1);
    stacks.template("t.yaml", function("1"));
    let run = stacks.deploy(&["t.yaml", "--no-execute-changeset"]).ends_with(0);
    let arn = run.stdout.trim().to_owned();
    assert!(arn.starts_with("arn:aws:cloudformation:eu-west-1:"), "{arn}");
    assert_eq!(stacks.status().as_deref(), Some("REVIEW_IN_PROGRESS"));
    let run = stacks.run(&["deploy-stack", "--execute-changeset", &arn]).ends_with(0);
    assert!(run.stdout.starts_with("Function="), "{}", run.stdout);
    stacks.run(&["deploy-stack", "--execute-changeset", &arn]).ends_with(1).says("cannot be carried out");
    stacks
        .run(&["deploy-stack", "--execute-changeset", "x"])
        .ends_with(2)
        .says("`x` is no ARN of a change set");
}

#[test]
fn pypi_a_dry_run_beside_a_change_set_of_somebody_else_takes_away_its_own_only() {
    let stacks = Stacks::new();
    stacks.publish(1);
    stacks.template("t.yaml", function("1"));
    stacks.deploy(&["t.yaml", "--no-execute-changeset"]).ends_with(0);
    stacks.deploy(&["t.yaml", "--dry-run"]).ends_with(0);
    assert_eq!((stacks.status().as_deref(), stacks.change_sets()), (Some("REVIEW_IN_PROGRESS"), 1));
}

#[test]
fn pypi_several_regions_at_once_and_a_dead_one_stops_no_other() {
    let stacks = Stacks::new();
    let template = "Parameters: {Name: {Type: String}}\nResources: {T: {Type: AWS::SNS::Topic}}\nOutputs: {Topic: {Value: !Ref T}}\n";
    stacks.template("t.yaml", template);
    stacks.world.proxy.add(Rule::always(Fault::Refuse).in_region("us-east-1"));
    let arguments = ["t.yaml", "--parameters", "Name=x", "--region", "us-west-2,us-east-1"];
    let run = stacks.deploy(&arguments).ends_with(3).says("Failed us-east-1: failed to look at stack");
    assert!(run.stdout.starts_with("us-west-2 Topic=arn:aws:sns:us-west-2:"), "{}", run.stdout);
    stacks.world.proxy.heal();
    let run = stacks.deploy(&[&arguments[..], &["--format", "json"]].concat()).ends_with(0);
    let rows = run.json();
    assert_eq!(
        (rows[0]["result"].as_str(), rows[1]["result"].as_str()),
        (Some("unchanged"), Some("deployed"))
    );
    assert_eq!(rows[1]["status"], "CREATE_COMPLETE");
    // A region that is named twice is one.
    let twice = ["t.yaml", "--parameters", "Name=x", "--region", "eu-west-1", "--region", "eu-west-1"];
    let run = stacks.deploy(&twice).ends_with(0).says("1 deployed");
    assert_eq!(run.count("CreateChangeSet"), 1);
}

#[test]
fn pypi_lost_answers_do_no_harm() {
    let stacks = Stacks::new();
    stacks.publish(1);
    stacks.template("t.yaml", function("1"));
    for operation in ["CreateChangeSet", "ExecuteChangeSet", "DescribeStackEvents", "DescribeChangeSet"] {
        stacks.world.proxy.add(Rule::times(1, Fault::DropAnswer).of(operation));
        stacks.world.proxy.add(Rule::times(1, Fault::Throttle).of(operation));
    }
    stacks.deploy(&["t.yaml"]).ends_with(0).says("Deployed eu-west-1: stack `demo-stack`");
}

/// Nobody hears that it has begun, however often it is asked: the change set tells.
#[test]
fn pypi_a_deployment_whose_beginning_nobody_hears_is_followed() {
    let stacks = Stacks::new();
    stacks.publish(1);
    stacks.template("t.yaml", function("1"));
    stacks.world.proxy.add(Rule::always(Fault::DropAnswer).of("ExecuteChangeSet"));
    let run = stacks.deploy(&["t.yaml"]).ends_with(0).says("Deployed eu-west-1: stack `demo-stack`");
    assert!(run.count("ExecuteChangeSet") > 1, "{}", run.stderr);
    stacks.world.proxy.heal();

    // Where nothing got through, nothing has begun.
    stacks.publish(1);
    stacks.template("t.yaml", function("2"));
    stacks.world.proxy.add(Rule::always(Fault::Refuse).of("ExecuteChangeSet"));
    stacks.deploy(&["t.yaml"]).ends_with(1).says("failed to carry out the change set of stack `demo-stack`");
}

/// Ctrl-C while CloudFormation is at work.
#[cfg(unix)]
#[test]
fn pypi_ctrl_c_leaves_the_stack_to_go_on() {
    use std::process::Stdio;
    use tests::command::{Reach, signal};

    let stacks = Stacks::new();
    stacks.publish(1);
    stacks.template("t.yaml", function("1"));
    stacks.world.proxy.take_calls();
    // It never hears how it ends.
    stacks.world.proxy.add(Rule::always(Fault::Hang).of("DescribeStackEvents").after(1));
    let mut command = stacks.command(&["t.yaml"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    stacks.world.proxy.wait_for("DescribeStackEvents", 2);
    signal(&child, Reach::Process, "INT");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(
        said.contains("note: stack `demo-stack` goes on without us; follow it with `aws cloudformation"),
        "{said}"
    );
    stacks.world.proxy.heal();
    stacks.wait_until("CREATE_COMPLETE");
}

/// The function, and something that takes seconds to fail after it.
fn slowly_failing(version: &str, seconds: u32) -> String {
    let wait = format!(
        "  Handle: {{Type: AWS::CloudFormation::WaitConditionHandle}}\n  Wait:\n    Type: AWS::CloudFormation::WaitCondition\n    \
         DependsOn: F\n    Properties: {{Handle: !Ref Handle, Timeout: '{seconds}'}}\nOutputs:\n"
    );
    function(version).replacen("Outputs:\n", &wait, 1)
}

#[test]
fn pypi_a_stack_that_somebody_else_is_updating_is_waited_for() {
    let stacks = Stacks::new();
    stacks.publish(2);
    stacks.template("t.yaml", function("1"));
    stacks.deploy(&["t.yaml"]).ends_with(0);
    stacks.template("slow.yaml", slowly_failing("2", 2));
    let run =
        stacks.deploy(&["slow.yaml", "--no-wait"]).ends_with(0).says("Begun eu-west-1: stack `demo-stack`");
    assert!(run.stdout.starts_with("arn:aws:cloudformation:eu-west-1:"), "{}", run.stdout);
    let run = stacks.deploy(&["t.yaml"]).ends_with(0);
    run.says("Waiting eu-west-1: stack `demo-stack` is UPDATE_IN_PROGRESS: somebody else is at work on it")
        .says("Unchanged eu-west-1");
}

#[test]
fn pypi_somebody_else_is_waited_for_up_to_a_limit_only() {
    let stacks = Stacks::new();
    stacks.publish(2);
    stacks.template("t.yaml", function("1"));
    stacks.deploy(&["t.yaml"]).ends_with(0);
    stacks.template("slow.yaml", slowly_failing("2", 600));
    stacks.deploy(&["slow.yaml", "--no-wait"]).ends_with(0);
    let mut impatient = stacks.command(&["t.yaml"]);
    // Half an hour is half a second.
    impatient.env("LAYER_PUBLISHER_TEST_HASTE", "3600");
    let run = Run::new(impatient.output().unwrap(), stacks.world.proxy.take_calls()).ends_with(1);
    let run = run
        .says("Waiting eu-west-1: stack `demo-stack` is UPDATE_IN_PROGRESS: somebody else is at work on it")
        .says("error: stack `demo-stack` is still UPDATE_IN_PROGRESS");
    assert!(run.count("DescribeStacks") > 2 && run.count("CreateChangeSet") == 0, "{:?}", run.operations());
}

#[test]
fn pypi_a_terminal_shows_what_is_at_work_in_a_line_that_goes() {
    if !terminal::is_there("the line of a stack") {
        return;
    }
    let stacks = Stacks::new();
    stacks.publish(2);
    stacks.template("t.yaml", function("1"));
    stacks.deploy(&["t.yaml"]).ends_with(0);
    stacks.template("slow.yaml", slowly_failing("2", 2));
    let arguments = format!("deploy-stack slow.yaml --stack-name {STACK} --region {REGION}");
    let shown = on_a_terminal(&stacks.world, &arguments).output().unwrap();
    let run = Run::new(shown, Vec::new()).ends_with(1);
    let (moving, end) = run.stdout.split_once("Finished").unwrap();
    for part in ["eu-west-1: 2 done, Wait at work", "Updated\u{1b}[0m eu-west-1: F (AWS::Lambda::Function)"] {
        assert!(moving.contains(part), "expected `{part}` in {moving:?}");
    }
    // The line is cleared before anything else is said, and nothing of it stays.
    assert!(moving.contains("\u{1b}[2K") && !end.contains("at work"), "{:?}", run.stdout);
}

#[test]
fn pypi_a_rollback_that_failed_is_explained_and_finished() {
    let stacks = Stacks::new();
    stacks.publish(2);
    stacks.template("t.yaml", function("1"));
    stacks.deploy(&["t.yaml"]).ends_with(0);
    stacks.template("slow.yaml", slowly_failing("2", 4));
    stacks.deploy(&["slow.yaml", "--no-wait"]).ends_with(0);
    // The version to go back to is deleted meanwhile: the trap that this is all about.
    stacks.aws(&["lambda", "delete-layer-version", "--layer-name", "demo", "--version-number", "1"]);
    stacks.wait_until("UPDATE_ROLLBACK_FAILED");
    stacks.template("t.yaml", function("2"));
    let run = stacks.deploy(&["t.yaml"]).ends_with(1);
    run.says(
        "error: stack `demo-stack` is UPDATE_ROLLBACK_FAILED: an update failed, and going back failed too",
    )
    .says("Caused by: F (AWS::Lambda::Function): ")
    .says("`--continue-rollback`");
    let run = stacks.deploy(&["t.yaml", "--continue-rollback"]).ends_with(1);
    run.says("it is UPDATE_ROLLBACK_FAILED now").says("`--skip-resource NAME`");
    let run = stacks.deploy(&["t.yaml", "--continue-rollback", "--dry-run"]).ends_with(0);
    assert_eq!(run.says("Would roll back").count("ContinueUpdateRollback"), 0);
    stacks.deploy(&["t.yaml", "--continue-rollback", "--skip-resource", "F"]).ends_with(0).says("demo-stack");
}
