//! Change sets: made, read, carried out, thrown away.

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{
    Capability, ChangeAction, ChangeSetStatus, ChangeSetType, EvaluationType, ExecutionStatus,
    OnStackFailure, Parameter, PolicyAction, Replacement, ResourceAttribute, ResourceChange,
    ResourceChangeDetail, Tag, TemplateStage,
};

use super::CloudFormationRegion;
use crate::aws::failure::{CallFailure, next_page};
use crate::stack::change_set::{
    Action, Change, ChangeSet, Fate, NewChangeSet, OnFailure, Progress, Replaced, TemplateSource,
};
use crate::stack::parameters::Sent;

impl CloudFormationRegion {
    /// Asks for a change set. Its name is used once, so an answer that was lost does no harm.
    pub async fn create_change_set(&self, new: &NewChangeSet) -> Result<(), CallFailure> {
        let (body, url, previous) = match &new.template {
            TemplateSource::Body(text) => (Some(text.clone()), None, None),
            TemplateSource::Url(url) => (None, Some(url.clone()), None),
            TemplateSource::Previous => (None, None, Some(true)),
        };
        let parameters = new.parameters.iter().map(|(name, sent)| match sent {
            Sent::Value(value) => Parameter::builder().parameter_key(name).parameter_value(value).build(),
            Sent::Previous => Parameter::builder().parameter_key(name).use_previous_value(true).build(),
        });
        let tags = new.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let capabilities = new.capabilities.iter().map(|name| Capability::from(name.as_str()));
        let answer = self
            .client
            .create_change_set()
            .stack_name(&new.stack_name)
            .change_set_name(&new.name)
            .client_token(&new.name)
            .change_set_type(if new.is_new_stack { ChangeSetType::Create } else { ChangeSetType::Update })
            .set_template_body(body)
            .set_template_url(url)
            .set_use_previous_template(previous)
            .set_parameters(Some(parameters.collect()))
            .set_capabilities(Some(capabilities.collect()))
            // Without any, the stack keeps those that it has.
            .set_tags(Some(tags.collect::<Vec<_>>()).filter(|tags| !tags.is_empty()))
            .set_include_nested_stacks(new.with_nested.then_some(true))
            .set_role_arn(new.role_arn.clone())
            .set_on_stack_failure(new.on_failure.map(|on_failure| match on_failure {
                OnFailure::Rollback => OnStackFailure::Rollback,
                OnFailure::DoNothing => OnStackFailure::DoNothing,
                OnFailure::Delete => OnStackFailure::Delete,
            }))
            .send()
            .await;
        match answer.map_err(|error| CallFailure::new("CreateChangeSet", &error)) {
            Ok(_) => Ok(()),
            // Ours, from a try whose answer was lost: nobody else has this name.
            Err(failure)
                if failure.code.as_deref() == Some("AlreadyExistsException")
                    && failure.message.contains(&new.name) =>
            {
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// A change set as it is, with all its changes. `stack` may be left out if `name` is an ARN.
    pub async fn change_set(&self, stack: Option<&str>, name: &str) -> Result<ChangeSet, CallFailure> {
        let (mut found, mut token) = (None::<ChangeSet>, None::<String>);
        loop {
            let answer = self
                .client
                .describe_change_set()
                .set_stack_name(stack.map(str::to_owned))
                .change_set_name(name)
                .set_next_token(token.clone())
                .send()
                .await
                .map_err(|error| CallFailure::new("DescribeChangeSet", &error))?;
            let changes = answer.changes().iter().filter_map(|change| change.resource_change()).map(change);
            match &mut found {
                Some(found) => found.changes.extend(changes),
                None => found = Some(ChangeSet { changes: changes.collect(), ..read(&answer) }),
            }
            let next = next_page("DescribeChangeSet", token.as_deref(), answer.next_token())?;
            match (next, found.take()) {
                (None, Some(found)) => return Ok(found),
                (next, rest) => (token, found) = (next, rest),
            }
        }
    }

    /// The ARNs of the change sets that a stack has.
    pub async fn change_sets(&self, stack: &str) -> Result<Vec<String>, CallFailure> {
        let (mut arns, mut token) = (Vec::new(), None::<String>);
        loop {
            let call = self.client.list_change_sets().stack_name(stack).set_next_token(token.clone());
            let answer = call.send().await.map_err(|error| CallFailure::new("ListChangeSets", &error))?;
            arns.extend(answer.summaries().iter().filter_map(|one| one.change_set_id()).map(str::to_owned));
            match next_page("ListChangeSets", token.as_deref(), answer.next_token())? {
                Some(next) => token = Some(next),
                None => return Ok(arns),
            }
        }
    }

    /// The template that a change set would deploy, its transforms done.
    pub async fn change_set_template(&self, change_set: &str) -> Result<String, CallFailure> {
        let call = self.client.get_template().change_set_name(change_set);
        let answer = call.template_stage(TemplateStage::Processed).send().await;
        let answer = answer.map_err(|error| CallFailure::new("GetTemplate", &error))?;
        Ok(answer.template_body().unwrap_or_default().to_owned())
    }

    /// Begins to carry a change set out. Only one that has not begun is an error, whatever came of the answer.
    pub async fn execute(&self, change_set: &str, token: &str) -> Result<(), CallFailure> {
        let call = self.client.execute_change_set().change_set_name(change_set);
        let answer = call.client_request_token(token).send().await;
        match answer.map_err(|error| CallFailure::new("ExecuteChangeSet", &error)) {
            Ok(_) => Ok(()),
            // A try of ours may have got there, and its answer not back: the change set itself tells.
            Err(failure) => match self.change_set(None, change_set).await {
                Ok(found) if found.progress == Progress::Executing => Ok(()),
                _ => Err(failure),
            },
        }
    }

    /// Throws a change set away. One that is gone already is gone.
    pub async fn delete_change_set(&self, change_set: &str) -> Result<(), CallFailure> {
        let answer = self.client.delete_change_set().change_set_name(change_set).send().await;
        match answer.map_err(|error| CallFailure::new("DeleteChangeSet", &error)) {
            Err(failure) if failure.code.as_deref() != Some("ChangeSetNotFound") => Err(failure),
            _ => Ok(()),
        }
    }
}

fn read(answer: &DescribeChangeSetOutput) -> ChangeSet {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let progress = match (answer.status(), answer.execution_status()) {
        (Some(ChangeSetStatus::Failed), _)
        | (Some(ChangeSetStatus::CreateComplete), Some(ExecutionStatus::Obsolete)) => Progress::Failed,
        (
            _,
            Some(
                ExecutionStatus::ExecuteInProgress
                | ExecutionStatus::ExecuteComplete
                | ExecutionStatus::ExecuteFailed,
            ),
        ) => Progress::Executing,
        (Some(ChangeSetStatus::CreateComplete), Some(ExecutionStatus::Available)) => Progress::Ready,
        _ => Progress::Making,
    };
    let parameters = answer.parameters().iter().filter_map(|parameter| {
        let value = parameter.resolved_value().or(parameter.parameter_value())?;
        Some((parameter.parameter_key()?.to_owned(), value.to_owned()))
    });
    ChangeSet {
        arn: text(answer.change_set_id()),
        name: text(answer.change_set_name()),
        stack_id: text(answer.stack_id()),
        stack_name: text(answer.stack_name()),
        progress,
        reason: text(answer.status_reason()),
        parameters: parameters.collect(),
        changes: Vec::new(),
    }
}

fn change(change: &ResourceChange) -> Change {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let fate = match change.policy_action() {
        Some(PolicyAction::Delete | PolicyAction::ReplaceAndDelete) => Some(Fate::Deleted),
        Some(
            PolicyAction::Retain
            | PolicyAction::ReplaceAndRetain
            | PolicyAction::Snapshot
            | PolicyAction::ReplaceAndSnapshot,
        ) => Some(Fate::Kept),
        _ => None,
    };
    let mut properties = Vec::new();
    for target in change.details().iter().filter_map(|detail| detail.target()) {
        let name = target.name().or(target.attribute().map(ResourceAttribute::as_str));
        properties.extend(name.map(str::to_owned));
    }
    properties.sort();
    properties.dedup();
    // What CloudFormation finds out only when it has come so far: most often nothing changes then.
    let dependence = |detail: &ResourceChangeDetail| {
        let is_open = detail.evaluation() == Some(&EvaluationType::Dynamic);
        detail.causing_entity().filter(|_| is_open).map(str::to_owned)
    };
    let depends_on = change.details().iter().map(dependence).collect::<Option<Vec<_>>>();
    Change {
        action: match change.action() {
            Some(ChangeAction::Add) => Action::Add,
            Some(ChangeAction::Remove) => Action::Remove,
            Some(ChangeAction::Import) => Action::Import,
            _ => Action::Modify,
        },
        resource: text(change.logical_resource_id()),
        kind: text(change.resource_type()),
        physical: change.physical_resource_id().map(str::to_owned),
        replaced: match change.replacement() {
            Some(Replacement::True) => Replaced::Yes,
            Some(Replacement::Conditional) => Replaced::Perhaps,
            _ => Replaced::No,
        },
        fate,
        properties,
        depends_on: depends_on.unwrap_or_default(),
        nested: change.change_set_id().filter(|id| !id.is_empty()).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_change_set_of_a_nested_stack_is_known() {
        let builder = || {
            ResourceChange::builder()
                .action(ChangeAction::Modify)
                .logical_resource_id("N")
                .resource_type("AWS::CloudFormation::Stack")
                .physical_resource_id("arn:aws:cloudformation:eu-west-1:123456789012:stack/N/1")
        };
        let told = change(&builder().change_set_id("arn:of:change-set").build());
        assert_eq!(told.nested.as_deref(), Some("arn:of:change-set"));
        assert_eq!((told.action, told.replaced, told.fate), (Action::Modify, Replaced::No, None));
        assert_eq!(change(&builder().build()).nested, None);
        assert_eq!(change(&builder().change_set_id("").build()).nested, None);
    }
}
