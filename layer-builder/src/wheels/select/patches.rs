//! Whether a marker says the same of every patch release of a Python: Lambda moves from one to the next whenever it
//! likes.

use std::collections::{BTreeSet, HashSet};
use std::ops::Bound;

use pep508_rs::pep440_rs::Version;
use pep508_rs::{MarkerEnvironment, MarkerTree, MarkerTreeKind, MarkerValueVersion};

use crate::target::Target;

/// No Python has had as many patch releases.
const LAST: u32 = 9999;

/// The patch releases of a target's Python.
pub(super) struct Patches {
    target: Target,
    first: MarkerEnvironment,
    last: MarkerEnvironment,
}

impl Patches {
    pub(super) fn of(target: Target) -> Self {
        Self { target, first: target.marker_environment(0), last: target.marker_environment(LAST) }
    }

    /// Whether `marker` holds; `None` if that depends on the patch release.
    pub(super) fn agree(&self, marker: &MarkerTree) -> Option<bool> {
        let holds = marker.evaluate(&self.first, &[]);
        let agrees = |patch: u32| marker.evaluate(&self.target.marker_environment(patch), &[]) == holds;
        let all_agree =
            marker.evaluate(&self.last, &[]) == holds && self.turns(marker).into_iter().all(agrees);
        all_agree.then_some(holds)
    }

    /// The patch releases that `marker` names, and those beside them: what it says changes nowhere else.
    fn turns(&self, marker: &MarkerTree) -> BTreeSet<u32> {
        let mut turns = BTreeSet::new();
        let mut seen = HashSet::new();
        let mut unseen = vec![marker.clone()];
        while let Some(tree) = unseen.pop() {
            // Branches meet again further down.
            if !seen.insert(tree.clone()) {
                continue;
            }
            match tree.kind() {
                MarkerTreeKind::True | MarkerTreeKind::False => {}
                MarkerTreeKind::Version(node) => {
                    let names_patches = *node.key() != MarkerValueVersion::PythonVersion;
                    for (range, below) in node.edges() {
                        let bounds = range.iter().flat_map(|(start, end)| [start, end]);
                        let named = bounds.filter(|_| names_patches).filter_map(|bound| self.patch(bound));
                        turns.extend(named.flat_map(|patch| [patch.saturating_sub(1), patch, patch + 1]));
                        unseen.push(below);
                    }
                }
                MarkerTreeKind::String(node) => unseen.extend(node.children().map(|(_, below)| below)),
                MarkerTreeKind::In(node) => unseen.extend(node.children().map(|(_, below)| below)),
                MarkerTreeKind::Contains(node) => unseen.extend(node.children().map(|(_, below)| below)),
                MarkerTreeKind::Extra(node) => unseen.extend(node.children().map(|(_, below)| below)),
            }
        }
        turns
    }

    /// The patch release that a bound names, if it is one of this Python: 4 for `3.12.4`.
    fn patch(&self, bound: &Bound<Version>) -> Option<u32> {
        let (Bound::Included(version) | Bound::Excluded(version)) = bound else { return None };
        let [3, minor, rest @ ..] = version.release() else { return None };
        let patch = u32::try_from(rest.first().copied().unwrap_or(0)).ok()?;
        (*minor == u64::from(self.target.python.minor()) && patch <= LAST).then_some(patch)
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;
    use crate::target::Architecture;

    fn agree(marker: &str) -> Option<bool> {
        let python = "3.12".parse().unwrap();
        let target = Target { python, architecture: Architecture::Arm64, glibc_minor: 34 };
        Patches::of(target).agree(&MarkerTree::from_str(marker).unwrap())
    }

    #[test]
    fn markers_that_turn_between_the_first_and_the_last_patch_release_are_noticed() {
        for marker in [
            "python_full_version >= '3.12.4'",
            "python_full_version >= '3.12.2' and python_full_version < '3.12.6'",
            "python_full_version == '3.12.4'",
            "python_full_version != '3.12.4'",
            "python_full_version == '3.12.0'",
            "python_full_version not in '3.12.4 3.12.5'",
            "implementation_version == '3.12.4'",
            "sys_platform == 'linux' and (python_full_version != '3.12.4' or platform_machine == 'x86_64')",
            "'arch' in platform_machine and python_full_version == '3.12.7'",
        ] {
            assert_eq!(agree(marker), None, "{marker}");
        }
    }

    #[test]
    fn markers_that_turn_elsewhere_say_the_same_of_all() {
        for (marker, expected) in [
            ("python_full_version >= '3.12'", true),
            ("python_full_version >= '3.12.0'", true),
            ("python_full_version < '3.13.4' and python_full_version != '3.11.4'", true),
            ("python_version == '3.12'", true),
            ("python_version != '3.12' or sys_platform == 'win32'", false),
            ("python_full_version == '3.12.4' and sys_platform == 'win32'", false),
            ("python_full_version == '3.12.4' or sys_platform == 'linux'", true),
            ("python_full_version == '3.12.*'", true),
            ("python_full_version >= '3.12.99999999999999999999' and sys_platform == 'win32'", false),
        ] {
            assert_eq!(agree(marker), Some(expected), "{marker}");
        }
    }
}
