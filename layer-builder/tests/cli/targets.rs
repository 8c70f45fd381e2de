//! What a layer is built for: runtimes and their ends, what packages say of themselves, and which folder is for whom.

use layer_builder::zip_reader::ZipFile;
use serde_json::Value;
use tests::command::{clean, pythons, run};
use tests::wheels::{TestWheel, file, wheel, wheel_with};

use crate::world::World;

fn pure() -> TestWheel {
    wheel("alpha", "1.0", &[file("alpha.py", "x = 1\n")])
}

/// The same wheel for one system.
pub(crate) fn tagged(wheel: TestWheel, tags: &str) -> TestWheel {
    TestWheel { file_name: wheel.file_name.replace("py3-none-any", tags), ..wheel }
}

fn manifest(world: &World) -> Value {
    serde_json::from_slice(&std::fs::read(world.path("target/layers/small.json")).unwrap()).unwrap()
}

fn paths(world: &World) -> Vec<String> {
    let zip = ZipFile::open(&world.zip()).unwrap();
    zip.entries().iter().map(|entry| entry.path.clone()).collect()
}

#[test]
fn one_zip_serves_every_runtime_on_both_architectures() {
    let all = "python = [\"3.9\", \"3.10\", \"3.11\", \"3.12\", \"3.13\", \"3.14\", \"3.15\"]\n\
               architectures = [\"x86_64\", \"arm64\"]\n";
    let world = World::for_targets(&[pure()], all);
    let _ = world.run(&["build"]).expect_code(0);
    let runtimes = [9, 10, 11, 12, 13, 14, 15].map(|minor| format!("python3.{minor}"));
    let mut sorted = runtimes.to_vec();
    sorted.sort_by_key(|runtime| runtime.split_once('.').unwrap().1.parse::<u8>().unwrap());
    assert_eq!(manifest(&world)["compatible_runtimes"], serde_json::json!(sorted));
    assert_eq!(manifest(&world)["compatible_architectures"], serde_json::json!(["arm64", "x86_64"]));
    assert!(paths(&world).contains(&"python/alpha.py".to_owned()));
}

#[test]
fn a_runtime_that_has_ended_is_a_warning_with_the_date() {
    let old = "python = [\"3.9\"]\narchitectures = [\"x86_64\"]\n";
    let world = World::for_targets(&[pure()], old);
    let warning = "warning: Lambda supports python3.9 no longer, since 2025-12-15\n";
    let outcome = world.run(&["build"]).expect_code(0);
    assert!(outcome.stderr.contains(warning), "{}", outcome.stderr);
    // Again when nothing has changed, and not when the table knows better.
    assert!(world.run(&["build"]).expect_code(0).stderr.contains(warning));
    world.add_to_table("[runtimes.\"python3.9\"]\nend = \"2999-01-01\"\n");
    let outcome = world.run(&["build"]).expect_code(0);
    assert!(!outcome.stderr.contains("no longer"), "{}", outcome.stderr);
}

#[test]
fn a_package_that_does_not_run_on_a_runtime_is_named_with_what_it_requires() {
    let metadata = "Requires-Python: >=3.13\n";
    let world = World::new(&[wheel_with("alpha", "1.0", metadata, &[file("alpha.py", "")])]);
    let outcome = world.run(&["build"]).expect_code(1);
    let expected = "`alpha 1.0` does not run on python3.12: its metadata says `Requires-Python: >=3.13`";
    assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint: take the runtime out of `python`"), "{}", outcome.stderr);
    let newer = "python = [\"3.13\", \"3.14\"]\narchitectures = [\"x86_64\"]\n";
    let world = World::for_targets(&[wheel_with("alpha", "1.0", metadata, &[file("alpha.py", "")])], newer);
    let _ = world.run(&["build"]).expect_code(0);
}

