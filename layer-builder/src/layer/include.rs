//! Other files of a layer: certificates, programs, libraries, extensions, a folder of modules. They are packed once into
//! a zip of their own, and copied from there like those of a wheel.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::cache::{self, Cache};
use crate::hash::Sha256;
use crate::repack::{Packed, pack_files};
use crate::spec::artifacts_of;
use crate::zip_reader::is_safe;

/// Why a file cannot be included.
#[derive(Debug, Error)]
pub enum Error {
    /// It cannot be read.
    #[error("failed to read `{}`, which is to be `{place}` in the layer", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Its place in the layer.
        place: String,
        /// Why.
        source: std::io::Error,
    },
    /// A name that a zip should not have.
    #[error("`{}` has a name that is not UTF-8", .0.display())]
    Name(PathBuf),
    /// A name that unpackers read in different ways.
    #[error("`{0}` has a name that a layer cannot hold: there is a backslash or a control character in it")]
    Strange(String),
    /// A link may lead anywhere.
    #[error("`{}` is a symbolic link, which a layer does not hold", .0.display())]
    Link(PathBuf),
    /// A pipe, a device or a socket: reading it may never end.
    #[error("`{}`, which is to be `{place}` in the layer, is no regular file", path.display())]
    Special {
        /// What.
        path: PathBuf,
        /// Its place in the layer.
        place: String,
    },
    /// The folder of the layers themselves.
    #[error("`include` names `{}`, the folder that layers are written to", .0.display())]
    Output(PathBuf),
    /// Two files for one place.
    #[error("`{place}` in the layer is to be `{}` and `{}`", one.display(), other.display())]
    Twice {
        /// The place.
        place: String,
        /// A file.
        one: PathBuf,
        /// Another one.
        other: PathBuf,
    },
    /// It cannot be packed.
    #[error("failed to pack the files of `include`")]
    Pack(#[source] std::io::Error),
    /// The cache is of no use.
    #[error(transparent)]
    Cache(#[from] cache::Error),
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Link(_) => Some("name the file or folder that it leads to".to_owned()),
            Self::Read { .. } => {
                Some("paths in `include` begin at the folder of `layers.toml`: `{ \"etc/ca.pem\" = \"certs/ca.pem\" }`".to_owned())
            }
            Self::Twice { .. } => Some("give each file a place of its own in `include`".to_owned()),
            Self::Special { .. } => Some("leave it out of `include`, or of the folder that `include` names".to_owned()),
            Self::Output(_) => Some("name the one file of it that is meant, or another folder".to_owned()),
            Self::Strange(_) => Some("rename it".to_owned()),
            Self::Name(_) => Some("rename it: the names of files in a layer are UTF-8".to_owned()),
            Self::Cache(error) => Some(error.hint()),
            Self::Pack(_) => None,
        }
    }
}

/// Packs what `include` names; gives the zip and its hash, `None` if there is nothing.
pub fn pack(
    folder: &Path,
    include: &BTreeMap<String, PathBuf>,
    cache: &Cache,
) -> Result<Option<(PathBuf, Sha256)>, Error> {
    if include.is_empty() {
        return Ok(None);
    }
    // What is made here is no part of what it is made from: it would hold itself, and grow with each build.
    let known = |path: &Path| path.canonicalize().ok();
    let made = [artifacts_of(folder), cache.folder().to_path_buf()];
    let made: Vec<PathBuf> = made.iter().filter_map(|path| known(path)).collect();
    let mut files = BTreeMap::new();
    for (place, path) in include {
        let path = folder.join(path);
        if path.is_dir() && known(&path).is_some_and(|path| made.contains(&path)) {
            return Err(Error::Output(path));
        }
        gather(&path, place, &made, &mut files)?;
    }
    let bytes = pack_files(files.into_values().map(|(_, packed)| packed).collect()).map_err(Error::Pack)?;
    let sha256 = Sha256::of(&bytes);
    let path = cache.built(sha256).join("include.zip");
    if !path.is_file() {
        cache.write(&path, &bytes)?;
    }
    Ok(Some((path, sha256)))
}

/// What is to be packed, by its path in the layer, and where it lies.
type Files = BTreeMap<String, (PathBuf, Packed)>;

/// A file goes to `place`, or below it if that ends with a slash; of a folder, all that is in it goes below, but for the
/// folders `made`.
fn gather(path: &Path, place: &str, made: &[PathBuf], files: &mut Files) -> Result<(), Error> {
    let failed = |source| Error::Read { path: path.to_path_buf(), place: place.to_owned(), source };
    let metadata = std::fs::symlink_metadata(path).map_err(failed)?;
    if metadata.is_symlink() {
        return Err(Error::Link(path.to_path_buf()));
    }
    let name = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        name.ok_or_else(|| Error::Name(path.to_path_buf()))
    };
    if metadata.is_file() {
        let path_in_zip =
            if place.ends_with('/') { format!("{place}{}", name(path)?) } else { place.to_owned() };
        if !is_safe(&path_in_zip) {
            return Err(Error::Strange(path.display().to_string().escape_debug().to_string()));
        }
        let content = std::fs::read(path).map_err(failed)?;
        let packed = Packed { path: path_in_zip.clone(), executable: is_executable(&metadata), content };
        return match files.insert(path_in_zip.clone(), (path.to_path_buf(), packed)) {
            None => Ok(()),
            Some((one, _)) => Err(Error::Twice { place: path_in_zip, one, other: path.to_path_buf() }),
        };
    }
    if !metadata.is_dir() {
        return Err(Error::Special { path: path.to_path_buf(), place: place.to_owned() });
    }
    let is_made = |path: &Path| {
        let mut named = made.iter().filter(|made| made.file_name() == path.file_name()).peekable();
        named.peek().is_some() && path.canonicalize().is_ok_and(|path| named.any(|made| *made == path))
    };
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?.path();
        if is_made(&entry) {
            continue;
        }
        let name = name(&entry)?;
        // Bytecode depends on the machine that made it.
        if name == "__pycache__" || name.ends_with(".pyc") {
            continue;
        }
        gather(&entry, &format!("{}/{name}", place.trim_end_matches('/')), made, files)?;
    }
    Ok(())
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &std::fs::Metadata) -> bool {
    false
}
