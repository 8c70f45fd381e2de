//! Stacks: how one stands, what happens to it, what it is made of.

use aws_sdk_cloudformation::types::{
    ResourceStatus, StackEvent, StackResourceSummary, StackStatus, TemplateStage,
};

use super::CloudFormationRegion;
use crate::aws::failure::{CallFailure, next_page};
use crate::stack::events::Event;
use crate::stack::state::{Previous, Status};

impl CloudFormationRegion {
    /// A stack by its name or ARN; nothing if there is none. One that is deleted is found by its ARN only.
    pub async fn stack(&self, name: &str) -> Result<Option<Previous>, CallFailure> {
        let answer = self.client.describe_stacks().stack_name(name).send().await;
        let answer = match answer.map_err(|error| CallFailure::new("DescribeStacks", &error)) {
            Ok(answer) => answer,
            // It comes under the name of any other mistake.
            Err(failure) if failure.message.contains("does not exist") => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let Some(stack) = answer.stacks().first() else { return Ok(None) };
        let parameters = stack.parameters().iter().filter_map(|parameter| {
            Some((parameter.parameter_key()?.to_owned(), parameter.parameter_value()?.to_owned()))
        });
        let resolved = stack.parameters().iter().filter_map(|parameter| {
            let value = parameter.resolved_value().or(parameter.parameter_value())?;
            Some((parameter.parameter_key()?.to_owned(), value.to_owned()))
        });
        let outputs = stack
            .outputs()
            .iter()
            .filter_map(|output| Some((output.output_key()?.to_owned(), output.output_value()?.to_owned())));
        let tags =
            stack.tags().iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())));
        Ok(Some(Previous {
            id: stack.stack_id().unwrap_or(name).to_owned(),
            status: Status::new(stack.stack_status().map(StackStatus::as_str).unwrap_or_default()),
            parameters: parameters.collect(),
            resolved: resolved.collect(),
            outputs: outputs.collect(),
            capabilities: stack.capabilities().iter().map(|one| one.as_str().to_owned()).collect(),
            tags: tags.collect(),
            root: stack.root_id().or(stack.parent_id()).filter(|id| !id.is_empty()).map(str::to_owned),
        }))
    }

    /// What has happened to a stack after the event of this name, oldest first; the last page, if there is no such event.
    pub async fn events_after(&self, stack: &str, last: Option<&str>) -> Result<Vec<Event>, CallFailure> {
        let (mut events, mut token) = (Vec::new(), None::<String>);
        'pages: loop {
            let call = self.client.describe_stack_events().stack_name(stack);
            let answer = call.set_next_token(token.clone()).send().await;
            let answer = answer.map_err(|error| CallFailure::new("DescribeStackEvents", &error))?;
            for event in answer.stack_events() {
                let event = read(event);
                if last == Some(event.id.as_str()) {
                    break 'pages;
                }
                events.push(event);
            }
            match next_page("DescribeStackEvents", token.as_deref(), answer.next_token())? {
                Some(next) if last.is_some() => token = Some(next),
                _ => break,
            }
        }
        // They come newest first.
        events.reverse();
        Ok(events)
    }

    /// The template that a stack was made from, its transforms done.
    pub async fn deployed_template(&self, stack: &str) -> Result<String, CallFailure> {
        let call = self.client.get_template().stack_name(stack);
        let answer = call.template_stage(TemplateStage::Processed).send().await;
        let answer = answer.map_err(|error| CallFailure::new("GetTemplate", &error))?;
        Ok(answer.template_body().unwrap_or_default().to_owned())
    }

    /// The template that a stack was made from, as it was sent: nothing if that is not there.
    pub async fn original_template(&self, stack: &str) -> Result<String, CallFailure> {
        let call = self.client.get_template().stack_name(stack);
        let answer = call.template_stage(TemplateStage::Original).send().await;
        let answer = answer.map_err(|error| CallFailure::new("GetTemplate", &error))?;
        Ok(answer.template_body().unwrap_or_default().to_owned())
    }

    /// Logical id, type and physical id of everything in a stack. What was deleted or let go is not in it any more.
    pub async fn resources(&self, stack: &str) -> Result<Vec<(String, String, String)>, CallFailure> {
        let (mut resources, mut token) = (Vec::new(), None::<String>);
        loop {
            let call = self.client.list_stack_resources().stack_name(stack);
            let answer = call.set_next_token(token.clone()).send().await;
            let answer = answer.map_err(|error| CallFailure::new("ListStackResources", &error))?;
            let gone = [ResourceStatus::DeleteComplete, ResourceStatus::DeleteSkipped];
            let is_there = |resource: &&StackResourceSummary| {
                !resource.resource_status().is_some_and(|status| gone.contains(status))
            };
            resources.extend(answer.stack_resource_summaries().iter().filter(is_there).map(|resource| {
                let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
                (
                    text(resource.logical_resource_id()),
                    text(resource.resource_type()),
                    text(resource.physical_resource_id()),
                )
            }));
            match next_page("ListStackResources", token.as_deref(), answer.next_token())? {
                Some(next) => token = Some(next),
                None => return Ok(resources),
            }
        }
    }

    /// The name of the stack that a resource belongs to, by its physical id; nothing if it belongs to none.
    pub async fn stack_of(&self, physical: &str) -> Result<Option<String>, CallFailure> {
        let call = self.client.describe_stack_resources().physical_resource_id(physical);
        match call.send().await.map_err(|error| CallFailure::new("DescribeStackResources", &error)) {
            Ok(answer) => {
                let mut resources = answer.stack_resources().iter();
                let its = resources.find(|one| one.physical_resource_id() == Some(physical));
                Ok(its.and_then(|one| one.stack_name()).map(str::to_owned))
            }
            Err(failure) if failure.message.contains("does not exist") => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Begins to delete a stack.
    pub async fn delete_stack(&self, stack: &str, role_arn: Option<&str>) -> Result<(), CallFailure> {
        let call = self.client.delete_stack().stack_name(stack).set_role_arn(role_arn.map(str::to_owned));
        call.send().await.map(drop).map_err(|error| CallFailure::new("DeleteStack", &error))
    }

    /// Begins to roll back a deployment that has failed and was left so.
    pub async fn rollback_stack(&self, stack: &str, role_arn: Option<&str>) -> Result<(), CallFailure> {
        let call = self.client.rollback_stack().stack_name(stack).set_role_arn(role_arn.map(str::to_owned));
        call.send().await.map(drop).map_err(|error| CallFailure::new("RollbackStack", &error))
    }

    /// Begins to roll a failed update back once more, without the resources to skip.
    pub async fn continue_update_rollback(
        &self,
        stack: &str,
        role_arn: Option<&str>,
        skip: &[String],
    ) -> Result<(), CallFailure> {
        let call = self.client.continue_update_rollback().stack_name(stack);
        let call = call.set_resources_to_skip(Some(skip.to_owned()).filter(|skip| !skip.is_empty()));
        let answer = call.set_role_arn(role_arn.map(str::to_owned)).send().await;
        answer.map(drop).map_err(|error| CallFailure::new("ContinueUpdateRollback", &error))
    }
}

/// An event in our words.
pub(super) fn read(event: &StackEvent) -> Event {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Event {
        id: text(event.event_id()),
        resource: text(event.logical_resource_id()),
        physical: text(event.physical_resource_id()),
        kind: text(event.resource_type()),
        status: Status::new(event.resource_status().map_or("", |status| status.as_str())),
        reason: text(event.resource_status_reason()),
        is_stack: is_stack(event),
    }
}

/// Whether an event is about the stack itself, and not about a stack in it.
fn is_stack(event: &StackEvent) -> bool {
    match event.physical_resource_id().filter(|id| !id.is_empty()) {
        Some(id) => Some(id) == event.stack_id(),
        None => {
            event.resource_type() == Some("AWS::CloudFormation::Stack")
                && event.logical_resource_id() == event.stack_name()
        }
    }
}
