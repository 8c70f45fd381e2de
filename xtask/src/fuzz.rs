//! Fuzzing, by the compiler of the workspace: what cargo-fuzz does with a nightly one, without the sanitizers.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use xshell::{Shell, cmd};

use crate::dev::{cargo, parse, run, shell};

const MANIFEST: &str = "tests/fuzz/Cargo.toml";
/// A folder of its own: nothing that is instrumented is of use elsewhere.
const FOLDER: &str = "target/fuzz";
/// What libFuzzer needs to see which ways through the code there are.
const INSTRUMENTED: &str = "--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Feed made-up files to what reads files of strangers, until it fails or the time is over.
///
/// What was found stays in `tests/fuzz/corpus/` and `tests/fuzz/artifacts/`; both are known to git as ignored.
#[derive(Parser)]
#[command(name = "cargo xtask fuzz", bin_name = "cargo xtask fuzz")]
struct Fuzz {
    /// What to feed
    target: Target,
    /// How long
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// Locks, and the answers about where their files lie
    Lock,
    /// Templates
    Template,
    /// Wheels, the whole way into a layer
    Wheel,
}

pub(crate) fn fuzz(arguments: &[OsString]) -> Result<ExitCode> {
    let Fuzz { target, seconds } = parse(arguments);
    let name = match target {
        Target::Lock => "lock",
        Target::Template => "template",
        Target::Wheel => "wheel",
    };
    let shell = shell()?;
    let about = cmd!(shell, "rustc -vV").quiet().read()?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let build = ["build", "--release", "--locked", "--manifest-path", MANIFEST, "--target-dir", FOLDER];
    // With a target that is named, build scripts are not instrumented.
    let build = cargo(&shell, &build).args(["--target", host, "--bin", name]);
    run(&build.env("RUSTFLAGS", INSTRUMENTED))?;
    for folder in ["corpus", "artifacts"] {
        shell.create_dir(format!("tests/fuzz/{folder}/{name}"))?;
    }
    let program = format!("{FOLDER}/{host}/release/{name}");
    let mut options = vec![
        format!("-max_total_time={seconds}"),
        format!("-dict=tests/fuzz/{name}.dict"),
        format!("-artifact_prefix=tests/fuzz/artifacts/{name}/"),
        format!("tests/fuzz/corpus/{name}"),
    ];
    // What is found goes to the first folder; the seeds are only read.
    let seeds = format!("tests/fuzz/seeds/{name}");
    if shell.path_exists(&seeds) {
        options.push(seeds);
    }
    run(&cmd!(
        shell,
        "{program} -rss_limit_mb=1024 -malloc_limit_mb=512 -timeout=10 -print_final_stats=1 {options...}"
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// That the targets compile.
pub(crate) fn check(shell: &Shell) -> Result<()> {
    run(&cargo(shell, &["check", "--locked", "--manifest-path", MANIFEST, "--target-dir", FOLDER]))
}
