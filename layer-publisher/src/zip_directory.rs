//! The names of the files in a zip, from its central directory alone: a few kilobytes at its end, wherever it lies
//! (APPNOTE 4.3.12 to 4.3.16). Nothing is unpacked and nothing else is believed.

use std::io;
use std::ops::Range;

use thiserror::Error;

/// The end of central directory record, without its comment.
const END: usize = 22;
/// The longest comment behind it.
const COMMENT: u64 = 65_535;
/// The locator of the record of zip64, which stands right before the end record.
const LOCATOR: usize = 20;
/// The record of zip64, without what may follow in it.
const END_64: u64 = 56;
/// A file header of the directory, without name, extra field and comment.
const HEADER: usize = 46;
/// A directory may have so many bytes: 250 MB of layer are a few ten thousand files.
const LARGEST: u64 = 64 << 20;

/// Why the names cannot be read.
#[derive(Debug, Error)]
pub enum ZipDirectoryError {
    /// The bytes cannot be had.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is no zip, or a broken one.
    #[error("it is no zip that can be read: {0}")]
    Form(&'static str),
}

/// The names of all entries of a zip of `size` bytes. `read` gives the bytes of a range.
pub fn file_names(
    size: u64,
    mut read: impl FnMut(Range<u64>) -> io::Result<Vec<u8>>,
) -> Result<Vec<String>, ZipDirectoryError> {
    let form = ZipDirectoryError::Form;
    let start = size.saturating_sub(END as u64 + COMMENT + LOCATOR as u64);
    let tail = exactly(start..size, &mut read)?;
    let end = end_record(&tail).ok_or(form("there is no end of a central directory"))?;
    let record = &tail[end..];
    let (mut length, mut offset) = (u64::from(u32_at(record, 12)), u64::from(u32_at(record, 16)));
    let mut count = u64::from(u16_at(record, 10));
    let is_64 = count == 0xffff || length == 0xffff_ffff || offset == 0xffff_ffff;
    if is_64
        && let Some(locator) = end.checked_sub(LOCATOR).filter(|at| tail[*at..].starts_with(b"PK\x06\x07"))
    {
        let at = u64_at(&tail[locator..], 8);
        let after =
            at.checked_add(END_64).filter(|after| *after <= size).ok_or(form("zip64 lies outside of it"))?;
        let record = exactly(at..after, &mut read)?;
        if !record.starts_with(b"PK\x06\x06") {
            return Err(form("there is no record of zip64"));
        }
        (count, length, offset) = (u64_at(&record, 32), u64_at(&record, 40), u64_at(&record, 48));
    }
    let after = offset.checked_add(length).filter(|after| *after <= size);
    let after = after.ok_or(form("its central directory lies outside of it"))?;
    if length > LARGEST {
        return Err(form("its central directory is too large"));
    }
    let directory = if offset >= start {
        tail[(offset - start) as usize..(after - start) as usize].to_vec()
    } else {
        exactly(offset..after, &mut read)?
    };
    let names = names(&directory).ok_or(form("its central directory is broken"))?;
    // Counts of many more than 65,535 wrap where zip64 is not used.
    if names.len() as u64 != count && names.len() as u64 % 0x1_0000 != count {
        return Err(form("its central directory is not complete"));
    }
    Ok(names)
}

fn exactly(
    range: Range<u64>,
    read: &mut impl FnMut(Range<u64>) -> io::Result<Vec<u8>>,
) -> Result<Vec<u8>, ZipDirectoryError> {
    let bytes = read(range.clone())?;
    if bytes.len() as u64 == range.end - range.start {
        return Ok(bytes);
    }
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, "fewer bytes came than were asked for").into())
}

/// Where the last record stands whose comment reaches to the end.
fn end_record(tail: &[u8]) -> Option<usize> {
    let last = tail.len().checked_sub(END)?;
    (0..=last).rev().find(|&at| {
        tail[at..].starts_with(b"PK\x05\x06") && at + END + usize::from(u16_at(&tail[at..], 20)) == tail.len()
    })
}

