//! Unpacking a source distribution, with nothing of the archive but names, contents and what may be executed.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use libdeflater::{DecompressionError, Decompressor};
use tar::EntryType;

/// An unpacked source distribution larger than this is not read.
const MAX_UNPACKED: usize = 1 << 30;
/// Files that choose a Python for whoever works on the project, by a tool that builds it, too.
const CHOOSES_PYTHON: [&str; 2] = [".python-version", ".python-versions"];

/// Unpacks the archive at `path`, of this name, below `folder`; gives the folder of the project, `None` for a kind of
/// archive that others have to unpack. The error is a sentence.
pub(super) fn unpack(path: &Path, name: &str, folder: &Path) -> Result<Option<PathBuf>, String> {
    if !name.ends_with(".tar.gz") {
        return Ok(None);
    }
    let why = |error: std::io::Error| error.to_string();
    let bytes = gunzip(&std::fs::read(path).map_err(why)?)?;
    let mut archive = tar::Archive::new(bytes.as_slice());
    // Zips know no time before 1980, and some archives do.
    archive.set_preserve_mtime(false);
    let mut root = None;
    for entry in archive.entries().map_err(why)? {
        let mut entry = entry.map_err(why)?;
        let inside = entry.path().map_err(why)?.into_owned();
        let parts = inside.components().map(|part| match part {
            Component::Normal(part) => Ok(Some(part.to_owned())),
            Component::CurDir => Ok(None),
            _ => Err(format!("it holds `{}`, which would lie elsewhere", inside.display())),
        });
        let parts = parts.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect::<PathBuf>();
        let Some(top) = parts.components().next().map(|top| folder.join(top)) else { continue };
        let place = folder.join(&parts);
        let kind = entry.header().entry_type();
        match kind {
            // Made with its first file, or by another entry.
            EntryType::Directory if place.symlink_metadata().is_ok() => {}
            EntryType::Directory | EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let executable =
                    kind == EntryType::Directory || entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
                put(&mut entry, folder)?;
                set_mode(&place, executable).map_err(why)?;
            }
            EntryType::Link | EntryType::Symlink => put(&mut entry, folder)?,
            // Devices and pipes are no source; comments of the archive are no files.
            _ => continue,
        }
        root.get_or_insert(top);
    }
    let root = root.ok_or("there is nothing in it")?;
    for name in CHOOSES_PYTHON {
        let _ = std::fs::remove_file(root.join(name));
    }
    Ok(Some(root))
}

