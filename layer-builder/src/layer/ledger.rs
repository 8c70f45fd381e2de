//! What is read of the ledger, `layer-versions.json` beside `layers.toml`: which content the published versions have.
//! The publisher writes it; here it is only read.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

/// The name of the file.
pub const FILE_NAME: &str = "layer-versions.json";
/// The number of the form that is known here.
const SCHEMA: u64 = 1;

/// A published version.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Row {
    /// The layer's name at AWS.
    pub layer_name: String,
    /// Its number.
    pub version: u64,
    /// The whole name of the version; empty if the file does not tell.
    #[serde(default)]
    pub layer_version_arn: String,
    /// The hash of its zip in base64, if it is known.
    #[serde(default)]
    pub code_sha256: Option<String>,
    /// The size of its zip in bytes, if it is known.
    #[serde(default)]
    pub size: Option<u64>,
}

impl Row {
    /// The region that it is in.
    pub fn region(&self) -> &str {
        self.layer_version_arn.split(':').nth(3).unwrap_or("?")
    }
}

impl fmt::Display for Row {
    /// `sosw:12`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.layer_name, self.version)
    }
}

/// Why the ledger tells nothing.
#[derive(Debug, Error)]
pub enum Error {
    /// There is none, or it is not ours to read.
    #[error("failed to read the ledger `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("`{}` is no ledger", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// It is of another time.
    #[error("the ledger `{}` has schema {found}; this builder knows {SCHEMA}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: u64,
    },
}

#[derive(Deserialize)]
struct Head {
    schema: u64,
}

#[derive(Deserialize)]
struct File {
    versions: Vec<Row>,
}

/// The versions of the ledger in `folder`.
pub fn read(folder: &Path) -> Result<Vec<Row>, Error> {
    let path = folder.join(FILE_NAME);
    let bytes = std::fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
    let form = |source| Error::Form { path: path.clone(), source };
    let Head { schema } = serde_json::from_slice(&bytes).map_err(form)?;
    if schema != SCHEMA {
        return Err(Error::Schema { path, found: schema });
    }
    let File { versions } = serde_json::from_slice(&bytes).map_err(form)?;
    Ok(versions)
}
