//! Looks at a stack until CloudFormation is done with it, and says what happens meanwhile.

use template_tools::arn::Region;

use super::change_set::NESTED;
use super::error::{Reason, StackError};
use super::events::{Event, Seen, Weight};
use super::state::{Previous, Status};
use crate::aws::cloudformation::CloudFormationRegion;
use crate::clocks::Clocks;
use crate::interrupt::Interrupts;
use crate::ui::Ui;

/// With these an operation on a stack begins.
const BEGINNINGS: [&str; 4] =
    ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"];

/// With these one begins to be created or updated; that it goes back belongs to it.
const DEPLOYMENTS: [&str; 2] = ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"];

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
                    let reason = match seen.first_failure() {
                        Some(event) => Some(self.reason(event).await),
                        None => None,
                    };
                    return Ok(End { status, reason });
                }
            }
            if let Some((moving, progress)) = moving.as_ref().zip(seen.progress()) {
                moving.say(format!("{}: {progress}", self.label));
            }
            tokio::time::sleep(self.clocks.look_at_stack).await;
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
                self.ui.note(format!(
                    "{label}: stack `{name}` is left to whoever is at work on it; we have changed nothing"
                ));
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

    /// What failed first the last time.
    pub(super) async fn old_reason(&self, id: &str) -> Option<Reason> {
        let event = self.first_failure(id, &BEGINNINGS).await?;
        Some(self.reason(&event).await)
    }

    /// What failed first in the latest operation on a stack, which begins with one of these.
    async fn first_failure(&self, id: &str, beginnings: &[&str]) -> Option<Event> {
        let begins = |event: &Event| event.is_stack && beginnings.contains(&event.status.as_str());
        let mut seen = Seen::default();
        for event in &self.cloudformation.events_from(id, begins).await.ok()? {
            seen.take(event);
        }
        seen.first_failure().cloned()
    }

    /// Why something failed. A nested stack knows more than what is said of it outside.
    async fn reason(&self, event: &Event) -> Reason {
        let (mut path, mut cause) = (event.resource.clone(), event.clone());
        while cause.kind == NESTED && !cause.physical.is_empty() {
            let Some(inner) = self.first_failure(&cause.physical, &DEPLOYMENTS).await else { break };
            path.push_str(&format!("/{}", inner.resource));
            cause = inner;
        }
        Reason(format!("{path} ({}): {}", cause.kind, cause.reason.trim_end_matches('.')))
    }
}
