//! The binary `template-tools bump`, from the outside: files, both outputs, exit codes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::process::Command;

mod harness;
use harness::{Project, arn, function, ledger, set_readonly};

const DOCUMENTED: &str =
    r#"- !Sub "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:SOSW_LAYER_PLACEHOLDER""#;

/// The documented line among comments that look like it, with a BOM, CRLF and letters of many bytes.
fn documented() -> String {
    let text = format!(
        "\u{feff}# größer: arn:aws:lambda:us-east-1:123456789012:layer:sosw:SOSW_LAYER_PLACEHOLDER
Resources:
  F:\t# 函数
    Type: AWS::Serverless::Function
    Properties:
      Description: 'größer, SOSW_LAYER'
      Layers:   # SOSW_LAYER_PLACEHOLDER
        # {DOCUMENTED}
        {DOCUMENTED}   # arn:aws:lambda:us-east-1:123456789012:layer:sosw:7
      # the end, without a line end"
    );
    text.replace('\n', "\r\n")
}

#[test]
fn the_documented_placeholder_becomes_the_version_and_then_every_newer_one() {
    let project = Project::new();
    project.write("layers.toml", "[layers.sosw]\nrequirements = [\"sosw\"]\n");
    project.write("layer-versions.json", &ledger(&[("sosw", "123456789012", "us-west-2", 7)]));
    project.write("app/template.yaml", &documented());
    let with = |version: &str| {
        let line = format!("\n        {DOCUMENTED}   #");
        documented().replace(&line, &line.replace("SOSW_LAYER_PLACEHOLDER", version))
    };

    let first = project.run(&["bump"]);
    first
        .ends(0)
        .prints("app/template.yaml\n")
        .says("Bumped app/template.yaml: sosw placeholder to 7 (line 9)");
    assert_eq!(project.read("app/template.yaml"), with("7"));
    assert_eq!(project.read("app/template.yaml").matches('\r').count(), documented().matches('\r').count());

    // The ledger names the layer too, and is no template.
    assert!(!first.stderr.contains("left"), "{}", first.stderr);

    let before = fs::metadata(project.path("app/template.yaml")).unwrap();
    project.run(&["bump"]).ends(0).prints("").says("0 files changed, 1 up to date");
    let after = fs::metadata(project.path("app/template.yaml")).unwrap();
    assert_eq!(before.modified().unwrap(), after.modified().unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(before.ino(), after.ino(), "the second run wrote the file");
    }

    project.write("layer-versions.json", &ledger(&[("sosw", "123456789012", "us-west-2", 12)]));
    project.run(&["bump"]).ends(0).prints("app/template.yaml\n").says("sosw 7 to 12 (line 9)");
    assert_eq!(project.read("app/template.yaml"), with("12"));
}

#[test]
fn only_the_layer_that_is_meant_is_changed() {
    let project = Project::new();
    let others = [
        arn("MyLayer2", "1"),
        arn("My", "1"),
        arn("MyLayer", "1").replace("123456789012", "210987654321"),
        arn("MyLayer", "1").replace("arn:aws:", "arn:aws-cn:"),
        "!Ref MyLayer".to_owned(),
    ];
    let template = |version: &str| {
        let mine = arn("MyLayer", version);
        let layers: Vec<_> = [mine.as_str()].into_iter().chain(others.iter().map(String::as_str)).collect();
        format!("# {}\n{}# end\n", arn("MyLayer", "1"), function(&layers))
    };
    project.write("a.yaml", &template("1"));
    project.run(&["bump", "--pin", &arn("MyLayer", "10")]).ends(0).prints("a.yaml\n");
    assert_eq!(project.read("a.yaml"), template("10"));
    // 10 is not 1 with a 0 behind it.
    project.run(&["bump", "--pin", &arn("MyLayer", "100")]).ends(0);
    assert_eq!(project.read("a.yaml"), template("100"));
}

