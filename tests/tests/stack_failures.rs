//! `deploy-stack` and stacks that have failed: what they say, what is deleted and what is not, and which reason counts.

use tests::proxy::{Fault, Rule};
use tests::roll_out::{RollOuts, function};
use tests::stack::{REGION, STACK, Stacks};

fn rewrite(from: &str, to: &str) -> Fault {
    Fault::Rewrite(from.to_owned(), to.to_owned())
}

#[test]
fn pypi_an_update_that_was_left_where_it_failed_is_explained_and_rolled_back() {
    let stacks = RollOuts::new(1);
    let name = stacks.deploy(STACK, &function("1"));
    stacks.template("bad.yaml", function("99"));
    let leave = ["bad.yaml", "--on-failure", "DO_NOTHING"];
    stacks.deploy_one(&leave).ends_with(1).says("it is UPDATE_FAILED now").says("`--continue-rollback`");
    stacks.publish(2);

    stacks.template("good.yaml", function("2"));
    let run = stacks.deploy_one(&["good.yaml"]).ends_with(1);
    assert_eq!(run.count("CreateChangeSet"), 0);
    run.says("error: stack `demo-stack` is UPDATE_FAILED: an update failed and was not undone")
        .says("hint: let it go back and then be updated with `--continue-rollback`, or go on from there");
    stacks.name_stacks(&format!("[[stacks]]\nname = \"{STACK}\"\n"));
    let run = stacks.run(&[]).ends_with(1).says("stack `demo-stack` is UPDATE_FAILED");
    let run = run.says("deploy-stack TEMPLATE --stack-name demo-stack --continue-rollback`");
    assert_eq!(run.count("CreateChangeSet"), 0);

    let run = stacks.deploy_one(&["good.yaml", "--continue-rollback"]).ends_with(0);
    assert_eq!((run.count("RollbackStack"), stacks.layers(&name)), (1, vec![stacks.arn(2)]));

    // It has come to stand so since we looked.
    let refused = Fault::Error {
        status: 400,
        code: "ValidationError",
        message: "This stack is currently in a non-terminal [UPDATE_FAILED] state. To update the stack from this state, please \
                  use the disable-rollback parameter with update-stack API.",
    };
    stacks.world().proxy.add(Rule::always(refused).of("CreateChangeSet"));
    stacks.deploy_one(&["bad.yaml"]).ends_with(1).says("hint: run `layer-publisher deploy-stack` again");
}

#[test]
fn pypi_nothing_is_deleted_for_a_stack_that_could_not_take_its_place() {
    let stacks = Stacks::new();
    stacks.publish(1);
    let bad = "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties: {Handler: h.h, Runtime: python3.13, Role: 'arn:aws:iam::123456789012:role/f', \
               Code: {ZipFile: 'x = 1'}, Layers: [!Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:demo:99']}\n";
    stacks.template("bad.yaml", bad);
    stacks.deploy(&["bad.yaml"]).ends_with(1);
    let kept = |arguments: &[&str], code: i32, said: &str| {
        let run = stacks.deploy(&[arguments, &["--recreate"]].concat()).ends_with(code).says(said);
        assert_eq!((run.count("DeleteStack"), stacks.status().as_deref()), (0, Some("ROLLBACK_COMPLETE")));
    };
    stacks
        .template("t.yaml", "Parameters: {Name: {Type: String}}\nResources: {T: {Type: AWS::SNS::Topic}}\n");
    kept(&["t.yaml"], 1, "error: the template needs a value for a parameter:");
    stacks.template("placeholder.yaml", bad.replace("demo:99", "demo:DEMO_LAYER_PLACEHOLDER"));
    kept(&["placeholder.yaml"], 1, "still has the placeholder");
    stacks.template("content.yaml", "Resources: {L: {Type: AWS::Lambda::LayerVersion, DeletionPolicy: Retain, Properties: {Content: target/layers/demo.zip}}}\n");
    kept(&["content.yaml", "--s3-bucket", "no-such-bucket-here"], 1, "there is no bucket");
    kept(&["t.yaml", "--no-execute-changeset"], 2, "`--recreate` deletes the stack at once");
    stacks.deploy(&["t.yaml", "--recreate", "--parameters", "Name=x"]).ends_with(0);
    assert_eq!(stacks.status().as_deref(), Some("CREATE_COMPLETE"));
}

