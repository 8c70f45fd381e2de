//! What a source says of itself in its `pyproject.toml`: its name, and what it is built with.

use std::collections::BTreeSet;
use std::path::Path;

use pep508_rs::PackageName;
use serde::Deserialize;

use super::{Error, Input, unpack};
use crate::cache::Cache;
use crate::zip_reader::ZipFile;

/// Of what setuptools' legacy backend needs where a project does not say (PEP 517).
const LEGACY_REQUIRES: &str = "setuptools>=40.8.0";
/// A `pyproject.toml` larger than this is not read.
const MAX_PYPROJECT: u64 = 1 << 20;

#[derive(Default, Deserialize)]
struct Pyproject {
    #[serde(rename = "build-system")]
    build_system: Option<BuildSystem>,
    project: Option<Project>,
}

#[derive(Deserialize)]
struct Project {
    name: String,
}

#[derive(Deserialize)]
struct BuildSystem {
    requires: Vec<String>,
}

/// What these say that they are built with, for the lock of build requirements.
pub fn build_requirements(inputs: &[Input<'_>], cache: &Cache) -> Result<BTreeSet<String>, Error> {
    let mut requirements = BTreeSet::new();
    for input in inputs {
        let wrong = |why: String| Error::Sdist { file: input.name(), why };
        let text = match input {
            Input::Sdist(file, path) => pyproject(path, &file.file_name).map_err(wrong)?,
            Input::Commit(..) => {
                let scratch = cache.new_folder()?;
                let source = input.source(&scratch.path().join("source"))?;
                std::fs::read_to_string(source.join("pyproject.toml")).unwrap_or_default()
            }
            Input::Folder(_, path) => {
                std::fs::read_to_string(path.join("pyproject.toml")).unwrap_or_default()
            }
        };
        let pyproject: Pyproject = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        match pyproject.build_system {
            Some(system) => requirements.extend(system.requires),
            None => _ = requirements.insert(LEGACY_REQUIRES.to_owned()),
        }
    }
    Ok(requirements)
}

/// The name of the project in a folder, as its `pyproject.toml` says it.
pub fn project_name(folder: &Path) -> Result<PackageName, Error> {
    let wrong = |why: &str| Error::Source { name: folder.display().to_string(), why: why.to_owned() };
    if folder.join("pyproject.toml").metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(wrong("its `pyproject.toml` is no regular file"));
    }
    let text = std::fs::read_to_string(folder.join("pyproject.toml"))
        .map_err(|error| wrong(&format!("its `pyproject.toml` cannot be read: {error}")))?;
    let pyproject: Pyproject =
        toml::from_str(&text).map_err(|error| wrong(&format!("its `pyproject.toml` is broken: {error}")))?;
    let project =
        pyproject.project.ok_or_else(|| wrong("its `pyproject.toml` has no `[project]` with a `name`"))?;
    project.name.parse().map_err(|_| wrong(&format!("`{}` is not the name of a package", project.name)))
}

/// The text of the `pyproject.toml` at the top of a source distribution; empty if there is none.
fn pyproject(path: &Path, name: &str) -> Result<String, String> {
    let is_it = |path: &str| path.split_once('/').is_some_and(|(_, rest)| rest == "pyproject.toml");
    if name.ends_with(".zip") {
        let zip = ZipFile::open(path).map_err(|error| error.to_string())?;
        let Some(entry) = zip.entries().iter().find(|entry| is_it(&entry.path)) else {
            return Ok(String::new());
        };
        let content = zip.content(entry).map_err(|error| error.to_string())?;
        return String::from_utf8(content).map_err(|error| error.to_string());
    }
    unpack::text_in(path, MAX_PYPROJECT, is_it)
}
