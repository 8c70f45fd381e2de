//! Rules for what the runtimes bring along themselves: sets that are in the layer in part, and versions that packages ask
//! for and the layer leaves out.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use pep508_rs::pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{ExtraName, PackageName, VersionOrUrl};

use super::{Finding, Subject};
use crate::provided::{self, NAMES, Verdict};
use crate::requirement::{self, Requirement};
use crate::target::{PythonVersion, Target};

/// The SDK itself: each of these is made for certain versions of the others.
const SDK: [&str; 3] = ["boto3", "botocore", "s3transfer"];

/// What botocore asks of the others, as its metadata has it since 2023, for Python 3.10 and later.
const OF_BOTOCORE: [(&str, &str); 2] = [("jmespath", ">=0.7.1,<2"), ("python-dateutil", ">=2.1,<3")];

pub(super) fn findings(subject: &Subject<'_>) -> Vec<Finding> {
    let mut found = Found::default();
    for (python, target) in views(subject) {
        let view = View { subject, python, target, packages: packages_of(subject, python) };
        view.partial_sets(&mut found);
        view.constraints(&mut found);
    }
    found.findings()
}

/// The Python versions that the layer serves, each with one of its targets; one nobody, if they are not known.
fn views(subject: &Subject<'_>) -> BTreeMap<Option<PythonVersion>, Option<Target>> {
    let known = subject.targets.iter().map(|&target| (Some(target.python), Some(target)));
    let known: BTreeMap<_, _> = known.collect();
    if known.is_empty() { [(None, None)].into() } else { known }
}

/// The packages that a Python version finds in the layer: their names as everybody writes them, and their places.
fn packages_of(subject: &Subject<'_>, python: Option<PythonVersion>) -> BTreeMap<String, usize> {
    let mut packages = BTreeMap::new();
    for file in &subject.files {
        let Some(index) = file.package.filter(|_| file.path.ends_with(".dist-info/METADATA")) else {
            continue;
        };
        let own = file.path.strip_prefix("python/lib/python").and_then(|rest| rest.split('/').next());
        let serves = |own: &str| python.is_none_or(|python| python.to_string() == own);
        let name = subject.packages[index].name.split(' ').next().unwrap_or_default();
        if let (true, Ok(name)) = (own.is_none_or(serves), PackageName::from_str(name)) {
            packages.insert(name.to_string(), index);
        }
    }
    packages
}

/// What one Python version sees.
struct View<'a> {
    subject: &'a Subject<'a>,
    python: Option<PythonVersion>,
    target: Option<Target>,
    packages: BTreeMap<String, usize>,
}

impl View<'_> {
    fn has(&self, name: &str) -> bool {
        self.packages.contains_key(name)
    }

    fn label(&self, name: &str) -> &str {
        &self.subject.packages[self.packages[name]].name
    }

    fn version(&self, name: &str) -> Option<Version> {
        Version::from_str(self.label(name).split(' ').nth(1)?).ok()
    }

    /// Whose part of the SDK is whose.
    fn partial_sets(&self, found: &mut Found) {
        let missing: Vec<String> =
            SDK.iter().filter(|name| !self.has(name)).map(|name| format!("`{name}`")).collect();
        if missing.len() < SDK.len() {
            for name in SDK.iter().filter(|name| !missing.is_empty() && self.has(name)) {
                let reason =
                    format!("comes without {}: the runtime's own are used with it", missing.join(" and "));
                found.add(Kind::Partial, self.label(name), reason, self.python);
            }
        }
        if self.has("botocore") {
            return;
        }
        if self.has("urllib3") {
            let reason = "comes without `botocore`: the runtime's own is used with it".to_owned();
            found.add(Kind::Shared, self.label("urllib3"), reason, self.python);
        }
        for (name, wanted) in OF_BOTOCORE.iter().filter(|(name, _)| self.has(name)) {
            let fits = VersionSpecifiers::from_str(wanted).ok().zip(self.version(name));
            if fits.is_some_and(|(wanted, version)| !wanted.contains(&version)) {
                let reason = format!("comes without `botocore`: the runtime's own asks for `{name}{wanted}`");
                found.add(Kind::Shared, self.label(name), reason, self.python);
            }
        }
    }

    /// What is asked for and left out, against what the runtime has.
    fn constraints(&self, found: &mut Found) {
        let (Some(python), Some(target)) = (self.python, self.target) else { return };
        let left_out: Vec<&str> = NAMES.into_iter().filter(|name| !self.has(name)).collect();
        if left_out.is_empty() {
            return;
        }
        let environment = target.marker_environment(0);
        let extras = self.extras(target);
        let none = Vec::new();
        let asked = self.subject.asked.iter().map(|one| ("layers.toml", one.to_string(), &none));
        let of_packages = self.packages.iter().flat_map(|(name, &index)| {
            let package = &self.subject.packages[index];
            let extras = extras.get(name).unwrap_or(&none);
            package.requires.iter().map(move |text| (package.name.as_str(), text.clone(), extras))
        });
        for (who, text, extras) in asked.chain(of_packages) {
            let Some(requirement) = parsed(&text, |name| left_out.contains(&name)) else { continue };
            if !requirement.marker.evaluate(&environment, extras) {
                continue;
            }
            let Some(VersionOrUrl::VersionSpecifier(wanted)) = &requirement.version_or_url else { continue };
            let name = requirement.name.as_ref();
            let carried = self.subject.provided.of(python, name);
            let what = format!("`{name}{}`", wanted.to_string().replace(", ", ","));
            let runtime = python.runtime();
            match provided::verdict(carried.as_ref(), wanted) {
                Verdict::Fits => {}
                Verdict::DoesNotFit => {
                    let version = carried.map(|carried| carried.to_string()).unwrap_or_default();
                    let reason = format!("asks for {what}, and {runtime} brings {version} along");
                    found.add(Kind::Conflict, who, reason, None);
                }
                Verdict::Unknown => {
                    let reason =
                        format!("asks for {what}, and which version the runtime brings along is not known");
                    found.add(Kind::Unknown, who, reason, Some(python));
                }
            }
        }
    }

    /// The extras that are asked for, by the package they are of.
    fn extras(&self, target: Target) -> BTreeMap<String, Vec<ExtraName>> {
        let environment = target.marker_environment(0);
        let mut extras: BTreeMap<String, BTreeSet<ExtraName>> = BTreeMap::new();
        for asked in &self.subject.asked {
            extras.entry(asked.name.to_string()).or_default().extend(asked.extras.iter().cloned());
        }
        loop {
            let listed = |name: &str| extras.get(name).map(|extras| extras.iter().cloned().collect());
            let mut more: Vec<(String, Vec<ExtraName>)> = Vec::new();
            for (name, &index) in &self.packages {
                let own: Vec<ExtraName> = listed(name).unwrap_or_default();
                let with_extras =
                    self.subject.packages[index].requires.iter().filter(|text| text.contains('['));
                for requirement in with_extras.filter_map(|text| parsed(text, |_| true)) {
                    if requirement.marker.evaluate(&environment, &own) {
                        more.push((requirement.name.to_string(), requirement.extras));
                    }
                }
            }
            let before: usize = extras.values().map(BTreeSet::len).sum();
            for (name, names) in more {
                extras.entry(name).or_default().extend(names);
            }
            if extras.values().map(BTreeSet::len).sum::<usize>() == before {
                return extras
                    .into_iter()
                    .map(|(name, extras)| (name, extras.into_iter().collect()))
                    .collect();
            }
        }
    }
}

