//! `cargo xtask demo`: the whole loop in a minute, against a local AWS.

use std::process::ExitCode;

use clap::Parser;
use tests::demo::{self, Afterwards};

/// Show the whole loop on an example: build, publish in two regions, bring templates to the new version, and again
///
/// It works in a temporary folder, on a copy of `tests/example`, against a local AWS that it starts and ends: no account
/// is needed, and nothing of the repository changes.
#[derive(Parser)]
#[command(name = "demo", bin_name = "cargo xtask demo")]
struct Cli {
    /// Keep the folder that it worked in, and say where it is
    #[arg(long)]
    keep: bool,
}

fn main() -> ExitCode {
    let Cli { keep } = Cli::parse();
    demo::run(if keep { Afterwards::Keep } else { Afterwards::Remove })
}
