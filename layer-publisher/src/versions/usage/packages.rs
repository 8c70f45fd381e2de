//! Which packages a version of a layer holds: by the manifests of what was built here, by zips that lie here, or by the
//! names of the files in its zip, of which only the directory is fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use pep440_rs::{Version, VersionSpecifiers};
use template_tools::arn::LayerVersionArn;
use thiserror::Error;

use crate::aws::download;
use crate::aws::failure::CallFailure;
use crate::aws::lambda::LambdaRegion;
use crate::manifest::{Manifest, Package};
use crate::zip_directory::{self, ZipDirectoryError};

/// What `--package` asks for: a name, and versions of it.
#[derive(Clone, Debug)]
pub struct PackageWanted {
    /// As it was typed.
    text: String,
    /// Normalised (PEP 503).
    name: String,
    versions: VersionSpecifiers,
}

/// A text that names no package.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{text}` names no package{}; it looks like `requests<2.32`", why.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
pub struct PackageWantedError {
    text: String,
    why: Option<String>,
}

impl FromStr for PackageWanted {
    type Err = PackageWantedError;

    fn from_str(text: &str) -> Result<Self, PackageWantedError> {
        let wrong = |why: Option<String>| PackageWantedError { text: text.to_owned(), why };
        let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        let trimmed = text.trim();
        let end = trimmed.find(|letter| !is_of_name(letter)).unwrap_or(trimmed.len());
        let (name, rest) = trimmed.split_at(end);
        if !name.starts_with(|letter: char| letter.is_ascii_alphanumeric()) {
            return Err(wrong(None));
        }
        let rest = rest.trim();
        if rest.starts_with(['[', ';', '@']) {
            return Err(wrong(Some("only a name and versions can be asked for".to_owned())));
        }
        let versions = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest);
        let versions = VersionSpecifiers::from_str(versions)
            .map_err(|error| wrong(error.to_string().lines().next().map(str::to_owned)))?;
        Ok(Self { text: trimmed.to_owned(), name: normalised(name), versions })
    }
}

impl std::fmt::Display for PackageWanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.text)
    }
}

