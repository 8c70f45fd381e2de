//! What may be asked on the command line, and the way from there into the crate.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anstream::ColorChoice;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::called::CalledAs;
use crate::commands::files::Include;
use crate::commands::{bump, lint, list, new};
use crate::ui::{Ui, Verbosity, lost_results};
use template_tools::arn::{AccountId, LayerName, LayerVersionArn, Region, version_number};
use template_tools::convert::SsmParameterName;
use template_tools::pattern::Placeholders;

/// Bring CloudFormation and SAM templates to new layer versions, byte-exact; list what they name; find the traps; start new ones.
#[derive(Parser)]
#[command(name = "template-tools", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Bump(BumpArgs),
    List(ListArgs),
    Lint(LintArgs),
    New(NewArgs),
}

/// Bring templates to the layer versions that the ledger names, or that are given here
///
/// Without `--ledger`, `--pin` or `--layer` the versions are those of `layer-versions.json` beside `layers.toml`.
/// Standard output carries the paths of the files that changed.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct BumpArgs {
    /// Files and folders; in folders, every .yaml, .yml, .json and .template that git does not ignore
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    /// The ledger to take versions from; `-` reads it from standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pin", "version"])]
    pub(crate) ledger: Option<PathBuf>,
    /// The exact version to bring a layer to, in the account and region that its ARN names; may be repeated
    #[arg(long, value_name = "ARN", conflicts_with = "layer")]
    pub(crate) pin: Vec<LayerVersionArn>,
    /// The layer to bring to `--version`; without a version, the only layer of the ledger that is meant
    #[arg(long, value_name = "NAME")]
    pub(crate) layer: Option<LayerName>,
    /// The version to bring `--layer` to
    #[arg(long, value_name = "N", requires = "layer", value_parser = version_number)]
    pub(crate) version: Option<u64>,
    /// Only references in this account
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<AccountId>,
    /// Only references in this region; those that leave the region open are taken to be for it
    #[arg(long, value_name = "R")]
    pub(crate) region: Option<Region>,
    /// Write nothing; exit with 1 if a file would change
    #[arg(long)]
    pub(crate) check: bool,
    /// Write nothing; show on standard output what would change
    #[arg(long)]
    pub(crate) diff: bool,
    /// Bring references back to an older version, too
    #[arg(long)]
    pub(crate) allow_downgrade: bool,
    /// Give a function a layer that the ledger says is not made for its runtime or architecture
    #[arg(long)]
    pub(crate) allow_unfit: bool,
    /// Where a file is refused, change the others all the same
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// Say of every layer reference that is not changed why it is not, comments and ignored files included
    #[arg(long)]
    pub(crate) why: bool,
    /// Change files that are no templates, build output, hidden or ignored, too, if they match; may be repeated
    #[arg(long, value_name = "GLOB", value_parser = Include::check)]
    pub(crate) include: Vec<String>,
    /// In files that Jinja or cookiecutter has still to go over, change plain ARNs outside comments and expressions
    #[arg(long)]
    pub(crate) lexical: bool,
    /// A regular expression for words that stand for a version, besides those that end with `_LAYER_PLACEHOLDER`
    #[arg(long, value_name = "REGEX", value_parser = Placeholders::and)]
    pub(crate) placeholder: Option<Placeholders>,
    /// Put the layer's placeholder in the place of versions
    #[arg(long)]
    pub(crate) to_placeholder: bool,
    /// Where the versions of regions differ, put them into `Mappings`, a row for each region
    #[arg(long, conflicts_with = "to_placeholder")]
    pub(crate) to_mapping: bool,
    /// Put a parameter that CloudFormation reads from this SSM parameter in the place of `--layer`
    #[arg(
        long,
        value_name = "NAME",
        requires = "layer",
        conflicts_with_all = ["version", "to_placeholder", "to_mapping"]
    )]
    pub(crate) to_ssm: Option<SsmParameterName>,
    /// Where a template makes the layer itself, set its content, runtimes and architectures to the ledger's
    #[arg(long, conflicts_with_all = ["pin", "version", "to_placeholder", "to_mapping", "to_ssm"])]
    pub(crate) update_content: bool,
    /// Change nothing; print the layers that the templates name, as `list --format json` does, for those who ask AWS
    /// about them: the first step of `--latest --all-layers`
    #[arg(long, hide = true)]
    pub(crate) print_layers: bool,
    /// How results are written to standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Paths, diffs, a table
    #[default]
    Text,
    /// One JSON object
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// Annotations of a GitHub workflow
    Github,
}

/// List every layer reference: file, function, layer, version, region
///
/// Layers that are named with several versions stand out. Standard output carries the table, or JSON.
#[derive(Args)]
pub(crate) struct ListArgs {
    /// Files and folders; in folders, every .yaml, .yml, .json and .template that git does not ignore
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    /// Only references to this layer; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) layer: Vec<LayerName>,
    /// A regular expression for words that stand for a version, besides those that end with `_LAYER_PLACEHOLDER`
    #[arg(long, value_name = "REGEX", value_parser = Placeholders::and)]
    pub(crate) placeholder: Option<Placeholders>,
    /// How the list is written to standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ListFormat,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// A table
    #[default]
    Text,
    /// One JSON object: every reference, and every layer with its versions
    Json,
}

