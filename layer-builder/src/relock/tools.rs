//! What a layer's packages are built with where they have to be built here: pinned and hashed, in a lock of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pep508_rs::PackageName;

use super::{Error, checked};
use crate::cache::Cache;
use crate::indexes::Indexes;
use crate::lock::files::{FileIndex, RemoteFile};
use crate::lock::uv::{Network, Resolve, Resolved, Upgrade, Uv};
use crate::lock::{Commit, Lock, Pin};
use crate::spec::Spec;
use crate::ui::Ui;
use crate::wheels::source::Input;
use crate::wheels::{fetch, select, source};

/// The Python that build tools have to run on: any that somebody may still have. One version of each tool has to
/// serve all of them, since its version shows in the wheels that it makes.
const OLDEST_BUILD_PYTHON: &str = "3.9";

/// What has to be built for some target.
pub(super) struct Sources<'a> {
    spec: &'a Spec<'a>,
    sdists: Vec<(String, &'a RemoteFile)>,
    commits: Vec<(String, &'a Commit)>,
    folders: &'a [(PackageName, PathBuf)],
}

impl<'a> Sources<'a> {
    pub(super) fn of(
        spec: &'a Spec<'a>,
        lock: &'a Lock,
        index: &'a FileIndex,
        folders: &'a [(PackageName, PathBuf)],
    ) -> Result<Self, Error> {
        let sdists = select::sdists(lock, index, &spec.layer.targets(), spec.layer.wheels)?;
        let commits = lock.packages.iter().filter_map(|package| match &package.pin {
            Pin::Commit(commit) => Some((package.name.to_string(), commit)),
            Pin::Version { .. } => None,
        });
        let sdists = sdists.into_iter().map(|(name, file)| (name.to_string(), file)).collect();
        Ok(Self { spec, sdists, commits: commits.collect(), folders })
    }

    /// The names of the packages, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        let names = self.sdists.iter().map(|(name, _)| name.clone());
        let names = names.chain(self.commits.iter().map(|(name, _)| name.clone()));
        let names = names.chain(self.folders.iter().map(|(name, _)| name.to_string()));
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The text of the lock of what they are built with; `goes_with` is a line for its head.
    pub(super) fn pin_tools(
        &self,
        indexes: &Indexes,
        old: Option<&str>,
        goes_with: Option<String>,
        (uv, upgrade): (&Uv, &Upgrade),
        cache: &Cache,
        ui: &Ui,
    ) -> Result<String, Error> {
        let spec = self.spec;
        let files: Vec<_> = self.sdists.iter().map(|(_, file)| *file).collect();
        let paths = fetch::fetch(&files, || indexes.clone(), cache, Network::Allowed, ui)?;
        let mut inputs: Vec<Input<'_>> =
            files.iter().zip(&paths).map(|(file, path)| Input::Sdist(file, path)).collect();
        inputs.extend(self.commits.iter().map(|(name, commit)| Input::Commit(name, commit)));
        inputs.extend(self.folders.iter().map(|(name, path)| Input::Folder(name.as_ref(), path)));
        let wanted = source::build_requirements(&inputs, cache)?;
        let preferred = preferred(&spec.build_lock, old);
        let Resolved { text: body, .. } = uv.resolve(&Resolve {
            folder: spec.folder,
            indexes,
            origin: "build-system.requires",
            requirements: &wanted.into_iter().collect::<Vec<_>>().join("\n"),
            old: preferred.as_deref(),
            upgrade,
            oldest_python: OLDEST_BUILD_PYTHON,
            fewest_versions: true,
            constraints: "",
            excludes: "",
            not_emitted: &[],
        })?;
        let goes_with = goes_with.map(|line| line + "\n").unwrap_or_default();
        let text = header(&spec.lock) + &goes_with + &body;
        checked(&spec.build_lock, &text)?;
        Ok(text)
    }
}

fn header(lock: &Path) -> String {
    let lock = lock.file_name().unwrap_or_default().to_string_lossy();
    format!(
        "# What the source distributions of {lock} are built with, made by `layer-builder lock`. To be committed.\n"
    )
}

/// The versions of the old lock; a broken file is no more than a reason to make it anew.
fn preferred(path: &Path, old: Option<&str>) -> Option<String> {
    Some(Lock::parse(path, old?.as_bytes()).ok()?.versions())
}
