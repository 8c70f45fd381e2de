//! What the compiled code of a wheel is: read once for each wheel, and kept in the cache under the wheel's hash.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::elf::{Native, may_be_native};
use crate::cache::{self, Cache};
use crate::hash::Sha256;
use crate::wheels::wheel::Wheel;
use crate::zip_reader::Error;

/// The facts about one wheel, by the names of its entries.
#[derive(Debug, Default)]
pub struct Facts {
    files: BTreeMap<String, Native>,
    /// Where to keep what was read just now.
    to_keep: Option<PathBuf>,
}

impl Facts {
    /// From the cache, or from the wheel. Wheels without compiled code have none, and need no file in the cache.
    pub fn of(wheel: &Wheel, sha256: Sha256, cache: &Cache) -> Result<Self, Error> {
        let mut native = wheel
            .files()
            .map(|(_, entry)| entry)
            .chain(wheel.scripts())
            .filter(|entry| may_be_native(&entry.path, entry.executable));
        let Some(first) = native.next() else { return Ok(Self::default()) };
        let kept = cache.native(sha256);
        let known = std::fs::read(&kept).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if let Some(files) = known {
            return Ok(Self { files, to_keep: None });
        }
        let mut files = BTreeMap::new();
        for entry in std::iter::once(first).chain(native) {
            files.insert(entry.path.clone(), wheel.zip().look(entry, Native::read)?);
        }
        Ok(Self { files, to_keep: Some(kept) })
    }

    /// What the entry of this name is.
    pub fn get(&self, entry: &str) -> Option<&Native> {
        self.files.get(entry)
    }

    /// Whether the entry of this name is compiled code, good or damaged.
    pub fn is_code(&self, entry: &str) -> bool {
        matches!(self.get(entry), Some(Native::Elf(_) | Native::Damaged(_)))
    }

    /// Keeps what was read. To be called when the wheel is known to be the one of its hash.
    pub fn keep(&self, cache: &Cache) -> Result<(), cache::Error> {
        match &self.to_keep {
            Some(path) => cache.write(path, &serde_json::to_vec(&self.files).unwrap_or_default()),
            None => Ok(()),
        }
    }
}