#[test]
fn json_is_changed_in_its_own_style() {
    let project = Project::new();
    let template = |version: &str| {
        format!(
            "{{\n\t\"Globals\": {{\"Function\": {{\"Layers\": [\r\n\t\t{{ \"Fn::Sub\":\"{}\" }} ,\"{}\"]}}}}}}",
            arn("sosw", version).replace("us-east-1", "${AWS::Region}"),
            arn("sosw", version)
        )
    };
    project.write("a.json", &template("9"));
    project.write("b.template", &template("9"));
    project.run(&["bump", "--layer", "sosw", "--version", "10"]).ends(0).prints("a.json\nb.template\n");
    assert_eq!(project.read("a.json"), template("10"));
    assert_eq!(project.read("b.template"), template("10"));
}

#[test]
fn pins_that_disagree_are_refused_with_the_list_and_nothing_is_written() {
    let project = Project::new();
    let open = format!("!Sub {}", arn("sosw", "1").replace("us-east-1", "${AWS::Region}"));
    project.write("open.yaml", &function(&[&open]));
    project.write("plain.yaml", &function(&[&arn("sosw", "1")]));
    project.write(
        "l.json",
        &ledger(&[("sosw", "123456789012", "us-east-1", 7), ("sosw", "123456789012", "eu-west-1", 8)]),
    );

    let ran = project.run(&["bump", "--ledger", "l.json"]);
    ran.ends(1).prints("").says("error: refused to change `open.yaml:7:16`");
    ran.says("arn:aws:lambda:eu-west-1:123456789012:layer:sosw:8")
        .says("arn:aws:lambda:us-east-1:123456789012:layer:sosw:7");
    ran.says("hint: name the version that these templates are for, `template-tools bump --pin ARN`");
    assert_eq!(project.read("plain.yaml"), function(&[&arn("sosw", "1")]));

    project.run(&["bump", "--ledger", "l.json", "--keep-going"]).ends(3).prints("plain.yaml\n");
    assert_eq!(project.read("plain.yaml"), function(&[&arn("sosw", "7")]));
    assert_eq!(project.read("open.yaml"), function(&[&open]));

    // The way out that the hint names.
    project.run(&["bump", "--pin", &arn("sosw", "7")]).ends(0).prints("open.yaml\n");
}

#[test]
fn hints_say_what_was_typed() {
    let project = Project::new();
    let under_xtask = [("XTASK_CALLED_AS", "cargo xtask bump-templates")];
    let ran = project.run_with(&["bump"], "", &under_xtask);
    ran.ends(1).says("no `layers.toml`").says("`cargo xtask bump-templates --ledger FILE`");
    let ran = project.run_with(&["bump", "--no-such-flag"], "", &under_xtask);
    ran.ends(2).says("Usage: cargo xtask bump-templates ");
    let ran = project.run_with(&["bump", "--help"], "", &under_xtask);
    ran.ends(0);
    assert!(ran.stdout.contains("Usage: cargo xtask bump-templates [OPTIONS] [PATH]..."), "{}", ran.stdout);
    project.run(&["bump", "--no-such-flag"]).ends(2).says("Usage: template-tools bump ");
}

#[test]
fn two_pins_for_one_place_are_refused() {
    let project = Project::new();
    let ran = project.run(&["bump", "--pin", &arn("sosw", "7"), "--pin", &arn("sosw", "8")]);
    ran.ends(1)
        .says("layer:sosw:7` and `arn:aws:lambda:us-east-1:123456789012:layer:sosw:8` name two versions");
}

#[test]
fn several_accounts_need_the_one_that_is_meant() {
    let project = Project::new();
    let theirs = arn("sosw", "1").replace("123456789012", "210987654321");
    project.write("mine.yaml", &function(&[&arn("sosw", "1")]));
    project.write("theirs.yaml", &function(&[&theirs]));
    project.write("third.yaml", &function(&[&arn("other", "1")]));
    let ran = project.run(&["bump", "--layer", "sosw", "--version", "7"]);
    ran.ends(1).prints("").says("refused to change layer `sosw` in several accounts");
    ran.says("123456789012 in mine.yaml:7:11").says("210987654321 in theirs.yaml:7:11").says("--account ID");
    let account = ["bump", "--layer", "sosw", "--version", "7", "--account", "123456789012"];
    project.run(&account).ends(0).prints("mine.yaml\n");
    assert_eq!(project.read("theirs.yaml"), function(&[&theirs]));
}

