//! S6, S8 and S10: new versions, and who has which.
//!
//! The stacks are rolled by `aws cloudformation deploy`, as somebody does who has nothing else.

use tests::world::World;

use crate::{REGION, aws, body, code_sha256, created, layers_of, output, templates};

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
    let template = body(world, "demo-function.yaml");
    let create = ["cloudformation", "create-stack", "--stack-name", "hello", "--template-body", &template];
    aws(world, &[&create[..], &["--capabilities", "CAPABILITY_IAM"]].concat());
    created(world, "hello");
    let function = output(world, "hello", "FunctionName");
    assert_eq!(layers_of(world, &function), [world.arn(REGION, 1)]);
    function
}

#[test]
fn pypi_s8_a_stack_is_rolled_to_the_bumped_template_by_the_aws_cli() {
    let world = World::new(&[REGION], &[]);
    let function = function_on_version_1(&world);
    world.project.build("VERSION = 2\n").unwrap();
    world.publish().ends_with(0);
    let bumped = templates(&world, &["bump", "demo-function.yaml"]).expect_code(0);
    assert_eq!(bumped.stdout, "demo-function.yaml\n");
    let template = world.project.path("demo-function.yaml").display().to_string();
    let deploy = ["cloudformation", "deploy", "--stack-name", "hello", "--template-file", &template];
    aws(&world, &[&deploy[..], &["--capabilities", "CAPABILITY_IAM"]].concat());
    assert_eq!(layers_of(&world, &function), [world.arn(REGION, 2)]);
    assert_eq!(world.versions(REGION), [1, 2]);
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
