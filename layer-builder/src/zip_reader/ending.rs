//! The end of a zip, where its directory is named. Readers look for it in different ways: what they could read in two
//! ways is refused, or a wheel would be one thing to whoever installs it and another one here.

use std::fs::File;
use std::io;

use super::read_at;

/// Signature of the record at the end.
const SIGNATURE: &[u8] = b"PK\x05\x06";
/// Its size without the comment, in bytes.
const SIZE: usize = 22;

/// Why the end can be read in two ways; `None` if it cannot. `length` is that of the file, `comment` that of the comment
/// that was read, in bytes.
pub(super) fn ambiguity(file: &File, length: u64, comment: usize) -> io::Result<Option<&'static str>> {
    let mut end = vec![0; SIZE + comment];
    let Some(start) = length.checked_sub(end.len() as u64) else { return Ok(Some("it ends too early")) };
    read_at(file, start, &mut end)?;
    let claimed = usize::from(u16::from_le_bytes([end[20], end[21]]));
    Ok(if !end.starts_with(SIGNATURE) || claimed != comment {
        Some("something stands behind its end")
    } else if end[SIZE..].windows(SIGNATURE.len()).any(|bytes| bytes == SIGNATURE) {
        Some("its comment hides a second directory")
    } else {
        None
    })
}
