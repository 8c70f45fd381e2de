//! Every row of what the tool replaces, S1 to S10, each from its beginning to its end: with the real binaries, the AWS CLI
//! and the SAM CLI, against the local AWS.
//!
//! | row | what |
//! | --- | --- |
//! | S1 | install sosw and its companions, or a branch of it |
//! | S2 | pack them into a zip, and load it to S3 |
//! | S3, S4 | create the layer with CloudFormation, with SAM |
//! | S5 | connect it to a function |
//! | S6 | publish a new version |
//! | S7, S8 | bring templates to it, and the stacks |
//! | S9 | replace placeholders in all templates |
//! | S10 | versions are snapshots, which functions name exactly |

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

mod build;
mod first_creation;
mod templates;
mod versions;

use serde_json::Value;
use tests::command::{Outcome, run};
use tests::project::LAYER;
use tests::world::World;

const REGION: &str = "eu-west-1";

/// A layer whose zips go to a bucket of its account and region, which is there.
fn world_with_bucket() -> (World, String) {
    let world = World::new(&[REGION], &[]);
    world.configure(&format!(
        "[layers.{LAYER}.publish]\nregions = [\"{REGION}\"]\ns3-bucket = \"layers-{{account}}-{{region}}\"\n"
    ));
    let bucket = format!("layers-{}-{REGION}", world.account);
    let place = format!("LocationConstraint={REGION}");
    aws(&world, &["s3api", "create-bucket", "--bucket", &bucket, "--create-bucket-configuration", &place]);
    (world, bucket)
}

/// What the AWS CLI says in the one region.
fn aws(world: &World, arguments: &[&str]) -> Value {
    world.aws(&[arguments, &["--region", REGION]].concat())
}

/// The template tools in the project's folder.
fn templates(world: &World, arguments: &[&str]) -> Outcome {
    run(world.project.command("template-tools").args(arguments))
}

/// `file://` and a file of the project, as the AWS CLI takes a template.
fn body(world: &World, name: &str) -> String {
    format!("file://{}", world.project.path(name).display())
}

/// Waits for a stack that is being created.
fn created(world: &World, stack: &str) {
    aws(world, &["cloudformation", "wait", "stack-create-complete", "--stack-name", stack]);
}

/// The outputs of a stack, by key.
fn output(world: &World, stack: &str, key: &str) -> String {
    let described = aws(world, &["cloudformation", "describe-stacks", "--stack-name", stack]);
    let outputs = described["Stacks"][0]["Outputs"].as_array().unwrap().clone();
    let found = outputs.into_iter().find(|output| output["OutputKey"] == key);
    found.unwrap()["OutputValue"].as_str().unwrap().to_owned()
}

/// The layers that a function has, by ARN.
fn layers_of(world: &World, function: &str) -> Vec<String> {
    let described = aws(world, &["lambda", "get-function-configuration", "--function-name", function]);
    let layers = described["Layers"].as_array().unwrap().iter();
    layers.map(|layer| layer["Arn"].as_str().unwrap().to_owned()).collect()
}

/// CodeSha256 of a version.
fn code_sha256(world: &World, version: u64) -> String {
    let number = version.to_string();
    let arguments = ["lambda", "get-layer-version", "--layer-name", LAYER, "--version-number", &number];
    aws(world, &arguments)["Content"]["CodeSha256"].as_str().unwrap().to_owned()
}
