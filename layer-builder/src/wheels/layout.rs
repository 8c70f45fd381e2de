//! From the choices of each target to what lies where: in every runtime's folder or in one version's, in one zip or in
//! one for each architecture. Nothing is read here.

use std::collections::{BTreeMap, BTreeSet};

use super::select::{Chosen, Error, Selected};
use crate::config::Split;
use crate::target::{Architecture, PythonVersion, Target};

/// Where a package's files lie in a layer:
/// <https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In `python/`, which every runtime sees.
    Everywhere,
    /// In `python/lib/python3.X/site-packages/` of each of these.
    Versions(BTreeSet<PythonVersion>),
    /// At the top: files that are no package, each with its whole path.
    Top,
}

/// A package of a zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it comes from.
    pub chosen: Chosen,
    /// Where it goes.
    pub place: Place,
}

/// What goes into one zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The architecture, if there is a zip for each.
    pub architecture: Option<Architecture>,
    /// What it serves.
    pub targets: Vec<Target>,
    /// Its packages, by name.
    pub items: Vec<Item>,
}

impl Part {
    /// The Python versions that it serves, oldest first.
    pub fn pythons(&self) -> BTreeSet<PythonVersion> {
        self.targets.iter().map(|target| target.python).collect()
    }

    /// Those of its targets that one of its packages is for.
    pub fn targets_of(&self, item: &Item) -> Vec<Target> {
        let serves = |target: &&Target| match &item.place {
            Place::Versions(versions) => versions.contains(&target.python),
            Place::Everywhere | Place::Top => true,
        };
        self.targets.iter().filter(serves).copied().collect()
    }
}

/// Divides what was selected: one part, or one for each architecture if they differ and may be split.
pub fn parts(selected: &[Selected], targets: &[Target], split: Split) -> Result<Vec<Part>, Error> {
    let Some(difference) = selected.iter().find_map(|package| difference(package, targets)) else {
        return Ok(vec![part(selected, targets, None)]);
    };
    match split {
        Split::Never => Err(difference),
        Split::Architecture => {
            let architectures: BTreeSet<Architecture> =
                targets.iter().map(|target| target.architecture).collect();
            let one = |architecture: Architecture| {
                let targets: Vec<Target> =
                    targets.iter().copied().filter(|target| target.architecture == architecture).collect();
                part(selected, &targets, Some(architecture))
            };
            Ok(architectures.into_iter().map(one).collect())
        }
    }
}

/// Two targets of one Python and different architectures that need different things.
fn difference(package: &Selected, targets: &[Target]) -> Option<Error> {
    for &one in targets {
        for &other in targets.iter().filter(|other| other.python == one.python && **other > one) {
            match (package.choices.get(&one), package.choices.get(&other)) {
                (None, None) => {}
                (Some(first), Some(second)) if first.origin == second.origin => {}
                (Some(first), Some(second)) => {
                    return Some(Error::Differs {
                        name: package.name.clone(),
                        one: first.origin.file_name(),
                        one_target: one,
                        other: second.origin.file_name(),
                        other_target: other,
                    });
                }
                (Some(chosen), None) => return Some(not_for_all(chosen, one, other)),
                (None, Some(chosen)) => return Some(not_for_all(chosen, other, one)),
            }
        }
    }
    None
}

fn not_for_all(chosen: &Chosen, needed: Target, not_needed: Target) -> Error {
    Error::NotForAll { package: chosen.label(), needed, not_needed }
}

fn part(selected: &[Selected], targets: &[Target], architecture: Option<Architecture>) -> Part {
    let pythons: BTreeSet<PythonVersion> = targets.iter().map(|target| target.python).collect();
    let mut items = Vec::new();
    for package in selected {
        let mut kinds: BTreeMap<String, (Chosen, BTreeSet<PythonVersion>)> = BTreeMap::new();
        for target in targets {
            let Some(chosen) = package.choices.get(target) else { continue };
            let (kind, served) =
                kinds.entry(chosen.origin.file_name()).or_insert_with(|| (chosen.clone(), BTreeSet::new()));
            kind.native_wheel_passed_over |= chosen.native_wheel_passed_over;
            served.insert(target.python);
        }
        items.extend(kinds.into_values().map(|(chosen, served)| {
            let place = if served == pythons { Place::Everywhere } else { Place::Versions(served) };
            Item { chosen, place }
        }));
    }
    Part { architecture, targets: targets.to_vec(), items }
}
