//! What a change set would do beyond what a roll-out is for: other layer versions of functions, and the function
//! versions and aliases that follow. Pure.

use std::collections::BTreeSet;

use template_tools::arn::LayerVersionArn;
use template_tools::template::layers::FunctionLayer;

use crate::stack::change_set::{Action, Change, Fate, NESTED, Replaced};
use crate::stack::describe::{Facts, Inside, Nested, fate, line};

const FUNCTION: &str = "AWS::Lambda::Function";
const VERSION: &str = "AWS::Lambda::Version";
const ALIAS: &str = "AWS::Lambda::Alias";

/// Properties of a nested stack whose changes its own change set shows; the attribute stands for all, where CloudFormation
/// has no change to name.
const SEEN_INSIDE: [&str; 4] = ["Parameters", "Properties", "Tags", "TemplateURL"];

/// What was asked for.
pub(super) struct Asked<'a> {
    /// The versions that functions are to get.
    pub(super) versions: &'a BTreeSet<LayerVersionArn>,
    /// Functions whose layers are read from SSM by dynamic references, which were looked at there.
    pub(super) looked_up: &'a BTreeSet<String>,
}

/// Every change that nobody has asked for, in words.
pub(super) fn beyond(
    changes: &[Change],
    old: &Facts,
    new: &Facts,
    nested: &Nested,
    asked: &Asked<'_>,
) -> Vec<String> {
    let steady = steady(changes);
    let objections = changes.iter().flat_map(|change| match nested.0.get(&change.resource) {
        // CloudFormation lists every nested stack, and its own change set tells whether anything changes there.
        Some(Inside { changes, old, new, nested }) if stays(change) => {
            // What was looked up are functions of the outer stack.
            let asked = Asked { looked_up: &BTreeSet::new(), ..*asked };
            let below = beyond(changes, old, new, nested, &asked).into_iter();
            below.map(|text| format!("{text}, in nested stack {}", change.resource)).collect()
        }
        _ => objection(change, old, new, asked, &steady).into_iter().collect::<Vec<_>>(),
    });
    objections.collect()
}

/// Whether a change is one of a nested stack that stays the same stack.
fn stays(change: &Change) -> bool {
    change.kind == NESTED
        && change.action == Action::Modify
        && change.replaced != Replaced::Yes
        && change.nested.is_some()
        && change.properties.iter().all(|name| SEEN_INSIDE.contains(&name.as_str()))
}

fn objection(
    change: &Change,
    old: &Facts,
    new: &Facts,
    asked: &Asked<'_>,
    steady: &BTreeSet<String>,
) -> Option<String> {
    let fate = fate(change, old, new);
    let is = |properties: &[&str]| {
        change.action == Action::Modify
            && change.replaced == Replaced::No
            && change.properties.iter().map(String::as_str).eq(properties.iter().copied())
    };
    let follows = match change.kind.as_str() {
        FUNCTION if is(&["Layers"]) => return other_layers(&change.resource, old, new, asked),
        ALIAS => is(&["FunctionVersion"]),
        VERSION => match change.action {
            Action::Add => true,
            Action::Remove => fate == Some(Fate::Kept),
            Action::Modify | Action::Import => false,
        },
        _ => false,
    };
    // CloudFormation names whatever refers to a function that changes, though its name and ARN stay the same.
    let only_refers = change.action == Action::Modify
        && !change.depends_on.is_empty()
        && change.depends_on.iter().all(|value| steady.contains(value));
    (!follows && !only_refers).then(|| {
        let line = line(change, fate);
        format!("{} {}", line.verb, line.text)
    })
}

/// The values that stay the same although their resources change: names and ARNs of functions and aliases.
fn steady(changes: &[Change]) -> BTreeSet<String> {
    let stays = |change: &&Change| {
        change.action == Action::Modify
            && change.replaced == Replaced::No
            && [FUNCTION, ALIAS].contains(&change.kind.as_str())
    };
    let names = changes.iter().filter(stays).map(|change| &change.resource);
    names.flat_map(|name| [name.clone(), format!("{name}.Arn")]).collect()
}

