//! The only walker: finds the files of a tree that could matter, reads them, and hands on those that do.
//!
//! In parallel, as git sees the tree (ignored and hidden files are passed over), and with a search of the bytes before
//! anything else: most files of most trees name no layer, and for them nothing may cost more than the reading. A file
//! that is named itself is read whatever it is called. The ledger is full of layers, and no template.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ignore::{DirEntry, WalkBuilder, WalkState};

use super::needles::Needles;
use crate::{ledger, samconfig};

/// A file or folder that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read {}", .path.as_ref().map_or_else(|| "a folder".to_owned(), |path| format!("`{}`", path.display())))]
pub struct ScanError {
    /// What could not be read, where that is known.
    pub path: Option<PathBuf>,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// What a walk found.
#[derive(Debug)]
pub struct Scanned<T> {
    /// What became of each file that holds a needle, sorted by path.
    pub files: Vec<(PathBuf, T)>,
    /// What could not be read, sorted by path.
    pub errors: Vec<ScanError>,
    /// How many files were read.
    pub read: usize,
}

/// Which files of a tree are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sight {
    /// As git sees the tree: what is ignored or hidden is passed over.
    #[default]
    Git,
    /// Every file but those of git itself.
    Everything,
}

/// Walks paths as git sees them, and gives each file that holds a needle to `work`, which runs on several threads at once.
pub fn scan<T: Send>(
    paths: &[PathBuf],
    needles: &Needles,
    work: impl Fn(&Path, &[u8]) -> T + Sync,
) -> Scanned<T> {
    scan_with(paths, needles, Sight::Git, |_| false, work)
}

/// Like [`scan`], with a choice of what is looked at, and files that are wanted whatever they are called and hold.
pub fn scan_with<T: Send>(
    paths: &[PathBuf],
    needles: &Needles,
    sight: Sight,
    also: impl Fn(&Path) -> bool + Sync,
    work: impl Fn(&Path, &[u8]) -> T + Sync,
) -> Scanned<T> {
    let all = Mutex::new(Scanned { files: Vec::new(), errors: Vec::new(), read: 0 });
    let Some((first, others)) = paths.split_first() else {
        return all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    };
    let mut walk = WalkBuilder::new(first);
    for path in others {
        walk.add(path);
    }
    walk.threads(std::thread::available_parallelism().map_or(1, usize::from).min(16));
    if sight == Sight::Everything {
        walk.standard_filters(false).filter_entry(|entry| entry.file_name() != ".git");
    }
    walk.build_parallel().run(|| {
        let mut worker = Worker { all: &all, needles, work: &work, also: &also, buffer: Vec::new(), read: 0 };
        Box::new(move |entry| {
            worker.take(entry);
            WalkState::Continue
        })
    });
    let mut all = all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    all.files.sort_by(|(one, _), (other, _)| one.cmp(other));
    all.files.dedup_by(|(one, _), (other, _)| one == other);
    all.errors.sort_by(|one, other| one.path.cmp(&other.path));
    all
}

struct Worker<'w, T, W, A> {
    all: &'w Mutex<Scanned<T>>,
    needles: &'w Needles,
    work: &'w W,
    also: &'w A,
    /// Used for one file after the other.
    buffer: Vec<u8>,
    read: usize,
}

impl<T, W: Fn(&Path, &[u8]) -> T, A: Fn(&Path) -> bool> Worker<'_, T, W, A> {
    fn take(&mut self, entry: Result<DirEntry, ignore::Error>) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return self.fail(path_of(&error), error.into()),
        };
        let is_other_file =
            || entry.file_type().is_some_and(|kind| kind.is_file()) && (self.also)(entry.path());
        if !is_wanted(&entry) && !is_other_file() {
            return;
        }
        self.read += 1;
        let bytes = match read(entry.path(), &mut self.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return self.fail(Some(entry.path().to_owned()), error.into()),
        };
        // What was asked for by name may put its layers together in any way.
        if self.needles.found_in(bytes)
            || is_utf16(bytes) && self.needles.found_in(&without_zeros(bytes))
            || (self.also)(entry.path())
        {
            let path = entry.path().strip_prefix(".").unwrap_or(entry.path());
            let result = (self.work)(path, bytes);
            self.all().files.push((path.to_owned(), result));
        }
    }

    fn fail(&self, path: Option<PathBuf>, source: Box<dyn std::error::Error + Send + Sync>) {
        self.all().errors.push(ScanError { path, source });
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Scanned<T>> {
        self.all.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<T, W, A> Drop for Worker<'_, T, W, A> {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(std::sync::PoisonError::into_inner).read += self.read;
    }
}

