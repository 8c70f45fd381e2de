//! `status` against a local AWS: what it shows, what it makes of a ledger that is broken or missing, and what it takes
//! over from an old `deploy.sh`.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use serde_json::{Value, json};
use tests::proxy::{Fault, Rule};
use tests::world::{Run, World};

const LEDGER: &str = "layer-versions.json";

fn writes(run: &Run) -> usize {
    run.calls.iter().filter(|call| call.operation.writes()).count()
}

/// The kinds of what differs, region by region.
fn kinds(run: &Run) -> Vec<(String, Vec<String>)> {
    let document = run.json();
    let kind = |finding: &Value| finding["kind"].as_str().unwrap().to_owned();
    let row = |row: &Value| {
        let kinds = row["differences"].as_array().unwrap().iter().map(kind).collect();
        (row["region"].as_str().unwrap().to_owned(), kinds)
    };
    document["regions"].as_array().unwrap().iter().map(row).collect()
}

/// As the old `deploy.sh` did it: the zip in the request, a description of its own, and no mark.
fn deploy_sh(world: &World, region: &str) {
    let zip = format!("fileb://{}", world.project.path("target/layers/demo.zip").display());
    world.aws(&[
        "lambda",
        "publish-layer-version",
        "--layer-name",
        "demo",
        "--description",
        "sosw and friends",
        "--zip-file",
        &zip,
        "--compatible-runtimes",
        "python3.12",
        "python3.13",
        "--compatible-architectures",
        "x86_64",
        "arm64",
        "--license-info",
        "MIT",
        "--region",
        region,
    ]);
}

fn versions(world: &World) -> Vec<(String, u64, bool)> {
    let ledger: Value = serde_json::from_str(&world.ledger()).unwrap();
    let row = |row: &Value| {
        let region = row["region"].as_str().unwrap().to_owned();
        (region, row["version"].as_u64().unwrap(), row["verified"].as_bool().unwrap())
    };
    ledger["versions"].as_array().unwrap().iter().map(row).collect()
}

#[test]
fn pypi_all_that_can_differ_is_found_and_nothing_is_changed() {
    let world = World::new(&["eu-west-1", "us-east-1"], &[]);
    world.configure(
        "[layers.demo.publish]\nregions = [\"eu-west-1\", \"us-east-1\"]\nssm-parameter = \"latest\"\n\
         permissions = { accounts = [\"210987654321\"] }\n",
    );
    let run = world.run(&["status", "--check", "--format", "json"]).ends_with(1);
    assert_eq!(kinds(&run)[0].1, ["not-published"]);
    world.publish().ends_with(0);
    let run = world.run(&["status", "--check"]).ends_with(0);
    let table = [
        format!("demo in account {}", world.account),
        "REGION     LEDGER  NEWEST  BUILT  VERIFIED  SHARED     POINTER".to_owned(),
        "eu-west-1  1       1       same   yes       1 account  1".to_owned(),
        "us-east-1  1       1       same   yes       1 account  1".to_owned(),
    ];
    let operations = run.operations().join(" ");
    assert_eq!(
        operations,
        "GetCallerIdentity GetLayerVersion GetLayerVersion GetLayerVersionPolicy GetLayerVersionPolicy \
         GetParameter GetParameter ListLayerVersions ListLayerVersions"
    );
    run.prints(&table);

    // Somebody takes a permission away here and moves the pointer there, and publishes something else.
    let remove =
        ["lambda", "remove-layer-version-permission", "--layer-name", "demo", "--version-number", "1"];
    world.aws(&[&remove[..], &["--statement-id", "account-210987654321", "--region", "eu-west-1"]].concat());
    let put = ["ssm", "put-parameter", "--name", "latest", "--value", "x", "--overwrite"];
    world.aws(&[&put[..], &["--region", "us-east-1"]].concat());
    world.project.build("VERSION = 2\n").unwrap();
    world.run(&["publish", "--region", "us-east-1"]).ends_with(0);
    world.aws(&[&put[..], &["--region", "us-east-1"]].concat());
    let ledger = world.ledger();
    let run = world.run(&["status", "--check", "--format", "json"]).ends_with(1);
    assert_eq!(writes(&run), 0);
    let differences = kinds(&run);
    assert_eq!(differences[0].1, ["built-differs", "permissions"]);
    assert_eq!(differences[1].1, ["pointer", "content-drift"]);
    world.run(&["status"]).ends_with(0).says("`layer-publisher publish` brings everything");
    assert_eq!(world.ledger(), ledger);

    // A ledger that says something else about a version than Lambda does.
    let other = ledger.replace(&world.project.code_sha256().unwrap(), &"A".repeat(44));
    world.project.write(LEDGER, other).unwrap();
    let run = world.run(&["status", "--region", "us-east-1", "--format", "json"]).ends_with(0);
    assert_eq!(kinds(&run)[0].1, ["ledger-differs", "pointer"]);
    world.run(&["status", "--repair"]).ends_with(0).says("Repaired `demo` in us-east-1");
    assert_eq!(world.ledger(), ledger);
}

