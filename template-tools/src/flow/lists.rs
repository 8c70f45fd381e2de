//! Lists: one for each branch of `Fn::If`, each row of `Fn::FindInMap`, each text that is split; and what is chosen from
//! them or joined of them.

use super::Reason;
use super::evaluate::{Evaluator, Item, MOST_VALUES};
use super::under::Under;
use super::value::{Home, Value, product};
use crate::document::{Content, NodeId, Style};

impl Evaluator<'_, '_> {
    /// Every list that an expression may come to: one for each branch, row, or text that is split.
    pub(super) fn lists_at(&self, node: NodeId, home: &Home, depth: usize) -> Result<Vec<Vec<Item>>, Reason> {
        let node = self.document.resolve(node);
        if self.is_too_much(depth) {
            return Err(Reason::TooMany);
        }
        let whole = |values: Vec<Value>, separator: &str| -> Vec<Vec<Item>> {
            let item = |value: Value| Item { node, values: vec![value] };
            values.iter().map(|value| value.split(separator).into_iter().map(item).collect()).collect()
        };
        let Some(call) = self.document.intrinsic(node) else {
            return match &self.document.node(node).content {
                Content::Sequence(_) => {
                    let items = self.document.items(node).into_iter().flatten();
                    let items = items.map(|item| self.document.resolve(*item));
                    let texts = |item| Item { node: item, values: self.text_at(item, home, depth + 1) };
                    Ok(vec![items.map(texts).collect()])
                }
                Content::Scalar { value, style } if *style != Style::Plain || !is_null(value) => {
                    Ok(whole(self.text_at(node, home, depth + 1), ","))
                }
                _ => Err(Reason::NoList),
            };
        };
        let not_followed = || Reason::Intrinsic(call.name.to_string());
        let mut lists = Vec::new();
        let mut add = |more: Vec<Vec<Item>>, under: &Under| {
            lists.extend(more.into_iter().map(|items| under_all(items, under)));
            let count: usize = lists.iter().map(Vec::len).sum();
            if count.max(lists.len()) > MOST_VALUES { Err(Reason::TooMany) } else { Ok(()) }
        };
        match call.name.as_ref() {
            "Ref" | "Fn::Sub" | "Fn::Join" | "Fn::Select" => {
                return Ok(whole(self.text_at(node, home, depth + 1), ","));
            }
            "Fn::If" => {
                for (under, branch) in self.branches(call.argument).ok_or_else(not_followed)? {
                    add(self.lists_at(branch, home, depth + 1)?, &under)?;
                }
            }
            "Fn::FindInMap" => {
                for (row, under) in self.rows(call.argument).ok_or_else(not_followed)?? {
                    add(self.lists_at(row, &Home::Row, depth + 1)?, &under)?;
                }
            }
            "Fn::Split" => {
                let Some([separator, text]) = self.document.items(call.argument) else {
                    return Err(not_followed());
                };
                let separator = self.document.scalar(*separator).unwrap_or_default();
                return Ok(whole(self.text_at(*text, home, depth + 1), separator));
            }
            "Fn::GetAtt" => return Err(Reason::Attribute(self.shown(call.argument))),
            "Fn::ImportValue" => return Err(Reason::Import),
            _ => return Err(not_followed()),
        }
        Ok(lists)
    }

    pub(super) fn join(&self, argument: NodeId, depth: usize) -> Option<Vec<Value>> {
        let [separator, list] = *self.document.items(argument)? else { return None };
        let separator = Value::joint(self.document.scalar(separator)?);
        let mut joined = Vec::new();
        for items in self.lists_at(list, &Home::Entry, depth + 1).ok()? {
            let mut all = vec![Value::default()];
            let present = items.iter().filter(|item| !item.values.iter().all(|value| value.absent));
            for (index, item) in present.enumerate() {
                if index > 0 {
                    all = product(all, std::slice::from_ref(&separator), MOST_VALUES)?;
                }
                all = product(all, &item.values, MOST_VALUES)?;
            }
            joined.extend(all);
        }
        Some(joined)
    }

    pub(super) fn select(&self, argument: NodeId, depth: usize) -> Option<Vec<Value>> {
        let [index, list] = *self.document.items(argument)? else { return None };
        let index: usize = self.document.scalar(index)?.parse().ok()?;
        let lists = self.lists_at(list, &Home::Entry, depth + 1).ok()?;
        let chosen = lists.into_iter().filter_map(|items| items.into_iter().nth(index));
        let values: Vec<Value> = chosen.flat_map(|item| item.values).collect();
        (!values.is_empty()).then_some(values)
    }
}

/// What YAML's core schema reads as nothing.
fn is_null(value: &str) -> bool {
    matches!(value, "" | "~" | "null" | "Null" | "NULL")
}

/// A list where all of that is the case; nothing is left of what contradicts it.
fn under_all(items: Vec<Item>, under: &Under) -> Vec<Item> {
    let values = |values: Vec<Value>| values.into_iter().filter_map(|value| value.if_so(under)).collect();
    items.into_iter().map(|item| Item { node: item.node, values: values(item.values) }).collect()
}
