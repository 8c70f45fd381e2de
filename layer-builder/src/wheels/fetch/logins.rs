//! Which credentials a request shows: uv's order and pip's habits.
//!
//! What belongs to the index that a file lies below, and what netrc names the very host for, is shown at once, as both
//! of them do. Everything else waits until the server wants to know who asks: 401, 403, or 404, which some answer to
//! strangers. So nobody's password goes to a server that never asked for one, and files that anybody may have are had
//! without. Then come, in uv's order: the index, netrc, what `uv auth` keeps, a keyring. Each program is asked once. At
//! last the user of the index is named without a password, who may be a token.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use netrc::Netrc;

use crate::cache::Cache;
use crate::indexes::{self, Authenticate, Credentials, Index, Indexes, address};
use crate::lock::uv;

/// What is known about who may get in where, for all downloads of one run.
pub(super) struct Logins<'a> {
    indexes: &'a Indexes,
    cache: &'a Cache,
    netrc: OnceLock<Option<Netrc>>,
    /// What programs have said, by the index or the realm they were asked about.
    said: Mutex<BTreeMap<String, Option<Credentials>>>,
    /// Where credentials were wanted before.
    wanted: Mutex<BTreeSet<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Logins<'a> {
    pub(super) fn new(indexes: &'a Indexes, cache: &'a Cache) -> Self {
        Self { indexes, cache, netrc: OnceLock::new(), said: Mutex::default(), wanted: Mutex::default() }
    }

    /// What the first request to `url` shows.
    pub(super) fn at_once(&self, url: &str) -> Option<Credentials> {
        let index = self.indexes.nearest(url);
        if index.is_some_and(|index| index.authenticate == Authenticate::Never) {
            return None;
        }
        let above = index.filter(|index| index.covers(url));
        let eager =
            above.is_some_and(|index| index.username.is_some() || index.authenticate == Authenticate::Always);
        if eager || lock(&self.wanted).contains(&key(index, url)) {
            return self.on_demand(url, Way::Direct);
        }
        match index.and_then(Index::credentials) {
            Some(credentials) => Some(credentials).filter(|_| above.is_some()),
            None => self.of_netrc(url, index, Entry::Host),
        }
    }

    /// What a request shows after the server has turned a stranger away.
    pub(super) fn on_demand(&self, url: &str, way: Way) -> Option<Credentials> {
        let index = self.indexes.nearest(url);
        if index.is_some_and(|index| index.authenticate == Authenticate::Never) {
            return None;
        }
        let own = index.and_then(Index::credentials);
        let known = own
            .or_else(|| self.of_netrc(url, index, Entry::Host))
            .or_else(|| if way == Way::Direct { self.of_netrc(url, index, Entry::Default) } else { None });
        known.or_else(|| self.of_programs(url, index)).or_else(|| index?.user_alone())
    }

    /// Remembers that where `url` lies credentials are wanted: whoever asks there next shows them at once.
    pub(super) fn wanted_at(&self, url: &str) {
        lock(&self.wanted).insert(key(self.indexes.nearest(url), url));
    }

    fn of_netrc(&self, url: &str, index: Option<&Index>, entry: Entry) -> Option<Credentials> {
        let netrc = self.netrc.get_or_init(|| Netrc::new().ok()).as_ref()?;
        let found = match entry {
            Entry::Host => netrc.hosts.get(&address::host(url)?)?,
            Entry::Default => netrc.hosts.get("default")?,
        };
        let username = index.and_then(|index| index.username.as_ref());
        let fits = username.is_none_or(|username| *username == found.login);
        fits.then(|| Credentials::basic(&found.login, &found.password, "your netrc file"))
    }

    fn of_programs(&self, url: &str, index: Option<&Index>) -> Option<Credentials> {
        // Whoever comes second waits for the answer to the first.
        let mut said = lock(&self.said);
        let asked = || {
            let stored = uv::stored_credentials(self.cache, index.map_or(url, |index| &index.url), index);
            let keyring = || {
                let (username, password) = indexes::keyring(url, index)?;
                Some(Credentials::basic(&username, &password, "the keyring"))
            };
            stored.or_else(|| if self.indexes.keyring() { keyring() } else { None })
        };
        said.entry(key(index, url)).or_insert_with(asked).clone()
    }
}

/// How we have come to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// uv has named it, or the server that it has named.
    Direct,
    /// Another server has led there: what is meant for any host is not meant for this one.
    Led,
}

/// The entries of a netrc file.
#[derive(Clone, Copy)]
enum Entry {
    /// That of the host.
    Host,
    /// That of all hosts that have none.
    Default,
}

/// What credentials are known by: the index, or the realm of an address that no index is known for.
fn key(index: Option<&Index>, url: &str) -> String {
    index.map(|index| index.url.clone()).or_else(|| address::realm(url)).unwrap_or_default()
}
