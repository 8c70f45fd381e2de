//! New files, all or none: what is there is never written over unless that was asked for, and then it is put back if
//! one of the others fails.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::write::{Change, STAGED, Staged, WriteError, stage};

/// A file that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Where. Folders above it that are not there are made.
    pub path: PathBuf,
    /// What is to be in it.
    pub text: String,
}

/// What happens to a file that is there already, with something else in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is written at all.
    Refuse,
    /// It gets the new text.
    Replace,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// It was not there.
    Created,
    /// It had another text.
    Replaced,
    /// It had this text already.
    Unchanged,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is something else.
    #[error("refused to write over {}", shown(.0))]
    Exists(Vec<PathBuf>),
    /// Somebody stopped it.
    #[error("stopped before anything was written")]
    Stopped,
    /// The system said no.
    #[error("failed to write `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that was to be replaced cannot be.
    #[error(transparent)]
    Replace(#[from] WriteError),
}

impl CreateError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        let source = match self {
            Self::Exists(_) => {
                return Some("`--dir DIR` writes to another folder, `--force` replaces what is there");
            }
            Self::Io { source, .. } => source,
            Self::Stopped | Self::Replace(_) => return None,
        };
        Some(match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                "make room on that disk, or name a folder on another one with `--dir DIR`"
            }
            ErrorKind::NotADirectory => {
                "a file is where a folder should be: name another folder with `--dir DIR`"
            }
            _ => "name a folder that you may write to with `--dir DIR`",
        })
    }
}

fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(" and ")
}

/// A file whose text lies beside its place.
enum Prepared {
    New { path: PathBuf, file: TempPath },
    Replaced { change: Change, staged: Staged },
    Unchanged { path: PathBuf },
}

/// A file that is in its place, and how it gets out of there again.
enum Done {
    New(PathBuf),
    Replaced(Change),
    Unchanged(PathBuf),
}

/// Writes all files, or none. `stopped` is asked before the first one takes its place.
pub fn create(
    files: Vec<NewFile>,
    existing: Existing,
    stopped: impl Fn() -> bool,
) -> Result<Vec<(PathBuf, Became)>, CreateError> {
    let files = look(files, existing)?;
    let mut folders = Vec::new();
    let made = prepare(files, &mut folders)
        .and_then(|prepared| if stopped() { Err(CreateError::Stopped) } else { commit(prepared) });
    if made.is_err() {
        // Only those that we made, and only if nothing is in them.
        folders.iter().rev().for_each(|folder| drop(fs::remove_dir(folder)));
    }
    made
}

/// What is there now: `None` where nothing is.
type Before = Option<Vec<u8>>;

fn look(files: Vec<NewFile>, existing: Existing) -> Result<Vec<(NewFile, Before)>, CreateError> {
    let mut looked = Vec::with_capacity(files.len());
    let mut others = Vec::new();
    for file in files {
        let before = match fs::symlink_metadata(&file.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(source) => return Err(CreateError::Io { path: file.path, source }),
            // A link to nothing is something, too.
            Ok(_) => match fs::read(&file.path) {
                Ok(before) => Some(before),
                Err(_) if existing == Existing::Refuse => Some(Vec::new()),
                Err(source) => return Err(CreateError::Io { path: file.path, source }),
            },
        };
        if before.as_ref().is_some_and(|before| *before != file.text.as_bytes()) {
            others.push(file.path.clone());
        }
        looked.push((file, before));
    }
    if existing == Existing::Refuse && !others.is_empty() {
        return Err(CreateError::Exists(others));
    }
    Ok(looked)
}

fn prepare(files: Vec<(NewFile, Before)>, folders: &mut Vec<PathBuf>) -> Result<Vec<Prepared>, CreateError> {
    let mut prepared = Vec::with_capacity(files.len());
    for (NewFile { path, text }, before) in files {
        prepared.push(match before {
            Some(before) if before == text.as_bytes() => Prepared::Unchanged { path },
            Some(before) => {
                let change = Change { path, before, after: text.into_bytes() };
                Prepared::Replaced { staged: stage(change.clone())?, change }
            }
            None => {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                let folder = folder.unwrap_or_else(|| Path::new("."));
                make_folder(folder, folders)
                    .map_err(|source| CreateError::Io { path: folder.to_owned(), source })?;
                match beside(folder, &text) {
                    Ok(file) => Prepared::New { path, file },
                    Err(source) => return Err(CreateError::Io { path, source }),
                }
            }
        });
    }
    Ok(prepared)
}

/// Makes a folder and those above it, and writes down which were made.
fn make_folder(folder: &Path, made: &mut Vec<PathBuf>) -> io::Result<()> {
    let missing: Vec<_> =
        folder.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.exists()).collect();
    for folder in missing.into_iter().rev() {
        fs::create_dir(folder)?;
        made.push(folder.to_owned());
    }
    Ok(())
}

/// A text in a file of another name, with the mode that any new file gets.
fn beside(folder: &Path, text: &str) -> io::Result<TempPath> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(STAGED.0).suffix(STAGED.1);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    Ok(file.into_temp_path())
}

