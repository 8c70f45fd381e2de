//! Rules for what packages ask for (`Requires-Dist`): it has to be in the layer, in a version that they allow.
//!
//! A lock that uv has made holds all of that. Somebody may have changed it by hand, or another tool have made it.
//! What is missing is an error, because it does not import. A version that is outside of what is asked for is a warning:
//! who has told uv so (`override-dependencies`) may know better, and not every file that says so is on each machine.

use std::collections::{BTreeMap, BTreeSet};

use pep508_rs::{ExtraName, VersionOrUrl};

use super::Finding;
use super::view::{View, bounds};
use crate::provided::NAMES;
use crate::requirement::Requirement;
use crate::target::{PythonVersion, Target};

/// The rule that an error of this file has; what to do about it depends on who has made the lock.
pub(crate) const MISSING: &str = "missing-dependency";

pub(super) fn findings(views: &[View<'_>]) -> Vec<Finding> {
    let mut found = Found::default();
    for view in views {
        let all = view.subject.targets.iter().copied();
        for target in all.filter(|target| Some(target.python) == view.python) {
            view.dependencies(target, &mut found);
        }
    }
    let pythons = views.iter().filter_map(|view| view.python).collect();
    found.findings(&pythons)
}

impl View<'_> {
    /// What each package asks for on a target, against what there is.
    fn dependencies(&self, target: Target, found: &mut Found) {
        // What only some patch releases ask for is nobody's fault.
        let environments = [0, 9999].map(|patch| target.marker_environment(patch));
        let extras = self.extras(target);
        let is_described =
            |name: &str| self.subject.told.described.iter().any(|other| other.as_ref() == name);
        for name in self.packages.keys().filter(|name| !is_described(name)) {
            let extras: &[ExtraName] = extras.get(name).map_or(&[], Vec::as_slice);
            let is_asked = |asked: &&Requirement| {
                environments.iter().all(|environment| asked.marker.evaluate(environment, extras))
            };
            for asked in self.asks(name).iter().filter(is_asked) {
                if let Some(kind) = self.lack(asked) {
                    found.add(kind, self.label(name), &bounds(asked), target.python);
                }
            }
        }
    }

    /// What is wrong with a dependency, if anything is.
    fn lack(&self, asked: &Requirement) -> Option<Kind> {
        let (name, subject) = (asked.name.as_ref(), self.subject);
        if subject.told.overridden.contains(&asked.name) {
            return None;
        }
        if !self.has(name) {
            // What the runtimes bring along is there, whether or not the layer leaves it out on purpose; in which
            // version is a question of its own.
            return (!NAMES.contains(&name)).then_some(Kind::Missing);
        }
        let version = self.version(name)?;
        match &asked.version_or_url {
            Some(VersionOrUrl::VersionSpecifier(wanted)) if !wanted.contains(&version) => {
                Some(Kind::Outside(self.label(name).to_owned()))
            }
            _ => None,
        }
    }
}

/// The rules.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Missing,
    /// What is there instead.
    Outside(String),
}

/// Findings before they are worded, so that one says of all runtimes what is true of several.
#[derive(Default)]
struct Found {
    found: BTreeMap<(Kind, String, String), BTreeSet<PythonVersion>>,
}

impl Found {
    fn add(&mut self, kind: Kind, who: &str, what: &str, python: PythonVersion) {
        self.found.entry((kind, who.to_owned(), what.to_owned())).or_default().insert(python);
    }

