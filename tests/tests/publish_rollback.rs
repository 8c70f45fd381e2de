//! `rollback` against a local AWS: back to an older version in the ledger, the pointers, and the templates.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use serde_json::{Value, json};
use tests::proxy::{Fault, Rule};
use tests::world::{Run, World};

const REGIONS: &str = "regions = [\"eu-west-1\", \"us-east-1\"]\n";

fn world() -> World {
    let world = World::new(&["eu-west-1"], &[]);
    world.configure(&format!("[layers.demo.publish]\n{REGIONS}ssm-parameter = \"latest\"\n"));
    world
}

/// A version with this content, everywhere or in one region.
fn publish(world: &World, content: &str, region: Option<&str>) {
    world.project.build(&format!("VERSION = {content:?}\n")).unwrap();
    let region = region.map(|region| ["--region", region]);
    world.run(&[&["publish"][..], region.as_ref().map_or(&[], |region| &region[..])].concat()).ends_with(0);
}

fn pointer(world: &World, region: &str) -> String {
    let answer = world.aws(&["ssm", "get-parameters", "--names", "latest", "--region", region]);
    answer["Parameters"][0]["Value"].as_str().unwrap_or_default().to_owned()
}

/// `region version withdrawn` of every row.
fn rows(world: &World) -> Vec<String> {
    let ledger: Value = serde_json::from_str(&world.ledger()).unwrap();
    let row = |entry: &Value| {
        let withdrawn = entry.get("withdrawn").map(|withdrawn| format!(" {withdrawn}")).unwrap_or_default();
        format!("{} {}{withdrawn}", entry["region"].as_str().unwrap(), entry["version"])
    };
    ledger["versions"].as_array().unwrap().iter().map(row).collect()
}

fn writes(run: &Run) -> usize {
    run.calls.iter().filter(|call| call.operation.writes()).count()
}

#[test]
fn pypi_ledger_pointers_and_templates_go_back_and_what_was_withdrawn_stays_away() {
    let world = world();
    publish(&world, "good", None);
    publish(&world, "bad", None);
    let template = |version: u64| {
        let arn = world.arn("eu-west-1", version);
        format!(
            "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Runtime: python3.13\n      Layers:\n        - {arn} # ours\n"
        )
    };
    world.project.write("stack.yaml", template(2)).unwrap();
    let ledger = world.ledger();
    let rollback = ["rollback", "demo", "--to", "1", "--reason", "imports fail"];
    let dry = world.run(&[&rollback[..], &["--dry-run"]].concat()).ends_with(0);
    assert_eq!(writes(&dry), 0);
    dry.says("Would roll back eu-west-1: from version 2 to version 1")
        .says("Would point us-east-1: `latest` to version 1");
    assert_eq!(world.ledger(), ledger);

    let arns = [world.arn("eu-west-1", 1), world.arn("us-east-1", 1)];
    let run = world.run(&rollback).ends_with(0).prints(&arns);
    assert_eq!((run.count("PutParameter"), writes(&run)), (2, 2));
    run.says(" Rolled back eu-west-1: from version 2 to version 1")
        .says("   Withdrawn us-east-1: version 2: imports fail");
    assert_eq!(
        rows(&world),
        ["eu-west-1 1 {\"2\":\"imports fail\"}", "us-east-1 1 {\"2\":\"imports fail\"}"]
    );
    assert!(!world.ledger().contains("\"verified\": false"));
    assert_eq!(pointer(&world, "us-east-1"), world.arn("us-east-1", 1));

    // Down without complaint, and byte-exact.
    let bump = world.project.command("template-tools").args(["bump", "stack.yaml"]).output().unwrap();
    assert!(bump.status.success(), "{}", String::from_utf8_lossy(&bump.stderr));
    assert_eq!(world.project.read("stack.yaml").unwrap(), template(1));

    // A second time there is nothing to do; `latest` passes over it; its content is refused with the reason.
    let ledger = world.ledger();
    let again = world.run(&rollback).ends_with(0).says("Unchanged eu-west-1: at version 1");
    assert_eq!((writes(&again), world.ledger()), (0, ledger.clone()));
    let latest = world.run(&["latest", "--format"]).code;
    assert_eq!(latest, 2);
    let latest = world.run(&["latest"]).ends_with(0);
    assert_eq!(latest.json()["versions"][0]["version"], json!(1));
    assert_eq!(latest.json()["versions"][0]["withdrawn"], json!({ "2": "imports fail" }));
    let (failed, would) = ("error: failed to publish", "error: would fail to publish");
    for (arguments, verb) in [
        (&["publish"][..], failed),
        (&["publish", "--check"], would),
        (&["publish", "--dry-run"], would),
        (&["publish", "--reuse-older"], failed),
    ] {
        let refused = world.run(arguments).ends_with(1);
        assert_eq!(writes(&refused), 0);
        refused
            .says(verb)
            .says(" layer `demo` to eu-west-1, us-east-1\n  Caused by: this content")
            .says("this content was withdrawn as version 2: imports fail")
            .says("take the withdrawal back with `--reinstate`");
    }
    assert_eq!(world.ledger(), ledger);
    assert_eq!(pointer(&world, "eu-west-1"), world.arn("eu-west-1", 1));

    // What is built from the good content is unchanged, in the usual number of calls; what is new comes after all.
    world.project.build("VERSION = \"good\"\n").unwrap();
    let run = world.publish().ends_with(0);
    assert_eq!((run.calls.len(), world.ledger()), (7, ledger));
    world.run(&["publish", "--check"]).ends_with(0);
    publish(&world, "better", None);
    assert_eq!(
        rows(&world),
        ["eu-west-1 3 {\"2\":\"imports fail\"}", "us-east-1 3 {\"2\":\"imports fail\"}"]
    );
}

