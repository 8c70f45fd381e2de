//! `include`: other files of a layer, under the same rules as those of wheels.

#![cfg(unix)]

use std::os::unix::fs::{PermissionsExt, symlink};

use layer_builder::zip_reader::ZipFile;
use tests::command::{clean, run};
use tests::elf::TestElf;
use tests::wheels::{TestWheel, file, wheel};

use crate::world::World;

const X86_12: &str = "python = [\"3.12\"]\narchitectures = [\"x86_64\"]\n";
const INCLUDE: &str = "include = { \"etc/ca.pem\" = \"certs/ca.pem\", \"bin/\" = \"tools\", \"lib/\" = \"native/libown.so.1\", \
                       \"extensions/watcher\" = \"watcher.sh\", \"python\" = \"modules\" }\n";

/// A package that needs a library which only the layer's own files have.
fn needy() -> [TestWheel; 1] {
    let elf = TestElf { needed: &["libc.so.6", "libown.so.1"], ..TestElf::default() };
    [wheel("alpha", "1.0", &[file("alpha/__init__.py", ""), file("alpha/core.so", elf.bytes())])]
}

fn world() -> World {
    let world = World::for_targets(&needy(), X86_12);
    let write = |name: &str, content: &[u8], mode: u32| {
        let path = world.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    write("certs/ca.pem", b"a certificate\n", 0o600);
    write("tools/run.sh", b"#!/bin/sh\n", 0o700);
    write("tools/deep/notes.txt", b"notes\n", 0o664);
    write("native/libown.so.1", &TestElf::default().bytes(), 0o755);
    write("watcher.sh", b"#!/bin/sh\n", 0o755);
    write("modules/ours/__init__.py", b"", 0o644);
    write("modules/ours/__pycache__/__init__.cpython-312.pyc", b"no", 0o644);
    world.add_to_table(INCLUDE);
    world
}

fn listed(world: &World) -> Vec<String> {
    let zip = ZipFile::open(&world.zip()).unwrap();
    let files = zip.entries().iter().filter(|entry| !entry.path.contains(".dist-info/"));
    files.map(|entry| format!("{}{}", entry.path, if entry.executable { " x" } else { "" })).collect()
}

#[test]
fn other_files_lie_where_they_are_told_to_in_the_canonical_form() {
    let world = world();
    let outcome = world.run(&["build", "--verify"]).expect_code(0);
    assert!(outcome.stderr.contains("unzipped: no findings"), "the library is found: {}", outcome.stderr);
    assert_eq!(
        listed(&world),
        [
            "bin/deep/notes.txt",
            "bin/run.sh x",
            "etc/ca.pem",
            "extensions/watcher x",
            "lib/libown.so.1 x",
            "python/alpha/__init__.py",
            "python/alpha/core.so",
            "python/ours/__init__.py",
        ]
    );
    // Times and modes beside the owner's `x` change nothing; what is in a file does.
    let first = std::fs::read(world.zip()).unwrap();
    let touch = ["-R", "u+rwX,go-rwx", "tools", "certs", "modules"];
    let _ = run(clean("chmod").args(touch).current_dir(world.folder.path())).expect_code(0);
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let certificate = std::fs::File::options().append(true).open(world.path("certs/ca.pem")).unwrap();
    certificate.set_modified(long_ago).unwrap();
    let _ = world.run(&["build"]).expect_code(0);
    assert_eq!(std::fs::read(world.zip()).unwrap(), first);
    std::fs::write(world.path("certs/ca.pem"), "another certificate\n").unwrap();
    let _ = world.run(&["build"]).expect_code(0);
    assert_ne!(std::fs::read(world.zip()).unwrap(), first);
}

#[test]
fn other_files_are_audited() {
    let world = world();
    std::fs::write(world.path("native/libown.so.1"), TestElf { machine: 183, ..TestElf::default() }.bytes())
        .unwrap();
    std::fs::create_dir(world.path("modules/alpha")).unwrap();
    std::fs::write(world.path("modules/alpha/__init__.py"), "x = 1\n").unwrap();
    let outcome = world.run(&["build"]).expect_code(1);
    for part in [
        "`lib/libown.so.1` is code for arm64, and the layer serves x86_64 (elf-machine)",
        "`python/alpha/__init__.py` is in `include` and in `alpha 1.0`, with different contents (file-collision)",
    ] {
        assert!(outcome.stderr.contains(part), "expected `{part}` in\n{}", outcome.stderr);
    }
    // Where it is allowed, the layer's own file is taken.
    world
        .add_to_table("allow = { file-collision = \"ours is better\", elf-machine = \"nobody loads it\" }\n");
    let _ = world.run(&["build"]).expect_code(0);
    let zip = ZipFile::open(&world.zip()).unwrap();
    let own = zip.entries().iter().find(|entry| entry.path == "python/alpha/__init__.py").unwrap();
    assert_eq!(zip.content(own).unwrap(), b"x = 1\n");
}

#[test]
fn programs_with_dots_in_their_names_are_audited_too() {
    const ARM_12: &str = "python = [\"3.12\"]\narchitectures = [\"arm64\"]\n";
    let world = World::for_targets(&[wheel("alpha", "1.0", &[file("alpha.py", "")])], ARM_12);
    let program = world.path("tool");
    std::fs::write(&program, TestElf::default().bytes()).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    world.add_to_table("include = { \"bin/tool-1.2\" = \"tool\" }\n");
    let said = world.run(&["build"]).expect_code(1).stderr;
    assert!(
        said.contains("`bin/tool-1.2` is code for x86_64, and the layer serves arm64 (elf-machine)"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_included_is_named_with_its_place() {
    let refused = |lines: &str, expected: &str, hint: &str| {
        let world = World::for_targets(&[wheel("alpha", "1.0", &[file("alpha.py", "")])], X86_12);
        std::fs::create_dir(world.path("tools")).unwrap();
        std::fs::write(world.path("tools/run.sh"), "").unwrap();
        symlink("tools", world.path("link")).unwrap();
        world.add_to_table(lines);
        let outcome = world.run(&["build"]).expect_code(1);
        let said = outcome.stderr.replace(&format!("{}/", world.folder.path().display()), "");
        for part in [expected, hint] {
            assert!(said.contains(part), "expected `{part}` in\n{said}");
        }
    };
    refused(
        "include = { \"etc/ca.pem\" = \"none.pem\" }\n",
        "failed to read `none.pem`, which is to be `etc/ca.pem` in the layer\n  Caused by: No such file",
        "hint: paths in `include` begin at the folder of `layers.toml`",
    );
    refused(
        "include = { \"bin/\" = \"link\" }\n",
        "`link` is a symbolic link, which a layer does not hold",
        "hint: name the file or folder that it leads to",
    );
    refused(
        "include = { \"bin/\" = \"tools\", \"bin/run.sh\" = \"layers.toml\" }\n",
        "`bin/run.sh` in the layer is to be `tools/run.sh` and `layers.toml`",
        "hint: give each file a place of its own",
    );
}

/// A folder that holds `target/layers` and the cache: neither is a part of what is made there.
#[test]
fn what_is_made_is_not_included() {
    let world = World::for_targets(&[wheel("alpha", "1.0", &[file("alpha.py", "")])], X86_12);
    world.add_to_table("include = { \"x/\" = \".\" }\n");
    let mut built = Vec::new();
    for arguments in [&["build"][..], &["build"], &["build", "--verify"]] {
        let _ = world.run(arguments).expect_code(0);
        built.push(std::fs::read(world.zip()).unwrap());
    }
    assert!(
        built[0] == built[1] && built[1] == built[2],
        "{:?}",
        built.iter().map(Vec::len).collect::<Vec<_>>()
    );
    let files = listed(&world);
    assert!(files.contains(&"x/layers.toml".to_owned()), "{files:?}");
    assert!(!files.iter().any(|file| file.contains("target/") || file.contains("cache/")), "{files:?}");
    // One file of it may be meant.
    let toml = std::fs::read_to_string(world.path("layers.toml")).unwrap();
    let say =
        |include: &str| std::fs::write(world.path("layers.toml"), toml.replace("\"x/\" = \".\"", include));
    say("\"x/\" = \"target/layers/small.json\"").unwrap();
    let _ = world.run(&["build"]).expect_code(0);
    say("\"x/\" = \"target/layers\"").unwrap();
    let outcome = world.run(&["build"]).expect_code(1);
    assert!(
        outcome.stderr.contains("target/layers`, the folder that layers are written to"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn names_that_a_zip_should_not_have_are_shown() {
    for (name, expected) in [("a\\b", "tools/a\\\\b` has a name"), ("a\nb", "tools/a\\nb` has a name")] {
        let world = World::for_targets(&[wheel("alpha", "1.0", &[file("alpha.py", "")])], X86_12);
        std::fs::create_dir(world.path("tools")).unwrap();
        std::fs::write(world.path("tools").join(name), "").unwrap();
        world.add_to_table("include = { \"bin/\" = \"tools\" }\n");
        let said = world.run(&["build"]).expect_code(1).stderr;
        assert!(said.contains(expected) && said.contains("hint: rename it"), "{said}");
    }
}

/// Reading a pipe would never end.
#[test]
fn what_is_no_regular_file_is_not_included() {
    for include in ["\"bin/\" = \"tools\"", "\"bin/pipe\" = \"tools/pipe\""] {
        let world = World::for_targets(&[wheel("alpha", "1.0", &[file("alpha.py", "")])], X86_12);
        std::fs::create_dir(world.path("tools")).unwrap();
        let _ = run(clean("mkfifo").arg(world.path("tools/pipe"))).expect_code(0);
        world.add_to_table(&format!("include = {{ {include} }}\n"));
        let outcome = world.run(&["build"]).expect_code(1);
        assert!(
            outcome
                .stderr
                .contains("tools/pipe`, which is to be `bin/pipe` in the layer, is no regular file"),
            "{}",
            outcome.stderr
        );
    }
}

/// Neither does a build of a folder wait for one.
#[test]
fn a_pipe_in_the_place_of_a_file_that_is_read_is_refused() {
    let world = World::for_targets(&[wheel("alpha", "1.0", &[file("alpha.py", "")])], X86_12);
    std::fs::create_dir(world.path("ours")).unwrap();
    let _ =
        run(clean("mkfifo").args([world.path("ours/pyproject.toml"), world.path("more.txt")])).expect_code(0);
    let toml = std::fs::read_to_string(world.path("layers.toml")).unwrap();
    for requirement in ["./ours", "-r more.txt"] {
        let asked = toml.replace("[\"alpha\"]", &format!("[\"{requirement}\"]"));
        std::fs::write(world.path("layers.toml"), asked).unwrap();
        let _ = world.run(&["build"]).expect_code(1);
        let _ = world.run(&["lock", "--check"]).expect_code(1);
    }
}
