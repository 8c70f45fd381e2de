//! Values of `samconfig.toml` of which nothing tells what they are for: the template that they are given to is not there, or
//! cannot be read.

use std::collections::BTreeSet;

use super::overrides::{Deployment, Override};
use super::{DEFAULT_TEMPLATES, Planner};
use crate::document::Position;
use crate::plan::{LeftAlone, Weight};

impl Planner<'_, '_> {
    /// Says that nothing tells what values are for. `is_known` tells of a value whether it says so itself.
    pub(super) fn without_template(&mut self, deployment: &Deployment, is_known: impl Fn(usize) -> bool) {
        let unknown = deployment.overrides.iter().enumerate().filter(|(number, _)| !is_known(*number));
        let unknown: Vec<&Override> = unknown.map(|(_, one)| one).collect();
        if unknown.is_empty() {
            return;
        }
        let is_version = |one: &&&Override| {
            let value = &one.given.value;
            value.parse::<u64>().is_ok() || self.wanted.placeholders.has(value)
        };
        let mut versions = unknown.iter().filter(is_version);
        let layer = versions.find_map(|one| self.wanted.pins.hinted_in(&one.given.name)).cloned();
        let weight = if layer.is_some() { Weight::Warning } else { Weight::Other };
        let names = deployment.ways.iter().map(|way| way.template.as_deref().unwrap_or(DEFAULT_TEMPLATES[0]));
        let names: BTreeSet<String> = names.map(|name| format!("`{name}`")).collect();
        let reason = format!(
            "its version may be one of these values, and the template that would tell cannot be read: {}",
            names.into_iter().collect::<Vec<_>>().join(", ")
        );
        self.plan.names.extend(layer.clone());
        let position = Position::at(self.text, deployment.whole.start);
        self.plan.left_alone.push(LeftAlone { position, layer, reason, weight });
    }
}
