//! Targets, sources and variants, with real packages, the real uv and real git. Everything here needs the network.

use serde_json::Value;
use tests::command::{clean, pythons, run, skipped};
use tests::own_layer::OwnLayer;

/// The newest numpy needs a newer glibc than python3.11 has: the lock finds the newest that does not, and keeps the
/// newest for the others. Each Python gets its own, each architecture its own zip.
#[test]
fn pypi_numpy_serves_an_old_and_new_runtimes_on_both_architectures() {
    let project = OwnLayer::of(
        "requirements = [\"numpy\", \"sosw\"]\npython = [\"3.11\", \"3.12\", \"3.13\"]\n\
         architectures = [\"x86_64\", \"arm64\"]\nsplit = \"architecture\"\n",
    );
    let outcome = project.run(&["build"]).expect_code(0);
    assert_eq!(outcome.stdout, "target/layers/own-arm64.zip\ntarget/layers/own-x86_64.zip\n");
    let lock = project.read("requirements.own.txt");
    assert_eq!(lock.lines().filter(|line| line.starts_with("numpy==")).count(), 2, "{lock}");
    for architecture in ["arm64", "x86_64"] {
        let manifest = project.manifest(&format!("own-{architecture}"));
        assert_eq!(manifest["layer_name"], format!("own-{architecture}"));
        assert_eq!(manifest["compatible_architectures"], serde_json::json!([architecture]));
        assert_eq!(
            manifest["compatible_runtimes"],
            serde_json::json!(["python3.11", "python3.12", "python3.13"])
        );
        let machine = if architecture == "arm64" { "aarch64" } else { "x86_64" };
        let packages = manifest["packages"].as_array().unwrap().clone();
        let numpy: Vec<_> = packages.iter().filter(|package| package["name"] == "numpy").collect();
        assert_eq!(numpy.len(), 3);
        for package in numpy {
            let source = package["source"].as_str().unwrap();
            assert!(source.ends_with(&format!("_{machine}.whl")), "{source}");
            if package["python"] == serde_json::json!(["3.11"]) {
                // Amazon Linux 2 has glibc 2.26.
                assert!(source.contains("cp311") && source.contains("manylinux_2_17"), "{source}");
            }
        }
        let files = project.files(&format!("own-{architecture}"));
        for python in ["3.11", "3.12", "3.13"] {
            let path = format!("python/lib/python{python}/site-packages/numpy/__init__.py");
            assert!(files.contains(&path), "{path}");
        }
        assert!(
            files.contains(&"python/requests/__init__.py".to_owned())
                || files.contains(&"python/boto3/__init__.py".to_owned())
        );
        assert!(!files.iter().any(|path| path.starts_with("python/numpy/")));
    }
    let explained = project.run(&["build", "--explain", "numpy"]).expect_code(0).stdout;
    assert!(explained.contains("python3.11 on x86_64: numpy 2."), "{explained}");
    assert!(explained.contains("not for Linux with glibc"), "{explained}");
    assert!(explained.contains("another instruction set"), "{explained}");

    let found = pythons([12, 13]);
    if found.len() < 2 {
        skipped("pypi_numpy_serves_an_old_and_new_runtimes", "found no CPython 3.12 and 3.13");
    }
    let unpack = ["-m", "zipfile", "-e", "target/layers/own-x86_64.zip", "opt"];
    let _ = run(clean("python3").current_dir(project.folder()).args(unpack)).expect_code(0);
    for python in found.iter().filter(|_| cfg!(target_arch = "x86_64")) {
        let program = "import sys\nroot = sys.argv[1]\n\
             sys.path[:0] = [root, '%s/lib/python3.%d/site-packages' % (root, sys.version_info[1])]\n\
             import numpy, sosw\nprint(numpy.array([1, 2]).sum(), numpy.__file__)";
        let mut command = clean(python);
        let outcome =
            run(command.args(["-I", "-B", "-c", program]).arg(project.path("opt/python"))).expect_code(0);
        assert!(
            outcome.stdout.starts_with("3 ") && outcome.stdout.contains("opt/python/lib/"),
            "{outcome:?}"
        );
    }
    // Without the leave to split, the package is named.
    let one = project.read("layers.toml").replace("split = \"architecture\"\n", "");
    project.write("layers.toml", &one);
    let outcome = project.run(&["build"]).expect_code(1);
    assert!(outcome.stderr.contains("`numpy` needs `numpy-"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("split = \"architecture\""), "{}", outcome.stderr);
    // For one architecture there is nothing to split; the zips of before go when the layer is built whole.
    let _ = project.run(&["build", "--arch", "arm64"]).expect_code(0);
    assert!(project.path("target/layers/partial/own.zip").exists());
    assert!(project.path("target/layers/own-arm64.zip").exists());
}

/// The one file that counts in this wheel is a program among its scripts; the package looks for it beside itself.
#[test]
fn pypi_a_layer_of_a_program_runs_it() {
    let project =
        OwnLayer::of("requirements = [\"ruff\"]\npython = [\"3.12\"]\narchitectures = [\"x86_64\"]\n");
    let outcome = project.run(&["build"]).expect_code(0);
    assert!(outcome.stderr.contains(" unzipped: no findings"), "{}", outcome.stderr);
    let name = "pypi_a_layer_of_a_program_runs_it";
    let Some(python) = pythons([12]).into_iter().next().filter(|_| cfg!(target_arch = "x86_64")) else {
        skipped(name, "found no CPython 3.12 for x86-64");
        return;
    };
    // What Lambda does, modes and all.
    let unpack = "import os, zipfile\nzip = zipfile.ZipFile('target/layers/own.zip')\n\
                  for entry in zip.infolist(): os.chmod(zip.extract(entry, 'opt'), entry.external_attr >> 16)";
    let _ = run(clean("python3").current_dir(project.folder()).args(["-c", unpack])).expect_code(0);
    let program = "import runpy, sys\nsys.path.insert(0, sys.argv[1])\nsys.argv = ['ruff', '--version']\n\
                   runpy.run_module('ruff', run_name='__main__')";
    let mut command = clean(python);
    let outcome =
        run(command.args(["-I", "-B", "-c", program]).arg(project.path("opt/python"))).expect_code(0);
    assert!(outcome.stdout.starts_with("ruff "), "{outcome:?}");
}

#[test]
fn pypi_a_package_without_a_wheel_for_a_target_is_named() {
    let project =
        OwnLayer::of("requirements = [\"pywin32\"]\npython = [\"3.12\"]\narchitectures = [\"x86_64\"]\n");
    let outcome = project.run(&["build"]).expect_code(1);
    assert!(outcome.stderr.contains("`pywin32`"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("python3.12 on x86_64"), "{}", outcome.stderr);
}

#[test]
fn pypi_a_wheel_of_the_stable_abi_serves_every_python() {
    let table =
        "requirements = [\"cryptography\"]\npython = [\"3.12\", \"3.13\"]\narchitectures = [\"x86_64\"]\n";
    let project = OwnLayer::of(table);
    let _ = project.run(&["build"]).expect_code(0);
    let manifest = project.manifest("own");
    let cryptography =
        manifest["packages"].as_array().unwrap().iter().find(|package| package["name"] == "cryptography");
    let cryptography = cryptography.unwrap();
    assert!(cryptography["source"].as_str().unwrap().contains("-abi3-manylinux"), "{cryptography}");
    assert_eq!(cryptography["python"], Value::Null, "one copy serves both");
}

fn git(folder: &std::path::Path, arguments: &[&str]) -> String {
    let mut command = clean("git");
    command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.args(["-c", "user.name=tests", "-c", "user.email=tests@localhost", "-c", "commit.gpgsign=false"]);
    run(command.args(arguments)).expect_code(0).stdout.trim().to_owned()
}

const PYPROJECT: &str = "[build-system]\nrequires = [\"setuptools>=61\"]\nbuild-backend = \"setuptools.build_meta\"\n\
                         [project]\nname = \"tiny\"\nversion = \"VERSION\"\ndependencies = [\"six\"]\n\
                         [tool.setuptools]\npackages = [\"tiny\"]\n";

#[test]
fn pypi_a_branch_is_built_at_the_commit_that_it_names() {
    let project = OwnLayer::of("");
    let repository = project.path("repository");
    project.write("repository/pyproject.toml", &PYPROJECT.replace("VERSION", "1.0"));
    project.write("repository/tiny/__init__.py", "branch = 'main'\n");
    git(&repository, &["init", "-q", "-b", "main"]);
    git(&repository, &["add", "."]);
    git(&repository, &["commit", "-qm", "first"]);
    git(&repository, &["checkout", "-qb", "feature"]);
    project.write("repository/pyproject.toml", &PYPROJECT.replace("VERSION", "2.0.dev1"));
    git(&repository, &["commit", "-qam", "second"]);
    let commit = git(&repository, &["rev-parse", "HEAD"]);
    let table = format!(
        "requirements = [\"tiny\"]\ncompanions = [\"idna\"]\nbranch-of = {{ tiny = \"file://{}\" }}\n\
         python = [\"3.12\"]\narchitectures = [\"arm64\"]\n",
        repository.display()
    );
    project.write("layers.toml", &format!("[layers.own]\n{table}"));
    let outcome = project.run(&["build", "-v", "feature", "-r"]).expect_code(0);
    assert_eq!(outcome.stdout, "target/layers/own-raw-feature.zip\n");
    assert!(outcome.stderr.contains(": tiny 2.0.dev1 and 1 more"), "{}", outcome.stderr);
    assert!(!project.path("requirements.own.txt").exists(), "the committed lock is not touched");
    let lock = project.read("target/layers/requirements.own-raw-feature.txt");
    assert!(lock.contains(&format!("@{commit}")), "{lock}");
    let manifest = project.manifest("own-raw-feature");
    assert_eq!(
        (&manifest["variant"], &manifest["layer_name"]),
        (&"raw-feature".into(), &"own-raw-feature".into())
    );
    let first = manifest["sha256"].clone();

    // The branch moves, and the next build follows it; with the lock as it is, it does not.
    project.write("repository/tiny/__init__.py", "branch = 'feature'\n");
    git(&repository, &["commit", "-qam", "third"]);
    let _ = project.run(&["build", "-v", "feature", "-r", "--locked"]).expect_code(0);
    assert_eq!(project.manifest("own-raw-feature")["sha256"], first);
    let _ = project.run(&["build", "-v", "feature", "-r"]).expect_code(0);
    assert_ne!(project.manifest("own-raw-feature")["sha256"], first);
}

#[test]
fn pypi_a_folder_and_a_requirements_file_are_part_of_a_layer() {
    let table = "requirements = [\".\", \"-r more.txt\"]\npython = [\"3.12\"]\narchitectures = [\"arm64\"]\n\
                 include = { \"etc/ca.pem\" = \"certs/ca.pem\", \"bin/\" = \"tools\" }\n";
    let project = OwnLayer::of(table);
    project.write("pyproject.toml", &PYPROJECT.replace("VERSION", "1.0"));
    project.write("tiny/__init__.py", "x = 1\n");
    project.write("more.txt", "idna==3.7\n");
    project.write("certs/ca.pem", "a certificate\n");
    project.write("tools/run.sh", "#!/bin/sh\n");
    let outcome = project.run(&["build"]).expect_code(0);
    assert!(outcome.stderr.contains("Building tiny"), "{}", outcome.stderr);
    let files = project.files("own");
    for path in
        ["bin/run.sh", "etc/ca.pem", "python/idna/__init__.py", "python/six.py", "python/tiny/__init__.py"]
    {
        assert!(files.contains(&path.to_owned()), "{path}: {files:?}");
    }
    let lock = project.read("requirements.own.txt");
    assert!(
        lock.contains("# via -r more.txt") && !lock.contains(project.folder().to_str().unwrap()),
        "{lock}"
    );
    assert!(
        !project.path("build").exists() && !project.path("tiny.egg-info").exists(),
        "the folder stays as it was"
    );
    let first = project.manifest("own")["sha256"].clone();
    let _ = project.run(&["build"]).expect_code(0);
    assert_eq!(project.manifest("own")["sha256"], first, "the same source is the same layer");
    // A file that is asked for counts with what is in it.
    project.write("more.txt", "idna==3.8\n");
    let _ = project.run(&["lock", "--check"]).expect_code(1);
    let _ = project.run(&["build"]).expect_code(0);
    assert!(project.read("requirements.own.txt").contains("idna==3.8 "));
}

#[test]
fn pypi_what_the_runtimes_bring_along_is_left_out() {
    let table = "requirements = [\"sosw\"]\npython = [\"3.12\"]\narchitectures = [\"arm64\"]\nexclude-runtime-provided = true\n";
    let project = OwnLayer::of(table);
    let _ = project.run(&["build"]).expect_code(0);
    let manifest = project.manifest("own");
    let names: Vec<&str> = manifest["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| package["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["sosw"]);
}
