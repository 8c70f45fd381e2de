//! A change set, from the wish to one that can be carried out; and nothing left of one that is not wanted.

use tokio::time::Instant;

use super::change_set::{ChangeSet, NewChangeSet, Progress};
use super::error::{Reason, StackError};
use super::follow::Left;
use super::ground::Ground;
use super::region::InRegion;
use crate::aws::failure::{CallFailure, Kind};

/// What came of making one.
#[derive(Debug)]
pub(super) enum Made {
    /// It can be carried out.
    Ready(ChangeSet),
    /// There is nothing to do, and nothing is left of it.
    Empty,
    /// Ctrl-C came, and nothing is left of it.
    Left,
}

impl InRegion {
    /// Makes a change set. Nothing is left of one that cannot be carried out.
    pub(super) async fn make(&self, new: &NewChangeSet, ground: &Ground) -> Result<Made, StackError> {
        let stack = self.stack_name();
        let what = || format!("make a change set for stack `{stack}` in {}", self.region);
        let made = match self.cloudformation.create_change_set(new).await {
            Ok(()) => self.made(&new.name).await,
            // Whoever was not let in has made nothing, and could not look after it either.
            Err(failure) if was_not_let_in(&failure) => return Err(StackError::call(what(), failure)),
            Err(failure) => Err(StackError::call(what(), failure)),
        };
        let made = made.and_then(|made| judged(made, stack));
        if !matches!(made, Ok(Made::Ready(_))) {
            self.clean(&new.name, ground).await;
        }
        made
    }

    /// Waits until it is made, one way or the other.
    async fn made(&self, name: &str) -> Result<Result<ChangeSet, Left>, StackError> {
        let stack = self.stack_name();
        let what = || format!("read the change set of stack `{stack}` in {}", self.region);
        let end = Instant::now() + self.common.clocks.change_set;
        loop {
            let found = self.cloudformation.change_set(Some(stack), name);
            let Some(found) = self.common.interrupts.before(found).await else { return Ok(Err(Left)) };
            let change_set = found.map_err(|failure| StackError::call(what(), failure))?;
            if change_set.progress != Progress::Making {
                return Ok(Ok(change_set));
            }
            if Instant::now() >= end {
                let source = Reason("it was not made in time".to_owned());
                return Err(StackError::ChangeSet { stack: stack.to_owned(), source });
            }
            if self.common.interrupts.come_within(self.common.clocks.look_at_stack).await {
                return Ok(Err(Left));
            }
        }
    }

    /// Leaves nothing of a change set that is not wanted, nor of a stack that came into being with it. Where that does not
    /// work out, it is said what is left.
    pub(super) async fn clean(&self, change_set: &str, ground: &Ground) {
        let (stack, region) = (self.stack_name(), &self.region);
        let (label, ui) = (&self.label, &self.common.ui);
        let name =
            if change_set.starts_with("arn:") { String::new() } else { format!(" --stack-name {stack}") };
        let left = |name: &str, arn: &str, failure: &CallFailure| {
            ui.warning(format!(
                "{label}: change set `{arn}` could not be deleted: {failure}; delete it with \
                 `aws cloudformation delete-change-set{name} --change-set-name {arn} --region {region}`"
            ));
        };
        let found = match self.at_rest(change_set).await {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(failure) => return left(&name, change_set, &failure),
        };
        if let Err(failure) = self.cloudformation.delete_change_set(&found.arn).await {
            return left("", &found.arn, &failure);
        }
        if let Err(failure) = self.clean_stack(&found, ground).await {
            let id = &found.stack_id;
            ui.warning(format!(
                "{label}: stack `{id}`, which came into being with its change set, could not be deleted: {failure}; delete it \
                 with `aws cloudformation delete-stack --stack-name {id} --region {region}`"
            ));
        }
    }

    /// A change set that is no longer being made: until then it cannot be deleted. Nothing if there is none.
    async fn at_rest(&self, name: &str) -> Result<Option<ChangeSet>, CallFailure> {
        let end = Instant::now() + self.common.clocks.clean_up;
        loop {
            match self.cloudformation.change_set(Some(self.stack_name()), name).await {
                Ok(found) if found.progress == Progress::Making && Instant::now() < end => {
                    tokio::time::sleep(self.common.clocks.look_at_stack).await;
                }
                Ok(found) => return Ok(Some(found)),
                // It was refused, or somebody else was faster.
                Err(failure) if is_gone(&failure) => return Ok(None),
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Deletes the stack that came into being with a change set of ours, unless it means something to others by now.
    async fn clean_stack(&self, gone: &ChangeSet, ground: &Ground) -> Result<(), CallFailure> {
        if !ground.is_nothing() {
            return Ok(());
        }
        let Some(stack) = self.cloudformation.stack(&gone.stack_id).await? else { return Ok(()) };
        // Somebody may have created it meanwhile, or have prepared that.
        let others = self.cloudformation.change_sets(&gone.stack_name).await?;
        if !stack.status.is_reviewed() || others.iter().any(|other| *other != gone.arn) {
            return Ok(());
        }
        self.cloudformation.delete_stack(&stack.id, None).await
    }
}

fn was_not_let_in(failure: &CallFailure) -> bool {
    matches!(
        failure.kind,
        Kind::NoCredentials | Kind::Expired | Kind::Signature | Kind::UnknownKey | Kind::Denied
    )
}

fn is_gone(failure: &CallFailure) -> bool {
    let code = failure.code.as_deref().unwrap_or_default();
    code.starts_with("ChangeSetNotFound") || failure.message.contains("does not exist")
}

/// What a change set that is made is good for.
fn judged(made: Result<ChangeSet, Left>, stack: &str) -> Result<Made, StackError> {
    match made {
        Err(Left) => Ok(Made::Left),
        Ok(change_set) if change_set.is_empty() => Ok(Made::Empty),
        Ok(change_set) if change_set.progress == Progress::Failed => {
            Err(StackError::change_set(stack, change_set.why().to_owned()))
        }
        Ok(change_set) => Ok(Made::Ready(change_set)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::failure::Advice;
    use crate::called::CalledAs;

    fn made(progress: Progress, reason: &str) -> Result<Made, StackError> {
        let text = String::new;
        let change_set = ChangeSet {
            arn: text(),
            name: text(),
            stack_id: text(),
            stack_name: text(),
            progress,
            reason: reason.to_owned(),
            parameters: [].into(),
            changes: Vec::new(),
        };
        judged(Ok(change_set), "s")
    }

    #[test]
    fn what_failed_says_why_and_capabilities_are_known_in_whatever_way_they_come() {
        assert!(matches!(made(Progress::Ready, ""), Ok(Made::Ready(_))));
        assert!(matches!(made(Progress::Failed, "No updates are to be performed."), Ok(Made::Empty)));
        let error = made(Progress::Failed, "Requires capabilities : [CAPABILITY_IAM]").unwrap_err();
        assert_eq!(error.to_string(), "the template needs CAPABILITY_IAM");
        let hint = error.hint(&Advice::default(), &CalledAs::default()).unwrap();
        assert_eq!(hint, "if that is meant, say so with `--capabilities CAPABILITY_IAM`");
        let error = made(Progress::Failed, "Template error: x").unwrap_err();
        assert_eq!(crate::ui::whole(&error), "failed to make a change set for stack `s`: Template error: x");
        // OBSOLETE: CloudFormation has no words for it.
        let error = made(Progress::Failed, "").unwrap_err();
        assert!(
            crate::ui::whole(&error).ends_with("`s`: the stack has changed since it was made"),
            "{error}"
        );
    }
}
