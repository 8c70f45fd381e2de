//! `bench publish`: twenty regions against one, and against the AWS CLI that takes one region after another, with
//! 100 ms added to every call; the calls of the steady state; how long it takes to start; a large upload. The local AWS
//! answers; what is measured is ours.

mod regions;
mod upload;

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::verdicts::Verdicts;
use super::{Contender, in_turns, table, times};
use crate::command::{binary, clean, workspace};
use crate::local_aws::LocalAws;

/// In milliseconds: `layer-publisher --version`.
const START: f64 = 15.0;
/// In seconds: the publisher from nothing, pointers included, on two processors.
const COMPILE: f64 = 200.0;

/// A part of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Twenty regions against one, and against the AWS CLI
    Regions,
    /// The calls of a run that finds everything there
    Steady,
    /// `layer-publisher --version`
    Start,
    /// 200 MB to S3 against `aws s3 cp`, and the memory that it takes
    Upload,
    /// The publisher compiled from nothing, in a folder of its own: minutes, and only if it is named
    Compile,
}

/// What is to be measured, and how often.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The parts; all but the compiler if none is named.
    pub parts: Vec<Part>,
    /// Runs of what takes milliseconds.
    pub runs: usize,
    /// Runs of what takes seconds.
    pub slow_runs: usize,
}

/// Prints the tables. A failure, if something was not reached.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "figures are what a bench is for")]
pub fn run_plan(plan: &Plan) -> ExitCode {
    let mut verdicts = Verdicts::default();
    match measure(plan, &mut verdicts, |text| println!("{text}")) {
        Ok(()) => println!("{}", verdicts.table()),
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    }
    if verdicts.all_held() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn measure(plan: &Plan, verdicts: &mut Verdicts, show: impl Fn(String)) -> Result<()> {
    let wanted = |part: Part| {
        if plan.parts.is_empty() { part != Part::Compile } else { plan.parts.contains(&part) }
    };
    if wanted(Part::Start) {
        show(start(plan.runs, verdicts));
    }
    let local = LocalAws::start()?;
    if wanted(Part::Regions) {
        show(regions::measure(&local, plan.slow_runs, verdicts)?);
    }
    if wanted(Part::Steady) {
        show(regions::steady(&local, verdicts)?);
    }
    if wanted(Part::Upload) {
        show(upload::measure(&local, plan.slow_runs, verdicts)?);
    }
    drop(local);
    if wanted(Part::Compile) {
        show(compile(verdicts)?);
    }
    Ok(())
}

/// Everything that happens before the first thought.
fn start(runs: usize, verdicts: &mut Verdicts) -> String {
    let run = |arguments: &'static [&'static str]| {
        move || drop(time(clean(binary("layer-publisher")).args(arguments)))
    };
    let mut all = [Contender::new("layer-publisher --version", run(&["--version"]))];
    in_turns(&mut all, runs);
    verdicts.at_most("`layer-publisher --version`", all[0].median().as_secs_f64() * 1e3, START, "ms");
    table(&format!("Start, {}", times(runs)), &all.iter().collect::<Vec<_>>())
}

fn compile(verdicts: &mut Verdicts) -> Result<String> {
    let folder = tempfile::TempDir::new().context("failed to make a temporary folder")?;
    let mut cargo = clean(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "layer-publisher", "--target-dir"]).arg(folder.path());
    let took = time(cargo.current_dir(workspace()))?.as_secs_f64();
    verdicts.at_most("compiling the publisher from nothing", took, COMPILE, "s");
    Ok(format!("Compiling the publisher from nothing: {took:.0} s\n"))
}

fn time(command: &mut Command) -> Result<Duration> {
    let start = Instant::now();
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("failed to start {command:?}"))?;
    let took = start.elapsed();
    if !output.status.success() {
        bail!("{command:?} ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(took)
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
