//! The functions of a template: whatever has `Layers`, and what a layer has to fit.

use std::collections::BTreeSet;

use super::evaluate::plain;
use super::globals::{Ignored, is_taken};
use super::under::Under;
use super::value::{Home, Source, Value};
use super::{Reader, Reason};
use crate::document::{NodeId, Values};

/// How many resources within loops are looked at in one file, each as often as a loop leads to it. No stack has more than
/// 500 resources.
const MOST_IN_LOOPS: usize = 1000;

/// What has `Layers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// `AWS::Lambda::Function`.
    Lambda,
    /// `AWS::Serverless::Function`.
    Serverless,
    /// `Globals`, which reach every `AWS::Serverless::Function` of the template.
    Globals,
}

/// A function, or the globals of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its logical id; `Globals` for the globals.
    pub name: String,
    /// What it is.
    pub kind: FunctionKind,
    /// The resource as a whole.
    pub node: NodeId,
    /// Its properties: more than one where the key comes twice.
    pub properties: Values,
    /// Its runtimes, as far as they can be told: several where a condition decides.
    pub runtimes: Vec<Known>,
    /// Its architectures, as far as they are written down.
    pub architectures: Vec<Known>,
    /// What it does not take over from the globals.
    pub ignored: Ignored,
    /// Whether the layers of the globals are its layers, too.
    pub has_global_layers: bool,
    /// The document of the file that it stands in.
    pub root: NodeId,
}

/// A text that a property may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The text.
    pub text: String,
    /// Where it has that.
    pub under: Under,
}

impl Reader<'_, '_, '_> {
    pub(super) fn template(&mut self, root: NodeId) {
        let document = self.evaluator.document;
        for resources in document.values(root, "Resources") {
            self.resources(root, resources, 0);
        }
        for globals in document.values(root, "Globals") {
            for function in document.values(globals, "Function") {
                self.function(
                    root,
                    "Globals",
                    FunctionKind::Globals,
                    function,
                    Values::from_iter([function]),
                );
            }
        }
    }

    fn resources(&mut self, root: NodeId, resources: NodeId, depth: usize) {
        let document = self.evaluator.document;
        for &(name, resource) in document.pairs(resources) {
            let Some(name) = document.scalar(name) else { continue };
            self.in_loops += usize::from(depth > 0);
            if self.in_loops > MOST_IN_LOOPS {
                // Aliases may lead to the same body very often.
                return self.unread(resources, String::new(), Reason::TooMany, None);
            }
            if name.starts_with("Fn::ForEach::") && depth < 16 {
                self.for_each(root, resource, depth);
            } else {
                self.resource(root, name, resource);
            }
        }
    }

    /// `Fn::ForEach::Name: [Variable, [values], {Key: body}]`: the body, with the variable standing for each value.
    fn for_each(&mut self, root: NodeId, call: NodeId, depth: usize) {
        let document = self.evaluator.document;
        let Some([variable, values, body]) = document.items(call) else { return };
        let Some(variable) = document.scalar(*variable) else { return };
        let values: Vec<Value> = match self.evaluator.list(*values, &Home::Entry) {
            Ok(items) => items.into_iter().flat_map(|item| item.values).collect(),
            Err(reason) => vec![Value::unknown(variable, reason)],
        };
        self.evaluator.loops.push((variable.to_owned(), values));
        self.resources(root, *body, depth + 1);
        self.evaluator.loops.pop();
    }

    fn resource(&mut self, root: NodeId, name: &str, resource: NodeId) {
        let document = self.evaluator.document;
        let kind =
            document.values(resource, "Type").iter().find_map(|kind| match document.scalar(*kind)? {
                "AWS::Lambda::Function" => Some(FunctionKind::Lambda),
                "AWS::Serverless::Function" => Some(FunctionKind::Serverless),
                _ => None,
            });
        if let Some(kind) = kind {
            let properties = document.values(resource, "Properties");
            self.function(root, name, kind, resource, properties);
        }
    }

    fn function(&mut self, root: NodeId, name: &str, kind: FunctionKind, node: NodeId, properties: Values) {
        let node = self.evaluator.document.resolve(node);
        let known = self.flow.functions.len();
        let runtimes = self.known_texts(&properties, "Runtime");
        let architectures = self.known_texts(&properties, "Architectures");
        let layers = properties.clone();
        let ignored = Ignored::of(self.evaluator.document, node);
        self.flow.functions.push(Function {
            name: name.to_owned(),
            kind,
            node,
            has_global_layers: kind == FunctionKind::Serverless
                && !ignored.has("Layers")
                && self.takes_global_layers(root, &properties),
            properties,
            runtimes,
            architectures,
            ignored,
            root,
        });
        self.layers_of(&layers, known);
    }

    fn takes_global_layers(&self, root: NodeId, properties: &[NodeId]) -> bool {
        let document = self.evaluator.document;
        let below = |nodes: &[NodeId], key| -> Values {
            nodes.iter().flat_map(|node| document.values(*node, key)).collect()
        };
        let own = below(properties, "Layers");
        let globals = below(&below(&document.values(root, "Globals"), "Function"), "Layers");
        globals.iter().all(|globals| is_taken(document, *globals, &own))
    }

    /// The texts that a property may have, without those that are not known.
    fn known_texts(&self, properties: &[NodeId], key: &str) -> Vec<Known> {
        let document = self.evaluator.document;
        let mut texts = Vec::new();
        for value in properties.iter().flat_map(|properties| document.values(*properties, key)) {
            if let Some(text) = plain(document, value) {
                texts.push(Known { text: text.into_owned(), under: Under::default() });
                continue;
            }
            let items = self.evaluator.list(value, &Home::Entry).unwrap_or_default();
            let values = items.into_iter().flat_map(|item| item.values);
            let known = values.filter(|value| !value.text.is_empty() && !value.text.contains("${"));
            texts.extend(known.map(|value| Known { text: value.text, under: value.under }));
        }
        texts
    }
}

impl super::Flow {
    /// The nodes that references stand in.
    pub fn leaves(&self) -> impl Iterator<Item = NodeId> {
        self.references.iter().filter_map(|reference| match reference.source {
            Source::Leaf(leaf) => Some(leaf),
            Source::Given(_) => None,
        })
    }

    /// The functions of the template that a reference reaches in the end: those of the globals are all that SAM makes, but
    /// for those that ignore them or replace them.
    pub fn reached(&self, functions: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        for &index in functions {
            let globals = &self.functions[index];
            if globals.kind != FunctionKind::Globals {
                reached.insert(index);
                continue;
            }
            let all = self.functions.iter().enumerate();
            let all = all.filter(|(_, one)| one.has_global_layers && one.root == globals.root);
            reached.extend(all.map(|(index, _)| index));
        }
        reached
    }

    /// The texts of a function's property, with what the globals say where it says nothing itself and does not ignore them.
    pub fn with_globals<'f>(
        &'f self,
        index: usize,
        property: &str,
        of: impl Fn(&'f Function) -> &'f [Known],
    ) -> &'f [Known] {
        let function = &self.functions[index];
        let own = of(function);
        let is_alone = function.kind != FunctionKind::Serverless || function.ignored.has(property);
        if !own.is_empty() || is_alone {
            return own;
        }
        let globals = |one: &&Function| one.kind == FunctionKind::Globals && one.root == function.root;
        self.functions.iter().find(globals).map_or(own, of)
    }
}
