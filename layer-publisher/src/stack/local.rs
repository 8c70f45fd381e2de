//! Files of this machine that a template names: read and hashed here, so that they can be staged in every region.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use template_tools::document::Document;
use template_tools::template::local::{LocalPath, Purpose, local_paths};
use thiserror::Error;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::config::hex;
use crate::ui::megabytes;
use crate::zip_source::ZipSource;

/// What a function and all its layers may take unzipped, in bytes (Lambda quotas).
const LARGEST_UNZIPPED: u64 = 262_144_000;

/// A file or folder, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    pub(super) local: LocalPath,
    pub(super) zip: ZipSource,
    pub(super) size: u64,
    pub(super) sha256: String,
    pub(super) code_sha256: String,
}

/// Why a file of this machine cannot be sent.
#[derive(Debug, Error)]
pub(super) enum LocalError {
    /// It is not there.
    #[error("`{property}` of `{resource}` names `{}`, which does not exist", path.display())]
    Missing {
        /// The resource.
        resource: String,
        /// Its property.
        property: &'static str,
        /// The path, from here.
        path: PathBuf,
    },
    /// It is no zip.
    #[error("`{property}` of `{resource}` names `{}`, which is no zip file", path.display())]
    NoZip {
        /// The resource.
        resource: String,
        /// Its property.
        property: &'static str,
        /// The path, from here.
        path: PathBuf,
    },
    /// It is larger than Lambda takes.
    #[error("`{property}` of `{resource}` names `{}`, which holds more than Lambda takes: {} of {}",
        path.display(), megabytes(*size), megabytes(LARGEST_UNZIPPED))]
    TooLarge {
        /// The resource.
        resource: String,
        /// Its property.
        property: &'static str,
        /// The path, from here.
        path: PathBuf,
        /// Its size so far, in bytes.
        size: u64,
    },
    /// There is nothing in it.
    #[error("`{property}` of `{resource}` names the folder `{}`, which is empty", path.display())]
    Empty {
        /// The resource.
        resource: String,
        /// Its property.
        property: &'static str,
        /// The path, from here.
        path: PathBuf,
    },
    /// The code of a function, as it is written.
    #[error("the code of function `{resource}` is the folder `{}`, which is not built", path.display())]
    Unbuilt {
        /// The function.
        resource: String,
        /// The path, from here.
        path: PathBuf,
    },
    /// What was built names other layers.
    #[error("`{}` names other layer versions than `{}`, which it was built from", built.display(), template.display())]
    Stale {
        /// What was written.
        template: PathBuf,
        /// What was built.
        built: PathBuf,
    },
    /// Files that are none of our business.
    #[error("the template names files of this machine that only `sam` and `aws cloudformation package` can send: {}", .0.join(", "))]
    Others(Vec<String>),
    /// It cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The path, from here.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl LocalError {
    /// What to type next.
    pub(super) fn hint(&self) -> String {
        match self {
            Self::Unbuilt { .. } => {
                "build it with `sam build`; what it leaves in `.aws-sam/build/` is deployed then".to_owned()
            }
            Self::Stale { .. } => "build it again with `sam build`".to_owned(),
            Self::Others(_) => {
                "send them with `aws cloudformation package`, and deploy the template that it writes"
                    .to_owned()
            }
            Self::TooLarge { .. } => {
                "a layer from a lock, without what nobody needs, is what `build-layer` makes".to_owned()
            }
            Self::Missing { .. } => "paths are seen from the template's folder".to_owned(),
            Self::NoZip { .. } => "name a zip, or a folder, which is packed as it is".to_owned(),
            Self::Empty { .. } => {
                "put in what it is to hold: Python code of a layer lies in `python/`".to_owned()
            }
            Self::Read { .. } => "see who may read it with `ls -l`".to_owned(),
        }
    }
}

/// Whether a template is what `sam build` has left.
pub(super) fn is_built(template: &Path) -> bool {
    let folder = template.parent().and_then(|build| Some((build.file_name()?, build.parent()?.file_name()?)));
    folder.is_some_and(|(build, sam)| build == "build" && sam == ".aws-sam")
}

