//! Why there is no new lock, and what to do about it.

use std::io;
use std::path::PathBuf;

use pep508_rs::PackageName;
use thiserror::Error;

use super::ROUNDS;
use crate::lock::{requirements, uv};
use crate::target::Target;
use crate::wheels::select::listed;
use crate::wheels::{fetch, select, source};

/// Why there is no new lock. The old one is as it was.
#[derive(Debug, Error)]
pub enum Error {
    /// uv could not help.
    #[error(transparent)]
    Uv(#[from] uv::Error),
    /// What uv made, or what was there, is no lock.
    #[error(transparent)]
    Lock(#[from] requirements::Error),
    /// A requirements file that is asked for is no file.
    #[error("there is no file `{}`, which `-r {}` in `layers.toml` asks for", .0.display(), .0.display())]
    NotThere(PathBuf),
    /// A requirements file names a folder or a file of this machine.
    #[error("the requirements file `{file}` names a {} of this machine: `{line}`", kind_of(line))]
    NotOfIndex {
        /// The requirements file.
        file: String,
        /// What names it, as uv writes it.
        line: String,
    },
    /// `--upgrade-package` names what the layer does not hold.
    #[error("there is no `{name}` in the lock to be upgraded")]
    NotLocked {
        /// The name.
        name: PackageName,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// No version of a package has a wheel for a target.
    #[error("no version of `{name}` that fits has a wheel for {target}; the newest has\n{}", listed(refused))]
    NoVersion {
        /// The package.
        name: PackageName,
        /// The target.
        target: Target,
        /// The wheels of the newest version, each with the reason.
        refused: Vec<String>,
        /// Its source distribution, which only a machine like the target could compile.
        sdist: Option<String>,
        /// What uv says.
        source: Box<uv::Error>,
    },
    /// Each version that serves one target takes it from another.
    #[error("found no versions that serve every target, after {ROUNDS} rounds")]
    Endless,
    /// A lock names hashes, never addresses.
    #[error("the new lock would hold an address: `{0}`")]
    Address(String),
    /// Nor passwords.
    #[error("the new lock would hold the credentials in the address of `{0}`")]
    Credentials(String),
    /// No file serves a target.
    #[error(transparent)]
    Select(#[from] select::Error),
    /// Nobody has asked yet where the files lie, and nobody may ask now.
    #[error("the cache does not know where the files of `{}` lie:\n{}", lock.display(), packages.join("\n"))]
    NoLocations {
        /// The lock.
        lock: PathBuf,
        /// Its packages.
        packages: Vec<String>,
    },
    /// A source distribution could not be fetched.
    #[error(transparent)]
    Fetch(#[from] fetch::Error),
    /// A source distribution could not be read.
    #[error(transparent)]
    Source(#[from] source::Error),
    /// The lock that somebody else has made is not for this layer.
    #[error("the lock `{}` is not what `layers.toml` asks for: {why}", lock.display())]
    Unfit {
        /// The lock.
        lock: PathBuf,
        /// Why not.
        why: String,
    },
    /// The cache is of no use.
    #[error(transparent)]
    Cache(#[from] crate::cache::Error),
    /// The files cannot be written.
    #[error("failed to write the lock `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Error {
    /// What to do about it. `lock` is the command that locks.
    pub fn hint(&self, lock: &str) -> Option<String> {
        match self {
            Self::Uv(error) => error.hint(),
            Self::Select(error) => error.hint(lock),
            Self::Fetch(error) => error.hint(),
            Self::Source(error) => error.hint(lock),
            Self::Cache(error) => Some(error.hint()),
            Self::Lock(error) => error.hint(lock),
            Self::NotLocked { nearest, .. } => nearest.as_ref().map(|name| format!("did you mean `{name}`?")),
            Self::Unfit { .. } => Some(
                "make it anew with what has made it, or leave `lock` out of the layer's table: then it is made here"
                    .to_owned(),
            ),
            Self::NoLocations { .. } => Some("run this once without `--offline`".to_owned()),
            Self::NoVersion { target, sdist: Some(sdist), .. } => Some(format!(
                "`{sdist}` can be compiled on a machine like the target only (linux on {}): build the layer there, name \
                 fewer targets in `python` and `architectures`, or ask for another version",
                target.architecture.machine()
            )),
            Self::NotOfIndex { line, .. } => Some(
                match kind_of(line) {
                    "folder" => {
                        "take it out there, and name the folder in `requirements` of `layers.toml`, as in \"./lib\""
                    }
                    _ => {
                        "files come from an index, which may be a folder: `--find-links ./wheels` in that file, and the \
                         package by its name; folders of projects belong in `requirements` of `layers.toml`"
                    }
                }
                .to_owned(),
            ),
            Self::NotThere(_) => {
                Some("paths in `requirements` begin at the folder of `layers.toml`".to_owned())
            }
            Self::NoVersion { .. } | Self::Endless => Some(
                "name fewer targets in `python` and `architectures`, or ask for another version".to_owned(),
            ),
            Self::Credentials(_) => Some(
                "leave them out of the requirement: git asks its credential helper, or takes those of your netrc file"
                    .to_owned(),
            ),
            Self::Address(_) | Self::Write { .. } => None,
        }
    }
}

/// What a line of a requirements file names: uv takes these for files, and all else for folders.
fn kind_of(line: &str) -> &'static str {
    let is_file = [".whl", ".zip", ".tar.gz", ".tgz"].iter().any(|end| line.ends_with(end));
    if is_file { "file" } else { "folder" }
}
