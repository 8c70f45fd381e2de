//! Rules about functions: how many layers, which of them twice, and what keeps a new version from taking effect.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Linter;
use super::rules::{ALIAS, IMAGE, PYTHON_PATH, TOO_MANY, TWICE, VERSION};
use crate::document::NodeId;
use crate::flow::{Function, FunctionKind, Listed, Text, merged};
use crate::pattern::{ArnPattern, Variables};

/// How many layers Lambda takes.
const MOST_LAYERS: usize = 5;

/// How deep conditions are followed.
const DEEPEST: usize = 32;

/// On how many ways a layer may come to a function so that they are held against each other.
const MOST_WAYS: usize = 1024;

/// How many layers lists and entries come to, by their nodes: aliases may lead to one of them very often.
struct Counts {
    /// The document that they are in.
    root: NodeId,
    longest: HashMap<NodeId, usize>,
    least: HashMap<NodeId, usize>,
}

impl Counts {
    fn new(root: NodeId) -> Self {
        Self { root, longest: HashMap::new(), least: HashMap::new() }
    }
}

impl Linter<'_, '_> {
    pub(super) fn functions(&mut self) {
        let flow = self.flow;
        let with_layers = self.functions_with_layers();
        for function in &flow.functions {
            if function.kind == FunctionKind::Globals {
                continue;
            }
            let globals = flow.functions.iter().find(|one| {
                one.kind == FunctionKind::Globals
                    && one.root == function.root
                    && function.kind == FunctionKind::Serverless
            });
            self.count(function, globals);
            self.twice(function, globals);
            if with_layers.contains_key(function.name.as_str()) {
                self.alias(function, globals);
                self.python_path(function, globals);
                self.image(function, globals);
            }
        }
        let roots: Vec<NodeId> = self.document.roots().to_vec();
        for root in roots {
            for resource in self.resources(root) {
                let key = match resource.kind {
                    "AWS::Lambda::Version" | "AWS::Lambda::Alias" => "FunctionName",
                    _ => continue,
                };
                let properties = self.properties(resource.node);
                let versions = self.values(&properties, "FunctionVersion");
                // An alias of it follows the function.
                if versions.iter().any(|version| self.written(*version) == Some("$LATEST")) {
                    continue;
                }
                let names = self.values(&properties, key);
                let function = names.iter().find_map(|name| self.refers_to(*name));
                if let Some(function) = function.filter(|function| with_layers.contains_key(function)) {
                    let kind = resource.kind.trim_start_matches("AWS::Lambda::").to_lowercase();
                    let message = format!(
                        "{kind} `{}` of `{function}` keeps the layer version that it was made with",
                        resource.name
                    );
                    let at = self.key(resource.node, "Type").unwrap_or(resource.node);
                    self.find(VERSION, resource.node, at, message);
                }
            }
        }
    }

    /// Of conditions within a list the branch with fewer layers counts, of whole lists the longer one: that many a stack
    /// has for certain, or under a condition.
    fn count(&mut self, function: &Function, globals: Option<&Function>) {
        let lists = merged(self.document, function, globals, &["Layers"]);
        let mut counts = Counts::new(function.root);
        let mut count = 0;
        let mut at = None;
        for list in lists {
            count += self.longest(list, &mut counts, 0);
            at = at.or(Some(list));
        }
        if let Some(at) = at.filter(|_| count > MOST_LAYERS) {
            let message = format!("`{}` has {count} layers, and Lambda takes {MOST_LAYERS}", function.name);
            self.find(TOO_MANY, function.node, at, message);
        }
    }

    fn longest(&self, list: NodeId, counts: &mut Counts, depth: usize) -> usize {
        let list = self.document.resolve(list);
        if let Some(count) = counts.longest.get(&list) {
            return *count;
        }
        if depth > DEEPEST {
            return 0;
        }
        // What leads back to itself adds nothing.
        counts.longest.insert(list, 0);
        let call = self.document.intrinsic(list);
        let count = match call.as_ref().map(|call| (call.name.as_ref(), call.argument)) {
            Some(("Fn::FindInMap", argument)) => {
                let rows = self.rows(counts.root, argument).into_iter();
                rows.map(|row| self.longest(row, counts, depth + 1)).max().unwrap_or_default()
            }
            Some(("Fn::Split", argument)) => match self.document.items(argument) {
                Some(&[separator, text]) => {
                    let separator = self.document.scalar(separator).unwrap_or_default();
                    self.in_one_text(counts.root, text, separator)
                }
                _ => 0,
            },
            call => match (self.branches(list), self.document.items(list)) {
                (Some([_, yes, no]), _) => {
                    self.longest(yes, counts, depth + 1).max(self.longest(no, counts, depth + 1))
                }
                (None, Some(items)) if call.is_none() => {
                    items.iter().map(|item| self.least(*item, counts, depth + 1)).sum()
                }
                _ => self.in_one_text(counts.root, list, ","),
            },
        };
        counts.longest.insert(list, count);
        count
    }