fn commit(prepared: Vec<Prepared>) -> Result<Vec<(PathBuf, Became)>, CreateError> {
    let mut done = Vec::with_capacity(prepared.len());
    for one in prepared {
        match put(one) {
            Ok(one) => done.push(one),
            Err(error) => {
                done.into_iter().rev().for_each(take_back);
                return Err(error);
            }
        }
    }
    Ok(done.into_iter().map(Done::became).collect())
}

fn put(prepared: Prepared) -> Result<Done, CreateError> {
    match prepared {
        Prepared::New { path, file } => match file.persist_noclobber(&path) {
            Ok(()) => Ok(Done::New(path)),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
                Err(CreateError::Exists(vec![path]))
            }
            Err(error) => Err(CreateError::Io { path, source: error.error }),
        },
        Prepared::Replaced { change, staged } => {
            staged.commit()?;
            Ok(Done::Replaced(change))
        }
        Prepared::Unchanged { path } => Ok(Done::Unchanged(path)),
    }
}

/// As far as the system lets us: the failure that brought us here is what is told.
fn take_back(done: Done) {
    match done {
        Done::New(path) => drop(fs::remove_file(path)),
        Done::Replaced(Change { path, before, after }) => {
            drop(stage(Change { path, before: after, after: before }).and_then(Staged::commit));
        }
        Done::Unchanged(_) => {}
    }
}

impl Done {
    fn became(self) -> (PathBuf, Became) {
        match self {
            Self::New(path) => (path, Became::Created),
            Self::Replaced(change) => (change.path, Became::Replaced),
            Self::Unchanged(path) => (path, Became::Unchanged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, name: &str) -> NewFile {
        NewFile { path: folder.join(name), text: format!("new {name}") }
    }

    fn files(folder: &Path) -> Vec<NewFile> {
        ["a.yaml", "b.yaml"].map(|name| file(folder, name)).into()
    }

    fn contents(folder: &Path) -> Vec<(String, String)> {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        let mut all: Vec<_> = entries
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        all.sort();
        all
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn new_files_appear_with_their_folders_and_an_ordinary_mode() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("x/y");
        let became = create(files(&folder), Existing::Refuse, || false).unwrap();
        assert!(became.iter().all(|(_, became)| *became == Became::Created));
        assert_eq!(contents(&folder), pairs(&[("a.yaml", "new a.yaml"), ("b.yaml", "new b.yaml")]));
        let again = create(files(&folder), Existing::Refuse, || false).unwrap();
        assert!(again.iter().all(|(_, became)| *became == Became::Unchanged));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::write(root.path().join("ordinary"), "").unwrap();
            let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode(folder.join("a.yaml")), mode(root.path().join("ordinary")));
        }
    }

    #[test]
    fn what_is_there_stays_and_nothing_else_is_written() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("b.yaml"), "mine").unwrap();
        let error = create(files(root.path()), Existing::Refuse, || false).unwrap_err();
        assert!(matches!(&error, CreateError::Exists(paths) if *paths == [root.path().join("b.yaml")]));
        assert_eq!(contents(root.path()), pairs(&[("b.yaml", "mine")]));
        let became = create(files(root.path()), Existing::Replace, || false).unwrap();
        assert_eq!(
            became.iter().map(|(_, one)| *one).collect::<Vec<_>>(),
            [Became::Created, Became::Replaced]
        );
        assert_eq!(contents(root.path()), pairs(&[("a.yaml", "new a.yaml"), ("b.yaml", "new b.yaml")]));
    }

    #[test]
    fn who_is_stopped_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("x/y");
        assert!(matches!(create(files(&folder), Existing::Refuse, || true), Err(CreateError::Stopped)));
        assert!(!root.path().join("x").exists());
    }

    /// Somebody is quicker between looking and writing.
    #[test]
    fn a_file_that_fails_takes_the_others_back() {
        let root = tempfile::tempdir().unwrap();
        let prepared = || {
            let looked = look(files(root.path()), Existing::Replace).unwrap();
            prepare(looked, &mut Vec::new()).unwrap()
        };
        let new = prepared();
        fs::write(root.path().join("b.yaml"), "mine").unwrap();
        assert!(matches!(commit(new), Err(CreateError::Exists(_))));
        assert_eq!(contents(root.path()), pairs(&[("b.yaml", "mine")]));

        fs::write(root.path().join("a.yaml"), "mine, too").unwrap();
        let replaced = prepared();
        fs::write(root.path().join("b.yaml"), "somebody's").unwrap();
        assert!(matches!(commit(replaced), Err(CreateError::Replace(WriteError::Changed(_)))));
        assert_eq!(contents(root.path()), pairs(&[("a.yaml", "mine, too"), ("b.yaml", "somebody's")]));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nothing_is_something() {
        let root = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("nowhere", root.path().join("a.yaml")).unwrap();
        assert!(matches!(
            create(files(root.path()), Existing::Refuse, || false),
            Err(CreateError::Exists(_))
        ));
        assert!(matches!(
            create(files(root.path()), Existing::Replace, || false),
            Err(CreateError::Io { .. })
        ));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
