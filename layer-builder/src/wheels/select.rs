//! Which wheel of each package serves the targets. Nothing is read or fetched here.

mod patches;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pep508_rs::PackageName;
use pep508_rs::pep440_rs::Version;
use thiserror::Error;

use super::tags::{AcceptedTags, WheelName};
use crate::config::WheelPreference;
use crate::lock::files::{FileIndex, PackageFiles, RemoteFile};
use crate::lock::{Commit, Lock, LockedPackage, Pin};
use crate::target::Target;
use patches::Patches;

/// What a package comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A wheel of the index.
    Wheel(RemoteFile),
    /// A source distribution, to be built first.
    Sdist(RemoteFile),
    /// A commit of a repository, to be built first.
    Commit(Commit),
    /// A folder, to be built first.
    Folder(PathBuf),
}

impl Origin {
    /// The file to be fetched, if it comes from an index.
    pub fn file(&self) -> Option<&RemoteFile> {
        match self {
            Self::Wheel(file) | Self::Sdist(file) => Some(file),
            Self::Commit(_) | Self::Folder(_) => None,
        }
    }

    /// A file's name, or what stands for one.
    pub fn file_name(&self) -> String {
        match self {
            Self::Wheel(file) | Self::Sdist(file) => file.file_name.clone(),
            Self::Commit(commit) => format!("git {}", &commit.commit[..12]),
            Self::Folder(path) => path.display().to_string(),
        }
    }
}

/// A package for one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Its name.
    pub name: PackageName,
    /// Its version, where it is known before it is built.
    pub version: Option<Version>,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether a wheel with compiled code would have served too.
    pub native_wheel_passed_over: bool,
}

impl Chosen {
    /// Name and version, for people.
    pub fn label(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {version}", self.name),
            None => self.name.to_string(),
        }
    }
}

/// A package of the layer: what was chosen for each target that needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// Its name.
    pub name: PackageName,
    /// The choices.
    pub choices: BTreeMap<Target, Chosen>,
}

/// Why a package cannot serve the targets.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Error {
    /// uv named no files for it.
    #[error("found no files of `{name}` {version} that the lock allows")]
    NoFiles {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
    },
    /// None of its wheels fits, and there is no source distribution.
    #[error("`{name}` {version} has no wheel for {target}:\n{}", listed(refused))]
    NoWheel {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// The first target that is not served.
        target: Target,
        /// The wheels that there are, each with the reason.
        refused: Vec<String>,
    },
    /// One zip cannot hold both.
    #[error("`{name}` needs `{one}` for {one_target} and `{other}` for {other_target}")]
    Differs {
        /// The package.
        name: PackageName,
        /// A file.
        one: String,
        /// Its target.
        one_target: Target,
        /// Another file.
        other: String,
        /// Its target.
        other_target: Target,
    },
    /// One architecture needs it, the other does not.
    #[error("`{package}` is needed for {needed}, but not for {not_needed}")]
    NotForAll {
        /// The package.
        package: String,
        /// A target that needs it.
        needed: Target,
        /// A target that does not.
        not_needed: Target,
    },
    /// Two entries of the lock hold at once.
    #[error("the lock `{}` asks for `{name}` {} (line {}) and `{name}` {} (line {}) at once for {target}", lock.display(), one.0, one.1, other.0, other.1)]
    Twice {
        /// The lock.
        lock: PathBuf,
        /// The package.
        name: PackageName,
        /// A version, and the line that it stands in.
        one: (String, usize),
        /// Another one.
        other: (String, usize),
        /// The target.
        target: Target,
    },
    /// A layer cannot know which patch release it will run on.
    #[error("the lock `{}`, line {line}: whether `{name}` {version} is needed depends on the patch release of {target}", lock.display())]
    PatchDependent {
        /// The lock.
        lock: PathBuf,
        /// The line.
        line: usize,
        /// The package.
        name: PackageName,
        /// The version.
        version: String,
        /// The target.
        target: Target,
    },
}

/// The first of some lines, indented.
pub(crate) fn listed(lines: &[String]) -> String {
    const SHOWN: usize = 8;
    let mut shown: Vec<String> = lines.iter().take(SHOWN).map(|line| format!("  {line}")).collect();
    if lines.len() > SHOWN {
        shown.push(format!("  … and {} more", lines.len() - SHOWN));
    }
    shown.join("\n")
}

