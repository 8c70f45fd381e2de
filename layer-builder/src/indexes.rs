//! The package indexes that the user has configured for uv and pip, and the credentials of each.
//!
//! Resolving is uv's affair, and so are its indexes; it strips credentials from the addresses that it answers with.
//! What is read here is what downloads need to get in, and what uv is told of pip's configuration, which it does not
//! read itself. One of the edges: it reads the environment and the user's files. No address of an index stands in our
//! code, and no credential is ever printed.

pub(crate) mod address;
mod ask;
mod in_files;
mod pip_settings;
mod renew;
mod secret;
mod uv_settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use ask::keyring;
pub use in_files::{reached, required};
pub use renew::{renewal, renewal_for};
pub use secret::{Credentials, without_secrets, without_userinfo};
pub use told::{Told, told};

use crate::requirement::Wanted;

/// An index.
#[derive(Clone, PartialEq, Eq)]
pub struct Index {
    /// Its name, if it has one: `UV_INDEX_<NAME>_PASSWORD` is about that.
    pub name: Option<String>,
    /// Its address, without credentials.
    pub url: String,
    /// Who asks.
    pub username: Option<String>,
    /// The password, or a token.
    password: Option<String>,
    /// When credentials are to be shown.
    pub authenticate: Authenticate,
    /// Where it was configured, or where its password was: for messages.
    pub place: String,
    origin: Origin,
}

/// What an address of an index stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// A variable of uv's.
    Variable(&'static str),
    /// A file that uv reads itself.
    File,
    /// What only pip reads.
    Pip,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let password = if self.password.is_some() { " with a password" } else { "" };
        write!(f, "{}{password} from {}", self.url, self.place)
    }
}

/// When an index is to be shown credentials: uv's `authenticate`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Authenticate {
    /// When it asks for them.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Index {
    fn at(url: &str, place: impl Into<String>, origin: Origin) -> Self {
        let address::Split { url, username, password } = address::split(url);
        Self {
            name: None,
            url,
            username,
            password,
            authenticate: Authenticate::Auto,
            place: place.into(),
            origin,
        }
    }

    /// What it is to be shown, if that is known without asking anybody.
    pub fn credentials(&self) -> Option<Credentials> {
        let username = self.username.as_deref().unwrap_or_default();
        let password = self.password.as_deref()?;
        Some(Credentials::basic(username, password, self.place.clone()))
    }

    /// What it is to be shown where nobody knows a password: some take a token for the user, and no password.
    pub fn user_alone(&self) -> Option<Credentials> {
        let username = self.username.as_deref().filter(|_| self.password.is_none())?;
        Some(Credentials::basic(username, "", format!("{}, a user without a password", self.place)))
    }

    /// Whether `url` lies below it. The pages of an index often lie below `simple`, and its files beside that.
    pub fn covers(&self, url: &str) -> bool {
        let mut own = address::steps(&self.url);
        own.pop_if(|last| last == "simple");
        address::realm(url) == address::realm(&self.url) && address::steps(url).starts_with(&own)
    }

    /// Its user, if that may be a token. Those are long; short names are words of other texts, too.
    fn token(&self) -> Option<String> {
        const SHORTEST: usize = 12;
        self.username.clone().filter(|username| username.len() >= SHORTEST)
    }

    /// Whether a program has to be asked for the password before the first request.
    fn wants_password(&self) -> bool {
        let asks = self.username.is_some() || self.authenticate == Authenticate::Always;
        self.password.is_none() && self.authenticate != Authenticate::Never && asks
    }
}

/// The environment, without what is empty.
fn variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// All of them.
#[derive(Clone, Default)]
pub struct Indexes {
    known: Vec<Index>,
    keyring: bool,
    pip: Option<pip_settings::Settings>,
    options: Vec<String>,
    secrets: Vec<String>,
    handed: OnceLock<Handed>,
}

impl std::fmt::Debug for Indexes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.known).finish()
    }
}

/// What uv is told on top of what it finds out itself.
#[derive(Clone, Default)]
pub struct Handed {
    /// Variables of its environment.
    pub variables: BTreeMap<String, String>,
    /// Arguments of its commands.
    pub arguments: Vec<&'static str>,
    /// Passwords that it finds in a netrc file only: no variable is about an index without a name.
    pub logins: Vec<Login>,
    /// What it must not be quoted with.
    pub secrets: Vec<String>,
}

/// A line of a netrc file.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The server.
    pub host: String,
    /// Who asks.
    pub username: String,
    /// The password.
    pub password: String,
}

impl Indexes {
    /// Those that count in `folder` for what is wanted there. For the edge only.
    pub fn of(folder: &Path, wanted: &[Wanted]) -> Self {
        Self::read(folder, wanted, &variables())
    }

