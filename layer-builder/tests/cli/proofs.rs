//! What a build can be asked to prove, and what it does when nothing has changed.

use std::path::Path;
use std::time::SystemTime;

use layer_builder::zip_reader::ZipFile;
use serde_json::Value;
use tests::command::{Outcome, pythons, run};
use tests::wheels::{TestWheel, ZipEntry, file, sha256, wheel};

use crate::world::World;

pub(crate) fn text(seed: usize) -> String {
    (0..400).map(|line| format!("line_{} = {}\n", line * seed, line + seed)).collect()
}

pub(crate) fn layer() -> Vec<TestWheel> {
    let stored = ZipEntry { method: 0, ..file("beta/data.txt", "the same, the same, the same, the same") };
    vec![
        wheel(
            "alpha",
            "1.0",
            &[file("alpha/__init__.py", text(3)), file("alpha/more.py", text(5)), file("same.py", "x = 1\n")],
        ),
        wheel(
            "beta",
            "2.1",
            &[file("beta/__init__.py", "import alpha\n"), stored, file("same.py", "x = 1\n")],
        ),
    ]
}

pub(crate) fn contents(zip: &Path) -> Vec<(String, bool, Vec<u8>)> {
    let zip = ZipFile::open(zip).unwrap();
    let entries = zip.entries().iter();
    entries.map(|entry| (entry.path.clone(), entry.executable, zip.content(entry).unwrap())).collect()
}

pub(crate) fn manifest(world: &World) -> Value {
    serde_json::from_slice(&std::fs::read(world.path("target/layers/small.json")).unwrap()).unwrap()
}

#[test]
fn compressed_again_it_is_smaller_and_the_same_and_always_the_same_bytes() {
    let world = World::new(&layer());
    let _ = world.run(&["build"]).expect_code(0);
    let (copied, files) = (std::fs::metadata(world.zip()).unwrap().len(), contents(&world.zip()));
    let outcome = world.run(&["build", "--compress", "max", "--verify"]).expect_code(0);
    assert!(outcome.stderr.contains("Compressed "), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("Verified built twice"), "{}", outcome.stderr);
    let bytes = std::fs::read(world.zip()).unwrap();
    assert!((bytes.len() as u64) < copied, "{} is not less than {copied}", bytes.len());
    assert_eq!(contents(&world.zip()), files);
    assert_eq!(manifest(&world)["sha256"], sha256(&bytes));
    assert_eq!(manifest(&world)["size"], bytes.len());
    assert_eq!(sha256(&bytes), "c7fa3b8c455144e36e4ec54914c825be458ebde28492e168fe92e31bba8bdb7b");
}

#[test]
fn another_route_gives_the_same_bytes() {
    let world = World::new(&layer());
    let outcome = world.run(&["build", "--verify"]).expect_code(0);
    assert!(
        outcome.stderr.contains("Verified built twice, by different routes: the same bytes"),
        "{}",
        outcome.stderr
    );
    let first = std::fs::read(world.zip()).unwrap();
    let _ = world.run(&["build", "--verify"]).expect_code(0);
    assert_eq!(first, std::fs::read(world.zip()).unwrap());
}

