//! The only writer: all new texts are staged beside their targets before the first of them takes its place.
//!
//! Taking its place is a rename, so that a file is either old or new, whenever we are stopped. The mode is kept, links
//! stay links, and a file that changed since it was read is left as it is.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempPath;

/// A file that gets a new text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The file.
    pub path: PathBuf,
    /// What was read from it.
    pub before: Vec<u8>,
    /// What it gets.
    pub after: Vec<u8>,
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It may not be written.
    #[error("failed to write `{}`: it is read-only", .0.display())]
    ReadOnly(PathBuf),
    /// What is there belongs to somebody else, perhaps.
    #[error("failed to write `{}`: it is a link that leaves the folder it is in, and this one", .0.display())]
    Leaves(PathBuf),
    /// Somebody else wrote it.
    #[error("failed to write `{}`: it has changed since it was read", .0.display())]
    Changed(PathBuf),
    /// The system said no.
    #[error("failed to write `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl WriteError {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::ReadOnly(path) | Self::Leaves(path) | Self::Changed(path) | Self::Io { path, .. } => path,
        }
    }
}

/// A new text that lies beside its target, ready to take its place. Dropped, it disappears.
#[derive(Debug)]
pub struct Staged {
    change: Change,
    target: PathBuf,
    /// Closed: a run may stage more files than a process may have open.
    file: TempPath,
}

/// Puts the new text beside the file, with the file's mode.
pub fn stage(change: Change) -> Result<Staged, WriteError> {
    let target = match target(&change.path) {
        Ok(Some(target)) => target,
        Ok(None) => return Err(WriteError::Leaves(change.path)),
        Err(source) => return Err(WriteError::Io { path: change.path, source }),
    };
    match try_stage(&change, &target) {
        Ok(Some(file)) => Ok(Staged { change, target: target.path, file }),
        Ok(None) => Err(WriteError::ReadOnly(change.path)),
        Err(source) => Err(WriteError::Io { path: change.path, source }),
    }
}

/// How the names of staged files begin and end.
pub(super) const STAGED: (&str, &str) = (".template-tools-", ".tmp");
/// What is older was left behind by a process that was killed: staging takes seconds.
const ABANDONED: Duration = Duration::from_hours(1);

/// Removes what killed processes have left beside these files, or beside what they lead to.
pub fn sweep(paths: &[PathBuf]) {
    let folder = |path: &PathBuf| {
        let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
        Some(if is_link {
            fs::canonicalize(path).ok()?.parent()?.to_owned()
        } else {
            folder_of(path).to_owned()
        })
    };
    let folders: BTreeSet<PathBuf> = paths.iter().filter_map(folder).collect();
    for file in folders.into_iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten()) {
        let name = file.file_name();
        let name = name.to_string_lossy();
        let is_ours = name.starts_with(STAGED.0) && name.ends_with(STAGED.1);
        let is_old = || {
            let modified = file.metadata().and_then(|metadata| metadata.modified());
            modified.is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age > ABANDONED))
        };
        if is_ours && is_old() {
            // It is rubbish; if it cannot go, it stays.
            let _ = fs::remove_file(file.path());
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// What is written: the file that was named, or what it points at.
struct Target {
    path: PathBuf,
    metadata: Metadata,
}

/// A link that was named stays a link; nothing if it leads to what is neither below its folder nor below the current one.
/// Only links are looked up from the root on: that takes a call for each folder on the way.
fn target(path: &Path) -> io::Result<Option<Target>> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_symlink() {
        return Ok(Some(Target { path: path.to_owned(), metadata }));
    }
    let target = fs::canonicalize(path)?;
    let folders = [fs::canonicalize(folder_of(path))?, std::env::current_dir()?.canonicalize()?];
    if !folders.iter().any(|folder| target.starts_with(folder)) {
        return Ok(None);
    }
    let metadata = fs::metadata(&target)?;
    Ok(Some(Target { path: target, metadata }))
}

fn try_stage(change: &Change, target: &Target) -> io::Result<Option<TempPath>> {
    if target.metadata.permissions().readonly() {
        return Ok(None);
    }
    let folder = folder_of(&target.path);
    let mut file = tempfile::Builder::new().prefix(STAGED.0).suffix(STAGED.1).tempfile_in(folder)?;
    file.write_all(&change.after)?;
    keep_mode(file.as_file(), &target.metadata)?;
    Ok(Some(file.into_temp_path()))
}

fn keep_mode(file: &File, metadata: &Metadata) -> io::Result<()> {
    file.set_permissions(metadata.permissions())
}

impl Staged {
    /// Puts the new text in its place, unless the file is no longer what was read.
    pub fn commit(self) -> Result<PathBuf, WriteError> {
        let Self { change, target, file } = self;
        let io = |source| WriteError::Io { path: change.path.clone(), source };
        if fs::read(&target).map_err(io)? != change.before {
            return Err(WriteError::Changed(change.path));
        }
        file.persist(&target).map_err(|error| io(error.error))?;
        Ok(change.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &Path) -> Change {
        Change { path: path.to_owned(), before: b"old".to_vec(), after: b"new".to_vec() }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_staged_text_changes_nothing_until_it_takes_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        fs::write(&path, "old").unwrap();
        let staged = stage(change(&path)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        drop(staged);
        assert_eq!(names(folder.path()), ["a.yaml"]);
        stage(change(&path)).unwrap().commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a.yaml"]);
    }

    #[test]
    fn what_killed_processes_have_left_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, age: Duration| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        };
        make(".template-tools-old.tmp", 2 * ABANDONED);
        make(".template-tools-new.tmp", Duration::ZERO);
        make("other.tmp", 2 * ABANDONED);
        make("a.yaml", 2 * ABANDONED);
        sweep(&[folder.path().join("a.yaml")]);
        assert_eq!(names(folder.path()), [".template-tools-new.tmp", "a.yaml", "other.tmp"]);
    }

    #[test]
    fn a_file_that_changed_since_it_was_read_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        fs::write(&path, "old").unwrap();
        let staged = stage(change(&path)).unwrap();
        fs::write(&path, "somebody's").unwrap();
        assert!(matches!(staged.commit(), Err(WriteError::Changed(_))));
        assert_eq!(fs::read(&path).unwrap(), b"somebody's");
        assert_eq!(names(folder.path()), ["a.yaml"]);
    }

    #[cfg(unix)]
    #[test]
    fn the_mode_is_kept_and_a_link_stays_a_link() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o751)).unwrap();
        let link = folder.path().join("link.yaml");
        std::os::unix::fs::symlink("a.yaml", &link).unwrap();
        stage(change(&link)).unwrap().commit().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o751);
    }

    #[test]
    fn a_read_only_file_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        fs::write(&path, "old").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        assert!(matches!(stage(change(&path)), Err(WriteError::ReadOnly(_))));
        assert_eq!(names(folder.path()), ["a.yaml"]);
    }
}
