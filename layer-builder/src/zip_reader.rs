//! Reads zip files for copying: their entries, and the bytes of an entry as they are stored.
//!
//! A directory in its plain form is read here, in any other by the `zip` crate. What is strange is refused, by the name
//! of the entry: a layer is assembled from wheels without a look at their contents, so all that its reader could trip
//! over stops at this door.

mod ending;
mod error;
mod local;
mod path;
mod plain;
mod stored;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use libdeflater::{DecompressionError, Decompressor};
use zip::{CompressionMethod, ZipArchive};

use crate::hash::{Hasher, Sha256};
pub use error::{Error, Fault};
pub(crate) use path::is_safe;
pub(crate) use stored::HEADER;

/// The largest sum of unpacked sizes that is read: far above the 262,144,000 bytes that Lambda allows for a function
/// and all its layers, far below what a zip bomb claims.
pub const MAX_UNPACKED: u64 = 2_000_000_000;
/// What unpacks to more than [`MAX_RATIO`] times the size of its file is a bomb, if it is more than this, in bytes.
/// Wheels unpack to three or four times their size.
pub const ALWAYS_UNPACKED: u64 = 100_000_000;
/// See [`ALWAYS_UNPACKED`].
pub const MAX_RATIO: u64 = 100;
/// The longest name of a file that the file systems of Linux take, in bytes.
const LONGEST_NAME: usize = 255;

/// How an entry is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// As it is.
    Stored,
    /// As a deflate stream.
    Deflated,
}

/// A file in a zip.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its path, with `/` between the parts; relative, and without `..`.
    pub path: String,
    /// How it is stored.
    pub method: Method,
    /// The size of what is stored, in bytes.
    pub compressed_size: u64,
    /// The size of the file, in bytes.
    pub size: u64,
    /// Its CRC-32.
    pub crc32: u32,
    /// Whether its owner may execute it.
    pub executable: bool,
    header_start: u64,
}

/// What an entry is read and unpacked into.
#[derive(Debug, Default)]
struct Buffers {
    stored: Vec<u8>,
    content: Vec<u8>,
}

/// An open zip file.
#[derive(Debug)]
pub struct ZipFile {
    path: PathBuf,
    file: File,
    entries: Vec<Entry>,
}

