//! Parameters that do not have their default in a text, because something else in it stands for another value of theirs.

use std::collections::{BTreeSet, HashMap};

use super::Reason;
use super::evaluate::{Evaluator, Item};
use super::value::Value;
use crate::document::NodeId;

/// How many parameters may have other values than their defaults in one text.
const MOST_SUPPOSED: usize = 4;

impl Evaluator<'_, '_> {
    /// What a parameter is supposed to be for the moment.
    pub(super) fn supposed(&self, name: &str) -> Option<String> {
        let supposed = self.supposed.borrow();
        supposed.iter().rev().find(|(supposed, _)| supposed == name).map(|(_, value)| value.clone())
    }

    /// What `evaluate` says. Where a parameter is taken at its default in a text, and something else in that text stands
    /// there for another value of it, the other value counts.
    pub(super) fn with_right_values(
        &self,
        evaluate: &dyn Fn() -> Result<Vec<Item>, Reason>,
        depth: usize,
    ) -> Result<Vec<Item>, Reason> {
        let mut items = evaluate()?;
        let mut others = BTreeSet::new();
        for item in &mut items {
            item.values.retain_mut(|value| {
                let Some(parameter) = value.under.wrongly_supposed() else { return true };
                let values = match value.under.get(parameter) {
                    Some(value) => vec![value],
                    None => self.allowed_values(parameter),
                };
                if values.is_empty() || depth == MOST_SUPPOSED {
                    *value = Value::unknown("…", Reason::NotDefault(parameter.to_owned()));
                    return true;
                }
                others.extend(values.into_iter().map(|value| (parameter.to_owned(), value.to_owned())));
                false
            });
        }
        if others.is_empty() {
            return Ok(items);
        }
        let places: HashMap<NodeId, usize> = items.iter().map(|item| item.node).zip(0..).collect();
        for (parameter, value) in others {
            self.supposed.borrow_mut().push((parameter.clone(), value.clone()));
            let more = self.with_right_values(evaluate, depth + 1);
            self.supposed.borrow_mut().pop();
            for more in more? {
                let Some(at) = places.get(&more.node) else { continue };
                let fits = |one: &Value| one.under.get(&parameter) == Some(value.as_str());
                items[*at].values.extend(more.values.into_iter().filter(fits));
            }
        }
        Ok(items)
    }

    /// The values that a parameter may have by its `AllowedValues`.
    fn allowed_values(&self, parameter: &str) -> Vec<&str> {
        let lists = self.parameter(parameter).map(|own| self.document.values(own, "AllowedValues"));
        let items = lists.into_iter().flatten().filter_map(|list| self.document.items(list)).flatten();
        items.filter_map(|item| self.document.scalar(*item)).collect()
    }
}
