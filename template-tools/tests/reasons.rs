//! What `bump` refuses, leaves alone and forces in, and the reasons that it gives.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;

mod harness;
use harness::{Project, arn, function, ledger};

const SOSW_7: &str = "arn:aws:lambda:us-east-1:123456789012:layer:sosw:7";

fn fit(runtimes: &str, architectures: &str) -> String {
    ledger(&[("sosw", "123456789012", "us-east-1", 7)])
        .replace("\"compatible_runtimes\": []", &format!("\"compatible_runtimes\": [{runtimes}]"))
        .replace(
            "\"compatible_architectures\": []",
            &format!("\"compatible_architectures\": [{architectures}]"),
        )
}

#[test]
fn why_names_every_reference_that_stays_and_the_reason() {
    let project = Project::new();
    let theirs = arn("sosw", "1").replace("123456789012", "210987654321");
    let template = format!(
        "# {}\nParameters:\n  SoswLayer: {{Type: 'AWS::SSM::Parameter::Value<String>', Default: /layers/sosw}}\n  Set: {{Type: String}}\n{}  Made: {{Type: AWS::Lambda::LayerVersion}}\n",
        arn("sosw", "1"),
        function(&[
            &theirs,
            "!Ref Made",
            "!Ref SoswLayer",
            "!Ref Set",
            "'{{resolve:ssm:/layers/sosw:1}}'",
            "!GetAtt Nested.Outputs.Layer",
            "!ImportValue sosw-layer",
            "!Transform {Name: X}",
            &arn("other", "3"),
            &arn("sosw", "7"),
        ])
    );
    project.write("a.yaml", &template);
    project.write("other.json", &format!("[\"{}\"]", arn("sosw", "1")));
    project.write(".hidden/b.yaml", &function(&[&arn("sosw", "1")]));
    project.write(".gitignore", "ignored\n");
    fs::create_dir(project.path(".git")).unwrap();
    project.write("ignored/c.yaml", &function(&[&arn("sosw", "1")]));

    let ran = project.run(&["bump", "--pin", SOSW_7, "--why"]);
    ran.ends(0).prints("");
    for said in [
        "Left a.yaml:1:1: `sosw`, it is in a comment",
        "a.yaml:11:11: `sosw`, it is another account's layer",
        "a.yaml:12:16: a layer, it is the resource `Made` of this template",
        "alone at a.yaml:13:16: parameter `SoswLayer` is read from SSM at every change set: set the SSM parameter `/layers/sosw`",
        "a.yaml:14:16: a layer, parameter `Set` has no default",
        "alone at a.yaml:15:11: `{{resolve:ssm:/layers/sosw:1}}` is read from SSM",
        "a.yaml:16:19: a layer, it is `Nested.Outputs.Layer`, an attribute of another resource",
        "a.yaml:17:24: a layer, it is imported from another stack",
        "a.yaml:18:22: a layer, `Fn::Transform` is not followed",
        "a.yaml:19:11: `other`, no version is asked for",
        "note: left `sosw` alone at other.json:1:2: the file is no template",
        "Left .hidden/b.yaml:7:11: `sosw`, git ignores the file, or it is hidden",
        "Left ignored/c.yaml:7:11: `sosw`, git ignores the file, or it is hidden",
    ] {
        ran.says(said);
    }
    let ran = project.run(&["bump", "--pin", SOSW_7]);
    ran.ends(0).is_silent_about("comment").is_silent_about("hidden").is_silent_about("another account");
    ran.says("other.json:1:2: the file is no template");
    assert_eq!(project.read("a.yaml"), template);
}

