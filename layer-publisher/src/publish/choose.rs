//! Which layers are meant where several could be: those that have changed since a commit, or the one that is chosen on
//! the terminal. git is asked, nothing is changed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

use crate::config::{Layer, LayersFile};
use crate::ui::Ui;

/// Why it cannot be told which layers have changed.
#[derive(Debug, Error)]
pub enum ChangedError {
    /// git cannot be started.
    #[error("failed to start `git`")]
    Git(#[source] io::Error),
    /// It refuses, for example because there is no such commit.
    #[error("failed to find out what has changed since `{reference}`: {said}")]
    Refused {
        /// What was asked for.
        reference: String,
        /// What git said.
        said: String,
    },
}

/// The layers whose table, lock or own files differ from those of a commit, in the order of their names. What is not
/// committed yet counts as changed.
pub fn changed_since(file: &LayersFile, reference: &str) -> Result<Vec<String>, ChangedError> {
    let git = Git { folder: file.root(), reference };
    git.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{reference}^{{commit}}")])
        .map_err(|error| match error {
            ChangedError::Refused { reference, .. } => {
                ChangedError::Refused { reference, said: "there is no such commit".to_owned() }
            }
            error @ ChangedError::Git(_) => error,
        })?;
    let name = file.path.file_name().unwrap_or_default().to_string_lossy();
    // A file that was not there then, or that nobody understands any more, has no layers.
    let then = git.run(&["show", &format!("{reference}:./{name}")]).ok();
    let then = then.and_then(|text| LayersFile::parse(&file.path, &text).ok());
    let before = |name: &str| then.as_ref().and_then(|file| file.layers.get(name));
    let mut changed = Vec::new();
    for (name, layer) in &file.layers {
        if before(name) != Some(layer) || git.differs(&inputs(file, name, layer))? {
            changed.push(name.clone());
        }
    }
    Ok(changed)
}

/// The files and folders that a layer is made of, as far as its table names them, and its locks.
fn inputs(file: &LayersFile, name: &str, layer: &Layer) -> Vec<PathBuf> {
    let locks = [format!("requirements.{name}.txt"), format!("requirements.{name}.build.txt")];
    let named = layer.words.iter().map(|word| {
        let word = word.trim_start_matches("-r ").trim_start_matches("-e ").trim();
        word.split_once(" @ ").map_or(word, |(_, place)| place).trim_start_matches("file:").to_owned()
    });
    let is_there = |path: &PathBuf| file.root().join(path).exists() && path.is_relative();
    let named = named.map(PathBuf::from).filter(|path| !path.as_os_str().is_empty()).filter(is_there);
    locks.into_iter().map(PathBuf::from).chain(named).collect()
}

struct Git<'a> {
    folder: &'a Path,
    reference: &'a str,
}

impl Git<'_> {
    fn differs(&self, paths: &[PathBuf]) -> Result<bool, ChangedError> {
        let paths = paths.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>();
        let mut arguments = vec!["diff", "--name-only", self.reference, "--"];
        arguments.extend(paths.iter().map(AsRef::as_ref));
        if !self.run(&arguments)?.is_empty() {
            return Ok(true);
        }
        arguments = vec!["ls-files", "--others", "--exclude-standard", "--"];
        arguments.extend(paths.iter().map(AsRef::as_ref));
        Ok(!self.run(&arguments)?.is_empty())
    }

    fn run(&self, arguments: &[&str]) -> Result<String, ChangedError> {
        let output = Command::new("git")
            .current_dir(self.folder)
            .args(arguments)
            .output()
            .map_err(ChangedError::Git)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(ChangedError::Refused { reference: self.reference.to_owned(), said })
    }
}

/// Lists the layers and asks which to publish. Nothing, if there is nobody to ask or no answer that fits.
pub fn ask(ui: &Ui, file: &LayersFile) -> Option<Vec<String>> {
    if !ui.can_ask() {
        return None;
    }
    let names = file.layers.keys().collect::<Vec<_>>();
    let menu = (1..).zip(&names).map(|(number, name)| format!("{number:>4}  {name}"));
    ui.menu(&menu.collect::<Vec<_>>().join("\n"));
    let answer = ui.ask("which of them, by number or name, or `all`?")?;
    let mut chosen = Vec::new();
    for word in answer.split([',', ' ']).filter(|word| !word.is_empty()) {
        if word == "all" {
            return Some(names.into_iter().cloned().collect());
        }
        let by_number = word.parse::<usize>().ok().and_then(|number| names.get(number.checked_sub(1)?));
        chosen.push(by_number.map_or_else(|| word.to_owned(), |name| (*name).clone()));
    }
    Some(chosen).filter(|chosen| !chosen.is_empty())
}