/// Reads a file into a buffer that is never shorter than what fits into it. `read_to_end` would ask for the size of each
/// file first, which costs as much as reading most of them: only where the buffer is too short it is asked for.
fn read<'b>(path: &Path, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
    let mut file = File::open(path)?;
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            // One more than there is, so that the end shows without another buffer.
            let size = if filled == 0 { 0 } else { file.metadata()?.len() as usize + 1 };
            let least = if filled == 0 { 64 * 1024 } else { filled + filled / 8 };
            buffer.reserve_exact(size.max(least) - filled);
            buffer.resize(size.max(least), 0);
        }
        match file.read(&mut buffer[filled..]) {
            Ok(0) => return Ok(&buffer[..filled]),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether a file begins as UTF-16 does, with its mark or with two letters of ASCII. Its letters are found all the same, so
/// that it can be named.
pub fn is_utf16(bytes: &[u8]) -> bool {
    match bytes {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => true,
        [one, 0, two, 0, ..] | [0, one, 0, two, ..] => *one != 0 && *two != 0,
        _ => false,
    }
}

/// The letters of UTF-16, as far as they are ASCII.
pub fn without_zeros(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|byte| *byte != 0).collect()
}

fn is_wanted(entry: &DirEntry) -> bool {
    // A path that was given by name may be a link, and may be called anything.
    if entry.depth() == 0 {
        return !entry.path().is_dir();
    }
    entry.file_type().is_some_and(|kind| kind.is_file())
        && (has_template_extension(entry.path()) || entry.file_name() == samconfig::FILE_NAME)
        && entry.file_name() != ledger::FILE_NAME
}

/// Whether templates are called so: `.yaml`, `.yml`, `.json`, `.template`, in any case.
fn has_template_extension(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    ["yaml", "yml", "json", "template"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn path_of(error: &ignore::Error) -> Option<PathBuf> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path.clone()),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        ignore::Error::Loop { child, .. } => Some(child.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn found(paths: &[PathBuf], below: &Path) -> Vec<String> {
        let scanned = scan(paths, &Needles::new(["sosw"]).unwrap(), |_, bytes| bytes.len());
        assert!(scanned.errors.is_empty(), "{:?}", scanned.errors);
        let names =
            scanned.files.iter().map(|(path, _)| path.strip_prefix(below).unwrap().display().to_string());
        names.collect()
    }

    #[test]
    fn templates_that_hold_a_needle_are_found_as_git_sees_the_tree() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join(".git")).unwrap();
        fs::create_dir_all(root.join("sub/.aws-sam")).unwrap();
        fs::create_dir_all(root.join("ignored")).unwrap();
        fs::write(root.join(".gitignore"), "ignored/\n*.packaged.yaml\n").unwrap();
        for name in [
            "a.yaml",
            "b.YML",
            "c.json",
            "sub/d.template",
            "e.txt",
            "sub/.aws-sam/f.yaml",
            "ignored/g.yaml",
            ".h.yaml",
            "i.packaged.yaml",
        ] {
            fs::write(root.join(name), "a: sosw").unwrap();
        }
        fs::write(root.join("none.yaml"), "a: other").unwrap();
        assert_eq!(found(&[root.to_owned()], root), ["a.yaml", "b.YML", "c.json", "sub/d.template"]);
        // What is named itself is read, and what is named twice is read once.
        let named = [root.join("e.txt"), root.join("ignored/g.yaml"), root.join("sub"), root.join("sub")];
        assert_eq!(found(&named, root), ["e.txt", "ignored/g.yaml", "sub/d.template"]);
    }

    #[test]
    fn a_file_larger_than_the_buffer_is_read_whole_and_the_next_one_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (large, small) = (folder.path().join("a.yaml"), folder.path().join("b.yaml"));
        fs::write(&large, format!("a: {}sosw", "x".repeat(300_000))).unwrap();
        fs::write(&small, "a: other").unwrap();
        let mut buffer = Vec::new();
        assert_eq!(read(&large, &mut buffer).unwrap().len(), 300_007);
        assert_eq!(read(&small, &mut buffer).unwrap(), b"a: other");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed_unless_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("tree")).unwrap();
        fs::write(root.join("outside.yaml"), "a: sosw").unwrap();
        std::os::unix::fs::symlink(root.join("outside.yaml"), root.join("tree/link.yaml")).unwrap();
        std::os::unix::fs::symlink(root.join("tree"), root.join("tree/loop")).unwrap();
        assert_eq!(found(&[root.join("tree")], root), Vec::<String>::new());
        assert_eq!(found(&[root.join("tree/link.yaml")], root), ["tree/link.yaml"]);
    }
}
