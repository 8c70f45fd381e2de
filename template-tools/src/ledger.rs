//! The ledger, `layer-versions.json`: which version of each layer is current, in each partition, account and region.
//!
//! The publisher writes it, the template tools read it; this is the one place that knows its form. Text in, text out:
//! who reads and writes the file is no concern of this module.

mod salvage;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::arn::{AccountId, LayerName, LayerVersionArn, Partition, Region};

/// The name of the file, beside `layers.toml`.
pub const FILE_NAME: &str = "layer-versions.json";

/// The schema that this code reads and writes.
pub const SCHEMA: u64 = 1;

/// Why a ledger could not be read. The path is added by whoever read the file.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A merge was left unfinished.
    #[error("line {line} holds a conflict marker of git: `{marker}`")]
    Conflict {
        /// Counted from 1.
        line: usize,
        /// The line, as far as it is worth showing.
        marker: String,
    },
    /// Not JSON, or not of the form of a ledger.
    #[error("line {}, column {}: {}", .0.line(), .0.column(), message(.0))]
    Json(#[source] Box<serde_json::Error>),
    /// Written by another generation of these tools.
    #[error("its schema is {found}, this program knows schema {SCHEMA}")]
    Schema {
        /// What the file says.
        found: String,
    },
    /// An entry contradicts itself.
    #[error("line {line}: entry {index} says `{entry}`, but its layer_version_arn says `{arn}`")]
    Contradiction {
        /// Where the entry begins, counted from 1.
        line: usize,
        /// Counted from 1.
        index: usize,
        /// The ARN that the entry's fields make up.
        entry: Box<LayerVersionArn>,
        /// The ARN that stands in it.
        arn: Box<LayerVersionArn>,
    },
    /// The same layer, partition, account and region twice.
    #[error("lines {} and {}: entries {first} and {second} are both about `{layer_arn}`", lines[0], lines[1])]
    Twice {
        /// Where they begin, counted from 1.
        lines: [usize; 2],
        /// Counted from 1.
        first: usize,
        /// Counted from 1.
        second: usize,
        /// The layer that both are about.
        layer_arn: String,
    },
}

impl LedgerError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => {
                "finish the merge first: keep both sides' entries, and the newer of two about the same layer; or rewrite the file from what AWS has with `status --repair`"
            }
            Self::Schema { .. } => "use the version of these tools that wrote the file",
            Self::Json(_) | Self::Contradiction { .. } | Self::Twice { .. } => {
                "bring the file back with `git checkout`, or rewrite it from what AWS has with `status --repair`"
            }
        }
    }
}

/// serde_json's message without the place, which we give ourselves.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// What an entry is about: one layer in one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerPlace {
    /// The layer.
    pub layer_name: LayerName,
    /// The partition.
    pub partition: Partition,
    /// The account that owns it.
    pub account: AccountId,
    /// The region.
    pub region: Region,
}

/// What a resource of CloudFormation needs to make the same version: where the zip lies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Content {
    /// The bucket, in the layer's own region.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The object's version, where the bucket has versions.
    #[serde(default)]
    pub version: Option<String>,
}

/// The current version of one layer in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The version, and with it layer, partition, account and region.
    pub layer_version_arn: LayerVersionArn,
    /// CodeSha256 as AWS shows it (base64), if it is known.
    pub code_sha256: Option<String>,
    /// CodeSize in bytes, if it is known.
    pub size: Option<u64>,
    /// CompatibleRuntimes, as published.
    pub compatible_runtimes: Vec<String>,
    /// CompatibleArchitectures, as published.
    pub compatible_architectures: Vec<String>,
    /// Where the zip lies in S3, if it does.
    pub content: Option<Content>,
    /// Whether the version was read back and found to be what was built.
    pub verified: bool,
    /// The publish target of `layers.toml` that it belongs to, if it has a name.
    pub target: Option<String>,
    /// Whether the account is somebody else's, so that a reference that leaves the account open cannot mean it. Written
    /// only if it is.
    pub foreign: bool,
    /// Versions that were taken back, and why: templates that name one go to the current version, even if it is older.
    /// Written only if there are any.
    pub withdrawn: BTreeMap<u64, String>,
}