#[test]
fn what_is_no_template_stays_unless_it_is_included() {
    let project = Project::new();
    let arn_1 = arn("sosw", "1");
    let serverless = format!(
        "service: x\nprovider: {{name: aws}}\nfunctions:\n  f:\n    layers:\n      - {arn_1} # {arn_1}\n      - arn:aws:lambda:${{self:provider.region}}:123456789012:layer:sosw:1\n"
    );
    let files = [
        ("serverless.yml", serverless.as_str(), "the file belongs to the Serverless Framework"),
        (
            "flow.yaml",
            &format!("on: push\njobs: {{a: {{env: {{L: '{arn_1}'}}}}}}\n"),
            "the file is a workflow",
        ),
        ("model.json", &format!("{{\"example\": \"{arn_1}\"}}"), "the file is no template"),
        (
            "cdk.out/a.template.json",
            &format!("{{\"Globals\": {{\"Function\": {{\"Layers\": [\"{arn_1}\"]}}}}}}"),
            "the file is build output",
        ),
        ("app-packaged.yaml", &function(&[&arn_1]), "the file is a packaged template"),
    ];
    for (name, text, _) in files {
        project.write(name, text);
    }
    let ran = project.run(&["bump", "--pin", SOSW_7]);
    ran.ends(0).prints("");
    for (name, text, reason) in files {
        ran.says(&format!("note: left `sosw` alone at {name}:")).says(reason);
        assert_eq!(project.read(name), text);
    }
    let included = [
        "bump",
        "--pin",
        SOSW_7,
        "--include",
        "*.yml",
        "--include",
        "/cdk.out/**",
        "--include",
        "model.json",
    ];
    project.run(&included).ends(0).prints("cdk.out/a.template.json\nmodel.json\nserverless.yml\n");
    let bumped = serverless.replace(
        "- arn:aws:lambda:us-east-1:123456789012:layer:sosw:1 #",
        "- arn:aws:lambda:us-east-1:123456789012:layer:sosw:7 #",
    );
    assert_eq!(
        project.read("serverless.yml"),
        bumped.replace("}:123456789012:layer:sosw:1", "}:123456789012:layer:sosw:7")
    );
    project.run(&included).ends(0).prints("");
    // A hidden file is included by name, and a glob that is none is an error.
    project.write(".github/x.yaml", &format!("[{arn_1}]"));
    project.run(&["bump", "--pin", SOSW_7, "--include", ".github/*.yaml"]).ends(0).prints(".github/x.yaml\n");
    project
        .run(&["bump", "--pin", SOSW_7, "--include", "a{"])
        .ends(2)
        .says("invalid value 'a{' for '--include <GLOB>'");
}

#[test]
fn jinja_is_reported_and_edited_by_letters_on_request() {
    let project = Project::new();
    let template = |version: &str| {
        format!(
            "{{% if x %}}\n# {}\n{}{{% endif %}}\n",
            arn("sosw", "1"),
            function(&[&arn("sosw", version), "{{ layer:sosw:1 }}"])
        )
    };
    project.write("a.yaml", &template("1"));
    let ran = project.run(&["bump", "--pin", SOSW_7]);
    ran.ends(3).prints("").says("it has expressions of Jinja or cookiecutter in it").says("--lexical");
    assert_eq!(project.read("a.yaml"), template("1"));
    project.run(&["bump", "--pin", SOSW_7, "--lexical"]).ends(0).prints("a.yaml\n");
    assert_eq!(project.read("a.yaml"), template("7"));
    project.run(&["bump", "--pin", SOSW_7, "--lexical"]).ends(0).prints("");
}

