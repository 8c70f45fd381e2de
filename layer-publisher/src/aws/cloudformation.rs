//! CloudFormation's calls, in one region.

mod change_set;
mod deployed;
mod events;
mod stacks;

use aws_config::{Region as SdkRegion, SdkConfig};
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::config::SharedHttpClient;
use template_tools::arn::Region;

pub use deployed::Stack;

/// CloudFormation in one region.
#[derive(Clone, Debug)]
pub struct CloudFormationRegion {
    client: Client,
}

impl CloudFormationRegion {
    pub(super) fn new(config: &SdkConfig, http: SharedHttpClient, region: &Region) -> Self {
        let config = aws_sdk_cloudformation::config::Builder::from(config)
            .region(SdkRegion::new(region.to_string()))
            .http_client(http)
            .build();
        Self { client: Client::from_conf(config) }
    }
}
