//! Edits that change the structure: a node that becomes another, a pair that comes into a mapping. And their proof.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::{Edit, ProofError, expected};
use crate::document::{Content, Document, NodeId, parse};

/// A change of the structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The node becomes something else.
    Replace {
        /// The node.
        node: NodeId,
        /// Its bytes, with its tag.
        range: Range<usize>,
        /// What it becomes.
        new: String,
    },
    /// A piece of a scalar becomes another text.
    Scalar(Edit),
    /// A pair comes into a mapping.
    Insert {
        /// The mapping.
        mapping: NodeId,
        /// Before which byte.
        at: usize,
        /// The pair, with everything around it.
        new: String,
        /// The key.
        key: String,
    },
    /// A list of scalars gets others.
    Items {
        /// The list.
        node: NodeId,
        /// The bytes that change.
        range: Range<usize>,
        /// What they become.
        new: String,
        /// What the list holds then.
        items: Vec<Item>,
    },
}

/// An item of a list that has got others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The one that it was before, if it was there.
    pub old: Option<NodeId>,
    /// What it means.
    pub text: String,
}

impl Change {
    fn splice(&self) -> (Range<usize>, &str) {
        match self {
            Self::Replace { range, new, .. } | Self::Items { range, new, .. } => (range.clone(), new),
            Self::Scalar(edit) => (edit.range.clone(), &edit.new),
            Self::Insert { at, new, .. } => (*at..*at, new),
        }
    }
}

/// Makes the changes, and proves that nothing else changed: the result is parsed, and compared with the document. What
/// the new nodes and pairs mean is for the caller to prove.
pub fn restructure(document: &Document<'_>, changes: &[Change]) -> Result<String, ProofError> {
    let mut splices: Vec<(Range<usize>, &str)> = changes.iter().map(Change::splice).collect();
    splices.sort_by_key(|(range, _)| (range.start, range.end));
    let text = document.text();
    let mut after = String::with_capacity(text.len() + 64 * changes.len());
    let mut done = 0;
    for (range, new) in splices {
        after.push_str(text.get(done..range.start).ok_or(ProofError::Overlap)?);
        after.push_str(new);
        done = range.end;
    }
    after.push_str(text.get(done..).ok_or(ProofError::Overlap)?);
    prove(document, &parse(&after)?, changes)?;
    Ok(after)
}

fn prove(before: &Document<'_>, after: &Document<'_>, changes: &[Change]) -> Result<(), ProofError> {
    let mut replaced = BTreeSet::new();
    let mut listed: BTreeMap<NodeId, &[Item]> = BTreeMap::new();
    let mut inserted: BTreeMap<NodeId, BTreeSet<&str>> = BTreeMap::new();
    let mut edited: BTreeMap<NodeId, Vec<&Edit>> = BTreeMap::new();
    for change in changes {
        match change {
            Change::Replace { node, .. } => {
                replaced.insert(*node);
            }
            Change::Scalar(edit) => edited.entry(edit.leaf).or_default().push(edit),
            Change::Insert { mapping, key, .. } => {
                inserted.entry(*mapping).or_default().insert(key);
            }
            Change::Items { node, items, .. } => drop(listed.insert(*node, items)),
        }
    }
    for edits in edited.values_mut() {
        edits.sort_by_key(|edit| edit.part.start);
    }
    if before.roots().len() != after.roots().len() {
        return Err(ProofError::Overlap);
    }
    // YAML reads what JSON does not.
    if before.is_json() && !after.is_json() {
        return Err(ProofError::Elsewhere(before.position(before.roots()[0])));
    }
    let mut twins: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    let mut waiting: Vec<(NodeId, NodeId)> =
        before.roots().iter().copied().zip(after.roots().iter().copied()).rev().collect();
    while let Some((old, new)) = waiting.pop() {
        twins.insert(old, new);
        if replaced.contains(&old) {
            continue;
        }
        let elsewhere = || ProofError::Elsewhere(before.position(old));
        if before.tag(old) != after.tag(new) {
            return Err(elsewhere());
        }
        if let Some(items) = listed.get(&old) {
            let pairs = listed_items(before, after, new, items).ok_or_else(elsewhere)?;
            for (old, new, is_same) in pairs.into_iter().rev() {
                twins.insert(old, new);
                waiting.extend(is_same.then_some((old, new)));
            }
            continue;
        }
        match (&before.node(old).content, &after.node(new).content) {
            (Content::Scalar { value, style }, Content::Scalar { value: new, style: new_style })
                if style == new_style
                    && match edited.get(&old) {
                        None => value == new,
                        Some(edits) => expected(value, edits).as_deref() == Some(new),
                    } => {}
            (Content::Alias(old), Content::Alias(new)) if twins.get(old) == Some(new) => {}
            (Content::Sequence(_), Content::Sequence(_)) => {
                let (Some(old_items), Some(new_items)) = (before.items(old), after.items(new)) else {
                    return Err(elsewhere());
                };
                if old_items.len() != new_items.len() {
                    return Err(elsewhere());
                }
                waiting.extend(old_items.iter().copied().zip(new_items.iter().copied()).rev());
            }
            (Content::Mapping(_), Content::Mapping(_)) => {
                let (old_pairs, new_pairs) = (before.pairs(old), after.pairs(new));
                let mut added = inserted.get(&old).cloned().unwrap_or_default();
                let mut stays = Vec::with_capacity(new_pairs.len());
                for pair in new_pairs {
                    if !after.scalar(pair.0).is_some_and(|key| added.remove(key)) {
                        stays.push(*pair);
                    }
                }
                if !added.is_empty() || stays.len() != old_pairs.len() {
                    return Err(elsewhere());
                }
                for (old, new) in old_pairs.iter().zip(stays).rev() {
                    waiting.push((old.1, new.1));
                    waiting.push((old.0, new.0));
                }
            }
            _ => return Err(elsewhere()),
        }
    }
    Ok(())
}

