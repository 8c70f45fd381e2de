//! What may be asked on the command line, and the way from there into the crate.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anstream::ColorChoice;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::called::CalledAs;
use crate::ui::{Ui, Verbosity};

/// Build Lambda layers from Python packages: the same bytes on every machine.
#[derive(Parser)]
#[command(name = "layer-builder", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Build(BuildArgs),
    Lock(LockArgs),
    Inspect(InspectArgs),
    Uv(UvArgs),
}

/// Build layers into `target/layers/`: the zip, and the manifest that says what is in it
#[derive(Args)]
pub(crate) struct BuildArgs {
    /// The layers to build; all of them if none is named
    #[arg(value_name = "LAYER")]
    pub(crate) layers: Vec<String>,
    /// Lock the newest versions first
    #[arg(long, conflicts_with_all = ["locked", "offline"])]
    pub(crate) upgrade: bool,
    /// Fail if the lock does not fit `layers.toml`, instead of making it anew (the default where `CI` is set)
    #[arg(long)]
    pub(crate) locked: bool,
    /// Use what is in the cache; ask no network
    #[arg(long)]
    pub(crate) offline: bool,
    /// What standard output carries: the paths of the zips, or the manifests as JSON
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Make the lock of a layer, `requirements.<layer>.txt`, or bring it up to date
#[derive(Args)]
pub(crate) struct LockArgs {
    /// The layers to lock; all of them if none is named
    #[arg(value_name = "LAYER")]
    pub(crate) layers: Vec<String>,
    /// Take the newest version of every package
    #[arg(long)]
    pub(crate) upgrade: bool,
    /// Take the newest version of this package, and leave the others
    #[arg(long, value_name = "NAME")]
    pub(crate) upgrade_package: Vec<String>,
    /// Write nothing; exit with 1 if a lock does not fit `layers.toml`
    #[arg(long, conflicts_with_all = ["upgrade", "upgrade_package"])]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Show what is inside a layer: packages, files, sizes
#[derive(Args)]
pub(crate) struct InspectArgs {
    /// A zip file, or the name of a layer that has been built
    #[arg(value_name = "ZIP-or-LAYER")]
    pub(crate) subject: PathBuf,
    /// A table to read, or JSON
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Run the uv that locks and builds use
#[derive(Args)]
pub(crate) struct UvArgs {
    /// What uv gets
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
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
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}
