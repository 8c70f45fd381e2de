//! The traps around layers: rules, each with an id, a reason and a fix. Pure: a template in, findings out.
//!
//! `# layer-lint: ignore ID reason` on the line, or alone on the line before, takes a finding back; where there are no
//! comments, `Metadata: {layer-lint: {ID: reason}}` of the resource does. Both want a reason.

use std::collections::BTreeMap;

use crate::document::{Document, NodeId, ParseError, Position, Values, parse};
use crate::flow::{Flow, Listed, Text, Texts, flow};
use crate::kind::{Kind, kind};
use crate::pins::Pins;
use crate::report::Rule;

mod definitions;
mod functions;
mod ignore;
mod references;
mod rules;

pub use rules::{ALL, nearest};

/// What a rule found in one template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The rule.
    pub rule: &'static Rule,
    /// Where.
    pub position: Position,
    /// What.
    pub message: String,
}

/// All findings of one file, and what was written to take findings back and does not work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Linted {
    /// What was found, sorted by place.
    pub found: Vec<Found>,
    /// How many findings were taken back.
    pub ignored: usize,
    /// Whether it is a template at all.
    pub is_template: bool,
}

/// Looks at one file with every rule. `pins` may be empty: some rules need to know layers, and find nothing then.
/// Files that are no templates have no findings.
pub fn lint(text: &str, pins: &Pins) -> Result<Linted, ParseError> {
    let document = parse(text)?;
    if kind(&document) != Kind::Template {
        return Ok(Linted::default());
    }
    let flow = flow(&document);
    let texts = document.roots().iter().map(|root| (*root, Texts::new(&document, *root))).collect();
    let mut linter = Linter { document: &document, flow: &flow, texts, pins, found: Vec::new() };
    linter.definitions();
    linter.functions();
    linter.references();
    let found = linter.found;
    Ok(Linted { is_template: true, ..ignore::without_ignored(&document, found) })
}

struct Linter<'l, 't> {
    document: &'l Document<'t>,
    flow: &'l Flow,
    /// What expressions come to, for each document of the file.
    texts: BTreeMap<NodeId, Texts<'l, 't>>,
    pins: &'l Pins,
    found: Vec<(NodeId, Found)>,
}

/// A resource of the template.
#[derive(Clone, Copy)]
struct Resource<'l> {
    name: &'l str,
    kind: &'l str,
    node: NodeId,
}

impl<'l> Linter<'l, '_> {
    fn find(&mut self, rule: &'static Rule, resource: NodeId, at: NodeId, message: String) {
        let position = self.document.position(at);
        self.found.push((resource, Found { rule, position, message }));
    }

    /// Every resource of a document of the file.
    fn resources(&self, root: NodeId) -> Vec<Resource<'l>> {
        let document = self.document;
        let mut resources = Vec::new();
        let mut waiting = document.values(root, "Resources");
        let mut turns = 0;
        while let Some(section) = waiting.pop() {
            turns += 1;
            for &(name, node) in document.pairs(section) {
                let Some(name) = document.scalar(name) else { continue };
                if name.starts_with("Fn::ForEach::") && turns < 1000 {
                    waiting.extend(document.items(node).and_then(|items| items.get(2).copied()));
                }
                let kinds = document.values(node, "Type");
                if let Some(kind) = kinds.iter().find_map(|kind| document.scalar(*kind)) {
                    resources.push(Resource { name, kind, node: document.resolve(node) });
                }
            }
        }
        resources
    }

    fn properties(&self, resource: NodeId) -> Values {
        self.document.values(resource, "Properties")
    }

    /// The values of a property, wherever the key comes from.
    fn values(&self, properties: &[NodeId], key: &str) -> Vec<NodeId> {
        properties.iter().flat_map(|properties| self.document.values(*properties, key)).collect()
    }

    /// A key of a mapping, to point at it.
    fn key(&self, mapping: NodeId, key: &str) -> Option<NodeId> {
        let pairs = self.document.pairs(mapping).iter();
        pairs.map(|(name, _)| *name).find(|name| self.document.scalar(*name) == Some(key))
    }

    /// A text as somebody has written it, in `Fn::Sub` too.
    fn written(&self, node: NodeId) -> Option<&'l str> {
        let document = self.document;
        match document.intrinsic(node) {
            None => document.scalar(node),
            Some(call) if call.name == "Fn::Sub" => match document.items(call.argument) {
                Some(items) => document.scalar(*items.first()?),
                None => document.scalar(call.argument),
            },
            Some(_) => None,
        }
    }

    /// Everything that an expression may come to, as far as it is known.
    fn texts(&self, root: NodeId, node: NodeId) -> Vec<Text> {
        self.texts.get(&root).map(|texts| texts.of(node)).unwrap_or_default()
    }

    /// The layers that a list may have, on every way that leads to them.
    fn listed(&self, root: NodeId, list: NodeId) -> Vec<Listed> {
        self.texts.get(&root).map(|texts| texts.listed(list)).unwrap_or_default()
    }

    /// The values of the rows that `Fn::FindInMap` may mean.
    fn rows(&self, root: NodeId, argument: NodeId) -> Vec<NodeId> {
        self.texts.get(&root).map(|texts| texts.rows(argument)).unwrap_or_default()
    }

    /// The resource that `Ref` or `Fn::GetAtt` names.
    fn refers_to(&self, node: NodeId) -> Option<&'l str> {
        let document = self.document;
        let call = document.intrinsic(node)?;
        let text = match document.items(call.argument) {
            Some(items) => document.scalar(*items.first()?)?,
            None => document.scalar(call.argument)?,
        };
        match call.name.as_ref() {
            "Ref" | "Fn::GetAtt" => Some(text.split('.').next().unwrap_or(text)),
            "Fn::Sub" => {
                let name = text.strip_prefix("${")?.strip_suffix('}')?;
                Some(name.split('.').next().unwrap_or(name))
            }
            _ => None,
        }
    }

    /// The layers that a resource's functions get, by logical id.
    fn functions_with_layers(&self) -> BTreeMap<&'l str, usize> {
        let mut entries: BTreeMap<usize, usize> = BTreeMap::new();
        for reference in &self.flow.references {
            for index in self.flow.reached(&reference.functions) {
                *entries.entry(index).or_default() += 1;
            }
        }
        for unread in &self.flow.unread {
            for index in self.flow.reached(&unread.functions) {
                *entries.entry(index).or_default() += 1;
            }
        }
        entries.into_iter().map(|(index, count)| (self.flow.functions[index].name.as_str(), count)).collect()
    }
}

#[cfg(test)]
mod tests;
