//! Where the files of a lock lie: name, address, hash and size of every wheel and source distribution.
//!
//! uv is asked once per machine (in the format of PEP 751); the answer is kept in the cache under the lock's own hash.
//! Addresses stay there: neither the lock nor the manifest has any.

use pep508_rs::PackageName;
use pep508_rs::pep440_rs::Version;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Lock, LockedPackage};
use crate::hash::Sha256;
use crate::indexes::address::{percent_decoded, split};

/// A file of a package in an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteFile {
    /// The last part of its address: a wheel's name tells its tags.
    pub file_name: String,
    /// Where it is.
    pub url: String,
    /// What it has to be.
    pub sha256: Sha256,
    /// In bytes, if the index told.
    pub size: Option<u64>,
}

/// The files of one version of a package.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PackageFiles {
    /// The package.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// All its wheels.
    pub wheels: Vec<RemoteFile>,
    /// Its source distribution, if there is one.
    pub sdist: Option<RemoteFile>,
}

/// The files of all packages of a lock.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FileIndex {
    packages: Vec<PackageFiles>,
}

/// Why the answer cannot be understood.
#[derive(Debug, Error)]
pub enum Error {
    /// Not TOML, or not the TOML of PEP 751.
    #[error("this is not the format of PEP 751: {0}")]
    Format(#[from] toml::de::Error),
    /// A file without a usable hash.
    #[error("a file of `{package}` has no usable hash")]
    Hash {
        /// The package.
        package: PackageName,
        /// Why.
        source: crate::hash::NoSha256,
    },
}

impl FileIndex {
    /// The files of these; what stands there several times is put together.
    pub fn of_packages(packages: impl IntoIterator<Item = PackageFiles>) -> Self {
        let mut index = Self::default();
        for package in packages {
            let known = index.packages.iter_mut();
            match known
                .into_iter()
                .find(|known| known.name == package.name && known.version == package.version)
            {
                Some(known) => {
                    known.wheels.extend(package.wheels);
                    known.sdist = known.sdist.take().or(package.sdist);
                }
                None => index.packages.push(package),
            }
        }
        index
    }

    /// Reads what uv answers.
    pub fn from_pylock(text: &str) -> Result<Self, Error> {
        let pylock: Pylock = toml::from_str(text)?;
        let packages = pylock.packages.into_iter().filter_map(|package| {
            let version = package.version?;
            Some((package.name, version, package.wheels, package.sdist))
        });
        let packages = packages.map(|(name, version, wheels, sdist)| {
            let file = |file: PylockFile| file.located(&name);
            let wheels = wheels.into_iter().filter_map(file).collect::<Result<_, _>>()?;
            let sdist = sdist.and_then(file).transpose()?;
            Ok(PackageFiles { name: name.clone(), version, wheels, sdist })
        });
        Ok(Self { packages: packages.collect::<Result<_, Error>>()? })
    }

    /// Leaves only the files that the lock allows.
    #[must_use]
    pub fn allowed_by(mut self, lock: &Lock) -> Self {
        for files in &mut self.packages {
            let allowed = |file: &RemoteFile| {
                let mut locked = lock.packages.iter();
                locked.any(|locked| {
                    locked.name == files.name && locked.hashes().any(|hash| *hash == file.sha256)
                })
            };
            files.wheels.retain(allowed);
            files.sdist = files.sdist.take().filter(allowed);
        }
        self
    }

    /// Packages that the lock has more files of, but of which only the source distribution was found: somebody may have
    /// told uv to leave out the wheels.
    pub fn without_their_wheels<'a>(&self, lock: &'a Lock) -> impl Iterator<Item = &'a PackageName> {
        let lacks_wheels = |package: &&LockedPackage| {
            let files = package.version().and_then(|version| self.of(&package.name, version));
            files.is_some_and(|files| {
                files.wheels.is_empty() && files.sdist.is_some() && package.hashes().count() > 1
            })
        };
        lock.packages.iter().filter(lacks_wheels).map(|package| &package.name)
    }

    /// Whether there is any file of a package, if it has any in an index at all.
    pub fn has_files_of(&self, package: &LockedPackage) -> bool {
        let Some(version) = package.version() else { return true };
        let files = self.of(&package.name, version);
        files.is_some_and(|files| files.sdist.is_some() || !files.wheels.is_empty())
    }

    /// The files of one version of a package.
    pub fn of(&self, name: &PackageName, version: &Version) -> Option<&PackageFiles> {
        self.packages.iter().find(|files| files.name == *name && files.version == *version)
    }
}

