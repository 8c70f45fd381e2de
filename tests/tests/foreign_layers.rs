//! Layers of other accounts: versions are tried upwards, or read from the parameter of a vendor that has one, and templates
//! follow. Two accounts of the local AWS, and the AWS CLI on the other side.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use tests::command::{binary, clean, outcome, run};
use tests::local_aws;
use tests::project::{hex, zip};
use tests::proxy::{Fault, Rule};
use tests::tools::Tool;
use tests::world::{World, local_aws};

const REGION: &str = "eu-west-1";

/// Somebody else's account, in which layers are published and shown to everybody or not.
struct Vendor {
    account: String,
}

impl Vendor {
    /// The account next to that of a world, which has it to itself.
    fn beside(world: &World) -> Self {
        Self { account: world.account.replacen('2', "7", 1) }
    }

    fn aws(&self, arguments: &[&str]) -> Value {
        let mut command = Tool::install("aws-cli").unwrap().command("aws");
        local_aws::point_at(&mut command, &local_aws().url());
        command.env("AWS_ACCESS_KEY_ID", &self.account).args(["--output", "json", "--region", REGION]);
        serde_json::from_str(&run(command.args(arguments)).expect_code(0).stdout).unwrap_or_default()
    }

    /// Publishes so many versions, and lets everybody read some of them.
    fn publish(&self, layer: &str, count: u64, public: &[u64]) {
        let folder = tempfile::tempdir().unwrap();
        for version in 1..=count {
            let path = folder.path().join("layer.zip");
            std::fs::write(&path, zip("python/x.py", hex(&version.to_le_bytes()).as_bytes())).unwrap();
            let file = format!("fileb://{}", path.display());
            let publish = ["lambda", "publish-layer-version", "--layer-name", layer, "--zip-file", &file];
            let published = self.aws(&[&publish[..], &["--compatible-runtimes", "python3.13"]].concat());
            assert_eq!(published["Version"], version);
        }
        for version in public {
            let version = version.to_string();
            let layer = ["--layer-name", layer, "--version-number", &version, "--statement-id", "all"];
            let grant = ["--action", "lambda:GetLayerVersion", "--principal", "*"];
            self.aws(&[&["lambda", "add-layer-version-permission"], &layer[..], &grant].concat());
        }
    }

    fn arn(&self, layer: &str, version: u64) -> String {
        format!("arn:aws:lambda:{REGION}:{}:layer:{layer}:{version}", self.account)
    }
}

/// A template whose functions are on these layers.
fn template(layers: &[String]) -> String {
    let layers = layers.iter().map(|layer| format!("        - {layer}\n")).collect::<Vec<_>>().concat();
    format!(
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Runtime: python3.13\n      \
         Layers:\n{layers}"
    )
}

