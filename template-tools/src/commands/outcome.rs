//! What a run came to, as an exit code.

use std::process::ExitCode;

use crate::commands::interrupt::Signal;

/// What became of a run. The worst that happened decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Done, or nothing to do.
    Done,
    /// Refused, or something to do under `--check`.
    Failed,
    /// Some of it could not be done.
    Partly,
    /// Somebody stopped it before anything was written.
    Interrupted(Signal),
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::Partly => 3,
            Outcome::Interrupted(signal) => signal.exit_code(),
        })
    }
}
