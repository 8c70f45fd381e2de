//! `deploy-stack` and layers that stacks make themselves: with CloudFormation, with SAM, from files of this machine.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use tests::stack::{REGION, Stacks};

const BUCKET: &str = "layers-of-the-stack";
const RETAIN: &str = "    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n";

/// A stack that makes the layer and a function on it; the content's place stands in the defaults of parameters.
fn cloudformation(key: &str, policies: &str) -> String {
    format!(
        "Parameters:\n  S3Bucket: {{Type: String, Default: {BUCKET}}}\n  S3Key: {{Type: String, Default: {key}}}\n\
         Resources:\n  Layer:\n    Type: AWS::Lambda::LayerVersion\n{policies}    Properties:\n      LayerName: demo\n      \
         Content: {{S3Bucket: !Ref S3Bucket, S3Key: !Ref S3Key}}\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      \
         Handler: index.handler\n      Runtime: python3.13\n      Role: arn:aws:iam::123456789012:role/f\n      \
         Code: {{ZipFile: 'def handler(event, context): return 1'}}\n      Layers: [!Ref Layer]\n\
         Outputs:\n  Function: {{Value: !Ref F}}\n  Version: {{Value: !Ref Layer}}\n"
    )
}

/// The key of the zip that is built now, after it was sent.
fn stage(stacks: &Stacks, content: &str) -> String {
    stacks.world.project.build(content).unwrap();
    let run = stacks.run(&["stage", "--s3-bucket", BUCKET]).ends_with(0);
    run.stdout.lines().find_map(|line| line.strip_prefix("S3Key=")).unwrap().to_owned()
}

fn output(stdout: &str, name: &str) -> String {
    stdout.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap().to_owned()
}

#[test]
fn pypi_s3_s7_s8_a_layer_and_its_function_by_cloudformation_move_to_version_2() {
    let stacks = Stacks::new();
    stacks.bucket(BUCKET, REGION);
    let first = stage(&stacks, "VERSION = 1\n");
    stacks.template("t.yaml", cloudformation(&first, RETAIN));
    let run = stacks.deploy(&["t.yaml"]).ends_with(0);
    let function = output(&run.stdout, "Function");
    assert_eq!(stacks.layers(&function), [stacks.arn(1)]);

    let second = stage(&stacks, "VERSION = 2\n");
    stacks.template("t.yaml", cloudformation(&second, RETAIN));
    let run = stacks.deploy(&["t.yaml"]).ends_with(0);
    let run = run
        .says("Parameter eu-west-1: S3Key, a layer's content: lambda-layers/demo/")
        .says("Replace eu-west-1: Layer (AWS::Lambda::LayerVersion): Content; the old one stays")
        .says("Layer eu-west-1: F: Layer its version -> the new one");
    assert_eq!(output(&run.stdout, "Version"), stacks.arn(2));
    assert_eq!(stacks.layers(&function), [stacks.arn(2)]);
    // The old one is there for whoever names it.
    assert_eq!(stacks.world.versions(REGION), [1, 2]);
}

#[test]
fn pypi_a_layer_version_that_would_be_deleted_stops_everything() {
    let stacks = Stacks::new();
    stacks.bucket(BUCKET, REGION);
    let first = stage(&stacks, "VERSION = 1\n");
    stacks.template("t.yaml", cloudformation(&first, ""));
    stacks.deploy(&["t.yaml"]).ends_with(0);
    let second = stage(&stacks, "VERSION = 2\n");
    stacks.template("t.yaml", cloudformation(&second, ""));
    let run = stacks.deploy(&["t.yaml"]).ends_with(1);
    assert_eq!((run.count("ExecuteChangeSet"), stacks.change_sets()), (0, 0));
    run.says(&format!("error: the change would delete `{}` (resource `Layer`)", stacks.arn(1)))
        .says("say so with `--allow-delete`");
    assert_eq!(stacks.world.versions(REGION), [1]);
    // Out of the template altogether: the same.
    stacks.template("u.yaml", "Resources: {T: {Type: AWS::SNS::Topic}}\n");
    stacks.deploy(&["u.yaml"]).ends_with(1).says("the change would delete");
    stacks.deploy(&["t.yaml", "--allow-delete"]).ends_with(0).says("the old one is deleted");
    assert_eq!(stacks.world.versions(REGION), [2]);
}