/// A stack that could not be deleted has much left that it can lose.
#[test]
fn pypi_a_layer_version_stops_the_deletion_of_a_stack_too() {
    let stacks = Stacks::new();
    let bucket = format!("failures-{}", stacks.world.account);
    stacks.bucket(&bucket, REGION);
    let layer = "Resources: {L: {Type: AWS::Lambda::LayerVersion, Properties: {LayerName: demo, Content: target/layers/demo.zip}}}\n";
    stacks.template("t.yaml", layer);
    let arguments = ["t.yaml", "--s3-bucket", &bucket];
    stacks.deploy(&arguments).ends_with(0);
    let stands = || rewrite("<StackStatus>CREATE_COMPLETE<", "<StackStatus>DELETE_FAILED<");
    stacks.world.proxy.add(Rule::times(1, stands()).of("DescribeStacks"));
    let run = stacks.deploy(&[&arguments[..], &["--recreate"]].concat()).ends_with(1);
    assert_eq!((run.count("DeleteStack"), stacks.world.versions(REGION)), (0, vec![1]));
    run.says(&format!("error: the change would delete `{}` (resource `L`)", stacks.arn(1)));

    // The stack says for a while what it said before.
    stacks.world.proxy.add(Rule::times(1, stands()).of("DescribeStacks"));
    let late = rewrite("<StackStatus>DELETE_IN_PROGRESS<", "<StackStatus>DELETE_FAILED<");
    stacks.world.proxy.add(Rule::always(late).of("DescribeStacks"));
    stacks.deploy(&[&arguments[..], &["--recreate", "--allow-delete"]].concat()).ends_with(0);
    assert_eq!(stacks.world.versions(REGION), [2]);
}

/// An event, as CloudFormation writes it: newer ones come first.
fn event(resource: &str, kind: &str, physical: &str, status: &str, reason: &str) -> String {
    format!(
        "<member><StackId>s</StackId><EventId>{resource}-{status}</EventId><StackName>{STACK}</StackName>\
         <LogicalResourceId>{resource}</LogicalResourceId><PhysicalResourceId>{physical}</PhysicalResourceId>\
         <ResourceType>{kind}</ResourceType><Timestamp>2026-01-01T00:00:00Z</Timestamp><ResourceStatus>{status}</ResourceStatus>\
         <ResourceStatusReason>{reason}</ResourceStatusReason></member>"
    )
}

/// Events of the stack itself.
fn of_stack(status: &str) -> String {
    event(STACK, "AWS::CloudFormation::Stack", "s", status, "")
}

fn page(events: &[String], next: &str) -> Fault {
    let token = if next.is_empty() { String::new() } else { format!("<NextToken>{next}</NextToken>") };
    let events = events.concat();
    Fault::Xml(format!(
        "<DescribeStackEventsResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeStackEventsResult>\
         <StackEvents>{events}</StackEvents>{token}</DescribeStackEventsResult></DescribeStackEventsResponse>"
    ))
}

/// A stack whose creation has failed, by the word of CloudFormation.
fn failed() -> Stacks {
    let stacks = Stacks::new();
    stacks.template("t.yaml", "Resources: {T: {Type: AWS::SNS::Topic}}\n");
    stacks.deploy(&["t.yaml"]).ends_with(0);
    let stands = rewrite("<StackStatus>CREATE_COMPLETE<", "<StackStatus>ROLLBACK_COMPLETE<");
    stacks.world.proxy.add(Rule::always(stands).of("DescribeStacks"));
    stacks
}

fn events(fault: Fault) -> Rule {
    Rule::always(fault).of("DescribeStackEvents")
}

/// The local AWS gives all events in one page; CloudFormation gives them by the hundred.
#[test]
fn pypi_the_first_failure_is_found_behind_the_first_page_of_events() {
    let stacks = failed();
    let topic = |reason| event("T", "AWS::SNS::Topic", "", "CREATE_FAILED", reason);
    // An older operation is none of it, and is not even asked for.
    let second = [topic("the first cause"), of_stack("CREATE_IN_PROGRESS"), topic("of old")];
    stacks.world.proxy.add(events(Fault::Refuse).with("NextToken=old"));
    stacks.world.proxy.add(events(page(&second, "old")).with("NextToken=more"));
    stacks.world.proxy.add(events(page(&[of_stack("ROLLBACK_COMPLETE")], "more")));
    stacks.deploy(&["t.yaml"]).ends_with(1).says("Caused by: T (AWS::SNS::Topic): the first cause\n");
}

/// The local AWS keeps nothing of a nested stack that has failed; CloudFormation does.
#[test]
fn pypi_a_nested_stack_that_has_failed_says_why_itself() {
    let stacks = failed();
    let nested = event(
        "N",
        "AWS::CloudFormation::Stack",
        "nested-stack-of-it",
        "CREATE_FAILED",
        "Embedded stack nested-stack-of-it was not successfully created",
    );
    // It was undone afterwards.
    let function = event("F", "AWS::Lambda::Function", "", "CREATE_FAILED", "no such layer");
    let inner = [
        of_stack("DELETE_COMPLETE"),
        of_stack("DELETE_IN_PROGRESS"),
        function,
        of_stack("CREATE_IN_PROGRESS"),
    ];
    stacks.world.proxy.add(events(page(&inner, "")).with("StackName=nested-stack-of-it"));
    let outer = [of_stack("ROLLBACK_COMPLETE"), nested, of_stack("CREATE_IN_PROGRESS")];
    stacks.world.proxy.add(events(page(&outer, "")));
    stacks.deploy(&["t.yaml"]).ends_with(1).says("Caused by: N/F (AWS::Lambda::Function): no such layer\n");
}
