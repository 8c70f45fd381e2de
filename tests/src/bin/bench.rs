//! `cargo xtask bench`: measures against the floor and the rivals, side by side in one run.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tests::bench::build::{Part, Plan, run_plan};
use tests::bench::publish;
use tests::bench::templates;

/// Measure against the floor and the rivals, side by side in one run: medians and ratios.
#[derive(Parser)]
#[command(name = "bench", bin_name = "cargo xtask bench")]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// Builds: against their floor, pip, zip and uv; memory and growth (needs PyPI and a Python 3.13)
    Build {
        /// What is measured; everything if nothing is named
        #[arg(value_name = "PART")]
        parts: Vec<Part>,
        /// How often the quick ones are run
        #[arg(long, default_value_t = 21)]
        runs: usize,
        /// How often is run what takes seconds
        #[arg(long, default_value_t = 3)]
        slow_runs: usize,
    },
    /// Publishing to 20 regions with 100 ms added to every call, against one region and the AWS CLI; the calls of the
    /// steady state, the start, a large upload (needs PyPI)
    Publish {
        /// What is measured; everything but the compiler if nothing is named
        #[arg(value_name = "PART")]
        parts: Vec<publish::Part>,
        /// How often is run what takes milliseconds
        #[arg(long, default_value_t = 21)]
        runs: usize,
        /// How often is run what takes seconds
        #[arg(long, default_value_t = 3)]
        slow_runs: usize,
    },
    /// Templates: trees of 10,000 and 50,000 against ripgrep that lists files, and a Python script; memory and growth
    Templates {
        /// How often the quick ones are run
        #[arg(long, default_value_t = 21)]
        runs: usize,
        /// How often is run what writes, and everything in the larger tree
        #[arg(long, default_value_t = 7)]
        slow_runs: usize,
    },
}

#[expect(clippy::print_stderr, reason = "the edge of a command")]
fn main() -> ExitCode {
    let Cli { bench } = Cli::parse();
    let measured: &[&str] = match bench {
        Bench::Build { .. } => &["layer-builder"],
        Bench::Publish { .. } => &["layer-builder", "layer-publisher"],
        Bench::Templates { .. } => &["template-tools"],
    };
    if let Err(error) = tests::cargo::build(measured, None) {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    match bench {
        Bench::Build { parts, runs, slow_runs } => {
            let plan = Plan { parts, runs: runs.max(1), slow_runs: slow_runs.max(1) };
            run_plan(&plan)
        }
        Bench::Publish { parts, runs, slow_runs } => {
            publish::run_plan(&publish::Plan { parts, runs: runs.max(1), slow_runs: slow_runs.max(1) })
        }
        Bench::Templates { runs, slow_runs } => {
            templates::run(templates::Plan { runs: runs.max(1), slow_runs: slow_runs.max(1) })
        }
    }
}
