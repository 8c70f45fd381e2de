//! What has to hold for whatever text comes in, written without the code that is held to it: what may change, and that a
//! second run changes nothing. The property tests ask this of texts that are put together, the fuzzer of any bytes.

use std::collections::BTreeSet;

use template_tools::arn::LayerVersionArn;
use template_tools::content::update_content;
use template_tools::convert::{Form, SsmParameterName, convert};
use template_tools::document::{Content, Document, NodeId, Position, parse};
use template_tools::ledger::{Content as Object, Entry, Ledger};
use template_tools::pattern::VersionPart;
use template_tools::pins::{Pin, Pins};
use template_tools::plan::{Downgrades, Goal, Part, Plan, Unfit, Wanted, plan_with};

/// One layer has the same version everywhere, one differs by region and is there in two accounts, and the name of one
/// begins another's.
const PINNED: [&str; 7] = [
    "us-east-1:123456789012:layer:sosw:12",
    "eu-west-1:123456789012:layer:sosw:12",
    "us-east-1:123456789012:layer:two:3",
    "eu-west-1:123456789012:layer:two:4",
    "us-east-1:210987654321:layer:two:7",
    "eu-west-1:210987654321:layer:two:6",
    "us-east-1:123456789012:layer:so:5",
];
const SSM: &str = "/layers/l";

fn pinned() -> impl Iterator<Item = LayerVersionArn> {
    PINNED.iter().map(|rest| format!("arn:aws:lambda:{rest}").parse().expect("it is an ARN"))
}

/// The versions that are wanted.
pub(crate) fn pins() -> Pins {
    Pins::new(pinned().map(Pin::from)).expect("they agree")
}

/// The same versions, with their contents.
pub(crate) fn ledger() -> Ledger {
    let entry = |arn: LayerVersionArn| {
        let (bucket, key) = (format!("b-{}", arn.region), format!("{}/new.zip", arn.layer));
        let version = (arn.layer.as_str() == "two").then(|| "v2".to_owned());
        Entry {
            content: Some(Object { bucket, key, version }),
            compatible_runtimes: vec!["python3.13".to_owned(), "python3.14".to_owned()],
            ..Entry::new(arn)
        }
    };
    pinned().map(entry).collect()
}

/// These versions, whatever stands in their way.
pub(crate) fn wanted(pins: &Pins) -> Wanted<'_> {
    Wanted { downgrades: Downgrades::Allowed, unfit: Unfit::Allowed, ..Wanted::new(pins) }
}

/// Everything that can be asked of a template.
pub(crate) fn check_text(text: &str) {
    let (pins, ledger) = (pins(), ledger());
    let wanted = wanted(&pins);
    check_bump(text, &wanted);
    check_bump(text, &Wanted { part: Part::Forced, ..wanted.clone() });
    check_placeholders(text, &wanted);
    let ssm = Form::Ssm(SsmParameterName::new(SSM).expect("it is a name"));
    for (form, section) in [(Form::Mapping, "Mappings"), (ssm, "Parameters")] {
        check(text, Some(section), |text| convert(text, &wanted, &form).ok());
    }
    check(text, None, |text| update_content(text, &wanted, &ledger).ok());
}

fn check_bump(text: &str, wanted: &Wanted<'_>) -> Option<String> {
    let after = check(text, None, |text| plan_with(text, wanted).ok())?;
    check_words(text, &after);
    Some(after)
}

/// What is pinned already goes to placeholders, and comes back as it was.
fn check_placeholders(text: &str, wanted: &Wanted<'_>) {
    let away = Wanted { goal: Goal::Placeholder, ..wanted.clone() };
    check_bump(text, &away);
    let pinned = check_bump(text, wanted).unwrap_or_else(|| text.to_owned());
    let run = |text: &str, wanted: &Wanted<'_>| plan_with(text, wanted).ok();
    let Some(there) = run(&pinned, &away).and_then(|plan| plan.text) else { return };
    let is_whole = |plan: &Plan| plan.refusals.is_empty() && plan.left_alone.is_empty();
    // Escapes and zeros in front of a number do not come back, nor does what was no number.
    let is_plain = !pinned.contains('\\') && !pinned.contains("PLACEHOLDER") && !pinned.contains(":0");
    if is_plain && run(&pinned, wanted).is_some_and(|plan| is_whole(&plan)) {
        let back = run(&there, wanted).expect("the result can be read");
        if is_whole(&back) {
            assert_eq!(back.text.as_deref(), Some(pinned.as_str()));
        }
    }
}

/// Runs, and holds what comes of it to what it says of itself: the places of its bumps differ, and nothing else but new
/// pairs in one section. Then runs again.
pub(crate) fn check(text: &str, section: Option<&str>, run: impl Fn(&str) -> Option<Plan>) -> Option<String> {
    let plan = run(text)?;
    let after = plan.text?;
    assert!(plan.refusals.is_empty() && !plan.bumps.is_empty());
    let (old, new) = (parse(text).expect("it was read"), parse(&after).expect("the result can be read"));
    assert!(!is_json(text) || is_json(&after), "no JSON any more: {after:?}");
    let is_scalar = |to: &VersionPart| !matches!(to, VersionPart::Text(_));
    let (scalars, others): (Vec<_>, Vec<_>) = plan.bumps.iter().partition(|bump| is_scalar(&bump.to));
    let places = |bumps: Vec<&template_tools::plan::Bump>| bumps.iter().map(|bump| bump.position).collect();
    let compared =
        Compared { old: &old, new: &new, scalars: places(scalars), others: places(others), section };
    compared.check();
    assert!(doubles(&new) <= doubles(&old), "a key comes twice: {after:?}");
    let second = run(&after).expect("the result can be read");
    assert_eq!((second.text.as_deref(), second.refusals.as_slice()), (None, &[][..]), "after {after:?}");
    Some(after)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok()
}

