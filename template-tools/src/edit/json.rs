//! The proof for JSON: the new text is read piece by piece, and no second tree is made.

use std::ops::Range;

use super::{Edit, ProofError, expected};
use crate::document::{Content, Document, Position, Token, Tokens, meaning};

/// The new text is JSON; each edited scalar is a scalar in it that means what was meant; and between these, every byte is
/// that of the old text. So all other pieces are the old ones: how JSON is read depends on nothing but what came before.
pub(super) fn prove(document: &Document<'_>, after: &str, edits: &[&Edit]) -> Result<(), ProofError> {
    let text = document.text();
    let mut tokens = Tokens::new(after);
    let (mut old_done, mut new_done) = (0, 0);
    for own in edits.chunk_by(|one, other| one.leaf == other.leaf) {
        let leaf = document.node(own[0].leaf);
        let old = leaf.range();
        let Some(length) = old.start.checked_sub(old_done) else { return Err(ProofError::Overlap) };
        let start = new_done + length;
        same(text, old_done..old.start, after, new_done..start)?;
        let elsewhere = || ProofError::Elsewhere(Position::at(text, old.start));
        let new = loop {
            match tokens.next() {
                Ok(Some((_, range))) if range.start < start => {}
                Ok(Some((Token::Scalar, range))) if range.start == start => break range,
                _ => return Err(elsewhere()),
            }
        };
        let Content::Scalar { value, style } = &leaf.content else { return Err(elsewhere()) };
        let is_meant = meaning(after, &new).is_some_and(|(new, new_style)| {
            new_style == *style && expected(value, own).as_deref() == Some(new.as_ref())
        });
        if !is_meant {
            return Err(elsewhere());
        }
        (old_done, new_done) = (old.end, new.end);
    }
    same(text, old_done..text.len(), after, new_done..after.len())?;
    loop {
        match tokens.next() {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(()),
            Err(()) => return Err(ProofError::Elsewhere(Position::at(text, text.len()))),
        }
    }
}

/// Whether a stretch of the old text is one of the new text, byte for byte.
fn same(text: &str, old: Range<usize>, after: &str, new: Range<usize>) -> Result<(), ProofError> {
    let (old_bytes, new_bytes) =
        (&text.as_bytes()[old.clone()], after.as_bytes().get(new).unwrap_or_default());
    if old_bytes == new_bytes {
        return Ok(());
    }
    let differs = old_bytes.iter().zip(new_bytes).position(|(one, other)| one != other);
    let at = old.start + differs.unwrap_or(old_bytes.len().min(new_bytes.len()));
    Err(ProofError::Elsewhere(Position::at(text, at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse;

    #[test]
    fn only_what_was_meant_may_differ() {
        let text = "{\"a\": \"x:1\", \"b\": [2]}";
        let document = parse(text).unwrap();
        assert!(document.is_json());
        let leaf = document.values(document.roots()[0], "a")[0];
        let edit = Edit { leaf, part: 2..3, range: 9..10, new: "12".to_owned() };
        let check = |after: &str| prove(&document, after, &[&edit]).is_ok();
        assert!(check("{\"a\": \"x:12\", \"b\": [2]}"));
        for after in [
            text,
            "{\"a\": \"x:12\", \"b\": [3]}",
            "{\"a\": \"x:13\", \"b\": [2]}",
            "{\"a\": \"x:12\", \"b\": {}}",
            "{\"a\": \"x:12\", \"b\": [2]",
            "{\"a\": \"x:12\", \"b\": [2, 2]}",
            "{\"z\": \"x:12\", \"b\": [2]}",
        ] {
            assert!(!check(after), "{after}");
        }
    }
}
