//! Lambda's calls about layers, in one region.

mod lists;

use std::sync::Arc;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region as SdkRegion, SdkConfig};
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::SharedHttpClient;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Architecture, LayerVersionContentInput, LayerVersionContentOutput, Runtime};
use template_tools::arn::{LayerName, LayerVersionArn, Region};
use tokio::sync::Semaphore;

use super::failure::{CallFailure, Kind, incomplete};
use super::gate::Gate;
use crate::clocks::Clocks;
use crate::layer_version::{LayerVersion, Listed, NewLayerVersion};
use crate::publish::permissions::{Grant, Policy};
use crate::publish::staging::S3Object;

/// ListLayerVersions gives at most so many at once.
const PAGE: i32 = 50;

/// The zips that are on their way at the same time, to all regions, may take so much memory, in MiB.
pub(super) const UPLOAD_MEMORY: u32 = 1024;
/// A zip in a request is held as it is, as base64, and as the body.
const COPIES: usize = 4;

/// What an answer says of a version. Three calls give the same fields, each in a type of its own.
macro_rules! version_of {
    ($operation:expr, $answer:expr) => {
        read(
            $operation,
            $answer.layer_version_arn(),
            $answer.content(),
            $answer.description(),
            $answer.compatible_runtimes(),
            $answer.compatible_architectures(),
            $answer.license_info(),
        )
    };
}

/// Lambda in one region.
#[derive(Clone, Debug)]
pub struct LambdaRegion {
    pub(super) client: Client,
    region: Region,
    clocks: Clocks,
    uploads: Arc<Semaphore>,
    gate: Arc<Gate>,
}

impl LambdaRegion {
    pub(super) fn new(
        config: &SdkConfig,
        http: SharedHttpClient,
        region: &Region,
        clocks: Clocks,
        uploads: Arc<Semaphore>,
        gate: Arc<Gate>,
    ) -> Self {
        let config = aws_sdk_lambda::config::Builder::from(config)
            .region(SdkRegion::new(region.to_string()))
            .http_client(http)
            .build();
        Self { client: Client::from_conf(config), region: region.clone(), clocks, uploads, gate }
    }

    /// The region.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Makes a version, each time it arrives: of the object in S3, or of the zip itself. Sent once.
    pub async fn publish(
        &self,
        new: &NewLayerVersion,
        object: Option<&S3Object>,
    ) -> Result<LayerVersion, CallFailure> {
        const OPERATION: &str = "PublishLayerVersion";
        let zip = new.zip.bytes().filter(|_| object.is_none());
        let size = zip.map_or(0, |zip| zip.len());
        let memory = u32::try_from(1 + size * COPIES / (1 << 20)).unwrap_or(UPLOAD_MEMORY);
        // It is never closed; and without a permit the upload would only take more memory.
        let _permit = self.uploads.acquire_many(memory.min(UPLOAD_MEMORY)).await.ok();
        let content = LayerVersionContentInput::builder()
            .set_zip_file(zip.map(|zip| Blob::new(zip.as_slice())))
            .set_s3_bucket(object.map(|object| object.bucket.clone()))
            .set_s3_key(object.map(|object| object.key.clone()))
            .set_s3_object_version(object.and_then(|object| object.version.clone()))
            .build();
        let runtimes = new.compatible_runtimes.iter().map(|name| Runtime::from(name.as_str())).collect();
        let architectures =
            new.compatible_architectures.iter().map(|name| Architecture::from(name.as_str())).collect();
        self.gate.pass(OPERATION)?;
        // The call makes a version each time it arrives, so it is sent once, and who asked decides what comes next.
        let once =
            aws_sdk_lambda::config::Config::builder().retry_config(RetryConfig::disabled()).timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(self.clocks.connect)
                    .operation_attempt_timeout(self.clocks.upload(size as u64))
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
        version_of!(OPERATION, answer)
    }

    /// One version, and the link to its zip, which is good for ten minutes.
    pub async fn locate(&self, version: &LayerVersionArn) -> Result<(LayerVersion, String), CallFailure> {
        const OPERATION: &str = "GetLayerVersion";
        let answer = self
            .client
            .get_layer_version()
            .layer_name(version.layer.as_str())
            .version_number(number(version.version))
            .send()
            .await
            .map_err(|error| CallFailure::new(OPERATION, &error))?;
        let link = answer.content().and_then(LayerVersionContentOutput::location).map(str::to_owned);
        let found = version_of!(OPERATION, answer)?;
        Ok((found, link.ok_or_else(|| incomplete(OPERATION, "a link to the zip"))?))
    }

    /// The same for a version of whichever account, if it lets us.
    pub async fn locate_by_arn(
        &self,
        version: &LayerVersionArn,
    ) -> Result<(LayerVersion, String), CallFailure> {
        const OPERATION: &str = "GetLayerVersionByArn";
        let answer = self.client.get_layer_version_by_arn().arn(version.to_string()).send().await;
        let answer = answer.map_err(|error| CallFailure::new(OPERATION, &error))?;
        let link = answer.content().and_then(LayerVersionContentOutput::location).map(str::to_owned);
        let found = version_of!(OPERATION, answer)?;
        Ok((found, link.ok_or_else(|| incomplete(OPERATION, "a link to the zip"))?))
    }

