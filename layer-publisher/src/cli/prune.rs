//! `prune`: versions that nothing needs any more.

use std::process::ExitCode;

use clap::Args;

use super::arguments::{AwsArgs, CommonArgs, FormatArg};
use crate::called::CalledAs;
use crate::ui::Ui;
use crate::versions::prune::plan::SharedOnes;
use crate::versions::prune::{self, Deletes, PruneRequest};
use crate::when::Age;

/// Show which versions of a layer nothing needs any more, and delete them with `--execute`
///
/// A version stays that a function, a stack, a pointer, the ledger or a file of the work tree names; the one before each
/// of these; the newest ones; what is young; and what others may use. Where somebody cannot be asked nothing is deleted,
/// and the exit code is 3, or 1 if that is so everywhere.
#[derive(Args)]
pub(super) struct PruneArgs {
    /// The layer
    #[arg(value_name = "LAYER")]
    layer: String,
    /// Keep so many of the newest versions, at least one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: u32,
    /// Keep what is younger: `30d`, `12h`, `45m`
    #[arg(long, value_name = "AGE", default_value_t = Age::USUAL)]
    min_age: Age,
    /// Delete also versions that other accounts may use
    #[arg(long)]
    include_shared: bool,
    /// Delete what the plan says, after asking everybody once more
    #[arg(long)]
    execute: bool,
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

impl PruneArgs {
    pub(super) async fn run(self, ui: &Ui, called: &CalledAs) -> ExitCode {
        let request = PruneRequest {
            layer: self.layer,
            keep: usize::try_from(self.keep).unwrap_or(usize::MAX),
            min_age: self.min_age,
            shared: if self.include_shared { SharedOnes::Include } else { SharedOnes::Keep },
            deletes: if self.execute { Deletes::Really } else { Deletes::Not },
            ask: self.aws.asking(self.targets),
            format: self.format.into(),
            layers_file: self.common.layers_file,
        };
        Box::pin(prune::run(&request, ui, called)).await.unwrap_or_else(|error| {
            ui.error(&error, error.hint(called).as_deref());
            ExitCode::FAILURE
        })
    }
}
