//! The audit of `layer-builder build`: what is refused by name, what is only said, and what `allow` does.

use layer_builder::zip_reader::ZipFile;
use serde_json::Value;
use tests::elf::TestElf;
use tests::wheels::{TestWheel, ZipEntry, file, wheel, wheel_with};

use crate::world::World;

const X86_11: &str = "python = [\"3.11\"]\narchitectures = [\"x86_64\"]\n";
const ARM_12: &str = "python = [\"3.12\"]\narchitectures = [\"arm64\"]\n";
const X86_12: &str = "python = [\"3.12\"]\narchitectures = [\"x86_64\"]\n";

fn with_library(elf: TestElf<'_>) -> TestWheel {
    wheel("alpha", "1.0", &[file("alpha/__init__.py", ""), file("alpha/core.abi3.so", elf.bytes())])
}

/// Builds, expects the layer to be refused, and gives what was said. Nothing may be left behind.
fn refused(world: &World) -> String {
    let outcome = world.run(&["build"]).expect_code(1);
    assert_eq!(outcome.stdout, "");
    assert_eq!(std::fs::read_dir(world.path("target/layers")).unwrap().count(), 0);
    outcome.stderr
}

fn findings(world: &World) -> Vec<Value> {
    let manifest = std::fs::read(world.path("target/layers/small.json")).unwrap();
    serde_json::from_slice::<Value>(&manifest).unwrap()["findings"].as_array().unwrap().clone()
}

#[test]
fn a_wheel_that_needs_a_newer_glibc_is_refused() {
    let elf = TestElf { needed: &["libc.so.6"], glibc: &["GLIBC_2.17", "GLIBC_2.28"], ..TestElf::default() };
    let said = refused(&World::for_targets(&[with_library(elf)], X86_11));
    for part in [
        "Caused by: the audit refuses the layer `small`:\n",
        "  `python/alpha/core.abi3.so` needs GLIBC_2.28, and python3.11 has glibc 2.26 (glibc-too-new)\n",
        "  fix: pin a version of the package with a wheel for an older manylinux",
        "hint: what is meant to be so is allowed by a line in `[layers.small.allow]`: \
         \"glibc-too-new:python/alpha/core.abi3.so\" = \"the reason\"",
    ] {
        assert!(said.contains(part), "expected `{part}` in\n{said}");
    }
    let _ = World::for_targets(&[with_library(elf)], X86_12).run(&["build"]).expect_code(0);
}

#[test]
fn a_library_for_another_machine_is_refused() {
    let said = refused(&World::for_targets(&[with_library(TestElf::default())], ARM_12));
    let expected = "`python/alpha/core.abi3.so` is code for x86_64, and the layer serves arm64 (elf-machine)";
    assert!(said.contains(expected), "{said}");
    let arm = TestElf { machine: 183, ..TestElf::default() };
    let _ = World::for_targets(&[with_library(arm)], ARM_12).run(&["build"]).expect_code(0);
}

#[test]
fn a_library_that_nobody_has_is_refused_and_a_bundled_one_is_not() {
    let elf = TestElf { needed: &["libc.so.6", "libGL.so.1"], ..TestElf::default() };
    let said = refused(&World::for_targets(&[with_library(elf)], X86_12));
    assert!(said.contains("needs `libGL.so.1`, which neither the layer nor python3.12 has"), "{said}");

    let own = TestElf { soname: Some("libown.so.1"), ..TestElf::default() };
    let elf = TestElf { needed: &["libown.so.1"], ..TestElf::default() };
    let bundled =
        wheel("gamma", "1", &[file("gamma/libown-abc.so.1.2", own.bytes()), file("gamma/a.so", elf.bytes())]);
    let world = World::for_targets(&[bundled], X86_12);
    let outcome = world.run(&["build"]).expect_code(0);
    assert!(outcome.stderr.contains(" unzipped: no findings"), "{}", outcome.stderr);
}

