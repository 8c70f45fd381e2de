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
use super::error::StackError;
use super::follow::{Follower, Left};
use super::ground::Ground;
use super::making::Made;
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
    /// Ctrl-C came before anything was changed.
    Left,
    /// Ctrl-C came while CloudFormation was at work, and it goes on.
    GoesOn,
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
        let source = async {
            let text = self.staged(template).await?;
            self.source(&template.path.display().to_string(), text).await
        };
        let source = match source.await {
            Err(StackError::Interrupted) => return Ok(Outcome::Left),
            source => source?,
        };
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
        if let Some(old) = &ground.to_delete
            && let Some(outcome) = self.make_room(old).await?
        {
            return Ok(outcome);
        }
        let change_set = match self.make(&new, &ground).await? {
            Made::Ready(change_set) => change_set,
            Made::Left => return Ok(Outcome::Left),
            Made::Empty => {
                let Some(previous) = ground.previous else { return Ok(Outcome::Shown(Box::default())) };
                self.status("Unchanged", format!("stack `{}` is what the template says", self.stack_name()));
                self.verify(&previous).await?;
                return Ok(Outcome::Unchanged(Box::new(previous)));
            }
        };
        let arn = change_set.arn.clone();
        let decided = self.decide(&change_set, Some(&chosen), ground.previous.as_ref()).await;
        let is_left = self.common.interrupts.came();
        let outcome = match (decided, settings.goal) {
            (Err(error), _) => Err(error),
            (Ok(Ok(description)), Goal::Show) => Ok(Outcome::Shown(Box::new(description))),
            (Ok(Ok(description)), Goal::Prepare) if !is_left => {
                return Ok(Outcome::Prepared(arn, Box::new(description)));
            }
            (Ok(Ok(_)), Goal::Deploy) if !is_left => return self.execute(&change_set, Some(&ground)).await,
            (Ok(Ok(_) | Err(Left)), _) => Ok(Outcome::Left),
        };
        self.clean(&arn, &ground).await;
        outcome
    }

    /// Carries out a change set that was made before. It stays where it is not carried out: others have made it.
    pub(super) async fn execute_prepared(&self, change_set: &ChangeSet) -> Result<Outcome, StackError> {
        if change_set.progress != Progress::Ready {
            return Err(StackError::NotReady(change_set.arn.clone(), change_set.why().to_owned()));
        }
        let previous = self.stack(&change_set.stack_id).await?;
        let previous = previous.filter(|previous| previous.status.step() != Step::Create);
        if self.decide(change_set, None, previous.as_ref()).await?.is_err() || self.common.interrupts.came() {
            return Ok(Outcome::Left);
        }
        self.execute(change_set, None).await
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

    /// Carries a change set out, and follows it. On `ground` stood the stack when we made the change set; without it others did.
    pub(super) async fn execute(
        &self,
        change_set: &ChangeSet,
        ground: Option<&Ground>,
    ) -> Result<Outcome, StackError> {
        let stack = &change_set.stack_name;
        let follower = self.follower();
        let last = match self.begin(change_set).await {
            Ok(last) => last,
            Err(error) => {
                if error.may_have_begun() {
                    let (arn, region) = (&change_set.arn, &self.region);
                    self.common.ui.note(format!(
                        "nobody knows whether change set `{arn}` is carried out; see it with \
                         `aws cloudformation describe-change-set --change-set-name {arn} --region {region}`"
                    ));
                } else if let Some(ground) = ground {
                    self.clean(&change_set.arn, ground).await;
                }
                return Err(error);
            }
        };
        if self.common.settings.follow == Follow::No {
            self.status("Begun", format!("stack `{stack}`; it goes on without us"));
            return Ok(Outcome::Begun(change_set.stack_id.clone()));
        }
        let Ok(end) = follower.to_the_end(stack, &change_set.stack_id, last).await? else {
            return Ok(Outcome::GoesOn);
        };
        if end.status.is_failure() || end.status.is_deleted() {
            let (stack, status) = (stack.clone(), end.status);
            return Err(StackError::Failed { stack, status, source: end.reason.map(Box::new) });
        }
        let Some(now) = self.stack(&change_set.stack_id).await? else { return Ok(Outcome::GoesOn) };
        self.verify(&now).await?;
        self.status("Deployed", format!("stack `{stack}`"));
        Ok(Outcome::Deployed(Box::new(now)))
    }

    /// Has CloudFormation begin, and gives the latest event before that.
    async fn begin(&self, change_set: &ChangeSet) -> Result<Option<String>, StackError> {
        let last = self.follower().last_event(&change_set.stack_id).await?;
        let what =
            || format!("carry out the change set of stack `{}` in {}", change_set.stack_name, self.region);
        let begun = self.cloudformation.execute(&change_set.arn, &change_set.name).await;
        begun.map(|()| last).map_err(|failure| StackError::call(what(), failure))
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
