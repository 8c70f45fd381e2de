//! What came of one artifact in one region, and why it is not there.

use std::time::Duration;

use template_tools::arn::LayerName;
use thiserror::Error;

use crate::aws::failure::CallFailure;
use crate::layer_version::LayerVersion;

/// What came of one artifact in one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The version that holds the content now.
    pub version: LayerVersion,
    /// Whether it was there before.
    pub was: Was,
    /// Where it differs from what was built.
    pub differences: Vec<String>,
    /// Versions that have the same content without need, newest first.
    pub twins: Vec<u64>,
    /// Why it could not be read back, if it could not.
    pub not_read_back: Option<CallFailure>,
    /// Versions after it that give way to it.
    pub replaced: Vec<u64>,
    /// Versions whose withdrawal is taken back.
    pub reinstated: Vec<u64>,
}

/// Whether something was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Was {
    /// It was there before.
    Unchanged,
    /// It was there before, and not current.
    MadeCurrent,
    /// It was published now.
    Published,
    /// It was published now, and the answer was lost.
    PublishedUnheard,
}

impl Outcome {
    pub(super) fn new(version: LayerVersion, was: Was) -> Self {
        let (differences, twins) = (Vec::new(), Vec::new());
        let (replaced, reinstated) = (Vec::new(), Vec::new());
        Self { version, was, differences, twins, not_read_back: None, replaced, reinstated }
    }

    /// Whether the version was read back and is what was built, in all that counts.
    pub fn is_verified(&self) -> bool {
        self.not_read_back.is_none() && self.differences.is_empty()
    }
}

/// Why a region does not have the content, as far as we know.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RegionFailure {
    /// Could not look.
    #[error("failed to ask for the versions of layer `{layer}`")]
    Look {
        /// The layer.
        layer: LayerName,
        /// What was said.
        source: CallFailure,
    },
    /// Lambda refused.
    #[error("failed to publish layer `{layer}`")]
    Refused {
        /// The layer.
        layer: LayerName,
        /// What was said.
        source: CallFailure,
    },
    /// Nobody knows. The next run finds out.
    #[error(
        "no answer tells whether layer `{layer}` was published, and no version with this content has appeared"
    )]
    Unheard {
        /// The layer.
        layer: LayerName,
        /// What was said last.
        source: CallFailure,
    },
    /// It was withdrawn.
    #[error("this content was withdrawn as version {version}: {why}")]
    Withdrawn {
        /// The version that has it.
        version: u64,
        /// Why it was withdrawn.
        why: String,
    },
    /// It has taken too long.
    #[error("gave up on layer `{layer}` after {} s", after.as_secs())]
    Deadline {
        /// The layer.
        layer: LayerName,
        /// How long it was waited.
        after: Duration,
    },
    /// Lambda has something else than what was sent.
    #[error("version {version} of layer `{layer}` has CodeSha256 {found}, and not {built} as it was sent")]
    OtherContent {
        /// The layer.
        layer: LayerName,
        /// The version.
        version: u64,
        /// Its hash.
        found: String,
        /// The hash of what was sent.
        built: String,
    },
    /// The number that was agreed on is not the next one any more.
    #[error("layer `{layer}` goes on with version {found}, and not with {expected} as in the other regions")]
    OtherNumber {
        /// The layer.
        layer: LayerName,
        /// The number that was agreed on.
        expected: u64,
        /// The number that it would get, or has got.
        found: u64,
    },
    /// A stack makes the layer, and this would be a second publisher; or the other way round.
    #[error("version {version} of layer `{layer}` was made by {by}, and `publisher` is `{publisher}`")]
    OtherPublisher {
        /// The layer.
        layer: LayerName,
        /// Its newest version.
        version: u64,
        /// Who made it.
        by: String,
        /// What `layers.toml` says.
        publisher: &'static str,
        /// What to do about it.
        hint: String,
    },
    /// The layer's stack could not be deployed.
    #[error("stack `{stack}`, which makes layer `{layer}`, has not got this content: {why}")]
    Stack {
        /// The layer.
        layer: LayerName,
        /// Its stack.
        stack: String,
        /// What was said.
        why: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// There is no content for a version that is missing.
    #[error("version {number} of layer `{layer}` cannot be filled up: {why}")]
    Fill {
        /// The layer.
        layer: LayerName,
        /// The version that is missing.
        number: u64,
        /// What happened where the content comes from.
        why: String,
    },
}

impl RegionFailure {
    /// The call that failed, if one did.
    pub fn call(&self) -> Option<&CallFailure> {
        match self {
            Self::Look { source, .. } | Self::Refused { source, .. } | Self::Unheard { source, .. } => {
                Some(source)
            }
            Self::OtherContent { .. }
            | Self::OtherNumber { .. }
            | Self::Fill { .. }
            | Self::OtherPublisher { .. }
            | Self::Stack { .. }
            | Self::Withdrawn { .. }
            | Self::Deadline { .. } => None,
        }
    }
}
