//! Locks that somebody else has made (PEP 751), as the real uv makes them. Everything here needs the network.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::path::{Path, PathBuf};

use tests::command::{Outcome, binary, clean, run};

const TARGETS: &str = "python = [\"3.12\"]\narchitectures = [\"x86_64\"]\nlock = \"pylock.toml\"\n";

struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn of(requirements: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        project.write("layers.toml", &format!("[layers.own]\nrequirements = {requirements}\n{TARGETS}"));
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.path(name).parent().unwrap_or(Path::new(""))).unwrap();
        std::fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = clean(binary("layer-builder"));
        let cache = binary("layer-builder").with_file_name("tests-cache");
        command.current_dir(self.folder.path()).env("LAYER_BUILDER_CACHE_DIR", cache).args(arguments);
        run(&mut command)
    }

    /// The packages of what was built, with their versions.
    fn packages(&self) -> Vec<String> {
        let manifest: serde_json::Value = serde_json::from_str(&self.read("target/layers/own.json")).unwrap();
        let packages = manifest["packages"].as_array().unwrap().iter();
        packages
            .map(|package| {
                format!("{} {}", package["name"].as_str().unwrap(), package["version"].as_str().unwrap())
            })
            .collect()
    }
}

/// uv names addresses, sizes and hashes; what has to be built is pinned by us, and goes with that one lock.
#[test]
fn pypi_a_lock_of_uv_builds_a_layer_with_its_source_distributions() {
    let project = Project::of("[\"bson==0.5.10\"]");
    project.write("wanted.txt", "bson==0.5.10\nsix==1.16.0\n");
    let compile = |file: &str| {
        let arguments = ["uv", "--", "pip", "compile", "--universal", "--quiet", "--format", "pylock.toml"];
        let output = ["--output-file", "pylock.toml", file];
        let _ = project.run(&[&arguments[..], &output].concat()).expect_code(0);
    };
    compile("wanted.txt");
    let outcome = project.run(&["build", "--locked"]).expect_code(1);
    assert!(
        outcome.stderr.contains("there is no lock") && outcome.stderr.contains("requirements.own.build.txt"),
        "{}",
        outcome.stderr
    );
    let before = project.read("pylock.toml");
    let _ = project.run(&["build"]).expect_code(0);
    let packages = project.packages();
    assert!(
        packages.contains(&"bson 0.5.10".to_owned()) && packages.contains(&"six 1.16.0".to_owned()),
        "{packages:?}"
    );
    assert_eq!(before, project.read("pylock.toml"));
    let tools = project.read("requirements.own.build.txt");
    assert!(tools.contains("\nsetuptools==") && tools.contains("# lock-sha256: "), "{tools}");
    let _ = project.run(&["build", "--locked"]).expect_code(0);
    let _ = project.run(&["lock", "--check"]).expect_code(0);

    // Another lock: what goes with it has to be made once more.
    project.write("other.txt", "bson==0.5.10\nsix==1.17.0\n");
    std::fs::remove_file(project.path("pylock.toml")).unwrap();
    compile("other.txt");
    let _ = project.run(&["lock", "--check"]).expect_code(1);
    let _ = project.run(&["lock"]).expect_code(0);
    let _ = project.run(&["build", "--locked"]).expect_code(0);
    assert!(project.packages().contains(&"six 1.17.0".to_owned()), "{:?}", project.packages());
}

/// What `uv export` makes of a project names its folder, which has to be asked for.
#[test]
fn pypi_the_export_of_a_project_builds_it_with_its_dependencies() {
    let project = Project::of("[\".\"]");
    project.write(
        "pyproject.toml",
        "[build-system]\nrequires = [\"setuptools>=61\"]\nbuild-backend = \"setuptools.build_meta\"\n\
         [project]\nname = \"tiny\"\nversion = \"1.0\"\nrequires-python = \">=3.9\"\ndependencies = [\"six==1.17.0\"]\n\
         [tool.setuptools]\npackages = [\"tiny\"]\n[dependency-groups]\ndev = [\"idna==3.7\"]\n",
    );
    project.write("tiny/__init__.py", "");
    let export = [
        "uv",
        "--",
        "export",
        "--quiet",
        "--no-dev",
        "--format",
        "pylock.toml",
        "--output-file",
        "pylock.toml",
    ];
    let _ = project.run(&export).expect_code(0);
    assert!(project.read("pylock.toml").contains("directory = "), "{}", project.read("pylock.toml"));
    let _ = project.run(&["build"]).expect_code(0);
    let mut packages = project.packages();
    packages.sort();
    assert_eq!(packages, ["six 1.17.0", "tiny 1.0"]);
    project.write("layers.toml", &project.read("layers.toml").replace("\".\"", "\"six\""));
    let outcome = project.run(&["build"]).expect_code(1);
    assert!(
        outcome.stderr.contains("takes `tiny` from a folder, which has to be named"),
        "{}",
        outcome.stderr
    );
}