    /// The same in an environment of these variables.
    fn read(folder: &Path, wanted: &[Wanted], variables: &BTreeMap<String, String>) -> Self {
        let uv = uv_settings::read(folder, variables);
        let files = wanted.iter().filter_map(|wanted| match wanted {
            Wanted::File(path) => Some(folder.join(path)),
            Wanted::Package(_) | Wanted::Folder(_) => None,
        });
        let files: Vec<PathBuf> = files.collect();
        let in_files = in_files::read(&files, variables);
        let pip = if uv.has_indexes { None } else { Some(pip_settings::read(variables)) };
        let mut known = uv.indexes;
        known.extend(in_files.indexes);
        if let Some(pip) = &pip {
            known.extend(pip.indexes());
        }
        let keyring = uv.keyring.unwrap_or_else(|| pip.as_ref().is_some_and(|pip| pip.keyring));
        let named = variables.iter().filter(|(name, _)| {
            name.starts_with("UV_INDEX_") && name.ends_with("_PASSWORD") || *name == "UV_PUBLISH_TOKEN"
        });
        let mut secrets: Vec<String> = named.map(|(_, value)| value.clone()).collect();
        secrets.extend(known.iter().filter_map(|index| index.password.clone().or_else(|| index.token())));
        Self { known, keyring, pip, options: in_files.options, secrets, handed: OnceLock::new() }
    }

    /// The index that `url` most probably belongs to: of those in its realm the one whose path it shares the longest
    /// part of.
    pub fn nearest(&self, url: &str) -> Option<&Index> {
        let realm = address::realm(url)?;
        let steps = address::steps(url);
        let shared = |index: &Index| {
            let own = address::steps(&index.url);
            own.iter().zip(&steps).take_while(|(one, other)| one == other).count()
        };
        let mut nearest: Option<(usize, &Index)> = None;
        for index in self.known.iter().filter(|index| address::realm(&index.url).as_ref() == Some(&realm)) {
            let shared = shared(index);
            if nearest.is_none_or(|(most, _)| shared > most) {
                nearest = Some((shared, index));
            }
        }
        nearest.map(|(_, index)| index)
    }

    /// Whether a keyring may be asked.
    pub fn keyring(&self) -> bool {
        self.keyring
    }

    /// The file of certificates that pip's configuration names, where it counts.
    pub fn certificates(&self) -> Option<&Path> {
        self.pip.as_ref()?.certificates.as_deref()
    }

    /// The lines of requirements files that name indexes.
    pub fn options(&self) -> &[String] {
        &self.options
    }

    /// What uv is to be told. Where an index has a user and no password, the keyring is asked here, once: so what uv
    /// starts, build backends among it, needs none of what the keyring needs. Where it has no answer for us, it has none
    /// for uv either, which would ask the same.
    pub fn handed(&self) -> &Handed {
        self.handed.get_or_init(|| self.hand())
    }

    fn hand(&self) -> Handed {
        let mut handed = Handed { secrets: self.secrets.clone(), ..Handed::default() };
        let mut known = self.known.clone();
        for index in known.iter_mut().filter(|index| self.keyring && index.wants_password()) {
            let Some((username, password)) = ask::keyring(&index.url, Some(index)) else { continue };
            handed.secrets.push(password.clone());
            if let Some(name) = &index.name {
                let start = uv_settings::variable_of(name);
                handed.variables.insert(format!("{start}_USERNAME"), username.clone());
                handed.variables.insert(format!("{start}_PASSWORD"), password.clone());
            } else if let Some(host) = self.host_alone(index).filter(|_| index.origin == Origin::File) {
                let (username, password) = (username.clone(), password.clone());
                handed.logins.push(Login { host, username, password });
            }
            (index.username, index.password) = (Some(username), Some(password));
        }
        let changed = known.iter().zip(&self.known).filter(|(now, before)| now != before);
        let variables = changed.filter_map(|(index, _)| match index.origin {
            Origin::Variable(variable) if index.name.is_none() => Some(variable),
            _ => None,
        });
        for variable in variables {
            let all = known.iter().filter(|index| index.origin == Origin::Variable(variable));
            let all: Vec<String> = all.map(Index::in_full).collect();
            handed.variables.insert(variable.to_owned(), all.join(" "));
        }
        if let Some(pip) = &self.pip {
            pip.hand(&known, &mut handed);
        }
        handed
    }

    /// The host of `index`, unless other indexes on that host are another server's or another user's: netrc cannot tell
    /// them apart, and would show the password to all of them.
    fn host_alone(&self, index: &Index) -> Option<String> {
        let host = address::host(&index.url)?;
        let is_like_it = |other: &Index| {
            address::realm(&other.url) == address::realm(&index.url)
                && (other.username.is_none() || other.username == index.username)
        };
        let mut there = self.known.iter().filter(|other| address::host(&other.url).as_ref() == Some(&host));
        there.all(is_like_it).then_some(host)
    }
}

impl Index {
    /// Its address with all that is known, as uv's variables take it.
    fn in_full(&self) -> String {
        let url = match (&self.username, &self.password) {
            (None, None) => self.url.clone(),
            (Some(username), None) => self.url.replacen("://", &format!("://{username}@"), 1),
            (username, Some(password)) => {
                address::joined(&self.url, username.as_deref().unwrap_or_default(), password)
            }
        };
        match &self.name {
            Some(name) => format!("{name}={url}"),
            None => url,
        }
    }
}

#[cfg(test)]
mod tests;
mod told;