#[test]
fn account_and_region_narrow_ledger_and_pins() {
    let project = Project::new();
    let eu = |version: &str| arn("sosw", version).replace("us-east-1", "eu-west-1");
    let open =
        |version: &str| format!("!Sub {}", arn("sosw", version).replace("us-east-1", "${AWS::Region}"));
    let (mine, theirs) = ("123456789012", "210987654321");
    let entries =
        [("sosw", mine, "us-east-1", 12), ("sosw", mine, "eu-west-1", 13), ("sosw", theirs, "us-east-1", 14)];
    project.write("l.json", &ledger(&entries));
    let (us_pin, eu_pin) = (arn("sosw", "12"), eu("13"));
    for from in [&["--ledger", "l.json", "--layer", "sosw"][..], &["--pin", &us_pin, "--pin", &eu_pin]] {
        project.write("a.yaml", &function(&[&arn("sosw", "7"), &eu("7"), &open("7")]));
        let run = |more: &[&str]| project.run(&[&["bump"], from, more].concat());
        run(&["--region", "us-east-1", "--account", mine]).ends(0).prints("a.yaml\n");
        assert_eq!(project.read("a.yaml"), function(&[&arn("sosw", "12"), &eu("7"), &open("12")]));
        run(&["--account", theirs, "--region", "eu-west-1"])
            .ends(1)
            .says("error: no version is known in account 210987654321 in region eu-west-1");
        run(&["--region", "ap-south-1"])
            .ends(1)
            .says("no version is known in region ap-south-1")
            .says("hint: `--account`");
    }
}

#[test]
fn a_glob_that_is_none_is_wrong_usage() {
    let project = Project::new();
    for glob in ["[", "a[b", "a{"] {
        project.run(&["bump", "--pin", &arn("sosw", "7"), "--include", glob]).ends(2).says("--include");
    }
    project.run(&["bump", "--pin", &arn("sosw", "7"), "--include", "[ab]*.yml"]).ends(0);
}

#[test]
fn what_comes_through_a_pipe_is_not_brought_back_with_git() {
    let project = Project::new();
    for (input, said) in [
        ("", "failed to read the ledger `standard input`"),
        ("{\"schema\": 1, \"versions\": []}", "names no versions"),
    ] {
        let ran = project.run_with(&["bump", "--ledger", "-"], input, &[]);
        ran.ends(1).says(said).says("hint: what came in is no ledger");
        assert!(!ran.stderr.contains("git"), "{}", ran.stderr);
    }
}

#[test]
fn a_region_narrows_a_version_given_by_hand() {
    let project = Project::new();
    let elsewhere = arn("sosw", "1").replace("us-east-1", "eu-west-1");
    project.write("a.yaml", &function(&[&arn("sosw", "1"), &elsewhere]));
    let ran = project.run(&["bump", "--layer", "sosw", "--version", "7", "--region", "eu-west-1"]);
    ran.ends(0).says("left `sosw` alone at a.yaml:7:11: no version is known for region `us-east-1`");
    assert_eq!(
        project.read("a.yaml"),
        function(&[&arn("sosw", "1"), &elsewhere.replace("sosw:1", "sosw:7")])
    );
}

#[test]
fn a_downgrade_wants_its_own_flag() {
    let project = Project::new();
    project.write("a.yaml", &function(&[&arn("sosw", "8")]));
    let ran = project.run(&["bump", "--pin", &arn("sosw", "7")]);
    ran.ends(1).prints("").says("version 8 there, and version 7 is older").says("`--allow-downgrade`");
    assert_eq!(project.read("a.yaml"), function(&[&arn("sosw", "8")]));
    project.run(&["bump", "--pin", &arn("sosw", "7"), "--allow-downgrade"]).ends(0).prints("a.yaml\n");
    assert_eq!(project.read("a.yaml"), function(&[&arn("sosw", "7")]));
}

