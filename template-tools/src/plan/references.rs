//! References that are understood: which version each gets, and what stands against it.

use std::ops::Range;

use super::{
    AccountTaken, Bump, Downgrades, Goal, Planner, Refusal, Unfit, Wanted, Weight, fit, not_allowed,
};
use crate::arn::LayerName;
use crate::document::{Content, NodeId, Position, Style};
use crate::edit::Edit;
use crate::flow::{Flow, Home, Reference, Source, Under, Uses};
use crate::pattern::{ArnPattern, NoPattern, Part, Variables, VersionPart};
use crate::pins::{NotPinned, Pin, Resolution};

/// What becomes of one reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision<'p> {
    /// It names the right version.
    Current(&'p Pin),
    /// It gets this one.
    Becomes(&'p Pin, VersionPart),
    /// It stays, for a reason.
    Stays(Weight, String),
    /// Nothing may be changed.
    Refused(Refusal),
}

/// What becomes of a reference, as far as the reference alone can tell.
pub(crate) fn decide<'p>(pattern: &ArnPattern, wanted: &Wanted<'p>) -> Decision<'p> {
    let layer = &pattern.layer;
    let pin = match (wanted.pins.resolve(pattern), wanted.goal) {
        (Resolution::Version(pin), _) => pin,
        // A placeholder is the same for every region.
        (Resolution::Disagree(pins), Goal::Placeholder) => pins[0],
        (Resolution::Disagree(pins), Goal::Versions) => {
            let pins = pins.into_iter().cloned().collect();
            return Decision::Refused(Refusal::Ambiguous { layer: layer.clone(), pins });
        }
        (Resolution::NotPinned(NotPinned::Layer), _) => {
            return Decision::Stays(Weight::Other, "no version is asked for".to_owned());
        }
        (Resolution::NotPinned(NotPinned::Account), _) => {
            return Decision::Stays(Weight::Expected, "it is another account's layer".to_owned());
        }
        (Resolution::NotPinned(place @ (NotPinned::Region | NotPinned::Partition)), _) => {
            let place = match (place, &pattern.region, &pattern.partition) {
                (NotPinned::Region, Part::Is(region), _) => format!("region `{region}`"),
                (NotPinned::Partition, _, Part::Is(partition)) => format!("partition `{partition}`"),
                _ => "its place".to_owned(),
            };
            return Decision::Stays(Weight::Warning, format!("no version is known for {place}"));
        }
    };
    let to = match (wanted.goal, pin.version) {
        (Goal::Versions, Some(version)) => VersionPart::Number(version),
        (Goal::Versions, None) => {
            return Decision::Stays(Weight::Warning, "no version is asked for".to_owned());
        }
        (Goal::Placeholder, _) => VersionPart::Placeholder(layer.placeholder()),
    };
    if pattern.version == to {
        return Decision::Current(pin);
    }
    let downgrade = match wanted.goal {
        Goal::Versions => downgrade(pattern, pin, wanted),
        Goal::Placeholder => None,
    };
    downgrade.map_or(Decision::Becomes(pin, to), Decision::Refused)
}

/// Why a reference may not be brought to a pin: it has a newer version, which nobody has withdrawn.
pub(crate) fn downgrade(pattern: &ArnPattern, pin: &Pin, wanted: &Wanted<'_>) -> Option<Refusal> {
    let (VersionPart::Number(from), Some(to)) = (&pattern.version, pin.version) else { return None };
    let is_withdrawn = || wanted.pins.facts(pin).is_some_and(|facts| facts.withdrawn.contains(from));
    let is_refused = *from > to && wanted.downgrades == Downgrades::Refused && !is_withdrawn();
    is_refused.then(|| Refusal::Downgrade { layer: pattern.layer.clone(), from: *from, to })
}

