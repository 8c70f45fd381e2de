//! `layers.toml` as far as the publisher is concerned: which layers there are, where they go, and what the builder
//! hashed of their tables. What the builder owns is not interpreted here.

mod inputs;
pub mod publish;
pub mod stacks;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use template_tools::arn::Region;
use thiserror::Error;
use toml::de::DeTable;
use toml::{Table, Value};

use crate::region::RegionNameError;
use publish::Destination;
use stacks::StackTable;

/// The name that is looked for from the current folder upwards.
pub const FILE_NAME: &str = "layers.toml";

/// Tables that may stand in a layer's table: ours, and the builder's.
const LAYER_TABLES: &[&str] = &["allow", "branch-of", "include", "publish"];
/// Tables that may stand at the top: ours, and the builder's.
const TOP_TABLES: &[&str] = &["layers", "runtimes", "stacks"];

/// A `layers.toml` that has been read.
#[derive(Clone, Debug)]
pub struct LayersFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its layers, by name.
    pub layers: BTreeMap<String, Layer>,
    /// The stacks that it names, in their order.
    pub stacks: Vec<StackTable>,
}

/// One layer's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The names under which Lambda knows it: one, or one for each architecture where the layer is split.
    pub lambda_names: Vec<String>,
    /// Every text that stands in the table, `publish` left out: some of them are paths of the layer's own files.
    pub words: Vec<String>,
    /// Where it goes.
    pub destination: Destination,
    /// Where it goes under a name of its own (`--target`).
    pub targets: BTreeMap<String, Destination>,
    /// SHA-256, in hex, over the table without `publish`, as compact JSON with sorted keys. The builder writes the same
    /// into the manifest, so that a table that has changed since is noticed.
    pub inputs_sha256: String,
}