impl PackageWanted {
    /// The versions among these packages that are meant. A version that cannot be read is shown rather than not.
    pub fn among(&self, packages: &[Package]) -> BTreeSet<String> {
        let is_meant = |version: &str| {
            Version::from_str(version).map_or(true, |version| self.versions.contains(&version))
        };
        let same_name = packages.iter().filter(|package| normalised(&package.name) == self.name);
        same_name
            .filter(|package| is_meant(&package.version))
            .map(|package| package.version.clone())
            .collect()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// `Foo.Bar_baz` and `foo-bar-baz` are the same (PEP 503).
fn normalised(name: &str) -> String {
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// The packages whose metadata lie among these files: `python/requests-2.32.3.dist-info/METADATA`.
pub fn of_file_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Package> {
    let mut found = BTreeSet::new();
    for name in names {
        for folder in name.split('/') {
            let stem = folder.strip_suffix(".dist-info").or_else(|| {
                // `bson-0.5.10-py3.9.egg-info`, as older tools leave it.
                let stem = folder.strip_suffix(".egg-info")?;
                Some(stem.rsplit_once("-py").map_or(stem, |(stem, _)| stem))
            });
            if let Some((name, version)) = stem.and_then(|stem| stem.rsplit_once('-')) {
                found.insert((normalised(name), version.to_owned()));
            }
        }
    }
    found.into_iter().map(|(name, version)| Package { name, version }).collect()
}

/// What is known on this machine, by CodeSha256.
#[derive(Clone, Debug, Default)]
pub struct KnownHere(BTreeMap<String, Vec<Package>>);

impl KnownHere {
    /// Reads every manifest of the folder, and the zips that were downloaded into it. What cannot be read is not known.
    pub fn read(folder: &Path) -> Self {
        let mut known = BTreeMap::new();
        for path in files(&folder.join("published"), "zip") {
            let sha256 = path.file_stem().and_then(|stem| unhex(&stem.to_string_lossy()));
            let names = File::open(&path).ok().and_then(|file| of_zip(file).ok());
            if let (Some(sha256), Some(packages)) = (sha256, names) {
                known.insert(BASE64.encode(sha256), packages);
            }
        }
        for folder in [folder, &folder.join("partial")] {
            for path in files(folder, "json") {
                let manifest = std::fs::read(&path).ok();
                let manifest = manifest.and_then(|text| serde_json::from_slice::<Manifest>(&text).ok());
                if let Some(manifest) = manifest.filter(|manifest| !manifest.packages.is_empty()) {
                    known.insert(manifest.code_sha256, manifest.packages);
                }
            }
        }
        Self(known)
    }
}

fn files(folder: &Path, ending: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut paths = entries.map(|entry| entry.path()).collect::<Vec<_>>();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == ending));
    paths.sort();
    paths
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks_exact(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.map(byte).collect::<Option<Vec<_>>>().filter(|bytes| bytes.len() == 32 && text.len() == 64)
}

fn of_zip(mut file: File) -> Result<Vec<Package>, ZipDirectoryError> {
    let size = file.metadata()?.len();
    let names = zip_directory::file_names(size, |range| {
        file.seek(SeekFrom::Start(range.start))?;
        let mut bytes = Vec::new();
        (&file).take(range.end - range.start).read_to_end(&mut bytes)?;
        Ok(bytes)
    })?;
    Ok(of_file_names(names.iter().map(String::as_str)))
}

/// Why the packages of a version are not known.
#[derive(Debug, Error)]
pub enum PackagesError {
    /// Lambda.
    #[error(transparent)]
    Call(#[from] CallFailure),
    /// The link, or what lies behind it.
    #[error("its zip cannot be looked into: {0}")]
    Zip(#[from] ZipDirectoryError),
}

/// The packages of a version: one GetLayerVersion, and if they are not known here, the end of its zip.
pub async fn of_version(
    lambda: &LambdaRegion,
    version: &LayerVersionArn,
    known: &KnownHere,
) -> Result<Vec<Package>, PackagesError> {
    let (found, link) = lambda.locate(version).await?;
    if let Some(packages) = known.0.get(&found.code_sha256) {
        return Ok(packages.clone());
    }
    let size = found.size;
    let names = tokio::task::spawn_blocking(move || {
        let ranges = download::Ranges::new(&link)?;
        zip_directory::file_names(size, |range| ranges.read(range))
    });
    let names = names.await.map_err(|error| ZipDirectoryError::from(io::Error::other(error)))??;
    Ok(of_file_names(names.iter().map(String::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        Package { name: name.to_owned(), version: version.to_owned() }
    }

    #[track_caller]
    fn check(wanted: &str, name: &str, version: &str, is_meant: bool) {
        let wanted = wanted.parse::<PackageWanted>().unwrap();
        assert_eq!(wanted.among(&[package(name, version)]).len(), usize::from(is_meant));
    }

    #[test]
    fn names_and_versions_are_compared_as_python_does() {
        check("requests<2.32", "requests", "2.31.0", true);
        check("requests<2.32", "requests", "2.32.0", false);
        check("Foo.Bar >=1.0,<2", "foo_bar", "1.10", true);
        check("foo (==1.*)", "foo", "1.9", true);
        check("requests", "Requests", "0.1", true);
        check("requests", "requests-toolbelt", "0.1", false);
        // Better too much than too little.
        check("requests<2", "requests", "final", true);
    }

    #[test]
    fn what_names_no_package_is_refused_with_the_reason() {
        for text in [
            "",
            "<2",
            "requests[socks]",
            "requests; python_version < '3'",
            "requests @ https://x",
            "requests<x",
            "a b",
        ] {
            let error = text.parse::<PackageWanted>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}` names no package")), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn packages_are_known_by_the_folders_of_their_metadata() {
        let names = [
            "python/requests/__init__.py",
            "python/requests-2.31.0.dist-info/METADATA",
            "python/requests-2.31.0.dist-info/RECORD",
            "python/lib/python3.12/site-packages/Foo_bar-1.0+local.1.dist-info/METADATA",
            "python/bson-0.5.10-py3.9.egg-info/PKG-INFO",
            "python/strange.dist-info/METADATA",
        ];
        let found = of_file_names(names);
        let expected =
            [package("bson", "0.5.10"), package("foo-bar", "1.0+local.1"), package("requests", "2.31.0")];
        assert_eq!(found, expected);
    }

    #[test]
    fn hashes_are_read_from_the_names_of_files() {
        assert_eq!(unhex(&"0f".repeat(32)), Some(vec![15; 32]));
        for text in ["", "0f", "zz", &"é".repeat(32), &"0".repeat(63)] {
            assert_eq!(unhex(text), None);
        }
    }
}
