//! Which node of a template another form takes the place of, and whether it can.

use std::ops::Range;

use crate::document::{Content, Document, NodeId, Style};
use crate::flow::{Home, Reference, Source};

/// Why a reference keeps its form.
pub(super) type Why = &'static str;

const ELSEWHERE: Why = "the version does not stand in the entry itself, and the form is not changed";
const FORM: Why = "its form cannot be replaced";
const PLAIN: Why = "its text has no variables: a row for each region needs `Fn::Sub` or `Fn::Join`";

/// The expression that comes to a reference's whole ARN: its entry, or the branch of `Fn::If` that it stands in.
pub(super) fn expression(document: &Document<'_>, reference: &Reference) -> Result<NodeId, Why> {
    let Source::Leaf(leaf) = reference.source else { return Err(ELSEWHERE) };
    let mut node = reference.entry;
    if reference.home != Home::Entry || !document.below(node).contains(&leaf) {
        return Err(ELSEWHERE);
    }
    while let Some(call) = document.intrinsic(node).filter(|call| call.name == "Fn::If") {
        let branches = document.items(call.argument).and_then(|items| items.get(1..3)).unwrap_or_default();
        let with_leaf = branches.iter().find(|branch| document.below(**branch).contains(&leaf));
        node = *with_leaf.ok_or(ELSEWHERE)?;
    }
    match (&document.node(node).content, document.intrinsic(node)) {
        (Content::Scalar { .. }, _) | (_, Some(_)) => Ok(node),
        _ => Err(FORM),
    }
}

/// Where the row of a mapping can take the place of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the text that `Fn::Sub` has alone.
    Text(NodeId),
    /// In the text of `Fn::Sub` with variables of its own.
    TextWith(NodeId, NodeId),
    /// In a piece of `Fn::Join`, with more of the ARN.
    Piece(NodeId),
    /// It is a piece of `Fn::Join`, or a variable of `Fn::Sub`, by itself.
    Alone(NodeId),
}

/// The place of a reference's version in the expression that comes to its ARN.
pub(super) fn place(document: &Document<'_>, node: NodeId, reference: &Reference) -> Result<Place, Why> {
    let Source::Leaf(leaf) = reference.source else { return Err(ELSEWHERE) };
    let call = document.intrinsic(node).ok_or(PLAIN)?;
    let items = document.items(call.argument).unwrap_or_default();
    let text = document.scalar(leaf).unwrap_or_default();
    let is_alone = reference.part == (0..text.len());
    match (call.name.as_ref(), items) {
        ("Fn::Sub", []) if call.argument == leaf => Ok(Place::Text(leaf)),
        ("Fn::Sub", &[first, variables])
            if first == leaf && document.intrinsic(first).is_none() && is_map(document, variables) =>
        {
            Ok(Place::TextWith(leaf, variables))
        }
        ("Fn::Sub", &[_, variables])
            if is_alone && document.pairs(variables).iter().any(|(_, value)| *value == leaf) =>
        {
            Ok(Place::Alone(leaf))
        }
        ("Fn::Join", &[_, list]) => {
            let is_it = |piece: &&NodeId| **piece == leaf || argument_of_sub(document, **piece) == Some(leaf);
            let piece = document.items(list).into_iter().flatten().find(is_it).ok_or(FORM)?;
            match document.intrinsic(*piece) {
                Some(_) if argument_of_sub(document, *piece) == Some(leaf) => Ok(Place::Text(leaf)),
                Some(_) => Err(FORM),
                None if is_alone => Ok(Place::Alone(leaf)),
                // `Fn::Sub` would replace what `Fn::Join` leaves.
                None if text.contains("${") => Err(FORM),
                None => Ok(Place::Piece(leaf)),
            }
        }
        _ => Err(FORM),
    }
}

fn argument_of_sub(document: &Document<'_>, node: NodeId) -> Option<NodeId> {
    document.intrinsic(node).filter(|call| call.name == "Fn::Sub").map(|call| call.argument)
}

fn is_map(document: &Document<'_>, node: NodeId) -> bool {
    matches!(document.node(node).content, Content::Mapping(_)) && document.intrinsic(node).is_none()
}

