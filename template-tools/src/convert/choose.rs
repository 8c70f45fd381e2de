//! Which references get the new form, and what stands against it.

use std::collections::{BTreeMap, BTreeSet};

use super::Form;
use super::target::{expression, place};
use crate::arn::{LayerName, Region};
use crate::document::{Document, NodeId, Position};
use crate::flow::{Flow, Reference, Source};
use crate::pattern::Part;
use crate::pins::{Pin, Resolution};
use crate::plan::{
    AccountTaken, Decision, Goal, LeftAlone, Refusal, Unfit, Wanted, Weight, decide, downgrade, misfit,
};

/// What was found out about the references of a template.
#[derive(Default)]
pub(super) struct Chosen {
    /// By the expression that is replaced: the references that it comes to, as indexes.
    pub(super) expressions: BTreeMap<NodeId, Vec<usize>>,
    pub(super) left: Vec<LeftAlone>,
    pub(super) refusals: Vec<(Position, Refusal)>,
    pub(super) accounts: Vec<AccountTaken>,
    pub(super) names: BTreeSet<LayerName>,
}

/// Looks at every reference. An expression is replaced as a whole, or not at all.
pub(super) fn choose(document: &Document<'_>, flow: &Flow, wanted: &Wanted<'_>, form: &Form) -> Chosen {
    let mut chosen = Chosen::default();
    for (index, reference) in flow.references.iter().enumerate() {
        let is_meant = match form {
            Form::Mapping => rows_for(reference, wanted).is_some(),
            Form::Ssm(_) => chosen.is_meant(document, reference, wanted),
        };
        if !is_meant {
            continue;
        }
        chosen.names.insert(reference.pattern.layer.clone());
        let found = expression(document, reference).and_then(|node| match form {
            Form::Mapping => place(document, node, reference).map(|_| node),
            Form::Ssm(_) => Ok(node),
        });
        match found {
            Ok(node) => chosen.expressions.entry(node).or_default().push(index),
            Err(why) => chosen.left.push(left_alone(document, reference, why)),
        }
    }
    let expressions = std::mem::take(&mut chosen.expressions);
    for (node, indexes) in expressions {
        match whole(document, flow, node, &indexes) {
            Ok(()) => drop(chosen.expressions.insert(node, indexes)),
            Err(why) => chosen.left.push(left_alone(document, &flow.references[indexes[0]], why)),
        }
    }
    chosen.refuse(document, flow, wanted, form);
    chosen
}

impl Chosen {
    /// Whether a reference is one of those that the pins are for: their place counts, and no version.
    fn is_meant(&mut self, document: &Document<'_>, reference: &Reference, wanted: &Wanted<'_>) -> bool {
        let Source::Leaf(leaf) = reference.source else { return false };
        let (position, layer) = (document.position(leaf), &reference.pattern.layer);
        let place = Wanted { goal: Goal::Placeholder, ..wanted.clone() };
        match decide(&reference.pattern, &place) {
            Decision::Current(_) | Decision::Becomes(..) => true,
            Decision::Stays(weight, reason) => {
                if weight > Weight::Other {
                    self.names.insert(layer.clone());
                }
                self.left.push(LeftAlone { position, layer: Some(layer.clone()), reason, weight });
                false
            }
            Decision::Refused(refusal) => {
                self.refusals.push((position, refusal));
                false
            }
        }
    }

    fn refuse(&mut self, document: &Document<'_>, flow: &Flow, wanted: &Wanted<'_>, form: &Form) {
        let mut regions: BTreeMap<(&LayerName, usize), BTreeSet<&Region>> = BTreeMap::new();
        for (node, index) in
            self.expressions.iter().flat_map(|(node, all)| all.iter().map(move |one| (node, one)))
        {
            let (reference, position) = (&flow.references[*index], document.position(*node));
            match form {
                Form::Mapping => {
                    let pins = rows_for(reference, wanted).map(BTreeMap::into_values);
                    let against = pins.into_iter().flatten().find_map(|pin| {
                        let is_unfit = || match wanted.unfit {
                            Unfit::Refused => misfit(document, flow, reference, pin, wanted.pins),
                            Unfit::Allowed => None,
                        };
                        downgrade(&reference.pattern, pin, wanted).or_else(is_unfit)
                    });
                    self.refusals.extend(against.map(|refusal| (position, refusal)));
                }
                Form::Ssm(_) => {
                    // One parameter holds the ARN of one account's layer, whatever is pinned.
                    if let Part::Is(account) = &reference.pattern.account {
                        let (layer, account) = (reference.pattern.layer.clone(), account.clone());
                        let taken = AccountTaken { layer, account, position };
                        // An expression that comes to several references of one account is told once.
                        if self.accounts.last() != Some(&taken) {
                            self.accounts.push(taken);
                        }
                    }
                    let (layer, Part::Is(region)) = (&reference.pattern.layer, &reference.pattern.region)
                    else {
                        continue;
                    };
                    for function in &reference.functions {
                        let known = regions.entry((layer, *function)).or_default();
                        known.insert(region);
                        if known.len() > 1 {
                            let regions = known.iter().map(ToString::to_string).collect();
                            let refusal = Refusal::Regions { layer: layer.clone(), regions };
                            self.refusals.push((position, refusal));
                        }
                    }
                }
            }
        }
        self.refusals.dedup();
    }
}

/// Whether an expression comes to one layer only, and to nothing else.
fn whole(document: &Document<'_>, flow: &Flow, node: NodeId, indexes: &[usize]) -> Result<(), &'static str> {
    let below = document.below(node);
    let first = &flow.references[indexes[0]];
    let own = |(index, reference): (usize, &Reference)| {
        let is_in = match reference.source {
            Source::Leaf(leaf) => below.contains(&leaf) || below.contains(&reference.entry),
            Source::Given(_) => false,
        };
        let is_same =
            reference.pattern.layer == first.pattern.layer && reference.part.start == first.part.start;
        !is_in || is_same && indexes.contains(&index)
    };
    if !flow.references.iter().enumerate().all(own) {
        return Err("other layers or entries stand in it, too");
    }
    if flow.unread.iter().any(|unread| below.contains(&unread.node)) {
        return Err("part of what it comes to is not understood");
    }
    Ok(())
}

/// The pin of each region, where a mapping can tell them apart and is needed for it.
pub(super) fn rows_for<'p>(reference: &Reference, wanted: &Wanted<'p>) -> Option<BTreeMap<Region, &'p Pin>> {
    let Resolution::Disagree(pins) = wanted.pins.resolve(&reference.pattern) else { return None };
    if reference.pattern.region != Part::Deployed {
        return None;
    }
    let mut rows: BTreeMap<Region, &Pin> = BTreeMap::new();
    for pin in pins {
        let other = rows.insert(pin.region.clone()?, pin);
        if pin.version.is_none() || other.is_some_and(|other| other.version != pin.version) {
            return None;
        }
    }
    Some(rows)
}

pub(super) fn left_alone(document: &Document<'_>, reference: &Reference, why: &str) -> LeftAlone {
    let (layer, reason) = (Some(reference.pattern.layer.clone()), why.to_owned());
    LeftAlone { position: document.position(reference.entry), layer, reason, weight: Weight::Warning }
}
