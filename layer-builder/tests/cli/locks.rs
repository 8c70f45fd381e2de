//! Locks: what is wrong with one is said with its file, the line and the package; and locks that somebody else has made.

use crate::world::World;
use tests::command::run;
use tests::server::Answer;
use tests::wheels::{TestWheel, file, wheel, wheel_with};

fn good() -> TestWheel {
    wheel("alpha", "1.0", &[file("alpha.py", "x = 1\n")])
}

/// What a build says of a lock with this line at its end, the sixth.
fn said_of(line: &str) -> String {
    let world = World::new(&[good()]);
    let path = world.path("requirements.small.txt");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}{line}\n")).unwrap();
    let outcome = world.run(&["build", "--verbose"]).expect_code(1);
    assert!(!world.path("target").exists() || !world.zip().exists());
    assert!(outcome.stderr.contains("requirements.small.txt`"), "{}", outcome.stderr);
    outcome.stderr
}

#[test]
fn what_is_wrong_with_a_lock_is_said_with_file_line_and_package() {
    let hash = format!("--hash=sha256:{}", good().sha256());
    for (line, expected) in [
        ("beta==1", "`beta` has no hash"),
        (
            "beta==1 --hash=md5:d41d8cd98f00b204e9800998ecf8427e",
            "`md5:d41d8cd98f00b204e9800998ecf8427e` of `beta` is no hash that is known here",
        ),
        ("beta==1 --hash=blake2b:00", "`blake2b:00` of `beta` is no hash that is known here"),
        ("beta==1 --hash=sha256:00", "`sha256:00` of `beta` is no hash that is known here"),
        ("beta>=1", "`beta` is not pinned"),
        (
            "beta @ https://me:s3cr3t@x.test/beta-1-py3-none-any.whl",
            "the address of `beta` names a user or a password",
        ),
        (
            "beta @ git+https://x.test/beta.git@153a5c78589226cf97099a1ce6f74c980d5aece4#subdirectory=../../x",
            "`beta` comes from `../../x`, which is no folder inside of its repository",
        ),
    ] {
        let said = said_of(line);
        assert!(said.contains("line 6\n") && said.contains(expected), "{line}: {said}");
        assert!(said.contains("hint: ") && !said.contains("s3cr3t"), "{said}");
    }
    let said = said_of(&format!("alpha==2 {hash}"));
    assert!(
        said.contains("asks for `alpha` 1.0 (line 4) and `alpha` 2 (line 6) at once for python3.12 on arm64"),
        "{said}"
    );
    for marker in [
        "python_full_version >= '3.12.4'",
        "python_full_version >= '3.12.2' and python_full_version < '3.12.6'",
        "python_full_version == '3.12.4'",
        "python_full_version != '3.12.4'",
    ] {
        let said = said_of(&format!("beta==1 ; {marker} {hash}"));
        let expected =
            ", line 6: whether `beta` 1 is needed depends on the patch release of python3.12 on arm64";
        assert!(said.contains(expected) && said.contains("hint: Lambda moves"), "{marker}: {said}");
    }
}

/// A layer whose lock is a `pylock.toml` with this text after its head.
fn given(packages: &str) -> World {
    let world = World::new(&[good()]);
    world.add_to_table("lock = \"pylock.toml\"\n");
    std::fs::remove_file(world.path("requirements.small.txt")).unwrap();
    std::fs::remove_dir_all(world.path("cache")).unwrap();
    write(&world, packages);
    world
}

fn write(world: &World, packages: &str) {
    let text = format!("lock-version = \"1.0\"\ncreated-by = \"somebody\"\n{packages}");
    std::fs::write(world.path("pylock.toml"), text).unwrap();
}

/// The entry of a wheel at an address.
fn entry(wheel: &TestWheel, place: &str) -> String {
    let hash = wheel.sha256();
    format!(
        "[[packages]]\nname = {:?}\nversion = {:?}\nwheels = [{{ {place}, hashes = {{ sha256 = \"{hash}\" }} }}]\n",
        wheel.name, wheel.version
    )
}

