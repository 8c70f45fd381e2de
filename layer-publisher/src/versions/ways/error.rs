//! Why the ways to a layer are not known, and what to type next.

use thiserror::Error;

use super::SubjectError;
use crate::called::CalledAs;
use crate::config::ConfigError;
use crate::config::publish::UnknownTarget;
use crate::ledger_file::LedgerFileError;
use crate::publish::shared_lock::LockError;

/// Why nobody could be asked about a layer.
#[derive(Debug, Error)]
pub enum WaysError {
    /// `layers.toml`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No such layer.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// No such target.
    #[error(transparent)]
    Target(#[from] UnknownTarget),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerFileError),
    /// The lock across machines.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The process itself.
    #[error("failed to find the current folder")]
    Folder(#[source] std::io::Error),
}

impl WaysError {
    /// What to type next.
    pub fn hint(&self, called: &CalledAs) -> Option<String> {
        match self {
            Self::Config(ConfigError::NotFound { .. }) => {
                Some(format!("name the file with `{} --layers-file FILE`", called.typed()))
            }
            Self::Target(error) => error.hint(),
            Self::Ledger(error) => error.hint(),
            Self::Lock(error) => error.hint(called),
            Self::Config(_) | Self::Subject(_) | Self::Folder(_) => None,
        }
    }
}
