//! The matrix of faults: random ones, in random calls, at random times, then a clean run. After it there is exactly one
//! version of each content in every region, shared and pointed to as it should be, and the ledger says so.
//!
//! The clocks are 20 times as fast (`LAYER_PUBLISHER_TEST_HASTE`), the code paths are the same. The seed of a failure
//! is part of its message; `FAULT_SEED=<seed>` runs that one alone.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use tests::proxy::{Fault, Late, Rule};
use tests::world::{Run, World, local_aws};

const REGIONS: [&str; 3] = ["eu-west-1", "us-east-1", "ap-south-1"];
const OPERATIONS: [&str; 8] = [
    "GetCallerIdentity",
    "ListLayerVersions",
    "PublishLayerVersion",
    "GetLayerVersion",
    "GetLayerVersionPolicy",
    "AddLayerVersionPermission",
    "GetParameter",
    "PutParameter",
];
const LOCK_OPERATIONS: [&str; 3] = ["GetObject", "PutObject", "DeleteObject"];
const WORLDS: u64 = 6;
const ROUNDS: u64 = 36;
/// Rounds on two machines that share a lock. Each kill costs a lease.
const ROUNDS_WITH_LOCK: u64 = 16;
const POINTER: &str = "lambda-layer-demo-latest";
const FRIEND: &str = "111111111111";

/// Numbers that look random and are not: SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (value ^ (value >> 31)) % sides
    }

    fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[usize::try_from(self.roll(items.len() as u64)).unwrap()]
    }

    fn fault(&mut self) -> (Fault, usize) {
        let times = usize::try_from(1 + self.roll(5)).unwrap();
        match self.roll(13) {
            0 | 1 => (Fault::Throttle, times),
            2 => (Fault::Unavailable, times),
            3 | 4 => (Fault::DropAnswer, times.min(2)),
            5 | 6 => {
                // 10 s, as fast as the clocks are, and anything less.
                let after = Duration::from_millis(self.roll(500));
                (Fault::DeliverLate(Late::After(after)), 1)
            }
            7 => (Fault::Refuse, times),
            8 => (Fault::Hang, 1),
            9 => (Fault::Truncate, times.min(2)),
            10 => (Fault::Html(502), times),
            11 => (Fault::BreakOff, times.min(2)),
            _ => (Fault::Delay(Duration::from_millis(self.roll(300))), times),
        }
    }
}

/// Lambda's own list of versions in a region, past the proxy and without any SDK.
fn versions(world: &World, region: &str) -> Vec<Value> {
    let listed = world.lambda(region, "layers/demo/versions?MaxItems=50");
    listed["LayerVersions"].as_array().unwrap().clone()
}

/// Whether runs exclude each other across machines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Machines {
    One,
    TwoWithLock,
}

fn world(machines: Machines) -> World {
    let world = World::new(&REGIONS, &[]);
    let mut table = format!(
        "[layers.demo.publish]\nregions = {REGIONS:?}\nssm-parameter = \"{POINTER}\"\n\
         permissions = {{ accounts = [\"{FRIEND}\"] }}\n"
    );
    if machines == Machines::TwoWithLock {
        let bucket = format!("locks-{}", world.account);
        world.put(&format!("/{bucket}"), "");
        table.push_str(&format!("lock = \"s3://{bucket}/layers\"\n"));
    }
    world.configure(&table);
    world
}

