//! The bytes of entries as they are stored: all of one, a part of one, or of many that lie in a row.

use std::fs::File;
use std::io::{IoSliceMut, Read, Seek, SeekFrom};

use super::{Entry, Error, Fault, ZipFile, local, read_at};

/// The length of a local header without its name, in bytes.
pub(crate) const HEADER: usize = local::SIZE;

impl Entry {
    /// Whether it lies behind `other`, with nothing between them.
    pub(crate) fn is_next_to(&self, other: &Self) -> bool {
        let length = (HEADER + other.path.len()) as u64;
        other.header_start.checked_add(length).and_then(|start| start.checked_add(other.compressed_size))
            == Some(self.header_start)
    }
}

impl ZipFile {
    /// The bytes of `entry` as they are stored. `buffer` is used again and again; what it held is lost.
    pub fn stored<'a>(&self, entry: &Entry, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], Error> {
        let size = usize::try_from(entry.compressed_size);
        let size = size.map_err(|_| self.refused(entry, Fault::TooLarge))?;
        let room = HEADER + entry.path.len();
        buffer.resize(room + size, 0);
        self.stored_into(entry, room, buffer)?;
        Ok(&buffer[room..])
    }

    /// Reads the first of the stored bytes of `entry` to where `room` of `into` ends, as many as there is space for, and
    /// tells where in the file they begin. The room is used to read the local header, if that fits in; what is in it
    /// afterwards is of no use.
    pub(crate) fn stored_into(&self, entry: &Entry, room: usize, into: &mut [u8]) -> Result<u64, Error> {
        let io = |source| Error::Io { path: self.path.clone(), source };
        let length = HEADER + entry.path.len();
        let mut apart = Vec::new();
        let (header, got) = match room.checked_sub(length) {
            // Nearly always nothing stands between name and data, and one read gets all.
            Some(from) => {
                let got = read_at(&self.file, entry.header_start, &mut into[from..]).map_err(io)?;
                (&into[from..room], got)
            }
            None => {
                apart.resize(length, 0);
                let got = read_at(&self.file, entry.header_start, &mut apart).map_err(io)?;
                (apart.as_slice(), got)
            }
        };
        let extra = self.check_header(entry, header, got)?;
        let start = entry.header_start + (length + extra) as u64;
        if extra > 0 || got < length + into.len() - room {
            self.stored_part(entry, start, &mut into[room..])?;
        }
        Ok(start)
    }

    /// Reads the stored bytes of entries that lie one after another, each to its place, in one go. `false` if that was
    /// not all there is between the first and the last: then each has to be read by itself.
    pub(crate) fn stored_in_a_row(&self, entries: &[&Entry], places: Vec<&mut [u8]>) -> bool {
        let length = |entry: &&Entry| HEADER + entry.path.len();
        let Some(first) = entries.first() else { return true };
        let mut headers = vec![0; entries.iter().map(length).sum()];
        let mut parts = Vec::with_capacity(2 * entries.len());
        let mut rest = headers.as_mut_slice();
        for (entry, place) in entries.iter().zip(places) {
            let (header, other) = rest.split_at_mut(length(entry));
            rest = other;
            parts.extend([IoSliceMut::new(header), IoSliceMut::new(place)]);
        }
        if !read_parts_at(&self.file, first.header_start, &mut parts).unwrap_or(false) {
            return false;
        }
        let mut at = 0;
        entries.iter().all(|entry| {
            let header = &headers[at..at + length(entry)];
            at += header.len();
            self.check_header(entry, header, header.len()).is_ok_and(|extra| extra == 0)
        })
    }

    /// Reads a part of the stored bytes of `entry`, which begins there in the file.
    pub(crate) fn stored_part(&self, entry: &Entry, at: u64, into: &mut [u8]) -> Result<(), Error> {
        let got =
            read_at(&self.file, at, into).map_err(|source| Error::Io { path: self.path.clone(), source })?;
        if got < into.len() {
            return Err(self.refused(entry, Fault::Stream("the file ends before it does")));
        }
        Ok(())
    }

    /// Checks a local header, with the name, of which so many bytes were read; gives the length of its extra field.
    fn check_header(&self, entry: &Entry, header: &[u8], got: usize) -> Result<usize, Error> {
        let disagrees = || self.refused(entry, Fault::LocalHeader);
        let read = local::Header::read(&header[..got.min(header.len())]).ok_or_else(disagrees)?;
        if header.get(HEADER..HEADER + read.name) != Some(entry.path.as_bytes()) || got < header.len() {
            return Err(disagrees());
        }
        let mut extra = Vec::new();
        if read.is_zip64() {
            extra.resize(read.extra, 0);
            self.stored_part(entry, entry.header_start + header.len() as u64, &mut extra)?;
        }
        if read.agrees_with(entry, &extra) { Ok(read.extra) } else { Err(disagrees()) }
    }
}

/// Fills all the parts from what lies there in the file; `false` if it could not be done at once.
fn read_parts_at(mut file: &File, offset: u64, parts: &mut [IoSliceMut<'_>]) -> std::io::Result<bool> {
    let wanted: usize = parts.iter().map(|part| part.len()).sum();
    file.seek(SeekFrom::Start(offset))?;
    Ok(file.read_vectored(parts)? == wanted)
}
