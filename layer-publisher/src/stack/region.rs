//! One stack in one region, from how it stands to what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use template_tools::arn::{AccountId, Region};
use template_tools::flow::Given;
use template_tools::ledger::Content as Place;
use template_tools::template::layers::{Deployment, FunctionLayer, function_layers};
use template_tools::template::local::{Purpose, with_places};
use template_tools::template::{Carries, carriers};
use tokio::sync::Mutex;

use super::change_set::{ChangeSet, LARGEST_BODY, NewChangeSet, Progress, TemplateSource};
use super::describe::{Description, Facts, describe};
use super::error::{Reason, StackError};
use super::follow::{Follower, Left};
use super::interrupt::Interrupts;
use super::parameters::{Chosen, Sent, choose};
use super::settings::{Confirm, Follow, Goal, Settings};
use super::state::{Previous, Step};
use super::template::Template;
use super::verify;
use crate::aws::cloudformation::CloudFormationRegion;
use crate::aws::session::{Caller, Session};
use crate::clocks::Clocks;
use crate::publish::staging::BucketPattern;
use crate::ui::Ui;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is deployed, and what the functions have is what the template says.
    Deployed(Box<Previous>),
    /// There was nothing to do.
    Unchanged(Box<Previous>),
    /// It was shown.
    Shown,
    /// The change set is there for later: its ARN.
    Prepared(String),
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
    pub(super) cloudformation: CloudFormationRegion,
}

/// What there is to deploy to.
struct Ground {
    /// The stack, if it has ever been created.
    previous: Option<Previous>,
    /// Whether somebody has made change sets for a stack that is not there yet.
    is_reviewed: bool,
}

impl InRegion {
    pub(super) fn new(common: Arc<Common>, region: Region) -> Self {
        let cloudformation = common.session.cloudformation(&region);
        Self { common, region, cloudformation }
    }

    fn deployment(&self) -> Deployment {
        let Caller { partition, account } = self.common.caller.clone();
        Deployment { partition, account, region: self.region.clone() }
    }

    fn account(&self) -> &AccountId {
        &self.common.caller.account
    }

    fn stack_name(&self) -> &str {
        &self.common.settings.stack_name
    }

    fn status(&self, verb: &str, text: impl std::fmt::Display) {
        self.common.ui.status(verb, format!("{}: {text}", self.region));
    }

