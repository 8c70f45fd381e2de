//! A YAML or JSON file as a tree, where every node knows which bytes of the text it stands in.
//!
//! The tree borrows from the text and never changes: edits are splices of the text ([`crate::edit`]). Nodes are
//! numbered in the order of the text, so that two texts of the same structure have the same numbers.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;

use smallvec::SmallVec;

mod align;
mod block;
mod build;
mod intrinsic;
mod json;
mod places;
mod yaml;

pub(crate) use align::align;
pub use intrinsic::Intrinsic;
pub use json::comment_in_json;
pub(crate) use json::{Token, Tokens, meaning};
use places::Places;
pub use yaml::{ParseError, parse};

/// The number of a node in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In `'`.
    SingleQuoted,
    /// In `"`.
    DoubleQuoted,
    /// A block, `|` or `>`.
    Block,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content<'t> {
    /// A text, a number, a truth value, nothing: whatever has no parts.
    Scalar {
        /// What it means: without quotes, escapes undone, lines folded.
        value: Cow<'t, str>,
        /// How it is written.
        style: Style,
    },
    /// A list: [`Document::items`].
    Sequence(Children),
    /// Keys with their values, in the order of the text; a key may come twice: [`Document::pairs`].
    Mapping(Children),
    /// `*name`, standing for the node with `&name`.
    Alias(NodeId),
}

/// The values under one key. There is one, or none, in nearly every mapping: that needs no memory of its own.
pub type Values = SmallVec<[NodeId; 2]>;

/// What is in a collection, by its place in the document's list of all items or of all pairs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Children {
    first: u32,
    count: u32,
}

impl Children {
    fn range(self) -> Range<usize> {
        self.first as usize..self.first as usize + self.count as usize
    }
}

/// A place in a text, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
}

impl Position {
    /// The place of a byte of a text.
    pub fn at(text: &str, offset: usize) -> Self {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let line = before.split(|byte| *byte == b'\n').count();
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |index| index + 1);
        Self { line, column: String::from_utf8_lossy(&before[start..]).chars().count() + 1 }
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.line, self.column)
    }
}

/// A node of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node<'t> {
    /// What it is.
    pub content: Content<'t>,
    start: u32,
    /// Behind its last byte.
    after: u32,
    /// One more than the number of its last descendant.
    end: NodeId,
}

impl Node<'_> {
    /// Where it stands in the text, in bytes: a scalar with its quotes, without its tag.
    pub fn range(&self) -> Range<usize> {
        self.start as usize..self.after as usize
    }
}

/// All documents of one file.
#[derive(Clone, Debug)]
pub struct Document<'t> {
    text: &'t str,
    nodes: Vec<Node<'t>>,
    roots: Vec<NodeId>,
    /// By the numbers of their nodes: JSON has none, and most nodes of YAML have none either.
    tags: Vec<(NodeId, Box<str>)>,
    items: Vec<NodeId>,
    pairs: Vec<(NodeId, NodeId)>,
    is_json: bool,
    places: OnceCell<Places>,
}

impl<'t> Document<'t> {
    /// Whether the text is JSON to the letter.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// The text that was read.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// The root of each document in the file.
    pub fn roots(&self) -> &[NodeId] {
        &self.roots
    }