#[test]
fn a_function_that_does_not_fit_is_refused() {
    let project = Project::new();
    let template = |runtime: &str, more: &str| {
        function(&[&arn("sosw", "1")]).replace("Handler: a.b", &format!("Runtime: {runtime}{more}"))
    };
    project.write("l.json", &fit("\"python3.12\", \"python3.13\"", "\"arm64\""));
    project.write("a.yaml", &template("python3.9", ""));
    let bump = ["bump", "--ledger", "l.json"];
    let ran = project.run(&bump);
    ran.ends(1).says(
        "function `F` has runtime `python3.9`, and layer `sosw` version 7 is made for python3.12, python3.13",
    );
    ran.says("Lambda itself does not hold a function").says("--allow-unfit");
    project.write("a.yaml", &template("python3.12", ""));
    project
        .run(&bump)
        .ends(1)
        .says("has architecture `x86_64`, and layer `sosw` version 7 is made for arm64");
    project.write("a.yaml", &template("python3.12", "\n      Architectures: [arm64]"));
    project.run(&bump).ends(0).prints("a.yaml\n");
    project.write("a.yaml", &template("python3.9", ""));
    project.run(&["bump", "--ledger", "l.json", "--allow-unfit"]).ends(0).prints("a.yaml\n");
    // By way of the globals, and with a runtime that stands in a parameter.
    let globals = format!(
        "Parameters: {{R: {{Type: String, Default: python3.9}}}}\nGlobals: {{Function: {{Runtime: !Ref R, Architectures: [arm64], Layers: ['{}']}}}}\nResources: {{G: {{Type: AWS::Serverless::Function}}}}\n",
        arn("sosw", "1")
    );
    project.write("a.yaml", &globals);
    project.run(&bump).ends(1).says("function `G` has runtime `python3.9`");
    // Where a function has the layer counts, and not where it has another one.
    let either = |architectures: &str, layers: &str| {
        format!(
            "Parameters: {{Arch: {{Type: String, Default: x86_64}}}}\n\
             Conditions: {{IsArm: !Equals [!Ref Arch, arm64]}}\nMappings: {{L: {{arm64: {{Arn: '{sosw}'}}}}}}\n\
             Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Runtime: python3.12\n      \
             Architectures: [{architectures}]\n      Layers: [{layers}]\n",
            sosw = arn("sosw", "1"),
        )
    };
    let (with, without) = (arn("sosw", "1"), "!Ref AWS::NoValue");
    for (architectures, layers, code) in [
        ("!If [IsArm, arm64, x86_64]", format!("!If [IsArm, '{with}', {without}]"), 0),
        ("!If [IsArm, arm64, x86_64]", format!("!If [IsArm, {without}, '{with}']"), 1),
        ("!Ref Arch", format!("!If [IsArm, '{with}', {without}]"), 0),
        ("!Ref Arch", "!FindInMap [L, !Ref Arch, Arn]".to_owned(), 0),
        ("!Ref Arch", format!("'{with}'"), 1),
        ("x86_64", format!("!If [IsArm, '{with}', {without}]"), 1),
    ] {
        project.write("a.yaml", &either(architectures, &layers));
        project.run(&bump).ends(code);
    }
}

#[test]
fn a_version_that_was_withdrawn_may_go_back() {
    let project = Project::new();
    project.write("a.yaml", &function(&[&arn("sosw", "8")]));
    let ledger = ledger(&[("sosw", "123456789012", "us-east-1", 7)]);
    project.write("l.json", &ledger);
    project.run(&["bump", "--ledger", "l.json"]).ends(1).says("--allow-downgrade");
    project.write(
        "l.json",
        &ledger.replace("\"target\": null", "\"target\": null, \"withdrawn\": {\"8\": \"it breaks\"}"),
    );
    project.run(&["bump", "--ledger", "l.json"]).ends(0).prints("a.yaml\n");
    assert_eq!(project.read("a.yaml"), function(&[&arn("sosw", "7")]));
}

#[test]
fn one_number_for_two_layers_is_refused_unless_they_agree() {
    let project = Project::new();
    let template = "Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::L:\n    - Name\n    - [sosw, two]\n    - ${Name}F:\n        Type: AWS::Lambda::Function\n        Properties: {Layers: [!Sub 'arn:aws:lambda:us-east-1:123456789012:layer:${Name}:1']}\n";
    project.write("a.yaml", template);
    let two = arn("two", "8");
    let ran = project.run(&["bump", "--pin", SOSW_7, "--pin", &two]);
    ran.ends(1)
        .says("one number stands there for several references")
        .says("sosw in us-east-1: 7")
        .says("two in us-east-1: 8");
    project.run(&["bump", "--pin", SOSW_7]).ends(1).says("two in us-east-1: none, no version is asked for");
    assert_eq!(project.read("a.yaml"), template);
    project.run(&["bump", "--pin", SOSW_7, "--pin", &arn("two", "7")]).ends(0).prints("a.yaml\n");
}

