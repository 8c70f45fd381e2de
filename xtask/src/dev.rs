//! The contributor's dev loop: cargo, called with the flags that CI uses.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use xshell::{Cmd, Shell, cmd};

use crate::{child, fuzz};

/// Check formatting, clippy (warnings are errors) and the documentation.
#[derive(Parser)]
#[command(name = "cargo xtask lint", bin_name = "cargo xtask lint")]
struct Lint {
    /// Format, and apply what clippy can mend by itself
    #[arg(long)]
    fix: bool,
}

/// Run the tests: with nextest where it is installed, else with `cargo test`.
#[derive(Parser)]
#[command(name = "cargo xtask test", bin_name = "cargo xtask test")]
struct Test {
    /// Run those that need PyPI too; their names say so
    #[arg(long)]
    network: bool,
    /// Only tests whose name contains this
    filter: Vec<String>,
}

/// Build the documentation of the workspace's own crates.
#[derive(Parser)]
#[command(name = "cargo xtask docs", bin_name = "cargo xtask docs")]
struct Docs {
    /// Open it in the browser
    #[arg(long)]
    open: bool,
}

/// Everything that CI runs, in its order: lint, build, all tests, the lock's freshness, the fuzz targets compiled.
#[derive(Parser)]
#[command(name = "cargo xtask ci", bin_name = "cargo xtask ci")]
struct Ci {}

pub(crate) fn lint(arguments: &[OsString]) -> Result<ExitCode> {
    let Lint { fix } = parse(arguments);
    let shell = shell()?;
    if fix {
        run(&cargo(&shell, &["fmt", "--all"]))?;
        run(&cargo(
            &shell,
            &["clippy", "--workspace", "--all-targets", "--fix", "--allow-dirty", "--allow-staged"],
        ))?;
    }
    check(&shell)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn test(arguments: &[OsString]) -> Result<ExitCode> {
    let Test { network, filter } = parse(arguments);
    run_tests(&shell()?, network, &filter)?;
    if !network {
        note("the tests that need PyPI were left out; `cargo xtask test --network` runs them too");
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn docs(arguments: &[OsString]) -> Result<ExitCode> {
    let Docs { open } = parse(arguments);
    let shell = shell()?;
    let mut command = document(&shell);
    if open {
        command = command.arg("--open");
    }
    run(&command)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn ci(arguments: &[OsString]) -> Result<ExitCode> {
    let Ci {} = parse(arguments);
    let shell = shell()?;
    let start = Instant::now();
    check(&shell)?;
    run_tests(&shell, true, &[])?;
    run(&cargo(&shell, &["run", "--locked", "--bin", "layer-builder", "--", "lock", "--check"]))?;
    fuzz::check(&shell)?;
    note(&format!("everything that CI runs has passed, in {:.0} s", start.elapsed().as_secs_f64()));
    Ok(ExitCode::SUCCESS)
}

/// Says what went wrong, in the voice of the other binaries.
#[expect(clippy::print_stderr, reason = "the one place of this crate that speaks of errors")]
pub(crate) fn report(error: &anyhow::Error) {
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  Caused by: {cause}");
    }
}

/// A word at the end.
#[expect(clippy::print_stderr, reason = "the one place of this crate that prints notes")]
pub(crate) fn note(text: &str) {
    eprintln!("note: {text}");
}

/// Parses what follows the command's name; `--help` and wrong usage end the process here, as clap does it.
pub(crate) fn parse<T: Parser>(arguments: &[OsString]) -> T {
    T::parse_from(std::iter::once(OsString::new()).chain(arguments.iter().cloned()))
}

pub(crate) fn shell() -> Result<Shell> {
    let shell = Shell::new().context("failed to find the current folder")?;
    shell.change_dir(child::root());
    Ok(shell)
}

fn check(shell: &Shell) -> Result<()> {
    run(&cargo(shell, &["fmt", "--all", "--check"]))?;
    run(&cargo(shell, &["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    run(&document(shell))
}

fn document(shell: &Shell) -> Cmd<'_> {
    cargo(shell, &["doc", "--locked", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links")
}

fn run_tests(shell: &Shell, network: bool, filter: &[String]) -> Result<()> {
    // The end-to-end tests drive the real binaries; some are not those of the package that tests them.
    run(&cargo(shell, &["build", "--locked", "--workspace"]))?;
    let nextest =
        cargo(shell, &["nextest", "--version"]).quiet().ignore_stdout().ignore_stderr().run().is_ok();
    let mut command = if nextest {
        cargo(shell, &["nextest", "run", "--locked", "--workspace", "--no-tests", "warn"])
    } else {
        cargo(shell, &["test", "--locked", "--workspace"])
    };
    command = match (network, nextest) {
        (true, true) => command.args(filter),
        (false, true) => command.args(["-E", "not test(/pypi_/)"]).args(filter),
        (true, false) => command.arg("--").args(filter),
        (false, false) => command.args(["--", "--skip", "pypi_"]).args(filter),
    };
    let skipped = skipped_folder();
    let _ = std::fs::remove_dir_all(&skipped);
    run(&command)?;
    for file in std::fs::read_dir(skipped).into_iter().flatten().flatten() {
        let why = std::fs::read_to_string(file.path()).unwrap_or_default();
        note(&format!("skipped `{}`: {why}", file.file_name().to_string_lossy()));
    }
    Ok(())
}

/// Where tests say that they were left out, and why: beside this program (see `tests::command::skipped`).
fn skipped_folder() -> PathBuf {
    std::env::current_exe().unwrap_or_default().with_file_name("skipped-tests")
}

/// cargo in the workspace, without the variables of the cargo that runs us (see [`child::cargo`]).
pub(crate) fn cargo<'a>(shell: &'a Shell, arguments: &[&str]) -> Cmd<'a> {
    let clean = child::cargo();
    let program = clean.get_program().to_owned();
    let mut command = cmd!(shell, "{program}").args(arguments);
    for (name, value) in clean.get_envs() {
        if value.is_none() {
            command = command.env_remove(name);
        }
    }
    command
}

pub(crate) fn run(command: &Cmd<'_>) -> Result<()> {
    command.run().map_err(Into::into)
}
