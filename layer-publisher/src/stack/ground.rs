//! How a stack stands before a change set is made, and what has to be done with it first.

use super::error::StackError;
use super::region::{InRegion, Outcome};
use super::settings::Goal;
use super::state::{Previous, Step};

/// What there is to deploy to.
pub(super) struct Ground {
    /// The stack, if it has ever been created.
    pub(super) previous: Option<Previous>,
    /// Whether somebody has made change sets for a stack that is not there yet.
    pub(super) is_reviewed: bool,
}

impl InRegion {
    /// Brings the stack to where a change set can be made, if that is allowed.
    pub(super) async fn ground(&self) -> Result<Result<Ground, Outcome>, StackError> {
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
                    return Ok(Err(Outcome::Shown(Box::default())));
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
                    return Ok(Err(Outcome::Shown(Box::default())));
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
}