impl Entry {
    /// An entry that says nothing but which version is current.
    pub fn new(layer_version_arn: LayerVersionArn) -> Self {
        Self {
            layer_version_arn,
            code_sha256: None,
            size: None,
            compatible_runtimes: Vec::new(),
            compatible_architectures: Vec::new(),
            content: None,
            verified: false,
            target: None,
            foreign: false,
            withdrawn: BTreeMap::new(),
        }
    }

    /// What the entry is about.
    pub fn place(&self) -> LayerPlace {
        let arn = &self.layer_version_arn;
        LayerPlace {
            layer_name: arn.layer.clone(),
            partition: arn.partition.clone(),
            account: arn.account.clone(),
            region: arn.region.clone(),
        }
    }

    /// The current version.
    pub fn version(&self) -> u64 {
        self.layer_version_arn.version
    }
}

/// Every layer's current versions, sorted; no history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    entries: BTreeMap<LayerPlace, Entry>,
}

impl Ledger {
    /// Reads the text of a ledger. Fields that are not known are passed over.
    pub fn parse(text: &str) -> Result<Self, LedgerError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if let Some(conflict) = conflict(text) {
            return Err(conflict);
        }
        let json = |error| LedgerError::Json(Box::new(error));
        // The schema first: the rest of another schema may look like anything.
        let head: Head = serde_json::from_str(text).map_err(json)?;
        if head.schema != SCHEMA {
            return Err(LedgerError::Schema { found: head.schema.to_string() });
        }
        let file: File = serde_json::from_str(text).map_err(json)?;
        let mut entries: BTreeMap<LayerPlace, (usize, Entry)> = BTreeMap::new();
        for (index, entry) in (1..).zip(file.versions) {
            let entry = entry.check(index, text)?;
            let place = entry.place();
            if let Some((first, _)) = entries.get(&place) {
                let layer_arn = entry.layer_version_arn.layer_arn();
                let lines = [*first, index].map(|index| line_of_entry(text, index));
                return Err(LedgerError::Twice { lines, first: *first, second: index, layer_arn });
            }
            entries.insert(place, (index, entry));
        }
        Ok(Self { entries: entries.into_iter().map(|(place, (_, entry))| (place, entry)).collect() })
    }

    /// The text of the ledger: sorted, one field a line, a newline at the end. The same entries are the same bytes.
    pub fn to_text(&self) -> String {
        let entries: Vec<String> = self.entries.values().map(entry_text).collect();
        let versions =
            if entries.is_empty() { "[]".to_owned() } else { format!("[\n{}\n  ]", entries.join(",\n")) };
        format!("{{\n  \"schema\": {SCHEMA},\n  \"versions\": {versions}\n}}\n")
    }

    /// Makes the entry the current one of its place, and gives back the one that was there.
    pub fn insert(&mut self, entry: Entry) -> Option<Entry> {
        self.entries.insert(entry.place(), entry)
    }

    /// Takes over every entry of `newer`; places that it does not name stay as they are.
    pub fn merge(&mut self, newer: Ledger) {
        self.entries.extend(newer.entries);
    }

    /// Forgets a place, and gives back what was there.
    pub fn remove(&mut self, place: &LayerPlace) -> Option<Entry> {
        self.entries.remove(place)
    }

    /// The current version in one place.
    pub fn get(&self, place: &LayerPlace) -> Option<&Entry> {
        self.entries.get(place)
    }

    /// All entries, sorted by layer, partition, account, region.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.values()
    }

    /// Whether nothing was published yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl FromIterator<Entry> for Ledger {
    fn from_iter<T: IntoIterator<Item = Entry>>(entries: T) -> Self {
        Self { entries: entries.into_iter().map(|entry| (entry.place(), entry)).collect() }
    }
}

