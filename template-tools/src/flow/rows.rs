//! `Fn::FindInMap`: the rows of `Mappings` that may be meant.

use super::Reason;
use super::evaluate::Evaluator;
use super::under::Under;
use crate::document::NodeId;

/// What picks a row.
enum Key {
    Is(String),
    Any(Option<String>),
}

impl Evaluator<'_, '_> {
    /// The values of a mapping that may be meant, each with what is the case there. A call finds one of them.
    pub(super) fn rows(&self, argument: NodeId) -> Option<Result<Vec<(NodeId, Under)>, Reason>> {
        let items = self.document.items(argument)?;
        let [map, top, second, rest @ ..] = items else { return None };
        let map = self.document.scalar(*map).filter(|_| self.document.intrinsic(*map).is_none())?;
        let (top, second) = (self.key(*top), self.key(*second));
        let mut rows: Vec<(NodeId, Under)> = Vec::new();
        for mapping in self.mappings.get(map).into_iter().flatten() {
            for (row, first) in self.fitting(*mapping, &top) {
                for (value, then) in self.fitting(row, &second) {
                    let mut under = first.clone();
                    if under.and(&then) {
                        rows.push((value, under));
                    }
                }
            }
        }
        for options in rest {
            rows.extend(
                self.document
                    .values(*options, "DefaultValue")
                    .into_iter()
                    .map(|value| (value, Under::default())),
            );
        }
        for (number, (_, under)) in rows.iter_mut().enumerate() {
            under.take(&format!("Fn::FindInMap {argument:?}"), &number.to_string());
        }
        let shown = |key: &Key| match key {
            Key::Is(name) => name.clone(),
            Key::Any(name) => format!("${{{}}}", name.as_deref().unwrap_or("…")),
        };
        Some(if rows.is_empty() {
            Err(Reason::NoRow(format!("{map}.{}.{}", shown(&top), shown(&second))))
        } else {
            Ok(rows)
        })
    }

    fn key(&self, node: NodeId) -> Key {
        match self.document.intrinsic(node) {
            None => Key::Is(self.document.scalar(node).unwrap_or_default().to_owned()),
            Some(call) if call.name == "Ref" => {
                Key::Any(self.document.scalar(call.argument).map(str::to_owned))
            }
            Some(call) if call.name == "Fn::Sub" => {
                let text = self.document.scalar(call.argument).unwrap_or_default();
                let name = text.strip_prefix("${").and_then(|text| text.strip_suffix('}'));
                Key::Any(name.map(str::to_owned))
            }
            Some(_) => Key::Any(None),
        }
    }

    fn fitting(&self, mapping: NodeId, key: &Key) -> Vec<(NodeId, Under)> {
        let pairs = self.document.pairs(mapping).iter();
        let pairs = pairs.filter_map(|(name, value)| Some((self.document.scalar(*name)?, *value)));
        let supposed = match key {
            Key::Any(Some(variable)) => self.supposed(variable),
            Key::Is(_) | Key::Any(None) => None,
        };
        let fitting = pairs.filter_map(|(name, value)| {
            let mut under = Under::default();
            match key {
                Key::Is(wanted) if wanted != name => return None,
                Key::Any(_) if supposed.as_ref().is_some_and(|supposed| supposed != name) => return None,
                Key::Any(Some(variable)) => _ = under.take(variable, name),
                Key::Is(_) | Key::Any(None) => {}
            }
            Some((value, under))
        });
        fitting.collect()
    }
}
