//! The committed lock, `requirements.<layer>.txt`: reading it, and seeing whether it still fits the layer.
//!
//! The format is pip's own (pinned, hashed, with markers), so pip, uv and the bots that keep locks fresh read it too.
//! Two comments at its head are ours.

mod line;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use pep508_rs::pep440_rs::Version;
use pep508_rs::{MarkerTree, PackageName};
use thiserror::Error;

pub use line::LineError;
use line::{logical_lines, package};

use super::pylock::{self, Given};
use crate::hash::Sha256;
use crate::indexes::reached;
use crate::requirement::Wanted;
use crate::spec::Spec;
use crate::target::{Runtimes, Target};

/// One pinned package.
#[derive(Clone, Debug)]
pub struct LockedPackage {
    /// Its name.
    pub name: PackageName,
    /// When it is wanted.
    pub marker: MarkerTree,
    /// What it is pinned to.
    pub pin: Pin,
    /// The line of the lock that it stands in, counted from 1.
    pub line: usize,
}

/// What a package is pinned to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pin {
    /// Files of one version in an index.
    Version {
        /// The one version.
        version: Version,
        /// The files that may be used.
        hashes: BTreeSet<Sha256>,
    },
    /// A commit of a git repository.
    Commit(Commit),
}

/// A commit of a git repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Commit {
    /// The repository.
    pub url: String,
    /// The commit, 40 hexadecimal digits.
    pub commit: String,
    /// Where in it the package lies, if not at the top.
    pub subdirectory: Option<String>,
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { version, .. } => version.fmt(f),
            Self::Commit(commit) => f.write_str(&commit.commit[..12]),
        }
    }
}

impl Pin {
    /// Whether both mean the same thing, whatever files of it may be used.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Version { version: one, .. }, Self::Version { version: other, .. }) => one == other,
            (Self::Commit(one), Self::Commit(other)) => one == other,
            _ => false,
        }
    }
}

impl LockedPackage {
    /// The version, if it is one of an index.
    pub fn version(&self) -> Option<&Version> {
        match &self.pin {
            Pin::Version { version, .. } => Some(version),
            Pin::Commit(_) => None,
        }
    }

    /// The files that may be used, if they are those of an index.
    pub fn hashes(&self) -> impl Iterator<Item = &Sha256> {
        let hashes = match &self.pin {
            Pin::Version { hashes, .. } => Some(hashes),
            Pin::Commit(_) => None,
        };
        hashes.into_iter().flatten()
    }
}

/// A lock that has been read.
#[derive(Clone, Debug)]
pub struct Lock {
    /// Where it was read from.
    pub path: PathBuf,
    /// The hash of the inputs that it was made from, if the header says so.
    pub inputs: Option<Sha256>,
    /// Packages that have to be built from their source distribution, if the header says so.
    pub built: Vec<String>,
    /// The packages, in the order of the file.
    pub packages: Vec<LockedPackage>,
    /// The hash of the whole file.
    pub sha256: Sha256,
    /// What it says of itself, if somebody else has made it (PEP 751).
    pub given: Option<Given>,
}

/// Why a lock cannot be read.
#[derive(Debug, Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("failed to read the lock `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not what a lock may hold.
    #[error("failed to read the lock `{}`, line {line}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: LineError,
    },
    /// The same of a lock that somebody else has made.
    #[error("failed to read the lock `{}`, line {line}", path.display())]
    Given {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: pylock::Mistake,
    },
}

impl Error {
    /// What to do about it. `lock` is the command that locks.
    pub fn hint(&self, lock: &str) -> Option<String> {
        match self {
            Self::Read { source, .. } if source.kind() == std::io::ErrorKind::InvalidData => {
                Some(format!("it is not UTF-8: save it as that, or remove it and make it anew with `{lock}`"))
            }
            Self::Read { .. } => Some("see to it that it is a file, and yours to read".to_owned()),
            Self::Line { .. } => {
                Some(format!("mend the line, or make the lock anew with `{lock} --upgrade`"))
            }
            Self::Given { .. } => Some("mend it, or make the lock anew with what has made it".to_owned()),
        }
    }
}

