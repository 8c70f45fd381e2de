//! The hooks and the action as their users meet them: the real steps are run. What needs packages from PyPI has `pypi_`
//! in its name.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tests::tools::Tool;

use template_tools::document::{Document, NodeId, parse};

mod harness;
use harness::{Project, arn, function, ledger};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The search path with our binary on it.
fn path() -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_template-tools")).parent().unwrap();
    format!("{}:{}", binary.display(), std::env::var("PATH").unwrap())
}

fn text(document: &Document<'_>, node: NodeId, key: &str) -> Option<String> {
    let values = document.values(node, key);
    values.first().and_then(|value| document.scalar(*value)).map(str::to_owned)
}

/// Every `run` of the action in the shell that it asks for, with its environment filled in from the inputs.
fn run_action(project: &Project, inputs: &[(&str, &str)]) -> Vec<Output> {
    let action = fs::read_to_string(repository().join("action.yml")).unwrap();
    let document = parse(&action).unwrap();
    let root = document.roots()[0];
    let mut values = BTreeMap::new();
    for &(name, input) in document.pairs(document.values(root, "inputs")[0]) {
        values.insert(document.scalar(name).unwrap().to_owned(), text(&document, input, "default").unwrap());
    }
    values.extend(inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let steps = document.values(document.values(root, "runs")[0], "steps")[0];
    let mut outputs = Vec::new();
    for &step in document.items(steps).unwrap() {
        if text(&document, step, "if").is_some() && values["lint"] != "true" {
            continue;
        }
        assert_eq!(text(&document, step, "shell").as_deref(), Some("bash"));
        let mut command = Command::new("bash");
        command.args([
            "--noprofile",
            "--norc",
            "-eo",
            "pipefail",
            "-c",
            &text(&document, step, "run").unwrap(),
        ]);
        command
            .current_dir(project.root())
            .env_clear()
            .env("PATH", path())
            .env("GITHUB_ACTION_PATH", repository());
        for environment in document.values(step, "env") {
            for &(name, value) in document.pairs(environment) {
                let expression = document.scalar(value).unwrap();
                let input = expression.strip_prefix("${{ inputs.").unwrap().strip_suffix(" }}").unwrap();
                command.env(document.scalar(name).unwrap(), &values[input]);
            }
        }
        outputs.push(command.output().unwrap());
    }
    outputs
}

fn shown(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[cfg(unix)]
#[test]
fn the_action_runs_and_annotates() {
    let project = Project::new();
    project.write("layers.toml", "");
    project.write("layer-versions.json", &ledger(&[("sosw", "123456789012", "us-east-1", 7)]));
    project.write("a b.yaml", &function(&[&arn("sosw", "1"), "'{{resolve:ssm:/x}}'"]));
    let outputs = run_action(&project, &[]);
    let codes: Vec<_> = outputs.iter().map(|output| output.status.code()).collect();
    assert_eq!(codes, [Some(0), Some(1), Some(1)], "{}", shown(&outputs[1]));
    assert!(shown(&outputs[1]).contains("::warning file=a b.yaml,line=7,col=11,title=layer-version::"));
    assert!(
        shown(&outputs[2]).contains("::warning file=a b.yaml,line=8,col=11,title=resolve-is-not-noticed::")
    );
    project.write("sub/good.yaml", &function(&[&arn("sosw", "7")]));
    let outputs =
        run_action(&project, &[("paths", "sub"), ("ledger", "layer-versions.json"), ("lint", "false")]);
    let codes: Vec<_> = outputs.iter().map(|output| output.status.code()).collect();
    assert_eq!(codes, [Some(0), Some(0)], "{}", shown(&outputs[1]));
}

#[cfg(unix)]
#[test]
fn the_hooks_entries_run_on_files() {
    let project = Project::new();
    project.write("layers.toml", "");
    project.write("layer-versions.json", &ledger(&[("sosw", "123456789012", "us-east-1", 7)]));
    project.write("a.yaml", &function(&[&arn("sosw", "1")]));
    project.write("b.yaml", "x: y\n");
    let hooks = fs::read_to_string(repository().join(".pre-commit-hooks.yaml")).unwrap();
    let document = parse(&hooks).unwrap();
    let mut codes = Vec::new();
    for &hook in document.items(document.roots()[0]).unwrap() {
        assert_eq!(text(&document, hook, "language").as_deref(), Some("system"));
        let entry = text(&document, hook, "entry").unwrap();
        let mut words = entry.split(' ');
        let mut command = Command::new(words.next().unwrap());
        command.args(words).args(["a.yaml", "b.yaml"]).current_dir(project.root()).env("PATH", path());
        codes.push(command.output().unwrap().status.code());
    }
    assert_eq!(codes, [Some(1), Some(0)]);
}

/// A tool in an environment of its own, from a lock under `tests/`.
fn judge(tool: &str, module: &str) -> Command {
    let mut command = Tool::install(tool).unwrap().command("python");
    command.args(["-m", module]).env("PATH", path());
    command
}

#[test]
fn pypi_cfn_lint_says_the_same_before_and_after() {
    let project = Project::new();
    let template = |version: &str| {
        format!(
            "AWSTemplateFormatVersion: '2010-09-09'\nResources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Runtime: python3.13\n      Handler: a.b\n      Role: !Sub arn:aws:iam::${{AWS::AccountId}}:role/x\n      Code: {{ZipFile: 'x = 1'}}\n      Layers:\n        - {}\n        - !Sub arn:aws:lambda:${{AWS::Region}}:123456789012:layer:two:{version}\n",
            arn("sosw", version)
        )
    };
    project.write("a.yaml", &template("1"));
    let lint = || {
        let mut command = judge("cfn-lint", "cfnlint.runner.cli");
        command.args(["--format", "json", "a.yaml"]).current_dir(project.root());
        let output = command.output().unwrap();
        (output.status.code(), shown(&output))
    };
    let before = lint();
    assert_eq!(before.0, Some(0), "{}", before.1);
    project.run(&["bump", "--pin", &arn("sosw", "70"), "--pin", &arn("two", "9")]).ends(0);
    assert_ne!(project.read("a.yaml"), template("1"));
    assert_eq!(before, lint());
    for (arguments, name) in
        [(["--to-mapping", "--ledger", "l.json"], "l.json"), (["--layer", "two", "--to-ssm=/two"], "l.json")]
    {
        project.write(
            name,
            &ledger(&[("two", "123456789012", "us-east-1", 70), ("two", "123456789012", "eu-west-1", 90)]),
        );
        project.write("a.yaml", &template("1"));
        project.run(&[&["bump", "a.yaml"], &arguments[..]].concat()).ends(0).prints("a.yaml\n");
        assert_eq!(before, lint(), "{}", project.read("a.yaml"));
    }
}

#[test]
fn pypi_a_validator_accepts_our_sarif() {
    let project = Project::new();
    project.write("a b.yaml", &function(&[&arn("sosw", "1"), "'{{resolve:ssm:/x}}'"]));
    project.write("bad.yaml", "Layers: [sosw\n");
    for arguments in [&["bump", "--check", "--pin", &arn("sosw", "7")][..], &["lint"], &["lint", "a b.yaml"]]
    {
        let ran = project.run(&[arguments, &["--format", "sarif"]].concat());
        project.write("log.sarif", &ran.stdout);
        project.write("check.py", "import sys\nfrom sarif_pydantic import Sarif\nlog = Sarif.model_validate_json(open(sys.argv[1]).read())\nassert log.version == '2.1.0' and log.runs[0].results\n");
        let mut command = judge("sarif", "check");
        command.arg("log.sarif").current_dir(project.root());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", shown(&output));
    }
}

#[test]
fn pypi_pre_commit_runs_the_hooks() {
    let (hooks, project) = (Project::new(), Project::new());
    let git = |project: &Project, arguments: &[&str]| {
        let mut command = Command::new("git");
        command
            .args(["-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "init.defaultBranch=main"])
            .args(arguments);
        assert!(command.current_dir(project.root()).output().unwrap().status.success(), "{arguments:?}");
    };
    hooks.write(
        ".pre-commit-hooks.yaml",
        &fs::read_to_string(repository().join(".pre-commit-hooks.yaml")).unwrap(),
    );
    project.write("layers.toml", "");
    project.write("layer-versions.json", &ledger(&[("sosw", "123456789012", "us-east-1", 7)]));
    project.write("a.yaml", &function(&[&arn("sosw", "1")]));
    for project in [&hooks, &project] {
        git(project, &["init", "-q"]);
        git(project, &["add", "-A"]);
        git(project, &["commit", "-qm", "x"]);
    }
    let run = |hook: &str| {
        let mut command = judge("pre-commit", "pre_commit");
        command
            .args(["try-repo", hooks.root().to_str().unwrap(), hook, "--all-files"])
            .current_dir(project.root());
        command.env("PRE_COMMIT_HOME", project.root().join(".git/pre-commit"));
        let output = command.output().unwrap();
        (output.status.code(), shown(&output))
    };
    let (code, said) = run("bump-templates");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("Would bump a.yaml: sosw 1 to 7"), "{said}");
    assert_eq!(run("lint-templates").0, Some(0));
    project.run(&["bump", "-q"]).ends(0);
    assert_eq!(run("bump-templates").0, Some(0));
    // No type of pre-commit's is called so.
    project.write("d.template", &function(&[&arn("sosw", "1"), "'{{resolve:ssm:/x}}'"]));
    git(&project, &["add", "-A"]);
    let (code, said) = run("bump-templates");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("Would bump d.template: sosw 1 to 7"), "{said}");
    assert_eq!(run("lint-templates").0, Some(1));
}
