//! A lock that somebody else has made: whether it is one for this layer, and what its packages are built with.
//!
//! It holds no hash of what it was made from. So it fits as long as it holds what `requirements` and `companions` ask for,
//! in versions that they allow, for every target.

use std::path::{Path, PathBuf};

use pep508_rs::PackageName;

use super::tools::Sources;
use super::{Error, folders_of, read_if_there, write_if_new};
use crate::cache::Cache;
use crate::indexes::Indexes;
use crate::lock::pylock::{self, Given};
use crate::lock::uv::{Upgrade, Uv};
use crate::lock::{Lock, LockedPackage, roots};
use crate::provided;
use crate::spec::Spec;
use crate::ui::Ui;

/// Reads the lock of `spec` that somebody else has made; `None` if there is none.
pub fn read_given(spec: &Spec<'_>) -> Result<Option<Lock>, Error> {
    let Some(mut lock) = pylock::read_at(&spec.lock)? else { return Ok(None) };
    let folders = folders_of(spec)?;
    let given = lock.given.clone().unwrap_or_default();
    if let Some(why) = unfit(spec, &lock, &given, &folders) {
        return Err(Error::Unfit { lock: spec.lock.clone(), why });
    }
    if spec.layer.exclude_runtime_provided {
        lock.packages.retain(|package| !provided::NAMES.contains(&package.name.as_ref()));
    }
    lock.built = Sources::of(spec, &lock, &given.files, &folders)?.names();
    Ok(Some(lock))
}

/// Pins what its packages are built with, or removes that lock where nothing is built.
pub fn tools_of_given(
    spec: &Spec<'_>,
    lock: &Lock,
    uv: impl FnOnce() -> Result<Uv, Error>,
    cache: &Cache,
    ui: &Ui,
) -> Result<(), Error> {
    let path = &spec.build_lock;
    let old = read_if_there(path)?;
    if lock.built.is_empty() {
        let failed = |source| Error::Write { path: path.clone(), source };
        return if old.is_some() { std::fs::remove_file(path).map_err(failed) } else { Ok(()) };
    }
    let uv = uv()?;
    ui.status("Locking", format!("the build tools of {} with uv {}", spec.artifact(), uv.version()));
    let (folders, indexes) = (folders_of(spec)?, Indexes::of(spec.folder, &spec.wanted));
    let files = lock.given.as_ref().map(|given| given.files.clone()).unwrap_or_default();
    let sources = Sources::of(spec, lock, &files, &folders)?;
    let goes_with = Some(lock.goes_with());
    let text = sources.pin_tools(&indexes, old.as_deref(), goes_with, (&uv, &Upgrade::Nothing), cache, ui)?;
    write_if_new(path, &text, old.as_deref())
}

/// Why the lock is not one for this layer, if it is not.
fn unfit(spec: &Spec<'_>, lock: &Lock, given: &Given, folders: &[(PackageName, PathBuf)]) -> Option<String> {
    let named = |folder: &PackageName| folders.iter().any(|(name, _)| name == folder);
    if let Some((name, line)) = given.folders.iter().find(|(name, _)| !named(name)) {
        return Some(format!(
            "line {line} takes `{name}` from a folder, which has to be named in `requirements`, like `.`"
        ));
    }
    let left_out = spec.layer.targets().into_iter().find_map(|target| {
        let environment = target.marker_environment(0);
        let serves = given.environments.iter().any(|marker| marker.evaluate(&environment, &[]));
        if !given.environments.is_empty() && !serves {
            return Some(format!("its `environments` leave {target} out"));
        }
        if given.requires_python.as_ref().is_some_and(|requires| !target.python.is_allowed_by(requires)) {
            return Some(format!("its `requires-python` leaves {target} out"));
        }
        let mut needed = lock.packages.iter().filter(|package| package.marker.evaluate(&environment, &[]));
        let refuses = |package: &&LockedPackage| {
            given.requires.get(&package.line).is_some_and(|requires| !target.python.is_allowed_by(requires))
        };
        if let Some(package) = needed.find(refuses) {
            let (name, line) = (&package.name, package.line);
            return Some(format!("`requires-python` of `{name}` (line {line}) leaves {target} out"));
        }
        None
    });
    left_out.or_else(|| roots::unmet(spec, lock))
}

/// A word on how such a lock is made, for whoever has named one that is not there.
pub fn how_to_make(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!(
        "`uv pip compile --universal --format pylock.toml --output-file {name} …` makes one; without `lock` in the \
         layer's table one is made here"
    )
}