#[test]
fn faults_of_the_ledger_are_named_and_nothing_is_written() {
    let project = Project::new();
    let template = function(&[&arn("sosw", "1")]);
    project.write("a.yaml", &template);
    let good = ledger(&[("sosw", "123456789012", "us-east-1", 7)]);
    for (text, said) in [
        (good.replace("\"schema\": 1", "\"schema\": 2"), "its schema is 2, this program knows schema 1"),
        (good.replace("\"versions\"", "\n  oops"), "line 2, column 3: key must be a string"),
        (format!("{{\n<<<<<<< HEAD\n{good}"), "line 2 holds a conflict marker of git: `<<<<<<< HEAD`"),
        (good.replace("\"version\": 7", "\"version\": 8"), "entry 1 says"),
        (ledger(&[]), "names no versions"),
    ] {
        project.write("l.json", &text);
        let ran = project.run(&["bump", "--ledger", "l.json"]);
        ran.ends(1).prints("").says("the ledger `l.json`").says(said).says("hint: ");
        assert_eq!(project.read("l.json"), text);
        assert_eq!(project.read("a.yaml"), template);
    }
    project
        .run(&["bump", "--ledger", "none.json"])
        .ends(1)
        .says("failed to read the ledger `none.json`")
        .says("layer-publisher publish");
}

#[test]
fn the_ledger_is_read_from_standard_input() {
    let project = Project::new();
    project.write("a.yaml", &function(&[&arn("sosw", "1")]));
    let good = ledger(&[("sosw", "123456789012", "us-east-1", 7)]);
    project.run_with(&["bump", "--ledger", "-"], &good, &[]).ends(0).prints("a.yaml\n");
    assert_eq!(project.read("a.yaml"), function(&[&arn("sosw", "7")]));
    project.run_with(&["bump", "--ledger", "-"], "", &[]).ends(1).says("the ledger `standard input`");
}

#[test]
fn the_ledger_is_found_beside_the_nearest_or_the_named_layers_file() {
    let project = Project::new();
    project.write("layers.toml", "[layers.sosw]\n");
    project.write("layer-versions.json", &ledger(&[("sosw", "123456789012", "us-east-1", 7)]));
    project.write("other/my.toml", "");
    project.write("other/layer-versions.json", &ledger(&[("sosw", "123456789012", "us-east-1", 8)]));
    project.write("a.yaml", &function(&[&arn("sosw", "1")]));
    project.run(&["bump", "a.yaml"]).ends(0).says("sosw 1 to 7");
    project.run(&["bump", "a.yaml", "--layers-file", "other/my.toml"]).ends(0).says("sosw 7 to 8");
    project.write("layers.toml", "[layer.sosw]\n");
    project.run(&["bump", "a.yaml"]).ends(1).says("`[layer]` is no table of it, did you mean `layers`?");
}

#[test]
fn a_template_that_cannot_be_read_is_named_and_the_others_are_done() {
    let project = Project::new();
    project.write("bad.yaml", "Resources:\n  sosw: [ # Layers\n");
    fs::write(project.path("latin.yaml"), b"# layer:sosw\n# gr\xfc\xdfe\n").unwrap();
    project.write("good.yaml", &function(&[&arn("sosw", "1")]));
    let ran = project.run(&["bump", "--pin", &arn("sosw", "7")]);
    ran.ends(3).prints("good.yaml\n").says("failed to read `bad.yaml`\n  Caused by: line 2, column 9: ");
    ran.says("failed to read `latin.yaml`\n  Caused by: line 2, column 5: this is not UTF-8");
    assert_eq!(project.read("good.yaml"), function(&[&arn("sosw", "7")]));
    // What does not name the layer need not be a template at all.
    project.write("bad.yaml", "{% if sosw %}: [\n");
    fs::remove_file(project.path("latin.yaml")).unwrap();
    project.run(&["bump", "--pin", &arn("sosw", "7")]).ends(0);
    project
        .run(&["bump", "--pin", &arn("sosw", "7"), "nowhere"])
        .ends(1)
        .says("failed to read `nowhere`: there is no such");
}

#[test]
fn check_and_diff_write_nothing() {
    let project = Project::new();
    let template = format!("\u{feff}{}", function(&[&arn("sosw", "1")])).replace('\n', "\r\n");
    project.write("a.yaml", &template);
    let pin = arn("sosw", "7");
    project
        .run(&["bump", "--pin", &pin, "--check"])
        .ends(1)
        .prints("a.yaml\n")
        .says("Would bump a.yaml: sosw 1 to 7 (line 7)");
    let diff = format!(
        "--- a/a.yaml\n+++ b/a.yaml\n@@ -4,4 +4,4 @@\n     Properties:\r\n       Handler: a.b\r\n       Layers:\r\n\
         -        - {}\r\n+        - {}\r\n",
        arn("sosw", "1"),
        arn("sosw", "7")
    );
    project.run(&["bump", "--pin", &pin, "--diff"]).ends(0).prints(&diff);
    project.run(&["bump", "--pin", &pin, "--diff", "--check", "-q"]).ends(1).prints(&diff);
    assert_eq!(project.read("a.yaml"), template);
    project.run(&["bump", "--pin", &pin]).ends(0);
    project.run(&["bump", "--pin", &pin, "--check"]).ends(0).prints("");
    project.run(&["bump", "--pin", &pin, "--diff"]).ends(0).prints("");
}

