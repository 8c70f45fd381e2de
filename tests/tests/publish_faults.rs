//! The matrix of faults: random ones, in random calls, at random times, then a clean run. After it there is exactly one
//! version of each content in every region, shared and pointed to as it should be, and the ledger says so.
//!
//! The clocks are 20 times as fast (`LAYER_PUBLISHER_TEST_HASTE`), the code paths are the same. The seed of a failure
//! is part of its message; `FAULT_SEED=<seed>` runs that one alone.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::time::Duration;

use serde_json::Value;
use tests::proxy::{Fault, Late, Rule};
use tests::world::{World, local_aws};

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
const WORLDS: u64 = 6;
const ROUNDS: u64 = 36;

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
        match self.roll(12) {
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
            _ => (Fault::Delay(Duration::from_millis(self.roll(300))), times),
        }
    }
}

/// Lambda's own list of versions in a region, past the proxy and without any SDK.
fn versions(world: &World, region: &str) -> Vec<Value> {
    let listed = world.lambda(region, "layers/demo/versions?MaxItems=50");
    listed["LayerVersions"].as_array().unwrap().clone()
}

fn world() -> World {
    let world = World::new(&REGIONS, &[]);
    world.configure(&format!(
        "[layers.demo.publish]\nregions = {REGIONS:?}\nssm-parameter = \"lambda-layer-demo-latest\"\n\
         permissions = {{ accounts = [\"111111111111\"] }}\n"
    ));
    world
}

/// One round: a new content, faults, perhaps a kill or a second run at the same time; then a clean run.
fn round(world: &World, seed: u64, number: u64) {
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
        let operation = if dice.roll(2) == 0 { "PublishLayerVersion" } else { dice.one_of(&OPERATIONS) };
        let mut rule = Rule::times(times, fault.clone()).of(operation);
        if dice.roll(2) == 0 {
            rule = rule.in_region(dice.one_of(&REGIONS));
        }
        story.push(format!("{times} times {fault} to {operation}"));
        world.proxy.add(rule);
    }
    let runs = if dice.roll(5) == 0 { 2 } else { 1 };
    let mut children = (0..runs)
        .map(|_| {
            world
                .command(&["publish", "--quiet"])
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect::<Vec<_>>();
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
        let there = versions(world, region);
        assert_eq!(there.len() as u64, number, "{told}: {region} has {there:?}");
        let row = rows.iter().find(|row| row["region"] == region).unwrap();
        assert_eq!(row["version"], number, "{told}");
        assert_eq!((&row["verified"], &row["error"]), (&Value::Bool(true), &Value::Null), "{told}");
        assert!(world.ledger().contains(&format!("\"{}\"", world.arn(region, number))), "{told}");
    }
    // And the next one has nothing to do.
    let last = world.publish();
    let writes = last.calls.iter().filter(|call| {
        call.operation.writes() && call.operation != "GetCallerIdentity" && call.operation != "PutParameter"
    });
    assert_eq!((last.code, writes.count(), last.count("PutParameter")), (0, 0, 0), "{told}\n{}", last.stderr);
}

#[test]
fn pypi_random_faults_never_make_a_second_version() {
    local_aws();
    if let Some(seed) = std::env::var("FAULT_SEED").ok().and_then(|seed| seed.parse().ok()) {
        return round(&world(), seed, 1);
    }
    let rounds = |number: u64| {
        let world = world();
        (1..=ROUNDS).for_each(|round_number| round(&world, number * 1000 + round_number, round_number));
    };
    std::thread::scope(|scope| {
        let threads = (1..=WORLDS).map(|number| scope.spawn(move || rounds(number))).collect::<Vec<_>>();
        for thread in threads {
            thread.join().unwrap();
        }
    });
    println!("{} random runs, no duplicate", WORLDS * ROUNDS);
}
