//! What any expression of a template comes to, for those who ask about more than the `Layers` of functions.

use super::Reason;
use super::evaluate::Evaluator;
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
}
