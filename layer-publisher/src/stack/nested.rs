//! What a change set does to the stacks that are nested in a stack, and to the layer versions that those have made.
//!
//! CloudFormation tells it where it has made change sets for them, too. Where it has not, what is deployed there is all
//! that is known, and the worst is taken for true.

use std::pin::Pin;

use super::change_set::{Action, Change, ChangeSet, Fate, NESTED, Progress, Replaced};
use super::describe::{Description, Facts, Inside, Nested, describe, fate};
use super::error::StackError;
use super::region::InRegion;
use crate::aws::failure::CallFailure;

const LAYER_VERSION: &str = "AWS::Lambda::LayerVersion";

/// A piece of work in a box: nested stacks have nested stacks.
type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, StackError>> + Send + 'a>>;

/// What is known of the change of a nested stack. Pure.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Known {
    /// It stays as it is, or is kept.
    Nothing,
    /// The change set of this ARN tells it.
    ChangeSet(String),
    /// It is deleted, with all that it does not retain.
    Deleted,
    /// That it changes, and no more.
    Little,
}

fn known(change: &Change, fate: Option<Fate>) -> Known {
    let goes = change.action == Action::Remove || change.replaced == Replaced::Yes;
    match (&change.nested, change.action) {
        _ if change.kind != NESTED || change.action == Action::Import => Known::Nothing,
        _ if goes && fate == Some(Fate::Kept) => Known::Nothing,
        _ if goes => Known::Deleted,
        (Some(arn), _) => Known::ChangeSet(arn.clone()),
        (None, Action::Add) => Known::Nothing,
        (None, _) => Known::Little,
    }
}

impl InRegion {
    /// Adds to a description what becomes of nested stacks, and gives what their own change sets tell.
    pub(super) fn look_into<'a>(
        &'a self,
        changes: &'a [Change],
        old: &'a Facts,
        new: &'a Facts,
        description: &'a mut Description,
    ) -> Work<'a, Nested> {
        Box::pin(async move {
            let mut told = Nested::default();
            for change in changes {
                let name = &change.resource;
                match known(change, fate(change, old, new)) {
                    Known::Nothing => {}
                    Known::ChangeSet(arn) => {
                        let what = || format!("read change set `{arn}` of nested stack `{name}`");
                        let nested = self.cloudformation.change_set(None, &arn).await;
                        let nested = nested.map_err(|failure| StackError::call(what(), failure))?;
                        let (its, inside) = self.description_of(&nested, change).await?;
                        description.add_nested(name, its);
                        // One that failed for another reason than that there is nothing to do tells nothing.
                        if nested.progress != Progress::Failed || nested.is_empty() {
                            told.0.insert(name.clone(), inside);
                        }
                    }
                    Known::Deleted => {
                        let doomed = self.doomed(change.physical.as_deref(), Ending::Deleted).await?;
                        description.add_doomed(name, doomed);
                    }
                    Known::Little => {
                        let doomed = self.doomed(change.physical.as_deref(), Ending::Unknown).await?;
                        description.add_doomed(name, doomed);
                        description.not_looked_into.push(name.clone());
                    }
                }
            }
            Ok(told)
        })
    }

    async fn description_of(
        &self,
        nested: &ChangeSet,
        change: &Change,
    ) -> Result<(Description, Inside), StackError> {
        if nested.changes.is_empty() {
            return Ok((Description::default(), Inside::default()));
        }
        let previous = match change.action {
            Action::Add => None,
            _ => self.stack(&nested.stack_id).await?,
        };
        let (old, new) = self.both(nested, previous.as_ref()).await?;
        let mut description = describe(&nested.changes, &old, &new);
        let below = self.look_into(&nested.changes, &old, &new, &mut description).await?;
        Ok((description, Inside { changes: nested.changes.clone(), old, new, nested: below }))
    }

    /// The layer versions of a nested stack that are deleted with it, or may be when it changes: name and ARN.
    pub(super) fn doomed<'a>(
        &'a self,
        stack: Option<&'a str>,
        ending: Ending,
    ) -> Work<'a, Vec<(String, Option<String>)>> {
        Box::pin(async move {
            let Some(stack) = stack else { return Ok(Vec::new()) };
            let what = || format!("look into nested stack `{stack}` in {}", self.region);
            let call = |failure: CallFailure| StackError::call(what(), failure);
            let template = self.cloudformation.deployed_template(stack).await.map_err(call)?;
            let facts = self.facts(&template, &std::collections::BTreeMap::new());
            let mut doomed = Vec::new();
            for (name, kind, physical) in self.cloudformation.resources(stack).await.map_err(call)? {
                if ending.spares(&facts, &name) {
                    continue;
                }
                match kind.as_str() {
                    LAYER_VERSION => doomed.push((name, Some(physical).filter(|arn| !arn.is_empty()))),
                    NESTED => {
                        let below = self.doomed(Some(&physical), ending).await?;
                        doomed.extend(below.into_iter().map(|(layer, arn)| (format!("{name}/{layer}"), arn)));
                    }
                    _ => {}
                }
            }
            Ok(doomed)
        })
    }
}

