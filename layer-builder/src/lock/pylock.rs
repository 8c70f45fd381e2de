//! A lock that somebody else has made, in the format of PEP 751
//! (<https://packaging.python.org/en/latest/specifications/pylock-toml/>). It says itself where its files lie.
//!
//! It is read strictly: whatever is not understood, cannot be checked by hash, or may not be committed is an error that
//! names the line and the package. It is never written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::str::FromStr;

use pep508_rs::pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{MarkerTree, PackageName};
use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

use super::files::{FileIndex, PackageFiles, RemoteFile, file_name};
use super::requirements::Error;
use super::{Commit, Lock, LockedPackage, Pin, repository};
use crate::hash::Sha256;
use crate::indexes::address::has_credentials;
use crate::requirement;

/// What is wrong with such a lock.
#[derive(Debug, Error)]
pub enum Mistake {
    /// Not TOML, or not of the format.
    #[error("this is not the format of PEP 751: {0}")]
    Format(String),
    /// Made by a later standard.
    #[error("`lock-version` is {0}, and 1.0 is what is known here")]
    Version(String),
    /// A marker, or a version, that cannot be read.
    #[error("`{what}` of `{name}` cannot be read: {why}")]
    Unreadable {
        /// The package, or the lock itself.
        name: String,
        /// Which key.
        what: &'static str,
        /// Why not.
        why: String,
    },
    /// A file that nobody could check.
    #[error("`{file}` of `{name}` has no hash: expected `hashes = {{ sha256 = \"…\" }}`")]
    NoHash {
        /// The package.
        name: PackageName,
        /// The file.
        file: String,
    },
    /// Hashes of other kinds, or a broken one.
    #[error(
        "`{file}` of `{name}` has no hash that is known here: expected `sha256` and 64 hexadecimal digits, found {found}"
    )]
    UnknownHash {
        /// The package.
        name: PackageName,
        /// The file.
        file: String,
        /// What there is.
        found: String,
    },
    /// A file that lies nowhere.
    #[error("a file of `{0}` has neither `url` nor `path`")]
    NoPlace(PackageName),
    /// A user or a password in an address.
    #[error("an address of `{0}` names a user or a password, and they have no place in a lock")]
    Credentials(PackageName),
    /// Something that a layer cannot be made of.
    #[error("`{name}` comes from {what}")]
    Source {
        /// The package.
        name: PackageName,
        /// What.
        what: String,
    },
    /// No version, and no file that would tell it.
    #[error("`{0}` has no version")]
    NoVersion(PackageName),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    lock_version: Spanned<String>,
    #[serde(default)]
    environments: Vec<Spanned<String>>,
    requires_python: Option<Spanned<String>>,
    #[serde(default)]
    default_groups: Vec<String>,
    #[serde(default)]
    packages: Vec<Spanned<Package>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Package {
    name: PackageName,
    version: Option<String>,
    marker: Option<String>,
    requires_python: Option<String>,
    #[serde(default)]
    wheels: Vec<File>,
    sdist: Option<File>,
    archive: Option<File>,
    vcs: Option<Vcs>,
    directory: Option<toml::Value>,
}

#[derive(Deserialize)]
struct File {
    name: Option<String>,
    url: Option<String>,
    path: Option<String>,
    size: Option<u64>,
    subdirectory: Option<String>,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Vcs {
    r#type: String,
    url: Option<String>,
    path: Option<String>,
    commit_id: String,
    subdirectory: Option<String>,
}

/// What such a lock says of itself, beside its packages.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Where its files lie.
    pub files: FileIndex,
    /// The environments that it serves; all if it names none.
    pub environments: Vec<MarkerTree>,
    /// The Pythons that it serves.
    pub requires_python: Option<VersionSpecifiers>,
    /// The Pythons that its packages serve, by the line of each.
    pub requires: BTreeMap<usize, VersionSpecifiers>,
    /// Folders that it takes packages from, each with its line.
    pub folders: Vec<(PackageName, usize)>,
}

/// Whether a lock of this name is one of these.
pub fn is_named_so(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let middle = name.strip_prefix("pylock.").and_then(|rest| rest.strip_suffix("toml"));
    middle.is_some_and(|middle| {
        middle.is_empty() || middle.len() > 1 && !middle[..middle.len() - 1].contains('.')
    })
}

/// Reads the lock at `path`; `None` if there is none.
pub fn read_at(path: &Path) -> Result<Option<Lock>, Error> {
    match std::fs::read(path) {
        Ok(bytes) => parse(path, &bytes).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Read { path: path.to_path_buf(), source }),
    }
}

