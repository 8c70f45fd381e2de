//! Two accounts: targets, the account that STS must name, and promotion from one to the other.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use serde_json::Value;
use tests::proxy::{Fault, Rule};
use tests::world::World;

const DEV: &str = "210000000001";
const PROD: &str = "210000000002";

/// A layer that goes to two accounts, each under a profile of its own.
fn world(name: &str) -> (World, String, String) {
    let world = World::new(&["eu-west-1"], &[]);
    // Each test has accounts of its own.
    let (dev, prod) = (DEV.replace("0000", name), PROD.replace("0000", name));
    world.configure(&format!(
        "[layers.demo.publish]\nregions = [\"eu-west-1\", \"us-east-1\"]\n\
         [layers.demo.publish.targets.dev]\naccount = \"{dev}\"\nprofile = \"dev\"\n\
         [layers.demo.publish.targets.prod]\naccount = \"{prod}\"\nprofile = \"prod\"\nregions = [\"us-west-2\"]\n\
         permissions = {{ organization = \"o-a1b2c3d4e5\" }}\n"
    ));
    let keys = |profile: &str, account: &str| {
        format!("[{profile}]\naws_access_key_id = {account}\naws_secret_access_key = test\n")
    };
    world.project.write("credentials", keys("dev", &dev) + &keys("prod", &prod)).unwrap();
    (world, dev, prod)
}

fn run(world: &World, arguments: &[&str]) -> tests::world::Run {
    let mut command = world.command(arguments);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command.env("AWS_SHARED_CREDENTIALS_FILE", world.project.path("credentials"));
    world.proxy.take_calls();
    tests::world::Run::new(command.output().unwrap(), world.proxy.take_calls())
}

fn arn(region: &str, account: &str, version: u64) -> String {
    format!("arn:aws:lambda:{region}:{account}:layer:demo:{version}")
}

#[test]
fn pypi_dev_is_published_and_promoted_to_prod() {
    let (world, dev, prod) = world("1111");
    let promote = ["promote", "demo", "--from", "dev", "--to", "prod"];
    let same = run(&world, &["promote", "demo", "--from", "dev", "--to", "dev"]).ends_with(1);
    assert_eq!(same.calls.len(), 0);
    same.says("error: `--from` and `--to` both name target `dev` of layer `demo`")
        .says("hint: other targets are: `prod`");
    // There is nothing yet.
    let failed = run(&world, &promote).ends_with(1).says("names no version of layer `demo` in target `dev`");
    failed.says("hint: publish it there first with `layer-publisher publish --target dev`");

    let arns = [arn("eu-west-1", &dev, 1), arn("us-east-1", &dev, 1)];
    run(&world, &["publish", "--target", "dev"]).ends_with(0).prints(&arns);
    // Whatever is built now, the bytes of dev are promoted.
    let code_sha256 = world.project.code_sha256().unwrap();
    world.project.build("VERSION = 2\n").unwrap();
    run(&world, &[&promote[..], &["--dry-run"]].concat()).ends_with(0).says("Would publish us-west-2");
    let done = run(&world, &promote).ends_with(0).prints(&[arn("us-west-2", &prod, 1)]);
    done.says("Shared us-west-2: with organization o-a1b2c3d4e5");
    let again = run(&world, &promote).ends_with(0).says("Unchanged us-west-2: version 1 has this content");
    assert_eq!(again.calls.iter().filter(|call| call.operation == "PublishLayerVersion").count(), 0);

    let ledger: Value = serde_json::from_str(&world.ledger()).unwrap();
    let entries = ledger["versions"].as_array().unwrap();
    assert_eq!(entries.len(), 3);
    for entry in entries {
        assert_eq!(entry["code_sha256"], code_sha256.as_str());
        assert_eq!(entry["verified"], true);
        assert_eq!(entry["target"], if entry["account"] == prod.as_str() { "prod" } else { "dev" });
        assert_eq!(entry["compatible_runtimes"], serde_json::json!(["python3.12", "python3.13"]));
    }
}

#[test]
fn pypi_another_account_than_the_one_that_is_meant_gets_nothing() {
    let (world, dev, prod) = world("2222");
    let refused = run(&world, &["publish", "--target", "prod", "-p", "dev"]).ends_with(1).prints(&[]);
    assert!(refused.calls.iter().all(|call| call.operation == "GetCallerIdentity"), "{:?}", refused.calls);
    refused
        .says(&format!(
            "error: target `prod` belongs to account {prod}, and these credentials to account {dev}"
        ))
        .says("hint: name a profile of that account");
    let unknown = run(&world, &["publish", "--target", "prd"]).ends_with(1);
    assert_eq!(unknown.calls.len(), 0);
    unknown
        .says("layer `demo` has no target `prd`; did you mean `prod`?")
        .says("hint: targets there are: `dev`, `prod`");
}

