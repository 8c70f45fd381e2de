//! Why zips and their entries are refused, in words.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{LONGEST_NAME, MAX_RATIO, MAX_UNPACKED};

/// Why a zip file is not read.
#[derive(Debug, Error)]
pub enum Error {
    /// The file is not there, or not ours to read.
    #[error("failed to read `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no zip, or a truncated one.
    #[error("`{}` is not a complete zip file: {why}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// One of its entries is refused.
    #[error("`{}` holds an entry that is refused: `{entry}` {fault}", file_name(path))]
    Entry {
        /// The file.
        path: PathBuf,
        /// The entry's name as it stands there.
        entry: String,
        /// What is wrong with it.
        fault: Fault,
    },
}

/// What is wrong with an entry.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// `..`, absolute, a drive, a backslash, an empty part.
    #[error("is not a plain relative path")]
    UnsafePath,
    /// No file system takes it.
    #[error("has a name with a part of more than {LONGEST_NAME} bytes")]
    LongName,
    /// A name in another encoding.
    #[error("has a name that is not UTF-8")]
    NotUtf8,
    /// A symbolic link.
    #[error("is a symbolic link")]
    Symlink,
    /// Encrypted.
    #[error("is encrypted")]
    Encrypted,
    /// A method that is neither stored nor deflate.
    #[error("is compressed with {0}, which is neither `stored` nor `deflate`")]
    Method(String),
    /// Two entries of one name.
    #[error("stands there more than once")]
    Duplicate,
    /// Directory and local header tell different things.
    #[error("has a local header that does not agree with the directory")]
    LocalHeader,
    /// The stream ends too early, is damaged, or unpacks to another size.
    #[error("does not unpack: {0}")]
    Stream(&'static str),
    /// The content is not what the CRC says.
    #[error("has a wrong CRC: expected {expected:08x}, found {found:08x}")]
    Crc {
        /// By the directory.
        expected: u32,
        /// Of the content.
        found: u32,
    },
    /// It begins before another one ends, or it ends where the directory is.
    #[error("shares its bytes with another entry")]
    Overlap,
    /// More than [`MAX_RATIO`] times the size of the file.
    #[error("unpacks to more than {MAX_RATIO} times the size of the file, with those before it")]
    Bomb,
    /// More than [`MAX_UNPACKED`].
    #[error("unpacks to more than {} MB, with those before it", MAX_UNPACKED / 1_000_000)]
    TooLarge,
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
