//! `layer-builder inspect --diff` against versions of the ledger.

use serde_json::{Value, json};
use tests::server::Answer;
use tests::wheels::{TestWheel, file, wheel};

use crate::world::World;

fn alpha(version: &str, text: &str) -> Vec<TestWheel> {
    vec![
        wheel("alpha", version, &[file("alpha/__init__.py", text), file("alpha/same.py", "same")]),
        wheel("beta", "2", &[file("beta.py", "")]),
    ]
}

fn arn(region: &str, version: u64) -> String {
    format!("arn:aws:lambda:{region}:123456789012:layer:small:{version}")
}

fn row(region: &str, version: u64, code_sha256: &Value) -> Value {
    json!({
        "layer_name": "small", "partition": "aws", "account": "123456789012", "region": region, "version": version,
        "layer_version_arn": arn(region, version), "code_sha256": code_sha256, "size": 1000, "compatible_runtimes": [],
        "compatible_architectures": [], "content": null, "verified": true, "target": null,
    })
}

fn write_ledger(world: &World, rows: &[Value]) {
    let ledger = json!({ "schema": 1, "versions": rows });
    std::fs::write(world.path("layer-versions.json"), ledger.to_string()).unwrap();
}

fn code_sha256(world: &World) -> Value {
    let manifest = std::fs::read(world.path("target/layers/small.json")).unwrap();
    serde_json::from_slice::<Value>(&manifest).unwrap()["code_sha256"].clone()
}

/// A layer that is built, and whose older content is version 3 in two regions; gives the old zip and its hash in hex.
fn world() -> (World, Vec<u8>, String) {
    let world = World::new(&alpha("1.0", "x = 1\n"));
    let _ = world.run(&["build"]).expect_code(0);
    let old = std::fs::read(world.zip()).unwrap();
    let hash = code_sha256(&world);
    write_ledger(&world, &[row("us-west-2", 3, &hash), row("eu-west-1", 3, &hash)]);
    let newer = alpha("1.1", "x = 2\n");
    for wheel in &newer {
        world.server.answer(&format!("/{}", wheel.file_name), Answer::File(wheel.bytes.clone()));
    }
    world.write_project(&newer, |wheel| world.server.url(&format!("/{}", wheel.file_name)));
    let _ = world.run(&["build"]).expect_code(0);
    let hex = tests::wheels::sha256(&old);
    (world, old, hex)
}

const CHANGES: &str = "alpha 1.0 -> 1.1, 3 files\n";

#[test]
fn what_was_published_is_compared_with_what_is_built() {
    let (world, old, _) = world();
    std::fs::write(world.path("old.zip"), old).unwrap();
    let by_file = world.run(&["inspect", "small", "--diff", "old.zip"]).expect_code(0).stdout;
    assert!(by_file.starts_with(CHANGES), "{by_file}");
    let arn = arn("us-west-2", 3);
    for version in ["ledger", "small:3", &arn] {
        for subject in ["small", "target/layers/small.zip"] {
            let outcome = world.run(&["inspect", subject, "--diff", version]).expect_code(0);
            assert_eq!(outcome.stdout, by_file, "{version}");
            let regions = if version == arn { "us-west-2" } else { "eu-west-1 and us-west-2" };
            let said = format!("Comparing with small:3 in {regions}, from what this machine once built");
            assert!(outcome.stderr.contains(&said), "{}", outcome.stderr);
        }
    }
    let json = world.run(&["inspect", "small", "--diff", "ledger", "--format", "json"]).expect_code(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["changes"][0], json!({ "name": "alpha", "before": "1.0", "after": "1.1", "files": 3 }));
    // What is built is what was published, and lies where it was built.
    write_ledger(&world, &[row("us-west-2", 4, &code_sha256(&world))]);
    let outcome = world.run(&["inspect", "small", "--diff", "ledger"]).expect_code(0);
    assert_eq!(outcome.stdout, "no difference: both zips are equal to the byte\n");
    assert!(outcome.stderr.contains("from target/layers/small.zip"), "{}", outcome.stderr);
}

