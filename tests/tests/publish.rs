//! The real `layer-publisher` against a local AWS, with a proxy between them that does what networks do.
//!
//! All tests share one local AWS and keep apart by their regions' accounts: each has an access key of its own, which
//! the local AWS takes as the account's number.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::command;
use tests::local_aws::LocalAws;
use tests::project::{LAYER, Project};
use tests::proxy::{Call, Fault, Late, Proxy, Rule};
use tests::tools::Tool;

/// A project, a proxy, and an account that nobody else uses.
struct World {
    project: Project,
    proxy: Proxy,
    account: String,
}

/// One for all tests of this process; it ends with the process, which it watches.
fn local_aws() -> &'static LocalAws {
    static ONE: OnceLock<LocalAws> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    let guard = STARTING.lock();
    let one = ONE.get_or_init(|| LocalAws::start().unwrap());
    drop(guard);
    one
}

impl World {
    fn new(regions: &[&str], optional: &[&str]) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(100_000_000_000);
        let project = Project::new(regions, optional).unwrap();
        project.build("VERSION = 1\n").unwrap();
        let proxy = Proxy::start(local_aws().address()).unwrap();
        Self { project, proxy, account: NEXT.fetch_add(1, Ordering::SeqCst).to_string() }
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let mut command = self.project.command_at("layer-publisher", &self.proxy.url());
        command.env("AWS_ACCESS_KEY_ID", &self.account).args(arguments);
        self.proxy.take_calls();
        Run::new(command.output().unwrap(), self.proxy.take_calls())
    }

    fn publish(&self) -> Run {
        self.run(&["publish"])
    }

    fn arn(&self, region: &str, version: u64) -> String {
        format!("arn:aws:lambda:{region}:{}:layer:{LAYER}:{version}", self.account)
    }

    fn ledger(&self) -> String {
        self.project.read("layer-versions.json").unwrap_or_default()
    }

    /// What the AWS CLI says, past the proxy.
    fn aws(&self, arguments: &[&str]) -> Value {
        let mut command = Tool::install("aws-cli").unwrap().command("aws");
        tests::local_aws::point_at(&mut command, &local_aws().url());
        command.env("AWS_ACCESS_KEY_ID", &self.account).args(["--output", "json"]).args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The numbers of the versions that a region has, by the AWS CLI's word.
    fn versions(&self, region: &str) -> Vec<u64> {
        let listed = self.aws(&["lambda", "list-layer-versions", "--layer-name", LAYER, "--region", region]);
        let mut versions = listed["LayerVersions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|version| version["Version"].as_u64().unwrap())
            .collect::<Vec<_>>();
        versions.sort_unstable();
        versions
    }
}

/// What came of one run.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
    calls: Vec<Call>,
}

impl Run {
    fn new(output: Output, calls: Vec<Call>) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or(-1);
        Self { code, stdout: text(output.stdout), stderr: text(output.stderr), calls }
    }

    fn operations(&self) -> Vec<&str> {
        let mut operations = self.calls.iter().map(|call| call.operation.as_str()).collect::<Vec<_>>();
        operations.sort_unstable();
        operations
    }

    fn count(&self, operation: &str) -> usize {
        self.calls.iter().filter(|call| call.operation == operation).count()
    }

    #[track_caller]
    fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "standard error:\n{}", self.stderr);
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "`{text}` is not in standard error:\n{}", self.stderr);
        self
    }

    #[track_caller]
    fn prints(self, lines: &[String]) -> Self {
        assert_eq!(self.stdout.lines().collect::<Vec<_>>(), lines, "standard error:\n{}", self.stderr);
        self
    }
}

#[test]
fn pypi_two_regions_get_the_version_that_the_manifest_describes() {
    let world = World::new(&["us-west-2", "eu-west-1"], &[]);
    let arns = [world.arn("us-west-2", 1), world.arn("eu-west-1", 1)];
    world
        .publish()
        .ends_with(0)
        .prints(&arns)
        .says("Reading demo.zip: six 1.17.0")
        .says("Finished 2 published in");
    for region in ["us-west-2", "eu-west-1"] {
        let version = world.aws(&[
            "lambda",
            "get-layer-version",
            "--layer-name",
            LAYER,
            "--version-number",
            "1",
            "--region",
            region,
        ]);
        assert_eq!(version["Content"]["CodeSha256"], world.project.code_sha256().unwrap());
        assert_eq!(version["CompatibleRuntimes"], serde_json::json!(["python3.12", "python3.13"]));
        assert_eq!(version["CompatibleArchitectures"], serde_json::json!(["x86_64", "arm64"]));
        assert_eq!(version["LicenseInfo"], "MIT");
        let description = version["Description"].as_str().unwrap();
        assert!(description.starts_with("a layer of the tests [sha256:") && description.len() == 20 + 42);
    }
    let ledger: Value = serde_json::from_str(&world.ledger()).unwrap();
    let entry = &ledger["versions"][0];
    assert_eq!(entry["layer_version_arn"], world.arn("eu-west-1", 1));
    assert_eq!(entry["code_sha256"], world.project.code_sha256().unwrap());
    assert_eq!(entry["verified"], true);
    assert_eq!(ledger["versions"].as_array().unwrap().len(), 2);
}

