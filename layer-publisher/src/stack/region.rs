//! One stack in one region, from how it stands to what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use template_tools::arn::{AccountId, Region};
use template_tools::flow::Given;
use template_tools::template::layers::{Deployment, FunctionLayer, function_layers};
use template_tools::template::{carriers, contents};
use tokio::sync::Mutex;

use super::change_set::{ChangeSet, NewChangeSet, OnFailure, Progress};
use super::describe::Description;
use super::error::{Reason, StackError};
use super::follow::{Follower, Left};
use super::ground::Ground;
use super::parameters::{Chosen, Sent, choose};
use super::settings::{Follow, Goal, Settings};
use super::state::{Previous, Step};
use super::template::Template;
use super::verify;
use crate::aws::cloudformation::CloudFormationRegion;
use crate::aws::session::{Caller, Session};
use crate::clocks::Clocks;
use crate::interrupt::Interrupts;
use crate::ui::Ui;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is deployed, and what the functions have is what the template says.
    Deployed(Box<Previous>),
    /// There was nothing to do.
    Unchanged(Box<Previous>),
    /// It was shown: what would happen, if anything would.
    Shown(Box<Description>),
    /// The change set is there for later: its ARN, and what it would do.
    Prepared(String, Box<Description>),
    /// It has begun, and nobody waits for it: the ARN of the stack.
    Begun(String),
    /// Ctrl-C came.
    Left,
}

/// What all regions have in common.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) session: Session,
    pub(super) caller: Caller,
    pub(super) clocks: Clocks,
    pub(super) settings: Settings,
    /// What the settings give.
    pub(super) given: BTreeMap<String, Sent>,
    /// A name that no other change set has.
    pub(super) change_set: String,
    pub(super) ui: Ui,
    pub(super) interrupts: Interrupts,
    /// Only one region asks at a time.
    pub(super) asking: Mutex<()>,
}

/// One region.
pub(super) struct InRegion {
    pub(super) common: Arc<Common>,
    pub(super) region: Region,
    /// What is said in front of every line.
    pub(super) label: String,
    pub(super) cloudformation: CloudFormationRegion,
}

impl InRegion {
    pub(super) fn new(common: Arc<Common>, region: Region) -> Self {
        let cloudformation = common.session.cloudformation(&region);
        Self { common, label: region.to_string(), region, cloudformation }
    }

    /// The same, with other words in front of every line than the region.
    pub(super) fn called(self, label: String) -> Self {
        Self { label, ..self }
    }

    pub(super) fn deployment(&self) -> Deployment {
        let Caller { partition, account } = self.common.caller.clone();
        Deployment { partition, account, region: self.region.clone() }
    }

    pub(super) fn account(&self) -> &AccountId {
        &self.common.caller.account
    }

    pub(super) fn stack_name(&self) -> &str {
        &self.common.settings.stack_name
    }

    pub(super) fn status(&self, verb: &str, text: impl std::fmt::Display) {
        self.common.ui.status(verb, format!("{}: {text}", self.label));
    }

