//! The canonical zip: every byte of every header is decided here, so that equal contents are equal zips.
//!
//! Sorted by path; no directory entries, no extra fields, no comments, no data descriptors; the time is always
//! 1980-01-01 00:00; made by Unix; mode 0644, or 0755 for what is executable. Streams are written as they come.
//! Format: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.

use std::io::{self, Write};

use crate::zip_reader::{HEADER, Method};

/// 1980-01-01, in the form of MS-DOS: year 0, month 1, day 1.
const DATE: u16 = (1 << 5) | 1;
const TIME: u16 = 0;
/// Version 2.0 of the format: deflate, folders.
const VERSION: u16 = 20;
/// Version 4.5: zip64.
const VERSION_64: u16 = 45;
/// Host system 3: Unix, so that the modes count.
const UNIX: u16 = 3 << 8;
/// Bit 11: the name is UTF-8. Set only where it matters.
const UTF8: u16 = 1 << 11;
const REGULAR_FILE: u32 = 0o100_000;
/// The length of an entry of the directory without its name, in bytes.
const DIRECTORY_ENTRY: usize = 46;
/// Of the end of the directory, and of what stands before it where there are very many files.
const END: usize = 22;
const END_64: usize = 76;

/// A file to be added.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Its path in the zip; each one once, in the order of their bytes.
    pub path: &'a str,
    /// Mode 0755 instead of 0644.
    pub executable: bool,
    /// What the bytes that come with it are.
    pub method: Method,
    /// Of its content.
    pub crc32: u32,
    /// Of its content, in bytes.
    pub size: u64,
}

/// The size in bytes of a zip with files whose paths and stored bytes have these lengths.
pub fn size_of(files: impl IntoIterator<Item = (usize, u64)>) -> u64 {
    let (mut size, mut count) = (END as u64, 0_u64);
    for (path, stored) in files {
        size += (HEADER + DIRECTORY_ENTRY + 2 * path) as u64 + stored;
        count += 1;
    }
    size + if count < u64::from(u16::MAX) { 0 } else { END_64 as u64 }
}

/// Writes the canonical zip to `W`.
#[derive(Debug)]
pub struct Writer<W> {
    inner: W,
    position: u64,
    header: Vec<u8>,
    directory: Vec<u8>,
    count: u64,
}

/// A zip that is complete.
#[derive(Debug)]
pub struct Finished<W> {
    /// What it was written to.
    pub inner: W,
    /// Its size in bytes.
    pub size: u64,
}

impl<W: Write> Writer<W> {
    /// An empty zip.
    pub fn new(inner: W) -> Self {
        Self { inner, position: 0, header: Vec::new(), directory: Vec::new(), count: 0 }
    }

    /// Makes room in the directory for more files, whose paths have so many bytes together.
    pub fn reserve(&mut self, files: usize, path_bytes: usize) {
        self.directory.reserve(files * DIRECTORY_ENTRY + path_bytes);
    }

    /// Adds `file`, whose stored bytes are `stored`.
    pub fn add(&mut self, file: &File<'_>, stored: &[u8]) -> io::Result<()> {
        self.add_with(file, stored.len() as u64, |inner, header| {
            inner.write_all(header)?;
            inner.write_all(stored)
        })
    }

