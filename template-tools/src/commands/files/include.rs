//! The files that `--include` forces in, whatever they are.

use std::path::{Component, Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::SearchError;

/// The files that are forced in.
#[derive(Debug)]
pub(crate) struct Include(Option<Globs>);

#[derive(Debug)]
struct Globs {
    /// Below the current folder all of them count.
    here: Gitignore,
    /// Elsewhere those that fit anywhere.
    elsewhere: Gitignore,
    folder: Option<PathBuf>,
}

impl Include {
    /// A glob as it comes from the command line.
    pub(crate) fn check(glob: &str) -> Result<String, String> {
        // git takes an open bracket for a letter; whoever types one has forgotten the other.
        let is_open = |open: char, close: char| {
            let ends = glob.rfind(open).map(|at| glob[at..].contains(close));
            ends == Some(false) && !glob.contains(&format!("\\{open}"))
        };
        if is_open('[', ']') {
            return Err("`[` is not closed".to_owned());
        }
        let glob = glob.to_owned();
        match GitignoreBuilder::new("").add_line(None, glob.strip_prefix("./").unwrap_or(&glob)) {
            Ok(_) => Ok(glob),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Globs as git has them: `*.yml` anywhere, `/deploy/*.yml` from here.
    pub(crate) fn new(globs: &[String]) -> Result<Self, SearchError> {
        if globs.is_empty() {
            return Ok(Self(None));
        }
        let globs: Vec<&str> = globs.iter().map(|glob| glob.strip_prefix("./").unwrap_or(glob)).collect();
        let anywhere = globs.iter().copied().filter(|glob| fits_anywhere(glob)).collect::<Vec<_>>();
        Ok(Self(Some(Globs {
            here: built(&globs)?,
            elsewhere: built(&anywhere)?,
            // Where nobody knows the current folder, no path is below it.
            folder: std::env::current_dir().ok(),
        })))
    }

    pub(crate) fn has(&self, path: &Path) -> bool {
        let Some(globs) = &self.0 else { return false };
        let below = match &globs.folder {
            Some(folder) => path.strip_prefix(folder).unwrap_or(path),
            None => path,
        };
        let (globs, path) = if below.is_relative() {
            (&globs.here, below.strip_prefix(".").unwrap_or(below).to_owned())
        } else {
            let is_name = |part: &Component<'_>| matches!(part, Component::Normal(_));
            (&globs.elsewhere, below.components().filter(is_name).collect())
        };
        globs.matched_path_or_any_parents(path, false).is_ignore()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

/// Whether a glob has no place of its own: one with a slash in it, but for its end, counts from the current folder on.
fn fits_anywhere(glob: &str) -> bool {
    let glob = glob.strip_prefix('!').unwrap_or(glob);
    glob.starts_with("**/") || !glob.trim_end_matches('/').contains('/')
}

fn built(globs: &[&str]) -> Result<Gitignore, SearchError> {
    let mut builder = GitignoreBuilder::new("");
    for glob in globs {
        let error = |source| SearchError::Include { glob: (*glob).to_owned(), source };
        builder.add_line(None, glob).map_err(error)?;
    }
    builder.build().map_err(|source| SearchError::Include { glob: globs.join(" "), source })
}