fn names(directory: &[u8]) -> Option<Vec<String>> {
    let (mut names, mut at) = (Vec::new(), 0);
    while at < directory.len() {
        let header = directory.get(at..at + HEADER).filter(|header| header.starts_with(b"PK\x01\x02"))?;
        let lengths = [28, 30, 32].map(|field| usize::from(u16_at(header, field)));
        let name = directory.get(at + HEADER..at + HEADER + lengths[0])?;
        names.push(String::from_utf8_lossy(name).into_owned());
        at += HEADER + lengths.iter().sum::<usize>();
    }
    (at == directory.len()).then_some(names)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(std::array::from_fn(|index| bytes.get(at + index).copied().unwrap_or_default()))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|index| bytes.get(at + index).copied().unwrap_or_default()))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|index| bytes.get(at + index).copied().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A zip with empty files, this much before its directory, and a comment.
    fn zip(names: &[&str], before: usize, comment: &[u8], is_64: bool) -> Vec<u8> {
        let mut bytes = vec![b'x'; before];
        for name in names {
            let mut header = b"PK\x01\x02".to_vec();
            header.resize(HEADER, 0);
            header[28..30].copy_from_slice(&(name.len() as u16).to_le_bytes());
            header[30] = 3;
            bytes.extend(header);
            bytes.extend(name.as_bytes());
            bytes.extend(b"ext");
        }
        let (length, count) = ((bytes.len() - before) as u64, names.len() as u64);
        if is_64 {
            let at = bytes.len() as u64;
            let mut record = b"PK\x06\x06".to_vec();
            record.resize(32, 0);
            for number in [count, length, before as u64] {
                record.extend(number.to_le_bytes());
            }
            bytes.extend(record);
            bytes.extend(b"PK\x06\x07\0\0\0\0");
            bytes.extend(at.to_le_bytes());
            bytes.extend([1, 0, 0, 0]);
        }
        bytes.extend(b"PK\x05\x06\0\0\0\0\0\0");
        let shown = |number: u64, most: u64| if is_64 { most } else { number };
        bytes.extend((shown(count, 0xffff) as u16).to_le_bytes());
        bytes.extend((shown(length, 0xffff_ffff) as u32).to_le_bytes());
        bytes.extend((shown(before as u64, 0xffff_ffff) as u32).to_le_bytes());
        bytes.extend((comment.len() as u16).to_le_bytes());
        bytes.extend(comment);
        bytes
    }

    fn read(zip: &[u8]) -> (Result<Vec<String>, ZipDirectoryError>, u64) {
        let mut fetched = 0;
        let names = file_names(zip.len() as u64, |range| {
            fetched += range.end - range.start;
            let range = range.start as usize..range.end as usize;
            Ok(zip.get(range).unwrap_or_default().to_vec())
        });
        (names, fetched)
    }

    #[test]
    fn names_are_read_wherever_the_directory_lies() {
        for (before, comment, is_64) in [
            (0, &b""[..], false),
            (200_000, b"", false),
            (10, b"PK\x05\x06 a comment", false),
            (200_000, b"c", true),
        ] {
            let (names, fetched) = read(&zip(&["python/a.py", "python/ä"], before, comment, is_64));
            assert_eq!(names.unwrap(), ["python/a.py", "python/ä"]);
            assert!(fetched < 67_000, "{fetched}");
        }
        assert_eq!(read(&zip(&[], 0, b"", false)).0.unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_broken_is_an_error_and_never_a_panic() {
        let whole = zip(&["python/a.py", "python/b.py"], 100, b"", false);
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).0.is_err(), "{length}");
        }
        // One byte after the other is something else: an answer or an error, but an end.
        for whole in [whole, zip(&["python/a.py"], 10, b"", true)] {
            for at in 0..whole.len() {
                for value in [0, 1, 0x7f, 0xff] {
                    let mut broken = whole.clone();
                    broken[at] = value;
                    drop(read(&broken));
                }
            }
        }
        let short = file_names(1000, |_| Ok(Vec::new())).unwrap_err();
        assert_eq!(short.to_string(), "fewer bytes came than were asked for");
    }
}
