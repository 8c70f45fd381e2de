//! What the builder has built, read and checked: the manifest, its zip, and whether both still belong to the lock and
//! the table. Nothing here changes a file.

mod error;

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::config::{Layer, LayersFile, hex, nearest};
pub use error::ArtifactError;

/// The schema of manifests that this program reads.
pub const SCHEMA: u64 = 1;
/// The largest zip that fits into a request, in bytes: 50 MB as Lambda counts them.
pub const LARGEST_DIRECT_ZIP: u64 = 52_428_800;

/// A manifest, as far as the publisher needs it. Other fields are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Manifest {
    /// The layer's name in `layers.toml`.
    pub layer: String,
    /// What makes it another artifact than the layer's ordinary one: `raw`, or a branch.
    #[serde(default)]
    pub variant: Option<String>,
    /// The name that Lambda knows.
    pub layer_name: String,
    /// The zip, beside the manifest.
    pub zip: PathBuf,
    /// SHA-256 of the zip, in hex.
    pub sha256: String,
    /// The same in base64, as AWS shows it.
    pub code_sha256: String,
    /// Size of the zip in bytes.
    pub size: u64,
    /// Runtimes that can use the layer.
    #[serde(default)]
    pub compatible_runtimes: Vec<String>,
    /// Architectures that can use the layer.
    #[serde(default)]
    pub compatible_architectures: Vec<String>,
    /// What the layer is, in words.
    #[serde(default)]
    pub description: Option<String>,
    /// Its licence, at most 512 characters.
    #[serde(default)]
    pub license: Option<String>,
    /// Hash of the layer's table when it was built.
    pub inputs_sha256: String,
    /// The lock that it was built from.
    pub lock: Lock,
    /// What is inside.
    #[serde(default)]
    pub packages: Vec<Package>,
}

/// The lock that a layer was built from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Lock {
    /// Where it lies, from the folder of `layers.toml`.
    pub path: PathBuf,
    /// SHA-256 of it, in hex.
    pub sha256: String,
}

/// A package inside.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Something built that may be published: its zip is what the manifest says.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// The name of its files without ending: `sosw`, `sosw-raw`.
    pub name: String,
    /// What the builder says about it.
    pub manifest: Manifest,
    /// The zip itself.
    pub zip: Vec<u8>,
}

/// Whether an artifact must belong to the lock and the table as they are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It must.
    Required,
    /// Whatever was built is taken (`--as-built`).
    AsBuilt,
}

/// The folder of manifests and zips.
pub fn folder(file: &LayersFile) -> PathBuf {
    file.root().join("target").join("layers")
}

/// Finds, reads and checks what `names` ask for; the only layer if they ask for nothing.
pub fn artifacts(
    file: &LayersFile,
    names: &[String],
    freshness: Freshness,
) -> Result<Vec<Artifact>, ArtifactError> {
    let mut wanted = names.to_vec();
    if wanted.is_empty() {
        let layers = file.layers.keys().cloned().collect::<Vec<_>>();
        if layers.len() > 1 {
            let names = layers.iter().map(|name| format!("`{name}`")).collect();
            return Err(ArtifactError::NotNamed { file: file.path.clone(), names });
        }
        wanted = layers;
    }
    if wanted.is_empty() {
        return Err(ArtifactError::NoLayers { file: file.path.clone() });
    }
    wanted.sort();
    wanted.dedup();
    let mut artifacts = Vec::<Artifact>::new();
    for name in &wanted {
        for artifact in named(file, name, freshness)? {
            if !artifacts.iter().any(|other| other.name == artifact.name) {
                artifacts.push(artifact);
            }
        }
    }
    Ok(artifacts)
}

/// The artifacts of a layer, or the one artifact of that name. A variant is published only under its own name.
fn named(file: &LayersFile, name: &str, freshness: Freshness) -> Result<Vec<Artifact>, ArtifactError> {
    let folder = folder(file);
    let mut found = Vec::new();
    for path in manifests(&folder) {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let is_named = stem == name;
        // A broken manifest of some other layer is none of our business.
        if !is_named && !stem.strip_prefix(name).is_some_and(|rest| rest.starts_with('-')) {
            continue;
        }
        let manifest = read(&path, name)?;
        if is_named || (manifest.layer == name && manifest.variant.is_none()) {
            found.push(check(file, &folder, stem, manifest, freshness)?);
        }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    if file.layers.contains_key(name) {
        return Err(ArtifactError::NotBuilt { layer: name.to_owned(), folder });
    }
    let nearest = nearest(name, file.layers.keys().map(String::as_str));
    Err(ArtifactError::UnknownLayer { name: name.to_owned(), file: file.path.clone(), nearest })
}

fn manifests(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut paths = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect::<Vec<_>>();
    paths.sort();
    paths
}

fn read(path: &Path, layer: &str) -> Result<Manifest, ArtifactError> {
    let malformed =
        |source| ArtifactError::Malformed { layer: layer.to_owned(), path: path.to_owned(), source };
    let text = read_file(path, layer)?;
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(malformed)?;
    let schema = value.get("schema").cloned().unwrap_or_default();
    if schema.as_u64() != Some(SCHEMA) {
        let found = schema.to_string();
        return Err(ArtifactError::Schema { layer: layer.to_owned(), path: path.to_owned(), found });
    }
    serde_json::from_value(value).map_err(malformed)
}

fn read_file(path: &Path, layer: &str) -> Result<Vec<u8>, ArtifactError> {
    std::fs::read(path).map_err(|source| ArtifactError::Read {
        layer: layer.to_owned(),
        path: path.to_owned(),
        source,
    })
}

fn check(
    file: &LayersFile,
    folder: &Path,
    name: String,
    manifest: Manifest,
    freshness: Freshness,
) -> Result<Artifact, ArtifactError> {
    let layer = || manifest.layer.clone();
    if freshness == Freshness::Required {
        let table_is_same = |layer: &Layer| layer.inputs_sha256 == manifest.inputs_sha256;
        if !file.layers.get(&manifest.layer).is_some_and(table_is_same) {
            return Err(ArtifactError::OtherTable { layer: layer(), file: file.path.clone() });
        }
        let lock = std::fs::read(file.root().join(&manifest.lock.path)).unwrap_or_default();
        if hex(&Sha256::digest(&lock)) != manifest.lock.sha256 {
            return Err(ArtifactError::OtherLock { layer: layer(), lock: manifest.lock.path.clone() });
        }
    }
    let path = folder.join(&manifest.zip);
    let zip = read_file(&path, &manifest.layer)?;
    let other = |what, found, expected| {
        Err(ArtifactError::OtherZip { layer: layer(), path: path.clone(), what, found, expected })
    };
    let size = zip.len() as u64;
    if size != manifest.size {
        return other("size", size.to_string(), manifest.size.to_string());
    }
    let digest = Sha256::digest(&zip);
    if hex(&digest) != manifest.sha256 {
        return other("sha256", hex(&digest), manifest.sha256.clone());
    }
    if BASE64.encode(digest) != manifest.code_sha256 {
        return other("CodeSha256", BASE64.encode(digest), manifest.code_sha256.clone());
    }
    if size > LARGEST_DIRECT_ZIP {
        return Err(ArtifactError::TooLarge { layer: layer(), path, size });
    }
    Ok(Artifact { name, manifest, zip })
}