#[test]
fn two_packages_that_fight_for_one_file_are_refused_unless_that_is_allowed() {
    let one = wheel("alpha", "1.0", &[file("LICENSE", "one"), file("alpha.py", "")]);
    let other = wheel("beta", "1.0", &[file("LICENSE", "other"), file("beta.py", "")]);
    let world = World::new(&[other, one]);
    let said = refused(&world);
    assert!(
        said.contains("`python/LICENSE` is in `alpha 1.0` and in `beta 1.0`, with different contents"),
        "{said}"
    );

    world.add_to_table("allow = { \"file-collision:python/LICENSE\" = \"nobody reads it\" }\n");
    let outcome = world.run(&["build"]).expect_code(0);
    assert!(outcome.stderr.contains(": 1 allowed"), "{}", outcome.stderr);
    assert_eq!(findings(&world)[0]["allowed"], "nobody reads it");
    let zip = ZipFile::open(&world.zip()).unwrap();
    let entry = zip.entries().iter().find(|entry| entry.path == "python/LICENSE").unwrap();
    let content = String::from_utf8(zip.content(entry).unwrap()).unwrap();
    assert_eq!(content, "one", "the first package's file is taken");
}

#[test]
fn warnings_are_said_and_stand_in_the_manifest_and_the_layer_is_built() {
    let shadow = wheel("alpha", "1.0", &[file("typing.py", ""), file("Readme", ""), file("README", "")]);
    let world = World::new(&[shadow]);
    let outcome = world.run(&["build"]).expect_code(0);
    let expected = "warning: `python/typing.py` hides `typing` of the standard library of python3.12, python3.13 \
                    (shadows-stdlib)\n         fix: leave the package out";
    assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("differs from `python/README` in case only"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(" kB of 262.1 MB unzipped: 2 warnings"), "{}", outcome.stderr);
    let ids: Vec<Value> = findings(&world).iter().map(|finding| finding["id"].clone()).collect();
    assert_eq!(ids, ["case-collision", "shadows-stdlib"]);
}

#[test]
fn the_layers_own_limit_counts() {
    let world = World::new(&[wheel("alpha", "1.0", &[file("alpha.py", "x = 1\n".repeat(1000))])]);
    world.add_to_table("max-unzipped-size = 5_000\n");
    let said = refused(&world);
    assert!(said.contains(
        "the layer unpacks to 6.2 kB, and `max-unzipped-size` is 5.0 kB; the largest are alpha 1.0"
    ));
}

#[test]
fn growth_against_the_ledger_is_a_warning() {
    let world = World::new(&[wheel("alpha", "1.0", &[file("alpha.py", "x = 1\n")])]);
    let ledger = r#"{"schema": 1, "versions": [{"layer_name": "small", "version": 3, "size": 100}]}"#;
    std::fs::write(world.path("layer-versions.json"), ledger).unwrap();
    let outcome = world.run(&["build"]).expect_code(0);
    assert!(outcome.stderr.contains("from 0.1 kB (version 3) to"), "{}", outcome.stderr);
    assert!(findings(&world).is_empty(), "what depends on the ledger is no part of the manifest");
}

#[test]
fn what_compiled_code_is_gets_read_once() {
    let world = World::for_targets(&[with_library(TestElf::default())], X86_12);
    let _ = world.run(&["build"]).expect_code(0);
    let kept: Vec<_> = std::fs::read_dir(world.path("cache/native-3")).unwrap().flatten().collect();
    assert_eq!(kept.len(), 1);
    // The kept facts are believed: whoever reads them again would find another machine.
    let text = std::fs::read_to_string(kept[0].path()).unwrap();
    std::fs::write(kept[0].path(), text.replace("x86_64", "s390x")).unwrap();
    world.forget_artifacts();
    let said = refused(&world);
    assert!(said.contains("is code for s390x"), "{said}");
    // And rubbish is not.
    std::fs::write(kept[0].path(), "rubbish").unwrap();
    let _ = world.run(&["build"]).expect_code(0);
}