#[test]
fn pypi_s4_a_layer_by_sam_is_sent_from_this_machine_and_its_old_version_stays() {
    let stacks = Stacks::new();
    stacks.bucket(BUCKET, REGION);
    let template = "Transform: AWS::Serverless-2016-10-31\nResources:\n  Layer:\n    Type: AWS::Serverless::LayerVersion\n    \
                    Properties:\n      LayerName: demo\n      ContentUri: target/layers/demo.zip\n      RetentionPolicy: Retain\n\
                    Outputs:\n  Version: {Value: !Ref Layer}\n";
    stacks.template("template.yaml", template);
    stacks.template(
        "samconfig.toml",
        format!(
            "version = 0.1\n[default.deploy.parameters]\nstack_name = \"demo-stack\"\nregion = \"{REGION}\"\n\
             s3_bucket = \"{BUCKET}\"\ns3_prefix = \"demo\"\nconfirm_changeset = true\n"
        ),
    );
    let deploy = |more: &[&str]| stacks.run(&[&["deploy-stack", "template.yaml"], more].concat());
    deploy(&[])
        .ends_with(1)
        .says("error: the change set is to be confirmed, and there is no terminal to ask at")
        .says("`--no-confirm-changeset`");
    // A dry run sends nothing, and shows what a change set would do all the same.
    let run = deploy(&["--dry-run"])
        .ends_with(0)
        .says(&format!("Would stage eu-west-1: target/layers/demo.zip to s3://{BUCKET}/demo/"));
    assert_eq!((run.count("PutObject"), run.count("CreateChangeSet")), (0, 1));
    let elsewhere = deploy(&["--dry-run", "--s3-bucket", "no-such-bucket-of-demo"]).ends_with(1);
    elsewhere.says("there is no bucket `no-such-bucket-of-demo` in eu-west-1");
    let run = deploy(&["--no-confirm-changeset"])
        .ends_with(0)
        .says("Reading samconfig.toml, environment `default`");
    let run = run.says(&format!("Staged eu-west-1: target/layers/demo.zip to s3://{BUCKET}/demo/"));
    assert_eq!(output(&run.stdout, "Version"), stacks.arn(1));
    deploy(&["--no-confirm-changeset"]).ends_with(0).says("Unchanged eu-west-1");

    stacks.world.project.build("VERSION = 2\n").unwrap();
    let run = deploy(&["--no-confirm-changeset"]).ends_with(0).says("it stays in the account");
    assert_eq!(output(&run.stdout, "Version"), stacks.arn(2));
    assert_eq!(stacks.world.versions(REGION), [1, 2]);
}

#[test]
fn pypi_files_of_this_machine_are_sent_or_named() {
    let stacks = Stacks::new();
    let layer = |content: &str| {
        format!(
            "Resources:\n  Layer:\n    Type: AWS::Lambda::LayerVersion\n{RETAIN}    Properties: {{LayerName: demo, Content: {content}}}\n\
             Outputs: {{Version: {{Value: !Ref Layer}}}}\n"
        )
    };
    stacks.template("t.yaml", layer("nowhere.zip"));
    let run = stacks.deploy(&["t.yaml"]).ends_with(1);
    assert!(run.calls.is_empty());
    run.says("error: `Content` of `Layer` names `nowhere.zip`, which does not exist");
    stacks.template("t.yaml", layer("layers.toml"));
    stacks.deploy(&["t.yaml"]).ends_with(1).says("which is no zip file");

    // A folder of 300 MB, which takes no room.
    std::fs::create_dir(stacks.world.project.path("large")).unwrap();
    let file = std::fs::File::create(stacks.world.project.path("large/file")).unwrap();
    file.set_len(300_000_000).unwrap();
    stacks.template("t.yaml", layer("large"));
    let run = stacks.deploy(&["t.yaml"]).ends_with(1);
    assert!(run.calls.is_empty());
    run.says("holds more than Lambda takes: 300.0 MB of 262.1 MB");

    stacks.template("t.yaml", layer("code"));
    std::fs::create_dir(stacks.world.project.path("code")).unwrap();
    stacks.deploy(&["t.yaml"]).ends_with(1).says("the folder `code`, which is empty");
    stacks.template("code/python/demo.py", "VERSION = 1\n");
    stacks.deploy(&["t.yaml"]).ends_with(1).says("error: no bucket is known for `Content` of `Layer`");
    let run = stacks.deploy(&["t.yaml", "--s3-bucket", "no-such-bucket-here"]).ends_with(1);
    run.says("there is no bucket `no-such-bucket-here` in eu-west-1");
    stacks.bucket("elsewhere-in-oregon", "us-west-2");
    let run = stacks.deploy(&["t.yaml", "--s3-bucket", "elsewhere-in-oregon"]).ends_with(1);
    run.says("bucket `elsewhere-in-oregon` lies in us-west-2");
    stacks.bucket(BUCKET, REGION);
    let run = stacks.deploy(&["t.yaml", "--s3-bucket", BUCKET]).ends_with(0);
    assert_eq!(output(&run.stdout, "Version"), stacks.arn(1));

    stacks.template("o.yaml", "Resources: {M: {Type: AWS::Serverless::StateMachine, Properties: {Role: r, DefinitionUri: flow.json}}}\n");
    stacks.deploy(&["o.yaml"]).ends_with(1).says("`flow.json` (`DefinitionUri` of `M`)");
}

