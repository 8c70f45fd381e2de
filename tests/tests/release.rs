//! The commands of `cargo xtask` that are more than one binary, over a real index and the local AWS.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::process::Command;

use tests::command::{Outcome, clean, run};
use tests::local_aws::{ACCOUNT, LocalAws};
use tests::project::{LAYER, Project};

/// A project with a template, and an AWS to publish to.
struct World {
    aws: LocalAws,
    project: Project,
}

const TEMPLATE: &str = "# a template\r\nResources:\r\n  Function:\r\n    Type: AWS::Serverless::Function\r\n    Properties:\r\n      \
                        Layers:\r\n        - !Sub \"arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:demo:DEMO_LAYER_PLACEHOLDER\" # here\r\n";

impl World {
    fn new() -> Self {
        let project = Project::new(&["us-west-2", "eu-west-1"], &[]).unwrap();
        std::fs::remove_file(project.path(&format!("requirements.{LAYER}.txt"))).unwrap();
        let world = Self { aws: LocalAws::start().unwrap(), project };
        world.ask_for("six==1.16.0");
        world.project.write("template.yaml", TEMPLATE).unwrap();
        world
    }

    fn ask_for(&self, requirement: &str) {
        let layers = format!(
            "[layers.{LAYER}]\nrequirements = [\"{requirement}\"]\npython = [\"3.12\"]\narchitectures = [\"x86_64\"]\n\
             [layers.{LAYER}.publish]\nregions = [\"us-west-2\", \"eu-west-1\"]\n"
        );
        self.project.write("layers.toml", layers).unwrap();
    }

    fn xtask(&self, arguments: &[&str]) -> Outcome {
        run(self.command().args(arguments))
    }

    fn command(&self) -> Command {
        self.project.xtask_at(&self.aws.url())
    }

    fn template(&self, version: &str) -> bool {
        self.project.read("template.yaml").unwrap() == TEMPLATE.replace("DEMO_LAYER_PLACEHOLDER", version)
    }
}

#[test]
fn pypi_release_builds_publishes_and_bumps() {
    let world = World::new();
    let first = world.xtask(&["release"]).expect_code(0);
    let arn =
        |region: &str, version: u32| format!("arn:aws:lambda:{region}:{ACCOUNT}:layer:{LAYER}:{version}");
    let lines: Vec<&str> = first.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{}", first.stdout);
    assert_eq!(lines[0], "target/layers/demo.zip");
    assert_eq!([lines[1], lines[2]], [arn("us-west-2", 1), arn("eu-west-1", 1)]);
    assert!(lines[3].ends_with("template.yaml"), "{}", first.stdout);
    assert!(world.template("1"), "{}", world.project.read("template.yaml").unwrap());

    let again = world.xtask(&["release", LAYER, "--templates", "template.yaml"]).expect_code(0);
    assert!(again.stderr.contains("Unchanged us-west-2: version 1 has this content"), "{}", again.stderr);
    assert!(world.template("1"));

    world.ask_for("six==1.17.0");
    // A step that fails ends the release: this lock may not be made anew.
    let locked = world.xtask(&["release", "--locked"]).expect_code(1);
    assert!(locked.stderr.contains("note: `cargo xtask build-layer` did not succeed"), "{}", locked.stderr);
    assert!(world.template("1"));
    let _ = world.xtask(&["release"]).expect_code(0);
    assert!(world.template("2"));
    let _ = world.xtask(&["release", "--nonsense"]).expect_code(2);
}

#[test]
fn pypi_release_of_several_layers_needs_a_name_before_anything_is_built() {
    let world = World::new();
    let layers = world.project.read("layers.toml").unwrap();
    let other = layers.replace(&format!("layers.{LAYER}"), "layers.other");
    world.project.write("layers.toml", format!("{layers}{other}")).unwrap();
    for arguments in [&["release"][..], &["release", "--raw"]] {
        let refused = world.xtask(arguments).expect_code(1);
        assert!(
            refused.stderr.contains("`layers.toml` has several layers: `demo`, `other`"),
            "{}",
            refused.stderr
        );
        let hint = "hint: name those to release, for example `cargo xtask release demo`";
        assert!(refused.stderr.contains(hint), "{}", refused.stderr);
        assert!(!world.project.path("target").exists(), "something was built");
    }
    // `publish` without a terminal asks nobody, and shows nothing to choose from.
    let refused = world.xtask(&["publish"]).expect_code(1);
    assert!(!refused.stderr.contains("1: demo") && !refused.stderr.contains("1  demo"), "{}", refused.stderr);
    let _ = world.xtask(&["release", LAYER]).expect_code(0);
}

