//! The example project, as it lies in the repository.

use tests::command::{binary, clean, run};
use tests::example::{self, LAYER, TEMPLATES};
use tests::tools::Tool;

#[test]
fn its_first_version_is_named_in_both_forms() {
    let read = |name| std::fs::read_to_string(example::folder().join(name)).unwrap();
    let documented =
        "- !Sub \"arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:SOSW_LAYER_PLACEHOLDER\"";
    assert_eq!(read(TEMPLATES[0]).matches(documented).count(), 1);
    assert!(read(TEMPLATES[1]).contains("arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:1\n"));
}

/// Else the demo would begin with locking: its lock is the repository's own.
#[test]
fn its_lock_is_the_repositorys() {
    let folder = tempfile::tempdir().unwrap();
    example::copy_to(folder.path()).unwrap();
    let mut check = clean(binary("layer-builder"));
    let check = check.args(["build", "--locked", "--offline", "--quiet"]).current_dir(folder.path());
    let outcome = run(check.env("LAYER_BUILDER_CACHE_DIR", folder.path().join("cache")));
    // It comes as far as looking for the files, which are not there.
    assert!(!outcome.stderr.contains("does not fit"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("does not know where the files"), "{}", outcome.stderr);
}

/// Whoever publishes from this repository and bumps its templates does not mean the example's.
#[test]
fn it_is_passed_over_when_the_repositorys_templates_are_bumped() {
    let parent = example::folder();
    let mut bump = clean(binary("template-tools"));
    bump.args(["bump", "--layer", LAYER, "--version", "7", "--check", "."]);
    let outcome = run(bump.current_dir(parent.parent().unwrap())).expect_code(0);
    assert!(!outcome.stdout.contains("example"), "{}", outcome.stdout);
}

/// About the placeholder cfn-lint says what it should: that it is no version. About everything else, nothing.
#[test]
fn pypi_cfn_lint_has_nothing_to_say_about_its_templates() {
    let folder = tempfile::tempdir().unwrap();
    example::copy_to(folder.path()).unwrap();
    let cfn_lint = || {
        let mut command = Tool::install("cfn-lint").unwrap().command("cfn-lint");
        command.args(["--format", "parseable", "--regions", "us-west-2", "--"]).args(TEMPLATES);
        run(command.current_dir(folder.path()))
    };
    let said = cfn_lint().stdout;
    let line = "cloudformation.yaml:20:7:20:13:W1031:{'Fn::Sub': 'arn:";
    assert!(said.lines().count() == 1 && said.starts_with(line), "{said}");
    let mut bump = clean(binary("template-tools"));
    bump.args(["bump", "--layer", LAYER, "--version", "7"]).current_dir(folder.path());
    assert_eq!(run(&mut bump).expect_code(0).stdout, "cloudformation.yaml\nsam.yaml\n");
    assert_eq!(cfn_lint().expect_code(0).stdout, "");
}