#[test]
fn pypi_versions_of_other_accounts_are_tried_upwards() {
    let world = World::new(&[REGION], &[]);
    let vendor = Vendor::beside(&world);
    vendor.publish("extension", 10, &[1, 2, 5, 9]);
    vendor.publish("closed", 2, &[]);
    std::fs::remove_file(world.project.path("layers.toml")).unwrap();

    let ran = world.run(&["latest", &vendor.arn("extension", 1)]).ends_with(0);
    let ledger = ran.json();
    assert_eq!(ledger["versions"].as_array().unwrap().len(), 1);
    let found = &ledger["versions"][0];
    assert_eq!(found["layer_version_arn"], vendor.arn("extension", 9));
    assert_eq!(found["compatible_runtimes"][0], "python3.13");
    assert!(ran.calls.iter().all(|call| !call.operation.writes()));
    assert_eq!(ran.count("ListLayerVersions"), 0);
    ran.says(&format!("Found {REGION}: version 9 of `extension` of {}, the newest seen", vendor.account));

    // From a version that is hidden, and from none at all: what templates name, as `list` says it.
    let names = [
        vendor.arn("extension", 4),
        vendor.arn("extension", 3).replace(":3", ":EXTENSION_LAYER_PLACEHOLDER"),
    ];
    let list = |text: String| {
        world.project.write("template.yaml", text).unwrap();
        run(world.project.command("template-tools").args(["list", "--format", "json"])).expect_code(0).stdout
    };
    for name in names {
        world.project.write("references.json", list(template(&[name]))).unwrap();
        let ran = world.run(&["latest", "--references", "references.json"]).ends_with(0);
        assert_eq!(ran.json()["versions"][0]["layer_version_arn"], vendor.arn("extension", 9));
    }

    // A layer that may not be read: nothing is found, or part of it is.
    let closed = vendor.arn("closed", 1);
    let ran = world.run(&["latest", &closed]).ends_with(1).prints(&[]);
    ran.says("failed to ask for the newest versions of `closed`\n  Caused by: ")
        .says("hint: see who asks with `aws sts get-caller-identity`, and allow it `lambda:GetLayerVersion`");
    let ran = world.run(&["latest", &closed, &vendor.arn("extension", 9)]).ends_with(3);
    assert_eq!(ran.json()["versions"].as_array().unwrap().len(), 1);
    ran.says(&format!("Failed {REGION}: no word about `closed` of {}: ", vendor.account));

    // What is in the way of an answer is no absence: a version that was seen must not pass for the newest.
    world.proxy.add(Rule::always(Fault::Error {
        status: 429,
        code: "TooManyRequestsException",
        message: "Rate exceeded",
    }));
    world.run(&["latest", &vendor.arn("extension", 1)]).ends_with(1).prints(&[]);
}

#[test]
fn pypi_the_parameter_of_a_vendor_is_believed_if_it_names_the_layer() {
    let world = World::new(&[REGION], &[]);
    let vendor = Vendor::beside(&world);
    let (layer, parameter) =
        ("AWSLambdaPowertoolsTypeScriptV2", "/aws/service/powertools/typescript/generic/all/latest");
    vendor.publish(layer, 3, &[1, 2, 3]);
    // Nobody but AWS can make such a parameter, in the local AWS neither.
    let says = |arn: &str| {
        world.proxy.heal();
        let answer = json!({"Parameter": {"Name": parameter, "Type": "String", "Value": arn}}).to_string();
        world.proxy.add(Rule::always(Fault::Answer(answer)).of("GetParameter"));
    };
    says(&vendor.arn(layer, 2));
    let ran = world.run(&["latest", &vendor.arn(layer, 1)]).ends_with(0);
    assert_eq!(ran.json()["versions"][0]["version"], 2);
    assert_eq!(ran.count("GetLayerVersionByArn"), 1);
    ran.says(&format!("version 2 of `{layer}` of {}, as `{parameter}` says", vendor.account));
    // Somebody else's layer, an older version, no ARN.
    for other in [vendor.arn("other", 7), vendor.arn(layer, 1), "none".to_owned()] {
        says(&other);
        let ran = world.run(&["latest", &vendor.arn(layer, 2)]).ends_with(0);
        assert_eq!(ran.json()["versions"][0]["version"], 3, "{other}");
        ran.says("the newest seen");
    }
    // Without the parameter, and without the permission to read it.
    world.proxy.heal();
    world.run(&["latest", &vendor.arn(layer, 1)]).ends_with(0).says("version 3 of").says("the newest seen");
    let denied = Fault::Error { status: 400, code: "AccessDeniedException", message: "No." };
    world.proxy.add(Rule::always(denied).of("GetParameter"));
    world.run(&["latest", &vendor.arn(layer, 1)]).ends_with(0).says("version 3 of").says("the newest seen");
}

