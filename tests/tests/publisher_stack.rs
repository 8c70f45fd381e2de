//! `publisher = "stack"`: a stack of the layer's own makes its versions, and `publish` deploys it.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use tests::world::{Run, World};

const REGIONS: [&str; 2] = ["eu-west-1", "us-west-2"];

/// A project whose layer is made by a stack, with the template that `new-template` calls so, and a bucket in each region.
fn world() -> World {
    let world = World::new(&REGIONS, &[]);
    for region in REGIONS {
        let (name, place) = (bucket(&world, region), format!("LocationConstraint={region}"));
        let create = ["s3api", "create-bucket", "--bucket", &name, "--region", region];
        world.aws(&[&create[..], &["--create-bucket-configuration", &place]].concat());
    }
    configure(&world, "publisher = \"stack\"\n");
    template(&world, "demo");
    world
}

fn bucket(world: &World, region: &str) -> String {
    format!("stacks-{}-{region}", world.account)
}

fn configure(world: &World, more: &str) {
    world.configure(&format!(
        "[layers.demo.publish]\nregions = [\"eu-west-1\", \"us-west-2\"]\n\
         s3-bucket = \"stacks-{{account}}-{{region}}\"\n{more}"
    ));
}

fn template(world: &World, layer: &str) {
    let text = format!(
        "Parameters:\n  S3Bucket: {{Type: String}}\n  S3Key: {{Type: String}}\nResources:\n  LayerVersion:\n    \
         Type: AWS::Lambda::LayerVersion\n    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n    \
         Properties:\n      LayerName: {layer}\n      CompatibleRuntimes: [python3.13]\n      \
         Content: {{S3Bucket: !Ref S3Bucket, S3Key: !Ref S3Key}}\n\
         Outputs:\n  LayerVersionArn: {{Value: !Ref LayerVersion}}\n"
    );
    world.project.write("demo-layer.yaml", text).unwrap();
}

fn writes(run: &Run) -> usize {
    ["PublishLayerVersion", "CreateChangeSet", "ExecuteChangeSet", "PutObject"]
        .iter()
        .map(|operation| run.count(operation))
        .sum()
}

#[test]
fn pypi_a_stack_makes_version_1_and_then_2_in_every_region_and_a_second_run_does_nothing() {
    let world = world();
    let run = world.run(&["publish", "--dry-run"]).ends_with(0);
    assert_eq!((writes(&run), world.ledger().as_str()), (0, ""));
    run.says("publish");

    let run = world.publish().ends_with(0).says("stack `demo-layer`");
    assert_eq!((run.count("PublishLayerVersion"), run.count("ExecuteChangeSet")), (0, 2));
    for region in REGIONS {
        assert!(run.stdout.contains(&world.arn(region, 1)), "{}", run.stdout);
        assert_eq!(world.versions(region), [1]);
        assert!(world.ledger().contains(&bucket(&world, region)), "{}", world.ledger());
    }
    let ledger = world.ledger();
    let run = world.publish().ends_with(0).says("Unchanged eu-west-1: version 1 has this content");
    assert_eq!((writes(&run), world.ledger()), (0, ledger));

    world.project.build("VERSION = 2\n").unwrap();
    let run = world.publish().ends_with(0);
    for region in REGIONS {
        assert!(run.stdout.contains(&world.arn(region, 2)), "{}", run.stdout);
        assert_eq!(world.versions(region), [1, 2]);
    }
}

