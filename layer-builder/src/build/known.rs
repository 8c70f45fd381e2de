//! What can be said of a lock's packages before anything is built: whether they hold what they ask for, as far as their
//! wheels are in the cache. Nobody is asked, and nothing is fetched.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use super::{Error, prove};
use crate::cache::Cache;
use crate::indexes::told;
use crate::layer::audit::{self, AuditedFile, Finding, Package, Subject};
use crate::layer::metadata::Metadata;
use crate::lock::uv::Network;
use crate::lock::{Lock, roots};
use crate::relock::{self, Answers};
use crate::spec::Spec;
use crate::target::Architecture;
use crate::ui::Ui;
use crate::wheels::select::{Chosen, Origin, Selected, select};
use crate::wheels::wheel::Wheel;

/// Whether what the lock's packages ask for is in it. What cannot be known here is for the build to say.
pub(super) fn check(spec: &Spec<'_>, lock: &Lock, cache: &Cache, ui: &Ui) -> Result<(), Error> {
    let index = relock::locate(spec, lock, Answers::Kept, Network::Forbidden, cache, ui);
    let selected = index.map(|index| select(lock, &index, &spec.targets, spec.layer.wheels));
    let Ok(Ok(selected)) = selected else { return Ok(()) };
    // Each architecture may have packages and versions of its own.
    let mut findings = Vec::new();
    for architecture in Architecture::ALL {
        for finding in missing(spec, &selected, architecture, cache)? {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    audit::allow(&mut findings, &spec.layer.audit.allow);
    prove::refuse(spec, findings).map(drop)
}

/// What the packages of one architecture ask for and it has not got.
fn missing(
    spec: &Spec<'_>,
    selected: &[Selected],
    architecture: Architecture,
    cache: &Cache,
) -> Result<Vec<Finding>, Error> {
    let (mut packages, mut paths) = (Vec::new(), Vec::new());
    for one in selected {
        let mut seen = BTreeMap::new();
        for (target, chosen) in one.choices.iter().filter(|(target, _)| target.architecture == architecture) {
            let index = *seen.entry(chosen.origin.file_name()).or_insert_with(|| {
                packages.push(package(chosen, cache));
                packages.len() - 1
            });
            let site = format!("python/lib/python{}/site-packages", target.python);
            paths.push((format!("{site}/{}.dist-info/METADATA", one.name), index));
        }
    }
    for (name, _) in relock::folders_of(spec)? {
        paths.push((format!("python/{name}.dist-info/METADATA"), packages.len()));
        packages.push(Package { name: name.to_string(), ..Package::default() });
    }
    let files =
        paths.iter().map(|(path, index)| AuditedFile { path, size: 0, package: Some(*index), native: None });
    let subject = Subject {
        files: files.collect(),
        packages,
        targets: spec.targets.iter().copied().filter(|target| target.architecture == architecture).collect(),
        asked: roots::asked(spec),
        told: told(spec.folder),
        ..Subject::default()
    };
    // Without a target nobody would know for whom it is.
    Ok(if subject.targets.is_empty() { Vec::new() } else { audit::dependencies(&subject) })
}

fn package(chosen: &Chosen, cache: &Cache) -> Package {
    let requires = match &chosen.origin {
        Origin::Wheel(file) => requires(&cache.download(file.sha256, &file.file_name)),
        Origin::Sdist(_) | Origin::Commit(_) | Origin::Folder(_) => None,
    };
    Package { name: chosen.label(), requires: requires.unwrap_or_default(), ..Package::default() }
}

/// What the wheel at `path` asks for; `None` if there is none that can be read.
fn requires(path: &Path) -> Option<Vec<String>> {
    let wheel = Wheel::read(path, File::open(path).ok()?).ok()?;
    Some(Metadata::of(&wheel).ok()??.requires_dist)
}