    /// All nodes, in the order of the text.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node<'t>)> {
        (0..).map(NodeId).zip(&self.nodes)
    }

    /// A node of this document.
    pub fn node(&self, id: NodeId) -> &Node<'t> {
        &self.nodes[id.0 as usize]
    }

    /// The node itself and everything below it.
    pub fn below(&self, id: NodeId) -> Range<NodeId> {
        id..self.node(id).end
    }

    /// The nodes of a range, in the order of the text.
    pub fn nodes_in(&self, range: &Range<NodeId>) -> impl Iterator<Item = (NodeId, &Node<'t>)> {
        (range.start.0..range.end.0).map(|id| (NodeId(id), &self.nodes[id as usize]))
    }

    /// The node that is meant: an alias stands for the node with its anchor.
    pub fn resolve(&self, id: NodeId) -> NodeId {
        match self.node(id).content {
            Content::Alias(target) => target,
            _ => id,
        }
    }

    /// What a scalar means.
    pub fn scalar(&self, id: NodeId) -> Option<&str> {
        match &self.node(self.resolve(id)).content {
            Content::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn items(&self, id: NodeId) -> Option<&[NodeId]> {
        match self.node(self.resolve(id)).content {
            Content::Sequence(items) => Some(&self.items[items.range()]),
            _ => None,
        }
    }

    /// The pairs of a mapping; none if it is something else.
    pub fn pairs(&self, id: NodeId) -> &[(NodeId, NodeId)] {
        match self.node(self.resolve(id)).content {
            Content::Mapping(pairs) => &self.pairs[pairs.range()],
            _ => &[],
        }
    }

    /// Every value that a mapping has under a key: a key may come twice, and may come in through `<<`.
    pub fn values(&self, mapping: NodeId, key: &str) -> Values {
        let mut values = Values::new();
        let mut merged = Vec::new();
        self.own_values(mapping, key, &mut values, &mut merged);
        // Merged mappings may merge others. Each is visited once: they may also be written in a circle.
        let mut seen = if merged.is_empty() { Vec::new() } else { vec![self.resolve(mapping)] };
        while let Some(mapping) = merged.pop() {
            if seen.contains(&mapping) {
                continue;
            }
            seen.push(mapping);
            self.own_values(mapping, key, &mut values, &mut merged);
        }
        values
    }

    /// The values that stand under a key in the mapping itself, and what it merges.
    fn own_values(&self, mapping: NodeId, key: &str, values: &mut Values, merged: &mut Vec<NodeId>) {
        for &(name, value) in self.pairs(mapping) {
            match self.scalar(name) {
                Some(name) if name == key => values.push(self.resolve(value)),
                Some("<<") => match self.items(value) {
                    Some(items) => merged.extend(items.iter().map(|item| self.resolve(*item))),
                    None => merged.push(self.resolve(value)),
                },
                _ => {}
            }
        }
    }

    /// Where a node begins, for people.
    pub fn position(&self, id: NodeId) -> Position {
        let places = self.places.get_or_init(|| Places::new(self.text));
        places.at(self.text, self.node(id).range().start)
    }

    /// The tag of a node as written, for example `!Sub`.
    pub fn tag(&self, id: NodeId) -> Option<&str> {
        let index = self.tags.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&self.tags[index].1)
    }

    /// All tags, in the order of their nodes.
    pub(crate) fn tags(&self) -> impl Iterator<Item = (NodeId, &str)> {
        self.tags.iter().map(|(id, tag)| (*id, &**tag))
    }

    /// The text of a scalar as it is written, without its quotes, and where it stands.
    pub fn raw_scalar(&self, id: NodeId) -> Option<(Range<usize>, &'t str, Style)> {
        let node = self.node(id);
        let Content::Scalar { style, .. } = &node.content else { return None };
        let quote = usize::from(matches!(style, Style::SingleQuoted | Style::DoubleQuoted));
        let inner = node.range().start + quote..node.range().end.checked_sub(quote)?;
        Some((inner.clone(), self.text.get(inner)?, *style))
    }

    /// The bytes of the text that a part of a scalar's value stands in, if it can be told. Whether it was the right
    /// place shows in the proof.
    pub fn range_of(&self, id: NodeId, part: &Range<usize>) -> Option<Range<usize>> {
        let Content::Scalar { value, .. } = &self.node(id).content else { return None };
        let (inner, raw, style) = self.raw_scalar(id)?;
        let range = align(raw, value, style, part)?;
        Some(inner.start + range.start..inner.start + range.end)
    }
}

/// Whether the quick readers, where they read a text, see what the reader of all of YAML sees: for tests and fuzzing.
/// Large JSON, of which dull parts are passed over, is not compared, nor is what JSON allows and YAML does not, such as
/// very long keys.
#[doc(hidden)]
pub fn readers_agree(text: &str) -> bool {
    let full = yaml::parse_yaml(text);
    let is_same = |quick: &Document<'_>| {
        full.as_ref().is_ok_and(|full| {
            (&quick.nodes, &quick.roots, &quick.tags, &quick.items, &quick.pairs)
                == (&full.nodes, &full.roots, &full.tags, &full.items, &full.pairs)
        })
    };
    let json = json::parse(text).filter(|_| text.len() < json::LARGE && full.is_ok());
    json.as_ref().is_none_or(is_same) && block::parse(text).as_ref().is_none_or(is_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_value_is_found_in_the_text() {
        let text = "['one:two:3', \"o\\x6ee:two:3\", \"one:tw\\x6f:3\", one, 'it''s:3 ']";
        let document = parse(text).unwrap();
        let items = document.items(document.roots()[0]).unwrap();
        let found = |item: usize, part: Range<usize>| {
            document.range_of(items[item], &part).map(|range| (range.start, &text[range]))
        };
        assert_eq!(found(0, 4..7), Some((6, "two")));
        assert_eq!(found(0, 8..9), Some((10, "3")));
        assert_eq!(found(1, 8..9), Some((26, "3")));
        assert_eq!(found(1, 4..7), Some((22, "two")));
        assert_eq!(found(3, 0..3), Some((46, "one")));
        assert_eq!(found(4, 5..6), Some((58, "3")));
        assert_eq!(document.range_of(document.roots()[0], &(0..1)), None);
    }
}
