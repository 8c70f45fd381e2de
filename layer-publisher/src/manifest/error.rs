//! Why there is nothing to publish, and what to type about it.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::{LARGEST_DIRECT_ZIP, SCHEMA};
use crate::called::{CalledAs, Command};
use crate::config::meant;

/// Why there is nothing to publish.
#[derive(Debug, Error)]
pub enum ArtifactError {
    /// `layers.toml` has no such layer, and nothing of that name is built.
    #[error("there is no layer `{name}` in `{}`{}", file.display(), meant(nearest.as_deref()))]
    UnknownLayer {
        /// What was asked for.
        name: String,
        /// The file.
        file: PathBuf,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// Several layers, and none named.
    #[error("`{}` has several layers: {}", file.display(), names.join(", "))]
    NotNamed {
        /// The file.
        file: PathBuf,
        /// Their names in backticks.
        names: Vec<String>,
    },
    /// No layer at all.
    #[error("`{}` has no layer", file.display())]
    NoLayers {
        /// The file.
        file: PathBuf,
    },
    /// Nothing is built.
    #[error("failed to find a build of layer `{layer}` in `{}`", folder.display())]
    NotBuilt {
        /// The layer.
        layer: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// A file cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The layer.
        layer: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The manifest is not one.
    #[error("failed to read the manifest `{}`", path.display())]
    Malformed {
        /// The layer.
        layer: String,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The manifest is of another time.
    #[error("the manifest `{}` has schema {found}, and this program reads schema {SCHEMA}", path.display())]
    Schema {
        /// The layer.
        layer: String,
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: String,
    },
    /// The zip is not the one of the manifest.
    #[error("`{}` is not the zip that its manifest describes: {what} is {found} and not {expected}", path.display())]
    OtherZip {
        /// The layer.
        layer: String,
        /// The zip.
        path: PathBuf,
        /// `size` or `sha256`.
        what: &'static str,
        /// What it is.
        found: String,
        /// What the manifest says.
        expected: String,
    },
    /// The lock has changed since.
    #[error("layer `{layer}` was built from another `{}` than the one that is there now", lock.display())]
    OtherLock {
        /// The layer.
        layer: String,
        /// The lock.
        lock: PathBuf,
    },
    /// The table has changed since.
    #[error("`[layers.{layer}]` in `{}` has changed since the layer was built", file.display())]
    OtherTable {
        /// The layer.
        layer: String,
        /// The file.
        file: PathBuf,
    },
    /// Too large for a request.
    #[error(
        "`{}` has {size} bytes, and a layer that is sent in a request may have {LARGEST_DIRECT_ZIP} (50 MB)",
        path.display()
    )]
    TooLarge {
        /// The layer.
        layer: String,
        /// The zip.
        path: PathBuf,
        /// Its size.
        size: u64,
    },
}

impl ArtifactError {
    /// What to type next.
    pub fn hint(&self, called: &CalledAs) -> Option<String> {
        let build = called.words(Command::Build);
        let publish = called.words(Command::Publish);
        match self {
            Self::NotBuilt { layer, .. } => Some(format!("build it with `{build} {layer}`")),
            Self::Read { layer, .. }
            | Self::Malformed { layer, .. }
            | Self::Schema { layer, .. }
            | Self::OtherZip { layer, .. } => Some(format!("build it again with `{build} {layer}`")),
            Self::OtherLock { layer, .. } | Self::OtherTable { layer, .. } => Some(format!(
                "build it again with `{build} {layer}`, or publish what was built with `{publish} {layer} --as-built`"
            )),
            Self::NotNamed { names, .. } => {
                let first = names.first().map_or("LAYER", |name| name.trim_matches('`'));
                Some(format!("name the ones to publish, for example `{publish} {first}`"))
            }
            Self::TooLarge { layer, .. } => Some(format!(
                "see what takes the space in `{layer}`, and leave out what its functions do not need"
            )),
            Self::UnknownLayer { .. } | Self::NoLayers { .. } => None,
        }
    }
}