impl Error {
    /// What to do about it. `lock` is the command that locks.
    pub fn hint(&self, lock: &str) -> Option<String> {
        match self {
            Self::NoFiles { .. } => Some(format!(
                "if somebody has changed the lock, or the index its files: `{lock}` makes it anew"
            )),
            Self::Differs { .. } | Self::NotForAll { .. } => Some(
                "allow a zip for each architecture with `split = \"architecture\"`, or build for one of them"
                    .to_owned(),
            ),
            Self::NoWheel { .. } => {
                Some("pin another version in `requirements`, or name fewer targets".to_owned())
            }
            Self::Twice { .. } => Some(format!(
                "markers of one package's lines have to exclude each other; `{lock}` makes the lock anew"
            )),
            Self::PatchDependent { .. } => Some(
                "Lambda moves to another patch release whenever it likes: pin a version of the package, or of what \
                 asks for it, that does not depend on that"
                    .to_owned(),
            ),
        }
    }
}

/// What there is of a package.
struct Offer<'l, 'i> {
    lock: &'l Path,
    package: &'l LockedPackage,
    /// Its files; a package that comes from no index has none.
    files: Option<&'i PackageFiles>,
    /// The wheels among them, with their names taken apart; what is no name of a wheel is left out.
    wheels: Vec<(WheelName, &'i RemoteFile)>,
}

/// For each package of the lock.
fn offers<'l, 'i>(lock: &'l Lock, index: &'i FileIndex) -> Vec<Offer<'l, 'i>> {
    let offer = |package: &'l LockedPackage| {
        let files = package.version().and_then(|version| index.of(&package.name, version));
        let wheels = files.into_iter().flat_map(|files| &files.wheels);
        let wheels = wheels.filter_map(|file| Some((WheelName::parse(&file.file_name).ok()?, file)));
        Offer { lock: &lock.path, package, files, wheels: wheels.collect() }
    };
    lock.packages.iter().map(offer).collect()
}

/// Whether the lock says for each target which version of a package it needs, wherever the files lie.
pub fn check(lock: &Lock, targets: &[Target]) -> Result<(), Error> {
    let nothing = FileIndex::default();
    let offers = offers(lock, &nothing);
    targets.iter().try_for_each(|&target| needed(&offers, target).map(drop))
}

/// Chooses one file for each package of the lock and each target that needs it, in the order of the names.
pub fn select(
    lock: &Lock,
    index: &FileIndex,
    targets: &[Target],
    preference: WheelPreference,
) -> Result<Vec<Selected>, Error> {
    let mut selected: BTreeMap<PackageName, BTreeMap<Target, Chosen>> = BTreeMap::new();
    let offers = offers(lock, index);
    for &target in targets {
        let accepted = AcceptedTags::of(target);
        for offer in needed(&offers, target)? {
            let chosen = choose(offer, target, &accepted, preference)?;
            selected.entry(offer.package.name.clone()).or_default().insert(target, chosen);
        }
    }
    Ok(selected.into_iter().map(|(name, choices)| Selected { name, choices }).collect())
}

/// What is chosen of one package for each target that needs it, or why nothing is.
pub fn choices_of(
    name: &PackageName,
    lock: &Lock,
    index: &FileIndex,
    targets: &[Target],
    preference: WheelPreference,
) -> Result<BTreeMap<Target, Result<Chosen, Error>>, Error> {
    let mut choices = BTreeMap::new();
    let offers = offers(lock, index);
    for &target in targets {
        let accepted = AcceptedTags::of(target);
        for offer in needed(&offers, target)?.into_iter().filter(|offer| offer.package.name == *name) {
            choices.insert(target, choose(offer, target, &accepted, preference));
        }
    }
    Ok(choices)
}

/// Why each wheel of a version is not for `target`, one a line: `` `x-1-cp312-cp312-win_amd64.whl` is for win_amd64 ``.
pub fn refusals(files: &PackageFiles, target: Target) -> Vec<String> {
    let line = |file: &RemoteFile| {
        let why = match WheelName::parse(&file.file_name) {
            Ok(wheel) => wheel.refusal(target)?.to_string(),
            Err(_) => "is no name of a wheel".to_owned(),
        };
        Some(format!("`{}` {why}", file.file_name))
    };
    files.wheels.iter().filter_map(line).collect()
}

