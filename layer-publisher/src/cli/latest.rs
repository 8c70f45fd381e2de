//! `latest`: the newest version of each layer.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::arguments::{AwsArgs, CommonArgs};
use crate::called::CalledAs;
use crate::ui::Ui;
use crate::versions::latest::{self, LatestRequest};

/// Ask Lambda for the newest version of layers, and print a ledger
///
/// What is printed is what `template-tools bump --ledger -` reads. Layers of other accounts cannot be listed: they are
/// named by the ARN of a version, from which versions are tried upwards, and the newest seen counts.
#[derive(Args)]
pub(super) struct LatestArgs {
    /// The layers to ask for, as `layers.toml` or Lambda names them, or the ARN of a version of any account; those of
    /// `layers.toml` if none is named
    #[arg(value_name = "LAYER|ARN")]
    layers: Vec<String>,
    /// Ask for every layer, too, that templates name with its account, by what `template-tools list --format json` says
    /// of them; `-` reads it from standard input
    #[arg(long, value_name = "FILE")]
    references: Option<PathBuf>,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

impl LatestArgs {
    pub(super) async fn run(self, ui: &Ui, called: &CalledAs) -> ExitCode {
        let request = LatestRequest {
            names: self.layers,
            references: self.references,
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
