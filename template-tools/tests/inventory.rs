//! `list` and `lint` from the outside, and the reports for machines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::Value;

mod harness;
use harness::{Project, arn, function, ledger, set_readonly};

#[test]
fn the_list_names_file_function_layer_version_and_region() {
    let project = Project::new();
    project.write("a.yaml", &function(&[&arn("sosw", "7"), "!Ref Other"]));
    project.write(
        "b.json",
        &format!(
            "{{\"Globals\": {{\"Function\": {{\"Layers\": [{{\"Fn::Sub\": \"{}\"}}, \"{}\"]}}}}}}",
            arn("sosw", "12").replace("us-east-1", "${AWS::Region}"),
            arn("sosw", "10")
        ),
    );
    project.write("no.yaml", &format!("Layers: ['{}']\n", arn("sosw", "1")));
    let ran = project.run(&["list"]);
    ran.ends(0).prints(
        "REFERENCE     FUNCTION  LAYER  VERSION  REGION     ACCOUNT
a.yaml:7:11   F         sosw   7 !      us-east-1  123456789012
a.yaml:8:16   F         (`Other` is no parameter and no resource of this
                        template)
b.json:1:50   Globals   sosw   12       *          123456789012
b.json:1:111  Globals   sosw   10 !     us-east-1  123456789012
",
    );
    ran.says("warning: layer `sosw` of account 123456789012 in us-east-1 has mixed versions: 7 (1), 10 (1)");
    let json: Value =
        serde_json::from_str(&project.run(&["list", "--format", "json", "--layer", "sosw"]).stdout).unwrap();
    assert_eq!(json["references"].as_array().unwrap().len(), 3);
    assert_eq!(json["references"][1]["region"], Value::Null);
    assert_eq!(json["layers"][1]["versions"], serde_json::json!([7, 10]));
    project
        .run(&["list", "nowhere"])
        .ends(1)
        .says("failed to read `nowhere`: there is no such file or folder");
}

#[test]
fn a_list_that_is_wider_than_80_columns_is_grouped_by_file_and_function() {
    let project = Project::new();
    let path = "services/orders/deployment/cloudformation/order-processing.yaml";
    let long = format!("{}/template.yaml", "services/of-another-department".repeat(3));
    let open = arn("a-layer-with-a-name", "31").replace("us-east-1", "${AWS::Region}");
    for path in [path, &long] {
        let layers = [&arn("sosw", "7"), "!Ref Other", &format!("!Sub {open}")];
        project.write(path, &function(&layers).replace("  F:", "  OrdersFunction:"));
    }
    let references = "  OrdersFunction
    7:11  sosw:7                  us-east-1  123456789012
    8:16  (`Other` is no parameter and no resource of this template)
    9:16  a-layer-with-a-name:31  *          123456789012
";
    // A path is never broken.
    let list = format!("{long}\n{references}{path}\n{references}");
    project.run(&["list"]).ends(0).prints(&list);
    // What is too wide even so is a sentence, broken at its blanks.
    let name = "a".repeat(60);
    project.write(path, &function(&[&arn(&name, "7"), "!Ref Other"]));
    project.run(&["list", path]).ends(0).prints(&format!(
        "{path}\n  F\n    7:11 {name}:7 in\n    us-east-1, account 123456789012\n    8:16 (`Other` is no parameter and no \
         resource of this template)\n"
    ));
}

/// A file may be called anything, and what it is called gives no orders to a terminal.
#[cfg(unix)]
#[test]
fn names_of_files_do_not_reach_the_terminal_as_orders() {
    let project = Project::new();
    project.write(
        "a\u{1b}[31m\n.yaml",
        &function(&["'arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:7'"]),
    );
    project.write("b\u{7}.yaml", "Layers: [ layer:sosw:1\n");
    for command in ["list", "lint"] {
        let ran = project.run(&[command]);
        assert!(ran.stdout.contains("a\\u{1b}[31m\\n.yaml:7:11"), "{}", ran.stdout);
        ran.ends(3).says("failed to read `b\\u{7}.yaml`");
        assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains(['\u{1b}', '\u{7}']));
    }
}

