//! What a change set will do, in words, and which layer versions it would delete. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use template_tools::document::{ParseError, parse};
use template_tools::template::layers::{Deployment, FunctionLayer, function_layers};
use template_tools::template::{Policy, resources};

use super::change_set::{Action, Change, Fate, Replaced};

/// The type of a layer's version.
const LAYER_VERSION: &str = "AWS::Lambda::LayerVersion";

/// What a template, its transforms done, comes to with the values of its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The layers of every function.
    pub layers: BTreeMap<String, BTreeSet<FunctionLayer>>,
    /// What becomes of each resource when it leaves the stack, and when it is replaced.
    pub policies: BTreeMap<String, (Policy, Policy)>,
}

/// A line about a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The verb.
    pub verb: &'static str,
    /// What it is about.
    pub text: String,
}

/// A function that gets another layer version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerChange {
    /// The logical id of the function.
    pub function: String,
    /// The layer.
    pub layer: String,
    /// What it has; nothing if the layer is new to it.
    pub old: Option<String>,
    /// What it gets; nothing if the layer goes.
    pub new: Option<String>,
}

/// What the change sets of nested stacks do, by their logical ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nested(pub BTreeMap<String, Inside>);

/// What the change set of a nested stack does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    /// Its changes.
    pub changes: Vec<Change>,
    /// What the nested stack was made from.
    pub old: Facts,
    /// What it would be made from.
    pub new: Facts,
    /// The same for the stacks in it.
    pub nested: Nested,
}

/// A change set in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Description {
    /// Every change.
    pub lines: Vec<Line>,
    /// The functions that get another layer version.
    pub layers: Vec<LayerChange>,
    /// LayerVersions that would be deleted: logical id, and ARN where it is known.
    pub deleted_layers: Vec<(String, Option<String>)>,
    /// Nested stacks that change in ways that CloudFormation does not tell.
    pub not_looked_into: Vec<String>,
}

impl Facts {
    /// Reads a template.
    pub fn read(
        template: &str,
        values: &BTreeMap<String, String>,
        deployment: &Deployment,
    ) -> Result<Self, ParseError> {
        let document = parse(template)?;
        let policies = resources(&document)
            .into_iter()
            .map(|resource| (resource.name, (resource.deletion, resource.replacement)));
        Ok(Self { policies: policies.collect(), layers: function_layers(&document, values, deployment) })
    }
}

/// Puts a change set into words. `old` is what the stack was made from.
pub fn describe(changes: &[Change], old: &Facts, new: &Facts) -> Description {
    let mut description = Description::default();
    for change in changes {
        let fate = fate(change, old, new);
        if change.kind == LAYER_VERSION && fate == Some(Fate::Deleted) {
            description.deleted_layers.push((change.resource.clone(), change.physical.clone()));
        }
        description.lines.push(line(change, fate));
    }
    let changed: BTreeSet<&str> = changes
        .iter()
        .filter(|change| change.kind == LAYER_VERSION && change.replaced != Replaced::No)
        .map(|change| change.resource.as_str())
        .collect();
    let none = BTreeSet::new();
    for (function, layers) in &new.layers {
        let before = old.layers.get(function).unwrap_or(&none);
        description.layers.extend(layer_changes(function, before, layers, &changed));
    }
    description
}

pub(super) fn fate(change: &Change, old: &Facts, new: &Facts) -> Option<Fate> {
    let of = |policy: Option<Policy>| match policy {
        Some(Policy::Retain) => Fate::Kept,
        // What is not known is taken to be the worst.
        Some(Policy::Delete) | None => Fate::Deleted,
    };
    let policies = |facts: &Facts| facts.policies.get(&change.resource).copied();
    match (change.action, change.replaced) {
        (Action::Remove, _) => Some(change.fate.unwrap_or_else(|| of(policies(old).map(|both| both.0)))),
        (Action::Modify, Replaced::Yes | Replaced::Perhaps) => {
            Some(change.fate.unwrap_or_else(|| of(policies(new).map(|both| both.1))))
        }
        _ => None,
    }
}

