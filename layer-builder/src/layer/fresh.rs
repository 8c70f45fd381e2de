//! Whether there is anything to do: a zip that was made of the same inputs in the same way is not made again.

use std::path::Path;

use super::manifest::{Manifest, SCHEMA};
use crate::hash::Sha256;

/// What a zip has to be made of to be the one that is asked for.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The hash of the layer's table.
    pub inputs_sha256: &'a str,
    /// The hash of the lock.
    pub lock: Sha256,
    /// The hash of how it is made.
    pub recipe: Sha256,
}

/// The manifest beside the zip at `path`, if nothing has changed since both were written.
///
/// Only times and sizes of the zip are looked at, so this costs nothing: whoever writes to the zip makes it younger
/// than its manifest. A builder that is younger than both makes them anew.
pub fn unchanged(path: &Path, wanted: &Wanted<'_>) -> Option<Manifest> {
    let manifest_path = path.with_extension("json");
    let manifest: Manifest = serde_json::from_slice(&std::fs::read(&manifest_path).ok()?).ok()?;
    let (zip, written) = (path.metadata().ok()?, manifest_path.metadata().ok()?.modified().ok()?);
    let builder =
        std::env::current_exe().and_then(|program| program.metadata()).and_then(|file| file.modified());
    let is_same = manifest.schema == SCHEMA
        && manifest.inputs_sha256 == wanted.inputs_sha256
        && manifest.lock.sha256 == wanted.lock
        && manifest.recipe == Some(wanted.recipe)
        && zip.len() == manifest.size
        && zip.modified().ok()? <= written
        && builder.is_ok_and(|built| built <= written);
    is_same.then_some(manifest)
}
