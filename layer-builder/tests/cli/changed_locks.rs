//! Locks that somebody has changed by hand: what they hold is held against what is asked for, by the layer and by the
//! packages in them.

use layer_builder::config::LayersFile;
use layer_builder::lock::requirements;
use layer_builder::spec::Spec;
use tests::server::Answer;
use tests::wheels::{TestWheel, file, wheel, wheel_with};

use crate::world::World;

fn alpha(metadata: &str) -> TestWheel {
    wheel_with("alpha", "1.0", metadata, &[file("alpha.py", "")])
}

fn beta() -> TestWheel {
    wheel("beta", "1.5", &[file("beta.py", "")])
}

/// A project that asks for `requirements`, with a lock of these lines whose head says that it was made for that.
fn locked(requirements: &str, lines: &[&str]) -> World {
    let world = World::new(&[alpha(""), beta()]);
    std::fs::write(world.path("more.txt"), "# ours\nbeta>=1 \\\n  --hash=sha256:00\n-c limits.txt\n")
        .unwrap();
    std::fs::write(world.path("limits.txt"), "gamma<1\n").unwrap();
    std::fs::create_dir(world.path("lib")).unwrap();
    std::fs::write(world.path("lib/pyproject.toml"), "[project]\nname = \"my-lib\"\nversion = \"1\"\n")
        .unwrap();
    let toml = std::fs::read_to_string(world.path("layers.toml")).unwrap();
    std::fs::write(world.path("layers.toml"), toml.replace("[\"alpha\", \"beta\"]", requirements)).unwrap();
    let layers = LayersFile::read(&world.path("layers.toml")).unwrap();
    let spec = Spec::of(world.folder.path(), &layers.layers["small"]);
    let mut text = requirements::header("small", "0.0.0", requirements::inputs_of(&spec), &[]);
    for line in lines {
        text += &format!("{line} --hash=sha256:{}\n", "0".repeat(64));
    }
    std::fs::write(world.path("requirements.small.txt"), text).unwrap();
    world
}

#[test]
fn a_lock_that_no_longer_holds_what_is_asked_for_does_not_fit() {
    for (requirements, lines, expected) in [
        ("[\"alpha\", \"beta\"]", &["alpha==1.0", "beta==1.5"][..], ""),
        ("[\"alpha\", \"beta ; python_version < '3.9'\"]", &["alpha==1.0"], ""),
        ("[\"alpha\", \"-r more.txt\"]", &["alpha==1.0", "beta==1.5"], ""),
        // What is built from a folder is in no lock, and its extras are asked for by its name.
        ("[\"alpha\", \"./lib\", \"my-lib[server]\"]", &["alpha==1.0"], ""),
        ("[\"alpha\", \"beta\"]", &["alpha==1.0"], "`beta` is not in it for python3.12 on arm64"),
        ("[\"alpha\", \"-r more.txt\"]", &["alpha==1.0"], "`beta` is not in it for python3.12 on arm64"),
        (
            "[\"alpha\", \"beta\"]",
            &["alpha==1.0", "beta==1.5 ; python_version < '3.13'"],
            "`beta` is not in it for python3.13 on arm64",
        ),
        ("[\"alpha>=2\"]", &["alpha==1.0"], "`alpha` 1.0 is in it (line 4), and `alpha>=2` is asked for"),
    ] {
        let world = locked(requirements, lines);
        let check = world.run(&["lock", "--check"]);
        assert_eq!(check.code, Some(i32::from(!expected.is_empty())), "{requirements}: {}", check.stderr);
        if expected.is_empty() {
            continue;
        }
        let why = format!("requirements.small.txt` does not hold what `layers.toml` asks for: {expected}\n");
        let build = world.run(&["build", "--locked"]).expect_code(1);
        for said in [check.stderr, build.stderr] {
            assert!(said.contains(&why) && said.contains("hint: run `layer-builder lock`"), "{said}");
        }
        // A build that may lock does so, and says why; here it finds no uv.
        let build = world.run(&["build"]).expect_code(1);
        let note = format!("`requirements.small.txt` was changed: {expected}; locking again");
        assert!(
            build.stderr.contains(&note) && build.stderr.contains("found neither uv"),
            "{}",
            build.stderr
        );
    }
}

