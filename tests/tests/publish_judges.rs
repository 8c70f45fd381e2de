//! The real AWS CLI and boto3 as judges: what they read in every place is what the ledger says, policy by policy. And
//! the whole way of two accounts: dev is published, prod gets the same bytes, the templates of both get their numbers.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::process::Command;

use serde_json::{Value, json};
use tests::command::run;
use tests::local_aws::point_at;
use tests::tools::Tool;
use tests::world::{Run, World, local_aws};

const POINTER: &str = "lambda-layer-demo-latest";

/// Two accounts of this test's own: dev in two regions, for two accounts and an organization; prod in one, for everybody.
fn world(name: &str) -> (World, String, String) {
    let world = World::new(&["eu-west-1"], &[]);
    let (dev, prod) = (format!("22000000{name}1"), format!("22000000{name}2"));
    world.configure(&format!(
        "[layers.demo.publish]\nregions = [\"eu-west-1\", \"us-east-1\"]\nssm-parameter = \"{POINTER}\"\n\
         [layers.demo.publish.targets.dev]\naccount = \"{dev}\"\nprofile = \"dev\"\n\
         permissions = {{ accounts = [\"111111111111\", \"222222222222\"], organization = \"o-a1b2c3d4e5\" }}\n\
         [layers.demo.publish.targets.prod]\naccount = \"{prod}\"\nprofile = \"prod\"\nregions = [\"us-west-2\"]\n\
         permissions = {{ public = true }}\n"
    ));
    let keys = |profile: &str, account: &str| {
        format!("[{profile}]\naws_access_key_id = {account}\naws_secret_access_key = test\n")
    };
    world.project.write("credentials", keys("dev", &dev) + &keys("prod", &prod)).unwrap();
    (world, dev, prod)
}

fn publisher(world: &World, arguments: &[&str]) -> Run {
    let mut command = world.command(arguments);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command.env("AWS_SHARED_CREDENTIALS_FILE", world.project.path("credentials"));
    Run::new(command.output().unwrap(), world.proxy.take_calls())
}

/// What a judge reads of a version: the version itself, its policy (null if it is private), and its region's pointer.
fn by_cli(row: &Value) -> Value {
    let ask = |arguments: &[&str]| {
        let mut command = Tool::install("aws-cli").unwrap().command("aws");
        as_account(&mut command, row);
        let output = command.args(["--output", "json"]).args(arguments).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default()
    };
    let number = row["version"].to_string();
    let version = ["--layer-name", "demo", "--version-number", &number];
    let policy = ask(&[&["lambda", "get-layer-version-policy"][..], &version].concat());
    json!({
        "version": ask(&[&["lambda", "get-layer-version"][..], &version].concat()),
        "policy": policy["Policy"].as_str().map(|text| serde_json::from_str::<Value>(text).unwrap()),
        "pointer": ask(&["ssm", "get-parameter", "--name", POINTER])["Parameter"]["Value"],
    })
}

const BOTO3: &str = "
import json, sys, boto3
number, pointer = int(sys.argv[1]), sys.argv[2]
client = boto3.client('lambda')
version = client.get_layer_version(LayerName='demo', VersionNumber=number)
version.pop('ResponseMetadata')
try:
    policy = json.loads(client.get_layer_version_policy(LayerName='demo', VersionNumber=number)['Policy'])
except client.exceptions.ResourceNotFoundException:
    policy = None
value = boto3.client('ssm').get_parameter(Name=pointer)['Parameter']['Value']
print(json.dumps({'version': version, 'policy': policy, 'pointer': value}))
";

