//! `rollback`: back to an older version.

use std::process::ExitCode;

use clap::Args;

use super::arguments::{AwsArgs, CommonArgs, FormatArg};
use crate::called::CalledAs;
use crate::ui::Ui;
use crate::versions::rollback::plan::To;
use crate::versions::rollback::{self, RollbackRequest};

/// Go back to an older version: in the ledger, in the pointers, and then in templates
///
/// Later versions count as withdrawn, with the reason: `latest` and `publish` pass over them, and `bump-templates` goes
/// down from them. Nothing is deleted. Refused before anything is written if the number means different contents in
/// different regions.
#[derive(Args)]
pub(super) struct RollbackArgs {
    /// The layer
    #[arg(value_name = "LAYER")]
    layer: String,
    /// The version to go back to: a number, or `sha256:` and the first digits of its content's hash
    #[arg(long, value_name = "VERSION")]
    to: To,
    /// Why, in the words that the ledger keeps
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Go to a version that was withdrawn itself, and take that back
    #[arg(long)]
    reinstate: bool,
    /// A target of `layers.toml`: `[layers.LAYER.publish.targets.NAME]`
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Ask AWS, show what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// The form of what is printed: ARNs, or a JSON document about every region
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

impl RollbackArgs {
    pub(super) async fn run(self, ui: &Ui, called: &CalledAs) -> ExitCode {
        let request = RollbackRequest {
            layer: self.layer,
            to: self.to,
            reason: self.reason.filter(|reason| !reason.trim().is_empty()),
            may_reinstate: self.reinstate,
            is_dry_run: self.dry_run,
            ask: self.aws.asking(self.target),
            format: self.format.into(),
            layers_file: self.common.layers_file,
        };
        Box::pin(rollback::run(&request, ui, called)).await.unwrap_or_else(|error| {
            ui.error(&error, error.hint(called).as_deref());
            ExitCode::FAILURE
        })
    }
}
