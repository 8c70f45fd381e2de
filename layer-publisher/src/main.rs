//! The binary `layer-publisher`: everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    layer_publisher::cli::main()
}
