//! What the layers of a template ask of its scalars and lists: whether they agree, and whether nothing else would change.
//!
//! Pure. A parameter's Default or an anchor may serve several layers, and something that is no layer.

use std::collections::{BTreeMap, BTreeSet};

use super::list::with_items;
use crate::arn::LayerName;
use crate::document::{Document, NodeId};
use crate::edit::{Change, Edit};
use crate::flow::{Home, Uses};
use crate::pattern::VersionPart;
use crate::plan::{Bump, LeftAlone, Plan, Refusal, Weight, not_allowed};

/// What one layer asks of a scalar or a list.
pub(super) struct Claim {
    pub(super) layer: LayerName,
    /// The ways from the root to the property that it is the value of.
    pub(super) ways: Vec<Vec<String>>,
    /// The part of the template that it is in.
    pub(super) home: Home,
    pub(super) to: To,
}

/// What a scalar or a list should be.
#[derive(Clone, Debug)]
pub(super) enum To {
    Text(String),
    /// In any order.
    Items(Vec<String>),
}

impl To {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Items(one), Self::Items(other)) => set(one) == set(other),
            _ => false,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Items(items) => items.join(", "),
        }
    }
}

/// Why something stays as it is.
enum Not {
    Left(String),
    Refused(Refusal),
}

/// All claims, by the scalar or list that they are about.
#[derive(Default)]
pub(super) struct Asked {
    claims: BTreeMap<NodeId, Vec<Claim>>,
}

impl Asked {
    /// One more claim; it counts against the others also where it is met already.
    pub(super) fn ask(&mut self, node: NodeId, claim: Claim) {
        self.claims.entry(node).or_default().push(claim);
    }

    /// The changes that meet all claims. Those that cannot be met, and what is changed, go into the plan.
    pub(super) fn changes(&self, document: &Document<'_>, plan: &mut Plan) -> BTreeMap<NodeId, Change> {
        let judge = Judge { document, uses: Uses::new(document, &[]) };
        let mut changes = BTreeMap::new();
        for (&node, claims) in &self.claims {
            let position = document.position(node);
            let open = || claims.iter().filter(|claim| !judge.is_met(node, &claim.to));
            match judge.change(node, claims) {
                Ok(None) => {}
                Ok(Some(change)) => {
                    let word = VersionPart::Text;
                    let from = judge.shown(node);
                    plan.bumps.extend(open().map(|claim| Bump {
                        position,
                        layer: claim.layer.clone(),
                        from: word(from.clone()),
                        to: word(claim.to.shown()),
                        home: claim.home.clone(),
                    }));
                    changes.insert(node, change);
                }
                Err(Not::Refused(refusal)) => plan.refusals.push((position, refusal)),
                Err(Not::Left(reason)) => plan.left_alone.extend(open().map(|claim| {
                    let (layer, weight) = (Some(claim.layer.clone()), Weight::Warning);
                    LeftAlone { position, layer, reason: reason.clone(), weight }
                })),
            }
        }
        changes
    }
}

fn set(items: &[String]) -> BTreeSet<&str> {
    items.iter().map(String::as_str).collect()
}

struct Judge<'d, 't> {
    document: &'d Document<'t>,
    uses: Uses<'d, 't>,
}

impl Judge<'_, '_> {
    fn change(&self, node: NodeId, claims: &[Claim]) -> Result<Option<Change>, Not> {
        let Some(open) = claims.iter().find(|claim| !self.is_met(node, &claim.to)) else { return Ok(None) };
        let (layer, to) = (&open.layer, &open.to);
        if !claims.iter().all(|claim| claim.to.is(to)) {
            let lines = claims.iter().map(|claim| format!("{}: {}", claim.layer, claim.to.shown()));
            let wanted = lines.collect::<BTreeSet<_>>().into_iter().collect();
            return Err(Not::Refused(Refusal::SharedContent { wanted }));
        }
        let places = self.places_beside(node, claims, to);
        if !places.is_empty() {
            return Err(Not::Refused(Refusal::ContentUsedElsewhere { layer: layer.clone(), places }));
        }
        match to {
            To::Text(text) => self.scalar(node, open, text).map(Some),
            To::Items(items) => with_items(self.document, node, items).map(Some).map_err(|why| {
                let key = open.ways.first().and_then(|way| way.last()).map_or("", String::as_str);
                Not::Left(format!("`{key}` should be {}, and {why}", to.shown()))
            }),
        }
    }

    fn scalar(&self, leaf: NodeId, claim: &Claim, text: &str) -> Result<Change, Not> {
        if let Home::Default(parameter) = &claim.home
            && let Some(reason) = not_allowed(self.document, parameter, text)
        {
            let (layer, to) = (claim.layer.clone(), VersionPart::Text(text.to_owned()));
            return Err(Not::Refused(Refusal::NotAllowed { layer, to, reason }));
        }
        let part = 0..self.document.scalar(leaf).map_or(0, str::len);
        let range = self.document.range_of(leaf, &part);
        let range = range.ok_or_else(|| Not::Left("its text cannot be found as it is written".to_owned()))?;
        Ok(Change::Scalar(Edit { leaf, part, range, new: text.to_owned() }))
    }

    /// Where a node is used for something that is none of the claims.
    fn places_beside(&self, node: NodeId, claims: &[Claim], to: &To) -> Vec<String> {
        let ways = claims.iter().flat_map(|claim| &claim.ways);
        let own: Vec<Vec<&str>> = ways.map(|way| way.iter().map(String::as_str).collect()).collect();
        let new = match to {
            To::Text(text) => text.as_str(),
            To::Items(_) => "",
        };
        let homes: BTreeSet<&Home> = claims.iter().map(|claim| &claim.home).collect();
        // An anchor may stand at an item of a list, too.
        let nodes = std::iter::once(node).chain(self.document.items(node).into_iter().flatten().copied());
        let places = nodes.flat_map(|node| {
            homes.iter().flat_map(|home| self.uses.beside(node, home, &own, new)).collect::<Vec<_>>()
        });
        places.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn is_met(&self, node: NodeId, to: &To) -> bool {
        match to {
            To::Text(text) => self.document.scalar(node) == Some(text),
            To::Items(items) => self.items(node) == set(items),
        }
    }

    /// What stands there.
    fn shown(&self, node: NodeId) -> String {
        match self.document.scalar(node) {
            Some(text) => text.to_owned(),
            None => self.items(node).into_iter().collect::<Vec<_>>().join(", "),
        }
    }

    fn items(&self, list: NodeId) -> BTreeSet<&str> {
        let items = self.document.items(list).into_iter().flatten();
        items.filter_map(|item| self.document.scalar(*item)).collect()
    }
}
