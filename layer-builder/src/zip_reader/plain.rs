//! The directories of plain zips, as nearly every tool for wheels writes them: read in one go and without ceremony,
//! since a build begins with all of them.
//!
//! Whatever is unusual is not judged here: zip64, comments, extra fields, other systems, names that are no plain paths,
//! anything that does not add up. There is no answer then, and the `zip` crate, which knows every form, gives it.

use std::collections::HashSet;
use std::fs::File;

use super::{Entry, Method, bomb, is_safe, is_too_long, overlapping, read_at};

/// The end of the directory, in bytes, where no comment follows.
const END: usize = 22;
/// An entry of the directory without its name, in bytes.
const HEADER: usize = 46;
/// A directory that is larger, in bytes, is no usual one.
const LARGEST: usize = 1 << 26;
/// Levels of compression, data descriptors, UTF-8: all that says nothing about how to read the stored bytes.
const HARMLESS_FLAGS: u16 = 0b1000_0000_1110;

/// The files in the directory of `file`, if it is a plain one.
pub(super) fn entries(file: &File) -> Option<Vec<Entry>> {
    let length = file.metadata().ok()?.len();
    let mut end = [0; END];
    let end_at = length.checked_sub(END as u64)?;
    fill(file, end_at, &mut end)?;
    let (count, size, start) = (u16_at(&end, 8)?, u32_at(&end, 12)?, u64::from(u32_at(&end, 16)?));
    let is_plain = end.starts_with(b"PK\x05\x06\0\0\0\0")
        && u16_at(&end, 10)? == count
        && u16_at(&end, 20)? == 0
        && start + u64::from(size) == end_at
        && count < u16::MAX;
    let size = usize::try_from(size).ok().filter(|size| is_plain && *size <= LARGEST)?;
    let mut directory = vec![0; size];
    fill(file, start, &mut directory)?;

    let mut entries = Vec::with_capacity(usize::from(count));
    let mut names = HashSet::with_capacity(usize::from(count));
    let mut unpacked = 0;
    let mut rest = directory.as_slice();
    for _ in 0..count {
        let (header, after) = rest.split_at_checked(HEADER)?;
        let (name, after) = after.split_at_checked(u16_at(header, 28)?.into())?;
        rest = after;
        let path = std::str::from_utf8(name).ok()?;
        // No extra field, no comment, all on the first disk.
        let is_plain = header.starts_with(b"PK\x01\x02") && header[30..36] == [0; 6];
        if !is_plain || !is_safe(path) || is_too_long(path) || !names.insert(name) {
            return None;
        }
        if path.ends_with('/') {
            continue;
        }
        let entry = entry(path, header, start)?;
        unpacked += entry.size;
        entries.push(entry);
    }
    let is_sane =
        rest.is_empty() && bomb(unpacked, length).is_none() && overlapping(&entries, start).is_none();
    is_sane.then_some(entries)
}

/// A file of a zip whose directory starts there.
fn entry(path: &str, header: &[u8], directory_start: u64) -> Option<Entry> {
    const DOS: u8 = 0;
    const UNIX: u8 = 3;
    const KIND: u32 = 0o170_000;
    const REGULAR: u32 = 0o100_000;
    let mode = match header[5] {
        DOS => 0,
        UNIX => u32_at(header, 38)? >> 16,
        _ => return None,
    };
    let method = match u16_at(header, 10)? {
        0 => Method::Stored,
        8 => Method::Deflated,
        _ => return None,
    };
    let (compressed_size, size) = (u32_at(header, 20)?, u32_at(header, 24)?);
    let header_start = u64::from(u32_at(header, 42)?);
    let is_plain = matches!(mode & KIND, 0 | REGULAR)
        && u16_at(header, 8)? & !HARMLESS_FLAGS == 0
        && compressed_size < u32::MAX
        && size < u32::MAX
        && header_start < directory_start;
    is_plain.then(|| Entry {
        path: path.to_owned(),
        method,
        compressed_size: compressed_size.into(),
        size: size.into(),
        crc32: u32_at(header, 16).unwrap_or_default(),
        executable: mode & 0o100 != 0,
        header_start,
    })
}

