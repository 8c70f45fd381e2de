//! Source distributions to wheels: built by uv with pinned tools, then packed again by our own compressor, so that the
//! bytes do not depend on the machine that built them.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use libdeflater::{CompressionLvl, Compressor, DecompressionError, Decompressor};
use serde::Deserialize;
use thiserror::Error;

use super::tags::WheelName;
use crate::cache::{self, Cache};
use crate::hash::Sha256;
use crate::lock::files::RemoteFile;
use crate::lock::uv::{self, Network, Uv};
use crate::ui::Ui;
use crate::zip_reader::{self, ZipFile};
use crate::zip_writer::{self, Writer};

/// Changes whenever the way from a source distribution to its wheel changes, so that old results are not used.
const RECIPE: &str = "1";
/// Of what setuptools' legacy backend needs where a project does not say (PEP 517).
const LEGACY_REQUIRES: &str = "setuptools>=40.8.0";
/// A `pyproject.toml` larger than this is not read.
const MAX_PYPROJECT: u64 = 1 << 20;
/// An unpacked source distribution larger than this is not read.
const MAX_UNPACKED: usize = 1 << 30;

/// A wheel that was built here.
#[derive(Clone, Debug)]
pub struct BuiltWheel {
    /// Where it lies.
    pub path: PathBuf,
    /// What it has to be.
    pub sha256: Sha256,
}

/// Why there is no wheel.
#[derive(Debug, Error)]
pub enum Error {
    /// The source distribution cannot be read.
    #[error("failed to read the source distribution `{file}`: {why}")]
    Sdist {
        /// Its name.
        file: String,
        /// Why.
        why: String,
    },
    /// uv could not build it.
    #[error(transparent)]
    Uv(#[from] uv::Error),
    /// The backend made nothing that is a wheel, or more than one.
    #[error("building `{file}` made {made} wheels instead of one")]
    NotOne {
        /// The source distribution.
        file: String,
        /// How many.
        made: usize,
    },
    /// It has compiled code, for this machine and not for Lambda's.
    #[error("`{file}` builds into `{wheel}`, which holds code for one system only")]
    Native {
        /// The source distribution.
        file: String,
        /// The wheel.
        wheel: String,
    },
    /// What was built cannot be read.
    #[error("what was built of `{file}` cannot be used")]
    Useless {
        /// The source distribution.
        file: String,
        /// Why.
        source: zip_reader::Error,
    },
    /// The pinned build tools are missing.
    #[error("failed to read `{}`, which pins what `{file}` is built with", path.display())]
    Constraints {
        /// The file that pins them.
        path: PathBuf,
        /// The source distribution.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The cache is of no use.
    #[error(transparent)]
    Cache(#[from] cache::Error),
}

impl Error {
    /// What to do about it. `lock` is the command that locks.
    pub fn hint(&self, lock: &str) -> Option<String> {
        match self {
            Self::Uv(error) => error
                .hint()
                .or_else(|| Some(format!("if its build requirements have changed, `{lock}` pins them anew"))),
            Self::Native { .. } => Some(
                "find a version that offers wheels for Lambda's systems; code for them cannot be built here"
                    .to_owned(),
            ),
            Self::Constraints { .. } => Some(format!("`{lock}` makes it")),
            Self::Cache(error) => Some(error.hint()),
            _ => None,
        }
    }
}

/// The wheel of the source distribution that lies at `path`: the one in the cache, or a new one. `folder` is where uv
/// looks for its project configuration.
pub fn wheel_of(
    sdist: &RemoteFile,
    path: &Path,
    folder: &Path,
    constraints: &Path,
    cache: &Cache,
    network: Network,
    ui: &Ui,
) -> Result<BuiltWheel, Error> {
    let pinned = std::fs::read(constraints).map_err(|source| Error::Constraints {
        path: constraints.to_path_buf(),
        file: sdist.file_name.clone(),
        source,
    })?;
    let inputs = format!("{RECIPE} {} {}", sdist.sha256, Sha256::of(&pinned));
    let home = cache.built(Sha256::of(inputs.as_bytes()));
    if let Some(built) = already_built(&home) {
        return Ok(built);
    }
    ui.status("Building", &sdist.file_name);
    let exchange = cache.new_folder()?;
    let out = exchange.path().join("out");
    cache.make_folder(&out)?;
    Uv::find(cache, network, ui)?.build_wheel(folder, path, constraints, &out, network)?;
    let wheel = only_wheel(&out, sdist)?;
    let name = file_name(&wheel);
    if !WheelName::parse(&name).is_ok_and(|name| name.is_pure()) {
        return Err(Error::Native { file: sdist.file_name.clone(), wheel: name });
    }
    let packed = pack(&wheel).map_err(|source| Error::Useless { file: sdist.file_name.clone(), source })?;
    let sha256 = Sha256::of(&packed);
    // The hash is written last: without it the wheel does not count.
    cache.write(&home.join(&name), &packed)?;
    cache.write(&home.join(HASH_FILE), sha256.to_string().as_bytes())?;
    Ok(BuiltWheel { path: home.join(&name), sha256 })
}

const HASH_FILE: &str = "sha256";

fn already_built(home: &Path) -> Option<BuiltWheel> {
    let sha256 = std::fs::read_to_string(home.join(HASH_FILE)).ok()?.parse().ok()?;
    let files = std::fs::read_dir(home).ok()?.flatten().map(|file| file.path());
    let path = files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "whl"))?;
    Some(BuiltWheel { path, sha256 })
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn only_wheel(out: &Path, sdist: &RemoteFile) -> Result<PathBuf, Error> {
    let files = std::fs::read_dir(out).into_iter().flatten().flatten().map(|file| file.path());
    let mut wheels: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|e| e == "whl")).collect();
    match (wheels.pop(), wheels.len()) {
        (Some(wheel), 0) => Ok(wheel),
        (one, others) => {
            Err(Error::NotOne { file: sdist.file_name.clone(), made: others + usize::from(one.is_some()) })
        }
    }
}

