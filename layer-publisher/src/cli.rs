//! What may be asked on the command line, and the way from there into the crate.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anstream::ColorChoice;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use template_tools::arn::Region;

use crate::called::CalledAs;
use crate::manifest::Freshness;
use crate::publish::{self, Intent, PublishRequest};
use crate::region;
use crate::ui::{Ui, Verbosity};
use crate::versions::latest::{self, LatestRequest};

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
    Latest(LatestArgs),
}

/// Publish what is built, verify it, and write `layer-versions.json`
///
/// Asks each region what it has, publishes what is new there, reads it back, and prints one ARN for each region that
/// holds the content. A second run does only what is missing.
#[derive(Args)]
struct PublishArgs {
    /// The layers to publish; may be left out if there is only one
    #[arg(value_name = "LAYER")]
    layers: Vec<String>,
    /// Ask AWS, show what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Publish what was built, even if the lock or the layer's table has changed since
    #[arg(long)]
    as_built: bool,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    common: CommonArgs,
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
        Command::Publish(PublishArgs { common, .. }) | Command::Latest(LatestArgs { common, .. }) => {
            common.ui()
        }
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
                profile: arguments.aws.profile,
                regions: arguments.aws.regions,
                intent: if arguments.dry_run { Intent::Show } else { Intent::Publish },
                freshness: if arguments.as_built { Freshness::AsBuilt } else { Freshness::Required },
                layers_file: arguments.common.layers_file,
            };
            publish::run(&request, ui, called).await.unwrap_or_else(|error| {
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
