//! The folder that a source is built in. Compilers write its path into what they make, so its name follows from what is
//! built: the same source is built in the same place each time, by one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::cache::{self, Cache};
use crate::hash::Sha256;

/// An empty folder that nobody else uses. It is gone when it is dropped.
pub(super) struct Workplace {
    folder: PathBuf,
    _lock: File,
}

impl Workplace {
    /// The folder for what `identity` says; waits until nobody else builds that, after `is_taken` was told.
    pub(super) fn take(cache: &Cache, identity: &str, is_taken: impl FnOnce()) -> Result<Self, cache::Error> {
        let home = cache.folder().join("work");
        cache.make_folder(&home)?;
        let name = Sha256::of(identity.as_bytes()).to_string();
        let folder = home.join(&name[..16]);
        let failed = |source| cache::Error::Write { path: folder.clone(), source };
        let lock = lock_file(&folder).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                is_taken();
                lock.lock().map_err(failed)?;
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        sweep(&home, &folder);
        // What a killed process has left here, too.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).map_err(failed)?;
        Ok(Self { folder, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        // What cannot be removed is removed by the next one.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The file beside `folder` that whoever builds there has locked. It stays: who removed it could take it from somebody
/// who waits for it.
fn lock_file(folder: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).open(folder.with_extension("lock"))
}

/// Removes what killed processes have left: folders whose lock nobody holds, but for `own`.
fn sweep(home: &Path, own: &Path) {
    for entry in std::fs::read_dir(home).into_iter().flatten().flatten() {
        let folder = entry.path();
        if folder == own || !folder.is_dir() {
            continue;
        }
        if let Ok(lock) = lock_file(&folder)
            && lock.try_lock().is_ok()
        {
            let _ = std::fs::remove_dir_all(&folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_thing_is_built_in_the_same_place_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let first = Workplace::take(&cache, "a", || {}).unwrap();
        let place = first.path().to_path_buf();
        std::fs::write(place.join("left"), "").unwrap();
        let other = Workplace::take(&cache, "b", || {}).unwrap();
        assert!(other.path() != place && place.join("left").exists(), "what is in use stays");
        drop((first, other));
        assert!(!place.exists());
        // As a killed process leaves it.
        std::fs::create_dir_all(place.join("deep")).unwrap();
        let other = Workplace::take(&cache, "b", || {}).unwrap();
        assert!(!place.exists());
        std::fs::create_dir_all(place.join("deep")).unwrap();
        let again = Workplace::take(&cache, "a", || {}).unwrap();
        assert_eq!(again.path(), place);
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0);
        drop(other);
    }
}