#[test]
fn defaults_and_overrides_are_changed_with_a_warning() {
    let project = Project::new();
    let template = |version: &str| {
        format!(
            "Parameters:\n  V: {{Type: Number, Default: {version}}}\n{}",
            function(&["!Sub 'arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:${V}'"])
        )
    };
    let samconfig = |version: &str| {
        format!(
            "[default.deploy.parameters]\r\nregion = \"us-east-1\"\r\nparameter_overrides = \"V=\\\"{version}\\\" W=1\" # V=1\r\n"
        )
    };
    project.write("template.yaml", &template("1"));
    project.write("samconfig.toml", &samconfig("1"));
    let ran = project.run(&["bump", "--pin", SOSW_7]);
    ran.ends(0).prints("samconfig.toml\ntemplate.yaml\n");
    ran.says("warning: the default of parameter `V` changes in template.yaml: a stack that exists keeps its stored value");
    assert_eq!(
        (project.read("template.yaml"), project.read("samconfig.toml")),
        (template("7"), samconfig("7"))
    );
    project.run(&["bump", "--pin", SOSW_7]).ends(0).prints("");
    let limited = template("1").replace("Default: 1", "Default: 1, AllowedValues: [1, 2]");
    project.write("template.yaml", &limited);
    project
        .run(&["bump", "--pin", SOSW_7])
        .ends(1)
        .prints("")
        .says("layer `sosw` cannot get version 7 there: the `AllowedValues` of parameter `V` do not hold `7`")
        .says("hint: let the parameter take the new version");
    assert_eq!(project.read("template.yaml"), limited);
    project.write("template.yaml", &template("1").replace("Default: 1", "Default: 1, MaxValue: 5"));
    project.run(&["bump", "--pin", SOSW_7]).ends(1).prints("").says("the `MaxValue` of parameter `V` is 5");
    project.write("template.yaml", &template("7"));
    project.write("samconfig.toml", "[a\n");
    project.run(&["bump", "--pin", SOSW_7, "samconfig.toml"]).ends(0);
    project.write("samconfig.toml", "parameter_overrides [\n");
    project
        .run(&["bump", "--pin", SOSW_7, "samconfig.toml"])
        .ends(3)
        .says("failed to read `samconfig.toml`\n  Caused by: line 1, ");
}

#[test]
fn values_of_samconfig_find_their_template_in_another_table() {
    let project = Project::new();
    let app = format!(
        "Parameters: {{LayerVersion: {{Type: Number}}}}\n{}",
        function(&["!Sub 'arn:aws:lambda:us-east-1:123456789012:layer:sosw:${LayerVersion}'"])
    );
    project.write("app.yaml", &app);
    let overrides = |version: &str| format!("parameter_overrides = \"LayerVersion={version}\"\n");
    let by_global = |version: &str| {
        let overrides = overrides(version);
        format!(
            "[default.global.parameters]\n{overrides}[default.deploy.parameters]\ntemplate_file = \"app.yaml\"\n"
        )
    };
    let by_build = |version: &str| {
        let overrides = overrides(version);
        format!(
            "[default.build.parameters]\ntemplate_file = \"app.yaml\"\n[default.deploy.parameters]\n{overrides}"
        )
    };
    for text in [&by_global as &dyn Fn(&str) -> String, &by_build] {
        project.write("samconfig.toml", &text("1"));
        project.run(&["bump", "--pin", SOSW_7]).ends(0).prints("samconfig.toml\n");
        assert_eq!(project.read("samconfig.toml"), text("7"));
    }
    project.write("samconfig.toml", &by_build("1").replace("app.yaml", "none.yaml"));
    let ran = project.run(&["bump", "--pin", SOSW_7, "--why"]);
    ran.ends(0).prints("").says("Left samconfig.toml:4:23: a layer, its version may be one of these values");
}

