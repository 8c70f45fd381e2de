//! uv's own configuration of indexes: its variables, and its files from the project's folder to the system's
//! (<https://docs.astral.sh/uv/concepts/configuration-files/>). What is nearer comes first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Authenticate, Index, Origin};

/// What uv is configured with.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) indexes: Vec<Index>,
    /// Whether anything is said about where packages come from.
    pub(super) has_indexes: bool,
    /// Whether a keyring is to be asked, if anything is said about it.
    pub(super) keyring: Option<bool>,
}

/// A `uv.toml`, or `[tool.uv]` of a `pyproject.toml`, as far as it matters here. Whatever cannot be understood is
/// left for uv to complain of.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Table {
    index: Vec<IndexTable>,
    index_url: Option<String>,
    extra_index_url: Vec<String>,
    find_links: Vec<String>,
    no_index: Option<bool>,
    keyring_provider: Option<String>,
    pub(super) override_dependencies: Option<toml::Value>,
    pub(super) exclude_dependencies: Option<toml::Value>,
    pub(super) dependency_metadata: Option<toml::Value>,
    pip: Option<Box<Table>>,
}

#[derive(Debug, Deserialize)]
struct IndexTable {
    name: Option<String>,
    url: String,
    authenticate: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Pyproject {
    tool: Option<Tool>,
}

#[derive(Debug, Default, Deserialize)]
struct Tool {
    uv: Option<Table>,
}

/// The variables that hold addresses of indexes.
const ADDRESSES: [&str; 4] = ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"];

pub(super) fn read(folder: &Path, variables: &BTreeMap<String, String>) -> Settings {
    let mut settings = Settings::default();
    for variable in ADDRESSES {
        for word in variables.get(variable).map(String::as_str).unwrap_or_default().split_whitespace() {
            let (name, url) = named(word);
            let index = Index::at(url, format!("`{variable}`"), Origin::Variable(variable));
            settings.indexes.push(Index { name: name.map(str::to_owned), ..index });
        }
    }
    let links = variables.get("UV_FIND_LINKS").map(String::as_str).unwrap_or_default();
    settings.indexes.extend(links.split(',').filter_map(|link| links_at(link, "`UV_FIND_LINKS`".to_owned())));
    let is_named = |name: &&str| variables.contains_key(*name);
    settings.has_indexes = ADDRESSES.iter().chain(&["UV_FIND_LINKS", "UV_NO_INDEX"]).any(is_named);
    settings.keyring = variables.get("UV_KEYRING_PROVIDER").map(|provider| provider == "subprocess");
    for (path, table) in tables(folder, variables) {
        settings.add(&path, &table);
    }
    for index in &mut settings.indexes {
        let Some(start) = index.name.as_deref().map(variable_of) else { continue };
        let (username, password) = (format!("{start}_USERNAME"), format!("{start}_PASSWORD"));
        if variables.contains_key(&username) || variables.contains_key(&password) {
            index.username = variables.get(&username).cloned();
            index.password = variables.get(&password).cloned();
            index.place = format!("`{password}`");
        }
    }
    settings
}

impl Settings {
    fn add(&mut self, path: &Path, table: &Table) {
        let place = format!("`{}`", path.display());
        for index in &table.index {
            let authenticate = match index.authenticate.as_deref() {
                Some("always") => Authenticate::Always,
                Some("never") => Authenticate::Never,
                _ => Authenticate::Auto,
            };
            let known = Index::at(&index.url, place.clone(), Origin::File);
            self.indexes.push(Index { name: index.name.clone(), authenticate, ..known });
        }
        let plain = table.index_url.iter().chain(&table.extra_index_url);
        self.indexes.extend(plain.map(|url| Index::at(url, place.clone(), Origin::File)));
        self.indexes.extend(table.find_links.iter().filter_map(|link| links_at(link, place.clone())));
        self.has_indexes |= !table.index.is_empty()
            || table.index_url.is_some()
            || !table.extra_index_url.is_empty()
            || !table.find_links.is_empty()
            || table.no_index.is_some();
        let keyring = table.keyring_provider.as_ref().map(|provider| provider == "subprocess");
        self.keyring = self.keyring.or(keyring);
        if let Some(pip) = &table.pip {
            self.add(path, pip);
        }
    }
}

/// `find-links` that lie on a server.
fn links_at(link: &str, place: String) -> Option<Index> {
    link.contains("://").then(|| Index::at(link.trim(), place, Origin::File))
}

/// `name=https://…`, or an address alone.
fn named(word: &str) -> (Option<&str>, &str) {
    let is_name = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) && !name.is_empty()
    };
    match word.split_once('=') {
        Some((name, url)) if is_name(name) => (Some(name), url),
        _ => (None, word),
    }
}

/// `UV_INDEX_PRIVATE_REPO` for `private-repo`.
pub(super) fn variable_of(name: &str) -> String {
    let letter = |letter: char| {
        if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' }
    };
    format!("UV_INDEX_{}", name.chars().map(letter).collect::<String>())
}

/// The files that count, nearest first. uv takes the first of the project's only, or that of the workspace around it;
/// for what gets in where, each of them is good.
pub(super) fn tables(folder: &Path, variables: &BTreeMap<String, String>) -> Vec<(PathBuf, Table)> {
    let is_set = |name: &str| {
        variables
            .get(name)
            .is_some_and(|value| !["0", "false", "no", "off"].contains(&value.to_lowercase().as_str()))
    };
    if let Some(path) = variables.get("UV_CONFIG_FILE") {
        return uv_toml(&folder.join(path)).into_iter().collect();
    }
    if is_set("UV_NO_CONFIG") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for folder in folder.ancestors() {
        found.extend(uv_toml(&folder.join("uv.toml")).or_else(|| pyproject(&folder.join("pyproject.toml"))));
    }
    let user = user_folder(variables).map(|folder| folder.join("uv/uv.toml"));
    found.extend(user.and_then(|path| uv_toml(&path)));
    found
        .extend(system_folders(variables).into_iter().find_map(|folder| uv_toml(&folder.join("uv/uv.toml"))));
    found
}

/// Where a user's configuration lies.
pub(super) fn user_folder(variables: &BTreeMap<String, String>) -> Option<PathBuf> {
    if cfg!(windows) {
        return variables.get("APPDATA").map(PathBuf::from);
    }
    let home = || Some(PathBuf::from(variables.get("HOME")?).join(".config"));
    variables.get("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home)
}

/// Where everybody's configuration lies.
pub(super) fn system_folders(variables: &BTreeMap<String, String>) -> Vec<PathBuf> {
    if cfg!(windows) {
        return variables.get("PROGRAMDATA").map(PathBuf::from).into_iter().collect();
    }
    let named = variables.get("XDG_CONFIG_DIRS").map_or("/etc/xdg", String::as_str);
    let mut folders: Vec<PathBuf> =
        named.split(':').filter(|part| !part.is_empty()).map(PathBuf::from).collect();
    folders.push(PathBuf::from("/etc"));
    folders
}

fn uv_toml(path: &Path) -> Option<(PathBuf, Table)> {
    let text = std::fs::read_to_string(path).ok()?;
    Some((path.to_path_buf(), toml::from_str(&text).unwrap_or_default()))
}

fn pyproject(path: &Path) -> Option<(PathBuf, Table)> {
    let text = std::fs::read_to_string(path).ok()?;
    let pyproject: Pyproject = toml::from_str(&text).ok()?;
    Some((path.to_path_buf(), pyproject.tool?.uv?))
}