/// What is wrong with `layers.toml`.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// None was found.
    #[error("failed to find `{FILE_NAME}` in `{}` or above it", from.display())]
    NotFound {
        /// Where the search began.
        from: PathBuf,
    },
    /// It cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is no TOML.
    #[error("failed to parse `{}`", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A table or a key that nobody knows.
    #[error("`{}`: unknown {kind} `{name}` in {place}{}", path.display(), meant(nearest.as_deref()))]
    Unknown {
        /// The file.
        path: PathBuf,
        /// `table` or `key`.
        kind: &'static str,
        /// What stands there.
        name: String,
        /// The table in which it stands.
        place: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// A value of the wrong type.
    #[error("`{}{}`: `{key}` in {place} must be {expected}", path.display(), at(*line))]
    Type {
        /// The file.
        path: PathBuf,
        /// The line of the value, where it can be told.
        line: Option<usize>,
        /// The key.
        key: String,
        /// The table in which it stands.
        place: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A region that cannot be one.
    #[error("`{}`: `{key}` in {place} names no region", path.display())]
    Region {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// The table in which it stands.
        place: String,
        /// What is wrong.
        source: RegionNameError,
    },
    /// A stack twice.
    #[error("`{}`: numbers {first} and {second} of `[[stacks]]` are both about stack `{name}`", path.display())]
    StackTwice {
        /// The file.
        path: PathBuf,
        /// The stack.
        name: String,
        /// The number of the first table.
        first: usize,
        /// That of the second one.
        second: usize,
    },
    /// A region that stands twice.
    #[error("`{}`: {place} names the region `{region}` twice", path.display())]
    RegionTwice {
        /// The file.
        path: PathBuf,
        /// The table in which it stands.
        place: String,
        /// The region.
        region: Region,
    },
}

impl LayersFile {
    /// Reads the file that was named, or the nearest one from `here` upwards.
    pub fn find(named: Option<&Path>, here: &Path) -> Result<Self, ConfigError> {
        if let Some(path) = named {
            return Self::read(path);
        }
        here.ancestors()
            .map(|folder| folder.join(FILE_NAME))
            .find(|path| path.is_file())
            .map_or_else(|| Err(ConfigError::NotFound { from: here.to_owned() }), |path| Self::read(&path))
    }

    /// Reads this file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// The folder beside which locks, `target/layers/` and the ledger lie.
    pub fn root(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// Reads a text as the file that lies there.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let table: Table = toml::from_str(text)
            .map_err(|source| ConfigError::Syntax { path: path.to_owned(), source: Box::new(source) })?;
        let reader = Reader { path, text };
        reader.only_known("table", table.keys(), TOP_TABLES, "the file")?;
        let layers = match table.get("layers") {
            None => BTreeMap::new(),
            Some(Value::Table(layers)) => layers
                .iter()
                .map(|(name, value)| Ok((name.clone(), reader.layer(name, value)?)))
                .collect::<Result<_, ConfigError>>()?,
            Some(_) => return Err(reader.wrong_type("layers", "the file", "a table")),
        };
        Ok(Self { path: path.to_owned(), layers, stacks: reader.stacks(&table)? })
    }
}

/// Reads values and says where they stand if they are wrong.
struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn layer(&self, name: &str, value: &Value) -> Result<Layer, ConfigError> {
        let place = format!("`[layers.{name}]`");
        let table = value.as_table().ok_or_else(|| self.wrong_type(name, "`[layers]`", "a table"))?;
        let tables = table.iter().filter(|(_, value)| value.is_table()).map(|(key, _)| key);
        self.only_known("table", tables, LAYER_TABLES, &place)?;

        let mut layer = Layer {
            lambda_names: self.lambda_names(name, table, &place)?,
            words: words(table),
            destination: Destination::default(),
            targets: BTreeMap::new(),
            inputs_sha256: inputs::sha256(table),
        };
        if let Some(publish) = table.get("publish") {
            let place = format!("`[layers.{name}.publish]`");
            let publish = publish.as_table().ok_or_else(|| self.wrong_type("publish", &place, "a table"))?;
            layer.destination = self.destination(publish, Destination::default(), &place)?;
            layer.targets = self.targets(publish, &layer.destination, &place)?;
        }
        Ok(layer)
    }

    /// As the builder names them: `layer-name` or the table's name, and one for each architecture if it is split.
    fn lambda_names(&self, name: &str, table: &Table, place: &str) -> Result<Vec<String>, ConfigError> {
        let base = match table.get("layer-name") {
            None => name,
            Some(Value::String(layer_name)) => layer_name,
            Some(_) => return Err(self.wrong_type("layer-name", place, "a string")),
        };
        if table.get("split").is_none() {
            return Ok(vec![base.to_owned()]);
        }
        let architectures = ["x86_64", "arm64"];
        Ok(architectures.iter().map(|architecture| format!("{base}-{architecture}")).collect())
    }

    fn only_known<'k>(
        &self,
        kind: &'static str,
        names: impl IntoIterator<Item = &'k String>,
        known: &[&str],
        place: &str,
    ) -> Result<(), ConfigError> {
        match names.into_iter().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(ConfigError::Unknown {
                path: self.path.to_owned(),
                kind,
                name: name.clone(),
                place: place.to_owned(),
                nearest: nearest(name, known.iter().copied()),
            }),
        }
    }

    fn twice(&self, name: &str, first: usize, second: usize) -> ConfigError {
        ConfigError::StackTwice { path: self.path.to_owned(), name: name.to_owned(), first, second }
    }

    fn wrong_type(&self, key: &str, place: &str, expected: &'static str) -> ConfigError {
        ConfigError::Type {
            path: self.path.to_owned(),
            line: line_of(self.text, place, key),
            key: key.to_owned(),
            place: place.to_owned(),
            expected,
        }
    }
}

fn words(table: &Table) -> Vec<String> {
    fn collect(value: &Value, words: &mut Vec<String>) {
        match value {
            Value::String(text) => words.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
            Value::Table(table) => table.iter().for_each(|(key, value)| {
                words.push(key.clone());
                collect(value, words);
            }),
            _ => {}
        }
    }
    let mut found = Vec::new();
    table.iter().filter(|(key, _)| *key != "publish").for_each(|(_, value)| collect(value, &mut found));
    found
}

/// `:12`, behind the name of a file.
fn at(line: Option<usize>) -> String {
    line.map(|line| format!(":{line}")).unwrap_or_default()
}

/// The line of a key's value, in a table that is called as it stands in the file: `` `[layers.demo.publish]` ``.
fn line_of(text: &str, place: &str, key: &str) -> Option<usize> {
    let file = DeTable::parse(text).ok()?;
    let mut names = place.strip_prefix("`[")?.strip_suffix("]`")?.split('.');
    let table = names.try_fold(file.get_ref(), |table, name| table.get(name)?.get_ref().as_table())?;
    let start = table.get(key)?.span().start;
    Some(text.get(..start)?.lines().count().max(1))
}

/// The name that was probably meant, if one is near enough.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let distance = |candidate: &str| strsim::damerau_levenshtein(name, candidate);
    known
        .map(|candidate| (distance(candidate), candidate))
        .min()
        .filter(|(away, _)| *away <= 3)
        .map(|(_, near)| near.to_owned())
}

/// `; did you mean …?`, or nothing.
pub(crate) fn meant(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests;
