//! Which version a reference should name: a map from layer, partition, account and region to a version.
//!
//! Nothing is guessed. Where a reference leaves open which region or account it is for, every pin that could be meant
//! has to name the same version; else the pins in question are handed back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::arn::{AccountId, LayerName, LayerVersionArn, Partition, Region, is_layer_name_byte};
use crate::ledger::Ledger;
use crate::pattern::{ArnPattern, Part};

/// One layer's version, in one place or, where a part is open, in several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pin {
    /// The layer.
    pub layer: LayerName,
    /// The partition; `None` is any.
    pub partition: Option<Partition>,
    /// The account; `None` is any.
    pub account: Option<AccountId>,
    /// The region; `None` is any.
    pub region: Option<Region>,
    /// The version that references should name.
    pub version: u64,
}

impl From<LayerVersionArn> for Pin {
    fn from(arn: LayerVersionArn) -> Self {
        Self {
            layer: arn.layer,
            partition: Some(arn.partition),
            account: Some(arn.account),
            region: Some(arn.region),
            version: arn.version,
        }
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partition = self.partition.as_ref().map_or("*", Partition::as_str);
        let region = self.region.as_ref().map_or("*", Region::as_str);
        let account = self.account.as_ref().map_or("*", AccountId::as_str);
        write!(formatter, "arn:{partition}:lambda:{region}:{account}:layer:{}:{}", self.layer, self.version)
    }
}

/// Two pins for the same place that name two versions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{first}` and `{second}` name two versions for the same place")]
pub struct PinConflict {
    /// The one.
    pub first: Box<Pin>,
    /// The other.
    pub second: Box<Pin>,
}

/// What the pins say about a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution<'p> {
    /// It should name this pin's version.
    Version(&'p Pin),
    /// It could mean any of these, and they disagree.
    Disagree(Vec<&'p Pin>),
    /// Nothing is pinned for it.
    NotPinned(NotPinned),
}

/// How far a reference is from every pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPinned {
    /// The layer is not pinned at all.
    Layer,
    /// The layer is pinned, for other accounts: this one is somebody else's.
    Account,
    /// The layer is pinned for this account, in other regions.
    Region,
    /// The layer is pinned for this account and region, in other partitions.
    Partition,
}

/// What is known of a pinned version besides its number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The runtimes that it is made for; none if that is not known.
    pub runtimes: Vec<String>,
    /// The architectures that it is made for; none if that is not known.
    pub architectures: Vec<String>,
    /// The versions that were taken back: references to them go to the pinned one, even if that is older.
    pub withdrawn: BTreeSet<u64>,
    /// Whether the account is somebody else's: what leaves the account open is not meant.
    pub foreign: bool,
}

/// All pins of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pins {
    by_layer: BTreeMap<LayerName, Vec<Pin>>,
    facts: BTreeMap<Pin, Facts>,
}

impl Pins {
    /// Sorts pins by layer. Two versions for exactly the same place are an error.
    pub fn new(pins: impl IntoIterator<Item = Pin>) -> Result<Self, PinConflict> {
        let mut by_layer: BTreeMap<LayerName, Vec<Pin>> = BTreeMap::new();
        for pin in pins {
            let others = by_layer.entry(pin.layer.clone()).or_default();
            let same = |other: &&Pin| {
                (&other.partition, &other.account, &other.region)
                    == (&pin.partition, &pin.account, &pin.region)
            };
            match others.iter().find(same) {
                Some(other) if other.version == pin.version => {}
                Some(other) => {
                    return Err(PinConflict { first: Box::new(other.clone()), second: Box::new(pin) });
                }
                None => others.push(pin),
            }
        }
        for pins in by_layer.values_mut() {
            pins.sort();
        }
        Ok(Self { by_layer, facts: BTreeMap::new() })
    }

