//! The very bytes of a version that exists, ready to be published elsewhere: fetched from the link that GetLayerVersion
//! gives, and held against its CodeSha256 before anything is done with them.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use template_tools::arn::{LayerVersionArn, Region};
use thiserror::Error;

use super::refused;
use crate::aws::download;
use crate::aws::failure::CallFailure;
use crate::aws::lambda::LambdaRegion;
use crate::config::hex;
use crate::layer_version::LayerVersion;
use crate::manifest::{Artifact, Lock, Manifest};
use crate::zip_source::{LARGEST_DIRECT_ZIP, ZipSource};

/// Why one region does not give the bytes.
#[derive(Debug, Error)]
pub enum FetchError {
    /// Lambda.
    #[error(transparent)]
    Call(#[from] CallFailure),
    /// The link.
    #[error("{region}: the zip cannot be downloaded: {source}")]
    Download {
        /// The region.
        region: Region,
        /// Why not.
        source: io::Error,
    },
    /// It is something else.
    #[error("{region}: CodeSha256 is {found}, and not {expected} as it was verified")]
    OtherContent {
        /// The region.
        region: Region,
        /// What there is.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// It has to go through S3.
    #[error("{version} is too large for a request, and `s3-bucket` names no bucket for it")]
    TooLarge {
        /// The version.
        version: LayerVersionArn,
    },
}

/// Fetches a version of the layer that is called `layer` in `layers.toml`. Without an expectation its own CodeSha256
/// counts.
pub(crate) async fn fetch(
    lambda: &LambdaRegion,
    arn: &LayerVersionArn,
    expected: Option<&str>,
    layer: &str,
) -> Result<Artifact, FetchError> {
    let (version, link) = lambda.locate(arn).await?;
    let expected = expected.unwrap_or(&version.code_sha256).to_owned();
    let region = || arn.region.clone();
    let other =
        |found: String| FetchError::OtherContent { region: region(), found, expected: expected.clone() };
    if version.code_sha256 != expected {
        return Err(other(version.code_sha256));
    }
    let size = version.size;
    let fetched = tokio::task::spawn_blocking(move || {
        let mut file = tempfile::NamedTempFile::new()?;
        let digest = download::fetch(&link, size, file.as_file_mut())?;
        let zip = if size <= LARGEST_DIRECT_ZIP {
            ZipSource::Memory(Arc::new(std::fs::read(file.path())?))
        } else {
            ZipSource::Temporary(Arc::new(file.into_temp_path()))
        };
        Ok::<_, io::Error>((digest, zip))
    });
    let (digest, zip) = fetched
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(|source| FetchError::Download { region: region(), source })?;
    if BASE64.encode(digest) != expected {
        return Err(other(BASE64.encode(digest)));
    }
    Ok(artifact(&version, &hex(&digest), zip, layer))
}

/// What was fetched, as if it had been built: what the version says of itself is its manifest.
fn artifact(version: &LayerVersion, sha256: &str, zip: ZipSource, layer: &str) -> Artifact {
    let name = version.arn.layer.to_string();
    let manifest = Manifest {
        layer: layer.to_owned(),
        variant: None,
        layer_name: name.clone(),
        zip: PathBuf::from(version.arn.to_string()),
        sha256: sha256.to_owned(),
        code_sha256: version.code_sha256.clone(),
        size: version.size,
        compatible_runtimes: version.compatible_runtimes.clone(),
        compatible_architectures: version.compatible_architectures.clone(),
        description: Some(refused::words_of(&version.description).to_owned()),
        license: Some(version.license.clone()),
        inputs_sha256: String::new(),
        lock: Lock { path: PathBuf::new(), sha256: String::new() },
        packages: Vec::new(),
    };
    Artifact { name, manifest, zip }
}