/// What else would become of a function's layers.
fn other_layers(function: &str, old: &Facts, new: &Facts, asked: &Asked<'_>) -> Option<String> {
    let none = BTreeSet::new();
    let of = |facts: &'_ Facts| facts.layers.get(function).cloned().unwrap_or_default();
    let (before, after) = (of(old), of(new));
    let layers = asked.versions.iter().map(LayerVersionArn::layer_arn).collect::<BTreeSet<_>>();
    let comes = after.difference(&before).filter(|layer| match layer {
        FunctionLayer::Version(arn) => !asked.versions.contains(arn),
        FunctionLayer::Resource(_) | FunctionLayer::Placeholder(_) => true,
    });
    let goes = before.difference(&after).filter(|layer| match layer {
        FunctionLayer::Version(arn) => !layers.contains(&arn.layer_arn()),
        FunctionLayer::Resource(_) | FunctionLayer::Placeholder(_) => true,
    });
    let comes = comes.map(|layer| format!("{} comes", shown(layer)));
    let goes = goes.map(|layer| format!("{} goes", shown(layer)));
    let all = comes.chain(goes).collect::<Vec<_>>();
    if !all.is_empty() {
        return Some(format!("Change {function} ({FUNCTION}): Layers, where {}", all.join(", ")));
    }
    let is_known = before != after && (&before, &after) != (&none, &none);
    (!is_known && !asked.looked_up.contains(function))
        .then(|| format!("Change {function} ({FUNCTION}): Layers, and nobody can tell what becomes of them"))
}