#[test]
fn pypi_all_layers_of_a_tree_are_bumped() {
    let world = World::new(&[REGION], &[]);
    let vendor = Vendor::beside(&world);
    vendor.publish("extension", 4, &[1, 4]);
    vendor.publish("closed", 1, &[]);
    world.publish().ends_with(0);
    let xtask = |arguments: &[&str]| {
        let mut command = world.project.command_at("xtask", &world.proxy.url());
        command.env("AWS_ACCESS_KEY_ID", &world.account).env("AWS_DEFAULT_REGION", "us-east-1");
        // cargo and rustup are found by what lies in the home of whoever runs the tests.
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let home = std::path::PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
            command.env(name, std::env::var_os(name).unwrap_or_else(|| home.join(folder).into()));
        }
        run(command.args(["bump-templates", "--latest", "--all-layers"]).args(arguments))
    };
    let open = |layer: &str, account: &str, version: &str| {
        format!("!Sub 'arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:{account}:layer:{layer}:{version}'")
    };
    let text = |own: &str, foreign: u64| {
        template(&[
            open("demo", "${AWS::AccountId}", own),
            vendor.arn("extension", foreign),
            open("extension", &vendor.account, &foreign.to_string()),
            "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:layer:extension:1".to_owned(),
            // Whose it is shows only when a stack is deployed, and it is not in `layers.toml`.
            open("extension", "${AWS::AccountId}", "1"),
        ])
    };
    let before = text("DEMO_LAYER_PLACEHOLDER", 1);
    world.project.write("template.yaml", &before).unwrap();
    let check = xtask(&["--check", "template.yaml"]).expect_code(1);
    assert_eq!(world.project.read("template.yaml").unwrap(), before, "{}", check.stderr);
    let ran = xtask(&[]).expect_code(0);
    assert_eq!(ran.stdout, "template.yaml\n");
    assert_eq!(world.project.read("template.yaml").unwrap(), text("1", 4), "{}", ran.stderr);
    assert!(ran.stderr.contains("layer `extension` is in partition `aws-us-gov`"), "{}", ran.stderr);
    let again = xtask(&[]).expect_code(0);
    assert_eq!((again.stdout.as_str(), world.project.read("template.yaml").unwrap()), ("", text("1", 4)));

    // One layer that may not be read stops the others, unless they are to go on.
    world
        .project
        .write("closed.yaml", template(&[vendor.arn("closed", 1), vendor.arn("extension", 1)]))
        .unwrap();
    let stopped = xtask(&[]).expect_code(3);
    assert!(stopped.stderr.contains("note: not every layer could be asked about"), "{}", stopped.stderr);
    assert!(world.project.read("closed.yaml").unwrap().contains("extension:1\n"));
    let ran = xtask(&["--keep-going"]).expect_code(3);
    assert_eq!(ran.stdout, "closed.yaml\n", "{}", ran.stderr);
    assert_eq!(
        world.project.read("closed.yaml").unwrap(),
        template(&[vendor.arn("closed", 1), vendor.arn("extension", 4)])
    );
}

#[test]
fn what_is_no_list_of_layers_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let latest = |arguments: &[&str], stdin: &str| {
        let mut command = clean(binary("layer-publisher"));
        command.arg("latest").args(arguments).current_dir(folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Who does not read standard input may have gone already.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        outcome(child.wait_with_output().unwrap()).expect_code(1).stderr
    };
    let said = latest(&["--references", "-"], "{\"layers\": [{\"layer\": \"a b\"}]}");
    assert!(
        said.starts_with("error: failed to read the layers that templates name from standard input"),
        "{said}"
    );
    assert!(
        said.contains("`a b` is no name of a layer") && said.contains("hint: `template-tools list"),
        "{said}"
    );
    let said = latest(&["--references", "none.json"], "");
    assert!(said.contains("from `none.json`\n  Caused by: "), "{said}");
    let said = latest(&["arn:aws:lambda:eu-west-1:1:layer:x:1"], "");
    assert!(said.contains("`1` is no number of an account: it has 12 digits"), "{said}");
}