/// The functions whose code is a folder of this machine.
pub(super) fn unbuilt(document: &Document<'_>, template: &Path) -> Option<LocalError> {
    let folder = template.parent().unwrap_or(Path::new("."));
    local_paths(document).into_iter().find_map(|local| {
        let path = folder.join(&local.path);
        let is_folder = local.purpose == Purpose::FunctionCode && path.is_dir();
        is_folder.then_some(LocalError::Unbuilt { resource: local.resource, path })
    })
}

/// Reads everything that the template names.
pub(super) fn pack(document: &Document<'_>, template: &Path) -> Result<Vec<Packed>, LocalError> {
    let folder = template.parent().unwrap_or(Path::new("."));
    let (ours, others): (Vec<_>, Vec<_>) =
        local_paths(document).into_iter().partition(|local| local.purpose != Purpose::Other);
    if !others.is_empty() {
        let named =
            others.iter().map(|one| format!("`{}` (`{}` of `{}`)", one.path, one.property, one.resource));
        return Err(LocalError::Others(named.collect()));
    }
    ours.into_iter().map(|local| pack_one(local, folder)).collect()
}

fn pack_one(local: LocalPath, folder: &Path) -> Result<Packed, LocalError> {
    let path = folder.join(&local.path);
    let (resource, property) = (local.resource.clone(), local.property);
    let unreadable = |source| LocalError::Read { path: path.clone(), source };
    let metadata = match std::fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(LocalError::Missing { resource, property, path });
        }
        Err(error) => return Err(unreadable(error)),
    };
    let (zip, size, digest) = if metadata.is_dir() {
        let mut files = Vec::new();
        let mut total = 0;
        list(&path, "", &mut files, &mut total).map_err(unreadable)?;
        if files.is_empty() {
            return Err(LocalError::Empty { resource, property, path });
        }
        if total > LARGEST_UNZIPPED {
            return Err(LocalError::TooLarge { resource, property, path, size: total });
        }
        let (temporary, size, digest) = zip_of(&path, &files).map_err(unreadable)?;
        (ZipSource::Temporary(Arc::new(temporary)), size, digest)
    } else {
        let mut magic = [0; 2];
        let read = File::open(&path).and_then(|mut file| file.read(&mut magic)).map_err(unreadable)?;
        if read < 2 || &magic != b"PK" {
            return Err(LocalError::NoZip { resource, property, path });
        }
        if metadata.len() > LARGEST_UNZIPPED {
            return Err(LocalError::TooLarge { resource, property, path, size: metadata.len() });
        }
        ZipSource::read(&path).map_err(unreadable)?
    };
    Ok(Packed { local, zip, size, sha256: hex(&digest), code_sha256: BASE64.encode(digest) })
}

/// All files of a folder, in an order that is the same everywhere. Stops where there is too much.
fn list(folder: &Path, under: &str, files: &mut Vec<String>, total: &mut u64) -> io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the name of {} is no text", entry.path().display()),
            )
        })?;
        let name = if under.is_empty() { name.to_owned() } else { format!("{under}/{name}") };
        let metadata = std::fs::metadata(entry.path())?;
        if metadata.is_dir() {
            list(&entry.path(), &name, files, total)?;
        } else {
            *total += metadata.len();
            files.push(name);
        }
        if *total > LARGEST_UNZIPPED {
            return Ok(());
        }
    }
    Ok(())
}

/// The files as a zip whose bytes depend on nothing but them: no times, no order of a file system. They are stored as they
/// are: how well they are compressed is no matter to Lambda, and layers that count are built by the builder.
fn zip_of(folder: &Path, files: &[String]) -> io::Result<(tempfile::TempPath, u64, [u8; 32])> {
    let mut writer = ZipWriter::new(tempfile::NamedTempFile::new()?);
    for name in files {
        let path = folder.join(name);
        let mode = if is_executable(&path)? { 0o755 } else { 0o644 };
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(mode);
        writer.start_file(name.as_str(), options).map_err(io::Error::other)?;
        io::copy(&mut File::open(&path)?, &mut writer)?;
    }
    let mut file = writer.finish().map_err(io::Error::other)?;
    file.flush()?;
    file.as_file_mut().rewind()?;
    let path = file.into_temp_path();
    let (_, size, digest) = ZipSource::read(&path)?;
    Ok((path, size, digest))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> io::Result<bool> {
    Ok(false)
}
