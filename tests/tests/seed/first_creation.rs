//! S3 to S5: a layer that CloudFormation or SAM makes of our starters, and a function on it.
//!
//! The stacks are created as the documentation has it, by `aws cloudformation create-stack` and by
//! `sam build && sam deploy`, and by `cargo xtask deploy-stack`, which takes the same parameters and the same files.

use tests::project::LAYER;

use crate::{REGION, aws, body, code_sha256, created, layers_of, output, templates, world_with_bucket};

#[test]
fn pypi_s3_the_aws_cli_creates_the_layer_with_our_template_and_the_parameters_of_stage() {
    let (world, bucket) = world_with_bucket();
    let written = templates(&world, &["new", "cloudformation"]).expect_code(0);
    assert_eq!(written.stdout, "demo-layer.yaml\n");

    // The line that `stage` prints, as it stands; `file://` is relative to the folder that it is typed in.
    let staged = world.run(&["stage"]).ends_with(0);
    let line = staged.stdout.lines().find(|line| line.starts_with("aws ")).unwrap();
    assert!(line.contains(&format!("--parameters ParameterKey=S3Bucket,ParameterValue={bucket} ")), "{line}");
    let line = line.replace("file://demo-layer.yaml", &body(&world, "demo-layer.yaml"));
    world.aws(&line.split(' ').skip(1).collect::<Vec<_>>());
    created(&world, "demo-layer");
    assert_eq!(output(&world, "demo-layer", "LayerVersionArn"), world.arn(REGION, 1));
    assert_eq!(code_sha256(&world, 1), world.project.code_sha256().unwrap());

    // What the template says of the layer is what was built.
    let arguments = ["lambda", "get-layer-version", "--layer-name", LAYER, "--version-number", "1"];
    let version = aws(&world, &arguments);
    assert_eq!(version["CompatibleRuntimes"], serde_json::json!(["python3.12", "python3.13"]));
    assert_eq!(version["Description"], "a layer of the tests");

    // Another zip is another version, and the first one stays; so does the second when the stack goes.
    world.project.build("VERSION = 2\n").unwrap();
    let staged = world.run(&["stage"]).ends_with(0);
    let key = staged.stdout.lines().find(|line| line.starts_with("S3Key=")).unwrap();
    let key = key.replace("S3Key=", "ParameterKey=S3Key,ParameterValue=");
    let arguments = ["--stack-name", "demo-layer", "--region", REGION, "--parameters", &key];
    let run = world.xtask(&[&["deploy-stack", "demo-layer.yaml"][..], &arguments].concat()).ends_with(0);
    let run =
        run.says("Replace eu-west-1: LayerVersion (AWS::Lambda::LayerVersion): Content; the old one stays");
    assert!(run.stdout.contains(&format!("LayerVersionArn={}", world.arn(REGION, 2))), "{}", run.stdout);
    assert_eq!(output(&world, "demo-layer", "LayerVersionArn"), world.arn(REGION, 2));
    assert_eq!(code_sha256(&world, 2), world.project.code_sha256().unwrap());
    aws(&world, &["cloudformation", "delete-stack", "--stack-name", "demo-layer"]);
    aws(&world, &["cloudformation", "wait", "stack-delete-complete", "--stack-name", "demo-layer"]);
    assert_eq!(world.versions(REGION), [1, 2]);
}

/// The words of the documentation's `create-stack`, with our tool: nothing of it has to be typed differently.
#[test]
fn pypi_s3_deploy_stack_creates_the_layer_with_the_parameters_of_create_stack() {
    let (world, _) = world_with_bucket();
    let _ = templates(&world, &["new", "cloudformation"]).expect_code(0);
    let staged = world.run(&["stage"]).ends_with(0);
    let line = staged.stdout.lines().find(|line| line.starts_with("aws ")).unwrap();
    let (_, parameters) = line.split_once("--parameters ").unwrap();
    let parameters = parameters.split(' ').take_while(|word| !word.starts_with("--"));
    let head = ["deploy-stack", "demo-layer.yaml", "--stack-name", "demo-layer", "--region", REGION];
    let arguments = head.into_iter().chain(["--parameters"]).chain(parameters).collect::<Vec<_>>();
    let run =
        world.xtask(&arguments).ends_with(0).says("Add eu-west-1: LayerVersion (AWS::Lambda::LayerVersion)");
    assert!(run.stdout.contains(&format!("LayerVersionArn={}", world.arn(REGION, 1))), "{}", run.stdout);
    assert_eq!(output(&world, "demo-layer", "LayerVersionArn"), world.arn(REGION, 1));
    assert_eq!(code_sha256(&world, 1), world.project.code_sha256().unwrap());
    // The same zip again is no version, and no failure.
    world.xtask(&arguments).ends_with(0).says("Unchanged eu-west-1: stack `demo-layer`");
    assert_eq!(world.versions(REGION), [1]);
}