/// The wheel at `path`, in the canonical form and by our own compressor.
fn pack(path: &Path) -> Result<Vec<u8>, zip_reader::Error> {
    let zip = ZipFile::open(path)?;
    let mut entries: Vec<_> = zip.entries().iter().collect();
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    let mut compressor = Compressor::new(CompressionLvl::best());
    let mut writer = Writer::new(Vec::new());
    let failed = |source| zip_reader::Error::Io { path: path.to_path_buf(), source };
    for entry in entries {
        let content = zip.content(entry)?;
        let mut stream = vec![0; compressor.deflate_compress_bound(content.len())];
        let size = compressor.deflate_compress(&content, &mut stream).unwrap_or(usize::MAX);
        let (method, stored) = match stream.get(..size) {
            Some(stream) if size < content.len() => (zip_reader::Method::Deflated, stream),
            _ => (zip_reader::Method::Stored, content.as_slice()),
        };
        let file = zip_writer::File {
            path: &entry.path,
            executable: entry.executable,
            method,
            crc32: entry.crc32,
            size: entry.size,
        };
        writer.add(&file, stored).map_err(failed)?;
    }
    Ok(writer.finish().map_err(failed)?.inner)
}

#[derive(Default, Deserialize)]
struct Pyproject {
    #[serde(rename = "build-system")]
    build_system: Option<BuildSystem>,
}

#[derive(Deserialize)]
struct BuildSystem {
    requires: Vec<String>,
}

/// What the source distributions say that they are built with, for the lock of build requirements.
pub fn build_requirements(sdists: &[(&RemoteFile, PathBuf)]) -> Result<BTreeSet<String>, Error> {
    let mut requirements = BTreeSet::new();
    for (sdist, path) in sdists {
        let wrong = |why: String| Error::Sdist { file: sdist.file_name.clone(), why };
        let text = pyproject(path, &sdist.file_name).map_err(wrong)?;
        let pyproject: Pyproject = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        match pyproject.build_system {
            Some(system) => requirements.extend(system.requires),
            None => _ = requirements.insert(LEGACY_REQUIRES.to_owned()),
        }
    }
    Ok(requirements)
}

/// The text of the `pyproject.toml` at the top of a source distribution; empty if there is none.
fn pyproject(path: &Path, name: &str) -> Result<String, String> {
    let is_it = |path: &str| path.split_once('/').is_some_and(|(_, rest)| rest == "pyproject.toml");
    if name.ends_with(".zip") {
        let zip = ZipFile::open(path).map_err(|error| error.to_string())?;
        let Some(entry) = zip.entries().iter().find(|entry| is_it(&entry.path)) else {
            return Ok(String::new());
        };
        let content = zip.content(entry).map_err(|error| error.to_string())?;
        return String::from_utf8(content).map_err(|error| error.to_string());
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let unpacked = gunzip(&bytes)?;
    let mut archive = tar::Archive::new(unpacked.as_slice());
    for entry in archive.entries().map_err(|error| error.to_string())? {
        let entry = entry.map_err(|error| error.to_string())?;
        if entry.path().ok().and_then(|path| path.to_str().map(is_it)) == Some(true) {
            let mut text = String::new();
            entry.take(MAX_PYPROJECT).read_to_string(&mut text).map_err(|error| error.to_string())?;
            return Ok(text);
        }
    }
    Ok(String::new())
}

/// Unpacks gzip. The size at its end is a hint only (it is modulo 2^32, and nobody vouches for it).
fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let claimed = bytes.last_chunk().map_or(0, |size| u32::from_le_bytes(*size) as usize);
    let mut size = claimed.clamp(1 << 16, bytes.len().saturating_mul(1032).max(1 << 16)).min(MAX_UNPACKED);
    loop {
        let mut unpacked = vec![0; size];
        match Decompressor::new().gzip_decompress(bytes, &mut unpacked) {
            Ok(got) => {
                unpacked.truncate(got);
                return Ok(unpacked);
            }
            Err(DecompressionError::InsufficientSpace) if size < MAX_UNPACKED => {
                size = (size * 2).min(MAX_UNPACKED);
            }
            Err(DecompressionError::InsufficientSpace) => {
                return Err("it unpacks to more than 1 GB".to_owned());
            }
            Err(DecompressionError::BadData) => return Err("it is not gzip, or damaged".to_owned()),
        }
    }
}
