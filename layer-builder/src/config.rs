//! `layers.toml`: this crate's part of it.
//!
//! Text in, tables out. Finding and reading the file is the only IO. Tables of other crates are known by name and not
//! looked into; keys that nobody knows are errors that show the place.

mod mistake;
mod reader;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pep508_rs::PackageName;
use sha2::{Digest, Sha256};
use thiserror::Error;

pub use mistake::Mistake;

use crate::provided::Provided;
use crate::requirement::Wanted;
use crate::target::{Architecture, PythonVersion, Runtime, Runtimes, Target};

/// The name of the file.
pub const FILE_NAME: &str = "layers.toml";

/// The layers of one `layers.toml`.
#[derive(Clone, Debug)]
pub struct LayersFile {
    /// Where it was read from.
    pub path: PathBuf,
    /// The folder that it lies in, absolute.
    folder: PathBuf,
    /// The layers by name.
    pub layers: BTreeMap<String, LayerTable>,
}

/// The table `[layers.<name>]`.
#[derive(Clone, Debug)]
pub struct LayerTable {
    /// The name: `sosw` in `[layers.sosw]`.
    pub name: String,
    /// What the published version is described with.
    pub description: Option<String>,
    /// The layer's own requirements.
    pub requirements: Vec<Wanted>,
    /// What comes along with them; left out by `--raw`.
    pub companions: Vec<Wanted>,
    /// The repository of a requirement, for building it from a branch.
    pub branch_of: BTreeMap<PackageName, String>,
    /// The Python versions to serve, oldest first.
    pub pythons: Vec<PythonVersion>,
    /// The architectures to serve.
    pub architectures: Vec<Architecture>,
    /// The runtimes that are known: the table of this crate, and what the file says otherwise.
    pub runtimes: Runtimes,
    /// What the runtimes bring along, as far as the file says so.
    pub provided: Provided,
    /// Whether there may be a zip for each architecture.
    pub split: Split,
    /// Whether what the runtimes bring along is left out.
    pub exclude_runtime_provided: bool,
    /// The lock, if somebody else makes it: a file of PEP 751, from the folder of `layers.toml`.
    pub lock: Option<PathBuf>,
    /// Other files of the layer: their place in it, and where they lie from the folder of `layers.toml`.
    pub include: BTreeMap<String, PathBuf>,
    /// Which wheel to take where a package offers both kinds.
    pub wheels: WheelPreference,
    /// The licence to publish with.
    pub license: Option<String>,
    /// The layer's name at AWS, if it is not `name`.
    pub layer_name: Option<String>,
    /// What the audit is to know.
    pub audit: AuditTable,
    /// SHA-256, in hex, of the table without its `publish` part, as compact JSON with sorted keys. It stands in the
    /// manifest, so that a change of the table after the build can be seen.
    pub inputs_sha256: String,
}

impl LayerTable {
    /// The architecture of this name, if there may be a zip for it alone.
    pub fn zip_for(&self, architecture: &str) -> Option<Architecture> {
        let mut all = self.architectures.iter().copied().filter(|_| self.split == Split::Architecture);
        all.find(|one| one.name() == architecture)
    }

    /// Every runtime on every architecture that was asked for.
    pub fn targets(&self) -> Vec<Target> {
        self.targets_of(&self.pythons, &self.architectures)
    }

    /// The runtimes of these Python versions, on these architectures.
    pub fn targets_of(&self, pythons: &[PythonVersion], architectures: &[Architecture]) -> Vec<Target> {
        let runtimes = pythons.iter().filter_map(|&python| Some((python, self.runtimes.get(python)?)));
        let targets = |(python, runtime): (PythonVersion, Runtime)| {
            architectures.iter().map(move |&architecture| Target {
                python,
                architecture,
                glibc_minor: runtime.glibc_minor,
            })
        };
        runtimes.flat_map(targets).collect()
    }
}

/// The keys of a layer's table that are about its audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditTable {
    /// Findings that are meant to be so: `id` or `id:file`, and the reason.
    pub allow: BTreeMap<String, String>,
    /// The most that the layer may unpack to, in bytes.
    pub max_unzipped_size: Option<u64>,
    /// How much larger than the published version it may be without a warning, in percent.
    pub growth: Option<u64>,
}

