//! What a region has of a layer, where it shall go back to, and the step between the two. Pure.

use std::collections::BTreeMap;
use std::str::FromStr;

use template_tools::ledger::Entry;
use thiserror::Error;

use crate::layer_version::{LayerVersion, Listed};
use crate::publish::plan::mark_of;
use crate::versions::mark::sha256;

/// Fewer digits than this could mean anything.
const FEWEST_DIGITS: usize = 8;
const START: &str = "sha256:";

/// Where it shall go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// A version by its number, the same in every region.
    Version(u64),
    /// The version with this content, whatever its number: the first digits of its SHA-256, in hex.
    Content(String),
}

/// A word that is neither.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "`{0}` is neither the number of a version nor `sha256:` with at least {FEWEST_DIGITS} hexadecimal digits"
)]
pub struct NoVersion(String);

impl FromStr for To {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let wrong = || NoVersion(text.to_owned());
        let Some(digits) = text.strip_prefix(START) else {
            return text.parse().ok().filter(|version| *version > 0).map(Self::Version).ok_or_else(wrong);
        };
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let fits = (FEWEST_DIGITS..=64).contains(&digits.len()) && is_hex;
        fits.then(|| Self::Content(digits.to_ascii_lowercase())).ok_or_else(wrong)
    }
}

impl To {
    /// The versions that may be meant for all that their list tells, newest first. GetLayerVersion decides.
    pub fn candidates(&self, listed: &[Listed]) -> Vec<u64> {
        let digits = match self {
            Self::Version(version) => return vec![*version],
            Self::Content(digits) => digits,
        };
        let says = |listed: &&Listed| match mark_of(&listed.description) {
            Some(mark) => mark.starts_with(digits.as_str()) || digits.starts_with(mark),
            None => true,
        };
        listed.iter().filter(says).map(|listed| listed.version).collect()
    }

    /// Whether a version is the one that is meant.
    pub fn is(&self, version: &LayerVersion) -> bool {
        match self {
            Self::Version(number) => version.arn.version == *number,
            Self::Content(digits) => sha256(&version.code_sha256).starts_with(digits.as_str()),
        }
    }
}

/// What a region has of a layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Its versions, newest first; of many, the newest 50.
    pub listed: Vec<Listed>,
    /// The version that is meant, if it is there.
    pub target: Option<LayerVersion>,
}

/// What is to be done in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The version that the ledger names.
    pub from: Option<u64>,
    /// The version that becomes current.
    pub to: LayerVersion,
    /// The versions after it that are withdrawn now, newest first.
    pub withdrawn: Vec<u64>,
}

/// The version that is meant was withdrawn itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IsWithdrawn {
    /// The version.
    pub version: u64,
    /// Why.
    pub why: String,
}

/// The step in one region, where the version that is meant is there.
///
/// # Errors
/// If that version was withdrawn, unless it may be taken back.
pub fn step(
    held: &Held,
    to: &LayerVersion,
    known: Option<&Entry>,
    may_reinstate: bool,
) -> Result<Move, IsWithdrawn> {
    let none = BTreeMap::new();
    let before = known.map_or(&none, |entry| &entry.withdrawn);
    let version = to.arn.version;
    if let Some(why) = before.get(&version).filter(|_| !may_reinstate) {
        return Err(IsWithdrawn { version, why: why.clone() });
    }
    let from = known.map(Entry::version);
    let mut later = held.listed.iter().map(|listed| listed.version).collect::<Vec<_>>();
    // Of many versions only the newest are listed. Those between them and the one that is meant come after it, too.
    if let Some(oldest) = later.last().copied().filter(|_| later.len() >= FULL_PAGE) {
        later.extend((version + 1..oldest).rev());
    }
    later.extend(from);
    later.retain(|other| *other > version && !before.contains_key(other));
    later.sort_unstable_by_key(|version| std::cmp::Reverse(*version));
    later.dedup();
    Ok(Move { from, to: to.clone(), withdrawn: later })
}

/// ListLayerVersions gives no more at once.
const FULL_PAGE: usize = 50;

