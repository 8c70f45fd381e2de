//! The layer's zip: streams copied out of the wheels, while zip and wheels are hashed.

use std::fs::File as OsFile;
use std::io::{self, Write};
use std::path::PathBuf;

use thiserror::Error;

use super::hashing::{Hashing, PIECE, Piece};
use super::plan::{Input, LayerEntry, LayerPlan};
use crate::atomic;
use crate::hash::Sha256;
use crate::zip_reader::{self, Entry, HEADER, ZipFile};
use crate::zip_writer::{File, Writer, size_of};

/// A layer's zip that was written.
#[derive(Clone, Copy, Debug)]
pub struct Assembled {
    /// Its hash.
    pub sha256: Sha256,
    /// Its size, in bytes.
    pub size: u64,
    /// What it unpacks to, in bytes.
    pub unzipped_size: u64,
}

/// Why there is no zip.
#[derive(Debug, Error)]
pub enum Error {
    /// A wheel is not what it was when it was locked or built.
    #[error("`{}` is damaged: expected sha256 {expected}, found {found}", path.display())]
    Damaged {
        /// The wheel.
        path: PathBuf,
        /// What it has to be.
        expected: Sha256,
        /// What it is.
        found: Sha256,
    },
    /// A wheel cannot be read.
    #[error(transparent)]
    Wheel(#[from] zip_reader::Error),
    /// The zip cannot be written.
    #[error("failed to write the zip")]
    Write(#[from] io::Error),
}

/// A zip that was written. Its hash may still be on its way.
#[derive(Clone, Copy, Debug)]
pub struct Copied {
    /// Its size, in bytes.
    pub size: u64,
    /// What it unpacks to, in bytes.
    pub unzipped_size: u64,
}

impl Copied {
    /// Waits for its hash, and helps with it.
    pub fn hashed(self, hashing: &Hashing) -> Assembled {
        Assembled { sha256: hashing.of_zip(), size: self.size, unzipped_size: self.unzipped_size }
    }
}

/// Writes the layer that `plan` describes to `out`, copying from `inputs`, and hands its bytes to `hashing`. That the
/// wheels are what they have to be is not known before `hashing` has checked them.
pub fn assemble(
    plan: &LayerPlan<'_>,
    inputs: &[Input],
    out: &OsFile,
    hashing: &Hashing,
) -> Result<Copied, Error> {
    let files = plan.entries.iter().map(|entry| (entry.path.len(), entry.entry.compressed_size));
    atomic::reserve(out, size_of(files));
    let mut writer = Writer::new(Pieces::new(out, hashing));
    writer.reserve(plan.entries.len(), plan.entries.iter().map(|entry| entry.path.len()).sum());
    let mut unzipped_size = 0;
    for (index, LayerEntry { path, wheel, entry }) in plan.entries.iter().enumerate() {
        let file = File {
            path,
            executable: entry.executable,
            method: entry.method,
            crc32: entry.crc32,
            size: entry.size,
        };
        let zip = inputs[*wheel].wheel.zip();
        writer.add_with(&file, entry.compressed_size, |pieces, header| {
            pieces.copy(header, zip, &plan.entries[index..])
        })?;
        unzipped_size += entry.size;
    }
    Ok(Copied { size: writer.finish()?.size, unzipped_size })
}

/// Gathers what is written into large pieces; each goes to the file and then to whoever hashes.
pub(super) struct Pieces<'a> {
    out: &'a OsFile,
    hashing: &'a Hashing,
    piece: Piece,
    /// So many streams of the next entries are in the piece already, where they belong.
    ahead: usize,
}

impl<'a> Pieces<'a> {
    /// Those of a zip that is written to `out`; when it is complete, they have to be flushed.
    pub(super) fn new(out: &'a OsFile, hashing: &'a Hashing) -> Self {
        Self { out, hashing, piece: hashing.begin_zip(), ahead: 0 }
    }

