//! `roll-out` of many stacks: in which order, what a failure stops, and how they are found.

use tests::deployed::{self, Corner};
use tests::proxy::{Fault, Rule};
use tests::roll_out::{RollOuts, function};
use tests::stack::REGION;

/// `one`, `two` and `three`, named in this order.
fn three() -> (RollOuts, [String; 3]) {
    let stacks = RollOuts::new(1);
    let names = ["one", "two", "three"].map(|stack| stacks.deploy(stack, &function("1")));
    stacks.name_stacks(
        "[[stacks]]\nname = \"one\"\n[[stacks]]\nname = \"two\"\n[[stacks]]\nname = \"three\"\n",
    );
    stacks.publish(2);
    (stacks, names)
}

/// The second stack's change set cannot be made.
fn break_second(stacks: &RollOuts) {
    let fault = Fault::Error { status: 400, code: "ValidationError", message: "not today" };
    stacks.world().proxy.add(Rule::times(1, fault).of("CreateChangeSet").after(1));
}

fn results(stdout: &str) -> Vec<String> {
    let line = |line: &str| {
        let words = line.split_whitespace().collect::<Vec<_>>();
        let layers = words.iter().position(|word| *word == "demo").unwrap_or(words.len());
        format!("{}: {}", words[0], words[2..layers].join(" "))
    };
    assert!(stdout.lines().all(|line| line.chars().count() <= 80), "{stdout}");
    stdout.lines().skip(1).map(line).collect()
}

#[test]
fn pypi_the_first_failure_stops_the_rest() {
    let (stacks, names) = three();
    break_second(&stacks);
    let run = stacks.run(&[]).ends_with(3).says("Finished 1 failed, 1 not begun, 1 rolled out");
    assert_eq!(results(&run.stdout), ["one: rolled out", "two: failed", "three: not begun"]);
    run.says("error: failed to make a change set for stack `two` in eu-west-1\n  Caused by: not today");
    let at = |version| vec![stacks.arn(version)];
    assert_eq!(names.map(|name| stacks.layers(&name)), [at(2), at(1), at(1)]);
    // The next run takes up where this one has ended.
    let run = stacks.run(&[]).ends_with(0);
    assert_eq!(results(&run.stdout), ["one: unchanged", "two: rolled out", "three: rolled out"]);
}

#[test]
fn pypi_keep_going_rolls_the_others_out() {
    let (stacks, names) = three();
    break_second(&stacks);
    let run = stacks.run(&["--keep-going"]).ends_with(3).says("Failed two in eu-west-1");
    assert_eq!(results(&run.stdout), ["one: rolled out", "two: failed", "three: rolled out"]);
    let at = |version| vec![stacks.arn(version)];
    assert_eq!(names.map(|name| stacks.layers(&name)), [at(2), at(1), at(2)]);
}

#[test]
fn pypi_several_at_once_and_some_only() {
    let (stacks, names) = three();
    let run = stacks.run(&["--stack", "three"]).ends_with(0);
    assert_eq!(results(&run.stdout), ["three: rolled out"]);
    let run = stacks.run(&["--parallel"]).ends_with(0).says("Rolling out 3 stacks, 4 at once");
    assert_eq!(results(&run.stdout), ["one: rolled out", "two: rolled out", "three: unchanged"]);
    for name in &names {
        assert_eq!(stacks.layers(name), [stacks.arn(2)]);
    }
    // Another region than any of them has.
    let run = stacks.run(&["--region", "us-east-1", "--parallel=2"]).ends_with(0);
    assert_eq!(run.stdout, "");
    run.says("warning: no stack of `layers.toml` is in us-east-1").says("Finished no stack to roll out");
    let run = stacks.run(&["--region", "us-east-1", "--stack", "one"]).ends_with(1);
    run.says("error: stack `one` is not among those that are rolled out in us-east-1")
        .says("hint: leave `--region` out");
}

