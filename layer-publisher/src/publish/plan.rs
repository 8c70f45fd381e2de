//! What is wanted, what a region has, and the step between the two. Pure: nothing is asked and nothing is done here.

use std::collections::BTreeSet;

use template_tools::arn::{ArnError, LayerName};

use super::refused;
use super::terms::{Metadata, Older, Terms};
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
    /// The newest of them that is not withdrawn, in full.
    pub newest: Option<LayerVersion>,
    /// Others that have the content, newest first; looked for only if the newest has not.
    pub same: Vec<LayerVersion>,
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
    /// Nothing is published: another version than the newest has the content, and becomes current.
    MakeCurrent {
        /// That version.
        version: Box<LayerVersion>,
        /// Where it differs from the manifest all the same.
        differences: Vec<String>,
        /// Versions after it that give way to it, newest first.
        replaced: Vec<u64>,
        /// Versions with the content whose withdrawal is taken back.
        reinstated: Vec<u64>,
    },
    /// Publish.
    Publish {
        /// The number that it will probably get. Unknown for a layer without versions: numbers of deleted ones are not
        /// used again.
        expected: Option<u64>,
        /// Versions with the content whose withdrawal is taken back.
        reinstated: Vec<u64>,
    },
    /// Nothing: this content was withdrawn.
    Refused {
        /// A version that has it.
        version: u64,
        /// Why it was withdrawn.
        why: String,
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

    /// What a version with this zip is called instead, in words, if it is one of ours and its description has changed
    /// since. The description says nothing about what is inside, so this makes it no less what was built.
    pub fn other_words(&self, version: &LayerVersion) -> Option<String> {
        let there = refused::words_of(&version.description);
        let built = refused::words_of(&self.new.description);
        // Making room for what was refused may have cut the end off.
        let is_other = is_marked(&version.description) && there != built && !is_cut(built, there);
        is_other.then(|| format!("its description is `{there}`, and not `{built}`"))
    }
}

/// Whether `there` is what is left of `whole` when it has to make room.
fn is_cut(whole: &str, there: &str) -> bool {
    const NEARLY_ALL: usize = 150;
    there.chars().count() > NEARLY_ALL && whole.starts_with(there)
}

fn list(items: &[String]) -> String {
    if items.is_empty() { "not given".to_owned() } else { items.join(", ") }
}

/// The newest version that is not withdrawn: the one that is asked for in full.
pub fn newest<'a>(listed: &'a [Listed], terms: &Terms) -> Option<&'a Listed> {
    listed.iter().find(|listed| !terms.is_withdrawn(listed.version))
}

/// Versions that have the content for all that is known, newest first, if the newest has not: those that were
/// withdrawn, and older ones if one of them may be used again. GetLayerVersion decides.
pub fn to_prove(wanted: &Wanted, listed: &[Listed], terms: &Terms) -> Vec<u64> {
    let described = |version: u64| listed.iter().find(|listed| listed.version == version);
    // A version that says what it holds is believed when it holds something else.
    let may_be = |version: u64| {
        described(version).is_none_or(|listed| {
            listed.description.ends_with(&wanted.mark) || !is_marked(&listed.description)
        })
    };
    let older = listed.iter().map(|listed| listed.version).filter(|_| terms.choices.older == Older::Reuse);
    let older = older.filter(|version| !terms.is_withdrawn(*version)).skip(1);
    let all = terms.withdrawn.keys().copied().chain(older);
    let mut all = all.filter(|version| may_be(*version)).collect::<Vec<_>>();
    all.sort_unstable_by_key(|version| std::cmp::Reverse(*version));
    all
}

/// The step from what a region has to what is wanted: the content of the newest version that is not withdrawn decides.
pub fn step(wanted: &Wanted, found: &Found, terms: &Terms) -> Step {
    let numbers = found.listed.iter().map(|listed| listed.version);
    let last = numbers.clone().chain(found.newest.iter().map(|newest| newest.arn.version)).max();
    let publish = |reinstated| Step::Publish { expected: last.map(|last| last + 1), reinstated };
    let is_right = |version: &LayerVersion| {
        terms.choices.metadata == Metadata::Report
            || (wanted.differences(version).is_empty() && wanted.other_words(version).is_none())
    };
    let newest = found.newest.as_ref();
    if let Some(newest) = newest.filter(|newest| wanted.is_in(newest)) {
        if !is_right(newest) {
            return publish(Vec::new());
        }
        let differences = wanted.differences(newest);
        return Step::Unchanged { version: Box::new(newest.clone()), differences };
    }
    let mut reinstated = Vec::new();
    for version in found.same.iter().map(|version| version.arn.version) {
        if let Some(why) = terms.stands(version) {
            return Step::Refused { version, why: why.to_owned() };
        }
        if terms.is_withdrawn(version) {
            reinstated.push(version);
        }
    }
    let Some(version) = found.same.first().filter(|version| is_right(version)) else {
        return publish(reinstated);
    };
    let number = version.arn.version;
    let is_newest_again = newest.is_none_or(|newest| newest.arn.version < number);
    if !is_newest_again && terms.choices.older == Older::Leave {
        return publish(reinstated);
    }
    Step::MakeCurrent {
        version: Box::new(version.clone()),
        differences: wanted.differences(version),
        replaced: numbers.filter(|other| *other > number && !terms.is_withdrawn(*other)).collect(),
        reinstated,
    }
}

/// Versions above `floor` that say of themselves that they have the content, newest first. GetLayerVersion proves it.
pub fn candidates(wanted: &Wanted, listed: &[Listed], floor: u64) -> Vec<u64> {
    let says_so = |listed: &&Listed| listed.version > floor && listed.description.ends_with(&wanted.mark);
    listed.iter().filter(says_so).map(|listed| listed.version).collect()
}

/// The versions, newest first, that directly follow each other with the same content and the same metadata: one of them
/// would have been enough. Empty unless there are two or more.
pub fn twins(mark: &str, listed: &[Listed]) -> Vec<u64> {
    let Some(first) = listed.first() else { return Vec::new() };
    let is_same = |listed: &&Listed| {
        listed.description == first.description
            && listed.compatible_runtimes == first.compatible_runtimes
            && listed.compatible_architectures == first.compatible_architectures
            && listed.license == first.license
    };
    let newest = listed.iter().take_while(is_same).filter(|listed| listed.description.ends_with(mark));
    let versions = newest.map(|listed| listed.version).collect::<Vec<_>>();
    if versions.len() > 1 { versions } else { Vec::new() }
}

/// Whether a description says which content the version has, in our words.
pub fn is_marked(description: &str) -> bool {
    mark_of(description).is_some()
}

/// The hexadecimal digits that a description says its content's SHA-256 begins with.
pub fn mark_of(description: &str) -> Option<&str> {
    let (_, digits) = description.strip_suffix(']')?.rsplit_once("[sha256:")?;
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (digits.len() == DIGITS && digits.bytes().all(is_hex)).then_some(digits)
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
mod tests;
