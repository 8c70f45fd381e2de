//! What CloudFormation would make of an expression, as far as a template alone tells: every text that may come out.
//!
//! `Fn::Sub`, `Fn::Join`, `Fn::If`, `Fn::FindInMap`, `Fn::Split`, `Fn::Select` and `Ref` are followed. Choices that are
//! made together stay together: the row of one region is never mixed with the row of another. All work is counted, so
//! that no template can make it endless.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use super::Reason;
use super::pieces::{Piece, pieces_of};
use super::value::{Home, Source, Value, product};
use crate::document::{Document, NodeId};

/// How many texts one expression may come to.
pub(super) const MOST_VALUES: usize = 4096;
/// How deep expressions may stand in each other.
const DEEPEST: usize = 64;
/// How many expressions are looked at in one file.
const MOST_STEPS: usize = 2_000_000;

/// One item of a list: where it stands, and every text that it may come to.
pub(super) struct Item {
    pub(super) node: NodeId,
    pub(super) values: Vec<Value>,
}

/// A parameter's value that is given from outside, as samconfig.toml does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The parameter.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The names that one document of a template defines, and the way to evaluate its expressions.
pub(super) struct Evaluator<'d, 't> {
    pub(super) document: &'d Document<'t>,
    parameters: HashMap<&'d str, NodeId>,
    resources: HashMap<&'d str, NodeId>,
    pub(super) mappings: HashMap<&'d str, Vec<NodeId>>,
    pub(super) conditions: HashMap<&'d str, NodeId>,
    /// The loop variables that are open, with the values that they take.
    pub(super) loops: Vec<(String, Vec<Value>)>,
    given: &'d [Given],
    /// Parameters that have another value than their default, for the moment.
    pub(super) supposed: RefCell<Vec<(String, String)>>,
    steps: Cell<usize>,
}

impl<'d, 't> Evaluator<'d, 't> {
    pub(super) fn new(document: &'d Document<'t>, root: NodeId, given: &'d [Given]) -> Self {
        let mut evaluator = Self {
            document,
            parameters: HashMap::new(),
            resources: HashMap::new(),
            mappings: HashMap::new(),
            conditions: HashMap::new(),
            loops: Vec::new(),
            given,
            supposed: RefCell::default(),
            steps: Cell::new(0),
        };
        let named = |section: &str| {
            let sections = document.values(root, section);
            sections.into_iter().flat_map(|section| document.pairs(section))
        };
        evaluator.resources.reserve(named("Resources").count());
        for &(name, value) in named("Parameters") {
            if let Some(name) = document.scalar(name) {
                evaluator.parameters.insert(name, value);
            }
        }
        for &(name, value) in named("Resources") {
            if let Some(name) = document.scalar(name) {
                evaluator.resources.insert(name, value);
            }
        }
        for &(name, value) in named("Conditions") {
            if let Some(name) = document.scalar(name) {
                evaluator.conditions.insert(name, value);
            }
        }
        for &(name, value) in named("Mappings") {
            if let Some(name) = document.scalar(name) {
                evaluator.mappings.entry(name).or_default().push(value);
            }
        }
        evaluator
    }

    /// Forgets the open loops, and how much has been looked at.
    pub(super) fn start_again(&mut self) {
        self.loops.clear();
        self.steps.set(0);
    }

    pub(super) fn parameter(&self, name: &str) -> Option<NodeId> {
        self.parameters.get(name).copied()
    }

    /// The one text that an expression comes to, and the scalar that holds all of it, if one does.
    pub(super) fn one_text(&self, node: NodeId) -> Option<(String, Option<(Source, Home)>)> {
        let values = self.text_at(node, &Home::Entry, 0);
        let [value] = &values[..] else { return None };
        let source = value.source_of(&(0..value.text.len())).filter(|(source, part, _)| match source {
            Source::Leaf(leaf) => self.document.scalar(*leaf).is_some_and(|text| part.len() == text.len()),
            Source::Given(_) => true,
        });
        Some((value.text.clone(), source.map(|(source, _, home)| (source, home))))
    }

