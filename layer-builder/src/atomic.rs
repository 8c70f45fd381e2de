//! Files that appear under their names only when they are complete; what was there before stays until then.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

/// How the names of unfinished files begin.
pub(crate) const PREFIX: &str = ".unfinished-";
/// What is older was left behind by a process that was killed.
const ABANDONED: Duration = Duration::from_hours(1);

/// An unfinished file in the folder where `path` is going to be, with the permissions of a normal new file.
pub(crate) fn begin(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder_of(path))
}

/// Asks for the space of a file at once, where the system can be asked for it: ext4 otherwise looks for room at every
/// page that is written, which takes as long as writing it. Whether there is space shows when it is written.
pub(crate) fn reserve(file: &File, bytes: u64) {
    #[cfg(target_os = "linux")]
    if let Ok(bytes) = i64::try_from(bytes) {
        use nix::fcntl::{FallocateFlags, fallocate};
        let _ = fallocate(file, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, bytes);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, bytes);
}

/// Gives a finished file its name.
pub(crate) fn finish(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Writes `bytes` to `path`, and sees to it that they are on the disk before the old file goes.
///
/// A link stays a link: what it leads to is written.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let mut file = begin(path)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    finish(file, path)
}

/// Removes what killed processes have left in `folder`.
pub(crate) fn sweep(folder: &Path) {
    for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if !file.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let modified = file.metadata().and_then(|metadata| metadata.modified());
        let is_old = modified
            .is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age > ABANDONED));
        if is_old {
            // It is rubbish; if it cannot go, it stays.
            let _ = std::fs::remove_file(file.path()).or_else(|_| std::fs::remove_dir_all(file.path()));
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_files_of_ours_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, age: Duration| {
            let path = folder.path().join(name);
            let file = std::fs::File::create(&path).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
            path
        };
        let old = make(".unfinished-a", 2 * ABANDONED);
        let new = make(".unfinished-b", Duration::ZERO);
        let other = make("sosw.zip", 2 * ABANDONED);
        sweep(folder.path());
        assert_eq!([old.exists(), new.exists(), other.exists()], [false, true, true]);
    }
}