fn shown(layer: &FunctionLayer) -> String {
    match layer {
        FunctionLayer::Version(arn) => format!("{}:{}", arn.layer, arn.version),
        FunctionLayer::Resource(name) => format!("the layer of resource `{name}`"),
        FunctionLayer::Placeholder(word) => format!("`{word}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(action: Action, resource: &str, kind: &str, properties: &[&str]) -> Change {
        Change {
            action,
            resource: resource.to_owned(),
            kind: kind.to_owned(),
            physical: None,
            replaced: Replaced::No,
            fate: None,
            properties: properties.iter().map(|&name| name.to_owned()).collect(),
            depends_on: Vec::new(),
            nested: None,
        }
    }

    fn arn(layer: &str) -> LayerVersionArn {
        format!("arn:aws:lambda:eu-west-1:123456789012:layer:{layer}").parse().unwrap()
    }

    fn facts(layers: &[&str]) -> Facts {
        let layers = layers.iter().map(|layer| FunctionLayer::Version(arn(layer))).collect();
        Facts { layers: [("F".to_owned(), layers)].into(), ..Facts::default() }
    }

    fn check_layers(old: &[&str], new: &[&str], changes: &[Change]) -> Vec<String> {
        let (versions, looked_up) = (BTreeSet::from([arn("a:2")]), BTreeSet::new());
        let asked = Asked { versions: &versions, looked_up: &looked_up };
        beyond(changes, &facts(old), &facts(new), &Nested::default(), &asked)
    }

    fn check(changes: &[Change]) -> Vec<String> {
        check_layers(&["a:1"], &["a:2"], changes)
    }

    fn function() -> Change {
        change(Action::Modify, "F", FUNCTION, &["Layers"])
    }

    #[test]
    fn layers_versions_and_aliases_are_what_a_roll_out_is_for() {
        let kept = Change { fate: Some(Fate::Kept), ..change(Action::Remove, "FVersion1", VERSION, &[]) };
        let changes = [
            function(),
            change(Action::Add, "FVersion2", VERSION, &[]),
            kept,
            change(Action::Modify, "FAliaslive", ALIAS, &["FunctionVersion"]),
        ];
        assert_eq!(check(&changes), [""; 0]);
    }

    #[test]
    fn everything_else_is_beyond() {
        let deleted = Change { fate: Some(Fate::Deleted), ..change(Action::Remove, "V", VERSION, &[]) };
        let replaced = Change { replaced: Replaced::Yes, ..function() };
        for (change, said) in [
            (change(Action::Modify, "F", FUNCTION, &["Layers", "MemorySize"]), "Layers, MemorySize"),
            (change(Action::Modify, "F", FUNCTION, &["Tags"]), "Change F (AWS::Lambda::Function): Tags"),
            (change(Action::Modify, "F", FUNCTION, &[]), "Change F (AWS::Lambda::Function)"),
            (change(Action::Add, "Q", "AWS::SQS::Queue", &[]), "Add Q (AWS::SQS::Queue)"),
            (change(Action::Modify, "A", ALIAS, &["Description"]), "Description"),
            (change(Action::Modify, "N", "AWS::CloudFormation::Stack", &[]), "Change N"),
            (deleted, "it is deleted"),
            (replaced, "Replace F"),
        ] {
            let found = check(&[change]);
            assert!(found.len() == 1 && found[0].contains(said), "{said}: {found:?}");
        }
    }

    #[test]
    fn what_only_refers_to_the_function_is_not_changed_by_it() {
        let refers = |values: &[&str], action| Change {
            depends_on: values.iter().map(|&value| value.to_owned()).collect(),
            replaced: Replaced::Perhaps,
            ..change(action, "P", "AWS::Lambda::Permission", &["FunctionName"])
        };
        assert_eq!(check(&[function(), refers(&["F.Arn", "F"], Action::Modify)]), [""; 0]);
        assert_eq!(check(&[function(), refers(&["Q.Arn"], Action::Modify)]).len(), 1);
        assert_eq!(check(&[function(), refers(&["F.Arn", "Q"], Action::Modify)]).len(), 1);
        // Who is replaced gets another name.
        let replaced = Change { replaced: Replaced::Yes, ..function() };
        assert_eq!(check(&[replaced, refers(&["F.Arn"], Action::Modify)]).len(), 2);
    }

    #[test]
    fn a_nested_stack_is_what_its_own_change_set_does() {
        let listed = |nested: Option<&str>| Change {
            nested: nested.map(str::to_owned),
            ..change(Action::Modify, "N", NESTED, &["Parameters"])
        };
        let versions = BTreeSet::from([arn("a:2")]);
        let asked = Asked { versions: &versions, looked_up: &BTreeSet::from(["F".to_owned()]) };
        let found = |listed: Change, changes: &[Change], new: &[&str]| {
            let inside = Inside {
                changes: changes.to_vec(),
                old: facts(&["a:1"]),
                new: facts(new),
                ..Inside::default()
            };
            let nested = Nested([("N".to_owned(), inside)].into());
            beyond(&[listed], &Facts::default(), &Facts::default(), &nested, &asked)
        };
        let told = || listed(Some("arn"));
        assert_eq!(found(told(), &[], &["a:1"]), [""; 0]);
        assert_eq!(found(told(), &[function()], &["a:2"]), [""; 0]);
        let queue = change(Action::Add, "Q", "AWS::SQS::Queue", &[]);
        assert_eq!(found(told(), &[queue], &["a:1"]), ["Add Q (AWS::SQS::Queue), in nested stack N"]);
        // Another function of this name is in the outer stack.
        assert_eq!(found(told(), &[function()], &["a:1"]).len(), 1);
        // Without a change set of its own nobody knows, and another stack is another stack.
        assert_eq!(found(listed(None), &[], &["a:1"]).len(), 1);
        let elsewhere = Change { properties: vec!["NotificationARNs".to_owned()], ..told() };
        assert_eq!(found(elsewhere, &[], &["a:1"]).len(), 1);
        let replaced = Change { replaced: Replaced::Yes, ..told() };
        assert_eq!(found(replaced, &[], &["a:1"]).len(), 1);
    }

    #[test]
    fn no_other_layer_moves_along() {
        let found = check_layers(&["a:1", "b:3"], &["a:2", "b:4"], &[function()]);
        assert_eq!(found, ["Change F (AWS::Lambda::Function): Layers, where b:4 comes, b:3 goes"]);
        // Another version than the one that was asked for.
        assert!(check_layers(&["a:1"], &["a:3"], &[function()])[0].contains("a:3 comes"));
        assert_eq!(check_layers(&["a:1", "b:3"], &["a:2", "b:3"], &[function()]), [""; 0]);
        assert!(check_layers(&["a:2"], &["a:2"], &[function()])[0].contains("nobody can tell"));
    }
}
