//! `publisher = "stack"`: a stack of the layer's own makes its versions, and `publish` deploys it.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use tests::command::run;
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
    let table = world.project.read("layers.toml").unwrap();
    let line = 1 + table.lines().position(|line| line.starts_with("publisher")).unwrap();
    refused(&format!("layers.toml:{line}`: `publisher` in `[layers.demo.publish]` must be `api` or `stack`"));
    configure(&world, "publisher = \"stack\"\ntemplate = \"nowhere.yaml\"\n");
    refused("nowhere.yaml").says("new-template cloudformation");
    configure(&world, "publisher = \"stack\"\nstack = \"no_stack\"\n");
    refused("a stack's name");
    configure(&world, "publisher = \"stack\"\n");
    world.project.write("demo-layer.yaml", "Resources: {T: {Type: AWS::SNS::Topic}}\n").unwrap();
    refused("has no parameter `S3Bucket`");
    template(&world, "other");
    refused("demo-layer.yaml` makes layer `other`, and not `demo`")
        .says("the `LayerName` in it must be `demo`");
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

#[test]
fn pypi_a_dry_run_and_a_check_ask_the_stack_what_it_holds() {
    let world = world();
    world.publish().ends_with(0);
    let run = world.run(&["publish", "--dry-run"]).ends_with(0).says("Unchanged eu-west-1: version 1");
    assert_eq!(writes(&run), 0);
    world.run(&["publish", "--check"]).ends_with(0);
    // A version with the content, which the stack has not got: a rollback has left it behind, or somebody else made it.
    world.project.build("VERSION = 2\n").unwrap();
    let (bytes, description) = (world.project.path("target/layers/demo.zip"), mark(&world));
    let bytes = format!("fileb://{}", bytes.display());
    let publish = ["lambda", "publish-layer-version", "--layer-name", "demo", "--zip-file", &bytes];
    for region in REGIONS {
        let more = ["--description", &description, "--region", region, "--compatible-runtimes", "python3.13"];
        world.aws(&[&publish[..], &more].concat());
    }
    let switch = ["publish", "--switch-publisher"];
    let run = world.run(&[&switch[..], &["--dry-run"]].concat()).ends_with(0);
    assert_eq!(writes(&run), 0);
    run.says("Would publish eu-west-1: as version 3");
    world.run(&[&switch[..], &["--check"]].concat()).ends_with(1);
    world.run(&switch).ends_with(0).says("Published eu-west-1: version 3");
    world.run(&["publish", "--dry-run"]).ends_with(0).says("Unchanged eu-west-1: version 3");
    world.run(&["publish", "--check"]).ends_with(0);
}

/// What the publisher's own versions end with.
fn mark(world: &World) -> String {
    let manifest: serde_json::Value =
        serde_json::from_str(&world.project.read("target/layers/demo.json").unwrap()).unwrap();
    format!("[sha256:{}]", &manifest["sha256"].as_str().unwrap()[..32])
}

#[test]
fn pypi_status_rollback_and_roll_out_work_as_with_any_other_publisher() {
    let world = world();
    std::fs::remove_file(world.project.path("demo-layer.yaml")).unwrap();
    let _ = run(world.project.command("template-tools").args(["new", "cloudformation"])).expect_code(0);
    world.publish().ends_with(0);
    let first = world.ledger();
    world.run(&["status", "--check"]).ends_with(0);
    let name = function_of(&world, 1);

    world.project.build("VERSION = 2\n").unwrap();
    world.run(&["status", "--check"]).ends_with(1);
    world.publish().ends_with(0);
    let second = world.ledger();
    world.run(&["status", "--check"]).ends_with(0);
    let usage = world.run(&["usage", "demo", "--region", "eu-west-1"]).ends_with(0);
    assert!(usage.stdout.contains(&name), "{}", usage.stdout);

    let run = world.run(&["roll-out"]).ends_with(0).says("F: demo 1 -> 2");
    assert!(run.stdout.contains("functions") && !run.stdout.contains("demo-layer"), "{}", run.stdout);
    assert_eq!(layers_of(&world, &name), [world.arn("eu-west-1", 2)]);

    // Back to version 1: the ledger says so, and what is built again from its content is nothing new.
    world.run(&["rollback", "demo", "--to", "1", "--reason", "imports fail"]).ends_with(0);
    assert!(world.ledger() != first && world.ledger() != second, "{}", world.ledger());
    world.project.build("VERSION = 1\n").unwrap();
    for arguments in [&["publish", "--dry-run"][..], &["publish"]] {
        let run = world.run(arguments).ends_with(0).says("eu-west-1: version 1");
        assert_eq!(writes(&run), 0);
    }
    // What was withdrawn stays so; other content is the stack's next version.
    world.project.build("VERSION = 2\n").unwrap();
    let run = world.publish().ends_with(1).says("this content was withdrawn as version 2: imports fail");
    assert_eq!(writes(&run), 0);
    world.project.build("VERSION = 3\n").unwrap();
    world.publish().ends_with(0).says("Published eu-west-1: version 3");
    world.run(&["status", "--check"]).ends_with(0);
    for region in REGIONS {
        assert_eq!(world.versions(region), [1, 2, 3]);
    }
}

/// A stack with a function on this version. Gives the name of the function.
fn function_of(world: &World, version: u64) -> String {
    let template = format!(
        "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Handler: index.handler\n      Runtime: python3.13\n      \
         Role: arn:aws:iam::123456789012:role/f\n      Code: {{ZipFile: 'x = 1'}}\n      Layers: ['{}']\n\
         Outputs: {{Function: {{Value: !Ref F}}}}\n",
        world.arn("eu-west-1", version)
    );
    world.project.write("functions.yaml", template).unwrap();
    let deploy = ["deploy-stack", "functions.yaml", "--stack-name", "functions", "--region", "eu-west-1"];
    let run = world.run(&deploy).ends_with(0);
    run.stdout.strip_prefix("Function=").unwrap().trim().to_owned()
}

