//! What a build has made: its manifest, how it is named to people, its bill of materials, and what it takes the place of.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::pack::Written;
use super::{Error, Work};
use crate::atomic;
use crate::hash::Sha256;
use crate::layer::inspect::inspect;
use crate::layer::manifest::{self, LockRecord, Manifest, PackageRecord};
use crate::layer::{archive, licence, sbom};
use crate::requirement::Wanted;
use crate::spec::Spec;
use crate::ui::{counted, megabytes};

/// A layer that was built.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Where the zip lies.
    pub zip: PathBuf,
    /// What is in it.
    pub manifest: Manifest,
}

/// Writes the bill of materials of what was built to `path`; where there is a zip for each architecture, there is a
/// bill for each, with the architecture in its name.
pub fn write_sboms(artifacts: &[Artifact], path: &Path) -> Result<Vec<PathBuf>, Error> {
    let write = |artifact: &Artifact| {
        let path = match (artifacts.len(), artifact.manifest.compatible_architectures.as_slice()) {
            (2.., [architecture]) => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                let mut name = format!("{stem}-{architecture}");
                if let Some(extension) = path.extension() {
                    name = format!("{name}.{}", extension.to_string_lossy());
                }
                path.with_file_name(name)
            }
            _ => path.to_path_buf(),
        };
        let inspection = inspect(&artifact.zip).map_err(archive::Error::from)?;
        atomic::write(&path, sbom::of(&artifact.manifest, &inspection).as_bytes())
            .map_err(|source| Error::Bill { path: path.clone(), source })?;
        Ok(path)
    };
    artifacts.iter().map(write).collect()
}

pub(super) fn manifest(
    work: &Work<'_>,
    source: Option<manifest::Source>,
    recipe: Sha256,
    zip: &Written,
) -> Manifest {
    let (spec, lock) = (work.spec, work.lock);
    let licences = || licence::together(zip.packages.iter().map(|package| package.license.as_deref()));
    let architectures: BTreeSet<_> = zip.targets.iter().map(|target| target.architecture).collect();
    let pythons: BTreeSet<_> = zip.targets.iter().map(|target| target.python).collect();
    Manifest {
        schema: manifest::SCHEMA,
        layer: spec.layer.name.clone(),
        variant: spec.variant.clone(),
        layer_name: spec.layer_name(zip.architecture),
        zip: zip.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        sha256: zip.assembled.sha256,
        code_sha256: zip.assembled.sha256.base64(),
        size: zip.assembled.size,
        unzipped_size: zip.assembled.unzipped_size,
        compatible_runtimes: pythons.iter().map(|python| python.runtime()).collect(),
        compatible_architectures: architectures.iter().map(ToString::to_string).collect(),
        description: spec.layer.description.clone(),
        license: spec.layer.license.clone().or_else(licences),
        inputs_sha256: spec.layer.inputs_sha256.clone(),
        lock: LockRecord {
            path: lock.path.strip_prefix(spec.folder).unwrap_or(&lock.path).display().to_string(),
            sha256: lock.sha256,
        },
        source,
        packages: zip.packages.clone(),
        recipe: Some(recipe),
        bytecode: zip.bytecode.clone(),
        findings: zip.findings.clone(),
    }
}

/// Removes artifacts of the same layer and variant that this build did not make: another division of it. A manifest
/// under another name than its zip's is a copy, and names a zip that is not its own: it stays.
pub(super) fn remove_others(spec: &Spec<'_>, made: &[Artifact]) {
    for file in std::fs::read_dir(&spec.artifacts).into_iter().flatten().flatten() {
        let path = file.path();
        let is_made = made.iter().any(|artifact| artifact.zip.with_extension("json") == path);
        if is_made || path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let manifest =
            std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok());
        let zip = path.with_extension("zip");
        let is_ours = |manifest: &Manifest| {
            manifest.layer == spec.layer.name
                && manifest.variant == spec.variant
                && zip == spec.artifacts.join(&manifest.zip)
        };
        if manifest.is_some_and(|manifest| is_ours(&manifest)) {
            // What cannot be removed is no worse than it was.
            let _ = std::fs::remove_file(zip);
            let _ = std::fs::remove_file(path);
        }
    }
}

/// `sosw.zip: sosw 3.0.1 and 16 more, 18.9 MB, CodeSha256 n9yf1qKc…`
pub(super) fn described(path: &Path, spec: &Spec<'_>, manifest: &Manifest) -> String {
    let own = |package: &&PackageRecord| {
        let mut requirements = spec.layer.requirements.iter().filter_map(Wanted::name);
        requirements.any(|name| name.as_ref() == package.name)
    };
    let named = manifest.packages.iter().filter(own);
    let mut named: Vec<String> =
        named.map(|package| format!("{} {}", package.name, package.version)).collect();
    named.dedup();
    let names: BTreeSet<&str> = manifest.packages.iter().map(|package| package.name.as_str()).collect();
    let what = match (named.is_empty(), names.len() - named.len().min(names.len())) {
        (true, _) => counted(names.len(), "package"),
        (false, 0) => named.join(", "),
        (false, count) => format!("{} and {count} more", named.join(", ")),
    };
    let file = path.file_name().unwrap_or_default().display();
    format!("{file}: {what}, {}, CodeSha256 {}…", megabytes(manifest.size), &manifest.code_sha256[..8])
}

/// Commit and cleanness of the repository around `folder`; one call of git.
pub(super) fn repository(folder: &Path) -> Option<manifest::Source> {
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    let output = Command::new("git")
        .args(["status", "--porcelain=v2", "--branch", "--no-ahead-behind", "--untracked-files=no"])
        .current_dir(folder)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let commit = text.lines().find_map(|line| line.strip_prefix("# branch.oid "))?;
    if commit == "(initial)" {
        return None;
    }
    let clean = text.lines().all(|line| line.starts_with('#'));
    Some(manifest::Source { commit: commit.to_owned(), clean })
}
