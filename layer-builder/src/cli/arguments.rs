//! The command line as types: what each command may be told.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pep508_rs::PackageName;

use crate::target::{Architecture, PythonVersion};

/// Build Lambda layers from Python packages: the same bytes on every machine.
#[derive(Parser)]
#[command(name = "layer-builder", version)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    Build(BuildArgs),
    Lock(LockArgs),
    Inspect(InspectArgs),
    Uv(UvArgs),
}

/// Build layers into `target/layers/`: the zip, and the manifest that says what is in it
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct BuildArgs {
    /// The layers to build; all of them if none is named
    #[arg(value_name = "LAYER")]
    pub(super) layers: Vec<String>,
    /// Take the requirements of `branch-of` from this branch, tag or commit, as a variant of the layer
    #[arg(short = 'v', long, value_name = "REF", value_parser = parse_reference)]
    pub(super) branch: Option<String>,
    /// Build for `cargo xtask release`, which takes the layers that are named, or the only one
    #[arg(long, hide = true)]
    pub(super) for_release: bool,
    /// Leave the companions out, as a variant of the layer
    #[arg(short, long)]
    pub(super) raw: bool,
    /// Only for this Python version, into `target/layers/partial/`; may be given several times
    #[arg(long, value_name = "VERSION", value_parser = parse_python)]
    pub(super) python: Vec<PythonVersion>,
    /// Only for this architecture, into `target/layers/partial/`; may be given several times
    #[arg(long, value_name = "ARCHITECTURE", value_parser = parse_architecture)]
    pub(super) arch: Vec<Architecture>,
    /// Build nothing; tell which file of this package was taken for each target, and why not the others
    #[arg(long, value_name = "PACKAGE")]
    pub(super) explain: Option<PackageName>,
    /// Lock the newest versions first
    #[arg(long, conflicts_with_all = ["locked", "offline"])]
    pub(super) upgrade: bool,
    /// Fail if the lock does not fit `layers.toml`, instead of making it anew (the default where `CI` is set)
    #[arg(long)]
    pub(super) locked: bool,
    /// Use what is in the cache; ask no network
    #[arg(long)]
    pub(super) offline: bool,
    /// How to compress: `copy` takes the streams of the wheels, `max` compresses them again as well as it can
    #[arg(long, value_enum, default_value_t)]
    pub(super) compress: Compress,
    /// Add bytecode for exactly the layer's Python versions; needs an interpreter of each
    #[arg(long)]
    pub(super) bytecode: bool,
    /// Import every module of the zip, under each of the layer's Python versions that this machine has
    #[arg(long)]
    pub(super) smoke: bool,
    /// Build twice by different routes and compare
    #[arg(long)]
    pub(super) verify: bool,
    /// Write a bill of materials, CycloneDX in JSON, of the one layer that is built
    #[arg(long, value_name = "FILE")]
    pub(super) sbom: Option<PathBuf>,
    /// What standard output carries: the paths of the zips, or the manifests as JSON
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

/// It becomes part of a file's name.
fn parse_reference(text: &str) -> Result<String, String> {
    if text.contains(|character: char| character.is_ascii_alphanumeric()) {
        return Ok(text.to_owned());
    }
    Err("a branch, a tag or a commit is expected, with a letter or a digit in its name".to_owned())
}

fn parse_python(text: &str) -> Result<PythonVersion, String> {
    text.parse().map_err(|()| "a version like 3.13 is expected".to_owned())
}

fn parse_architecture(text: &str) -> Result<Architecture, String> {
    text.parse().map_err(|()| "x86_64 or arm64 is expected".to_owned())
}

/// Make the lock of a layer, `requirements.<layer>.txt`, or bring it up to date
#[derive(Args)]
pub(super) struct LockArgs {
    /// The layers to lock; all of them if none is named
    #[arg(value_name = "LAYER")]
    pub(super) layers: Vec<String>,
    /// The lock of the layer without its companions
    #[arg(short, long)]
    pub(super) raw: bool,
    /// Take the newest version of every package
    #[arg(long)]
    pub(super) upgrade: bool,
    /// Take the newest version of this package, and leave the others
    #[arg(long, value_name = "NAME", conflicts_with = "upgrade")]
    pub(super) upgrade_package: Vec<PackageName>,
    /// Write nothing; exit with 1 if a lock does not fit `layers.toml`
    #[arg(long, conflicts_with_all = ["upgrade", "upgrade_package"])]
    pub(super) check: bool,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

/// Show what is inside a layer: packages, files, sizes
#[derive(Args)]
pub(super) struct InspectArgs {
    /// A zip file, or the name of a layer that has been built
    #[arg(value_name = "ZIP-or-LAYER")]
    pub(super) subject: PathBuf,
    /// What has changed since this older zip, another layer, or a published version: LAYER:VERSION, an ARN, or `ledger`
    #[arg(long, value_name = "OTHER")]
    pub(super) diff: Option<PathBuf>,
    /// Write a page with a map of the sizes and what the audit found; it needs nothing but a browser
    #[arg(long, value_name = "FILE", conflicts_with = "diff")]
    pub(super) html: Option<PathBuf>,
    /// A table to read, or JSON
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

/// Run the uv that locks and builds use
#[derive(Args)]
pub(super) struct UvArgs {
    /// What uv gets
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) arguments: Vec<OsString>,
}

#[derive(Args, Clone, Default)]
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
pub(super) enum Format {
    #[default]
    Text,
    Json,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Compress {
    #[default]
    Copy,
    Max,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}
