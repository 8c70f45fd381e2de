//! S6, S8 and S10: new versions, and who has which.
//!
//! The stacks are rolled by `cargo xtask deploy-stack` and `roll-out`; the AWS CLI tells what came of it.

use tests::world::World;

use crate::{REGION, aws, code_sha256, layers_of, output, templates};

#[test]
fn pypi_s6_publish_makes_the_next_version_where_the_content_is_new() {
    let world = World::new(&[REGION], &[]);
    world.xtask(&["publish"]).ends_with(0).prints(&[world.arn(REGION, 1)]);
    world.project.build("VERSION = 2\n").unwrap();
    world.xtask(&["publish"]).ends_with(0).prints(&[world.arn(REGION, 2)]);
    let again = world.xtask(&["publish"]).ends_with(0).prints(&[world.arn(REGION, 2)]);
    assert_eq!(again.count("PublishLayerVersion"), 0);
    assert_eq!(world.versions(REGION), [1, 2]);
    assert_eq!(code_sha256(&world, 2), world.project.code_sha256().unwrap());
}

/// A published version, and a stack of our function template on it. Gives the function's name.
fn function_on_version_1(world: &World) -> String {
    world.publish().ends_with(0).prints(&[world.arn(REGION, 1)]);
    let _ = templates(world, &["new", "function"]).expect_code(0);
    let deploy = ["deploy-stack", "demo-function.yaml", "--stack-name", "hello", "--region", REGION];
    world.xtask(&[&deploy[..], &["--capabilities", "CAPABILITY_IAM"]].concat()).ends_with(0);
    let function = output(world, "hello", "FunctionName");
    assert_eq!(layers_of(world, &function), [world.arn(REGION, 1)]);
    function
}

#[test]
fn pypi_s8_a_stack_is_rolled_to_the_bumped_template_by_deploy_stack() {
    let world = World::new(&[REGION], &[]);
    let function = function_on_version_1(&world);
    world.project.build("VERSION = 2\n").unwrap();
    world.publish().ends_with(0);
    let bumped = world.xtask(&["bump-templates", "demo-function.yaml"]).ends_with(0);
    assert_eq!(bumped.stdout, "demo-function.yaml\n");
    let deploy = ["deploy-stack", "demo-function.yaml", "--stack-name", "hello", "--region", REGION];
    let deploy = [&deploy[..], &["--capabilities", "CAPABILITY_IAM"]].concat();
    // What will change is shown before it does.
    let shown = world.xtask(&[&deploy[..], &["--dry-run"]].concat()).ends_with(0).says(": demo 1 -> 2");
    assert_eq!(
        (shown.count("ExecuteChangeSet"), layers_of(&world, &function)),
        (0, vec![world.arn(REGION, 1)])
    );
    world.xtask(&deploy).ends_with(0).says(": demo 1 -> 2");
    assert_eq!(layers_of(&world, &function), [world.arn(REGION, 2)]);
    assert_eq!(world.versions(REGION), [1, 2]);
}

#[test]
fn pypi_s8_many_stacks_are_rolled_out_with_the_layer_alone() {
    let world = World::new(&[REGION], &[]);
    let function = function_on_version_1(&world);
    world.project.build("VERSION = 2\n").unwrap();
    world.publish().ends_with(0);
    // The template on this machine was never bumped.
    let run = world.xtask(&["roll-out"]).ends_with(0).says(": demo 1 -> 2");
    assert!(run.stdout.contains("hello"), "{}", run.stdout);
    assert_eq!(layers_of(&world, &function), [world.arn(REGION, 2)]);
}

#[test]
fn pypi_s10_a_version_never_changes_and_a_function_keeps_the_one_that_it_names() {
    let world = World::new(&[REGION], &[]);
    let first = world.project.code_sha256().unwrap();
    let function = function_on_version_1(&world);
    world.project.build("VERSION = 2\n").unwrap();
    world.publish().ends_with(0).prints(&[world.arn(REGION, 2)]);
    assert_eq!(
        (code_sha256(&world, 1), code_sha256(&world, 2)),
        (first, world.project.code_sha256().unwrap())
    );
    assert_eq!(layers_of(&world, &function), [world.arn(REGION, 1)]);

    // The number of a version that is gone is not given to another one.
    let gone = ["lambda", "delete-layer-version", "--layer-name", "demo", "--version-number", "2"];
    aws(&world, &gone);
    world.project.build("VERSION = 3\n").unwrap();
    world.publish().ends_with(0).prints(&[world.arn(REGION, 3)]);
    assert_eq!(world.versions(REGION), [1, 3]);
    // The ledger names the one that is current, exactly.
    assert!(
        world.ledger().contains(&world.arn(REGION, 3)) && !world.ledger().contains(&world.arn(REGION, 1))
    );
}