#[test]
fn pypi_a_stack_that_is_named_and_up_to_date_is_so_and_one_that_is_not_there_is_an_error() {
    let stacks = RollOuts::new(1);
    stacks.deploy("one", &function("1"));
    stacks.deploy("two", &function("1"));
    stacks.publish(2);
    let run = stacks.run(&["--stack", "one"]).ends_with(0);
    assert_eq!(results(&run.stdout), ["one: rolled out"]);
    let run = stacks.run(&["--stack", "one"]).ends_with(0).says("it is at the new version");
    assert_eq!(results(&run.stdout), ["one: unchanged"]);
    let run = stacks.run(&["--stack", "one,two"]).ends_with(0);
    assert_eq!(results(&run.stdout), ["two: rolled out", "one: unchanged"]);
    stacks.run(&["--stack", "three"]).ends_with(1).says("error: stack `three` is not among those");
    // Who cannot be asked may have it.
    let denied = Fault::Error { status: 403, code: "AccessDenied", message: "not authorized" };
    stacks.world().proxy.add(Rule::always(denied).of("DescribeStacks"));
    let run = stacks.run(&["--stack", "three"]).ends_with(3);
    run.says("error: failed to look for stack `three` in eu-west-1, account")
        .says("`cloudformation:DescribeStacks`");
}

#[test]
fn pypi_a_layer_that_breaks_the_first_stack_reaches_no_other() {
    let (stacks, names) = three();
    // Gone since it was published: CloudFormation finds that out, and rolls back.
    stacks.aws(&["lambda", "delete-layer-version", "--layer-name", "demo", "--version-number", "2"]);
    let run = stacks.run(&[]).ends_with(1);
    assert_eq!(results(&run.stdout), ["one: failed", "two: not begun", "three: not begun"]);
    run.says("Rolled back one in eu-west-1: stack `one`")
        .says("error: failed to deploy stack `one`: it is UPDATE_ROLLBACK_COMPLETE now\n  Caused by: F (AWS::Lambda::Function): ");
    assert_eq!(stacks.layers(&names[0]), [stacks.arn(1)]);
}

#[test]
fn pypi_stacks_are_found_by_the_functions_that_run_an_older_version() {
    let stacks = RollOuts::new(1);
    let names = ["one", "two"].map(|stack| stacks.deploy(stack, &function("1")));
    let corner = Corner::new(&stacks.world().account, REGION);
    corner.calls(&[deployed::function("alone", "python3.13", &[stacks.arn(1)])]);
    stacks.publish(2);
    stacks.deploy("three", &function("2"));
    let run = stacks.run(&[]).ends_with(0);
    let run = run.says("note: function `alone` in eu-west-1 belongs to no stack, and keeps demo:1");
    assert_eq!(results(&run.stdout), ["one: rolled out", "two: rolled out"]);
    for name in &names {
        assert_eq!(stacks.layers(name), [stacks.arn(2)]);
    }
    assert_eq!(stacks.layers("alone"), [stacks.arn(1)]);
}

#[test]
fn pypi_where_nobody_can_be_asked_nothing_begins_unless_it_is_wanted() {
    let stacks = RollOuts::new(1);
    stacks.world().configure(&format!("[layers.demo.publish]\nregions = [\"{REGION}\", \"us-east-1\"]\n"));
    let name = stacks.deploy("one", &function("1"));
    stacks.publish(2);
    stacks.world().proxy.add(Rule::always(Fault::Refuse).in_region("us-east-1"));
    let run = stacks.run(&[]).ends_with(1);
    assert_eq!(results(&run.stdout), ["one: not begun"]);
    run.says("error: failed to find who uses the layer in us-east-1, account");
    let run = stacks.run(&["--keep-going"]).ends_with(3);
    assert_eq!(results(&run.stdout), ["one: rolled out"]);
    assert_eq!(stacks.layers(&name), [stacks.arn(2)]);
}
