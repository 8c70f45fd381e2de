//! The file `layer-versions.json`: read with care, replaced at once or not at all, and left alone when nothing changes.
//! Its form is the business of `template-tools`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use template_tools::ledger::{Entry, FILE_NAME, Ledger, LedgerError};
use thiserror::Error;

/// What a run may add to a ledger, generously, in bytes: a disk that has less is as good as full.
const ROOM: usize = 64 << 10;

/// A ledger on disk.
#[derive(Clone, Debug)]
pub struct LedgerFile {
    path: PathBuf,
}

/// What is wrong with the ledger's file. Nothing has been written then.
#[derive(Debug, Error)]
pub enum LedgerFileError {
    /// It cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is no ledger that we know.
    #[error("failed to read the ledger `{}`", path.display())]
    Ledger {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: Box<LedgerError>,
    },
    /// It may not be written.
    #[error("`{}` is read-only", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("failed to write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl LedgerFileError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Ledger { source, .. } => Some(source.hint().to_owned()),
            Self::ReadOnly { path } => Some(format!("make it writable with `chmod u+w {}`", path.display())),
            Self::Write { path, .. } => Some(format!(
                "see to it that there is room on the disk of `{}`, and that its folder is yours to write",
                path.display()
            )),
            Self::Read { path, source } if source.kind() == io::ErrorKind::IsADirectory => Some(format!(
                "the ledger is a file: move the folder `{}` out of its place; `status --repair` makes the ledger anew",
                path.display()
            )),
            Self::Read { path, source } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some(format!("make it readable with `chmod u+r {}`", path.display()))
            }
            Self::Read { .. } => None,
        }
    }
}

impl LedgerFile {
    /// The ledger beside `layers.toml`.
    pub fn beside(layers_file: &Path) -> Self {
        Self { path: layers_file.with_file_name(FILE_NAME) }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says; nothing if there is no such file.
    pub fn read(&self) -> Result<Ledger, LedgerFileError> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ledger::default()),
            Err(source) => return Err(LedgerFileError::Read { path: self.path.clone(), source }),
        };
        Ledger::parse(&text)
            .map_err(|source| LedgerFileError::Ledger { path: self.path.clone(), source: Box::new(source) })
    }

    /// The same, and if it is no ledger any more, whatever can still be read of it, with what is wrong. A file of another
    /// schema is none of ours to change.
    pub fn read_or_salvage(&self) -> Result<(Ledger, Option<LedgerFileError>), LedgerFileError> {
        let error = match self.read() {
            Ok(ledger) => return Ok((ledger, None)),
            Err(error) => error,
        };
        let is_broken = match &error {
            LedgerFileError::Ledger { source, .. } => !matches!(**source, LedgerError::Schema { .. }),
            LedgerFileError::Read { source, .. } => source.kind() == io::ErrorKind::InvalidData,
            LedgerFileError::ReadOnly { .. } | LedgerFileError::Write { .. } => false,
        };
        if !is_broken {
            return Err(error);
        }
        let bytes = std::fs::read(&self.path)
            .map_err(|source| LedgerFileError::Read { path: self.path.clone(), source })?;
        Ok((Ledger::salvage(&String::from_utf8_lossy(&bytes)), Some(error)))
    }

    /// Puts a ledger in the place of what cannot be read, which is kept beside it. Gives the name under which it is.
    pub fn replace_broken(&self, ledger: &Ledger) -> Result<PathBuf, LedgerFileError> {
        let kept = self.keep_broken().map_err(|(path, source)| LedgerFileError::Write { path, source })?;
        self.replace(&ledger.to_text())
            .map_err(|source| LedgerFileError::Write { path: self.path.clone(), source })?;
        Ok(kept)
    }

    /// Copies the file to the first name that is free, or that has the same in it.
    fn keep_broken(&self) -> Result<PathBuf, (PathBuf, io::Error)> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| (path, source)
        };
        let bytes = std::fs::read(&self.path).map_err(failed(&self.path))?;
        for number in 1_u32.. {
            let ending = if number == 1 { "broken".to_owned() } else { format!("broken-{number}") };
            let path = self.path.with_file_name(format!("{FILE_NAME}.{ending}"));
            match std::fs::read(&path) {
                Ok(there) if there == bytes => return Ok(path),
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err((path, error)),
            }
            let mut file = self.temporary().map_err(failed(&path))?;
            file.write_all(&bytes).map_err(failed(&path))?;
            file.as_file().sync_all().map_err(failed(&path))?;
            match file.persist_noclobber(&path) {
                Ok(_) => return Ok(path),
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err((path, error.error)),
            }
        }
        Ok(self.path.clone())
    }

    /// Finds out whether it could be written, before anything is done that would have to be written down.
    pub fn must_be_writable(&self) -> Result<(), LedgerFileError> {
        if std::fs::metadata(&self.path).is_ok_and(|metadata| metadata.permissions().readonly()) {
            return Err(LedgerFileError::ReadOnly { path: self.path.clone() });
        }
        let size = std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        let probe = || self.temporary()?.write_all(&vec![0; size as usize + ROOM]);
        probe().map_err(|source| LedgerFileError::Write { path: self.path.clone(), source })
    }

    /// Makes these the current entries of their places. What is there is read again first: somebody else may have
    /// added to it. Returns whether anything was written.
    pub fn record(&self, entries: &[Entry]) -> Result<bool, LedgerFileError> {
        self.update(|ledger| {
            for entry in entries {
                make_current(ledger, entry.clone(), &[]);
            }
        })
    }

    /// Reads, changes, and replaces it at once if anything is different then. Returns whether it was.
    pub fn update(&self, change: impl FnOnce(&mut Ledger)) -> Result<bool, LedgerFileError> {
        let before = self.read()?;
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(false);
        }
        self.replace(&after.to_text())
            .map_err(|source| LedgerFileError::Write { path: self.path.clone(), source })?;
        Ok(true)
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let mut file = self.temporary()?;
        file.write_all(text.as_bytes())?;
        if let Ok(metadata) = std::fs::metadata(&self.path) {
            file.as_file().set_permissions(metadata.permissions())?;
        }
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }

    /// In the same folder, so that it can be renamed; gone again if it is not.
    fn temporary(&self) -> io::Result<tempfile::NamedTempFile> {
        let folder =
            self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".layer-versions-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        builder.tempfile_in(folder)
    }
}

