//! The user's cache: what was downloaded or built once is found there again, by its hash.
//!
//! Everything in it can be thrown away at any time. Files appear under their names only when they are complete.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use tempfile::NamedTempFile;
use thiserror::Error;

use crate::atomic;
use crate::hash::Sha256;

/// Names another folder for the cache.
pub const VARIABLE: &str = "LAYER_BUILDER_CACHE_DIR";

/// The folder, and where in it a thing lies.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

/// Why the cache cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// Nobody knows where it is.
    #[error("found no folder for the cache: the user has no home folder")]
    NoHome(#[source] etcetera::HomeDirError),
    /// A file or folder of it cannot be written.
    #[error("failed to write `{}` in the cache", path.display())]
    Write {
        /// What.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> String {
        use std::io::ErrorKind;
        match self {
            Self::Write { source, .. }
                if matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) =>
            {
                format!(
                    "make room on that disk, or name a folder on another one with the variable `{VARIABLE}`"
                )
            }
            _ => format!("name a folder that can be written with the variable `{VARIABLE}`"),
        }
    }
}

impl Cache {
    /// The user's own, or the one that `LAYER_BUILDER_CACHE_DIR` names. For the edge only.
    pub fn of_user() -> Result<Self, Error> {
        if let Some(folder) = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()) {
            let folder = std::path::absolute(&folder).unwrap_or_else(|_| folder.into());
            return Ok(Self::at(folder));
        }
        let strategy = etcetera::choose_base_strategy().map_err(Error::NoHome)?;
        Ok(Self::at(strategy.cache_dir().join("layer-builder")))
    }

    /// The cache in `folder`.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file that came from an index, by its hash and name.
    pub fn download(&self, sha256: Sha256, file_name: &str) -> PathBuf {
        self.folder.join("files").join(sha256.to_string()).join(file_name)
    }

    /// Where the files of a lock lie, by the hash of the question.
    pub fn locations(&self, question: Sha256) -> PathBuf {
        self.folder.join("locations").join(format!("{question}.json"))
    }

    /// The folder of a wheel that was built here, by the hash of all that it was built from.
    pub fn built(&self, inputs: Sha256) -> PathBuf {
        self.folder.join("built").join(inputs.to_string())
    }

    /// What the compiled code of a wheel is, by the wheel's hash; the number counts the forms of the answer.
    pub fn native(&self, sha256: Sha256) -> PathBuf {
        self.folder.join("native-3").join(format!("{sha256}.json"))
    }

    /// What a zip that was built holds, by its hash; the number counts the forms.
    pub fn listing(&self, sha256: Sha256) -> PathBuf {
        self.folder.join("listings-1").join(format!("{sha256}.json"))
    }

    /// Our own uv of one version.
    pub fn uv(&self, version: &str) -> PathBuf {
        self.folder.join("uv").join(version)
    }

    /// A new file beside `path`, to be filled and then given that name.
    pub fn new_file_for(&self, path: &Path) -> Result<NamedTempFile, Error> {
        let folder = path.parent().unwrap_or(&self.folder);
        self.make_folder(folder)?;
        atomic::sweep(folder);
        tempfile::Builder::new()
            .prefix(atomic::PREFIX)
            .tempfile_in(folder)
            .map_err(|source| Error::Write { path: path.to_path_buf(), source })
    }

    /// Removes what downloads that were killed have left. Each has a folder of its own, which may never be written to
    /// again.
    pub fn sweep_downloads(&self) {
        for folder in std::fs::read_dir(self.folder.join("files")).into_iter().flatten().flatten() {
            atomic::sweep(&folder.path());
        }
    }

    /// A new folder, to be filled and then moved to where it belongs in the cache.
    pub fn new_folder(&self) -> Result<tempfile::TempDir, Error> {
        self.make_folder(&self.folder)?;
        atomic::sweep(&self.folder);
        tempfile::Builder::new()
            .prefix(atomic::PREFIX)
            .tempdir_in(&self.folder)
            .map_err(|source| Error::Write { path: self.folder.clone(), source })
    }

    /// Gives a complete file its name.
    pub fn keep(&self, file: NamedTempFile, path: &Path) -> Result<(), Error> {
        file.persist(path).map_err(|error| Error::Write { path: path.to_path_buf(), source: error.error })?;
        Ok(())
    }

    /// Writes a small file.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let mut file = self.new_file_for(path)?;
        std::io::Write::write_all(&mut file, bytes)
            .map_err(|source| Error::Write { path: path.to_path_buf(), source })?;
        self.keep(file, path)
    }

    /// Makes a folder of the cache, with those above it.
    pub fn make_folder(&self, folder: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(folder).map_err(|source| Error::Write { path: folder.to_path_buf(), source })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    /// What a killed process leaves has the name of what is unfinished, and goes.
    #[test]
    fn unfinished_downloads_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let path = cache.download(Sha256::of(b"a"), "a.whl");
        let left = cache.new_file_for(&path).unwrap();
        left.as_file().set_modified(SystemTime::now() - Duration::from_hours(2)).unwrap();
        let (_, left) = left.keep().unwrap();
        let kept = cache.new_file_for(&path).unwrap();
        assert!(!left.exists(), "the next one for the same place sweeps it");
        cache.keep(kept, &path).unwrap();
        let old = std::fs::File::create(&left).unwrap();
        old.set_modified(SystemTime::now() - Duration::from_hours(2)).unwrap();
        cache.sweep_downloads();
        assert!(!left.exists() && path.is_file());
    }

    #[test]
    fn a_full_disk_has_a_hint_of_its_own() {
        let hint = |kind: std::io::ErrorKind| {
            Error::Write { path: PathBuf::from("/c/files"), source: kind.into() }.hint()
        };
        assert!(hint(std::io::ErrorKind::StorageFull).starts_with("make room on that disk"));
        assert!(hint(std::io::ErrorKind::PermissionDenied).starts_with("name a folder that can be written"));
    }
}
