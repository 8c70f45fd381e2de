//! Rules about single references: what cannot work as it is written, and what the ledger knows better.

use super::Linter;
use super::rules::{ARCHITECTURE, DOWNGRADE, RESOLVE, RUNTIME, VARIABLE};
use crate::flow::{Reason, Source};
use crate::pattern::NoPattern;
use crate::pins::Resolution;
use crate::plan::{Refusal, Wanted, downgrade, misfit};

impl Linter<'_, '_> {
    pub(super) fn references(&mut self) {
        let (flow, wanted) = (self.flow, Wanted::new(self.pins));
        for unread in &flow.unread {
            let (rule, message) = match &unread.reason {
                Reason::Text(error @ NoPattern::VariableWithoutSub(_)) => (VARIABLE, error.to_string()),
                Reason::Resolve(text) => {
                    (RESOLVE, format!("CloudFormation does not notice when `{text}` changes"))
                }
                _ => continue,
            };
            let function = unread.functions.first().map_or(unread.node, |index| flow.functions[*index].node);
            self.find(rule, function, unread.node, message);
        }
        for reference in &flow.references {
            let pins = match self.pins.resolve(&reference.pattern) {
                Resolution::Version(pin) => vec![pin],
                Resolution::Disagree(pins) => pins,
                Resolution::NotPinned(_) => continue,
            };
            let Source::Leaf(leaf) = reference.source else { continue };
            let function = reference.functions.first().map_or(leaf, |index| flow.functions[*index].node);
            let newest = pins.iter().max_by_key(|pin| pin.version);
            let refusal = newest.and_then(|pin| downgrade(&reference.pattern, pin, &wanted));
            if let Some(Refusal::Downgrade { layer, from, to }) = refusal {
                let message = format!("version {from} of layer `{layer}` is newer than {to}, the ledger's");
                self.find(DOWNGRADE, function, leaf, message);
            }
            let misfits = pins.iter().find_map(|pin| misfit(self.document, flow, reference, pin, self.pins));
            if let Some(refusal @ Refusal::Unfit { what, .. }) = misfits {
                let rule = if what == "runtime" { RUNTIME } else { ARCHITECTURE };
                self.find(rule, function, reference.entry, refusal.to_string());
            }
        }
    }
}
