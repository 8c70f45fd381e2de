//! The binary `template-tools`: the commands, and what they say. What they do is in the library.

mod called;
mod cli;
mod commands;
mod ui;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
