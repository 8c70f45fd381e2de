//! Rules about functions: how many layers, which of them twice, and what keeps a new version from taking effect.

use std::collections::{BTreeMap, BTreeSet};

use super::Linter;
use super::rules::{ALIAS, IMAGE, PYTHON_PATH, TOO_MANY, TWICE, VERSION};
use crate::document::NodeId;
use crate::flow::{Function, FunctionKind};

/// How many layers Lambda takes.
const MOST_LAYERS: usize = 5;

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

    /// Literal lists only: what conditions leave of a list is not known here.
    fn count(&mut self, function: &Function, globals: Option<&Function>) {
        let all = [Some(function), globals];
        let lists = all.into_iter().flatten().flat_map(|one| self.values(&one.properties, "Layers"));
        let mut count = 0;
        let mut at = None;
        for list in lists {
            let items = self.document.items(list).filter(|_| self.document.intrinsic(list).is_none());
            let is_sure =
                |item: &&NodeId| self.document.intrinsic(**item).is_none_or(|call| call.name != "Fn::If");
            count += items.unwrap_or_default().iter().filter(is_sure).count();
            at = at.or(Some(list));
        }
        if let Some(at) = at.filter(|_| count > MOST_LAYERS) {
            let message = format!("`{}` has {count} layers, and Lambda takes {MOST_LAYERS}", function.name);
            self.find(TOO_MANY, function.node, at, message);
        }
    }

    fn twice(&mut self, index: usize, function: &Function) {
        let flow = self.flow;
        let mut entries: BTreeMap<(String, String), BTreeSet<NodeId>> = BTreeMap::new();
        for reference in &flow.references {
            let sure = self.is_sure_entry(reference.entry);
            if !sure || !flow.reached(&reference.functions).contains(&index) {
                continue;
            }
            let account = format!("{:?}", reference.pattern.account);
            entries
                .entry((account, reference.pattern.layer.to_string()))
                .or_default()
                .insert(reference.entry);
        }
        let resources = flow.unread.iter().filter(|unread| unread.reason.is_expected());
        for unread in resources.filter(|unread| flow.reached(&unread.functions).contains(&index)) {
            entries.entry((String::new(), unread.reason.to_string())).or_default().insert(unread.node);
        }
        for ((_, layer), entries) in entries {
            let Some(last) = entries.last().filter(|_| entries.len() > 1) else { continue };
            let layer = layer.split('`').nth(1).unwrap_or(&layer);
            let message = format!("`{}` has layer `{layer}` {} times", function.name, entries.len());
            self.find(TWICE, function.node, *last, message);
        }
    }

    /// Not one branch of a condition, of which the other may be the second.
    fn is_sure_entry(&self, entry: NodeId) -> bool {
        self.document.intrinsic(entry).is_none_or(|call| call.name != "Fn::If")
    }

    fn alias(&mut self, function: &Function, globals: Option<&Function>) {
        let all: Vec<NodeId> =
            [Some(function), globals].into_iter().flatten().flat_map(|one| one.properties.clone()).collect();
        let all_properties = self.values(&all, "AutoPublishAliasAllProperties");
        let is_true = |value: &NodeId| {
            self.document.scalar(*value).is_some_and(|value| value.eq_ignore_ascii_case("true"))
        };
        if let Some(alias) =
            self.values(&all, "AutoPublishAlias").first().filter(|_| !all_properties.iter().any(is_true))
        {
            let message = format!("the alias of `{}` keeps the old layer version", function.name);
            self.find(ALIAS, function.node, *alias, message);
        }
    }

    fn python_path(&mut self, function: &Function, globals: Option<&Function>) {
        for one in [Some(function), globals].into_iter().flatten() {
            let environments = self.values(&one.properties, "Environment");
            for variables in self.values(&environments, "Variables") {
                for value in self.document.values(variables, "PYTHONPATH") {
                    if !self.document.scalar(value).is_some_and(|value| value.contains("/opt/python")) {
                        let message = format!(
                            "`{}` sets PYTHONPATH, and loses what its layers bring for Python",
                            function.name
                        );
                        self.find(PYTHON_PATH, function.node, value, message);
                    }
                }
            }
        }
    }

    fn image(&mut self, function: &Function, globals: Option<&Function>) {
        let own = self.values(&function.properties, "PackageType");
        let kinds = if own.is_empty() {
            globals.map(|one| self.values(&one.properties, "PackageType")).unwrap_or_default()
        } else {
            own
        };
        if let Some(kind) = kinds.iter().find(|kind| self.document.scalar(**kind) == Some("Image")) {
            let message = format!("`{}` is a container image, and has layers", function.name);
            self.find(IMAGE, function.node, *kind, message);
        }
    }
}