#[test]
fn placeholders_of_ones_own_and_back() {
    let project = Project::new();
    let template =
        |version: &str| function(&[&arn("sosw", version), &arn("my-Layer", "XXX"), &arn("sosw", "XXXX")]);
    project.write("a.yaml", &template("XXX"));
    project
        .run(&["bump", "--pin", SOSW_7, "--placeholder", "X{3}"])
        .ends(0)
        .prints("a.yaml\n")
        .says("`XXXX` is no version");
    assert_eq!(project.read("a.yaml"), template("7"));
    project.run(&["bump", "--pin", SOSW_7, "--to-placeholder"]).ends(0).prints("a.yaml\n");
    assert_eq!(project.read("a.yaml"), template("SOSW_LAYER_PLACEHOLDER"));
    project.run(&["bump", "--pin", SOSW_7, "--to-placeholder"]).ends(0).prints("");
    project.run(&["bump", "--pin", SOSW_7]).ends(0).prints("a.yaml\n");
    assert_eq!(project.read("a.yaml"), template("7"));
    project.run(&["bump", "--pin", SOSW_7, "--placeholder", "("]).ends(2);
}

#[test]
fn one_layer_of_the_ledger_can_be_chosen() {
    let project = Project::new();
    project.write(
        "l.json",
        &ledger(&[("sosw", "123456789012", "us-east-1", 7), ("two", "123456789012", "us-east-1", 8)]),
    );
    project.write("a.yaml", &function(&[&arn("sosw", "1"), &arn("two", "1")]));
    project.run(&["bump", "--ledger", "l.json", "--layer", "two"]).ends(0);
    assert_eq!(project.read("a.yaml"), function(&[&arn("sosw", "1"), &arn("two", "8")]));
    project
        .run(&["bump", "--ledger", "l.json", "--layer", "three"])
        .ends(1)
        .says("layer `three` is not in the ledger `l.json`, which knows `sosw`, `two`");
}

/// A flag is no way out where it would change nothing.
#[test]
fn part_of_a_text_is_told_apart_from_what_include_would_change() {
    let project = Project::new();
    project.write("a.yaml", &format!("x: |\n  layer {} here\n", arn("sosw", "1")));
    project.write("b.json", &format!("{{\"x\": \"// {}\"}}\n", arn("sosw", "1")));
    project.write("c.yaml", &format!("x: {}\n", arn("sosw", "1")));
    let ran = project.run(&["bump", "--pin", SOSW_7]);
    ran.ends(0).says("at a.yaml:2:3: the file is no template, and this is no more than part of the text");
    ran.says("at b.json:1:7: the file is no template, and this is no more than part of the text");
    ran.says("at c.yaml:1:4: the file is no template; `--include` would change it");
    project.run(&["bump", "--pin", SOSW_7, "--include", "*.*"]).ends(0).prints("c.yaml\n");
}

#[test]
fn a_loop_of_properties_is_named_for_what_it_is() {
    let project = Project::new();
    let text = function(&[]).replace(
        "Layers:",
        &format!("Fn::ForEach::P: [K, [Layers], {{'${{K}}': ['{}']}}]", arn("sosw", "1")),
    );
    project.write("a.yaml", &text);
    let ran = project.run(&["bump", "--pin", SOSW_7]);
    ran.ends(0).says("it is in a `Fn::ForEach` of properties, which is not followed");
}

