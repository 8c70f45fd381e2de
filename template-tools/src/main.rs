//! The binary `template-tools`: everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    template_tools::cli::main()
}
