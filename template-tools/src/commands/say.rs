//! What a run says about pins and files, on standard error.

use std::collections::{BTreeMap, BTreeSet};

use crate::commands::files::{Files, Planned};
use crate::commands::source::Source;
use crate::ui::{Ui, counted};
use template_tools::arn::LayerName;
use template_tools::flow::Home;
use template_tools::plan::{LeftAlone, Weight};

pub(crate) fn say_pins(source: &Source, ui: Ui) {
    if let Some(name) = &source.ledger {
        let layers = source.pins.layers().count();
        let versions = counted(source.pins.pins().count(), "version");
        ui.status("Reading", format!("{name}: {versions} of {}", counted(layers, "layer")));
    }
    for pin in source.pins.pins() {
        ui.detail("Pinned", pin);
    }
}

/// `sosw 7 to 12 (lines 14, 30)`, one line for each change of a number in a file.
pub(crate) fn say_bumps(verb: &str, file: &Planned, ui: Ui) {
    let mut changes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for bump in &file.plan.bumps {
        let change = format!("{} {} to {}", bump.layer, bump.from, bump.to);
        changes.entry(change).or_default().push(bump.position.line.to_string());
    }
    for (change, lines) in changes {
        let label = if lines.len() == 1 { "line" } else { "lines" };
        ui.status(verb, format!("{}: {change} ({label} {})", file.path.display(), lines.join(", ")));
    }
}

/// A changed default does not reach a stack that exists: its stored value counts until somebody sets the new one.
pub(crate) fn say_defaults(changing: &[Planned], ui: Ui) {
    let mut by_parameter: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for file in changing {
        for bump in &file.plan.bumps {
            if let Home::Default(parameter) = &bump.home {
                by_parameter.entry(parameter).or_default().insert(file.path.display().to_string());
            }
        }
    }
    for (parameter, files) in by_parameter {
        let files = files.into_iter().collect::<Vec<_>>().join(", ");
        ui.warning(format!(
            "the default of parameter `{parameter}` changes in {files}: a stack that exists keeps its stored value until \
             it is deployed with the new one"
        ));
    }
}

/// Each place with its reason; places of one file that have layer and reason in common share a line.
pub(crate) fn say_left_alone(files: &Files, why: bool, ui: Ui) {
    for file in &files.planned {
        let mut groups: Vec<(&LeftAlone, Vec<String>)> = Vec::new();
        for left in &file.plan.left_alone {
            let same = |(first, _): &&mut (&LeftAlone, Vec<String>)| {
                (&first.layer, &first.reason, first.weight) == (&left.layer, &left.reason, left.weight)
            };
            match groups.iter_mut().find(same) {
                Some((_, more)) => more.push(left.position.to_string()),
                None => groups.push((left, Vec::new())),
            }
        }
        for (LeftAlone { position, layer, reason, weight }, more) in groups {
            let more = if more.is_empty() { String::new() } else { format!(" (and {})", more.join(", ")) };
            let layer = layer.as_ref().map_or_else(|| "a layer".to_owned(), |layer| format!("`{layer}`"));
            let place = format!("{}:{position}{more}", file.path.display());
            match weight {
                Weight::Other | Weight::Expected if why => {
                    ui.status("Left", format!("{place}: {layer}, {reason}"));
                }
                Weight::Other => {}
                Weight::Expected => ui.detail("Left", format!("{place}: {layer}, {reason}")),
                Weight::Note => ui.note(format!("left {layer} alone at {place}: {reason}")),
                Weight::Warning => ui.warning(format!("left {layer} alone at {place}: {reason}")),
            }
        }
    }
}

/// A layer that was named on the command line and that no file names may be a slip.
pub(crate) fn say_unused(source: &Source, files: &Files, ui: Ui) {
    if source.ledger.is_some() {
        return;
    }
    let mut used: BTreeSet<&LayerName> = BTreeSet::new();
    for Planned { plan, .. } in &files.planned {
        used.extend(&plan.names);
    }
    for layer in source.pins.layers().filter(|layer| !used.contains(layer)) {
        ui.warning(format!("no template names layer `{layer}`"));
    }
}
