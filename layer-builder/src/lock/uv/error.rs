//! Why uv could not help, and what to do about it.

use std::path::PathBuf;

use thiserror::Error;

use super::find::OLDEST;
use super::install::OURS;
use crate::cache;
use crate::indexes::renewal_for;
use crate::lock::files;

/// Why uv could not help.
#[derive(Debug, Error)]
pub enum Error {
    /// There is none, and no way to get one.
    #[error("found neither uv {OLDEST} or newer nor a Python with pip to install it")]
    NotFound {
        /// What was tried.
        tried: String,
    },
    /// There is none here, and the network may not be asked for one.
    #[error("found no uv {OLDEST} or newer on this machine")]
    NotHere,
    /// pip did not install it.
    #[error("failed to install uv {OURS} with pip:\n{output}")]
    Install {
        /// What pip said.
        output: String,
    },
    /// uv did not start, or did not do it.
    #[error("uv failed to {what}:\n{output}")]
    Failed {
        /// What it was to do.
        what: String,
        /// What uv said.
        output: String,
    },
    /// A file between us and uv.
    #[error("failed to pass `{}` to uv", path.display())]
    Exchange {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It said something that we do not understand.
    #[error("failed to read what uv says about where the files of `{}` lie", lock.display())]
    Locations {
        /// The lock that was asked about.
        lock: PathBuf,
        /// Why.
        source: files::Error,
    },
    /// The cache is of no use.
    #[error(transparent)]
    Cache(#[from] cache::Error),
}

impl Error {
    /// Whether uv has looked, and there is nothing.
    pub fn is_no_solution(&self) -> bool {
        matches!(self, Self::Failed { output, .. } if output.contains("No solution found"))
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotHere => Some("run this once without `--offline`, which installs one".to_owned()),
            Self::NotFound { tried } => Some(format!(
                "install uv and have it on PATH, or a Python 3 with pip; what was tried: {tried}"
            )),
            Self::Failed { output, .. }
                if ["401 Unauthorized", "403 Forbidden"].iter().any(|status| output.contains(status)) =>
            {
                Some(renewal_for(output))
            }
            Self::Failed { output, .. } if output.contains("No interpreter found") => Some(
                "uv needs a Python, any version: install one, or let `uv python install` do it".to_owned(),
            ),
            Self::Failed { output, .. } if output.contains("the requested Python version") => Some(
                "take the oldest Python out of `python`, or leave the package out for it: \
                 \"package ; python_version >= '3.10'\""
                    .to_owned(),
            ),
            Self::Install { output } | Self::Failed { output, .. } if is_network_trouble(output) => Some(
                "this needs the network; with a fresh lock and a full cache `--offline` does without"
                    .to_owned(),
            ),
            Self::Cache(error) => Some(error.hint()),
            _ => None,
        }
    }
}

fn is_network_trouble(output: &str) -> bool {
    ["dns error", "error sending request", "Failed to fetch", "Could not connect", "NewConnectionError"]
        .iter()
        .any(|sign| output.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_that_is_too_old_has_a_hint() {
        let output = "  × No solution found when resolving dependencies:\n  ╰─▶ Because the requested Python version \
                      (>=3.9) does not satisfy Python>=3.10 and x==2 depends on Python>=3.10, …";
        let error = Error::Failed { what: "resolve".to_owned(), output: output.to_owned() };
        assert!(error.is_no_solution());
        assert!(error.hint().unwrap().starts_with("take the oldest Python out of `python`"));
    }
}
