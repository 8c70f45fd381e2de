//! `cargo xtask bench`: measures against the floor and the rivals, side by side in one run.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measure against the floor and the rivals, side by side in one run: medians and ratios.
#[derive(Parser)]
#[command(name = "bench", bin_name = "cargo xtask bench")]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// A warm build of the sosw layer, against its floor and against pip and zip (needs PyPI)
    Build {
        /// How often the quick ones are run
        #[arg(long, default_value_t = 21)]
        runs: usize,
        /// How often pip and zip are run
        #[arg(long, default_value_t = 3)]
        slow_runs: usize,
    },
    /// Publishing to 20 regions with 100 ms added to every call, against one region and the AWS CLI (needs PyPI)
    Publish,
    /// Checking 10,000 templates, 200 of which name the layer, against ripgrep that lists those
    Templates {
        /// How often each is run
        #[arg(long, default_value_t = 21)]
        runs: usize,
    },
}

#[expect(clippy::print_stderr, reason = "the edge of a command")]
fn main() -> ExitCode {
    let Cli { bench } = Cli::parse();
    let measured: &[&str] = match bench {
        Bench::Build { .. } => &["layer-builder"],
        Bench::Publish => &["layer-builder", "layer-publisher"],
        Bench::Templates { .. } => &["template-tools"],
    };
    if let Err(error) = tests::cargo::build(measured, None) {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    match bench {
        Bench::Build { runs, slow_runs } => tests::bench::build::run(runs.max(1), slow_runs.max(1)),
        Bench::Publish => return tests::bench::publish::run(),
        Bench::Templates { runs } => return tests::bench::templates::run(runs.max(1)),
    }
    ExitCode::SUCCESS
}
