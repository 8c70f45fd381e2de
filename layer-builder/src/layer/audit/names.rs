//! Rules for names: modules that hide the standard library, wheels that were passed over.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Package, Subject, stdlib};
use crate::target::PythonVersion;

pub(super) fn findings(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = shadows(subject);
    let passed_over = subject.packages.iter().filter(|package| package.native_wheel_passed_over);
    findings.extend(passed_over.map(|package| {
        Finding::note(
            "native-passed-over",
            Some(&package.name),
            "is taken as pure Python, though there is a wheel with compiled code".to_owned(),
            "if its speed matters, set `wheels = \"native\"`",
        )
    }));
    let with_scripts = subject.packages.iter().filter(|package| !package.scripts_left_out.is_empty());
    findings.extend(with_scripts.map(scripts_left_out));
    findings
}

/// What a wheel's scripts begin with has to be written by an installer, for one machine.
fn scripts_left_out(package: &Package) -> Finding {
    const SHOWN: usize = 3;
    let scripts = &package.scripts_left_out;
    let mut names: Vec<String> = scripts.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    if scripts.len() > SHOWN {
        names.push(format!("{} more", scripts.len() - SHOWN));
    }
    Finding::note(
        "scripts-left-out",
        Some(&package.name),
        format!("has scripts that are left out: {}", names.join(", ")),
        "functions import modules; a command that has to be there goes into the layer's `bin/` with `include`",
    )
}

/// A layer's folders come before the standard library's.
fn shadows(subject: &Subject<'_>) -> Vec<Finding> {
    let pythons: BTreeSet<PythonVersion> = subject.targets.iter().map(|target| target.python).collect();
    let modules: Vec<_> =
        subject.files.iter().filter_map(|file| Some((module(file.path)?, file.path))).collect();
    let mut found: BTreeMap<&str, (&str, Vec<PythonVersion>)> = BTreeMap::new();
    for python in pythons {
        let library = stdlib::of(python);
        let is_seen = |of: Option<&str>| of.is_none_or(|of| of.parse() == Ok(python.minor()));
        for ((minor, module), path) in &modules {
            if library.contains(module) && is_seen(*minor) {
                let pythons = &mut found.entry(module).or_insert_with(|| (path, Vec::new())).1;
                if pythons.last() != Some(&python) {
                    pythons.push(python);
                }
            }
        }
    }
    let finding = |(module, (path, pythons)): (&str, (&str, Vec<PythonVersion>))| {
        let runtimes: Vec<String> = pythons.iter().map(|python| python.runtime()).collect();
        Finding::warning(
            "shadows-stdlib",
            Some(path),
            format!("hides `{module}` of the standard library of {}", runtimes.join(", ")),
            "leave the package out: it is a backport that these versions do not need, or a name badly chosen",
        )
    };
    found.into_iter().map(finding).collect()
}

/// The module at the top that a file is or begins, and the minor version of the Python whose folder it lies in, if it is
/// not in the folder that all see.
fn module(path: &str) -> Option<(Option<&str>, &str)> {
    let rest = path.strip_prefix("python/")?;
    let versioned = rest.strip_prefix("lib/python3.").and_then(|rest| rest.split_once("/site-packages/"));
    let (minor, rest) = versioned.map_or((None, rest), |(minor, rest)| (Some(minor), rest));
    let module = match rest.split_once('/') {
        Some((folder, "__init__.py")) => folder,
        Some(_) => return None,
        None => match rest.split_once('.')? {
            (name, "py") => name,
            (name, extension) if extension.ends_with("so") => name,
            _ => return None,
        },
    };
    Some((minor, module))
}