#[test]
fn pypi_a_second_run_writes_nothing_and_the_steady_state_is_three_calls() {
    let world = World::new(&["us-west-2", "eu-west-1"], &[]);
    world.publish().ends_with(0);
    let ledger = world.ledger();
    let written = std::fs::metadata(world.project.path("layer-versions.json")).unwrap().modified().unwrap();
    let run = world.publish().ends_with(0).says("Unchanged eu-west-1: version 1 has this content");
    let expected =
        ["GetCallerIdentity", "GetLayerVersion", "GetLayerVersion", "ListLayerVersions", "ListLayerVersions"];
    assert_eq!(run.operations(), expected);
    run.prints(&[world.arn("us-west-2", 1), world.arn("eu-west-1", 1)]);
    assert_eq!(world.ledger(), ledger);
    let after = std::fs::metadata(world.project.path("layer-versions.json")).unwrap().modified().unwrap();
    assert_eq!(after, written);
}

#[test]
fn pypi_a_changed_layer_becomes_version_2() {
    let world = World::new(&["eu-west-1"], &[]);
    world.publish().ends_with(0);
    world.project.build("VERSION = 2\n").unwrap();
    let dry = world.run(&["publish", "--dry-run"]).ends_with(0).says("Would publish eu-west-1: as version 2");
    assert!(!dry.calls.iter().any(|call| call.operation == "PublishLayerVersion"));
    assert!(world.ledger().contains("layer:demo:1\""));
    world.publish().ends_with(0).prints(&[world.arn("eu-west-1", 2)]).says("Published eu-west-1: version 2");
    assert!(world.ledger().contains("layer:demo:2\"") && !world.ledger().contains("layer:demo:1\""));
}

#[test]
fn pypi_a_lost_answer_ends_in_exactly_one_version() {
    let world = World::new(&["eu-west-1"], &[]);
    for fault in [Fault::DropAnswer, Fault::Truncate, Fault::Hang] {
        let before = world.versions("eu-west-1").len();
        world.project.build(&format!("FAULT = '{fault}'\n")).unwrap();
        let went_through = fault != Fault::Hang;
        world.proxy.add(Rule::times(1, fault.clone()).of("PublishLayerVersion"));
        let run = world.publish().ends_with(0);
        assert_eq!(run.count("PublishLayerVersion"), if went_through { 1 } else { 2 }, "{fault}");
        assert_eq!(world.versions("eu-west-1").len(), before + 1, "{fault}");
        assert_eq!(world.publish().ends_with(0).count("PublishLayerVersion"), 0);
        world.proxy.heal();
    }
}

#[test]
fn pypi_a_late_delivery_ends_in_exactly_one_version() {
    let world = World::new(&["eu-west-1"], &[]);
    // It goes through while the publisher looks for it.
    let late = Fault::DeliverLate(Late::AfterCalls(2));
    world.proxy.add(Rule::times(1, late).of("PublishLayerVersion"));
    let run = world.publish().ends_with(0).says("found after its answer was lost");
    assert_eq!(run.count("PublishLayerVersion"), 1);
    world.proxy.settle();
    assert_eq!(world.versions("eu-west-1"), [1]);
}

#[test]
fn pypi_throttling_and_overload_are_waited_for() {
    let world = World::new(&["eu-west-1"], &[]);
    let faults = [Fault::Throttle, Fault::Unavailable, Fault::Html(503), Fault::Refuse];
    for (number, fault) in (1..).zip(faults) {
        world.project.build(&format!("FAULT = '{fault}'\n")).unwrap();
        for operation in ["GetCallerIdentity", "ListLayerVersions", "PublishLayerVersion", "GetLayerVersion"]
        {
            world.proxy.add(Rule::times(1, fault.clone()).of(operation));
        }
        let run = world.publish().ends_with(0).prints(&[world.arn("eu-west-1", number)]);
        assert_eq!(run.count("PublishLayerVersion"), 2, "{fault}");
        world.proxy.heal();
    }
    assert_eq!(world.versions("eu-west-1"), [1, 2, 3, 4]);
}