    fn follower(&self) -> Follower<'_> {
        Follower {
            cloudformation: &self.cloudformation,
            region: &self.region,
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
        let source = self.source(template, text).await?;
        let new = NewChangeSet {
            stack_name: settings.stack_name.clone(),
            is_new_stack: ground.previous.is_none(),
            name: self.common.change_set.clone(),
            template: source,
            parameters: chosen.sent.clone(),
            capabilities: settings.capabilities.clone(),
            tags: settings.tags.clone(),
            role_arn: settings.role_arn.clone(),
            on_failure: settings.on_failure,
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
            let Some(previous) = ground.previous else { return Ok(Outcome::Shown) };
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
            (Ok(()), Goal::Show) => {
                self.clean(&arn, &ground).await;
                Ok(Outcome::Shown)
            }
            (Ok(()), Goal::Prepare) => Ok(Outcome::Prepared(arn)),
            (Ok(()), Goal::Deploy) if self.common.interrupts.came() => {
                self.clean(&arn, &ground).await;
                Ok(Outcome::Left)
            }
            (Ok(()), Goal::Deploy) => self.execute(&change_set).await,
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

    async fn stack(&self, name: &str) -> Result<Option<Previous>, StackError> {
        let what = || format!("look at stack `{name}` in {}", self.region);
        self.cloudformation.stack(name).await.map_err(|failure| StackError::call(what(), failure))
    }

    /// Brings the stack to where a change set can be made, if that is allowed.
    async fn ground(&self) -> Result<Result<Ground, Outcome>, StackError> {
        let settings = &self.common.settings;
        let name = self.stack_name();
        let follower = self.follower();
        loop {
            let Some(stack) = self.stack(name).await? else {
                return Ok(Ok(Ground { previous: None, is_reviewed: false }));
            };
            match stack.status.step() {
                Step::Create => {
                    return Ok(Ok(Ground { previous: None, is_reviewed: true }));
                }
                Step::Update => {
                    return Ok(Ok(Ground { previous: Some(stack), is_reviewed: false }));
                }
                Step::Wait => {
                    if follower.wait_for_others(name, &stack).await?.is_err() {
                        return Ok(Err(Outcome::Left));
                    }
                }
                Step::Recreate if settings.allowed.recreate && settings.goal == Goal::Show => {
                    self.status("Would delete", format!("stack `{name}`, which is {}", stack.status));
                    self.status("Would create", format!("stack `{name}` anew"));
                    return Ok(Err(Outcome::Shown));
                }
                Step::Recreate if settings.allowed.recreate => {
                    self.status("Deleting", format!("stack `{name}`, which is {}", stack.status));
                    let what = || format!("delete stack `{name}` in {}", self.region);
                    let role = settings.role_arn.as_deref();
                    let deleted = self.cloudformation.delete_stack(&stack.id, role).await;
                    deleted.map_err(|failure| StackError::call(what(), failure))?;
                    if follower.until_gone(name, &stack.id).await?.is_err() {
                        return Ok(Err(Outcome::Left));
                    }
                }
                Step::ContinueRollback
                    if settings.allowed.continue_rollback && settings.goal == Goal::Show =>
                {
                    self.status("Would roll back", format!("stack `{name}`, which is {}", stack.status));
                    return Ok(Err(Outcome::Shown));
                }
                Step::ContinueRollback if settings.allowed.continue_rollback => {
                    let what = || format!("roll back stack `{name}` in {}", self.region);
                    let last = follower.last_event(&stack.id).await?;
                    let role = settings.role_arn.as_deref();
                    let begun = self
                        .cloudformation
                        .continue_update_rollback(&stack.id, role, &settings.skip_resources)
                        .await;
                    begun.map_err(|failure| StackError::call(what(), failure))?;
                    let Ok(end) = follower.to_the_end(name, &stack.id, last).await? else {
                        return Ok(Err(Outcome::Left));
                    };
                    if end.status.step() == Step::ContinueRollback {
                        let (stack, status) = (name.to_owned(), end.status);
                        return Err(StackError::Failed { stack, status, source: end.reason.map(Box::new) });
                    }
                }
                Step::Recreate | Step::ContinueRollback => {
                    let source = follower.old_reason(&stack.id).await.map(Box::new);
                    return Err(StackError::Stuck { stack: name.to_owned(), status: stack.status, source });
                }
            }
        }
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
        let chosen = choose(&template.parameters, &carriers, &self.common.given, old)?;
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

    /// The bucket for what has to go through S3.
    async fn bucket(&self, needed_for: &str) -> Result<String, StackError> {
        let settings = &self.common.settings;
        if let Some(pattern) = &settings.s3_bucket {
            return Ok(BucketPattern::fill(pattern, self.account(), &self.region));
        }
        if settings.resolve_s3 {
            let managed = self.stack("aws-sam-cli-managed-default").await?;
            let bucket = managed.and_then(|stack| stack.outputs.get("SourceBucket").cloned());
            return bucket.ok_or_else(|| StackError::NoSamBucket { region: self.region.clone() });
        }
        Err(StackError::NoBucket(needed_for.to_owned()))
    }

    /// The template's text, with what lies on this machine sent to S3.
    async fn staged(&self, template: &Template) -> Result<String, StackError> {
        let mut places = Vec::new();
        for packed in &template.packed {
            let local = &packed.local;
            let bucket = self.bucket(&format!("`{}` of `{}`", local.property, local.resource)).await?;
            let folder = match local.purpose {
                Purpose::LayerContent => "lambda-layers",
                Purpose::FunctionCode | Purpose::Other => "lambda-functions",
            };
            let key = match &self.common.settings.s3_prefix {
                Some(prefix) => format!("{}/{}.zip", prefix.trim_matches('/'), packed.sha256),
                None => format!("{folder}/{}/{}.zip", local.resource, packed.sha256),
            };
            let s3 = self.common.session.s3(&self.region);
            let sent = s3.bring(&bucket, &key, &packed.zip, packed.size, &packed.code_sha256).await;
            let what = || format!("send `{}` to bucket `{bucket}` in {}", local.path, self.region);
            let object = sent.map_err(|failure| StackError::call(what(), failure))?;
            self.status("Staged", format!("{} to s3://{}/{}", local.path, object.bucket, object.key));
            let place = Place { bucket: object.bucket, key: object.key, version: object.version };
            places.push((local, place));
        }
        if places.is_empty() {
            return Ok(template.text.clone());
        }
        with_places(&template.parsed(), &places)
            .map_err(|source| StackError::Places { path: template.path.clone(), source })
    }

    async fn source(&self, template: &Template, text: String) -> Result<TemplateSource, StackError> {
        if text.len() <= LARGEST_BODY {
            return Ok(TemplateSource::Body(text));
        }
        let bucket = self.bucket("a template of more than 51,200 bytes, which has to go through S3").await?;
        let (zip, size, sha256, code_sha256) = super::template::as_object(&text);
        let prefix = self.common.settings.s3_prefix.as_deref().map(|prefix| prefix.trim_matches('/'));
        let prefix = prefix.unwrap_or("cloudformation-templates");
        let key = format!("{prefix}/{sha256}.template");
        let sent = self.common.session.s3(&self.region).bring(&bucket, &key, &zip, size, &code_sha256).await;
        let what = || format!("send `{}` to bucket `{bucket}` in {}", template.path.display(), self.region);
        let object = sent.map_err(|failure| StackError::call(what(), failure))?;
        self.status("Staged", format!("the template to s3://{}/{}", object.bucket, object.key));
        let suffix = if self.common.caller.partition.as_str() == "aws-cn" { ".cn" } else { "" };
        let version = object.version.map(|version| format!("?versionId={version}")).unwrap_or_default();
        let (region, bucket, key) = (&self.region, object.bucket, object.key);
        Ok(TemplateSource::Url(format!("https://s3.{region}.amazonaws.com{suffix}/{bucket}/{key}{version}")))
    }

    /// Waits until the change set is made, one way or the other.
    async fn made(&self) -> Result<Result<ChangeSet, Left>, StackError> {
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
    async fn clean(&self, change_set: &str, ground: &Ground) {
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

    /// Says what will happen, and finds out whether it may.
    async fn decide(
        &self,
        change_set: &ChangeSet,
        chosen: Option<&Chosen>,
        previous: Option<&Previous>,
    ) -> Result<(), StackError> {
        let description = self.describe(change_set, previous).await?;
        for taken in chosen.iter().flat_map(|chosen| &chosen.taken) {
            let carries = match taken.carries {
                Carries::LayerVersion => "a layer's version",
                Carries::Content => "a layer's content",
            };
            let (name, old, new) = (&taken.name, &taken.old, &taken.new);
            self.status("Parameter", format!("{name}, {carries}: {old} -> {new}, the template's Default"));
        }
        for line in &description.lines {
            self.status(line.verb, &line.text);
        }
        for change in &description.layers {
            self.status("Layer", change.text());
            if change.is_downgrade() {
                let text = change.text();
                self.common.ui.warning(format!("{}: {text} goes back to an older version", self.region));
            }
        }
        if !description.deleted_layers.is_empty() && !self.common.settings.allowed.delete {
            return Err(StackError::Deletes(description.deleted_layers));
        }
        if self.common.settings.confirm == Confirm::Yes && self.common.settings.goal == Goal::Deploy {
            self.confirm().await?;
        }
        Ok(())
    }

    async fn describe(
        &self,
        change_set: &ChangeSet,
        previous: Option<&Previous>,
    ) -> Result<Description, StackError> {
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
        Ok(describe(&change_set.changes, &old, &new))
    }

    /// What a template comes to. One that CloudFormation can read and we cannot tells nothing.
    fn facts(&self, template: &str, values: &BTreeMap<String, String>) -> Facts {
        Facts::read(template, values, &self.deployment()).unwrap_or_else(|error| {
            self.common.ui.warning(format!("{}: the deployed template cannot be read: {error}", self.region));
            Facts::default()
        })
    }

    async fn confirm(&self) -> Result<(), StackError> {
        let _turn = self.common.asking.lock().await;
        let question = format!("Deploy this to stack `{}` in {}? [y/N]", self.stack_name(), self.region);
        let ui = self.common.ui.clone();
        if !ui.can_ask() {
            return Err(StackError::NobodyToAsk);
        }
        let answer = tokio::task::spawn_blocking(move || ui.ask(&question)).await.ok().flatten();
        match answer.as_deref() {
            Some("y" | "Y" | "yes") => Ok(()),
            _ => Err(StackError::NotConfirmed),
        }
    }

    async fn execute(&self, change_set: &ChangeSet) -> Result<Outcome, StackError> {
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
                    .detail("Verified", format!("{}: {function} has {}", self.region, found.join(", ")));
            }
            mismatches.extend(wrong);
        }
        if mismatches.is_empty() {
            return Ok(());
        }
        Err(StackError::Unverified { stack: name.to_owned(), mismatches })
    }
}