/// A requirement of metadata, if it is of a package that matters.
fn parsed(text: &str, matters: impl Fn(&str) -> bool) -> Option<Requirement> {
    let is_of_name = |character: char| character.is_ascii_alphanumeric() || ".-_".contains(character);
    let name = text.trim_start().split(|character| !is_of_name(character)).next()?;
    let name = PackageName::from_str(name).ok()?;
    // Metadata that cannot be read is passed over, as installers do.
    if matters(name.as_ref()) { requirement::parse(text).ok() } else { None }
}

/// The rules.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Partial,
    Shared,
    Conflict,
    Unknown,
}

/// Findings before they are worded, so that one says of all runtimes what is true of several.
#[derive(Default)]
struct Found {
    found: BTreeMap<(Kind, String, String), BTreeSet<PythonVersion>>,
}

impl Found {
    fn add(&mut self, kind: Kind, who: &str, reason: String, python: Option<PythonVersion>) {
        self.found.entry((kind, who.to_owned(), reason)).or_default().extend(python);
    }

    fn findings(self) -> Vec<Finding> {
        let finding = |((kind, who, reason), pythons): ((Kind, String, String), BTreeSet<PythonVersion>)| {
            let runtimes: Vec<String> = pythons.iter().map(|python| python.runtime()).collect();
            let reason =
                if runtimes.is_empty() { reason } else { format!("{reason} ({})", runtimes.join(", ")) };
            let (who, fix) = (Some(who.as_str()), fix(kind));
            match kind {
                Kind::Partial => Finding::warning("partial-sdk", who, reason, fix),
                Kind::Shared => Finding::warning("shared-with-sdk", who, reason, fix),
                Kind::Conflict => Finding::error("runtime-conflict", who, reason, fix),
                Kind::Unknown => Finding::note("runtime-version-unknown", who, reason, fix),
            }
        };
        self.found.into_iter().map(finding).collect()
    }
}

fn fix(kind: Kind) -> &'static str {
    match kind {
        Kind::Partial => {
            "take all of boto3, botocore and s3transfer into the layer, or leave all out with `exclude-runtime-provided`"
        }
        Kind::Shared => {
            "take boto3 into the layer, too, or leave both out with `exclude-runtime-provided`; functions that use no AWS \
             SDK need neither"
        }
        Kind::Conflict => "take boto3 and its set into the layer: leave `exclude-runtime-provided` out",
        Kind::Unknown => {
            "AWS does not publish it: let a function print `boto3.__version__`, and say it in \
             `[runtimes.\"python3.13\"]`: provides = { boto3 = \"…\" }"
        }
    }
}

#[cfg(test)]
mod tests;
