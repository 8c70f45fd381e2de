//! `publish`: everything that is built, into every region.

use std::process::ExitCode;

use clap::Args;

use super::arguments::{AwsArgs, CommonArgs, ContinuityArgs, OptionArgs};
use crate::called::CalledAs;
use crate::manifest::Freshness;
use crate::publish::{self, Options, PublishRequest};
use crate::ui::Ui;

/// Publish what is built, verify it, and write `layer-versions.json`
///
/// Asks each region what it has, publishes what is new there, reads it back, and prints one ARN for each region that
/// holds the content. A second run does only what is missing.
#[derive(Args)]
pub(super) struct PublishArgs {
    /// The layers to publish; may be left out if there is only one, else a terminal is asked
    #[arg(value_name = "LAYER")]
    layers: Vec<String>,
    /// Only the layers whose table, lock or own files differ from this commit's
    #[arg(long, value_name = "REF")]
    changed_since: Option<String>,
    /// A target of `layers.toml`: `[layers.LAYER.publish.targets.NAME]`
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Publish what was built, even if the lock or the layer's table has changed since
    #[arg(long)]
    as_built: bool,
    #[command(flatten)]
    continuity: ContinuityArgs,
    #[command(flatten)]
    options: OptionArgs,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

impl PublishArgs {
    pub(super) async fn run(self, ui: &Ui, called: &CalledAs) -> ExitCode {
        let request = PublishRequest {
            names: self.layers,
            changed_since: self.changed_since,
            freshness: if self.as_built { Freshness::AsBuilt } else { Freshness::Required },
            layers_file: self.common.layers_file,
            options: Options {
                continuity: self.continuity.into(),
                ..self.options.with(self.target, self.aws)
            },
        };
        publish::run(&request, ui, called).await.unwrap_or_else(|error| {
            ui.error(&error, error.hint(called).as_deref());
            ExitCode::FAILURE
        })
    }
}
