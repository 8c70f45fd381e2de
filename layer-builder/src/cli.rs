//! What may be asked on the command line, and the way from there into the crate.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anstream::ColorChoice;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use pep508_rs::PackageName;

use crate::build::{self, Artifact, Options, Packing, Proofs, build};
use crate::cache::Cache;
use crate::called::{self, CalledAs};
use crate::config::{self, LayerTable, LayersFile};
use crate::layer::compress::Compression;
use crate::layer::html;
use crate::layer::inspect::published::{self, Named};
use crate::layer::inspect::{Diff, Inspection, audited, inspect};
use crate::layer::ledger;
use crate::lock::Lock;
use crate::lock::uv::{Network, Upgrade, Uv};
use crate::spec::{Spec, Variation, artifacts_of};
use crate::target::{Architecture, Date, PythonVersion};
use crate::ui::{Ui, Verbosity, shown};

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
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct BuildArgs {
    /// The layers to build; all of them if none is named
    #[arg(value_name = "LAYER")]
    pub(crate) layers: Vec<String>,
    /// Take the requirements of `branch-of` from this branch, tag or commit, as a variant of the layer
    #[arg(short = 'v', long, value_name = "REF")]
    pub(crate) branch: Option<String>,
    /// Leave the companions out, as a variant of the layer
    #[arg(short, long)]
    pub(crate) raw: bool,
    /// Only for this Python version, into `target/layers/partial/`; may be given several times
    #[arg(long, value_name = "VERSION", value_parser = parse_python)]
    pub(crate) python: Vec<PythonVersion>,
    /// Only for this architecture, into `target/layers/partial/`; may be given several times
    #[arg(long, value_name = "ARCHITECTURE", value_parser = parse_architecture)]
    pub(crate) arch: Vec<Architecture>,
    /// Build nothing; tell which file of this package was taken for each target, and why not the others
    #[arg(long, value_name = "PACKAGE")]
    pub(crate) explain: Option<PackageName>,
    /// Lock the newest versions first
    #[arg(long, conflicts_with_all = ["locked", "offline"])]
    pub(crate) upgrade: bool,
    /// Fail if the lock does not fit `layers.toml`, instead of making it anew (the default where `CI` is set)
    #[arg(long)]
    pub(crate) locked: bool,
    /// Use what is in the cache; ask no network
    #[arg(long)]
    pub(crate) offline: bool,
    /// How to compress: `copy` takes the streams of the wheels, `max` compresses them again as well as it can
    #[arg(long, value_enum, default_value_t)]
    pub(crate) compress: Compress,
    /// Add bytecode for exactly the layer's Python versions; needs an interpreter of each
    #[arg(long)]
    pub(crate) bytecode: bool,
    /// Import every module of the zip, under each of the layer's Python versions that this machine has
    #[arg(long)]
    pub(crate) smoke: bool,
    /// Build twice by different routes and compare
    #[arg(long)]
    pub(crate) verify: bool,
    /// Write a bill of materials, CycloneDX in JSON, of the one layer that is built
    #[arg(long, value_name = "FILE")]
    pub(crate) sbom: Option<PathBuf>,
    /// What standard output carries: the paths of the zips, or the manifests as JSON
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

fn parse_python(text: &str) -> Result<PythonVersion, String> {
    text.parse().map_err(|()| "a version like 3.13 is expected".to_owned())
}

fn parse_architecture(text: &str) -> Result<Architecture, String> {
    text.parse().map_err(|()| "x86_64 or arm64 is expected".to_owned())
}

/// Make the lock of a layer, `requirements.<layer>.txt`, or bring it up to date
#[derive(Args)]
pub(crate) struct LockArgs {
    /// The layers to lock; all of them if none is named
    #[arg(value_name = "LAYER")]
    pub(crate) layers: Vec<String>,
    /// The lock of the layer without its companions
    #[arg(short, long)]
    pub(crate) raw: bool,
    /// Take the newest version of every package
    #[arg(long)]
    pub(crate) upgrade: bool,
    /// Take the newest version of this package, and leave the others
    #[arg(long, value_name = "NAME", conflicts_with = "upgrade")]
    pub(crate) upgrade_package: Vec<PackageName>,
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
    /// What has changed since this older zip, another layer, or a published version: LAYER:VERSION, an ARN, or `ledger`
    #[arg(long, value_name = "OTHER")]
    pub(crate) diff: Option<PathBuf>,
    /// Write a page with a map of the sizes and what the audit found; it needs nothing but a browser
    #[arg(long, value_name = "FILE", conflicts_with = "diff")]
    pub(crate) html: Option<PathBuf>,
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

#[derive(Args, Clone, Default)]
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
pub(crate) enum Compress {
    #[default]
    Copy,
    Max,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

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
    source: build::Error,
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
    fn build(&self, args: &BuildArgs) -> Result<ExitCode, Failure> {
        let file = self.file()?;
        let layers = file.chosen(&args.layers).map_err(config_failure)?;
        if args.sbom.is_some() && layers.len() != 1 {
            let named = layers.iter().map(|layer| layer.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Failure::new(
                OneBill(layers.len()),
                Some(format!("name the layer; there are {named}")),
            ));
        }
        let cache = user_cache()?;
        let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        let compression = match args.compress {
            Compress::Copy => Compression::Copied,
            Compress::Max => Compression::Max,
        };
        let network = if args.offline { Network::Forbidden } else { Network::Allowed };
        let seconds =
            SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default();
        let today = Date::after_epoch(seconds / (24 * 60 * 60));
        let options = Options {
            upgrade: args.upgrade,
            locked: args.locked || in_ci,
            network,
            today,
            packing: Packing { compression, bytecode: args.bytecode },
            proofs: Proofs { smoke: args.smoke, verify: args.verify },
        };
        let variation = Variation {
            raw: args.raw,
            branch: args.branch.clone(),
            pythons: args.python.clone(),
            architectures: args.arch.clone(),
        };
        if let Some(name) = &args.explain {
            return Ok(self.each("explain", &layers, |layer| {
                let spec = Spec::varied(file.folder(), layer, &variation)?;
                self.ui.result(build::explain(&spec, name, options, &cache, self.ui)?);
                Ok(())
            }));
        }
        let mut built: Vec<Artifact> = Vec::new();
        let outcome = self.each("build", &layers, |layer| {
            let spec = Spec::varied(file.folder(), layer, &variation)?;
            let artifacts = build(&spec, options, &cache, self.ui)?;
            if let Some(path) = &args.sbom {
                for written in build::write_sboms(&artifacts, path)? {
                    self.ui.status("Wrote", shown(&written));
                }
            }
            for artifact in artifacts {
                if args.format == Format::Text {
                    self.ui.result(shown(&artifact.zip));
                }
                built.push(artifact);
            }
            Ok(())
        });
        if args.format == Format::Json {
            let artifacts: Vec<_> = built
                .iter()
                .map(|artifact| serde_json::json!({ "path": shown(&artifact.zip), "manifest": artifact.manifest }))
                .collect();
            self.ui.result(format!("{:#}", serde_json::json!({ "artifacts": artifacts })));
        }
        Ok(outcome)
    }

    fn lock(&self, args: &LockArgs) -> Result<ExitCode, Failure> {
        let file = self.file()?;
        let layers = file.chosen(&args.layers).map_err(config_failure)?;
        let variation = Variation { raw: args.raw, ..Variation::default() };
        if args.check {
            return Ok(self.check_locks(&file, &layers, &variation));
        }
        let cache = user_cache()?;
        let upgrade = match (args.upgrade, args.upgrade_package.as_slice()) {
            (true, _) => Upgrade::Everything,
            (false, []) => Upgrade::Nothing,
            (false, names) => Upgrade::Packages(names.to_vec()),
        };
        Ok(self.each("lock", &layers, |layer| {
            let spec = Spec::varied(file.folder(), layer, &variation)?;
            let lock = build::lock(&spec, &upgrade, &cache, self.ui)?;
            self.ui.result(shown(&lock.path));
            Ok(())
        }))
    }

    /// That a lock is stale is what was asked about, and 1; that one cannot be read is 3, if others can.
    fn check_locks(&self, file: &LayersFile, layers: &[&LayerTable], variation: &Variation) -> ExitCode {
        let mut stale = false;
        let code = self.each("read the lock of", layers, |layer| {
            let spec = Spec::varied(file.folder(), layer, variation)?;
            let path = spec.lock.clone();
            let why = match Lock::read(&path)? {
                None => build::Error::NoLock(path),
                Some(lock) if !lock.fits(&spec) => build::Error::Stale(path),
                Some(lock) => match lock.missing_build_lock(&spec) {
                    Some(missing) => build::Error::NoLock(missing),
                    None => {
                        self.ui.status("Fresh", shown(&path));
                        return Ok(());
                    }
                },
            };
            self.complain("use the lock of", layer, why);
            stale = true;
            Ok(())
        });
        if stale && code == ExitCode::SUCCESS { ExitCode::FAILURE } else { code }
    }

    fn complain(&self, what: &'static str, layer: &LayerTable, source: build::Error) {
        let hint = source.hint(self.called.words(called::Command::Lock));
        self.ui.error(&LayerFailure { what, layer: layer.name.clone(), source }, hint.as_deref());
    }

    fn inspect(&self, args: &InspectArgs) -> Result<ExitCode, Failure> {
        let path = self.zip_of(&args.subject)?;
        let look = |path: &Path| inspect(path).map_err(|error| Failure::new(error, None));
        let inspection = look(&path)?;
        if let Some(other) = &args.diff {
            let before = match self.published(other, &args.subject, &path, &inspection)? {
                Some(published) => published,
                None => look(&self.zip_of(other)?)?,
            };
            let diff = Diff::between(&before, &inspection);
            match args.format {
                Format::Text => self.ui.result(diff),
                Format::Json => self.ui.result(format!("{:#}", serde_json::json!(diff))),
            }
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(page) = &args.html {
            return self.write_page(&path, &inspection, page);
        }
        match args.format {
            Format::Text => self.ui.result(inspection.table()),
            Format::Json => {
                self.ui.result(
                    serde_json::to_string_pretty(&inspection).map_err(|error| Failure::new(error, None))?,
                );
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// `--html`: the file's path is the result.
    fn write_page(&self, zip: &Path, inspection: &Inspection, page: &Path) -> Result<ExitCode, Failure> {
        let manifest = audited::manifest_of(zip, inspection);
        let findings = match &manifest {
            Some(manifest) => manifest.findings.clone(),
            None => audited::findings(zip, inspection).map_err(|error| Failure::new(error, None))?,
        };
        let own = manifest.as_ref().map(|manifest| manifest.layer_name.clone());
        let name = own.unwrap_or_else(|| zip.file_stem().unwrap_or_default().to_string_lossy().into_owned());
        let text = html::page(&name, inspection, manifest.as_ref(), &findings);
        crate::atomic::write(page, text.as_bytes())
            .map_err(|source| Failure::new(build::Error::Write { path: page.to_path_buf(), source }, None))?;
        self.ui.result(shown(page));
        Ok(ExitCode::SUCCESS)
    }

    /// What a version of the ledger holds, if `other` names one. `subject` is what was typed for the zip that is looked
    /// at, `zip` where it lies.
    fn published(
        &self,
        other: &Path,
        subject: &Path,
        zip: &Path,
        inspection: &Inspection,
    ) -> Result<Option<Inspection>, Failure> {
        let Some(named) = Named::parse(&other.to_string_lossy()).filter(|_| !other.is_file()) else {
            return Ok(None);
        };
        let file = self.file()?;
        let mut layers: BTreeSet<String> = match &named {
            Named::Version { layer, .. } => [layer.clone()].into(),
            Named::Arn(_) => BTreeSet::new(),
            // The zip's own manifest knows best.
            Named::Current => audited::manifest_of(zip, inspection)
                .map(|manifest| manifest.layer_name)
                .or_else(|| subject.to_str().filter(|_| subject != zip).map(str::to_owned))
                .into_iter()
                .collect(),
        };
        let at_aws = layers.iter().filter_map(|name| file.layers.get(name));
        let at_aws: Vec<String> =
            at_aws.map(|layer| Spec::of(file.folder(), layer).layer_name(None)).collect();
        layers.extend(at_aws);
        if named == Named::Current && layers.is_empty() {
            let hint = "name the version, as in `--diff sosw:12`".to_owned();
            return Err(Failure::new(NoLayerOf(shown(zip)), Some(hint)));
        }
        let failed = |error: published::Error| {
            let hint = error.hint();
            Failure::new(error, hint)
        };
        let rows = ledger::read(file.folder()).map_err(|error| failed(error.into()))?;
        let rows = published::meant(&rows, &named, &layers).map_err(failed)?;
        let found = published::find(&rows, &artifacts_of(file.folder()), &user_cache()?).map_err(failed)?;
        self.ui.status("Comparing", format!("with {}, from {}", found.name, found.source));
        Ok(Some(found.inspection))
    }

    /// The file that was named, or the zip of the layer that was named.
    fn zip_of(&self, subject: &Path) -> Result<PathBuf, Failure> {
        let looks_like_file = subject.components().count() > 1 || subject.extension().is_some();
        if subject.is_file() || looks_like_file {
            return Ok(subject.to_path_buf());
        }
        let file = self.file()?;
        let name = subject.to_string_lossy().into_owned();
        let layers = file.chosen(std::slice::from_ref(&name)).map_err(config_failure)?;
        let path = artifacts_of(file.folder()).join(format!("{name}.zip"));
        if layers.is_empty() || path.is_file() {
            return Ok(path);
        }
        let build = self.called.words(called::Command::Build);
        let split: Vec<String> = Architecture::ALL
            .iter()
            .map(|architecture| artifacts_of(file.folder()).join(format!("{name}-{architecture}.zip")))
            .filter(|path| path.is_file())
            .map(|path| format!("`{}`", shown(&path)))
            .collect();
        let hint = if split.is_empty() {
            format!("run `{build} {name}`")
        } else {
            format!("it has a zip for each architecture: name one of {}", split.join(", "))
        };
        Err(Failure::new(NotBuilt(name), Some(hint)))
    }

    fn uv(&self, args: &UvArgs) -> Result<ExitCode, Failure> {
        let uv = Uv::find(&user_cache()?, Network::Allowed, self.ui).map_err(|error| {
            let hint = error.hint();
            Failure::new(error, hint)
        })?;
        let mut command = uv.command();
        command.args(&args.arguments);
        run_instead(command).map_err(|error| Failure::new(error, None))
    }

    /// Does `work` for each layer; a failure of one does not keep the others from being done.
    fn each(
        &self,
        what: &'static str,
        layers: &[&LayerTable],
        mut work: impl FnMut(&LayerTable) -> Result<(), build::Error>,
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
}

fn user_cache() -> Result<Cache, Failure> {
    Cache::of_user().map_err(|error| {
        let hint = error.hint();
        Failure::new(error, Some(hint))
    })
}

#[derive(Debug, thiserror::Error)]
#[error("there is no zip of the layer `{0}`")]
struct NotBuilt(String);

#[derive(Debug, thiserror::Error)]
#[error("nothing says which layer `{0}` is")]
struct NoLayerOf(String);

#[derive(Debug, thiserror::Error)]
#[error("`--sbom` writes the bill of one layer, and {0} are to be built")]
struct OneBill(usize);

fn config_failure(error: config::Error) -> Failure {
    let hint = error.hint();
    Failure::new(error, hint)
}

#[cfg(unix)]
fn run_instead(mut command: std::process::Command) -> std::io::Result<ExitCode> {
    Err(std::os::unix::process::CommandExt::exec(&mut command))
}

#[cfg(not(unix))]
fn run_instead(mut command: std::process::Command) -> std::io::Result<ExitCode> {
    let code = command.status()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}
