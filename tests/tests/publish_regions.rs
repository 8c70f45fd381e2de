//! Many regions and layers at once: pace, deadlines, values that one region refuses, requests that a killed run has
//! left on their way, and the choice of layers.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::project::TWENTY;
use tests::proxy::{Fault, Late, Rule};
use tests::world::World;

#[test]
fn pypi_twenty_regions_one_of_them_dead() {
    let world = World::new(&TWENTY, &[]);
    world.proxy.add(Rule::always(Fault::Refuse).in_region("sa-east-1"));
    let run = world.run(&["publish", "--format", "json"]).ends_with(3);
    let document = run.json();
    let regions = document["regions"].as_array().unwrap();
    assert_eq!((document["exit_code"].as_u64(), regions.len()), (Some(3), 20));
    let failed = regions.iter().filter(|row| row["status"] == "failed").collect::<Vec<_>>();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["region"], "sa-east-1");
    assert!(failed[0]["error"].as_str().unwrap().contains("ListLayerVersions"));
    assert_eq!(regions.iter().filter(|row| row["verified"] == true && row["version"] == 1).count(), 19);

    // For people it is a table.
    let said = run.stderr;
    let table = said.lines().skip_while(|line| !line.starts_with("region ")).take(21).collect::<Vec<_>>();
    assert_eq!(table.len(), 21, "{said}");
    assert!(table.iter().all(|line| line.chars().count() <= 80), "{said}");
    assert!(table[1].starts_with("us-east-1             1  published, verified"), "{said}");
    let dead = table.iter().find(|line| line.starts_with("sa-east-1 ")).unwrap();
    assert!(dead.contains(" -  failed: "), "{said}");

    world.proxy.heal();
    let run = world.publish().ends_with(0).says("Finished 1 published, 19 unchanged in");
    assert_eq!(run.count("PublishLayerVersion"), 1);
    let ledger = world.ledger();
    let run = world.publish().ends_with(0).says("Finished 20 unchanged in");
    let writes = run.calls.iter().filter(|call| call.service == "lambda" && call.operation.writes());
    assert_eq!(writes.count(), 0);
    assert_eq!(run.calls.len(), 41);
    assert_eq!(world.ledger(), ledger);
}

#[test]
fn pypi_json_tells_of_every_region_before_and_after() {
    let world = World::new(&["eu-west-1"], &["me-south-1"]);
    let not_enabled = Fault::Error {
        status: 403,
        code: "UnrecognizedClientException",
        message: "The security token is invalid.",
    };
    world.proxy.add(Rule::always(not_enabled).in_region("me-south-1"));
    let document = world.run(&["publish", "--dry-run", "--format", "json"]).ends_with(0).json();
    assert_eq!(document["dry_run"], true);
    assert_eq!(document["regions"][0]["status"], "would-publish");
    assert_eq!(document["regions"][1]["status"], "region-not-enabled");
    assert_eq!(document["regions"][1]["required"], false);
    world.publish().ends_with(0);
    let document = world.run(&["publish", "--dry-run", "--format", "json"]).ends_with(0).json();
    assert_eq!(document["regions"][0]["status"], "unchanged");
    assert_eq!(document["regions"][0]["layer_version_arn"], world.arn("eu-west-1", 1));
    world.project.build("VERSION = 2\n").unwrap();
    let document = world.run(&["publish", "--dry-run", "--format", "json"]).ends_with(0).json();
    assert_eq!(document["regions"][0]["expected_version"], 2);
}

#[test]
fn pypi_a_region_that_is_silent_is_given_up_and_the_others_are_done() {
    let world = World::new(&["eu-west-1", "us-east-1"], &[]);
    world.proxy.add(Rule::always(Fault::Hang).in_region("eu-west-1"));
    let start = Instant::now();
    let run = world.publish().ends_with(3).prints(&[world.arn("us-east-1", 1)]);
    assert!(start.elapsed() < Duration::from_mins(1));
    run.says("Failed eu-west-1: ");
}

