//! What is wrong with what is asked for, and what to type instead.

use std::io;
use std::path::PathBuf;

use template_tools::samconfig::SamconfigError;
use thiserror::Error;

use crate::publish::staging::BucketNameError;
use crate::region::RegionNameError;

/// Why nobody knows what is to be done.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// No stack is named.
    #[error("no stack is named")]
    NoStackName,
    /// A name that no stack can have.
    #[error(
        "`{0}` is no name of a stack: it begins with a letter, and has up to 128 letters, digits and `-`"
    )]
    StackName(String),
    /// `samconfig.toml` cannot be read.
    #[error("failed to read `{}`", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// `samconfig.toml` is no TOML.
    #[error("failed to parse `{}`", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// Where and why.
        source: SamconfigError,
    },
    /// The environment is not there.
    #[error("`{}` has no environment `{environment}`", file.display())]
    NoEnvironment {
        /// The file.
        file: PathBuf,
        /// What was asked for.
        environment: String,
    },
    /// An environment was named, and there is no file.
    #[error("there is no `{}` that could have an environment `{environment}`", file.display())]
    NoFile {
        /// Where it would be.
        file: PathBuf,
        /// What was asked for.
        environment: String,
    },
    /// Keys that decide what is deployed, and that we cannot honour.
    #[error("`{}` sets {}, which only `sam deploy` honours", file.display(), names(keys))]
    Unsupported {
        /// The file.
        file: PathBuf,
        /// The keys.
        keys: Vec<String>,
    },
    /// Keys of the wrong type, or with a value that is none.
    #[error("`{}`: {} cannot be read", file.display(), names(keys))]
    Wrong {
        /// The file.
        file: PathBuf,
        /// The keys.
        keys: Vec<String>,
    },
    /// `on_failure` is none of its three values.
    #[error("`{}`: `on_failure` cannot be read", file.display())]
    OnFailure {
        /// The file.
        file: PathBuf,
    },
    /// A region that cannot be one.
    #[error("`{}` names no region", file.display())]
    Region {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: RegionNameError,
    },
    /// A bucket that cannot be one.
    #[error("`{}` names no bucket", file.display())]
    Bucket {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: BucketNameError,
    },
}

pub(super) fn names(keys: &[String]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

impl SettingsError {
    /// What to type next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoStackName => {
                "name it with `--stack-name NAME`, or as `stack_name` in `samconfig.toml`".to_owned()
            }
            Self::Unsupported { .. } => {
                "take them out for this command, or name another environment with `--config-env ENV`"
                    .to_owned()
            }
            Self::NoEnvironment { .. } | Self::NoFile { .. } => {
                "environments are the tables at the top, for example `[default.deploy.parameters]`".to_owned()
            }
            Self::StackName(_) => {
                "name another one with `--stack-name NAME`, or in `samconfig.toml`".to_owned()
            }
            Self::OnFailure { .. } => "it may be `ROLLBACK`, `DO_NOTHING` or `DELETE`".to_owned(),
            Self::Wrong { .. } => {
                "texts stand in quotes, switches are `true` or `false`, and pairs are `\"KEY=VALUE\"`"
                    .to_owned()
            }
            Self::Bucket { .. } => {
                "name another one with `--s3-bucket NAME`, or in `samconfig.toml`".to_owned()
            }
            Self::Region { .. } => "regions look like `eu-west-1`".to_owned(),
            Self::Read { .. } | Self::Syntax { .. } => {
                "mend it, or take it away: without it everything stands on the command line".to_owned()
            }
        })
    }
}
