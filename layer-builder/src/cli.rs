//! The way from the command line into the crate: what was asked for goes to the file of its command.

mod arguments;
mod build;
mod inspect;
mod lock;
mod uv;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anstream::ColorChoice;
use clap::{CommandFactory, FromArgMatches, Parser};

use arguments::{BuildArgs, Cli, Color, Command, CommonArgs, InspectArgs, LockArgs, UvArgs};

use crate::build::Error as BuildError;
use crate::cache::Cache;
use crate::called::{self, CalledAs};
use crate::config::{self, LayerTable, LayersFile};
use crate::ui::{Ui, Verbosity};

/// Part of the work could not be done, the rest was.
const PARTLY: u8 = 3;

/// The whole program: parses the command line, does what it asks for, says what came of it.
pub fn main() -> ExitCode {
    let called = CalledAs::from_environment();
    match parse(&called, std::env::args_os().collect()) {
        Command::Build(args) => with(&args.common.clone(), &called, |door| door.build(&args)),
        Command::Lock(args) => with(&args.common.clone(), &called, |door| door.lock(&args)),
        Command::Inspect(args) => with(&args.common.clone(), &called, |door| door.inspect(&args)),
        Command::Uv(args) => with(&CommonArgs::default(), &called, |door| door.uv(&args)),
    }
}

/// Parses the command line; `--help` and wrong usage end the process here. Called by `cargo xtask`, usage lines show
/// the words that were typed there.
fn parse(called: &CalledAs, arguments: Vec<OsString>) -> Command {
    let subcommand = arguments.get(1).and_then(|name| name.to_str()).unwrap_or_default();
    let found =
        called.xtask().and_then(|words| Some((words, Cli::command().find_subcommand(subcommand)?.clone())));
    let Some((words, command)) = found else { return Cli::parse_from(arguments).command };
    let words = words.to_owned();
    let mut command = command.bin_name(words.clone()).display_name(words.clone());
    let typed = std::iter::once(OsString::from(words)).chain(arguments.iter().skip(2).cloned());
    let matches = command.clone().get_matches_from(typed);
    let parsed = match subcommand {
        "build" => BuildArgs::from_arg_matches(&matches).map(Command::Build),
        "lock" => LockArgs::from_arg_matches(&matches).map(Command::Lock),
        "inspect" => InspectArgs::from_arg_matches(&matches).map(Command::Inspect),
        _ => UvArgs::from_arg_matches(&matches).map(Command::Uv),
    };
    parsed.unwrap_or_else(|error| error.format(&mut command).exit())
}

fn with(
    common: &CommonArgs,
    called: &CalledAs,
    run: impl FnOnce(&Door<'_>) -> Result<ExitCode, Failure>,
) -> ExitCode {
    let verbosity = match (common.quiet, common.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    let color = match common.color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    let ui = Ui::new(verbosity, color);
    let door = Door { ui: &ui, called, layers_file: common.layers_file.as_deref() };
    let code = run(&door).unwrap_or_else(|failure| {
        ui.error(failure.error.as_ref(), failure.hint.as_deref());
        ExitCode::FAILURE
    });
    match ui.lost_results() {
        Some(why) => {
            ui.error(&LostResults(why), None);
            ExitCode::FAILURE
        }
        None => code,
    }
}

#[derive(Debug, thiserror::Error)]
#[error("failed to write to standard output: {0}")]
struct LostResults(std::io::ErrorKind);

/// What was being done to a layer when it failed.
#[derive(Debug, thiserror::Error)]
#[error("failed to {what} the layer `{layer}`")]
struct LayerFailure {
    what: &'static str,
    layer: String,
    source: BuildError,
}

/// An error at the edge, with what to do about it.
struct Failure {
    error: Box<dyn std::error::Error>,
    hint: Option<String>,
}

impl Failure {
    fn new(error: impl std::error::Error + 'static, hint: Option<String>) -> Self {
        Self { error: Box::new(error), hint }
    }
}

/// Where a command comes in, with all that it needs.
struct Door<'a> {
    ui: &'a Ui,
    called: &'a CalledAs,
    layers_file: Option<&'a Path>,
}

impl Door<'_> {
    /// Does `work` for each layer; a failure of one does not keep the others from being done.
    fn each(
        &self,
        what: &'static str,
        layers: &[&LayerTable],
        mut work: impl FnMut(&LayerTable) -> Result<(), BuildError>,
    ) -> ExitCode {
        let mut failed = 0;
        for layer in layers {
            if let Err(error) = work(layer) {
                self.complain(what, layer, error);
                failed += 1;
            }
        }
        match failed {
            0 => ExitCode::SUCCESS,
            _ if failed < layers.len() => ExitCode::from(PARTLY),
            _ => ExitCode::FAILURE,
        }
    }

    fn file(&self) -> Result<LayersFile, Failure> {
        let path = match self.layers_file {
            Some(path) => path.to_path_buf(),
            None => {
                let here = std::env::current_dir().map_err(|error| Failure::new(error, None))?;
                let found = LayersFile::find(&here).map_err(config_failure)?;
                found.strip_prefix(&here).map(Path::to_path_buf).unwrap_or(found)
            }
        };
        LayersFile::read(&path).map_err(config_failure)
    }

    fn complain(&self, what: &'static str, layer: &LayerTable, source: BuildError) {
        let hint = source.hint(self.called.words(called::Command::Lock));
        self.ui.error(&LayerFailure { what, layer: layer.name.clone(), source }, hint.as_deref());
    }
}

fn user_cache() -> Result<Cache, Failure> {
    Cache::of_user().map_err(|error| {
        let hint = error.hint();
        Failure::new(error, Some(hint))
    })
}

fn config_failure(error: config::Error) -> Failure {
    let hint = error.hint();
    Failure::new(error, hint)
}