    /// One version of any account. Of a version that does not exist in another account Lambda says that we may not
    /// read it.
    pub async fn get_by_arn(&self, version: &LayerVersionArn) -> Result<LayerVersion, CallFailure> {
        self.locate_by_arn(version).await.map(|(version, _)| version)
    }

    /// Deletes a version. One that is gone already is as good as deleted.
    pub async fn delete(&self, version: &LayerVersionArn) -> Result<(), CallFailure> {
        self.gate.pass("DeleteLayerVersion")?;
        let call = self.client.delete_layer_version().layer_name(version.layer.as_str());
        match call.version_number(number(version.version)).send().await {
            Ok(_) => Ok(()),
            Err(error) => match CallFailure::new("DeleteLayerVersion", &error) {
                failure if failure.kind == Kind::NotFound => Ok(()),
                failure => Err(failure),
            },
        }
    }

    /// Who may use this version, besides its own account. A version without a policy is private.
    pub async fn policy(&self, version: &LayerVersionArn) -> Result<Policy, CallFailure> {
        const OPERATION: &str = "GetLayerVersionPolicy";
        let answer = self
            .client
            .get_layer_version_policy()
            .layer_name(version.layer.as_str())
            .version_number(number(version.version))
            .send()
            .await
            .map_err(|error| CallFailure::new(OPERATION, &error));
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) if failure.kind == Kind::NotFound => return Ok(Policy::default()),
            Err(failure) => return Err(failure),
        };
        let revision = answer.revision_id().map(str::to_owned);
        Policy::parse(answer.policy().unwrap_or_default(), revision)
            .ok_or_else(|| incomplete(OPERATION, "a policy"))
    }

    /// Lets somebody use this version, if the policy is still at this revision; gives the next one.
    pub async fn add_permission(
        &self,
        version: &LayerVersionArn,
        grant: &Grant,
        revision: Option<String>,
    ) -> Result<Option<String>, CallFailure> {
        self.gate.pass("AddLayerVersionPermission")?;
        let (principal, organization) = grant.principal();
        let answer = self
            .client
            .add_layer_version_permission()
            .layer_name(version.layer.as_str())
            .version_number(number(version.version))
            .statement_id(grant.statement_id())
            .action("lambda:GetLayerVersion")
            .principal(principal)
            .set_organization_id(organization.map(str::to_owned))
            .set_revision_id(revision)
            .send()
            .await;
        let answer = answer.map_err(|error| CallFailure::new("AddLayerVersionPermission", &error))?;
        Ok(answer.revision_id().map(str::to_owned))
    }

    /// Takes a statement away, if the policy is still at this revision.
    pub async fn remove_permission(
        &self,
        version: &LayerVersionArn,
        statement: &str,
        revision: Option<String>,
    ) -> Result<(), CallFailure> {
        self.gate.pass("RemoveLayerVersionPermission")?;
        let answer = self
            .client
            .remove_layer_version_permission()
            .layer_name(version.layer.as_str())
            .version_number(number(version.version))
            .statement_id(statement)
            .set_revision_id(revision)
            .send()
            .await;
        answer.map(drop).map_err(|error| CallFailure::new("RemoveLayerVersionPermission", &error))
    }
}

fn number(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

impl LambdaRegion {
    /// The versions of a layer, newest first; of many, the newest 50. Empty if there is no such layer.
    pub async fn list(&self, layer: &LayerName) -> Result<Vec<Listed>, CallFailure> {
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
                compatible_runtimes: names(item.compatible_runtimes(), Runtime::as_str),
                compatible_architectures: names(item.compatible_architectures(), Architecture::as_str),
                license: item.license_info().unwrap_or_default().to_owned(),
            })
            .collect::<Vec<_>>();
        // Lambda lists the newest first, but does not promise it.
        listed.sort_by_key(|listed| std::cmp::Reverse(listed.version));
        Ok(listed)
    }

    /// One version.
    pub async fn get(&self, layer: &LayerName, version: u64) -> Result<LayerVersion, CallFailure> {
        const OPERATION: &str = "GetLayerVersion";
        let answer = self
            .client
            .get_layer_version()
            .layer_name(layer.as_str())
            .version_number(number(version))
            .send()
            .await;
        let answer = answer.map_err(|error| CallFailure::new(OPERATION, &error))?;
        version_of!(OPERATION, answer)
    }
}

fn names<T>(items: &[T], name: fn(&T) -> &str) -> Vec<String> {
    items.iter().map(|item| name(item).to_owned()).collect()
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
    let incomplete = |what: &str| incomplete(operation, what);
    let arn = arn.and_then(|arn| arn.parse::<LayerVersionArn>().ok()).ok_or_else(|| incomplete("an ARN"))?;
    let content = content.ok_or_else(|| incomplete("the content"))?;
    let code_sha256 = content.code_sha256().ok_or_else(|| incomplete("a CodeSha256"))?.to_owned();
    Ok(LayerVersion {
        arn,
        code_sha256,
        size: u64::try_from(content.code_size()).unwrap_or_default(),
        description: description.unwrap_or_default().to_owned(),
        compatible_runtimes: names(runtimes, Runtime::as_str),
        compatible_architectures: names(architectures, Architecture::as_str),
        license: license.unwrap_or_default().to_owned(),
    })
}
