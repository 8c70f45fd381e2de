//! `usage`: who uses which version of a layer.

use std::process::ExitCode;

use clap::Args;

use super::arguments::{AwsArgs, CommonArgs, FormatArg};
use crate::called::CalledAs;
use crate::ui::Ui;
use crate::versions::usage::packages::PackageWanted;
use crate::versions::usage::{self, UsageRequest};

/// Show which functions use which version of a layer
///
/// Asks every account and region that the layer is published to, by its own table and by its targets, for all functions
/// with their published versions and aliases. Changes nothing. What could not be asked is said, with exit code 3, or
/// 1 if nobody could be.
#[derive(Args)]
pub(super) struct UsageArgs {
    /// The layer
    #[arg(value_name = "LAYER")]
    layer: String,
    /// Only versions in use that hold this package, for example `requests<2.32`: by the manifests of what was built
    /// here, else by the names of the files in the zip
    #[arg(long, value_name = "PACKAGE")]
    package: Option<PackageWanted>,
    /// Only functions with this runtime; may be given several times
    #[arg(long = "runtime", value_name = "RUNTIME", value_delimiter = ',')]
    runtimes: Vec<String>,
    /// Only this target of `layers.toml`; may be given several times
    #[arg(long = "target", value_name = "NAME", value_delimiter = ',')]
    targets: Vec<String>,
    /// The form of what is printed
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

impl UsageArgs {
    pub(super) async fn run(self, ui: &Ui, called: &CalledAs) -> ExitCode {
        let request = UsageRequest {
            layer: self.layer,
            package: self.package,
            runtimes: self.runtimes,
            ask: self.aws.asking(self.targets),
            format: self.format.into(),
            layers_file: self.common.layers_file,
        };
        Box::pin(usage::run(&request, ui, called)).await.unwrap_or_else(|error| {
            ui.error(&error, error.hint(called).as_deref());
            ExitCode::FAILURE
        })
    }
}