impl ZipFile {
    /// Opens the zip at `path` and reads its directory. Directories have no entry here.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::Io { path: path.to_path_buf(), source })?;
        Self::read(path, file)
    }

    /// Reads the directory of an open zip that lies, or lay, at `path`.
    pub fn read(path: &Path, file: File) -> Result<Self, Error> {
        let entries = match plain::entries(&file) {
            Some(entries) => entries,
            None => Self::any_entries(path, &file)?,
        };
        Ok(Self { path: path.to_path_buf(), file, entries })
    }

    /// The files in the directory of `file`, whatever form it has.
    fn any_entries(path: &Path, file: &File) -> Result<Vec<Entry>, Error> {
        let broken =
            |error: zip::result::ZipError| Error::Broken { path: path.to_path_buf(), why: error.to_string() };
        let refused = |entry: &[u8], fault| Error::Entry {
            path: path.to_path_buf(),
            entry: String::from_utf8_lossy(entry).into_owned(),
            fault,
        };
        // The directory lies together at the end: one buffer holds most of it.
        let archive = ZipArchive::new(BufReader::with_capacity(1 << 17, file)).map_err(broken)?;
        let io = |source| Error::Io { path: path.to_path_buf(), source };
        let length = file.metadata().map_err(io)?.len();
        let why = if archive.offset() > 0 {
            Some("something stands before its beginning")
        } else {
            ending::ambiguity(file, length, archive.comment().len()).map_err(io)?
        };
        if let Some(why) = why {
            return Err(Error::Broken { path: path.to_path_buf(), why: why.to_owned() });
        }
        let mut entries = Vec::with_capacity(archive.len());
        let mut unpacked = 0;
        for index in 0..archive.len() {
            let entry = archive.by_index_data(index).map_err(broken)?;
            let name = entry.name_raw();
            let path = std::str::from_utf8(name).map_err(|_| refused(name, Fault::NotUtf8))?;
            if !is_safe(path) {
                return Err(refused(name, Fault::UnsafePath));
            }
            if is_too_long(path) {
                return Err(refused(name, Fault::LongName));
            }
            if entry.is_dir() {
                continue;
            }
            if entry.is_symlink() {
                return Err(refused(name, Fault::Symlink));
            }
            if entry.encrypted() {
                return Err(refused(name, Fault::Encrypted));
            }
            let method = match entry.compression() {
                CompressionMethod::Stored => Method::Stored,
                method if method == CompressionMethod::DEFLATE => Method::Deflated,
                other => return Err(refused(name, Fault::Method(other.to_string()))),
            };
            unpacked = entry.size().saturating_add(unpacked);
            if let Some(fault) = bomb(unpacked, length) {
                return Err(refused(name, fault));
            }
            entries.push(Entry {
                path: path.to_owned(),
                method,
                compressed_size: entry.compressed_size(),
                size: entry.size(),
                crc32: entry.crc32(),
                executable: entry.unix_mode().is_some_and(|mode| mode & 0o100 != 0),
                header_start: entry.header_start(),
            });
        }
        if archive.has_duplicate_names() {
            let name = duplicate_name(file).unwrap_or_default();
            return Err(refused(&name, Fault::Duplicate));
        }
        if let Some(entry) = overlapping(&entries, archive.central_directory_start()) {
            return Err(refused(entry.path.as_bytes(), Fault::Overlap));
        }
        Ok(entries)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its files, in the order of its directory.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Marks an entry as executable.
    pub(crate) fn make_executable(&mut self, index: usize) {
        self.entries[index].executable = true;
    }

    /// The content of `entry`, checked against its size and its CRC.
    pub fn content(&self, entry: &Entry) -> Result<Vec<u8>, Error> {
        let mut buffers = Buffers::default();
        let stored = self.unpacked(entry, &mut buffers)?;
        Ok(match entry.method {
            Method::Stored => stored.to_vec(),
            Method::Deflated => buffers.content,
        })
    }

    /// Looks at the content of `entry`, checked in the same way. Large contents are looked at one after the other, in
    /// memory that is theirs: otherwise each of the threads would keep some.
    pub fn look<T>(&self, entry: &Entry, look: impl FnOnce(&[u8]) -> T) -> Result<T, Error> {
        const LARGE: u64 = 1 << 22;
        static FOR_LARGE: Mutex<Buffers> = Mutex::new(Buffers { stored: Vec::new(), content: Vec::new() });
        if entry.size.max(entry.compressed_size) < LARGE {
            return Ok(look(self.unpacked(entry, &mut Buffers::default())?));
        }
        let mut buffers = FOR_LARGE.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(look(self.unpacked(entry, &mut buffers)?))
    }

    fn unpacked<'a>(&self, entry: &Entry, buffers: &'a mut Buffers) -> Result<&'a [u8], Error> {
        let stored = self.stored(entry, &mut buffers.stored)?;
        let content = match entry.method {
            Method::Stored if entry.size == entry.compressed_size => stored,
            Method::Stored => return Err(self.refused(entry, Fault::Stream("its two sizes differ"))),
            Method::Deflated => self.inflated(entry, stored, &mut buffers.content)?,
        };
        let found = crc32fast::hash(content);
        if found != entry.crc32 {
            return Err(self.refused(entry, Fault::Crc { expected: entry.crc32, found }));
        }
        Ok(content)
    }

    fn inflated<'a>(
        &self,
        entry: &Entry,
        stored: &[u8],
        content: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Error> {
        // Deflate shrinks at most 1032 to 1: whatever claims more is not believed, before memory is set aside for it.
        let size = usize::try_from(entry.size).map_err(|_| self.refused(entry, Fault::TooLarge))?;
        if size / 1032 > stored.len() {
            return Err(self.refused(entry, Fault::Stream("it claims a size that cannot be")));
        }
        content.resize(size, 0);
        match Decompressor::new().deflate_decompress(stored, content) {
            Ok(got) if got == size => Ok(content),
            Ok(_) => Err(self.refused(entry, Fault::Stream("it is smaller than the directory says"))),
            Err(DecompressionError::InsufficientSpace) => {
                Err(self.refused(entry, Fault::Stream("it is larger than the directory says")))
            }
            Err(DecompressionError::BadData) => {
                Err(self.refused(entry, Fault::Stream("the stream is damaged")))
            }
        }
    }

    fn refused(&self, entry: &Entry, fault: Fault) -> Error {
        Error::Entry { path: self.path.clone(), entry: entry.path.clone(), fault }
    }
}