pub(super) fn line(change: &Change, fate: Option<Fate>) -> Line {
    let what = format!("{} ({})", change.resource, change.kind);
    let (verb, then) = match (change.action, change.replaced, fate) {
        (Action::Add, ..) => ("Add", String::new()),
        (Action::Import, ..) => ("Import", String::new()),
        (Action::Remove, _, Some(Fate::Kept)) => ("Remove", ": it stays in the account".to_owned()),
        (Action::Remove, ..) => ("Remove", ": it is deleted".to_owned()),
        (Action::Modify, Replaced::No, _) => ("Change", properties(change)),
        (Action::Modify, replaced, fate) => {
            let old = if fate == Some(Fate::Kept) { "the old one stays" } else { "the old one is deleted" };
            let verb = if replaced == Replaced::Yes { "Replace" } else { "Replace?" };
            (verb, format!("{}; {old}", properties(change)))
        }
    };
    Line { verb, text: what + &then }
}

fn properties(change: &Change) -> String {
    if change.properties.is_empty() { String::new() } else { format!(": {}", change.properties.join(", ")) }
}

fn layer_changes(
    function: &str,
    before: &BTreeSet<FunctionLayer>,
    after: &BTreeSet<FunctionLayer>,
    replaced: &BTreeSet<&str>,
) -> Vec<LayerChange> {
    // Layers by what they are, without their versions.
    fn by_name(layers: &BTreeSet<FunctionLayer>) -> BTreeMap<String, (String, BTreeSet<String>)> {
        let mut by_name = BTreeMap::<String, (String, BTreeSet<String>)>::new();
        for layer in layers {
            let (key, name, version) = match layer {
                FunctionLayer::Version(arn) => {
                    (arn.layer_arn(), arn.layer.to_string(), arn.version.to_string())
                }
                FunctionLayer::Resource(name) => (name.clone(), name.clone(), String::new()),
                FunctionLayer::Placeholder(word) => (word.clone(), word.clone(), word.clone()),
            };
            by_name.entry(key).or_insert_with(|| (name, BTreeSet::new())).1.insert(version);
        }
        by_name
    }
    let (old, new) = (by_name(before), by_name(after));
    let shown = |versions: &BTreeSet<String>| {
        Some(versions.iter().cloned().collect::<Vec<_>>().join(" or ")).filter(|text| !text.is_empty())
    };
    let mut changes = Vec::new();
    for (key, (layer, versions)) in &new {
        let was = old.get(key).map(|(_, versions)| versions);
        let is_replaced =
            after.contains(&FunctionLayer::Resource(key.clone())) && replaced.contains(key.as_str());
        if was == Some(versions) && !is_replaced {
            continue;
        }
        let (old, new) = match (is_replaced, was) {
            (true, Some(_)) => (Some("its version".to_owned()), Some("the new one".to_owned())),
            (_, was) => (was.and_then(shown), shown(versions).or_else(|| Some("of this stack".to_owned()))),
        };
        changes.push(LayerChange { function: function.to_owned(), layer: layer.clone(), old, new });
    }
    for (key, (layer, versions)) in &old {
        if !new.contains_key(key) {
            let old = shown(versions).or_else(|| Some("of this stack".to_owned()));
            changes.push(LayerChange { function: function.to_owned(), layer: layer.clone(), old, new: None });
        }
    }
    changes
}

impl LayerChange {
    /// `sosw 7 -> 8`, for people.
    pub fn text(&self) -> String {
        let Self { function, layer, old, new } = self;
        match (old, new) {
            (Some(old), Some(new)) => format!("{function}: {layer} {old} -> {new}"),
            (None, Some(new)) => format!("{function}: {layer} {new}"),
            (_, None) => format!("{function}: {layer} goes"),
        }
    }

