//! Which wheel of each package serves the targets. Nothing is read or fetched here.

use std::collections::BTreeMap;

use pep508_rs::PackageName;
use pep508_rs::pep440_rs::Version;
use thiserror::Error;

use super::tags::{AcceptedTags, WheelName};
use crate::config::WheelPreference;
use crate::lock::files::{FileIndex, RemoteFile};
use crate::lock::{Lock, LockedPackage};
use crate::target::Target;

/// What a package comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A wheel of the index.
    Wheel(RemoteFile),
    /// A source distribution, to be built first.
    Sdist(RemoteFile),
}

impl Origin {
    /// The file to be fetched.
    pub fn file(&self) -> &RemoteFile {
        match self {
            Self::Wheel(file) | Self::Sdist(file) => file,
        }
    }
}

/// A package of the layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Its name.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Its file.
    pub origin: Origin,
    /// Whether a wheel with compiled code would have served too.
    pub native_wheel_passed_over: bool,
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
    #[error("`{name}` {version} has no wheel for {target}; refused: {}", refused.join(", "))]
    NoWheel {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// The first target that is not served.
        target: Target,
        /// The wheels that there are.
        refused: Vec<String>,
    },
    /// One zip cannot hold it in one place.
    #[error("`{name}` {version} needs `{one}` for {one_target} and `{other}` for {other_target}")]
    Differs {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// A wheel.
        one: String,
        /// Its target.
        one_target: Target,
        /// Another wheel.
        other: String,
        /// Its target.
        other_target: Target,
    },
    /// Some targets need it, others don't, or in another version.
    #[error("`{name}` {version} is needed for {needed}, but not for {not_needed}")]
    NotForAll {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// A target that needs it.
        needed: Target,
        /// A target that does not.
        not_needed: Target,
    },
    /// Two entries of the lock hold at once.
    #[error("the lock asks for `{name}` {one} and {other} at once for {target}")]
    Twice {
        /// The package.
        name: PackageName,
        /// A version.
        one: Version,
        /// Another one.
        other: Version,
        /// The target.
        target: Target,
    },
    /// A layer cannot know which patch release it will run on.
    #[error("whether `{name}` {version} is needed depends on the patch release of {target}")]
    PatchDependent {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// The target.
        target: Target,
    },
}

impl Error {
    /// What to do about it. `lock` is the command that locks.
    pub fn hint(&self, lock: &str) -> Option<String> {
        match self {
            Self::NoFiles { .. } => Some(format!(
                "if somebody has changed the lock, or the index its files: `{lock}` makes it anew"
            )),
            Self::Differs { .. } => Some(
                "a layer holds the same files for all of its targets: name fewer of them in `python` and \
                 `architectures`, or set `wheels = \"pure\"` if the package has a wheel without compiled code"
                    .to_owned(),
            ),
            Self::NotForAll { .. } => Some(
                "a layer holds the same files for all of its targets: name fewer of them in `python` and \
                 `architectures`"
                    .to_owned(),
            ),
            Self::NoWheel { .. } => {
                Some("pin another version in `requirements`, or name fewer targets".to_owned())
            }
            _ => None,
        }
    }
}

/// Chooses one file for each package of the lock that the targets need, in the order of the names.
pub fn select(
    lock: &Lock,
    index: &FileIndex,
    targets: &[Target],
    preference: WheelPreference,
) -> Result<Vec<Chosen>, Error> {
    let mut chosen: BTreeMap<PackageName, (Chosen, Vec<Target>)> = BTreeMap::new();
    for &target in targets {
        let accepted = AcceptedTags::of(target);
        for package in needed(lock, target)? {
            let choice = choose(package, index, target, &accepted, preference)?;
            match chosen.get_mut(&package.name) {
                None => _ = chosen.insert(package.name.clone(), (choice, vec![target])),
                Some((first, served)) if first.version == choice.version && first.origin == choice.origin => {
                    first.native_wheel_passed_over |= choice.native_wheel_passed_over;
                    served.push(target);
                }
                Some((first, served)) if first.version == choice.version => {
                    return Err(Error::Differs {
                        name: package.name.clone(),
                        version: choice.version,
                        one: first.origin.file().file_name.clone(),
                        one_target: served[0],
                        other: choice.origin.file().file_name.clone(),
                        other_target: target,
                    });
                }
                Some((first, served)) => return Err(not_for_all(first, served[0], target)),
            }
        }
    }
    for (choice, served) in chosen.values() {
        if let Some(&missing) = targets.iter().find(|target| !served.contains(target)) {
            return Err(not_for_all(choice, served[0], missing));
        }
    }
    Ok(chosen.into_values().map(|(choice, _)| choice).collect())
}

