//! `roll-out`: stacks to new layer versions, and nothing else.

use std::process::ExitCode;

use clap::Args;

use super::arguments::{AwsArgs, CommonArgs, FormatArg};
use crate::called::CalledAs;
use crate::publish::staging::BucketPattern;
use crate::stack::roll_out::{self, AfterFailure, Intent, OtherChanges, QuestionMarks, RollOutRequest};
use crate::ui::Ui;

/// Bring stacks to the layer versions that the ledger names, and change nothing else in them
///
/// The stacks are those of `[[stacks]]` in `layers.toml`; where none are named for the layers, those of functions that run
/// an older version. Each starts from the template that is deployed: what lies on this machine does not count. A stack that
/// would change in other ways is left alone. Prints a table of the stacks.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "a flag each")]
pub(super) struct RollOutArgs {
    /// The layers; all of them if none is named
    #[arg(value_name = "LAYER")]
    layers: Vec<String>,
    /// Only this stack; may be given several times
    #[arg(long = "stack", value_name = "NAME", value_delimiter = ',')]
    stacks: Vec<String>,
    /// Only the stacks of this target of `layers.toml`; may be given several times
    #[arg(long = "target", value_name = "NAME", value_delimiter = ',')]
    targets: Vec<String>,
    /// Show what would change, and leave nothing behind
    #[arg(long)]
    dry_run: bool,
    /// So many stacks at once (4, if no number is given), instead of one after the other
    #[arg(long, value_name = "NUMBER", num_args = 0..=1, require_equals = true, default_missing_value = "4",
        value_parser = clap::value_parser!(u16).range(1..=32))]
    parallel: Option<u16>,
    /// Go on with the other stacks when one has failed
    #[arg(long)]
    keep_going: bool,
    /// Let other changes come along, too
    #[arg(long)]
    allow_other_changes: bool,
    /// Send a template back that has a `?`. CloudFormation gives one for every letter that is not ASCII: those would be lost
    #[arg(long)]
    allow_question_marks: bool,
    /// The bucket for templates of more than 51,200 bytes, instead of that of the layer. `{account}` and `{region}` in
    /// its name are filled in
    #[arg(long, value_name = "NAME")]
    s3_bucket: Option<BucketPattern>,
    /// The form of what is printed: a table, or a JSON document about every stack
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

impl RollOutArgs {
    pub(super) async fn run(self, ui: &Ui, called: &CalledAs) -> ExitCode {
        let request = RollOutRequest {
            layers: self.layers,
            stacks: self.stacks,
            ask: self.aws.asking(self.targets),
            intent: if self.dry_run { Intent::Show } else { Intent::RollOut },
            at_once: self.parallel.map_or(1, usize::from),
            after_failure: if self.keep_going { AfterFailure::GoOn } else { AfterFailure::Stop },
            other_changes: if self.allow_other_changes {
                OtherChanges::Allowed
            } else {
                OtherChanges::Refused
            },
            question_marks: if self.allow_question_marks {
                QuestionMarks::Allowed
            } else {
                QuestionMarks::Refused
            },
            bucket: self.s3_bucket,
            format: self.format.into(),
            layers_file: self.common.layers_file,
        };
        Box::pin(roll_out::run(&request, ui, called)).await
    }
}
