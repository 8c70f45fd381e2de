//! From what a reader finds, piece by piece in the order of the text, to the tree.

use std::ops::Range;

use super::{Children, Content, Document, Node, NodeId};

/// A tree that is being made. What is in a collection lies in one long list of all of them, so that no collection has to
/// ask for memory of its own.
pub(super) struct Build<'t> {
    nodes: Vec<Node<'t>>,
    roots: Vec<NodeId>,
    tags: Vec<(NodeId, Box<str>)>,
    items: Vec<NodeId>,
    pairs: Vec<(NodeId, NodeId)>,
    /// The collections that have begun and not ended, each with where its children begin in `waiting`.
    open: Vec<(NodeId, usize)>,
    waiting: Vec<NodeId>,
}

/// There are more nodes, or bytes, than can be counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooLarge;

impl<'t> Build<'t> {
    /// Room for so many nodes.
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            nodes: Vec::with_capacity(nodes),
            roots: Vec::new(),
            tags: Vec::new(),
            items: Vec::new(),
            pairs: Vec::new(),
            open: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// A node without parts.
    pub(super) fn add(
        &mut self,
        content: Content<'t>,
        tag: Option<Box<str>>,
        range: Range<usize>,
    ) -> Result<NodeId, TooLarge> {
        let id = NodeId(u32::try_from(self.nodes.len()).map_err(|_| TooLarge)?);
        let end = NodeId(id.0.checked_add(1).ok_or(TooLarge)?);
        let start = u32::try_from(range.start).map_err(|_| TooLarge)?;
        let after = u32::try_from(range.end).map_err(|_| TooLarge)?;
        self.nodes.push(Node { content, start, after, end });
        if let Some(tag) = tag {
            self.tags.push((id, tag));
        }
        if self.open.is_empty() {
            self.roots.push(id);
        } else {
            self.waiting.push(id);
        }
        Ok(id)
    }

    /// The beginning of a list.
    pub(super) fn sequence(
        &mut self,
        tag: Option<Box<str>>,
        range: Range<usize>,
    ) -> Result<NodeId, TooLarge> {
        self.begin(Content::Sequence(Children::default()), tag, range)
    }

    /// The beginning of a mapping. Keys and values follow in turns.
    pub(super) fn mapping(&mut self, tag: Option<Box<str>>, range: Range<usize>) -> Result<NodeId, TooLarge> {
        self.begin(Content::Mapping(Children::default()), tag, range)
    }

    fn begin(
        &mut self,
        content: Content<'t>,
        tag: Option<Box<str>>,
        range: Range<usize>,
    ) -> Result<NodeId, TooLarge> {
        let id = self.add(content, tag, range)?;
        self.open.push((id, self.waiting.len()));
        Ok(id)
    }

    /// Ends the innermost collection, before this byte.
    pub(super) fn end(&mut self, end: usize) {
        let Some((id, first)) = self.open.pop() else { return };
        let last = NodeId(self.nodes.len() as u32);
        let node = &mut self.nodes[id.0 as usize];
        node.end = last;
        node.after = u32::try_from(end).unwrap_or(u32::MAX).max(node.start);
        let children = &self.waiting[first..];
        match &mut node.content {
            Content::Sequence(own) => {
                *own = Children { first: self.items.len() as u32, count: children.len() as u32 };
                self.items.extend_from_slice(children);
            }
            Content::Mapping(own) => {
                *own = Children { first: self.pairs.len() as u32, count: (children.len() / 2) as u32 };
                self.pairs.extend(children.chunks_exact(2).map(|pair| (pair[0], pair[1])));
            }
            Content::Scalar { .. } | Content::Alias(_) => {}
        }
        self.waiting.truncate(first);
    }

    /// The whole tree.
    pub(super) fn finish(self, text: &'t str) -> Document<'t> {
        let Self { nodes, roots, tags, items, pairs, .. } = self;
        Document {
            text,
            nodes,
            roots,
            tags,
            items,
            pairs,
            is_json: false,
            places: std::cell::OnceCell::new(),
        }
    }
}
