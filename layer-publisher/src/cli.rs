//! The way from the command line into the crate: what was asked for goes to the file of its command.

mod arguments;
mod deploy_stack;
mod download;
mod latest;
mod promote;
mod prune;
mod publish;
mod roll_out;
mod rollback;
mod stage;
mod status;
mod usage;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use arguments::CommonArgs;
use deploy_stack::DeployStackArgs;
use download::DownloadArgs;
use latest::LatestArgs;
use promote::PromoteArgs;
use prune::PruneArgs;
use publish::PublishArgs;
use roll_out::RollOutArgs;
use rollback::RollbackArgs;
use stage::StageArgs;
use status::StatusArgs;
use usage::UsageArgs;

use crate::called::CalledAs;
use crate::ui::Ui;

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
    Usage(UsageArgs),
    Prune(PruneArgs),
    Download(DownloadArgs),
    Latest(LatestArgs),
    Status(StatusArgs),
    Rollback(RollbackArgs),
    DeployStack(Box<DeployStackArgs>),
    RollOut(RollOutArgs),
}

impl Command {
    fn common(&self) -> &CommonArgs {
        match self {
            Self::Publish(PublishArgs { common, .. })
            | Self::Stage(StageArgs { common, .. })
            | Self::Promote(PromoteArgs { common, .. })
            | Self::Usage(UsageArgs { common, .. })
            | Self::Prune(PruneArgs { common, .. })
            | Self::Download(DownloadArgs { common, .. })
            | Self::Latest(LatestArgs { common, .. })
            | Self::Status(StatusArgs { common, .. })
            | Self::Rollback(RollbackArgs { common, .. })
            | Self::RollOut(RollOutArgs { common, .. }) => common,
            Self::DeployStack(arguments) => &arguments.common,
        }
    }

    async fn run(self, ui: &Ui, called: &CalledAs) -> ExitCode {
        match self {
            Self::Publish(arguments) => Box::pin(arguments.run(ui, called)).await,
            Self::Stage(arguments) => arguments.run(ui, called).await,
            Self::Promote(arguments) => arguments.run(ui, called).await,
            Self::Usage(arguments) => arguments.run(ui, called).await,
            Self::Prune(arguments) => arguments.run(ui, called).await,
            Self::Download(arguments) => arguments.run(ui, called).await,
            Self::Latest(arguments) => arguments.run(ui, called).await,
            Self::Status(arguments) => arguments.run(ui, called).await,
            Self::Rollback(arguments) => arguments.run(ui, called).await,
            Self::DeployStack(arguments) => arguments.run(ui, called).await,
            Self::RollOut(arguments) => arguments.run(ui, called).await,
        }
    }
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
    let ui = command.common().ui();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            ui.error(&error, None);
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(command.run(&ui, &called));
    match ui.lost_results() {
        Some(lost) => {
            ui.error(&lost, None);
            ExitCode::FAILURE
        }
        None => code,
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
        "status" => StatusArgs::from_arg_matches(matches).map(Command::Status),
        "rollback" => RollbackArgs::from_arg_matches(matches).map(Command::Rollback),
        "promote" => PromoteArgs::from_arg_matches(matches).map(Command::Promote),
        "usage" => UsageArgs::from_arg_matches(matches).map(Command::Usage),
        "prune" => PruneArgs::from_arg_matches(matches).map(Command::Prune),
        "download" => DownloadArgs::from_arg_matches(matches).map(Command::Download),
        "publish" => PublishArgs::from_arg_matches(matches).map(Command::Publish),
        "deploy-stack" => DeployStackArgs::from_arg_matches(matches).map(Box::new).map(Command::DeployStack),
        "roll-out" => RollOutArgs::from_arg_matches(matches).map(Command::RollOut),
        _ => LatestArgs::from_arg_matches(matches).map(Command::Latest),
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
