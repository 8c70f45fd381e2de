//! `download`: the zip of a published version.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::arguments::{AwsArgs, CommonArgs};
use crate::called::CalledAs;
use crate::ui::Ui;
use crate::versions::download::{self, DownloadRequest, Wanted};

/// Fetch the zip of a published version, checked against its CodeSha256
///
/// Without `-o` it goes to `target/layers/published/`, where `inspect --diff` looks for it. Prints the path.
#[derive(Args)]
pub(super) struct DownloadArgs {
    /// `LAYER` for the ledger's version, `LAYER:VERSION`, or the ARN of a version
    #[arg(value_name = "LAYER[:VERSION]|ARN")]
    wanted: Wanted,
    /// Where the zip goes. A file that is there is replaced when the new one is whole
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The target of `layers.toml` to fetch it from
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

impl DownloadArgs {
    pub(super) async fn run(self, ui: &Ui, called: &CalledAs) -> ExitCode {
        let request = DownloadRequest {
            wanted: self.wanted,
            output: self.output,
            target: self.target,
            profile: self.aws.profile,
            regions: self.aws.regions,
            layers_file: self.common.layers_file,
        };
        Box::pin(download::run(&request, ui, called)).await.unwrap_or_else(|error| {
            ui.error(&error, error.hint(called).as_deref());
            ExitCode::FAILURE
        })
    }
}