#[derive(Deserialize)]
struct Pylock {
    #[serde(default)]
    packages: Vec<PylockPackage>,
}

#[derive(Deserialize)]
struct PylockPackage {
    name: PackageName,
    version: Option<Version>,
    #[serde(default)]
    wheels: Vec<PylockFile>,
    sdist: Option<PylockFile>,
}

#[derive(Deserialize)]
struct PylockFile {
    name: Option<String>,
    url: Option<String>,
    path: Option<String>,
    size: Option<u64>,
    #[serde(default)]
    hashes: PylockHashes,
}

#[derive(Default, Deserialize)]
struct PylockHashes {
    sha256: Option<String>,
}

impl PylockFile {
    /// `None` for a file that nobody could check (it has no sha256, and the lock cannot name it either), and for one
    /// whose name is no name.
    fn located(self, package: &PackageName) -> Option<Result<RemoteFile, Error>> {
        // Credentials have no place in the cache; whoever downloads finds them where they are kept.
        let url = split(&self.url.or(self.path)?).url;
        let sha256 = self.hashes.sha256?;
        let file_name = file_name(self.name, &url)?;
        let hash = sha256.parse().map_err(|source| Error::Hash { package: package.clone(), source });
        Some(hash.map(|sha256| RemoteFile { file_name, url, sha256, size: self.size }))
    }
}

/// The name of the file at `url`: as it is given, else the end of the address; `None` if that is no name of a file.
pub(super) fn file_name(given: Option<String>, url: &str) -> Option<String> {
    let from_address = || {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        percent_decoded(path.rsplit('/').next().unwrap_or_default())
    };
    let name = given.unwrap_or_else(from_address);
    let is_name = !name.contains(['/', '\\']) && !matches!(name.as_str(), "" | "." | "..");
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const A: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const B: &str = "0000000000000000000000000000000000000000000000000000000000000000";

    fn pylock() -> FileIndex {
        let text = format!(
            r#"
            lock-version = "1.0"
            created-by = "uv"
            [[packages]]
            name = "six"
            version = "1.17.0"
            sdist = {{ url = "http://127.0.0.1/six-1.17.0.tar.gz", size = 7, hashes = {{ sha256 = "{A}" }} }}
            wheels = [
              {{ url = "http://127.0.0.1/a/six-1.17.0%2Bl-py3-none-any.whl?x=1#y", hashes = {{ sha256 = "{B}" }} }},
              {{ url = "http://127.0.0.1/a/six-1.17.0-py3-none-any.whl", hashes = {{ md5 = "00" }} }},
            ]
            [[packages]]
            name = "from-git"
            vcs = {{ type = "git", url = "https://example.com/x.git", commit-id = "00" }}
            "#
        );
        FileIndex::from_pylock(&text).unwrap()
    }

    #[test]
    fn files_are_found_with_their_hashes() {
        let index = pylock();
        let six = index.of(&"six".parse().unwrap(), &"1.17".parse().unwrap()).unwrap();
        assert_eq!(six.wheels.len(), 1, "a file without sha256 is of no use");
        assert_eq!(six.wheels[0].file_name, "six-1.17.0+l-py3-none-any.whl");
        assert_eq!(six.sdist.as_ref().unwrap().size, Some(7));
    }

    #[test]
    fn only_files_that_the_lock_allows_are_left() {
        let text = format!("six==1.17.0 --hash=sha256:{A}\n");
        let lock = Lock::parse(Path::new("requirements.x.txt"), text.as_bytes()).unwrap();
        let index = pylock().allowed_by(&lock);
        let six = index.of(&"six".parse().unwrap(), &"1.17.0".parse().unwrap()).unwrap();
        assert!(six.wheels.is_empty());
        assert!(six.sdist.is_some());
    }
}
