//! What names a layer and stays as it is, with the reason.

use std::collections::BTreeMap;

use super::{LeftAlone, Planner, Weight};
use crate::arn::LayerName;
use crate::document::{Content, Document, NodeId};
use crate::flow::{Flow, Reason};
use crate::pattern::{ArnPattern, Variables};
use crate::pins::Pins;

/// How a reason ends where a flag would help.
const INCLUDE: &str = "; `--include` would change it";

impl Planner<'_, '_, '_> {
    /// What is in the place of a layer and was not understood, and every other scalar that names a pinned layer.
    pub(super) fn not_understood(&mut self, flow: &Flow) {
        let mut done: Vec<NodeId> = flow.leaves().collect();
        for reference in &flow.references {
            let below = self.document.below(reference.entry);
            done.extend(self.document.nodes_in(&below).map(|(id, _)| id));
        }
        for unread in &flow.unread {
            let layer = self.layer_of(unread.node, &unread.text, &unread.reason);
            let weight = match (&layer, unread.reason.is_expected()) {
                (None, _) => Weight::Other,
                (Some(_), true) => Weight::Expected,
                (Some(_), false) => Weight::Warning,
            };
            self.leave(unread.node, layer, unread.reason.to_string(), weight);
            let below = self.document.below(unread.node);
            done.extend(self.document.nodes_in(&below).map(|(id, _)| id));
        }
        done.sort_unstable();
        let sections = Sections::new(self.document);
        let contents = content_parameters(self.document);
        let loops = loops_of_properties(self.document, flow);
        for (id, node) in self.document.nodes() {
            let Content::Scalar { value, .. } = &node.content else { continue };
            if may_mention(value) && done.binary_search(&id).is_err() {
                if contents.iter().any(|below| below.contains(&id)) {
                    self.content(id, value);
                } else {
                    let is_looped = loops.iter().any(|below| below.contains(&id));
                    let reason = if is_looped { LOOP } else { sections.reason(id) };
                    self.mention(id, value, reason);
                }
            }
        }
    }

    /// The pinned layer that something not understood is about, if it says so.
    fn layer_of(&self, node: NodeId, text: &str, reason: &Reason) -> Option<LayerName> {
        let pins = self.wanted.pins;
        let below = self.document.below(node);
        let texts = self.document.nodes_in(&below).filter_map(|(_, node)| match &node.content {
            Content::Scalar { value, .. } => Some(value.as_ref()),
            _ => None,
        });
        let named = texts.chain([text]).find_map(|text| pins.mentioned_in_piece(text));
        let hinted = || match reason {
            Reason::Ssm { parameter, name } => pins.hinted_in(name).or_else(|| pins.hinted_in(parameter)),
            Reason::NoDefault(name) | Reason::Resolve(name) => pins.hinted_in(name),
            _ => None,
        };
        named.or_else(hinted).cloned()
    }

    /// The key of a zip in a template that makes the layer.
    fn content(&mut self, id: NodeId, value: &str) {
        if let Some(layer) = self.wanted.pins.mentioned_in(value) {
            let reason = "it is the content of a layer that this template makes, which `--update-content` brings along";
            self.leave(id, Some(layer.clone()), reason.to_owned(), Weight::Expected);
        }
    }

    /// For a file that takes no part: what it names, with the one reason.
    pub(super) fn only_mentions(&mut self, reason: &str) {
        for (id, node) in self.document.nodes() {
            if let Content::Scalar { value, .. } = &node.content {
                // Where only a part of the text is an ARN, no flag would change it.
                let is_arn =
                    || ArnPattern::parse_with(value, Variables::Foreign, &self.wanted.placeholders).is_ok();
                match reason.strip_suffix(INCLUDE) {
                    Some(reason) if may_mention(value) && !is_arn() => {
                        self.mention(
                            id,
                            value,
                            &format!("{reason}, and this is no more than part of the text"),
                        );
                    }
                    _ => self.mention(id, value, reason),
                }
            }
        }
    }

    pub(super) fn mention(&mut self, id: NodeId, value: &str, reason: &str) {
        if let Some(layer) = self.wanted.pins.mentioned_in(value) {
            self.leave(id, Some(layer.clone()), reason.to_owned(), Weight::Note);
        }
    }

    pub(super) fn leave(&mut self, node: NodeId, layer: Option<LayerName>, reason: String, weight: Weight) {
        let position = self.document.position(node);
        if weight > Weight::Other {
            self.plan.names.extend(layer.clone());
        }
        self.plan.left_alone.push(LeftAlone { position, layer, reason, weight });
    }
}

