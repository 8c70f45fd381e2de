//! What is shown while it lasts: a line for each region on a terminal, verbs in a log.

use std::time::Duration;

use tests::proxy::{Fault, Rule};
use tests::terminal::{self, on_a_terminal};
use tests::world::{Run, World};

const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

#[test]
fn pypi_a_terminal_gets_a_line_for_each_region_and_they_go_when_it_is_done() {
    if !terminal::is_there("progress") {
        return;
    }
    let world = World::new(&REGIONS, &[]);
    world.publish().ends_with(0);
    world.project.build("VERSION = 2\n").unwrap();
    world.proxy.add(Rule::always(Fault::Delay(Duration::from_millis(400))));
    let run = Run::new(on_a_terminal(&world, "publish").output().unwrap(), Vec::new()).ends_with(0);
    for part in [
        "eu-west-1: looking what is there",
        "us-east-1: looking what is there",
        "eu-west-1: publishing version 2",
        "us-east-1: reading it back",
        // Lines are cleared, and what is said stands above them.
        "\u{1b}[2K",
        "Published",
    ] {
        assert!(run.stdout.contains(part), "expected `{part}` in {:?}", run.stdout);
    }
    // What stays on the screen are verbs and results, each on a line of its own.
    let last = run.stdout.rsplit("Finished").next().unwrap();
    assert!(last.contains(&world.arn("eu-west-1", 2)) && !last.contains("reading"), "{last:?}");

    let run = Run::new(on_a_terminal(&world, "publish --quiet").output().unwrap(), Vec::new()).ends_with(0);
    let lines = run.stdout.lines().map(str::trim).collect::<Vec<_>>();
    assert_eq!(lines, REGIONS.map(|region| world.arn(region, 2)));
}

#[test]
fn pypi_a_log_gets_verbs_and_is_told_why_it_waits() {
    let world = World::new(&REGIONS, &[]);
    world.proxy.add(Rule::times(1, Fault::DropAnswer).of("PublishLayerVersion").in_region("us-east-1"));
    let run = world.publish().ends_with(0);
    assert!(!run.stderr.contains(['\r', '\u{1b}']), "{:?}", run.stderr);
    let verbs = run.stderr.lines().filter_map(|line| line.split_whitespace().next()).collect::<Vec<_>>();
    let mut sorted = verbs.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["Finished", "Published", "Published", "Reading", "Waiting"], "{}", run.stderr);
    let run = run.says("Waiting us-east-1: no answer tells whether a version was made, looking for it");
    run.says("Published us-east-1: version 1, found after its answer was lost");

    world.project.build("VERSION = 2\n").unwrap();
    let verbose = world.run(&["publish", "--verbose"]).ends_with(0);
    verbose.says("Publishing eu-west-1: as version 2");
    let quiet = world.run(&["publish", "--quiet"]).ends_with(0);
    assert_eq!(quiet.stderr, "");
}
