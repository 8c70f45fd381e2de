//! The real thing: the layers of this repository from PyPI, with the real uv and real Pythons. Everything here needs
//! the network, and says so in its name.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tests::command::{Outcome, binary, clean, pythons, run, workspace};
use tests::wheels::sha256;

/// The zip of the committed lock. It changes when the lock does, and when the canonical form or the compressor does:
/// on purpose, and with a word in the changelog.
const GOLD: &str = "c0b986861c85d8561b66d9d560965a4a1e0801e1d06fa494edef421a01ce993f";

/// A copy of what the layers are built from, in a folder of its own.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["layers.toml", "requirements.sosw.txt", "requirements.sosw.build.txt"] {
            std::fs::copy(workspace().join(name), folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    /// A project of one layer with these requirements, without a lock.
    fn of(requirements: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[layers.own]\nrequirements = {requirements}\npython = [\"3.12\"]\narchitectures = [\"x86_64\"]\n"
        );
        std::fs::write(folder.path().join("layers.toml"), text).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = clean(binary("layer-builder"));
        command
            .current_dir(self.folder.path())
            .env("LAYER_BUILDER_CACHE_DIR", shared_cache())
            .args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        run(&mut self.command(arguments))
    }
}

/// One cache for the tests of one process, so that they do not download everything again and again.
fn shared_cache() -> &'static Path {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    CACHE.get_or_init(|| {
        let target = binary("layer-builder").parent().unwrap().to_path_buf();
        target.join("tests-cache")
    })
}

#[test]
fn pypi_the_committed_lock_builds_these_bytes() {
    let project = Project::new();
    let outcome = project.run(&["build", "--locked"]).expect_code(0);
    assert!(outcome.stderr.contains(": sosw 3."), "the version of sosw is said: {}", outcome.stderr);
    let zip = std::fs::read(project.path("target/layers/sosw.zip")).unwrap();
    assert_eq!(sha256(&zip), GOLD);
    let outcome =
        run(clean("python3").args(["-m", "zipfile", "-t"]).arg(project.path("target/layers/sosw.zip")));
    assert!(outcome.stdout.contains("Done testing"), "{outcome:?}");
}

#[test]
fn pypi_the_layer_imports_under_real_pythons() {
    let found = pythons(12..=14);
    if found.is_empty() {
        eprintln!("skipped: found no CPython 3.12, 3.13 or 3.14");
        return;
    }
    let project = Project::new();
    let _ = project.run(&["build", "--locked"]).expect_code(0);
    let opt = project.path("opt");
    let unpack = ["-m", "zipfile", "-e", "target/layers/sosw.zip", "opt"];
    let _ = run(clean("python3").current_dir(project.folder.path()).args(unpack)).expect_code(0);
    for python in found {
        let program = "import sys\nsys.path.insert(0, sys.argv[1])\n\
             import sosw, aws_lambda_powertools, aws_xray_sdk, bson, requests\n\
             import importlib.metadata\n\
             print(importlib.metadata.version('sosw'), *(m.__file__ for m in (sosw, bson, requests)), sep='\\n')";
        let mut command = clean(&python);
        let outcome = run(command.args(["-I", "-B", "-c", program]).arg(opt.join("python"))).expect_code(0);
        let lines: Vec<&str> = outcome.stdout.lines().collect();
        assert!(lines[0].starts_with("3."), "{outcome:?}");
        assert!(lines[1..].iter().all(|file| file.starts_with(opt.to_str().unwrap())), "{outcome:?}");
    }
}

/// Another folder, umask, time zone, language, number of threads, and for the sdist another Python: the same bytes.
#[test]
fn pypi_every_machine_makes_the_same_bytes() {
    let found = pythons([9, 10, 12, 13]);
    let mut seen = 0;
    for (index, python) in found.iter().enumerate() {
        let project = Project::new();
        let cache = project.path("cache of its own");
        let umask = ["077", "002", "000", "027"][index % 4];
        let mut command = clean("sh");
        command
            .args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")])
            .args(if index % 2 == 0 { &["taskset", "-c", "0"][..] } else { &["env"][..] })
            .arg(binary("layer-builder"))
            .args(["build", "--locked"])
            .current_dir(project.folder.path())
            .env("LAYER_BUILDER_CACHE_DIR", &cache)
            .env("UV_CACHE_DIR", project.path("uv cache"))
            .env("UV_PYTHON", python)
            .env("TZ", ["Pacific/Chatham", "America/St_Johns"][index % 2])
            .env("LANG", ["tr_TR.UTF-8", "C"][index % 2])
            .env("SOURCE_DATE_EPOCH", "1700000000")
            .env("PYTHONDONTWRITEBYTECODE", ["1", ""][index % 2]);
        let outcome = run(&mut command).expect_code(0);
        assert!(outcome.stderr.contains("Building bson-0.5.10.tar.gz"), "{}", outcome.stderr);
        assert_eq!(
            sha256(&std::fs::read(project.path("target/layers/sosw.zip")).unwrap()),
            GOLD,
            "{}",
            python.display()
        );
        seen += 1;
    }
    if seen < 2 {
        eprintln!("skipped: found {seen} of the two Pythons that this needs");
    }
}

