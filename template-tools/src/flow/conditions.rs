//! Conditions: what is the case in either branch of `Fn::If`.

use super::evaluate::Evaluator;
use super::under::Under;
use crate::document::NodeId;

impl Evaluator<'_, '_> {
    /// Both branches, each with what is the case there.
    pub(super) fn branches(&self, argument: NodeId) -> Option<[(Under, NodeId); 2]> {
        let [condition, yes, no] = *self.document.items(argument)? else { return None };
        let name = self.document.scalar(condition)?;
        let (mut holds, mut fails) = (Under::default(), Under::default());
        let key = format!("Fn::If {name}");
        holds.take(&key, "true");
        fails.take(&key, "false");
        let comparison = self.conditions.get(name).and_then(|condition| self.comparison(*condition));
        if let Some((parameter, value, is_equal)) = comparison {
            let (equal, other) = if is_equal { (&mut holds, &mut fails) } else { (&mut fails, &mut holds) };
            equal.take(parameter, value);
            other.exclude(parameter, value);
        }
        Some([(holds, yes), (fails, no)])
    }

    /// What a condition compares: a parameter with a text, and whether it holds where they are equal.
    fn comparison(&self, condition: NodeId) -> Option<(&str, &str, bool)> {
        let call = self.document.intrinsic(condition)?;
        let items = self.document.items(call.argument)?;
        match (call.name.as_ref(), items) {
            ("Fn::Not", [inner]) => {
                let inner = self.document.intrinsic(*inner).filter(|inner| inner.name == "Fn::Equals")?;
                let (parameter, value) = self.equals(self.document.items(inner.argument)?)?;
                Some((parameter, value, false))
            }
            ("Fn::Equals", sides) => {
                let (parameter, value) = self.equals(sides)?;
                Some((parameter, value, true))
            }
            _ => None,
        }
    }

    fn equals(&self, sides: &[NodeId]) -> Option<(&str, &str)> {
        let [one, other] = *sides else { return None };
        let parameter = |node| {
            let call = self.document.intrinsic(node).filter(|call| call.name == "Ref")?;
            self.document.scalar(call.argument)
        };
        let text = |node| self.document.scalar(node).filter(|_| self.document.intrinsic(node).is_none());
        let sides = |one, other| Some((parameter(one)?, text(other)?));
        sides(one, other).or_else(|| sides(other, one))
    }
}