    /// The current versions that a ledger names.
    pub fn from_ledger(ledger: &Ledger) -> Self {
        let mut pins = Self::default();
        for entry in ledger.entries() {
            let pin = Pin::from(entry.layer_version_arn.clone());
            pins.by_layer.entry(pin.layer.clone()).or_default().push(pin.clone());
            let facts = Facts {
                runtimes: entry.compatible_runtimes.clone(),
                architectures: entry.compatible_architectures.clone(),
                withdrawn: entry.withdrawn.keys().copied().collect(),
                foreign: entry.foreign,
            };
            pins.facts.insert(pin, facts);
        }
        pins
    }

    /// What is known of a pin besides its number.
    pub fn facts(&self, pin: &Pin) -> Option<&Facts> {
        self.facts.get(pin)
    }

    /// Only the pins of one layer.
    #[must_use]
    pub fn only(mut self, layer: &LayerName) -> Self {
        self.by_layer.retain(|name, _| name == layer);
        self
    }

    /// Only what is pinned for this account and region; what was pinned for any is pinned for these.
    #[must_use]
    pub fn within(mut self, account: Option<&AccountId>, region: Option<&Region>) -> Self {
        for pins in self.by_layer.values_mut() {
            pins.retain(|pin| {
                is_within(pin.account.as_ref(), account) && is_within(pin.region.as_ref(), region)
            });
            for pin in pins {
                pin.account = pin.account.take().or_else(|| account.cloned());
                pin.region = pin.region.take().or_else(|| region.cloned());
            }
        }
        self.by_layer.retain(|_, pins| !pins.is_empty());
        self
    }

    /// Whether a layer is pinned, anywhere.
    pub fn has(&self, layer: &LayerName) -> bool {
        self.by_layer.contains_key(layer)
    }

    /// The pinned layers, sorted.
    pub fn layers(&self) -> impl Iterator<Item = &LayerName> {
        self.by_layer.keys()
    }

    /// All pins, sorted.
    pub fn pins(&self) -> impl Iterator<Item = &Pin> {
        self.by_layer.values().flatten()
    }

    /// Whether nothing is pinned.
    pub fn is_empty(&self) -> bool {
        self.by_layer.is_empty()
    }

    /// The version that a reference should name.
    pub fn resolve(&self, reference: &ArnPattern) -> Resolution<'_> {
        let Some(pins) = self.by_layer.get(&reference.layer) else {
            return Resolution::NotPinned(NotPinned::Layer);
        };
        let mut fitting: Vec<&Pin> = pins.iter().collect();
        let is_foreign = |pin: &Pin| self.facts.get(pin).is_some_and(|facts| facts.foreign);
        fitting.retain(|pin| {
            may_be(pin.account.as_ref(), &reference.account)
                && !(reference.account == Part::Deployed && is_foreign(pin))
        });
        if fitting.is_empty() {
            return Resolution::NotPinned(NotPinned::Account);
        }
        fitting.retain(|pin| may_be(pin.region.as_ref(), &reference.region));
        if fitting.is_empty() {
            return Resolution::NotPinned(NotPinned::Region);
        }
        fitting.retain(|pin| may_be(pin.partition.as_ref(), &reference.partition));
        match fitting[..] {
            [] => Resolution::NotPinned(NotPinned::Partition),
            [first, ..] if fitting.iter().all(|pin| pin.version == first.version) => {
                Resolution::Version(first)
            }
            _ => Resolution::Disagree(fitting),
        }
    }

    /// The pinned layer that a text names in the way of an ARN or by a placeholder, understood or not.
    /// `*` in place of a version, as policies have it, names none.
    pub fn mentioned_in(&self, text: &str) -> Option<&LayerName> {
        self.named_after(text, |rest| rest.starts_with(':') && rest.len() > 1 && !rest.starts_with(":*"))
            .or_else(|| self.placeholder_in(text))
    }

    /// Like [`Pins::mentioned_in`] for a piece of an ARN, which may be no more than the bare name.
    pub fn mentioned_in_piece(&self, text: &str) -> Option<&LayerName> {
        self.named_after(text, |rest| rest.is_empty() || rest.starts_with(':'))
            .or_else(|| self.layers().find(|layer| layer.as_str() == text))
            .or_else(|| self.placeholder_in(text))
    }

    /// The pinned layer that a name of something else hints at: `/layers/sosw`, `lambda-layer-sosw-latest`, `SoswLayer`.
    pub fn hinted_in(&self, name: &str) -> Option<&LayerName> {
        let name = name.to_ascii_lowercase();
        let hints = |layer: &&LayerName| name.contains(&layer.as_str().to_ascii_lowercase());
        self.layers().filter(hints).max_by_key(|layer| layer.as_str().len())
    }

    fn named_after(&self, text: &str, fits: impl Fn(&str) -> bool) -> Option<&LayerName> {
        const BEFORE: &str = "layer:";
        text.match_indices(BEFORE).find_map(|(start, _)| {
            let rest = &text[start + BEFORE.len()..];
            let end = rest.bytes().position(|byte| !is_layer_name_byte(byte)).unwrap_or(rest.len());
            let layer = self.layers().find(|layer| layer.as_str() == &rest[..end])?;
            fits(&rest[end..]).then_some(layer)
        })
    }

    fn placeholder_in(&self, text: &str) -> Option<&LayerName> {
        if !text.contains(crate::arn::PLACEHOLDER_END) {
            return None;
        }
        let mut words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        words.find_map(|word| self.layers().find(|layer| layer.placeholder() == word))
    }
}

