//! What is said where somebody has typed, saved or forgotten something: the thing as it was written, and a hint.

use crate::world::World;
use tests::command::run;
use tests::wheels::{TestWheel, file, wheel};

fn good() -> TestWheel {
    wheel("alpha", "1.0", &[file("alpha.py", "x = 1\n".repeat(200))])
}

/// Runs it, expects this exit code, and looks for these parts in what is said.
fn says(world: &World, arguments: &[&str], code: i32, parts: &[&str]) {
    let said = world.run(arguments).expect_code(code).stderr;
    for part in parts {
        assert!(said.contains(part), "{arguments:?}: expected `{part}` in\n{said}");
    }
}

#[test]
fn a_requirements_file_that_is_not_there_is_named_as_it_was_written() {
    let world = World::new(&[good()]);
    let toml = std::fs::read_to_string(world.path("layers.toml")).unwrap();
    std::fs::write(world.path("layers.toml"), toml.replace("[\"alpha\"]", "[\"-r deep/nix.txt\"]")).unwrap();
    let parts = [
        "there is no file `deep/nix.txt`, which `-r deep/nix.txt` in `layers.toml` asks for",
        "hint: paths in `requirements` begin at the folder of `layers.toml`",
    ];
    for arguments in [&["build"][..], &["build", "--locked"], &["lock"], &["lock", "--check"]] {
        says(&world, arguments, 1, &parts);
    }
}

#[test]
fn zips_of_variants_and_architectures_are_found_by_their_names() {
    let world = World::new(&[good()]);
    let _ = world.run(&["build"]).expect_code(0);
    std::fs::copy(world.zip(), world.path("target/layers/small-arm64.zip")).unwrap();
    let _ = world.run(&["inspect", "small-arm64"]).expect_code(0);
    let _ = world.run(&["inspect", "small", "--diff", "small-arm64"]).expect_code(0);
    says(
        &world,
        &["inspect", "small-v1"],
        1,
        &["there is no layer `small-v1`", "hint: the known layers are: `small`"],
    );
}

#[test]
fn a_branch_has_a_name() {
    let world = World::new(&[good()]);
    for name in ["", " ", "--", "/"] {
        let option = format!("--branch={name}");
        says(&world, &["build", &option], 2, &["a branch, a tag or a commit is expected"]);
    }
}

#[test]
fn a_damaged_wheel_is_not_got_again_without_a_network() {
    let world = World::new(&[good()]);
    let _ = world.run(&["build"]).expect_code(0);
    world.forget_artifacts();
    std::fs::write(world.cached(&good()), "rubbish").unwrap();
    let parts = ["in the cache is damaged; it is thrown away", "the cache lacks 1 file"];
    says(&world, &["build", "--offline"], 1, &parts);
}

#[test]
fn files_that_are_not_utf_8_are_said_to_be() {
    let world = World::new(&[good()]);
    for (name, hint) in [
        ("requirements.small.txt", "hint: it is not UTF-8: save it as that, or remove it"),
        ("layers.toml", "hint: it is not UTF-8: save it as that"),
    ] {
        let mut bytes = std::fs::read(world.path(name)).unwrap();
        bytes.extend(b"# gr\xfc\xdfe\n");
        std::fs::write(world.path(name), bytes).unwrap();
        says(&world, &["build"], 1, &[name, hint]);
    }
    says(
        &world,
        &["build", "--layers-file", "none.toml"],
        1,
        &["`none.toml`", "hint: name one that is there"],
    );
}

#[test]
fn what_is_not_there_to_be_read_or_written_has_a_hint() {
    let world = World::new(&[good()]);
    let _ = world.run(&["build"]).expect_code(0);
    says(
        &world,
        &["inspect", "small", "--diff", "small:3"],
        1,
        &["layer-versions.json`", "hint: `publish` writes it; to compare with something else"],
    );
    let page = world.path("none/page.html");
    let hint = format!("hint: make the folder first: `mkdir -p {}`", world.path("none").display());
    says(&world, &["inspect", "small", "--html", page.to_str().unwrap()], 1, &["failed to write", &hint]);
    for proof in ["--smoke", "--verify", "--bytecode"] {
        let outcome = run(world.command(&["build", proof]).env("TMPDIR", world.path("none"))).expect_code(1);
        for part in ["found no folder for temporary files", "hint: make it, or name another one in `TMPDIR`"]
        {
            assert!(outcome.stderr.contains(part), "{proof}: {}", outcome.stderr);
        }
    }
}

#[test]
fn a_target_that_the_layer_does_not_have_is_told_those_that_it_has() {
    let world = World::new(&[good()]);
    let parts = ["is not built for python3.9", "hint: it is built for 3.12, 3.13; name one of these"];
    says(&world, &["build", "--python", "3.9"], 1, &parts);
}

/// uv gets a Python only where there is none at all, and then that is said.
#[cfg(unix)]
#[test]
fn a_python_is_not_downloaded_in_silence() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new(&[good()]);
    // In uv's place something that finds no Python and writes down what it may do.
    std::fs::create_dir(world.path("bin")).unwrap();
    let script = "#!/bin/sh\ncase $1 in\n--version) echo uv 0.13.9 ;;\npython) exit 1 ;;\n\
                  *) echo \"${UV_PYTHON_DOWNLOADS-free}\" > downloads; exit 1 ;;\nesac\n";
    std::fs::write(world.path("bin/uv"), script).unwrap();
    std::fs::set_permissions(world.path("bin/uv"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let note = "note: found no Python on this machine; where uv needs one, it downloads one of its own";
    let lock = |pythons: &str| {
        let mut command = world.command(&["lock"]);
        command.env("PATH", world.path("bin")).env("PYENV_ROOT", pythons);
        command.env("UV_PYTHON_INSTALL_DIR", world.path("none"));
        let said = run(&mut command).expect_code(1).stderr;
        (std::fs::read_to_string(world.path("downloads")).unwrap().trim().to_owned(), said)
    };
    let (downloads, said) = lock("/none");
    assert_eq!(downloads, "free");
    assert!(said.contains(note), "{said}");
    // One that uv does not find, but we do.
    let Some(python) = tests::command::pythons([12]).pop() else { return };
    let home = world.path("pyenv/versions/3.12/bin");
    std::fs::create_dir_all(&home).unwrap();
    std::os::unix::fs::symlink(python, home.join("python3.12")).unwrap();
    let (downloads, said) = lock(world.path("pyenv").to_str().unwrap());
    assert_eq!(downloads, "never");
    assert!(!said.contains(note), "{said}");
}
