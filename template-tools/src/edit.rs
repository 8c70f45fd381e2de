//! Edits as splices of bytes, and the proof that they changed what they should and nothing else.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::document::{Content, Document, NodeId, ParseError, Position, parse};

mod json;
mod structure;

pub use structure::{Change, Item, restructure};

/// A piece of a scalar that becomes another text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The scalar.
    pub leaf: NodeId,
    /// The piece, as bytes of what the scalar means.
    pub part: Range<usize>,
    /// The piece, as bytes of the text.
    pub range: Range<usize>,
    /// What it becomes.
    pub new: String,
}

/// Why edits would not do what they should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Two edits touch the same bytes, or one lies outside the text.
    #[error("two edits overlap, or one lies outside the text")]
    Overlap,
    /// The result is no YAML or JSON any more.
    #[error("the result could not be read")]
    Parse(#[from] ParseError),
    /// The result differs in another place.
    #[error("the result would differ at {0}, where nothing should change")]
    Elsewhere(Position),
}

/// Applies edits to the text of a document, and proves the result: it is parsed again, and compared with the document
/// node by node. Only the edited scalars may differ, and only in the way that was meant.
pub fn apply(document: &Document<'_>, edits: &[Edit]) -> Result<String, ProofError> {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| edit.range.start);
    let after = splice(document.text(), &edits).ok_or(ProofError::Overlap)?;
    if document.is_json() {
        json::prove(document, &after, &edits)?;
    } else {
        prove(document, &parse(&after)?, &edits)?;
    }
    Ok(after)
}

fn splice(text: &str, edits: &[&Edit]) -> Option<String> {
    let mut after = String::with_capacity(text.len() + 8 * edits.len());
    let mut done = 0;
    for edit in edits {
        after.push_str(text.get(done..edit.range.start)?);
        after.push_str(&edit.new);
        done = edit.range.end.max(edit.range.start);
    }
    after.push_str(text.get(done..)?);
    Some(after)
}

fn prove(before: &Document<'_>, after: &Document<'_>, edits: &[&Edit]) -> Result<(), ProofError> {
    let mut by_leaf: BTreeMap<NodeId, Vec<&Edit>> = BTreeMap::new();
    for edit in edits {
        by_leaf.entry(edit.leaf).or_default().push(edit);
    }
    let mut edited = by_leaf.into_iter().peekable();
    let tagged_anew = other_tag(before, after);
    let mut others = after.nodes();
    for (id, node) in before.nodes() {
        let edits = edited.next_if(|(leaf, _)| *leaf == id).map(|(_, edits)| edits);
        let same = others.next().is_some_and(|(_, other)| {
            tagged_anew != Some(id)
                && match (&edits, &node.content, &other.content) {
                    (None, content, other) => content == other,
                    (
                        Some(edits),
                        Content::Scalar { value, style },
                        Content::Scalar { value: new, style: new_style },
                    ) => style == new_style && expected(value, edits).as_deref() == Some(new),
                    (Some(_), ..) => false,
                }
        });
        if !same {
            return Err(ProofError::Elsewhere(before.position(id)));
        }
    }
    match others.next() {
        Some((more, _)) => Err(ProofError::Elsewhere(after.position(more))),
        None => Ok(()),
    }
}

/// The first node whose tag is not that of the node with its number in the other document.
fn other_tag(before: &Document<'_>, after: &Document<'_>) -> Option<NodeId> {
    let (mut before, mut after) = (before.tags(), after.tags());
    loop {
        match (before.next(), after.next()) {
            (None, None) => return None,
            (one, other) if one == other => {}
            (Some((id, _)), Some((other, _))) => return Some(id.min(other)),
            (Some((id, _)), None) | (None, Some((id, _))) => return Some(id),
        }
    }
}

