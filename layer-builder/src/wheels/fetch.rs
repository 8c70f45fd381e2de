//! Downloads what the cache lacks: in parallel, checked by hash before it gets its name, and unpacked once to see that
//! it can be.
//!
//! The system's certificates and `SSL_CERT_FILE` count, and so do the proxy variables and netrc. No credential is ever
//! part of a message.

mod address;
mod client;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indicatif::ProgressBar;
use sha2::Digest;
use thiserror::Error;
use ureq::Agent;

use super::check;
use address::{host_of, without_credentials};
use client::agent;

use crate::cache::{self, Cache};
use crate::hash::Sha256;
use crate::lock::files::RemoteFile;
use crate::lock::uv::Network;
use crate::ui::{Ui, counted, megabytes};
use crate::zip_reader::ZipFile;

/// Downloads at the same time.
const AT_ONCE: usize = 8;
/// Tries for each file, where it makes sense to try again.
const TRIES: u32 = 3;

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
        matches!(self, Self::Status { status: 403 | 404 | 410, .. })
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some("run this once without `--offline`".to_owned()),
            Self::Network { .. } => Some(
                "is there a network, and a proxy to be named in `HTTPS_PROXY`? `--offline` builds from the cache alone"
                    .to_owned(),
            ),
            Self::Status { status: 401 | 403, host, .. } => {
                Some(format!("name user and password of {host} in your netrc file"))
            }
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
/// hashed while they are copied. Source distributions are, for they are going to be run.
pub fn fetch(files: &[&RemoteFile], cache: &Cache, network: Network, ui: &Ui) -> Result<Vec<PathBuf>, Error> {
    let paths: Vec<PathBuf> = files.iter().map(|file| cache.download(file.sha256, &file.file_name)).collect();
    let missing: Vec<(&RemoteFile, &Path)> = files
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
    download_all(&missing, cache, ui)?;
    Ok(paths)
}

fn is_there(file: &RemoteFile, path: &Path) -> bool {
    if file.file_name.ends_with(".whl") {
        return path.is_file();
    }
    std::fs::read(path).is_ok_and(|bytes| Sha256::of(&bytes) == file.sha256)
}

fn download_all(missing: &[(&RemoteFile, &Path)], cache: &Cache, ui: &Ui) -> Result<(), Error> {
    let total: u64 = missing.iter().filter_map(|(file, _)| file.size).sum();
    ui.status("Downloading", format!("{}, {}", counted(missing.len(), "file"), megabytes(total)));
    let start = Instant::now();
    let bar = ui.bar(total);
    let client = Client::new()?;
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..missing.len().min(AT_ONCE) {
            scope.spawn(|| {
                while let Some((file, path)) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = client.download(file, path, cache, &bar) {
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

struct Client {
    agent: Agent,
    netrc: OnceLock<Option<netrc::Netrc>>,
}

impl Client {
    fn new() -> Result<Self, Error> {
        Ok(Self { agent: agent().map_err(Error::Certificates)?, netrc: OnceLock::new() })
    }

    /// Downloads one file, checks it, and gives it its name in the cache.
    fn download(
        &self,
        file: &RemoteFile,
        path: &Path,
        cache: &Cache,
        bar: &ProgressBar,
    ) -> Result<(), Error> {
        for tried in 1.. {
            let before = bar.position();
            let error = match self.try_download(file, path, cache, bar) {
                Ok(()) => break,
                Err(error) => error,
            };
            let may_pass = match &error {
                Error::Network { .. } => true,
                Error::Status { status, .. } => *status == 429 || *status >= 500,
                _ => false,
            };
            if !may_pass || tried == TRIES {
                return Err(error);
            }
            bar.set_position(before);
            std::thread::sleep(Duration::from_millis(250 << tried));
        }
        Ok(())
    }

    fn try_download(
        &self,
        file: &RemoteFile,
        path: &Path,
        cache: &Cache,
        bar: &ProgressBar,
    ) -> Result<(), Error> {
        let mut kept = cache.new_file_for(path)?;
        let write = |source| Error::Cache(cache::Error::Write { path: path.to_path_buf(), source });
        let host = host_of(&file.url);
        let network = |source: ureq::Error| Error::Network {
            file: file.file_name.clone(),
            host: host.clone(),
            source: Box::new(source),
        };
        let mut hasher = sha2::Sha256::new();
        let mut reader = self.open(file, &host)?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(network(error.into())),
            };
            hasher.update(&buffer[..count]);
            kept.write_all(&buffer[..count]).map_err(write)?;
            bar.inc(count as u64);
        }
        let found = Sha256::finish(hasher);
        if found != file.sha256 {
            return Err(Error::Hash { file: file.file_name.clone(), host, expected: file.sha256, found });
        }
        if file.file_name.ends_with(".whl") {
            let opened = kept.reopen().map_err(write)?;
            // Whatever is wrong with it is said of the name that it is to have.
            let zip = ZipFile::read(Path::new(&file.file_name), opened).map_err(check::Error::from);
            let checked = zip.and_then(|zip| check::check(&zip, &file.file_name));
            checked
                .map_err(|error| Error::Useless { file: file.file_name.clone(), source: Box::new(error) })?;
        }
        cache.keep(kept, path)?;
        Ok(())
    }

    fn open(&self, file: &RemoteFile, host: &str) -> Result<Box<dyn Read>, Error> {
        let on_disk = file.url.strip_prefix("file://").unwrap_or(&file.url);
        if !on_disk.contains("://") {
            let opened = std::fs::File::open(on_disk);
            let opened = opened.map_err(|source| Error::Copy { file: file.file_name.clone(), source })?;
            return Ok(Box::new(opened));
        }
        let (url, credentials) = without_credentials(&file.url);
        let mut request = self.agent.get(&url);
        if let Some(credentials) = credentials.or_else(|| self.credentials_of(host)) {
            request = request.header("Authorization", format!("Basic {}", STANDARD.encode(credentials)));
        }
        match request.call() {
            Ok(response) => Ok(Box::new(response.into_body().into_reader())),
            Err(ureq::Error::StatusCode(status)) => {
                Err(Error::Status { file: file.file_name.clone(), host: host.to_owned(), status })
            }
            Err(error) => Err(Error::Network {
                file: file.file_name.clone(),
                host: host.to_owned(),
                source: Box::new(error),
            }),
        }
    }

    fn credentials_of(&self, host: &str) -> Option<String> {
        let netrc = self.netrc.get_or_init(|| netrc::Netrc::new().ok()).as_ref()?;
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let entry = netrc.hosts.get(name).or_else(|| netrc.hosts.get("default"))?;
        Some(format!("{}:{}", entry.login, entry.password))
    }
}
