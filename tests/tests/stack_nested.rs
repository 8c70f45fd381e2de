//! `deploy-stack` and stacks in stacks: no layer version of theirs goes unseen.
//!
//! The local AWS makes no change sets for nested stacks: what is deployed there is all that can be known. How their own
//! change sets are read is in unit tests of the publisher.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use tests::roll_out::{RollOuts, function};
use tests::stack::{REGION, STACK, Stacks};

const RETAIN: &str = "    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n";

/// A world with a bucket, and a layer's zip in it.
fn world() -> (Stacks, String, String) {
    let stacks = Stacks::new();
    let bucket = format!("nested-{}", stacks.world.account);
    stacks.bucket(&bucket, REGION);
    let run = stacks.run(&["stage", "--s3-bucket", &bucket]).ends_with(0);
    let key = run.stdout.lines().find_map(|line| line.strip_prefix("S3Key=")).unwrap().to_owned();
    (stacks, bucket, key)
}

/// Puts a template with a layer where a nested stack is made from it.
fn child(stacks: &Stacks, bucket: &str, key: &str, name: &str, policies: &str) {
    let text = format!(
        "Resources:\n  L:\n    Type: AWS::Lambda::LayerVersion\n{policies}    Properties:\n      LayerName: demo\n      \
         Description: {name}\n      Content: {{S3Bucket: {bucket}, S3Key: {key}}}\n"
    );
    stacks.template(name, text);
    let (file, place) =
        (stacks.world.project.path(name).display().to_string(), format!("s3://{bucket}/{name}"));
    stacks.aws(&["s3", "cp", &file, &place]);
}

fn parent(stacks: &Stacks, bucket: &str, name: &str) {
    let text = format!(
        "Resources:\n  T: {{Type: AWS::SNS::Topic}}\n  N:\n    Type: AWS::CloudFormation::Stack\n    Properties: \
         {{TemplateURL: 'https://s3.{REGION}.amazonaws.com/{bucket}/{name}'}}\n"
    );
    stacks.template("t.yaml", text);
}

#[test]
fn pypi_a_layer_version_of_a_nested_stack_that_would_be_deleted_stops_everything() {
    let (stacks, bucket, key) = world();
    child(&stacks, &bucket, &key, "one.yaml", "");
    parent(&stacks, &bucket, "one.yaml");
    let run = stacks.deploy(&["t.yaml"]).ends_with(0);
    let call = run.calls.iter().find(|call| call.operation == "CreateChangeSet").unwrap();
    assert_eq!(call.field("IncludeNestedStacks").as_deref(), Some("true"));
    assert_eq!(stacks.world.versions(REGION), [1]);

    // It goes with the stack that it is in.
    stacks.template("t.yaml", "Resources: {T: {Type: AWS::SNS::Topic}}\n");
    let run = stacks.deploy(&["t.yaml"]).ends_with(1);
    assert_eq!((run.count("ExecuteChangeSet"), stacks.change_sets()), (0, 0));
    run.says(&format!("error: the change would delete `{}` (resource `N/L`)", stacks.arn(1)))
        .says("say so with `--allow-delete`");

    // Nobody tells how the nested stack changes: what is not retained there may go.
    child(&stacks, &bucket, &key, "two.yaml", "");
    parent(&stacks, &bucket, "two.yaml");
    let run = stacks.deploy(&["t.yaml"]).ends_with(1);
    assert_eq!(run.count("ExecuteChangeSet"), 0);
    run.says("CloudFormation does not tell how nested stack `N` changes: it was not looked into")
        .says("(resource `N/L`)");
    assert_eq!(stacks.world.versions(REGION), [1]);
    stacks.deploy(&["t.yaml", "--allow-delete"]).ends_with(0);
    assert_eq!(stacks.world.versions(REGION), [2]);
}

#[test]
fn pypi_a_layer_version_of_a_nested_stack_that_is_retained_is_no_reason_to_stop() {
    let (stacks, bucket, key) = world();
    for name in ["one.yaml", "two.yaml"] {
        child(&stacks, &bucket, &key, name, RETAIN);
        parent(&stacks, &bucket, name);
        stacks.deploy(&["t.yaml"]).ends_with(0);
    }
    stacks.template("t.yaml", "Resources: {T: {Type: AWS::SNS::Topic}}\n");
    stacks.deploy(&["t.yaml"]).ends_with(0).says("Remove eu-west-1: N (AWS::CloudFormation::Stack)");
    assert!(stacks.world.versions(REGION).contains(&1));
}

#[test]
fn pypi_a_roll_out_asks_for_the_change_sets_of_nested_stacks_too() {
    let stacks = RollOuts::new(1);
    let bucket = format!("nested-{}", stacks.world().account);
    stacks.bucket(&bucket, REGION);
    stacks.template("topic.yaml", "Resources: {T: {Type: AWS::SNS::Topic}}\n");
    let topic = stacks.world().project.path("topic.yaml").display().to_string();
    stacks.aws(&["s3", "cp", &topic, &format!("s3://{bucket}/topic.yaml")]);
    let nested = format!(
        "  N: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: 'https://s3.{REGION}.amazonaws.com/{bucket}/topic.yaml'}}}}\nOutputs:"
    );
    let name = stacks.deploy(STACK, &function("1").replace("Outputs:", &nested));
    stacks.publish(2);
    let run = stacks.run(&[]).ends_with(0).says("F: demo 1 -> 2");
    let call = run.calls.iter().find(|call| call.operation == "CreateChangeSet").unwrap();
    assert_eq!(call.field("IncludeNestedStacks").as_deref(), Some("true"));
    assert_eq!(stacks.layers(&name), [stacks.arn(2)]);
}
