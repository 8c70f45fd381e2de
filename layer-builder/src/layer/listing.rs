//! Listings of zips that this machine has built: every file with its size and checksum, by the zip's hash. They outlive
//! the zips, so that a published version can be compared with what is built now.

use std::path::PathBuf;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::inspect::{Content, Inspection, Package, inspect_known};
use crate::cache::Cache;
use crate::hash::Sha256;

/// So many are kept; one of some thousand files takes a few hundred kilobytes.
const KEPT: usize = 100;

/// The part of an [`Inspection`] that differences are told from.
#[derive(Debug, Serialize, Deserialize)]
struct Listing {
    size: u64,
    unzipped_size: u64,
    /// Name and version.
    packages: Vec<(String, String)>,
    /// Path, package, size, size in the zip, CRC-32, executable.
    files: Vec<(String, Option<usize>, u64, u64, u32, bool)>,
}

/// Keeps the listing of the zip at `path`, unless there is one. That it cannot be kept is no reason to stop.
pub fn keep(path: &std::path::Path, sha256: Sha256, cache: &Cache) {
    let place = cache.listing(sha256);
    if place.is_file() {
        return;
    }
    let Ok(inspection) = inspect_known(path, sha256) else { return };
    let package = |package: &Package| (package.name.clone(), package.version.clone());
    let file = |file: &Content| {
        (file.path.clone(), file.package, file.size, file.zipped_size, file.crc32, file.executable)
    };
    let listing = Listing {
        size: inspection.size,
        unzipped_size: inspection.unzipped_size,
        packages: inspection.packages.iter().map(package).collect(),
        files: inspection.contents.iter().map(file).collect(),
    };
    if let Ok(bytes) = serde_json::to_vec(&listing)
        && cache.write(&place, &bytes).is_ok()
    {
        sweep(&place);
    }
}

/// The listing of the zip with this hash, if it is kept.
pub fn find(sha256: Sha256, cache: &Cache) -> Option<Inspection> {
    let bytes = std::fs::read(cache.listing(sha256)).ok()?;
    let listing: Listing = serde_json::from_slice(&bytes).ok()?;
    let package = |(name, version)| Package { name, version, ..Package::default() };
    let file = |(path, package, size, zipped_size, crc32, executable)| Content {
        path,
        package,
        size,
        zipped_size,
        crc32,
        executable,
    };
    let contents: Vec<Content> = listing.files.into_iter().map(file).collect();
    let packages: Vec<Package> = listing.packages.into_iter().map(package).collect();
    // Whoever damages it gets no panic for it.
    contents.iter().all(|file| file.package.is_none_or(|index| index < packages.len())).then(|| Inspection {
        sha256,
        code_sha256: sha256.base64(),
        size: listing.size,
        unzipped_size: listing.unzipped_size,
        files: contents.len(),
        packages,
        other: None,
        contents,
    })
}

/// Removes the oldest ones beside `place`.
fn sweep(place: &std::path::Path) {
    let Some(folder) = place.parent() else { return };
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let age = |path: PathBuf| {
        let modified = path.metadata().and_then(|file| file.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        (modified, path)
    };
    let mut kept: Vec<_> = files.map(|file| age(file.path())).collect();
    kept.sort();
    for (_, path) in kept.iter().take(kept.len().saturating_sub(KEPT)) {
        // It can be made again.
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let hash = |number: usize| Sha256::of(&number.to_le_bytes());
        for number in 0..KEPT + 3 {
            cache.write(&cache.listing(hash(number)), b"{}").unwrap();
            let age = std::time::Duration::from_secs(number as u64);
            let file = std::fs::File::options().append(true).open(cache.listing(hash(number))).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + age).unwrap();
        }
        sweep(&cache.listing(hash(0)));
        let left: Vec<usize> = (0..KEPT + 3).filter(|number| cache.listing(hash(*number)).exists()).collect();
        assert_eq!(left, (3..KEPT + 3).collect::<Vec<_>>());
    }
}
