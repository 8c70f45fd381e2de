//! Why no zip was fetched. Nothing is left behind then, and what was there before is still there.

use std::io;
use std::path::PathBuf;

use template_tools::arn::LayerVersionArn;
use thiserror::Error;

use crate::aws::failure::CallFailure;
use crate::aws::session::SessionError;
use crate::called::{CalledAs, Command};
use crate::config::ConfigError;
use crate::config::publish::UnknownTarget;
use crate::ledger_file::LedgerFileError;
use crate::versions::ways::{SubjectError, WayFailure};

/// Why no zip was fetched.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// `layers.toml`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no `layers.toml`, and it is needed.
    #[error("failed to find `layers.toml`, beside which the zip would go")]
    NoFile,
    /// A name that means no layer.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// No such target.
    #[error(transparent)]
    Target(#[from] UnknownTarget),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerFileError),
    /// Credentials and the way to AWS.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// No way could be opened.
    #[error(transparent)]
    Way(Box<WayFailure>),
    /// Lambda.
    #[error("failed to fetch `{arn}`")]
    Call {
        /// The version.
        arn: Box<LayerVersionArn>,
        /// What it said.
        source: Box<CallFailure>,
        /// What to do about it.
        hint: Option<String>,
    },
    /// No region has it.
    #[error("no region has {} of `{name}`; asked: {}{}", version.map_or_else(|| "a version".to_owned(), |version| format!("version {version}")), regions.join(", "), newest_in(newest))]
    Nowhere {
        /// What was asked for.
        name: String,
        /// The number, if there was one.
        version: Option<u64>,
        /// Who was asked.
        regions: Vec<String>,
        /// The newest version of each region that has one.
        newest: Vec<(String, u64)>,
    },
    /// The number means different contents in different places.
    #[error("`{name}` means different contents: {} and {}", arns[0], arns[1])]
    Several {
        /// What was asked for.
        name: String,
        /// Two of them.
        arns: Box<[LayerVersionArn; 2]>,
    },
    /// AWS says something that is no hash.
    #[error("`{0}` has no CodeSha256 that the zip could be held against")]
    NoHash(LayerVersionArn),
    /// The link.
    #[error("failed to fetch the zip of `{arn}`")]
    Link {
        /// The version.
        arn: LayerVersionArn,
        /// Why.
        source: io::Error,
    },
    /// What came is something else.
    #[error("what came for `{arn}` has CodeSha256 {found}, and not {expected}")]
    OtherContent {
        /// The version.
        arn: LayerVersionArn,
        /// What came.
        found: String,
        /// What Lambda says.
        expected: String,
    },
    /// A folder, where a file should go.
    #[error("`{}` is a folder", .0.display())]
    IsFolder(PathBuf),
    /// There is no such folder.
    #[error("there is no folder `{}`", .0.display())]
    NoFolder(PathBuf),
    /// It cannot be written.
    #[error("failed to write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The process itself.
    #[error("failed to find the current folder")]
    Folder(#[source] io::Error),
}

/// `; the newest is 7 in eu-west-1, us-east-1`
fn newest_in(newest: &[(String, u64)]) -> String {
    let mut by_version = std::collections::BTreeMap::<u64, Vec<&str>>::new();
    for (region, version) in newest {
        by_version.entry(*version).or_default().push(region);
    }
    let shown =
        by_version.iter().rev().map(|(version, regions)| format!("{version} in {}", regions.join(", ")));
    let shown = shown.collect::<Vec<_>>().join(", ");
    if shown.is_empty() { shown } else { format!("; the newest is {shown}") }
}

impl DownloadError {
    pub(super) fn call(arn: &LayerVersionArn, failure: CallFailure, hint: Option<String>) -> Self {
        Self::Call { arn: Box::new(arn.clone()), source: Box::new(failure), hint }
    }

    /// What to type next.
    pub fn hint(&self, called: &CalledAs) -> Option<String> {
        match self {
            Self::Config(ConfigError::NotFound { .. }) | Self::NoFile => {
                Some("name an ARN and a place with `-o FILE`, or a file with `--layers-file FILE`".to_owned())
            }
            Self::Target(error) => error.hint(),
            Self::Ledger(error) => error.hint(),
            Self::Session(error) => error.hint(called),
            Self::Way(failure) => failure.hint(called),
            Self::Call { hint, .. } => hint.clone(),
            Self::Nowhere { version: None, .. } => {
                Some(format!("publish one with `{}`", called.words(Command::Publish)))
            }
            Self::Nowhere { name, newest, .. } => {
                let status = called.words(Command::Status);
                let see = format!("see what there is with `{status} {name}`");
                Some(match newest.iter().map(|(_, version)| version).max() {
                    Some(version) => {
                        let download = called.words(Command::Download);
                        format!("fetch the newest with `{download} {name}:{version}`, or {see}")
                    }
                    None => see,
                })
            }
            Self::Several { arns, .. } => {
                Some(format!("name one of them, as in `{} {}`", called.words(Command::Download), arns[0]))
            }
            Self::IsFolder(_) => Some("name a file with `-o FILE`".to_owned()),
            Self::NoFolder(folder) => Some(format!("make it with `mkdir -p {}`", folder.display())),
            Self::Link { .. } | Self::OtherContent { .. } => Some("run it again".to_owned()),
            Self::Config(_) | Self::Subject(_) | Self::NoHash(_) | Self::Write { .. } | Self::Folder(_) => {
                None
            }
        }
    }
}
