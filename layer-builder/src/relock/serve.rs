//! One lock for all targets: where the newest version has no wheel for one of them, an older one that has is found and
//! asked for, under that target's marker.

use std::collections::{BTreeMap, BTreeSet};

use pep508_rs::PackageName;

use super::Error;
use crate::lock::files::FileIndex;
use crate::lock::uv::{Resolve, Uv};
use crate::lock::{Lock, LockedPackage};
use crate::target::{Architecture, PythonVersion, Target};
use crate::wheels::select::refusals;
use crate::wheels::source::is_like_this_machine;

/// Constraints that have been found: package and Python, for one architecture or for all, to a version.
#[derive(Debug, Default)]
pub(super) struct Constraints {
    found: BTreeMap<(PackageName, PythonVersion, Option<Architecture>), String>,
}

impl Constraints {
    /// As uv reads them, one a line.
    pub(super) fn text(&self) -> String {
        let line = |((name, python, architecture), version): (
            &(PackageName, PythonVersion, Option<Architecture>),
            &String,
        )| {
            let next = python.minor() + 1;
            let machine = architecture
                .map(|architecture| format!(" and platform_machine == '{}'", architecture.machine()))
                .unwrap_or_default();
            format!(
                "{name}=={version} ; python_full_version >= '{python}' and python_full_version < '3.{next}'{machine}\n"
            )
        };
        self.found.iter().map(line).collect()
    }

    /// Asks uv, for each target that is not served, for a version that has a wheel. Gives whether anything new was
    /// found; what was tried before, or has a source distribution to fall back on, is left as it is.
    pub(super) fn find(
        &mut self,
        unserved: &BTreeMap<PackageName, BTreeSet<Target>>,
        (lock, index): (&Lock, &FileIndex),
        all: &[Target],
        resolve: &Resolve<'_>,
        uv: &Uv,
    ) -> Result<bool, Error> {
        let mut news = false;
        for (name, targets) in unserved {
            let pythons: BTreeSet<PythonVersion> = targets.iter().map(|target| target.python).collect();
            self.hold(name, lock, all.iter().filter(|target| !pythons.contains(&target.python)));
            for python in pythons {
                let known = |(known, version, _): &(PackageName, PythonVersion, Option<Architecture>)| {
                    known == name && *version == python
                };
                if self.found.keys().any(known) {
                    continue;
                }
                let mut versions = BTreeMap::new();
                for &target in all.iter().filter(|target| target.python == python) {
                    match uv.version_for(resolve, target, name) {
                        Ok(Some(version)) => _ = versions.insert(target.architecture, version),
                        Ok(None) => {}
                        Err(_) if !targets.contains(&target) => {}
                        Err(why) => {
                            let environment = target.marker_environment(0);
                            let held = lock.packages.iter().find(|package| {
                                package.name == *name && package.marker.evaluate(&environment, &[])
                            });
                            let version = held.and_then(LockedPackage::version);
                            let files = version.and_then(|version| index.of(name, version));
                            let sdist = files.and_then(|files| files.sdist.as_ref());
                            // No version has a wheel. What can be compiled here is, and by whoever builds this layer.
                            if sdist.is_some() && why.is_no_solution() && is_like_this_machine(target) {
                                continue;
                            }
                            let refused = files.map(|files| refusals(files, target));
                            return Err(Error::NoVersion {
                                name: name.clone(),
                                target,
                                refused: refused.unwrap_or_default(),
                                sdist: sdist.map(|sdist| sdist.file_name.clone()),
                                source: Box::new(why),
                            });
                        }
                    }
                }
                let different: BTreeSet<&String> = versions.values().collect();
                if different.len() == 1 {
                    if let Some(version) = versions.into_values().next() {
                        self.found.insert((name.clone(), python, None), version);
                        news = true;
                    }
                    continue;
                }
                for (architecture, version) in versions {
                    self.found.insert((name.clone(), python, Some(architecture)), version);
                    news = true;
                }
            }
        }
        Ok(news)
    }

    /// Where a package is served, it stays at its version: uv would rather have one version for all.
    fn hold<'a>(&mut self, name: &PackageName, lock: &Lock, served: impl Iterator<Item = &'a Target>) {
        for target in served {
            let environment = target.marker_environment(0);
            let holds = |package: &&LockedPackage| {
                package.name == *name && package.marker.evaluate(&environment, &[])
            };
            let version = lock.packages.iter().find(holds).and_then(LockedPackage::version);
            if let Some(version) = version {
                self.found.entry((name.clone(), target.python, None)).or_insert_with(|| version.to_string());
            }
        }
    }
}