#[test]
fn pypi_the_lock_is_made_from_nothing() {
    let project = Project::new();
    std::fs::remove_file(project.path("requirements.sosw.txt")).unwrap();
    std::fs::remove_file(project.path("requirements.sosw.build.txt")).unwrap();
    let outcome = project.run(&["lock"]).expect_code(0);
    assert_eq!(outcome.stdout, "requirements.sosw.txt\n");
    let lock = project.read("requirements.sosw.txt");
    for package in ["sosw", "aws-lambda-powertools", "aws-xray-sdk", "bson", "requests", "boto3"] {
        assert!(lock.lines().any(|line| line.starts_with(&format!("{package}=="))), "{package}");
    }
    assert!(lock.contains("# via layers.toml"));
    let build = project.read("requirements.sosw.build.txt");
    assert!(build.contains("\nsetuptools=="), "{build}");
    for text in [&lock, &build] {
        assert!(!text.contains("://") && !text.contains(project.folder.path().to_str().unwrap()), "{text}");
    }
    let _ = project.run(&["lock", "--check"]).expect_code(0);
    // Once more: nothing is different, nothing is written.
    let modified = |name: &str| std::fs::metadata(project.path(name)).unwrap().modified().unwrap();
    let before = (modified("requirements.sosw.txt"), modified("requirements.sosw.build.txt"));
    let _ = project.run(&["lock"]).expect_code(0);
    assert_eq!(lock, project.read("requirements.sosw.txt"));
    assert_eq!(before, (modified("requirements.sosw.txt"), modified("requirements.sosw.build.txt")));
}

#[test]
fn pypi_one_package_is_upgraded_and_the_others_stay() {
    let project = Project::of(r#"["six==1.16.0", "idna==3.7"]"#);
    let _ = project.run(&["lock"]).expect_code(0);
    // The same pins, but free to move.
    let toml = project.read("layers.toml").replace("==1.16.0", "").replace("==3.7", "");
    std::fs::write(project.path("layers.toml"), toml).unwrap();
    let _ = project.run(&["lock", "--check"]).expect_code(1);
    let outcome = project.run(&["build"]).expect_code(0);
    assert!(outcome.stderr.contains("note: `requirements.own.txt` does not fit"), "{}", outcome.stderr);
    let lock = project.read("requirements.own.txt");
    assert!(lock.contains("six==1.16.0") && lock.contains("idna==3.7 "), "{lock}");
    let outcome = project.run(&["lock", "--upgrade-package", "six"]).expect_code(0);
    assert!(outcome.stderr.contains("Changed six 1.16.0 -> 1."), "{}", outcome.stderr);
    let lock = project.read("requirements.own.txt");
    assert!(!lock.contains("six==1.16.0") && lock.contains("idna==3.7 "), "{lock}");
    let outcome = project.run(&["build", "--upgrade"]).expect_code(0);
    assert!(outcome.stderr.contains("Changed idna 3.7 -> 3."), "{}", outcome.stderr);
    assert!(!project.path("requirements.own.build.txt").exists(), "nothing has to be built");
}

#[test]
fn pypi_what_cannot_be_resolved_is_explained_by_uv() {
    let project = Project::of(r#"["six>=1.16", "python-dateutil==2.8.0", "six<1.5"]"#);
    let outcome = project.run(&["lock"]).expect_code(1);
    assert!(
        outcome.stderr.contains("error: uv failed to resolve the requirements of layers.toml"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("your requirements are unsatisfiable"), "{}", outcome.stderr);
    assert!(!project.path("requirements.own.txt").exists());
}

#[test]
fn pypi_uv_is_installed_by_pip_where_there_is_none() {
    let project = Project::of(r#"["six"]"#);
    let tools = project.path("bin");
    std::fs::create_dir(&tools).unwrap();
    let which = run(clean("python3").args(["-c", "import sys; print(sys.executable)"])).expect_code(0).stdout;
    for (name, target) in [("python3", which.trim()), ("sh", "/bin/sh")] {
        std::os::unix::fs::symlink(target, tools.join(name)).unwrap();
    }
    let cache = project.path("cache");
    let with_only_python = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        run(command.env("PATH", &tools).env("LAYER_BUILDER_CACHE_DIR", &cache))
    };
    let outcome = with_only_python(&["lock"]).expect_code(0);
    assert!(outcome.stderr.contains("Installing uv "), "{}", outcome.stderr);
    let outcome = with_only_python(&["uv", "--", "--version"]).expect_code(0);
    assert!(outcome.stdout.starts_with("uv "), "{outcome:?}");
    assert!(!outcome.stderr.contains("Installing"), "{}", outcome.stderr);
    let _ = with_only_python(&["uv", "no-such-command"]).expect_code(2);
}

#[test]
fn pypi_killed_while_it_locks_it_leaves_the_old_lock() {
    let project = Project::of(r#"["six"]"#);
    let _ = project.run(&["lock"]).expect_code(0);
    let before = project.read("requirements.own.txt");
    let server = tests::server::Server::start();
    for package in ["six", "idna"] {
        server.answer(&format!("/simple/{package}/"), tests::server::Answer::Hanging);
    }
    std::fs::write(
        project.path("layers.toml"),
        project.read("layers.toml").replace("\"six\"", "\"six\", \"idna\""),
    )
    .unwrap();
    let mut command = project.command(&["lock", "--upgrade", "--quiet"]);
    command.env("UV_DEFAULT_INDEX", server.url("/simple")).env("UV_CACHE_DIR", project.path("uv cache"));
    let mut child = command.spawn().unwrap();
    let start = std::time::Instant::now();
    while server.requests().is_empty() {
        assert!(start.elapsed().as_secs() < 60, "uv never asked");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(before, project.read("requirements.own.txt"));
}
