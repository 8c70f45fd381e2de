//! The layer's zip: streams copied out of the wheels, each wheel hashed on the way.

use std::fs::File as OsFile;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::Digest;
use thiserror::Error;

use super::plan::LayerPlan;
use crate::hash::Sha256;
use crate::wheels::wheel::Wheel;
use crate::zip_reader;
use crate::zip_writer::{File, Writer};

/// A wheel to copy from, and what it has to be.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The open wheel.
    pub wheel: &'a Wheel,
    /// Its hash.
    pub sha256: Sha256,
}

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

/// Writes the layer that `plan` describes to `out`, copying from `sources`, and hashes every wheel on the way.
pub fn assemble(plan: &LayerPlan<'_>, sources: &[Source<'_>], out: &OsFile) -> Result<Assembled, Error> {
    std::thread::scope(|scope| {
        let hashing = scope.spawn(|| sources.iter().try_for_each(check_hash));
        let copied = copy(plan, sources, out);
        match hashing.join() {
            Ok(Ok(())) => copied,
            // A damaged wheel explains whatever else went wrong.
            Ok(Err(damaged)) => Err(damaged),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn copy(plan: &LayerPlan<'_>, sources: &[Source<'_>], out: &OsFile) -> Result<Assembled, Error> {
    let mut writer = Writer::new(Hashing::new(out));
    let mut buffer = Vec::new();
    let mut unzipped_size = 0;
    for entry in &plan.entries {
        let stored = sources[entry.wheel].wheel.zip().stored(entry.entry, &mut buffer)?;
        let file = File {
            path: &entry.path,
            executable: entry.entry.executable,
            method: entry.entry.method,
            crc32: entry.entry.crc32,
            size: entry.entry.size,
        };
        writer.add(&file, stored)?;
        unzipped_size += entry.entry.size;
    }
    let finished = writer.finish()?;
    Ok(Assembled { sha256: finished.inner.hash(), size: finished.size, unzipped_size })
}

fn check_hash(source: &Source<'_>) -> Result<(), Error> {
    let path = source.wheel.zip().path();
    let found = hash_of(path)?;
    if found == source.sha256 {
        return Ok(());
    }
    Err(Error::Damaged { path: path.to_path_buf(), expected: source.sha256, found })
}

/// The hash of the file at `path`.
pub fn hash_of(path: &Path) -> Result<Sha256, zip_reader::Error> {
    let hash = || {
        let mut reader = OsFile::open(path)?;
        let mut hasher = sha2::Sha256::new();
        let mut buffer = vec![0; 1 << 18];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(Sha256::finish(hasher)),
                count => hasher.update(&buffer[..count]),
            }
        }
    };
    hash().map_err(|source| zip_reader::Error::Io { path: path.to_path_buf(), source })
}

/// Gathers what is written into large pieces, and hashes them on their way to the file.
struct Hashing<'a> {
    out: &'a OsFile,
    hasher: sha2::Sha256,
    pending: Vec<u8>,
}

impl<'a> Hashing<'a> {
    const PIECE: usize = 1 << 18;

    fn new(out: &'a OsFile) -> Self {
        Self { out, hasher: sha2::Sha256::new(), pending: Vec::with_capacity(2 * Self::PIECE) }
    }

    fn hash(self) -> Sha256 {
        Sha256::finish(self.hasher)
    }
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= Self::PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hasher.update(&self.pending);
        self.out.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }
}