fn layers_of(world: &World, function: &str) -> Vec<String> {
    let get = ["lambda", "get-function-configuration", "--function-name", function, "--region", "eu-west-1"];
    let found = world.aws(&get);
    found["Layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer["Arn"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn pypi_what_one_account_has_is_promoted_to_the_stack_of_another_one() {
    let world = world();
    let prod = world.account.replacen("200", "201", 1);
    configure(
        &world,
        &format!(
            "[layers.demo.publish.targets.dev]\naccount = \"{}\"\n[layers.demo.publish.targets.prod]\naccount = \"{prod}\"\n\
             profile = \"prod\"\npublisher = \"stack\"\nregions = [\"eu-west-1\"]\n",
            world.account
        ),
    );
    let keys = format!("[prod]\naws_access_key_id = {prod}\naws_secret_access_key = test\n");
    world.project.write("credentials", keys).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.env("AWS_SHARED_CREDENTIALS_FILE", world.project.path("credentials"));
        world.proxy.take_calls();
        Run::new(command.output().unwrap(), world.proxy.take_calls())
    };
    run(&["publish", "--target", "dev"]).ends_with(0);
    let built = world.project.code_sha256().unwrap();
    world.project.build("VERSION = 2\n").unwrap();
    let promote = ["promote", "demo", "--from", "dev", "--to", "prod"];
    run(&[&promote[..], &["--dry-run"]].concat()).ends_with(0).says("Would publish eu-west-1");
    // The account has no bucket yet.
    let failed = run(&promote).ends_with(1).says("there is no bucket");
    assert_eq!(failed.count("CreateChangeSet"), 0);
    let place = ["--create-bucket-configuration", "LocationConstraint=eu-west-1"];
    let create =
        ["s3api", "create-bucket", "--bucket", &format!("stacks-{prod}-eu-west-1"), "--region", "eu-west-1"];
    world.aws_of(&prod, &[&create[..], &place].concat());
    let done = run(&promote).ends_with(0);
    assert_eq!((done.count("PublishLayerVersion"), done.count("ExecuteChangeSet")), (0, 1));
    assert_eq!(done.stdout.trim(), format!("arn:aws:lambda:eu-west-1:{prod}:layer:demo:1"));
    let version = world.lambda_of(&prod, "eu-west-1", "layers/demo/versions/1");
    assert_eq!(version["Content"]["CodeSha256"], built);
    let again = run(&promote).ends_with(0).says("Unchanged eu-west-1: version 1 has this content");
    assert_eq!(writes(&again), 0);
}

#[test]
fn pypi_the_templates_of_sam_get_the_staged_zip_as_their_content() {
    let world = world();
    std::fs::remove_file(world.project.path("demo-layer.yaml")).unwrap();
    let new = ["new", "sam", "--dir", "deploy"];
    let _ = run(world.project.command("template-tools").args(new)).expect_code(0);
    configure(&world, "publisher = \"stack\"\ntemplate = \"deploy/template.yaml\"\n");
    let text = world.project.read("deploy/template.yaml").unwrap();
    world.run(&["publish", "--dry-run"]).ends_with(0).says("Would publish eu-west-1");
    world.publish().ends_with(0);
    world.run(&["status", "--check"]).ends_with(0);
    let deployed = world.template("eu-west-1", "demo-layer");
    assert!(
        deployed.contains(&format!("{{\"Bucket\": \"{}\", \"Key\": ", bucket(&world, "eu-west-1"))),
        "{deployed}"
    );
    assert_eq!(writes(&world.publish().ends_with(0)), 0);

    world.project.build("VERSION = 2\n").unwrap();
    world.publish().ends_with(0);
    for region in REGIONS {
        // SAM gives the new one another logical id, and the old one stays.
        assert_eq!(world.versions(region), [1, 2]);
    }
    let version = world.lambda("eu-west-1", "layers/demo/versions/2");
    assert_eq!(version["Content"]["CodeSha256"], world.project.code_sha256().unwrap());
    // The file is nobody's to change, and places in S3 are replaced as files of this machine are.
    assert_eq!(world.project.read("deploy/template.yaml").unwrap(), text);
    let zip = text.lines().find_map(|line| line.trim().strip_prefix("ContentUri: ")).unwrap();
    for (content, version) in
        [("s3://old-bucket/old.zip", 3), ("\n        Bucket: old-bucket\n        Key: old.zip", 4)]
    {
        let text = text.replace(&format!("ContentUri: {zip}"), &format!("ContentUri: {content}"));
        world.project.write("deploy/template.yaml", text).unwrap();
        world.project.build(&format!("VERSION = {version}\n")).unwrap();
        world.publish().ends_with(0);
        let found = world.lambda("eu-west-1", &format!("layers/demo/versions/{version}"));
        assert_eq!(found["Content"]["CodeSha256"], world.project.code_sha256().unwrap());
    }

    let more =
        "  F:\n    Type: AWS::Serverless::Function\n    Properties: {Role: r, CodeUri: src/}\nOutputs:";
    world.project.write("deploy/template.yaml", text.replace("Outputs:", more)).unwrap();
    let run =
        world.publish().ends_with(1).says("names other files of this machine: `src/` (`CodeUri` of `F`)");
    assert!(run.says("a layer's own template makes nothing but the layer").calls.is_empty());
}
