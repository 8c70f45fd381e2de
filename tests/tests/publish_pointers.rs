//! Pointers: the parameters of Systems Manager that templates read, as the AWS CLI sees them.

use serde_json::json;
use tests::proxy::{Fault, Rule};
use tests::world::{Run, World, local_aws};

fn world(parameter: &str) -> World {
    let world = World::new(&["eu-west-1", "us-east-1"], &[]);
    world.configure(&format!(
        "[layers.demo.publish]\nregions = [\"eu-west-1\", \"us-east-1\"]\nssm-parameter = \"{parameter}\"\n"
    ));
    world
}

fn value(world: &World, region: &str) -> String {
    let arguments = ["ssm", "get-parameters", "--names", "lambda-layer-demo-latest", "--region", region];
    let answer = world.aws(&arguments);
    answer["Parameters"][0]["Value"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn pypi_a_pointer_moves_when_all_required_regions_are_verified_and_not_before() {
    let world = world("lambda-layer-demo-latest");
    world.publish().ends_with(0).says("Pointed us-east-1: `lambda-layer-demo-latest` to version 1");
    assert_eq!(value(&world, "eu-west-1"), world.arn("eu-west-1", 1));
    assert_eq!(value(&world, "us-east-1"), world.arn("us-east-1", 1));
    // The steady state reads each once, and writes none.
    let run = world.publish().ends_with(0);
    assert_eq!((run.count("GetParameter"), run.count("PutParameter"), run.calls.len()), (2, 0, 7));

    // One region is not there yet: all pointers stay.
    world.project.build("VERSION = 2\n").unwrap_or_default();
    world.proxy.add(Rule::always(Fault::Refuse).in_region("us-east-1"));
    let run =
        world.publish().ends_with(3).says("warning: parameter `lambda-layer-demo-latest` stays as it is");
    assert_eq!(run.count("PutParameter"), 0);
    assert_eq!(value(&world, "eu-west-1"), world.arn("eu-west-1", 1));
    world.proxy.heal();
    let dry = world.run(&["publish", "--dry-run", "--format", "json"]).ends_with(0);
    assert_eq!(dry.json()["regions"][0]["pointer"], json!("stale"));
    let run = world.run(&["publish", "--format", "json"]).ends_with(0);
    assert_eq!(run.json()["regions"][1]["pointer"], json!("moved"));
    assert_eq!(value(&world, "eu-west-1"), world.arn("eu-west-1", 2));
    assert_eq!(value(&world, "us-east-1"), world.arn("us-east-1", 2));
}

#[test]
fn pypi_a_parameter_is_asked_for_again_where_half_an_answer_came() {
    let world = world("lambda-layer-demo-latest");
    world.publish().ends_with(0);
    world.proxy.add(Rule::times(1, Fault::Truncate).of("GetParameter").in_region("us-east-1"));
    let run = world.publish().ends_with(0);
    assert_eq!((run.count("GetParameter"), run.count("PutParameter")), (3, 0));
}

/// The variables that the SDK's own clients go by.
#[test]
fn pypi_systems_manager_may_be_asked_elsewhere() {
    let world = world("lambda-layer-demo-latest");
    world.proxy.take_calls();
    let mut command = world.command(&["publish"]);
    command.env("AWS_ENDPOINT_URL_SSM", local_aws().url());
    let run = Run::new(command.output().unwrap(), world.proxy.take_calls()).ends_with(0);
    assert_eq!(
        (run.count("PublishLayerVersion"), run.count("GetParameter"), run.count("PutParameter")),
        (2, 0, 0)
    );
    assert_eq!(value(&world, "eu-west-1"), world.arn("eu-west-1", 1));
}

#[test]
fn pypi_a_pointer_that_cannot_be_moved_is_a_failure_and_moves_the_next_time() {
    let world = world("lambda-layer-demo-latest");
    let denied = Fault::Error { status: 400, code: "AccessDeniedException", message: "not authorized" };
    world.proxy.add(Rule::always(denied).of("PutParameter").in_region("us-east-1"));
    let run = world.publish().ends_with(3).says("allow it `ssm:PutParameter`");
    run.says("Failed us-east-1: parameter `lambda-layer-demo-latest` is not right: not authorized");
    world.proxy.heal();
    let run = world.publish().ends_with(0);
    assert_eq!((run.count("PublishLayerVersion"), run.count("PutParameter")), (0, 1));
    assert_eq!(value(&world, "us-east-1"), world.arn("us-east-1", 1));
}

#[test]
fn pypi_a_pointer_for_one_architecture_needs_a_layer_for_one() {
    let world = world("latest-{architecture}");
    let run = world.publish().ends_with(1).says("error: artifact `demo` can have no pointer");
    run.says("names `{architecture}`, and the layer is for x86_64 and arm64").says("hint: split the layer");
}