/// The line in which an entry begins, by its number: the objects that lie in a list in the object of the file.
fn line_of_entry(text: &str, index: usize) -> usize {
    let (mut line, mut depth, mut seen) = (1, 0, 0);
    let (mut in_text, mut is_escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            b'\n' => line += 1,
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => {
                depth += 1;
                seen += usize::from(byte == b'{' && depth == 3);
                if seen == index {
                    return line;
                }
            }
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    line
}

fn conflict(text: &str) -> Option<LedgerError> {
    let is_marker =
        |line: &str| ["<<<<<<<", "|||||||", ">>>>>>>"].iter().any(|marker| line.starts_with(marker));
    let (index, line) = text.lines().enumerate().find(|(_, line)| is_marker(line))?;
    Some(LedgerError::Conflict { line: index + 1, marker: line.chars().take(40).collect() })
}

#[derive(Deserialize)]
struct Head {
    schema: Value,
}

#[derive(Deserialize)]
struct File {
    versions: Vec<FileEntry>,
}

#[derive(Deserialize)]
struct FileEntry {
    layer_name: LayerName,
    partition: Partition,
    account: AccountId,
    region: Region,
    version: u64,
    layer_version_arn: LayerVersionArn,
    #[serde(default)]
    code_sha256: Option<String>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    compatible_runtimes: Vec<String>,
    #[serde(default)]
    compatible_architectures: Vec<String>,
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    verified: bool,
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    foreign: bool,
    #[serde(default)]
    withdrawn: BTreeMap<u64, String>,
}

impl FileEntry {
    fn check(self, index: usize, text: &str) -> Result<Entry, LedgerError> {
        let entry = LayerVersionArn {
            layer: self.layer_name,
            partition: self.partition,
            account: self.account,
            region: self.region,
            version: self.version,
        };
        if entry != self.layer_version_arn {
            let (entry, arn) = (Box::new(entry), Box::new(self.layer_version_arn));
            return Err(LedgerError::Contradiction { line: line_of_entry(text, index), index, entry, arn });
        }
        Ok(Entry {
            layer_version_arn: entry,
            code_sha256: self.code_sha256,
            size: self.size,
            compatible_runtimes: self.compatible_runtimes,
            compatible_architectures: self.compatible_architectures,
            content: self.content,
            verified: self.verified,
            target: self.target,
            foreign: self.foreign,
            withdrawn: self.withdrawn,
        })
    }
}

fn entry_text(entry: &Entry) -> String {
    let arn = &entry.layer_version_arn;
    let optional = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::from).to_string();
    let list = |items: &[String]| {
        let items: Vec<String> = items.iter().map(|item| Value::from(item.as_str()).to_string()).collect();
        format!("[{}]", items.join(", "))
    };
    let text = |text: &str| Value::from(text).to_string();
    let content = entry.content.as_ref().map_or_else(
        || "null".to_owned(),
        |Content { bucket, key, version }| {
            let (bucket, key, version) = (text(bucket), text(key), optional(version));
            format!("{{\"bucket\": {bucket}, \"key\": {key}, \"version\": {version}}}")
        },
    );
    let fields = [
        ("layer_name", text(arn.layer.as_str())),
        ("partition", text(arn.partition.as_str())),
        ("account", text(arn.account.as_str())),
        ("region", text(arn.region.as_str())),
        ("version", arn.version.to_string()),
        ("layer_version_arn", text(&arn.to_string())),
        ("code_sha256", optional(&entry.code_sha256)),
        ("size", entry.size.map_or_else(|| "null".to_owned(), |size| size.to_string())),
        ("compatible_runtimes", list(&entry.compatible_runtimes)),
        ("compatible_architectures", list(&entry.compatible_architectures)),
        ("content", content),
        ("verified", entry.verified.to_string()),
        ("target", optional(&entry.target)),
    ];
    let foreign = entry.foreign.then(|| ("foreign", "true".to_owned()));
    let reasons: Vec<String> = entry
        .withdrawn
        .iter()
        .map(|(version, why)| format!("        \"{version}\": {}", text(why)))
        .collect();
    let withdrawn =
        (!reasons.is_empty()).then(|| ("withdrawn", format!("{{\n{}\n      }}", reasons.join(",\n"))));
    let fields: Vec<String> = fields
        .iter()
        .chain(&foreign)
        .chain(&withdrawn)
        .map(|(name, value)| format!("      \"{name}\": {value}"))
        .collect();
    format!("    {{\n{}\n    }}", fields.join(",\n"))
}

#[cfg(test)]
mod tests;
