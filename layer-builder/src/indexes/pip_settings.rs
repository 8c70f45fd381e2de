//! pip's configuration of indexes, which uv does not read: the `PIP_…` variables, and the files that pip documents
//! (<https://pip.pypa.io/en/stable/topics/configuration/>).
//!
//! They are read here and not by `pip config list`: no Python need be started, or be there, and which of several Pythons
//! comes first on PATH does not matter. The one file that is missed that way lies in the folder of a Python that is not
//! a virtual environment's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Handed, Index, Origin, uv_settings};

/// What pip is configured with.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    default: Option<Index>,
    extra: Vec<Index>,
    links: Vec<String>,
    no_index: bool,
    /// Whether a keyring is to be asked. pip's own default, to ask one if there is one, is not uv's.
    pub(super) keyring: bool,
    /// The file of certificates to check servers with.
    pub(super) certificates: Option<PathBuf>,
}

impl Settings {
    /// The indexes and links that lie on servers.
    pub(super) fn indexes(&self) -> impl Iterator<Item = Index> {
        let links = self.links.iter().filter(|link| link.contains("://"));
        let links = links.map(|link| Index::at(link, PLACE, Origin::Pip));
        self.default.iter().chain(&self.extra).cloned().chain(links)
    }

    /// Hands all this to uv; `known` are the indexes with the passwords that were found meanwhile.
    pub(super) fn hand(&self, known: &[Index], handed: &mut Handed) {
        let in_full = |index: &Index| {
            let found = known.iter().find(|other| other.url == index.url && other.place == index.place);
            found.unwrap_or(index).in_full()
        };
        let mut set = |name: &str, value: String| {
            if !value.is_empty() {
                handed.variables.insert(name.to_owned(), value);
            }
        };
        set("UV_DEFAULT_INDEX", self.default.as_ref().map(in_full).unwrap_or_default());
        set("UV_INDEX", self.extra.iter().map(in_full).collect::<Vec<_>>().join(" "));
        set("UV_FIND_LINKS", self.links.join(","));
        let certificates = self.certificates.as_ref().map(|path| path.display().to_string());
        set("SSL_CERT_FILE", certificates.unwrap_or_default());
        if self.keyring {
            set("UV_KEYRING_PROVIDER", "subprocess".to_owned());
        }
        if self.no_index {
            handed.arguments.push("--no-index");
        }
    }
}

const PLACE: &str = "pip's configuration";

pub(super) fn read(variables: &BTreeMap<String, String>) -> Settings {
    let mut values = BTreeMap::new();
    for path in files(variables) {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        values.extend(options(&text));
    }
    for (name, value) in variables {
        if let Some(key) = name.strip_prefix("PIP_") {
            values.insert(key.to_ascii_lowercase().replace('_', "-"), value.clone());
        }
    }
    let words = |key: &str| values.get(key).map(String::as_str).unwrap_or_default().split_whitespace();
    let home = variables.get("HOME").map(String::as_str).unwrap_or_default();
    // pip passes over folders that are not there; uv does not.
    let links = words("find-links").map(|link| in_home(link, home));
    let links = links.filter(|link| link.contains("://") || Path::new(link).exists());
    let own_certificates = variables.contains_key("SSL_CERT_FILE") || variables.contains_key("SSL_CERT_DIR");
    Settings {
        default: words("index-url").next().map(|url| Index::at(url, PLACE, Origin::Pip)),
        extra: words("extra-index-url").map(|url| Index::at(url, PLACE, Origin::Pip)).collect(),
        links: links.collect(),
        no_index: words("no-index").next().is_some_and(|value| ["1", "true", "yes", "on"].contains(&value)),
        keyring: words("keyring-provider")
            .next()
            .is_some_and(|value| ["subprocess", "import"].contains(&value)),
        certificates: values.get("cert").filter(|_| !own_certificates).map(|cert| in_home(cert, home).into()),
    }
}

fn in_home(path: &str, home: &str) -> String {
    path.strip_prefix("~/").map_or_else(|| path.to_owned(), |rest| format!("{home}/{rest}"))
}

/// The files that count, the one that overrides all others last.
fn files(variables: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let name = if cfg!(windows) { "pip.ini" } else { "pip.conf" };
    let named = variables.get("PIP_CONFIG_FILE").map(PathBuf::from);
    // How pip is told to read no file at all.
    if named.as_deref() == Some(Path::new(if cfg!(windows) { "nul" } else { "/dev/null" })) {
        return Vec::new();
    }
    let home = variables.get(if cfg!(windows) { "USERPROFILE" } else { "HOME" }).map(PathBuf::from);
    let of_mac = |root: PathBuf| root.join("Library/Application Support/pip").join(name);
    let mut files: Vec<PathBuf> = uv_settings::system_folders(variables)
        .into_iter()
        .map(
            |folder| {
                if folder == Path::new("/etc") { folder.join(name) } else { folder.join("pip").join(name) }
            },
        )
        .collect();
    if cfg!(target_os = "macos") {
        files.insert(0, of_mac(PathBuf::from("/")));
    }
    if named.as_ref().is_none_or(|path| !path.exists()) {
        let legacy = if cfg!(windows) { "pip" } else { ".pip" };
        files.extend(home.clone().map(|home| home.join(legacy).join(name)));
        files.extend(uv_settings::user_folder(variables).map(|folder| folder.join("pip").join(name)));
        if cfg!(target_os = "macos") {
            files.extend(home.map(of_mac));
        }
    }
    files.extend(variables.get("VIRTUAL_ENV").map(|folder| Path::new(folder).join(name)));
    files.extend(named);
    files
}

/// The options of a file for `pip install`: its own section goes over `[global]`.
fn options(text: &str) -> BTreeMap<String, String> {
    let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let (mut section, mut key) = (String::new(), None::<String>);
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let values = sections.entry(section.clone()).or_default();
        if line.starts_with([' ', '\t']) {
            if let Some(value) = key.as_ref().and_then(|key| values.get_mut(key)) {
                value.push('\n');
                value.push_str(trimmed);
            }
        } else if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim().to_ascii_lowercase();
            key = None;
        } else if let Some((name, value)) = trimmed.split_once(['=', ':']) {
            let name = name.trim().trim_start_matches("--").to_ascii_lowercase().replace('_', "-");
            values.insert(name.clone(), value.trim().to_owned());
            key = Some(name);
        }
    }
    let mut options = sections.remove("global").unwrap_or_default();
    options.extend(sections.remove("install").unwrap_or_default());
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_pip_reads_it() {
        let read = options(
            "# comment\n[global]\nindex-url = https://a/simple\nextra_index_url =\n    https://b/simple\n    \
             # not this\n    https://c/simple\n; nor this\n[install]\nindex_url: https://d/simple\n[list]\nindex-url = https://e\n",
        );
        assert_eq!(read["index-url"], "https://d/simple");
        assert_eq!(
            read["extra-index-url"].split_whitespace().collect::<Vec<_>>(),
            ["https://b/simple", "https://c/simple"]
        );
        assert_eq!(read.len(), 2);
    }
}
