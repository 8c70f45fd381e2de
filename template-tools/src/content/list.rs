//! A list of plain items that gets others: no more of its text changes than has to.
//!
//! Pure. Dashes, commas, quotes, lines and comments stay. An item that goes takes its line with it, and one that comes
//! gets a line like its neighbour's. Where that cannot be done without harm to a comment, nothing is.

use std::ops::Range;

use crate::document::{Content, Document, NodeId, Style};
use crate::edit::{Change, Item};

/// Why a list keeps its items.
pub(super) type Why = &'static str;

const COMMENT: Why = "a comment in it would be lost, or stand at another item";
const FORM: Why = "it is written in a way that cannot be kept";

/// The change that gives a list these items, in this order.
pub(super) fn with_items(document: &Document<'_>, list: NodeId, items: &[String]) -> Result<Change, Why> {
    let old = document.items(list).unwrap_or_default();
    let is_flow = document.text()[document.node(list).range().start..].starts_with('[');
    let written = Written { document, list, old, is_flow };
    if old.is_empty() {
        return written.fill(items);
    }
    let texts: Vec<&str> = old.iter().map(|item| document.scalar(*item).unwrap_or_default()).collect();
    let places = aligned(&texts, items);
    let mut splices = Vec::new();
    let mut behind = None;
    for (place, new) in places.iter().zip(items) {
        match *place {
            Some(index) if texts[index] == new => {}
            Some(index) => splices.push((written.inner(index)?, new.clone())),
            None => splices.push(written.insert(behind, new)?),
        }
        behind = place.or(behind);
    }
    let goes: Vec<usize> = (0..old.len()).filter(|index| !places.contains(&Some(*index))).collect();
    for run in goes.chunk_by(|one, other| is_flow && one + 1 == *other) {
        splices.push((written.without(run[0]..run[run.len() - 1] + 1)?, String::new()));
    }
    let items = places.iter().zip(items);
    let items = items.map(|(place, text)| Item { old: place.map(|index| old[index]), text: text.clone() });
    let (range, new) = joined(document.text(), splices).ok_or(FORM)?;
    Ok(Change::Items { node: list, range, new, items: items.collect() })
}

/// For each new item, which of the old ones it takes the place of: as many as can be are the same, in their order.
fn aligned(old: &[&str], new: &[String]) -> Vec<Option<usize>> {
    // How many are the same from there on.
    let mut same = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for (i, j) in (0..old.len()).rev().flat_map(|i| (0..new.len()).rev().map(move |j| (i, j))) {
        same[i][j] =
            if old[i] == new[j] { same[i + 1][j + 1] + 1 } else { same[i + 1][j].max(same[i][j + 1]) };
    }
    let mut places = vec![None; new.len()];
    let (mut i, mut j) = (0, 0);
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            places[j] = Some(i);
            (i, j) = (i + 1, j + 1);
        } else if same[i + 1][j] >= same[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    // Between two that stay, one takes the place of the other.
    let mut next = 0;
    for index in 0..new.len() {
        let end = places[index..].iter().flatten().next().copied().unwrap_or(old.len());
        if places[index].is_none() && next < end {
            places[index] = Some(next);
        }
        next = places[index].map_or(next, |place| place + 1);
    }
    places
}

/// Several splices as one, with what lies between them.
fn joined(text: &str, mut splices: Vec<(Range<usize>, String)>) -> Option<(Range<usize>, String)> {
    splices.sort_by_key(|(range, _)| (range.start, range.end));
    let start = splices.first()?.0.start;
    let (mut done, mut new) = (start, String::new());
    for (range, piece) in splices {
        new.push_str(text.get(done..range.start)?);
        new.push_str(&piece);
        done = range.end;
    }
    Some((start..done, new))
}

/// How a list stands in its text.
struct Written<'w, 'd> {
    document: &'w Document<'d>,
    list: NodeId,
    old: &'w [NodeId],
    is_flow: bool,
}

/// The line of an item with a dash.
struct Line<'t> {
    /// Without its line end.
    range: Range<usize>,
    /// Everything before the item.
    lead: &'t str,
    /// How the line before it ends.
    ending: &'t str,
}

