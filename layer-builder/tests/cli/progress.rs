//! What is shown while it lasts: a bar on a terminal, lines only in a log.

use std::process::Command;

use tests::command::{clean, run};
use tests::wheels::{TestWheel, file, wheel};

use crate::world::World;

fn layer() -> [TestWheel; 1] {
    [wheel("alpha", "1.0", &[file("alpha.py", "x = 1\n".repeat(60_000))])]
}

/// The builder on a terminal of its own, by util-linux's `script`.
fn on_a_terminal(world: &World, arguments: &str) -> Command {
    let mut command = clean("script");
    command
        .args(["-qec", &format!("exec '{}' {arguments}", env!("CARGO_BIN_EXE_layer-builder")), "/dev/null"])
        .current_dir(world.folder.path())
        .env("HOME", world.folder.path())
        .env("TERM", "xterm")
        .env("LAYER_BUILDER_CACHE_DIR", world.path("cache"));
    command
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_a_bar_with_bytes_and_a_log_gets_lines() {
    if clean("script").arg("--version").output().is_err() {
        eprintln!("skipped: found no `script` of util-linux");
        return;
    }
    let world = World::new(&layer());
    let outcome = run(&mut on_a_terminal(&world, "build --compress max")).expect_code(0);
    let said = outcome.stdout;
    // The bar of the download counts what is sent, the other what it unpacks to; each clears its line.
    for part in [" of 1.", " of 360.", "\u{1b}[2K", "Downloading", "Compressing", "Packaged"] {
        assert!(said.contains(part), "expected `{part}` in {said:?}");
    }
    std::fs::remove_dir_all(world.path("cache/files")).unwrap();
    world.forget_artifacts();
    let quiet = run(&mut on_a_terminal(&world, "build --quiet --compress max")).expect_code(0);
    assert_eq!(quiet.stdout.trim_end(), "target/layers/small.zip");

    let world = World::new(&layer());
    let log = world.run(&["build", "--compress", "max"]).expect_code(0).stderr;
    assert!(!log.contains(['\r', '\u{1b}']), "{log:?}");
    let verbs: Vec<&str> = log.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(verbs, ["Downloading", "Downloaded", "Compressing", "Compressed", "Audited", "Packaged"]);
}