/// The two files of SAM, and its CLI replaced: the stack, its bucket and its prefix are those of `samconfig.toml`.
#[test]
fn pypi_s4_deploy_stack_creates_the_layer_with_the_two_files_of_sam() {
    let (world, _) = world_with_bucket();
    let _ = templates(&world, &["new", "sam"]).expect_code(0);
    for version in [1, 2] {
        world.project.build(&format!("VERSION = {version}\n")).unwrap();
        let run = world.xtask(&["deploy-stack", "template.yaml", "--region", REGION]).ends_with(0);
        run.says("Reading samconfig.toml, environment `default`").says("/demo-layer/");
        assert_eq!(output(&world, "demo-layer", "LayerVersionArn"), world.arn(REGION, version));
        assert_eq!(code_sha256(&world, version), world.project.code_sha256().unwrap());
    }
    assert_eq!(world.versions(REGION), [1, 2]);
}

#[test]
fn pypi_s4_sam_build_and_sam_deploy_create_the_layer_with_our_two_files() {
    let (world, _) = world_with_bucket();
    let written = templates(&world, &["new", "sam", "--dir", "deploy"]).expect_code(0);
    assert_eq!(written.stdout, "deploy/template.yaml\ndeploy/samconfig.toml\n");
    let deploy = || {
        world.sam("deploy", &["build"]).ends_with(0);
        world.sam("deploy", &["deploy"]).ends_with(0)
    };
    deploy();
    assert_eq!(output(&world, "demo-layer", "LayerVersionArn"), world.arn(REGION, 1));
    assert_eq!(code_sha256(&world, 1), world.project.code_sha256().unwrap());
    let first = code_sha256(&world, 1);

    world.project.build("VERSION = 2\n").unwrap();
    deploy();
    assert_eq!(output(&world, "demo-layer", "LayerVersionArn"), world.arn(REGION, 2));
    assert_eq!(code_sha256(&world, 2), world.project.code_sha256().unwrap());
    assert_eq!(code_sha256(&world, 1), first);

    // The same zip again is no version, and no failure.
    deploy();
    assert_eq!(world.versions(REGION), [1, 2]);
}

/// The snippet of the documentation, with its mistake.
const SEED: &str = "Resources:
  MyLambdaLayer:
    Type: AWS::Lambda::LayerVersion
    Properties:
      ContentUri: my_sosw_layer.zip
      CompatibleRuntimes:
        - python3.11

  MyLambdaFunction:
    Type: AWS::Lambda::Function
    Properties:
      Code:
        S3Bucket: my_bucket
        S3Key: my_function.zip
      Handler: app.lambda_handler
      Runtime: python3.11
      Layers:
        - !Ref MyLambdaLayer
";

#[test]
fn pypi_s5_our_snippet_connects_a_layer_and_the_wrong_one_is_found() {
    let (world, bucket) = world_with_bucket();
    world.project.write("seed.yaml", SEED).unwrap();
    let found = templates(&world, &["lint", "seed.yaml"]).expect_code(1).stdout;
    assert!(found.contains("seed.yaml:5:7: error[content-uri-on-layer-version]"), "{found}");

    let _ = templates(&world, &["new", "function"]).expect_code(0);
    let linted = templates(&world, &["lint", "demo-snippet.yaml", "demo-function.yaml"]).expect_code(0);
    assert_eq!(linted.stdout, "");
    let staged = world.run(&["stage"]).ends_with(0);
    let key = staged.stdout.lines().find_map(|line| line.strip_prefix("S3Key=")).unwrap();
    let parameters = [
        format!("ParameterKey=S3Bucket,ParameterValue={bucket}"),
        format!("ParameterKey=S3Key,ParameterValue={key}"),
    ];
    let template = body(&world, "demo-snippet.yaml");
    let create = ["cloudformation", "create-stack", "--stack-name", "snippet", "--template-body", &template];
    let more = ["--capabilities", "CAPABILITY_IAM", "--parameters", &parameters[0], &parameters[1]];
    aws(&world, &[&create[..], &more].concat());
    created(&world, "snippet");
    let resource = ["--stack-name", "snippet", "--logical-resource-id", "MyLambdaFunction"];
    let described = aws(&world, &[&["cloudformation", "describe-stack-resource"][..], &resource].concat());
    let function = described["StackResourceDetail"]["PhysicalResourceId"].as_str().unwrap();
    assert_eq!(layers_of(&world, function), [world.arn(REGION, 1)]);
    assert_eq!(code_sha256(&world, 1), world.project.code_sha256().unwrap());
}
