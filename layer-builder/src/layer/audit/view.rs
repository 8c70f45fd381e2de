//! What one Python version sees of a layer: its packages, what they ask for, and which extras of them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::str::FromStr;

use pep508_rs::pep440_rs::Version;
use pep508_rs::{ExtraName, PackageName, VersionOrUrl};

use super::{Package, Subject};
use crate::requirement::{self, Requirement};
use crate::target::{PythonVersion, Target};

/// What one Python version sees.
pub(super) struct View<'a> {
    pub(super) subject: &'a Subject<'a>,
    /// The version, and one of its targets; nobody knows them of a zip that others have built.
    pub(super) python: Option<PythonVersion>,
    pub(super) target: Option<Target>,
    /// Its packages, by the names as everybody writes them, and their places in the subject.
    pub(super) packages: BTreeMap<String, usize>,
    /// What each package of the subject asks for.
    asks: Rc<Vec<Vec<Requirement>>>,
}

/// A view for each Python version that the layer serves; one of nobody's, if they are not known.
pub(super) fn views<'a>(subject: &'a Subject<'_>) -> Vec<View<'a>> {
    let known = subject.targets.iter().map(|&target| (Some(target.python), Some(target)));
    let mut known: BTreeMap<_, _> = known.collect();
    if known.is_empty() {
        known.insert(None, None);
    }
    let asks = Rc::new(asks_of(subject));
    let view = |(python, target)| {
        let packages = packages_of(subject, python);
        View { subject, python, target, packages, asks: Rc::clone(&asks) }
    };
    known.into_iter().map(view).collect()
}

/// What each package asks for. Some have a hundred lines for extras: those of extras that nobody asks for are not read.
fn asks_of(subject: &Subject<'_>) -> Vec<Vec<Requirement>> {
    let in_metadata = subject.packages.iter().flat_map(|package| &package.requires);
    let with_extras = in_metadata.filter(|text| text.contains('[')).filter_map(|text| name_of(text));
    let with_extras: BTreeSet<PackageName> = with_extras
        .chain(subject.asked.iter().filter(|asked| !asked.extras.is_empty()).map(|asked| asked.name.clone()))
        .collect();
    let of = |package: &Package| {
        let name = name_of(&package.name);
        let has_extras = name.is_some_and(|name| with_extras.contains(&name));
        let of_extra =
            |text: &&String| text.split_once(';').is_some_and(|(_, marker)| marker.contains("extra"));
        let lines = package.requires.iter().filter(|text| has_extras || !of_extra(text));
        // Metadata that cannot be read is passed over, as installers do.
        lines.filter_map(|text| requirement::parse(text).ok()).collect()
    };
    subject.packages.iter().map(of).collect()
}

/// The name that a requirement, or a package's label, begins with.
fn name_of(text: &str) -> Option<PackageName> {
    let is_of_name = |character: char| character.is_ascii_alphanumeric() || ".-_".contains(character);
    PackageName::from_str(text.trim_start().split(|character| !is_of_name(character)).next()?).ok()
}

fn packages_of(subject: &Subject<'_>, python: Option<PythonVersion>) -> BTreeMap<String, usize> {
    let mut packages = BTreeMap::new();
    for file in &subject.files {
        let Some(index) = file.package.filter(|_| file.path.ends_with(".dist-info/METADATA")) else {
            continue;
        };
        let own = file.path.strip_prefix("python/lib/python").and_then(|rest| rest.split('/').next());
        let serves = |own: &str| python.is_none_or(|python| python.to_string() == own);
        if let (true, Some(name)) = (own.is_none_or(serves), name_of(&subject.packages[index].name)) {
            packages.insert(name.to_string(), index);
        }
    }
    packages
}

impl View<'_> {
    pub(super) fn has(&self, name: &str) -> bool {
        self.packages.contains_key(name)
    }

    /// Name and version of a package that it has.
    pub(super) fn label(&self, name: &str) -> &str {
        &self.subject.packages[self.packages[name]].name
    }

    pub(super) fn version(&self, name: &str) -> Option<Version> {
        Version::from_str(self.label(name).split(' ').nth(1)?).ok()
    }

    /// What a package that it has asks for, whatever the markers say.
    pub(super) fn asks(&self, name: &str) -> &[Requirement] {
        &self.asks[self.packages[name]]
    }

    /// The extras that are asked for, by the package they are of.
    pub(super) fn extras(&self, target: Target) -> BTreeMap<String, Vec<ExtraName>> {
        let environment = target.marker_environment(0);
        let mut extras: BTreeMap<String, BTreeSet<ExtraName>> = BTreeMap::new();
        for asked in self.subject.asked.iter().filter(|asked| asked.marker.evaluate(&environment, &[])) {
            extras.entry(asked.name.to_string()).or_default().extend(asked.extras.iter().cloned());
        }
        loop {
            let listed = |name: &str| extras.get(name).map(|extras| extras.iter().cloned().collect());
            let mut more: Vec<(String, Vec<ExtraName>)> = Vec::new();
            for name in self.packages.keys() {
                let own: Vec<ExtraName> = listed(name).unwrap_or_default();
                for asked in self.asks(name).iter().filter(|asked| !asked.extras.is_empty()) {
                    if asked.marker.evaluate(&environment, &own) {
                        more.push((asked.name.to_string(), asked.extras.clone()));
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

/// A requirement without extras and markers: `idna>=2.5,<4`.
pub(super) fn bounds(requirement: &Requirement) -> String {
    match &requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(wanted)) => {
            format!("{}{}", requirement.name, wanted.to_string().replace(", ", ","))
        }
        _ => requirement.name.to_string(),
    }
}
