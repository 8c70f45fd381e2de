//! `stage`: what is built, to S3.

use std::process::ExitCode;

use clap::Args;

use super::arguments::{AwsArgs, CommonArgs, FormatArg, OptionArgs};
use crate::called::CalledAs;
use crate::manifest::Freshness;
use crate::publish::staging::BucketPattern;
use crate::publish::{PublishRequest, stage};
use crate::ui::Ui;

/// Upload what is built to S3, and print what `aws cloudformation create-stack` needs
///
/// The key is made of the content, so that nothing is sent twice. Prints S3Bucket, S3Key, S3ObjectVersion (where the
/// bucket has versions) and the line that creates a stack from a template with parameters of these names.
#[derive(Args)]
pub(super) struct StageArgs {
    /// The layers to upload; may be left out if there is only one, else a terminal is asked
    #[arg(value_name = "LAYER")]
    layers: Vec<String>,
    /// A target of `layers.toml`: `[layers.LAYER.publish.targets.NAME]`
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Upload what was built, even if the lock or the layer's table has changed since
    #[arg(long)]
    as_built: bool,
    /// The bucket. `{account}` and `{region}` in its name are filled in; it must lie in the region
    #[arg(long, value_name = "NAME")]
    s3_bucket: Option<BucketPattern>,
    /// The form of what is printed
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

impl StageArgs {
    pub(super) async fn run(self, ui: &Ui, called: &CalledAs) -> ExitCode {
        let options = OptionArgs { s3_bucket: self.s3_bucket, format: self.format, ..OptionArgs::default() };
        let request = PublishRequest {
            names: self.layers,
            changed_since: None,
            freshness: if self.as_built { Freshness::AsBuilt } else { Freshness::Required },
            layers_file: self.common.layers_file,
            options: options.with(self.target, self.aws),
        };
        stage::run(&request, ui, called).await.unwrap_or_else(|error| {
            ui.error(&error, error.hint(called).as_deref());
            ExitCode::FAILURE
        })
    }
}