#[test]
fn pypi_code_of_functions_is_taken_from_what_sam_has_built() {
    let stacks = Stacks::new();
    stacks.publish(2);
    stacks.bucket(BUCKET, REGION);
    let template = |code: &str, version: u64| {
        format!(
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      \
             Handler: app.handler\n      Runtime: python3.13\n      Role: arn:aws:iam::123456789012:role/f\n      CodeUri: {code}\n      \
             Layers: [!Sub 'arn:aws:lambda:${{AWS::Region}}:${{AWS::AccountId}}:layer:demo:{version}']\n\
             Outputs: {{Function: {{Value: !Ref F}}}}\n"
        )
    };
    stacks.template("src/app.py", "def handler(event, context): return 1\n");
    stacks.template("template.yaml", template("src/", 1));
    let deploy = || stacks.deploy(&["template.yaml", "--s3-bucket", BUCKET]);
    deploy()
        .ends_with(1)
        .says("the code of function `F` is the folder `src/`")
        .says("hint: build it with `sam build`");
    // As `sam build` leaves it.
    stacks.template(".aws-sam/build/F/app.py", "def handler(event, context): return 1\n");
    stacks.template(".aws-sam/build/template.yaml", template("F", 1));
    let run = deploy()
        .ends_with(0)
        .says("Taking .aws-sam/build/template.yaml, what `sam build` has made of template.yaml");
    let function = output(&run.stdout, "Function");
    assert_eq!(stacks.layers(&function), [stacks.arn(1)]);
    // Bumped, and not built since.
    stacks.template("template.yaml", template("src/", 2));
    deploy().ends_with(1).says("names other layer versions than `template.yaml`").says("`sam build`");
    stacks.template(".aws-sam/build/template.yaml", template("F", 2));
    deploy().ends_with(0);
    assert_eq!(stacks.layers(&function), [stacks.arn(2)]);
}

#[test]
fn pypi_a_large_template_goes_through_s3() {
    let stacks = Stacks::new();
    let text = format!("# {}\nResources: {{T: {{Type: AWS::SNS::Topic}}}}\n", "x".repeat(60_000));
    stacks.template("t.yaml", text);
    stacks
        .deploy(&["t.yaml"])
        .ends_with(1)
        .says("no bucket is known for a template of more than 51,200 bytes");
    stacks.bucket(BUCKET, REGION);
    stacks
        .deploy(&["t.yaml", "--s3-bucket", BUCKET])
        .ends_with(0)
        .says("Staged eu-west-1: the template to s3://");
}

/// SAM's own stack with its bucket.
const MANAGED: &str = "aws-sam-cli-managed-default";

fn with_resolve_s3(stacks: &Stacks) {
    let layer = "Resources:\n  L:\n    Type: AWS::Lambda::LayerVersion\n    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n    \
                 Properties: {LayerName: demo, Content: target/layers/demo.zip}\n";
    stacks.template("template.yaml", layer);
    let config = format!(
        "[default.deploy.parameters]\nstack_name = \"demo-stack\"\nregion = \"{REGION}\"\nresolve_s3 = true\n"
    );
    stacks.template("samconfig.toml", config);
}

#[test]
fn pypi_resolve_s3_takes_the_bucket_of_sams_own_stack() {
    let stacks = Stacks::new();
    with_resolve_s3(&stacks);
    stacks.template("sam.yaml", "Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: sams-own-bucket}}}\nOutputs: {SourceBucket: {Value: !Ref B}}\n");
    stacks.run(&["deploy-stack", "sam.yaml", "--stack-name", MANAGED, "--region", REGION]).ends_with(0);
    let run = stacks.deploy(&["template.yaml"]).ends_with(0).says("s3://sams-own-bucket/lambda-layers/L/");
    assert_eq!(run.count("ExecuteChangeSet"), 1);
}