/// What uv was told over the heads of those that ask is legal.
#[test]
fn what_overrides_say_is_no_reason_to_lock_again() {
    for lines in [&["alpha==1.0"][..], &["alpha==1.0", "beta==1.5"]] {
        let world = locked("[\"alpha\", \"beta>=2\"]", lines);
        let _ = world.run(&["lock", "--check"]).expect_code(1);
        std::fs::write(world.path("uv.toml"), "override-dependencies = [\"beta==1.5\"]\n").unwrap();
        let _ = world.run(&["lock", "--check"]).expect_code(0);
    }
}

#[test]
fn what_a_package_needs_and_the_lock_lacks_is_an_error_that_names_both() {
    let world = World::new(&[alpha("Requires-Dist: gamma>=2.5\n")]);
    // Without the wheel nobody knows.
    let _ = world.run(&["lock", "--check"]).expect_code(0);
    for arguments in [&["build"][..], &["build", "--locked"], &["lock", "--check"]] {
        let outcome = world.run(arguments).expect_code(1);
        for part in [
            "`alpha 1.0` needs `gamma>=2.5`, which is not in the lock (missing-dependency)",
            "hint: `layer-builder lock small` makes the lock anew; what is meant to be so is allowed",
        ] {
            assert!(outcome.stderr.contains(part), "expected `{part}` in\n{}", outcome.stderr);
        }
        assert!(!world.zip().exists());
    }
    std::fs::write(world.path("uv.toml"), "exclude-dependencies = [\"gamma\"]\n").unwrap();
    let _ = world.run(&["build", "--locked"]).expect_code(0);
    let _ = world.run(&["lock", "--check"]).expect_code(0);
    std::fs::remove_file(world.path("uv.toml")).unwrap();
    world.forget_artifacts();
    world.add_to_table("allow = { \"missing-dependency:alpha*\" = \"another layer has it\" }\n");
    let _ = world.run(&["build", "--locked"]).expect_code(0);
    let _ = world.run(&["lock", "--check"]).expect_code(0);
}

#[test]
fn a_version_that_a_package_does_not_allow_is_a_warning() {
    let world = World::new(&[alpha("Requires-Dist: beta<1\n"), beta()]);
    let outcome = world.run(&["build"]).expect_code(0);
    let warning =
        "warning: `alpha 1.0` asks for `beta<1`, and `beta 1.5` is in the lock (dependency-version)";
    assert!(outcome.stderr.contains(warning), "{}", outcome.stderr);
    std::fs::write(world.path("uv.toml"), "override-dependencies = [\"beta==1.5\"]\n").unwrap();
    let outcome = world.run(&["build", "--verify"]).expect_code(0);
    assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
}

/// The same of a lock that somebody else has made, which is not ours to make anew.
#[test]
fn a_given_lock_is_held_against_its_packages_too() {
    let needy = alpha("Requires-Dist: beta>=1\n");
    let world = World::new(std::slice::from_ref(&needy));
    world.server.answer(&format!("/{}", needy.file_name), Answer::File(needy.bytes.clone()));
    world.add_to_table("lock = \"pylock.toml\"\n");
    let (url, hash) = (world.server.url(&format!("/{}", needy.file_name)), needy.sha256());
    let text = format!(
        "lock-version = \"1.0\"\n[[packages]]\nname = \"alpha\"\nversion = \"1.0\"\n\
         wheels = [{{ url = {url:?}, hashes = {{ sha256 = \"{hash}\" }} }}]\n"
    );
    std::fs::write(world.path("pylock.toml"), text).unwrap();
    let _ = world.run(&["lock", "--check"]).expect_code(0);
    let outcome = world.run(&["build", "--locked"]).expect_code(1);
    let said = outcome.stderr;
    assert!(said.contains("`alpha 1.0` needs `beta>=1`, which is not in the lock"), "{said}");
    assert!(said.contains("hint: what is meant to be so is allowed"), "{said}");
}
