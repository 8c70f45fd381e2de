//! Rules for what the runtimes bring along themselves: sets that are in the layer in part, and versions that packages ask
//! for and the layer leaves out.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use pep508_rs::VersionOrUrl;
use pep508_rs::pep440_rs::VersionSpecifiers;

use super::Finding;
use super::view::{View, bounds};
use crate::provided::{self, NAMES, Verdict};
use crate::target::PythonVersion;

/// The SDK itself: each of these is made for certain versions of the others.
const SDK: [&str; 3] = ["boto3", "botocore", "s3transfer"];

/// What botocore asks of the others, as its metadata has it since 2023, for Python 3.10 and later.
const OF_BOTOCORE: [(&str, &str); 2] = [("jmespath", ">=0.7.1,<2"), ("python-dateutil", ">=2.1,<3")];

pub(super) fn findings(views: &[View<'_>]) -> Vec<Finding> {
    let mut found = Found::default();
    for view in views {
        view.partial_sets(&mut found);
        view.constraints(&mut found);
    }
    found.findings()
}

impl View<'_> {
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
        let asked = self.subject.asked.iter().map(|one| ("layers.toml", one, &none));
        let of_packages = self.packages.keys().flat_map(|name| {
            let extras = extras.get(name).unwrap_or(&none);
            self.asks(name).iter().map(move |asked| (self.label(name), asked, extras))
        });
        let all = asked.chain(of_packages);
        for (who, requirement, extras) in all.filter(|(_, one, _)| left_out.contains(&one.name.as_ref())) {
            if !requirement.marker.evaluate(&environment, extras) {
                continue;
            }
            let Some(VersionOrUrl::VersionSpecifier(wanted)) = &requirement.version_or_url else { continue };
            let name = requirement.name.as_ref();
            let carried = self.subject.provided.of(python, name);
            let what = format!("`{}`", bounds(requirement));
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