#[test]
fn pypi_release_with_roll_out_brings_the_stacks_along() {
    let world = World::new();
    let template = "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Handler: index.handler\n      \
                    Runtime: python3.12\n      Role: arn:aws:iam::123456789012:role/f\n      Code: {ZipFile: 'x = 1'}\n      \
                    Layers: [!Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:demo:1']\n";
    world.project.write("stack.yaml", template).unwrap();
    let _ = world.xtask(&["release"]).expect_code(0);
    let deploy = ["deploy-stack", "stack.yaml", "--stack-name", "demo-stack", "--region", "eu-west-1"];
    let _ = world.xtask(&deploy).expect_code(0);
    // What is on this machine goes another way, and nobody has deployed it.
    world.project.write("stack.yaml", template.replace("x = 1", "x = 2")).unwrap();
    world.ask_for("six==1.17.0");
    let run = world.xtask(&["release", "--roll-out"]).expect_code(0);
    assert!(run.stderr.contains("Layer demo-stack in eu-west-1: F: demo 1 -> 2"), "{}", run.stderr);
    assert!(run.stdout.ends_with("demo-stack  eu-west-1  rolled out  demo 1 -> 2\n"), "{}", run.stdout);
    let again = world.xtask(&["release", "--roll-out"]).expect_code(0);
    assert!(again.stderr.contains("no stack runs an older version"), "{}", again.stderr);
}

/// `./deploy.sh -v feature`: a layer of its own, which no stack and no pointer is brought to.
#[test]
fn pypi_s1_release_of_a_branch_builds_it_and_publishes_it_under_its_own_name() {
    let world = World::new();
    let clone = "set -e\ngit init -q -b main clone\ncd clone\nmkdir demo\nprintf 'BRANCH = True\\n' > demo/__init__.py\n\
                 printf '[build-system]\\nrequires = [\"setuptools\"]\\nbuild-backend = \"setuptools.build_meta\"\\n' > pyproject.toml\n\
                 printf '[project]\\nname = \"six\"\\nversion = \"99.0\"\\n[tool.setuptools]\\npackages = [\"demo\"]\\n' >> pyproject.toml\n\
                 git checkout -q -b feature\ngit add .\ngit -c user.name=tests -c user.email=tests@example.com commit -qm feature\n";
    let mut sh = clean("sh");
    let _ = run(sh.current_dir(world.project.path(".")).args(["-c", clone])).expect_code(0);
    let place = world.project.path("clone").display().to_string();
    let layers = world.project.read("layers.toml").unwrap();
    let layers = layers.replacen("python = ", &format!("branch-of = {{ six = \"{place}\" }}\npython = "), 1);
    world.project.write("layers.toml", layers).unwrap();
    let run = world.xtask(&["release", "-v", "feature"]).expect_code(0);
    let arn = format!("arn:aws:lambda:us-west-2:{ACCOUNT}:layer:{LAYER}-feature:1");
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[..2], ["target/layers/demo-feature.zip", &arn]);
    assert!(world.template("DEMO_LAYER_PLACEHOLDER"), "{}", world.project.read("template.yaml").unwrap());
    let _ = world.xtask(&["release", "-v", "feature", "--roll-out"]).expect_code(2);
}

#[test]
fn pypi_bump_templates_asks_aws_for_the_latest() {
    let world = World::new();
    // Nothing is published yet: nothing to bump to, and the template stays.
    let _ = world.xtask(&["bump-templates", "--latest"]);
    assert_eq!(world.project.read("template.yaml").unwrap(), TEMPLATE);
    let _ = world.xtask(&["build-layer"]).expect_code(0);
    let _ = world.xtask(&["publish", "--region", "eu-west-1"]).expect_code(0);
    // The ledger of this project is not looked at: AWS is asked.
    std::fs::remove_file(world.project.path("layer-versions.json")).unwrap();
    let check =
        world.xtask(&["bump-templates", "--latest", "--region", "eu-west-1", "--check"]).expect_code(1);
    assert_eq!(world.project.read("template.yaml").unwrap(), TEMPLATE, "{}", check.stderr);
    let _ =
        world.xtask(&["bump-templates", "template.yaml", "--latest", "--region=eu-west-1"]).expect_code(0);
    assert!(world.template("1"), "{}", world.project.read("template.yaml").unwrap());
    assert!(!world.project.path("layer-versions.json").exists());
    // An AWS that does not answer is an error, and changes nothing.
    let mut command = world.command();
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").args(["bump-templates", "--latest"]);
    assert_eq!(run(&mut command).code, Some(1));
    assert!(world.template("1"));
}
