//! A finished zip written anew: streams copied or compressed as well as our compressor can, and new files added.
//!
//! Each stream depends on its content alone, so neither the number of threads nor their order changes anything. The
//! largest files come first, so that no thread is left with one of them at the end; as many are in memory at once as
//! the budget allows, and what is done waits on the disk.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use libdeflater::{CompressionLvl, Compressor};

use super::archive::{Assembled, Copied, Error, Pieces};
use super::hashing::Hashing;
use crate::zip_reader::{Entry, Method, ZipFile};
use crate::zip_writer::{File, Writer};

/// What becomes of streams that are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Copied.
    #[default]
    Copied,
    /// Compressed again at the best level; the smaller of the two is kept.
    Max,
}

/// What may be in memory at one time, in bytes, and one and a half times the largest stream. A build may take 100 MB
/// and one and a half times the largest wheel, and needs some for itself.
const BUDGET: u64 = 60_000_000;
/// Files that are larger keep their stream: they would have to be in memory as a whole.
const LARGEST: u64 = 80_000_000;

/// A file of the new zip.
enum Job<'a> {
    Old(&'a Entry),
    New(&'a str, &'a PathBuf),
}

impl Job<'_> {
    fn path(&self) -> &str {
        match self {
            Self::Old(entry) => &entry.path,
            Self::New(path, _) => path,
        }
    }

    /// What it unpacks to, in bytes, if that is known before.
    fn size(&self) -> u64 {
        match self {
            Self::Old(entry) => entry.size,
            Self::New(..) => 0,
        }
    }
}

/// Is told of so many bytes of the old zip, unpacked, when they are done.
pub type Progress<'a> = &'a (dyn Fn(u64) + Sync);

/// Writes `zip` with the files of `more`, by their paths, to `out`, on so many threads.
pub fn repack(
    zip: &ZipFile,
    more: &BTreeMap<String, PathBuf>,
    compression: Compression,
    threads: usize,
    out: &std::fs::File,
    hashing: &Hashing,
    progress: Progress<'_>,
) -> Result<Assembled, Error> {
    let mut jobs: Vec<Job<'_>> = zip.entries().iter().map(Job::Old).collect();
    jobs.extend(more.iter().map(|(path, file)| Job::New(path, file)));
    jobs.sort_by(|one, other| one.path().cmp(other.path()));
    let copied = work(zip, &jobs, compression, threads.max(1), Pieces::new(out, hashing), progress)?;
    Ok(copied.hashed(hashing))
}

/// A file as it is written.
struct Packed {
    executable: bool,
    method: Method,
    crc32: u32,
    size: u64,
    stored: Vec<u8>,
}

/// The same, but for its bytes, which lie in the file of the thread that made them.
struct Done {
    packed: Packed,
    thread: usize,
    offset: u64,
    length: usize,
}