    /// The layers of a list in one text, as parameters have them. Without a separator it is not told what they are.
    fn in_one_text(&self, root: NodeId, list: NodeId, separator: &str) -> usize {
        if separator.is_empty() {
            return 0;
        }
        let counts = self.texts(root, list).into_iter().map(|text| match text {
            Text::Known(text) => text.split(separator).filter(|layer| !layer.trim().is_empty()).count(),
            Text::Resource(_) => 0,
        });
        counts.max().unwrap_or_default()
    }

    fn least(&self, item: NodeId, counts: &mut Counts, depth: usize) -> usize {
        let Some([_, yes, no]) = self.branches(item) else {
            return usize::from(self.refers_to(item) != Some("AWS::NoValue"));
        };
        let item = self.document.resolve(item);
        if let Some(count) = counts.least.get(&item) {
            return *count;
        }
        if depth > DEEPEST {
            return 0;
        }
        counts.least.insert(item, 0);
        let count = self.least(yes, counts, depth + 1).min(self.least(no, counts, depth + 1));
        counts.least.insert(item, count);
        count
    }

    /// Condition and branches of `Fn::If`.
    fn branches(&self, node: NodeId) -> Option<[NodeId; 3]> {
        let call = self.document.intrinsic(node).filter(|call| call.name == "Fn::If")?;
        match self.document.items(call.argument) {
            Some(&[condition, yes, no]) => Some([condition, yes, no]),
            _ => None,
        }
    }

    fn twice(&mut self, function: &Function, globals: Option<&Function>) {
        let mut layers: BTreeMap<(String, String), Vec<Listed>> = BTreeMap::new();
        for list in merged(self.document, function, globals, &["Layers"]) {
            for one in self.listed(function.root, list) {
                let layer = match &one.text {
                    Text::Resource(name) => (String::new(), name.clone()),
                    Text::Known(text) => match ArnPattern::parse(text, Variables::Replaced) {
                        Ok(pattern) => (format!("{:?}", pattern.account), pattern.layer.to_string()),
                        Err(_) => continue,
                    },
                };
                layers.entry(layer).or_default().push(one);
            }
        }
        for ((_, layer), mut ways) in layers {
            if ways.len() > MOST_WAYS {
                continue;
            }
            ways.sort_by_key(|one| one.entry);
            let meets =
                |one: &&Listed| ways.iter().any(|other| other.entry != one.entry && one.is_with(other));
            let Some(last) = ways.iter().rev().find(meets) else { continue };
            let with_it = ways.iter().filter(|one| one.entry == last.entry || one.is_with(last));
            let times = with_it.map(|one| one.entry).collect::<BTreeSet<_>>().len();
            let message = format!("`{}` has layer `{layer}` {times} times", function.name);
            self.find(TWICE, function.node, last.entry, message);
        }
    }

    fn alias(&mut self, function: &Function, globals: Option<&Function>) {
        let of = |property| merged(self.document, function, globals, &[property]);
        let is_true = |value: &NodeId| {
            self.document.scalar(*value).is_some_and(|value| value.eq_ignore_ascii_case("true"))
        };
        if of("AutoPublishAliasAllProperties").iter().any(is_true) {
            return;
        }
        if let Some(alias) = of("AutoPublishAlias").first() {
            let message = format!("the alias of `{}` keeps the old layer version", function.name);
            self.find(ALIAS, function.node, *alias, message);
        }
    }

    fn python_path(&mut self, function: &Function, globals: Option<&Function>) {
        for value in merged(self.document, function, globals, &["Environment", "Variables", "PYTHONPATH"]) {
            if !self.document.scalar(value).is_some_and(|value| value.contains("/opt/python")) {
                let message = format!(
                    "`{}` sets PYTHONPATH, and loses what its layers bring for Python",
                    function.name
                );
                self.find(PYTHON_PATH, function.node, value, message);
            }
        }
    }

    fn image(&mut self, function: &Function, globals: Option<&Function>) {
        let kinds = merged(self.document, function, globals, &["PackageType"]);
        if let Some(kind) = kinds.iter().find(|kind| self.document.scalar(**kind) == Some("Image")) {
            let message = format!("`{}` is a container image, and has layers", function.name);
            self.find(IMAGE, function.node, *kind, message);
        }
    }
}
