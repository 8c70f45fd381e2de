//! `promote`: the bytes of one target, to another.

use std::process::ExitCode;

use clap::Args;

use super::arguments::{AwsArgs, CommonArgs, OptionArgs};
use crate::called::CalledAs;
use crate::ui::Ui;
use crate::versions::promote::{self, PromoteRequest};

/// Publish to one target the very bytes that another target has verified
///
/// Takes them from the version that the ledger names, proves them by their CodeSha256, and publishes them as `publish`
/// does. Nothing is built. A source that is not verified is refused.
#[derive(Args)]
pub(super) struct PromoteArgs {
    /// The layer
    #[arg(value_name = "LAYER")]
    layer: String,
    /// The target of `layers.toml` that has it
    #[arg(long, value_name = "NAME")]
    from: String,
    /// The target of `layers.toml` that gets it
    #[arg(long, value_name = "NAME")]
    to: String,
    #[command(flatten)]
    options: OptionArgs,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

impl PromoteArgs {
    pub(super) async fn run(self, ui: &Ui, called: &CalledAs) -> ExitCode {
        let request = PromoteRequest {
            layer: self.layer,
            from: self.from,
            options: self.options.with(Some(self.to), self.aws),
            layers_file: self.common.layers_file,
        };
        Box::pin(promote::run(&request, ui, called)).await.unwrap_or_else(|error| {
            ui.error(&error, error.hint(called).as_deref());
            ExitCode::FAILURE
        })
    }
}
