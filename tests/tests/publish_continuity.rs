//! The same number in every region: predicted, required, and made so with copies of what is really older.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use serde_json::{Value, json};
use tests::proxy::{Fault, Rule};
use tests::world::World;

const REGIONS: [&str; 3] = ["eu-west-1", "us-east-1", "ap-south-1"];

/// Three versions in Europe, one in America, none in Asia; and a fourth content that is built.
fn drifted() -> World {
    let world = World::new(&REGIONS, &[]);
    world.run(&["publish", "--region", "eu-west-1,us-east-1"]).ends_with(0);
    for number in [2, 3] {
        world.project.build(&format!("VERSION = {number}\n")).unwrap();
        world.run(&["publish", "--region", "eu-west-1"]).ends_with(0);
    }
    world.project.build("VERSION = 4\n").unwrap();
    world
}

fn writes(calls: &[tests::proxy::Call]) -> usize {
    calls.iter().filter(|call| call.service == "lambda" && call.operation.writes()).count()
}

/// CodeSha256 of every version of a region, oldest first.
fn contents(world: &World, region: &str) -> Vec<Value> {
    let listed = world.lambda(region, "layers/demo/versions?MaxItems=50");
    let versions = listed["LayerVersions"].as_array().unwrap().iter().rev();
    let get = |number: &Value| world.lambda(region, &format!("layers/demo/versions/{number}"));
    versions.map(|version| get(&version["Version"])["Content"]["CodeSha256"].clone()).collect()
}

#[test]
fn pypi_numbers_that_would_differ_are_refused_before_the_first_write() {
    let world = drifted();
    let run = world.run(&["publish", "--require-same-version"]).ends_with(1).prints(&[]);
    assert_eq!(writes(&run.calls), 0);
    run.says("Expecting ap-south-1: version 1")
        .says("layer `demo` would not get the same version number everywhere: 4 in eu-west-1, 2 in us-east-1, 1 in ap-south-1")
        .says("hint: fill up the regions that lag behind with `layer-publisher publish demo --align`");
    assert_eq!(world.ledger().matches("layer:demo:").count(), 2);

    // A dry run says so without being asked.
    world.run(&["publish", "--dry-run"]).ends_with(0).says("note: layer `demo` would not get the same");
    world.run(&["publish", "--dry-run", "--require-same-version"]).ends_with(1).says("error: layer `demo`");

    // Where they are the same, nothing stands in the way.
    let run = world.run(&["publish", "--require-same-version", "--region", "eu-west-1"]).ends_with(0);
    run.prints(&[world.arn("eu-west-1", 4)]);
    // And then the content has a number, which the others do not have.
    let run =
        world.run(&["publish", "--require-same-version", "--region", "eu-west-1,us-east-1"]).ends_with(1);
    run.says("4 in eu-west-1, 2 in us-east-1");
}

#[test]
fn pypi_lagging_regions_are_filled_up_with_what_is_really_older() {
    let world = drifted();
    let dry = world.run(&["publish", "--align", "--dry-run"]).ends_with(0);
    assert_eq!(writes(&dry.calls), 0);
    dry.says("Would fill us-east-1: versions 2 to 3, from eu-west-1")
        .says("Would fill ap-south-1: versions 1 to 3");
    let document = world.run(&["publish", "--align", "--dry-run", "--format", "json"]).ends_with(0).json();
    assert_eq!(document["regions"][2]["filled"], json!([1, 2, 3]));
    assert_eq!(document["regions"][2]["expected_version"], 4);

    let run = world.run(&["publish", "--align"]).ends_with(0);
    assert_eq!(run.count("PublishLayerVersion"), 3 + 2 + 3);
    let arns = REGIONS.map(|region| world.arn(region, 4));
    run.says("Filled ap-south-1: version 3, with version 3 of eu-west-1")
        .says("Finished 3 published, 5 filled up in")
        .prints(&arns);
    let there = contents(&world, "eu-west-1");
    assert_eq!(there.len(), 4);
    for region in ["us-east-1", "ap-south-1"] {
        assert_eq!(contents(&world, region), there, "{region}");
    }
    assert_eq!(world.ledger().matches("layer:demo:4\"").count(), 3);

    // Once more: nothing.
    let again = world.run(&["publish", "--align"]).ends_with(0).says("Finished 3 unchanged");
    assert_eq!(writes(&again.calls), 0);
}

#[test]
fn pypi_filling_up_goes_on_where_it_was_stopped_and_never_twice() {
    let world = drifted();
    // Answers are lost, and Asia fails for good at its third version.
    world.proxy.add(Rule::times(2, Fault::DropAnswer).of("PublishLayerVersion").in_region("us-east-1"));
    let full = Fault::Error { status: 400, code: "CodeStorageExceededException", message: "full" };
    world.proxy.add(Rule::always(full).of("PublishLayerVersion").in_region("ap-south-1").after(2));
    let run = world.run(&["publish", "--align"]).ends_with(3).says("Failed ap-south-1: ");
    run.prints(&[world.arn("eu-west-1", 4), world.arn("us-east-1", 4)]);
    assert!(contents(&world, "ap-south-1").len() < 4);

    world.proxy.heal();
    world.run(&["publish", "--align"]).ends_with(0).prints(&REGIONS.map(|region| world.arn(region, 4)));
    for region in REGIONS {
        assert_eq!(contents(&world, region), contents(&world, "eu-west-1"), "{region}");
    }
}

#[test]
fn pypi_versions_that_were_deleted_are_filled_up_with_the_one_before() {
    let world = drifted();
    let delete = ["lambda", "delete-layer-version", "--layer-name", "demo", "--version-number", "2"];
    world.aws(&[&delete[..], &["--region", "eu-west-1"]].concat());
    world
        .run(&["publish", "--align"])
        .ends_with(0)
        .says("Filled us-east-1: version 2, with version 1 of eu-west-1");
    let there = contents(&world, "ap-south-1");
    assert_eq!((there.len(), &there[0]), (4, &there[1]));
}

#[test]
fn pypi_a_required_region_that_does_not_say_its_number_stops_it() {
    let world = drifted();
    world.proxy.add(Rule::always(Fault::Refuse).in_region("us-east-1"));
    for flag in ["--align", "--require-same-version"] {
        let run = world.run(&["publish", flag]).ends_with(1);
        assert_eq!(writes(&run.calls), 0);
        run.says("error: failed to find out which number layer `demo` would get in us-east-1")
            .says("Caused by: ")
            .says("hint: run it again later");
    }
}
