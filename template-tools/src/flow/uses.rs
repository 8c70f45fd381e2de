//! Where else the scalar that carries a layer's version is used: a number that is a timeout, too, may not be changed.
//!
//! Pure. What a place comes to decides where it can be told: a text in which the version stands behind the layer's name is
//! one more reference to it, wherever it is. Anything else counts as another use, unless a new number there can do no harm
//! (`Outputs`, `Metadata`, a description, tags, environment variables, the parameter of a nested stack that has `layer` in
//! its name, a comparison that comes out as before).

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::evaluate::Evaluator;
use super::pieces::{Piece, pieces_of};
use super::value::{Home, Source, Value};
use super::{Given, Reference};
use crate::document::{Content, Document, NodeId, Style};

mod harmless;
mod whole;

/// How many places of one scalar are looked at.
const MOST_PLACES: usize = 1000;

/// The uses of scalars in one template, found when somebody asks for the first time.
pub(crate) struct Uses<'d, 't> {
    document: &'d Document<'t>,
    given: &'d [Given],
    leads_elsewhere: OnceCell<bool>,
    index: OnceCell<Index<'d>>,
}

/// Where names are used, rows of mappings, and aliases.
#[derive(Default)]
struct Index<'d> {
    names: BTreeMap<&'d str, Vec<NodeId>>,
    rows: BTreeMap<NodeId, Vec<NodeId>>,
    aliases: Vec<(Range<NodeId>, NodeId)>,
    /// Expressions that may use any mapping, and properties that were not read.
    any_map: Vec<NodeId>,
    not_read: Vec<(NodeId, &'d str)>,
    /// Names that are used in keys, as those of loops are.
    keys: BTreeMap<&'d str, Vec<NodeId>>,
}

/// A step of the way from the root to a node: the key or the number of the item, and what is there.
struct Step<'d> {
    name: Option<&'d str>,
    node: NodeId,
}

impl<'d, 't> Uses<'d, 't> {
    pub(crate) fn new(document: &'d Document<'t>, given: &'d [Given]) -> Self {
        Self { document, given, leads_elsewhere: OnceCell::new(), index: OnceCell::new() }
    }

