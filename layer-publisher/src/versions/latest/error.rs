//! Why there is no answer, and what to do about it.

use std::path::PathBuf;

use template_tools::arn::ArnError;
use template_tools::inventory::NoInventory;
use thiserror::Error;

use crate::aws::failure::CallFailure;
use crate::aws::session::SessionError;
use crate::called::{CalledAs, Command};
use crate::config::ConfigError;
use crate::publish::regions::NoRegion;

/// Why nothing was asked, or nothing was found.
#[derive(Debug, Error)]
pub enum LatestError {
    /// `layers.toml`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A name that no layer can have.
    #[error("there can be no such layer")]
    Name(#[source] ArnError),
    /// What templates name could not be read.
    #[error("failed to read the layers that templates name from {name}")]
    References {
        /// Where they should have been.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// What templates name is something else.
    #[error("failed to read the layers that templates name from {name}")]
    Inventory {
        /// Where it was.
        name: String,
        /// What is wrong.
        source: NoInventory,
    },
    /// No layer was named, and none is in the file.
    #[error("`{}` has no layer", file.display())]
    NoLayers {
        /// The file.
        file: PathBuf,
    },
    /// No region.
    #[error(transparent)]
    NoRegion(#[from] NoRegion),
    /// Credentials and the way to AWS.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// No region has answered.
    #[error("failed to ask for the newest versions of {layers}")]
    NoAnswer {
        /// The layers, in backticks.
        layers: String,
        /// What the first of them said.
        source: Box<CallFailure>,
        /// What to do about it.
        hint: Option<String>,
    },
    /// There is no version anywhere.
    #[error("no region has a version of {layers}")]
    Nowhere {
        /// The layers, in backticks.
        layers: String,
        /// One of them that is ours.
        first: Option<String>,
    },
    /// The process itself.
    #[error("failed to find the current folder")]
    Folder(#[source] std::io::Error),
}

impl LatestError {
    /// What to type next.
    pub fn hint(&self, called: &CalledAs) -> Option<String> {
        match self {
            Self::NoRegion(error) => Some(error.hint(called)),
            Self::Session(error) => error.hint(called),
            Self::NoAnswer { hint, .. } => hint.clone(),
            Self::Nowhere { first, .. } => {
                let publish = called.words(Command::Publish);
                first.as_ref().map(|first| format!("publish it first with `{publish} {first}`"))
            }
            Self::Config(ConfigError::NotFound { .. }) => {
                Some("name the layers, or a file with `--layers-file FILE`".to_owned())
            }
            Self::References { .. } | Self::Inventory { .. } => {
                Some("`template-tools list --format json` writes what is read there".to_owned())
            }
            Self::Config(_) | Self::Name(_) | Self::NoLayers { .. } | Self::Folder(_) => None,
        }
    }
}
