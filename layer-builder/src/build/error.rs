//! Why there is no new zip, and what to do about it.

use std::path::PathBuf;

use pep508_rs::PackageName;
use thiserror::Error;

use super::prove;
use crate::cache;
use crate::layer::audit::{Finding, MISSING};
use crate::layer::{archive, bytecode, include, plan, requires, smoke};
use crate::lock::requirements;
use crate::relock;
use crate::spec;
use crate::ui::shown;
use crate::wheels::{fetch, select, source};

/// Why there is no new zip. The old one is as it was.
#[derive(Debug, Error)]
pub enum Error {
    /// The lock may not be made anew, and does not fit.
    #[error("the lock `{}` was made for something else than `layers.toml` asks for", .0.display())]
    Stale(PathBuf),
    /// The lock may not be made anew, and somebody has changed it.
    #[error("the lock `{}` does not hold what `layers.toml` asks for: {why}", lock.display())]
    Unmet {
        /// The lock.
        lock: PathBuf,
        /// What it does not hold.
        why: String,
    },
    /// The lock may not be made, and there is none.
    #[error("there is no lock `{}`", .0.display())]
    NoLock(PathBuf),
    /// One of these, of the lock of a branch, which nobody commits.
    #[error("{why}")]
    OfBranch {
        /// The option that keeps it from being made.
        keeping: &'static str,
        /// What is wrong with it.
        why: Box<Error>,
    },
    /// The lock that the layer's table names is not there.
    #[error("there is no lock `{}`, which `lock` in `layers.toml` names", .0.display())]
    NoGiven(PathBuf),
    /// The lock that the layer's table names is not ours to change.
    #[error("the lock `{}` is made by somebody else, and not upgraded here", .0.display())]
    NotOurs(PathBuf),
    /// There is no such variant of the layer.
    #[error(transparent)]
    Spec(#[from] spec::Error),
    /// The lock cannot be read.
    #[error(transparent)]
    Lock(#[from] requirements::Error),
    /// The lock could not be made, or its files not found.
    #[error(transparent)]
    Relock(#[from] Box<relock::Error>),
    /// A package cannot serve the targets.
    #[error(transparent)]
    Select(#[from] select::Error),
    /// A file could not be fetched.
    #[error(transparent)]
    Fetch(#[from] fetch::Error),
    /// A source distribution could not be built.
    #[error(transparent)]
    Source(#[from] source::Error),
    /// The wheels do not go together.
    #[error(transparent)]
    Plan(#[from] plan::Error),
    /// A package does not run on one of the runtimes.
    #[error(transparent)]
    Requires(#[from] requires::Error),
    /// A file that is to be included cannot be.
    #[error(transparent)]
    Include(#[from] include::Error),
    /// `--explain` asks for something else.
    #[error("there is no `{name}` in the lock `{}`", lock.display())]
    NotInLock {
        /// The package.
        name: PackageName,
        /// The lock.
        lock: PathBuf,
        /// The package in it that was probably meant.
        near: Option<String>,
    },
    /// The zip could not be assembled.
    #[error(transparent)]
    Assemble(#[from] archive::Error),
    /// There is no bytecode.
    #[error(transparent)]
    Bytecode(#[from] bytecode::Error),
    /// The imports could not be tried.
    #[error(transparent)]
    Smoke(#[from] smoke::Error),
    /// Another route gave other bytes.
    #[error("two builds of the layer differ, first at `{entry}`")]
    Unstable {
        /// The first file that is not the same.
        entry: String,
    },
    /// The layer would not work.
    #[error("the audit refuses the layer `{layer}`:\n{}", prove::indented(findings))]
    Audit {
        /// The layer.
        layer: String,
        /// What the command that makes its lock anew is told, if it is ours to make.
        relock: Option<String>,
        /// Why.
        findings: Vec<Finding>,
    },
    /// The cache is of no use.
    #[error(transparent)]
    Cache(#[from] cache::Error),
    /// The zip is there, and its bill of materials cannot be written.
    #[error("failed to write the bill of materials `{}`; the zip is in its place", path.display())]
    Bill {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The result cannot be written.
    #[error("failed to write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl From<relock::Error> for Error {
    fn from(error: relock::Error) -> Self {
        Box::new(error).into()
    }
}

impl Error {
    /// Whether it says that the lock is not there, or not one for this layer.
    pub fn is_about_the_lock(&self) -> bool {
        match self {
            Self::Stale(_) | Self::Unmet { .. } | Self::NoLock(_) | Self::NoGiven(_) => true,
            Self::OfBranch { why, .. } => why.is_about_the_lock(),
            Self::Audit { findings, .. } => findings.first().is_some_and(|finding| finding.id == MISSING),
            Self::Relock(error) => matches!(**error, relock::Error::Unfit { .. }),
            _ => false,
        }
    }

    /// What to do about it. `lock` is the command that locks.
    pub fn hint(&self, lock: &str) -> Option<String> {
        match self {
            Self::Stale(_) | Self::Unmet { .. } | Self::NoLock(_) => Some(format!("run `{lock}` and commit the result")),
            Self::OfBranch { keeping, .. } => Some(format!("a build without `{keeping}` makes it")),
            Self::NoGiven(path) => Some(relock::how_to_make(path)),
            Self::NotOurs(_) => Some("what has made it makes it anew".to_owned()),
            Self::Lock(error) => error.hint(lock),
            Self::Spec(error) => Some(error.hint()),
            Self::Relock(error) => error.hint(lock),
            Self::Select(error) => error.hint(lock),
            Self::Fetch(error) => error.hint(),
            Self::Source(error) => error.hint(lock),
            Self::Cache(error) => Some(error.hint()),
            Self::Audit { layer, relock, findings } => findings.first().map(|finding| {
                let file = finding.file.as_ref().map(|file| format!(":{file}")).unwrap_or_default();
                let key = format!("{}{file}", finding.id);
                let allow = format!(
                    "what is meant to be so is allowed by a line in `[layers.{layer}.allow]`: \"{key}\" = \"the reason\""
                );
                match relock {
                    Some(named) if finding.id == MISSING => {
                        format!("`{lock} {named}` makes the lock anew; {allow}")
                    }
                    _ => allow,
                }
            }),
            Self::Bytecode(error) => error.hint(),
            Self::Unstable { .. } => Some("please report this, with the lock; the bytes must not depend on the route".to_owned()),
            Self::Plan(plan::Error::Empty) => {
                Some("do the markers of `requirements` leave anything for these Pythons?".to_owned())
            }
            Self::Plan(plan::Error::FileAndFolder { .. }) => {
                Some("leave one of the two out, or take a version of it without that file".to_owned())
            }
            Self::NotInLock { near: Some(near), .. } => Some(format!("did you mean `{near}`?")),
            Self::NotInLock { lock, .. } => {
                Some(format!("name a package that `{}` holds", shown(lock)))
            }
            Self::Requires(error) => Some(error.hint()),
            Self::Include(error) => error.hint(),
            Self::Assemble(archive::Error::Write(source)) | Self::Write { source, .. } => {
                Some(written_hint(source.kind()).to_owned())
            }
            Self::Bill { .. } => {
                Some("name a file with `--sbom` that is yours to write".to_owned())
            }
            Self::Smoke(_) | Self::Assemble(_) => None,
        }
    }
}

/// What to do where the result could not be written.
fn written_hint(kind: std::io::ErrorKind) -> &'static str {
    use std::io::ErrorKind;
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on that disk, and run it again",
        ErrorKind::ReadOnlyFilesystem => {
            "that disk is read-only: mount it for writing, or build in a copy of the project elsewhere"
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists | ErrorKind::IsADirectory => {
            "see what is in its place, a file or a folder, and move that away"
        }
        _ => "see to it that `target/layers` and the files in it are yours to write",
    }
}
