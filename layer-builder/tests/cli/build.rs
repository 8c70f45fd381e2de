//! `layer-builder build` over wheels that are served from loopback: what comes out, and that it is always the same.

use std::fs::File;
use std::io::Read;

use crate::world::World;
use serde_json::Value;
use tests::command::{clean, run};
use tests::wheels::{TestWheel, ZipEntry, file, sha256, wheel};

fn two_wheels() -> Vec<TestWheel> {
    let tool = ZipEntry { mode: 0o100_755, ..file("beta/tool.sh", "#!/bin/sh\n") };
    let stored = ZipEntry { method: 0, ..file("beta/stored.txt", "as it is") };
    let streamed = ZipEntry { flags: 8, ..file("beta/streamed.txt", "with a data descriptor ".repeat(40)) };
    let with_extra =
        ZipEntry { local_extra: b"UT\x05\0\x03\0\0\0\0".to_vec(), ..file("beta/extra.txt", "extra") };
    let private = ZipEntry { mode: 0o100_600, ..file("beta/private.py", "x = 1\n") };
    vec![
        wheel(
            "alpha",
            "1.0",
            &[
                file("alpha/__init__.py", "name = 'alpha'\n".repeat(100)),
                file("alpha/ünïcode.txt", "ü"),
                file("alpha/__pycache__/x.cpython-312.pyc", "no"),
                file("alpha-1.0.data/purelib/alpha_extra.py", "yes"),
                file("alpha-1.0.data/scripts/alpha", "no"),
            ],
        ),
        wheel("beta", "2.1", &[tool, stored, streamed, with_extra, private, file("beta/__init__.py", "")]),
    ]
}

#[test]
fn the_zip_holds_what_belongs_in_a_layer_in_the_canonical_form() {
    let world = World::new(&two_wheels());
    let outcome = world.run(&["build"]).expect_code(0);
    assert_eq!(outcome.stdout, "target/layers/small.zip\n");
    assert!(outcome.stderr.contains("Packaged small.zip: alpha 1.0, beta 2.1, "), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains(['\r', '\u{1b}']), "a log holds lines only: {:?}", outcome.stderr);

    let mut archive = zip::ZipArchive::new(File::open(world.zip()).unwrap()).unwrap();
    let mut listed = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index).unwrap();
        let name = String::from_utf8(entry.name_raw().to_vec()).unwrap();
        listed.push(format!("{name} {:o}", entry.unix_mode().unwrap()));
        assert_eq!(entry.last_modified().unwrap().to_string(), "1980-01-01 00:00:00", "{name}");
        assert_eq!(entry.flags().as_u16(), if name.is_ascii() { 0 } else { 1 << 11 }, "{name}");
    }
    assert_eq!(
        listed,
        [
            "python/alpha-1.0.dist-info/METADATA 100644",
            "python/alpha-1.0.dist-info/RECORD 100644",
            "python/alpha-1.0.dist-info/WHEEL 100644",
            "python/alpha/__init__.py 100644",
            "python/alpha/ünïcode.txt 100644",
            "python/alpha_extra.py 100644",
            "python/beta-2.1.dist-info/METADATA 100644",
            "python/beta-2.1.dist-info/RECORD 100644",
            "python/beta-2.1.dist-info/WHEEL 100644",
            "python/beta/__init__.py 100644",
            "python/beta/extra.txt 100644",
            "python/beta/private.py 100644",
            "python/beta/stored.txt 100644",
            "python/beta/streamed.txt 100644",
            "python/beta/tool.sh 100755",
        ]
    );
    let mut stored = String::new();
    archive.by_name("python/beta/stored.txt").unwrap().read_to_string(&mut stored).unwrap();
    assert_eq!(stored, "as it is");
}

/// The canonical form is a promise: these bytes may change only on purpose, with a word in the changelog.
#[test]
fn the_bytes_are_these() {
    let world = World::new(&two_wheels());
    let _ = world.run(&["build"]).expect_code(0);
    let zip = std::fs::read(world.zip()).unwrap();
    assert_eq!(sha256(&zip), "e46320c93f4c0a80cf850c1b1359fe8ceaf63b33ecf0eccecde3ee2e0604326a");
}

