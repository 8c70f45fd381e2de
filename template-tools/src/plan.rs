//! What is to be done to one template: text and pins in, the new text or the reasons against it out.
//!
//! Pure, and the whole of the decision for one file. What several files decide together (whether a layer's account is
//! clear, whether a refusal stops the run) is the business of the command.

use std::collections::{BTreeMap, BTreeSet};

use crate::arn::{AccountId, LayerName};
use crate::document::{Document, NodeId, ParseError, Position, parse};
use crate::edit::{Edit, ProofError, apply};
use crate::flow::{Flow, Reason, Reference, flow};
use crate::pattern::{Part, VersionPart};
use crate::pins::{NotPinned, Pin, Pins, Resolution};

/// Whether a reference may be brought to a lower version than it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Downgrades {
    /// It is refused.
    #[default]
    Refused,
    /// It is done.
    Allowed,
}

/// A reference that gets another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bump {
    /// Where the reference is.
    pub position: Position,
    /// The layer.
    pub layer: LayerName,
    /// What stands there.
    pub from: VersionPart,
    /// The version it gets.
    pub to: u64,
}

/// A place that names a pinned layer and is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    /// Where it is.
    pub position: Position,
    /// The layer.
    pub layer: LayerName,
    /// Why it stays.
    pub reason: String,
    /// How much it matters.
    pub weight: Weight,
}

/// How much it matters that a place was left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// As it should be: somebody else's layer.
    Expected,
    /// Worth knowing: it is not in the `Layers` of a function.
    Note,
    /// It may have to be brought to the new version by hand.
    Warning,
}

/// What is not done, because it could be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Several pins could be meant.
    #[error("layer `{layer}` could be any of these, which differ:\n{}", lines(.pins))]
    Ambiguous {
        /// The layer.
        layer: LayerName,
        /// All that could be meant.
        pins: Vec<Pin>,
    },
    /// The reference is ahead of the pin.
    #[error("layer `{layer}` has version {from} there, and version {to} is older")]
    Downgrade {
        /// The layer.
        layer: LayerName,
        /// What stands there.
        from: u64,
        /// What is pinned.
        to: u64,
    },
    /// The edits would not do what they should.
    #[error("the edits failed their proof")]
    Proof(#[from] ProofError),
}

fn lines(pins: &[Pin]) -> String {
    pins.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A literal account in a reference that is matched by a pin for any account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountTaken {
    /// The layer.
    pub layer: LayerName,
    /// The account that stands in the reference.
    pub account: AccountId,
    /// Where.
    pub position: Position,
}

/// What is to be done to one template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The new text, proved; `None` if nothing changes or something is refused.
    pub text: Option<String>,
    /// The references that get another version.
    pub bumps: Vec<Bump>,
    /// How many references name the right version already.
    pub current: usize,
    /// The pinned layers that the file names, whatever becomes of them.
    pub names: BTreeSet<LayerName>,
    /// What names a pinned layer and stays.
    pub left_alone: Vec<LeftAlone>,
    /// What is refused, and where.
    pub refusals: Vec<(Position, Refusal)>,
    /// The accounts that pins for any account were taken for.
    pub accounts: Vec<AccountTaken>,
}

/// Plans one template. Fails only where the text is neither YAML nor JSON.
pub fn plan(text: &str, pins: &Pins, downgrades: Downgrades) -> Result<Plan, ParseError> {
    let document = parse(text)?;
    let flow = flow(&document);
    let mut planner =
        Planner { document: &document, pins, downgrades, plan: Plan::default(), edits: Vec::new() };
    for reference in &flow.references {
        planner.reference(reference);
    }
    planner.not_understood(&flow);
    Ok(planner.finish())
}

struct Planner<'d, 't> {
    document: &'d Document<'t>,
    pins: &'d Pins,
    downgrades: Downgrades,
    plan: Plan,
    edits: Vec<Edit>,
}

