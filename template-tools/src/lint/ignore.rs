//! Findings that somebody who knows better has taken back.

use std::collections::BTreeMap;

use super::rules::{ALL, IGNORE, nearest};
use super::{Found, Linted};
use crate::document::{Content, Document, NodeId, Position};

const MARK: &str = "layer-lint:";

struct Ignored<'t> {
    id: &'t str,
    has_reason: bool,
    /// Whether its line holds nothing else: only then it speaks of the next one.
    is_alone: bool,
}

/// Leaves out what was ignored, and adds what is wrong with an `ignore`.
pub(super) fn without_ignored(document: &Document<'_>, found: Vec<(NodeId, Found)>) -> Linted {
    let mut linted = Linted::default();
    let by_line = in_comments(document, &mut linted.found);
    for (resource, one) in found {
        let line = one.position.line;
        let on_line = |line: usize| by_line.get(&line).into_iter().flatten();
        let before = on_line(line.saturating_sub(1)).filter(|ignored| ignored.is_alone);
        let mut in_comment = on_line(line).chain(before);
        let is_ignored = in_comment.any(|ignored| ignored.id == one.rule.id && ignored.has_reason)
            || in_metadata(document, resource, one.rule.id);
        if is_ignored {
            linted.ignored += 1;
        } else {
            linted.found.push(one);
        }
    }
    linted.found.sort_by(|one, other| (one.position, one.rule.id).cmp(&(other.position, other.rule.id)));
    linted.found.dedup();
    linted
}

fn in_metadata(document: &Document<'_>, resource: NodeId, id: &str) -> bool {
    let metadata = document.values(resource, "Metadata");
    let ours = metadata.iter().flat_map(|metadata| document.values(*metadata, "layer-lint"));
    let mut reasons = ours.flat_map(|ours| document.values(ours, id));
    reasons.any(|reason| document.scalar(reason).is_some_and(|reason| !reason.trim().is_empty()))
}

/// `# layer-lint: ignore ID reason`, by line. What stands in a scalar is no comment.
fn in_comments<'t>(document: &Document<'t>, found: &mut Vec<Found>) -> BTreeMap<usize, Vec<Ignored<'t>>> {
    let mut by_line: BTreeMap<usize, Vec<Ignored<'t>>> = BTreeMap::new();
    if !document.text().contains(MARK) {
        return by_line;
    }
    let scalars = document.nodes().filter(|(_, node)| matches!(node.content, Content::Scalar { .. }));
    let scalars: BTreeMap<usize, usize> =
        scalars.map(|(_, node)| (node.range().start, node.range().end)).collect();
    let mut offset = 0;
    for (index, line) in document.text().split_inclusive('\n').enumerate() {
        if let Some((at, rest)) = comment(line)
            && scalars.range(..=offset + at).next_back().is_none_or(|(_, end)| offset + at >= *end)
        {
            let position = Position { line: index + 1, column: line[..at].chars().count() + 1 };
            let mut words = rest.split_whitespace();
            let (verb, id) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let has_reason = words.next().is_some();
            let is_alone = line[..at].trim().is_empty();
            let wrong = if verb != "ignore" {
                Some("only `ignore` can be asked for".to_owned())
            } else if !ALL.iter().any(|rule| rule.id == id) {
                let hint = nearest(id).map_or_else(String::new, |id| format!(", did you mean `{id}`?"));
                Some(format!("there is no rule `{id}`{hint}"))
            } else if !has_reason {
                Some(format!("nothing says why `{id}` is ignored"))
            } else {
                None
            };
            found.extend(wrong.map(|message| Found { rule: IGNORE, position, message }));
            by_line.entry(index + 1).or_default().push(Ignored { id, has_reason, is_alone });
        }
        offset += line.len();
    }
    by_line
}

fn comment(line: &str) -> Option<(usize, &str)> {
    line.match_indices('#').find_map(|(at, _)| {
        let rest = line[at..].trim_start_matches('#').trim_start().strip_prefix(MARK)?;
        Some((at, rest))
    })
}
