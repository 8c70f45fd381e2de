//! What stacks there are, and what they were made from. Reads only.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::StackStatus;

use super::CloudFormationRegion;
use crate::aws::failure::{CallFailure, next_page};

/// A stack that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub id: String,
    /// The values of its parameters: what was read, where they are read from SSM.
    pub parameters: BTreeMap<String, String>,
    /// The values of its outputs.
    pub outputs: Vec<String>,
}

impl CloudFormationRegion {
    /// Every stack that has been deployed, in whatever state it is. One that only has a change set has deployed nothing.
    pub async fn stacks(&self) -> Result<Vec<Stack>, CallFailure> {
        let (mut stacks, mut token) = (Vec::new(), None::<String>);
        loop {
            let answer = self.client.describe_stacks().set_next_token(token.clone()).send().await;
            let answer = answer.map_err(|error| CallFailure::new("DescribeStacks", &error))?;
            for stack in answer.stacks() {
                let gone = [StackStatus::DeleteComplete, StackStatus::ReviewInProgress];
                if stack.stack_status().is_some_and(|status| gone.contains(status)) {
                    continue;
                }
                let name = stack.stack_name().unwrap_or_default().to_owned();
                let parameters = stack.parameters().iter().filter_map(|parameter| {
                    let value = parameter.resolved_value().or(parameter.parameter_value())?;
                    Some((parameter.parameter_key()?.to_owned(), value.to_owned()))
                });
                let outputs = stack.outputs().iter().filter_map(|output| output.output_value());
                stacks.push(Stack {
                    id: stack.stack_id().unwrap_or(&name).to_owned(),
                    parameters: parameters.collect(),
                    outputs: outputs.map(str::to_owned).collect(),
                    name,
                });
            }
            match next_page("DescribeStacks", token.as_deref(), answer.next_token())? {
                Some(next) => token = Some(next),
                None => return Ok(stacks),
            }
        }
    }

    /// The ARNs of the LayerVersions that a stack has made.
    pub async fn layer_versions(&self, stack: &Stack) -> Result<Vec<String>, CallFailure> {
        let (mut versions, mut token) = (Vec::new(), None::<String>);
        loop {
            let call = self.client.list_stack_resources().stack_name(&stack.id);
            let answer = call.set_next_token(token.clone()).send().await;
            let answer = answer.map_err(|error| CallFailure::new("ListStackResources", &error))?;
            let layers = answer
                .stack_resource_summaries()
                .iter()
                .filter(|resource| resource.resource_type() == Some("AWS::Lambda::LayerVersion"));
            versions.extend(layers.filter_map(|layer| layer.physical_resource_id()).map(str::to_owned));
            match next_page("ListStackResources", token.as_deref(), answer.next_token())? {
                Some(next) => token = Some(next),
                None => return Ok(versions),
            }
        }
    }
}