/// How many keys stand in a mapping that has them already.
fn doubles(document: &Document<'_>) -> usize {
    let of_node = |(id, node): (NodeId, &template_tools::document::Node<'_>)| {
        let Content::Mapping(_) = node.content else { return 0 };
        let keys: Vec<_> = document.pairs(id).iter().filter_map(|(key, _)| document.scalar(*key)).collect();
        keys.len() - keys.iter().collect::<BTreeSet<_>>().len()
    };
    document.nodes().map(of_node).sum()
}

struct Compared<'c, 'o, 'n> {
    old: &'c Document<'o>,
    new: &'c Document<'n>,
    /// Where a text may become another, and where anything may.
    scalars: BTreeSet<Position>,
    others: BTreeSet<Position>,
    /// What may get new pairs, and may be new.
    section: Option<&'c str>,
}

impl Compared<'_, '_, '_> {
    fn check(&self) {
        assert_eq!(self.old.roots().len(), self.new.roots().len());
        for (old, new) in self.old.roots().iter().zip(self.new.roots()) {
            match self.section {
                Some(section) => self.root(*old, *new, section),
                None => self.node(*old, *new),
            }
        }
    }

    /// The pairs of a document: the section may be new, or have new pairs.
    fn root(&self, old: NodeId, new: NodeId, section: &str) {
        let is_section = |document: &Document<'_>, key: NodeId| document.scalar(key) == Some(section);
        let has_it = self.old.pairs(old).iter().any(|(key, _)| is_section(self.old, *key));
        let pairs = self.new.pairs(new).iter().filter(|(key, _)| has_it || !is_section(self.new, *key));
        let pairs: Vec<_> = pairs.collect();
        if pairs.len() != self.old.pairs(old).len() || self.old.pairs(old).is_empty() {
            return self.node(old, new);
        }
        for (old, new) in self.old.pairs(old).iter().zip(pairs) {
            self.node(old.0, new.0);
            if is_section(self.old, old.0) && !matches!(self.old.node(old.1).content, Content::Alias(_)) {
                let mut rest = self.new.pairs(new.1).iter();
                for (key, value) in self.old.pairs(old.1) {
                    let name = self.old.scalar(*key);
                    let twin = rest.find(|(key, _)| self.new.scalar(*key) == name);
                    let twin = twin.unwrap_or_else(|| panic!("{name:?} is not in `{section}` any more"));
                    self.node(*key, twin.0);
                    self.node(*value, twin.1);
                }
            } else {
                self.node(old.1, new.1);
            }
        }
    }

    fn node(&self, old: NodeId, new: NodeId) {
        let position = self.old.position(old);
        if self.others.contains(&position) {
            return;
        }
        assert_eq!(self.old.tag(old), self.new.tag(new), "at {position}");
        match (&self.old.node(old).content, &self.new.node(new).content) {
            (Content::Scalar { value, style }, Content::Scalar { value: becomes, style: other }) => {
                assert_eq!(style, other, "at {position}");
                assert!(value == becomes || self.scalars.contains(&position), "at {position}");
            }
            (Content::Sequence(_), Content::Sequence(_)) => {
                let (old, new) = (self.old.items(old), self.new.items(new));
                let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
                assert_eq!(old.len(), new.len(), "at {position}");
                old.iter().zip(new).for_each(|(old, new)| self.node(*old, *new));
            }
            (Content::Mapping(_), Content::Mapping(_)) => {
                let (old, new) = (self.old.pairs(old), self.new.pairs(new));
                assert_eq!(old.len(), new.len(), "at {position}");
                for (old, new) in old.iter().zip(new) {
                    self.node(old.0, new.0);
                    self.node(old.1, new.1);
                }
            }
            (Content::Alias(_), Content::Alias(_)) => {}
            _ => panic!("something else stands at {position}"),
        }
    }
}

/// What is left of a text without the words that versions are made of is the same. Escapes of digits are versions, too:
/// such texts are not compared by their letters.
pub(crate) fn check_words(before: &str, after: &str) {
    if !before.contains('\\') {
        assert_eq!(without_versions(before), without_versions(after));
    }
    assert_eq!(before.lines().count(), after.lines().count());
}

fn without_versions(text: &str) -> String {
    let mut rest = String::new();
    let mut word = String::new();
    for letter in text.chars().chain(['\n']) {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            word.push(letter);
            continue;
        }
        let is_version =
            word.bytes().all(|byte| byte.is_ascii_digit()) || word.ends_with("_LAYER_PLACEHOLDER");
        if !is_version {
            rest.push_str(&word);
        }
        word.clear();
        rest.push(letter);
    }
    rest
}