#[test]
fn pypi_a_value_that_one_region_refuses_is_left_out_there_and_no_drift_later() {
    let world = World::new(&["af-south-1", "eu-west-1"], &[]);
    let refusal = Fault::Error {
        status: 400,
        code: "InvalidParameterValueException",
        message: "CompatibleArchitectures are not supported in this region",
    };
    world.proxy.add(Rule::times(1, refusal).of("PublishLayerVersion").in_region("af-south-1"));
    let run = world.run(&["publish", "--format", "json"]).ends_with(0);
    let row = &run.json()["regions"][0];
    assert_eq!(row["refused"], json!(["x86_64", "arm64"]));
    assert_eq!(row["verified"], true);
    run.says("warning: af-south-1: the region refuses x86_64, arm64, and version 1 does without");
    assert!(world.ledger().contains("\"compatible_architectures\": []"));
    let run = world.publish().ends_with(0).says("Finished 2 unchanged");
    assert!(!run.stderr.contains("not as it was built"), "{}", run.stderr);
    // And not on a machine that knows nothing of it, either.
    std::fs::remove_file(world.project.path("layer-versions.json")).unwrap();
    let run = world.publish().ends_with(0).says("Finished 2 unchanged");
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
}

#[test]
fn pypi_what_a_killed_run_has_left_on_its_way_is_waited_for() {
    let world = World::new(&["eu-west-1"], &[]);
    // It goes through when the next run is looking already.
    let late = Fault::DeliverLate(Late::AfterCalls(4));
    world.proxy.add(Rule::times(1, late).of("PublishLayerVersion"));
    // Nothing more is heard in the first run, so that it is killed before it has found out.
    world.proxy.add(Rule::always(Fault::Hang).of("ListLayerVersions").after(1));
    let mut child = world.command(&["publish"]).spawn().unwrap();
    world.proxy.wait_for("PublishLayerVersion", 1);
    child.kill().unwrap();
    child.wait().unwrap();
    world.proxy.heal();
    let run = world.publish().ends_with(0).says("found after its answer was lost");
    assert_eq!(run.count("PublishLayerVersion"), 0);
    world.proxy.settle();
    assert_eq!(world.versions("eu-west-1"), [1]);
}

#[test]
fn pypi_five_calls_a_second_for_each_region() {
    let world = World::new(&["eu-west-1"], &[]);
    for number in 1..=3 {
        world.project.build_as(&format!("demo-{number}"), None, &format!("N = {number}\n")).unwrap();
    }
    // 4 artifacts with 3 calls each are 12 calls of Lambda: two seconds have to pass, as long as they are.
    let start = Instant::now();
    let run = world.command(&["publish"]).env("LAYER_PUBLISHER_TEST_HASTE", "1").output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn pypi_only_layers_that_have_changed_since_a_commit() {
    let world = World::new(&["eu-west-1"], &[]);
    let git = |arguments: &[&str]| {
        let status = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(world.project.folder())
            .output()
            .unwrap();
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    };
    git(&["init", "--quiet"]);
    git(&["add", "layers.toml", "requirements.demo.txt"]);
    git(&["commit", "--quiet", "-m", "first"]);
    let since = ["publish", "--changed-since", "HEAD"];
    let run = world.run(&since).ends_with(0).prints(&[]).says("Finished no layer has changed");
    assert_eq!(run.calls.len(), 0);
    world
        .run(&["publish", "--changed-since", "nowhere"])
        .ends_with(1)
        .says("there is no such commit")
        .says("hint: ");
    // Another lock.
    world.project.write("requirements.demo.txt", "six==1.16.0\n").unwrap();
    world.project.build("VERSION = 1\n").unwrap();
    world.run(&since).ends_with(0).prints(&[world.arn("eu-west-1", 1)]);
    git(&["commit", "--quiet", "-a", "-m", "second"]);
    world.run(&since).ends_with(0).prints(&[]);
    // Another table.
    let table = world.project.read("layers.toml").unwrap();
    world.project.write("layers.toml", table.replace("eu-west-1", "eu-west-2")).unwrap();
    world.run(&since).ends_with(0).prints(&[world.arn("eu-west-2", 1)]);
}