#[test]
fn a_lock_that_somebody_else_has_made_is_enough() {
    let world = given("");
    let url = world.server.url(&format!("/{}", good().file_name));
    write(&world, &entry(&good(), &format!("url = {url:?}")));
    let before = std::fs::read(world.path("pylock.toml")).unwrap();
    let _ = world.run(&["lock", "--check"]).expect_code(0);
    let _ = world.run(&["build", "--locked"]).expect_code(0);
    let first = std::fs::read(world.zip()).unwrap();
    let manifest = std::fs::read_to_string(world.path("target/layers/small.json")).unwrap();
    assert!(manifest.contains("\"path\": \"pylock.toml\"") && !manifest.contains("://"), "{manifest}");
    let outcome = world.run(&["build"]).expect_code(0);
    assert!(
        outcome.stderr.contains("Unchanged") || !outcome.stderr.contains("Packaged"),
        "{}",
        outcome.stderr
    );
    let explained = world.run(&["build", "--explain", "alpha"]).expect_code(0).stdout;
    assert!(explained.contains("python3.12 on x86_64: alpha 1.0"), "{explained}");

    // From a file beside it, without a server; and nobody writes to it, or makes another lock.
    std::fs::create_dir(world.path("my wheels")).unwrap();
    std::fs::write(world.path("my wheels").join(&good().file_name), good().bytes).unwrap();
    let place = format!("path = \"my wheels/{}\"", good().file_name);
    write(&world, &entry(&good(), &place));
    world.forget_artifacts();
    std::fs::remove_dir_all(world.path("cache")).unwrap();
    let requests = world.server.requests().len();
    let _ = world.run(&["build"]).expect_code(0);
    assert_eq!(world.server.requests().len(), requests);
    assert_eq!(first, std::fs::read(world.zip()).unwrap(), "the same wheels are the same layer");
    let _ = world.run(&["lock"]).expect_code(0);
    for arguments in
        [&["lock", "--upgrade"][..], &["lock", "--upgrade-package", "alpha"], &["build", "--upgrade"]]
    {
        let outcome = world.run(arguments).expect_code(1);
        assert!(
            outcome.stderr.contains("is made by somebody else, and not upgraded here"),
            "{}",
            outcome.stderr
        );
    }
    write(&world, &entry(&good(), &format!("url = {url:?}")));
    assert_eq!(before, std::fs::read(world.path("pylock.toml")).unwrap());
    assert!(!world.path("requirements.small.txt").exists());

    std::fs::remove_file(world.path("pylock.toml")).unwrap();
    let outcome = world.run(&["build"]).expect_code(1);
    assert!(
        outcome.stderr.contains("pylock.toml`, which `lock` in `layers.toml` names"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("hint: `uv pip compile --universal"), "{}", outcome.stderr);
}

#[test]
fn such_a_lock_fits_while_it_holds_what_is_asked_for() {
    let beta = wheel("beta", "1.5", &[file("beta.py", "")]);
    let place = |wheel: &TestWheel| format!("url = \"http://x.test/{}\"", wheel.file_name);
    let (alpha, beta_entry) = (entry(&good(), &place(&good())), entry(&beta, &place(&beta)));
    let only_newer = beta_entry.replace("version = ", "marker = \"python_version >= '3.13'\"\nversion = ");
    let world = given("");
    let toml = std::fs::read_to_string(world.path("layers.toml")).unwrap();
    for (requirements, lock, expected) in [
        ("[\"alpha\", \"beta>=1\"]", alpha.clone() + &beta_entry, ""),
        ("[\"alpha\", \"beta ; python_version >= '3.13'\"]", alpha.clone() + &only_newer, ""),
        ("[\"alpha\", \"beta>=1\"]", alpha.clone(), "`beta` is not in it for python3.12 on arm64"),
        (
            "[\"alpha\", \"beta>=1\"]",
            alpha.clone() + &only_newer,
            "`beta` is not in it for python3.12 on arm64",
        ),
        (
            "[\"alpha\", \"beta>=2\"]",
            alpha.clone() + &beta_entry,
            "`beta` 1.5 is in it (line 7), and `beta>=2` is asked for",
        ),
        (
            "[\"alpha\", \"beta @ git+https://x.test/beta.git\"]",
            alpha.clone() + &beta_entry,
            "`beta` 1.5 is in it (line 7)",
        ),
        (
            "[\"alpha\"]",
            format!("environments = [\"platform_machine == 'x86_64'\"]\n{alpha}"),
            "its `environments` leave python3.12 on arm64 out",
        ),
        (
            "[\"alpha\"]",
            format!("requires-python = \">=3.13\"\n{alpha}"),
            "its `requires-python` leaves python3.12 on arm64 out",
        ),
        (
            "[\"alpha\"]",
            alpha.clone() + &beta_entry.replace("version = ", "requires-python = \"<3.13\"\nversion = "),
            "`requires-python` of `beta` (line 7) leaves python3.13 on arm64 out",
        ),
        (
            "[\"alpha\"]",
            alpha.clone() + "[[packages]]\nname = \"ours\"\ndirectory = { path = \".\" }\n",
            "line 7 takes `ours` from a folder",
        ),
    ] {
        std::fs::write(world.path("layers.toml"), toml.replace("[\"alpha\"]", requirements)).unwrap();
        write(&world, &lock);
        let outcome = world.run(&["lock", "--check"]);
        assert_eq!(outcome.code, Some(i32::from(!expected.is_empty())), "{requirements}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "expected `{expected}` in\n{}", outcome.stderr);
        if !expected.is_empty() {
            assert!(
                outcome.stderr.contains("pylock.toml` is not what `layers.toml` asks for"),
                "{}",
                outcome.stderr
            );
            assert!(
                outcome.stderr.contains("hint: make it anew with what has made it"),
                "{}",
                outcome.stderr
            );
            let _ = world.run(&["build"]).expect_code(1);
        }
    }
}

#[test]
fn what_is_wrong_with_such_a_lock_is_said_with_file_line_and_package() {
    let world = given("");
    let alpha = entry(&good(), "url = \"http://x.test/alpha-1.0-py3-none-any.whl\"");
    let twice = alpha.clone() + &alpha.replace("\"1.0\"", "\"2.0\"");
    let patch = alpha.replace("version = ", "marker = \"python_full_version < '3.12.9'\"\nversion = ");
    for (lock, expected) in [
        (
            alpha.replace("sha256", "sha1"),
            ", line 3\n  Caused by: `alpha-1.0-py3-none-any.whl` of `alpha` has no hash that is known here",
        ),
        (
            alpha.replace("http://", "http://me:s3cr3t@"),
            ", line 3\n  Caused by: an address of `alpha` names a user or a password",
        ),
        (twice, "asks for `alpha` 1.0 (line 3) and `alpha` 2.0 (line 7) at once for python3.12 on arm64"),
        (
            alpha + &patch.replace("\"alpha\"", "\"beta\""),
            ", line 7: whether `beta` 1.0 is needed depends on the patch release",
        ),
    ] {
        write(&world, &lock);
        let outcome = world.run(&["build", "--verbose"]).expect_code(1);
        assert!(
            outcome.stderr.contains("pylock.toml`") && outcome.stderr.contains(expected),
            "{}",
            outcome.stderr
        );
        assert!(!outcome.stderr.contains("s3cr3t"), "{}", outcome.stderr);
    }
}

/// git takes options and programs for addresses, and what is built has to be what was fetched.
#[test]
fn such_a_lock_names_repositories_and_folders_of_theirs_only() {
    let world = given("");
    let marker = world.path("marker");
    let option = format!("--upload-pack=touch {}; false", marker.display());
    for (vcs, expected) in [
        (format!("url = {option:?}"), format!("comes from `{option}`, which is no address of a repository")),
        (
            format!("url = \"ext::touch {}\"", marker.display()),
            format!("comes from `ext::touch {}`, which is no address of a repository", marker.display()),
        ),
        (
            "url = \"https://x.test/a.git\", subdirectory = \"../../x\"".to_owned(),
            "comes from `../../x`, which is no folder inside of its repository".to_owned(),
        ),
        (
            "url = \"https://x.test/a.git\", subdirectory = \"/x\"".to_owned(),
            "comes from `/x`, which is no folder inside of its repository".to_owned(),
        ),
    ] {
        let commit = "commit-id = \"153a5c78589226cf97099a1ce6f74c980d5aece4\"";
        write(
            &world,
            &format!("[[packages]]\nname = \"alpha\"\nvcs = {{ type = \"git\", {vcs}, {commit} }}\n"),
        );
        // git is to be found.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let outcome = run(world.command(&["build"]).env("PATH", path));
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
        let expected = format!("pylock.toml`, line 3\n  Caused by: `alpha` {expected}");
        assert!(outcome.stderr.contains(&expected), "{expected}: {}", outcome.stderr);
        assert!(!marker.exists(), "{vcs}");
    }
}

/// `exclude-runtime-provided` leaves out of it what the resolver would leave out.
#[test]
fn what_the_runtimes_bring_along_is_left_out_of_such_a_lock() {
    let asks = wheel_with("alpha", "1.0", "Requires-Dist: six\n", &[file("alpha.py", "")]);
    let six = wheel("six", "1.17.0", &[file("six.py", "")]);
    let world = given("");
    for wheel in [&asks, &six] {
        world.server.answer(&format!("/{}", wheel.file_name), Answer::File(wheel.bytes.clone()));
    }
    let url = |wheel: &TestWheel| format!("url = {:?}", world.server.url(&format!("/{}", wheel.file_name)));
    write(&world, &(entry(&asks, &url(&asks)) + &entry(&six, &url(&six))));
    let packages = || {
        let _ = world.run(&["build"]).expect_code(0);
        std::fs::read_to_string(world.path("target/layers/small.json")).unwrap().contains("\"six\"")
    };
    assert!(packages());
    world.add_to_table("exclude-runtime-provided = true\n");
    assert!(!packages());
}

/// Variants have a lock of their own, which nobody else has made.
#[test]
fn a_variant_does_not_use_such_a_lock() {
    let world = given(&entry(&good(), "url = \"http://x.test/alpha-1.0-py3-none-any.whl\""));
    let outcome = world.run(&["build", "--raw", "--locked"]).expect_code(1);
    assert!(
        outcome.stderr.contains("there is no lock") && outcome.stderr.contains("requirements.small-raw.txt"),
        "{}",
        outcome.stderr
    );
    world.add_to_table("");
    let toml = std::fs::read_to_string(world.path("layers.toml")).unwrap();
    std::fs::write(world.path("layers.toml"), toml.replace("pylock.toml", "uv.lock")).unwrap();
    let outcome = world.run(&["build"]).expect_code(1);
    assert!(outcome.stderr.contains("expected the path of a lock of PEP 751"), "{}", outcome.stderr);
}