#[test]
fn content_that_is_not_here_can_be_had() {
    let (world, old, hex) = world();
    std::fs::remove_dir_all(world.path("cache/listings-1")).unwrap();
    let outcome = world.run(&["inspect", "small", "--diff", "small:3"]).expect_code(1);
    let place = format!("target/layers/published/{hex}.zip");
    let arn = arn("us-west-2", 3);
    for part in [
        "error: found nothing on this machine with the CodeSha256 of `small:3`".to_owned(),
        format!(
            "curl -f --create-dirs -o {place} \"$(aws lambda get-layer-version-by-arn --arn {arn} --region us-west-2 \
             --query Content.Location --output text)\""
        ),
    ] {
        assert!(outcome.stderr.contains(&part), "expected `{part}` in\n{}", outcome.stderr);
    }
    // Something else under that name is not believed.
    std::fs::create_dir_all(world.path("target/layers/published")).unwrap();
    std::fs::copy(world.zip(), world.path(&place)).unwrap();
    let _ = world.run(&["inspect", "small", "--diff", "small:3"]).expect_code(1);
    std::fs::write(world.path(&place), old).unwrap();
    let outcome = world.run(&["inspect", "small", "--diff", "small:3"]).expect_code(0);
    assert!(outcome.stdout.starts_with(CHANGES), "{}", outcome.stdout);
    assert!(outcome.stderr.contains(&format!("from {place}")), "{}", outcome.stderr);
}

#[test]
fn contents_that_differ_have_to_be_named() {
    let (world, old, _) = world();
    let new = code_sha256(&world);
    let first = row("us-west-2", 3, &json!(base64_of(&old)));
    write_ledger(&world, &[first, row("eu-west-1", 5, &new)]);
    let outcome = world.run(&["inspect", "small", "--diff", "ledger"]).expect_code(1);
    for part in [
        "the ledger names different contents of `small`:\n".to_owned(),
        format!("small:3 in us-west-2: {}", base64_of(&old)),
        format!("small:5 in eu-west-1: {}", new.as_str().unwrap()),
        format!("hint: name one of them, as in `--diff {}`", arn("us-west-2", 3)),
    ] {
        assert!(outcome.stderr.contains(&part), "expected `{part}` in\n{}", outcome.stderr);
    }
    let diff = |version: &str| world.run(&["inspect", "small", "--diff", version]).expect_code(0).stdout;
    assert!(diff("small:3").starts_with(CHANGES));
    assert!(diff(&arn("eu-west-1", 5)).starts_with("no difference"));
}

fn base64_of(bytes: &[u8]) -> String {
    layer_builder::hash::Sha256::of(bytes).base64()
}

#[test]
fn what_the_ledger_does_not_tell_is_said() {
    let (world, ..) = world();
    let refused = |version: &str, expected: &str| {
        let outcome = world.run(&["inspect", "small", "--diff", version]).expect_code(1);
        assert!(outcome.stderr.contains(expected), "expected `{expected}` in\n{}", outcome.stderr);
    };
    refused("small:4", "the ledger does not name `small:4`; it names `small:3`");
    refused("other:1", "the ledger does not name `other:1`; it names `small:3`");
    refused("arn:aws:lambda:x", "does not name `arn:aws:lambda:x`; it names `small:3`");
    write_ledger(&world, &[row("us-west-2", 3, &Value::Null)]);
    refused("small:3", "the ledger does not say what `small:3` holds");
    std::fs::write(world.path("layer-versions.json"), r#"{"schema": 2, "versions": []}"#).unwrap();
    refused("ledger", "layer-versions.json` has schema 2; this builder knows 1");
    std::fs::write(world.path("layer-versions.json"), "<<<<<<< HEAD").unwrap();
    refused("ledger", "layer-versions.json` is no ledger");
    std::fs::remove_file(world.path("layer-versions.json")).unwrap();
    refused("ledger", "failed to read the ledger");
    // A zip of somebody else's belongs to no layer.
    std::fs::copy(world.zip(), world.path("other.zip")).unwrap();
    let outcome = world.run(&["inspect", "other.zip", "--diff", "ledger"]).expect_code(1);
    assert!(outcome.stderr.contains("nothing says which layer `other.zip` is"), "{}", outcome.stderr);
    // A file of such a name is a file.
    std::fs::copy(world.zip(), world.path("ledger")).unwrap();
    let diff = world.run(&["inspect", "small", "--diff", "ledger"]).expect_code(0).stdout;
    assert!(diff.starts_with("no difference"), "{diff}");
}

#[test]
fn a_layer_goes_by_its_name_at_aws_too() {
    let (world, ..) = world();
    world.add_to_table("layer-name = \"small-at-aws\"\n");
    let _ = world.run(&["build"]).expect_code(0);
    let mut row = row("us-west-2", 3, &code_sha256(&world));
    row["layer_name"] = "small-at-aws".into();
    write_ledger(&world, &[row]);
    for version in ["ledger", "small:3", "small-at-aws:3"] {
        let outcome = world.run(&["inspect", "small", "--diff", version]).expect_code(0);
        assert!(outcome.stdout.starts_with("no difference"), "{}", outcome.stdout);
    }
}