/// The newest version of a list that says that it has this content.
pub fn says_it_has(listed: &[Listed], sha256: &str) -> Option<u64> {
    let has = |listed: &&Listed| mark_of(&listed.description).is_some_and(|mark| sha256.starts_with(mark));
    listed.iter().find(has).map(|listed| listed.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::fake::{self, listed, version};

    #[test]
    fn a_version_is_named_by_its_number_or_by_its_content() {
        assert_eq!("7".parse(), Ok(To::Version(7)));
        assert_eq!("sha256:0123ABCDEF".parse(), Ok(To::Content("0123abcdef".to_owned())));
        for wrong in ["", "0", "-1", "v7", "sha256:", "sha256:0123abc", "sha256:0123abcx", "0123abcdef01"] {
            assert!(wrong.parse::<To>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn content_is_looked_for_where_it_may_be_and_proved() {
        let (a, b) = (fake::wanted(b"a"), fake::wanted(b"b"));
        let by_hand = Listed { version: 5, description: "by hand".to_owned(), ..Listed::default() };
        let list = [listed(&b, 8), listed(&a, 7), by_hand];
        let to: To = format!("sha256:{}", &a.sha256[..12]).parse().unwrap();
        assert_eq!(to.candidates(&list), [7, 5]);
        assert!(to.is(&version(&a, 7)) && !to.is(&version(&b, 8)));
        let whole: To = format!("sha256:{}", a.sha256).parse().unwrap();
        assert_eq!(whole.candidates(&list), [7, 5]);
        assert_eq!(To::Version(3).candidates(&list), [3]);
        assert_eq!(says_it_has(&list, &a.sha256), Some(7));
    }

    fn known(version: u64, withdrawn: &[u64]) -> Entry {
        let arn = format!("arn:aws:lambda:eu-west-1:123456789012:layer:sosw:{version}");
        let withdrawn = withdrawn.iter().map(|version| (*version, "it breaks".to_owned())).collect();
        Entry { withdrawn, ..Entry::new(arn.parse().unwrap()) }
    }

    #[test]
    fn everything_after_it_is_withdrawn_once() {
        let (a, b) = (fake::wanted(b"a"), fake::wanted(b"b"));
        let held = Held { listed: vec![listed(&b, 9), listed(&b, 8), listed(&a, 7)], target: None };
        let to = version(&a, 7);
        let withdrawn = |known: Option<&Entry>| step(&held, &to, known, false).unwrap().withdrawn;
        assert_eq!(withdrawn(Some(&known(9, &[]))), [9, 8]);
        assert_eq!(withdrawn(Some(&known(8, &[9]))), [8]);
        assert_eq!(withdrawn(Some(&known(7, &[8, 9]))), [] as [u64; 0]);
        // The ledger's version may be deleted; templates name it all the same.
        assert_eq!(withdrawn(Some(&known(12, &[]))), [12, 9, 8]);
        assert_eq!(withdrawn(None), [9, 8]);
    }

    #[test]
    fn versions_that_are_too_many_to_be_listed_are_withdrawn_too() {
        let a = fake::wanted(b"a");
        let listed = (51..=100).rev().map(|version| listed(&a, version)).collect::<Vec<_>>();
        let held = Held { listed, target: None };
        let all = step(&held, &version(&a, 7), Some(&known(100, &[])), false).unwrap().withdrawn;
        assert_eq!(all, (8..=100).rev().collect::<Vec<_>>());
    }

    #[test]
    fn what_was_withdrawn_itself_is_refused_unless_that_is_taken_back() {
        let a = fake::wanted(b"a");
        let held = Held { listed: vec![listed(&a, 8), listed(&a, 7)], target: None };
        let known = known(7, &[8]);
        let to = version(&a, 8);
        let refused = step(&held, &to, Some(&known), false).unwrap_err();
        assert_eq!(refused, IsWithdrawn { version: 8, why: "it breaks".to_owned() });
        let back = step(&held, &to, Some(&known), true).unwrap();
        assert_eq!((back.from, back.withdrawn), (Some(7), vec![]));
    }
}
