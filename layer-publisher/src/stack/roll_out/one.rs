//! One stack: from the template that is deployed to the functions that have the new version.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use template_tools::arn::AccountId;
use tokio::sync::Mutex;

use super::super::change_set::{ChangeSet, NewChangeSet, TemplateSource};
use super::super::describe::{Description, describe};
use super::super::error::StackError;
use super::super::making::Made;
use super::super::parameters::Sent;
use super::super::region::{Common, InRegion, Outcome};
use super::super::settings::{Allowed, Confirm, Follow, Goal, Settings};
use super::super::state::Previous;
use super::behind::Standing;
use super::beyond::{Asked, beyond};
use super::error::RollOutError;
use super::planned::{Deployed, moved, still_behind};
use super::{Intent, OtherChanges, Shared, Target};

/// What came of one stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// Its functions have the new version.
    RolledOut,
    /// They had it before.
    Unchanged,
    /// It was shown what would happen.
    Shown,
    /// Ctrl-C came before anything was changed.
    Left,
    /// Ctrl-C came while CloudFormation was at work, and it goes on.
    GoesOn,
    /// Its turn never came.
    NotBegun,
}

/// A layer that gets another version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub(super) struct Moved {
    /// The layer.
    pub(super) layer: String,
    /// The version that is there.
    pub(super) old: String,
    /// The version that it gets.
    pub(super) new: String,
}

/// What came of one stack, and what is known of it.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) result: Result<Done, Arc<RollOutError>>,
    pub(super) stack_id: Option<String>,
    pub(super) account: Option<AccountId>,
    pub(super) moved: BTreeSet<Moved>,
    pub(super) changes: Option<Description>,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            result: Ok(Done::NotBegun),
            stack_id: None,
            account: None,
            moved: BTreeSet::new(),
            changes: None,
        }
    }
}

/// Rolls one stack out.
pub(super) async fn roll_out(target: &Target, shared: &Shared, position: usize) -> Run {
    let mut run = Run::default();
    let way = match &target.way {
        Ok(way) => way,
        Err(error) => return Run { result: Err(Arc::clone(error)), ..run },
    };
    run.account = Some(way.caller.account.clone());
    let common = Common {
        session: way.session.clone(),
        caller: way.caller.clone(),
        clocks: shared.clocks,
        settings: settings(target, shared),
        given: BTreeMap::new(),
        change_set: format!("{}-{position}", shared.change_set),
        ui: shared.ui.clone(),
        interrupts: shared.interrupts.clone(),
        asking: Mutex::default(),
    };
    let one = InRegion::new(Arc::new(common), target.region.clone()).called(target.label());
    run.result = one.bring(target, shared, &mut run).await.map_err(Arc::new);
    run
}

/// The stack keeps all that it has: tags, role, notifications.
fn settings(target: &Target, shared: &Shared) -> Settings {
    Settings {
        stack_name: target.stack.clone(),
        parameters: Vec::new(),
        capabilities: Vec::new(),
        tags: Vec::new(),
        role_arn: None,
        profile: None,
        regions: Vec::new(),
        s3_bucket: target.bucket.clone(),
        s3_prefix: None,
        resolve_s3: false,
        on_failure: None,
        goal: if shared.intent == Intent::Show { Goal::Show } else { Goal::Deploy },
        confirm: Confirm::No,
        follow: Follow::ToTheEnd,
        allowed: Allowed::default(),
        skip_resources: Vec::new(),
    }
}

