//! What is the case where a text comes out: which rows of mappings, which branches of conditions, which values of
//! parameters. Texts of which these contradict each other never meet.

use std::collections::{BTreeMap, BTreeSet};

/// What was taken to be the case on the way to a text. Of most texts that is nothing, which takes no memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Under(Option<Box<Taken>>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Taken {
    /// Parameters and pseudo parameters by which a row was picked, conditions, variables of loops.
    is: BTreeMap<String, String>,
    /// What parameters are not.
    is_not: BTreeSet<(String, String)>,
    /// Parameters that are taken to have their default.
    by_default: BTreeMap<String, String>,
}

impl Under {
    fn taken(&mut self) -> &mut Taken {
        self.0.get_or_insert_default()
    }

    /// What something has to be.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.as_ref()?.is.get(name).map(String::as_str)
    }

    /// The conditions that it depends on.
    pub(super) fn conditions(&self) -> impl Iterator<Item = &str> {
        let names = self.0.iter().flat_map(|taken| taken.is.keys());
        names.map(String::as_str).filter(|name| name.starts_with("Fn::If "))
    }

    /// Takes something to be so; whether that contradicts nothing.
    pub(super) fn take(&mut self, name: &str, value: &str) -> bool {
        let before = self.taken().is.insert(name.to_owned(), value.to_owned());
        before.is_none_or(|before| before == value) && !self.excludes(name, value)
    }

    /// Takes something to be another value than this one; whether that contradicts nothing.
    pub(super) fn exclude(&mut self, name: &str, value: &str) -> bool {
        self.taken().is_not.insert((name.to_owned(), value.to_owned()));
        self.get(name) != Some(value)
    }

    fn excludes(&self, name: &str, value: &str) -> bool {
        let taken = self.0.as_ref().filter(|taken| !taken.is_not.is_empty());
        taken.is_some_and(|taken| taken.is_not.contains(&(name.to_owned(), value.to_owned())))
    }

    /// Takes a parameter at its default, as long as nothing else is known of it.
    pub(super) fn suppose(&mut self, name: &str, default: &str) {
        self.taken().by_default.insert(name.to_owned(), default.to_owned());
    }

    /// Takes everything that is the case there to be the case here; whether that contradicts nothing.
    pub(super) fn and(&mut self, other: &Self) -> bool {
        let Some(other) = &other.0 else { return true };
        for (name, value) in &other.by_default {
            self.suppose(name, value);
        }
        other.is.iter().all(|(name, value)| self.take(name, value))
            && other.is_not.iter().all(|(name, value)| self.exclude(name, value))
    }

    /// A parameter that was taken at its default, though it has another value here.
    pub(super) fn wrongly_supposed(&self) -> Option<&str> {
        let is_wrong = |name: &str, default: &str| {
            self.get(name).is_some_and(|value| value != default) || self.excludes(name, default)
        };
        let mut supposed = self.0.as_ref()?.by_default.iter();
        supposed.find(|(name, default)| is_wrong(name, default)).map(|(name, _)| name.as_str())
    }

    /// Whether both may be the case at once, as far as that can be told.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        let (Some(here), Some(there)) = (&self.0, &other.0) else { return true };
        let mut both = Self(Some(Box::new(Taken { by_default: BTreeMap::new(), ..(**here).clone() })));
        let of = |one: &Self, taken: &Taken, name: &str| {
            one.get(name).map(str::to_owned).or_else(|| taken.by_default.get(name).cloned())
        };
        let names = here.by_default.keys().chain(there.by_default.keys());
        both.and(&Self(Some(Box::new(Taken { by_default: BTreeMap::new(), ..(**there).clone() }))))
            && names.into_iter().all(|name| match (of(self, here, name), of(other, there, name)) {
                (Some(one), Some(other_one)) => one == other_one,
                (Some(one), None) => !other.excludes(name, &one),
                (None, Some(one)) => !self.excludes(name, &one),
                (None, None) => true,
            })
    }

    /// What is the case in both.
    pub(super) fn keep_common(&mut self, other: &Self) {
        let Some(taken) = &mut self.0 else { return };
        let nothing = Taken::default();
        let there = other.0.as_deref().unwrap_or(&nothing);
        taken.is.retain(|name, value| there.is.get(name) == Some(value));
        taken.is_not.retain(|pair| there.is_not.contains(pair));
        taken.by_default.retain(|name, value| there.by_default.get(name) == Some(value));
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
