//! Rules for files that get in each other's way.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Subject, sites};
use crate::requirement::normalised;

pub(super) fn findings(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = same_path(subject);
    findings.extend(only_case_differs(subject));
    findings.extend(twice_installed(subject));
    findings.extend(split_packages(subject));
    findings
}

fn same_path(subject: &Subject<'_>) -> Vec<Finding> {
    let different = subject.collisions.iter().map(|collision| {
        Finding::error(
            "file-collision",
            Some(&collision.path),
            format!(
                "is in `{}` and in `{}`, with different contents",
                collision.taken, collision.left
            ),
            "leave one of the packages out; if nobody needs the file, allow this, and the first package's is taken",
        )
    });
    let same = subject.shared.iter().map(|collision| {
        Finding::note(
            "shared-file",
            Some(&collision.path),
            format!("is in `{}` and in `{}`, with the same content", collision.taken, collision.left),
            "nothing: it is packed once",
        )
    });
    different.chain(same).collect()
}

fn only_case_differs(subject: &Subject<'_>) -> Vec<Finding> {
    // Of two names that differ in case only, one at least has a capital; nearly all names have none.
    let has_capital = |path: &str| {
        // All bytes of each path: that is faster than to stop at the first capital.
        path.bytes().fold(false, |found, byte| found | byte.is_ascii_uppercase())
            || !path.is_ascii() && path.chars().any(char::is_uppercase)
    };
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut findings = Vec::new();
    let mut tell = |path: &str, other: &str| {
        findings.push(Finding::warning(
            "case-collision",
            Some(path),
            format!("differs from `{other}` in case only"),
            "nothing is wrong with it on Lambda; on macOS and Windows one of the two disappears",
        ));
    };
    for file in subject.files.iter().filter(|file| has_capital(file.path)) {
        if let Some(other) = seen.insert(file.path.to_lowercase(), file.path) {
            tell(file.path, other);
        }
    }
    for (lower, other) in &seen {
        if let Ok(at) = subject.files.binary_search_by(|file| file.path.cmp(lower)) {
            tell(subject.files[at].path, other);
        }
    }
    findings
}

/// A distribution of which the runtime finds two: what it says of its version is a matter of luck.
fn twice_installed(subject: &Subject<'_>) -> Vec<Finding> {
    let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for file in &subject.files {
        let Some(folder) = file.path.strip_suffix("/METADATA") else { continue };
        let name = folder.rsplit('/').next().unwrap_or_default();
        if let Some(name) = name.strip_suffix(".dist-info").and_then(|name| name.split('-').next()) {
            found.entry(normalised(name)).or_default().insert(folder);
        }
    }
    let mut findings = Vec::new();
    for (name, folders) in &found {
        let clash = minors(subject).into_iter().find_map(|minor| {
            let visible = |folder: &&&str| sites(minor).iter().any(|site| is_directly_in(folder, site));
            let visible: Vec<_> = folders.iter().filter(visible).copied().collect();
            (visible.len() > 1).then_some(visible)
        });
        if let Some(clash) = clash {
            findings.push(Finding::error(
                "duplicate-dist-info",
                Some(clash[1]),
                format!("and `{}` both say that they are `{name}`", clash[0]),
                "leave one of the two out",
            ));
        }
    }
    findings
}

fn is_directly_in(path: &str, site: &str) -> bool {
    path.strip_prefix(site).is_some_and(|rest| !rest.contains('/'))
}

/// A package with an `__init__.py` in one place hides what lies under its name in the other.
fn split_packages(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = BTreeMap::new();
    for minor in minors(subject) {
        let [first, second] = sites(minor);
        let tops = |site: &str| {
            let tops = subject.files.iter().filter_map(|file| {
                let (top, rest) = file.path.strip_prefix(site)?.split_once('/')?;
                let is_site = site == "python/" && top == "lib";
                (!is_site && !top.ends_with(".dist-info")).then_some((top, rest == "__init__.py"))
            });
            let mut found = BTreeMap::<&str, bool>::new();
            tops.for_each(|(top, regular)| *found.entry(top).or_default() |= regular);
            found
        };
        let one = tops(&first);
        if one.is_empty() {
            continue;
        }
        let other = tops(&second);
        for (top, regular) in &one {
            if other.get(top).is_some_and(|other| *regular || *other) {
                let (kept, hidden) = if *regular { (&first, &second) } else { (&second, &first) };
                findings.entry(format!("{hidden}{top}")).or_insert_with(|| format!("{kept}{top}"));
            }
        }
    }
    let finding = |(hidden, kept): (String, String)| {
        Finding::error(
            "split-package",
            Some(&hidden),
            format!("is hidden: Python takes `{kept}/__init__.py` and looks nowhere else"),
            "all files of a package have to lie in one place",
        )
    };
    findings.into_iter().map(finding).collect()
}

/// The Python versions that the layer serves, or that its folders name.
fn minors(subject: &Subject<'_>) -> BTreeSet<u8> {
    let asked = subject.targets.iter().map(|target| target.python.minor());
    let named = subject
        .files
        .iter()
        .filter_map(|file| file.path.strip_prefix("python/lib/python3.")?.split('/').next()?.parse().ok());
    let mut minors: BTreeSet<u8> = asked.chain(named).collect();
    if minors.is_empty() {
        minors.insert(0);
    }
    minors
}