/// Unpacks one entry with the folders that it lies in, unless it would lie outside of `folder`, by its name or by links.
fn put(entry: &mut tar::Entry<'_, impl Read>, folder: &Path) -> Result<(), String> {
    match entry.unpack_in(folder) {
        Ok(true) => Ok(()),
        Ok(false) => Err("it holds what would lie elsewhere".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, executable: bool) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = if executable { 0o755 } else { 0o644 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: bool) -> std::io::Result<()> {
    Ok(())
}

/// The text of the first file of the archive at `path` whose path `is_it`, as far as `longest` bytes.
pub(super) fn text_in(path: &Path, longest: u64, is_it: impl Fn(&str) -> bool) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let unpacked = gunzip(&bytes)?;
    let mut archive = tar::Archive::new(unpacked.as_slice());
    for entry in archive.entries().map_err(|error| error.to_string())? {
        let entry = entry.map_err(|error| error.to_string())?;
        if entry.path().ok().and_then(|path| path.to_str().map(&is_it)) == Some(true) {
            let mut text = String::new();
            entry.take(longest).read_to_string(&mut text).map_err(|error| error.to_string())?;
            return Ok(text);
        }
    }
    Ok(String::new())
}

/// Unpacks gzip. The size at its end is a hint only (it is modulo 2^32, and nobody vouches for it).
fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let claimed = bytes.last_chunk().map_or(0, |size| u32::from_le_bytes(*size) as usize);
    let mut size = claimed.clamp(1 << 16, bytes.len().saturating_mul(1032).max(1 << 16)).min(MAX_UNPACKED);
    loop {
        let mut unpacked = vec![0; size];
        match Decompressor::new().gzip_decompress(bytes, &mut unpacked) {
            Ok(got) => {
                unpacked.truncate(got);
                return Ok(unpacked);
            }
            Err(DecompressionError::InsufficientSpace) if size < MAX_UNPACKED => {
                size = (size * 2).min(MAX_UNPACKED);
            }
            Err(DecompressionError::InsufficientSpace) => {
                return Err("it unpacks to more than 1 GB".to_owned());
            }
            Err(DecompressionError::BadData) => return Err("it is not gzip, or damaged".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use libdeflater::{CompressionLvl, Compressor};

    use super::*;

    fn sdist(folder: &Path, files: &[(&str, u32, EntryType)]) -> PathBuf {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, mode, kind) in files {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(*mode);
            header.set_size(if *kind == EntryType::Regular { 3 } else { 0 });
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            if kind.is_symlink() {
                header.set_link_name("../../elsewhere").unwrap();
            }
            header.set_cksum();
            builder.append(&header, if *kind == EntryType::Regular { &b"abc"[..] } else { &[] }).unwrap();
        }
        let bytes = builder.into_inner().unwrap();
        let mut compressor = Compressor::new(CompressionLvl::default());
        let mut packed = vec![0; compressor.gzip_compress_bound(bytes.len())];
        let size = compressor.gzip_compress(&bytes, &mut packed).unwrap();
        let path = folder.join("a-1.tar.gz");
        std::fs::write(&path, &packed[..size]).unwrap();
        path
    }

    #[test]
    fn what_may_be_executed_is_all_that_is_kept_of_modes() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("a-1/", 0o500, EntryType::Directory),
            ("a-1/run.sh", 0o700, EntryType::Regular),
            ("a-1/deep/a.py", 0o400, EntryType::Regular),
            ("a-1/.python-version", 0o644, EntryType::Regular),
            ("a-1/pipe", 0o644, EntryType::Fifo),
        ];
        let path = sdist(folder.path(), &files);
        let to = folder.path().join("to");
        std::fs::create_dir(&to).unwrap();
        let root = unpack(&path, "a-1.tar.gz", &to).unwrap().unwrap();
        assert_eq!(root, to.join("a-1"));
        assert_eq!(std::fs::read(root.join("deep/a.py")).unwrap(), b"abc");
        // The archive says 1970.
        let written = root.join("deep/a.py").metadata().unwrap().modified().unwrap();
        assert!(written > std::time::UNIX_EPOCH + std::time::Duration::from_hours(24 * 3653));
        assert!(!root.join("pipe").exists() && !root.join(".python-version").exists());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |name: &str| root.join(name).metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!((mode("run.sh"), mode("deep/a.py")), (0o755, 0o644));
        }
        assert_eq!(unpack(&path, "a-1.zip", &to), Ok(None));
    }

    #[test]
    fn nothing_is_written_elsewhere() {
        for files in [
            &[("../a.py", 0o644, EntryType::Regular)][..],
            &[("a-1/../../a.py", 0o644, EntryType::Regular)],
            &[("/a.py", 0o644, EntryType::Regular)],
            &[("a-1/link", 0o777, EntryType::Symlink), ("a-1/link/x/a.py", 0o644, EntryType::Regular)],
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = sdist(folder.path(), files);
            let to = folder.path().join("deep/to");
            std::fs::create_dir_all(&to).unwrap();
            let elsewhere = folder.path().join("deep/elsewhere");
            std::fs::create_dir(&elsewhere).unwrap();
            let outcome = unpack(&path, "a-1.tar.gz", &to);
            assert!(outcome.is_err(), "{files:?}: {outcome:?}");
            let outside = [folder.path().join("a.py"), folder.path().join("deep/a.py")];
            assert!(outside.iter().all(|path| !path.exists()), "{files:?}");
            assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0, "{files:?}");
        }
    }
}
