//! The binary `layer-builder`: everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    layer_builder::cli::main()
}
