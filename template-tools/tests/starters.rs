//! `new`, as its users meet it: which files, from what, never over anything; and what other programs say of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;

use tests::tools::Tool;

mod harness;
use harness::{Project, ledger, set_readonly};

const TABLE: &str = "[layers.sosw]\ndescription = \"sosw: what we share\"\nlicense = \"MIT\"\npython = [\"3.12\", \"python3.13\"]\n\
                     architectures = [\"x86_64\"]\n[layers.sosw.publish]\nregions = [\"eu-west-1\", \"us-west-2\"]\n";

const KINDS: [(&str, &[&str]); 3] = [
    ("cloudformation", &["sosw-layer.yaml"]),
    ("sam", &["template.yaml", "samconfig.toml"]),
    ("function", &["sosw-function.yaml", "sosw-snippet.yaml"]),
];

fn project() -> Project {
    let project = Project::new();
    project.write("layers.toml", TABLE);
    project
}

/// A manifest as the builder leaves one.
fn built(project: &Project, artifact: &str, layer: &str, runtimes: &[&str]) {
    let manifest = format!(
        "{{\"schema\": 1, \"layer\": \"{layer}\", \"variant\": null, \"layer_name\": \"{artifact}\", \"zip\": \"{artifact}.zip\", \
         \"compatible_runtimes\": {runtimes:?}, \"compatible_architectures\": [\"arm64\"], \"description\": null, \"license\": \"Apache-2.0\"}}"
    );
    project.write(&format!("target/layers/{artifact}.json"), &manifest);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_no_dead_end() {
    let project = Project::new();
    project.write("layers.toml", "[layers.sosw]\nrequirements = [\"sosw\"]\npython = [\"3.13\"]\n");
    project.write("file", "");
    let ran = project.run(&["new", "function", "--layer", "sosw", "--dir", "file"]);
    ran.ends(1).says("error: failed to write `file").says("hint: a file is where a folder should be");
    ran.says("`--dir DIR`");
}

#[test]
fn each_kind_writes_its_files_and_says_what_comes_next() {
    for (kind, files) in KINDS {
        let project = project();
        let paths = files.iter().map(|file| format!("{file}\n")).collect::<String>();
        let ran = project.run(&["new", kind]);
        ran.ends(0)
            .prints(&paths)
            .says("     Created ")
            .says("note: `sosw` is not built here")
            .says("note: `");
        project.run(&["new", kind, "--layer", "sosw"]).ends(0).prints(&paths).says("   Unchanged ");
        let all = [files, &["layers.toml"]].concat();
        let mut names = project.names();
        names.sort_by_key(|name| all.iter().position(|one| one == name));
        assert_eq!(names, all, "{kind}");
    }
    let ran = project().run_with(&["new", "sam"], "", &[("XTASK_CALLED_AS", "cargo xtask new-template")]);
    ran.ends(0)
        .says("`cargo xtask new-template sam --layer sosw --force`")
        .says("after `cargo xtask build-layer sosw`");
}

#[test]
fn what_was_built_counts_more_than_what_is_asked_for() {
    let project = project();
    project.run(&["new", "sam"]).ends(0);
    let asked = project.read("template.yaml");
    for line in
        ["- python3.12\n", "- python3.13\n", "- x86_64\n", "LicenseInfo: MIT\n", "\"sosw: what we share\"\n"]
    {
        assert!(asked.contains(line), "{asked}");
    }
    assert!(asked.contains("ContentUri: target/layers/sosw.zip\n"), "{asked}");
    assert!(project.read("samconfig.toml").contains("stack_name = \"sosw-layer\"\nregion = \"eu-west-1\"\n"));

    built(&project, "sosw", "sosw", &["python3.14"]);
    project.run(&["new", "sam", "--dir", "deploy/sam"]).ends(0).is_silent_about("is not built here");
    let text = project.read("deploy/sam/template.yaml");
    assert!(text.contains("- python3.14\n") && !text.contains("python3.12"), "{text}");
    assert!(text.contains("LicenseInfo: Apache-2.0\n") && text.contains("- arm64\n"), "{text}");
    // The way to the zip goes from the template, wherever the command was typed.
    assert!(text.contains("ContentUri: \"../../target/layers/sosw.zip\"\n"), "{text}");
}

#[test]
fn nothing_is_written_over_and_all_or_none_is_written() {
    let project = project();
    project.write("d/samconfig.toml", "mine = true\n");
    let names = project.names();
    let run = || project.run(&["new", "sam", "--dir", "d"]);
    run().ends(1).prints("").says("error: refused to write over `d/samconfig.toml`\n\nhint: `--dir DIR`");
    assert_eq!(project.names(), names);
    assert!(!project.path("d/template.yaml").exists());
    assert_eq!(project.read("d/samconfig.toml"), "mine = true\n");

    // One that may not be replaced keeps the other one away, too.
    set_readonly(&project.path("d/samconfig.toml"), true);
    project.run(&["new", "sam", "--dir", "d", "--force"]).ends(1).prints("").says("it is read-only");
    assert_eq!(fs::read_dir(project.path("d")).unwrap().count(), 1);
    set_readonly(&project.path("d/samconfig.toml"), false);

    let ran = project.run(&["new", "sam", "--dir", "d", "--force"]);
    ran.ends(0).says("     Created d/template.yaml").says("    Replaced d/samconfig.toml");
    assert!(project.read("d/samconfig.toml").contains("resolve_s3"));
}

#[test]
fn a_folder_that_cannot_be_made_is_said() {
    let project = project();
    project.write("file", "");
    project.run(&["new", "sam", "--dir", "file/x"]).ends(1).prints("").says("error: failed to write `file/x");
    assert_eq!(project.names(), ["file", "layers.toml"]);
}

#[test]
fn a_bump_fills_the_starters_in_and_keeps_them_up_to_date() {
    let project = project();
    for (kind, _) in KINDS {
        project.run(&["new", kind, "--dir", kind]).ends(0);
    }
    let regions = |version| {
        ledger(&[
            ("sosw", "123456789012", "eu-west-1", version),
            ("sosw", "123456789012", "us-west-2", version),
        ])
    };
    let start = project.read("function/sosw-function.yaml");
    project.write("layer-versions.json", &regions(3));
    project.run(&["bump"]).ends(0).prints("function/sosw-function.yaml\n");
    let filled = start.replace("SOSW_LAYER_PLACEHOLDER", "3");
    assert_eq!(project.read("function/sosw-function.yaml"), filled);
    project.write("layer-versions.json", &regions(4));
    project.run(&["bump"]).ends(0).prints("function/sosw-function.yaml\n");
    assert_eq!(project.read("function/sosw-function.yaml"), filled.replace("sosw:3\"", "sosw:4\""));
    // A new one starts with the number.
    project.run(&["new", "function", "--dir", "later"]).ends(0).says("keeps the version up to date");
    assert!(project.read("later/sosw-function.yaml").contains(":layer:sosw:4\""));
    fs::remove_dir_all(project.path("later")).unwrap();

    // Content comes into the templates of layers whose zip lies in S3.
    let content =
        "\"content\": {\"bucket\": \"zips\", \"key\": \"lambda-layers/sosw/01.zip\", \"version\": \"v1\"}";
    project.write("layer-versions.json", &regions(4).replace("\"content\": null", content));
    let before = project.read("cloudformation/sosw-layer.yaml");
    project
        .run(&["bump", "--update-content"])
        .ends(0)
        .prints("cloudformation/sosw-layer.yaml\nfunction/sosw-snippet.yaml\n")
        .says("set from outside: it should be `zips`");
    assert_eq!(
        project.read("cloudformation/sosw-layer.yaml"),
        before.replace("SOSW_LAYER_PLACEHOLDER", "lambda-layers/sosw/01.zip")
    );
    project.run(&["bump", "--update-content", "--check"]).ends(0);
    project.run(&["new", "cloudformation", "--dir", "later"]).ends(0);
    assert!(project.read("later/sosw-layer.yaml").contains("    Default: zips\n"));
}

#[test]
fn a_layer_that_is_not_clear_is_asked_for() {
    let project = project();
    let run = |arguments: &[&str]| project.run(&[&["new", "function"], arguments].concat());
    run(&["--layer", "sows"])
        .ends(1)
        .says("error: there is no layer `sows` in `")
        .says("hint: did you mean `sosw`? the known layers are: `sosw`");
    for (artifact, layer) in [("sosw-x86_64", "sosw"), ("sosw-arm64", "sosw"), ("sosw-raw", "other")] {
        built(&project, artifact, layer, &["python3.13"]);
    }
    run(&[])
        .ends(1)
        .says("error: layer `sosw` is several layers: `sosw-arm64`, `sosw-x86_64`")
        .says("hint: name one, as in `--layer sosw-arm64`");
    run(&["--layer", "sosw-x86_64"]).ends(0).prints("sosw-x86_64-function.yaml\nsosw-x86_64-snippet.yaml\n");
    project.write("layers.toml", "[layers.a]\n[layers.b]\n");
    run(&[]).ends(1).says("error: no layer is named, and `").says("hint: name one, as in `--layer a`");
    project.write("layers.toml", "");
    run(&[]).ends(1).says("hint: add a table `[layers.NAME]` to `");
    project.write("layer-versions.json", &ledger(&[("theirs", "123456789012", "eu-west-1", 3)]));
    run(&["--layer", "theirs"]).ends(0);
    assert!(project.read("theirs-function.yaml").contains(":layer:theirs:3\""));
    fs::remove_file(project.path("layers.toml")).unwrap();
    run(&[])
        .ends(1)
        .says("Caused by: no `layers.toml` in `")
        .says("hint: name one with `--layers-file FILE`");
    run(&["--layers-file", "nowhere.toml"]).ends(1).says("failed to read `nowhere.toml`");
    run(&["--nonsense"]).ends(2);
}

#[test]
fn files_that_are_broken_are_named_and_nothing_is_written() {
    let project = project();
    for (name, text, said) in [
        ("target/layers/sosw.json", "{", "sosw.json`\n  Caused by: EOF while parsing"),
        ("target/layers/sosw.json", "{\"schema\": 2}", "its schema is 2, this program knows schema 1"),
        ("target/layers/sosw.json", "{\"schema\": 1}", "sosw.json`\n  Caused by: missing field `layer`"),
        ("layer-versions.json", "{}", "failed to read the ledger `"),
        ("layers.toml", "[layers.sosw]\npython = 3\n", "`layers.sosw.python` is not a list of texts"),
        ("layers.toml", "[layers.sosw]\ndescription = 3\n", "`layers.sosw.description` is not a text"),
        ("layers.toml", "[layers.sosw]\nlayer-name = \"a b\"\n", "`a b` is no name of a layer"),
        ("layers.toml", "[layers.sosw.publish]\nregions = [\"nowhere\"]\n", "`nowhere` is no region"),
        ("layers.toml", "layers = 3\n", "`layers` is not a table"),
        ("layers.toml", "[layer.sosw]\n", "did you mean `layers`?"),
        ("layers.toml", "[layers", "line 1, column"),
    ] {
        let before = project.path(name).exists().then(|| project.read(name));
        project.write(name, text);
        project.run(&["new", "sam"]).ends(1).prints("").says(said);
        match before {
            Some(before) => project.write(name, &before),
            None => fs::remove_file(project.path(name)).unwrap(),
        }
        assert!(!project.path("template.yaml").exists(), "{name}: {text}");
    }
    project.run(&["new", "sam"]).ends(0);
}

/// The starters of a project in each state that a ledger can bring about, in a folder for each.
fn every_starter(project: &Project) -> Vec<String> {
    let states = [
        ("none", String::new()),
        ("one", ledger(&[("sosw", "123456789012", "us-east-1", 7)])),
        (
            "two",
            ledger(&[("sosw", "123456789012", "us-east-1", 7), ("sosw", "123456789012", "eu-west-1", 8)]),
        ),
    ];
    let mut paths = Vec::new();
    for (state, text) in states {
        if !text.is_empty() {
            project.write("layer-versions.json", &text);
        }
        for (kind, _) in KINDS {
            let ran = project.run(&["new", kind, "--dir", &format!("{state}/{kind}")]);
            paths
                .extend(ran.ends(0).stdout.lines().filter(|path| path.ends_with(".yaml")).map(str::to_owned));
        }
    }
    // And as a bump leaves them.
    fs::create_dir_all(project.path("bumped")).unwrap();
    fs::copy(project.path("none/function/sosw-function.yaml"), project.path("bumped/f.yaml")).unwrap();
    project.run(&["bump", "bumped", "--layer", "sosw", "--version", "9"]).ends(0).prints("bumped/f.yaml\n");
    paths.push("bumped/f.yaml".to_owned());
    paths
}

#[test]
fn pypi_cfn_lint_has_nothing_to_say_about_starters() {
    let project = project();
    let paths = every_starter(&project);
    assert_eq!(paths.len(), 13);
    for more in [&[][..], &["--include-checks", "I"], &["--regions", "eu-west-1", "us-east-1"]] {
        let mut command = Tool::install("cfn-lint").unwrap().command("cfn-lint");
        let output =
            command.current_dir(project.root()).arg("--template").args(&paths).args(more).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!((output.status.code(), said.as_ref()), (Some(0), ""), "{more:?}");
    }
    // It is one that would speak up: this is how the seed's snippet has it.
    let wrong = project
        .read("none/cloudformation/sosw-layer.yaml")
        .replace("      Content:\n", "      ContentUri:\n");
    project.write("wrong.yaml", &wrong);
    let mut command = Tool::install("cfn-lint").unwrap().command("cfn-lint");
    let output = command.current_dir(project.root()).arg("wrong.yaml").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("E3002"), "{output:?}");
}