#[test]
fn damaged_libraries_are_refused() {
    let misaligned = TestElf { shift: 8, ..TestElf::default() };
    let said = refused(&World::for_targets(&[with_library(misaligned)], X86_12));
    assert!(
        said.contains("cannot be loaded: ELF load command address/offset not properly aligned"),
        "{said}"
    );
    let bytes = TestElf::default().bytes();
    let executable = ZipEntry { mode: 0o100_755, ..file("alpha/tool", &bytes[..50]) };
    let said = refused(&World::for_targets(&[wheel("alpha", "1", &[executable])], X86_12));
    assert!(said.contains("`python/alpha/tool` cannot be loaded: it ends too early"), "{said}");
}

#[test]
fn programs_come_along_and_scripts_do_not_without_a_word() {
    let script = |name: &str, content: &[u8]| file(&format!("alpha-1.0.data/scripts/{name}"), content);
    let wheel = wheel(
        "alpha",
        "1.0",
        &[
            file("alpha/__init__.py", ""),
            script("alpha", &TestElf::default().bytes()),
            script("alpha-py", b"#!python\nimport alpha\n"),
            script("more.sh", b"#!/bin/sh\n"),
        ],
    );
    let world = World::for_targets(std::slice::from_ref(&wheel), X86_12);
    let outcome = world.run(&["build", "--verbose"]).expect_code(0);
    for part in [
        "`alpha 1.0` has scripts that are left out: `alpha-py`, `more.sh` (scripts-left-out)",
        "goes into the layer's `bin/` with `include`",
        "unzipped: 1 note",
    ] {
        assert!(outcome.stderr.contains(part), "expected `{part}` in\n{}", outcome.stderr);
    }
    let zip = ZipFile::open(&world.zip()).unwrap();
    let paths: Vec<(&str, bool)> =
        zip.entries().iter().map(|entry| (entry.path.as_str(), entry.executable)).collect();
    assert_eq!(paths[3..], [("python/alpha/__init__.py", false), ("python/bin/alpha", true)][..]);
    let table = world.run(&["inspect", "small"]).expect_code(0).stdout;
    assert!(!table.contains("(no package)"), "the program is its package's: {table}");
    assert!(table.lines().any(|line| line.starts_with("alpha") && line.contains("native")), "{table}");
    // It is held against the targets as every library is.
    let said = refused(&World::for_targets(&[wheel], ARM_12));
    assert!(said.contains("`python/bin/alpha` is code for x86_64, and the layer serves arm64"), "{said}");
}

/// A version or a machine in the name of a program is no ending of text.
#[test]
fn programs_with_dots_in_their_names_are_audited() {
    let elf = TestElf { glibc: &["GLIBC_2.38"], ..TestElf::default() }.bytes();
    let program = |name: &str| ZipEntry { mode: 0o100_755, ..file(name, &elf) };
    let script = |name: &str, content: &[u8]| file(&format!("alpha-1.0.data/scripts/{name}"), content);
    let wheel = wheel(
        "alpha",
        "1.0",
        &[
            program("alpha/binaries/ffmpeg-linux-x86_64-v7.0.2"),
            program("alpha/tool-1.2"),
            script("tool.bin", &elf),
            script("more.sh", b"#!/bin/sh\n"),
        ],
    );
    let world = World::for_targets(std::slice::from_ref(&wheel), X86_12);
    let said = refused(&world);
    for path in ["alpha/binaries/ffmpeg-linux-x86_64-v7.0.2", "alpha/tool-1.2", "bin/tool.bin"] {
        let part = format!("`python/{path}` needs GLIBC_2.38, and python3.12 has glibc 2.34 (glibc-too-new)");
        assert!(said.contains(&part), "expected `{part}` in\n{said}");
    }
    world.add_to_table("allow = { glibc-too-new = \"nobody starts them\" }\n");
    let _ = world.run(&["build"]).expect_code(0);
    let table = world.run(&["inspect", "small"]).expect_code(0).stdout;
    assert!(table.lines().any(|line| line.starts_with("alpha") && line.contains("native")), "{table}");
    let said = refused(&World::for_targets(&[wheel], ARM_12));
    assert!(
        said.contains("`python/alpha/tool-1.2` is code for x86_64, and the layer serves arm64"),
        "{said}"
    );
}

