//! A zip that is to be sent: in memory if a request can hold it, else in its file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tempfile::TempPath;

/// The largest zip that fits into a request, in bytes: 50 MB as Lambda counts them.
pub const LARGEST_DIRECT_ZIP: u64 = 52_428_800;

/// The bytes of a zip.
#[derive(Clone, Debug)]
pub enum ZipSource {
    /// They are here.
    Memory(Arc<Vec<u8>>),
    /// They lie in a file.
    File(PathBuf),
    /// They lie in a file that is gone when nobody needs it any more.
    Temporary(Arc<TempPath>),
}

impl ZipSource {
    /// Reads a file once: its size, its SHA-256, and the bytes if they are few enough.
    pub fn read(path: &Path) -> io::Result<(Self, u64, [u8; 32])> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        if size <= LARGEST_DIRECT_ZIP {
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
            file.read_to_end(&mut bytes)?;
            let digest = Sha256::digest(&bytes).into();
            return Ok((Self::Memory(Arc::new(bytes)), size, digest));
        }
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => hasher.update(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok((Self::File(path.to_owned()), size, hasher.finalize().into()))
    }

    /// All bytes, if they are in memory.
    pub fn bytes(&self) -> Option<&Arc<Vec<u8>>> {
        match self {
            Self::Memory(bytes) => Some(bytes),
            Self::File(_) | Self::Temporary(_) => None,
        }
    }

    /// A reader from the beginning.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Memory(bytes) => Box::new(io::Cursor::new(SharedBytes(Arc::clone(bytes)))),
            Self::File(path) => Box::new(File::open(path)?),
            Self::Temporary(path) => Box::new(File::open(&**path)?),
        })
    }
}

struct SharedBytes(Arc<Vec<u8>>);

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