#[test]
fn pypi_a_dead_region_is_told_and_the_others_are_shown() {
    let world = World::new(&["eu-west-1", "us-east-1"], &["me-south-1"]);
    world.publish().ends_with(0);
    let dead = |region: &str| world.proxy.add(Rule::always(Fault::Refuse).in_region(region));
    dead("me-south-1");
    let run = world.run(&["status"]).ends_with(0).says("Failed demo in me-south-1");
    assert!(run.stdout.contains("me-south-1  1       ?       ?      yes       ?        ?"), "{}", run.stdout);
    dead("us-east-1");
    let run = world.run(&["status", "--check", "--format", "json"]).ends_with(3);
    let document = run.json();
    assert_eq!(document["exit_code"], json!(3));
    assert_eq!(document["regions"][0]["same_as_built"], json!(true));
    assert!(document["regions"][1]["error"].is_string());
    // What nobody could ask about stays in the ledger.
    let ledger = world.ledger();
    world.run(&["status", "--repair"]).ends_with(3);
    assert_eq!(world.ledger(), ledger);
    dead("eu-west-1");
    let run = world.run(&["status", "--repair"]);
    assert_eq!((run.code, world.ledger()), (1, ledger));
}

#[test]
fn pypi_a_ledger_with_conflict_markers_or_cut_off_or_lost_is_made_anew_from_what_is_there() {
    let world = World::new(&["eu-west-1", "us-east-1"], &[]);
    world.publish().ends_with(0);
    world.project.build("VERSION = 2\n").unwrap();
    let ours = world.ledger();
    world.publish().ends_with(0);
    world
        .run(&["rollback", "demo", "--to", "1", "--reason", "imports fail", "--region", "us-east-1"])
        .ends_with(0);
    let whole = world.ledger();
    // What git leaves of a merge, line by line.
    let mut conflict = String::new();
    let mut lines = whole.lines().peekable();
    for line in ours.lines() {
        match lines.peek() {
            Some(other) if *other == line => {
                conflict += &format!("{line}\n");
                lines.next();
            }
            Some(other) if line.starts_with("      \"") => {
                conflict += &format!("<<<<<<< HEAD\n{line}\n=======\n{other}\n>>>>>>> branch\n");
                lines.next();
            }
            _ => conflict += &format!("{line}\n"),
        }
    }
    for (broken, is_withdrawn_known) in [
        (conflict.replace("  ]\n}\n", ""), false),
        (format!("<<<<<<< HEAD\n{ours}=======\n{whole}>>>>>>> branch\n"), true),
        (whole[..whole.len() - "  ]\n}\n".len()].to_owned(), true),
        (whole[..whole.len() - "    }\n  ]\n}\n".len()].to_owned(), false),
        ("not a ledger at all".to_owned(), false),
    ] {
        world.project.write(LEDGER, &broken).unwrap();
        let refused = world.run(&["status"]).ends_with(1).says("status --repair");
        assert!(refused.calls.is_empty());
        let kept = |world: &World| {
            let folder = std::fs::read_dir(world.project.path("")).unwrap();
            let is_kept = |name: &String| name.starts_with("layer-versions.json.broken");
            let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(is_kept);
            names.map(|name| world.project.read(&name).unwrap()).collect::<Vec<_>>()
        };
        let run =
            world.run(&["status", "--repair"]).ends_with(0).says("Kept what could not be read as `layer-");
        assert_eq!(writes(&run), 0);
        assert!(kept(&world).contains(&broken));
        let us = if is_withdrawn_known { 1 } else { 2 };
        let expected = [("eu-west-1".to_owned(), 2, true), ("us-east-1".to_owned(), us, true)];
        assert_eq!(versions(&world), expected, "{broken}");
        // A second time there is nothing to repair.
        let ledger = world.ledger();
        let again = world.run(&["status", "--repair"]).ends_with(0);
        assert!(!again.stderr.contains("Repaired"), "{}", again.stderr);
        assert_eq!(world.ledger(), ledger);
    }

    // Lost altogether; and a schema of the future is not ours to repair.
    std::fs::remove_file(world.project.path(LEDGER)).unwrap();
    world
        .run(&["status", "--check"])
        .ends_with(1)
        .says("`layer-publisher status --repair` brings the ledger");
    world.run(&["status", "--repair"]).ends_with(0).says("Repaired `demo` in eu-west-1");
    assert_eq!(versions(&world).len(), 2);
    let future = world.ledger().replace("\"schema\": 1", "\"schema\": 2");
    world.project.write(LEDGER, &future).unwrap();
    world.run(&["status", "--repair"]).ends_with(1).says("this program knows schema 1");
    assert_eq!(world.ledger(), future);
}

