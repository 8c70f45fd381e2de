//! `usage`: who uses which version of a layer.

use std::process::ExitCode;

use clap::Args;

use super::arguments::{AwsArgs, CommonArgs, FormatArg};
use crate::called::CalledAs;
use crate::config::nearest;
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
    #[arg(long = "runtime", value_name = "RUNTIME", value_delimiter = ',', value_parser = runtime)]
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

/// Lambda has a new runtime every year, so its name is held against their form, and not against a list.
fn runtime(word: &str) -> Result<String, String> {
    const FAMILIES: [&str; 7] = ["python", "nodejs", "java", "dotnet", "ruby", "go", "provided"];
    let (family, version) =
        word.split_at(word.find(|letter: char| !letter.is_ascii_lowercase()).unwrap_or(word.len()));
    // `nodejs22.x`, `java8.al2`, `dotnetcore3.1`, `provided.al2023`
    let is_version =
        version.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase() || byte == b'.')
            && (family == "provided" || version.starts_with(|letter: char| letter.is_ascii_digit()))
            && !version.ends_with('.');
    if is_version && (FAMILIES.contains(&family) || family == "dotnetcore") {
        return Ok(word.to_owned());
    }
    let meant =
        nearest(family, FAMILIES.into_iter()).map(|family| format!("; did you mean `{family}{version}`?"));
    Err(format!("Lambda has no such runtime: they look like `python3.13`{}", meant.unwrap_or_default()))
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
