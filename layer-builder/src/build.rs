//! The way through: lock, then wheels, then layer. Each stage is entered once and hands on plain data.

mod lock;
mod pack;
mod prove;
mod wheels;

use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pep508_rs::PackageName;
use thiserror::Error;

use crate::atomic;
use crate::cache::{self, Cache};
use crate::hash::Sha256;
use crate::layer::archive;
use crate::layer::audit::Finding;
use crate::layer::compress::Compression;
use crate::layer::fresh;
use crate::layer::hashing::Hashing;
use crate::layer::include;
use crate::layer::inspect::inspect;
use crate::layer::listing;
use crate::layer::manifest::{self, LockRecord, Manifest, PackageRecord};
use crate::layer::{bytecode, licence, plan, requires, sbom, smoke};
use crate::lock::uv::Network;
use crate::lock::{Lock, requirements};
use crate::relock::{self, Answers};
use crate::requirement::Wanted;
use crate::spec::{self, Spec};
use crate::target::Date;
use crate::ui::{Ui, counted, megabytes, shown};
use crate::wheels::layout::{Part, parts};
use crate::wheels::select::{self, Chosen, Origin, Selected, select};
use crate::wheels::{explain, fetch, source};
use pack::Written;
use wheels::Here;

pub use lock::{check as check_lock, fresh_lock, lock};

/// How a build goes about the lock and the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Lock the newest versions first.
    pub upgrade: bool,
    /// Never make a lock anew.
    pub locked: bool,
    /// Whether the network may be asked.
    pub network: Network,
    /// The day, for what ends on one.
    pub today: Date,
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
const RECIPE: u32 = 2;