/// Makes an entry the current one of its place, and takes the withdrawals of these versions back. Whatever else the
/// ledger knows about the same version stays, and so do all other withdrawals.
pub fn make_current(ledger: &mut Ledger, mut entry: Entry, reinstated: &[u64]) {
    if let Some(known) = ledger.get(&entry.place()) {
        if known.layer_version_arn == entry.layer_version_arn {
            entry.content = entry.content.or_else(|| known.content.clone());
            entry.target = entry.target.or_else(|| known.target.clone());
        }
        for (version, why) in &known.withdrawn {
            // The reason that was given first is the one that people know.
            entry.withdrawn.insert(*version, why.clone());
        }
    }
    let current = entry.version();
    entry.withdrawn.retain(|version, _| *version != current && !reinstated.contains(version));
    ledger.insert(entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(region: &str, version: u64) -> Entry {
        Entry::new(format!("arn:aws:lambda:{region}:123456789012:layer:sosw:{version}").parse().unwrap())
    }

    fn file(folder: &tempfile::TempDir) -> LedgerFile {
        LedgerFile::beside(&folder.path().join("layers.toml"))
    }

    #[test]
    fn regions_are_added_sorted_and_nothing_else_is_left_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        assert!(file.record(&[entry("us-west-2", 3)]).unwrap());
        assert!(file.record(&[entry("eu-west-1", 5)]).unwrap());
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(text.find("eu-west-1").unwrap() < text.find("us-west-2").unwrap());
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, 1);
    }

    #[test]
    fn bytes_stay_when_nothing_changes_however_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        file.record(&[entry("us-west-2", 3)]).unwrap();
        let compact = std::fs::read_to_string(file.path()).unwrap().replace("\n      ", " ");
        std::fs::write(file.path(), &compact).unwrap();
        assert!(!file.record(&[entry("us-west-2", 3)]).unwrap());
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), compact);
        assert!(file.record(&[entry("us-west-2", 4)]).unwrap());
    }

    #[test]
    fn what_was_taken_back_stays_so_until_it_is_current_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        let withdrawn = [(8, "it breaks".to_owned())].into();
        file.record(&[Entry { withdrawn, ..entry("us-west-2", 7) }]).unwrap();
        let kept =
            || file.read().unwrap().entries().next().unwrap().withdrawn.keys().copied().collect::<Vec<_>>();
        file.record(&[entry("us-west-2", 9)]).unwrap();
        assert_eq!(kept(), [8]);
        file.record(&[entry("us-west-2", 8)]).unwrap();
        assert_eq!(kept(), [] as [u64; 0]);
    }

    #[test]
    fn what_is_broken_is_never_overwritten() {
        for (text, said) in [
            ("{\n  \"schema\": 1,\n<<<<<<< HEAD\n", "line 3"),
            ("{\"schema\": 2}", "schema is 2"),
            ("{", "line 1"),
            ("{\"schema\": 1, \"versions\": [{\"version\": 1}]}", "layer_name"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let file = file(&folder);
            std::fs::write(file.path(), text).unwrap();
            let error = file.record(&[entry("us-west-2", 3)]).unwrap_err();
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains(said), "{cause}");
            assert!(error.hint().is_some());
            assert_eq!(std::fs::read_to_string(file.path()).unwrap(), text);
        }
    }

    #[test]
    fn what_is_broken_can_be_replaced_and_is_kept_beside() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        file.record(&[entry("us-west-2", 3), entry("eu-west-1", 5)]).unwrap();
        assert!(file.read_or_salvage().unwrap().1.is_none());
        let whole = std::fs::read_to_string(file.path()).unwrap();
        let broken = &whole[..whole.len() - 30];
        for (name, broken) in [("broken", broken.as_bytes()), ("broken-2", b"\xff{")] {
            std::fs::write(file.path(), broken).unwrap();
            let (salvaged, error) = file.read_or_salvage().unwrap();
            assert!(error.is_some());
            let kept = file.replace_broken(&salvaged).unwrap();
            assert_eq!(kept.file_name().unwrap().to_str().unwrap(), format!("{FILE_NAME}.{name}"));
            assert_eq!(std::fs::read(kept).unwrap(), broken);
            assert_eq!(file.read().unwrap(), salvaged);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
        std::fs::write(file.path(), "{\"schema\": 2}").unwrap();
        file.read_or_salvage().unwrap_err();
    }

    #[test]
    fn a_read_only_ledger_is_noticed_before_any_work() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        file.must_be_writable().unwrap();
        file.record(&[entry("us-west-2", 3)]).unwrap();
        let mut permissions = std::fs::metadata(file.path()).unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(file.path(), permissions).unwrap();
        assert!(matches!(file.must_be_writable(), Err(LedgerFileError::ReadOnly { .. })));
    }
}