struct State {
    /// What nobody has begun, the largest first, with what it needs of memory.
    pending: Vec<(usize, u64)>,
    in_memory: u64,
    done: Vec<Option<Done>>,
    failure: Option<Error>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    budget: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The largest file that fits beside those that are being worked on; `None` when there is nothing left to do.
    fn take(&self) -> Option<(usize, u64)> {
        let mut state = self.lock();
        loop {
            if state.pending.is_empty() || state.failure.is_some() {
                return None;
            }
            let (free, alone) = (self.budget.saturating_sub(state.in_memory), state.in_memory == 0);
            if let Some(at) = state.pending.iter().position(|(_, cost)| alone || *cost <= free) {
                let (index, cost) = state.pending.remove(at);
                state.in_memory += cost;
                return Some((index, cost));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give(&self, index: usize, cost: u64, result: Result<Done, Error>) {
        let mut state = self.lock();
        state.in_memory -= cost;
        match result {
            Ok(done) => state.done[index] = Some(done),
            Err(error) => _ = state.failure.get_or_insert(error),
        }
        drop(state);
        self.changed.notify_all();
    }
}

fn work(
    zip: &ZipFile,
    jobs: &[Job<'_>],
    compression: Compression,
    threads: usize,
    pieces: Pieces<'_>,
    progress: Progress<'_>,
) -> Result<Copied, Error> {
    let mut pending: Vec<(usize, u64)> = jobs.iter().map(cost).enumerate().collect();
    pending.sort_by_key(|&(index, cost)| (std::cmp::Reverse(cost), index));
    let largest = zip.entries().iter().map(|entry| entry.compressed_size).max().unwrap_or(0);
    let done = jobs.iter().map(|_| None).collect();
    let shared = Shared {
        state: Mutex::new(State { pending, in_memory: 0, done, failure: None }),
        changed: Condvar::new(),
        budget: BUDGET + largest + largest / 2,
    };
    let mut files = (0..threads).map(|_| tempfile::tempfile()).collect::<Result<Vec<_>, _>>()?;
    std::thread::scope(|scope| {
        for (thread, file) in files.iter_mut().enumerate() {
            let shared = &shared;
            scope.spawn(move || {
                let mut compressor = Compressor::new(CompressionLvl::best());
                let mut offset = 0;
                while let Some((index, cost)) = shared.take() {
                    let size = jobs[index].size();
                    let packed = pack(zip, &jobs[index], compression, &mut compressor);
                    let done = packed.and_then(|mut packed| {
                        let stored = std::mem::take(&mut packed.stored);
                        file.write_all(&stored)?;
                        let done = Done { packed, thread, offset, length: stored.len() };
                        offset += stored.len() as u64;
                        Ok(done)
                    });
                    shared.give(index, cost, done);
                    progress(size);
                }
            });
        }
    });
    let state = shared.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(failure) = state.failure {
        return Err(failure);
    }
    write_all(jobs, state.done, &mut files, pieces)
}

/// Writes what is done, in the order of the paths.
fn write_all(
    jobs: &[Job<'_>],
    done: Vec<Option<Done>>,
    files: &mut [std::fs::File],
    pieces: Pieces<'_>,
) -> Result<Copied, Error> {
    let mut writer = Writer::new(pieces);
    let mut unzipped_size = 0;
    let mut stored = Vec::new();
    for (job, done) in jobs.iter().zip(done.into_iter().flatten()) {
        let Done { packed, thread, offset, length } = done;
        stored.resize(length, 0);
        files[thread].seek(SeekFrom::Start(offset))?;
        files[thread].read_exact(&mut stored)?;
        let file = File {
            path: job.path(),
            executable: packed.executable,
            method: packed.method,
            crc32: packed.crc32,
            size: packed.size,
        };
        writer.add(&file, &stored)?;
        unzipped_size += packed.size;
    }
    Ok(Copied { size: writer.finish()?.size, unzipped_size })
}

fn cost(job: &Job<'_>) -> u64 {
    match job {
        Job::Old(entry) if entry.size > LARGEST => entry.compressed_size,
        Job::Old(entry) => entry.size + entry.compressed_size,
        Job::New(_, file) => std::fs::metadata(file).map_or(0, |file| 2 * file.len()),
    }
}

fn pack(
    zip: &ZipFile,
    job: &Job<'_>,
    compression: Compression,
    compressor: &mut Compressor,
) -> Result<Packed, Error> {
    let stored = |entry: &Entry| {
        let mut buffer = Vec::new();
        let stored = zip.stored(entry, &mut buffer)?.to_vec();
        Ok::<Packed, Error>(Packed {
            executable: entry.executable,
            method: entry.method,
            crc32: entry.crc32,
            size: entry.size,
            stored,
        })
    };
    match job {
        Job::Old(entry) if compression == Compression::Copied || entry.size > LARGEST => stored(entry),
        Job::Old(entry) => {
            let content = zip.content(entry)?;
            match smaller(compressor, &content, entry.compressed_size) {
                Some(stream) => Ok(Packed {
                    executable: entry.executable,
                    method: Method::Deflated,
                    crc32: entry.crc32,
                    size: entry.size,
                    stored: stream,
                }),
                None => {
                    drop(content);
                    stored(entry)
                }
            }
        }
        Job::New(_, file) => {
            let content = std::fs::read(file)?;
            let (crc32, size) = (crc32fast::hash(&content), content.len() as u64);
            let stream = smaller(compressor, &content, size);
            let method = if stream.is_some() { Method::Deflated } else { Method::Stored };
            let stored = stream.unwrap_or(content);
            Ok(Packed { executable: false, method, crc32, size, stored })
        }
    }
}

/// The content compressed, if that takes less than `than` bytes. There is room for no more: the compressor gives up
/// where it would need it.
fn smaller(compressor: &mut Compressor, content: &[u8], than: u64) -> Option<Vec<u8>> {
    let mut stream = vec![0; usize::try_from(than).ok()?.saturating_sub(1)];
    let length = compressor.deflate_compress(content, &mut stream).ok().filter(|length| *length > 0)?;
    stream.truncate(length);
    Some(stream)
}

/// The first entry that two zips do not have in common, if they are zips.
pub fn first_difference(one: &ZipFile, other: &ZipFile) -> Option<String> {
    let facts = |entry: &Entry| {
        (entry.path.clone(), entry.crc32, entry.size, entry.compressed_size, entry.executable, entry.method)
    };
    let (ours, theirs) = (one.entries(), other.entries());
    let unequal = ours.iter().zip(theirs).find(|(one, other)| facts(one) != facts(other));
    unequal
        .map(|(one, other)| one.path.clone().min(other.path.clone()))
        .or_else(|| Some(ours.get(theirs.len()).or(theirs.get(ours.len()))?.path.clone()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use ::tests::wheels::{ZipEntry, file, zip};

    use super::*;

    fn open(folder: &std::path::Path, entries: &[ZipEntry]) -> ZipFile {
        let path = folder.join(format!("{}.zip", std::fs::read_dir(folder).unwrap().count()));
        std::fs::write(&path, zip(entries)).unwrap();
        ZipFile::open(&path).unwrap()
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let text = |number: usize| format!("line {number} of a text\n").repeat(number * 37 % 900);
        let mut entries: Vec<ZipEntry> =
            (100..400).map(|number| file(&format!("python/{number}.py"), text(number))).collect();
        entries.push(ZipEntry { method: 0, mode: 0o100_755, ..file("python/stored", "abc".repeat(50)) });
        let small = open(folder.path(), &entries);
        let new = folder.path().join("new");
        std::fs::write(&new, "new ".repeat(99)).unwrap();
        let more = BTreeMap::from([("python/200a.pyc".to_owned(), new)]);
        let make = |threads: usize, compression| {
            let out = tempfile::NamedTempFile::new().unwrap();
            let told = AtomicU64::new(0);
            let progress = |bytes| _ = told.fetch_add(bytes, Ordering::Relaxed);
            let (file, hashing) = (out.as_file(), Hashing::on(threads));
            let assembled = repack(&small, &more, compression, threads, file, &hashing, &progress).unwrap();
            let old: u64 = small.entries().iter().map(|entry| entry.size).sum();
            assert_eq!(told.into_inner(), old);
            (std::fs::read(out.path()).unwrap(), assembled)
        };
        let (one, assembled) = make(1, Compression::Max);
        assert_eq!(one, make(4, Compression::Max).0);
        assert_eq!(crate::hash::Sha256::of(&one), assembled.sha256);
        let (copied, _) = make(3, Compression::Copied);
        assert!(one.len() < copied.len(), "{} {}", one.len(), copied.len());
        let path = folder.path().join("max.zip");
        std::fs::write(&path, &one).unwrap();
        let max = ZipFile::open(&path).unwrap();
        max.entries().iter().for_each(|entry| drop(max.content(entry).unwrap()));
        assert_eq!(max.entries().len(), entries.len() + 1);
        let content = |zip: &ZipFile, path: &str| {
            let entry = zip.entries().iter().find(|entry| entry.path == path).unwrap();
            (zip.content(entry).unwrap(), entry.executable)
        };
        assert_eq!(content(&max, "python/stored"), content(&small, "python/stored"));
        assert_eq!(content(&max, "python/200a.pyc").0, "new ".repeat(99).as_bytes());
        assert!(max.entries().is_sorted_by_key(|entry| entry.path.clone()));
    }

    #[test]
    fn the_first_difference_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let one = open(folder.path(), &[file("a", "1"), file("b", "1")]);
        let same = open(folder.path(), &[file("a", "1"), file("b", "1")]);
        let other = open(folder.path(), &[file("a", "1"), file("b", "2")]);
        let less = open(folder.path(), &[file("a", "1")]);
        assert_eq!(first_difference(&one, &same), None);
        assert_eq!(first_difference(&one, &other).as_deref(), Some("b"));
        assert_eq!(first_difference(&one, &less).as_deref(), Some("b"));
    }
}
