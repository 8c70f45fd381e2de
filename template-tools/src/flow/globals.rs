//! What SAM makes of `Globals`: which of their properties a function takes over, beside its own.

use super::Function;
use crate::document::{Content, Document, NodeId, Values};

/// The properties of the globals that a function does without, by its `IgnoreGlobals`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// Those with these names.
    Named(Vec<String>),
    /// `"*"`: all of them.
    All,
}

impl Ignored {
    /// What a resource says.
    pub(super) fn of(document: &Document<'_>, resource: NodeId) -> Self {
        let values = document.values(resource, "IgnoreGlobals");
        if values.iter().any(|value| document.scalar(*value) == Some("*")) {
            return Self::All;
        }
        let names = values.iter().flat_map(|value| document.items(*value).unwrap_or_default());
        Self::Named(names.filter_map(|name| document.scalar(*name)).map(str::to_owned).collect())
    }

    /// Whether it is one of them.
    pub fn has(&self, property: &str) -> bool {
        match self {
            Self::Named(names) => names.iter().any(|name| name == property),
            Self::All => true,
        }
    }
}

/// The values at a path of properties: a function's own, and behind them what it takes over from the globals.
pub(crate) fn merged(
    document: &Document<'_>,
    function: &Function,
    globals: Option<&Function>,
    path: &[&str],
) -> Values {
    let is_ignored = path.first().is_some_and(|property| function.ignored.has(property));
    let globals = globals.filter(|_| !is_ignored);
    let mut own = function.properties.clone();
    let mut theirs = globals.map(|globals| globals.properties.clone()).unwrap_or_default();
    for key in path {
        let below = |nodes: Values| nodes.into_iter().flat_map(|node| document.values(node, key));
        own = below(own).collect();
        theirs = below(theirs).filter(|theirs| is_taken(document, *theirs, &own)).collect();
    }
    own.extend(theirs);
    own
}

/// Whether a value of the globals counts beside those of a function: lists are put together and maps merged. Everything
/// else, functions of CloudFormation too, is replaced.
pub(super) fn is_taken(document: &Document<'_>, theirs: NodeId, own: &[NodeId]) -> bool {
    let is_written = |node: NodeId| document.intrinsic(node).is_none();
    let is_list = |node: NodeId| is_written(node) && document.items(node).is_some();
    let is_map = |node: NodeId| {
        is_written(node) && matches!(document.node(document.resolve(node)).content, Content::Mapping(_))
    };
    own.iter().all(|own| is_list(*own) && is_list(theirs) || is_map(*own) && is_map(theirs))
}
