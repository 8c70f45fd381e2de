//! Who may use a version: what `layers.toml` wants, against the policy as the AWS CLI reads it.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use serde_json::{Value, json};
use tests::proxy::{Fault, Rule};
use tests::world::World;

const REGION: &str = "eu-west-1";

fn world(permissions: &str) -> World {
    let world = World::new(&[REGION], &[]);
    configure(&world, permissions);
    world
}

fn configure(world: &World, permissions: &str) {
    world.configure(&format!(
        "[layers.demo.publish]\nregions = [\"{REGION}\"]\npermissions = {{ {permissions} }}\n"
    ));
}

/// Principal and organisation of each statement, sorted, by the AWS CLI's word.
fn policy(world: &World) -> Vec<(String, Value)> {
    let arguments = ["lambda", "get-layer-version-policy", "--layer-name", "demo", "--version-number", "1"];
    let answer = world.aws(&[&arguments[..], &["--region", REGION]].concat());
    let policy: Value = serde_json::from_str(answer["Policy"].as_str().unwrap()).unwrap();
    let statements = policy["Statement"].as_array().unwrap().iter().map(|statement| {
        assert_eq!(statement["Action"], "lambda:GetLayerVersion");
        let principal = &statement["Principal"];
        let principal = principal.as_str().or_else(|| principal["AWS"].as_str()).unwrap().to_owned();
        (principal, statement["Condition"]["StringEquals"]["aws:PrincipalOrgID"].clone())
    });
    let mut statements = statements.collect::<Vec<_>>();
    statements.sort_by_key(|(principal, _)| principal.clone());
    statements
}

#[test]
fn pypi_accounts_and_an_organization_are_added_and_others_only_told_or_removed() {
    let world = world("accounts = [\"111111111111\"], organization = \"o-a1b2c3d4e5\"");
    let run = world.publish().ends_with(0).says("Shared eu-west-1: with account 111111111111");
    assert_eq!(run.count("AddLayerVersionPermission"), 2);
    let granted = policy(&world);
    assert_eq!(granted.len(), 2);
    assert_eq!(granted[0], ("*".to_owned(), json!("o-a1b2c3d4e5")));
    assert!(granted[1].0.contains("111111111111"), "{granted:?}");

    // The second run reads, and writes nothing.
    let run = world.publish().ends_with(0);
    let steady = ["GetCallerIdentity", "GetLayerVersion", "GetLayerVersionPolicy", "ListLayerVersions"];
    assert_eq!(run.operations(), steady);

    // Somebody else is wanted: the first one stays until told otherwise.
    configure(&world, "accounts = [\"222222222222\"], organization = \"o-a1b2c3d4e5\"");
    let dry = world.run(&["publish", "--dry-run"]).ends_with(0);
    dry.says("Would share eu-west-1: with account 222222222222")
        .says("warning: eu-west-1: also shared with account 111111111111");
    assert_eq!(policy(&world).len(), 2);
    world.publish().ends_with(0).says("also shared with account 111111111111");
    assert_eq!(policy(&world).len(), 3);
    let run = world.run(&["publish", "--remove-other-permissions"]).ends_with(0);
    run.says("Unshared eu-west-1: with account 111111111111");
    let granted = policy(&world);
    assert!(granted.len() == 2 && granted[1].0.contains("222222222222"), "{granted:?}");
}

#[test]
fn pypi_public_wants_a_word_of_its_own() {
    let world = world("public = true");
    let run = world.publish().ends_with(1).prints(&[]).says("layers.toml` makes layer `demo` public");
    assert_eq!(run.calls.len(), 0);
    run.says("hint: if that is meant, say so with `layer-publisher publish demo --allow-public`");
    world.run(&["publish", "--dry-run"]).ends_with(0).says("Would share eu-west-1: with everybody");
    world.run(&["publish", "--allow-public"]).ends_with(0).says("Shared eu-west-1: with everybody");
    assert_eq!(policy(&world), [("*".to_owned(), Value::Null)]);
    // Private again.
    configure(&world, "accounts = []");
    world.run(&["publish", "--remove-other-permissions"]).ends_with(0);
    let run = world.publish().ends_with(0);
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
}

#[test]
fn pypi_permissions_that_meet_faults_are_right_in_the_end_or_told() {
    let world = world("accounts = [\"111111111111\", \"222222222222\"]");
    world.proxy.add(Rule::times(1, Fault::DropAnswer).of("AddLayerVersionPermission"));
    world.proxy.add(Rule::times(2, Fault::Throttle).of("AddLayerVersionPermission"));
    let raced =
        Fault::Error { status: 412, code: "PreconditionFailedException", message: "The Revision Id is old." };
    world.proxy.add(Rule::times(1, raced).of("AddLayerVersionPermission"));
    world.publish().ends_with(0);
    assert_eq!(policy(&world).len(), 2);

    // Published, but not as it was to be shared: that is a failure, and the next run mends it.
    configure(&world, "accounts = [\"111111111111\", \"222222222222\", \"333333333333\"]");
    let denied = Fault::Error { status: 403, code: "AccessDeniedException", message: "not authorized" };
    world.proxy.heal();
    world.proxy.add(Rule::always(denied).of("AddLayerVersionPermission"));
    let run =
        world.publish().ends_with(1).says("Failed eu-west-1: the permissions are not right: not authorized");
    run.says("allow it `lambda:AddLayerVersionPermission`");
    world.proxy.heal();
    world.publish().ends_with(0);
    assert_eq!(policy(&world).len(), 3);
    assert_eq!(world.versions(REGION), [1]);
}