#[test]
fn mistakes_in_the_keys_of_the_audit_are_shown() {
    for (lines, expected) in [
        ("allow = { elf-machine = \" \" }\n", "`elf-machine` is allowed without a reason"),
        ("allow = [\"elf-machine\"]\n", "`allow` is a list"),
        ("growth = -1\n", "expected a whole number of percent"),
        ("max-unzipped-size = \"1 MB\"\n", "`max-unzipped-size` is text"),
        ("max-unzipped-size = 300_000_000\n", "expected 262144000 at most, which is what Lambda allows"),
    ] {
        let world = World::new(&[wheel("alpha", "1", &[file("alpha.py", "")])]);
        world.add_to_table(lines);
        let outcome = world.run(&["build"]).expect_code(1);
        assert!(outcome.stderr.contains(expected), "expected `{expected}` in\n{}", outcome.stderr);
    }
}

/// What the runtimes bring along and the layer leaves out, as its packages ask for it.
#[test]
fn what_a_package_asks_of_the_runtime_is_checked() {
    let asks = wheel_with("alpha", "1.0", "Requires-Dist: boto3>=1.35\n", &[file("alpha.py", "")]);
    let world = World::for_targets(&[asks], X86_12);
    let outcome = world.run(&["build"]).expect_code(0);
    assert!(outcome.stderr.contains(" unzipped: 1 note"), "{}", outcome.stderr);
    let said = "asks for `boto3>=1.35`, and which version the runtime brings along is not known (python3.12)";
    assert_eq!(
        (&findings(&world)[0]["id"], &findings(&world)[0]["reason"]),
        (&"runtime-version-unknown".into(), &said.into())
    );

    // Whoever looks it up is told, also where nothing else has changed.
    let stated = |version: &str| {
        let toml = std::fs::read_to_string(world.path("layers.toml")).unwrap();
        let layers = &toml[toml.find("[layers.small]").unwrap()..];
        let text = format!("[runtimes.\"python3.12\"]\nprovides = {{ boto3 = \"{version}\" }}\n{layers}");
        std::fs::write(world.path("layers.toml"), text).unwrap();
    };
    stated("1.36.3");
    let outcome = world.run(&["build"]).expect_code(0);
    assert!(outcome.stderr.contains(" unzipped: no findings"), "{}", outcome.stderr);
    stated("1.34.1");
    let outcome = world.run(&["build"]).expect_code(1);
    let said = "`alpha 1.0` asks for `boto3>=1.35`, and python3.12 brings 1.34.1 along (runtime-conflict)";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    world.add_to_table("allow = { \"runtime-conflict:alpha*\" = \"it only looks so\" }\n");
    let _ = world.run(&["build"]).expect_code(0);
}

#[test]
fn a_part_of_the_sdk_is_warned_of() {
    let urllib3 = wheel("urllib3", "2.5.0", &[file("urllib3/__init__.py", "")]);
    let boto3 = wheel("boto3", "1.40.0", &[file("boto3/__init__.py", "")]);
    let world = World::for_targets(&[urllib3, boto3], X86_12);
    let outcome = world.run(&["build"]).expect_code(0);
    for said in [
        "`boto3 1.40.0` comes without `botocore` and `s3transfer`: the runtime's own are used with it (python3.12) (partial-sdk)",
        "`urllib3 2.5.0` comes without `botocore`: the runtime's own is used with it (python3.12) (shared-with-sdk)",
        "fix: take all of boto3, botocore and s3transfer into the layer",
    ] {
        assert!(outcome.stderr.contains(said), "expected `{said}` in\n{}", outcome.stderr);
    }
}