/// What `status` proposes after a rollback is what works then.
#[test]
fn pypi_status_tells_what_was_withdrawn_and_proposes_nothing_that_is_refused() {
    let world = world();
    publish(&world, "good", None);
    publish(&world, "bad", None);
    world.run(&["rollback", "demo", "--to", "1", "--reason", "imports fail"]).ends_with(0);
    let status = world.run(&["status"]).ends_with(0);
    for line in [
        "  eu-west-1: version 1 is not what is built: that is version 2, which is",
        "  us-east-1: note: version 2 is withdrawn: imports fail",
    ] {
        assert!(status.stdout.lines().any(|shown| shown == line), "{}", status.stdout);
    }
    assert!(status.stdout.lines().all(|line| line.chars().count() <= 80), "{}", status.stdout);
    assert!(!status.stderr.contains("brings everything"), "{}", status.stderr);
    status
        .says("build something else with `layer-builder build demo`")
        .says("`layer-publisher publish demo --reinstate`");
    world.run(&["status", "--check"]).ends_with(1);

    // A pointer that somebody has moved since: `publish` would move nothing.
    let arn = world.arn("eu-west-1", 2);
    world.aws(&[
        "ssm",
        "put-parameter",
        "--name",
        "latest",
        "--value",
        &arn,
        "--overwrite",
        "--region",
        "eu-west-1",
    ]);
    world.run(&["status"]).ends_with(0).says("`layer-publisher rollback demo --to 1` moves the pointer");
    world.run(&["rollback", "demo", "--to", "1"]).ends_with(0);
    assert_eq!(pointer(&world, "eu-west-1"), world.arn("eu-west-1", 1));

    // What is built is what is current: nothing is left to do, and the withdrawn one is told all the same.
    world.project.build("VERSION = \"good\"\n").unwrap();
    let status = world.run(&["status", "--check"]).ends_with(0);
    assert!(status.stdout.contains("note: version 2 is withdrawn: imports fail"), "{}", status.stdout);
    assert!(!status.stderr.contains("note:"), "{}", status.stderr);
}

#[test]
fn pypi_a_withdrawal_is_taken_back_only_by_word() {
    let world = world();
    publish(&world, "one", None);
    publish(&world, "two", None);
    world.run(&["rollback", "demo", "--to", "1"]).ends_with(0);
    let run = world.run(&["publish", "--reinstate"]).ends_with(0);
    assert_eq!(run.count("PublishLayerVersion"), 0);
    run.says("Current eu-west-1: version 2").says("Reinstated us-east-1: version 2 is no longer withdrawn");
    assert_eq!(rows(&world), ["eu-west-1 2", "us-east-1 2"]);
    assert_eq!(pointer(&world, "eu-west-1"), world.arn("eu-west-1", 2));

    world.run(&["rollback", "demo", "--to", "1"]).ends_with(0);
    let refused = world.run(&["rollback", "demo", "--to", "2"]).ends_with(1);
    refused
        .says("version 2 of layer `demo` in eu-west-1 was withdrawn: rolled back to version 1")
        .says("hint: if it is good after all, take that back with `layer-publisher rollback demo --to 2 --reinstate`");
    world.run(&["rollback", "demo", "--to", "2", "--reinstate"]).ends_with(0);
    assert_eq!(rows(&world), ["eu-west-1 2", "us-east-1 2"]);
}

