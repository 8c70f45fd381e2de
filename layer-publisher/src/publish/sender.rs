//! Sends a version's zip: in the request, or through S3 if there is a bucket for it.

use std::sync::Arc;

use template_tools::arn::{AccountId, LayerName};
use tokio::sync::OnceCell;

use super::execute::LayerService;
use super::plan::Wanted;
use super::staging::{self, BucketPattern, S3Object};
use crate::aws::failure::CallFailure;
use crate::aws::lambda::LambdaRegion;
use crate::aws::s3::S3Region;
use crate::aws::session::Session;
use crate::layer_version::{LayerVersion, Listed, NewLayerVersion};
use template_tools::arn::Region;

/// Lambda in one region, and the bucket there, if zips go through one.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub(super) lambda: LambdaRegion,
    bucket: Option<Arc<Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    s3: S3Region,
    name: String,
    key: String,
    code_sha256: String,
    size: u64,
    staged: OnceCell<S3Object>,
}

impl Sender {
    pub(super) fn new(
        session: &Session,
        account: &AccountId,
        region: &Region,
        wanted: &Wanted,
        bucket: Option<&BucketPattern>,
    ) -> Self {
        let bucket = bucket.map(|pattern| {
            Arc::new(Bucket {
                s3: session.s3(region),
                name: pattern.fill(account, region),
                key: staging::key(wanted.layer_name(), &wanted.sha256),
                code_sha256: wanted.code_sha256.clone(),
                size: wanted.size,
                staged: OnceCell::new(),
            })
        });
        Self { lambda: session.lambda(region), bucket }
    }

    /// Brings the zip to S3, if there is a bucket, once.
    pub(super) async fn stage(&self, new: &NewLayerVersion) -> Result<Option<&S3Object>, CallFailure> {
        let Some(bucket) = &self.bucket else { return Ok(None) };
        let bring = || bucket.s3.bring(&bucket.name, &bucket.key, &new.zip, bucket.size, &bucket.code_sha256);
        bucket.staged.get_or_try_init(bring).await.map(Some)
    }

    /// Where the zip lies in S3, if it was sent there.
    pub(super) fn staged(&self) -> Option<S3Object> {
        self.bucket.as_ref()?.staged.get().cloned()
    }
}

impl LayerService for Sender {
    async fn list(&self, layer: &LayerName) -> Result<Vec<Listed>, CallFailure> {
        self.lambda.list(layer).await
    }

    async fn get(&self, layer: &LayerName, version: u64) -> Result<LayerVersion, CallFailure> {
        self.lambda.get(layer, version).await
    }

    async fn publish(&self, new: &NewLayerVersion) -> Result<LayerVersion, CallFailure> {
        let object = self.stage(new).await?;
        self.lambda.publish(new, object).await
    }
}
