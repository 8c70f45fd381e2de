//! Where else a text or a list is used that changes as a whole: a bucket that a layer's content lies in may be made in the
//! same template.
//!
//! Pure. More counts as another use than for a version: an environment variable with a bucket's name is read by somebody.

use super::{Home, NodeId, Source, Uses};
use crate::document::Content;

impl Uses<'_, '_> {
    /// The places where a node is used that are not below one of these ways from the root, as people find them. `new` is
    /// what its text becomes.
    pub(crate) fn beside(&self, node: NodeId, home: &Home, own: &[Vec<&str>], new: &str) -> Vec<String> {
        let Some((root, places)) = self.places(Source::Leaf(node), home, node) else { return Vec::new() };
        let is_other = |place: &NodeId| !self.is_own_or_harmless(root, *place, node, own, new);
        let mut found: Vec<NodeId> = places.into_iter().filter(is_other).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|place| self.shown(root, place)).collect()
    }

    fn is_own_or_harmless(
        &self,
        root: NodeId,
        place: NodeId,
        node: NodeId,
        own: &[Vec<&str>],
        new: &str,
    ) -> bool {
        let document = self.document;
        let way = self.way(root, place);
        if let Some(comparison) = way.iter().rev().find(|step| self.calls(step.node, "Fn::Equals")) {
            let all = 0..document.scalar(node).map_or(0, str::len);
            return self.compares_as_before(comparison.node, place, Source::Leaf(node), &all, new);
        }
        let names: Vec<&str> = way.iter().filter_map(|step| step.name).filter(|name| *name != "<<").collect();
        // An alias stands for everything below its anchor.
        let is_alias = matches!(document.node(place).content, Content::Alias(_));
        own.iter().any(|own| names.starts_with(own) || is_alias && own.starts_with(&names))
            || !names.contains(&"Environment") && self.stands_where_it_does_no_harm(root, &way)
    }
}
