//! Zips that go through S3: `stage`, and `publish` with a bucket.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use serde_json::Value;
use tests::proxy::{Fault, Rule};
use tests::world::{Run, World};

const REGION: &str = "eu-west-1";

/// A layer with a bucket of its account and region, which exists unless the test wants otherwise.
fn world(bucket_in: Option<&str>) -> (World, String) {
    let world = World::new(&[REGION], &[]);
    world.configure(&format!(
        "[layers.demo.publish]\nregions = [\"{REGION}\"]\ns3-bucket = \"layers-{{account}}-{{region}}\"\n"
    ));
    let bucket = format!("layers-{}-{REGION}", world.account);
    if let Some(region) = bucket_in {
        let place = format!("LocationConstraint={region}");
        let arguments = ["s3api", "create-bucket", "--bucket", &bucket, "--region", region];
        world.aws(&[&arguments[..], &["--create-bucket-configuration", &place]].concat());
    }
    (world, bucket)
}

fn key(world: &World) -> String {
    let manifest: Value =
        serde_json::from_str(&world.project.read("target/layers/demo.json").unwrap()).unwrap();
    format!("lambda-layers/demo/{}.zip", manifest["sha256"].as_str().unwrap())
}

fn large(world: &World, bytes: usize) {
    let words = (0..bytes / 8).map(|number| format!("{number:07}\n")).collect::<String>();
    world.project.build(&words).unwrap();
}

fn code_sha256(world: &World, version: u64) -> Value {
    let number = version.to_string();
    let arguments = ["lambda", "get-layer-version", "--layer-name", "demo", "--version-number", &number];
    world.aws(&[&arguments[..], &["--region", REGION]].concat())["Content"]["CodeSha256"].clone()
}

#[test]
fn pypi_a_bucket_that_is_configured_is_used_and_the_ledger_names_the_object() {
    let (world, bucket) = world(Some(REGION));
    let run = world.publish().ends_with(0).prints(&[world.arn(REGION, 1)]);
    assert_eq!((run.count("HeadObject"), run.count("PutObject")), (1, 1));
    assert_eq!(code_sha256(&world, 1), world.project.code_sha256().unwrap());
    let ledger: Value = serde_json::from_str(&world.ledger()).unwrap();
    let content = &ledger["versions"][0]["content"];
    assert_eq!(
        (content["bucket"].as_str().unwrap(), content["key"].as_str().unwrap()),
        (bucket.as_str(), key(&world).as_str())
    );
    // The steady state does not ask S3.
    let run = world.publish().ends_with(0);
    assert_eq!(run.operations(), ["GetCallerIdentity", "GetLayerVersion", "ListLayerVersions"]);
}

#[test]
fn pypi_stage_prints_what_create_stack_needs_and_sends_once() {
    let (world, bucket) = world(Some(REGION));
    let versioning = [
        "s3api",
        "put-bucket-versioning",
        "--bucket",
        &bucket,
        "--versioning-configuration",
        "Status=Enabled",
    ];
    world.aws(&[&versioning[..], &["--region", REGION]].concat());
    let run = world.run(&["stage"]).ends_with(0);
    let lines = run.stdout.lines().collect::<Vec<_>>();
    assert_eq!(lines[..2], [format!("S3Bucket={bucket}"), format!("S3Key={}", key(&world))]);
    let version = lines[2].strip_prefix("S3ObjectVersion=").unwrap();
    let line = format!(
        "aws cloudformation create-stack --stack-name demo-layer --template-body file://demo-layer.yaml --parameters \
         ParameterKey=S3Bucket,ParameterValue={bucket} ParameterKey=S3Key,ParameterValue={} \
         ParameterKey=S3ObjectVersion,ParameterValue={version} --region {REGION}",
        key(&world)
    );
    assert_eq!(lines[3..], [line.as_str()]);
    let again = world.run(&["stage"]).ends_with(0);
    assert_eq!((again.count("HeadObject"), again.count("PutObject")), (1, 0));
    assert_eq!(again.stdout, run.stdout);

    // The line, as it stands, creates the stack.
    world
        .project
        .write(
            "demo-layer.yaml",
            "Parameters:\n  S3Bucket: {Type: String}\n  S3Key: {Type: String}\n  S3ObjectVersion: {Type: String}\n\
             Resources:\n  Layer:\n    Type: AWS::Lambda::LayerVersion\n    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n    \
             Properties:\n      LayerName: demo\n      Content: {S3Bucket: !Ref S3Bucket, S3Key: !Ref S3Key, S3ObjectVersion: !Ref S3ObjectVersion}\n",
        )
        .unwrap();
    let words = lines[3]
        .split(' ')
        .skip(1)
        .map(|word| word.replace("file://", &format!("file://{}/", world.project.folder().display())));
    let words = words.collect::<Vec<_>>();
    world.aws(&words.iter().map(String::as_str).collect::<Vec<_>>());
    world.aws(&[
        "cloudformation",
        "wait",
        "stack-create-complete",
        "--stack-name",
        "demo-layer",
        "--region",
        REGION,
    ]);
    assert_eq!(code_sha256(&world, 1), world.project.code_sha256().unwrap());
    // And what the stack has made is what `publish` finds.
    world.publish().ends_with(0).says("Unchanged eu-west-1: version 1");
}

