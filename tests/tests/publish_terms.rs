//! `publish --check`, `--republish-metadata` and `--reuse-older` against a local AWS, call by call.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use serde_json::{Value, json};
use tests::world::World;

fn entries(world: &World) -> Vec<Value> {
    let ledger: Value = serde_json::from_str(&world.ledger()).unwrap();
    ledger["versions"].as_array().unwrap().clone()
}

/// Another manifest of the same zip.
fn describe(world: &World, key: &str, value: &Value) {
    let path = "target/layers/demo.json";
    let mut manifest: Value = serde_json::from_str(&world.project.read(path).unwrap()).unwrap();
    manifest[key] = value.clone();
    world.project.write(path, manifest.to_string()).unwrap();
}

#[test]
fn pypi_check_fails_while_there_is_something_to_do_and_writes_nothing() {
    let world = World::new(&["eu-west-1", "us-east-1"], &[]);
    world.configure(
        "[layers.demo.publish]\nregions = [\"eu-west-1\", \"us-east-1\"]\nssm-parameter = \"latest\"\n\
         permissions = { organization = \"o-a1b2c3d4e5\" }\n",
    );
    let check = || world.run(&["publish", "--check"]);
    let run = check().ends_with(1).says("Would publish eu-west-1: as the first version").prints(&[]);
    assert!(run.calls.iter().all(|call| !call.operation.writes()), "{:?}", run.calls);
    assert_eq!(world.ledger(), "");
    world.publish().ends_with(0);
    let ledger = world.ledger();
    let run = check().ends_with(0).says("Finished 2 unchanged");
    assert_eq!(run.count("ListLayerVersions"), 2);
    assert_eq!(run.count("GetLayerVersion"), 2);

    // Each thing that could be missing is something to do: a row of the ledger, a permission, a pointer.
    let lost = ledger.replace("\"verified\": true", "\"verified\": false");
    world.project.write("layer-versions.json", &lost).unwrap();
    check().ends_with(1).says("Would record us-east-1: version 1 in `layer-versions.json`");
    assert_eq!(world.ledger(), lost);
    world.project.write("layer-versions.json", &ledger).unwrap();
    let remove =
        ["lambda", "remove-layer-version-permission", "--layer-name", "demo", "--version-number", "1"];
    let statement = ["--statement-id", "organization-o-a1b2c3d4e5", "--region", "us-east-1"];
    world.aws(&[&remove[..], &statement].concat());
    check().ends_with(1).says("Would share us-east-1: with organization o-a1b2c3d4e5");
    world.publish().ends_with(0);
    let move_away = ["ssm", "put-parameter", "--name", "latest", "--value", "x", "--overwrite"];
    world.aws(&[&move_away[..], &["--region", "eu-west-1"]].concat());
    let run = world.run(&["publish", "--check", "--format", "json"]).ends_with(1);
    assert_eq!(run.json()["regions"][0]["pointer"], json!("stale"));
    assert_eq!(run.json()["exit_code"], json!(1));
    world.run(&["publish", "--check", "--dry-run"]).ends_with(2);
}

#[test]
fn pypi_metadata_is_published_again_only_if_asked_for_and_only_once() {
    let world = World::new(&["eu-west-1"], &[]);
    world.publish().ends_with(0);
    describe(&world, "description", &json!("another text"));
    let run = world.publish().ends_with(0);
    assert_eq!(run.count("PublishLayerVersion"), 0);
    run.says("note: eu-west-1: version 1: its description is `a layer of the tests`, and not `another text`");
    assert_eq!(entries(&world)[0]["verified"], json!(true));
    describe(&world, "compatible_runtimes", &json!(["python3.13"]));
    let run = world.publish().ends_with(0);
    assert_eq!(run.count("PublishLayerVersion"), 0);
    run.says("warning: eu-west-1: version 1 is not as it was built: its runtimes are python3.12, python3.13");

    let republish = ["publish", "--republish-metadata"];
    world
        .run(&[&republish[..], &["--dry-run"]].concat())
        .ends_with(0)
        .says("publish eu-west-1: as version 2");
    world.run(&republish).ends_with(0).prints(&[world.arn("eu-west-1", 2)]);
    let there = ["lambda", "get-layer-version", "--layer-name", "demo", "--version-number", "2"];
    let there = world.aws(&[&there[..], &["--region", "eu-west-1"]].concat());
    assert_eq!(there["CompatibleRuntimes"], json!(["python3.13"]));
    assert!(there["Description"].as_str().unwrap().starts_with("another text [sha256:"));
    // The steady state: no further version, and the two of them are not taken for a duplicate.
    for arguments in [&republish[..], &["publish"]] {
        let run = world.run(arguments).ends_with(0).says("Unchanged eu-west-1: version 2");
        assert_eq!(run.operations(), ["GetCallerIdentity", "GetLayerVersion", "ListLayerVersions"]);
        assert!(!run.stderr.contains("same content"), "{}", run.stderr);
    }
}

#[test]
fn pypi_an_older_version_with_the_content_is_used_again_and_proved() {
    let world = World::new(&["eu-west-1", "us-east-1"], &[]);
    world.publish().ends_with(0);
    world.project.build("VERSION = 2\n").unwrap();
    world.publish().ends_with(0);
    world.project.build("VERSION = 1\n").unwrap();
    let reuse = ["publish", "--reuse-older"];
    let dry = world.run(&[&reuse[..], &["--dry-run"]].concat()).ends_with(0);
    dry.says("Would use eu-west-1: version 1").says("Would withdraw us-east-1: version 2");
    let arns = [world.arn("eu-west-1", 1), world.arn("us-east-1", 1)];
    let run = world.run(&reuse).ends_with(0).prints(&arns);
    assert_eq!((run.count("PublishLayerVersion"), run.count("GetLayerVersion")), (0, 4));
    run.says("Current eu-west-1: version 1, which has this content").says("2 current again");
    for entry in entries(&world) {
        assert_eq!(entry["version"], json!(1));
        assert_eq!(entry["verified"], json!(true));
        let why = "replaced by version 1, which has the content that was published last";
        assert_eq!(entry["withdrawn"], json!({ "2": why }));
    }
    // With the flag and without it is the steady state now.
    for arguments in [&reuse[..], &["publish"], &["publish", "--check"]] {
        let run = world.run(arguments).ends_with(0);
        assert_eq!((run.count("PublishLayerVersion"), run.calls.len()), (0, 5));
    }
    // And back again, as branches come and go.
    world.project.build("VERSION = 2\n").unwrap();
    world.publish().ends_with(1).says("this content was withdrawn as version 2: replaced by version 1");
    let run = world.run(&reuse).ends_with(0).prints(&[world.arn("eu-west-1", 2), world.arn("us-east-1", 2)]);
    assert_eq!(run.count("PublishLayerVersion"), 0);
    assert!(entries(&world)[0].get("withdrawn").is_none());
    assert_eq!(world.versions("eu-west-1"), [1, 2]);
}
