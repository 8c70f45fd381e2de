//! The real thing: the layers of this repository from PyPI, with the real uv and real Pythons. Everything here needs
//! the network, and says so in its name.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tests::command::{Outcome, binary, clean, pythons, run, skipped, workspace};
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
        skipped("pypi_the_layer_imports_under_real_pythons", "found no CPython 3.12, 3.13 or 3.14");
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
            .args(if cfg!(target_os = "linux") && index % 2 == 0 {
                &["taskset", "-c", "0"][..]
            } else {
                &["env"][..]
            })
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
        skipped(
            "pypi_every_machine_makes_the_same_bytes",
            &format!("found {seen} of the two Pythons that this needs"),
        );
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
    assert!(
        outcome.stderr.contains("note: `requirements.own.txt` was made for something else"),
        "{}",
        outcome.stderr
    );
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
        outcome.stderr.contains("Caused by: uv failed to resolve the requirements of layers.toml"),
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

/// A small index on loopback that serves one wheel, as an index does it.
fn private_index(server: &tests::server::Server, prefix: &str) -> tests::wheels::TestWheel {
    use tests::server::Answer;
    let wheel = tests::wheels::wheel("ours", "1.0", &[tests::wheels::file("ours.py", "x = 1\n")]);
    let file = format!("{prefix}/files/{}", wheel.file_name);
    let page = format!("<a href=\"{}#sha256={}\">{}</a>", server.url(&file), wheel.sha256(), wheel.file_name);
    server.answer(&format!("{prefix}/simple/ours/"), Answer::Page(page));
    server.answer(&file, Answer::File(wheel.bytes.clone()));
    wheel
}

