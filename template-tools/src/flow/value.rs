//! A text as CloudFormation would put it together, where every byte knows which scalar of the template it came from.
//!
//! What is known only when a stack is deployed stands in it as `${name}`. The text of a template never gets there by
//! itself: a `${…}` that nothing replaces is kept apart as the template's own mistake.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Reason;
use super::under::Under;
use crate::document::NodeId;
use crate::pattern::variable_start;

/// Where a piece of text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A scalar of the template.
    Leaf(NodeId),
    /// A parameter's value that was given from outside, by its number.
    Given(usize),
}

/// In what part of a template a text stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Home {
    /// In the place where it is used.
    Entry,
    /// In the `Default` of a parameter.
    Default(String),
    /// In `Mappings`.
    Row,
    /// In a parameter's value that was given from outside.
    Given(String),
}

#[derive(Clone, Debug)]
struct Span {
    range: Range<usize>,
    source: Source,
    /// Where the span begins in the value of its source.
    offset: usize,
    home: Home,
}

/// A text that is put together, one of the several that may come out.
#[derive(Clone, Debug, Default)]
pub(super) struct Value {
    pub(super) text: String,
    spans: Vec<Span>,
    /// Why a `${name}` of the text could not be replaced.
    unknown: BTreeMap<String, Reason>,
    /// What was taken to be the case on the way.
    pub(super) under: Under,
    /// A `${…}` of the template that nothing replaces.
    pub(super) variable_without_sub: Option<String>,
    /// `AWS::NoValue`: nothing at all.
    pub(super) absent: bool,
}

impl Value {
    /// A text of the template, taken as it is.
    pub(super) fn literal(text: &str, source: Source, home: Home) -> Self {
        let mut value = Self::written(text, source, 0, home);
        if let Some(start) = variable_start(text) {
            let rest = &text[start + 2..];
            value.variable_without_sub = Some(rest[..rest.find('}').unwrap_or(rest.len())].to_owned());
        }
        value
    }

    /// A piece of a text of the template, in which no variable is left.
    pub(super) fn written(text: &str, source: Source, offset: usize, home: Home) -> Self {
        let span = Span { range: 0..text.len(), source, offset, home };
        Self { text: text.to_owned(), spans: vec![span], ..Self::default() }
    }

    /// What stands between the items of `Fn::Join`; no version stands in it.
    pub(super) fn joint(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// What is not known here, and why.
    pub(super) fn unknown(name: &str, reason: Reason) -> Self {
        let unknown = BTreeMap::from([(name.to_owned(), reason)]);
        Self { text: format!("${{{name}}}"), unknown, ..Self::default() }
    }

    /// Nothing yet, and room for what a text of the template becomes if nothing in it is replaced.
    pub(super) fn room_for(text: &str) -> Self {
        Self { text: String::with_capacity(text.len()), spans: Vec::with_capacity(4), ..Self::default() }
    }

    /// A pseudo parameter, which needs no excuse.
    pub(super) fn pseudo(name: &str) -> Self {
        let mut value = Self::default();
        value.and_pseudo(name);
        value
    }

    /// The same with a pseudo parameter behind it.
    pub(super) fn and_pseudo(&mut self, name: &str) {
        self.text.reserve(name.len() + "${}".len());
        self.text.push_str("${");
        self.text.push_str(name);
        self.text.push('}');
    }

    pub(super) fn absent() -> Self {
        Self { absent: true, ..Self::default() }
    }

    /// The same under a condition, unless that contradicts what was taken to be the case before.
    pub(super) fn bound(mut self, name: &str, value: &str) -> Option<Self> {
        self.under.take(name, value).then_some(self)
    }

    /// The same, taken from the default of this parameter.
    pub(super) fn supposing(mut self, parameter: &str) -> Self {
        self.under.suppose(parameter, &self.text);
        self
    }

    /// The same where all of that is the case, unless it contradicts what was taken to be the case before.
    pub(super) fn if_so(mut self, under: &Under) -> Option<Self> {
        self.under.and(under).then_some(self)
    }

    /// The same with a piece of a text of the template behind it, in which no variable is left.
    pub(super) fn and_written(&mut self, text: &str, source: Source, offset: usize, home: Home) {
        let start = self.text.len();
        self.text.push_str(text);
        self.spans.push(Span { range: start..self.text.len(), source, offset, home });
    }

    /// Both texts, one behind the other, unless they contradict each other.
    pub(super) fn then(mut self, other: &Self) -> Option<Self> {
        let start = self.text.len();
        self.text.push_str(&other.text);
        self.spans.extend(
            other
                .spans
                .iter()
                .map(|span| Span { range: span.range.start + start..span.range.end + start, ..span.clone() }),
        );
        self.unknown.extend(other.unknown.clone());
        self.variable_without_sub = self.variable_without_sub.or_else(|| other.variable_without_sub.clone());
        self.if_so(&other.under)
    }

    /// A piece of the text.
    pub(super) fn slice(&self, range: Range<usize>) -> Self {
        let cut = |span: &Span| {
            let (start, end) = (span.range.start.max(range.start), span.range.end.min(range.end));
            (start < end).then(|| Span {
                range: start - range.start..end - range.start,
                offset: span.offset + start - span.range.start,
                ..span.clone()
            })
        };
        Self {
            text: self.text[range.clone()].to_owned(),
            spans: self.spans.iter().filter_map(cut).collect(),
            ..self.clone()
        }
    }

    /// The parts between separators, without the white space around them.
    pub(super) fn split(&self, separator: &str) -> Vec<Self> {
        if separator.is_empty() {
            return vec![self.clone()];
        }
        let mut parts = Vec::new();
        let mut start = 0;
        for part in self.text.split(separator) {
            let from = start + part.len() - part.trim_start().len();
            parts.push(self.slice(from..from + part.trim().len()));
            start += part.len() + separator.len();
        }
        parts
    }

    /// Why the whole of it is not known, if nothing of it is.
    pub(super) fn wholly_unknown(&self) -> Option<&Reason> {
        let name = self.text.trim().strip_prefix("${")?.strip_suffix('}')?;
        self.unknown.get(name)
    }

    /// Why a variable of it is not known.
    pub(super) fn reason_of(&self, name: &str) -> Option<&Reason> {
        self.unknown.get(name)
    }

    /// Where in the text a part of a scalar stands.
    pub(super) fn places_of(&self, source: Source, part: &Range<usize>) -> impl Iterator<Item = usize> {
        let holds = move |span: &&Span| {
            span.source == source && span.offset <= part.start && part.end <= span.offset + span.range.len()
        };
        self.spans.iter().filter(holds).map(|span| span.range.start + part.start - span.offset)
    }

    /// The scalar that a part of the text stands in, and where in its value, if it is only one.
    pub(super) fn source_of(&self, part: &Range<usize>) -> Option<(Source, Range<usize>, Home)> {
        let span =
            self.spans.iter().find(|span| span.range.start <= part.start && part.end <= span.range.end)?;
        let start = span.offset + part.start - span.range.start;
        Some((span.source, start..start + part.len(), span.home.clone()))
    }
}

/// Every text of the one behind every text of the other, as far as they do not contradict each other.
pub(super) fn product(all: Vec<Value>, next: &[Value], most: usize) -> Option<Vec<Value>> {
    if all.len().saturating_mul(next.len()) > most {
        return None;
    }
    if let [other] = next {
        return Some(all.into_iter().filter_map(|one| one.then(other)).collect());
    }
    let mut products = Vec::with_capacity(all.len() * next.len());
    for one in all {
        products.extend(next.iter().filter_map(|other| one.clone().then(other)));
    }
    Some(products)
}