/// The source distributions that have to be built for some target.
pub fn sdists<'a>(
    lock: &Lock,
    index: &'a FileIndex,
    targets: &[Target],
    preference: WheelPreference,
) -> Result<BTreeMap<PackageName, &'a RemoteFile>, Error> {
    let mut found = BTreeMap::new();
    for &target in targets {
        let accepted = AcceptedTags::of(target);
        for package in needed(lock, target)? {
            if let Origin::Sdist(_) = choose(package, index, target, &accepted, preference)?.origin {
                let files = index.of(&package.name, &package.version);
                found.extend(files.and_then(|files| Some((package.name.clone(), files.sdist.as_ref()?))));
            }
        }
    }
    Ok(found)
}

fn not_for_all(choice: &Chosen, needed: Target, not_needed: Target) -> Error {
    Error::NotForAll { name: choice.name.clone(), version: choice.version.clone(), needed, not_needed }
}

/// The packages whose markers hold, for any patch release.
fn needed(lock: &Lock, target: Target) -> Result<Vec<&LockedPackage>, Error> {
    let first = target.marker_environment(0);
    let last = target.marker_environment(9999);
    let mut needed: Vec<&LockedPackage> = Vec::new();
    for package in &lock.packages {
        let (name, version) = (&package.name, &package.version);
        let holds = package.marker.evaluate(&first, &[]);
        if holds != package.marker.evaluate(&last, &[]) {
            return Err(Error::PatchDependent { name: name.clone(), version: version.clone(), target });
        }
        if !holds {
            continue;
        }
        if needed.iter().any(|other| other.name == *name && other.version == *version) {
            continue;
        }
        if let Some(other) = needed.iter().find(|other| other.name == *name) {
            let (one, other) = (other.version.clone(), version.clone());
            return Err(Error::Twice { name: name.clone(), one, other, target });
        }
        needed.push(package);
    }
    Ok(needed)
}

fn choose(
    package: &LockedPackage,
    index: &FileIndex,
    target: Target,
    accepted: &AcceptedTags,
    preference: WheelPreference,
) -> Result<Chosen, Error> {
    let (name, version) = (&package.name, &package.version);
    let no_files = || Error::NoFiles { name: name.clone(), version: version.clone() };
    let files = index.of(name, version).ok_or_else(no_files)?;
    let mut fitting: Vec<(bool, usize, std::cmp::Reverse<u64>, &RemoteFile)> = Vec::new();
    for file in &files.wheels {
        let Ok(wheel) = WheelName::parse(&file.file_name) else { continue };
        if let Some(rank) = accepted.rank(&wheel) {
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
            let refused = files.wheels.iter().map(|file| format!("`{}`", file.file_name)).collect();
            return Err(Error::NoWheel { name: name.clone(), version: version.clone(), target, refused });
        }
    };
    let took_pure = fitting.first().is_some_and(|first| !first.0);
    let native_wheel_passed_over = preference == WheelPreference::Pure
        && took_pure
        && fitting.iter().any(|(second_choice, ..)| *second_choice);
    Ok(Chosen { name: name.clone(), version: version.clone(), origin, native_wheel_passed_over })
}

#[cfg(test)]
mod tests;
