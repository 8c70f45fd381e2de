//! Bad input and bad luck: a clear error each time, and what was there before stays.

use crate::world::{World, builder};
use tests::command::{clean, run};
use tests::server::{Answer, Server};
use tests::wheels::{TestWheel, ZipEntry, file, wheel};

fn good() -> TestWheel {
    wheel("alpha", "1.0", &[file("alpha.py", "x = 1\n".repeat(2000))])
}

#[test]
fn a_download_that_is_not_what_was_locked_is_thrown_away() {
    let world = World::new(&[good()]);
    let _ = world.run(&["build"]).expect_code(0);
    let before = std::fs::read(world.zip()).unwrap();
    let newer = wheel("alpha", "1.1", &[file("alpha.py", "")]);
    world.write_project(std::slice::from_ref(&newer), |wheel| {
        world.server.url(&format!("/{}", wheel.file_name))
    });
    world.server.answer(&format!("/{}", newer.file_name), Answer::File(good().bytes));
    let outcome = world.run(&["build"]).expect_code(1);
    let expected = format!("expected sha256 {}, found {}", newer.sha256(), good().sha256());
    assert!(outcome.stderr.contains("is not the file that was locked"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(&expected), "{}", outcome.stderr);
    assert!(!world.cached(&newer).exists());
    assert_eq!(before, std::fs::read(world.zip()).unwrap());
}

#[test]
fn a_damaged_file_in_the_cache_is_fetched_again() {
    let world = World::new(&[good()]);
    let _ = world.run(&["build"]).expect_code(0);
    let before = std::fs::read(world.zip()).unwrap();
    let path = world.cached(&good());
    let whole = std::fs::read(&path).unwrap();
    // One bit in the middle of a stream, a cut, and nothing at all.
    let mut flipped = whole.clone();
    flipped[60] ^= 1;
    for damaged in [flipped, whole[..whole.len() / 2].to_vec(), Vec::new()] {
        std::fs::write(&path, damaged).unwrap();
        world.forget_artifacts();
        let outcome = world.run(&["build"]).expect_code(0);
        assert!(outcome.stderr.contains("in the cache is damaged; getting it again"), "{}", outcome.stderr);
        assert_eq!(before, std::fs::read(world.zip()).unwrap());
        assert_eq!(whole, std::fs::read(&path).unwrap());
    }
    std::fs::write(&path, "rubbish").unwrap();
    std::fs::remove_file(world.path("target/layers/small.json")).unwrap();
    let outcome = world.run(&["build", "--offline"]).expect_code(1);
    assert!(
        unindented(&outcome.stderr).contains("the cache lacks 1 file:\nalpha-1.0-py3-none-any.whl"),
        "{}",
        outcome.stderr
    );
    assert_eq!(before, std::fs::read(world.zip()).unwrap());
}

#[test]
fn offline_lists_what_is_missing() {
    let beta = wheel("beta", "2", &[file("beta.py", "")]);
    let world = World::new(&[good(), beta]);
    let outcome = world.run(&["build", "--offline"]).expect_code(1);
    let said = unindented(&outcome.stderr);
    assert!(
        said.contains("the cache lacks 2 files:\nalpha-1.0-py3-none-any.whl\nbeta-2-py3-none-any.whl\n"),
        "{said}"
    );
    assert!(outcome.stderr.contains("hint: run this once without `--offline`"), "{}", outcome.stderr);
    assert!(world.server.requests().is_empty());
}

#[test]
fn without_a_network_the_hint_is_offline() {
    let world = World::new(&[good()]);
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    world.write_project(&[good()], |wheel| format!("http://127.0.0.1:{port}/{}", wheel.file_name));
    let outcome = world.run(&["build"]).expect_code(1);
    assert!(
        outcome.stderr.contains("failed to download `alpha-1.0-py3-none-any.whl` from 127.0.0.1"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("Caused by: "), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("`--offline`"), "{}", outcome.stderr);
}

#[test]
fn passing_troubles_pass() {
    let world = World::unserved(&[good()], Server::start());
    let path = format!("/{}", good().file_name);
    for trouble in [Answer::Failing(503, 2, good().bytes), Answer::Breaking(2, good().bytes)] {
        world.server.answer(&path, trouble);
        let _ = world.run(&["build"]).expect_code(0);
        std::fs::remove_dir_all(world.path("cache/files")).unwrap();
        world.forget_artifacts();
    }
    assert_eq!(world.server.requests().len(), 6);
    world.server.answer(&path, Answer::Failing(503, 3, good().bytes));
    let outcome = world.run(&["build"]).expect_code(1);
    assert!(outcome.stderr.contains("the server answers with status 503"), "{}", outcome.stderr);
    assert_eq!(world.server.requests().len(), 9);
}

#[test]
fn a_file_that_is_gone_is_not_asked_for_again_and_again() {
    let world = World::unserved(&[good()], Server::start());
    let outcome = world.run(&["build"]).expect_code(1);
    assert!(outcome.stderr.contains("the server answers with status 404"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("lock again with `--upgrade`"), "{}", outcome.stderr);
    assert_eq!(world.server.requests().len(), 1);
}

#[test]
fn netrc_and_addresses_carry_credentials_that_nobody_sees() {
    let world = World::unserved(&[good()], Server::start());
    world.server.answer(&format!("/{}", good().file_name), Answer::Guarded("me:s3cret".into(), good().bytes));
    let outcome = world.run(&["build"]).expect_code(1);
    assert!(outcome.stderr.contains("status 401"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("in your netrc file"), "{}", outcome.stderr);

    std::fs::write(world.path(".netrc"), "machine 127.0.0.1\n  login me\n  password s3cret\n").unwrap();
    let _ = world.run(&["build", "--verbose"]).expect_code(0);

    std::fs::remove_file(world.path(".netrc")).unwrap();
    std::fs::remove_dir_all(world.path("cache/files")).unwrap();
    world.forget_artifacts();
    // What uv answers may name somebody; what is kept of it does not, and whoever asks is found in the configuration.
    let address = |user: &str| format!("http://{user}@127.0.0.1:{}/simple", world.server.port());
    world.write_project(&[good()], |wheel| address("me:s3cret").replace("simple", &wheel.file_name));
    let kept = std::fs::read_dir(world.path("cache/locations")).unwrap().flatten();
    let kept: String = kept.map(|file| std::fs::read_to_string(file.path()).unwrap()).collect();
    assert!(kept.contains("127.0.0.1") && !kept.contains("s3cret"), "{kept}");
    let build = |user: &str| run(world.command(&["build", "--verbose"]).env("UV_INDEX_URL", address(user)));
    let outcome = build("me:wrong").expect_code(1);
    assert!(!outcome.stderr.contains("wrong"), "{}", outcome.stderr);
    let outcome = build("me:s3cret").expect_code(0);
    assert!(!outcome.stderr.contains("s3cret"), "{}", outcome.stderr);
}

#[test]
fn proxies_are_used() {
    let world = World::new(&[good()]);
    // Nobody resolves this name; whoever builds has asked the proxy.
    world.write_project(&[good()], |wheel| format!("http://files.invalid/{}", wheel.file_name));
    let mut command = world.command(&["build"]);
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"] {
        command.env_remove(name);
    }
    let _ = run(command.env("HTTP_PROXY", world.server.url(""))).expect_code(0);
    assert_eq!(world.server.requests(), ["files.invalid:80".to_owned(), format!("/{}", good().file_name)]);
}

#[test]
fn the_certificates_of_ssl_cert_file_count() {
    let world = World::unserved(&[good()], Server::start_with_tls());
    world.server.answer(&format!("/{}", good().file_name), Answer::File(good().bytes));
    let mut unknown = world.command(&["build"]);
    unknown.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR").env("NO_PROXY", "localhost");
    let outcome = run(&mut unknown).expect_code(1);
    assert!(outcome.stderr.contains("UnknownIssuer"), "{}", outcome.stderr);
    std::fs::write(world.path("ca.pem"), world.server.certificate()).unwrap();
    let mut known = world.command(&["build"]);
    known.env("SSL_CERT_FILE", world.path("ca.pem")).env_remove("SSL_CERT_DIR").env("NO_PROXY", "localhost");
    let _ = run(&mut known).expect_code(0);
}

#[test]
fn a_stale_lock_is_an_error_where_it_may_not_be_made_anew() {
    let world = World::new(&[good()]);
    let _ = world.run(&["build"]).expect_code(0);
    let _ = world.run(&["lock", "--check"]).expect_code(0);
    let before = std::fs::read(world.zip()).unwrap();
    let toml = std::fs::read_to_string(world.path("layers.toml")).unwrap();
    std::fs::write(world.path("layers.toml"), toml.replace("\"alpha\"", "\"alpha\", \"six\"")).unwrap();
    for arguments in [&["build", "--locked"][..], &["build", "--offline"], &["lock", "--check"]] {
        let outcome = world.run(arguments).expect_code(1);
        assert!(
            outcome.stderr.contains("requirements.small.txt` was made for something else"),
            "{}",
            outcome.stderr
        );
        assert!(outcome.stderr.contains("hint: run `layer-builder lock`"), "{}", outcome.stderr);
    }
    let outcome = run(world.command(&["build"]).env("CI", "true")).expect_code(1);
    assert!(outcome.stderr.contains("was made for something else"), "{}", outcome.stderr);
    assert_eq!(before, std::fs::read(world.zip()).unwrap());

    std::fs::remove_file(world.path("requirements.small.txt")).unwrap();
    let outcome = world.run(&["build", "--locked"]).expect_code(1);
    assert!(outcome.stderr.contains("there is no lock"), "{}", outcome.stderr);
}

/// Nobody commits it, so `CI` does not ask for it: it is made there as elsewhere.
#[test]
fn the_lock_of_a_branch_is_missed_only_where_an_option_says_so() {
    let world = World::new(&[good()]);
    world.add_to_table("branch-of = { alpha = \"https://example.com/alpha.git\" }\n");
    for option in ["--locked", "--offline"] {
        let outcome = world.run(&["build", "-v", "main", option]).expect_code(1);
        assert!(outcome.stderr.contains("there is no lock `"), "{}", outcome.stderr);
        let hint = format!("hint: a build without `{option}` makes it\n");
        assert!(outcome.stderr.ends_with(&hint), "{}", outcome.stderr);
    }
    let outcome = run(world.command(&["build", "-v", "main"]).env("CI", "true")).expect_code(1);
    assert!(outcome.stderr.contains("requirements.small-main.txt` yet; locking"), "{}", outcome.stderr);
}

#[test]
fn without_uv_and_python_the_error_says_how_to_get_one() {
    let world = World::new(&[good()]);
    let outcome = world.run(&["lock"]).expect_code(1);
    assert!(outcome.stderr.contains("found neither uv"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("no `python3` on PATH"), "{}", outcome.stderr);
    // What needs neither does not miss them.
    let _ = world.run(&["build"]).expect_code(0);
}

#[test]
fn a_broken_lock_is_named_with_its_line() {
    let world = World::new(&[good()]);
    let path = world.path("requirements.small.txt");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}<<<<<<< HEAD\n")).unwrap();
    let outcome = world.run(&["build"]).expect_code(1);
    assert!(outcome.stderr.contains("requirements.small.txt`, line 6"), "{}", outcome.stderr);
}

#[test]
fn configuration_mistakes_are_exit_code_1_and_wrong_usage_2() {
    let world = World::new(&[good()]);
    let outcome = world.run(&["build", "smal"]).expect_code(1);
    assert!(outcome.stderr.contains("there is no layer `smal`"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint: did you mean `small`?"), "{}", outcome.stderr);
    let _ = world.run(&["build", "--nonsense"]).expect_code(2);
    let _ = world.run(&["build", "--upgrade", "--offline"]).expect_code(2);
    std::fs::write(world.path("layers.toml"), "[layers.small]\nrequirments = []\n").unwrap();
    let outcome = world.run(&["build"]).expect_code(1);
    assert!(outcome.stderr.contains("layers.toml:2:1"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint: did you mean `requirements`?"), "{}", outcome.stderr);
    let outcome = world.run(&["build", "--layers-file", "other.toml"]).expect_code(1);
    assert!(outcome.stderr.contains("failed to read `other.toml`"), "{}", outcome.stderr);
    let elsewhere = tempfile::tempdir().unwrap();
    let outcome = run(builder(elsewhere.path()).arg("build")).expect_code(1);
    assert!(outcome.stderr.contains("found no `layers.toml`"), "{}", outcome.stderr);
}

#[test]
fn one_layer_that_fails_does_not_keep_the_others_from_being_built() {
    let world = World::new(&[good()]);
    let toml = std::fs::read_to_string(world.path("layers.toml")).unwrap();
    let other = "[layers.other]\nrequirements = [\"x\"]\npython = [\"3.12\"]\narchitectures = [\"arm64\"]\n";
    std::fs::write(world.path("layers.toml"), format!("{other}{toml}")).unwrap();
    let outcome = world.run(&["build", "--locked"]).expect_code(3);
    assert_eq!(outcome.stdout, "target/layers/small.zip\n");
    assert!(outcome.stderr.contains("there is no lock"), "{}", outcome.stderr);
}

#[test]
fn whoever_closes_the_pipe_has_seen_enough() {
    let world = World::new(&[good()]);
    let _ = world.run(&["build"]).expect_code(0);
    let mut command = world.command(&["inspect", "small"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let outcome = run(command.stdout(writer)).expect_code(0);
    assert_eq!(outcome.stderr, "");
}

#[cfg(unix)]
#[test]
fn killed_while_it_downloads_it_leaves_the_old_zip() {
    let world = World::new(&[good()]);
    let _ = world.run(&["build"]).expect_code(0);
    let before = std::fs::read(world.zip()).unwrap();
    let newer = wheel("alpha", "1.1", &[file("alpha.py", "")]);
    world.write_project(std::slice::from_ref(&newer), |wheel| {
        world.server.url(&format!("/{}", wheel.file_name))
    });
    world.server.answer(&format!("/{}", newer.file_name), Answer::Hanging);
    let mut child = world.command(&["build", "-q"]).spawn().unwrap();
    wait_until(|| world.server.requests().len() == 2);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(before, std::fs::read(world.zip()).unwrap());
    world.server.answer(&format!("/{}", newer.file_name), Answer::File(newer.bytes.clone()));
    let _ = world.run(&["build"]).expect_code(0);
    assert_ne!(before, std::fs::read(world.zip()).unwrap());
}

/// The kernel ends whoever writes more than it may: in the middle of the zip, for certain.
#[cfg(unix)]
#[test]
fn killed_while_it_writes_it_leaves_the_old_zip() {
    let world = World::new(&[good()]);
    let _ = world.run(&["build"]).expect_code(0);
    let before = std::fs::read(world.zip()).unwrap();
    let large = ZipEntry { method: 0, ..file("alpha/large.bin", vec![7; 6_000_000]) };
    let newer = wheel("alpha", "1.1", &[large]);
    world.write_project(std::slice::from_ref(&newer), |wheel| {
        world.server.url(&format!("/{}", wheel.file_name))
    });
    world.server.answer(&format!("/{}", newer.file_name), Answer::File(newer.bytes.clone()));
    std::fs::create_dir_all(world.cached(&newer).parent().unwrap()).unwrap();
    std::fs::write(world.cached(&newer), &newer.bytes).unwrap();
    let mut limited = clean("sh");
    limited
        .args(["-c", "ulimit -f 4000; exec \"$0\" build", env!("CARGO_BIN_EXE_layer-builder")])
        .current_dir(world.folder.path())
        .env("LAYER_BUILDER_CACHE_DIR", world.path("cache"));
    let outcome = run(&mut limited);
    assert_eq!(outcome.code, None, "it was to be killed: {outcome:?}");
    assert_eq!(before, std::fs::read(world.zip()).unwrap());
    let _ = world.run(&["build", "--offline"]).expect_code(0);
    assert!(std::fs::metadata(world.zip()).unwrap().len() > 6_000_000);
}

fn unindented(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim_start())).collect()
}

fn wait_until(reached: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !reached() {
        assert!(start.elapsed().as_secs() < 60, "it never came to that");
        std::thread::yield_now();
    }
}

#[test]
fn without_certificates_the_error_says_so() {
    let world = World::unserved(&[good()], Server::start_with_tls());
    let mut command = world.command(&["build"]);
    command.env("SSL_CERT_FILE", world.path("none.pem")).env_remove("SSL_CERT_DIR");
    let outcome = run(&mut command).expect_code(1);
    assert!(outcome.stderr.contains("found no certificates to check servers with"), "{}", outcome.stderr);
}

/// A `python3` on PATH that leaves a trace when it is called.
#[cfg(unix)]
#[test]
fn offline_asks_nobody_for_anything() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new(&[good()]);
    let tools = world.path("tools");
    std::fs::create_dir(&tools).unwrap();
    for name in ["python3", "python", "uv"] {
        let path = tools.join(name);
        std::fs::write(
            &path,
            format!("#!/bin/sh\necho {name} \"$@\" >> {}\nexit 1\n", world.path("trace").display()),
        )
        .unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    std::fs::remove_dir_all(world.path("cache")).unwrap();
    let outcome = run(world.command(&["build", "--offline"]).env("PATH", &tools)).expect_code(1);
    assert!(outcome.stderr.contains("does not know where the files"), "{}", outcome.stderr);
    assert!(unindented(&outcome.stderr).contains("\nalpha 1.0\n"), "{}", outcome.stderr);
    assert!(!world.path("trace").exists(), "{:?}", std::fs::read_to_string(world.path("trace")));
}

#[test]
fn a_lock_that_needs_build_tools_is_not_fresh_without_them() {
    let world = World::new(&[good()]);
    let path = world.path("requirements.small.txt");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("# built from source: alpha\n{text}")).unwrap();
    let outcome = world.run(&["lock", "--check"]).expect_code(1);
    assert!(outcome.stderr.contains("requirements.small.build.txt"), "{}", outcome.stderr);
    std::fs::write(world.path("requirements.small.build.txt"), "").unwrap();
    let _ = world.run(&["lock", "--check"]).expect_code(0);
    // One stale lock of two is what was asked about: 1, not 3.
    let toml = std::fs::read_to_string(world.path("layers.toml")).unwrap();
    let other = "[layers.other]\nrequirements = [\"x\"]\npython = [\"3.12\"]\narchitectures = [\"arm64\"]\n";
    std::fs::write(world.path("layers.toml"), format!("{other}{toml}")).unwrap();
    let _ = world.run(&["lock", "--check"]).expect_code(1);
}

/// `/dev/full` takes nothing: whoever writes there has lost its results, and has to say so.
#[cfg(target_os = "linux")]
#[test]
fn results_that_are_lost_are_a_failure() {
    let world = World::new(&[good()]);
    let _ = world.run(&["build"]).expect_code(0);
    for arguments in [&["build", "--format", "json"][..], &["build"], &["inspect", "small"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let outcome = run(world.command(arguments).stdout(full)).expect_code(1);
        assert!(outcome.stderr.contains("failed to write to standard output"), "{}", outcome.stderr);
    }
}

#[test]
fn errors_name_the_layer_and_what_was_being_done() {
    let world = World::new(&[good()]);
    std::fs::remove_file(world.path("requirements.small.txt")).unwrap();
    let outcome = world.run(&["build", "--locked"]).expect_code(1);
    assert!(
        outcome.stderr.starts_with("error: failed to build the layer `small`\n  Caused by: there is no lock")
    );
}
