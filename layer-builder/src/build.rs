//! The way through: lock, then wheels, then layer. Each stage is entered once and hands on plain data.

mod pack;
mod prove;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use thiserror::Error;

use crate::atomic;
use crate::cache::{self, Cache};
use crate::config::{LayerTable, LayersFile};
use crate::hash::Sha256;
use crate::layer::archive;
use crate::layer::audit::Finding;
use crate::layer::compress::Compression;
use crate::layer::fresh::{self, Wanted};
use crate::layer::inspect::inspect;
use crate::layer::manifest::{self, LockRecord, Manifest, PackageRecord};
use crate::layer::{bytecode, licence, plan, sbom, smoke};
use crate::lock::uv::{Network, Upgrade, Uv};
use crate::lock::{Lock, requirements};
use crate::relock::{self, Answers, relock};
use crate::ui::{Ui, counted, megabytes, shown};
use crate::wheels::select::{self, Chosen, Origin, select};
use crate::wheels::{fetch, source};
use crate::zip_reader;
use pack::Written;

/// How a build goes about the lock and the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Lock the newest versions first.
    pub upgrade: bool,
    /// Never make a lock anew.
    pub locked: bool,
    /// Whether the network may be asked.
    pub network: Network,
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
    #[error("the lock `{}` was made for something else than `layers.toml` asks for", .0.display())]
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
    #[error("the audit refuses the layer `{layer}`:\n{}", prove::indented(findings))]
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
            Self::Lock(error) => error.hint(lock),
            Self::Relock(error) => error.hint(lock),
            Self::Select(error) => error.hint(lock),
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
            Self::Plan(plan::Error::Empty) => {
                Some("do the markers of `requirements` leave anything for these Pythons?".to_owned())
            }
            Self::Smoke(_) | Self::Plan(_) | Self::Assemble(_) | Self::Write { .. } => None,
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
    let path = artifacts_of(folder).join(format!("{}.zip", layer.name));
    let lock = fresh_lock(folder, layer, options, cache, ui)?;
    let work = Work { folder, layer, lock: &lock, options, cache, ui };
    let recipe = options.packing.recipe(folder, layer);
    let wanted = Wanted { inputs_sha256: &layer.inputs_sha256, lock: lock.sha256, recipe };
    let unchanged = fresh::unchanged(&path, &wanted).filter(|_| !options.proofs.verify);
    let source = repository.join().ok().flatten();
    if let Some(manifest) = unchanged.filter(|manifest| manifest.source == source) {
        if options.proofs.smoke {
            prove::refuse(layer, work.try_imports(&path)?)?;
        }
        work.say_findings(&manifest);
        ui.status("Fresh", described(&path, layer, &manifest));
        return Ok(Artifact { zip: path, manifest });
    }
    let Written { out, assembled, packages, findings, bytecode } = work.zip_wherever_files_are(&path)?;
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
    // Both are complete before the first of them gets its name.
    let manifest_path = path.with_extension("json");
    let failed = |path: &Path, source| Error::Write { path: path.to_path_buf(), source };
    let mut manifest_out = atomic::begin(&manifest_path).map_err(|error| failed(&manifest_path, error))?;
    std::io::Write::write_all(&mut manifest_out, manifest.to_json().as_bytes())
        .map_err(|error| failed(&manifest_path, error))?;
    atomic::finish(out, &path).map_err(|error| failed(&path, error))?;
    atomic::finish(manifest_out, &manifest_path).map_err(|error| failed(&manifest_path, error))?;
    work.say_findings(&manifest);
    ui.status("Packaged", described(&path, layer, &manifest));
    Ok(Artifact { zip: path, manifest })
}

/// Writes the bill of materials of what was built.
pub fn write_sbom(artifact: &Artifact, path: &Path) -> Result<(), Error> {
    let inspection = inspect(&artifact.zip).map_err(archive::Error::from)?;
    atomic::write(path, sbom::of(&artifact.manifest, &inspection).as_bytes())
        .map_err(|source| Error::Write { path: path.to_path_buf(), source })
}

