//! What any expression of a template comes to, for those who ask about more than the `Layers` of functions.

use super::Reason;
use super::evaluate::Evaluator;
use super::under::Under;
use super::value::Home;
use crate::document::{Document, NodeId};

/// What an expression may come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// A text, as far as it is known.
    Known(String),
    /// The resource with this logical id, or one of its attributes.
    Resource(String),
}

/// A layer of a list, on one of the ways to it.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// Where it stands.
    pub(crate) entry: NodeId,
    /// What it is.
    pub(crate) text: Text,
    /// What is the case on this way: branches of conditions, rows of mappings.
    under: Under,
}

impl Listed {
    /// Whether both are there at once. Of conditions with different names nothing is known: they may be each other's
    /// opposite, so both have to be there whenever one of them is.
    pub(crate) fn is_with(&self, other: &Self) -> bool {
        let holds =
            |one: &Self, other: &Self| one.under.conditions().all(|name| other.under.get(name).is_some());
        self.under.agrees_with(&other.under) && (holds(self, other) || holds(other, self))
    }
}

/// The expressions of one document of a file.
pub(crate) struct Texts<'d, 't>(Evaluator<'d, 't>);

impl<'d, 't> Texts<'d, 't> {
    pub(crate) fn new(document: &'d Document<'t>, root: NodeId) -> Self {
        Self(Evaluator::new(document, root, &[]))
    }

    /// Everything that a node may come to, without what is not known at all.
    pub(crate) fn of(&self, node: NodeId) -> Vec<Text> {
        let values = self.0.texts(node, &Home::Entry).into_iter().filter(|value| !value.absent);
        let text = |value: super::Value| match value.wholly_unknown() {
            None => Some(Text::Known(value.text)),
            Some(Reason::Resource(name) | Reason::Attribute(name)) => {
                Some(Text::Resource(name.split('.').next().unwrap_or(name).to_owned()))
            }
            Some(_) => None,
        };
        values.filter_map(text).collect()
    }

    /// The layers that a list may have, on every way that leads to them, as far as they are known.
    pub(crate) fn listed(&self, list: NodeId) -> Vec<Listed> {
        let mut listed = Vec::new();
        for item in self.0.list(list, &Home::Entry).unwrap_or_default() {
            for value in item.values.into_iter().filter(|value| !value.absent) {
                let text = match value.wholly_unknown() {
                    None => Text::Known(value.text),
                    Some(Reason::Resource(name)) => Text::Resource(name.clone()),
                    Some(_) => continue,
                };
                listed.push(Listed { entry: item.node, text, under: value.under });
            }
        }
        listed
    }

    /// The values that `Fn::FindInMap` may find, by what it is given.
    pub(crate) fn rows(&self, argument: NodeId) -> Vec<NodeId> {
        let rows = self.0.rows(argument).and_then(Result::ok).unwrap_or_default();
        rows.into_iter().map(|(value, _)| value).collect()
    }
}
