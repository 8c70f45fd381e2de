//! Whether a function may use a layer: its runtime and architecture against what the ledger says the layer is made for.
//!
//! Lambda does not hold a function to this: CompatibleRuntimes and CompatibleArchitectures are a filter for listings.

use super::Refusal;
use crate::document::Document;
use crate::flow::{Flow, Known, Reference, Under};
use crate::pins::{Pin, Pins};

/// The architecture of a function that names none.
const DEFAULT_ARCHITECTURE: &str = "x86_64";

/// The first function that a reference reaches and that the pinned version is not made for.
pub(crate) fn misfit(
    document: &Document<'_>,
    flow: &Flow,
    reference: &Reference,
    pin: &Pin,
    pins: &Pins,
) -> Option<Refusal> {
    let (facts, version) = (pins.facts(pin)?, pin.version?);
    flow.reached(&reference.functions).into_iter().find_map(|index| {
        let function = &flow.functions[index];
        let refusal = |what, has: &String, made_for: &[String]| Refusal::Unfit {
            function: function.name.clone(),
            what,
            has: has.clone(),
            layer: pin.layer.clone(),
            version,
            made_for: made_for.to_vec(),
        };
        // The branch of a condition, or the row of a mapping, that has the layer may be one that has another runtime.
        let other = |has: &[Known], made_for: &[String]| {
            let mut there = has.iter().filter(|one| one.under.agrees_with(&reference.under));
            let is_other = |one: &&Known| !made_for.is_empty() && !made_for.contains(&one.text);
            there.find(is_other).map(|one| one.text.clone())
        };
        let runtimes = flow.with_globals(index, "Runtime", |function| &function.runtimes);
        if let Some(has) = other(runtimes, &facts.runtimes) {
            return Some(refusal("runtime", &has, &facts.runtimes));
        }
        let architectures = architectures(document, flow, index);
        let has = other(&architectures, &facts.architectures)?;
        Some(refusal("architecture", &has, &facts.architectures))
    })
}

/// The architectures that a function may have; none if they cannot be told.
fn architectures(document: &Document<'_>, flow: &Flow, index: usize) -> Vec<Known> {
    let known = flow.with_globals(index, "Architectures", |function| &function.architectures);
    let function = &flow.functions[index];
    let is_written = |function: &crate::flow::Function| {
        function.properties.iter().any(|properties| !document.values(*properties, "Architectures").is_empty())
    };
    let globals = |one: &&crate::flow::Function| {
        one.kind == crate::flow::FunctionKind::Globals
            && one.root == function.root
            && !function.ignored.has("Architectures")
    };
    let anywhere = is_written(function) || flow.functions.iter().filter(globals).any(is_written);
    if known.is_empty() && !anywhere {
        vec![Known { text: DEFAULT_ARCHITECTURE.to_owned(), under: Under::default() }]
    } else {
        known.to_vec()
    }
}
