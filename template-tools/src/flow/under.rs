//! What is the case where a text comes out: which rows of mappings, which branches of conditions, which values of
//! parameters. Texts of which these contradict each other never meet.

use std::collections::{BTreeMap, BTreeSet};

/// What was taken to be the case on the way to a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Under {
    /// Parameters and pseudo parameters by which a row was picked, conditions, variables of loops.
    is: BTreeMap<String, String>,
    /// What parameters are not.
    is_not: BTreeSet<(String, String)>,
    /// Parameters that are taken to have their default.
    by_default: BTreeMap<String, String>,
}

impl Under {
    /// What something has to be.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.is.get(name).map(String::as_str)
    }

    /// The conditions that it depends on.
    pub(super) fn conditions(&self) -> impl Iterator<Item = &str> {
        self.is.keys().map(String::as_str).filter(|name| name.starts_with("Fn::If "))
    }

    /// Takes something to be so; whether that contradicts nothing.
    pub(super) fn take(&mut self, name: &str, value: &str) -> bool {
        let before = self.is.insert(name.to_owned(), value.to_owned());
        before.is_none_or(|before| before == value) && !self.excludes(name, value)
    }

    /// Takes something to be another value than this one; whether that contradicts nothing.
    pub(super) fn exclude(&mut self, name: &str, value: &str) -> bool {
        self.is_not.insert((name.to_owned(), value.to_owned()));
        self.get(name) != Some(value)
    }

    pub(super) fn excludes(&self, name: &str, value: &str) -> bool {
        !self.is_not.is_empty() && self.is_not.contains(&(name.to_owned(), value.to_owned()))
    }

    /// Takes a parameter at its default, as long as nothing else is known of it.
    pub(super) fn suppose(&mut self, name: &str, default: &str) {
        self.by_default.insert(name.to_owned(), default.to_owned());
    }

    /// Takes everything that is the case there to be the case here; whether that contradicts nothing.
    pub(super) fn and(&mut self, other: &Self) -> bool {
        self.by_default.extend(other.by_default.iter().map(|(name, value)| (name.clone(), value.clone())));
        other.is.iter().all(|(name, value)| self.take(name, value))
            && other.is_not.iter().all(|(name, value)| self.exclude(name, value))
    }

    /// A parameter that was taken at its default, though it has another value here.
    pub(super) fn wrongly_supposed(&self) -> Option<&str> {
        let is_wrong = |name: &str, default: &str| {
            self.get(name).is_some_and(|value| value != default) || self.excludes(name, default)
        };
        let mut supposed = self.by_default.iter();
        supposed.find(|(name, default)| is_wrong(name, default)).map(|(name, _)| name.as_str())
    }

    /// Whether both may be the case at once, as far as that can be told.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        let mut both = Self { by_default: BTreeMap::new(), ..self.clone() };
        let here = |name: &str| self.get(name).or_else(|| self.by_default.get(name).map(String::as_str));
        let there = |name: &str| other.get(name).or_else(|| other.by_default.get(name).map(String::as_str));
        let names = self.by_default.keys().chain(other.by_default.keys());
        both.and(other)
            && names.into_iter().all(|name| match (here(name), there(name)) {
                (Some(one), Some(other_one)) => one == other_one,
                (Some(one), None) => !other.excludes(name, one),
                (None, Some(one)) => !self.excludes(name, one),
                (None, None) => true,
            })
    }

    /// What is the case in both.
    pub(super) fn keep_common(&mut self, other: &Self) {
        self.is.retain(|name, value| other.get(name) == Some(value));
        self.is_not.retain(|pair| other.is_not.contains(pair));
        self.by_default.retain(|name, value| other.by_default.get(name) == Some(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under(text: &str) -> Under {
        let mut under = Under::default();
        for word in text.split_whitespace() {
            if let Some((name, value)) = word.split_once("!=") {
                under.exclude(name, value);
            } else if let Some((name, value)) = word.split_once("?=") {
                under.suppose(name, value);
            } else if let Some((name, value)) = word.split_once('=') {
                under.take(name, value);
            }
        }
        under
    }

    #[test]
    fn what_contradicts_itself_is_told() {
        assert!(under("A=1").and(&under("A=1 B=2 C!=3")));
        assert!(!under("A=1").and(&under("A=2")));
        assert!(!under("A=1").and(&under("A!=1")) && !under("A!=1").and(&under("A=1")));
    }

    #[test]
    fn a_default_that_is_none_is_found() {
        assert_eq!(under("A?=1 B?=2").wrongly_supposed(), None);
        assert_eq!(under("A?=1 A=1 A!=2").wrongly_supposed(), None);
        assert_eq!(under("A?=1 B?=2 B=3").wrongly_supposed(), Some("B"));
        assert_eq!(under("A?=1 A!=1").wrongly_supposed(), Some("A"));
    }

    #[test]
    fn what_may_be_at_once_agrees() {
        for (one, other, agrees) in [
            ("", "A=1", true),
            ("A=1", "A=2", false),
            ("A=1", "A!=1", false),
            ("A=1", "A?=2", false),
            ("A=1", "A?=1", true),
            ("A!=1", "A?=1", false),
            ("A!=2", "A?=1", true),
            ("A?=1", "B=2", true),
        ] {
            assert_eq!(under(one).agrees_with(&under(other)), agrees, "{one} and {other}");
            assert_eq!(under(other).agrees_with(&under(one)), agrees, "{other} and {one}");
        }
    }

    #[test]
    fn what_two_ways_have_in_common_stays() {
        let mut one = under("A=1 B=2 C!=3 D?=4");
        one.keep_common(&under("A=1 B=3 D?=4"));
        assert_eq!(one, under("A=1 D?=4"));
    }
}
