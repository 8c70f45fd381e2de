//! Whether a function may use a layer: its runtime and architecture against what the ledger says the layer is made for.
//!
//! Lambda does not hold a function to this: CompatibleRuntimes and CompatibleArchitectures are a filter for listings.

use super::Refusal;
use crate::document::Document;
use crate::flow::{Flow, Reference};
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
        let other = |has: &[String], made_for: &[String]| {
            if made_for.is_empty() { None } else { has.iter().find(|one| !made_for.contains(one)).cloned() }
        };
        let runtimes = flow.with_globals(index, |function| &function.runtimes);
        if let Some(has) = other(runtimes, &facts.runtimes) {
            return Some(refusal("runtime", &has, &facts.runtimes));
        }
        let architectures = architectures(document, flow, index);
        let has = other(&architectures, &facts.architectures)?;
        Some(refusal("architecture", &has, &facts.architectures))
    })
}

/// The architectures that a function may have; none if they cannot be told.
fn architectures(document: &Document<'_>, flow: &Flow, index: usize) -> Vec<String> {
    let known = flow.with_globals(index, |function| &function.architectures);
    let function = &flow.functions[index];
    let is_written = |function: &crate::flow::Function| {
        function.properties.iter().any(|properties| !document.values(*properties, "Architectures").is_empty())
    };
    let globals = |one: &&crate::flow::Function| {
        one.kind == crate::flow::FunctionKind::Globals && one.root == function.root
    };
    let anywhere = is_written(function) || flow.functions.iter().filter(globals).any(is_written);
    if known.is_empty() && !anywhere { vec![DEFAULT_ARCHITECTURE.to_owned()] } else { known.to_vec() }
}