/// The bytes of a node with its tag and anchor, and the anchor, which goes to what takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) range: Range<usize>,
    anchor: Option<String>,
}

impl Extent {
    /// What takes the place, with the anchor.
    pub(super) fn with(&self, new: &str) -> String {
        self.anchor.as_ref().map_or_else(|| new.to_owned(), |anchor| format!("{anchor} {new}"))
    }
}

/// Where all of a node stands, if something else can take its place.
pub(super) fn extent(document: &Document<'_>, node: NodeId) -> Result<Extent, Why> {
    aliases(document, node)?;
    let text = document.text();
    let mut start = document.node(node).range().start;
    if let Content::Scalar { style: Style::Block, .. } = document.node(node).content {
        start = header(text, start).ok_or(FORM)?;
    }
    let end = end(document, node).filter(|end| start <= *end).ok_or(FORM)?;
    let (mut tag, mut anchor) = (document.tag(node), None);
    loop {
        let before = text[..start].trim_end_matches([' ', '\t', '\r', '\n']);
        let word = before.rfind([' ', '\t', '\n', '[', '{', ',', ':', '\u{feff}']);
        let at = word.map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let word = &before[at..];
        if anchor.is_none() && word.starts_with('&') {
            anchor = Some(word.to_owned());
        } else if let Some(tag) = tag.take_if(|tag| before.ends_with(*tag)) {
            start = before.len() - tag.len();
            continue;
        } else {
            break;
        }
        start = at;
    }
    if tag.is_some() || has_comment(&text[start..end]) {
        return Err(FORM);
    }
    Ok(Extent { range: start..end, anchor })
}

/// What other places take from a node by its anchor has to be right there, too.
fn aliases(document: &Document<'_>, node: NodeId) -> Result<(), Why> {
    let below = document.below(node);
    let mut used = document.nodes().filter_map(|(id, other)| match other.content {
        Content::Alias(target) if below.contains(&target) && !below.contains(&id) => Some((id, target)),
        _ => None,
    });
    let layers = || -> Vec<NodeId> {
        let pairs = document.nodes().flat_map(|(id, other)| match other.content {
            Content::Mapping(_) => document.pairs(id),
            _ => &[],
        });
        let layers = pairs.filter(|(name, _)| document.scalar(*name) == Some("Layers"));
        layers.flat_map(|(_, list)| document.items(*list).into_iter().flatten().copied()).collect()
    };
    // Where the anchor is, the new form stands, too.
    let is_home = || layers().iter().any(|item| document.below(*item).contains(&node));
    used.all(|(id, target)| target == node && layers().contains(&id) && is_home())
        .then_some(())
        .ok_or("its anchor is used outside of `Layers`, where the new form may not stand")
}

/// Where the `>-` of a block begins, whose text begins here.
fn header(text: &str, start: usize) -> Option<usize> {
    let before = text[..start].trim_end();
    let line = before.rfind([' ', '\t', '\n']).map_or(0, |at| at + 1);
    let is_header = before[line..].starts_with(['|', '>'])
        && before[line + 1..].bytes().all(|byte| matches!(byte, b'-' | b'+' | b'0'..=b'9'));
    is_header.then_some(line)
}

/// Where the last byte of a node is. What is written without brackets ends with its last part.
fn end(document: &Document<'_>, node: NodeId) -> Option<usize> {
    let range = document.node(node).range();
    let raw = document.text().get(range.clone())?;
    let is_flow = raw.starts_with(['{', '[']);
    match &document.node(node).content {
        Content::Scalar { style: Style::Block, .. } => Some(range.start + raw.trim_end().len()),
        Content::Mapping(_) if !is_flow => end(document, document.pairs(node).last()?.1),
        Content::Sequence(_) if !is_flow => {
            let last = *document.items(node)?.last()?;
            end(document, last)
        }
        _ => Some(range.end),
    }
}

/// Whether a comment may stand in a text of several lines.
fn has_comment(text: &str) -> bool {
    text.contains('\n') && text.lines().any(|line| line.trim_start().starts_with('#') || line.contains(" #"))
}