/// A run, on one of two machines.
fn run_on(world: &World, machines: Machines, machine: u64) -> Child {
    let mut command = world.command(&["publish", "--quiet"]);
    if machines == Machines::TwoWithLock {
        let home = world.project.path(&format!("machine-{machine}"));
        command.env("HOME", &home).env("XDG_CACHE_HOME", home.join(".cache"));
    }
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// What everybody has to see in a region in the end.
fn is_right(world: &World, region: &str, number: u64, told: &str) {
    let there = versions(world, region);
    assert_eq!(there.len() as u64, number, "{told}: {region} has {there:?}");
    let arn = world.arn(region, number);
    let policy = world.lambda(region, &format!("layers/demo/versions/{number}/policy"));
    let policy = policy["Policy"].as_str().unwrap_or_default();
    assert_eq!(policy.matches("\"Sid\"").count(), 1, "{told}: {region}: {policy}");
    assert!(policy.contains(FRIEND), "{told}: {region}: {policy}");
    assert_eq!(world.parameter(region, POINTER), arn.as_str(), "{told}: the pointer of {region}");
    let ledger: Value = serde_json::from_str(&world.ledger()).unwrap();
    let rows = ledger["versions"].as_array().unwrap().iter().filter(|row| row["region"] == region);
    let rows = rows.collect::<Vec<_>>();
    assert_eq!(rows.len(), 1, "{told}: {ledger}");
    assert_eq!(rows[0]["layer_version_arn"], arn.as_str(), "{told}: the ledger of {region}");
    assert_eq!(rows[0]["code_sha256"], world.project.code_sha256().unwrap().as_str(), "{told}");
    assert_eq!(rows[0]["verified"], true, "{told}");
}

/// One round: a new content, faults, perhaps a kill or a second run at the same time; then a clean run.
fn round(world: &World, machines: Machines, seed: u64, number: u64) {
    let mut dice = Dice(seed);
    world.project.build(&format!("ROUND = {number}\n")).unwrap();
    let mut story = Vec::new();
    // One region of the others may be dead all the time.
    if dice.roll(6) == 0 {
        let region = dice.one_of(&REGIONS);
        world.proxy.add(Rule::always(Fault::Refuse).in_region(region));
        story.push(format!("{region} is dead"));
    }
    for _ in 0..=dice.roll(3) {
        let (fault, times) = dice.fault();
        // Publishing is what can go wrong for ever.
        let operation = match dice.roll(4) {
            0 | 1 => "PublishLayerVersion",
            2 if machines == Machines::TwoWithLock => dice.one_of(&LOCK_OPERATIONS),
            _ => dice.one_of(&OPERATIONS),
        };
        let mut rule = Rule::times(times, fault.clone()).of(operation);
        if dice.roll(2) == 0 {
            rule = rule.in_region(dice.one_of(&REGIONS));
        }
        story.push(format!("{times} times {fault} to {operation}"));
        world.proxy.add(rule);
    }
    let runs = if dice.roll(5) == 0 || machines == Machines::TwoWithLock { 2 } else { 1 };
    let mut children = (0..runs).map(|machine| run_on(world, machines, machine)).collect::<Vec<_>>();
    if dice.roll(3) == 0 {
        // A random moment of the run: there is nothing that it could be told by.
        std::thread::sleep(Duration::from_millis(dice.roll(400)));
        children[0].kill().unwrap();
        story.push("killed".to_owned());
    }
    for child in &mut children {
        child.wait().unwrap();
    }
    world.proxy.heal();

    let told = format!("FAULT_SEED={seed} ({})", story.join(", "));
    let mut clean = world.run(&["publish", "--format", "json"]);
    world.proxy.settle();
    if clean.code != 0 {
        // What was delivered late may have come into its way; then it says so, and one more run is right.
        clean = world.run(&["publish", "--format", "json"]);
    }
    assert_eq!(clean.code, 0, "{told}\n{}", clean.stderr);
    let rows = clean.json()["regions"].as_array().unwrap().clone();
    for region in REGIONS {
        is_right(world, region, number, &told);
        let row = rows.iter().find(|row| row["region"] == region).unwrap();
        assert_eq!(row["version"], number, "{told}");
        assert_eq!((&row["verified"], &row["error"]), (&Value::Bool(true), &Value::Null), "{told}");
    }
    // And the next one has nothing to do.
    let ledger = world.ledger();
    let last = world.publish();
    let writes = last.calls.iter().filter(|call| call.operation.writes() && call.service != "s3");
    assert_eq!((last.code, writes.count()), (0, 0), "{told}\n{}", last.stderr);
    assert_eq!(world.ledger(), ledger, "{told}");
}

#[test]
fn pypi_random_faults_never_make_a_second_version() {
    local_aws();
    if let Some(seed) = std::env::var("FAULT_SEED").ok().and_then(|seed| seed.parse().ok()) {
        return round(&world(Machines::One), Machines::One, seed, 1);
    }
    let rounds = |number: u64| {
        let world = world(Machines::One);
        for round_number in 1..=ROUNDS {
            round(&world, Machines::One, number * 1000 + round_number, round_number);
        }
    };
    std::thread::scope(|scope| {
        let threads = (1..=WORLDS).map(|number| scope.spawn(move || rounds(number))).collect::<Vec<_>>();
        for thread in threads {
            thread.join().unwrap();
        }
    });
    println!("{} random runs, no duplicate", WORLDS * ROUNDS);
}

#[test]
fn pypi_random_faults_on_two_machines_with_a_lock_never_make_a_second_version() {
    let machines = Machines::TwoWithLock;
    if let Some(seed) = std::env::var("FAULT_SEED").ok().and_then(|seed| seed.parse().ok()) {
        return round(&world(machines), machines, seed, 1);
    }
    let world = world(machines);
    (1..=ROUNDS_WITH_LOCK).for_each(|number| round(&world, machines, 9000 + number, number));
    println!("{ROUNDS_WITH_LOCK} random runs on two machines, no duplicate");
}

#[test]
fn pypi_every_kind_of_broken_connection_ends_in_one_version() {
    let world = world(Machines::One);
    // Before, during and after the request went through; and silence, as long as the clocks let it be.
    let faults =
        [Fault::Refuse, Fault::BreakOff, Fault::Truncate, Fault::DropAnswer, Fault::Hang, Fault::Html(200)];
    for (number, fault) in (1..).zip(faults) {
        world.project.build(&format!("FAULT = '{fault}'\n")).unwrap();
        for operation in OPERATIONS {
            world.proxy.add(Rule::times(1, fault.clone()).of(operation).in_region("eu-west-1"));
        }
        let told = format!("1 time {fault} to everything");
        let run = world.publish();
        assert!([0, 3].contains(&run.code), "{told}\n{}", run.stderr);
        world.proxy.heal();
        world.publish().ends_with(0);
        for region in REGIONS {
            is_right(&world, region, number, &told);
        }
    }
}

#[test]
fn pypi_a_clock_that_is_wrong_is_told_as_such_and_nothing_is_published_twice() {
    let world = World::new(&["eu-west-1"], &[]);
    for (code, message) in [
        (
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ),
        (
            "InvalidSignatureException",
            "Signature expired: 20260101T000000Z is now earlier than 20260101T000500Z",
        ),
        (
            "SignatureDoesNotMatch",
            "Signature not yet current: 20260101T001000Z is still later than 20260101T000500Z",
        ),
    ] {
        let skewed = Fault::Error { status: 403, code, message };
        for operation in ["GetCallerIdentity", "ListLayerVersions", "PublishLayerVersion"] {
            world.proxy.heal();
            world.proxy.add(Rule::always(skewed.clone()).of(operation));
            let run = world.publish().ends_with(1).says("the clock of this machine is too far off for AWS");
            assert!(run.count("PublishLayerVersion") <= 3, "{:?}", run.calls);
            run.says(&format!("({code}, {operation}")).says("hint: set the clock of this machine");
        }
    }
    let wrong = "The request signature we calculated does not match the signature you provided.";
    world.proxy.heal();
    world.proxy.add(Rule::always(Fault::Error {
        status: 403,
        code: "SignatureDoesNotMatch",
        message: wrong,
    }));
    world.publish().ends_with(1).says("hint: check the secret key with `aws sts get-caller-identity`");
    world.proxy.heal();
    world.publish().ends_with(0).prints(&[world.arn("eu-west-1", 1)]);
}

#[cfg(unix)]
#[test]
fn pypi_a_full_disk_is_noticed_before_anything_is_published() {
    let world = World::new(&["eu-west-1"], &[]);
    world.publish().ends_with(0);
    world.project.build("VERSION = 2\n").unwrap();
    let ledger = world.ledger();
    // Writing fails as on a full disk, instead of ending the process.
    let publish = world.command(&["publish"]);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$0\" publish"]).arg(publish.get_program());
    command.env_clear().current_dir(world.project.folder());
    command.envs(publish.get_envs().filter_map(|(name, value)| Some((name, value?))));
    world.proxy.take_calls();
    let run = Run::new(command.output().unwrap(), world.proxy.take_calls()).ends_with(1);
    assert_eq!(run.calls.len(), 0);
    run.says("error: failed to write `").says("layer-versions.json`").says("Caused by: ").says("hint: ");
    assert_eq!(world.ledger(), ledger);
    let left = std::fs::read_dir(world.project.folder()).unwrap().flatten().map(|entry| entry.file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with(".layer-versions")));
    world.publish().ends_with(0).prints(&[world.arn("eu-west-1", 2)]);
}

