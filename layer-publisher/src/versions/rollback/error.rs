//! Why nothing was rolled back, and what to type next.

use template_tools::arn::Region;
use thiserror::Error;

use crate::called::{CalledAs, Command};
use crate::versions::ways::WaysError;

/// Why nothing was changed.
#[derive(Debug, Error)]
pub enum RollbackError {
    /// What any command that looks at layers needs.
    #[error(transparent)]
    Ways(WaysError),
    /// It lies in several targets, and numbers differ between accounts.
    #[error("layer `{layer}` was published to several targets: {}", targets.join(", "))]
    WhichTarget {
        /// The layer.
        layer: String,
        /// In backticks.
        targets: Vec<String>,
        /// One of them.
        first: String,
    },
    /// The number means different contents.
    #[error("version {version} of layer `{layer}` is not the same in every region")]
    Drift {
        /// The layer.
        layer: String,
        /// The number.
        version: u64,
        /// Which version has the content, region by region.
        source: Regions,
        /// The content's first digits.
        digits: String,
    },
    /// Some region has no such version.
    #[error("layer `{layer}` has no {what} to go back to")]
    Missing {
        /// The layer.
        layer: String,
        /// What was looked for.
        what: String,
        /// Where.
        source: Regions,
    },
    /// The version was withdrawn itself.
    #[error("version {version} of layer `{layer}` in {region} was withdrawn: {why}")]
    Withdrawn {
        /// The layer.
        layer: String,
        /// The version.
        version: u64,
        /// Where.
        region: Region,
        /// Why it was withdrawn.
        why: String,
    },
    /// There is no place.
    #[error("layer `{layer}` has no version anywhere")]
    Nowhere {
        /// The layer.
        layer: String,
    },
}

/// What each region has, one line each.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}", .0.join("\n"))]
pub struct Regions(pub Vec<String>);

impl<E: Into<WaysError>> From<E> for RollbackError {
    fn from(error: E) -> Self {
        Self::Ways(error.into())
    }
}

impl RollbackError {
    /// What to type next.
    pub fn hint(&self, called: &CalledAs) -> Option<String> {
        match self {
            Self::Ways(error) => error.hint(called),
            Self::WhichTarget { layer, first, .. } => Some(format!(
                "name one with `{} {layer} --target {first} --to …`",
                called.words(Command::Rollback)
            )),
            Self::Drift { layer, digits, .. } => Some(format!(
                "go back to the same content everywhere with `{} {layer} --to sha256:{digits}`",
                called.words(Command::Rollback)
            )),
            Self::Missing { layer, .. } => {
                Some(format!("see which versions there are with `{} {layer}`", called.words(Command::Status)))
            }
            Self::Withdrawn { layer, version, .. } => Some(format!(
                "if it is good after all, take that back with `{} {layer} --to {version} --reinstate`",
                called.words(Command::Rollback)
            )),
            Self::Nowhere { layer } => {
                Some(format!("publish it first with `{} {layer}`", called.words(Command::Publish)))
            }
        }
    }
}