/// Fills the buffer from there on, if the file has so much.
fn fill(file: &File, offset: u64, buffer: &mut [u8]) -> Option<()> {
    (read_at(file, offset, buffer).ok()? == buffer.len()).then_some(())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;

    use ::tests::wheels::{ZipEntry, file, zip};
    use proptest::prelude::*;

    use super::*;
    use crate::zip_reader::ZipFile;

    fn open(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    /// Where there is an answer, it is that of the `zip` crate. Gives whether there was one.
    fn check(bytes: &[u8]) -> bool {
        let file = open(bytes);
        let Some(entries) = entries(&file) else { return false };
        let of_crate = ZipFile::any_entries(Path::new("a.whl"), &file);
        match of_crate {
            Ok(expected) => assert_eq!(format!("{entries:?}"), format!("{expected:?}")),
            Err(error) => panic!("the `zip` crate refuses it: {error}"),
        }
        true
    }

    #[test]
    fn what_wheels_are_like_is_read() {
        let stored = ZipEntry { method: 0, ..file("a/stored", "as it is") };
        let executable = ZipEntry { mode: 0o100_755, ..file("a/tool", "#!") };
        let streamed = ZipEntry { flags: 8, ..file("a/streamed", "with a descriptor") };
        let unicode = ZipEntry { flags: 1 << 11, ..file("a/ü.py", "ü") };
        let without_kind = ZipEntry { mode: 0o644, ..file("a/b", "") };
        let folder = ZipEntry { mode: 0o40_755, method: 0, ..file("a/", "") };
        let all = [stored, executable, streamed, unicode, without_kind, folder, file("a.py", "1")];
        assert!(check(&zip(&all)));
        assert!(check(&zip(&[])));
    }

    #[test]
    fn what_is_unusual_is_left_to_others() {
        let good = zip(&[file("a.py", "1"), file("b.py", "2")]);
        let with = |change: &dyn Fn(&mut ZipEntry)| {
            let mut entry = file("b.py", "2");
            change(&mut entry);
            zip(&[file("a.py", "1"), entry])
        };
        let unusual = [
            ("two of a name", with(&|entry| entry.name = b"a.py".to_vec())),
            ("a path that leads out", with(&|entry| entry.name = b"../b.py".to_vec())),
            ("another encoding", with(&|entry| entry.name = b"\xff".to_vec())),
            ("encrypted", with(&|entry| entry.flags = 1)),
            ("another method", with(&|entry| entry.method = 12)),
            ("a link", with(&|entry| entry.mode = 0o120_777)),
            ("too large", with(&|entry| entry.size = Some(2_000_000_001))),
            ("something before it", [b"#!/bin/sh\n", good.as_slice()].concat()),
            ("something behind it", [good.as_slice(), b"\n"].concat()),
            ("an end that is cut off", good[..good.len() - 1].to_vec()),
            ("nothing", Vec::new()),
        ];
        for (what, bytes) in unusual {
            assert!(entries(&open(&bytes)).is_none(), "{what}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn nothing_is_read_otherwise_than_the_crate_reads_it(
            files in proptest::collection::vec(("[a-c/.]{1,4}", 0..3_u16, 0..4_u32), 0..5),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            cut in 0..4_usize,
        ) {
            let files: Vec<ZipEntry> = files
                .into_iter()
                .map(|(name, flags, mode)| ZipEntry {
                    method: if mode == 0 { 0 } else { 8 },
                    flags: [0, 8, 1 << 11][usize::from(flags)],
                    mode: [0o100_644, 0o100_755, 0o40_755, 0][mode as usize],
                    ..file(&name, name.repeat(9))
                })
                .collect();
            let mut bytes = zip(&files);
            for (at, to) in changes {
                let at = at.index(bytes.len());
                bytes[at] = to;
            }
            bytes.truncate(bytes.len() - cut.saturating_sub(2));
            check(&bytes);
        }
    }
}
