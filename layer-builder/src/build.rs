//! The way through: lock, then wheels, then layer. Each stage is entered once and hands on plain data.

mod artifact;
mod error;
mod known;
mod lock;
mod pack;
mod prove;
mod wheels;

use std::cell::{LazyCell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;

use pep508_rs::PackageName;

use crate::atomic;
use crate::cache::Cache;
use crate::config::nearest;
use crate::hash::Sha256;
use crate::layer::archive;
use crate::layer::compress::Compression;
use crate::layer::fresh;
use crate::layer::hashing::Hashing;
use crate::layer::listing;
use crate::lock::Lock;
use crate::lock::uv::Network;
use crate::processor::spawn_elsewhere;
use crate::relock::{self, Answers};
use crate::spec::Spec;
use crate::target::Date;
use crate::ui::{Ui, shown};
use crate::wheels::explain;
use crate::wheels::layout::{Part, parts};
use crate::wheels::select::{self, Chosen, Origin, Selected, select};
use crate::wheels::source::BuiltWheel;
use artifact::{described, manifest, remove_others, repository};
use pack::Written;
use wheels::Here;

pub use artifact::{Artifact, write_sboms};
pub use error::Error;
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
const RECIPE: u32 = 3;

impl Packing {
    /// The hash of all that the zip depends on beside table and lock.
    fn recipe(self, spec: &Spec<'_>) -> Sha256 {
        let tools = std::fs::read(&spec.build_lock).unwrap_or_default();
        let version = env!("CARGO_PKG_VERSION");
        // What is only audited counts, too: findings stand in the manifest.
        let stated = spec.layer.provided.stated();
        let glibcs: Vec<u8> = spec.targets.iter().map(|target| target.glibc_minor).collect();
        let text = format!("{RECIPE} {version} {self:?} {}{stated} {glibcs:?}", Sha256::of(&tools));
        Sha256::of(text.as_bytes())
    }
}

/// Builds one layer: one zip, or one for each architecture.
pub fn build(spec: &Spec<'_>, options: Options, cache: &Cache, ui: &Ui) -> Result<Vec<Artifact>, Error> {
    let repository = {
        let folder = spec.folder.to_path_buf();
        // Git starts where the thread is that starts it: here it would be in the way of everything that follows.
        spawn_elsewhere(move || repository(&folder))
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
    let folders = RefCell::default();
    let work = Work { spec, lock: &lock, options, cache, ui, threads, hashing: &hashing, folders: &folders };
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

/// What `--explain` says of a package.
pub fn explain(
    spec: &Spec<'_>,
    name: &PackageName,
    options: Options,
    cache: &Cache,
    ui: &Ui,
) -> Result<String, Error> {
    let lock = fresh_lock(spec, options, cache, ui)?;
    if let Some((_, folder)) = relock::folders_of(spec)?.into_iter().find(|(project, _)| project == name) {
        return Ok(explain::explain_folder(name, &shown(&folder), &spec.targets));
    }
    let index = relock::locate(spec, &lock, Answers::Kept, options.network, cache, ui)?;
    let choices = select::choices_of(name, &lock, &index, &spec.targets, spec.layer.wheels)?;
    let text = explain::explain(name, &lock, &index, &choices, &spec.targets);
    text.ok_or_else(|| {
        let known = lock.packages.iter().map(|package| package.name.as_ref());
        let near = nearest(name.as_ref(), known).map(str::to_owned);
        Error::NotInLock { name: name.clone(), lock: lock.path, near }
    })
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
    /// What was built of folders: each is built once, however many zips it goes into.
    folders: &'a RefCell<BTreeMap<PathBuf, BuiltWheel>>,
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
                let what_now = match self.options.network {
                    Network::Allowed => "getting it again",
                    Network::Forbidden => "it is thrown away",
                };
                self.ui.warning(format!("`{}` in the cache is damaged; {what_now}", shown(&damaged)));
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
