//! What several commands may be told.

use std::path::PathBuf;

use anstream::ColorChoice;
use clap::{Args, ValueEnum};
use template_tools::arn::Region;

use crate::publish::continuity::Continuity;
use crate::publish::permissions::Others;
use crate::publish::staging::BucketPattern;
use crate::publish::terms::{Choices, Metadata, Older, Switch, Withdrawal};
use crate::publish::{Intent, Options, Public};
use crate::region;
use crate::ui::{Format, Ui, Verbosity};
use crate::versions::ways::Ask;

#[derive(Args, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct OptionArgs {
    /// Ask AWS, show what would be done, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Like `--dry-run`, and fail with 1 if there is anything to do
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) check: bool,
    /// Publish again where the content is there, but with other runtimes, architectures, licence or description
    #[arg(long)]
    pub(super) republish_metadata: bool,
    /// Where an older version has the content, make that one current instead of publishing; those after it count as
    /// withdrawn
    #[arg(long)]
    pub(super) reuse_older: bool,
    /// Take the withdrawal back of versions that have this content (see `rollback`)
    #[arg(long)]
    pub(super) reinstate: bool,
    /// Go on with a layer whose newest version was made by the other publisher: by a stack, or by this command
    #[arg(long)]
    pub(super) switch_publisher: bool,
    /// The bucket that zips go through: always if one is named, and needed above 50 MB. `{account}` and `{region}` in
    /// its name are filled in
    #[arg(long, value_name = "NAME")]
    pub(super) s3_bucket: Option<BucketPattern>,
    /// Make layers public where `layers.toml` says so, without asking
    #[arg(long)]
    pub(super) allow_public: bool,
    /// Take away every permission that `layers.toml` does not name
    #[arg(long)]
    pub(super) remove_other_permissions: bool,
    /// The form of what is printed: ARNs, or a JSON document about every region
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: FormatArg,
}

impl OptionArgs {
    pub(super) fn with(self, target: Option<String>, aws: AwsArgs) -> Options {
        Options {
            target,
            profile: aws.profile,
            regions: aws.regions,
            bucket: self.s3_bucket,
            intent: match (self.check, self.dry_run) {
                (true, _) => Intent::Check,
                (_, true) => Intent::Show,
                _ => Intent::Publish,
            },
            public: if self.allow_public { Public::Allowed } else { Public::Asked },
            continuity: Continuity::Free,
            others: if self.remove_other_permissions { Others::Remove } else { Others::Keep },
            choices: Choices {
                metadata: if self.republish_metadata { Metadata::Republish } else { Metadata::Report },
                older: if self.reuse_older { Older::Reuse } else { Older::Leave },
                withdrawal: if self.reinstate { Withdrawal::TakenBack } else { Withdrawal::Stands },
                switch: if self.switch_publisher { Switch::Wanted } else { Switch::Refused },
            },
            format: self.format.into(),
        }
    }
}

/// What the version's number has to be.
#[derive(Args)]
pub(super) struct ContinuityArgs {
    /// Write nothing unless the version gets the same number in every region
    #[arg(long)]
    require_same_version: bool,
    /// Fill up regions that lag behind with copies of the older versions, so that the number is the same everywhere
    #[arg(long, conflicts_with = "require_same_version")]
    align: bool,
}

impl From<ContinuityArgs> for Continuity {
    fn from(arguments: ContinuityArgs) -> Self {
        match (arguments.align, arguments.require_same_version) {
            (true, _) => Self::Align,
            (_, true) => Self::Same,
            _ => Self::Free,
        }
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatArg {
    #[default]
    Text,
    Json,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Text => Self::Text,
            FormatArg::Json => Self::Json,
        }
    }
}

#[derive(Args)]
pub(super) struct AwsArgs {
    /// The profile of the AWS configuration files to use
    #[arg(short, long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// A region, instead of those in `layers.toml`; may be given several times
    #[arg(long = "region", value_name = "REGION", value_delimiter = ',', value_parser = region::parse)]
    pub(super) regions: Vec<Region>,
}

impl AwsArgs {
    /// Which ways to a layer are meant: those of these targets, or all.
    pub(super) fn asking(self, targets: impl IntoIterator<Item = String>) -> Ask {
        Ask { targets: targets.into_iter().collect(), profile: self.profile, regions: self.regions }
    }
}

#[derive(Args)]
pub(super) struct CommonArgs {
    /// The `layers.toml` to use; else the nearest one from here upwards
    #[arg(long, value_name = "FILE")]
    pub(super) layers_file: Option<PathBuf>,
    /// Say nothing but warnings and errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Say more
    #[arg(long)]
    pub(super) verbose: bool,
    /// When to use colour
    #[arg(long, value_enum, default_value_t)]
    pub(super) color: Color,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

impl CommonArgs {
    pub(super) fn ui(&self) -> Ui {
        let verbosity = match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        };
        let color = match self.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Ui::new(verbosity, color)
    }
}
