//! Which leaves of a template reach the `Layers` of a function.
//!
//! Pure: a tree in, references out, whatever the layers are called. What is not understood is named with its reason,
//! and never guessed at.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::document::{Document, NodeId};
use crate::pattern::{ArnPattern, NoPattern, Part, Placeholders};

mod conditions;
mod definitions;
mod evaluate;
mod everywhere;
mod function;
mod globals;
mod lists;
mod pieces;
mod reason;
mod rows;
mod supposed;
mod texts;
mod under;
mod uses;
mod value;

pub use definitions::{ContentField, ContentPart, Definition, definitions};
pub use evaluate::Given;
pub use everywhere::{Everywhere, everywhere};
pub use function::{Function, FunctionKind, Known};
pub use globals::Ignored;
pub(crate) use globals::merged;
pub use reason::Reason;
pub(crate) use texts::{Listed, Text, Texts};
pub use under::Under;
pub(crate) use uses::Uses;
pub use value::{Home, Source};

use crate::arn::{AccountId, Region};
use evaluate::Evaluator;
use value::Value;

/// An ARN of a LayerVersion that reaches a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Where the version stands.
    pub source: Source,
    /// Where in the value of its source, in bytes.
    pub part: Range<usize>,
    /// What it says. Its `version_range` is that of the text as it is put together.
    pub pattern: ArnPattern,
    /// The part of the template that the version stands in.
    pub home: Home,
    /// The entry of `Layers` that it is reached from.
    pub entry: NodeId,
    /// The functions that it reaches, as indexes.
    pub functions: BTreeSet<usize>,
    /// Where it reaches them.
    pub under: Under,
}

/// Something in the place of a layer that is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The entry, or `Layers` as a whole.
    pub node: NodeId,
    /// What is known of its text.
    pub text: String,
    /// Why.
    pub reason: Reason,
    /// The functions that it reaches, as indexes.
    pub functions: BTreeSet<usize>,
}

/// What the `Layers` of all functions of a file hold, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// What is understood.
    pub references: Vec<Reference>,
    /// What is not.
    pub unread: Vec<Unread>,
    /// Whatever has `Layers`, and every other function.
    pub functions: Vec<Function>,
}

/// What is known about a template from outside of it.
#[derive(Clone, Debug, Default)]
pub struct Outside<'o> {
    /// Values of parameters that count instead of their defaults.
    pub given: &'o [Given],
    /// The region that it is deployed to.
    pub region: Option<Region>,
    /// Words that stand for a version.
    pub placeholders: Placeholders,
}

/// Finds every `Layers` of a function, and reads its entries.
pub fn flow(document: &Document<'_>) -> Flow {
    flow_with(document, &Outside::default())
}

/// Like [`flow`], with what is known from outside.
pub fn flow_with(document: &Document<'_>, outside: &Outside<'_>) -> Flow {
    let mut flow = Flow::default();
    for &root in document.roots() {
        let evaluator = Evaluator::new(document, root, outside.given);
        let mut reader = Reader {
            evaluator,
            outside,
            flow: &mut flow,
            known: BTreeMap::new(),
            not: BTreeMap::new(),
            in_loops: 0,
        };
        reader.template(root);
    }
    flow.references.sort_by(|one, other| {
        (one.source, one.part.start, one.entry).cmp(&(other.source, other.part.start, other.entry))
    });
    // A leaf may be reached on several ways, through aliases. One on which it is understood is enough.
    let understood: BTreeSet<Source> = flow.references.iter().map(|reference| reference.source).collect();
    flow.unread.retain(|unread| !understood.contains(&Source::Leaf(unread.node)));
    flow.unread.sort_by_key(|unread| unread.node);
    flow
}

struct Reader<'r, 'd, 't> {
    evaluator: Evaluator<'d, 't>,
    outside: &'r Outside<'r>,
    flow: &'r mut Flow,
    /// Where in the flow a reference stands that was found before, and where something that was not understood.
    known: BTreeMap<(Source, usize, NodeId), Vec<usize>>,
    not: BTreeMap<NodeId, Vec<usize>>,
    /// How many resources within loops were looked at.
    in_loops: usize,
}

