//! `cargo xtask` itself: thin, quick to compile, and not in the way of the binaries it starts.

use std::collections::BTreeSet;
use std::process::Command;

use tests::command::{binary, clean, run, workspace};

fn cargo() -> Command {
    let mut command = clean(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace());
    command
}

fn xtask(arguments: &[&str]) -> Command {
    let mut command = clean(binary("xtask"));
    command.current_dir(workspace()).args(arguments);
    command
}

#[test]
fn its_dependencies_hold_nothing_heavy() {
    let tree = [
        "tree",
        "--offline",
        "--locked",
        "--package",
        "xtask",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
    ];
    let tree = run(cargo().args(tree)).expect_code(0).stdout;
    let heavy = |line: &&str| {
        let name = line.split(' ').next().unwrap_or_default();
        name.starts_with("aws-")
            || name.contains("tls")
            || ["tokio", "ring", "hyper", "ureq", "openssl", "reqwest", "serde", "zip"].contains(&name)
    };
    let found: Vec<&str> = tree.lines().filter(heavy).collect();
    assert!(found.is_empty(), "{found:?}");
    assert!(tree.lines().any(|line| line.starts_with("clap ")), "this looked at something else:\n{tree}");
}

/// A feature that only a test asks for is a second build of everything that stands on its crate: of the AWS SDK, once.
#[test]
fn tests_and_programs_share_one_build_of_every_dependency() {
    let packages = |edges: &str| {
        let format = ["--prefix", "none", "--format", "{p} [{f}]"];
        let tree = ["tree", "--offline", "--locked", "--workspace", "--edges", edges];
        let tree = run(cargo().args(tree).args(format)).expect_code(0).stdout;
        tree.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect::<BTreeSet<_>>()
    };
    let name = |line: &String| line.split(" [").next().unwrap_or_default().to_owned();
    let programs = packages("normal,build");
    let names: BTreeSet<String> = programs.iter().map(name).collect();
    assert!(
        names.iter().any(|name| name.starts_with("aws-sdk-lambda ")),
        "this looked at something else: {names:?}"
    );
    let tests = packages("normal,build,dev");
    let twice: Vec<_> =
        tests.iter().filter(|line| names.contains(&name(line)) && !programs.contains(*line)).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn switching_between_cargo_build_and_cargo_xtask_recompiles_nothing() {
    let build = ["build", "--offline", "--locked", "--workspace", "--message-format", "json"];
    let _ = run(cargo().args(build)).expect_code(0);
    let _ = run(cargo().args(["xtask", "build-layer", "--help"])).expect_code(0);
    let messages = run(cargo().args(build)).expect_code(0);
    let compiled: Vec<&str> =
        messages.stdout.lines().filter(|line| line.contains("\"fresh\":false")).collect();
    assert!(compiled.is_empty(), "{compiled:#?}");
    assert!(messages.stdout.contains("\"fresh\":true"));
    let second = run(cargo().args(["xtask", "build-layer", "--help"])).expect_code(0);
    assert!(!second.stderr.contains("Compiling"), "{}", second.stderr);
}

#[test]
fn alone_it_lists_every_command() {
    let list = run(&mut xtask(&[])).expect_code(0);
    for name in [
        "build-layer",
        "lock",
        "inspect",
        "publish",
        "release",
        "bump-templates",
        "lint",
        "test",
        "bench",
        "docs",
        "ci",
    ] {
        assert!(list.stdout.lines().any(|line| line.trim_start().starts_with(&format!("{name} "))), "{name}");
    }
    assert!(list.stdout.lines().all(|line| line.chars().count() <= 80), "{}", list.stdout);
    assert_eq!(list.stdout, run(&mut xtask(&["--help"])).expect_code(0).stdout);
    assert_eq!(list.stdout, run(&mut xtask(&["help"])).expect_code(0).stdout);
}

/// Whatever the list names answers to `--help`, with its own name in the usage line.
#[test]
fn every_command_of_the_list_exists() {
    let list = run(&mut xtask(&[])).expect_code(0).stdout;
    let names =
        list.lines().filter_map(|line| line.strip_prefix("  ")).filter_map(|line| line.split(' ').next());
    let mut count = 0;
    for name in names {
        let help = run(&mut xtask(&[name, "--help"])).expect_code(0);
        assert!(help.stdout.contains(&format!("Usage: cargo xtask {name}")), "{name}:\n{}", help.stdout);
        // Other tests run cargo too, which makes it say that it waits; else it is silent when nothing is compiled.
        let said = help.stderr.lines().find(|line| !line.trim_start().starts_with("Blocking"));
        assert_eq!(said, None, "{name}");
        count += 1;
    }
    assert!(count >= 8);
}

#[test]
fn wrong_commands_are_exit_code_2_with_the_nearest_name() {
    let outcome = run(&mut xtask(&["buld-layer"])).expect_code(2);
    assert!(outcome.stderr.contains("'build-layer'"), "{}", outcome.stderr);
    let _ = run(&mut xtask(&["--nonsense"])).expect_code(2);
    let _ = run(&mut xtask(&["test", "--nonsense"])).expect_code(2);
}

#[test]
fn arguments_and_exit_codes_pass_through() {
    let folder = tempfile::tempdir().unwrap();
    let outcome =
        run(xtask(&["build-layer", "no such", "--quiet"]).current_dir(folder.path())).expect_code(1);
    assert!(outcome.stderr.contains("found no `layers.toml`"), "{}", outcome.stderr);
    let outcome = run(xtask(&["build-layer", "--nonsense"]).current_dir(folder.path())).expect_code(2);
    assert!(outcome.stderr.contains("Usage: cargo xtask build-layer"), "{}", outcome.stderr);
    let layers = "[layers.a]\nrequirements = [\"a\"]\npython = [\"3.12\"]\narchitectures = [\"arm64\"]\n";
    std::fs::write(folder.path().join("layers.toml"), layers).unwrap();
    let outcome = run(xtask(&["build-layer", "--locked"]).current_dir(folder.path())).expect_code(1);
    assert!(outcome.stderr.contains("hint: run `cargo xtask lock`"), "{}", outcome.stderr);
    // Not even a lone `--` is taken for its own.
    let outcome = run(xtask(&["build-layer", "--", "--locked"]).current_dir(folder.path())).expect_code(1);
    assert!(outcome.stderr.contains("there is no layer `--locked`"), "{}", outcome.stderr);
}

/// Ctrl-C gives the prompt back when the child is done, because xtask has become the child.
#[cfg(target_os = "linux")]
#[test]
fn the_child_takes_the_place_of_xtask() {
    use std::io::Write;
    use std::process::Stdio;
    let mut command = xtask(&["inspect", "/dev/stdin"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let executable = format!("/proc/{}/exe", child.id());
    let start = std::time::Instant::now();
    while std::fs::read_link(&executable).is_ok_and(|path| !path.ends_with("layer-builder")) {
        assert!(start.elapsed().as_secs() < 60, "xtask is still there");
        std::thread::yield_now();
    }
    // It reads its own standard input: the terminal is its, too.
    drop(child.stdin.take().unwrap().write_all(b"no zip"));
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
