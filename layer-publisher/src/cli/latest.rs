//! `latest`: the newest version of each layer.

use std::process::ExitCode;

use clap::Args;

use super::arguments::{AwsArgs, CommonArgs};
use crate::called::CalledAs;
use crate::ui::Ui;
use crate::versions::latest::{self, LatestRequest};

/// Ask Lambda for the newest version of layers, and print a ledger
///
/// What is printed is what `template-tools bump --ledger -` reads.
#[derive(Args)]
pub(super) struct LatestArgs {
    /// The layers to ask for, as `layers.toml` or Lambda names them; those of `layers.toml` if none is named
    #[arg(value_name = "LAYER")]
    layers: Vec<String>,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

impl LatestArgs {
    pub(super) async fn run(self, ui: &Ui, called: &CalledAs) -> ExitCode {
        let request = LatestRequest {
            names: self.layers,
            profile: self.aws.profile,
            regions: self.aws.regions,
            layers_file: self.common.layers_file,
        };
        latest::run(&request, ui, called).await.unwrap_or_else(|error| {
            ui.error(&error, error.hint(called).as_deref());
            ExitCode::FAILURE
        })
    }
}