/// `split = …`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// One zip, for all.
    #[default]
    Never,
    /// `"architecture"`: a zip for each, if anything differs between them.
    Architecture,
}

/// `wheels = …`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WheelPreference {
    /// The wheel with the best tag: compiled code where there is some.
    #[default]
    Native,
    /// A wheel without compiled code where there is one.
    Pure,
}

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum Error {
    /// No `layers.toml` in the folder or above.
    #[error("found no `layers.toml` in `{}` or above it", .0.display())]
    NotFound(PathBuf),
    /// It cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It says something wrong.
    #[error(transparent)]
    Mistake(Box<Mistake>),
    /// There is no such layer.
    #[error("there is no layer `{name}` in `{}`", path.display())]
    UnknownLayer {
        /// What was asked for.
        name: String,
        /// The file.
        path: PathBuf,
        /// What there is.
        known: Vec<String>,
    },
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound(_) => {
                Some("name one with `--layers-file FILE`, or go to the folder that has one".to_owned())
            }
            Self::Read { source, .. } => Some(
                match source.kind() {
                    std::io::ErrorKind::InvalidData => "it is not UTF-8: save it as that",
                    std::io::ErrorKind::NotFound => "name one that is there with `--layers-file FILE`",
                    _ => "see to it that it is a file, and yours to read",
                }
                .to_owned(),
            ),
            Self::Mistake(mistake) => mistake.hint.clone(),
            Self::UnknownLayer { name, known, .. } => {
                let near = nearest(name, known.iter().map(String::as_str))
                    .map(|near| format!("did you mean `{near}`? "));
                let known = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                Some(format!("{}the known layers are: {known}", near.unwrap_or_default()))
            }
        }
    }
}

impl LayersFile {
    /// The nearest `layers.toml` from `folder` upwards.
    pub fn find(folder: &Path) -> Result<PathBuf, Error> {
        let found = folder.ancestors().map(|folder| folder.join(FILE_NAME)).find(|path| path.is_file());
        found.ok_or_else(|| Error::NotFound(folder.to_path_buf()))
    }

    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Read { path: path.to_path_buf(), source })?;
        Self::parse(path, &text)
    }

    /// Reads the text of the file at `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let layers = reader::layers(path, text).map_err(Error::Mistake)?;
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let folder = absolute.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(Self { path: path.to_path_buf(), folder, layers })
    }

    /// The folder of the file, absolute, because programs are started in other folders with paths below it: locks, `target/layers/` and the ledger lie here.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The layers that `names` asks for; all if it asks for none.
    pub fn chosen(&self, names: &[String]) -> Result<Vec<&LayerTable>, Error> {
        if names.is_empty() {
            return Ok(self.layers.values().collect());
        }
        // Whoever names a layer twice wants it once.
        let mut seen = BTreeSet::new();
        names
            .iter()
            .filter(|name| seen.insert(name.as_str()))
            .map(|name| {
                self.layers.get(name).ok_or_else(|| Error::UnknownLayer {
                    name: name.clone(),
                    path: self.path.clone(),
                    known: self.layers.keys().cloned().collect(),
                })
            })
            .collect()
    }
}

/// The known word that `typed` was probably meant to be.
pub(crate) fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |known: &str| strsim::damerau_levenshtein(&typed.to_lowercase(), known);
    let near = known.map(|known| (distance(known), known)).min()?;
    (near.0 <= near.1.chars().count().div_ceil(3)).then_some(near.1)
}

/// See [`LayerTable::inputs_sha256`].
fn inputs_sha256(text: &str, layer: &str) -> String {
    let mut table = toml::from_str::<serde_json::Value>(text).unwrap_or_default();
    let mut table = table["layers"][layer].take();
    if let Some(keys) = table.as_object_mut() {
        keys.remove("publish");
    }
    crate::hash::hex(&Sha256::digest(table.to_string()))
}

#[cfg(test)]
mod tests;
