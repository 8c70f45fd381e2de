//! `cargo xtask local-aws`: a local AWS for whoever wants to try things out, as long as this runs.

use std::process::ExitCode;

use clap::Parser;

/// Start a local AWS, and print the environment that points tools at it
///
/// It listens on a free port of the loopback, knows every region, forgets everything when it ends, and needs no account.
/// It ends with Ctrl-C, when it is told to (SIGTERM), and when the pipe that is its standard input is closed.
#[derive(Parser)]
#[command(name = "local-aws", bin_name = "cargo xtask local-aws")]
struct Cli {}

fn main() -> ExitCode {
    let Cli {} = Cli::parse();
    tests::local_aws::session::run()
}
