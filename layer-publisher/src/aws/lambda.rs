//! Lambda's calls about layers, in one region.

use std::sync::Arc;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region as SdkRegion, SdkConfig};
use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Architecture, LayerVersionContentInput, LayerVersionContentOutput, Runtime};
use template_tools::arn::{LayerName, LayerVersionArn, Region};
use tokio::sync::Semaphore;

use super::failure::{CallFailure, Kind};
use crate::clocks::Clocks;
use crate::layer_version::{LayerVersion, Listed, NewLayerVersion};
use crate::publish::execute::LayerService;

/// ListLayerVersions gives at most so many at once.
const PAGE: i32 = 50;

/// The zips that are on their way at the same time, to all regions, may take so much memory, in MiB.
pub(super) const UPLOAD_MEMORY: u32 = 1024;
/// A zip in a request is held as it is, as base64, and as the body.
const COPIES: usize = 4;

/// Lambda in one region.
#[derive(Clone, Debug)]
pub struct LambdaRegion {
    client: Client,
    region: Region,
    clocks: Clocks,
    uploads: Arc<Semaphore>,
}

impl LambdaRegion {
    pub(super) fn new(config: &SdkConfig, region: &Region, clocks: Clocks, uploads: Arc<Semaphore>) -> Self {
        let config =
            aws_sdk_lambda::config::Builder::from(config).region(SdkRegion::new(region.to_string())).build();
        Self { client: Client::from_conf(config), region: region.clone(), clocks, uploads }
    }

    /// The region.
    pub fn region(&self) -> &Region {
        &self.region
    }
}

impl LayerService for LambdaRegion {
    async fn list(&self, layer: &LayerName) -> Result<Vec<Listed>, CallFailure> {
        let answer =
            self.client.list_layer_versions().layer_name(layer.as_str()).max_items(PAGE).send().await;
        let answer = match answer.map_err(|error| CallFailure::new("ListLayerVersions", &error)) {
            Ok(answer) => answer,
            // Of a layer without versions Lambda says nothing or this; both mean that there is none yet.
            Err(failure) if failure.kind == Kind::NotFound => return Ok(Vec::new()),
            Err(failure) => return Err(failure),
        };
        let mut listed = answer
            .layer_versions()
            .iter()
            .map(|item| Listed {
                version: u64::try_from(item.version()).unwrap_or_default(),
                description: item.description().unwrap_or_default().to_owned(),
            })
            .collect::<Vec<_>>();
        // Lambda lists the newest first, but does not promise it.
        listed.sort_by_key(|listed| std::cmp::Reverse(listed.version));
        Ok(listed)
    }

    async fn get(&self, layer: &LayerName, version: u64) -> Result<LayerVersion, CallFailure> {
        const OPERATION: &str = "GetLayerVersion";
        let number = i64::try_from(version).unwrap_or(i64::MAX);
        let answer =
            self.client.get_layer_version().layer_name(layer.as_str()).version_number(number).send().await;
        let answer = answer.map_err(|error| CallFailure::new(OPERATION, &error))?;
        read(
            OPERATION,
            answer.layer_version_arn(),
            answer.content(),
            answer.description(),
            answer.compatible_runtimes(),
            answer.compatible_architectures(),
            answer.license_info(),
        )
    }

    async fn publish(&self, new: &NewLayerVersion) -> Result<LayerVersion, CallFailure> {
        const OPERATION: &str = "PublishLayerVersion";
        let memory = u32::try_from(1 + new.zip.len() * COPIES / (1 << 20)).unwrap_or(UPLOAD_MEMORY);
        // It is never closed; and without a permit the upload would only take more memory.
        let _permit = self.uploads.acquire_many(memory.min(UPLOAD_MEMORY)).await.ok();
        let content = LayerVersionContentInput::builder().zip_file(Blob::new(new.zip.clone())).build();
        let runtimes = new.compatible_runtimes.iter().map(|name| Runtime::from(name.as_str())).collect();
        let architectures =
            new.compatible_architectures.iter().map(|name| Architecture::from(name.as_str())).collect();
        // The call makes a version each time it arrives, so it is sent once, and who asked decides what comes next.
        let once =
            aws_sdk_lambda::config::Config::builder().retry_config(RetryConfig::disabled()).timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(self.clocks.connect)
                    .operation_attempt_timeout(self.clocks.upload(new.zip.len() as u64))
                    .disable_operation_timeout()
                    .build(),
            );
        let answer = self
            .client
            .publish_layer_version()
            .layer_name(new.layer_name.as_str())
            .description(&new.description)
            .set_license_info(new.license.clone())
            .set_compatible_runtimes(Some(runtimes).filter(|list: &Vec<_>| !list.is_empty()))
            .set_compatible_architectures(Some(architectures).filter(|list: &Vec<_>| !list.is_empty()))
            .content(content)
            .customize()
            .config_override(once)
            .send()
            .await
            .map_err(|error| CallFailure::new(OPERATION, &error))?;
        read(
            OPERATION,
            answer.layer_version_arn(),
            answer.content(),
            answer.description(),
            answer.compatible_runtimes(),
            answer.compatible_architectures(),
            answer.license_info(),
        )
    }
}

/// What both calls answer. An answer without what every version has is none.
fn read(
    operation: &'static str,
    arn: Option<&str>,
    content: Option<&LayerVersionContentOutput>,
    description: Option<&str>,
    runtimes: &[Runtime],
    architectures: &[Architecture],
    license: Option<&str>,
) -> Result<LayerVersion, CallFailure> {
    let incomplete = |what: &str| CallFailure {
        operation,
        kind: Kind::Silence,
        message: format!("an answer without {what}"),
        code: None,
        request_id: None,
    };
    let arn = arn.and_then(|arn| arn.parse::<LayerVersionArn>().ok()).ok_or_else(|| incomplete("an ARN"))?;
    let content = content.ok_or_else(|| incomplete("the content"))?;
    let code_sha256 = content.code_sha256().ok_or_else(|| incomplete("a CodeSha256"))?.to_owned();
    Ok(LayerVersion {
        arn,
        code_sha256,
        size: u64::try_from(content.code_size()).unwrap_or_default(),
        description: description.unwrap_or_default().to_owned(),
        compatible_runtimes: runtimes.iter().map(|runtime| runtime.as_str().to_owned()).collect(),
        compatible_architectures: architectures.iter().map(|name| name.as_str().to_owned()).collect(),
        license: license.unwrap_or_default().to_owned(),
    })
}