/// `target/layers/sosw.zip: sosw 3.0.1 and 16 more, 19.0 MB (81.5 MB unzipped), CodeSha256 n9yf1qKc…`
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
        "{}: {}{more}, {} ({} unzipped), CodeSha256 {}…",
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
    let fixed = options.locked || options.network == Network::Forbidden;
    match Lock::read(&path)? {
        Some(lock) if lock.fits(layer) => match lock.missing_build_lock(folder, layer) {
            None => return Ok(lock),
            Some(missing) if fixed => return Err(Error::NoLock(missing)),
            Some(missing) => ui.note(format!("there is no `{}`; locking again", shown(&missing))),
        },
        Some(_) if fixed => return Err(Error::Stale(path)),
        None if fixed => return Err(Error::NoLock(path)),
        Some(_) => ui
            .note(format!("`{name}` was made for something else than `layers.toml` asks for; locking again")),
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
    let uv = Uv::find(cache, Network::Allowed, ui).map_err(relock::Error::from)?;
    let (lock, changes) = relock(folder, layer, &uv, upgrade, cache, ui)?;
    for change in &changes {
        ui.status("Changed", change);
    }
    let versions: BTreeSet<String> = layer
        .requirements
        .iter()
        .filter_map(|requirement| {
            Some(format!(", {} {}", requirement.name, lock.version_of(&requirement.name)?))
        })
        .collect();
    let packages = counted(lock.packages.len(), "package");
    ui.status("Locked", format!("{}: {packages}{}", layer.name, versions.into_iter().collect::<String>()));
    Ok(lock)
}

/// One build, from its lock on.
struct Work<'a> {
    folder: &'a Path,
    layer: &'a LayerTable,
    lock: &'a Lock,
    options: Options,
    cache: &'a Cache,
    ui: &'a Ui,
}

/// A wheel on this machine, open.
struct Here {
    path: PathBuf,
    sha256: Sha256,
    file: File,
}

impl Here {
    /// The same once more.
    fn again(&self) -> Result<Self, Error> {
        let io = |source| zip_reader::Error::Io { path: self.path.clone(), source };
        let file = self.file.try_clone().map_err(io).map_err(archive::Error::from)?;
        Ok(Self { path: self.path.clone(), sha256: self.sha256, file })
    }
}

impl Work<'_> {
    /// If the server no longer has a file where it was, the index is asked once where it is now.
    fn zip_wherever_files_are(&self, path: &Path) -> Result<Written, Error> {
        match self.zip(path, Answers::Kept) {
            Err(Error::Fetch(gone)) if gone.may_have_moved() && self.options.network == Network::Allowed => {
                self.ui.note(format!("{gone}; asking the index where it is now"));
                match self.zip(path, Answers::New) {
                    // The index has no better answer: what counts is that the file is gone.
                    Err(Error::Relock(_)) => Err(gone.into()),
                    result => result,
                }
            }
            result => result,
        }
    }

    /// Gets the wheels and writes the zip beside `path`. If a file of the cache turns out to be damaged, it is fetched
    /// or built once more.
    fn zip(&self, path: &Path, answers: Answers) -> Result<Written, Error> {
        let Some(&oldest) = self.layer.pythons.first() else { return Err(plan::Error::Empty.into()) };
        let index = relock::locate(
            self.folder,
            self.lock,
            oldest,
            answers,
            self.options.network,
            self.cache,
            self.ui,
        )?;
        let chosen = select(self.lock, &index, &self.layer.targets(), self.layer.wheels)?;
        let try_once = || self.assemble(path, &chosen, &self.wheels(&chosen)?);
        match try_once() {
            Err(Error::Assemble(archive::Error::Damaged { path: damaged, .. })) => {
                self.ui.warning(format!("`{}` in the cache is damaged; getting it again", shown(&damaged)));
                // Its folder holds nothing else: a download, or a wheel that was built with its hash.
                let whole = damaged.parent().unwrap_or(&damaged);
                std::fs::remove_dir_all(whole)
                    .map_err(|source| Error::Write { path: whole.to_path_buf(), source })?;
                try_once()
            }
            result => result,
        }
    }

    fn wheels(&self, chosen: &[Chosen]) -> Result<Vec<Here>, Error> {
        let files: Vec<_> = chosen.iter().map(|chosen| chosen.origin.file()).collect();
        let paths = fetch::fetch(&files, self.cache, self.options.network, self.ui)?;
        let constraints = requirements::build_path_of(self.folder, &self.layer.name);
        let here = chosen.iter().zip(paths).map(|(chosen, path)| {
            let (path, sha256) = match &chosen.origin {
                Origin::Wheel(file) => (path, file.sha256),
                Origin::Sdist(file) => {
                    let built = source::wheel_of(
                        file,
                        &path,
                        self.folder,
                        &constraints,
                        self.cache,
                        self.options.network,
                        self.ui,
                    )?;
                    (built.path, built.sha256)
                }
            };
            let file =
                File::open(&path).map_err(|source| zip_reader::Error::Io { path: path.clone(), source });
            Ok(Here { file: file.map_err(archive::Error::from)?, path, sha256 })
        });
        here.collect()
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
