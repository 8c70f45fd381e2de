//! The audit of any zip, also of those that others have built: what can be told without knowing its targets.

use std::collections::BTreeMap;
use std::path::Path;

use super::Inspection;
use crate::config::AuditTable;
use crate::layer::audit::{AuditedFile, Finding, Package, Subject, audit};
use crate::layer::manifest::Manifest;
use crate::wheels::elf::{Native, may_be_native};
use crate::zip_reader::{Error, ZipFile};

/// The manifest beside the zip at `path`, if it is that zip's.
pub fn manifest_of(path: &Path, inspection: &Inspection) -> Option<Manifest> {
    let manifest: Manifest =
        serde_json::from_slice(&std::fs::read(path.with_extension("json")).ok()?).ok()?;
    (manifest.sha256 == inspection.sha256).then_some(manifest)
}

/// What the audit finds in the zip at `path`.
pub fn findings(path: &Path, inspection: &Inspection) -> Result<Vec<Finding>, Error> {
    let zip = ZipFile::open(path)?;
    let mut natives = BTreeMap::new();
    for entry in zip.entries().iter().filter(|entry| may_be_native(&entry.path, entry.executable)) {
        natives.insert(entry.path.as_str(), Native::read(&zip.content(entry)?));
    }
    let files = inspection.contents.iter().map(|content| AuditedFile {
        path: &content.path,
        size: content.size,
        package: content.package,
        native: natives.get(content.path.as_str()),
    });
    let packages = inspection.packages.iter().map(|package| Package {
        name: format!("{} {}", package.name, package.version),
        ..Package::default()
    });
    let subject = Subject {
        files: files.collect(),
        packages: packages.collect(),
        zipped_size: inspection.size,
        ..Subject::default()
    };
    Ok(audit(&subject, &AuditTable::default()))
}
