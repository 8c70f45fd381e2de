//! Whether every package runs on every runtime of the layer, as its metadata says (`Requires-Python`).

use std::collections::BTreeSet;
use std::str::FromStr;

use pep508_rs::pep440_rs::VersionSpecifiers;
use thiserror::Error;

use super::metadata::Metadata;
use super::plan::Input;
use crate::target::{PythonVersion, Target};
use crate::wheels::layout::Place;

/// A package that does not run on a runtime.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{package}` does not run on {runtime}: its metadata says `Requires-Python: {requires}`")]
pub struct Error {
    /// Name and version.
    package: String,
    /// The runtime.
    runtime: String,
    /// What it requires.
    requires: String,
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> String {
        "take the runtime out of `python`, or ask for another version".to_owned()
    }
}

/// Checks each input, by its metadata, against the Python versions of `targets`. Where it says nothing, there is no
/// reason to refuse.
pub fn check(inputs: &[Input], metadata: &[Option<Metadata>], targets: &[Target]) -> Result<(), Error> {
    let pythons: BTreeSet<PythonVersion> = targets.iter().map(|target| target.python).collect();
    for (input, metadata) in inputs.iter().zip(metadata) {
        let requires = metadata.as_ref().and_then(|metadata| metadata.requires_python.as_deref());
        let Some(requires) = requires else { continue };
        let serves = |python: &&PythonVersion| match &input.place {
            Place::Versions(versions) => versions.contains(python),
            Place::Everywhere | Place::Top => true,
        };
        if let Some(python) = pythons.iter().filter(serves).find(|python| !allows(requires, **python)) {
            return Err(Error {
                package: input.name.clone(),
                runtime: python.runtime(),
                requires: requires.to_owned(),
            });
        }
    }
    Ok(())
}

/// Whether `python` is one of those; what cannot be read allows all.
fn allows(requires: &str, python: PythonVersion) -> bool {
    VersionSpecifiers::from_str(requires).map_or(true, |requires| python.is_allowed_by(&requires))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_decides() {
        let allows = |requires: &str| allows(requires, "3.12".parse().unwrap());
        assert!(
            allows(">=3.9")
                && allows(">=3.12.4")
                && allows("!=3.11.*")
                && allows("<3.13")
                && allows("nonsense")
        );
        assert!(!allows(">=3.13") && !allows("<3.12") && !allows("==3.11.*"));
    }
}