impl InRegion {
    async fn bring(&self, target: &Target, shared: &Shared, run: &mut Run) -> Result<Done, RollOutError> {
        // Whatever state it is in, nobody else than the outer stack gets it out of there.
        if let Some(root) = self.stack(&target.stack).await?.and_then(|stack| stack.root) {
            return Err(RollOutError::Nested { stack: target.stack.clone(), root });
        }
        let Ok(ground) = self.ground().await? else { return Ok(Done::Left) };
        let Some(previous) = &ground.previous else {
            let (stack, region, account) =
                (target.stack.clone(), self.region.clone(), self.account().clone());
            return Err(RollOutError::NoStack { stack, region, account });
        };
        run.stack_id = Some(previous.id.clone());
        let versions = self.versions(target, &shared.ledger)?;
        let before = self.standing(previous, &versions.arns).await?;
        let planned =
            self.planned(target, previous, &versions.pins, &before.behind, shared.question_marks).await?;
        run.moved = moved(&planned, &before.behind);
        if planned.is_empty() && before.behind.is_empty() {
            if !before.is_used {
                let names =
                    versions.arns.iter().map(|arn| format!("`{}`", arn.layer)).collect::<BTreeSet<_>>();
                let names = names.into_iter().collect::<Vec<_>>().join(", ");
                shared.ui.warning(format!("{}: no function there has {names}", target.label()));
            }
            self.status("Unchanged", "it is at the new version");
            return Ok(Done::Unchanged);
        }
        let new = self.wanted(previous, &planned).await?;
        let change_set = match self.make(&new, &ground).await? {
            Made::Ready(change_set) => change_set,
            Made::Left => return Ok(Done::Left),
            Made::Empty => return self.without_changes(target, &planned, before),
        };
        let asked = Asked { versions: &versions.arns, looked_up: &planned.dynamic.functions };
        match self.judge(target, shared, &change_set, previous, &asked, run).await {
            Ok(()) if shared.intent == Intent::RollOut && !self.common.interrupts.came() => {}
            judged => {
                self.clean(&change_set.arn, &ground).await;
                judged?;
                return Ok(if shared.intent == Intent::Show { Done::Shown } else { Done::Left });
            }
        }
        let Outcome::Deployed(now) = self.execute(&change_set, Some(&ground)).await? else {
            return Ok(Done::GoesOn);
        };
        let Standing { behind, .. } = self.standing(&now, &versions.arns).await?;
        if behind.is_empty() { Ok(Done::RolledOut) } else { Err(still_behind(target, behind, &planned)) }
    }

    /// The change set that it takes.
    async fn wanted(&self, previous: &Previous, planned: &Deployed) -> Result<NewChangeSet, RollOutError> {
        let stack = self.stack_name();
        let values = &planned.plan.values;
        for (name, new) in values {
            let old = previous.parameters.get(name).map(String::as_str).unwrap_or_default();
            self.status("Parameter", format!("{name}: {old} -> {new}"));
        }
        let template = match planned.plan.plan.text.clone() {
            Some(text) => self.source(&format!("the template of stack `{stack}`"), text).await?,
            None => TemplateSource::Previous,
        };
        let sent = |name: &String| {
            let value = values.get(name).cloned().map_or(Sent::Previous, Sent::Value);
            (name.clone(), value)
        };
        Ok(NewChangeSet {
            stack_name: stack.to_owned(),
            is_new_stack: false,
            name: self.common.change_set.clone(),
            template,
            parameters: planned.parameters.iter().map(sent).collect(),
            capabilities: previous.capabilities.clone(),
            tags: Vec::new(),
            role_arn: None,
            with_nested: planned.has_nested,
            on_failure: None,
        })
    }

    /// CloudFormation sees nothing to do.
    fn without_changes(
        &self,
        target: &Target,
        planned: &Deployed,
        before: Standing,
    ) -> Result<Done, RollOutError> {
        if !before.behind.is_empty() {
            return Err(still_behind(target, before.behind, planned));
        }
        self.status("Unchanged", "it is at the new version");
        Ok(Done::Unchanged)
    }

    /// Says what would happen, and finds out whether it may.
    async fn judge(
        &self,
        target: &Target,
        shared: &Shared,
        change_set: &ChangeSet,
        previous: &Previous,
        asked: &Asked<'_>,
        run: &mut Run,
    ) -> Result<(), RollOutError> {
        let (old, new) = self.both(change_set, Some(previous)).await?;
        let mut description = describe(&change_set.changes, &old, &new);
        let nested = self.look_into(&change_set.changes, &old, &new, &mut description).await?;
        self.say(&description);
        run.changes = Some(description.clone());
        if !description.deleted_layers.is_empty() {
            return Err(StackError::Deletes(description.deleted_layers).into());
        }
        let changes = beyond(&change_set.changes, &old, &new, &nested, asked);
        if changes.is_empty() || shared.other_changes == OtherChanges::Allowed {
            return Ok(());
        }
        Err(RollOutError::OtherChanges { stack: target.stack.clone(), changes })
    }
}