/// Puts every template through the translator that CloudFormation itself uses, and looks at what becomes of the layer.
const TRANSLATE: &str = "
import sys
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

class Policies:
    def load(self):
        return {}

for path in sys.argv[1:]:
    template = yaml_parse(open(path).read())
    for resource in template['Resources'].values():
        if 'ContentUri' in resource['Properties']:
            # What `sam package` puts there.
            resource['Properties']['ContentUri'] = 's3://bucket/key'
    made = transform(template, {}, Policies())['Resources'].values()
    for layer in [one for one in made if one['Type'] == 'AWS::Lambda::LayerVersion']:
        assert layer['DeletionPolicy'] == layer['UpdateReplacePolicy'] == 'Retain', (path, layer)
        assert layer['Properties']['CompatibleRuntimes'] == ['python3.12', 'python3.13'], (path, layer)
        assert 'Content' in layer['Properties'], (path, layer)
        print(path)
";

#[test]
fn pypi_the_sam_translator_accepts_the_starters() {
    let project = project();
    let paths = every_starter(&project);
    let mut command = Tool::install("local-aws").unwrap().command("python");
    command
        .current_dir(project.root())
        .args(["-c", TRANSLATE])
        .args(&paths)
        .env("AWS_DEFAULT_REGION", "us-east-1");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let layers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        layers.lines().count(),
        paths.iter().filter(|path| !path.ends_with("function.yaml")).count() - 1
    );
}
