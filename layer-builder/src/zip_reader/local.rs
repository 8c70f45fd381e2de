//! Local headers: what stands before an entry's data has to say the same as the directory. Whoever reads a zip from its
//! beginning believes it.

use super::{Entry, Method};

/// The size of a local header without name and extra field, in bytes.
pub(super) const SIZE: usize = 30;
/// What stands in a field whose value is in the extra field of zip64.
const IN_EXTRA: u32 = u32::MAX;
/// Bit 0 of the flags: encrypted.
const ENCRYPTED: u16 = 1;
/// Bit 3: checksum and sizes come after the data, and are 0 here.
const STREAMED: u16 = 1 << 3;

/// What a local header says, without its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    flags: u16,
    method: u16,
    crc32: u32,
    compressed_size: u32,
    size: u32,
    /// The length of the name, in bytes.
    pub(super) name: usize,
    /// The length of the extra field, in bytes.
    pub(super) extra: usize,
}

impl Header {
    /// Reads the first [`SIZE`] bytes; `None` if they are no local header.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; SIZE] = bytes.first_chunk()?;
        let short = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let long = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        bytes.starts_with(b"PK\x03\x04").then(|| Self {
            flags: short(6),
            method: short(8),
            crc32: long(14),
            compressed_size: long(18),
            size: long(22),
            name: usize::from(short(26)),
            extra: usize::from(short(28)),
        })
    }

    /// Whether the extra field has to be read, too.
    pub(super) fn is_zip64(&self) -> bool {
        self.compressed_size == IN_EXTRA || self.size == IN_EXTRA
    }

    /// Whether all of it agrees with the directory's `entry`. `extra` is the extra field, where it was asked for.
    pub(super) fn agrees_with(&self, entry: &Entry, extra: &[u8]) -> bool {
        let method = match entry.method {
            Method::Stored => 0,
            Method::Deflated => 8,
        };
        let mut sizes = [u64::from(self.compressed_size), u64::from(self.size)];
        if self.is_zip64() {
            let Some(found) = zip64(extra, self.compressed_size, self.size) else { return false };
            sizes = found;
        }
        let expected = [entry.compressed_size, entry.size];
        let is_streamed = self.flags & STREAMED != 0;
        let comes_later = is_streamed && self.crc32 == 0 && sizes == [0, 0];
        self.flags & ENCRYPTED == 0
            && self.method == method
            && (comes_later || self.crc32 == entry.crc32 && sizes == expected)
    }
}

/// Compressed and unpacked size as the extra field of zip64 has them (APPNOTE 4.5.3: unpacked first, and only what does
/// not fit into the header).
fn zip64(mut extra: &[u8], compressed_size: u32, size: u32) -> Option<[u64; 2]> {
    loop {
        let (&[a, b, c, d], rest) = extra.split_first_chunk()?;
        let (field, after) = rest.split_at_checked(usize::from(u16::from_le_bytes([c, d])))?;
        if u16::from_le_bytes([a, b]) != 1 {
            extra = after;
            continue;
        }
        let mut values = field
            .chunks_exact(8)
            .map(|value| value.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte)));
        let mut value = |short: u32| if short == IN_EXTRA { values.next() } else { Some(u64::from(short)) };
        let size = value(size)?;
        return Some([value(compressed_size)?, size]);
    }
}