#[test]
fn pypi_a_dead_region_does_not_stop_the_others() {
    // The first region is the one that is asked who we are.
    let world = World::new(&["eu-west-1", "us-east-1", "us-west-2"], &[]);
    world.proxy.add(Rule::always(Fault::Refuse).in_region("eu-west-1"));
    let arns = ["us-east-1", "us-west-2"].map(|region| world.arn(region, 1));
    let run = world.publish().ends_with(3).prints(&arns).says("Finished 2 published, 1 failed in");
    run.says("error: failed to publish layer `demo` to eu-west-1");
    assert!(!world.ledger().contains("eu-west-1"));

    world.proxy.heal();
    let run = world.publish().ends_with(0).says("Finished 1 published, 2 unchanged in");
    assert_eq!(run.count("PublishLayerVersion"), 1);
    assert_eq!(world.publish().ends_with(0).count("PublishLayerVersion"), 0);
}

#[test]
fn pypi_optional_regions_warn_and_all_required_ones_fail() {
    let not_enabled = Fault::Error {
        status: 403,
        code: "UnrecognizedClientException",
        message: "The security token included in the request is invalid.",
    };
    let world = World::new(&["us-east-1"], &["me-south-1"]);
    world.proxy.add(Rule::always(not_enabled.clone()).in_region("me-south-1"));
    let sentence = format!("Failed me-south-1: not enabled for account {}", world.account);
    world.publish().ends_with(0).prints(&[world.arn("us-east-1", 1)]).says(&sentence).says("warning: ");

    let full = Fault::Error {
        status: 400,
        code: "CodeStorageExceededException",
        message: "Code storage limit exceeded.",
    };
    let world = World::new(&["us-east-1"], &["me-south-1"]);
    world.proxy.add(Rule::always(full).of("PublishLayerVersion").in_region("us-east-1"));
    let run = world.publish().ends_with(1).prints(&[world.arn("me-south-1", 1)]);
    assert_eq!(
        run.calls
            .iter()
            .filter(|call| call.operation == "PublishLayerVersion" && call.region == "us-east-1")
            .count(),
        1
    );
    run.says("Caused by: the account's layers and functions exceed the storage quota (CodeStorageExceededException")
        .says("hint: ");
}

#[test]
fn pypi_latest_prints_a_ledger_of_what_lambda_has() {
    let world = World::new(&["us-west-2", "eu-west-1"], &[]);
    world.publish().ends_with(0);
    world.project.build("VERSION = 2\n").unwrap();
    world.run(&["publish", "--region", "eu-west-1"]).ends_with(0);
    let run = world.run(&["latest"]).ends_with(0);
    assert!(run.calls.iter().all(|call| !call.operation.writes()));
    let ledger: Value = serde_json::from_str(&run.stdout).unwrap();
    let arns = ledger["versions"].as_array().unwrap().iter().map(|entry| entry["layer_version_arn"].clone());
    assert_eq!(arns.collect::<Vec<_>>(), [world.arn("eu-west-1", 2), world.arn("us-west-2", 1)]);

    // By Lambda's name, without a `layers.toml`.
    std::fs::remove_file(world.project.path("layers.toml")).unwrap();
    let run = world.run(&["latest", LAYER, "--region", "us-west-2,ap-south-1"]).ends_with(0);
    assert!(run.stdout.contains(&world.arn("us-west-2", 1)));
    run.says("warning: ap-south-1 has no version of `demo`");
    world.run(&["latest", "nothing", "--region", "us-west-2"]).ends_with(1).prints(&[]);
    world.proxy.add(Rule::always(Fault::Refuse).in_region("us-west-2"));
    world.run(&["latest", LAYER, "--region", "us-west-2,eu-west-1"]).ends_with(3).says("Failed us-west-2: ");
}

#[test]
fn pypi_two_runs_at_once_publish_once() {
    let world = World::new(&["eu-west-1", "us-east-1"], &[]);
    let start = || {
        let mut command = world.project.command_at("layer-publisher", &world.proxy.url());
        command.env("AWS_ACCESS_KEY_ID", &world.account).arg("publish");
        command.spawn().unwrap()
    };
    for run in [start(), start(), start()] {
        assert!(run.wait_with_output().unwrap().status.success());
    }
    assert_eq!(world.versions("eu-west-1"), [1]);
    assert_eq!(world.versions("us-east-1"), [1]);
}

