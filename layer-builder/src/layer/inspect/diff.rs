//! What has changed between two layers, in words: `boto3 1.44.4 -> 1.44.5, 3 files`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::{Content, Inspection};
use crate::requirement::normalised;
use crate::ui::{counted, megabytes};

/// The way from an older layer to a newer one.
#[derive(Clone, Debug, Serialize)]
pub struct Diff {
    /// Whether the zips are equal to the byte.
    pub identical: bool,
    /// What has changed, by package; files of no package last.
    pub changes: Vec<Change>,
    /// The sizes of both zips, in bytes.
    pub size: [u64; 2],
    /// What both unpack to, in bytes.
    pub unzipped_size: [u64; 2],
}

/// A package, or a file of no package, that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its name, or its path.
    pub name: String,
    /// Its version before; empty for a file, `null` if it was not there.
    pub before: Option<String>,
    /// Its version now; empty for a file, `null` if it is gone.
    pub after: Option<String>,
    /// How many files were added, were removed, or have another content or mode.
    pub files: usize,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match (self.before.as_deref(), self.after.as_deref()) {
            (Some(""), None) => write!(f, "{name} removed"),
            (None, Some("")) => write!(f, "{name} added"),
            (Some(""), _) | (_, Some("")) => write!(f, "{name} changed"),
            (None, after) => write!(f, "{name} {} added, {}", after.unwrap_or("?"), files(self)),
            (before, None) => write!(f, "{name} {} removed, {}", before.unwrap_or("?"), files(self)),
            (Some(before), Some(after)) if before == after => write!(f, "{name} {after}, {}", files(self)),
            (Some(before), Some(after)) => write!(f, "{name} {before} -> {after}, {}", files(self)),
        }
    }
}

fn files(change: &Change) -> String {
    counted(change.files, "file")
}

impl Diff {
    /// From `before` to `after`.
    pub fn between(before: &Inspection, after: &Inspection) -> Self {
        let (old, new) = (Side::of(before), Side::of(after));
        let names: BTreeSet<&str> =
            old.versions.keys().chain(new.versions.keys()).map(String::as_str).collect();
        let mut changes = Vec::new();
        for name in names {
            let change = Change {
                name: new.names.get(name).or(old.names.get(name)).copied().unwrap_or(name).to_owned(),
                before: old.versions.get(name).cloned(),
                after: new.versions.get(name).cloned(),
                files: old.different(&new, name).len(),
            };
            if change.files > 0 || change.before != change.after {
                changes.push(change);
            }
        }
        for path in old.different(&new, "") {
            let there = |side: &Side<'_>| side.files.contains_key(&("", path)).then(String::new);
            let (before, after) = (there(&old), there(&new));
            changes.push(Change { name: path.to_owned(), before, after, files: 1 });
        }
        Self {
            identical: before.sha256 == after.sha256,
            changes,
            size: [before.size, after.size],
            unzipped_size: [before.unzipped_size, after.unzipped_size],
        }
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.identical {
            return f.write_str("no difference: both zips are equal to the byte");
        }
        if self.changes.is_empty() {
            f.write_str("the same files, packed differently\n")?;
        }
        for change in &self.changes {
            writeln!(f, "{change}")?;
        }
        let way = |sizes: [u64; 2]| format!("{} -> {}", megabytes(sizes[0]), megabytes(sizes[1]));
        write!(f, "{} zipped, {} unzipped", way(self.size), way(self.unzipped_size))
    }
}

/// One layer, its packages by their normalised names.
struct Side<'a> {
    names: BTreeMap<String, &'a str>,
    versions: BTreeMap<String, String>,
    /// By package (empty for none) and path.
    files: BTreeMap<(&'a str, &'a str), &'a Content>,
    normalised: BTreeMap<&'a str, String>,
}

impl<'a> Side<'a> {
    fn of(inspection: &'a Inspection) -> Self {
        let mut side = Self {
            names: BTreeMap::new(),
            versions: BTreeMap::new(),
            files: BTreeMap::new(),
            normalised: BTreeMap::new(),
        };
        // A layer may hold one package in several versions, for several Pythons.
        let mut versions = BTreeMap::<String, BTreeSet<&str>>::new();
        for package in &inspection.packages {
            let name = normalised(&package.name);
            side.names.insert(name.clone(), &package.name);
            side.normalised.insert(&package.name, name.clone());
            versions.entry(name).or_default().insert(&package.version);
        }
        side.versions = versions
            .into_iter()
            .map(|(name, versions)| (name, versions.into_iter().collect::<Vec<_>>().join(", ")))
            .collect();
        for content in &inspection.contents {
            let package = content.package.map_or("", |index| inspection.packages[index].name.as_str());
            side.files.insert((package, &content.path), content);
        }
        side
    }

    /// The files of a package, by paths that do not change with its version.
    fn of_package(&self, name: &str) -> BTreeMap<String, (&'a str, &'a Content)> {
        let is_its = |package: &str| self.normalised.get(package).map_or("", String::as_str) == name;
        let files = self.files.iter().filter(|((package, _), _)| is_its(package));
        files.map(|((_, path), content)| (without_version(path), (*path, *content))).collect()
    }

    fn different(&self, new: &Side<'a>, name: &str) -> Vec<&'a str> {
        let (old, new) = (self.of_package(name), new.of_package(name));
        let is_same = |one: &Content, other: &Content| {
            (one.crc32, one.size, one.executable) == (other.crc32, other.size, other.executable)
        };
        let changed = new.iter().filter(|(path, (_, content))| {
            old.get(*path).is_none_or(|(_, before)| !is_same(before, content))
        });
        let removed = old.iter().filter(|(path, _)| !new.contains_key(*path));
        changed.chain(removed).map(|(_, (path, _))| *path).collect()
    }
}

/// `python/six-1.17.0.dist-info/METADATA` without the version.
fn without_version(path: &str) -> String {
    let part = |part: &str| match part.strip_suffix(".dist-info").and_then(|name| name.split_once('-')) {
        Some((name, _)) => format!("{name}.dist-info"),
        None => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::super::Package;
    use super::*;

    #[test]
    fn a_package_is_known_however_its_name_is_written() {
        let layer = |name: &str, version: &str| Inspection {
            sha256: crate::hash::Sha256::of(version.as_bytes()),
            code_sha256: String::new(),
            size: 1000,
            unzipped_size: 2000,
            files: 0,
            packages: vec![Package {
                name: name.to_owned(),
                version: version.to_owned(),
                ..Package::default()
            }],
            other: None,
            contents: Vec::new(),
        };
        let diff = Diff::between(&layer("Zope__Interface", "1"), &layer("zope.interface", "2"));
        assert_eq!(diff.changes.len(), 1, "{diff}");
        assert_eq!(diff.changes[0].to_string(), "zope.interface 1 -> 2, 0 files");
    }
}
