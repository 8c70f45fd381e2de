//! What is known of a layer here: what was built of it, else what `layers.toml` asks for, else what was published.

use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use crate::called::{CalledAs, Command};
use template_tools::arn::{ArnError, LayerName, Region};
use template_tools::layers_file::{self, LayersFileError};
use template_tools::ledger::{self, Ledger, LedgerError};
use template_tools::starter::Layer;

/// The schema of manifests that this program reads.
const SCHEMA: u64 = 1;

/// Where the compatible runtimes and architectures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// They were derived from the packages when the layer was built.
    Built,
    /// They are what is asked for.
    AskedFor,
    /// They are those of the current versions.
    Published,
}

/// A layer, and how it is known.
pub(crate) struct Found {
    pub(crate) layer: Layer,
    pub(crate) known: Known,
    /// The ledger; empty if there is none yet.
    pub(crate) ledger: Ledger,
}

/// Why it is not known which layer is meant, or what it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LayerError {
    #[error("failed to find out about the layer")]
    LayersFile(#[from] LayersFileError),
    #[error("failed to find the folder that this runs in")]
    Folder(#[source] io::Error),
    #[error("no layer is named, and `{}` has {}", file.display(), listed(.known))]
    NotNamed { file: PathBuf, known: Vec<String> },
    #[error("there is no layer `{name}` in `{}`", file.display())]
    Unknown { name: String, file: PathBuf, known: Vec<String> },
    #[error("layer `{name}` is several layers: {}", listed(.artifacts))]
    Several { name: String, artifacts: Vec<String> },
    #[error("failed to read `{}`: `{key}` is not {expected}", file.display())]
    Value { file: PathBuf, key: String, expected: &'static str },
    #[error("failed to read `{}`", file.display())]
    Name { file: PathBuf, source: ArnError },
    #[error("failed to read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("failed to read `{}`", path.display())]
    Manifest { path: PathBuf, source: serde_json::Error },
    #[error("failed to read `{}`: its schema is {found}, this program knows schema {SCHEMA}", path.display())]
    Schema { path: PathBuf, found: String },
    #[error("failed to read the ledger `{}`", path.display())]
    Ledger { path: PathBuf, source: LedgerError },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { format!("`{}`", names.join("`, `")) }
}

impl LayerError {
    /// What to type next.
    pub(crate) fn hint(&self, called: &CalledAs) -> Option<String> {
        match self {
            Self::LayersFile(LayersFileError::Missing(_)) => {
                Some("name one with `--layers-file FILE`, or go to the folder that has one".to_owned())
            }
            Self::NotNamed { known, file } if known.is_empty() => {
                Some(format!("add a table `[layers.NAME]` to `{}`", file.display()))
            }
            Self::NotNamed { known: names, .. } | Self::Several { artifacts: names, .. } => {
                names.first().map(|first| format!("name one, as in `--layer {first}`"))
            }
            Self::Unknown { name, known, .. } => {
                let closeness = |known: &&String| strsim::jaro_winkler(known, name);
                let best = known.iter().max_by(|one, other| closeness(one).total_cmp(&closeness(other)));
                let near = best.filter(|near| closeness(near) > 0.7);
                let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
                Some(format!("{near}the known layers are: {}", listed(known)))
            }
            Self::Manifest { .. } | Self::Schema { .. } => {
                Some(format!("build the layer again with `{}`", called.words(Command::Build)))
            }
            Self::Ledger { source, .. } => Some(source.hint().to_owned()),
            Self::LayersFile(_)
            | Self::Folder(_)
            | Self::Value { .. }
            | Self::Name { .. }
            | Self::Read { .. } => None,
        }
    }
}

/// The layer of that name, or the only one. `folder` is where templates will lie that name its zip.
pub(crate) fn find(
    name: Option<&str>,
    layers_file: Option<&Path>,
    folder: &Path,
) -> Result<Found, LayerError> {
    let here = std::env::current_dir().map_err(LayerError::Folder)?;
    let file = match layers_file {
        Some(path) => path.to_owned(),
        None => layers_file::find(&here)?,
    };
    let place = Place {
        root: file.parent().unwrap_or_else(|| Path::new("")).to_owned(),
        tables: tables(&file)?,
        file,
    };
    let ledger = place.ledger()?;
    let only = || match place.names()[..] {
        [ref only] => Ok(only.clone()),
        _ => Err(LayerError::NotNamed { file: place.file.clone(), known: place.names() }),
    };
    let name = name.map_or_else(only, |name| Ok(name.to_owned()))?;
    let (mut layer, known) = match place.built(&name)? {
        Some(layer) => (layer, Known::Built),
        None => match place.asked_for(&name)? {
            Some(layer) => (layer, Known::AskedFor),
            None => (place.published(&name, &ledger)?, Known::Published),
        },
    };
    layer.zip = relative(&here.join(&place.root).join(&layer.zip), &here.join(folder));
    Ok(Found { layer, known, ledger })
}

/// A `layers.toml`, and what lies beside it.
struct Place {
    file: PathBuf,
    root: PathBuf,
    tables: Table,
}

/// A manifest, as far as templates need it. Other fields are ignored.
#[derive(Deserialize)]
struct Manifest {
    layer: String,
    #[serde(default)]
    variant: Option<String>,
    layer_name: LayerName,
    zip: String,
    #[serde(default)]
    compatible_runtimes: Vec<String>,
    #[serde(default)]
    compatible_architectures: Vec<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    license: Option<String>,
}

impl Place {
    fn names(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }

    /// What was built under that name, or of the layer of that name.
    fn built(&self, name: &str) -> Result<Option<Layer>, LayerError> {
        let folder = self.root.join("target").join("layers");
        let mut found: Vec<(String, Manifest)> = Vec::new();
        for stem in manifests(&folder) {
            let is_named = stem == name;
            // A broken manifest of some other layer is none of our business.
            if is_named || stem.strip_prefix(name).is_some_and(|rest| rest.starts_with('-')) {
                let manifest = read(&folder.join(format!("{stem}.json")))?;
                if is_named || (manifest.layer == name && manifest.variant.is_none()) {
                    found.push((stem, manifest));
                }
            }
        }
        if found.len() > 1 {
            let artifacts = found.into_iter().map(|(stem, _)| stem).collect();
            return Err(LayerError::Several { name: name.to_owned(), artifacts });
        }
        let Some((stem, manifest)) = found.pop() else { return Ok(None) };
        Ok(Some(Layer {
            name: stem,
            layer_name: manifest.layer_name,
            description: manifest.description,
            license: manifest.license,
            compatible_runtimes: manifest.compatible_runtimes,
            compatible_architectures: manifest.compatible_architectures,
            zip: format!("target/layers/{}", manifest.zip),
            region: self.region(&manifest.layer)?,
        }))
    }

    /// What `layers.toml` says.
    fn asked_for(&self, name: &str) -> Result<Option<Layer>, LayerError> {
        if !self.tables.contains_key(name) {
            return Ok(None);
        }
        let layer_name = self.text(name, "layer-name")?.unwrap_or_else(|| name.to_owned());
        let layer_name = self.checked(LayerName::new(layer_name))?;
        let runtime = |python: String| match python.strip_prefix("python") {
            Some(_) => python,
            None => format!("python{python}"),
        };
        Ok(Some(Layer {
            name: name.to_owned(),
            layer_name,
            description: self.text(name, "description")?,
            license: self.text(name, "license")?,
            compatible_runtimes: self.texts(name, "python")?.into_iter().map(runtime).collect(),
            compatible_architectures: self.texts(name, "architectures")?,
            zip: format!("target/layers/{name}.zip"),
            region: self.region(name)?,
        }))
    }

    /// What the ledger says, where the layer is only a part of one of `layers.toml`, or somebody else builds it.
    fn published(&self, name: &str, ledger: &Ledger) -> Result<Layer, LayerError> {
        let mut known = self.names();
        known.extend(ledger.entries().map(|entry| entry.layer_version_arn.layer.to_string()));
        known.sort();
        known.dedup();
        let is_it = |entry: &&ledger::Entry| entry.layer_version_arn.layer.as_str() == name;
        let unknown = || LayerError::Unknown { name: name.to_owned(), file: self.file.clone(), known };
        let entry = ledger.entries().find(is_it).ok_or_else(unknown)?;
        Ok(Layer {
            name: name.to_owned(),
            layer_name: entry.layer_version_arn.layer.clone(),
            description: None,
            license: None,
            compatible_runtimes: entry.compatible_runtimes.clone(),
            compatible_architectures: entry.compatible_architectures.clone(),
            zip: format!("target/layers/{name}.zip"),
            region: Some(entry.layer_version_arn.region.clone()),
        })
    }

    fn ledger(&self) -> Result<Ledger, LayerError> {
        let path = self.root.join(ledger::FILE_NAME);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ledger::parse(&text).map_err(|source| LayerError::Ledger { path, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Ledger::default()),
            Err(source) => Err(LayerError::Read { path, source }),
        }
    }

    /// The first region of a layer's publish table.
    fn region(&self, layer: &str) -> Result<Option<Region>, LayerError> {
        let publish = self.tables.get(layer).and_then(|table| table.get("publish"));
        let regions = publish.and_then(|publish| publish.get("regions"));
        let Some(regions) = regions else { return Ok(None) };
        let first = self.list(regions, &format!("layers.{layer}.publish.regions"))?.into_iter().next();
        first.map(|region| self.checked(Region::new(region))).transpose()
    }

    fn text(&self, layer: &str, key: &str) -> Result<Option<String>, LayerError> {
        match self.tables.get(layer).and_then(|table| table.get(key)) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.value(&format!("layers.{layer}.{key}"), "a text")),
        }
    }

    fn texts(&self, layer: &str, key: &str) -> Result<Vec<String>, LayerError> {
        let value = self.tables.get(layer).and_then(|table| table.get(key));
        value.map_or_else(|| Ok(Vec::new()), |value| self.list(value, &format!("layers.{layer}.{key}")))
    }

    fn list(&self, value: &Value, key: &str) -> Result<Vec<String>, LayerError> {
        let items = value.as_array().map(|items| items.iter().map(|item| item.as_str().map(str::to_owned)));
        items.and_then(Iterator::collect).ok_or_else(|| self.value(key, "a list of texts"))
    }

    fn value(&self, key: &str, expected: &'static str) -> LayerError {
        LayerError::Value { file: self.file.clone(), key: key.to_owned(), expected }
    }

    fn checked<T>(&self, name: Result<T, ArnError>) -> Result<T, LayerError> {
        name.map_err(|source| LayerError::Name { file: self.file.clone(), source })
    }
}

