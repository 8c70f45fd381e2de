//! What the compiled code of a wheel is: seen once for each wheel, and kept in the cache under the wheel's hash.

use std::collections::BTreeMap;

use super::elf::{Native, may_be_native};
use super::wheel::{Wheel, script};
use crate::cache::{self, Cache};
use crate::hash::Sha256;
use crate::zip_reader::{Entry, Error};

/// The facts about one wheel, by the names of its entries.
#[derive(Debug, Default)]
pub struct Facts {
    files: BTreeMap<String, Native>,
    /// They are those of the cache.
    are_kept: bool,
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
        let known =
            std::fs::read(cache.native(sha256)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if let Some(files) = known {
            return Ok(Self { files, are_kept: true });
        }
        let mut facts = Self::default();
        for entry in std::iter::once(first).chain(native) {
            wheel.zip().look(entry, |content| facts.see(entry, content))?;
        }
        Ok(facts)
    }

    /// Looks at an entry, and remembers it if it may be compiled code.
    pub fn see(&mut self, entry: &Entry, content: &[u8]) {
        // Installers make scripts executable, whatever the wheel says.
        if may_be_native(&entry.path, entry.executable || script(&entry.path).is_some()) {
            self.files.insert(entry.path.clone(), Native::read(content));
        }
    }

    /// What the entry of this name is.
    pub fn get(&self, entry: &str) -> Option<&Native> {
        self.files.get(entry)
    }

    /// Whether the entry of this name is compiled code, good or damaged.
    pub fn is_code(&self, entry: &str) -> bool {
        matches!(self.get(entry), Some(Native::Elf(_) | Native::Damaged(_)))
    }

    /// Keeps what was seen. To be called when the wheel is known to be the one of this hash.
    pub fn keep(&self, sha256: Sha256, cache: &Cache) -> Result<(), cache::Error> {
        if self.are_kept || self.files.is_empty() {
            return Ok(());
        }
        cache.write(&cache.native(sha256), &serde_json::to_vec(&self.files).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use ::tests::wheels::{file, wheel};

    use super::*;
    use crate::wheels::check::check;

    /// Whoever checks a wheel that has just come sees all that is looked for later.
    #[test]
    fn what_was_seen_at_the_check_is_what_is_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = wheel(
            "a",
            "1",
            &[
                file("a/__init__.py", "x = 1\n"),
                file("a/code.so", "\u{7f}ELF, and no more"),
                file("a/lib.so.1", "text"),
                file("a-1.data/scripts/tool-1.2", "\u{7f}ELF of a script"),
                file("a-1.data/scripts/text", "#!/bin/sh\n"),
                file("a-1.data/platlib/b/code.so", "text"),
            ],
        );
        let path = folder.path().join(&wheel.file_name);
        std::fs::write(&path, &wheel.bytes).unwrap();
        let cache = Cache::at(folder.path().join("cache"));
        let open = || std::fs::File::open(&path).unwrap();
        let seen =
            check(&crate::zip_reader::ZipFile::read(&path, open()).unwrap(), &wheel.file_name).unwrap();
        let sha256 = Sha256::of(&wheel.bytes);
        let read = || Facts::of(&Wheel::read(&path, open()).unwrap(), sha256, &cache).unwrap();
        assert_eq!(seen.files, read().files);
        assert_eq!(seen.files.len(), 5, "{seen:?}");
        assert!(seen.is_code("a-1.data/scripts/tool-1.2") && !seen.is_code("a/lib.so.1"));

        seen.keep(sha256, &cache).unwrap();
        let kept = read();
        assert!(kept.are_kept && kept.files == seen.files);
    }
}
