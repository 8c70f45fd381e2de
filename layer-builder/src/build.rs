//! The way through: lock, then wheels, then layer. Each stage is entered once and hands on plain data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::NamedTempFile;
use thiserror::Error;

use crate::atomic;
use crate::cache::{self, Cache};
use crate::config::{LayerTable, LayersFile};
use crate::hash::Sha256;
use crate::layer::archive::{self, Assembled};
use crate::layer::audit::facts::Facts;
use crate::layer::audit::{self, AuditedFile, Finding, Severity, Subject, sizes};
use crate::layer::bytecode;
use crate::layer::compress::{self, Compression};
use crate::layer::fresh::{self, Wanted};
use crate::layer::inspect::inspect;
use crate::layer::licence;
use crate::layer::manifest::{self, LockRecord, Manifest, PackageRecord};
use crate::layer::metadata::Metadata;
use crate::layer::plan::{self, LayerPlan};
use crate::layer::sbom;
use crate::layer::smoke;
use crate::lock::uv::{Upgrade, Uv};
use crate::lock::{Lock, requirements};
use crate::relock::{self, relock};
use crate::ui::{Ui, counted, megabytes, shown};
use crate::wheels::select::{self, Chosen, Origin, select};
use crate::wheels::wheel::Wheel;
use crate::wheels::{fetch, source};
use crate::zip_reader::ZipFile;

/// How a build goes about the lock and the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Lock the newest versions first.
    pub upgrade: bool,
    /// Never make a lock anew.
    pub locked: bool,
    /// Never ask the network.
    pub offline: bool,
    /// How the zip is packed.
    pub packing: Packing,
    /// What is tried with it before it gets its name.
    pub proofs: Proofs,
}

/// How a zip is packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packing {
    /// What becomes of the wheels' streams.
    pub compression: Compression,
    /// Whether bytecode is added.
    pub bytecode: bool,
}

/// What is tried with a zip before it gets its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proofs {
    /// Import everything.
    pub smoke: bool,
    /// Build it again by another route.
    pub verify: bool,
}

/// Changes whenever the way from wheels to a zip changes.
const RECIPE: u32 = 1;

impl Packing {
    /// The hash of all that the zip depends on beside table and lock.
    fn recipe(self, folder: &Path, layer: &LayerTable) -> Sha256 {
        let tools = std::fs::read(requirements::build_path_of(folder, &layer.name)).unwrap_or_default();
        let version = env!("CARGO_PKG_VERSION");
        Sha256::of(format!("{RECIPE} {version} {self:?} {}", Sha256::of(&tools)).as_bytes())
    }
}

/// A layer that was built.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Where the zip lies.
    pub zip: PathBuf,
    /// What is in it.
    pub manifest: Manifest,
}

