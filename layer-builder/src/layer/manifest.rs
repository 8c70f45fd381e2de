//! The manifest, `target/layers/<artifact>.json`: what was built, for whoever publishes it.
//!
//! Its fields are a contract with the publisher; a new meaning needs a new schema number.

use serde::{Deserialize, Serialize};

use super::audit::Finding;
use crate::hash::Sha256;

/// The number of this form of the file.
pub const SCHEMA: u32 = 1;

/// What was built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The layer's name in `layers.toml`.
    pub layer: String,
    /// Which variant of it; `null` for the layer itself.
    pub variant: Option<String>,
    /// The name to publish it under.
    pub layer_name: String,
    /// The zip's file name, beside this file.
    pub zip: String,
    /// The zip's hash, in hex.
    pub sha256: Sha256,
    /// The same hash in base64, as AWS shows it.
    pub code_sha256: String,
    /// The zip's size in bytes.
    pub size: u64,
    /// What it unpacks to, in bytes.
    pub unzipped_size: u64,
    /// The runtimes that it serves, sorted: `python3.12`.
    pub compatible_runtimes: Vec<String>,
    /// The architectures that it serves, sorted.
    pub compatible_architectures: Vec<String>,
    /// The text to describe the version with.
    pub description: Option<String>,
    /// The licence to publish with: the table's, or those of the packages together, as an SPDX expression.
    pub license: Option<String>,
    /// SHA-256, in hex, of the layer's table without its `publish` part, as compact JSON with sorted keys.
    pub inputs_sha256: String,
    /// The lock that it was built from.
    pub lock: LockRecord,
    /// The commit that it was built at, where there is one.
    pub source: Option<Source>,
    /// The packages, by name.
    pub packages: Vec<PackageRecord>,
    /// The hash, in hex, of how it was made: with which options, by which version of the builder.
    #[serde(default)]
    pub recipe: Option<Sha256>,
    /// The full versions of the interpreters that compiled its bytecode.
    #[serde(default)]
    pub bytecode: Vec<String>,
    /// What the audit found.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

/// The lock of a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockRecord {
    /// Its path, from the folder of `layers.toml`.
    pub path: String,
    /// Its hash, in hex.
    pub sha256: Sha256,
}

/// The state of the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The commit.
    pub commit: String,
    /// Whether all tracked files were as committed.
    pub clean: bool,
}

/// A package of the layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageRecord {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The file of the index that it comes from: a wheel, or a source distribution that was built.
    pub source: String,
    /// The hash of that file, in hex; of what was built, where it comes from no file.
    pub sha256: Sha256,
    /// What its files take in the zip, in bytes, without headers.
    pub size: u64,
    /// What they unpack to, in bytes.
    pub unzipped_size: u64,
    /// How many there are.
    pub files: usize,
    /// The Python versions in whose folders they lie; `null` for the folder that all see.
    pub python: Option<Vec<String>>,
    /// Whether a wheel with compiled code would have served too.
    pub native_wheel_passed_over: bool,
    /// Its licence as an SPDX expression, if its metadata tells.
    #[serde(default)]
    pub license: Option<String>,
}

impl Manifest {
    /// As it is written: one field a line, a line end at the end.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}
