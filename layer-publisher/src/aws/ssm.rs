//! Parameters of Systems Manager, in one region: the pointers that templates read.

use std::sync::Arc;

use aws_config::{Region as SdkRegion, SdkConfig};
use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::ParameterType;
use template_tools::arn::Region;

use super::failure::CallFailure;
use super::gate::Gate;

/// Systems Manager in one region.
#[derive(Clone, Debug)]
pub struct SsmRegion {
    client: Client,
    gate: Arc<Gate>,
}

impl SsmRegion {
    pub(super) fn new(config: &SdkConfig, region: &Region, gate: Arc<Gate>) -> Self {
        let config =
            aws_sdk_ssm::config::Builder::from(config).region(SdkRegion::new(region.to_string())).build();
        Self { client: Client::from_conf(config), gate }
    }

    /// The value of a parameter, if there is one.
    pub async fn get(&self, name: &str) -> Result<Option<String>, CallFailure> {
        Ok(self.get_with_version(name).await?.map(|(value, _)| value))
    }

    /// The same, with the version of the parameter that has it.
    pub async fn get_with_version(&self, name: &str) -> Result<Option<(String, u64)>, CallFailure> {
        let answer = self.client.get_parameter().name(name).send().await;
        match answer.map_err(|error| CallFailure::new("GetParameter", &error)) {
            Ok(answer) => Ok(answer.parameter().and_then(|parameter| {
                let version = u64::try_from(parameter.version()).unwrap_or_default();
                Some((parameter.value()?.to_owned(), version))
            })),
            Err(failure) if failure.code.as_deref() == Some("ParameterNotFound") => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Sets it. The same value twice is the same as once.
    pub async fn put(&self, name: &str, value: &str) -> Result<(), CallFailure> {
        self.gate.pass("PutParameter")?;
        let answer = self
            .client
            .put_parameter()
            .name(name)
            .value(value)
            .r#type(ParameterType::String)
            .overwrite(true)
            .send()
            .await;
        answer.map(drop).map_err(|error| CallFailure::new("PutParameter", &error))
    }
}