impl Planner<'_, '_> {
    fn reference(&mut self, reference: &Reference) {
        let Reference { leaf, pattern } = reference;
        let position = self.document.node(*leaf).position;
        let layer = &pattern.layer;
        if self.pins.layers().any(|pinned| pinned == layer) {
            self.plan.names.insert(layer.clone());
        }
        let pin = match self.pins.resolve(pattern) {
            Resolution::Version(pin) => pin,
            Resolution::Disagree(pins) => {
                let pins = pins.into_iter().cloned().collect();
                self.plan.refusals.push((position, Refusal::Ambiguous { layer: layer.clone(), pins }));
                return;
            }
            Resolution::NotPinned(NotPinned::Layer) => return,
            Resolution::NotPinned(NotPinned::Account) => {
                return self.leave(
                    *leaf,
                    layer.clone(),
                    "it is another account's layer".to_owned(),
                    Weight::Expected,
                );
            }
            Resolution::NotPinned(place @ (NotPinned::Region | NotPinned::Partition)) => {
                let place = match (place, &pattern.region, &pattern.partition) {
                    (NotPinned::Region, Part::Is(region), _) => format!("region `{region}`"),
                    (NotPinned::Partition, _, Part::Is(partition)) => format!("partition `{partition}`"),
                    _ => "its place".to_owned(),
                };
                let reason = format!("no version is known for {place}");
                return self.leave(*leaf, layer.clone(), reason, Weight::Warning);
            }
        };
        if let (None, Part::Is(account)) = (&pin.account, &pattern.account) {
            let taken = AccountTaken { layer: layer.clone(), account: account.clone(), position };
            self.plan.accounts.push(taken);
        }
        match pattern.version {
            VersionPart::Number(version) if version == pin.version => {
                self.plan.current += 1;
                return;
            }
            VersionPart::Number(from) if from > pin.version && self.downgrades == Downgrades::Refused => {
                let refusal = Refusal::Downgrade { layer: layer.clone(), from, to: pin.version };
                self.plan.refusals.push((position, refusal));
                return;
            }
            VersionPart::Number(_) | VersionPart::Placeholder(_) => {}
        }
        let part = pattern.version_range.clone();
        let Some(range) = self.document.range_of(*leaf, &part) else {
            let reason = "the version cannot be found in the text as it is written".to_owned();
            return self.leave(*leaf, layer.clone(), reason, Weight::Warning);
        };
        self.edits.push(Edit { leaf: *leaf, part, range, new: pin.version.to_string() });
        let from = pattern.version.clone();
        self.plan.bumps.push(Bump { position, layer: layer.clone(), from, to: pin.version });
    }

    /// Every other scalar that names a pinned layer: what is in `Layers` with the reason why it was not understood,
    /// what is elsewhere with the part of the template that it stands in.
    fn not_understood(&mut self, flow: &Flow) {
        let mut reasons: BTreeMap<NodeId, Option<(NodeId, &Reason)>> = BTreeMap::new();
        for reference in &flow.references {
            reasons.insert(reference.leaf, None);
        }
        for unread in &flow.unread {
            for (id, _) in self.document.nodes_in(&self.document.below(unread.node)) {
                reasons.insert(id, Some((unread.node, &unread.reason)));
            }
        }
        let mut reported = Vec::new();
        for (id, node) in self.document.nodes() {
            let crate::document::Content::Scalar { value, .. } = &node.content else { continue };
            match reasons.get(&id) {
                Some(None) => {}
                Some(Some((entry, reason))) => {
                    if let Some(layer) = self.pins.mentioned_in_piece(value)
                        && !reported.contains(entry)
                    {
                        reported.push(*entry);
                        self.leave(*entry, layer.clone(), reason.to_string(), Weight::Warning);
                    }
                }
                None => {
                    if let Some(layer) = self.pins.mentioned_in(value) {
                        self.leave(id, layer.clone(), self.elsewhere(id), Weight::Note);
                    }
                }
            }
        }
    }

    fn elsewhere(&self, id: NodeId) -> String {
        let sections = self.document.roots().iter().flat_map(|root| self.document.pairs(*root));
        let mut names = sections
            .filter(|(_, value)| self.document.below(*value).contains(&id))
            .filter_map(|(name, _)| self.document.scalar(*name));
        match names.next() {
            Some(section @ ("Parameters" | "Mappings")) => format!("`{section}` are not followed"),
            _ => "it is not in the `Layers` of a function".to_owned(),
        }
    }

    fn leave(&mut self, node: NodeId, layer: LayerName, reason: String, weight: Weight) {
        let position = self.document.node(node).position;
        self.plan.names.insert(layer.clone());
        self.plan.left_alone.push(LeftAlone { position, layer, reason, weight });
    }

    fn finish(mut self) -> Plan {
        self.plan.left_alone.sort_by_key(|left| left.position);
        if self.plan.refusals.is_empty() && !self.edits.is_empty() {
            match apply(self.document, &self.edits) {
                Ok(text) => self.plan.text = Some(text),
                Err(error) => self.plan.refusals.push((self.plan.bumps[0].position, error.into())),
            }
        }
        self.plan
    }
}

#[cfg(test)]
mod tests;