    /// Every text that an expression may come to.
    pub(super) fn texts(&self, node: NodeId, home: &Home) -> Vec<Value> {
        let once = || Ok(vec![Item { node, values: self.text_at(node, home, 0) }]);
        let items = self.with_right_values(&once, 0).unwrap_or_default();
        items.into_iter().flat_map(|item| item.values).collect()
    }

    /// Counts a step, and tells whether it was one too many: aliases may lead to the same expression very often.
    pub(super) fn is_too_much(&self, depth: usize) -> bool {
        self.steps.set(self.steps.get() + 1);
        depth > DEEPEST || self.steps.get() > MOST_STEPS
    }

    /// Every text that an expression may come to. Never empty, unless all of them contradict themselves.
    pub(super) fn text_at(&self, node: NodeId, home: &Home, depth: usize) -> Vec<Value> {
        let node = self.document.resolve(node);
        if self.is_too_much(depth) {
            return vec![Value::unknown("…", Reason::TooMany)];
        }
        let Some(call) = self.document.intrinsic(node) else {
            return vec![match self.document.scalar(node) {
                // One that ends elsewhere is a piece of a text that is put together.
                Some(text) if text.trim_start().starts_with("{{resolve:") && text.contains("}}") => {
                    Value::unknown(text.trim(), Reason::Resolve(text.trim().to_owned()))
                }
                Some(text) => Value::literal(text, Source::Leaf(node), home.clone()),
                None => Value::unknown("…", Reason::NoLayer),
            }];
        };
        let argument = call.argument;
        let values = match call.name.as_ref() {
            "Ref" => self.document.scalar(argument).map(|name| self.named(name)),
            "Fn::Sub" => self.sub(argument, home, depth),
            "Fn::Join" => self.join(argument, depth),
            "Fn::If" => self.branches(argument).map(|branches| {
                let each = branches.into_iter().flat_map(|(under, branch)| {
                    let values = self.text_at(branch, home, depth + 1);
                    values.into_iter().filter_map(move |value| value.if_so(&under))
                });
                each.collect()
            }),
            "Fn::FindInMap" => self.rows(argument).map(|rows| match rows {
                Err(reason) => vec![Value::unknown("…", reason)],
                Ok(rows) => {
                    let each = rows.into_iter().flat_map(|(value, under)| {
                        let values = self.text_at(value, &Home::Row, depth + 1);
                        values.into_iter().filter_map(move |value| value.if_so(&under))
                    });
                    each.collect()
                }
            }),
            "Fn::Select" => self.select(argument, depth),
            "Fn::GetAtt" => Some(vec![Value::unknown("…", Reason::Attribute(self.shown(argument)))]),
            "Fn::ImportValue" => Some(vec![Value::unknown("…", Reason::Import)]),
            _ => None,
        };
        let values =
            values.unwrap_or_else(|| vec![Value::unknown("…", Reason::Intrinsic(call.name.into_owned()))]);
        if values.len() > MOST_VALUES { vec![Value::unknown("…", Reason::TooMany)] } else { values }
    }

    /// Every list that an expression may come to, all items one behind the other.
    pub(super) fn list(&self, node: NodeId, home: &Home) -> Result<Vec<Item>, Reason> {
        let once = || Ok(self.lists_at(node, home, 0)?.into_iter().flatten().collect());
        self.with_right_values(&once, 0)
    }

