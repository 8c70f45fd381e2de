//! `deploy-stack` and stacks in stacks: no layer version of theirs goes unseen.
//!
//! The local AWS makes no change sets for nested stacks: what is deployed there is all that can be known. How their own
//! change sets are read is in unit tests of the publisher.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use tests::proxy::{Fault, Rule};
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
    // CloudFormation lists every nested stack, whether anything changes there or not; its own change set tells.
    let told = format!("arn:aws:cloudformation:{REGION}:123456789012:changeSet/of-nested/1");
    let listed = |its: &str| {
        format!(
            "<Changes><member><Type>Resource</Type><ResourceChange><Action>Modify</Action><LogicalResourceId>N</LogicalResourceId>\
             <ResourceType>AWS::CloudFormation::Stack</ResourceType><Replacement>False</Replacement>{its}<Scope/><Details/>\
             </ResourceChange></member>"
        )
    };
    let list = |its: &str| Fault::Rewrite("<Changes>".to_owned(), listed(its));
    let proxy = &stacks.world().proxy;
    proxy.add(Rule::always(list("")).of("DescribeChangeSet"));
    let run = stacks.run(&[]).ends_with(1).says("\n  Change N (AWS::CloudFormation::Stack)\n");
    assert_eq!(run.count("ExecuteChangeSet"), 0);
    proxy.heal();
    let empty = format!(
        "<DescribeChangeSetResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeChangeSetResult>\
         <ChangeSetId>{told}</ChangeSetId><ChangeSetName>of-nested</ChangeSetName><Status>CREATE_COMPLETE</Status>\
         <ExecutionStatus>AVAILABLE</ExecutionStatus><Changes/></DescribeChangeSetResult></DescribeChangeSetResponse>"
    );
    proxy.add(Rule::always(Fault::Xml(empty)).of("DescribeChangeSet").with("of-nested"));
    proxy.add(Rule::always(list(&format!("<ChangeSetId>{told}</ChangeSetId>"))).of("DescribeChangeSet"));
    let run = stacks.run(&[]).ends_with(0).says("F: demo 1 -> 2");
    let call = run.calls.iter().find(|call| call.operation == "CreateChangeSet").unwrap();
    assert_eq!(call.field("IncludeNestedStacks").as_deref(), Some("true"));
    assert_eq!(stacks.layers(&name), [stacks.arn(2)]);
}

#[test]
fn pypi_a_function_in_a_nested_stack_stops_no_roll_out_of_others() {
    let stacks = RollOuts::new(1);
    let bucket = format!("nested-{}", stacks.world().account);
    stacks.bucket(&bucket, REGION);
    stacks.template("inner.yaml", function("1"));
    let inner = stacks.world().project.path("inner.yaml").display().to_string();
    stacks.aws(&["s3", "cp", &inner, &format!("s3://{bucket}/inner.yaml")]);
    let outer = format!(
        "Resources: {{N: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: 'https://s3.{REGION}.amazonaws.com/{bucket}/inner.yaml'}}}}}}\n\
         Outputs: {{Function: {{Value: !GetAtt N.Outputs.Function}}}}\n"
    );
    let inner = stacks.deploy("outer", &outer);
    let name = stacks.deploy(STACK, &function("1"));
    stacks.publish(2);
    // The local AWS does not tell where a stack belongs.
    let root = "<RootId>arn:aws:cloudformation:eu-west-1:123456789012:stack/outer/1</RootId>";
    let told = Fault::Rewrite("<StackName>outer-N-".to_owned(), format!("{root}<StackName>outer-N-"));
    stacks.world().proxy.add(Rule::always(told).of("DescribeStacks").with("StackName=outer-N-"));
    let run =
        stacks.run(&[]).ends_with(0).says("in eu-west-1 is nested in `outer`, which alone can update it");
    run.says("Finished 1 rolled out");
    assert_eq!((stacks.layers(&name), stacks.layers(&inner)), (vec![stacks.arn(2)], vec![stacks.arn(1)]));
}