/// Reads the text of the lock at `path`.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Lock, Error> {
    let text = std::str::from_utf8(bytes).map_err(|error| Error::Read {
        path: path.to_path_buf(),
        source: std::io::Error::new(std::io::ErrorKind::InvalidData, error),
    })?;
    let ends: Vec<usize> = text.match_indices('\n').map(|(offset, _)| offset).collect();
    let line = |offset: usize| ends.partition_point(|end| *end < offset) + 1;
    let wrong = |offset: usize, source: Mistake| Error::Given {
        path: path.to_path_buf(),
        line: line(offset),
        source,
    };
    let document: Document = toml::from_str(text).map_err(|error| {
        let offset = error.span().unwrap_or(0..0).start;
        wrong(offset, Mistake::Format(error.message().to_owned()))
    })?;
    let version = &document.lock_version;
    if version.get_ref().split('.').next() != Some("1") {
        return Err(wrong(version.span().start, Mistake::Version(version.get_ref().clone())));
    }
    let mut given = Given::default();
    for environment in &document.environments {
        let marker = marker("the-lock", environment.get_ref(), &[]);
        given.environments.push(marker.map_err(|why| {
            let name = "the lock".to_owned();
            wrong(environment.span().start, Mistake::Unreadable { name, what: "environments", why })
        })?);
    }
    if let Some(requires) = &document.requires_python {
        given.requires_python = Some(VersionSpecifiers::from_str(requires.get_ref()).map_err(|error| {
            let (name, why) = ("the lock".to_owned(), error.to_string());
            wrong(requires.span().start, Mistake::Unreadable { name, what: "requires-python", why })
        })?);
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let (mut packages, mut files) = (Vec::new(), Vec::new());
    for package in document.packages {
        let offset = package.span().start;
        let package = package.into_inner();
        let name = package.name.clone();
        if package.directory.is_some() {
            given.folders.push((name, line(offset)));
            continue;
        }
        let read =
            read(package, folder, &document.default_groups).map_err(|mistake| wrong(offset, mistake))?;
        packages.push(LockedPackage { name, marker: read.marker, pin: read.pin, line: line(offset) });
        given.requires.extend(read.requires_python.map(|requires| (line(offset), requires)));
        files.extend(read.files);
    }
    given.files = FileIndex::of_packages(files);
    Ok(Lock {
        path: path.to_path_buf(),
        inputs: None,
        built: Vec::new(),
        packages,
        sha256: Sha256::of(bytes),
        given: Some(given),
    })
}

/// A package as it was read.
struct Read {
    marker: MarkerTree,
    pin: Pin,
    files: Option<PackageFiles>,
    requires_python: Option<VersionSpecifiers>,
}

fn read(package: Package, folder: &Path, groups: &[String]) -> Result<Read, Mistake> {
    let name = package.name;
    let unreadable = |what, why: String| Mistake::Unreadable { name: name.to_string(), what, why };
    let marker = match &package.marker {
        Some(text) => marker(name.as_ref(), text, groups).map_err(|why| unreadable("marker", why))?,
        None => MarkerTree::TRUE,
    };
    let requires_python = package.requires_python.as_deref().map(VersionSpecifiers::from_str).transpose();
    let requires_python =
        requires_python.map_err(|error| unreadable("requires-python", error.to_string()))?;
    if let Some(vcs) = package.vcs {
        let pin = Pin::Commit(commit(&name, vcs, folder)?);
        return Ok(Read { marker, pin, files: None, requires_python });
    }
    let located = |file: File| located(&name, file, folder);
    let mut wheels = package.wheels.into_iter().map(located).collect::<Result<Vec<_>, _>>()?;
    let mut sdist = package.sdist.map(located).transpose()?;
    if let Some(archive) = package.archive {
        let archive = located(archive)?;
        if archive.file_name.ends_with(".whl") { wheels.push(archive) } else { sdist = Some(archive) }
    }
    let of_wheel = || Some(wheels.first()?.file_name.split('-').nth(1)?.to_owned());
    let version = package.version.or_else(of_wheel).ok_or_else(|| Mistake::NoVersion(name.clone()))?;
    let version = Version::from_str(&version).map_err(|error| unreadable("version", error.to_string()))?;
    let hashes: BTreeSet<Sha256> = wheels.iter().chain(&sdist).map(|file| file.sha256).collect();
    let pin = Pin::Version { version: version.clone(), hashes };
    Ok(Read { marker, pin, files: Some(PackageFiles { name, version, wheels, sdist }), requires_python })
}

