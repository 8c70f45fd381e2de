//! What is said before anything happens, and whether it may happen.

use std::collections::BTreeMap;

use template_tools::template::Carries;

use super::change_set::ChangeSet;
use super::describe::{Description, Facts, Line, describe};
use super::error::StackError;
use super::follow::Left;
use super::parameters::Chosen;
use super::region::InRegion;
use super::settings::{Confirm, Goal};
use super::state::Previous;

impl InRegion {
    /// Says what will happen, and finds out whether it may.
    pub(super) async fn decide(
        &self,
        change_set: &ChangeSet,
        chosen: Option<&Chosen>,
        previous: Option<&Previous>,
    ) -> Result<Result<Description, Left>, StackError> {
        let (old, new) = self.both(change_set, previous).await?;
        let mut description = describe(&change_set.changes, &old, &new);
        self.look_into(&change_set.changes, &old, &new, &mut description).await?;
        if let Some(previous) = previous.filter(|_| chosen.is_some()) {
            description.lines.extend(tags_that_go(&previous.tags, &self.common.settings.tags));
        }
        for taken in chosen.iter().flat_map(|chosen| &chosen.taken) {
            let carries = match taken.carries {
                Carries::LayerVersion => "a layer's version",
                Carries::Content => "a layer's content",
            };
            let (name, old, new) = (&taken.name, &taken.old, &taken.new);
            self.status("Parameter", format!("{name}, {carries}: {old} -> {new}, the template's Default"));
        }
        self.say(&description);
        if !description.deleted_layers.is_empty() && !self.common.settings.allowed.delete {
            return Err(StackError::Deletes(description.deleted_layers));
        }
        if self.common.settings.confirm == Confirm::Yes && self.common.settings.goal == Goal::Deploy {
            let question = format!("Deploy this to stack `{}` in {}? [y/N]", self.stack_name(), self.region);
            if self.confirm(&question).await?.is_err() {
                return Ok(Err(Left));
            }
        }
        Ok(Ok(description))
    }

    /// Says every change.
    pub(super) fn say(&self, description: &Description) {
        for line in &description.lines {
            self.status(line.verb, &line.text);
        }
        for name in &description.not_looked_into {
            let label = &self.label;
            self.common.ui.warning(format!(
                "{label}: CloudFormation does not tell how nested stack `{name}` changes: it was not looked into"
            ));
        }
        for change in &description.layers {
            self.status("Layer", change.text());
            if change.is_downgrade() {
                let text = change.text();
                self.common.ui.warning(format!("{}: {text} goes back to an older version", self.label));
            }
        }
    }

    /// What the stack is made of, and what it would be made of.
    pub(super) async fn both(
        &self,
        change_set: &ChangeSet,
        previous: Option<&Previous>,
    ) -> Result<(Facts, Facts), StackError> {
        let what = || format!("read the templates of stack `{}` in {}", change_set.stack_name, self.region);
        let call = |failure| StackError::call(what(), failure);
        let new = self.cloudformation.change_set_template(&change_set.arn).await.map_err(call)?;
        let new = self.facts(&new, &change_set.parameters);
        let old = match previous {
            Some(previous) => {
                let old = self.cloudformation.deployed_template(&previous.id).await.map_err(call)?;
                self.facts(&old, &previous.resolved)
            }
            None => Facts::default(),
        };
        Ok((old, new))
    }

    /// What a template comes to. One that CloudFormation can read and we cannot tells nothing.
    pub(super) fn facts(&self, template: &str, values: &BTreeMap<String, String>) -> Facts {
        Facts::read(template, values, &self.deployment()).unwrap_or_else(|error| {
            self.common.ui.warning(format!("{}: the deployed template cannot be read: {error}", self.label));
            Facts::default()
        })
    }

    /// Asks whoever sits at the terminal; one region after the other.
    pub(super) async fn confirm(&self, question: &str) -> Result<Result<(), Left>, StackError> {
        let interrupts = &self.common.interrupts;
        let Some(_turn) = interrupts.before(self.common.asking.lock()).await else { return Ok(Err(Left)) };
        let ui = self.common.ui.clone();
        if !ui.can_ask() {
            return Err(StackError::NobodyToAsk);
        }
        let (sender, answer) = tokio::sync::oneshot::channel();
        let question = question.to_owned();
        // Nothing ends a thread that waits for a terminal, so that nobody may wait for it in the end, the runtime included.
        std::thread::spawn(move || drop(sender.send(ui.ask(&question))));
        let Some(answer) = interrupts.before(answer).await else { return Ok(Err(Left)) };
        match answer.ok().flatten().as_deref() {
            Some("y" | "Y" | "yes") => Ok(Ok(())),
            // A terminal may give what was typed and Ctrl-C in one.
            _ if interrupts.came() => Ok(Err(Left)),
            _ => Err(StackError::NotConfirmed),
        }
    }
}

/// The tags that a stack has and is not given: new ones take the place of all, not only of those of their names.
fn tags_that_go(old: &BTreeMap<String, String>, new: &[(String, String)]) -> Vec<Line> {
    // Without any the stack keeps its own. Those of AWS stay in any case.
    let goes =
        |key: &String| !new.is_empty() && !key.starts_with("aws:") && !new.iter().any(|(new, _)| new == key);
    let going = old.iter().filter(|(key, _)| goes(key));
    going.map(|(key, value)| Line { verb: "Tag", text: format!("{key}={value} goes") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_are_not_given_again_are_said_to_go() {
        let old = [("team", "x"), ("stage", "prod"), ("aws:x", "y")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        let texts = |new: &[(&str, &str)]| {
            let new = new.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect::<Vec<_>>();
            tags_that_go(&old.clone().into(), &new).into_iter().map(|line| line.text).collect::<Vec<_>>()
        };
        assert_eq!(texts(&[("team", "z")]), ["stage=prod goes"]);
        assert_eq!(texts(&[]), [""; 0]);
    }
}
