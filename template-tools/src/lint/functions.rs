//! Rules about functions: how many layers, which of them twice, and what keeps a new version from taking effect.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Linter;
use super::rules::{ALIAS, IMAGE, PYTHON_PATH, TOO_MANY, TWICE, VERSION};
use crate::document::NodeId;
use crate::flow::{Function, FunctionKind, Source, Text, merged};

/// How many layers Lambda takes.
const MOST_LAYERS: usize = 5;

/// How deep conditions are followed.
const DEEPEST: usize = 32;

/// A condition, and whether it holds.
type Side = (String, bool);

/// The entries of a layer, each with the conditions of every way to it.
type Entries = BTreeMap<NodeId, Vec<Vec<Side>>>;

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

/// Whether both are there whenever one of them is. Of conditions with different names nothing is known.
fn together(one: &[Side], other: &[Side]) -> bool {
    one.iter().all(|side| other.contains(side)) || other.iter().all(|side| one.contains(side))
}

impl Linter<'_, '_> {
    pub(super) fn functions(&mut self) {
        let flow = self.flow;
        let with_layers = self.functions_with_layers();
        for (index, function) in flow.functions.iter().enumerate() {
            if function.kind == FunctionKind::Globals {
                continue;
            }
            let globals = flow.functions.iter().find(|one| {
                one.kind == FunctionKind::Globals
                    && one.root == function.root
                    && function.kind == FunctionKind::Serverless
            });
            self.count(function, globals);
            self.twice(index, function);
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
                let names = self.values(&self.properties(resource.node), key);
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
        let count = if let Some([_, yes, no]) = self.branches(list) {
            self.longest(yes, counts, depth + 1).max(self.longest(no, counts, depth + 1))
        } else if let (None, Some(items)) = (self.document.intrinsic(list), self.document.items(list)) {
            items.iter().map(|item| self.least(*item, counts, depth + 1)).sum()
        } else {
            self.in_one_text(counts.root, list)
        };
        counts.longest.insert(list, count);
        count
    }

    /// The layers of a list in one text, as parameters have them.
    fn in_one_text(&self, root: NodeId, list: NodeId) -> usize {
        let counts = self.texts(root, list).into_iter().map(|text| match text {
            Text::Known(text) => text.split(',').filter(|layer| !layer.trim().is_empty()).count(),
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

    fn twice(&mut self, index: usize, function: &Function) {
        let flow = self.flow;
        let mut entries: BTreeMap<(String, String), Entries> = BTreeMap::new();
        for reference in &flow.references {
            if !flow.reached(&reference.functions).contains(&index) {
                continue;
            }
            let Source::Leaf(leaf) = reference.source else { continue };
            let Some(sides) = self.sides(&reference.functions, reference.entry, leaf) else { continue };
            let account = format!("{:?}", reference.pattern.account);
            let of_layer = entries.entry((account, reference.pattern.layer.to_string())).or_default();
            of_layer.entry(reference.entry).or_default().push(sides);
        }
        let resources = flow.unread.iter().filter(|unread| unread.reason.is_expected());
        for unread in resources.filter(|unread| flow.reached(&unread.functions).contains(&index)) {
            let Some(sides) = self.sides(&unread.functions, unread.node, unread.node) else { continue };
            let of_layer = entries.entry((String::new(), unread.reason.to_string())).or_default();
            of_layer.entry(unread.node).or_default().push(sides);
        }
        for ((_, layer), entries) in entries {
            let all: Vec<(&NodeId, &Vec<Side>)> = entries
                .iter()
                .flat_map(|(entry, ways)| ways.iter().map(move |sides| (entry, sides)))
                .collect();
            let meets = |(entry, sides): &(&NodeId, &Vec<Side>)| {
                all.iter().filter(|(other, more)| other != entry && together(sides, more)).count()
            };
            let Some(last) = all.iter().rev().find(|one| meets(one) > 0) else { continue };
            let is_with =
                |(entry, sides): &&(&NodeId, &Vec<Side>)| entry == &last.0 || together(sides, last.1);
            let times = all.iter().filter(is_with).map(|(entry, _)| entry).collect::<BTreeSet<_>>().len();
            let layer = layer.split('`').nth(1).unwrap_or(&layer);
            let message = format!("`{}` has layer `{layer}` {times} times", function.name);
            self.find(TWICE, function.node, *last.0, message);
        }
    }

    /// The conditions that lead to an entry, from `Layers` on. Nothing where it is not told which branch a text belongs to.
    fn sides(&self, functions: &BTreeSet<usize>, entry: NodeId, leaf: NodeId) -> Option<Vec<Side>> {
        let document = self.document;
        let of_functions = functions.iter().flat_map(|index| &self.flow.functions[*index].properties);
        let mut lists = of_functions.flat_map(|properties| document.values(*properties, "Layers"));
        let Some(mut at) = lists.find(|list| document.below(*list).contains(&entry)) else {
            return Some(Vec::new());
        };
        let mut sides = Vec::new();
        for _ in 0..DEEPEST {
            if let Some([condition, yes, no]) = self.branches(at) {
                let node = if document.below(at).contains(&leaf) { leaf } else { entry };
                let branch = [yes, no].into_iter().find(|branch| document.below(*branch).contains(&node))?;
                sides.push((document.scalar(condition)?.to_owned(), branch == yes));
                at = branch;
                continue;
            }
            let items = document.items(at).filter(|_| document.intrinsic(at).is_none());
            match items.unwrap_or_default().iter().find(|item| document.below(**item).contains(&entry)) {
                Some(item) => at = document.resolve(*item),
                None => break,
            }
        }
        Some(sides)
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
