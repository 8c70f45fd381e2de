//! The lock across machines: real processes with homes of their own, so that the lock of the machine does not help.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tests::proxy::{Fault, Rule};
use tests::world::{Run, World};

const REGION: &str = "eu-west-1";
const SECONDS: fn(u64) -> Duration = Duration::from_secs;

/// A layer whose runs exclude each other, and the place of its lock.
fn world() -> (World, String) {
    let world = World::new(&[REGION], &[]);
    let bucket = format!("/locks-{}", world.account);
    world.put(&bucket, "");
    world.configure(&format!(
        "[layers.demo.publish]\nregions = [\"{REGION}\"]\nlock = \"s3://locks-{{account}}/of/layers\"\n"
    ));
    let lock = format!("{bucket}/of/layers/{}-demo.lock", world.account);
    (world, lock)
}

/// A run on a machine of this name.
fn on(world: &World, machine: &str) -> Command {
    let mut command = world.command(&["publish"]);
    let home = world.project.path(machine);
    command.env("HOME", &home).env("XDG_CACHE_HOME", home.join(".cache")).env("HOSTNAME", machine);
    command
}

fn start(world: &World, machine: &str) -> Child {
    on(world, machine).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child) -> Run {
    Run::new(child.wait_with_output().unwrap(), Vec::new())
}

fn versions(world: &World) -> usize {
    world.lambda(REGION, "layers/demo/versions?MaxItems=50")["LayerVersions"].as_array().unwrap().len()
}

#[test]
fn pypi_two_machines_publish_once_with_a_lock_and_twice_without() {
    let (world, lock) = world();
    // The first one is held up while it publishes; the second one looks, and finds nothing.
    world.proxy.add(Rule::times(1, Fault::Delay(SECONDS(2))).of("PublishLayerVersion"));
    let one = start(&world, "one");
    world.proxy.wait_for("PublishLayerVersion", 1);
    assert_eq!(world.object(&lock)["host"], "one");
    let two = end(start(&world, "two"))
        .ends_with(0)
        .says("Waiting for process ")
        .says(" on one, which holds the lock");
    two.says("Unchanged eu-west-1: version 1");
    end(one).ends_with(0).says("Published eu-west-1: version 1");
    assert_eq!(versions(&world), 1);
    assert_eq!(world.object(&lock)["owner"], Value::Null, "it is released");

    world.configure(&format!("[layers.demo.publish]\nregions = [\"{REGION}\"]\n"));
    world.project.build("VERSION = 2\n").unwrap();
    world.proxy.take_calls();
    world.proxy.add(Rule::times(1, Fault::Delay(SECONDS(3))).of("PublishLayerVersion"));
    let one = start(&world, "one");
    world.proxy.wait_for("PublishLayerVersion", 1);
    end(start(&world, "two")).ends_with(0).says("Published");
    end(one).ends_with(0);
    assert_eq!(versions(&world), 3, "that is what the lock is for");
    // A duplicate that happened anyway is found and told.
    end(start(&world, "two")).ends_with(0).says("warning: eu-west-1: versions 3, 2 have the same content");
}

#[test]
fn pypi_a_lock_whose_holder_was_killed_is_taken_over_when_its_lease_is_over() {
    let (world, lock) = world();
    world.proxy.add(Rule::times(1, Fault::Hang).of("PublishLayerVersion"));
    let mut one = start(&world, "one");
    world.proxy.wait_for("PublishLayerVersion", 1);
    one.kill().unwrap();
    one.wait().unwrap();
    let owner = world.object(&lock)["owner"].clone();
    assert_ne!(owner, Value::Null);
    // Two wait for it; one of them gets it, the other one after it.
    let [two, three] = ["two", "three"].map(|machine| start(&world, machine));
    let (two, three) = (end(two).ends_with(0), end(three).ends_with(0));
    let said = two.stderr + &three.stderr;
    assert_eq!(said.matches("is taken over: process ").count(), 1, "{said}");
    assert!(said.contains(" on one has given no sign of life"), "{said}");
    assert_eq!((said.matches("Published").count(), said.matches("Unchanged").count()), (1, 1), "{said}");
    assert_eq!(versions(&world), 1);
    assert_eq!(world.object(&lock)["owner"], Value::Null);
}

#[test]
fn pypi_a_lock_that_has_run_out_long_ago_is_taken_over_at_once() {
    let (world, lock) = world();
    let old = r#"{"schema": 1, "owner": "x", "host": "old", "pid": 7, "expires": 1700000000}"#;
    world.put(&lock, old);
    end(start(&world, "one")).ends_with(0).says("is taken over: process 7 on old has given no sign of life");
    assert_eq!(world.object(&lock)["owner"], Value::Null);
}

