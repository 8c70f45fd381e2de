//! Why a package's wheel was taken, and why not the others: for `--explain`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pep508_rs::PackageName;
use pep508_rs::pep440_rs::Version;

use super::select::{Chosen, Error, Origin};
use super::tags::WheelName;
use crate::lock::files::{FileIndex, PackageFiles};
use crate::lock::{Lock, LockedPackage};
use crate::target::Target;

/// What there is to say about `name`; `None` if the lock does not hold it.
pub fn explain(
    name: &PackageName,
    lock: &Lock,
    index: &FileIndex,
    choices: &BTreeMap<Target, Result<Chosen, Error>>,
    targets: &[Target],
) -> Option<String> {
    if !lock.packages.iter().any(|package| package.name == *name) {
        return None;
    }
    let files_of = |version: Option<&Version>| index.of(name, version?);
    let mut text = String::new();
    for &target in targets {
        match choices.get(&target) {
            None => _ = writeln!(text, "{target}: not needed"),
            Some(Ok(chosen)) => {
                let _ = writeln!(text, "{target}: {}", chosen.label());
                let _ = writeln!(text, "  taken    {}", chosen.origin.file_name());
                if let Some(files) = files_of(chosen.version.as_ref()) {
                    candidates(&mut text, files, Some(chosen), target);
                }
            }
            Some(Err(_)) => {
                let environment = target.marker_environment(0);
                let holds = |package: &&LockedPackage| {
                    package.name == *name && package.marker.evaluate(&environment, &[])
                };
                let version = lock.packages.iter().find(holds).and_then(LockedPackage::version);
                let shown = version.map(|version| format!(" {version}")).unwrap_or_default();
                let _ = writeln!(text, "{target}: nothing of {name}{shown} serves it");
                if let Some(files) = files_of(version) {
                    candidates(&mut text, files, None, target);
                }
            }
        }
    }
    Some(text.trim_end().to_owned())
}

/// What there is to say about the project of a folder, which is in no lock.
pub fn explain_folder(name: &PackageName, folder: &str, targets: &[Target]) -> String {
    let lines = targets
        .iter()
        .map(|target| format!("{target}: {name}\n  taken    `{folder}`, a folder, which is built each time"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The files that were not taken, by name, each with the reason.
fn candidates(text: &mut String, files: &PackageFiles, chosen: Option<&Chosen>, target: Target) {
    let taken = chosen.map(|chosen| chosen.origin.file_name());
    let mut refused = Vec::new();
    for file in files.wheels.iter().filter(|file| Some(&file.file_name) != taken.as_ref()) {
        let why = match WheelName::parse(&file.file_name).map(|wheel| wheel.refusal(target)) {
            Err(_) => "is no name of a wheel".to_owned(),
            Ok(Some(why)) => why.to_string(),
            Ok(None) => format!("serves too, but `{}` is preferred", taken.as_deref().unwrap_or_default()),
        };
        refused.push(format!("  refused  {}: {why}", file.file_name));
    }
    refused.sort();
    for line in refused {
        let _ = writeln!(text, "{line}");
    }
    if let (Some(sdist), Some(Origin::Wheel(_))) = (&files.sdist, chosen.map(|chosen| &chosen.origin)) {
        let _ = writeln!(text, "  refused  {}: a wheel needs no building", sdist.file_name);
    }
}
