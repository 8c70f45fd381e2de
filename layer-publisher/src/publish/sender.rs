//! Sends a version's zip: in the request, or through S3 if there is a bucket for it.

use std::sync::Arc;

use template_tools::arn::{AccountId, LayerName};
use template_tools::starter::stack_name;
use tokio::sync::OnceCell;

use super::execute::{LayerService, RegionFailure};
use super::plan::Wanted;
use super::staging::{self, BucketPattern, S3Object};
use super::terms::Switch;
use crate::aws::cloudformation::CloudFormationRegion;
use crate::aws::failure::CallFailure;
use crate::aws::lambda::LambdaRegion;
use crate::aws::s3::S3Region;
use crate::aws::session::Session;
use crate::config::publish::Publisher;
use crate::layer_version::{LayerVersion, Listed, NewLayerVersion};
use template_tools::arn::Region;

/// What the mark of a version's content begins with.
const MARK: &str = "[sha256:";

/// Lambda in one region, and the bucket there, if zips go through one.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub(super) lambda: LambdaRegion,
    bucket: Option<Arc<Bucket>>,
    /// Who makes the versions, and whether another one may have done so before; nothing where that does not matter.
    ownership: Option<(Publisher, Switch, CloudFormationRegion)>,
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
        Self { lambda: session.lambda(region), bucket, ownership: None }
    }

    /// The same, for one publisher only.
    pub(super) fn only(
        self,
        publisher: Publisher,
        switch: Switch,
        session: &Session,
        region: &Region,
    ) -> Self {
        Self { ownership: Some((publisher, switch, session.cloudformation(region))), ..self }
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

    async fn may_publish(&self, newest: Option<&LayerVersion>) -> Result<(), RegionFailure> {
        let (Some((publisher, Switch::Refused, cloudformation)), Some(newest)) = (&self.ownership, newest)
        else {
            return Ok(());
        };
        let (layer, version) = (newest.arn.layer.clone(), newest.arn.version);
        // Only what was published by the API carries the mark.
        let is_by_api = newest.description.contains(MARK);
        match publisher {
            Publisher::Stack if is_by_api => Err(RegionFailure::OtherPublisher {
                layer,
                version,
                by: "PublishLayerVersion".to_owned(),
                publisher: "stack",
                hint: "publish once with `--switch-publisher`: the stack goes on with the next number, and what is \
                       published stays; or leave `publisher` out"
                    .to_owned(),
            }),
            Publisher::Api if !is_by_api => {
                // Whoever may not ask CloudFormation publishes as before.
                let arn = newest.arn.to_string();
                let mut owner = cloudformation.stack_of(&arn).await.ok().flatten();
                if owner.is_none() {
                    // Not every endpoint finds a stack by what is in it; that of `new-template` has a known name.
                    let name = stack_name(&layer);
                    let resources = cloudformation.resources(&name).await.unwrap_or_default();
                    owner = resources.iter().any(|(.., physical)| *physical == arn).then_some(name);
                }
                match owner {
                    None => Ok(()),
                    Some(stack) => Err(RegionFailure::OtherPublisher {
                        layer,
                        version,
                        by: format!("stack `{stack}`"),
                        publisher: "api",
                        hint: format!(
                            "let the stack go on with `publisher = \"stack\"` and `stack = \"{stack}\"` in \
                             `layers.toml`; or publish once with `--switch-publisher`, and deploy that stack no more"
                        ),
                    }),
                }
            }
            Publisher::Api | Publisher::Stack => Ok(()),
        }
    }

    async fn publish(&self, new: &NewLayerVersion) -> Result<LayerVersion, CallFailure> {
        let object = self.stage(new).await?;
        self.lambda.publish(new, object).await
    }
}
