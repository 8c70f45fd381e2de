//! What may be asked on the command line, and the way from there into the crate.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anstream::ColorChoice;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use template_tools::arn::Region;

use crate::called::CalledAs;
use crate::manifest::Freshness;
use crate::publish::permissions::Others;
use crate::publish::stage;
use crate::publish::staging::BucketPattern;
use crate::publish::{self, Intent, Options, Public, PublishRequest};
use crate::region;
use crate::ui::{Format, Ui, Verbosity};
use crate::versions::latest::{self, LatestRequest};
use crate::versions::promote::{self, PromoteRequest};

/// Publish built layers as LayerVersions: in every region, never twice, verified.
#[derive(Parser)]
#[command(name = "layer-publisher", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Publish(PublishArgs),
    Stage(StageArgs),
    Promote(PromoteArgs),
    Latest(LatestArgs),
}

/// Publish what is built, verify it, and write `layer-versions.json`
///
/// Asks each region what it has, publishes what is new there, reads it back, and prints one ARN for each region that
/// holds the content. A second run does only what is missing.
#[derive(Args)]
struct PublishArgs {
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
    options: OptionArgs,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    common: CommonArgs,
}

/// Upload what is built to S3, and print what `aws cloudformation create-stack` needs
///
/// The key is made of the content, so that nothing is sent twice. Prints S3Bucket, S3Key, S3ObjectVersion (where the
/// bucket has versions) and the line that creates a stack from a template with parameters of these names.
#[derive(Args)]
struct StageArgs {
    /// The layers to upload; may be left out if there is only one, else a terminal is asked
    #[arg(value_name = "LAYER")]
    layers: Vec<String>,
    /// A target of `layers.toml`: `[layers.LAYER.publish.targets.NAME]`
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Upload what was built, even if the lock or the layer's table has changed since
    #[arg(long)]
    as_built: bool,
    /// The bucket. `{account}` and `{region}` in its name are filled in; it must lie in the region
    #[arg(long, value_name = "NAME")]
    s3_bucket: Option<BucketPattern>,
    /// The form of what is printed
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    common: CommonArgs,
}

/// Publish to one target the very bytes that another target has verified
///
/// Takes them from the version that the ledger names, proves them by their CodeSha256, and publishes them as `publish`
/// does. Nothing is built. A source that is not verified is refused.
#[derive(Args)]
struct PromoteArgs {
    /// The layer
    #[arg(value_name = "LAYER")]
    layer: String,
    /// The target of `layers.toml` that has it
    #[arg(long, value_name = "NAME")]
    from: String,
    /// The target of `layers.toml` that gets it
    #[arg(long, value_name = "NAME")]
    to: String,
    #[command(flatten)]
    options: OptionArgs,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args)]
struct OptionArgs {
    /// Ask AWS, show what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// The bucket that zips go through: always if one is named, and needed above 50 MB. `{account}` and `{region}` in
    /// its name are filled in
    #[arg(long, value_name = "NAME")]
    s3_bucket: Option<BucketPattern>,
    /// Make layers public where `layers.toml` says so, without asking
    #[arg(long)]
    allow_public: bool,
    /// Take away every permission that `layers.toml` does not name
    #[arg(long)]
    remove_other_permissions: bool,
    /// The form of what is printed: ARNs, or a JSON document about every region
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
}

impl OptionArgs {
    fn with(self, target: Option<String>, aws: AwsArgs) -> Options {
        Options {
            target,
            profile: aws.profile,
            regions: aws.regions,
            bucket: self.s3_bucket,
            intent: if self.dry_run { Intent::Show } else { Intent::Publish },
            public: if self.allow_public { Public::Allowed } else { Public::Asked },
            others: if self.remove_other_permissions { Others::Remove } else { Others::Keep },
            format: self.format.into(),
        }
    }
}

