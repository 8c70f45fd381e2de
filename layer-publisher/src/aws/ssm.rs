//! Parameters of Systems Manager, in one region: the pointers that templates read.

use std::sync::Arc;

use aws_config::SdkConfig;
use serde_json::json;
use template_tools::arn::Region;

use self::operation::SsmOperation;
use super::failure::{CallFailure, incomplete};
use super::gate::Gate;

mod endpoint;
mod operation;

/// Systems Manager in one region.
#[derive(Clone, Debug)]
pub struct SsmRegion {
    operation: SsmOperation,
    gate: Arc<Gate>,
}

impl SsmRegion {
    pub(super) fn new(config: &SdkConfig, region: &Region, gate: Arc<Gate>) -> Self {
        Self { operation: SsmOperation::new(config, region), gate }
    }

    /// The value of a parameter, if there is one.
    pub async fn get(&self, name: &str) -> Result<Option<String>, CallFailure> {
        Ok(self.get_with_version(name).await?.map(|(value, _)| value))
    }

    /// The same, with the version of the parameter that has it.
    pub async fn get_with_version(&self, name: &str) -> Result<Option<(String, u64)>, CallFailure> {
        let answer = match self.operation.call("GetParameter", json!({ "Name": name })).await {
            Ok(answer) => answer,
            Err(failure) if failure.code.as_deref() == Some("ParameterNotFound") => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let parameter = &answer["Parameter"];
        match (parameter["Value"].as_str(), parameter["Version"].as_u64()) {
            (Some(value), version) => Ok(Some((value.to_owned(), version.unwrap_or_default()))),
            // Nobody may take this for a parameter that is not there.
            (None, _) => Err(incomplete("GetParameter", "a value")),
        }
    }

    /// Sets it. The same value twice is the same as once.
    pub async fn put(&self, name: &str, value: &str) -> Result<(), CallFailure> {
        self.gate.pass("PutParameter")?;
        let input = json!({ "Name": name, "Value": value, "Type": "String", "Overwrite": true });
        self.operation.call("PutParameter", input).await.map(drop)
    }
}