impl Packing {
    /// The hash of all that the zip depends on beside table and lock.
    fn recipe(self, spec: &Spec<'_>) -> Sha256 {
        let tools = std::fs::read(&spec.build_lock).unwrap_or_default();
        let version = env!("CARGO_PKG_VERSION");
        // What is only audited counts, too: findings stand in the manifest.
        let stated = spec.layer.provided.stated();
        Sha256::of(format!("{RECIPE} {version} {self:?} {}{stated}", Sha256::of(&tools)).as_bytes())
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
    /// The lock that the layer's table names is not there.
    #[error("there is no lock `{}`, which `lock` in `layers.toml` names", .0.display())]
    NoGiven(PathBuf),
    /// The lock that the layer's table names is not ours to change.
    #[error("the lock `{}` is made by somebody else, and not upgraded here", .0.display())]
    NotOurs(PathBuf),
    /// There is no such variant of the layer.
    #[error(transparent)]
    Spec(#[from] spec::Error),
    /// The lock cannot be read.
    #[error(transparent)]
    Lock(#[from] requirements::Error),
    /// The lock could not be made, or its files not found.
    #[error(transparent)]
    Relock(#[from] Box<relock::Error>),
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
    /// A package does not run on one of the runtimes.
    #[error(transparent)]
    Requires(#[from] requires::Error),
    /// A file that is to be included cannot be.
    #[error(transparent)]
    Include(#[from] include::Error),
    /// `--explain` asks for something else.
    #[error("there is no `{name}` in the lock `{}`", lock.display())]
    NotInLock {
        /// The package.
        name: PackageName,
        /// The lock.
        lock: PathBuf,
    },
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

impl From<relock::Error> for Error {
    fn from(error: relock::Error) -> Self {
        Box::new(error).into()
    }
}

impl Error {
    /// Whether it says that the lock is not there, or not one for this layer.
    pub fn is_about_the_lock(&self) -> bool {
        match self {
            Self::Stale(_) | Self::NoLock(_) | Self::NoGiven(_) => true,
            Self::Relock(error) => matches!(**error, relock::Error::Unfit { .. }),
            _ => false,
        }
    }

    /// What to do about it. `lock` is the command that locks.
    pub fn hint(&self, lock: &str) -> Option<String> {
        match self {
            Self::Stale(_) | Self::NoLock(_) => Some(format!("run `{lock}` and commit the result")),
            Self::NoGiven(path) => Some(relock::how_to_make(path)),
            Self::NotOurs(_) => Some("what has made it makes it anew".to_owned()),
            Self::Lock(error) => error.hint(lock),
            Self::Spec(error) => Some(error.hint()),
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
            Self::Requires(error) => Some(error.hint()),
            Self::Include(error) => error.hint(),
            Self::Assemble(archive::Error::Write(source)) | Self::Write { source, .. } => {
                Some(written_hint(source.kind()).to_owned())
            }
            Self::Smoke(_)
            | Self::Plan(_)
            | Self::Assemble(_)
            | Self::NotInLock { .. } => None,
        }
    }
}

/// What to do where the result could not be written.
fn written_hint(kind: std::io::ErrorKind) -> &'static str {
    use std::io::ErrorKind;
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on that disk, and run it again",
        ErrorKind::ReadOnlyFilesystem => {
            "that disk is read-only: mount it for writing, or build in a copy of the project elsewhere"
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists | ErrorKind::IsADirectory => {
            "see what is in its place, a file or a folder, and move that away"
        }
        _ => "see to it that `target/layers` and the files in it are yours to write",
    }
}

/// Builds one layer: one zip, or one for each architecture.
pub fn build(spec: &Spec<'_>, options: Options, cache: &Cache, ui: &Ui) -> Result<Vec<Artifact>, Error> {
    let repository = {
        let folder = spec.folder.to_path_buf();
        std::thread::spawn(move || repository(&folder))
    };
    for python in spec.pythons() {
        let end = spec.layer.runtimes.get(python).and_then(|runtime| runtime.end);
        if let Some(end) = end.filter(|end| *end <= options.today) {
            ui.warning(format!("Lambda supports {} no longer, since {end}", python.runtime()));
        }
    }
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let hashing = Hashing::on(threads);
    let lock = fresh_lock(spec, options, cache, ui)?;
    let work = Work { spec, lock: &lock, options, cache, ui, threads, hashing: &hashing };
    let source = LazyCell::new(|| repository.join().ok().flatten());
    let recipe = options.packing.recipe(spec);
    let unchanged = if options.proofs.verify || spec.depends_on_folders() {
        None
    } else {
        fresh::unchanged(spec, lock.sha256, recipe)
    };
    if let Some(unchanged) =
        unchanged.filter(|all| all.iter().all(|(_, manifest)| manifest.source == *source))
    {
        return unchanged.into_iter().map(|(path, manifest)| work.still(path, manifest)).collect();
    }
    let written = work.zips_wherever_files_are()?;
    let source = source.clone();

    // All are complete before the first of them gets its name.
    let mut finished = Vec::new();
    for zip in written {
        let manifest = manifest(&work, source.clone(), recipe, &zip);
        let manifest_path = zip.path.with_extension("json");
        let failed = |source| Error::Write { path: manifest_path.clone(), source };
        let mut out = atomic::begin(&manifest_path).map_err(failed)?;
        std::io::Write::write_all(&mut out, manifest.to_json().as_bytes()).map_err(failed)?;
        finished.push((zip, manifest, manifest_path, out));
    }
    let mut artifacts = Vec::new();
    for (zip, manifest, manifest_path, out) in finished {
        atomic::finish(zip.out, &zip.path)
            .map_err(|source| Error::Write { path: zip.path.clone(), source })?;
        atomic::finish(out, &manifest_path).map_err(|source| Error::Write { path: manifest_path, source })?;
        listing::keep(&zip.path, manifest.sha256, cache);
        work.say_findings(&manifest);
        ui.status("Packaged", described(&zip.path, spec, &manifest));
        artifacts.push(Artifact { zip: zip.path, manifest });
    }
    remove_others(spec, &artifacts);
    Ok(artifacts)
}

fn manifest(work: &Work<'_>, source: Option<manifest::Source>, recipe: Sha256, zip: &Written) -> Manifest {
    let (spec, lock) = (work.spec, work.lock);
    let licences = || licence::together(zip.packages.iter().map(|package| package.license.as_deref()));
    let architectures: BTreeSet<_> = zip.targets.iter().map(|target| target.architecture).collect();
    let pythons: BTreeSet<_> = zip.targets.iter().map(|target| target.python).collect();
    Manifest {
        schema: manifest::SCHEMA,
        layer: spec.layer.name.clone(),
        variant: spec.variant.clone(),
        layer_name: spec.layer_name(zip.architecture),
        zip: zip.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        sha256: zip.assembled.sha256,
        code_sha256: zip.assembled.sha256.base64(),
        size: zip.assembled.size,
        unzipped_size: zip.assembled.unzipped_size,
        compatible_runtimes: pythons.iter().map(|python| python.runtime()).collect(),
        compatible_architectures: architectures.iter().map(ToString::to_string).collect(),
        description: spec.layer.description.clone(),
        license: spec.layer.license.clone().or_else(licences),
        inputs_sha256: spec.layer.inputs_sha256.clone(),
        lock: LockRecord {
            path: lock.path.strip_prefix(spec.folder).unwrap_or(&lock.path).display().to_string(),
            sha256: lock.sha256,
        },
        source,
        packages: zip.packages.clone(),
        recipe: Some(recipe),
        bytecode: zip.bytecode.clone(),
        findings: zip.findings.clone(),
    }
}

/// Writes the bill of materials of what was built to `path`; where there is a zip for each architecture, there is a
/// bill for each, with the architecture in its name.
pub fn write_sboms(artifacts: &[Artifact], path: &Path) -> Result<Vec<PathBuf>, Error> {
    let write = |artifact: &Artifact| {
        let path = match (artifacts.len(), artifact.manifest.compatible_architectures.as_slice()) {
            (2.., [architecture]) => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                let mut name = format!("{stem}-{architecture}");
                if let Some(extension) = path.extension() {
                    name = format!("{name}.{}", extension.to_string_lossy());
                }
                path.with_file_name(name)
            }
            _ => path.to_path_buf(),
        };
        let inspection = inspect(&artifact.zip).map_err(archive::Error::from)?;
        atomic::write(&path, sbom::of(&artifact.manifest, &inspection).as_bytes())
            .map_err(|source| Error::Write { path: path.clone(), source })?;
        Ok(path)
    };
    artifacts.iter().map(write).collect()
}

/// Removes artifacts of the same layer and variant that this build did not make: another division of it.
fn remove_others(spec: &Spec<'_>, made: &[Artifact]) {
    for file in std::fs::read_dir(&spec.artifacts).into_iter().flatten().flatten() {
        let path = file.path();
        let is_made = made.iter().any(|artifact| artifact.zip.with_extension("json") == path);
        if is_made || path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let manifest =
            std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok());
        let is_ours =
            |manifest: &Manifest| manifest.layer == spec.layer.name && manifest.variant == spec.variant;
        if let Some(manifest) = manifest.filter(is_ours) {
            // What cannot be removed is no worse than it was.
            let _ = std::fs::remove_file(spec.artifacts.join(manifest.zip));
            let _ = std::fs::remove_file(path);
        }
    }
}

/// `sosw.zip: sosw 3.0.1 and 16 more, 18.9 MB, CodeSha256 n9yf1qKc…`
fn described(path: &Path, spec: &Spec<'_>, manifest: &Manifest) -> String {
    let own = |package: &&PackageRecord| {
        let mut requirements = spec.layer.requirements.iter().filter_map(Wanted::name);
        requirements.any(|name| name.as_ref() == package.name)
    };
    let named = manifest.packages.iter().filter(own);
    let mut named: Vec<String> =
        named.map(|package| format!("{} {}", package.name, package.version)).collect();
    named.dedup();
    let names: BTreeSet<&str> = manifest.packages.iter().map(|package| package.name.as_str()).collect();
    let what = match (named.is_empty(), names.len() - named.len().min(names.len())) {
        (true, _) => counted(names.len(), "package"),
        (false, 0) => named.join(", "),
        (false, count) => format!("{} and {count} more", named.join(", ")),
    };
    let file = path.file_name().unwrap_or_default().display();
    format!("{file}: {what}, {}, CodeSha256 {}…", megabytes(manifest.size), &manifest.code_sha256[..8])
}

/// What `--explain` says of a package.
pub fn explain(
    spec: &Spec<'_>,
    name: &PackageName,
    options: Options,
    cache: &Cache,
    ui: &Ui,
) -> Result<String, Error> {
    let lock = fresh_lock(spec, options, cache, ui)?;
    let index = relock::locate(spec, &lock, Answers::Kept, options.network, cache, ui)?;
    let choices = select::choices_of(name, &lock, &index, &spec.targets, spec.layer.wheels)?;
    let text = explain::explain(name, &lock, &index, &choices, &spec.targets);
    text.ok_or_else(|| Error::NotInLock { name: name.clone(), lock: lock.path })
}

/// One build, from its lock on.
struct Work<'a> {
    spec: &'a Spec<'a>,
    lock: &'a Lock,
    options: Options,
    cache: &'a Cache,
    ui: &'a Ui,
    /// How many there are for it.
    threads: usize,
    hashing: &'a Hashing,
}

impl Work<'_> {
    /// If the server no longer has a file where it was, the index is asked once where it is now.
    fn zips_wherever_files_are(&self) -> Result<Vec<Written>, Error> {
        match self.zips(Answers::Kept) {
            Err(Error::Fetch(gone))
                if gone.may_have_moved()
                    && self.options.network == Network::Allowed
                    && self.lock.given.is_none() =>
            {
                self.ui.note(format!("{gone}; asking the index where it is now"));
                match self.zips(Answers::New) {
                    // The index has no better answer: what counts is that the file is gone.
                    Err(Error::Relock(_)) => Err(gone.into()),
                    result => result,
                }
            }
            result => result,
        }
    }

    fn zips(&self, answers: Answers) -> Result<Vec<Written>, Error> {
        let spec = self.spec;
        // What is wrong with the lock itself is said before anybody is asked about it.
        select::check(self.lock, &spec.targets)?;
        let index = relock::locate(spec, self.lock, answers, self.options.network, self.cache, self.ui)?;
        let mut selected = select(self.lock, &index, &spec.targets, spec.layer.wheels)?;
        for (name, folder) in relock::folders_of(spec)? {
            let chosen = Chosen {
                name: name.clone(),
                version: None,
                origin: Origin::Folder(folder),
                native_wheel_passed_over: false,
            };
            let choices = spec.targets.iter().map(|&target| (target, chosen.clone())).collect();
            selected.push(Selected { name, choices });
        }
        let parts = parts(&selected, &spec.targets, spec.layer.split)?;
        parts.iter().map(|part| self.zip(part)).collect()
    }

    /// Gets the wheels and writes the zip beside its place. If a file of the cache turns out to be damaged, it is
    /// fetched or built once more.
    fn zip(&self, part: &Part) -> Result<Written, Error> {
        let name = match part.architecture {
            Some(architecture) => format!("{}-{architecture}.zip", self.spec.artifact()),
            None => format!("{}.zip", self.spec.artifact()),
        };
        let path = self.spec.artifacts.join(name);
        let try_once = || self.assemble(&path, part, &self.wheels(part)?);
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
