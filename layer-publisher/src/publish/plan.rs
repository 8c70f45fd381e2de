//! What is wanted, what a region has, and the step between the two. Pure: nothing is asked and nothing is done here.

use std::collections::BTreeSet;

use template_tools::arn::{ArnError, LayerName};

use super::refused;
use crate::layer_version::{LayerVersion, Listed, NewLayerVersion};
use crate::manifest::Artifact;

/// Description may have so many characters (API reference, PublishLayerVersion).
pub(super) const LONGEST_DESCRIPTION: usize = 256;
/// So many hexadecimal digits of the zip's SHA-256 stand in the description.
const DIGITS: usize = 32;

/// What one artifact wants to be in a region.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What Lambda is to be asked for.
    pub new: NewLayerVersion,
    /// SHA-256 of the zip, in hex.
    pub sha256: String,
    /// SHA-256 of the zip, in base64.
    pub code_sha256: String,
    /// Size of the zip in bytes.
    pub size: u64,
    /// What marks a version of this content in its description: `[sha256:…]`.
    pub mark: String,
}

/// What a region has of a layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Its versions, newest first; of many, the newest 50.
    pub listed: Vec<Listed>,
    /// The newest of them, in full.
    pub newest: Option<LayerVersion>,
}

/// What is to be done in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: the newest version has the content.
    Unchanged {
        /// That version.
        version: Box<LayerVersion>,
        /// Where it differs from the manifest all the same.
        differences: Vec<String>,
    },
    /// Publish.
    Publish {
        /// The number that it will probably get. Unknown for a layer without versions: numbers of deleted ones are not
        /// used again.
        expected: Option<u64>,
    },
}

impl Wanted {
    /// What this artifact wants to be.
    pub fn new(artifact: &Artifact) -> Result<Self, ArnError> {
        Ok(Self::of_layer(LayerName::new(artifact.manifest.layer_name.as_str())?, artifact))
    }

    /// What this artifact wants to be as a version of this layer.
    pub fn of_layer(layer_name: LayerName, artifact: &Artifact) -> Self {
        let manifest = &artifact.manifest;
        let mark = mark(&manifest.sha256);
        let new = NewLayerVersion {
            layer_name,
            description: description(manifest.description.as_deref().unwrap_or_default(), &mark),
            compatible_runtimes: manifest.compatible_runtimes.clone(),
            compatible_architectures: manifest.compatible_architectures.clone(),
            license: manifest.license.clone().filter(|license| !license.is_empty()),
            zip: artifact.zip.clone(),
        };
        Self {
            new,
            sha256: manifest.sha256.clone(),
            code_sha256: manifest.code_sha256.clone(),
            size: manifest.size,
            mark,
        }
    }

    /// The layer's name.
    pub fn layer_name(&self) -> &LayerName {
        &self.new.layer_name
    }

    /// Whether a version holds exactly this zip.
    pub fn is_in(&self, version: &LayerVersion) -> bool {
        version.code_sha256 == self.code_sha256 && version.size == self.size
    }

    /// Where a version with this zip differs from what was built, in words. The order of a list does not count, nor
    /// does what its region has refused.
    pub fn differences(&self, version: &LayerVersion) -> Vec<String> {
        let mut differences = Vec::new();
        let refused = refused::refused_of(&version.description, &self.mark);
        let mut compare = |what: &str, there: &[String], built: &[String]| {
            let set = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
            let wanted = built.iter().filter(|value| !refused.contains(value)).cloned().collect();
            if set(there) != wanted && set(there) != set(built) {
                differences.push(format!("its {what} are {}, and not {}", list(there), list(built)));
            }
        };
        compare("runtimes", &version.compatible_runtimes, &self.new.compatible_runtimes);
        compare("architectures", &version.compatible_architectures, &self.new.compatible_architectures);
        let license = self.new.license.as_deref().unwrap_or_default();
        if version.license != license {
            let shown =
                |text: &str| if text.is_empty() { "not given".to_owned() } else { format!("`{text}`") };
            differences.push(format!(
                "its licence is {}, and not {}",
                shown(&version.license),
                shown(license)
            ));
        }
        differences
    }
}

fn list(items: &[String]) -> String {
    if items.is_empty() { "not given".to_owned() } else { items.join(", ") }
}

/// The step from what a region has to what is wanted: the content of the newest version decides.
pub fn step(wanted: &Wanted, found: &Found) -> Step {
    match &found.newest {
        Some(newest) if wanted.is_in(newest) => {
            Step::Unchanged { version: Box::new(newest.clone()), differences: wanted.differences(newest) }
        }
        Some(newest) => Step::Publish { expected: Some(newest.arn.version + 1) },
        None => Step::Publish { expected: None },
    }
}

/// Versions above `floor` that say of themselves that they have the content, newest first. GetLayerVersion proves it.
pub fn candidates(wanted: &Wanted, listed: &[Listed], floor: u64) -> Vec<u64> {
    let says_so = |listed: &&Listed| listed.version > floor && listed.description.ends_with(&wanted.mark);
    listed.iter().filter(says_so).map(|listed| listed.version).collect()
}