/// The hash of what a lock is made from: requirements and targets, not how they are written. Files that are asked for
/// count with what is in them.
pub fn inputs_of(spec: &Spec<'_>) -> Sha256 {
    let mut requirements: Vec<String> = spec.wanted.iter().map(ToString::to_string).collect();
    requirements.sort_unstable();
    requirements.dedup();
    // The lock is that of the whole layer, also where less is built from it.
    let targets: Vec<String> = spec.layer.targets().iter().map(ToString::to_string).collect();
    let mut inputs = serde_json::json!({ "requirements": requirements, "targets": targets });
    if spec.layer.exclude_runtime_provided {
        inputs["exclude-runtime-provided"] = true.into();
    }
    let known = Runtimes::default();
    for Target { python, glibc_minor, .. } in spec.layer.targets() {
        // What everybody knows of a runtime is not said, so that locks from before this counted still fit.
        if known.get(python).is_none_or(|runtime| runtime.glibc_minor != glibc_minor) {
            inputs["glibc"][python.runtime()] = glibc_minor.into();
        }
    }
    for wanted in &spec.wanted {
        let file = match wanted {
            Wanted::Package(_) => continue,
            Wanted::File(path) => spec.folder.join(path),
            Wanted::Folder(path) => spec.folder.join(path).join("pyproject.toml"),
        };
        // A file that cannot be read makes the lock stale; making it anew says why.
        // Nor can a pipe be, which may never end.
        let bytes_of = |file: &Path| file.is_file().then(|| std::fs::read(file).ok()).flatten();
        let hash_of = |file: &Path| bytes_of(file).map(|bytes| Sha256::of(&bytes).to_string());
        inputs["files"][wanted.to_string()] = hash_of(&file).unwrap_or_default().into();
        if let Wanted::File(_) = wanted {
            for (index, (file, _)) in reached(&[file]).iter().enumerate().skip(1) {
                inputs["files"][format!("{wanted} {index}")] = hash_of(file).unwrap_or_default().into();
            }
        }
    }
    Sha256::of(inputs.to_string().as_bytes())
}

/// The comments at the head of a lock. `built` are the packages that have to be built from source.
pub fn header(layer: &str, uv: &str, inputs: Sha256, built: &[String]) -> String {
    let built = if built.is_empty() { String::new() } else { format!("{BUILT}{}\n", built.join(", ")) };
    format!(
        "# The lock of the layer `{layer}`, made by `layer-builder lock` from layers.toml. To be committed.\n\
         # uv: {uv}\n\
         {INPUTS}{inputs}\n\
         {built}"
    )
}

const INPUTS: &str = "# inputs-sha256: ";
const BUILT: &str = "# built from source: ";

impl Lock {
    /// Reads the lock at `path`; `None` if there is none.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        match std::fs::read(path) {
            Ok(bytes) => Self::parse(path, &bytes).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Read { path: path.to_path_buf(), source }),
        }
    }

    /// Reads the text of the lock at `path`.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(bytes).map_err(|error| Error::Read {
            path: path.to_path_buf(),
            source: std::io::Error::new(std::io::ErrorKind::InvalidData, error),
        })?;
        // What some editors put first.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let inputs = text.lines().find_map(|line| line.strip_prefix(INPUTS)?.trim().parse().ok());
        let built = text.lines().find_map(|line| line.strip_prefix(BUILT)).unwrap_or_default();
        let built =
            built.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
        let packages = logical_lines(text)
            .map(|(line, text)| {
                package(line, &text).map_err(|source| Error::Line { path: path.to_path_buf(), line, source })
            })
            .collect::<Result<_, _>>()?;
        let (path, sha256) = (path.to_path_buf(), Sha256::of(bytes));
        Ok(Self { path, inputs, built, packages, sha256, given: None })
    }

    /// Its versions alone, with their markers, one a line.
    pub fn versions(&self) -> String {
        let line = |package: &LockedPackage| {
            let version = package.version()?;
            Some(match package.marker.contents() {
                Some(marker) => format!("{}=={version} ; {marker}\n", package.name),
                None => format!("{}=={version}\n", package.name),
            })
        };
        self.packages.iter().filter_map(line).collect()
    }

    /// Whether it was made from what the layer asks for now.
    pub fn fits(&self, spec: &Spec<'_>) -> bool {
        self.inputs == Some(inputs_of(spec))
    }

    /// The lock of the build tools, if it is needed and not there.
    pub fn missing_build_lock(&self, spec: &Spec<'_>) -> Option<PathBuf> {
        let is_there = || match self.given {
            None => spec.build_lock.is_file(),
            // Nobody makes both at once: it says which one it goes with.
            Some(_) => std::fs::read_to_string(&spec.build_lock)
                .is_ok_and(|text| text.lines().any(|line| line == self.goes_with())),
        };
        (!self.built.is_empty() && !is_there()).then(|| spec.build_lock.clone())
    }

    /// The line by which a lock of build tools says which lock it goes with.
    pub fn goes_with(&self) -> String {
        format!("# lock-sha256: {}", self.sha256)
    }

    /// What `name` is pinned to, if it is to one thing only.
    pub fn pin_of(&self, name: &PackageName) -> Option<&Pin> {
        let mut found = self.packages.iter().filter(|package| package.name == *name);
        found.next().filter(|_| found.next().is_none()).map(|package| &package.pin)
    }
}

#[cfg(test)]
mod tests;