#[test]
fn pypi_variants_are_published_only_by_name() {
    let world = World::new(&["eu-west-1"], &[]);
    world.project.build_as("demo-raw", Some("raw"), "RAW = True\n").unwrap();
    world.publish().ends_with(0).prints(&[world.arn("eu-west-1", 1)]);
    let raw = world.arn("eu-west-1", 1).replace("layer:demo:", "layer:demo-raw:");
    world.run(&["publish", "demo-raw"]).ends_with(0).prints(&[raw]);
}

/// The builder's words and the publisher's understanding of them: manifest, hash of the table, lock.
#[test]
fn pypi_what_the_builder_builds_is_what_the_publisher_publishes() {
    let world = World::new(&["eu-west-1"], &[]);
    let table = "[layers.demo]\nrequirements = [\"six\"]\npython = [\"3.13\"]\narchitectures = [\"x86_64\"]\ndescription = \"six\"\n\
                 [layers.demo.publish]\nregions = [\"eu-west-1\"]\n";
    world.project.write("layers.toml", table).unwrap();
    // The builder makes its own lock.
    std::fs::remove_file(world.project.path("requirements.demo.txt")).unwrap();
    let build = || {
        let mut command = command::clean(command::binary("layer-builder"));
        let outcome = command::run(command.arg("build").current_dir(world.project.folder()));
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    };
    build();
    world.publish().ends_with(0).prints(&[world.arn("eu-west-1", 1)]);
    build();
    world.publish().ends_with(0).says("Unchanged eu-west-1: version 1");
    world.project.write("layers.toml", table.replace("3.13", "3.12")).unwrap();
    world.publish().ends_with(1).says("has changed since the layer was built");
}

/// Killed after Lambda has made the version, and before anything was written down.
#[test]
fn pypi_a_run_that_was_killed_is_taken_up_by_the_next() {
    let world = World::new(&["eu-west-1", "us-east-1"], &[]);
    for operation in ["GetLayerVersion", "PublishLayerVersion"] {
        world.project.build(&format!("KILLED_IN = '{operation}'\n")).unwrap();
        world.proxy.take_calls();
        world.proxy.add(Rule::always(Fault::Hang).of(operation).in_region("us-east-1"));
        let mut child = world.project.command_at("layer-publisher", &world.proxy.url());
        let mut child = child.env("AWS_ACCESS_KEY_ID", &world.account).arg("publish").spawn().unwrap();
        world.proxy.wait_for(operation, 2);
        child.kill().unwrap();
        child.wait().unwrap();
        world.proxy.heal();
        world.publish().ends_with(0);
        world.publish().ends_with(0).says("Finished 2 unchanged");
        assert!(world.ledger().contains("us-east-1") && world.ledger().contains("eu-west-1"));
    }
    assert_eq!(world.versions("eu-west-1"), [1, 2]);
    assert_eq!(world.versions("us-east-1"), [1, 2]);
}

#[test]
fn pypi_the_local_aws_ends_with_its_owner() {
    let local = LocalAws::start().unwrap();
    local.reset().unwrap();
    let address = local.address();
    drop(local);
    assert!(TcpStream::connect(address).is_err());
}

/// This test starts itself, and kills what it has started.
#[cfg(unix)]
#[test]
fn pypi_the_local_aws_ends_when_its_owner_is_killed() {
    const NAME: &str = "pypi_the_local_aws_ends_when_its_owner_is_killed";
    const OWNER: &str = "OWNER_OF_A_LOCAL_AWS";
    if std::env::var_os(OWNER).is_some() {
        let local = LocalAws::start().unwrap();
        println!("address {}", local.address());
        loop {
            std::thread::park();
        }
    }
    let mut owner = Command::new(std::env::current_exe().unwrap());
    let owner = owner.args(["--exact", NAME, "--nocapture"]).env(OWNER, "1").stdout(Stdio::piped());
    let mut owner = owner.spawn().unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    // The runner writes its own words before it, on the same line.
    let address =
        lines.find_map(|line| line.unwrap().split_once("address ").map(|(_, rest)| rest.to_owned()));
    let address = address.unwrap().parse::<SocketAddr>().unwrap();
    TcpStream::connect(address).unwrap();
    owner.kill().unwrap();
    owner.wait().unwrap();
    // It sees the end of its standard input; there is nothing to wait for but that.
    let end = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < end, "it is still there");
        std::thread::yield_now();
    }
}