/// The versions, newest first, that directly follow each other with the same content: one of them would have been
/// enough. Empty unless there are two or more.
pub fn twins(wanted: &Wanted, listed: &[Listed]) -> Vec<u64> {
    let newest = listed.iter().take_while(|listed| listed.description.ends_with(&wanted.mark));
    let versions = newest.map(|listed| listed.version).collect::<Vec<_>>();
    if versions.len() > 1 { versions } else { Vec::new() }
}

/// `[sha256:<first 32 digits>]`
fn mark(sha256: &str) -> String {
    format!("[sha256:{}]", sha256.get(..DIGITS).unwrap_or(sha256))
}

/// `<text> <mark>`, the text cut so that all of it fits.
fn description(text: &str, mark: &str) -> String {
    let room = LONGEST_DESCRIPTION - mark.chars().count() - 1;
    let text = text.trim().chars().take(room).collect::<String>();
    let text = text.trim_end();
    if text.is_empty() { mark.to_owned() } else { format!("{text} {mark}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::fake::{self, listed, version};

    fn found(listed: Vec<Listed>, newest: LayerVersion) -> Found {
        Found { listed, newest: Some(newest) }
    }

    #[test]
    fn a_region_without_versions_gets_one() {
        assert_eq!(step(&fake::wanted(b"a"), &Found::default()), Step::Publish { expected: None });
    }

    #[test]
    fn the_content_of_the_newest_version_decides() {
        let wanted = fake::wanted(b"a");
        let same = version(&wanted, 7);
        let unchanged = Step::Unchanged { version: Box::new(same.clone()), differences: Vec::new() };
        assert_eq!(step(&wanted, &found(Vec::new(), same.clone())), unchanged);

        // What the description says is no proof, in either direction.
        let other = LayerVersion { description: same.description.clone(), ..version(&fake::wanted(b"b"), 7) };
        assert_eq!(step(&wanted, &found(Vec::new(), other)), Step::Publish { expected: Some(8) });
        let by_hand = LayerVersion { description: String::new(), ..same };
        assert!(matches!(step(&wanted, &found(Vec::new(), by_hand)), Step::Unchanged { .. }));
    }

    #[test]
    fn the_same_hash_with_another_size_is_not_the_content() {
        let wanted = fake::wanted(b"a");
        let shorter = LayerVersion { size: 0, ..version(&wanted, 7) };
        assert_eq!(step(&wanted, &found(Vec::new(), shorter)), Step::Publish { expected: Some(8) });
    }

    #[test]
    fn other_metadata_is_told_and_the_order_of_a_list_is_not() {
        let wanted = fake::wanted(b"a");
        let mut there = version(&wanted, 7);
        there.compatible_runtimes.reverse();
        assert_eq!(wanted.differences(&there), Vec::<String>::new());
        there.compatible_runtimes.pop();
        there.compatible_architectures.clear();
        assert_eq!(
            wanted.differences(&there),
            [
                "its runtimes are python3.13, and not python3.12, python3.13",
                "its architectures are not given, and not x86_64, arm64"
            ]
        );
    }

    #[test]
    fn candidates_are_newer_than_the_floor_and_bear_the_mark() {
        let (wanted, other) = (fake::wanted(b"a"), fake::wanted(b"b"));
        let listed = [listed(&wanted, 9), listed(&other, 8), listed(&wanted, 7), listed(&wanted, 6)];
        assert_eq!(candidates(&wanted, &listed, 6), [9, 7]);
        assert_eq!(candidates(&wanted, &listed, 9), Vec::<u64>::new());
    }

    #[test]
    fn twins_are_the_newest_versions_that_follow_each_other() {
        let (wanted, other) = (fake::wanted(b"a"), fake::wanted(b"b"));
        let back_again = [listed(&wanted, 9), listed(&other, 8), listed(&wanted, 7)];
        assert_eq!(twins(&wanted, &back_again), Vec::<u64>::new());
        let twice = [listed(&wanted, 9), listed(&wanted, 7), listed(&other, 6)];
        assert_eq!(twins(&wanted, &twice), [9, 7]);
    }

    #[test]
    fn a_description_never_has_more_than_256_characters_and_always_the_whole_mark() {
        let mark = mark("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
        assert_eq!(mark, "[sha256:0123456789abcdef0123456789abcdef]");
        assert_eq!(description("", &mark), mark);
        assert_eq!(description("sosw", &mark), format!("sosw {mark}"));
        for text in ["x".repeat(300), "ä".repeat(300), "x ".repeat(200)] {
            let described = description(&text, &mark);
            assert!(
                described.chars().count() <= 256
                    && described.ends_with(&format!("{} {mark}", text.trim().chars().next().unwrap())),
                "{described}"
            );
        }
        let longest = 256 - 1 - mark.len();
        assert_eq!(description(&"x".repeat(longest), &mark).chars().count(), 256);
        assert_eq!(description(&"x".repeat(longest + 1), &mark), description(&"x".repeat(longest), &mark));
    }
}