#[test]
fn pypi_a_source_that_is_not_verified_is_refused_and_so_are_other_bytes() {
    let (world, _, _) = world("3333");
    let promote = ["promote", "demo", "--from", "dev", "--to", "prod"];
    run(&world, &["publish", "--target", "dev"]).ends_with(0);
    let ledger = world.ledger();
    world
        .project
        .write("layer-versions.json", ledger.replacen("\"verified\": true", "\"verified\": false", 1))
        .unwrap();
    let refused = run(&world, &promote).ends_with(1);
    assert!(refused.calls.iter().all(|call| call.operation == "GetCallerIdentity"));
    refused.says("version 1 of layer `demo` in eu-west-1 is not verified");

    // The regions disagree.
    let hash = world.project.code_sha256().unwrap();
    world.project.write("layer-versions.json", ledger.replacen(&hash, &"A".repeat(44), 1)).unwrap();
    run(&world, &promote)
        .ends_with(1)
        .says("has different contents of layer `demo`: eu-west-1 and us-east-1");
    // They agree, but not with what is there.
    world.project.write("layer-versions.json", ledger.replace(&hash, &"A".repeat(44))).unwrap();
    let refused =
        run(&world, &promote).ends_with(1).says("error: failed to fetch layer `demo` from target `dev`");
    refused.says(&format!("CodeSha256 is {hash}, and not AAAA"));

    // One region is dead: the other has the same bytes.
    world.project.write("layer-versions.json", ledger).unwrap();
    world.proxy.add(Rule::always(Fault::Refuse).in_region("eu-west-1"));
    run(&world, &promote).ends_with(0);
}

/// Whoever has other credentials than usual makes no versions in another account by accident, and gets rid of the rows of
/// those that were made before that was known.
#[test]
fn pypi_a_second_account_has_to_be_meant_and_its_rows_can_be_forgotten() {
    let (world, dev, prod) = world("5555");
    let table = "[layers.demo.publish]\nregions = [\"eu-west-1\"]\n";
    world.configure(table);
    run(&world, &["publish", "-p", "dev"]).ends_with(0);
    let ledger = world.ledger();
    let other = run(&world, &["publish", "-p", "prod"]).ends_with(1).prints(&[]);
    assert!(other.calls.iter().all(|call| call.operation == "GetCallerIdentity"), "{:?}", other.calls);
    other
        .says(&format!(
            "error: layer `demo` was published to account {dev} so far, and these credentials are for account {prod}"
        ))
        .says(&format!("hint: name the account that is meant with `account = \"{prod}\"` in `[layers.demo.publish]`"))
        .says("or make it a target of its own");
    assert_eq!(world.ledger(), ledger);
    // A run that changes nothing says so and goes on.
    run(&world, &["publish", "-p", "prod", "--dry-run"])
        .ends_with(0)
        .says("warning: layer `demo` was published");
    // Named, or through a target of its own, it is meant.
    world.configure(&format!("{table}account = \"{prod}\"\n"));
    run(&world, &["publish", "-p", "prod"]).ends_with(0).prints(&[arn("eu-west-1", &prod, 1)]);
    world.configure(&format!("{table}[layers.demo.publish.targets.own]\nprofile = \"prod\"\n"));
    run(&world, &["publish", "--target", "own"]).ends_with(0);
    world.configure(&format!("{table}profile = \"dev\"\n"));

    // No way leads to prod now.
    let row = arn("eu-west-1", &prod, 1);
    let forget = format!("take the row out of the ledger with `layer-publisher status --forget {row}`");
    for command in [&["status"][..], &["usage", "demo"], &["prune", "demo", "--keep", "1"]] {
        run(&world, command).ends_with(3).says(&forget);
    }
    // `--repair` leaves alone what it cannot ask about.
    run(&world, &["status", "--repair"]).ends_with(3);
    assert!(world.ledger().contains(&row));
    let wrong = run(&world, &["status", "--forget", &arn("eu-west-1", &prod, 2)]).ends_with(1);
    wrong.says("has no row").says(&format!("--forget {row}`"));
    let done = run(&world, &["status", "--forget", &row]).ends_with(0).says(&format!("Forgot {row}"));
    assert_eq!(done.calls.len(), 0);
    assert!(!world.ledger().contains(&prod), "{}", world.ledger());
    assert!(world.ledger().contains(&dev), "{}", world.ledger());
    run(&world, &["status"]).ends_with(0);
}

#[test]
fn pypi_a_role_is_taken_on() {
    let (world, dev, _) = world("4444");
    let role = format!("arn:aws:iam::{dev}:role/layer-publisher");
    world.configure(&format!(
        "[layers.demo.publish.targets.dev]\nregions = [\"eu-west-1\"]\nprofile = \"dev\"\nrole-arn = \"{role}\"\n"
    ));
    let run = run(&world, &["publish", "--target", "dev"]).ends_with(0);
    assert_eq!(run.calls[0].operation, "AssumeRole");
    assert_eq!(run.calls.iter().filter(|call| call.operation == "AssumeRole").count(), 1);
    // What comes after is signed with the role's own key.
    assert!(run.calls[1..].iter().all(|call| call.access_key != dev), "{:?}", run.calls);
}
