//! The layer's zip: streams copied out of the wheels, while zip and wheels are hashed.

use std::fs::File as OsFile;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use sha2::Digest;
use thiserror::Error;

use super::plan::{Input, LayerPlan};
use crate::hash::Sha256;
use crate::zip_reader;
use crate::zip_writer::{File, Writer};

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

/// Writes the layer that `plan` describes to `out`, copying from `inputs`.
///
/// The bytes are hashed on a thread of their own while they are written. That the wheels are what they have to be is
/// for [`check_hashes`] to say, at the same time.
pub fn assemble(plan: &LayerPlan<'_>, inputs: &[Input], out: &OsFile) -> Result<Assembled, Error> {
    hashing(out, |pieces| copy(plan, inputs, pieces))
}

/// Lets `write` write a zip to `out` and hashes it meanwhile; it gives the sizes of the zip and of what it unpacks to.
pub(super) fn hashing(
    out: &OsFile,
    write: impl FnOnce(Pieces<'_>) -> Result<(u64, u64), Error>,
) -> Result<Assembled, Error> {
    std::thread::scope(|scope| {
        let (to_hash, pieces) = sync_channel::<Vec<u8>>(QUEUE);
        let (give_back, spare) = sync_channel::<Vec<u8>>(QUEUE + 2);
        let hashing = scope.spawn(move || {
            let mut hasher = sha2::Sha256::new();
            for piece in pieces {
                hasher.update(&piece);
                // Whoever writes may be done already, and need no more of them.
                let _ = give_back.try_send(piece);
            }
            Sha256::finish(hasher)
        });
        let pieces = Pieces { out, to_hash, spare, pending: Vec::with_capacity(PIECE) };
        let (size, unzipped_size) = write(pieces)?;
        match hashing.join() {
            Ok(sha256) => Ok(Assembled { sha256, size, unzipped_size }),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Copies the streams; gives the sizes of the zip and of what it unpacks to.
fn copy(plan: &LayerPlan<'_>, inputs: &[Input], out: Pieces<'_>) -> Result<(u64, u64), Error> {
    let mut writer = Writer::new(out);
    let mut buffer = Vec::new();
    let mut unzipped_size = 0;
    for entry in &plan.entries {
        let stored = inputs[entry.wheel].wheel.zip().stored(entry.entry, &mut buffer)?;
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
    Ok((writer.finish()?.size, unzipped_size))
}

/// Checks that open files, each with its path, are what they have to be.
pub fn check_hashes<'a>(
    files: impl IntoIterator<Item = (&'a Path, &'a OsFile, Sha256)>,
) -> Result<(), Error> {
    files.into_iter().try_for_each(|(path, file, expected)| {
        let io = |source| zip_reader::Error::Io { path: path.to_path_buf(), source };
        let found = zip_reader::hash_of(file).map_err(io)?;
        if found == expected {
            Ok(())
        } else {
            Err(Error::Damaged { path: path.to_path_buf(), expected, found })
        }
    })
}

/// How much is written at once, in bytes.
const PIECE: usize = 1 << 18;
/// How many pieces may wait to be hashed.
const QUEUE: usize = 8;

/// Gathers what is written into large pieces; each goes to the file and then to whoever hashes.
pub(super) struct Pieces<'a> {
    out: &'a OsFile,
    to_hash: SyncSender<Vec<u8>>,
    spare: Receiver<Vec<u8>>,
    pending: Vec<u8>,
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.pending)?;
        let mut next = self.spare.try_recv().unwrap_or_else(|_| Vec::with_capacity(2 * PIECE));
        next.clear();
        let piece = std::mem::replace(&mut self.pending, next);
        self.to_hash.send(piece).map_err(|_| io::Error::other("the thread that hashes has ended"))
    }
}