    /// Copies the first of `entries`: the wheel is read to where the bytes are written from, and what stands before them
    /// there makes room for `header`.
    fn copy(&mut self, header: &[u8], zip: &ZipFile, entries: &[LayerEntry<'_>]) -> Result<(), Error> {
        if self.ahead == 0 {
            self.read_ahead(zip, entries);
        }
        let entry = entries[0].entry;
        let mut left = usize::try_from(entry.compressed_size).map_err(io::Error::other)?;
        if self.ahead > 0 {
            self.ahead -= 1;
            self.piece.bytes[self.piece.filled..][..header.len()].copy_from_slice(header);
            self.piece.filled += header.len() + left;
            return Ok(());
        }
        let room = if PIECE - self.piece.filled >= header.len() {
            header.len()
        } else {
            self.write_all(header)?;
            0
        };
        let free = &mut self.piece.bytes[self.piece.filled..];
        let count = left.min(free.len() - room);
        let start = zip.stored_into(entry, room, &mut free[..room + count])?;
        free[..room].copy_from_slice(&header[..room]);
        self.piece.filled += room + count;
        let mut at = start + count as u64;
        left -= count;
        while left > 0 {
            self.pass_on()?;
            let count = left.min(PIECE);
            zip.stored_part(entry, at, &mut self.piece.bytes[..count])?;
            self.piece.filled = count;
            at += count as u64;
            left -= count;
        }
        Ok(())
    }

    /// Reads as many entries at once as lie one after another, in the wheel as in the zip, and fit into the piece.
    fn read_ahead(&mut self, zip: &ZipFile, entries: &[LayerEntry<'_>]) {
        // The system takes 1,024 parts at most, and an entry is two.
        const MOST: usize = 512;
        let mut free = &mut self.piece.bytes[self.piece.filled..];
        let (mut row, mut places) = (Vec::<&Entry>::new(), Vec::new());
        for LayerEntry { path, wheel, entry } in entries.iter().take(MOST) {
            let room = HEADER + path.len();
            let size = usize::try_from(entry.compressed_size).unwrap_or(usize::MAX);
            let is_next = row.last().is_none_or(|last| entry.is_next_to(last)) && *wheel == entries[0].wheel;
            if !is_next || size.saturating_add(room) > free.len() {
                break;
            }
            let (place, rest) = std::mem::take(&mut free)[room..].split_at_mut(size);
            free = rest;
            row.push(entry);
            places.push(place);
        }
        if row.len() > 1 && zip.stored_in_a_row(&row, places) {
            self.ahead = row.len();
        }
    }

    /// Writes the piece and begins another one.
    fn pass_on(&mut self) -> io::Result<()> {
        self.out.write_all(&self.piece.bytes[..self.piece.filled])?;
        self.piece = self.hashing.pass_on(std::mem::take(&mut self.piece));
        Ok(())
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.filled == PIECE {
            self.pass_on()?;
        }
        let free = &mut self.piece.bytes[self.piece.filled..];
        let count = bytes.len().min(free.len());
        free[..count].copy_from_slice(&bytes[..count]);
        self.piece.filled += count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on()?;
        self.hashing.complete_zip();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use ::tests::wheels::{TestWheel, ZipEntry, file, wheel};

    use super::*;
    use crate::layer::plan;
    use crate::wheels::layout::Place;
    use crate::wheels::wheel::Wheel;

    /// A file that nobody can compress, stored as it is.
    fn noise(name: &str, size: usize) -> ZipEntry {
        let mut state = size as u32 + 1;
        let byte = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        ZipEntry { method: 0, ..file(name, (0..size).map(byte).collect::<Vec<u8>>()) }
    }

    fn inputs(folder: &Path, wheels: &[TestWheel]) -> Vec<Input> {
        let input = |wheel: &TestWheel| {
            let path = folder.join(&wheel.file_name);
            std::fs::write(&path, &wheel.bytes).unwrap();
            let wheel_file = OsFile::open(&path).unwrap();
            let name = format!("{} {}", wheel.name, wheel.version);
            Input { wheel: Wheel::read(&path, wheel_file).unwrap(), name, place: Place::Everywhere }
        };
        wheels.iter().map(input).collect()
    }

    /// The same zip, one stream after the other.
    fn plainly(plan: &LayerPlan<'_>, inputs: &[Input]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        let mut buffer = Vec::new();
        for LayerEntry { path, wheel, entry } in &plan.entries {
            let file = File {
                path,
                executable: entry.executable,
                method: entry.method,
                crc32: entry.crc32,
                size: entry.size,
            };
            writer.add(&file, inputs[*wheel].wheel.zip().stored(entry, &mut buffer).unwrap()).unwrap();
        }
        writer.finish().unwrap().inner
    }

    fn check(wheels: &[TestWheel]) {
        let folder = tempfile::tempdir().unwrap();
        let inputs = inputs(folder.path(), wheels);
        let plan = plan::plan(&inputs, &BTreeSet::new()).unwrap();
        let expected = plainly(&plan, &inputs);
        for threads in 1..4 {
            let out = tempfile::NamedTempFile::new().unwrap();
            let hashing = Hashing::on(threads);
            let assembled = assemble(&plan, &inputs, out.as_file(), &hashing).unwrap().hashed(&hashing);
            let written = std::fs::read(out.path()).unwrap();
            assert!(written == expected, "the zips differ, on {threads} threads");
            assert_eq!(assembled.sha256, Sha256::of(&expected));
            assert_eq!(assembled.size, expected.len() as u64);
            let files = plan.entries.iter().map(|entry| (entry.path.len(), entry.entry.compressed_size));
            assert_eq!(size_of(files), assembled.size);
        }
    }

    /// Files that lie in their order, against it, alone; that end at the end of a piece, before it, behind it.
    #[test]
    fn streams_are_copied_wherever_they_lie() {
        let small = |number: usize| file(&format!("a/{number:04}.py"), format!("{number}\n").repeat(number));
        let in_order: Vec<ZipEntry> = (0..700).map(small).collect();
        let against: Vec<ZipEntry> =
            (0..300).rev().map(|number| noise(&format!("b/{number:03}"), number * 17)).collect();
        let sizes = [0, 1, PIECE - 40, PIECE, PIECE + 1, 3 * PIECE + 5, PIECE / 2];
        let large = sizes.iter().enumerate().map(|(at, size)| noise(&format!("c/{at}"), *size));
        let large: Vec<ZipEntry> =
            large.chain((0..20).map(|at| noise(&format!("c/x{at:02}"), 1000))).collect();
        check(&[wheel("a", "1", &in_order), wheel("b", "1", &against), wheel("c", "1", &large)]);
    }

    /// What stands between the streams is nothing that one may rely on.
    #[test]
    fn streams_are_copied_whatever_stands_before_them() {
        let long = ["x".repeat(200), "y".repeat(200)].join("/");
        let mut entries = Vec::new();
        for number in 0..200 {
            let entry = noise(&format!("d/{number:03}"), 2000 + number);
            entries.push(match number % 5 {
                0 => ZipEntry { local_extra: b"UT\x05\0\x03\0\0\0\0".to_vec(), ..entry },
                1 => ZipEntry { flags: 8, ..entry },
                2 => noise(&format!("d-1.data/purelib/d/{number:03}{long}"), 1500),
                _ => entry,
            });
        }
        check(&[wheel("d", "1", &entries)]);
    }

    #[test]
    fn a_wheel_that_ends_too_early_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let wheels = [wheel("a", "1", &[noise("a/large", 3 * PIECE), noise("a/small", 10)])];
        let inputs = inputs(folder.path(), &wheels);
        let plan = plan::plan(&inputs, &BTreeSet::new()).unwrap();
        let path = folder.path().join(&wheels[0].file_name);
        let cut = |length| OsFile::options().write(true).open(&path).unwrap().set_len(length).unwrap();
        for length in [2 * PIECE as u64, 10] {
            cut(length);
            let hashing = Hashing::on(2);
            let out = tempfile::tempfile().unwrap();
            let error = assemble(&plan, &inputs, &out, &hashing).unwrap_err();
            assert!(matches!(error, Error::Wheel(zip_reader::Error::Entry { .. })), "{error}");
        }
    }
}
