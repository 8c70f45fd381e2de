//! Whether there is anything to do: a zip that was made of the same inputs in the same way is not made again.

use std::path::{Path, PathBuf};

use super::manifest::{Manifest, SCHEMA};
use crate::hash::Sha256;
use crate::spec::Spec;
use crate::target::{Architecture, Target};

/// The zips of `spec` with their manifests, if nothing has changed since they were written.
///
/// Only times and sizes of the zips are looked at, so this costs nothing: whoever writes to a zip makes it younger than
/// its manifest. A builder that is younger than both makes them anew.
pub fn unchanged(spec: &Spec<'_>, lock: Sha256, recipe: Sha256) -> Option<Vec<(PathBuf, Manifest)>> {
    let artifact = spec.artifact();
    let of_one = std::iter::once(String::new());
    let of_each = Architecture::ALL.map(|architecture| format!("-{architecture}")).into_iter();
    let names = of_one.chain(of_each).map(|suffix| format!("{artifact}{suffix}.zip"));
    let mut found = Vec::new();
    for path in names.map(|name| spec.artifacts.join(name)) {
        let Ok(text) = std::fs::read(path.with_extension("json")) else { continue };
        let manifest: Manifest = serde_json::from_slice(&text).ok()?;
        if manifest.layer == spec.layer.name && manifest.variant == spec.variant {
            is_unchanged(&path, &manifest, spec, lock, recipe)?;
            found.push((path, manifest));
        }
    }
    let serves = |target: &Target| {
        let all = found.iter().filter(|(_, manifest)| {
            manifest.compatible_runtimes.contains(&target.python.runtime())
                && manifest.compatible_architectures.iter().any(|name| name == target.architecture.name())
        });
        all.count() == 1
    };
    let targets: usize = found
        .iter()
        .map(|(_, manifest)| manifest.compatible_runtimes.len() * manifest.compatible_architectures.len())
        .sum();
    (targets == spec.targets.len() && spec.targets.iter().all(serves)).then_some(found)
}

fn is_unchanged(
    path: &Path,
    manifest: &Manifest,
    spec: &Spec<'_>,
    lock: Sha256,
    recipe: Sha256,
) -> Option<()> {
    let (zip, written) =
        (path.metadata().ok()?, path.with_extension("json").metadata().ok()?.modified().ok()?);
    let builder =
        std::env::current_exe().and_then(|program| program.metadata()).and_then(|file| file.modified());
    let is_same = manifest.schema == SCHEMA
        && manifest.inputs_sha256 == spec.layer.inputs_sha256
        && manifest.lock.sha256 == lock
        && manifest.recipe == Some(recipe)
        && zip.len() == manifest.size
        && zip.modified().ok()? <= written
        && builder.is_ok_and(|built| built <= written);
    is_same.then_some(())
}