#[test]
fn the_manifest_says_what_was_built() {
    let world = World::new(&two_wheels());
    let outcome = world.run(&["build", "--format", "json"]).expect_code(0);
    let printed: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(world.path("target/layers/small.json")).unwrap()).unwrap();
    assert_eq!(printed["artifacts"][0]["manifest"], manifest);
    assert_eq!(printed["artifacts"][0]["path"], "target/layers/small.zip");

    let zip = std::fs::read(world.zip()).unwrap();
    assert_eq!(manifest["schema"], 1);
    assert_eq!(manifest["layer"], "small");
    assert_eq!(manifest["variant"], Value::Null);
    assert_eq!(manifest["layer_name"], "small");
    assert_eq!(manifest["zip"], "small.zip");
    assert_eq!(manifest["sha256"], sha256(&zip));
    assert_eq!(manifest["size"], zip.len());
    assert_eq!(manifest["description"], "a small layer");
    assert_eq!(manifest["compatible_runtimes"], serde_json::json!(["python3.12", "python3.13"]));
    assert_eq!(manifest["compatible_architectures"], serde_json::json!(["arm64", "x86_64"]));
    assert_eq!(manifest["lock"]["path"], "requirements.small.txt");
    assert_eq!(
        manifest["lock"]["sha256"],
        sha256(&std::fs::read(world.path("requirements.small.txt")).unwrap())
    );
    assert_eq!(manifest["packages"][0]["name"], "alpha");
    assert_eq!(manifest["packages"][0]["files"], 6);
    assert_eq!(manifest["packages"][1]["version"], "2.1");
    let archive = zip::ZipArchive::new(File::open(world.zip()).unwrap()).unwrap();
    let unzipped: u64 = (0..archive.len()).map(|index| archive.by_index_data(index).unwrap().size()).sum();
    assert_eq!(manifest["unzipped_size"], unzipped);
}