/// The source distributions that have to be built for some target.
pub fn sdists<'a>(
    lock: &Lock,
    index: &'a FileIndex,
    targets: &[Target],
    preference: WheelPreference,
) -> Result<BTreeMap<PackageName, &'a RemoteFile>, Error> {
    let mut found = BTreeMap::new();
    let offers = offers(lock, index);
    for &target in targets {
        let accepted = AcceptedTags::of(target);
        for offer in needed(&offers, target)? {
            if let Origin::Sdist(_) = choose(offer, target, &accepted, preference)?.origin {
                let sdist = offer.files.and_then(|files| files.sdist.as_ref());
                found.extend(sdist.map(|sdist| (offer.package.name.clone(), sdist)));
            }
        }
    }
    Ok(found)
}

/// Packages that offer compiled wheels, but none for this target: another version may have one.
pub fn unserved(
    lock: &Lock,
    index: &FileIndex,
    targets: &[Target],
) -> Result<BTreeMap<PackageName, BTreeSet<Target>>, Error> {
    let mut unserved: BTreeMap<PackageName, BTreeSet<Target>> = BTreeMap::new();
    let offers = offers(lock, index);
    for &target in targets {
        let accepted = AcceptedTags::of(target);
        for Offer { package, wheels, .. } in needed(&offers, target)? {
            let fits = wheels.iter().any(|(wheel, _)| accepted.rank(wheel).is_some());
            if !fits && wheels.iter().any(|(wheel, _)| !wheel.is_pure()) {
                unserved.entry(package.name.clone()).or_default().insert(target);
            }
        }
    }
    Ok(unserved)
}

/// The packages whose markers hold, for any patch release.
fn needed<'a, 'l, 'i>(offers: &'a [Offer<'l, 'i>], target: Target) -> Result<Vec<&'a Offer<'l, 'i>>, Error> {
    let patches = Patches::of(target);
    let mut needed: Vec<&Offer<'l, 'i>> = Vec::new();
    for offer in offers {
        let package = offer.package;
        let name = &package.name;
        let Some(holds) = patches.agree(&package.marker) else {
            let (lock, line) = (offer.lock.to_path_buf(), package.line);
            let version = package.pin.to_string();
            return Err(Error::PatchDependent { lock, line, name: name.clone(), version, target });
        };
        if !holds {
            continue;
        }
        if let Some(Offer { package: other, .. }) = needed.iter().find(|other| other.package.name == *name) {
            if other.pin.is_same(&package.pin) {
                continue;
            }
            let told = |package: &LockedPackage| (package.pin.to_string(), package.line);
            let (one, other) = (told(other), told(package));
            let lock = offer.lock.to_path_buf();
            return Err(Error::Twice { lock, name: name.clone(), one, other, target });
        }
        needed.push(offer);
    }
    Ok(needed)
}

fn choose(
    Offer { package, files, wheels, .. }: &Offer<'_, '_>,
    target: Target,
    accepted: &AcceptedTags,
    preference: WheelPreference,
) -> Result<Chosen, Error> {
    let name = &package.name;
    let version = match &package.pin {
        Pin::Version { version, .. } => version,
        Pin::Commit(commit) => {
            return Ok(Chosen {
                name: name.clone(),
                version: None,
                origin: Origin::Commit(commit.clone()),
                native_wheel_passed_over: false,
            });
        }
    };
    let no_files = || Error::NoFiles { name: name.clone(), version: version.clone() };
    let files = files.ok_or_else(no_files)?;
    let mut fitting: Vec<(bool, usize, std::cmp::Reverse<u64>, &RemoteFile)> = Vec::new();
    for (wheel, file) in wheels {
        if let Some(rank) = accepted.rank(wheel) {
            let pure = wheel.is_pure();
            let second_choice = preference == WheelPreference::Pure && !pure;
            fitting.push((second_choice, rank, std::cmp::Reverse(wheel.build.unwrap_or(0)), file));
        }
    }
    fitting.sort_by_key(|fit| (fit.0, fit.1, fit.2, &fit.3.file_name));
    let origin = match (fitting.first(), &files.sdist) {
        (Some((.., file)), _) => Origin::Wheel((*file).clone()),
        (None, Some(sdist)) => Origin::Sdist(sdist.clone()),
        (None, None) if files.wheels.is_empty() => return Err(no_files()),
        (None, None) => {
            let refused = refusals(files, target);
            return Err(Error::NoWheel { name: name.clone(), version: version.clone(), target, refused });
        }
    };
    let took_pure = fitting.first().is_some_and(|first| !first.0);
    let native_wheel_passed_over = preference == WheelPreference::Pure
        && took_pure
        && fitting.iter().any(|(second_choice, ..)| *second_choice);
    Ok(Chosen { name: name.clone(), version: Some(version.clone()), origin, native_wheel_passed_over })
}

#[cfg(test)]
mod tests;