impl Reader<'_, '_, '_> {
    fn layers_of(&mut self, properties: &[NodeId], function: usize) {
        let document = self.evaluator.document;
        for layers in properties.iter().flat_map(|properties| document.values(*properties, "Layers")) {
            match self.evaluator.list(layers, &Home::Entry) {
                Ok(items) => {
                    for item in items {
                        for value in &item.values {
                            self.value(item.node, value, function);
                        }
                        if item.values.is_empty() {
                            self.unread(item.node, String::new(), Reason::Contradiction, Some(function));
                        }
                    }
                }
                Err(reason) => self.unread(layers, String::new(), reason, Some(function)),
            }
        }
    }

    fn value(&mut self, entry: NodeId, value: &Value, function: usize) {
        if value.absent {
            return;
        }
        match self.pattern(value) {
            Ok((pattern, source, part, home)) => self.reference(Reference {
                source,
                part,
                pattern,
                home,
                entry,
                functions: BTreeSet::from([function]),
                under: value.under.clone(),
            }),
            Err(reason) => {
                // The entry `!Sub x` is its own text; the entry `Fn::Sub: x` is a mapping with the text in it.
                let at = self.evaluator.document.intrinsic(entry).map_or(entry, |call| call.argument);
                self.unread(at, value.text.clone(), reason, Some(function));
            }
        }
    }

    fn pattern(&self, value: &Value) -> Result<(ArnPattern, Source, Range<usize>, Home), Reason> {
        if let Some(reason) = value.wholly_unknown() {
            return Err(reason.clone());
        }
        if let Some(name) = &value.variable_without_sub {
            return Err(NoPattern::VariableWithoutSub(name.clone()).into());
        }
        if let Some(reason) = Reason::resolve_in(&value.text) {
            return Err(reason);
        }
        let mut pattern = self.outside.placeholders.parse(&value.text).map_err(|error| match error {
            NoPattern::Variable { what, name } => match value.reason_of(&name) {
                Some(reason) => Reason::Variable { what, reason: Box::new(reason.clone()) },
                None => NoPattern::Variable { what, name }.into(),
            },
            other => other.into(),
        })?;
        let bound = |name: &str| value.under.get(name);
        if pattern.region == Part::Deployed {
            let region = bound("AWS::Region").and_then(|region| Region::new(region).ok());
            if let Some(region) = region.or_else(|| self.outside.region.clone()) {
                pattern.region = Part::Is(region);
            }
        }
        if pattern.account == Part::Deployed
            && let Some(account) = bound("AWS::AccountId").and_then(|account| AccountId::new(account).ok())
        {
            pattern.account = Part::Is(account);
        }
        let (source, part, home) = value.source_of(&pattern.version_range).ok_or(Reason::Pieces)?;
        Ok((pattern, source, part, home))
    }

    fn reference(&mut self, reference: Reference) {
        let known = self.known.entry((reference.source, reference.part.start, reference.entry)).or_default();
        let same = known.iter().find(|index| self.flow.references[**index].pattern == reference.pattern);
        if let Some(&index) = same {
            let known = &mut self.flow.references[index];
            known.functions.extend(reference.functions);
            known.under.keep_common(&reference.under);
        } else {
            known.push(self.flow.references.len());
            self.flow.references.push(reference);
        }
    }

    fn unread(&mut self, node: NodeId, text: String, reason: Reason, function: Option<usize>) {
        let known = self.not.entry(node).or_default();
        let same = known.iter().find(|index| self.flow.unread[**index].reason == reason);
        if let Some(&index) = same {
            self.flow.unread[index].functions.extend(function);
        } else {
            known.push(self.flow.unread.len());
            let functions = function.into_iter().collect();
            self.flow.unread.push(Unread { node, text, reason, functions });
        }
    }
}

#[cfg(test)]
mod tests;