fn located(name: &PackageName, file: File, folder: &Path) -> Result<RemoteFile, Mistake> {
    // What lies beside the lock needs no network.
    let place =
        file.path.as_ref().map(|path| folder.join(path)).filter(|path| path.is_file() || file.url.is_none());
    let url = match (place, &file.url) {
        (Some(path), _) => path.display().to_string(),
        (None, Some(url)) => url.clone(),
        (None, None) => return Err(Mistake::NoPlace(name.clone())),
    };
    if file.url.as_deref().is_some_and(has_credentials) {
        return Err(Mistake::Credentials(name.clone()));
    }
    let of_path = || Some(Path::new(file.path.as_ref()?).file_name()?.to_string_lossy().into_owned());
    let file_name = file_name(file.name.clone().or_else(of_path), &url).ok_or_else(|| {
        let why = "it is not the name of a file".to_owned();
        Mistake::Unreadable { name: name.to_string(), what: "name", why }
    })?;
    if file.subdirectory.is_some() {
        return Err(Mistake::Source {
            name: name.clone(),
            what: format!("a folder inside of `{file_name}`"),
        });
    }
    let unknown = |found: String| {
        let (name, file) = (name.clone(), file_name.clone());
        if found.is_empty() {
            Mistake::NoHash { name, file }
        } else {
            Mistake::UnknownHash { name, file, found }
        }
    };
    let digits = file.hashes.get("sha256").ok_or_else(|| {
        unknown(file.hashes.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
    })?;
    let sha256 = digits.parse().map_err(|_| unknown(format!("`{digits}`")))?;
    Ok(RemoteFile { file_name, url, sha256, size: file.size })
}

fn commit(name: &PackageName, vcs: Vcs, folder: &Path) -> Result<Commit, Mistake> {
    let source = |what: String| Mistake::Source { name: name.clone(), what };
    if vcs.r#type != "git" {
        return Err(source(format!("a repository of `{}`; git is what is known here", vcs.r#type)));
    }
    let in_path = vcs.path.map(|path| format!("file://{}", folder.join(path).display()));
    let url = vcs.url.or(in_path).ok_or_else(|| Mistake::NoPlace(name.clone()))?;
    if has_credentials(&url) {
        return Err(Mistake::Credentials(name.clone()));
    }
    if vcs.commit_id.len() != 40 || !vcs.commit_id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(source("something that is no commit".to_owned()));
    }
    let commit = Commit { url, commit: vcs.commit_id, subdirectory: vcs.subdirectory };
    repository::mistake(&commit).map_or(Ok(commit), |what| Err(source(what)))
}

/// Reads a marker of the package `name`. A layer takes no extras of the lock, and of its groups those that are its own
/// default; the error is a sentence.
fn marker(name: &str, text: &str, groups: &[String]) -> Result<MarkerTree, String> {
    let text = settled(text, groups);
    requirement::parse(&format!("{name} ; {text}")).map(|requirement| requirement.marker)
}

/// The marker without `'x' in extras` and `'x' in dependency_groups`, which only PEP 751 has.
fn settled(text: &str, groups: &[String]) -> String {
    const ALWAYS: &str = "python_version >= '0'";
    const NEVER: &str = "python_version < '0'";
    let mut settled = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(['\'', '"']) {
        let (before, quoted) = rest.split_at(start);
        settled.push_str(before);
        let quote = &quoted[..1];
        let Some(end) = quoted[1..].find(quote) else { break };
        let (literal, after) = (&quoted[1..=end], &quoted[end + 2..]);
        let words = after.trim_start();
        let (is_in, words) = match words.strip_prefix("not") {
            Some(words) => (false, words.trim_start()),
            None => (true, words),
        };
        let set = words.strip_prefix("in").map(str::trim_start);
        let set = set.and_then(|set| {
            let names = ["extras", "dependency_groups"];
            names.into_iter().find_map(|name| Some((name, set.strip_prefix(name)?)))
        });
        if let Some((set, after)) = set {
            let holds = set == "dependency_groups" && groups.iter().any(|group| group == literal);
            settled.push_str(if holds == is_in { ALWAYS } else { NEVER });
            rest = after;
        } else {
            settled.push_str(&quoted[..end + 2]);
            rest = after;
        }
    }
    settled + rest
}

#[cfg(test)]
mod tests;
