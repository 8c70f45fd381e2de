//! What is under way at this moment, by name, so that whoever presses Ctrl-C can be told at once what is waited for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Names of what has begun and is not over.
#[derive(Clone, Debug, Default)]
pub struct UnderWay(Arc<Mutex<BTreeMap<String, usize>>>);

/// One of them; over with its value.
#[derive(Debug)]
pub struct Begun {
    name: String,
    of: UnderWay,
}

impl UnderWay {
    /// Something begins.
    pub fn begin(&self, name: impl Into<String>) -> Begun {
        let name = name.into();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default() += 1;
        Begun { name, of: self.clone() }
    }

    /// `eu-west-1, us-east-1`; nothing, if nothing is under way.
    pub fn names(&self) -> Option<String> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let names = names.keys().map(String::as_str).collect::<Vec<_>>();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let mut names = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = names.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                names.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::UnderWay;

    #[test]
    fn what_is_over_is_named_no_more() {
        let under_way = UnderWay::default();
        assert_eq!(under_way.names(), None);
        let (a, also_a) = (under_way.begin("a"), under_way.begin("a"));
        let b = under_way.begin("b");
        assert_eq!(under_way.names().as_deref(), Some("a, b"));
        drop((a, b));
        assert_eq!(under_way.names().as_deref(), Some("a"));
        drop(also_a);
        assert_eq!(under_way.names(), None);
    }
}