#[test]
fn pypi_whoever_has_lost_the_lock_writes_nothing_more() {
    let (world, lock) = world();
    // Long enough for a renewal, which finds out.
    world.proxy.add(Rule::times(1, Fault::Delay(SECONDS(6))).of("ListLayerVersions"));
    let one = start(&world, "one");
    world.proxy.wait_for("ListLayerVersions", 1);
    let thief = r#"{"schema": 1, "owner": "thief", "host": "two", "pid": 8, "expires": 4000000000}"#;
    world.put(&lock, thief);
    end(one)
        .ends_with(1)
        .says("is lost, and nothing more is written: process 8 on two has taken it over")
        .says("hint: run `layer-publisher publish` again later");
    assert_eq!(versions(&world), 0);
    assert!(world.proxy.calls().iter().all(|call| call.operation != "PublishLayerVersion"));
    assert_eq!(world.object(&lock)["owner"], "thief", "it is not ours to release");
}

#[test]
fn pypi_lost_answers_of_s3_do_not_lose_the_lock() {
    let (world, lock) = world();
    world.proxy.add(Rule::times(1, Fault::DropAnswer).of("PutObject"));
    world.proxy.add(Rule::times(1, Fault::DropAnswer).of("PutObject").after(1));
    // Time for renewals.
    world.proxy.add(Rule::times(1, Fault::Delay(SECONDS(5))).of("ListLayerVersions"));
    end(start(&world, "one")).ends_with(0).says("Published eu-west-1: version 1");
    assert_eq!(world.object(&lock)["owner"], Value::Null);
}

#[test]
fn pypi_without_its_lock_nothing_is_written_and_a_dry_run_takes_none() {
    let (world, lock) = world();
    let run = world.run(&["publish", "--dry-run"]).ends_with(0);
    assert!(run.calls.iter().all(|call| call.service != "s3"), "{:?}", run.calls);

    world.put(&lock, "{\"text\": \"of somebody else\"}");
    let run = world.run(&["publish"]).ends_with(1);
    assert_eq!(run.count("PublishLayerVersion"), 0);
    run.says("is no lock that this program understands: missing field")
        .says("hint: see what it is with `aws s3 cp s3://");

    let denied = Fault::Error { status: 403, code: "AccessDenied", message: "Access Denied" };
    world.proxy.add(Rule::always(denied).of("GetObject"));
    let run = world.run(&["publish"]).ends_with(1).says("error: failed to take the lock `s3://locks-");
    run.says("Caused by: bucket `locks-").says("allow it `s3:GetObject` and `s3:ListBucket`");
    world.proxy.heal();

    let table = world.project.read("layers.toml").unwrap();
    world
        .project
        .write("layers.toml", table.replace("s3://locks-{account}", "s3://nowhere-{account}"))
        .unwrap();
    let run = world.run(&["publish"]).ends_with(1).says("Caused by: there is no bucket `nowhere-");
    assert_eq!(run.count("PublishLayerVersion"), 0);
    world.project.write("layers.toml", table.replace("s3://", "s4://")).unwrap();
    world.run(&["publish"]).ends_with(1).says("`lock` in `[layers.demo.publish]` must be a place in S3");
}

#[test]
fn pypi_a_rollback_waits_for_the_lock_too() {
    let (world, lock) = world();
    for number in [1, 2] {
        world.project.build(&format!("VERSION = {number}\n")).unwrap();
        world.publish().ends_with(0);
    }
    world.project.build("VERSION = 3\n").unwrap();
    world.proxy.take_calls();
    world.proxy.add(Rule::times(1, Fault::Delay(SECONDS(2))).of("PublishLayerVersion"));
    let one = start(&world, "one");
    world.proxy.wait_for("PublishLayerVersion", 1);
    let mut rollback = world.command(&["rollback", "demo", "--to", "1", "--reason", "it breaks"]);
    let home = world.project.path("two");
    rollback.env("HOME", &home).env("XDG_CACHE_HOME", home.join(".cache"));
    let two = Run::new(rollback.output().unwrap(), Vec::new()).ends_with(0);
    two.says(" on one, which holds the lock `s3://locks-");
    end(one).ends_with(0);
    assert_eq!(world.object(&lock)["owner"], Value::Null);
    // It has looked again: what was published meanwhile is withdrawn, too.
    assert!(world.ledger().contains("layer:demo:1\""));
    assert!(world.ledger().contains("\"3\": \"it breaks\""), "{}", world.ledger());
}

#[test]
fn pypi_prune_deletes_nothing_without_the_lock_and_gives_it_back() {
    let (world, lock) = world();
    for number in [1, 2, 3, 4] {
        world.project.build(&format!("VERSION = {number}\n")).unwrap();
        world.publish().ends_with(0);
    }
    let prune = |keep| ["prune", "demo", "--keep", keep, "--min-age", "0", "--execute"];
    let run = world.run(&prune("3")).ends_with(0);
    let at = |operation: &str| run.calls.iter().position(|call| call.operation == operation);
    assert!(at("PutObject").is_some() && at("PutObject") < at("DeleteLayerVersion"), "{:?}", run.calls);
    assert_eq!(versions(&world), 3);
    assert_eq!(world.object(&lock)["owner"], Value::Null);

    world.put(&lock, "{\"text\": \"of somebody else\"}");
    let run = world.run(&prune("1")).ends_with(1).says("is no lock that this program understands");
    assert_eq!(run.count("DeleteLayerVersion"), 0);
    assert_eq!(versions(&world), 3);
}