#[test]
fn pypi_a_large_zip_goes_in_parts_and_parts_that_fail_are_sent_again() {
    let (world, _) = world(Some(REGION));
    large(&world, 60_000_000);
    world.proxy.add(Rule::times(1, Fault::Unavailable).of("UploadPart"));
    world.proxy.add(Rule::times(1, Fault::DropAnswer).of("UploadPart"));
    world.proxy.add(Rule::times(1, Fault::Throttle).of("CreateMultipartUpload"));
    let run = world.publish().ends_with(0).prints(&[world.arn(REGION, 1)]);
    assert_eq!((run.count("UploadPart"), run.count("CompleteMultipartUpload")), (8 + 2, 1));
    assert_eq!(code_sha256(&world, 1), world.project.code_sha256().unwrap());

    // Completed, and the answer lost: it is found.
    large(&world, 20_000_000);
    world.proxy.add(Rule::times(1, Fault::DropAnswer).of("CompleteMultipartUpload"));
    world.publish().ends_with(0).prints(&[world.arn(REGION, 2)]);
    assert_eq!(code_sha256(&world, 2), world.project.code_sha256().unwrap());

    // Given up: nothing stays behind.
    large(&world, 24_000_000);
    let denied = Fault::Error { status: 403, code: "AccessDenied", message: "Access Denied" };
    world.proxy.add(Rule::always(denied).of("UploadPart"));
    let run = world.publish().ends_with(1);
    assert_eq!((run.count("AbortMultipartUpload"), run.count("PublishLayerVersion")), (1, 0));
    run.says("may not be used, or belongs to somebody else").says("allow it `s3:PutObject`");
}

#[test]
fn pypi_a_lost_answer_of_put_object_is_found_again() {
    let (world, _) = world(Some(REGION));
    world.proxy.add(Rule::times(1, Fault::DropAnswer).of("PutObject"));
    world.publish().ends_with(0).prints(&[world.arn(REGION, 1)]);
    assert_eq!(code_sha256(&world, 1), world.project.code_sha256().unwrap());
}

#[test]
fn pypi_buckets_that_are_missing_elsewhere_or_forbidden_are_a_sentence_each() {
    let failed = |run: Run, sentence: String, hint: &str| {
        assert_eq!(run.count("PublishLayerVersion"), 0);
        run.ends_with(1).says(&sentence).says(hint);
    };
    let (world_without, bucket) = world(None);
    let sentence = format!("there is no bucket `{bucket}` in {REGION}");
    failed(world_without.publish(), sentence.clone(), "hint: make one there with `aws s3 mb`");
    failed(world_without.run(&["stage"]), sentence, "note: make one there");

    let (elsewhere, bucket) = world(Some("us-west-2"));
    let sentence =
        format!("bucket `{bucket}` lies in us-west-2, and a layer in {REGION} needs one in its own region");
    failed(elsewhere.publish(), sentence, "hint: make one there");

    let (forbidden, bucket) = world(Some(REGION));
    let denied = Fault::Error { status: 403, code: "AccessDenied", message: "Access Denied" };
    forbidden.proxy.add(Rule::always(denied).of("HeadObject"));
    let sentence = format!("bucket `{bucket}` may not be used, or belongs to somebody else");
    failed(forbidden.publish(), sentence, "allow it `s3:GetObject`");

    forbidden.configure(&format!("[layers.demo.publish]\nregions = [\"{REGION}\"]\n"));
    let run = forbidden.run(&["stage"]).ends_with(1).says("error: no bucket is known for layer `demo`");
    assert_eq!(run.calls.len(), 1);
}
