//! Whether every package runs on every runtime of the layer, as its metadata says (`Requires-Python`).

use std::collections::BTreeSet;
use std::str::FromStr;

use pep508_rs::pep440_rs::{Version, VersionSpecifiers};
use thiserror::Error;

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

/// Checks each input against the Python versions of `targets`. Metadata that cannot be read is no reason to refuse:
/// installers do not look at it either.
pub fn check(inputs: &[Input], targets: &[Target]) -> Result<(), Error> {
    let pythons: BTreeSet<PythonVersion> = targets.iter().map(|target| target.python).collect();
    for input in inputs {
        let is_metadata =
            |path: &str| path.ends_with(".dist-info/METADATA") && path.matches('/').count() == 1;
        let metadata = input.wheel.files().find(|(path, _)| is_metadata(path));
        let Some(content) = metadata.and_then(|(_, entry)| input.wheel.zip().content(entry).ok()) else {
            continue;
        };
        let text = String::from_utf8_lossy(&content);
        let Some(requires) = requires_python(&text) else { continue };
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

fn requires_python(metadata: &str) -> Option<&str> {
    let headers = metadata.lines().take_while(|line| !line.is_empty());
    headers.into_iter().find_map(|line| line.strip_prefix("Requires-Python:")).map(str::trim)
}

/// Whether any patch release of `python` is allowed: its first, or a very late one.
fn allows(requires: &str, python: PythonVersion) -> bool {
    let Ok(specifiers) = VersionSpecifiers::from_str(requires) else { return true };
    [0, 99].iter().any(|patch| {
        let version = Version::from_str(&format!("{python}.{patch}"));
        version.is_ok_and(|version| specifiers.contains(&version))
    })
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
        let metadata = "Name: a\nRequires-Python: >=3.13\n\nRequires-Python: >=2\n";
        assert_eq!(requires_python(metadata), Some(">=3.13"));
    }
}
