//! What a layer itself asks for, and whether a lock holds that, in versions that are allowed, for every target.
//!
//! The hash at the head of a lock says what it was made from, not what has become of it since. What the packages of the
//! lock ask for in turn stands in their wheels: that is for the audit to say.

use std::collections::BTreeSet;

use pep508_rs::{PackageName, VersionOrUrl};

use super::{Lock, Pin};
use crate::indexes::{required, told};
use crate::provided;
use crate::requirement::{self, Requirement, Wanted};
use crate::spec::Spec;
use crate::target::Target;
use crate::wheels::source;

/// The packages that `spec` asks for, also in requirements files.
pub fn asked(spec: &Spec<'_>) -> Vec<Requirement> {
    let mut asked = Vec::new();
    for wanted in &spec.wanted {
        match wanted {
            Wanted::Package(requirement) => asked.push(requirement.clone()),
            Wanted::File(path) => asked.extend(required(&spec.folder.join(path)).iter().filter_map(|line| {
                // Hashes, and options of a single requirement.
                let line = line.split(" --").next().unwrap_or_default().trim_end_matches(['\\', ' ']);
                requirement::parse(line).ok()
            })),
            Wanted::Folder(_) => {}
        }
    }
    asked
}

/// What `lock` does not hold of what `spec` asks for: the first thing, as a sentence about the lock.
///
/// The projects of folders are built each time, and in no lock of ours, whoever else asks for them.
pub fn unmet(spec: &Spec<'_>, lock: &Lock) -> Option<String> {
    let projects = spec.folders().filter_map(|folder| source::project_name(&folder).ok());
    let projects = projects.collect::<BTreeSet<_>>();
    let mut asked = asked(spec);
    asked.retain(|one| !projects.contains(&one.name));
    let targets = spec.layer.targets();
    let found = |overridden: &BTreeSet<PackageName>| {
        let all = targets.iter().copied().flat_map(|target| asked.iter().map(move |one| (target, one)));
        let mut all = all.filter(|(_, one)| !overridden.contains(&one.name));
        all.find_map(|(target, one)| unmet_by(spec, lock, one, target))
    };
    // Most locks hold all of it, whatever uv was told.
    found(&BTreeSet::new()).and_then(|_| found(&told(spec.folder).overridden))
}

/// What of a requirement the lock does not meet for a target.
fn unmet_by(spec: &Spec<'_>, lock: &Lock, requirement: &Requirement, target: Target) -> Option<String> {
    let name = &requirement.name;
    let left_out = spec.layer.exclude_runtime_provided && provided::NAMES.contains(&name.as_ref());
    if left_out {
        return None;
    }
    let environments = [0, 9999].map(|patch| target.marker_environment(patch));
    if !environments.iter().all(|environment| requirement.marker.evaluate(environment, &[])) {
        return None;
    }
    let mut named = lock.packages.iter().filter(|package| package.name == *name);
    let Some(package) = named.find(|package| package.marker.evaluate(&environments[0], &[])) else {
        return Some(format!("`{name}` is not in it for {target}"));
    };
    let fits = match (&requirement.version_or_url, &package.pin) {
        (None, _) | (Some(VersionOrUrl::Url(_)), Pin::Commit(_)) => true,
        (Some(VersionOrUrl::VersionSpecifier(wanted)), Pin::Version { version, .. }) => {
            wanted.contains(version)
        }
        // Somebody else may ask for the repository; in our own locks the hash of what they were made from decides.
        (Some(VersionOrUrl::VersionSpecifier(_)), Pin::Commit(_)) => lock.given.is_none(),
        (Some(VersionOrUrl::Url(_)), Pin::Version { .. }) => false,
    };
    let (pin, line) = (&package.pin, package.line);
    (!fits).then(|| format!("`{name}` {pin} is in it (line {line}), and `{requirement}` is asked for"))
}