#[test]
fn the_bytes_do_not_depend_on_the_machine() {
    let wheels = two_wheels();
    let first = World::new(&wheels);
    let _ = first.run(&["build"]).expect_code(0);

    let second = World::new(&wheels);
    let mut command = clean("sh");
    command
        .args(["-c", "umask 077; exec \"$0\" build", env!("CARGO_BIN_EXE_layer-builder")])
        .current_dir(second.folder.path())
        .env("LAYER_BUILDER_CACHE_DIR", second.path("other cache"))
        .env("TZ", "Pacific/Chatham")
        .env("LANG", "tr_TR.UTF-8")
        .env("LC_ALL", "tr_TR.UTF-8")
        .env("SOURCE_DATE_EPOCH", "1700000000");
    std::fs::rename(second.path("cache"), second.path("other cache")).unwrap();
    let _ = run(&mut command).expect_code(0);
    assert_eq!(std::fs::read(first.zip()).unwrap(), std::fs::read(second.zip()).unwrap());

    // With the wheels in another order in the lock, too.
    let third = World::new(&wheels.into_iter().rev().collect::<Vec<_>>());
    let _ = third.run(&["build"]).expect_code(0);
    assert_eq!(std::fs::read(first.zip()).unwrap(), std::fs::read(third.zip()).unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn one_thread_makes_the_same_bytes() {
    let world = World::new(&two_wheels());
    let _ = world.run(&["build"]).expect_code(0);
    let before = std::fs::read(world.zip()).unwrap();
    std::fs::remove_file(world.zip()).unwrap();
    let mut command = clean("taskset");
    command
        .args(["-c", "0", env!("CARGO_BIN_EXE_layer-builder"), "build"])
        .current_dir(world.folder.path())
        .env("LAYER_BUILDER_CACHE_DIR", world.path("cache"));
    let _ = run(&mut command).expect_code(0);
    assert_eq!(before, std::fs::read(world.zip()).unwrap());
}

#[test]
fn a_second_build_asks_nobody() {
    let world = World::new(&two_wheels());
    let _ = world.run(&["build"]).expect_code(0);
    assert_eq!(world.server.requests().len(), 2);
    let first = std::fs::read(world.zip()).unwrap();
    for arguments in [&["build"][..], &["build", "--offline"], &["build", "--locked", "small"]] {
        world.forget_artifacts();
        let _ = world.run(arguments).expect_code(0);
        assert_eq!(std::fs::read(world.zip()).unwrap(), first);
    }
    assert_eq!(world.server.requests().len(), 2);
}

#[test]
fn the_commit_stands_in_the_manifest() {
    let world = World::new(&two_wheels());
    let source = |world: &World| {
        let path = std::env::var_os("PATH").unwrap();
        let _ = run(world.command(&["build"]).env("PATH", path)).expect_code(0);
        let manifest = std::fs::read(world.path("target/layers/small.json")).unwrap();
        serde_json::from_slice::<Value>(&manifest).unwrap()["source"].clone()
    };
    assert_eq!(source(&world), Value::Null);
    let git = |arguments: &[&str]| {
        let mut command = clean("git");
        command.current_dir(world.folder.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.args([
            "-c",
            "user.name=tests",
            "-c",
            "user.email=tests@localhost",
            "-c",
            "commit.gpgsign=false",
        ]);
        run(command.args(arguments)).expect_code(0).stdout
    };
    git(&["init", "-q"]);
    git(&["add", "layers.toml", "requirements.small.txt"]);
    git(&["commit", "-qm", "first"]);
    let commit = git(&["rev-parse", "HEAD"]).trim().to_owned();
    assert_eq!(source(&world), serde_json::json!({ "commit": commit, "clean": true }));
    let toml = std::fs::read_to_string(world.path("layers.toml")).unwrap();
    std::fs::write(world.path("layers.toml"), format!("# a comment\n{toml}")).unwrap();
    assert_eq!(source(&world), serde_json::json!({ "commit": commit, "clean": false }));
}

#[test]
fn a_file_that_two_wheels_share_is_taken_once() {
    let same = wheel("gamma", "1", &[file("shared.py", "same"), file("gamma.py", "")]);
    let other = wheel("delta", "1", &[file("shared.py", "same"), file("delta.py", "")]);
    let world = World::new(&[same.clone(), other]);
    let _ = world.run(&["build"]).expect_code(0);
    let different = wheel("delta", "1", &[file("shared.py", "not the same")]);
    let world = World::new(&[same, different]);
    let outcome = world.run(&["build"]).expect_code(1);
    assert!(
        outcome.stderr.contains(
            "`python/shared.py` is in `delta 1` and in `gamma 1`, with different contents (file-collision)"
        ),
        "{}",
        outcome.stderr
    );
    let folder = wheel("delta", "1", &[file("gamma.py/x.py", "")]);
    let world = World::new(&[wheel("gamma", "1", &[file("gamma.py", ""), file("gamma.py-x", "")]), folder]);
    let outcome = world.run(&["build"]).expect_code(1);
    assert!(
        outcome.stderr.contains("`python/gamma.py` is a file in `gamma 1` and a folder in `delta 1`")
            && outcome.stderr.contains("hint: leave one of the two out"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn inspect_shows_packages_and_sizes() {
    let world = World::new(&two_wheels());
    let outcome = world.run(&["inspect", "small"]).expect_code(1);
    assert!(outcome.stderr.contains("there is no zip of the layer `small`"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint: run `layer-builder build small`"), "{}", outcome.stderr);
    let _ = world.run(&["build"]).expect_code(0);
    let table = world.run(&["inspect", "small"]).expect_code(0).stdout;
    expect_test::expect_file!["inspect.txt"].assert_eq(&table);
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
    let json = world.run(&["inspect", "target/layers/small.zip", "--format", "json"]).expect_code(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["files"], 15);
    let sum = |key: &str| {
        json["packages"].as_array().unwrap().iter().map(|package| package[key].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(sum("files"), 15);
    assert_eq!(Value::from(sum("unzipped_size")), json["unzipped_size"]);
    assert_eq!(json["other"], Value::Null);
}

#[test]
fn a_copy_of_a_manifest_takes_no_zip_away() {
    let world = World::new(&two_wheels());
    let _ = world.run(&["build"]).expect_code(0);
    let (manifest, copy) =
        (world.path("target/layers/small.json"), world.path("target/layers/small-backup.json"));
    std::fs::copy(manifest, &copy).unwrap();
    let _ = world.run(&["build", "--compress", "max"]).expect_code(0);
    assert!(world.zip().is_file(), "this has just been made");
    assert!(copy.is_file());
}
