//! `status`: what there is, against what should be.

use std::process::ExitCode;

use clap::Args;
use template_tools::arn::LayerVersionArn;

use super::arguments::{AwsArgs, CommonArgs, FormatArg};
use crate::called::CalledAs;
use crate::ui::Ui;
use crate::versions::status::mend::Mode;
use crate::versions::status::{self, StatusRequest};

/// Compare every region with the ledger, the built zip and `layers.toml`
///
/// Looks at every target and account of a layer, unless one is named. The version, whether its content is what is built,
/// permissions, the pointer, drift between regions and duplicates are shown; nothing is changed.
#[derive(Args)]
pub(super) struct StatusArgs {
    /// The layers; all of `layers.toml` if none is named
    #[arg(value_name = "LAYER")]
    layers: Vec<String>,
    /// Fail with 1 if anything differs
    #[arg(long)]
    check: bool,
    /// Rewrite the ledger from what AWS has, even if it cannot be read: what is broken is kept beside it
    #[arg(long, conflicts_with_all = ["check", "import"])]
    repair: bool,
    /// Take versions over into the ledger that something else has published, such as the old `deploy.sh`
    #[arg(long, conflicts_with = "check")]
    import: bool,
    /// Take this row out of the ledger, a LayerVersionArn that should not be there; asks nobody. May be given several
    /// times
    #[arg(long, value_name = "ARN", conflicts_with_all = ["check", "repair", "import", "layers", "target"])]
    forget: Vec<LayerVersionArn>,
    /// One target of `layers.toml` only: `[layers.LAYER.publish.targets.NAME]`
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// The form of what is printed
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

impl StatusArgs {
    pub(super) async fn run(self, ui: &Ui, called: &CalledAs) -> ExitCode {
        let request = StatusRequest {
            names: self.layers,
            forget: self.forget,
            ask: self.aws.asking(self.target),
            mode: match (self.repair, self.import) {
                (true, _) => Mode::Repair,
                (_, true) => Mode::Import,
                _ => Mode::Look,
            },
            is_check: self.check,
            format: self.format.into(),
            layers_file: self.common.layers_file,
        };
        Box::pin(status::run(&request, ui, called)).await.unwrap_or_else(|error| {
            ui.error(&error, error.hint(called).as_deref());
            ExitCode::FAILURE
        })
    }
}
