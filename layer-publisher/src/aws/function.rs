//! Lambda's word on the layers that a function has.

use super::failure::CallFailure;
use super::lambda::LambdaRegion;

impl LambdaRegion {
    /// The ARNs of the LayerVersions of a function, in its order.
    pub async fn layers_of(&self, function: &str) -> Result<Vec<String>, CallFailure> {
        let answer = self.client.get_function_configuration().function_name(function).send().await;
        let answer = answer.map_err(|error| CallFailure::new("GetFunctionConfiguration", &error))?;
        Ok(answer.layers().iter().filter_map(|layer| layer.arn()).map(str::to_owned).collect())
    }

    /// The stack that a function belongs to, by its ARN, which CloudFormation writes into a tag of it.
    pub async fn stack_of(&self, function_arn: &str) -> Result<Option<String>, CallFailure> {
        let answer = self.client.list_tags().resource(function_arn).send().await;
        let answer = answer.map_err(|error| CallFailure::new("ListTags", &error))?;
        Ok(answer.tags().and_then(|tags| tags.get("aws:cloudformation:stack-id")).cloned())
    }
}
