//! A LayerVersion as Lambda tells of it, in our own types.

use template_tools::arn::{LayerName, LayerVersionArn};
use template_tools::ledger::Entry;

use crate::when::When;
use crate::zip_source::ZipSource;

/// One line of ListLayerVersions, which tells neither hash nor size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Its number.
    pub version: u64,
    /// Its description; empty if it has none.
    pub description: String,
    /// CompatibleRuntimes, as Lambda lists them.
    pub compatible_runtimes: Vec<String>,
    /// CompatibleArchitectures, as Lambda lists them.
    pub compatible_architectures: Vec<String>,
    /// LicenseInfo; empty if it has none.
    pub license: String,
}

/// One line of ListLayerVersions, as far as the age of a version matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dated {
    /// Its number.
    pub version: u64,
    /// When it was published, if that can be told.
    pub created: Option<When>,
}

/// What GetLayerVersion and PublishLayerVersion tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerVersion {
    /// Its name, complete.
    pub arn: LayerVersionArn,
    /// SHA-256 of the zip, in base64.
    pub code_sha256: String,
    /// Size of the zip in bytes.
    pub size: u64,
    /// Its description; empty if it has none.
    pub description: String,
    /// CompatibleRuntimes, as Lambda lists them.
    pub compatible_runtimes: Vec<String>,
    /// CompatibleArchitectures, as Lambda lists them.
    pub compatible_architectures: Vec<String>,
    /// LicenseInfo; empty if it has none.
    pub license: String,
}

impl LayerVersion {
    /// What a ledger says of it, as far as Lambda tells: not verified, as nothing was built here.
    pub fn entry(&self) -> Entry {
        Entry {
            code_sha256: Some(self.code_sha256.clone()),
            size: Some(self.size),
            compatible_runtimes: self.compatible_runtimes.clone(),
            compatible_architectures: self.compatible_architectures.clone(),
            ..Entry::new(self.arn.clone())
        }
    }
}

/// What PublishLayerVersion is asked for.
#[derive(Clone, Debug)]
pub struct NewLayerVersion {
    /// The layer.
    pub layer_name: LayerName,
    /// At most 256 characters.
    pub description: String,
    /// Runtimes, as Lambda names them.
    pub compatible_runtimes: Vec<String>,
    /// `x86_64`, `arm64`.
    pub compatible_architectures: Vec<String>,
    /// At most 512 characters.
    pub license: Option<String>,
    /// The zip itself.
    pub zip: ZipSource,
}
