//! Locks that somebody else has made (PEP 751), as the real uv makes them. Everything here needs the network.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use tests::own_layer::OwnLayer;

/// A layer that asks for this, with a lock that somebody else makes.
fn layer(requirements: &str) -> OwnLayer {
    let targets = "python = [\"3.12\"]\narchitectures = [\"x86_64\"]\nlock = \"pylock.toml\"\n";
    OwnLayer::of(&format!("requirements = {requirements}\n{targets}"))
}

/// The packages of what was built, with their versions.
fn packages(layer: &OwnLayer) -> Vec<String> {
    let manifest = layer.manifest("own");
    let text = |package: &serde_json::Value, key: &str| package[key].as_str().unwrap().to_owned();
    let packages = manifest["packages"].as_array().unwrap().iter();
    packages.map(|package| format!("{} {}", text(package, "name"), text(package, "version"))).collect()
}

/// uv names addresses, sizes and hashes; what has to be built is pinned by us, and goes with that one lock.
#[test]
fn pypi_a_lock_of_uv_builds_a_layer_with_its_source_distributions() {
    let project = layer("[\"bson==0.5.10\"]");
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
    let built = packages(&project);
    assert!(
        built.contains(&"bson 0.5.10".to_owned()) && built.contains(&"six 1.16.0".to_owned()),
        "{built:?}"
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
    assert!(packages(&project).contains(&"six 1.17.0".to_owned()), "{:?}", packages(&project));
}

/// What `uv export` makes of a project names its folder, which has to be asked for.
#[test]
fn pypi_the_export_of_a_project_builds_it_with_its_dependencies() {
    let project = layer("[\".\"]");
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
    let mut built = packages(&project);
    built.sort();
    assert_eq!(built, ["six 1.17.0", "tiny 1.0"]);
    project.write("layers.toml", &project.read("layers.toml").replace("\".\"", "\"six\""));
    let outcome = project.run(&["build"]).expect_code(1);
    assert!(
        outcome.stderr.contains("takes `tiny` from a folder, which has to be named"),
        "{}",
        outcome.stderr
    );
}
