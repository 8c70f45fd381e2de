//! `cargo xtask`: the one list of all commands.
//!
//! Each command is handed to the crate that does it, or is a part of the contributor's dev loop. Nothing is done here:
//! no AWS, no files read. Arguments are looked at in `combined.rs` only.

mod child;
mod combined;
mod commands;
mod dev;
mod fuzz;

use std::process::ExitCode;

use commands::Run;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let result = match commands::find(&arguments) {
        Some(Run::Binary { name: "bump-templates", .. }) if combined::asks_for_latest(&arguments[1..]) => {
            combined::bump_latest(&arguments[1..])
        }
        Some(Run::Binary { bin, subcommand, name }) => child::start(bin, subcommand, name, &arguments[1..]),
        Some(Run::Dev(run)) => run(&arguments[1..]),
        None => Ok(commands::list_or_explain(&arguments)),
    };
    result.unwrap_or_else(|error| {
        dev::report(&error);
        ExitCode::FAILURE
    })
}
