//! The proof for JSON: both texts are read side by side, piece by piece, and no second tree is made.

use super::{Edit, ProofError, expected};
use crate::document::{Content, Document, Position, Tokens, meaning};

/// Every piece of the new text is that of the old one, but for the edited scalars, which mean what was meant.
pub(super) fn prove(document: &Document<'_>, after: &str, edits: &[&Edit]) -> Result<(), ProofError> {
    let text = document.text();
    let (mut old_tokens, mut new_tokens) = (Tokens::new(text), Tokens::new(after));
    let mut edits = edits.iter().copied().peekable();
    loop {
        let old = old_tokens.next().map_err(|()| ProofError::Overlap)?;
        let place = || {
            ProofError::Elsewhere(Position::at(
                text,
                old.as_ref().map_or(text.len(), |(_, range)| range.start),
            ))
        };
        let new = new_tokens.next().map_err(|()| place())?;
        let ((kind, range), (new_kind, new_range)) = match (&old, &new) {
            (None, None) if edits.peek().is_none() => return Ok(()),
            (Some(old), Some(new)) => (old, new),
            _ => return Err(place()),
        };
        let mut own = Vec::new();
        while let Some(edit) = edits.peek().filter(|edit| document.node(edit.leaf).range() == *range) {
            own.push(*edit);
            edits.next();
        }
        let is_same = if own.is_empty() {
            text[range.clone()] == after[new_range.clone()]
        } else {
            let Content::Scalar { value, style } = &document.node(own[0].leaf).content else {
                return Err(place());
            };
            meaning(after, new_range).is_some_and(|(new, new_style)| {
                new_style == *style && expected(value, &own).as_deref() == Some(new.as_ref())
            })
        };
        if kind != new_kind || !is_same {
            return Err(place());
        }
    }
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