/// The tables of the layers, by name.
fn tables(file: &Path) -> Result<Table, LayerError> {
    let mut all = layers_file::read(file)?;
    match all.remove("layers") {
        None => Ok(Table::new()),
        Some(Value::Table(layers)) => Ok(layers),
        Some(_) => {
            Err(LayerError::Value { file: file.to_owned(), key: "layers".to_owned(), expected: "a table" })
        }
    }
}

/// The names of the manifests of a folder, without their ending.
fn manifests(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut stems: Vec<String> = entries
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".json")?.to_owned()))
        .collect();
    stems.sort();
    stems
}

fn read(path: &Path) -> Result<Manifest, LayerError> {
    let malformed = |source| LayerError::Manifest { path: path.to_owned(), source };
    let text = std::fs::read(path).map_err(|source| LayerError::Read { path: path.to_owned(), source })?;
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(malformed)?;
    let schema = value.get("schema").cloned().unwrap_or_default();
    if schema.as_u64() != Some(SCHEMA) {
        return Err(LayerError::Schema { path: path.to_owned(), found: schema.to_string() });
    }
    serde_json::from_value(value).map_err(malformed)
}

/// The way to a file from a folder, with `/` between names. Links are followed as far as there is something to follow.
fn relative(file: &Path, folder: &Path) -> String {
    let (file, folder) = (real(file), real(folder));
    let (file, folder): (Vec<Component<'_>>, Vec<Component<'_>>) =
        (file.components().collect(), folder.components().collect());
    let shared = file.iter().zip(&folder).take_while(|(one, other)| one == other).count();
    let up = folder[shared..].iter().map(|_| "..".to_owned());
    let down = file[shared..].iter().map(|name| name.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

fn real(path: &Path) -> PathBuf {
    let mut rest: Vec<OsString> = Vec::new();
    for above in path.ancestors() {
        if let Ok(real) = above.canonicalize() {
            return rest.into_iter().rev().fold(real, |path, name| path.join(name));
        }
        rest.extend(above.file_name().map(OsString::from));
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_a_file_goes_up_first() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        std::fs::create_dir(at("deploy")).unwrap();
        assert_eq!(relative(&at("target/layers/a.zip"), &at("")), "target/layers/a.zip");
        assert_eq!(relative(&at("target/layers/a.zip"), &at("deploy")), "../target/layers/a.zip");
        assert_eq!(
            relative(&at("target/layers/a.zip"), &at("deploy/not/yet")),
            "../../../target/layers/a.zip"
        );
        assert_eq!(relative(&at("target/layers/a.zip"), &at("target")), "layers/a.zip");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("deploy"), at("link")).unwrap();
            assert_eq!(relative(&at("target/a.zip"), &at("link/x")), "../../target/a.zip");
        }
    }
}