    pub(super) fn follower(&self) -> Follower<'_> {
        Follower {
            cloudformation: &self.cloudformation,
            region: &self.region,
            label: &self.label,
            ui: &self.common.ui,
            clocks: &self.common.clocks,
            interrupts: &self.common.interrupts,
        }
    }

    /// Deploys the template, or shows what that would do.
    pub(super) async fn deploy(&self, template: &Template) -> Result<Outcome, StackError> {
        let settings = &self.common.settings;
        let ground = match self.ground().await? {
            Ok(ground) => ground,
            Err(outcome) => return Ok(outcome),
        };
        let chosen = self.choose(template, ground.previous.as_ref())?;
        let text = self.staged(template).await?;
        let source = self.source(&template.path.display().to_string(), text).await?;
        let new = NewChangeSet {
            stack_name: settings.stack_name.clone(),
            is_new_stack: ground.previous.is_none(),
            name: self.common.change_set.clone(),
            template: source,
            parameters: chosen.sent.clone(),
            capabilities: settings.capabilities.clone(),
            tags: settings.tags.clone(),
            role_arn: settings.role_arn.clone(),
            with_nested: template.has_nested(),
            // Only what comes into being now is deleted; what was there before goes back.
            on_failure: settings
                .on_failure
                .filter(|what| *what != OnFailure::Delete || ground.previous.is_none()),
        };
        let what = || format!("make a change set for stack `{}` in {}", self.stack_name(), self.region);
        let made = match self.cloudformation.create_change_set(&new).await {
            Ok(()) => self.made().await,
            Err(failure) => Err(StackError::call(what(), failure)),
        };
        let change_set = match made {
            Ok(Ok(change_set)) => change_set,
            Ok(Err(Left)) => {
                self.clean(&self.common.change_set, &ground).await;
                return Ok(Outcome::Left);
            }
            Err(error) => {
                self.clean(&self.common.change_set, &ground).await;
                return Err(error);
            }
        };
        let arn = change_set.arn.clone();
        if change_set.is_empty() {
            self.clean(&arn, &ground).await;
            let Some(previous) = ground.previous else { return Ok(Outcome::Shown(Box::default())) };
            self.status("Unchanged", format!("stack `{}` is what the template says", self.stack_name()));
            self.verify(&previous).await?;
            return Ok(Outcome::Unchanged(Box::new(previous)));
        }
        if change_set.progress == Progress::Failed {
            self.clean(&arn, &ground).await;
            let source = Reason(change_set.reason);
            return Err(StackError::ChangeSet { stack: self.stack_name().to_owned(), source });
        }
        let decided = self.decide(&change_set, Some(&chosen), ground.previous.as_ref()).await;
        match (decided, settings.goal) {
            (Err(error), _) => {
                self.clean(&arn, &ground).await;
                Err(error)
            }
            (Ok(description), Goal::Show) => {
                self.clean(&arn, &ground).await;
                Ok(Outcome::Shown(Box::new(description)))
            }
            (Ok(description), Goal::Prepare) => Ok(Outcome::Prepared(arn, Box::new(description))),
            (Ok(_), Goal::Deploy) if self.common.interrupts.came() => {
                self.clean(&arn, &ground).await;
                Ok(Outcome::Left)
            }
            (Ok(_), Goal::Deploy) => self.execute(&change_set).await,
        }
    }

    /// Carries out a change set that was made before.
    pub(super) async fn execute_prepared(&self, arn: &str) -> Result<Outcome, StackError> {
        let what = || format!("read change set `{arn}`");
        let found = self.cloudformation.change_set(None, arn).await;
        let change_set = found.map_err(|failure| StackError::call(what(), failure))?;
        if change_set.progress != Progress::Ready {
            let reason = match change_set.progress {
                Progress::Executing => "it has been carried out already".to_owned(),
                Progress::Making => "it is still being made".to_owned(),
                _ => change_set.reason,
            };
            return Err(StackError::NotReady(arn.to_owned(), reason));
        }
        let previous = self.stack(&change_set.stack_id).await?;
        let previous = previous.filter(|previous| previous.status.step() != Step::Create);
        self.decide(&change_set, None, previous.as_ref()).await?;
        self.execute(&change_set).await
    }

    pub(super) async fn stack(&self, name: &str) -> Result<Option<Previous>, StackError> {
        let what = || format!("look at stack `{name}` in {}", self.region);
        self.cloudformation.stack(name).await.map_err(|failure| StackError::call(what(), failure))
    }

    fn choose(&self, template: &Template, previous: Option<&Previous>) -> Result<Chosen, StackError> {
        let document = template.parsed();
        let old = previous.map(|previous| &previous.parameters);
        let mut values = old.cloned().unwrap_or_default();
        for (name, sent) in &self.common.given {
            if let Sent::Value(value) = sent {
                values.insert(name.clone(), value.clone());
            }
        }
        let known = values.iter().map(|(name, value)| Given { name: name.clone(), value: value.clone() });
        let carriers = carriers(&document, &known.collect::<Vec<_>>());
        let chosen = choose(&template.parameters, &carriers, &contents(&document), &self.common.given, old)?;
        // As far as it can be known before AWS is asked to work: a placeholder is no version.
        let mut effective = BTreeMap::new();
        for (name, sent) in &chosen.sent {
            let old = || old.and_then(|old| old.get(name)).cloned();
            let value = match sent {
                Sent::Value(value) => Some(value.clone()),
                Sent::Previous => old(),
            };
            effective.extend(value.map(|value| (name.clone(), value)));
        }
        for (function, layers) in function_layers(&document, &effective, &self.deployment()) {
            if let Some(FunctionLayer::Placeholder(word)) =
                layers.into_iter().find(|layer| matches!(layer, FunctionLayer::Placeholder(_)))
            {
                return Err(StackError::Placeholder { function, word });
            }
        }
        Ok(chosen)
    }

    /// Waits until the change set is made, one way or the other.
    pub(super) async fn made(&self) -> Result<Result<ChangeSet, Left>, StackError> {
        let (name, stack) = (&self.common.change_set, self.stack_name());
        let what = || format!("read the change set of stack `{stack}` in {}", self.region);
        let end = tokio::time::Instant::now() + self.common.clocks.change_set;
        loop {
            let found = self.cloudformation.change_set(Some(stack), name);
            let Some(found) = self.common.interrupts.before(found).await else { return Ok(Err(Left)) };
            let change_set = found.map_err(|failure| StackError::call(what(), failure))?;
            if change_set.progress != Progress::Making {
                return Ok(Ok(change_set));
            }
            if tokio::time::Instant::now() >= end {
                let source = Reason("it was not made in time".to_owned());
                return Err(StackError::ChangeSet { stack: stack.to_owned(), source });
            }
            if self.common.interrupts.come_within(self.common.clocks.look_at_stack).await {
                return Ok(Err(Left));
            }
        }
    }

    /// Leaves nothing of a change set that is not wanted, nor of a stack that came into being with it.
    pub(super) async fn clean(&self, change_set: &str, ground: &Ground) {
        let found = self.cloudformation.change_set(Some(self.stack_name()), change_set).await;
        // There may be none, if it was refused.
        let Ok(found) = found else { return };
        let mut done = self.cloudformation.delete_change_set(&found.arn).await;
        let is_ours = ground.previous.is_none() && !ground.is_reviewed;
        if done.is_ok() && is_ours {
            done = self.cloudformation.delete_stack(&found.stack_id, None).await;
        }
        if let Err(failure) = done {
            let name = &found.arn;
            self.common.ui.warning(format!("change set `{name}` could not be deleted: {failure}"));
        }
    }

    pub(super) async fn execute(&self, change_set: &ChangeSet) -> Result<Outcome, StackError> {
        let stack = &change_set.stack_name;
        let follower = self.follower();
        let last = follower.last_event(&change_set.stack_id).await?;
        let what = || format!("carry out the change set of stack `{stack}` in {}", self.region);
        let begun = self.cloudformation.execute(&change_set.arn, &change_set.name).await;
        begun.map_err(|failure| StackError::call(what(), failure))?;
        if self.common.settings.follow == Follow::No {
            self.status("Begun", format!("stack `{stack}`; it goes on without us"));
            return Ok(Outcome::Begun(change_set.stack_id.clone()));
        }
        let Ok(end) = follower.to_the_end(stack, &change_set.stack_id, last).await? else {
            return Ok(Outcome::Left);
        };
        if end.status.is_failure() || end.status.is_deleted() {
            let (stack, status) = (stack.clone(), end.status);
            return Err(StackError::Failed { stack, status, source: end.reason.map(Box::new) });
        }
        let Some(now) = self.stack(&change_set.stack_id).await? else { return Ok(Outcome::Left) };
        self.verify(&now).await?;
        self.status("Deployed", format!("stack `{stack}`"));
        Ok(Outcome::Deployed(Box::new(now)))
    }

    /// Holds the layers of the functions against the template that the stack was made from.
    async fn verify(&self, stack: &Previous) -> Result<(), StackError> {
        let name = self.stack_name();
        let what = || format!("verify stack `{name}` in {}", self.region);
        let call = |failure| StackError::call(what(), failure);
        let template = self.cloudformation.deployed_template(&stack.id).await.map_err(call)?;
        let facts = self.facts(&template, &stack.resolved);
        if facts.layers.is_empty() {
            return Ok(());
        }
        let resources = self.cloudformation.resources(&stack.id).await.map_err(call)?;
        let physical = resources.into_iter().map(|(logical, _, physical)| (logical, physical));
        let physical = physical.collect::<BTreeMap<_, _>>();
        let lambda = self.common.session.lambda(&self.region);
        let mut mismatches = Vec::new();
        for (function, wanted) in verify::wanted(&facts.layers, &physical) {
            // A condition may have left it out.
            let Some(id) = physical.get(&function).filter(|_| !wanted.is_empty()) else { continue };
            let found = lambda.layers_of(id).await.map_err(call)?;
            let wrong = verify::mismatches(&function, &wanted, &found);
            if wrong.is_empty() {
                self.common
                    .ui
                    .detail("Verified", format!("{}: {function} has {}", self.label, found.join(", ")));
            }
            mismatches.extend(wrong);
        }
        if mismatches.is_empty() {
            return Ok(());
        }
        Err(StackError::Unverified { stack: name.to_owned(), mismatches })
    }
}