    fn findings(self, all: &BTreeSet<PythonVersion>) -> Vec<Finding> {
        let finding = |((kind, who, what), pythons): ((Kind, String, String), BTreeSet<PythonVersion>)| {
            let runtimes: Vec<String> = pythons.iter().map(|python| python.runtime()).collect();
            let only = if pythons == *all { String::new() } else { format!(" ({})", runtimes.join(", ")) };
            match kind {
                Kind::Missing => Finding::error(
                    MISSING,
                    Some(&who),
                    format!("needs `{what}`, which is not in the lock{only}"),
                    "make the lock anew, with all that its packages ask for",
                ),
                Kind::Outside(there) => Finding::warning(
                    "dependency-version",
                    Some(&who),
                    format!("asks for `{what}`, and `{there}` is in the lock{only}"),
                    "make the lock anew; if it is meant to be so, say it to uv in `override-dependencies`",
                ),
            }
        };
        self.found.into_iter().map(finding).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use pep508_rs::PackageName;

    use super::super::view::views;
    use super::super::{AuditedFile, Package, Subject};
    use super::*;
    use crate::requirement;
    use crate::target::{Architecture, Runtimes};

    fn targets(pythons: &[&str]) -> Vec<Target> {
        let of = |python: &&str| {
            let python: PythonVersion = python.parse().unwrap();
            let glibc_minor = Runtimes::default().get(python).unwrap().glibc_minor;
            Architecture::ALL.map(|architecture| Target { python, architecture, glibc_minor })
        };
        pythons.iter().flat_map(of).collect()
    }

    /// A layer for Python 3.12 and 3.13 on both architectures.
    fn check(packages: &[(&str, &[&str])], vary: impl Fn(&mut Subject<'_>), expected: &[&str]) {
        let paths: Vec<String> = packages
            .iter()
            .map(|(package, _)| format!("python/{}.dist-info/METADATA", package.replace(' ', "-")))
            .collect();
        let file = |(index, path)| AuditedFile { path, size: 1, package: Some(index), native: None };
        let package = |(package, requires): &(&str, &[&str])| Package {
            name: (*package).to_owned(),
            requires: requires.iter().map(|&text| text.to_owned()).collect(),
            ..Package::default()
        };
        let mut subject = Subject {
            files: paths.iter().map(String::as_str).enumerate().map(file).collect(),
            packages: packages.iter().map(package).collect(),
            targets: targets(&["3.12", "3.13"]),
            ..Subject::default()
        };
        vary(&mut subject);
        let found: Vec<String> = findings(&views(&subject)).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    const REQUESTS: (&str, &[&str]) = (
        "requests 2.32.3",
        &["idna (<4,>=2.5)", "PySocks!=1.5.7 ; extra == 'socks'", "chardet ; extra == 'use_chardet'"],
    );

    #[test]
    fn what_a_package_asks_for_has_to_be_there() {
        check(&[REQUESTS, ("idna 3.7", &[])], |_| {}, &[]);
        check(
            &[REQUESTS],
            |_| {},
            &["`requests 2.32.3` needs `idna>=2.5,<4`, which is not in the lock (missing-dependency)"],
        );
        check(
            &[REQUESTS, ("idna 4.0", &[])],
            |_| {},
            &[
                "`requests 2.32.3` asks for `idna>=2.5,<4`, and `idna 4.0` is in the lock (dependency-version)",
            ],
        );
    }

    #[test]
    fn extras_count_where_somebody_asks_for_them() {
        let needs = "`a 1` needs `b-extras`, which is not in the lock (missing-dependency)";
        check(&[("a 1", &["b-extras"])], |_| {}, &[needs]);
        let missing =
            "`requests 2.32.3` needs `pysocks!=1.5.7`, which is not in the lock (missing-dependency)";
        let packages = [REQUESTS, ("idna 3.7", &[][..])];
        let asked = |text: &str| vec![requirement::parse(text).unwrap()];
        check(&packages, |subject| subject.asked = asked("requests[socks]"), &[missing]);
        check(&packages, |subject| subject.asked = asked("requests[socks] ; sys_platform == 'win32'"), &[]);
        check(&[REQUESTS, ("idna 3.7", &[]), ("b 1", &["requests[socks]"])], |_| {}, &[missing]);
    }

    #[test]
    fn markers_decide_for_each_target() {
        let package = |text: &'static [&'static str]| [("a 1", text)];
        let needs =
            |only: &str| format!("`a 1` needs `b`, which is not in the lock{only} (missing-dependency)");
        check(&package(&["b ; python_version < '3.13'"]), |_| {}, &[&needs(" (python3.12)")]);
        check(&package(&["b ; platform_machine == 'aarch64'"]), |_| {}, &[&needs("")]);
        check(&package(&["b ; platform_machine == 'x86_64'"]), |_| {}, &[&needs("")]);
        check(&package(&["b ; sys_platform == 'win32'", "b ; python_full_version < '3.12.4'"]), |_| {}, &[]);
        check(&package(&["c (>dev)", "nonsense!"]), |_| {}, &[]);
    }

    #[test]
    fn what_is_left_out_on_purpose_is_not_missed() {
        let packages: [(&str, &[&str]); 1] = [("a 1", &["boto3>=1.35", "b"])];
        let missing = "`a 1` needs `b`, which is not in the lock (missing-dependency)";
        check(&packages, |_| {}, &[missing]);
        let overridden = || PackageName::from_str("b").unwrap();
        check(&packages, |subject| subject.told.overridden = [overridden()].into(), &[]);
        let described = || PackageName::from_str("a").unwrap();
        check(&packages, |subject| subject.told.described = [described()].into(), &[]);
        check(&packages, |subject| subject.targets.clear(), &[]);
    }
}