/// Whether a pin is left where only one place is wanted.
fn is_within<T: PartialEq>(pinned: Option<&T>, wanted: Option<&T>) -> bool {
    pinned.is_none() || wanted.is_none() || pinned == wanted
}

fn may_be<T: PartialEq>(pinned: Option<&T>, written: &Part<T>) -> bool {
    match (pinned, written) {
        (None, _) | (_, Part::Deployed) => true,
        (Some(pinned), Part::Is(written)) => pinned == written,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::ledger::Entry;
    use crate::pattern::Variables;

    fn pins(arns: &[&str]) -> Pins {
        Pins::new(arns.iter().map(|arn| Pin::from(arn.parse::<LayerVersionArn>().unwrap()))).unwrap()
    }

    fn check(pins: &Pins, reference: &str, expected: &Expect) {
        let reference = ArnPattern::parse(reference, Variables::Replaced).unwrap();
        let shown = match pins.resolve(&reference) {
            Resolution::Version(pin) => pin.to_string(),
            Resolution::Disagree(pins) => {
                format!("disagree: {}", pins.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
            }
            Resolution::NotPinned(distance) => format!("not pinned: {distance:?}"),
        };
        expected.assert_eq(&shown);
    }

    const US_7: &str = "arn:aws:lambda:us-east-1:123456789012:layer:sosw:7";
    const EU_8: &str = "arn:aws:lambda:eu-west-1:123456789012:layer:sosw:8";
    const OTHER_7: &str = "arn:aws:lambda:us-east-1:210987654321:layer:sosw:7";

    #[test]
    fn a_reference_gets_the_version_of_its_own_region() {
        let pins = pins(&[US_7, EU_8]);
        check(
            &pins,
            "arn:aws:lambda:us-east-1:123456789012:layer:sosw:1",
            &expect!["arn:aws:lambda:us-east-1:123456789012:layer:sosw:7"],
        );
        check(
            &pins,
            "arn:aws:lambda:eu-west-1:123456789012:layer:sosw:1",
            &expect!["arn:aws:lambda:eu-west-1:123456789012:layer:sosw:8"],
        );
    }

    #[test]
    fn what_is_not_pinned_stays() {
        let pins = pins(&[US_7]);
        check(&pins, "arn:aws:lambda:us-east-1:123456789012:layer:sosw2:1", &expect!["not pinned: Layer"]);
        check(&pins, "arn:aws:lambda:us-east-1:210987654321:layer:sosw:1", &expect!["not pinned: Account"]);
        check(&pins, "arn:aws:lambda:eu-west-1:123456789012:layer:sosw:1", &expect!["not pinned: Region"]);
        check(
            &pins,
            "arn:aws-cn:lambda:us-east-1:123456789012:layer:sosw:1",
            &expect!["not pinned: Partition"],
        );
    }

    #[test]
    fn an_open_region_needs_pins_that_agree() {
        let open = "arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:1";
        check(&pins(&[US_7]), open, &expect!["arn:aws:lambda:us-east-1:123456789012:layer:sosw:7"]);
        check(
            &pins(&[US_7, EU_8]),
            open,
            &expect![
                "disagree: arn:aws:lambda:eu-west-1:123456789012:layer:sosw:8 arn:aws:lambda:us-east-1:123456789012:layer:sosw:7"
            ],
        );
        // Another account's version does not matter where the account is written out.
        check(&pins(&[EU_8, OTHER_7]), open, &expect!["arn:aws:lambda:eu-west-1:123456789012:layer:sosw:8"]);
    }

    #[test]
    fn an_open_account_needs_pins_that_agree() {
        let open = "arn:aws:lambda:us-east-1:${AWS::AccountId}:layer:sosw:1";
        check(&pins(&[US_7, OTHER_7]), open, &expect!["arn:aws:lambda:us-east-1:123456789012:layer:sosw:7"]);
        let other = OTHER_7.replace(":7", ":9");
        check(
            &pins(&[US_7, &other]),
            open,
            &expect![
                "disagree: arn:aws:lambda:us-east-1:123456789012:layer:sosw:7 arn:aws:lambda:us-east-1:210987654321:layer:sosw:9"
            ],
        );
    }

    #[test]
    fn what_leaves_the_account_open_does_not_mean_somebody_elses_layer() {
        let arn = |account: &str, version: u64| {
            format!("arn:aws:lambda:us-east-1:{account}:layer:sosw:{version}")
                .parse::<LayerVersionArn>()
                .unwrap()
        };
        let theirs = Entry { foreign: true, ..Entry::new(arn("210987654321", 9)) };
        let open = "arn:aws:lambda:us-east-1:${AWS::AccountId}:layer:sosw:1";
        let alone = Pins::from_ledger(&Ledger::from_iter([theirs.clone()]));
        check(&alone, open, &expect!["not pinned: Account"]);
        check(
            &alone,
            &arn("210987654321", 1).to_string(),
            &expect!["arn:aws:lambda:us-east-1:210987654321:layer:sosw:9"],
        );
        let both = Pins::from_ledger(&Ledger::from_iter([theirs, Entry::new(arn("123456789012", 7))]));
        check(&both, open, &expect!["arn:aws:lambda:us-east-1:123456789012:layer:sosw:7"]);
    }

    #[test]
    fn two_versions_for_one_place_are_a_conflict() {
        let pin = |arn: &str| Pin::from(arn.parse::<LayerVersionArn>().unwrap());
        let error = Pins::new([pin(US_7), pin(&US_7.replace("sosw:7", "sosw:9"))]).unwrap_err();
        expect!["`arn:aws:lambda:us-east-1:123456789012:layer:sosw:7` and `arn:aws:lambda:us-east-1:123456789012:layer:sosw:9` name two versions for the same place"]
            .assert_eq(&error.to_string());
        assert!(Pins::new([pin(US_7), pin(US_7)]).is_ok());
    }

    #[test]
    fn a_mention_is_found_by_the_whole_name() {
        let pins = pins(&[US_7]);
        let named = |text| pins.mentioned_in(text).is_some();
        assert!(named("arn:aws:lambda:us-east-1:123456789012:layer:sosw:7"));
        assert!(named("layer:sosw:${Version}"));
        assert!(named("x SOSW_LAYER_PLACEHOLDER"));
        assert!(!named("arn:aws:lambda:us-east-1:123456789012:layer:sosw:*"));
        assert!(!named("arn:aws:lambda:us-east-1:123456789012:layer:sosw-2:7"));
        assert!(!named("SOSW_LAYER_PLACEHOLDER_2"));
        assert!(!named("sosw"));
        assert!(pins.mentioned_in_piece("sosw").is_some());
        assert!(pins.mentioned_in_piece(":layer:sosw").is_some());
    }
}