/// A value of samconfig.toml is held to the functions that it reaches, as a default of the template is.
#[test]
fn a_value_of_samconfig_does_not_give_a_function_a_layer_for_another_runtime() {
    let project = Project::new();
    project.write("layer-versions.json", &fit("\"python3.13\"", ""));
    let layer = arn("sosw", "${V}");
    project.write(
        "template.yaml",
        &format!(
            "Parameters: {{V: {{Type: Number}}}}\nResources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Runtime: python3.9\n      Layers: [!Sub '{layer}']\n"
        ),
    );
    let samconfig = |version: &str| {
        format!("version = 0.1\n[default.deploy.parameters]\nparameter_overrides = \"V={version}\"\n")
    };
    project.write("samconfig.toml", &samconfig("3"));
    let bump = ["bump", "--ledger", "layer-versions.json"];
    let ran = project.run(&bump);
    ran.ends(1).says("refused to change `samconfig.toml:3:23`").says("function `F` has runtime `python3.9`");
    assert_eq!(project.read("samconfig.toml"), samconfig("3"));
    project.run(&[&bump[..], &["--allow-unfit"]].concat()).ends(0).prints("samconfig.toml\n");
    assert_eq!(project.read("samconfig.toml"), samconfig("7"));
}

#[test]
fn a_dynamic_reference_within_a_text_is_named_with_the_layer_that_it_hints_at() {
    let project = Project::new();
    let text = function(&[
        "!Sub '{{resolve:ssm:/${AWS::StackName}/layers/sosw}}'",
        "!Join ['', ['{{resolve:ssm:/layers/sosw/', !Ref AWS::StackName, '}}']]",
        "!Sub 'arn:aws:lambda:us-east-1:123456789012:layer:sosw:{{resolve:ssm:/version}}'",
    ]);
    project.write("a.yaml", &text);
    let ran = project.run(&["bump", "--pin", SOSW_7]);
    ran.ends(0).prints("");
    for said in [
        "left `sosw` alone at a.yaml:7:16: `{{resolve:ssm:/${AWS::StackName}/layers/sosw}}` is read from SSM",
        "left `sosw` alone at a.yaml:8:17: `{{resolve:ssm:/layers/sosw/${AWS::StackName}}}` is read from SSM",
        "left `sosw` alone at a.yaml:9:16: `{{resolve:ssm:/version}}` is read from SSM",
    ] {
        ran.says(said);
    }
    assert_eq!(project.read("a.yaml"), text);
}

/// Dynamic references make no file one of Jinja: it is broken, and stays.
#[test]
fn a_broken_template_with_dynamic_references_is_not_edited_by_its_letters() {
    let project = Project::new();
    let text = format!("Role: '{{{{resolve:ssm:/r}}}}'\nLayers: [{}\n", arn("sosw", "3"));
    project.write("a.yaml", &text);
    for lexical in [&[][..], &["--lexical"]] {
        let ran = project.run(&[&["bump", "--pin", SOSW_7], lexical].concat());
        ran.ends(3).says("failed to read `a.yaml`").is_silent_about("Jinja").is_silent_about("--lexical");
        assert_eq!(project.read("a.yaml"), text);
    }
}

#[test]
fn a_file_is_included_however_its_folder_is_named() {
    let text = |version: &str| format!("x: {}\n", arn("sosw", version));
    let outside = Project::new();
    for is_outside in [false, true] {
        for is_absolute in [false, true] {
            let project = Project::new();
            let other = if is_outside { &outside } else { &project };
            other.write("inc/conf.yaml", &text("1"));
            let path = other.path("inc").canonicalize().unwrap();
            let path = if is_absolute || is_outside { path.to_str().unwrap() } else { "inc" };
            let ran = project.run(&["bump", "--pin", SOSW_7, "--include", "conf.yaml", path]);
            ran.ends(0).is_silent_about("left");
            assert_eq!(other.read("inc/conf.yaml"), text("7"), "{path}");
        }
    }
}

#[test]
fn build_output_stays_for_those_who_stand_in_it() {
    let project = Project::new();
    project.write("cdk.out/a.yaml", &function(&[&arn("sosw", "1")]));
    let inside = Project::new();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_template-tools"));
    command.args(["bump", "--pin", SOSW_7, "."]).env_clear().env("HOME", inside.root());
    let output = command.current_dir(project.path("cdk.out")).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the file is build output"), "{said}");
    assert_eq!(project.read("cdk.out/a.yaml"), function(&[&arn("sosw", "1")]));
}