/// `/dev/full` takes nothing: whoever writes there has lost its results, and has to say so.
#[cfg(target_os = "linux")]
#[test]
fn pypi_results_that_are_lost_are_a_failure() {
    let world = World::new(&["eu-west-1"], &[]);
    for arguments in [
        &["publish"][..],
        &["publish", "--format", "json"],
        &["latest", "demo"],
        &["status", "--format", "json"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = world.command(arguments).stdout(full).output().unwrap();
        Run::new(output, Vec::new()).ends_with(1).says("error: failed to write to standard output: ");
    }
    assert!(world.ledger().contains("layer:demo:1\""));
}

#[test]
fn pypi_what_cannot_be_written_down_is_told_and_written_down_by_the_next_run() {
    let world = World::new(&["eu-west-1"], &[]);
    world.proxy.add(Rule::times(1, Fault::Delay(Duration::from_secs(1))).of("PublishLayerVersion"));
    let run = world.command(&["publish"]).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    world.proxy.wait_for("PublishLayerVersion", 1);
    // Somebody has a merge conflict just then.
    let conflict = "{\n  \"schema\": 1,\n<<<<<<< HEAD\n";
    world.project.write("layer-versions.json", conflict).unwrap();
    let run = Run::new(run.wait_with_output().unwrap(), Vec::new()).ends_with(3);
    run.says("error: failed to read the ledger `").prints(&[world.arn("eu-west-1", 1)]);
    assert_eq!(world.ledger(), conflict);
    std::fs::remove_file(world.project.path("layer-versions.json")).unwrap();
    let run = world.publish().ends_with(0).says("Unchanged eu-west-1: version 1");
    assert_eq!(run.count("PublishLayerVersion"), 0);
    assert!(world.ledger().contains(&world.arn("eu-west-1", 1)));
}
