//! Ctrl-C: said at once, with what is waited for; nothing more is begun; what was done stands in the ledger and in what
//! is said; and the next run does the rest.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};

use tests::command::{Reach, signal};
use tests::deployed::Corner;
use tests::proxy::{Fault, Rule};
use tests::roll_out::{RollOuts, function};
use tests::world::World;

/// Presses Ctrl-C when this call has come so often, waits for what is said about it, lets the calls go on, and gives the
/// exit code, standard output and standard error.
fn interrupted(world: &World, arguments: &[&str], operation: &str, count: usize) -> (i32, String, String) {
    let mut child: Child =
        world.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    world.proxy.wait_for(operation, count);
    signal(&child, Reach::Process, "INT");
    let mut said = String::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    // It is said before the call that is under way has an answer: that comes only afterwards.
    while !said.contains("Interrupted") {
        assert_ne!(lines.read_line(&mut said).unwrap(), 0, "it has ended: {said}");
    }
    world.proxy.heal();
    lines.read_to_string(&mut said).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap(), said)
}

#[test]
fn pypi_ctrl_c_in_publish_finishes_what_is_under_way_and_begins_nothing_more() {
    let world = World::new(&["eu-west-1", "us-east-1"], &[]);
    // One region is done, the other one has not yet said what it has.
    world.proxy.add(Rule::always(Fault::Hang).of("ListLayerVersions").in_region("us-east-1"));
    let mut child =
        world.command(&["publish"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("Published eu-west-1") {
        assert_ne!(lines.read_line(&mut said).unwrap(), 0, "it has ended: {said}");
    }
    world.proxy.wait_for("ListLayerVersions", 2);
    signal(&child, Reach::Process, "INT");
    while !said.contains("Interrupted") {
        assert_ne!(lines.read_line(&mut said).unwrap(), 0, "it has ended: {said}");
    }
    world.proxy.heal();
    lines.read_to_string(&mut said).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(
        said.contains(
            "Interrupted nothing more is begun; waiting for what is under way: us-east-1; Ctrl-C again ends"
        ),
        "{said}"
    );
    assert!(said.contains("1 published, 1 failed"), "{said}");
    assert!(said.contains("interrupted, and not asked for any more"), "{said}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), world.arn("eu-west-1", 1));
    assert!(world.ledger().contains("eu-west-1") && !world.ledger().contains("us-east-1"));
    assert_eq!(world.versions("us-east-1"), [0; 0]);
    world.publish().ends_with(0).says("1 published, 1 unchanged");
}

#[test]
fn pypi_a_second_ctrl_c_says_what_is_left_in_the_middle() {
    let world = World::new(&["eu-west-1"], &[]);
    world.proxy.add(Rule::always(Fault::Hang).of("PublishLayerVersion"));
    let child = world.command(&["publish"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    world.proxy.wait_for("PublishLayerVersion", 1);
    signal(&child, Reach::Process, "INT");
    signal(&child, Reach::Process, "INT");
    let mut twice = child;
    // The first one may have been taken for both.
    let mut said = String::new();
    let mut lines = BufReader::new(twice.stderr.take().unwrap());
    while !said.contains("Interrupted") {
        assert_ne!(lines.read_line(&mut said).unwrap(), 0, "it has ended: {said}");
    }
    let _ = twice.try_wait().unwrap().is_none().then(|| signal(&twice, Reach::Process, "INT"));
    lines.read_to_string(&mut said).unwrap();
    assert_eq!(twice.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("Ended in the middle of: eu-west-1"), "{said}");
    world.proxy.heal();
    world.publish().ends_with(0);
    assert_eq!(world.versions("eu-west-1"), [1]);
}

#[test]
fn pypi_ctrl_c_in_prune_says_what_was_deleted_and_what_was_not() {
    let world = World::new(&["eu-west-1"], &[]);
    let corner = Corner::new(&world.account, "eu-west-1");
    corner.publish(5);
    world.proxy.add(
        Rule::times(1, Fault::Delay(std::time::Duration::from_secs(1))).of("DeleteLayerVersion").after(1),
    );
    let prune = ["prune", "demo", "--keep", "1", "--min-age", "0", "--execute"];
    let (code, stdout, said) = interrupted(&world, &prune, "DeleteLayerVersion", 2);
    assert_eq!(code, 130, "{said}");
    assert!(said.contains(&format!("waiting for what is under way: {}", corner.layer(2))), "{said}");
    assert!(
        said.contains("2 versions deleted, ") && said.contains("2 versions not deleted, for Ctrl-C came"),
        "{said}"
    );
    assert_eq!(stdout.matches(" removed").count(), 2, "{stdout}");
    assert_eq!(corner.versions(), [3, 4, 5]);
    world.run(&prune).ends_with(0);
    assert_eq!(corner.versions(), [5]);
}

#[test]
fn pypi_ctrl_c_in_a_roll_out_tells_what_goes_on_and_what_was_not_begun() {
    let stacks = RollOuts::new(1);
    for stack in ["one", "two"] {
        stacks.deploy(stack, &function("1"));
    }
    stacks.name_stacks("[[stacks]]\nname = \"one\"\n[[stacks]]\nname = \"two\"\n");
    stacks.publish(2);
    let world = stacks.world();
    world.proxy.take_calls();
    world.proxy.add(Rule::always(Fault::Hang).of("DescribeStackEvents").after(1));
    let (code, stdout, said) = interrupted(world, &["roll-out"], "DescribeStackEvents", 2);
    assert_eq!(code, 130, "{said}");
    let text = "nothing more is begun, and what CloudFormation has begun goes on without us; left in order: one in eu-west-1;";
    assert!(said.contains(text), "{said}");
    assert!(said.contains("note: stack `one` goes on without us"), "{said}");
    assert!(said.contains("Finished 1 goes on, 1 not begun"), "{said}");
    assert!(
        stdout.contains("one    eu-west-1  goes on") && stdout.contains("two    eu-west-1  not begun"),
        "{stdout}"
    );
    stacks.run(&[]).ends_with(0);
}
