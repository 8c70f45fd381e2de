//! Why nothing was published, and what to type next.

use std::error::Error;
use std::path::PathBuf;

use template_tools::arn::{AccountId, ArnError, Region};
use thiserror::Error;

use super::choose::ChangedError;
use super::continuity::Disagreement;
use super::pointer::PointerNameError;
use super::regions::NoRegion;
use super::shared_lock::LockError;
use crate::aws::session::{OtherAccount, SessionError};
use crate::called::{CalledAs, Command};
use crate::config::ConfigError;
use crate::config::publish::UnknownTarget;
use crate::ledger_file::LedgerFileError;
use crate::manifest::ArtifactError;

/// Why nothing was tried.
#[derive(Debug, Error)]
pub enum PublishError {
    /// `layers.toml`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The artifacts.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// A name that Lambda does not take.
    #[error("artifact `{artifact}` cannot be published")]
    Name {
        /// The artifact.
        artifact: String,
        /// What is wrong.
        source: ArnError,
    },
    /// git.
    #[error(transparent)]
    Changed(#[from] ChangedError),
    /// No such target.
    #[error(transparent)]
    Target(#[from] UnknownTarget),
    /// Layers that need different credentials.
    #[error("layers `{first}` and `{second}` have different accounts, roles or profiles")]
    TwoWays {
        /// A layer.
        first: String,
        /// Another one.
        second: String,
    },
    /// A pointer's name that does not fit.
    #[error("artifact `{artifact}` can have no pointer")]
    Pointer {
        /// The artifact.
        artifact: String,
        /// What is wrong.
        source: PointerNameError,
    },
    /// The stack that makes a layer cannot be deployed.
    #[error("the stack of layer `{layer}` cannot be deployed: {why}")]
    Stack {
        /// The layer.
        layer: String,
        /// Why not.
        why: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// No bucket is known.
    #[error("no bucket is known for layer `{layer}`")]
    NoBucket {
        /// The layer.
        layer: String,
        /// The file in which one can be named.
        file: PathBuf,
    },
    /// Nothing that could be sent.
    #[error("there is nothing to publish")]
    Nothing,
    /// The credentials are for another account.
    #[error(transparent)]
    OtherAccount(#[from] OtherAccount),
    /// The credentials are for another account than all those before, and none is named.
    #[error(
        "layer `{layer}` was published to account {} so far, and these credentials are for account {found}",
        listed(known)
    )]
    SecondAccount {
        /// The layer.
        layer: String,
        /// The accounts that the ledger has rows of.
        known: Vec<AccountId>,
        /// The account of these credentials.
        found: AccountId,
        /// What to type next.
        hint: String,
    },
    /// A layer would become public.
    #[error("`{}` makes layer `{layer}` public: everybody could use it", file.display())]
    Public {
        /// The layer.
        layer: String,
        /// The file that says so.
        file: PathBuf,
    },
    /// A number that nobody knows.
    #[error("failed to find out which number layer `{layer}` would get in {region}")]
    UnknownNumber {
        /// The layer.
        layer: String,
        /// The region.
        region: Region,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The numbers would differ.
    #[error("layer `{layer}` would not get the same version number everywhere: {}", numbers(disagreement))]
    Numbers {
        /// The layer.
        layer: String,
        /// What they would be.
        disagreement: Disagreement,
    },
    /// No region.
    #[error(transparent)]
    NoRegion(#[from] NoRegion),
    /// Credentials and the way to AWS.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerFileError),
    /// The lock across machines.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The process itself.
    #[error("failed to {what}")]
    System {
        /// What was being done.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl PublishError {
    /// What to type next.
    pub fn hint(&self, called: &CalledAs) -> Option<String> {
        match self {
            Self::Config(ConfigError::NotFound { .. }) => {
                Some(format!("name the file with `{} --layers-file FILE`", called.words(Command::Publish)))
            }
            Self::Changed(ChangedError::Git(_)) => {
                Some("install git and see that it is on PATH, or name the layers instead of `--changed-since`".to_owned())
            }
            Self::Changed(ChangedError::Refused { .. }) => {
                Some("name a commit, a branch or a tag, for example `origin/main`; a shallow clone may not have it".to_owned())
            }
            Self::Public { layer, .. } => Some(format!(
                "if that is meant, say so with `{} {layer} --allow-public`",
                called.words(Command::Publish)
            )),
            Self::SecondAccount { hint, .. } => Some(hint.clone()),
            Self::Target(error) => error.hint(),
            Self::Numbers { layer, disagreement: Disagreement::Lagging(_) } => Some(format!(
                "fill up the regions that lag behind with `{} {layer} --align`",
                called.words(Command::Publish)
            )),
            Self::Numbers { .. } => Some(
                "it is there already under one of these numbers; the next content can get the same one everywhere"
                    .to_owned(),
            ),
            Self::UnknownNumber { .. } => Some(
                "run it again later, or name the region in `optional-regions` instead of `regions`".to_owned(),
            ),
            Self::TwoWays { first, .. } => {
                Some(format!("publish one after the other, first `{} {first}`", called.words(Command::Publish)))
            }
            Self::NoBucket { layer, file } => Some(format!(
                "name one with `{} {layer} --s3-bucket NAME`, or for good with `s3-bucket = \"NAME\"` in \
                 `[layers.{layer}.publish]` of `{}`",
                called.words(Command::Stage),
                file.display()
            )),
            Self::Stack { hint, .. } => hint.clone(),
            Self::OtherAccount(error) => Some(error.hint()),
            Self::Pointer { source: PointerNameError::Architectures(_), .. } => {
                Some("split the layer by architecture, or leave `{architecture}` out of the name".to_owned())
            }
            Self::Nothing | Self::Config(_) | Self::Name { .. } | Self::System { .. } => None,
            Self::Artifact(error) => error.hint(called),
            Self::NoRegion(error) => Some(error.hint(called)),
            Self::Session(error) => error.hint(called),
            Self::Ledger(error) => error.hint(),
            Self::Lock(error) => error.hint(called),
        }
    }
}

fn listed(accounts: &[AccountId]) -> String {
    accounts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn numbers(disagreement: &Disagreement) -> String {
    match disagreement {
        Disagreement::Unasked(region) => format!("{region} does not say"),
        Disagreement::Lagging(numbers) | Disagreement::Settled(numbers) => numbers.to_string(),
    }
}