/// Ask Lambda for the newest version of layers, and print a ledger
///
/// What is printed is what `template-tools bump --ledger -` reads.
#[derive(Args)]
struct LatestArgs {
    /// The layers to ask for, as `layers.toml` or Lambda names them; those of `layers.toml` if none is named
    #[arg(value_name = "LAYER")]
    layers: Vec<String>,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum FormatArg {
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
struct AwsArgs {
    /// The profile of the AWS configuration files to use
    #[arg(short, long, value_name = "NAME")]
    profile: Option<String>,
    /// A region, instead of those in `layers.toml`; may be given several times
    #[arg(long = "region", value_name = "REGION", value_delimiter = ',', value_parser = region::parse)]
    regions: Vec<Region>,
}

#[derive(Args)]
struct CommonArgs {
    /// The `layers.toml` to use; else the nearest one from here upwards
    #[arg(long, value_name = "FILE")]
    layers_file: Option<PathBuf>,
    /// Say nothing but warnings and errors
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more
    #[arg(long)]
    verbose: bool,
    /// When to use colour
    #[arg(long, value_enum, default_value_t)]
    color: Color,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// Parses the command line, does what it asks, and gives the exit code: 0 done, 1 failed or refused, 2 wrong usage,
/// 3 part of the work could not be done.
pub fn main() -> ExitCode {
    let called = CalledAs::from_environment();
    let arguments = std::env::args_os().collect::<Vec<_>>();
    let command = match parse(&arguments, &called) {
        Ok(command) => command,
        Err(error) => {
            // A closed pipe behind us is no error of ours.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let ui = match &command {
        Command::Publish(PublishArgs { common, .. })
        | Command::Stage(StageArgs { common, .. })
        | Command::Promote(PromoteArgs { common, .. })
        | Command::Latest(LatestArgs { common, .. }) => common.ui(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            ui.error(&error, None);
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(run(command, &ui, &called))
}

async fn run(command: Command, ui: &Ui, called: &CalledAs) -> ExitCode {
    match command {
        Command::Publish(arguments) => {
            let request = PublishRequest {
                names: arguments.layers,
                changed_since: arguments.changed_since,
                freshness: if arguments.as_built { Freshness::AsBuilt } else { Freshness::Required },
                layers_file: arguments.common.layers_file,
                options: arguments.options.with(arguments.target, arguments.aws),
            };
            publish::run(&request, ui, called).await.unwrap_or_else(|error| {
                ui.error(&error, error.hint(called).as_deref());
                ExitCode::FAILURE
            })
        }
        Command::Stage(arguments) => {
            let options = OptionArgs {
                dry_run: false,
                s3_bucket: arguments.s3_bucket,
                allow_public: false,
                remove_other_permissions: false,
                format: arguments.format,
            };
            let request = PublishRequest {
                names: arguments.layers,
                changed_since: None,
                freshness: if arguments.as_built { Freshness::AsBuilt } else { Freshness::Required },
                layers_file: arguments.common.layers_file,
                options: options.with(arguments.target, arguments.aws),
            };
            stage::run(&request, ui, called).await.unwrap_or_else(|error| {
                ui.error(&error, error.hint(called).as_deref());
                ExitCode::FAILURE
            })
        }
        Command::Promote(arguments) => {
            let request = PromoteRequest {
                layer: arguments.layer,
                from: arguments.from,
                options: arguments.options.with(Some(arguments.to), arguments.aws),
                layers_file: arguments.common.layers_file,
            };
            Box::pin(promote::run(&request, ui, called)).await.unwrap_or_else(|error| {
                ui.error(&error, error.hint(called).as_deref());
                ExitCode::FAILURE
            })
        }
        Command::Latest(arguments) => {
            let request = LatestRequest {
                names: arguments.layers,
                profile: arguments.aws.profile,
                regions: arguments.aws.regions,
                layers_file: arguments.common.layers_file,
            };
            latest::run(&request, ui, called).await.unwrap_or_else(|error| {
                ui.error(&error, error.hint(called).as_deref());
                ExitCode::FAILURE
            })
        }
    }
}

/// Under `cargo xtask` the subcommand is the whole command: usage lines and help then say what was typed there.
fn parse(arguments: &[OsString], called: &CalledAs) -> Result<Command, clap::Error> {
    let name = arguments.get(1).and_then(|name| name.to_str()).unwrap_or_default();
    let subcommand = called.xtask().zip(Cli::command().find_subcommand(name).cloned());
    let Some((words, subcommand)) = subcommand else {
        return Cli::try_parse_from(arguments).map(|cli| cli.command);
    };
    let subcommand = subcommand.bin_name(words).display_name(words);
    let matches =
        subcommand.try_get_matches_from(std::iter::once(&OsString::from(words)).chain(&arguments[2..]))?;
    read(name, &matches)
}

fn read(name: &str, matches: &ArgMatches) -> Result<Command, clap::Error> {
    match name {
        "stage" => StageArgs::from_arg_matches(matches).map(Command::Stage),
        "promote" => PromoteArgs::from_arg_matches(matches).map(Command::Promote),
        "publish" => PublishArgs::from_arg_matches(matches).map(Command::Publish),
        _ => LatestArgs::from_arg_matches(matches).map(Command::Latest),
    }
}

impl CommonArgs {
    fn ui(&self) -> Ui {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
