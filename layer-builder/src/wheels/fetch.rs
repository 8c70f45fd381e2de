//! Downloads what the cache lacks: in parallel, checked by hash before it gets its name, and unpacked once to see that
//! it can be.
//!
//! The system's certificates and `SSL_CERT_FILE` count, and so do the proxy variables, the indexes that uv and pip know,
//! netrc, and whoever else keeps credentials. No credential is ever part of a message.

mod agent;
mod client;
mod logins;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use thiserror::Error;

use super::check;
use client::Client;

use crate::cache::{self, Cache};
use crate::hash::Sha256;
use crate::indexes::{self, Indexes};
use crate::lock::files::RemoteFile;
use crate::lock::uv::Network;
use crate::ui::{Ui, counted, megabytes};

/// Downloads at the same time.
const AT_ONCE: usize = 8;

/// Why a file is not there.
#[derive(Debug, Error)]
pub enum Error {
    /// `--offline`, and the cache lacks it.
    #[error("the cache lacks {}:\n{}", counted(files.len(), "file"), list(files))]
    Missing {
        /// Their names.
        files: Vec<String>,
    },
    /// The server cannot be reached, or breaks off.
    #[error("failed to download `{file}` from {host}")]
    Network {
        /// The file's name.
        file: String,
        /// The server.
        host: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// The server answers with something else.
    #[error("failed to download `{file}` from {host}: the server answers with status {status}")]
    Status {
        /// The file's name.
        file: String,
        /// The server.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server knows who asks, and does not let them in.
    #[error("failed to download `{file}`: {host} refuses the credentials from {place} (status {status})")]
    Refused {
        /// The file's name.
        file: String,
        /// The server.
        host: String,
        /// The HTTP status.
        status: u16,
        /// Where the credentials were found.
        place: String,
    },
    /// The server leads on and on, or nowhere.
    #[error("failed to download `{file}` from {host}: the server leads to other addresses again and again")]
    Redirects {
        /// The file's name.
        file: String,
        /// The server.
        host: String,
    },
    /// It is not the file that was locked.
    #[error(
        "`{file}` from {host} is not the file that was locked: expected sha256 {expected}, found {found}"
    )]
    Hash {
        /// The file's name.
        file: String,
        /// The server.
        host: String,
        /// What the lock says.
        expected: Sha256,
        /// What came.
        found: Sha256,
    },
    /// It is the file that was locked, but of no use.
    #[error("`{file}` cannot be used")]
    Useless {
        /// The file's name.
        file: String,
        /// Why.
        source: Box<check::Error>,
    },
    /// A file on this machine that cannot be copied.
    #[error("failed to copy `{file}`")]
    Copy {
        /// The file's name.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// Nobody could be trusted.
    #[error("found no certificates to check servers with: {0}")]
    Certificates(String),
    /// The cache is of no use.
    #[error(transparent)]
    Cache(#[from] cache::Error),
}

fn list(files: &[String]) -> String {
    files.iter().map(|file| format!("  {file}")).collect::<Vec<_>>().join("\n")
}

impl Error {
    /// Whether the index may have another address for the file by now.
    pub fn may_have_moved(&self) -> bool {
        matches!(self, Self::Status { status: 403 | 404 | 410, .. } | Self::Refused { status: 403, .. })
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some("run this once without `--offline`".to_owned()),
            Self::Network { .. } => Some(
                "is there a network, and a proxy to be named in `HTTPS_PROXY`? `--offline` builds from the cache alone"
                    .to_owned(),
            ),
            Self::Status { status: 401 | 403, host, .. } => Some(format!(
                "name user and password of {host} in your netrc file, in the address of its index, or in \
                 `UV_INDEX_<NAME>_USERNAME` and `UV_INDEX_<NAME>_PASSWORD`"
            )),
            Self::Refused { host, .. } => Some(indexes::renewal(host)),
            Self::Status { status: 404 | 410, .. } => {
                Some("it may have been removed from the index: lock again with `--upgrade`".to_owned())
            }
            Self::Hash { .. } => Some(
                "it was thrown away; if this comes again, somebody between here and the index changes files".to_owned(),
            ),
            Self::Certificates(_) => {
                Some("name a file of certificates in `SSL_CERT_FILE`, or install those of the system".to_owned())
            }
            Self::Useless { source, .. } => source.hint(),
            Self::Cache(error) => Some(error.hint()),
            _ => None,
        }
    }
}

/// Where the files are: each downloaded now, unless the cache has it. Wheels that are there are not read here: they are
/// hashed while they are copied. Source distributions are, for they are going to be run. `indexes` are asked for only
/// where something has to be downloaded.
pub fn fetch(
    files: &[&RemoteFile],
    indexes: impl FnOnce() -> Indexes,
    cache: &Cache,
    network: Network,
    ui: &Ui,
) -> Result<Vec<PathBuf>, Error> {
    let paths: Vec<PathBuf> = files.iter().map(|file| cache.download(file.sha256, &file.file_name)).collect();
    let mut missing: Vec<(&RemoteFile, &Path)> = files
        .iter()
        .copied()
        .zip(paths.iter().map(PathBuf::as_path))
        .filter(|(file, path)| !is_there(file, path))
        .collect();
    if missing.is_empty() {
        return Ok(paths);
    }
    if network == Network::Forbidden {
        return Err(Error::Missing {
            files: missing.iter().map(|(file, _)| file.file_name.clone()).collect(),
        });
    }
    // Whoever comes last is waited for by all others: not the largest.
    missing.sort_by_key(|(file, _)| std::cmp::Reverse(file.size));
    download_all(&missing, &indexes(), cache, ui)?;
    Ok(paths)
}

fn is_there(file: &RemoteFile, path: &Path) -> bool {
    if file.file_name.ends_with(".whl") {
        return path.is_file();
    }
    std::fs::read(path).is_ok_and(|bytes| Sha256::of(&bytes) == file.sha256)
}

fn download_all(
    missing: &[(&RemoteFile, &Path)],
    indexes: &Indexes,
    cache: &Cache,
    ui: &Ui,
) -> Result<(), Error> {
    let total: u64 = missing.iter().filter_map(|(file, _)| file.size).sum();
    ui.status("Downloading", format!("{}, {}", counted(missing.len(), "file"), megabytes(total)));
    let start = Instant::now();
    cache.sweep_downloads();
    let bar = ui.bar(total);
    let client = Client::new(indexes, cache)?;
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..missing.len().min(AT_ONCE) {
            scope.spawn(|| {
                while let Some((file, path)) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = client.download(file, path, &bar) {
                        // The others need not begin what nobody will use.
                        next.store(missing.len(), Ordering::Relaxed);
                        failure
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner)
                            .get_or_insert(error);
                    }
                }
            });
        }
    });
    bar.finish_and_clear();
    match failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some(error) => Err(error),
        None => {
            let seconds = start.elapsed().as_secs_f64();
            ui.status("Downloaded", format!("{} in {seconds:.2} s", counted(missing.len(), "file")));
            Ok(())
        }
    }
}