/// The items of a list that were there before, each with what it is now and whether that should be the same; nothing if
/// the list does not hold what was meant. What is not the same is a text in the quotes that it had.
fn listed_items(
    before: &Document<'_>,
    after: &Document<'_>,
    list: NodeId,
    items: &[Item],
) -> Option<Vec<(NodeId, NodeId, bool)>> {
    let new = after.items(list).filter(|new| new.len() == items.len())?;
    let mut pairs = Vec::new();
    for (&new, Item { old, text }) in new.iter().zip(items) {
        let Content::Scalar { style, .. } = &after.node(after.resolve(new)).content else { return None };
        let tag = after.tag(new);
        let is_meant = after.scalar(new) == Some(text);
        let is_same = old.is_some_and(|old| before.scalar(old) == Some(text));
        let was = old.map(|old| (before.tag(old), &before.node(old).content));
        let is_like_before = match was {
            None => tag.is_none(),
            Some((old_tag, Content::Scalar { style: old, .. })) => tag == old_tag && style == old,
            Some(_) => is_same,
        };
        if !is_meant || !is_like_before {
            return None;
        }
        pairs.extend(old.map(|old| (old, new, is_same)));
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_change_as_meant_beside_the_structure() {
        let document = parse("a: x1 # c\nb: y1\n").unwrap();
        let leaf = |key: &str| document.values(document.roots()[0], key)[0];
        let edit = |leaf: NodeId, range: Range<usize>| {
            Change::Scalar(Edit { leaf, part: 1..2, range, new: "20".to_owned() })
        };
        let replace = Change::Replace { node: leaf("b"), range: 13..15, new: "!Ref Z".to_owned() };
        let after = restructure(&document, &[replace.clone(), edit(leaf("a"), 4..5)]);
        assert_eq!(after.unwrap(), "a: x20 # c\nb: !Ref Z\n");
        assert!(restructure(&document, &[replace, edit(leaf("a"), 3..4)]).is_err());
    }

    #[test]
    fn a_list_holds_what_was_meant() {
        let document = parse("a: [&n x, 'y', z] # c\nb: *n\n").unwrap();
        let list = document.values(document.roots()[0], "a")[0];
        let old = document.items(list).unwrap();
        let item = |old: Option<usize>, text: &str| Item {
            old: old.map(|index| document.items(list).unwrap()[index]),
            text: text.to_owned(),
        };
        assert_eq!(old.len(), 3);
        let meant = [item(Some(0), "x"), item(Some(1), "w"), item(None, "v")];
        let run = |new: &str, items: &[Item]| {
            let (new, items) = (new.to_owned(), items.to_vec());
            restructure(&document, &[Change::Items { node: list, range: 10..16, new, items }])
        };
        assert_eq!(run("'w', v", &meant).unwrap(), "a: [&n x, 'w', v] # c\nb: *n\n");
        for wrong in
            ["'w'", "'w', u", "w, v", "'w', !!str v", "'w', [v]", "'w', v, u", "'w', v]\nc: [", "- 'w', v"]
        {
            assert!(run(wrong, &meant).is_err(), "{wrong}");
        }
        // The alias would stand for another item.
        assert!(run("'w', v", &[item(Some(1), "x"), item(Some(0), "w"), item(None, "v")]).is_err());
    }

    #[test]
    fn what_is_meant_changes_and_nothing_else() {
        let document = parse("a: [x, y] # c\nb: {k: &n 1, l: *n}\n").unwrap();
        let root = document.roots()[0];
        let a = document.values(root, "a")[0];
        let replace =
            |range: Range<usize>, new: &str| Change::Replace { node: a, range, new: new.to_owned() };
        let insert = |at: usize, new: &str, key: &str| Change::Insert {
            mapping: root,
            at,
            new: new.to_owned(),
            key: key.to_owned(),
        };
        let both = [replace(3..9, "!Ref Z"), insert(0, "c: 1\n", "c")];
        assert_eq!(restructure(&document, &both).unwrap(), "c: 1\na: !Ref Z # c\nb: {k: &n 1, l: *n}\n");
        for wrong in [
            vec![replace(3..9, "x\nc: d")],
            vec![replace(0..9, "z: 1")],
            vec![insert(0, "c: 1\n", "d")],
            vec![insert(0, "c: 1\nd: 1\n", "d")],
            vec![insert(18, "z: 1, ", "z")],
            vec![replace(3..9, "&n 2, x"), insert(500, "", "c")],
        ] {
            assert!(restructure(&document, &wrong).is_err(), "{wrong:?}");
        }
    }
}