fn by_boto3(row: &Value) -> Value {
    let mut command = Tool::install("boto3").unwrap().command("python");
    as_account(&mut command, row);
    let outcome = run(command.args(["-I", "-c", BOTO3, &row["version"].to_string(), POINTER])).expect_code(0);
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn as_account(command: &mut Command, row: &Value) {
    point_at(command, &local_aws().url());
    command.env("AWS_ACCESS_KEY_ID", row["account"].as_str().unwrap());
    command.env("AWS_DEFAULT_REGION", row["region"].as_str().unwrap());
}

/// The link is another one each time; lists have no order.
fn without_what_changes(mut judged: Value) -> Value {
    judged["version"]["Content"].as_object_mut().unwrap().remove("Location");
    for list in ["CompatibleRuntimes", "CompatibleArchitectures"] {
        judged["version"][list].as_array_mut().unwrap().sort_by_key(ToString::to_string);
    }
    judged
}

/// Principal and organization of every statement, sorted.
fn statements(policy: &Value) -> Vec<(String, String)> {
    let statements = policy["Statement"].as_array().into_iter().flatten().map(|statement| {
        assert_eq!(
            (&statement["Effect"], &statement["Action"]),
            (&json!("Allow"), &json!("lambda:GetLayerVersion"))
        );
        let principal = statement["Principal"].as_str().or_else(|| statement["Principal"]["AWS"].as_str());
        let organization = &statement["Condition"]["StringEquals"]["aws:PrincipalOrgID"];
        (principal.unwrap().to_owned(), organization.as_str().unwrap_or_default().to_owned())
    });
    let mut statements = statements.collect::<Vec<_>>();
    statements.sort();
    statements
}

#[test]
fn pypi_the_aws_cli_and_boto3_agree_with_the_ledger_policy_by_policy() {
    let (world, dev, prod) = world("111");
    publisher(&world, &["publish", "--target", "dev"]).ends_with(0);
    world.project.build("VERSION = 2\n").unwrap();
    publisher(&world, &["publish", "--target", "dev"]).ends_with(0);
    publisher(&world, &["promote", "demo", "--from", "dev", "--to", "prod", "--allow-public"]).ends_with(0);

    let ledger: Value = serde_json::from_str(&world.ledger()).unwrap();
    let rows = ledger["versions"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        let (cli, boto3) = (without_what_changes(by_cli(row)), without_what_changes(by_boto3(row)));
        assert_eq!(cli, boto3, "{row}");
        let version = &cli["version"];
        for (theirs, ours) in [
            (&version["LayerVersionArn"], &row["layer_version_arn"]),
            (&version["Version"], &row["version"]),
            (&version["Content"]["CodeSha256"], &row["code_sha256"]),
            (&version["Content"]["CodeSize"], &row["size"]),
            (&version["CompatibleRuntimes"], &row["compatible_runtimes"]),
            (&cli["pointer"], &row["layer_version_arn"]),
        ] {
            assert_eq!(theirs, ours, "{row}\n{cli}");
        }
        let mut architectures = row["compatible_architectures"].as_array().unwrap().clone();
        architectures.sort_by_key(ToString::to_string);
        assert_eq!(version["CompatibleArchitectures"], json!(architectures));
        let granted = statements(&cli["policy"]);
        if row["account"] == prod.as_str() {
            assert_eq!(
                (row["version"].as_u64(), &granted),
                (Some(1), &vec![("*".to_owned(), String::new())])
            );
        } else {
            assert_eq!((row["account"].as_str(), row["version"].as_u64()), (Some(dev.as_str()), Some(2)));
            assert_eq!(granted.len(), 3);
            assert_eq!(granted[0], ("*".to_owned(), "o-a1b2c3d4e5".to_owned()));
            assert!(
                granted[1].0.contains("111111111111") && granted[2].0.contains("222222222222"),
                "{granted:?}"
            );
        }
    }
}

#[test]
fn pypi_the_templates_of_both_accounts_get_the_numbers_of_their_own() {
    let (world, dev, prod) = world("222");
    publisher(&world, &["publish", "--target", "dev"]).ends_with(0);
    world.project.build("VERSION = 2\n").unwrap();
    publisher(&world, &["publish", "--target", "dev"]).ends_with(0);
    let code_sha256 = world.project.code_sha256().unwrap();
    publisher(&world, &["promote", "demo", "--from", "dev", "--to", "prod", "--allow-public"]).ends_with(0);
    let there = world.lambda_of(&prod, "us-west-2", "layers/demo/versions/1");
    assert_eq!(there["Content"]["CodeSha256"], code_sha256.as_str());

    let template = |region: &str, account: &str| {
        format!(
            "# {account}\nResources:\n  Worker:\n    Type: AWS::Lambda::Function\n    Properties:\n      Layers:\n        \
             - arn:aws:lambda:{region}:{account}:layer:demo:7 # ours\n"
        )
    };
    world.project.write("dev.yaml", template("eu-west-1", &dev)).unwrap();
    world.project.write("prod.yaml", template("us-west-2", &prod)).unwrap();
    // Numbers only go up, unless somebody says so.
    let bump = |arguments: &[&str]| {
        let mut bump = world.project.command("template-tools");
        run(bump.arg("bump").args(arguments))
    };
    let bumped = bump(&["--allow-downgrade"]);
    assert_eq!(bumped.code, Some(0), "{}", bumped.stderr);
    for (name, region, account, number) in
        [("dev.yaml", "eu-west-1", &dev, 2), ("prod.yaml", "us-west-2", &prod, 1)]
    {
        let expected = template(region, account).replace("demo:7", &format!("demo:{number}"));
        assert_eq!(world.project.read(name).unwrap(), expected, "{name}");
    }
    let checked = bump(&["--check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
}