    /// What a name stands for: a loop's variable, a parameter, a resource, a pseudo parameter.
    fn named(&self, name: &str) -> Vec<Value> {
        if let Some((_, values)) = self.loops.iter().rev().find(|(variable, _)| variable == name) {
            return values.iter().filter_map(|value| value.clone().bound(name, &value.text)).collect();
        }
        if let Some(value) = self.supposed(name) {
            return Value::joint(&value).bound(name, &value).into_iter().collect();
        }
        if name == "AWS::NoValue" {
            return vec![Value::absent()];
        }
        if self.is_pseudo(name) {
            return vec![Value::pseudo(name)];
        }
        let Some(parameter) = self.parameter(name) else {
            let reason = if self.resources.contains_key(name) || self.is_version_of_resource(name) {
                Reason::Resource(name.to_owned())
            } else {
                Reason::UnknownName(name.to_owned())
            };
            return vec![Value::unknown(name, reason)];
        };
        // Of one that is given twice, the last counts.
        let mut given = self.given.iter().enumerate().rev();
        if let Some((number, given)) = given.find(|(_, given)| given.name == name) {
            let home = Home::Given(name.to_owned());
            let value = Value::literal(&given.value, Source::Given(number), home);
            return value.bound(name, &given.value).into_iter().collect();
        }
        let kinds = self.document.values(parameter, "Type");
        let is_ssm = kinds.iter().filter_map(|kind| self.document.scalar(*kind));
        let is_ssm = is_ssm.into_iter().any(|kind| kind.starts_with("AWS::SSM::Parameter::"));
        let defaults = self.document.values(parameter, "Default");
        let default = defaults.iter().find_map(|default| Some((*default, self.document.scalar(*default)?)));
        vec![match default {
            Some((_, value)) if is_ssm => {
                Value::unknown(name, Reason::Ssm { parameter: name.to_owned(), name: value.to_owned() })
            }
            Some((default, value)) if !value.is_empty() => {
                Value::literal(value, Source::Leaf(default), Home::Default(name.to_owned())).supposing(name)
            }
            _ => Value::unknown(name, Reason::NoDefault(name.to_owned())),
        }]
    }

    /// Whether a name is known to be what the stack is deployed with.
    fn is_pseudo(&self, name: &str) -> bool {
        let is_loop = || self.loops.iter().any(|(variable, _)| variable == name);
        name.starts_with("AWS::") && name != "AWS::NoValue" && !is_loop()
    }

    /// SAM gives a layer's version as `Ref: MyLayer.Version`, too.
    fn is_version_of_resource(&self, name: &str) -> bool {
        name.split_once('.').is_some_and(|(resource, _)| self.resources.contains_key(resource))
    }

    fn sub(&self, argument: NodeId, home: &Home, depth: usize) -> Option<Vec<Value>> {
        let (text, variables) = match self.document.items(argument) {
            Some([text, variables]) => (self.document.resolve(*text), Some(*variables)),
            Some([text]) => (self.document.resolve(*text), None),
            Some(_) => return None,
            None => (argument, None),
        };
        let written = self.document.scalar(text)?;
        let mut all = vec![Value::room_for(written)];
        for piece in pieces_of(written) {
            let name = match piece {
                Piece::Text(start, piece) => {
                    let source = Source::Leaf(text);
                    for value in &mut all {
                        value.and_written(piece, source, start, home.clone());
                    }
                    continue;
                }
                Piece::Variable(name) => name,
            };
            let own = variables.map(|own| self.document.values(own, name)).unwrap_or_default();
            let next = match own.first() {
                Some(value) => self.text_at(*value, home, depth + 1),
                None if name.contains('.') && !self.is_version_of_resource(name) => {
                    vec![Value::unknown(name, Reason::Attribute(name.to_owned()))]
                }
                None if self.is_pseudo(name) => {
                    for value in &mut all {
                        value.and_pseudo(name);
                    }
                    continue;
                }
                None => self.named(name),
            };
            all = product(all, &next, MOST_VALUES)?;
        }
        Some(all)
    }

    /// `Stack.Outputs.Layer` for both forms of an attribute's name.
    pub(super) fn shown(&self, argument: NodeId) -> String {
        let name = |node: &NodeId| self.document.scalar(*node).unwrap_or("…").to_owned();
        match self.document.items(argument) {
            Some(items) => items.iter().map(name).collect::<Vec<_>>().join("."),
            None => name(&argument),
        }
    }
}

/// A text that cannot change on the way.
pub(super) fn plain<'d>(document: &'d Document<'_>, node: NodeId) -> Option<Cow<'d, str>> {
    document.intrinsic(node).is_none().then(|| document.scalar(node).map(Cow::Borrowed))?
}
