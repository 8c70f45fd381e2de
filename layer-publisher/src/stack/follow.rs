//! Looks at a stack until CloudFormation is done with it, and says what happens meanwhile.

use template_tools::arn::Region;

use super::error::{Reason, StackError};
use super::events::{Seen, Weight};
use super::state::{Previous, Status};
use crate::aws::cloudformation::CloudFormationRegion;
use crate::clocks::Clocks;
use crate::interrupt::Interrupts;
use crate::ui::Ui;

/// With these an operation on a stack begins.
const BEGINNINGS: [&str; 4] =
    ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"];

/// Looks at one stack.
pub(super) struct Follower<'a> {
    pub(super) cloudformation: &'a CloudFormationRegion,
    pub(super) region: &'a Region,
    /// What is said in front of every line.
    pub(super) label: &'a str,
    pub(super) ui: &'a Ui,
    pub(super) clocks: &'a Clocks,
    pub(super) interrupts: &'a Interrupts,
}

/// Ctrl-C came.
pub(super) struct Left;

/// How it ended.
pub(super) struct End {
    pub(super) status: Status,
    /// What failed first.
    pub(super) reason: Option<Reason>,
}

impl Follower<'_> {
    fn call<T>(
        &self,
        what: &str,
        stack: &str,
        result: Result<T, crate::aws::failure::CallFailure>,
    ) -> Result<T, StackError> {
        result.map_err(|failure| StackError::call(format!("{what} `{stack}` in {}", self.region), failure))
    }

    /// The latest event of a stack.
    pub(super) async fn last_event(&self, id: &str) -> Result<Option<String>, StackError> {
        let events = self.cloudformation.events_after(id, None).await;
        let events = self.call("read the events of stack", id, events)?;
        Ok(events.last().map(|event| event.id.clone()))
    }

    /// Says every event after `last`, until the stack is done.
    pub(super) async fn to_the_end(
        &self,
        name: &str,
        id: &str,
        last: Option<String>,
    ) -> Result<Result<End, Left>, StackError> {
        let end = self.interrupts.before(self.follow(name, id, last)).await;
        if !matches!(end, Some(Ok(_))) {
            let region = self.region;
            self.ui.note(format!(
                "stack `{name}` goes on without us; follow it with `aws cloudformation describe-stack-events --stack-name {name} --region {region}`"
            ));
        }
        end.map_or(Ok(Err(Left)), |end| end.map(Ok))
    }

    async fn follow(&self, name: &str, id: &str, last: Option<String>) -> Result<End, StackError> {
        let mut seen = Seen::after(last);
        let mut is_done = false;
        let moving = self.ui.moving_line();
        loop {
            let events = self.cloudformation.events_after(id, seen.last.as_deref()).await;
            for event in self.call("read the events of stack", name, events)? {
                is_done = event.is_stack && !event.status.is_in_progress();
                let Some(line) = seen.take(&event) else { continue };
                let text = format!("{}: {}", self.label, line.text);
                match line.weight {
                    Weight::Done => self.ui.status(line.verb, text),
                    Weight::Failed => self.ui.failed(line.verb, text),
                    Weight::Begun if event.is_stack => self.ui.status(line.verb, text),
                    Weight::Begun => self.ui.detail(line.verb, text),
                }
            }
            if is_done {
                let stack = self.cloudformation.stack(id).await;
                let status = self.call("look at stack", name, stack)?.map(|stack| stack.status);
                // The event may be there before the stack says so.
                if let Some(status) = status.filter(|status| !status.is_in_progress()) {
                    let reason = seen.first_failure().map(|event| {
                        Reason(format!(
                            "{} ({}): {}",
                            event.resource,
                            event.kind,
                            event.reason.trim_end_matches('.')
                        ))
                    });
                    return Ok(End { status, reason });
                }
            }
            if let Some((moving, progress)) = moving.as_ref().zip(seen.progress()) {
                moving.say(format!("{}: {progress}", self.label));
            }
            tokio::time::sleep(self.clocks.look_at_stack).await;
        }
    }

    /// Waits until a stack that is being deleted is gone.
    pub(super) async fn until_gone(&self, name: &str, id: &str) -> Result<Result<(), Left>, StackError> {
        loop {
            let stack = self.cloudformation.stack(id).await;
            let Some(stack) = self.call("look at stack", name, stack)? else { return Ok(Ok(())) };
            if stack.status.is_deleted() {
                return Ok(Ok(()));
            }
            if stack.status.as_str() == "DELETE_FAILED" {
                let source = self.old_reason(id).await.map(Box::new);
                return Err(StackError::Failed { stack: name.to_owned(), status: stack.status, source });
            }
            if self.interrupts.come_within(self.clocks.look_at_stack).await {
                return Ok(Err(Left));
            }
        }
    }

    /// Waits for somebody else's deployment to end, up to a limit.
    pub(super) async fn wait_for_others(
        &self,
        name: &str,
        stack: &Previous,
    ) -> Result<Result<(), Left>, StackError> {
        let end = tokio::time::Instant::now() + self.clocks.other_deployment;
        let label = self.label;
        self.ui.status(
            "Waiting",
            format!("{label}: stack `{name}` is {}: {}", stack.status, stack.status.meaning()),
        );
        loop {
            if self.interrupts.come_within(self.clocks.look_at_stack).await {
                return Ok(Err(Left));
            }
            let now = self.cloudformation.stack(&stack.id).await;
            let Some(now) = self.call("look at stack", name, now)? else { return Ok(Ok(())) };
            if !now.status.is_in_progress() {
                return Ok(Ok(()));
            }
            if tokio::time::Instant::now() >= end {
                let minutes = self.clocks.other_deployment.as_secs() / 60;
                return Err(StackError::Busy { stack: name.to_owned(), status: now.status, minutes });
            }
        }
    }

    /// What failed first the last time, as far as the latest events tell.
    pub(super) async fn old_reason(&self, id: &str) -> Option<Reason> {
        let events = self.cloudformation.events_after(id, None).await.ok()?;
        let mut seen = Seen::default();
        for event in &events {
            // What failed in an earlier operation is not the reason.
            if event.is_stack && BEGINNINGS.contains(&event.status.as_str()) {
                seen = Seen::default();
            }
            seen.take(event);
        }
        let event = seen.first_failure()?;
        Some(Reason(format!("{} ({}): {}", event.resource, event.kind, event.reason.trim_end_matches('.'))))
    }
}
