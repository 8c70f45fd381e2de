//! The events of a stack, back to where something began.

use super::CloudFormationRegion;
use super::stacks::read;
use crate::aws::failure::{CallFailure, next_page};
use crate::stack::events::Event;

impl CloudFormationRegion {
    /// What has happened to a stack from the latest event on with which something `begins`, oldest first; all, if there is
    /// no such event.
    pub async fn events_from(
        &self,
        stack: &str,
        begins: impl Fn(&Event) -> bool,
    ) -> Result<Vec<Event>, CallFailure> {
        let (mut events, mut token) = (Vec::new(), None::<String>);
        loop {
            let call = self.client.describe_stack_events().stack_name(stack);
            let answer = call.set_next_token(token.clone()).send().await;
            let answer = answer.map_err(|error| CallFailure::new("DescribeStackEvents", &error))?;
            // They come newest first.
            let page = answer.stack_events().iter().map(read).collect::<Vec<_>>();
            let beginning = page.iter().position(&begins);
            events.extend(page.into_iter().take(beginning.map_or(usize::MAX, |at| at + 1)));
            let next = next_page("DescribeStackEvents", token.as_deref(), answer.next_token())?;
            match next.filter(|_| beginning.is_none()) {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        events.reverse();
        Ok(events)
    }
}