const LOOP: &str = "it is in a `Fn::ForEach` of properties, which is not followed";

/// Where `Fn::ForEach` makes properties of functions, `Layers` perhaps.
fn loops_of_properties(document: &Document<'_>, flow: &Flow) -> Vec<std::ops::Range<NodeId>> {
    let properties = flow.functions.iter().flat_map(|function| &function.properties);
    let pairs = properties.flat_map(|properties| document.pairs(*properties));
    let is_loop = |name: NodeId| document.scalar(name).is_some_and(|name| name.starts_with("Fn::ForEach::"));
    pairs.filter(|(name, _)| is_loop(*name)).map(|(_, value)| document.below(*value)).collect()
}

/// The parameters that carry the content of a layer which the template makes.
fn content_parameters(document: &Document<'_>) -> Vec<std::ops::Range<NodeId>> {
    let under = |key: &str| {
        let sections = document.roots().iter().flat_map(|root| document.values(*root, key));
        sections.flat_map(|section| document.pairs(section).iter().copied()).collect::<Vec<_>>()
    };
    let is_layer = |resource: NodeId| {
        let mut kinds = document.values(resource, "Type").into_iter().filter_map(|id| document.scalar(id));
        kinds.any(|kind| kind.ends_with("::LayerVersion"))
    };
    let mut named = Vec::new();
    for (_, resource) in under("Resources").into_iter().filter(|(_, resource)| is_layer(*resource)) {
        let properties = document.values(resource, "Properties").into_iter();
        let contents = properties
            .flat_map(|properties| ["Content", "ContentUri"].map(|key| document.values(properties, key)))
            .flatten();
        for content in contents {
            let below = document.below(content);
            named.extend(document.nodes_in(&below).filter_map(|(id, _)| document.scalar(id)));
        }
    }
    let is_named =
        |(name, _): &(NodeId, NodeId)| document.scalar(*name).is_some_and(|name| named.contains(&name));
    under("Parameters").into_iter().filter(is_named).map(|(_, parameter)| document.below(parameter)).collect()
}

/// Whether a text could mention a layer at all: a quick look before a thorough one.
fn may_mention(text: &str) -> bool {
    text.len() >= "layer:".len() && text.contains("layer:") || text.contains(crate::arn::PLACEHOLDER_END)
}

/// Which section of the template a node stands in.
struct Sections<'d>(BTreeMap<NodeId, (NodeId, &'d str)>);

impl<'d> Sections<'d> {
    fn new(document: &'d Document<'_>) -> Self {
        let pairs = document.roots().iter().flat_map(|root| document.pairs(*root));
        let named = pairs.filter_map(|(name, value)| {
            let below = document.below(*value);
            Some((below.start, (below.end, document.scalar(*name)?)))
        });
        Self(named.collect())
    }

    fn reason(&self, id: NodeId) -> &'static str {
        let section = self.0.range(..=id).next_back();
        match section {
            Some((_, (end, "Parameters"))) if id < *end => {
                "it is in `Parameters`, and reaches the `Layers` of no function of this template"
            }
            Some((_, (end, "Mappings"))) if id < *end => {
                "it is in `Mappings`, and reaches the `Layers` of no function of this template"
            }
            _ => "it is not in the `Layers` of a function",
        }
    }
}

/// Every comment that names a pinned layer: what stands in the text and in no scalar of it.
pub fn comments(document: &Document<'_>, pins: &Pins) -> Vec<LeftAlone> {
    let mut scalars: BTreeMap<usize, usize> = BTreeMap::new();
    for (_, node) in document.nodes() {
        if let Content::Scalar { .. } = node.content {
            scalars.insert(node.range().start, node.range().end);
        }
    }
    let mut found = Vec::new();
    let mut offset = 0;
    for (index, line) in document.text().split_inclusive('\n').enumerate() {
        for (hash, _) in line.match_indices('#').take(8) {
            let at = offset + hash;
            let inside = scalars.range(..=at).next_back().is_some_and(|(_, end)| at < *end);
            if !inside && let Some(layer) = pins.mentioned_in(&line[hash..]) {
                let column = line[..hash].chars().count() + 1;
                let position = crate::document::Position { line: index + 1, column };
                let (layer, reason) = (Some(layer.clone()), "it is in a comment".to_owned());
                found.push(LeftAlone { position, layer, reason, weight: Weight::Expected });
                break;
            }
        }
        offset += line.len();
    }
    found
}