fn modified(world: &World) -> Vec<(String, SystemTime)> {
    let mut found = Vec::new();
    let mut folders = vec![world.folder.path().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let metadata = entry.metadata().unwrap();
            found.push((entry.path().display().to_string(), metadata.modified().unwrap()));
            if metadata.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn when_nothing_has_changed_nothing_is_written() {
    let shadow = wheel("alpha", "1.0", &[file("typing.py", "")]);
    let world = World::new(&[shadow]);
    let first = world.run(&["build"]).expect_code(0);
    let before = modified(&world);
    let second = world.run(&["build"]).expect_code(0);
    assert_eq!(before, modified(&world));
    assert_eq!(first.stdout, second.stdout);
    assert!(second.stderr.contains("Fresh small.zip: alpha 1.0, "), "{}", second.stderr);
    assert!(second.stderr.contains("hides `typing`"), "warnings are said again: {}", second.stderr);
    let json = world.run(&["build", "--format", "json"]).expect_code(0).stdout;
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["artifacts"][0]["manifest"], manifest(&world));
}

#[test]
fn whatever_changes_is_seen() {
    let world = World::new(&layer());
    let _ = world.run(&["build"]).expect_code(0);
    let builds = |arguments: &[&str]| {
        let outcome = world.run(&[&["build"], arguments].concat()).expect_code(0);
        outcome.stderr.contains("Packaged")
    };
    assert!(!builds(&[]));
    // The table, the options, the build tools, the zip, the manifest.
    world.add_to_table("growth = 7\n");
    assert!(builds(&[]) && !builds(&[]));
    assert!(builds(&["--compress", "max"]) && !builds(&["--compress", "max"]));
    assert!(builds(&[]) && !builds(&[]));
    assert!(builds(&["--verify"]) && !builds(&[]));
    std::fs::write(world.path("requirements.small.build.txt"), "# tools\n").unwrap();
    assert!(builds(&[]) && !builds(&[]));
    let good = std::fs::read(world.zip()).unwrap();
    let mut damaged = good.clone();
    damaged[40] ^= 1;
    std::fs::write(world.zip(), &damaged).unwrap();
    let later = SystemTime::now() + std::time::Duration::from_secs(5);
    std::fs::File::options().append(true).open(world.zip()).unwrap().set_modified(later).unwrap();
    assert!(builds(&[]));
    assert_eq!(good, std::fs::read(world.zip()).unwrap());
    std::fs::write(world.zip(), &good[..good.len() - 1]).unwrap();
    assert!(builds(&[]) && !builds(&[]));
    std::fs::remove_file(world.path("target/layers/small.json")).unwrap();
    assert!(builds(&[]) && !builds(&[]));
    let lock = std::fs::read_to_string(world.path("requirements.small.txt")).unwrap();
    world.write_project(&layer()[..1], |wheel| world.server.url(&format!("/{}", wheel.file_name)));
    assert_ne!(lock, std::fs::read_to_string(world.path("requirements.small.txt")).unwrap());
    assert!(builds(&[]));
}

#[test]
fn files_of_this_machine_are_looked_at_each_time() {
    let world = World::new(&layer());
    world.add_to_table("include = { \"etc/own.txt\" = \"own.txt\" }\n");
    let own = |text: &str| {
        std::fs::write(world.path("own.txt"), text).unwrap();
        let _ = world.run(&["build"]).expect_code(0);
        contents(&world.zip()).into_iter().find(|(path, ..)| path == "etc/own.txt").unwrap().2
    };
    assert_eq!(own("one"), b"one");
    assert_eq!(own("two"), b"two");
}

/// Runs the binary where it finds the Pythons of this machine.
pub(crate) fn with_pythons(world: &World, arguments: &[&str]) -> Outcome {
    let folders = pythons([12]).into_iter().filter_map(|python| python.parent().map(Path::to_path_buf));
    run(world.command(arguments).env("PATH", std::env::join_paths(folders).unwrap()))
}

/// Whether there is a CPython 3.12, which these tests need.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn has_python() -> bool {
    let has = !pythons([12]).is_empty();
    if !has {
        eprintln!("skipped: found no CPython 3.12");
    }
    has
}

pub(crate) const X86_12: &str = "python = [\"3.12\"]\narchitectures = [\"x86_64\"]\n";