#[test]
fn a_package_without_a_wheel_for_a_target_is_named_with_those_refused() {
    let x86 = tagged(pure(), "cp37-abi3-manylinux_2_28_x86_64");
    let world = World::for_targets(
        std::slice::from_ref(&x86),
        "python = [\"3.11\", \"3.12\"]\narchitectures = [\"x86_64\"]\n",
    );
    let outcome = world.run(&["build"]).expect_code(1);
    for part in [
        "`alpha` 1.0 has no wheel for python3.11 on x86_64:",
        "`alpha-1.0-cp37-abi3-manylinux_2_28_x86_64.whl` needs glibc 2.28, and the runtime has 2.26",
        "hint: pin another version in `requirements`, or name fewer targets",
    ] {
        assert!(outcome.stderr.contains(part), "expected `{part}` in\n{}", outcome.stderr);
    }
    let explained = world.run(&["build", "--explain", "alpha"]).expect_code(0).stdout;
    let lines: Vec<&str> = explained.lines().collect();
    assert_eq!(lines[0], "python3.11 on x86_64: nothing of alpha 1.0 serves it");
    assert_eq!(lines[2..], ["python3.12 on x86_64: alpha 1.0", &format!("  taken    {}", x86.file_name)]);
    // One copy of the stable ABI serves all that it fits.
    let world = World::for_targets(&[x86], "python = [\"3.12\", \"3.13\"]\narchitectures = [\"x86_64\"]\n");
    let _ = world.run(&["build"]).expect_code(0);
    assert!(paths(&world).contains(&"python/alpha.py".to_owned()));
}

/// Whoever corrects what the system of a runtime has is not told that nothing has changed; of the lock, too, which may
/// hold versions whose wheels no longer load.
#[test]
fn another_glibc_makes_lock_and_zip_stale() {
    let x86 = tagged(pure(), "cp312-cp312-manylinux_2_28_x86_64");
    let world =
        World::for_targets(std::slice::from_ref(&x86), "python = [\"3.12\"]\narchitectures = [\"x86_64\"]\n");
    let toml = std::fs::read_to_string(world.path("layers.toml")).unwrap();
    let correct = |more: &str, glibc: &str| {
        let text = format!("{toml}{more}[runtimes.\"python3.12\"]\nglibc = \"{glibc}\"\n");
        std::fs::write(world.path("layers.toml"), text).unwrap();
    };
    let _ = world.run(&["build", "--locked"]).expect_code(0);
    // What is known anyway may be said.
    correct("", "2.34");
    let _ = world.run(&["lock", "--check"]).expect_code(0);
    assert!(world.run(&["build", "--locked"]).expect_code(0).stderr.contains("Fresh small"));
    correct("", "2.26");
    for arguments in [&["build", "--locked"][..], &["lock", "--check"]] {
        let said = world.run(arguments).expect_code(1).stderr;
        assert!(said.contains("requirements.small.txt` was made for something else"), "{said}");
    }
    let said = world.run(&["build"]).expect_code(1).stderr;
    assert!(said.contains("locking again") && said.contains("found neither uv"), "{said}");

    // A lock that somebody else makes fits whatever the runtimes have: the wheels are looked at again.
    let (url, hash) = (world.server.url(&format!("/{}", x86.file_name)), x86.sha256());
    let text = format!(
        "lock-version = \"1.0\"\n[[packages]]\nname = \"alpha\"\nversion = \"1.0\"\n\
         wheels = [{{ url = {url:?}, hashes = {{ sha256 = \"{hash}\" }} }}]\n"
    );
    std::fs::write(world.path("pylock.toml"), text).unwrap();
    correct("lock = \"pylock.toml\"\n", "2.34");
    let _ = world.run(&["build"]).expect_code(0);
    correct("lock = \"pylock.toml\"\n", "2.26");
    let said = world.run(&["build"]).expect_code(1).stderr;
    assert!(said.contains("needs glibc 2.28, and the runtime has 2.26"), "{said}");
}