/// Why there is no new zip. The old one is as it was.
#[derive(Debug, Error)]
pub enum Error {
    /// The lock may not be made anew, and does not fit.
    #[error("the lock `{}` does not fit `layers.toml`", .0.display())]
    Stale(PathBuf),
    /// The lock may not be made, and there is none.
    #[error("there is no lock `{}`", .0.display())]
    NoLock(PathBuf),
    /// The lock cannot be read.
    #[error(transparent)]
    Lock(#[from] requirements::Error),
    /// The lock could not be made, or its files not found.
    #[error(transparent)]
    Relock(#[from] relock::Error),
    /// A package cannot serve the targets.
    #[error(transparent)]
    Select(#[from] select::Error),
    /// A file could not be fetched.
    #[error(transparent)]
    Fetch(#[from] fetch::Error),
    /// A source distribution could not be built.
    #[error(transparent)]
    Source(#[from] source::Error),
    /// The wheels do not go together.
    #[error(transparent)]
    Plan(#[from] plan::Error),
    /// The zip could not be assembled.
    #[error(transparent)]
    Assemble(#[from] archive::Error),
    /// There is no bytecode.
    #[error(transparent)]
    Bytecode(#[from] bytecode::Error),
    /// The imports could not be tried.
    #[error(transparent)]
    Smoke(#[from] smoke::Error),
    /// Another route gave other bytes.
    #[error("two builds of the layer differ, first at `{entry}`")]
    Unstable {
        /// The first file that is not the same.
        entry: String,
    },
    /// The layer would not work.
    #[error("the audit refuses the layer `{layer}`:\n{}", indented(findings))]
    Audit {
        /// The layer.
        layer: String,
        /// Why.
        findings: Vec<Finding>,
    },
    /// The cache is of no use.
    #[error(transparent)]
    Cache(#[from] cache::Error),
    /// The result cannot be written.
    #[error("failed to write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    /// What to do about it. `lock` is the command that locks.
    pub fn hint(&self, lock: &str) -> Option<String> {
        match self {
            Self::Stale(_) | Self::NoLock(_) => Some(format!("run `{lock}` and commit the result")),
            Self::Lock(_) => Some(format!("mend the line, or remove the file and run `{lock}`")),
            Self::Relock(error) => error.hint(lock),
            Self::Select(error) => error.hint(),
            Self::Fetch(error) => error.hint(),
            Self::Source(error) => error.hint(lock),
            Self::Cache(error) => Some(error.hint()),
            Self::Audit { layer, findings } => findings.first().map(|finding| {
                let file = finding.file.as_ref().map(|file| format!(":{file}")).unwrap_or_default();
                let key = format!("{}{file}", finding.id);
                format!("what is meant to be so is allowed by a line in `[layers.{layer}.allow]`: \"{key}\" = \"the reason\"")
            }),
            Self::Bytecode(error) => error.hint(),
            Self::Unstable { .. } => Some("please report this, with the lock; the bytes must not depend on the route".to_owned()),
            Self::Smoke(_) | Self::Plan(_) | Self::Assemble(_) | Self::Write { .. } => None,
        }
    }
}

fn indented(findings: &[Finding]) -> String {
    let findings: Vec<&Finding> = findings.iter().collect();
    audit::lines(&findings).iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// The folder of the artifacts, beside `layers.toml`.
pub fn artifacts_of(folder: &Path) -> PathBuf {
    folder.join("target").join("layers")
}

/// Builds one layer.
pub fn build(
    file: &LayersFile,
    layer: &LayerTable,
    options: Options,
    cache: &Cache,
    ui: &Ui,
) -> Result<Artifact, Error> {
    let folder = file.folder();
    let repository = {
        let folder = folder.to_path_buf();
        std::thread::spawn(move || repository(&folder))
    };
    let lock = fresh_lock(folder, layer, options, cache, ui)?;
    let path = artifacts_of(folder).join(format!("{}.zip", layer.name));
    let recipe = options.packing.recipe(folder, layer);
    let wanted = Wanted { inputs_sha256: &layer.inputs_sha256, lock: lock.sha256, recipe };
    let unchanged = fresh::unchanged(&path, &wanted).filter(|_| !options.proofs.verify);
    let source = repository.join().ok().flatten();
    if let Some(manifest) = unchanged.filter(|manifest| manifest.source == source) {
        if options.proofs.smoke {
            refuse(layer, try_imports(&path, layer, ui)?)?;
        }
        say_findings(&manifest, folder, layer, ui);
        ui.status("Fresh", described(&path, layer, &manifest));
        return Ok(Artifact { zip: path, manifest });
    }
    let mut find_uv = || Uv::find(cache, ui);
    let index = match layer.pythons.first() {
        Some(&oldest) => relock::locate(&lock, oldest, &mut find_uv, cache, options.offline)?,
        None => return Err(plan::Error::Empty.into()),
    };
    let chosen = select(&lock, &index, &layer.targets(), layer.wheels)?;

    let Written { assembled, packages, findings, bytecode } =
        write_zip(&path, folder, layer, &chosen, options, cache, ui)?;
    let manifest = Manifest {
        schema: manifest::SCHEMA,
        layer: layer.name.clone(),
        variant: None,
        layer_name: layer.layer_name.clone().unwrap_or_else(|| layer.name.clone()),
        zip: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        sha256: assembled.sha256,
        code_sha256: assembled.sha256.base64(),
        size: assembled.size,
        unzipped_size: assembled.unzipped_size,
        compatible_runtimes: layer.pythons.iter().map(|python| python.runtime()).collect(),
        compatible_architectures: layer.architectures.iter().map(ToString::to_string).collect(),
        description: layer.description.clone(),
        license: layer
            .license
            .clone()
            .or_else(|| licence::together(packages.iter().map(|package| package.license.as_deref()))),
        inputs_sha256: layer.inputs_sha256.clone(),
        lock: LockRecord {
            path: lock.path.strip_prefix(folder).unwrap_or(&lock.path).display().to_string(),
            sha256: lock.sha256,
        },
        source,
        packages,
        recipe: Some(recipe),
        bytecode,
        findings,
    };
    let manifest_path = path.with_extension("json");
    atomic::write(&manifest_path, manifest.to_json().as_bytes())
        .map_err(|source| Error::Write { path: manifest_path, source })?;
    say_findings(&manifest, folder, layer, ui);
    ui.status("Packaged", described(&path, layer, &manifest));
    Ok(Artifact { zip: path, manifest })
}

/// Writes the bill of materials of what was built.
pub fn write_sbom(artifact: &Artifact, path: &Path) -> Result<(), Error> {
    let inspection = inspect(&artifact.zip).map_err(archive::Error::from)?;
    atomic::write(path, sbom::of(&artifact.manifest, &inspection).as_bytes())
        .map_err(|source| Error::Write { path: path.to_path_buf(), source })
}

/// Warnings and notes of the audit, and the sizes against their limits.
fn say_findings(manifest: &Manifest, folder: &Path, layer: &LayerTable, ui: &Ui) {
    let growth = sizes::growth(manifest.size, sizes::published(folder, &manifest.layer_name), &layer.audit);
    let all: Vec<Finding> = growth.into_iter().chain(manifest.findings.iter().cloned()).collect();
    let of = |severity| all.iter().filter(|finding| finding.is(severity)).collect::<Vec<_>>();
    for line in audit::lines(&of(Severity::Warning)) {
        match line.strip_prefix("  ") {
            Some(fix) => ui.more(fix),
            None => ui.warning(line),
        }
    }
    for line in audit::lines(&of(Severity::Note)) {
        ui.detail("Found", line.trim_start());
    }
    ui.status(
        "Audited",
        format!(
            "{} of {} zipped, {} of {} unzipped: {}",
            megabytes(manifest.size),
            megabytes(sizes::DIRECT_LIMIT),
            megabytes(manifest.unzipped_size),
            megabytes(layer.audit.max_unzipped_size.unwrap_or(sizes::UNZIPPED_LIMIT)),
            audit::summary(&all)
        ),
    );
}

/// `target/layers/sosw.zip: sosw 3.0.1 and 16 more, 19.0 MB (81.5 MB unzipped), sha256 n9yf1qKc…`
fn described(path: &Path, layer: &LayerTable, manifest: &Manifest) -> String {
    let own = |package: &&PackageRecord| {
        layer.requirements.iter().any(|requirement| requirement.name.as_ref() == package.name)
    };
    let named: Vec<String> = manifest
        .packages
        .iter()
        .filter(own)
        .map(|package| format!("{} {}", package.name, package.version))
        .collect();
    let more = match manifest.packages.len() - named.len() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    format!(
        "{}: {}{more}, {} ({} unzipped), sha256 {}…",
        shown(path),
        named.join(", "),
        megabytes(manifest.size),
        megabytes(manifest.unzipped_size),
        &manifest.code_sha256[..8]
    )
}

fn fresh_lock(
    folder: &Path,
    layer: &LayerTable,
    options: Options,
    cache: &Cache,
    ui: &Ui,
) -> Result<Lock, Error> {
    let path = requirements::path_of(folder, &layer.name);
    if options.upgrade {
        return lock(folder, layer, &Upgrade::Everything, cache, ui);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match Lock::read(&path)? {
        Some(lock) if lock.fits(layer) => return Ok(lock),
        Some(_) if options.locked || options.offline => return Err(Error::Stale(path)),
        None if options.locked || options.offline => return Err(Error::NoLock(path)),
        Some(_) => ui.note(format!("`{name}` does not fit `layers.toml`; locking again")),
        None => ui.note(format!("there is no `{name}` yet; locking")),
    }
    lock(folder, layer, &Upgrade::Nothing, cache, ui)
}

/// Makes the lock of `layer` anew, and tells what has changed.
pub fn lock(
    folder: &Path,
    layer: &LayerTable,
    upgrade: &Upgrade,
    cache: &Cache,
    ui: &Ui,
) -> Result<Lock, Error> {
    let uv = Uv::find(cache, ui).map_err(relock::Error::from)?;
    let (lock, changes) = relock(folder, layer, &uv, upgrade, cache, ui)?;
    for change in &changes {
        ui.status("Changed", change);
    }
    let versions: Vec<String> = layer
        .requirements
        .iter()
        .filter_map(|requirement| {
            Some(format!("{} {}", requirement.name, lock.version_of(&requirement.name)?))
        })
        .collect();
    let packages = counted(lock.packages.len(), "package");
    ui.status("Locked", format!("{}: {packages}, {}", layer.name, versions.join(", ")));
    Ok(lock)
}

/// Fetches and builds the wheels and writes the zip. If a file of the cache turns out to be damaged, it is fetched or
/// built once more.
fn write_zip(
    path: &Path,
    folder: &Path,
    layer: &LayerTable,
    chosen: &[Chosen],
    options: Options,
    cache: &Cache,
    ui: &Ui,
) -> Result<Written, Error> {
    let try_once = || {
        let wheels = wheels(folder, layer, chosen, options, cache, ui)?;
        assemble(path, layer, chosen, &wheels, options, cache, ui)
    };
    match try_once() {
        Err(Error::Assemble(archive::Error::Damaged { path: damaged, .. })) => {
            ui.warning(format!("`{}` in the cache is damaged; getting it again", shown(&damaged)));
            // Its folder holds nothing else: a download, or a wheel that was built with its hash.
            let whole = damaged.parent().unwrap_or(&damaged);
            std::fs::remove_dir_all(whole)
                .map_err(|source| Error::Write { path: whole.to_path_buf(), source })?;
            try_once()
        }
        result => result,
    }
}

/// A wheel on this machine.
#[derive(Clone)]
struct Here {
    path: PathBuf,
    sha256: Sha256,
}

fn wheels(
    folder: &Path,
    layer: &LayerTable,
    chosen: &[Chosen],
    options: Options,
    cache: &Cache,
    ui: &Ui,
) -> Result<Vec<Here>, Error> {
    let files: Vec<_> = chosen.iter().map(|chosen| chosen.origin.file()).collect();
    let paths = fetch::fetch(&files, cache, options.offline, ui)?;
    let constraints = requirements::build_path_of(folder, &layer.name);
    let mut find_uv = || Uv::find(cache, ui);
    let here = chosen.iter().zip(paths).map(|(chosen, path)| match &chosen.origin {
        Origin::Wheel(file) => Ok(Here { path, sha256: file.sha256 }),
        Origin::Sdist(file) => {
            let built =
                source::wheel_of(file, &path, &constraints, &mut find_uv, cache, options.offline, ui)?;
            Ok(Here { path: built.path, sha256: built.sha256 })
        }
    });
    here.collect()
}

/// A zip that was written, and what is known of it.
struct Written {
    assembled: Assembled,
    packages: Vec<PackageRecord>,
    findings: Vec<Finding>,
    /// The interpreters that compiled its bytecode.
    bytecode: Vec<String>,
}

/// Writes the zip, while another thread checks that every wheel is what it has to be. It gets its name if the audit
/// lets it pass.
fn assemble(
    path: &Path,
    layer: &LayerTable,
    chosen: &[Chosen],
    here: &[Here],
    options: Options,
    cache: &Cache,
    ui: &Ui,
) -> Result<Written, Error> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let checking =
            scope.spawn(|| archive::check_hashes(here.iter().map(|here| (here.path.as_path(), here.sha256))));
        let written = write(path, layer, chosen, here, (options.packing, threads), cache, ui);
        match checking.join() {
            Ok(Ok(())) => {
                let (out, written, facts) = written?;
                facts.iter().try_for_each(|facts| facts.keep(cache))?;
                let mut findings = refuse(layer, written.findings)?;
                if options.proofs.smoke {
                    findings.extend(refuse(layer, try_imports(out.path(), layer, ui)?)?);
                }
                if options.proofs.verify {
                    verify(out.path(), layer, chosen, here, options.packing, cache, ui)?;
                }
                atomic::finish(out, path)
                    .map_err(|source| Error::Write { path: path.to_path_buf(), source })?;
                Ok(Written { findings, ..written })
            }
            // A damaged wheel explains whatever else went wrong.
            Ok(Err(damaged)) => Err(damaged.into()),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Stops the build if there is an error among the findings.
fn refuse(layer: &LayerTable, findings: Vec<Finding>) -> Result<Vec<Finding>, Error> {
    let (errors, others): (Vec<Finding>, Vec<Finding>) =
        findings.into_iter().partition(|finding| finding.is(Severity::Error));
    if errors.is_empty() {
        return Ok(others);
    }
    Err(Error::Audit { layer: layer.name.clone(), findings: errors })
}

/// `--smoke`: says what was tried and what was not, and gives what does not import.
fn try_imports(zip: &Path, layer: &LayerTable, ui: &Ui) -> Result<Vec<Finding>, Error> {
    ui.status("Trying", "to import every module");
    let outcome = smoke::smoke(zip, &layer.targets())?;
    for tried in &outcome.tried {
        ui.status("Tried", tried);
    }
    if outcome.tried.is_empty() {
        ui.warning(format!("nothing was tried: {}", outcome.not_tried.join(", ")));
    } else if !outcome.not_tried.is_empty() {
        ui.note(format!("not tried: {}", outcome.not_tried.join(", ")));
    }
    let mut findings = outcome.failures;
    let late = layer.audit.allow.iter().filter(|(key, _)| key.starts_with("import-fails"));
    audit::allow(&mut findings, &late.map(|(key, reason)| (key.clone(), reason.clone())).collect());
    Ok(findings)
}

/// `--verify`: the same layer once more, in another folder, from the wheels in another order, on one thread.
fn verify(
    zip: &Path,
    layer: &LayerTable,
    chosen: &[Chosen],
    here: &[Here],
    packing: Packing,
    cache: &Cache,
    ui: &Ui,
) -> Result<(), Error> {
    let failed = |source| Error::Write { path: zip.to_path_buf(), source };
    let folder = tempfile::tempdir().map_err(failed)?;
    let other = folder.path().join("another").join("layer.zip");
    let chosen: Vec<Chosen> = chosen.iter().rev().cloned().collect();
    let here: Vec<Here> = here.iter().rev().cloned().collect();
    let quiet = Ui::new(crate::ui::Verbosity::Quiet, anstream::ColorChoice::Never);
    let (out, written, _) = write(&other, layer, &chosen, &here, (packing, 1), cache, &quiet)?;
    let (one, other) = (archive::hash_of(zip), archive::hash_of(out.path()));
    let (one, other) = (one.map_err(archive::Error::from)?, other.map_err(archive::Error::from)?);
    if one == other && other == written.assembled.sha256 {
        ui.status("Verified", "built twice, by different routes: the same bytes");
        return Ok(());
    }
    let open = |path: &Path| ZipFile::open(path).map_err(archive::Error::from);
    let entry = compress::first_difference(&open(zip)?, &open(out.path())?);
    Err(Error::Unstable { entry: entry.unwrap_or_else(|| "the order of the files".to_owned()) })
}

fn write(
    path: &Path,
    layer: &LayerTable,
    chosen: &[Chosen],
    here: &[Here],
    (packing, threads): (Packing, usize),
    cache: &Cache,
    ui: &Ui,
) -> Result<(NamedTempFile, Written, Vec<Facts>), Error> {
    let wheels = here.iter().map(|here| Wheel::open(&here.path)).collect::<Result<Vec<Wheel>, _>>();
    let wheels = wheels.map_err(archive::Error::from)?;
    let names: Vec<String> =
        chosen.iter().map(|chosen| format!("{} {}", chosen.name, chosen.version)).collect();
    let plan = plan::plan(&wheels, &names)?;
    let mut packages: Vec<PackageRecord> = chosen.iter().map(record).collect();
    for entry in &plan.entries {
        let package = &mut packages[entry.wheel];
        package.files += 1;
        package.size += entry.entry.compressed_size;
        package.unzipped_size += entry.entry.size;
        if entry.path.ends_with(".dist-info/METADATA") {
            let metadata = wheels[entry.wheel].zip().content(entry.entry).map_err(archive::Error::from)?;
            package.license = package.license.take().or_else(|| licence::of(&Metadata::parse(&metadata)));
        }
    }
    let failed = |source| Error::Write { path: path.to_path_buf(), source };
    let artifacts = path.parent().unwrap_or(path);
    std::fs::create_dir_all(artifacts).map_err(failed)?;
    atomic::sweep(artifacts);
    let out = atomic::begin(path).map_err(failed)?;
    let assembled = archive::assemble(&plan, &wheels, out.as_file())?;
    let copied = Packed { out, assembled, added: Vec::new(), bytecode: Vec::new() };
    let facts = wheels.iter().zip(here).map(|(wheel, here)| Facts::of(wheel, here.sha256, cache));
    let facts = facts.collect::<Result<Vec<Facts>, _>>().map_err(archive::Error::from)?;
    let mut subject = subject(&plan, &facts, layer, chosen, assembled);
    let mut findings = audit::audit(&subject, &layer.audit);
    // What is refused anyway need not be packed anew.
    let is_refused = findings.iter().any(|finding| finding.is(Severity::Error));
    let packed = if packing == Packing::default() || is_refused {
        copied
    } else {
        let packed = repack(path, layer, copied, packing, threads, ui)?;
        let added = packed.added.iter().map(|(path, size)| AuditedFile {
            path,
            size: *size,
            package: None,
            native: None,
        });
        subject.files.extend(added);
        subject.zipped_size = packed.assembled.size;
        findings = audit::audit(&subject, &layer.audit);
        packed
    };
    let Packed { out, assembled, bytecode, .. } = packed;
    Ok((out, Written { assembled, packages, findings, bytecode }, facts))
}

/// A zip that has no name yet.
struct Packed {
    out: NamedTempFile,
    assembled: Assembled,
    /// Files that were added, with their sizes in bytes.
    added: Vec<(String, u64)>,
    bytecode: Vec<String>,
}

/// `--bytecode` and `--compress max`: the zip of copied streams written anew.
fn repack(
    path: &Path,
    layer: &LayerTable,
    copied: Packed,
    packing: Packing,
    threads: usize,
    ui: &Ui,
) -> Result<Packed, Error> {
    let zip = ZipFile::open(copied.out.path()).map_err(archive::Error::from)?;
    let pythons = layer.pythons.iter().copied().collect();
    let compiled = packing.bytecode.then(|| bytecode::compile(&zip, &pythons)).transpose()?;
    let out = atomic::begin(path).map_err(|source| Error::Write { path: path.to_path_buf(), source })?;
    let nothing = BTreeMap::new();
    let more = compiled.as_ref().map_or(&nothing, |compiled| &compiled.files);
    let assembled = compress::repack(&zip, more, packing.compression, threads, out.as_file())?;
    if let Some(compiled) = &compiled {
        let versions = compiled.interpreters.join(", ");
        let files = counted(compiled.files.len(), "file");
        ui.status(
            "Compiled",
            format!("{files} with CPython {versions}: {} more, unzipped", megabytes(compiled.size)),
        );
        if !compiled.unstable.is_empty() {
            ui.note(format!(
                "{} left out, whose bytecode is not the same twice",
                counted(compiled.unstable.len(), "file")
            ));
        }
    }
    if packing.compression == Compression::Max {
        let (before, after) = (copied.assembled.size, assembled.size);
        ui.status("Compressed", format!("{} to {}", megabytes(before), megabytes(after)));
    }
    let size = |file: &PathBuf| std::fs::metadata(file).map_or(0, |file| file.len());
    let added = more.iter().map(|(path, file)| (path.clone(), size(file))).collect();
    let bytecode = compiled.map(|compiled| compiled.interpreters).unwrap_or_default();
    Ok(Packed { out, assembled, added, bytecode })
}

/// What the audit is to look at.
fn subject<'a>(
    plan: &'a LayerPlan<'_>,
    facts: &'a [Facts],
    layer: &LayerTable,
    chosen: &[Chosen],
    assembled: Assembled,
) -> Subject<'a> {
    let file = |entry: &'a plan::LayerEntry<'_>| AuditedFile {
        path: &entry.path,
        size: entry.entry.size,
        package: Some(entry.wheel),
        native: facts[entry.wheel].get(&entry.entry.path),
    };
    let package = |chosen: &Chosen| audit::Package {
        name: format!("{} {}", chosen.name, chosen.version),
        native_wheel_passed_over: chosen.native_wheel_passed_over,
    };
    Subject {
        files: plan.entries.iter().map(file).collect(),
        packages: chosen.iter().map(package).collect(),
        targets: layer.targets(),
        zipped_size: assembled.size,
        collisions: plan.collisions.clone(),
        shared: plan.shared.clone(),
    }
}

fn record(chosen: &Chosen) -> PackageRecord {
    let file = chosen.origin.file();
    PackageRecord {
        name: chosen.name.to_string(),
        version: chosen.version.to_string(),
        source: file.file_name.clone(),
        sha256: file.sha256,
        size: 0,
        unzipped_size: 0,
        files: 0,
        native_wheel_passed_over: chosen.native_wheel_passed_over,
        license: None,
    }
}

/// Commit and cleanness of the repository around `folder`; one call of git.
fn repository(folder: &Path) -> Option<manifest::Source> {
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    let output = Command::new("git")
        .args(["status", "--porcelain=v2", "--branch", "--untracked-files=no"])
        .current_dir(folder)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let commit = text.lines().find_map(|line| line.strip_prefix("# branch.oid "))?;
    if commit == "(initial)" {
        return None;
    }
    let clean = text.lines().all(|line| line.starts_with('#'));
    Some(manifest::Source { commit: commit.to_owned(), clean })
}