/// Look for the traps around layers in templates
///
/// Exits with 1 if there is anything worse than a note. `# layer-lint: ignore ID reason` on a line, or on the line
/// before, takes a finding back. Standard output carries the findings.
#[derive(Args)]
pub(crate) struct LintArgs {
    /// Files and folders; in folders, every .yaml, .yml, .json and .template that git does not ignore
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    /// The ledger that knows versions, runtimes and architectures; without it, `layer-versions.json` if there is one
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Explain every rule, and look at nothing
    #[arg(long)]
    pub(crate) rules: bool,
    /// How findings are written to standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Write templates to start from: a layer by CloudFormation or by SAM, a function on it
///
/// `cloudformation` writes LAYER-layer.yaml; `sam` writes template.yaml and samconfig.toml; `function` writes
/// LAYER-function.yaml, which names a version by its ARN, and LAYER-snippet.yaml, with layer and function in one
/// template. Compatible runtimes are those of the built layer, versions those of `layer-versions.json`. Nothing is written
/// over. Standard output carries the paths.
#[derive(Args)]
pub(crate) struct NewArgs {
    /// What to start with
    #[arg(value_name = "KIND", value_enum)]
    pub(crate) kind: StarterKind,
    /// The layer; may be left out if `layers.toml` has only one
    #[arg(long, value_name = "NAME")]
    pub(crate) layer: Option<String>,
    /// The folder to write to; it is made if it is not there
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Replace files that are there already
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StarterKind {
    /// A layer of a zip in S3
    Cloudformation,
    /// A layer of the zip in `target/layers`, for `sam build && sam deploy`
    Sam,
    /// A function that uses the layer
    Function,
}

#[derive(Args)]
pub(crate) struct CommonArgs {
    /// The `layers.toml` to use; else the nearest one from here upwards
    #[arg(long, value_name = "FILE")]
    pub(crate) layers_file: Option<PathBuf>,
    /// Say nothing but warnings and errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more
    #[arg(long)]
    pub(crate) verbose: bool,
    /// When to use colour
    #[arg(long, value_enum, default_value_t)]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

impl Command {
    fn common(&self) -> &CommonArgs {
        match self {
            Self::Bump(args) => &args.common,
            Self::List(args) => &args.common,
            Self::Lint(args) => &args.common,
            Self::New(args) => &args.common,
        }
    }
}

/// Everything from the arguments to the exit code.
pub(crate) fn main() -> ExitCode {
    let called = CalledAs::from_environment();
    let command = match parse(&called, std::env::args_os().collect()) {
        Ok(command) => command,
        Err(error) => {
            // A closed pipe behind us is no error of ours.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let ui = ui(command.common());
    let code = match &command {
        Command::Bump(args) if args.print_layers => list::print_layers(args, ui),
        Command::Bump(args) => bump::run(args, &called, ui),
        Command::List(args) => list::run(args, ui),
        Command::Lint(args) => lint::run(args, &called, ui),
        Command::New(args) => new::run(args, &called, ui),
    };
    match lost_results() {
        Some(lost) => {
            ui.error(&lost);
            ExitCode::FAILURE
        }
        None => code,
    }
}

/// Under `cargo xtask` the subcommand is a command of its own, so that usage lines and `--help` say what was typed.
fn parse(called: &CalledAs, arguments: Vec<OsString>) -> Result<Command, clap::Error> {
    let mut cli = Cli::command();
    let name = arguments.get(1).and_then(|name| name.to_str()).unwrap_or_default();
    if let (Some(words), Some(subcommand)) = (called.xtask(), cli.find_subcommand(name)) {
        let words = words.to_owned();
        let mut command = subcommand.clone().bin_name(words.clone()).display_name(words.clone());
        if name == "bump" {
            // xtask does this one: it asks `layer-publisher` and hands its answer to us as a ledger.
            command = command.after_help(
                "With `--latest` the versions are the newest that Lambda has: `--latest [-p PROFILE] [--region R]… \
                 [--layer NAME|ARN]…`; and with `--all-layers` also those of every layer whose account the templates \
                 name. Layers of other accounts cannot be listed: versions are tried upwards from the one that is \
                 there, and the newest seen counts.",
            );
        }
        let typed = std::iter::once(OsString::from(words)).chain(arguments.iter().skip(2).cloned());
        let matches = command.try_get_matches_from_mut(typed)?;
        let read = read(name, &matches).map_err(|error| error.format(&mut command))?;
        return checked(read, &mut command);
    }
    let matches = cli.try_get_matches_from_mut(arguments)?;
    let read =
        Cli::from_arg_matches(&matches).map(|cli| cli.command).map_err(|error| error.format(&mut cli))?;
    checked(read, &mut cli)
}

/// What is more than one argument's business.
fn checked(command: Command, cli: &mut clap::Command) -> Result<Command, clap::Error> {
    if let Command::Bump(BumpArgs { diff: true, format: format @ (Format::Sarif | Format::Github), .. }) =
        &command
    {
        let name = format.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let why = format!(
            "the argument '--diff' cannot be used with '--format {name}': an annotation has no place for a diff; \
             '--format json' carries it"
        );
        return Err(cli.error(clap::error::ErrorKind::ArgumentConflict, why));
    }
    Ok(command)
}

fn read(name: &str, matches: &ArgMatches) -> Result<Command, clap::Error> {
    match name {
        "bump" => BumpArgs::from_arg_matches(matches).map(Command::Bump),
        "list" => ListArgs::from_arg_matches(matches).map(Command::List),
        "lint" => LintArgs::from_arg_matches(matches).map(Command::Lint),
        "new" => NewArgs::from_arg_matches(matches).map(Command::New),
        _ => Err(clap::Error::new(clap::error::ErrorKind::InvalidSubcommand)),
    }
}

fn ui(common: &CommonArgs) -> Ui {
    let verbosity = match (common.quiet, common.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    };
    let color = match common.color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    Ui::new(verbosity, color)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
