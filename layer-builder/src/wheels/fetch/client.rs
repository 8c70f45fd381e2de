//! Getting one file: with credentials where they are wanted, across redirects, again where that makes sense, and checked
//! before it gets its name.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::ProgressBar;
use ureq::Agent;
use ureq::http::{Response, header};

use super::Error;
use super::agent::agent;
use super::logins::{Logins, Way};
use crate::cache::{self, Cache};
use crate::hash::Hasher;
use crate::indexes::address::{self, host_and_port};
use crate::indexes::{Credentials, Indexes};
use crate::lock::files::RemoteFile;
use crate::wheels::check;
use crate::zip_reader::ZipFile;

/// Tries for each file, where it makes sense to try again.
const TRIES: u32 = 3;
/// How often a server may lead to another address.
const REDIRECTS: usize = 10;

/// Whoever downloads, for all files of one run.
pub(super) struct Client<'a> {
    agent: Agent,
    cache: &'a Cache,
    logins: Logins<'a>,
}

/// An answer, and who was named to get it.
struct Answer {
    response: Response<ureq::Body>,
    shown: Option<Credentials>,
}

impl Answer {
    fn status(&self) -> u16 {
        self.response.status().as_u16()
    }
}

impl<'a> Client<'a> {
    pub(super) fn new(indexes: &'a Indexes, cache: &'a Cache) -> Result<Self, Error> {
        let agent = agent(indexes.certificates()).map_err(Error::Certificates)?;
        Ok(Self { agent, cache, logins: Logins::new(indexes, cache) })
    }

    /// Downloads one file, checks it, and gives it its name in the cache.
    pub(super) fn download(&self, file: &RemoteFile, path: &Path, bar: &ProgressBar) -> Result<(), Error> {
        for tried in 1.. {
            let before = bar.position();
            let error = match self.try_download(file, path, bar) {
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

    fn try_download(&self, file: &RemoteFile, path: &Path, bar: &ProgressBar) -> Result<(), Error> {
        let mut kept = self.cache.new_file_for(path)?;
        let write = |source| Error::Cache(cache::Error::Write { path: path.to_path_buf(), source });
        let mut hasher = Hasher::new();
        let mut reader = self.open(file)?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(network(file, error.into())),
            };
            hasher.update(&buffer[..count]);
            kept.write_all(&buffer[..count]).map_err(write)?;
            bar.inc(count as u64);
        }
        let found = hasher.finish();
        if found != file.sha256 {
            let host = host_and_port(&file.url);
            return Err(Error::Hash { file: file.file_name.clone(), host, expected: file.sha256, found });
        }
        if file.file_name.ends_with(".whl") {
            let opened = kept.reopen().map_err(write)?;
            // Whatever is wrong with it is said of the name that it is to have.
            let zip = ZipFile::read(Path::new(&file.file_name), opened).map_err(check::Error::from);
            let checked = zip.and_then(|zip| check::check(&zip, &file.file_name));
            let facts = checked
                .map_err(|error| Error::Useless { file: file.file_name.clone(), source: Box::new(error) })?;
            facts.keep(file.sha256, self.cache)?;
        }
        self.cache.keep(kept, path)?;
        Ok(())
    }

    fn open(&self, file: &RemoteFile) -> Result<Box<dyn Read>, Error> {
        if let Some(path) = address::local(&file.url) {
            let opened = std::fs::File::open(path);
            let opened = opened.map_err(|source| Error::Copy { file: file.file_name.clone(), source })?;
            return Ok(Box::new(opened));
        }
        let answer = self.follow(file)?;
        let (file_name, host) = (file.file_name.clone(), host_and_port(&file.url));
        match (answer.status(), answer.shown) {
            (200..=299, _) => Ok(Box::new(answer.response.into_body().into_reader())),
            (status @ (401 | 403), Some(shown)) => {
                Err(Error::Refused { file: file_name, host, status, place: shown.place().to_owned() })
            }
            (status, _) => Err(Error::Status { file: file_name, host, status }),
        }
    }

    /// Asks for a file until the server no longer leads elsewhere. What one realm is shown, no other one gets to see.
    fn follow(&self, file: &RemoteFile) -> Result<Answer, Error> {
        let mut url = address::split(&file.url).url;
        let mut credentials = self.logins.at_once(&url);
        let mut way = Way::Direct;
        for _ in 0..=REDIRECTS {
            let answer = self.ask(file, &url, credentials, way)?;
            let location = answer.response.headers().get(header::LOCATION);
            let location = location.filter(|_| matches!(answer.status(), 301 | 302 | 303 | 307 | 308));
            let Some(next) = location.and_then(|location| address::led_to(&url, location.to_str().ok()?))
            else {
                return Ok(answer);
            };
            // Credentials in an address that a server has made up are none of ours.
            let next = address::split(&next).url;
            let stays = address::realm(&next) == address::realm(&url);
            credentials = answer.shown.filter(|_| stays);
            if !stays {
                way = Way::Led;
            }
            url = next;
        }
        Err(Error::Redirects { file: file.file_name.clone(), host: host_and_port(&file.url) })
    }

    /// Asks at `url`. A server that wants to know who asks, or says to strangers that there is nothing, is asked once
    /// more with the credentials that somebody has for it.
    fn ask(
        &self,
        file: &RemoteFile,
        url: &str,
        credentials: Option<Credentials>,
        way: Way,
    ) -> Result<Answer, Error> {
        let answer = self.ask_once(file, url, credentials)?;
        if answer.shown.is_some() || !matches!(answer.status(), 401 | 403 | 404) {
            return Ok(answer);
        }
        match self.logins.on_demand(url, way) {
            Some(credentials) => {
                let answer = self.ask_once(file, url, Some(credentials))?;
                if answer.response.status().is_success() {
                    self.logins.wanted_at(url);
                }
                Ok(answer)
            }
            None => Ok(answer),
        }
    }

    fn ask_once(&self, file: &RemoteFile, url: &str, shown: Option<Credentials>) -> Result<Answer, Error> {
        let mut request = self.agent.get(url);
        if let Some(credentials) = &shown {
            request = request.header(header::AUTHORIZATION, credentials.header());
        }
        let response = request.call().map_err(|error| network(file, error))?;
        Ok(Answer { response, shown })
    }
}

fn network(file: &RemoteFile, source: ureq::Error) -> Error {
    let (file_name, host) = (file.file_name.clone(), host_and_port(&file.url));
    Error::Network { file: file_name, host, source: Box::new(source) }
}