/// `pkg` is the same for all Pythons, `pkg-native` puts compiled code into the same package, for one each: an
/// `__init__.py` in one folder would hide the other.
#[test]
fn a_package_that_is_split_over_two_distributions_lies_together() {
    let native = |minor: u8| {
        let path = format!("pkg/native{minor}.py");
        let files = [file(&path, format!("minor = {minor}\n")), file("space/two/__init__.py", "")];
        let wheel = wheel("pkg_native", "1.0", &files);
        tagged(wheel, &format!("cp3{minor}-cp3{minor}-manylinux_2_17_x86_64"))
    };
    let regular = wheel("pkg", "1.0", &[file("pkg/__init__.py", ""), file("pkg/more.py", "")]);
    let space = wheel("space", "1.0", &[file("space/one/__init__.py", "")]);
    let world = World::for_targets(
        &[regular, space, pure(), native(12), native(13)],
        "python = [\"3.12\", \"3.13\"]\narchitectures = [\"x86_64\"]\n",
    );
    let found = pythons([12, 13]);
    let folders = found.iter().filter_map(|python| python.parent());
    let mut command = world.command(&["build", "--smoke"]);
    let outcome = run(command.env("PATH", std::env::join_paths(folders).unwrap())).expect_code(0);
    for python in &found {
        let minor = python.file_name().unwrap().to_string_lossy().replace("python", "");
        let tried = format!("Tried 4 of 4 modules import under CPython {minor}.");
        assert!(outcome.stderr.contains(&tried), "{}", outcome.stderr);
    }
    let paths = paths(&world);
    for minor in [12, 13] {
        let site = format!("python/lib/python3.{minor}/site-packages");
        for path in
            ["pkg/__init__.py", "pkg/more.py", &format!("pkg/native{minor}.py"), "space/one/__init__.py"]
        {
            assert!(paths.contains(&format!("{site}/{path}")), "{path} in {paths:?}");
        }
    }
    assert!(!paths.iter().any(|path| path.starts_with("python/pkg/") || path.starts_with("python/space/")));
    assert!(paths.contains(&"python/alpha.py".to_owned()), "what shares nothing stays where all see it");

    let unpack = ["-m", "zipfile", "-e", "target/layers/small.zip", "opt"];
    for python in found {
        let unpacked = run(clean(&python).current_dir(world.folder.path()).args(unpack));
        let _ = unpacked.expect_code(0);
        let program = "import sys, importlib\nminor = sys.version_info[1]\n\
             sys.path[:0] = ['%s/lib/python3.%d/site-packages' % (sys.argv[1], minor), sys.argv[1]]\n\
             import pkg.more, space.one, space.two, alpha\n\
             print(importlib.import_module('pkg.native%d' % minor).minor == minor)";
        let mut command = clean(&python);
        let outcome =
            run(command.args(["-I", "-B", "-c", program]).arg(world.path("opt/python"))).expect_code(0);
        assert_eq!(outcome.stdout, "True\n");
    }
}

/// Only a folder of such a name is one for installers.
#[test]
fn a_file_at_the_top_may_be_named_like_a_folder_of_data() {
    let world = World::new(&[wheel("alpha", "1.0", &[file("alpha.py", ""), file("alpha-1.0.data", "x")])]);
    let _ = world.run(&["build"]).expect_code(0);
    assert!(paths(&world).contains(&"python/alpha-1.0.data".to_owned()), "{:?}", paths(&world));
}

#[test]
fn a_python_that_this_machine_lacks_is_said_not_to_be_tried() {
    let world = World::for_targets(&[pure()], "python = [\"3.15\"]\narchitectures = [\"x86_64\"]\n");
    let mut command = world.command(&["build", "--smoke"]);
    let outcome = run(command.env("PYENV_ROOT", world.path("none"))).expect_code(0);
    let expected = "warning: nothing was tried: python3.15 (found no CPython 3.15)";
    assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
}