#[test]
fn pypi_resolve_s3_makes_sams_own_stack_where_there_is_none_and_sam_goes_on_with_it() {
    let stacks = Stacks::new();
    with_resolve_s3(&stacks);
    // A dry run leaves nothing behind.
    let run = stacks.deploy(&["template.yaml", "--dry-run"]).ends_with(1);
    let run = run.says(&format!(
        "`resolve_s3` asks for the bucket of the stack `{MANAGED}`, which eu-west-1 does not have"
    ));
    assert_eq!(run.says("hint: a deployment makes it").count("CreateChangeSet"), 0);

    let run = stacks.deploy(&["template.yaml"]).ends_with(0);
    assert_eq!(run.count("ExecuteChangeSet"), 2);
    run.says(&format!("Creating eu-west-1: stack `{MANAGED}`"));
    let managed =
        stacks.aws(&["cloudformation", "describe-stacks", "--stack-name", MANAGED])["Stacks"][0].clone();
    assert_eq!(managed["Tags"], serde_json::json!([{ "Key": "ManagedStackSource", "Value": "AwsSamCli" }]));
    let bucket = output_of(&managed, "SourceBucket");
    let versions = stacks.aws(&["s3api", "get-bucket-versioning", "--bucket", &bucket]);
    assert_eq!(versions["Status"], "Enabled");
    let closed = stacks.aws(&["s3api", "get-public-access-block", "--bucket", &bucket]);
    let closed = closed["PublicAccessBlockConfiguration"].as_object().unwrap().clone();
    assert!(closed.len() == 4 && closed.values().all(|value| value == true), "{closed:?}");
    let policy = stacks.aws(&["s3api", "get-bucket-policy", "--bucket", &bucket])["Policy"].to_string();
    assert!(policy.contains("aws:SecureTransport") && policy.contains("Deny"), "{policy}");
    assert_eq!(stacks.world.versions(REGION), [1]);

    // It is there now, and SAM takes it for its own.
    let run = stacks.deploy(&["template.yaml"]).ends_with(0).says("Unchanged eu-west-1");
    assert_eq!(run.count("ExecuteChangeSet"), 0);
    stacks.template("sam/template.yaml", "Transform: AWS::Serverless-2016-10-31\nResources:\n  L:\n    Type: AWS::Serverless::LayerVersion\n    Properties: {LayerName: other, ContentUri: ../target/layers/demo.zip, RetentionPolicy: Retain}\n");
    let deploy = ["deploy", "--stack-name", "by-sam", "--region", REGION, "--resolve-s3"];
    let run = stacks.world.sam("sam", &deploy).ends_with(0);
    assert!(run.stdout.contains(&bucket), "{}", run.stdout);
}

fn output_of(stack: &serde_json::Value, name: &str) -> String {
    let outputs = stack["Outputs"].as_array().unwrap();
    let found = outputs.iter().find(|output| output["OutputKey"] == name).unwrap();
    found["OutputValue"].as_str().unwrap().to_owned()
}

#[test]
fn pypi_the_starter_is_asked_for_its_key_once_and_keeps_it() {
    let stacks = Stacks::new();
    let bucket = format!("starter-{}", stacks.world.account);
    stacks.bucket(&bucket, REGION);
    let run = stacks.run(&["stage", "--s3-bucket", &bucket]).ends_with(0);
    let key = run.stdout.lines().find(|line| line.starts_with("S3Key=")).unwrap().to_owned();
    let new = ["new", "cloudformation"];
    let _ = tests::command::run(stacks.world.project.command("template-tools").args(new)).expect_code(0);
    let template = "demo-layer.yaml";
    let place = format!("S3Bucket={bucket}");
    let run = stacks.deploy(&[template, "--parameters", &place]).ends_with(1);
    assert_eq!(run.count("CreateChangeSet"), 0);
    run.says("error: the template needs a value for a parameter:\n  S3Key (String)");
    stacks.deploy(&[template, "--parameters", &place, &key]).ends_with(0);
    // What the template does not know takes nothing away.
    stacks.deploy(&[template]).ends_with(0).says("Unchanged");
    assert_eq!(format!("S3Key={}", stacks.parameter("S3Key")), key);
}