/// What is done to a nested stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is deleted.
    Deleted,
    /// It changes somehow: its resources may go, or be replaced.
    Unknown,
}

impl Ending {
    /// Whether a resource is kept, by the policies that are deployed.
    fn spares(self, facts: &Facts, name: &str) -> bool {
        use template_tools::template::Policy::Retain;
        match (facts.policies.get(name), self) {
            (Some((Retain, Retain)), _) | (Some((Retain, _)), Self::Deleted) => true,
            (None | Some(_), _) => false,
        }
    }
}

impl Description {
    /// What a nested stack's own change set does.
    fn add_nested(&mut self, name: &str, nested: Self) {
        let Self { lines, layers, deleted_layers, not_looked_into } = nested;
        let below = |inner: &str| format!("{name}/{inner}");
        self.lines.extend(lines.into_iter().map(|mut line| {
            line.text = below(&line.text);
            line
        }));
        self.layers.extend(layers.into_iter().map(|mut layer| {
            layer.function = below(&layer.function);
            layer
        }));
        self.add_doomed(name, deleted_layers);
        self.not_looked_into.extend(not_looked_into.iter().map(|inner| below(inner)));
    }

    fn add_doomed(&mut self, name: &str, doomed: Vec<(String, Option<String>)>) {
        self.deleted_layers.extend(doomed.into_iter().map(|(layer, arn)| (format!("{name}/{layer}"), arn)));
    }
}

#[cfg(test)]
mod tests {
    use template_tools::template::Policy::{Delete, Retain};

    use super::*;

    fn change(action: Action, replaced: Replaced, nested: Option<&str>) -> Change {
        Change {
            action,
            resource: "N".to_owned(),
            kind: NESTED.to_owned(),
            physical: None,
            replaced,
            fate: None,
            properties: Vec::new(),
            depends_on: Vec::new(),
            nested: nested.map(str::to_owned),
        }
    }

    #[test]
    fn what_is_not_told_of_a_nested_stack_is_little_and_never_nothing() {
        let told = Known::ChangeSet("arn".to_owned());
        for (action, replaced, nested, fate, expected) in [
            (Action::Modify, Replaced::No, Some("arn"), None, told.clone()),
            (Action::Modify, Replaced::Perhaps, Some("arn"), Some(Fate::Deleted), told.clone()),
            (Action::Add, Replaced::No, Some("arn"), None, told),
            (Action::Add, Replaced::No, None, None, Known::Nothing),
            (Action::Modify, Replaced::No, None, None, Known::Little),
            (Action::Modify, Replaced::Yes, Some("arn"), Some(Fate::Deleted), Known::Deleted),
            (Action::Remove, Replaced::No, None, Some(Fate::Deleted), Known::Deleted),
            (Action::Remove, Replaced::No, None, None, Known::Deleted),
            (Action::Remove, Replaced::No, None, Some(Fate::Kept), Known::Nothing),
        ] {
            assert_eq!(known(&change(action, replaced, nested), fate), expected, "{action:?} {replaced:?}");
        }
        let other =
            Change { kind: "AWS::SNS::Topic".to_owned(), ..change(Action::Remove, Replaced::No, None) };
        assert_eq!(known(&other, Some(Fate::Deleted)), Known::Nothing);
    }

    #[test]
    fn only_what_is_retained_in_every_case_is_spared() {
        let spares = |policies, ending: Ending| {
            let policies = [("L".to_owned(), policies)].into();
            ending.spares(&Facts { policies, ..Facts::default() }, "L")
        };
        assert!(spares((Retain, Retain), Ending::Unknown) && spares((Retain, Delete), Ending::Deleted));
        assert!(!spares((Retain, Delete), Ending::Unknown) && !spares((Delete, Retain), Ending::Unknown));
        assert!(!spares((Delete, Retain), Ending::Deleted));
        assert!(!Ending::Deleted.spares(&Facts::default(), "L"));
    }

    #[test]
    fn names_in_nested_stacks_say_where_they_are() {
        let mut whole = Description::default();
        let nested = Description {
            deleted_layers: vec![("L".to_owned(), None)],
            not_looked_into: vec!["M".to_owned()],
            ..Description::default()
        };
        whole.add_nested("N", nested);
        assert_eq!(whole.deleted_layers, [("N/L".to_owned(), None)]);
        assert_eq!(whole.not_looked_into, ["N/M"]);
    }
}