#[test]
fn pypi_what_deploy_sh_has_published_is_imported_and_verified_by_the_built_zip_only() {
    let world = World::new(&["eu-west-1", "us-east-1"], &[]);
    deploy_sh(&world, "eu-west-1");
    deploy_sh(&world, "us-east-1");
    world.project.build("VERSION = \"other\"\n").unwrap();
    deploy_sh(&world, "us-east-1");
    world.project.build("VERSION = 1\n").unwrap();
    // It is none of ours, so a repair leaves it alone; but for what is what was built.
    let run = world.run(&["status", "--format", "json"]).ends_with(0);
    assert_eq!(kinds(&run)[0].1, ["not-in-ledger"]);
    let run = run.says("`layer-publisher status --import` takes versions over");
    assert_eq!(kinds(&run)[1].1, ["not-in-ledger", "built-differs", "content-drift"]);

    let run = world.run(&["status", "--import"]).ends_with(0).says("Imported `demo` in eu-west-1");
    assert_eq!(writes(&run), 0);
    run.says("version 2, not verified: it is not what is built");
    let imported = [("eu-west-1".to_owned(), 1, true), ("us-east-1".to_owned(), 2, false)];
    assert_eq!(versions(&world), imported);
    let ledger = world.ledger();
    world.run(&["status", "--import"]).ends_with(0);
    assert_eq!(world.ledger(), ledger);
    // From here on it is a layer like any other: nothing is published where the content is there.
    let run = world.publish().ends_with(0).says("Unchanged eu-west-1: version 1");
    assert_eq!(run.count("PublishLayerVersion"), 1);
    assert_eq!(versions(&world), [("eu-west-1".to_owned(), 1, true), ("us-east-1".to_owned(), 3, true)]);
}

#[test]
fn pypi_both_accounts_are_looked_at_and_one_without_credentials_does_not_hold_up_the_other() {
    let world = World::new(&["eu-west-1"], &[]);
    let (dev, prod) = ("220000000001", "220000000002");
    world.configure(&format!(
        "[layers.demo.publish]\nregions = [\"eu-west-1\"]\n\
         [layers.demo.publish.targets.dev]\naccount = \"{dev}\"\nprofile = \"dev\"\n\
         [layers.demo.publish.targets.prod]\naccount = \"{prod}\"\nprofile = \"prod\"\nregions = [\"us-west-2\"]\n"
    ));
    let keys = |profile: &str, account: &str| {
        format!("[{profile}]\naws_access_key_id = {account}\naws_secret_access_key = test\n")
    };
    world.project.write("credentials", keys("dev", dev) + &keys("prod", prod)).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        command.env("AWS_SHARED_CREDENTIALS_FILE", world.project.path("credentials"));
        world.proxy.take_calls();
        Run::new(command.output().unwrap(), world.proxy.take_calls())
    };
    run(&["publish", "--target", "dev"]).ends_with(0);
    run(&["promote", "demo", "--from", "dev", "--to", "prod"]).ends_with(0);
    let both = run(&["status", "--check"]).ends_with(0);
    assert_eq!(both.count("GetCallerIdentity"), 2);
    for line in [format!("demo in account {dev}, target dev"), format!("demo in account {prod}, target prod")]
    {
        assert!(both.stdout.lines().any(|shown| shown == line), "{}", both.stdout);
    }
    let one = run(&["status", "--target", "prod", "--format", "json"]).ends_with(0);
    assert_eq!(one.json()["regions"].as_array().unwrap().len(), 1);

    // A lost ledger is found again with the targets' names.
    let ledger = world.ledger();
    std::fs::remove_file(world.project.path(LEDGER)).unwrap();
    run(&["status", "--repair"]).ends_with(0);
    assert_eq!(world.ledger(), ledger);

    // The ledger may know an account that nothing leads to any more.
    let stray = ledger.replace(&format!("\"{prod}\""), "\"220000000003\"");
    let stray = stray.replace(&format!(":{prod}:"), ":220000000003:").replace("\"prod\"", "\"old\"");
    world.project.write(LEDGER, &stray).unwrap();
    let run_stray = run(&["status"]).ends_with(3);
    run_stray.says("no way of `layers.toml` leads to arn:aws:lambda:us-west-2:220000000003:layer:demo:1");
    world.project.write(LEDGER, &ledger).unwrap();

    // Numbers are those of one account: which one must be said.
    let refused = run(&["rollback", "demo", "--to", "1"]).ends_with(1);
    assert_eq!(refused.calls.len(), 0);
    refused
        .says("layer `demo` was published to several targets: `dev`, `prod`")
        .says("hint: name one with `layer-publisher rollback demo --target dev --to …`");

    // Credentials that are gone, and those of another account.
    world.project.write("credentials", keys("dev", dev)).unwrap();
    let half =
        run(&["status"]).ends_with(3).says("error: failed to reach layer `demo` through target `prod`");
    assert!(half.stdout.contains(&format!("demo in account {dev}")), "{}", half.stdout);
    world.project.write("credentials", keys("dev", dev) + &keys("prod", dev)).unwrap();
    let other = run(&["status", "--format", "json"]).ends_with(3);
    let said = other.json()["not_asked"][0]["error"].as_str().unwrap().to_owned();
    assert_eq!(
        said,
        format!("target `prod` belongs to account {prod}, and these credentials to account {dev}")
    );
    assert_eq!(world.ledger(), ledger);
}