impl Planner<'_, '_, '_> {
    /// Decides every reference; those that share a place decide together.
    pub(super) fn references(&mut self, flow: &Flow) {
        // They are sorted by their places.
        let place = |reference: &Reference| (reference.source, reference.part.start);
        for sharing in flow.references.chunk_by(|one, other| place(one) == place(other)) {
            if let Source::Leaf(leaf) = sharing[0].source {
                self.place(flow, leaf, sharing);
            }
        }
    }

    fn place(&mut self, flow: &Flow, leaf: NodeId, sharing: &[Reference]) {
        let sharing: Vec<&Reference> = sharing.iter().collect();
        if let Some((reference, to)) = self.agreed(flow, leaf, &sharing) {
            self.edit(leaf, &reference.part, &reference.pattern, &to, reference.home.clone());
        }
    }

    /// What the references that share a place all become, with the first of them; nothing if one of them stays or is
    /// refused, which is written down. `node` is where that is said to be.
    pub(super) fn agreed<'r>(
        &mut self,
        flow: &Flow,
        node: NodeId,
        sharing: &[&'r Reference],
    ) -> Option<(&'r Reference, VersionPart)> {
        let position = self.document.position(node);
        let decided: Vec<(&'r Reference, Decision<'_>)> =
            sharing.iter().map(|reference| (*reference, decide(&reference.pattern, self.wanted))).collect();
        let mut becomes: Option<(&'r Reference, &VersionPart)> = None;
        for (reference, decision) in &decided {
            let layer = &reference.pattern.layer;
            match decision {
                Decision::Current(pin) | Decision::Becomes(pin, _) => {
                    self.name(layer);
                    if let (None, Part::Is(account)) = (&pin.account, &reference.pattern.account) {
                        let account = account.clone();
                        let taken = AccountTaken { layer: layer.clone(), account, position };
                        if !self.plan.accounts.contains(&taken) {
                            self.plan.accounts.push(taken);
                        }
                    }
                    if let Decision::Becomes(_, to) = decision {
                        becomes = becomes.or(Some((reference, to)));
                    }
                }
                Decision::Refused(refusal) => {
                    self.name(layer);
                    self.refuse(position, refusal.clone());
                    return None;
                }
                Decision::Stays(weight, reason) => {
                    self.leave(node, Some(layer.clone()), reason.clone(), *weight);
                }
            }
        }
        let Some((reference, to)) = becomes else {
            self.plan.current +=
                usize::from(decided.iter().any(|(_, decision)| matches!(decision, Decision::Current(_))));
            return None;
        };
        let agree = |(_, decision): &(&Reference, Decision<'_>)| matches!(decision, Decision::Becomes(_, other) if other == to);
        if !decided.iter().all(agree) {
            self.refuse(position, shared(&decided));
            return None;
        }
        if self.wanted.unfit == Unfit::Refused && self.wanted.goal == Goal::Versions {
            for (reference, decision) in &decided {
                let Decision::Becomes(pin, _) = decision else { continue };
                if let Some(refusal) = fit::misfit(self.document, flow, reference, pin, self.wanted.pins) {
                    self.refuse(position, refusal);
                    return None;
                }
            }
        }
        let others = |uses: &Uses<'_, '_>| {
            let layers = decided.iter().map(|(reference, _)| reference.pattern.layer.as_str()).collect();
            uses.others(reference, &layers, &to.written())
        };
        let places = self.uses.as_ref().map(others).unwrap_or_default();
        if !places.is_empty() {
            self.refuse(position, Refusal::UsedElsewhere { layer: reference.pattern.layer.clone(), places });
            return None;
        }
        Some((reference, to.clone()))
    }

    fn edit(
        &mut self,
        leaf: NodeId,
        part: &Range<usize>,
        pattern: &ArnPattern,
        to: &VersionPart,
        home: Home,
    ) {
        let (position, layer) = (self.document.position(leaf), pattern.layer.clone());
        let new = to.written();
        if let (VersionPart::Placeholder(_), Some(reason)) = (to, self.holds_no_word(&home, leaf, part, &new))
        {
            return self.leave(leaf, Some(layer), reason, Weight::Warning);
        }
        if let Home::Default(parameter) = &home
            && let Some(reason) = self.not_allowed(parameter, leaf, part, &new)
        {
            return self.refuse(position, Refusal::NotAllowed { layer, to: to.clone(), reason });
        }
        let Some(range) = self.document.range_of(leaf, part) else {
            let reason = "the version cannot be found in the text as it is written".to_owned();
            return self.leave(leaf, Some(layer), reason, Weight::Warning);
        };
        self.edits.push(Edit { leaf, part: part.clone(), range, new });
        self.plan.bumps.push(Bump { position, layer, from: pattern.version.clone(), to: to.clone(), home });
    }

    /// Why a word cannot stand where a number does.
    fn holds_no_word(&self, home: &Home, leaf: NodeId, part: &Range<usize>, word: &str) -> Option<String> {
        let document = self.document;
        if let (true, Content::Scalar { style: Style::Plain, .. }) =
            (document.is_json(), &document.node(leaf).content)
        {
            let reason =
                "it is a number of JSON, and a placeholder is a text: put the number in quotes first";
            return Some(reason.to_owned());
        }
        let Home::Default(parameter) = home else { return None };
        let properties = |key: &str| {
            let parameters = document.roots().iter().flat_map(|root| document.values(*root, "Parameters"));
            let own = parameters.flat_map(|parameters| document.values(parameters, parameter));
            let values = own.flat_map(|parameter| document.values(parameter, key)).collect::<Vec<_>>();
            values.into_iter().filter_map(|value| document.scalar(value)).collect::<Vec<_>>()
        };
        if let Some(kind) = properties("Type").into_iter().find(|kind| kind.contains("Number")) {
            return Some(format!("parameter `{parameter}` is of type `{kind}`, which no placeholder is"));
        }
        let value = document.scalar(leaf)?;
        let new = format!("{}{word}{}", value.get(..part.start)?, value.get(part.end..)?);
        let keeps_out = |pattern: &&str| {
            let pattern = regex::Regex::new(&format!("^(?:{pattern})$")).ok();
            pattern.is_some_and(|pattern| pattern.is_match(value) && !pattern.is_match(&new))
        };
        let pattern = properties("AllowedPattern").into_iter().find(keeps_out)?;
        Some(format!("the `AllowedPattern` of parameter `{parameter}`, `{pattern}`, keeps placeholders out"))
    }

    /// Why a parameter may not have the new value.
    fn not_allowed(&self, parameter: &str, leaf: NodeId, part: &Range<usize>, new: &str) -> Option<String> {
        let value = self.document.scalar(leaf)?;
        let value = format!("{}{new}{}", value.get(..part.start)?, value.get(part.end..)?);
        not_allowed(self.document, parameter, &value)
    }

    /// For a file that is no template and was asked for all the same: every scalar that is an ARN.
    pub(super) fn every_scalar(&mut self) {
        for (id, node) in self.document.nodes() {
            let Content::Scalar { value, .. } = &node.content else { continue };
            let pattern = match ArnPattern::parse_with(value, Variables::Foreign, &self.wanted.placeholders) {
                Ok(pattern) => pattern,
                Err(NoPattern::NotAnArn) => {
                    self.mention(id, value, "this is no more than part of the text");
                    continue;
                }
                Err(error) => {
                    self.mention(id, value, &error.to_string());
                    continue;
                }
            };
            let part = pattern.version_range.clone();
            let reference = Reference {
                source: Source::Leaf(id),
                part,
                pattern,
                home: Home::Entry,
                entry: id,
                functions: std::collections::BTreeSet::new(),
                under: Under::default(),
            };
            self.place(&Flow::default(), id, &[reference]);
        }
    }

    fn refuse(&mut self, position: Position, refusal: Refusal) {
        self.plan.refusals.push((position, refusal));
    }

    fn name(&mut self, layer: &LayerName) {
        if !self.plan.names.contains(layer) {
            self.plan.names.insert(layer.clone());
        }
    }
}

fn shared(decided: &[(&Reference, Decision<'_>)]) -> Refusal {
    let line = |(reference, decision): &(&Reference, Decision<'_>)| {
        let layer = &reference.pattern.layer;
        let region = match &reference.pattern.region {
            Part::Is(region) => format!(" in {region}"),
            Part::Deployed => String::new(),
        };
        match decision {
            Decision::Becomes(_, to) => format!("{layer}{region}: {}", to.written()),
            Decision::Current(_) => format!("{layer}{region}: {}", reference.pattern.version.written()),
            Decision::Stays(_, reason) => format!("{layer}{region}: none, {reason}"),
            Decision::Refused(refusal) => format!("{layer}{region}: {refusal}"),
        }
    };
    Refusal::Shared { wanted: decided.iter().map(line).collect() }
}
