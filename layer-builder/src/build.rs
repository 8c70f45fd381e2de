//! The way through: lock, then wheels, then layer. Each stage is entered once and hands on plain data.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::NamedTempFile;
use thiserror::Error;

use crate::atomic;
use crate::cache::{self, Cache};
use crate::config::{LayerTable, LayersFile};
use crate::hash::Sha256;
use crate::layer::archive::{self, Assembled};
use crate::layer::manifest::{self, LockRecord, Manifest, PackageRecord};
use crate::layer::plan;
use crate::lock::uv::{Upgrade, Uv};
use crate::lock::{Lock, requirements};
use crate::relock::{self, relock};
use crate::ui::{Ui, counted, megabytes, shown};
use crate::wheels::select::{self, Chosen, Origin, select};
use crate::wheels::wheel::Wheel;
use crate::wheels::{fetch, source};

/// How a build goes about the lock and the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Lock the newest versions first.
    pub upgrade: bool,
    /// Never make a lock anew.
    pub locked: bool,
    /// Never ask the network.
    pub offline: bool,
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
            Self::Plan(_) | Self::Assemble(_) | Self::Write { .. } => None,
        }
    }
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
    let mut find_uv = || Uv::find(cache, ui);
    let index = match layer.pythons.first() {
        Some(&oldest) => relock::locate(&lock, oldest, &mut find_uv, cache, options.offline)?,
        None => return Err(plan::Error::Empty.into()),
    };
    let chosen = select(&lock, &index, &layer.targets(), layer.wheels)?;

    let path = artifacts_of(folder).join(format!("{}.zip", layer.name));
    let (assembled, packages) = write_zip(&path, folder, layer, &chosen, options, cache, ui)?;
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
        license: layer.license.clone(),
        inputs_sha256: layer.inputs_sha256.clone(),
        lock: LockRecord {
            path: lock.path.strip_prefix(folder).unwrap_or(&lock.path).display().to_string(),
            sha256: lock.sha256,
        },
        source: repository.join().ok().flatten(),
        packages,
    };
    let manifest_path = path.with_extension("json");
    atomic::write(&manifest_path, manifest.to_json().as_bytes())
        .map_err(|source| Error::Write { path: manifest_path, source })?;
    ui.status("Packaged", described(&path, layer, &manifest));
    Ok(Artifact { zip: path, manifest })
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
) -> Result<(Assembled, Vec<PackageRecord>), Error> {
    let try_once = || {
        let wheels = wheels(folder, layer, chosen, options, cache, ui)?;
        assemble(path, chosen, &wheels)
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

/// Writes the zip, while another thread checks that every wheel is what it has to be.
fn assemble(path: &Path, chosen: &[Chosen], here: &[Here]) -> Result<(Assembled, Vec<PackageRecord>), Error> {
    std::thread::scope(|scope| {
        let checking =
            scope.spawn(|| archive::check_hashes(here.iter().map(|here| (here.path.as_path(), here.sha256))));
        let written = write(path, chosen, here);
        match checking.join() {
            Ok(Ok(())) => {
                let (out, assembled, packages) = written?;
                atomic::finish(out, path)
                    .map_err(|source| Error::Write { path: path.to_path_buf(), source })?;
                Ok((assembled, packages))
            }
            // A damaged wheel explains whatever else went wrong.
            Ok(Err(damaged)) => Err(damaged.into()),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn write(
    path: &Path,
    chosen: &[Chosen],
    here: &[Here],
) -> Result<(NamedTempFile, Assembled, Vec<PackageRecord>), Error> {
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
    }
    let failed = |source| Error::Write { path: path.to_path_buf(), source };
    let artifacts = path.parent().unwrap_or(path);
    std::fs::create_dir_all(artifacts).map_err(failed)?;
    atomic::sweep(artifacts);
    let out = atomic::begin(path).map_err(failed)?;
    let assembled = archive::assemble(&plan, &wheels, out.as_file())?;
    Ok((out, assembled, packages))
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