    /// Whether it goes back to a lower number.
    pub fn is_downgrade(&self) -> bool {
        let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<u64>().ok());
        matches!((number(&self.old), number(&self.new)), (Some(old), Some(new)) if new < old)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(action: Action, kind: &str, replaced: Replaced, fate: Option<Fate>) -> Change {
        Change {
            action,
            resource: "R".to_owned(),
            kind: kind.to_owned(),
            physical: None,
            replaced,
            fate,
            properties: vec!["Content".to_owned()],
            depends_on: Vec::new(),
            nested: None,
        }
    }

    fn facts(policy: Option<Policy>, layers: &[&str]) -> Facts {
        let layers = layers.iter().map(|arn| FunctionLayer::Version(arn.parse().unwrap())).collect();
        Facts {
            layers: [("F".to_owned(), layers)].into(),
            policies: policy.into_iter().map(|policy| ("R".to_owned(), (policy, policy))).collect(),
        }
    }

    #[test]
    fn a_layer_version_that_would_go_is_known_with_and_without_cloudformations_word() {
        let deleted = |change: Change, policy| {
            !describe(&[change], &facts(policy, &[]), &facts(policy, &[])).deleted_layers.is_empty()
        };
        let replace = |fate| change(Action::Modify, LAYER_VERSION, Replaced::Yes, fate);
        let remove = |fate| change(Action::Remove, LAYER_VERSION, Replaced::No, fate);
        assert!(deleted(replace(Some(Fate::Deleted)), Some(Policy::Retain)));
        assert!(!deleted(replace(Some(Fate::Kept)), None));
        assert!(deleted(replace(None), Some(Policy::Delete)));
        assert!(!deleted(replace(None), Some(Policy::Retain)));
        // Nothing is known: the worst.
        assert!(deleted(remove(None), None));
        assert!(deleted(change(Action::Modify, LAYER_VERSION, Replaced::Perhaps, None), None));
        assert!(!deleted(remove(None), Some(Policy::Retain)));
        assert!(!deleted(change(Action::Add, LAYER_VERSION, Replaced::No, None), None));
        assert!(!deleted(change(Action::Remove, "AWS::SQS::Queue", Replaced::No, None), None));
    }

    #[test]
    fn changes_are_a_line_each() {
        let text = |change: Change| {
            let line = line(&change, fate(&change, &Facts::default(), &Facts::default()));
            format!("{} {}", line.verb, line.text)
        };
        assert_eq!(text(change(Action::Add, "T", Replaced::No, None)), "Add R (T)");
        assert_eq!(text(change(Action::Modify, "T", Replaced::No, None)), "Change R (T): Content");
        assert_eq!(
            text(change(Action::Modify, "T", Replaced::Yes, Some(Fate::Kept))),
            "Replace R (T): Content; the old one stays"
        );
        assert_eq!(text(change(Action::Remove, "T", Replaced::No, None)), "Remove R (T): it is deleted");
    }

    #[test]
    fn functions_that_change_their_version_are_named_with_old_and_new() {
        let arn = |layer: &str| format!("arn:aws:lambda:eu-west-1:123456789012:layer:{layer}");
        let (a1, a2, b1, c1) = (arn("a:1"), arn("a:2"), arn("b:1"), arn("c:1"));
        let old = facts(None, &[&a1, &b1]);
        let new = facts(None, &[&a2, &c1]);
        let texts = |old: &Facts, new: &Facts| {
            describe(&[], old, new).layers.iter().map(LayerChange::text).collect::<Vec<_>>()
        };
        assert_eq!(texts(&old, &new), ["F: a 1 -> 2", "F: c 1", "F: b goes"]);
        assert_eq!(texts(&new, &new), [] as [&str; 0]);
        assert!(describe(&[], &new, &old).layers[0].is_downgrade());
    }
}