/// As `bump` does: whoever asks for a list of all references has to hear of what is not in it.
#[test]
fn files_with_expressions_and_layers_are_named() {
    let project = Project::new();
    project.write("a.yaml", &format!("{{% if x %}}\n{}{{% endif %}}\n", function(&[&arn("sosw", "7")])));
    project.write("b.yaml", "{% if x %}\nLayers: []\n{% endif %}\n");
    for command in ["list", "lint"] {
        let ran = project.run(&[command]);
        ran.ends(3).says("failed to read `a.yaml`").says("it has expressions of Jinja or cookiecutter in it");
        ran.is_silent_about("b.yaml");
    }
}

#[test]
fn the_list_counts_names_and_names_what_it_has_not_found() {
    let project = Project::new();
    let elsewhere = arn("sosw", "7").replace("us-east-1", "eu-west-1");
    project.write("a.yaml", &function(&[&arn("sosw", "7"), &elsewhere, &arn("other", "1")]));
    project.run(&["list"]).ends(0).says("Finished 3 references to 2 layers in 1 file");
    project
        .run(&["list", "--layer", "nope", "--layer", "sosw"])
        .ends(0)
        .says("warning: no template names layer `nope`")
        .is_silent_about("layer `sosw`");
}

#[test]
fn lint_says_where_it_has_found_no_template() {
    let project = Project::new();
    project.write("a.yaml", "a: b\n");
    let ran = project.run(&["lint"]);
    ran.ends(0).says("warning: no template with a layer or a function was found in `.`");
    ran.says("Finished 0 findings in 0 files, of 0 templates");
    project.write("a.yaml", &function(&["!Sub 'arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:7'"]));
    let ran = project.run(&["lint"]);
    ran.ends(0).says("Finished 0 findings in 0 files, of 1 template");
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
}

#[test]
fn lint_prints_findings_and_ends_with_1() {
    let project = Project::new();
    project.write("a.yaml", &function(&["'arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:7'"]));
    let ran = project.run(&["lint"]);
    ran.ends(1).says("Finished 1 finding in 1 file");
    ran.prints("a.yaml:7:11: error[variable-without-sub] `${AWS::Region}` stands in a plain string, and CloudFormation replaces it in `Fn::Sub` only\n    fix: put `!Sub` before it\n");
    project.write("a.yaml", &function(&["!Sub 'arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:7'"]));
    project.run(&["lint"]).ends(0).prints("");
    project.write("l.json", &ledger(&[("sosw", "123456789012", "us-east-1", 6)]));
    project.run(&["lint", "--ledger", "l.json"]).ends(1).says("1 finding");
    project.write("layers.toml", "");
    project.write("layer-versions.json", &ledger(&[("sosw", "123456789012", "us-east-1", 6)]));
    project.run(&["lint"]).ends(1).says("1 finding");
    project.write("broken.yaml", "Layers: [\n");
    project.run(&["lint"]).ends(3).says("failed to read `broken.yaml`");
    let rules = project.run(&["lint", "--rules"]);
    assert_eq!(rules.ends(0).stdout.matches("    fix: ").count(), template_tools::lint::ALL.len());
}

#[test]
fn reports_for_machines() {
    let project = Project::new();
    project.write("a b.yaml", &function(&[&arn("sosw", "1")]));
    project.write("bad.yaml", "sosw: [ # Layers\n");
    let pin = arn("sosw", "7");
    let run = |format: &str| project.run(&["bump", "--pin", &pin, "--check", "--format", format]);
    let json: Value = serde_json::from_str(&run("json").ends(3).stdout).unwrap();
    assert_eq!(json["changes"][0]["to"], "7");
    assert_eq!(json["changes"][0]["line"], 7);
    assert_eq!(json["findings"][0]["rule"], "layer-unreadable");
    let sarif: Value = serde_json::from_str(&run("sarif").stdout).unwrap();
    assert_eq!(sarif["runs"][0]["results"][1]["message"]["text"], "layer `sosw` goes from 1 to 7");
    let github = run("github").stdout;
    assert!(
        github.contains(
            "::warning file=a b.yaml,line=7,col=11,title=layer-version::layer `sosw` goes from 1 to 7"
        ),
        "{github}"
    );
    assert!(github.contains("::error file=bad.yaml,line=1,col=7,title=layer-unreadable::"), "{github}");
    // A finding in every format, and nothing of the text's own.
    project.write("bad.yaml", &function(&["'arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:7'"]));
    for format in ["json", "sarif", "github"] {
        let ran = project.run(&["lint", "--format", format]);
        assert!(ran.ends(1).stdout.contains("variable-without-sub"), "{}", ran.stdout);
        assert!(!ran.stdout.contains("fix: "), "{}", ran.stdout);
    }
    for format in ["sarif", "github"] {
        let refused = project.run(&["bump", "--pin", &pin, "--diff", "--format", format]);
        refused.ends(2).prints("").says(&format!("'--diff' cannot be used with '--format {format}'"));
    }
    let diff = project.run(&["bump", "--pin", &pin, "--diff", "--format", "json"]);
    let json: Value = serde_json::from_str(&diff.ends(0).stdout).unwrap();
    let diff = json["diffs"][0]["diff"].as_str().unwrap();
    assert!(diff.starts_with("--- a/a b.yaml\n+++ b/a b.yaml\n@@ "), "{diff}");
}