    /// The places where the scalar of a reference is used for something else, as people find them. `layers` are those that
    /// the number is the version of, `new` is what it becomes.
    pub(crate) fn others(&self, reference: &Reference, layers: &BTreeSet<&str>, new: &str) -> Vec<String> {
        let Reference { source, home, entry, .. } = reference;
        let Some((root, places)) = self.places(*source, home, *entry) else { return Vec::new() };
        let mut evaluator = Evaluator::new(self.document, root, self.given);
        let is_other =
            |place: &NodeId| !self.is_harmless(&mut evaluator, root, *place, reference, layers, new);
        let mut found: Vec<NodeId> = places.into_iter().filter(is_other).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|place| self.shown(root, place)).collect()
    }

    /// The places where a scalar is used, and the document that they are in; nothing if it is used where it stands only.
    fn places(&self, source: Source, home: &Home, entry: NodeId) -> Option<(NodeId, Vec<NodeId>)> {
        let document = self.document;
        let leaf = match source {
            Source::Leaf(leaf) => leaf,
            Source::Given(_) => entry,
        };
        let root = *document.roots().iter().find(|root| document.below(**root).contains(&leaf))?;
        if *home == Home::Entry && !self.leads_elsewhere() {
            // It stands in the entry, and nothing else leads there.
            return None;
        }
        let index = self.index.get_or_init(|| self.index());
        let mut places: Vec<NodeId> = Vec::new();
        match (home, source) {
            (Home::Default(name) | Home::Given(name), _) => places_of(index, name, &mut places),
            (Home::Row, _) => {
                for step in self.way(root, leaf) {
                    places.extend(index.rows.get(&step.node).into_iter().flatten());
                }
                places.extend(&index.any_map);
                let map = self.way(root, leaf).get(1).and_then(|step| step.name);
                let mentions = |raw: &str| map.is_some_and(|map| raw.contains(&format!("\"{map}\"")));
                places.extend(index.not_read.iter().filter(|(_, raw)| mentions(raw)).map(|(id, _)| *id));
            }
            (Home::Entry, _) => match self.variable_of_loop(root, leaf) {
                Some((variable, body)) => {
                    let mut named = Vec::new();
                    places_of(index, variable, &mut named);
                    named.extend(index.keys.get(variable).into_iter().flatten());
                    places.extend(named.into_iter().filter(|place| body.contains(place)));
                }
                None => places.push(leaf),
            },
        }
        if let Source::Leaf(leaf) = source {
            places
                .extend(index.aliases.iter().filter(|(target, _)| target.contains(&leaf)).map(|(_, id)| *id));
        }
        // What stands below an anchor is used wherever its alias is.
        let mut next = 0;
        let mut known: BTreeSet<NodeId> = places.iter().copied().collect();
        while let Some(&place) = places.get(next).filter(|_| next < MOST_PLACES) {
            let below = index.aliases.iter().filter(|(target, _)| target.contains(&place));
            places.extend(below.map(|(_, id)| *id).filter(|id| known.insert(*id)));
            next += 1;
        }
        places.truncate(MOST_PLACES);
        places.retain(|place| document.below(root).contains(place));
        Some((root, places))
    }

    /// Whether a text that stands in the place where it is used may be used elsewhere: by aliases, or in a loop.
    fn leads_elsewhere(&self) -> bool {
        let document = self.document;
        *self.leads_elsewhere.get_or_init(|| {
            let is_loop = |(key, _): &(NodeId, NodeId)| {
                document.scalar(*key).is_some_and(|name| name.starts_with("Fn::ForEach::"))
            };
            let resources = document.roots().iter().flat_map(|root| document.values(*root, "Resources"));
            let mut pairs = resources.flat_map(|resources| document.pairs(resources));
            pairs.any(is_loop)
                || !document.is_json()
                    && document.nodes().any(|(_, node)| matches!(node.content, Content::Alias(_)))
        })
    }

    fn index(&self) -> Index<'d> {
        let document = self.document;
        let mut index = Index::default();
        for &root in document.roots() {
            let evaluator = Evaluator::new(document, root, self.given);
            for (id, node) in document.nodes_in(&document.below(root)) {
                match &node.content {
                    Content::Alias(target) => {
                        index.aliases.push((document.below(*target), id));
                        continue;
                    }
                    Content::Scalar { value, style: Style::Plain }
                        if document.is_json() && value.starts_with(['{', '[']) =>
                    {
                        index.not_read.push((id, value));
                    }
                    Content::Mapping(_) => {
                        for &(key, _) in document.pairs(id) {
                            let Some(text) = document.scalar(key) else { continue };
                            for name in names_in(text) {
                                index.keys.entry(name).or_default().push(key);
                            }
                        }
                    }
                    _ => {}
                }
                let Some(call) = document.intrinsic(id) else { continue };
                match call.name.as_ref() {
                    "Ref" => {
                        if let Some(name) = document.scalar(call.argument) {
                            index.names.entry(name).or_default().push(id);
                        }
                    }
                    "Fn::Sub" => {
                        let items = document.items(call.argument);
                        let text = items.map_or(Some(call.argument), |items| items.first().copied());
                        let own = items.and_then(|items| items.get(1).copied());
                        let is_own =
                            |name: &str| own.is_some_and(|own| !document.values(own, name).is_empty());
                        for name in names_in(text.and_then(|text| document.scalar(text)).unwrap_or_default())
                        {
                            if !is_own(name) {
                                index.names.entry(name).or_default().push(id);
                            }
                        }
                    }
                    "Fn::FindInMap" => match evaluator.rows(call.argument) {
                        Some(Ok(rows)) => {
                            for (row, _) in rows {
                                index.rows.entry(document.resolve(row)).or_default().push(id);
                            }
                        }
                        Some(Err(_)) => {}
                        None => index.any_map.push(id),
                    },
                    _ => {}
                }
            }
        }
        index
    }

    /// The steps from the root to a node, the root left out.
    fn way(&self, root: NodeId, node: NodeId) -> Vec<Step<'d>> {
        let document = self.document;
        let mut way: Vec<Step<'d>> = Vec::new();
        let mut at = root;
        while at != node {
            let holds = |id: &NodeId| document.below(*id).contains(&node);
            let step = match &document.node(at).content {
                Content::Sequence(_) => document.items(at).and_then(|items| {
                    items.iter().copied().find(holds).map(|node| Step { name: None, node })
                }),
                Content::Mapping(_) => document.pairs(at).iter().find_map(|(key, value)| {
                    let name = document.scalar(*key);
                    [*value, *key].into_iter().find(holds).map(|node| Step { name, node })
                }),
                _ => None,
            };
            let Some(step) = step else { break };
            at = step.node;
            way.push(step);
        }
        way
    }

    /// The variable that a scalar is a value of, and where that counts.
    fn variable_of_loop(&self, root: NodeId, leaf: NodeId) -> Option<(&'d str, Range<NodeId>)> {
        self.way(root, leaf).into_iter().rev().filter(|step| is_loop(step)).find_map(|step| {
            let [variable, values, body] = self.document.items(step.node)? else { return None };
            let is_value = self.document.below(*values).contains(&leaf);
            Some((self.document.scalar(*variable)?, self.document.below(*body))).filter(|_| is_value)
        })
    }

    fn is_harmless(
        &self,
        evaluator: &mut Evaluator<'d, 't>,
        root: NodeId,
        place: NodeId,
        reference: &Reference,
        layers: &BTreeSet<&str>,
        new: &str,
    ) -> bool {
        let document = self.document;
        let way = self.way(root, place);
        evaluator.start_again();
        if let Some(comparison) = way.iter().rev().find(|step| self.calls(step.node, "Fn::Equals")) {
            return self.compares_as_before(comparison.node, place, reference.source, &reference.part, new)
                || self.stays_filled(evaluator, comparison.node, place);
        }
        if self.is_merged_into_layers(root, &way, place, reference.source)
            || self.chooses_another(evaluator, &way, reference)
        {
            return true;
        }
        for step in way.iter().filter(|step| is_loop(step)) {
            let Some([variable, values, body]) = document.items(step.node) else { continue };
            if let (Some(variable), true) =
                (document.scalar(*variable), document.below(*body).contains(&place))
            {
                let values = evaluator.list(*values, &Home::Entry).unwrap_or_default();
                let values = values.into_iter().flat_map(|item| item.values).collect();
                evaluator.loops.push((variable.to_owned(), values));
            }
        }
        let is_call =
            |id: NodeId| document.intrinsic(id).is_some_and(|call| !call.name.starts_with("Fn::ForEach::"));
        let whole = way.iter().map(|step| step.node).find(|id| is_call(*id)).unwrap_or(place);
        let holds = |values: &[Value]| -> Vec<bool> {
            let places = values.iter().flat_map(|value| {
                value
                    .places_of(reference.source, &reference.part)
                    .map(|at| is_version(&value.text, at, layers))
            });
            places.collect()
        };
        let mut found = holds(&evaluator.texts(whole, &Home::Entry));
        if found.is_empty() {
            let items = evaluator.list(whole, &Home::Entry).unwrap_or_default();
            found = items.iter().flat_map(|item| holds(&item.values)).collect();
        }
        let is_reference = !found.is_empty() && found.iter().all(|is_version| *is_version);
        is_reference || self.stands_where_it_does_no_harm(root, &way)
    }

    /// `Resources.F.Properties.Timeout (5:16)`.
    fn shown(&self, root: NodeId, place: NodeId) -> String {
        let way = self.way(root, place);
        let names = way.iter().filter_map(|step| step.name).filter(|name| *name != "Ref");
        let names = names.filter(|name| !name.starts_with("Fn::") || name.starts_with("Fn::ForEach::"));
        let names = names.collect::<Vec<_>>().join(".");
        format!("`{names}` ({})", self.document.position(place))
    }
}

/// Where a name is used, as far as was read, and what was not read and has it in it.
fn places_of(index: &Index<'_>, name: &str, places: &mut Vec<NodeId>) {
    places.extend(index.names.get(name).into_iter().flatten());
    let (quoted, braced) = (format!("\"{name}\""), ["${", name, "}"].concat());
    let mentions = |raw: &str| raw.contains(&quoted) || raw.contains(&braced);
    places.extend(index.not_read.iter().filter(|(_, raw)| mentions(raw)).map(|(id, _)| *id));
}

fn is_loop(step: &Step<'_>) -> bool {
    step.name.is_some_and(|name| name.starts_with("Fn::ForEach::"))
}

/// Whether what begins there is the version of one of these layers.
fn is_version(text: &str, at: usize, layers: &BTreeSet<&str>) -> bool {
    let Some(before) = text.get(..at).and_then(|before| before.strip_suffix(':')) else { return false };
    layers.iter().any(|layer| before.strip_suffix(layer).is_some_and(|before| before.ends_with(":layer:")))
}

/// The names that stand in a text as `${Name}`.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    pieces_of(text).filter_map(|piece| match piece {
        Piece::Variable(name) => Some(name),
        Piece::Text(..) => None,
    })
}

#[cfg(test)]
mod tests;