/// What a scalar should mean after its edits.
fn expected(value: &str, edits: &[&Edit]) -> Option<String> {
    let mut text = String::with_capacity(value.len() + 8);
    let mut done = 0;
    for edit in edits {
        text.push_str(value.get(done..edit.part.start)?);
        text.push_str(&edit.new);
        done = edit.part.end;
    }
    text.push_str(value.get(done..)?);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(document: &Document<'_>, range: Range<usize>, new: &str) -> Edit {
        let leaf = document
            .nodes()
            .find(|(_, node)| node.range().start <= range.start && range.end <= node.range().end);
        let leaf = leaf.map_or_else(|| document.roots()[0], |(leaf, _)| leaf);
        let start = document.node(leaf).range().start;
        let part = range.start.saturating_sub(start)..range.end.saturating_sub(start);
        Edit { leaf, part, range, new: new.to_owned() }
    }

    #[test]
    fn pieces_are_replaced_and_the_rest_stays() {
        let document = parse("[a1, b2] # c3\r\n").unwrap();
        let leaf = |index: usize| document.items(document.roots()[0]).unwrap()[index];
        let edits = [
            Edit { leaf: leaf(1), part: 1..2, range: 6..7, new: "20".to_owned() },
            Edit { leaf: leaf(0), part: 1..2, range: 2..3, new: "10".to_owned() },
        ];
        assert_eq!(apply(&document, &edits).unwrap(), "[a10, b20] # c3\r\n");
    }

    #[test]
    fn an_edit_of_another_place_than_it_says_is_refused() {
        let document = parse("[a1, b2] # c3\n").unwrap();
        let leaf = document.items(document.roots()[0]).unwrap()[0];
        for range in [6..7, 12..13, 0..1, 3..4] {
            let edit = Edit { leaf, part: 1..2, range: range.clone(), new: "5".to_owned() };
            assert!(apply(&document, &[edit]).is_err(), "{range:?}");
        }
    }

    #[test]
    fn a_scalar_that_nobody_meant_to_edit_must_stay() {
        let document = parse("[a1, b2]").unwrap();
        let leaf = document.items(document.roots()[0]).unwrap()[0];
        let edit = Edit { leaf, part: 0..0, range: 6..7, new: String::new() };
        assert_eq!(apply(&document, &[edit]), Err(ProofError::Elsewhere(Position { line: 1, column: 6 })));
    }

    #[test]
    fn an_edit_that_breaks_the_text_or_its_structure_is_refused() {
        let document = parse("- a\n- b\n").unwrap();
        let leaf = document.items(document.roots()[0]).unwrap()[0];
        for new in ["[", "c, d: e", "c\n- d", "c\n---\nd", "c # d"] {
            let edit = Edit { leaf, part: 0..1, range: 2..3, new: new.to_owned() };
            assert!(apply(&document, &[edit]).is_err(), "{new:?}");
        }
    }

    #[test]
    fn a_tag_that_comes_goes_or_changes_is_refused() {
        for (before, after, column) in [
            ("[!a x, !b y]", "[x, !b y]", 5),
            ("[!a x, !b y]", "[!a x, !c y]", 11),
            ("[!a x, y]", "[!a x, !b y]", 8),
            ("[a, !b y]", "[a, y]", 8),
        ] {
            let [before, after] = [before, after].map(|text| parse(text).unwrap());
            let elsewhere = ProofError::Elsewhere(Position { line: 1, column });
            assert_eq!(prove(&before, &after, &[]), Err(elsewhere), "{}", after.text());
        }
    }

    #[test]
    fn edits_that_overlap_are_refused() {
        let document = parse("- abc\n").unwrap();
        let edits = [edit(&document, 2..4, "x"), edit(&document, 3..5, "y")];
        assert_eq!(apply(&document, &edits), Err(ProofError::Overlap));
        let outside = Edit { leaf: document.roots()[0], part: 0..1, range: 90..91, new: String::new() };
        assert_eq!(apply(&document, &[outside]), Err(ProofError::Overlap));
    }
}