#[test]
fn pypi_two_publishers_at_once_are_refused_both_ways_and_a_switch_goes_on_with_the_numbers() {
    let world = world();
    world.publish().ends_with(0);
    world.project.build("VERSION = 2\n").unwrap();
    configure(&world, "");
    let run = world.publish().ends_with(1);
    assert_eq!(writes(&run), 0);
    run.says("version 1 of layer `demo` was made by stack `demo-layer`, and `publisher` is `api`")
        .says("--switch-publisher");
    world.run(&["publish", "--switch-publisher"]).ends_with(0);
    // Steady from here on, without asking CloudFormation.
    world.project.build("VERSION = 3\n").unwrap();
    let run = world.publish().ends_with(0);
    assert_eq!(run.count("DescribeStackResources"), 0);
    assert_eq!(world.versions("eu-west-1"), [1, 2, 3]);

    configure(&world, "publisher = \"stack\"\n");
    world.project.build("VERSION = 4\n").unwrap();
    let (ledger, run) = (world.ledger(), world.publish().ends_with(1));
    assert_eq!((writes(&run), world.ledger()), (0, ledger));
    run.says("version 3 of layer `demo` was made by PublishLayerVersion, and `publisher` is `stack`");
    world.run(&["publish", "--switch-publisher"]).ends_with(0);
    assert_eq!(world.versions("eu-west-1"), [1, 2, 3, 4]);
}

#[test]
fn pypi_what_is_wrong_with_the_table_or_the_template_is_said_before_aws_is_asked() {
    let world = world();
    let refused = |words: &str| {
        let run = world.publish().ends_with(1);
        assert_eq!(run.calls.len(), 0);
        run.says(words)
    };
    configure(&world, "publisher = \"sam\"\n");
    refused("`publisher` in `[layers.demo.publish]` must be `api` or `stack`");
    configure(&world, "publisher = \"stack\"\ntemplate = \"nowhere.yaml\"\n");
    refused("nowhere.yaml").says("new-template cloudformation");
    configure(&world, "publisher = \"stack\"\nstack = \"no_stack\"\n");
    refused("a stack's name");
    configure(&world, "publisher = \"stack\"\n");
    world.project.write("demo-layer.yaml", "Resources: {T: {Type: AWS::SNS::Topic}}\n").unwrap();
    refused("has no parameter `S3Bucket`");
}

#[test]
fn pypi_a_stack_that_fails_says_why_and_leaves_the_ledger_alone() {
    let world = world();
    world.publish().ends_with(0);
    let ledger = world.ledger();
    world.project.build("VERSION = 2\n").unwrap();
    let good = world.project.read("demo-layer.yaml").unwrap();
    let bad = good.replace(
        "Outputs:",
        "  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Handler: i.h\n      Runtime: python3.13\n      \
         Role: arn:aws:iam::123456789012:role/f\n      Code: {ZipFile: 'x = 1'}\n      Layers:\n        - \
         arn:aws:lambda:us-east-1:123456789012:layer:nothing:1\nOutputs:",
    );
    world.project.write("demo-layer.yaml", bad).unwrap();
    let run = world.publish().ends_with(1).says("failed to deploy stack `demo-layer`").says("nothing");
    assert_eq!((run.stdout.as_str(), world.ledger()), ("", ledger));
    // Whatever was left behind with this content: the stack has not got it.
    world.project.write("demo-layer.yaml", good).unwrap();
    let run = world.publish().ends_with(0);
    assert_eq!(run.count("ExecuteChangeSet"), 2);
    for region in REGIONS {
        let query = "Stacks[0].Outputs[0].OutputValue";
        let describe = ["cloudformation", "describe-stacks", "--stack-name", "demo-layer", "--query", query];
        let held = world.aws(&[&describe[..], &["--region", region]].concat());
        assert!(world.ledger().contains(held.as_str().unwrap()), "{held}: {}", world.ledger());
    }
    let run = world.publish().ends_with(0);
    assert_eq!(writes(&run), 0);
}

#[test]
fn pypi_the_same_content_of_another_publisher_is_not_the_stacks() {
    let world = world();
    configure(&world, "");
    world.publish().ends_with(0);
    configure(&world, "publisher = \"stack\"\n");
    let run = world.publish().ends_with(1);
    assert_eq!(writes(&run), 0);
    run.says("version 1 of layer `demo` was made by PublishLayerVersion, and `publisher` is `stack`");
    world.run(&["publish", "--switch-publisher"]).ends_with(0);
    assert_eq!(world.versions("eu-west-1"), [1, 2]);
    assert_eq!(writes(&world.publish().ends_with(0)), 0);
}
