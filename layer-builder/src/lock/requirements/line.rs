//! One line of a lock: a package, what it is pinned to, and the hashes of its files.

use std::collections::BTreeSet;

use pep508_rs::pep440_rs::Operator;
use pep508_rs::{PackageName, VersionOrUrl};
use thiserror::Error;

use super::{Commit, LockedPackage, Pin};
use crate::indexes::address::has_credentials;
use crate::indexes::without_userinfo;
use crate::lock::repository;
use crate::requirement;

/// What is wrong with a line of a lock.
#[derive(Debug, Error)]
pub enum LineError {
    /// An option like `--index-url`.
    #[error("`{0}` has no place in a lock: indexes are configured for uv and pip, not here")]
    Option(String),
    /// Not PEP 508.
    #[error("`{text}` is no requirement: {why}")]
    NotARequirement {
        /// What stands there.
        text: String,
        /// Why not.
        why: String,
    },
    /// Not pinned to one version.
    #[error("`{0}` is not pinned: expected one version, as in `name==1.2.3`")]
    NotPinned(PackageName),
    /// A user or a password in an address.
    #[error("the address of `{0}` names a user or a password, and they have no place in a lock")]
    Credentials(PackageName),
    /// An address that is none, or a folder outside of the repository.
    #[error("`{name}` comes from {what}")]
    Source {
        /// The package.
        name: PackageName,
        /// What.
        what: String,
    },
    /// No hash.
    #[error("`{0}` has no hash: expected `--hash=sha256:…`")]
    NoHash(PackageName),
    /// A hash of another kind, or a broken one.
    #[error(
        "`{text}` of `{name}` is no hash that is known here: expected `sha256:` and 64 hexadecimal digits"
    )]
    UnknownHash {
        /// The package.
        name: PackageName,
        /// What stands there.
        text: String,
    },
}

/// Lines joined where they end with a backslash, without comments and empty ones; each with the number of its first.
pub(super) fn logical_lines(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut lines = text.lines().enumerate();
    std::iter::from_fn(move || {
        loop {
            let (number, line) = lines.next()?;
            let mut joined = String::new();
            let mut line = Some(line);
            while let Some(part) = line {
                let part = without_comment(part);
                let continued = part.strip_suffix('\\');
                joined.push_str(continued.unwrap_or(part).trim());
                joined.push(' ');
                line = if continued.is_some() { lines.next().map(|(_, line)| line) } else { None };
            }
            let joined = joined.trim();
            if !joined.is_empty() {
                return Some((number + 1, joined.to_owned()));
            }
        }
    })
}

fn without_comment(line: &str) -> &str {
    let comment = if line.trim_start().starts_with('#') { line.find('#') } else { line.find(" #") };
    line[..comment.unwrap_or(line.len())].trim_end()
}

/// Reads the text of one line.
pub(super) fn package(line: usize, text: &str) -> Result<LockedPackage, LineError> {
    let (requirement, options) = match text.find(" --") {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    if requirement.starts_with('-') {
        return Err(LineError::Option(requirement.split([' ', '=']).next().unwrap_or_default().to_owned()));
    }
    let requirement = requirement.trim();
    let requirement = requirement::parse(requirement)
        .map_err(|why| LineError::NotARequirement { text: without_userinfo(requirement), why })?;
    let version = match &requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(specifiers)) => match specifiers.iter().as_slice() {
            [one] if *one.operator() == Operator::Equal => one.version().clone(),
            _ => return Err(LineError::NotPinned(requirement.name)),
        },
        Some(VersionOrUrl::Url(url)) if has_credentials(url.as_str()) => {
            return Err(LineError::Credentials(requirement.name));
        }
        Some(VersionOrUrl::Url(url)) => {
            let Some(commit) = commit_of(url.as_str()) else {
                return Err(LineError::NotPinned(requirement.name));
            };
            if let Some(what) = repository::mistake(&commit) {
                return Err(LineError::Source { name: requirement.name, what });
            }
            let pin = Pin::Commit(commit);
            return Ok(LockedPackage { name: requirement.name, marker: requirement.marker, pin, line });
        }
        None => return Err(LineError::NotPinned(requirement.name)),
    };
    let mut hashes = BTreeSet::new();
    for option in options.split_whitespace() {
        let hash = option
            .strip_prefix("--hash=")
            .ok_or_else(|| LineError::Option(option.split('=').next().unwrap_or_default().to_owned()))?;
        let digits = hash.strip_prefix("sha256:");
        let parsed = digits.and_then(|digits| digits.parse().ok());
        hashes.insert(parsed.ok_or_else(|| LineError::UnknownHash {
            name: requirement.name.clone(),
            text: hash.to_owned(),
        })?);
    }
    if hashes.is_empty() {
        return Err(LineError::NoHash(requirement.name));
    }
    let pin = Pin::Version { version, hashes };
    Ok(LockedPackage { name: requirement.name, marker: requirement.marker, pin, line })
}

/// `git+https://…@<commit>#subdirectory=…`, as uv writes it.
fn commit_of(url: &str) -> Option<Commit> {
    let (url, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (url, commit) = url.strip_prefix("git+")?.rsplit_once('@')?;
    let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    let subdirectory =
        fragment.split('&').find_map(|part| part.strip_prefix("subdirectory=")).map(str::to_owned);
    is_commit.then(|| Commit { url: url.to_owned(), commit: commit.to_owned(), subdirectory })
}
