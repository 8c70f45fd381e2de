//! What one crate writes, every other that reads it understands: `layers.toml`, lock and manifest, the ledger, and what
//! `latest` prints. No crate's code is asked, only the files and the binaries.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tests::command::{Outcome, binary, clean, outcome, run};
use tests::example::{self, LAYER, REGIONS, TEMPLATES};
use tests::local_aws::{self, ACCOUNT, LocalAws};
use tests::project::{self, Project};
use tests::tools::Tool;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// `layer-publisher latest` piped into `template-tools bump --ledger -`.
fn bump_from(ledger: &str, folder: &Path) -> Outcome {
    let mut bump = clean(binary("template-tools"));
    bump.args(["bump", "--ledger", "-", "."]).current_dir(folder);
    let mut child = bump.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(ledger.as_bytes()).unwrap();
    outcome(child.wait_with_output().unwrap())
}

/// The example through all three crates, with the AWS CLI as a witness.
#[test]
fn pypi_every_reader_understands_every_writer() {
    let (local, folder) = (LocalAws::start().unwrap(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    example::copy_to(folder).unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let command = |program: &str, arguments: &[&str]| {
        let mut command = clean(binary(program));
        local_aws::point_at(&mut command, &local.url());
        command.args(arguments).current_dir(folder);
        run(&mut command)
    };

    // layers.toml and the lock: written by people and by the builder, read by all.
    let built = command("layer-builder", &["build", "--locked"]).expect_code(0);
    assert_eq!(built.stdout, "target/layers/sosw.zip\n");
    let manifest: Value = serde_json::from_str(&read("target/layers/sosw.json")).unwrap();
    assert!(manifest["lock"]["path"] == "requirements.sosw.txt" && manifest["schema"] == 1, "{manifest}");
    let inspected = command("layer-builder", &["inspect", LAYER, "--format", "json"]).expect_code(0).stdout;
    assert_eq!(serde_json::from_str::<Value>(&inspected).unwrap()["sha256"], manifest["sha256"]);

    // The manifest: written by the builder, read by the publisher, and what it says is what AWS then has.
    let published = command("layer-publisher", &["publish"]).expect_code(0);
    let arns = REGIONS.map(|region| format!("arn:aws:lambda:{region}:{ACCOUNT}:layer:{LAYER}:1"));
    assert_eq!(published.stdout.lines().collect::<Vec<_>>(), arns);
    for arn in &arns {
        let mut aws = Tool::install("aws-cli").unwrap().command("aws");
        local_aws::point_at(&mut aws, &local.url());
        let region = arn.split(':').nth(3).unwrap();
        aws.args([
            "lambda",
            "get-layer-version-by-arn",
            "--arn",
            arn,
            "--region",
            region,
            "--output",
            "json",
        ]);
        let version: Value = serde_json::from_str(&run(&mut aws).expect_code(0).stdout).unwrap();
        assert_eq!(version["Content"]["CodeSha256"], manifest["code_sha256"]);
        assert_eq!(version["Content"]["CodeSize"], manifest["size"]);
        assert_eq!(version["CompatibleRuntimes"], manifest["compatible_runtimes"]);
        assert_eq!(version["CompatibleArchitectures"], manifest["compatible_architectures"]);
    }

    // The ledger: written by the publisher, read by itself, which finds nothing to do, and by the template tools.
    let text = read("layer-versions.json");
    let ledger: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((keys(&ledger), &ledger["schema"]), (vec!["schema", "versions"], &Value::from(1)));
    for entry in ledger["versions"].as_array().unwrap() {
        let mut expected = vec![
            "layer_name",
            "partition",
            "account",
            "region",
            "version",
            "layer_version_arn",
            "code_sha256",
            "size",
            "compatible_runtimes",
            "compatible_architectures",
            "content",
            "verified",
            "target",
        ];
        expected.sort_unstable();
        let mut found = keys(entry);
        found.sort_unstable();
        assert_eq!(found, expected);
        assert_eq!(entry["code_sha256"], manifest["code_sha256"]);
        assert_eq!((&entry["size"], &entry["verified"]), (&manifest["size"], &Value::from(true)));
    }
    let again = command("layer-publisher", &["publish"]).expect_code(0);
    assert!(again.stderr.contains("Finished 2 unchanged"), "{}", again.stderr);
    assert_eq!(read("layer-versions.json"), text);
    let bumped = command("template-tools", &["bump"]).expect_code(0);
    assert_eq!(bumped.stdout, "cloudformation.yaml\n");
    assert!(bumped.stderr.contains("layer-versions.json: 2 versions of 1 layer"), "{}", bumped.stderr);
    for template in TEMPLATES {
        assert!(read(template).contains("${AWS::AccountId}:layer:sosw:1"), "{template}");
    }

    // What `latest` prints: the same versions, and the template tools find that the templates name them.
    let latest = command("layer-publisher", &["latest"]).expect_code(0).stdout;
    let bumped = bump_from(&latest, folder);
    assert_eq!((bumped.code, bumped.stdout.as_str()), (Some(0), ""), "{}", bumped.stderr);
    assert!(bumped.stderr.contains("standard input: 2 versions of 1 layer"), "{}", bumped.stderr);
    assert!(bumped.stderr.contains("0 files changed, 2 up to date"), "{}", bumped.stderr);
}

/// The documented placeholder, in a file that editors of all kinds have seen.
const AWKWARD: &str = "\u{feff}# The functions of the shop \u{2014} see the wiki\r\n\
    Resources:\r\n  Shop:\r\n    Type: AWS::Lambda::Function   # layer:demo:DEMO_LAYER_PLACEHOLDER stays here\r\n    \
    Properties:\r\n      Layers:\r\n        \
    - !Sub \"arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:demo:DEMO_LAYER_PLACEHOLDER\" # ours\r\n\
    \r\n      Description: no newline at the end";

fn publish(project: &Project, local: &LocalAws, arguments: &[&str]) -> Outcome {
    let mut command: Command = project.command_at("layer-publisher", &local.url());
    run(command.arg("publish").args(arguments)).expect_code(0)
}

fn bump(project: &Project) -> Outcome {
    run(project.command("template-tools").arg("bump"))
}

#[test]
fn pypi_the_ledger_of_each_publish_moves_the_number_and_nothing_else() {
    let local = LocalAws::start().unwrap();
    let project = Project::new(&REGIONS, &[]).unwrap();
    project.write("shop.yaml", AWKWARD).unwrap();
    let with = |version: &str| {
        let (before, after) = AWKWARD.rsplit_once("DEMO_LAYER_PLACEHOLDER").unwrap();
        format!("{before}{version}{after}")
    };
    let modified = || project.path("shop.yaml").metadata().unwrap().modified().unwrap();

    project.build("VERSION = 1\n").unwrap();
    publish(&project, &local, &[]);
    assert_eq!(bump(&project).expect_code(0).stdout, "shop.yaml\n");
    assert_eq!(project.read("shop.yaml").unwrap(), with("1"));

    let written = modified();
    assert_eq!(bump(&project).expect_code(0).stdout, "");
    assert_eq!((modified(), project.read("shop.yaml").unwrap()), (written, with("1")));

    project.build("VERSION = 2\n").unwrap();
    publish(&project, &local, &[]);
    assert_eq!(bump(&project).expect_code(0).stdout, "shop.yaml\n");
    assert_eq!(project.read("shop.yaml").unwrap(), with("2"));
}

/// One region is ahead: `${AWS::Region}` then has no one answer, whether the ledger or Lambda is asked.
#[test]
fn pypi_regions_that_disagree_are_refused_from_ledger_and_latest_alike() {
    let local = LocalAws::start().unwrap();
    let project = Project::new(&REGIONS, &[]).unwrap();
    project.write("shop.yaml", AWKWARD).unwrap();
    project.build("VERSION = 1\n").unwrap();
    publish(&project, &local, &[]);
    project.build("VERSION = 2\n").unwrap();
    publish(&project, &local, &["--region", REGIONS[1]]);

    let latest = run(project.command_at("layer-publisher", &local.url()).arg("latest")).expect_code(0);
    let layer = project::LAYER;
    for refused in [bump(&project), bump_from(&latest.stdout, project.folder())] {
        let Outcome { stdout, stderr, .. } = refused.expect_code(1);
        assert_eq!(stdout, "");
        for region in REGIONS {
            assert!(stderr.contains(region), "{region} is not in the list for {layer}:\n{stderr}");
        }
    }
    assert_eq!(project.read("shop.yaml").unwrap(), AWKWARD);
}