#[test]
fn what_is_not_understood_is_reported_with_its_place() {
    let project = Project::new();
    let join = "!Sub 'arn:aws:lambda:us-east-1:123456789012:layer:sosw:${Version}'";
    project.write("a.yaml", &function(&[join, "!Ref Other"]));
    let ran = project.run(&["bump", "--pin", &arn("sosw", "7")]);
    ran.ends(0).prints("").says(
        "warning: left `sosw` alone at a.yaml:7:16: the version is not known: `Version` is no parameter",
    );
    assert_eq!(ran.stderr.matches("warning").count(), 1);
    assert_eq!(project.read("a.yaml"), function(&[join, "!Ref Other"]));
    project
        .run(&["bump", "--pin", &arn("none", "7")])
        .ends(0)
        .says("warning: no template names layer `none`");
}

#[test]
fn a_file_named_in_two_ways_is_changed_once() {
    let project = Project::new();
    project.write("sub/a.txt", &function(&[&arn("sosw", "1")]));
    let absolute = project.path("sub/a.txt");
    let ran = project.run(&[
        "bump",
        "--pin",
        &arn("sosw", "7"),
        "sub/a.txt",
        absolute.to_str().unwrap(),
        "./sub/a.txt",
    ]);
    ran.ends(0);
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
}

#[test]
fn a_read_only_file_is_reported_and_the_others_are_done() {
    let project = Project::new();
    project.write("a.yaml", &function(&[&arn("sosw", "1")]));
    project.write("b.yaml", &function(&[&arn("sosw", "1")]));
    set_readonly(&project.path("a.yaml"), true);
    let ran = project.run(&["bump", "--pin", &arn("sosw", "7")]);
    ran.ends(3).prints("b.yaml\n").says("failed to write `a.yaml`: it is read-only");
    assert_eq!(project.read("a.yaml"), function(&[&arn("sosw", "1")]));
    assert_eq!(project.names(), ["a.yaml", "b.yaml"]);
    // Nothing to do is nothing to complain about.
    set_readonly(&project.path("b.yaml"), true);
    project.run(&["bump", "--pin", &arn("sosw", "7"), "b.yaml"]).ends(0);
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_reported_and_the_others_are_done() {
    let project = Project::new();
    project.write("locked/a.yaml", &function(&[&arn("sosw", "1")]));
    project.write("b.yaml", &function(&[&arn("sosw", "1")]));
    set_readonly(&project.path("locked"), true);
    // Root writes where it likes.
    let root = fs::write(project.path("locked/probe"), "").is_ok();
    let ran = project.run(&["bump", "--pin", &arn("sosw", "7")]);
    set_readonly(&project.path("locked"), false);
    if root {
        ran.ends(0).prints("b.yaml\nlocked/a.yaml\n");
    } else {
        ran.ends(3).prints("b.yaml\n").says("failed to write `locked/a.yaml`");
        assert_eq!(project.read("locked/a.yaml"), function(&[&arn("sosw", "1")]));
    }
}

#[cfg(unix)]
#[test]
fn more_files_are_changed_than_may_be_open() {
    let project = Project::new();
    for index in 0..200 {
        project.write(&format!("{index}.yaml"), &function(&[&arn("sosw", "1")]));
    }
    let script = format!(
        "ulimit -n 100 && exec {} bump -q --pin {}",
        env!("CARGO_BIN_EXE_template-tools"),
        arn("sosw", "7")
    );
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script]).current_dir(project.root()).env_clear();
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(project.names().len(), 200);
    assert!((0..200).all(|index| project.read(&format!("{index}.yaml")) == function(&[&arn("sosw", "7")])));
}