#[test]
fn pypi_the_indexes_of_a_projects_uv_toml_count_everywhere() {
    let server = tests::server::Server::start();
    let wheel = private_index(&server, "");
    let project = Project::of(r#"["ours"]"#);
    let config = format!("[[index]]\nurl = {:?}\ndefault = true\n", server.url("/simple/"));
    std::fs::write(project.path("uv.toml"), config).unwrap();
    // From another folder, with a relative name, and with nothing known yet.
    let elsewhere = project.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let mut command = project.command(&["build", "--layers-file", "../layers.toml"]);
    let command = command.current_dir(&elsewhere).env("LAYER_BUILDER_CACHE_DIR", project.path("cache"));
    let _ = run(command.env("UV_CACHE_DIR", project.path("uv cache"))).expect_code(0);
    assert!(project.read("requirements.own.txt").contains(&wheel.sha256()));
    assert!(project.path("target/layers/own.zip").exists());
    std::fs::remove_dir_all(project.path("cache/locations")).unwrap();
    std::fs::remove_dir_all(project.path("target")).unwrap();
    let mut command = project.command(&["build", "--offline"]);
    let outcome = run(command.env("LAYER_BUILDER_CACHE_DIR", project.path("cache"))).expect_code(1);
    assert!(outcome.stderr.contains("does not know where the files"), "{}", outcome.stderr);
    assert!(outcome.stderr.lines().any(|line| line.trim() == "ours 1.0"), "{}", outcome.stderr);
}

#[test]
fn pypi_files_that_have_moved_are_found_again() {
    let server = tests::server::Server::start();
    let wheel = private_index(&server, "/old");
    let project = Project::of(r#"["ours"]"#);
    let build = |prefix: &str| {
        let mut command = project.command(&["build"]);
        command
            .env("LAYER_BUILDER_CACHE_DIR", project.path("cache"))
            .env("UV_CACHE_DIR", project.path("uv cache"));
        run(command.env("UV_DEFAULT_INDEX", server.url(&format!("{prefix}/simple/"))))
    };
    let _ = build("/old").expect_code(0);
    std::fs::remove_dir_all(project.path("cache/files")).unwrap();
    std::fs::remove_dir_all(project.path("target")).unwrap();
    server.answer(
        &format!("/old/files/{}", wheel.file_name),
        tests::server::Answer::Failing(410, 99, Vec::new()),
    );
    private_index(&server, "/new");
    let outcome = build("/new").expect_code(0);
    assert!(outcome.stderr.contains("asking the index where it is now"), "{}", outcome.stderr);
}

#[test]
fn pypi_a_damaged_source_distribution_is_fetched_again_before_it_runs() {
    let project = Project::of(r#"["bson==0.5.10"]"#);
    let cache = project.path("cache");
    let build = || run(project.command(&["build"]).env("LAYER_BUILDER_CACHE_DIR", &cache));
    let _ = build().expect_code(0);
    let find = || {
        let folders = std::fs::read_dir(cache.join("files")).unwrap().flatten();
        folders.map(|folder| folder.path().join("bson-0.5.10.tar.gz")).find(|path| path.exists()).unwrap()
    };
    let sdist = find();
    let whole = std::fs::read(&sdist).unwrap();
    std::fs::remove_dir_all(cache.join("built")).unwrap();
    std::fs::remove_dir_all(project.path("target")).unwrap();
    std::fs::write(&sdist, "something else").unwrap();
    let outcome = build().expect_code(0);
    assert!(outcome.stderr.contains("Downloaded 1 file"), "{}", outcome.stderr);
    assert_eq!(whole, std::fs::read(find()).unwrap());
}

#[test]
fn pypi_a_lock_that_somebody_has_changed_is_mended_by_locking() {
    let project = Project::of(r#"["six", "idna"]"#);
    let _ = project.run(&["lock"]).expect_code(0);
    let good = project.read("requirements.own.txt");
    let path = project.path("requirements.own.txt");
    let hash = good.lines().find_map(|line| line.trim().strip_prefix("--hash=sha256:")).unwrap();
    let digits = &hash[..64];
    std::fs::write(&path, good.replace(digits, &"0".repeat(64))).unwrap();
    let _ = project.run(&["lock"]).expect_code(0);
    assert_eq!(good, project.read("requirements.own.txt"));
    // A conflict is named with its line, by whoever reads the lock.
    std::fs::write(&path, format!("{good}<<<<<<< HEAD\n")).unwrap();
    for command in ["lock", "build"] {
        let outcome = project.run(&[command]).expect_code(1);
        let line = good.lines().count() + 1;
        assert!(
            outcome.stderr.contains(&format!("requirements.own.txt`, line {line}")),
            "{}",
            outcome.stderr
        );
        assert!(outcome.stderr.contains("`layer-builder lock --upgrade`"), "{}", outcome.stderr);
    }
    let _ = project.run(&["lock", "--upgrade"]).expect_code(0);
    assert_eq!(good, project.read("requirements.own.txt"));
    // An editor's byte order mark is no reason to complain.
    std::fs::write(&path, format!("\u{feff}{good}")).unwrap();
    let _ = project.run(&["lock", "--check"]).expect_code(0);
}

#[test]
fn pypi_what_is_to_be_upgraded_has_to_be_there() {
    let project = Project::of(r#"["requests[nosuchextra]"]"#);
    let outcome = project.run(&["lock"]).expect_code(0);
    assert!(
        outcome.stderr.contains("warning: ") && outcome.stderr.contains("nosuchextra"),
        "{}",
        outcome.stderr
    );
    let outcome = project.run(&["lock", "--upgrade-package", "reqests"]).expect_code(1);
    assert!(outcome.stderr.contains("hint: did you mean `requests`?"), "{}", outcome.stderr);
    let _ = project.run(&["lock", "--upgrade-package", "no name"]).expect_code(2);
}

#[test]
fn pypi_a_missing_lock_of_build_tools_is_made_again() {
    let project = Project::of(r#"["bson==0.5.10"]"#);
    let _ = project.run(&["build"]).expect_code(0);
    let path = project.path("requirements.own.build.txt");
    let tools = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let _ = project.run(&["lock", "--check"]).expect_code(1);
    let _ = project.run(&["build"]).expect_code(0);
    assert_eq!(tools, std::fs::read(&path).unwrap());
    let _ = project.run(&["lock", "--check"]).expect_code(0);
}

#[test]
fn pypi_a_uv_that_is_told_to_leave_out_wheels_is_not_believed_for_long() {
    let project = Project::of(r#"["six==1.17.0"]"#);
    let _ = project.run(&["lock"]).expect_code(0);
    let cache = project.path("cache");
    let build = || run(project.command(&["build"]).env("LAYER_BUILDER_CACHE_DIR", &cache));
    std::fs::write(project.path("uv.toml"), "[pip]\nno-binary = [\"six\"]\n").unwrap();
    let outcome = build();
    assert!(outcome.stderr.contains("warning: uv names no wheel of `six`"), "{outcome:?}");
    std::fs::remove_file(project.path("uv.toml")).unwrap();
    let outcome = build().expect_code(0);
    assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
    assert!(project.read("target/layers/own.json").contains("six-1.17.0-py2.py3-none-any.whl"));
}
