//! Which leaves of a template reach the `Layers` of a function.
//!
//! Pure: a tree in, references out, whatever the layers are called. What is not understood is named with its reason,
//! and never guessed at.

use std::collections::BTreeMap;

use crate::document::{Content, Document, NodeId};
use crate::pattern::{ArnPattern, NoPattern, Variables};

/// A scalar that is an ARN of a LayerVersion and reaches a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The scalar.
    pub leaf: NodeId,
    /// What it says.
    pub pattern: ArnPattern,
}

/// Something in the place of a layer that is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The entry, or `Layers` as a whole.
    pub node: NodeId,
    /// Why.
    pub reason: Reason,
}

/// Why something in the place of a layer is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A function of CloudFormation that is not followed.
    #[error("`{0}` is not followed")]
    Intrinsic(String),
    /// `Fn::Sub` with variables of its own.
    #[error("the form of `Fn::Sub` that has a list is not followed")]
    ListSub,
    /// A text that is not what a layer looks like.
    #[error(transparent)]
    Text(#[from] NoPattern),
    /// `Layers` is no list.
    #[error("`Layers` is no list")]
    NoList,
    /// A list or a mapping where a layer should be.
    #[error("this is no layer")]
    NoLayer,
}

/// What the `Layers` of all functions of a file hold, in the order of the text, each leaf once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// What is understood.
    pub references: Vec<Reference>,
    /// What is not.
    pub unread: Vec<Unread>,
}

/// Finds every `Layers` of a function, and reads its entries.
pub fn flow(document: &Document<'_>) -> Flow {
    let mut reader = Reader { document, found: BTreeMap::new() };
    for &root in document.roots() {
        for resources in document.values(root, "Resources") {
            for &(_, resource) in document.pairs(resources) {
                reader.resource(resource);
            }
        }
        for globals in document.values(root, "Globals") {
            for function in document.values(globals, "Function") {
                reader.layers_of(function);
            }
        }
    }
    let mut flow = Flow::default();
    for (node, found) in reader.found {
        match found {
            Ok(pattern) => flow.references.push(Reference { leaf: node, pattern }),
            Err(reason) => flow.unread.push(Unread { node, reason }),
        }
    }
    flow
}

const FUNCTIONS: [&str; 2] = ["AWS::Serverless::Function", "AWS::Lambda::Function"];

struct Reader<'d, 't> {
    document: &'d Document<'t>,
    /// A leaf may be reached on several ways, through aliases. One on which it is understood is enough.
    found: BTreeMap<NodeId, Result<ArnPattern, Reason>>,
}

impl Reader<'_, '_> {
    fn resource(&mut self, resource: NodeId) {
        let types = self.document.values(resource, "Type");
        if types.iter().any(|id| self.document.scalar(*id).is_some_and(|name| FUNCTIONS.contains(&name))) {
            for properties in self.document.values(resource, "Properties") {
                self.layers_of(properties);
            }
        }
    }

    fn layers_of(&mut self, properties: NodeId) {
        for layers in self.document.values(properties, "Layers") {
            if let Some(intrinsic) = self.document.intrinsic(layers) {
                self.unread(layers, Reason::Intrinsic(intrinsic.name.into_owned()));
            } else if let Some(entries) = self.document.items(layers) {
                for &entry in entries {
                    self.entry(self.document.resolve(entry));
                }
            } else {
                self.unread(layers, Reason::NoList);
            }
        }
    }

    fn entry(&mut self, entry: NodeId) {
        match self.document.intrinsic(entry) {
            None => self.text(entry, entry, Variables::Literal, Reason::NoLayer),
            Some(call) if call.name == "Fn::Sub" => {
                self.text(entry, call.argument, Variables::Replaced, Reason::ListSub);
            }
            Some(call) => self.unread(entry, Reason::Intrinsic(call.name.into_owned())),
        }
    }

    fn text(&mut self, entry: NodeId, leaf: NodeId, variables: Variables, otherwise: Reason) {
        match &self.document.node(leaf).content {
            Content::Scalar { value, .. } => match ArnPattern::parse(value, variables) {
                Ok(pattern) => {
                    self.found.insert(leaf, Ok(pattern));
                }
                Err(error) => self.unread(leaf, error.into()),
            },
            _ => self.unread(entry, otherwise),
        }
    }

    fn unread(&mut self, node: NodeId, reason: Reason) {
        self.found.entry(node).or_insert(Err(reason));
    }
}

#[cfg(test)]
mod tests;
