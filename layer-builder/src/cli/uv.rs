//! `uv`: the process becomes the uv that locks and builds use.

use std::process::ExitCode;

use super::arguments::UvArgs;
use super::{Door, Failure, user_cache};
use crate::lock::uv::{Network, Uv};

impl Door<'_> {
    pub(super) fn uv(&self, args: &UvArgs) -> Result<ExitCode, Failure> {
        let uv = Uv::find(&user_cache()?, Network::Allowed, self.ui).map_err(|error| {
            let hint = error.hint();
            Failure::new(error, hint)
        })?;
        let mut command = uv.command();
        command.args(&args.arguments);
        run_instead(command).map_err(|error| Failure::new(error, None))
    }
}

#[cfg(unix)]
fn run_instead(mut command: std::process::Command) -> std::io::Result<ExitCode> {
    Err(std::os::unix::process::CommandExt::exec(&mut command))
}

#[cfg(not(unix))]
fn run_instead(mut command: std::process::Command) -> std::io::Result<ExitCode> {
    let code = command.status()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}
