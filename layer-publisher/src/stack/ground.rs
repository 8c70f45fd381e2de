//! How a stack stands before a change set is made, and what has to be done with it first.

use super::change_set::OnFailure;
use super::error::StackError;
use super::follow::End;
use super::nested::Ending;
use super::region::{InRegion, Outcome};
use super::settings::{Confirm, Goal};
use super::state::{Previous, Step};

/// What there is to deploy to.
#[derive(Default)]
pub(super) struct Ground {
    /// The stack, if it has ever been created.
    pub(super) previous: Option<Previous>,
    /// Whether somebody has made change sets for a stack that is not there yet.
    is_reviewed: bool,
    /// The stack that has to be deleted, to be created anew.
    pub(super) to_delete: Option<Previous>,
}

impl Ground {
    /// Whether there is no stack of this name, so that one that comes into being with a change set is ours.
    pub(super) fn is_nothing(&self) -> bool {
        self.previous.is_none() && !self.is_reviewed
    }
}

impl From<Previous> for Ground {
    fn from(stack: Previous) -> Self {
        Self { previous: Some(stack), ..Self::default() }
    }
}

impl InRegion {
    /// Brings the stack to where a change set can be made, if that is allowed. What has to be deleted is only named: much can
    /// still be wrong with what is to take its place.
    pub(super) async fn ground(&self) -> Result<Result<Ground, Outcome>, StackError> {
        let settings = &self.common.settings;
        let (recreate, continue_rollback) = (settings.allowed.recreate, settings.allowed.continue_rollback);
        let name = self.stack_name();
        loop {
            let Some(stack) = self.stack(name).await? else { return Ok(Ok(Ground::default())) };
            let status = &stack.status;
            match status.step() {
                Step::Create => {
                    let is_reviewed = status.is_reviewed();
                    if is_reviewed {
                        self.status("Found", format!("stack `{name}` is {status}: {}", status.meaning()));
                    }
                    return Ok(Ok(Ground { is_reviewed, ..Ground::default() }));
                }
                Step::Update => return Ok(Ok(stack.into())),
                Step::Wait => {
                    if self.follower().wait_for_others(name, &stack).await?.is_err() {
                        return Ok(Err(Outcome::Left));
                    }
                }
                Step::Recreate | Step::ResumeCreation if recreate => {
                    return Ok(Ok(Ground { to_delete: Some(stack), ..Ground::default() }));
                }
                Step::ResumeUpdate | Step::ContinueRollback if continue_rollback => {
                    if let Some(outcome) = self.roll_back(&stack).await? {
                        return Ok(Err(outcome));
                    }
                }
                // It is left as it is once more, which is the only deployment that such a stack takes.
                Step::ResumeCreation | Step::ResumeUpdate
                    if settings.on_failure == Some(OnFailure::DoNothing) =>
                {
                    return Ok(Ok(stack.into()));
                }
                Step::Recreate | Step::ResumeCreation | Step::ResumeUpdate | Step::ContinueRollback => {
                    let source = self.follower().old_reason(&stack.id).await.map(Box::new);
                    return Err(StackError::Stuck { stack: name.to_owned(), status: stack.status, source });
                }
            }
        }
    }

    /// Goes back to what was there before an update that has failed. Something else than nothing is the end.
    async fn roll_back(&self, stack: &Previous) -> Result<Option<Outcome>, StackError> {
        let (settings, name, follower) = (&self.common.settings, self.stack_name(), self.follower());
        if settings.goal == Goal::Show {
            self.status("Would roll back", format!("stack `{name}`, which is {}", stack.status));
            return Ok(Some(Outcome::Shown(Box::default())));
        }
        let what = || format!("roll back stack `{name}` in {}", self.region);
        let last = follower.last_event(&stack.id).await?;
        let role = settings.role_arn.as_deref();
        let begun = if stack.status.step() == Step::ResumeUpdate {
            self.cloudformation.rollback_stack(&stack.id, role).await
        } else {
            self.cloudformation.continue_update_rollback(&stack.id, role, &settings.skip_resources).await
        };
        begun.map_err(|failure| StackError::call(what(), failure))?;
        let Ok(End { status, reason }) = follower.to_the_end(name, &stack.id, last).await? else {
            return Ok(Some(Outcome::GoesOn));
        };
        if status.step() != Step::Update {
            let source = reason.map(Box::new);
            return Err(StackError::Failed { stack: name.to_owned(), status, source });
        }
        Ok(None)
    }

    /// Deletes a stack that can only be deleted, if no layer version goes with it that nobody has given up. Something else
    /// than nothing is the end.
    pub(super) async fn make_room(&self, stack: &Previous) -> Result<Option<Outcome>, StackError> {
        let (settings, name, follower) = (&self.common.settings, self.stack_name(), self.follower());
        // What was rolled back has nothing left that it could lose.
        if stack.status.as_str() != "ROLLBACK_COMPLETE" && !settings.allowed.delete {
            let doomed = self.doomed(Some(&stack.id), Ending::Deleted).await?;
            if !doomed.is_empty() {
                return Err(StackError::Deletes(doomed));
            }
        }
        if settings.goal == Goal::Show {
            self.status("Would delete", format!("stack `{name}`, which is {}", stack.status));
            self.status("Would create", format!("stack `{name}` anew"));
            return Ok(Some(Outcome::Shown(Box::default())));
        }
        let question = format!("Delete stack `{name}` in {}, which is {}? [y/N]", self.region, stack.status);
        let is_asked = settings.confirm == Confirm::Yes;
        if is_asked && self.confirm(&question).await?.is_err() || self.common.interrupts.came() {
            return Ok(Some(Outcome::Left));
        }
        self.status("Deleting", format!("stack `{name}`, which is {}", stack.status));
        let what = || format!("delete stack `{name}` in {}", self.region);
        // The stack may say for a while that deleting it has failed, as it did before: only a new event counts.
        let last = follower.last_event(&stack.id).await?;
        let deleted = self.cloudformation.delete_stack(&stack.id, settings.role_arn.as_deref()).await;
        deleted.map_err(|failure| StackError::call(what(), failure))?;
        let Ok(End { status, reason }) = follower.to_the_end(name, &stack.id, last).await? else {
            return Ok(Some(Outcome::GoesOn));
        };
        if !status.is_deleted() {
            let source = reason.map(Box::new);
            return Err(StackError::Failed { stack: name.to_owned(), status, source });
        }
        Ok(None)
    }
}