#[test]
fn every_module_is_imported() {
    if !has_python() {
        return;
    }
    let world = World::for_targets(&layer(), X86_12);
    let outcome = with_pythons(&world, &["build", "--smoke"]).expect_code(0);
    assert!(outcome.stderr.contains("Tried 3 of 3 modules import under CPython 3.12."), "{}", outcome.stderr);
    // And once more, when nothing has changed.
    let outcome = with_pythons(&world, &["build", "--smoke"]).expect_code(0);
    assert!(outcome.stderr.contains("Tried 3 of 3"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("Fresh"), "{}", outcome.stderr);
}

/// What the runtime brings along is not here: that modules which need it were not tried is said, and why.
#[test]
fn modules_that_need_what_the_runtime_has_are_named() {
    if !has_python() {
        return;
    }
    let needy = wheel("alpha", "1.0", &[file("alpha.py", "import boto3\n"), file("fine.py", "")]);
    let world = World::for_targets(&[needy], X86_12);
    let outcome = with_pythons(&world, &["build", "--smoke"]).expect_code(0);
    assert!(outcome.stderr.contains("Tried 1 of 2 modules import under CPython 3.12."), "{}", outcome.stderr);
    let note = "note: not tried: alpha under python3.12 (imports boto3, which the runtime brings along)";
    assert!(outcome.stderr.contains(note), "{}", outcome.stderr);
}

/// Folders without `__init__.py` may be namespaces, or examples that nobody imports.
#[test]
fn plain_modules_in_namespaces_are_named() {
    if !has_python() {
        return;
    }
    let space = wheel("alpha", "1.0", &[file("space/one.py", "import nothing\n"), file("space/two.py", "")]);
    let world = World::for_targets(&[space], X86_12);
    let outcome = with_pythons(&world, &["build", "--smoke"]).expect_code(0);
    assert!(outcome.stderr.contains("Tried 0 of 0 modules import"), "{}", outcome.stderr);
    let note = "note: not tried: space.one, space.two under python3.12 (in folders without `__init__.py`)";
    assert!(outcome.stderr.contains(note), "{}", outcome.stderr);
}

/// A script on PATH in the interpreter's place, as version managers put one there: it runs where a variable is set only.
#[cfg(unix)]
#[test]
fn a_shim_leads_to_the_interpreter_behind_it() {
    use std::os::unix::fs::PermissionsExt;
    if !has_python() {
        return;
    }
    let world = World::for_targets(&layer(), X86_12);
    let shim = world.path("shims/python3.12");
    std::fs::create_dir(world.path("shims")).unwrap();
    let build = |lines: &str| {
        std::fs::write(&shim, format!("#!/bin/sh\n{lines}\n")).unwrap();
        std::fs::set_permissions(&shim, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = world.command(&["build", "--smoke"]);
        command.env("PATH", world.path("shims")).env("SHIM", "yes").env("PYENV_ROOT", world.path("none"));
        run(&mut command).expect_code(0).stderr
    };
    let real = pythons([12])[0].display().to_string();
    let said = build(&format!("[ -n \"$SHIM\" ] || exit 127\nexec '{real}' \"$@\""));
    assert!(said.contains("Tried 3 of 3 modules import under CPython 3.12."), "{said}");
    // One that leads nowhere is none.
    let said = build("exit 127");
    assert!(said.contains("warning: nothing was tried: python3.12 (found no CPython 3.12)"), "{said}");
}

#[test]
fn what_does_not_import_is_refused_by_name() {
    if !has_python() {
        return;
    }
    let bad = [
        wheel(
            "alpha",
            "1.0",
            &[file("alpha.py", "import no_such_module\n"), file("fine.py", "print('noise')\n")],
        ),
        wheel(
            "beta",
            "1.0",
            &[file("beta/__init__.py", "import os\nos.abort()\n"), file("gamma.py", "raise SystemExit(3)\n")],
        ),
        wheel("delta", "1.0", &[file("delta.py", "import boto3\n")]),
    ];
    let world = World::for_targets(&bad, X86_12);
    let outcome = with_pythons(&world, &["build", "--smoke"]).expect_code(1);
    for part in [
        "`alpha` does not import under python3.12: ModuleNotFoundError: No module named 'no_such_module' (import-fails)",
        "`beta` does not import under python3.12: it ends the interpreter, signal: 6",
        "`gamma` does not import under python3.12: SystemExit: 3",
    ] {
        assert!(outcome.stderr.contains(part), "expected `{part}` in\n{}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains("`delta`"), "boto3 comes with the runtime: {}", outcome.stderr);
    assert!(!world.zip().exists());
    world.add_to_table("allow = { import-fails = \"known\" }\n");
    let _ = with_pythons(&world, &["build", "--smoke"]).expect_code(0);
}

#[test]
fn what_cannot_be_tried_is_said() {
    if !has_python() {
        return;
    }
    let library =
        file("alpha/core.so", tests::elf::TestElf { machine: 183, ..tests::elf::TestElf::default() }.bytes());
    let native = [wheel("alpha", "1.0", &[file("alpha/__init__.py", ""), library])];
    let world = World::for_targets(&native, "python = [\"3.12\"]\narchitectures = [\"arm64\"]\n");
    let outcome = with_pythons(&world, &["build", "--smoke"]).expect_code(0);
    let expected = if std::env::consts::ARCH == "aarch64" {
        "Tried 1 of 1".to_owned()
    } else {
        format!(
            "warning: nothing was tried: python3.12 on arm64 (this machine is {})",
            std::env::consts::ARCH
        )
    };
    assert!(outcome.stderr.contains(&expected), "{}", outcome.stderr);
}
