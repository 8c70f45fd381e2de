//! `deploy-stack` and change sets that are not wanted in the end: nothing is left of them, and nothing of others is touched.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::process::{Child, Stdio};

use tests::command::{Reach, signal};
use tests::proxy::{Fault, Rule};
use tests::stack::{REGION, STACK, Stacks};

const TOPIC: &str = "Resources: {T: {Type: AWS::SNS::Topic}}\n";
const DENIED: Fault = Fault::Error { status: 403, code: "AccessDenied", message: "not authorized" };

/// A stack of a topic is wanted, and is not there.
fn world() -> Stacks {
    let stacks = Stacks::new();
    stacks.template("t.yaml", TOPIC);
    stacks
}

fn started(stacks: &Stacks, arguments: &[&str]) -> Child {
    stacks.world.proxy.take_calls();
    let mut command = stacks.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Exit code and standard error.
fn ended(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// Between our first look and our cleaning up somebody else has prepared the same stack.
#[test]
fn pypi_a_stack_that_somebody_else_has_prepared_meanwhile_is_not_deleted() {
    let stacks = world();
    stacks.deploy(&["t.yaml", "--no-execute-changeset"]).ends_with(0);
    let none = Fault::Error {
        status: 400,
        code: "ValidationError",
        message: "Stack with id demo-stack does not exist",
    };
    stacks.world.proxy.add(Rule::times(1, none).of("DescribeStacks"));
    let run = stacks.deploy(&["t.yaml", "--dry-run"]).ends_with(0);
    assert_eq!((run.count("DeleteChangeSet"), run.count("DeleteStack")), (1, 0));
    assert_eq!((stacks.status().as_deref(), stacks.change_sets()), (Some("REVIEW_IN_PROGRESS"), 1));
}

/// CloudFormation deletes no change set that it is still making.
#[cfg(unix)]
#[test]
fn pypi_ctrl_c_while_the_change_set_is_made_leaves_nothing() {
    let stacks = world();
    let making =
        Fault::Rewrite("<Status>CREATE_COMPLETE<".to_owned(), "<Status>CREATE_IN_PROGRESS<".to_owned());
    stacks.world.proxy.add(Rule::always(making).of("DescribeChangeSet"));
    let child = started(&stacks, &["t.yaml"]);
    stacks.world.proxy.wait_for("DescribeChangeSet", 1);
    signal(&child, Reach::Process, "INT");
    // It goes on to look.
    let is_look = |call: &&tests::proxy::Call| call.operation == "DescribeChangeSet";
    let seen = stacks.world.proxy.calls().iter().filter(is_look).count();
    stacks.world.proxy.wait_for("DescribeChangeSet", seen + 3);
    assert!(stacks.world.proxy.calls().iter().all(|call| call.operation != "DeleteChangeSet"));
    stacks.world.proxy.heal();
    let (code, said) = ended(child);
    assert_eq!(code, Some(130), "{said}");
    assert_eq!(stacks.status(), None, "{said}");
    assert!(said.contains("Finished 1 not changed"), "{said}");
}

#[test]
fn pypi_what_could_not_be_cleaned_up_is_said_with_the_way_to_do_it() {
    let stacks = world();
    stacks.world.proxy.add(Rule::always(DENIED).of("DescribeChangeSet"));
    let run = stacks.deploy(&["t.yaml"]).ends_with(1);
    run.says("could not be deleted: not authorized").says(&format!(
        "delete it with `aws cloudformation delete-change-set --stack-name {STACK} --change-set-name layer-publisher-"
    ));
    stacks.world.proxy.heal();
    stacks.world.proxy.add(Rule::always(DENIED).of("DeleteChangeSet"));
    let run = stacks.deploy(&["t.yaml", "--dry-run"]).ends_with(0);
    run.says("warning: eu-west-1: change set `arn:").says("delete-change-set --change-set-name arn:");
}

#[test]
fn pypi_an_execution_that_is_refused_leaves_nothing_and_one_that_nobody_hears_of_is_named() {
    let stacks = world();
    stacks.world.proxy.add(Rule::always(DENIED).of("ExecuteChangeSet"));
    let run = stacks.deploy(&["t.yaml"]).ends_with(1);
    assert_eq!((run.count("DeleteChangeSet"), stacks.status()), (1, None));
    run.says("failed to carry out the change set of stack `demo-stack`");
    stacks.world.proxy.heal();
    stacks.world.proxy.add(Rule::always(Fault::Refuse).of("ExecuteChangeSet"));
    let run = stacks.deploy(&["t.yaml"]).ends_with(1);
    assert_eq!(run.count("DeleteChangeSet"), 0);
    run.says("note: nobody knows whether change set `arn:aws:cloudformation:eu-west-1:")
        .says("describe-change-set --change-set-name arn:");
    stacks.world.proxy.heal();

    // One that others have made stays theirs.
    let arn = stacks.deploy(&["t.yaml", "--no-execute-changeset"]).ends_with(0).stdout.trim().to_owned();
    stacks.world.proxy.add(Rule::always(DENIED).of("ExecuteChangeSet"));
    let run = stacks.run(&["deploy-stack", "--execute-changeset", &arn]).ends_with(1);
    assert_eq!(run.count("DeleteChangeSet"), 0);
}

/// A transform brings in a role, and CloudFormation finds that out when the change set is being made.
#[test]
fn pypi_capabilities_that_are_missing_only_after_a_transform_are_named_with_their_flag() {
    let stacks = world();
    let made = "<Status>CREATE_COMPLETE</Status><StatusReason></StatusReason>".to_owned();
    let failed =
        "<Status>FAILED</Status><StatusReason>Requires capabilities : [CAPABILITY_IAM]</StatusReason>"
            .to_owned();
    stacks.world.proxy.add(Rule::always(Fault::Rewrite(made, failed)).of("DescribeChangeSet"));
    let run = stacks.deploy(&["t.yaml"]).ends_with(1);
    run.says("error: the template needs CAPABILITY_IAM\n\nhint: if that is meant, say so with `--capabilities CAPABILITY_IAM`");
    assert_eq!(stacks.status(), None);
}

#[cfg(unix)]
#[test]
fn pypi_ctrl_c_before_a_prepared_change_set_is_carried_out_leaves_it_for_later() {
    let stacks = world();
    let arn = stacks.deploy(&["t.yaml", "--no-execute-changeset"]).ends_with(0).stdout.trim().to_owned();
    stacks.world.proxy.take_calls();
    // The signal comes while the template is read.
    stacks.world.proxy.add(Rule::times(1, Fault::Hang).of("GetTemplate"));
    let mut command = stacks.world.command(&["deploy-stack", "--execute-changeset", &arn]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    stacks.world.proxy.wait_for("GetTemplate", 1);
    signal(&child, Reach::Process, "INT");
    let (code, said) = ended(child);
    assert_eq!(code, Some(130), "{said}");
    let calls = stacks.world.proxy.take_calls();
    assert!(calls.iter().all(|call| call.operation != "ExecuteChangeSet"), "{said}");
    assert_eq!((stacks.status().as_deref(), stacks.change_sets()), (Some("REVIEW_IN_PROGRESS"), 1));
}

#[test]
fn pypi_a_prepared_change_set_knows_its_stack_and_takes_nothing_beside_it() {
    let stacks = world();
    let arn = stacks.deploy(&["t.yaml", "--no-execute-changeset"]).ends_with(0).stdout.trim().to_owned();
    for more in [
        ["--parameters", "A=b"],
        ["--tags", "a=b"],
        ["--capabilities", "CAPABILITY_IAM"],
        ["--role-arn", "arn:aws:iam::123456789012:role/r"],
    ] {
        let run =
            stacks.run(&[&["deploy-stack", "--execute-changeset", &arn], &more[..]].concat()).ends_with(2);
        assert!(run.calls.is_empty(), "{:?}", run.operations());
    }
    let run = stacks.run(&["deploy-stack", "--execute-changeset", &arn, "--format", "json"]).ends_with(0);
    assert_eq!(run.json()[0]["stack_name"], STACK);
}

#[test]
fn pypi_a_change_set_that_is_out_of_date_says_so_and_a_stack_that_is_only_prepared_is_explained() {
    let stacks = world();
    let arn = stacks.deploy(&["t.yaml", "--no-execute-changeset"]).ends_with(0).stdout.trim().to_owned();
    let obsolete =
        Fault::Rewrite("<ExecutionStatus>AVAILABLE<".to_owned(), "<ExecutionStatus>OBSOLETE<".to_owned());
    stacks.world.proxy.add(Rule::always(obsolete).of("DescribeChangeSet"));
    stacks
        .run(&["deploy-stack", "--execute-changeset", &arn])
        .ends_with(1)
        .says("cannot be carried out: the stack has changed since it was made\n");
    stacks.world.proxy.heal();
    let run = stacks.deploy(&["t.yaml", "--dry-run"]).ends_with(0);
    run.says("stack `demo-stack` is REVIEW_IN_PROGRESS: it has a change set, and was never created");
}

#[test]
fn pypi_tags_that_go_are_said_before_they_do() {
    let stacks = world();
    stacks.deploy(&["t.yaml", "--tags", "team=x", "stage=prod"]).ends_with(0);
    let run = stacks.deploy(&["t.yaml", "--dry-run", "--tags", "team=y"]).ends_with(0);
    run.says(&format!("Tag {REGION}: stage=prod goes"));
    let run = stacks.deploy(&["t.yaml", "--dry-run"]).ends_with(0);
    assert!(!run.stderr.contains("goes"), "{}", run.stderr);
}

/// What is needed first goes on, and the stack itself has not begun.
#[cfg(unix)]
#[test]
fn pypi_ctrl_c_while_sams_own_stack_is_made_changes_no_other() {
    let stacks = world();
    let layer = "Resources: {L: {Type: AWS::Lambda::LayerVersion, DeletionPolicy: Retain, Properties: {Content: target/layers/demo.zip}}}\n";
    stacks.template("t.yaml", layer);
    stacks.template("samconfig.toml", "[default.deploy.parameters]\nresolve_s3 = true\n");
    stacks.world.proxy.add(Rule::always(Fault::Hang).of("DescribeStackEvents").after(1));
    let child = started(&stacks, &["t.yaml"]);
    stacks.world.proxy.wait_for("DescribeStackEvents", 2);
    signal(&child, Reach::Process, "INT");
    let (code, said) = ended(child);
    assert_eq!(code, Some(130), "{said}");
    for text in [
        "Interrupted nothing more is begun, and what CloudFormation has begun goes on without us; left in order: eu-west-1;",
        "note: stack `aws-sam-cli-managed-default` goes on without us",
        "Finished 1 not changed",
    ] {
        assert!(said.contains(text), "{said}");
    }
    assert_eq!(stacks.status(), None);
}