#[test]
fn pypi_numbers_that_drift_are_refused_with_the_right_ones_and_the_content_does_it() {
    let world = world();
    publish(&world, "only here", Some("us-east-1"));
    publish(&world, "good", None);
    publish(&world, "bad", None);
    assert_eq!(rows(&world), ["eu-west-1 2", "us-east-1 3"]);
    let ledger = world.ledger();
    let refused = world.run(&["rollback", "demo", "--to", "1"]).ends_with(1);
    assert_eq!((writes(&refused), world.ledger()), (0, ledger.clone()));
    let refused = refused.says("error: version 1 of layer `demo` is not the same in every region");
    let line = |region: &str| {
        let line = refused.stderr.lines().find(|line| line.contains(region)).unwrap();
        line.rsplit(": ").next().unwrap().to_owned()
    };
    let (eu, us) = (line("eu-west-1:"), line("us-east-1:"));
    let digits = eu.strip_prefix("version 1 has sha256 ").unwrap().trim_end_matches('…');
    assert_eq!(us, format!("version 2 has sha256 {digits}…"));
    let hint = format!("`layer-publisher rollback demo --to sha256:{digits}`");
    assert!(refused.stderr.contains(&hint), "{}", refused.stderr);

    let arns = [world.arn("eu-west-1", 1), world.arn("us-east-1", 2)];
    world.run(&["rollback", "demo", "--to", &format!("sha256:{digits}")]).ends_with(0).prints(&arns);
    assert_eq!(pointer(&world, "us-east-1"), world.arn("us-east-1", 2));

    let nowhere = world.run(&["rollback", "demo", "--to", "77"]).ends_with(1);
    nowhere
        .says("error: layer `demo` has no version 77 to go back to")
        .says("the newest versions are 3, 2, 1");
    world.run(&["rollback", "demo", "--to", "sha256:xyz"]).ends_with(2);
    world.run(&["rollback", "demmo", "--to", "1"]).ends_with(1).says("did you mean `demo`?");
}

#[test]
fn pypi_a_dead_region_goes_back_the_next_time_and_so_does_what_was_killed_in_the_middle() {
    let world = world();
    publish(&world, "good", None);
    publish(&world, "bad", None);
    world.proxy.add(Rule::always(Fault::Refuse).in_region("us-east-1"));
    let rollback = ["rollback", "demo", "--to", "1", "--reason", "it breaks"];
    let run = world.run(&rollback).ends_with(3).prints(&[world.arn("eu-west-1", 1)]);
    run.says("Failed us-east-1").says("1 rolled back, 1 failed");
    assert_eq!(rows(&world), ["eu-west-1 1 {\"2\":\"it breaks\"}", "us-east-1 2"]);
    world.proxy.heal();

    // Killed between the ledger and the pointers: the next run moves what is left.
    world.proxy.add(Rule::always(Fault::Hang).of("PutParameter"));
    let mut child = world.command(&rollback).spawn().unwrap();
    world.proxy.wait_for("PutParameter", 1);
    child.kill().unwrap();
    child.wait().unwrap();
    world.proxy.heal();
    let withdrawn = ["eu-west-1 1 {\"2\":\"it breaks\"}", "us-east-1 1 {\"2\":\"it breaks\"}"];
    assert_eq!(rows(&world), withdrawn);
    assert_eq!(pointer(&world, "us-east-1"), world.arn("us-east-1", 2));
    let run = world.run(&rollback).ends_with(0);
    assert_eq!(run.count("PutParameter"), 1);
    assert_eq!(rows(&world), withdrawn);
    assert_eq!(pointer(&world, "us-east-1"), world.arn("us-east-1", 1));
}