impl<'d> Written<'_, 'd> {
    /// The bytes of an item, with its quotes.
    fn whole(&self, index: usize) -> Range<usize> {
        self.document.node(self.old[index]).range()
    }

    /// The bytes of an item, without its quotes.
    fn inner(&self, index: usize) -> Result<Range<usize>, Why> {
        let (range, raw, style) = self.document.raw_scalar(self.old[index]).ok_or(FORM)?;
        if style == Style::Block || raw.is_empty() || raw.contains('\n') { Err(FORM) } else { Ok(range) }
    }

    /// An item behind another one, or before all of them.
    fn insert(&self, behind: Option<usize>, new: &str) -> Result<(Range<usize>, String), Why> {
        let item = self.quoted(new);
        if self.is_flow {
            let at = behind.map_or_else(|| self.whole(0).start, |index| self.whole(index).end);
            let separator = self.separator(behind)?;
            let new =
                if behind.is_some() { format!("{separator}{item}") } else { format!("{item}{separator}") };
            return Ok((at..at, new));
        }
        let Line { range, lead, ending } = self.line(behind.unwrap_or(0))?;
        Ok(match behind {
            Some(_) => (range.end..range.end, format!("{ending}{lead}{item}")),
            None => (range.start..range.start, format!("{lead}{item}{ending}")),
        })
    }

    /// All items, between brackets that hold nothing.
    fn fill(&self, items: &[String]) -> Result<Change, Why> {
        let text = self.document.text();
        let range = self.document.node(self.list).range();
        let is_empty = text[range.clone()].strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        if !is_empty.ok_or(FORM)?.trim().is_empty() {
            return Err(COMMENT);
        }
        let each: Vec<String> = items.iter().map(|item| self.quoted(item)).collect();
        let new = format!("[{}]", each.join(self.comma()));
        let items = items.iter().map(|text| Item { old: None, text: text.clone() }).collect();
        Ok(Change::Items { node: self.list, range, new, items })
    }

    /// The bytes of an item that goes, with its line; in brackets, of several, with what parts them from the others.
    fn without(&self, run: Range<usize>) -> Result<Range<usize>, Why> {
        if !self.is_flow {
            let Line { range, ending, .. } = self.line(run.start)?;
            let rest = &self.document.text()[self.whole(run.start).end..range.end];
            let start = range.start - ending.len();
            return if rest.trim().is_empty() { Ok(start..range.end) } else { Err(COMMENT) };
        }
        let range = match run.start.checked_sub(1) {
            Some(before) => self.whole(before).end..self.whole(run.end - 1).end,
            None => self.whole(0).start..self.whole(run.end).start,
        };
        let mut gaps = run.start.saturating_sub(1)..run.end;
        if gaps.any(|index| self.gap(index).contains('#')) { Err(COMMENT) } else { Ok(range) }
    }

    /// What stands between an item and the next one, or the end.
    fn gap(&self, index: usize) -> &'d str {
        let end = match self.old.get(index + 1) {
            Some(next) => self.document.node(*next).range().start,
            None => self.document.node(self.list).range().end,
        };
        self.document.text().get(self.whole(index).end..end).unwrap_or_default()
    }

    /// What parts items in brackets, as it stands near the place.
    fn separator(&self, behind: Option<usize>) -> Result<String, Why> {
        let text = self.document.text();
        let start = self.document.node(self.list).range().start;
        let opening = &text[start + 1..self.whole(0).start];
        let near = behind.map_or(opening, |index| self.gap(index));
        if near.contains('#') {
            return Err(COMMENT);
        }
        let gaps = [behind.and_then(|index| index.checked_sub(1)), behind, Some(0)].into_iter().flatten();
        let mut gaps = gaps.map(|index| self.gap(index));
        if let Some(gap) = gaps.find(|gap| gap.trim() == ",") {
            return Ok(gap.to_owned());
        }
        let has_lines = opening.contains('\n') && opening.trim().is_empty();
        Ok(if has_lines { format!(",{opening}") } else { self.comma().to_owned() })
    }

    /// A comma, in the way of the pair that the list belongs to.
    fn comma(&self) -> &'static str {
        let start = self.document.node(self.list).range().start;
        if self.document.text()[..start].ends_with(':') { "," } else { ", " }
    }

    /// The line of an item, if nothing but its dash stands before it.
    fn line(&self, index: usize) -> Result<Line<'d>, Why> {
        let (text, item) = (self.document.text(), self.whole(index));
        let (start, ending) = match text[..item.start].rfind('\n') {
            Some(at) if text[..at].ends_with('\r') => (at + 1, "\r\n"),
            Some(at) => (at + 1, "\n"),
            None => return Err(FORM),
        };
        let lead = &text[start..item.start];
        if lead.trim() != "-" || text[item.clone()].contains('\n') {
            return Err(FORM);
        }
        let rest = text[item.end..].split('\n').next().unwrap_or_default();
        let end = item.end + rest.strip_suffix('\r').unwrap_or(rest).len();
        Ok(Line { range: start..end, lead, ending })
    }

    /// An item in the quotes that the others have.
    fn quoted(&self, item: &str) -> String {
        let styles = self.old.iter().find_map(|item| match self.document.node(*item).content {
            Content::Scalar { style, .. } => Some(style),
            _ => None,
        });
        match styles {
            Some(Style::SingleQuoted) => format!("'{item}'"),
            Some(Style::DoubleQuoted) => format!("\"{item}\""),
            None if self.document.is_json() => format!("\"{item}\""),
            _ => item.to_owned(),
        }
    }
}
