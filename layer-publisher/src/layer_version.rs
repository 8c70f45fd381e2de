//! A LayerVersion as Lambda tells of it, in our own types.

use template_tools::arn::{LayerName, LayerVersionArn};

use crate::when::When;
use crate::zip_source::ZipSource;

/// One line of ListLayerVersions, which tells neither hash nor size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its number.
    pub version: u64,
    /// Its description; empty if it has none.
    pub description: String,
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