/// What is said to have changed has changed.
#[test]
fn a_file_that_could_not_be_written_is_a_finding_and_no_change() {
    let project = Project::new();
    project.write("good.yaml", &function(&[&arn("sosw", "1")]));
    project.write("locked.yaml", &function(&[&arn("sosw", "1")]));
    set_readonly(&project.path("locked.yaml"), true);
    let run = |format: &str| project.run(&["bump", "--pin", &arn("sosw", "7"), "--format", format]);
    let ran = run("json");
    let json: Value = serde_json::from_str(&ran.ends(3).stdout).unwrap();
    assert_eq!(json["changes"].as_array().unwrap().len(), 1, "{json}");
    assert_eq!(json["changes"][0]["path"], "good.yaml");
    assert_eq!(json["findings"].as_array().unwrap().len(), 1, "{json}");
    assert_eq!(json["findings"][0]["rule"], "layer-unwritten");
    assert_eq!(json["findings"][0]["path"], "locked.yaml");
    let github = run("github");
    github.ends(3);
    assert!(
        github.stdout.starts_with("::error file=locked.yaml,title=layer-unwritten::"),
        "{}",
        github.stdout
    );
    assert_eq!(github.stdout.lines().count(), 1);
}

/// samconfig.toml is no YAML, and may be the only one that names a layer.
#[test]
fn the_layers_of_samconfig_are_listed_and_it_is_not_linted() {
    let project = Project::new();
    let samconfig = format!(
        "[default.deploy.parameters]\nstack_name = \"my-Lambda\" # the name\nparameter_overrides = \"Layers={} V=3\"\n",
        arn("sosw", "7")
    );
    project.write("samconfig.toml", &samconfig);
    project.run(&["lint"]).ends(0).is_silent_about("failed");
    let list = || {
        let json = project.run(&["list", "--format", "json"]);
        serde_json::from_str::<Value>(&json.ends(0).stdout).unwrap()["references"].clone()
    };
    let all = list();
    assert_eq!(all.as_array().unwrap().len(), 1, "{all}");
    assert_eq!((&all[0]["path"], &all[0]["layer"]), (&"samconfig.toml".into(), &"sosw".into()));
    assert_eq!((&all[0]["version"], &all[0]["line"]), (&7.into(), &3.into()));
    // A bare number is the version of what the template says.
    let other = arn("other", "${V}");
    project.write(
        "template.yaml",
        &format!("Parameters: {{V: {{Type: Number}}, Layers: {{Type: CommaDelimitedList}}}}\nGlobals: {{Function: {{Layers: [!Sub '{other}']}}}}\n"),
    );
    let all = list();
    let found = |layer: &str| all.as_array().unwrap().iter().filter(|row| row["layer"] == layer).count();
    assert_eq!((found("sosw"), found("other")), (1, 1), "{all}");
    let layers = project.run(&["bump", "--print-layers"]);
    assert!(layers.ends(0).stdout.contains("\"sosw\""), "{}", layers.stdout);
    project.write("samconfig.toml", "parameter_overrides = [\n");
    project.run(&["list"]).ends(3).says("failed to read `samconfig.toml`");
}