/// What is wrong with a zip of `length` bytes whose entries unpack to so many, if it is too much.
fn bomb(unpacked: u64, length: u64) -> Option<Fault> {
    if unpacked > MAX_UNPACKED {
        return Some(Fault::TooLarge);
    }
    (unpacked > ALWAYS_UNPACKED && unpacked / MAX_RATIO > length).then_some(Fault::Bomb)
}

/// Whether no file system takes the path.
fn is_too_long(path: &str) -> bool {
    path.len() > LONGEST_NAME && path.split('/').any(|part| part.len() > LONGEST_NAME)
}

/// An entry that begins before the one before it has ended, or that ends in the directory, if there is one. Bombs are
/// made of such, and nothing else is.
fn overlapping(entries: &[Entry], directory: u64) -> Option<&Entry> {
    let end = |entry: &Entry| {
        let header = (local::SIZE + entry.path.len()) as u64;
        entry.header_start.saturating_add(header).saturating_add(entry.compressed_size)
    };
    let in_directory = |entry: &&Entry| end(entry) > directory;
    // Nearly always they lie in the order of the directory.
    if entries.windows(2).all(|pair| end(&pair[0]) <= pair[1].header_start) {
        return entries.last().filter(in_directory);
    }
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by_key(|entry| entry.header_start);
    let second = sorted.windows(2).find(|pair| end(pair[0]) > pair[1].header_start).map(|pair| pair[1]);
    second.or(sorted.last().copied().filter(in_directory))
}

/// The hash of all of an open file. On Unix it leaves the file's position alone, so that others can read meanwhile.
pub fn hash_of(file: &File) -> std::io::Result<Sha256> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    let mut offset = 0;
    loop {
        match read_at(file, offset, &mut buffer)? {
            0 => return Ok(hasher.finish()),
            count => {
                hasher.update(&buffer[..count]);
                offset += count as u64;
            }
        }
    }
}

/// Reads until the buffer is full or the file ends.
pub(crate) fn read_at(mut file: &File, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    #[cfg(not(unix))]
    file.seek(SeekFrom::Start(offset))?;
    while filled < buffer.len() {
        #[cfg(unix)]
        let got = std::os::unix::fs::FileExt::read_at(file, &mut buffer[filled..], offset + filled as u64);
        #[cfg(not(unix))]
        let got = file.read(&mut buffer[filled..]);
        match got {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    #[cfg(unix)]
    let _ = &mut file;
    Ok(filled)
}

/// The `zip` crate tells that there is a name twice, not which. The directory is walked once more to find it.
fn duplicate_name(mut file: &File) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.read_to_end(&mut bytes).ok()?;
    let mut seen = std::collections::HashSet::new();
    let mut at = 0;
    loop {
        at += bytes[at..].windows(4).position(|window| window == b"PK\x01\x02")?;
        let length = |offset: usize| {
            Some(usize::from(u16::from_le_bytes([*bytes.get(at + offset)?, *bytes.get(at + offset + 1)?])))
        };
        let name = bytes.get(at + 46..at + 46 + length(28)?)?;
        if !seen.insert(name) {
            return Some(name.to_vec());
        }
        at += 4;
    }
}