    /// Adds `file`, whose stored bytes are so many: `write` writes what stands before them, which it gets, and then them.
    pub fn add_with<E: From<io::Error>>(
        &mut self,
        file: &File<'_>,
        stored_size: u64,
        write: impl FnOnce(&mut W, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.enter(file, stored_size)?;
        write(&mut self.inner, &self.header)?;
        self.position += self.header.len() as u64 + stored_size;
        Ok(())
    }

    /// Puts a file into the directory, and what stands before its bytes into `self.header`.
    fn enter(&mut self, file: &File<'_>, stored_size: u64) -> io::Result<()> {
        let name = file.path.as_bytes();
        let name_length = u16::try_from(name.len()).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidFilename, "a name of more than 65,535 bytes")
        })?;
        let offset = u32::try_from(self.position).map_err(too_large)?;
        let stored_size = u32::try_from(stored_size).map_err(too_large)?;
        let size = u32::try_from(file.size).map_err(too_large)?;
        let method: u16 = match file.method {
            Method::Stored => 0,
            Method::Deflated => 8,
        };
        let flags = if file.path.is_ascii() { 0 } else { UTF8 };
        let mode = REGULAR_FILE | if file.executable { 0o755 } else { 0o644 };

        // What the local header and the directory have in common.
        let mut common = [0; 26];
        let mut at = 0;
        for value in [VERSION, flags, method, TIME, DATE] {
            put(&mut common, &mut at, &value.to_le_bytes());
        }
        for value in [file.crc32, stored_size, size] {
            put(&mut common, &mut at, &value.to_le_bytes());
        }
        put(&mut common, &mut at, &name_length.to_le_bytes());
        put(&mut common, &mut at, &0_u16.to_le_bytes());

        self.header.clear();
        for part in [b"PK\x03\x04", common.as_slice(), name] {
            self.header.extend_from_slice(part);
        }

        let directory = &mut self.directory;
        directory.extend_from_slice(b"PK\x01\x02");
        directory.extend_from_slice(&(UNIX | VERSION).to_le_bytes());
        directory.extend_from_slice(&common);
        // No comment, disk 0, no internal attributes.
        directory.extend_from_slice(&[0; 6]);
        directory.extend_from_slice(&(mode << 16).to_le_bytes());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name);
        self.count += 1;
        Ok(())
    }

    /// Writes the directory and the end.
    pub fn finish(mut self) -> io::Result<Finished<W>> {
        let start = self.position;
        let directory = std::mem::take(&mut self.directory);
        self.write(&directory)?;
        let size = directory.len() as u64;
        let count = u16::try_from(self.count).unwrap_or(u16::MAX);
        if count == u16::MAX {
            self.end_64(start, size)?;
        }
        let small = |value: u64| u32::try_from(value).map(u32::to_le_bytes).map_err(too_large);
        self.write(b"PK\x05\x06\0\0\0\0")?;
        self.write(&count.to_le_bytes())?;
        self.write(&count.to_le_bytes())?;
        self.write(&small(size)?)?;
        self.write(&small(start)?)?;
        self.write(&0_u16.to_le_bytes())?;
        self.inner.flush()?;
        Ok(Finished { inner: self.inner, size: self.position })
    }

    /// The zip64 end of directory: for 65,535 files and more.
    fn end_64(&mut self, start: u64, size: u64) -> io::Result<()> {
        let at = self.position;
        self.write(b"PK\x06\x06")?;
        self.write(&44_u64.to_le_bytes())?;
        self.write(&(UNIX | VERSION_64).to_le_bytes())?;
        self.write(&VERSION_64.to_le_bytes())?;
        self.write(&[0; 8])?;
        for value in [self.count, self.count, size, start] {
            self.write(&value.to_le_bytes())?;
        }
        self.write(b"PK\x06\x07\0\0\0\0")?;
        self.write(&at.to_le_bytes())?;
        self.write(&1_u32.to_le_bytes())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_all(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

fn too_large(_: std::num::TryFromIntError) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "a zip of more than 4 GB is no layer")
}

fn put(buffer: &mut [u8], at: &mut usize, bytes: &[u8]) {
    buffer[*at..*at + bytes.len()].copy_from_slice(bytes);
    *at += bytes.len();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From 65,535 files on the number no longer fits, and zip64 has to say it.
    #[test]
    fn many_files_are_counted_rightly() {
        for count in [65_534_usize, 65_535, 65_536] {
            let mut writer = Writer::new(Vec::new());
            for index in 0..count {
                let path = format!("{index:06}");
                let file = File { path: &path, executable: false, method: Method::Stored, crc32: 0, size: 0 };
                writer.add(&file, b"").unwrap();
            }
            let finished = writer.finish().unwrap();
            assert_eq!(finished.size, finished.inner.len() as u64);
            assert_eq!(size_of(std::iter::repeat_n((6, 0), count)), finished.size);
            let archive = zip::ZipArchive::new(std::io::Cursor::new(finished.inner)).unwrap();
            assert_eq!(archive.len(), count);
        }
    }
}
