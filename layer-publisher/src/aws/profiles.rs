//! The profiles that the AWS configuration files define, by name only: whether one is there, and how it logs in.
//! What the profiles contain is the SDK's business, and nothing secret is read here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How one gets new credentials for a profile when the old ones have expired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Login {
    /// The file does not tell.
    #[default]
    Unknown,
    /// `aws sso login`
    Sso,
    /// `aws login`
    Aws,
}

/// The profiles by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profiles {
    by_name: BTreeMap<String, Login>,
    files: Vec<PathBuf>,
}

impl Profiles {
    /// Reads the files that the environment names, or the usual ones. For the edge only.
    pub fn from_environment() -> Self {
        let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).map(PathBuf::from);
        let file = |variable: &str, name: &str| {
            let named = std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
            named.or_else(|| home.as_ref().map(|home| home.join(".aws").join(name)))
        };
        let config = file("AWS_CONFIG_FILE", "config");
        let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        let mut profiles = Self::default();
        for path in [config, credentials].into_iter().flatten() {
            profiles.add(&std::fs::read_to_string(&path).unwrap_or_default());
            profiles.files.push(path);
        }
        profiles
    }

    /// Whether there is a profile of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// How one logs in to it.
    pub fn login(&self, name: &str) -> Login {
        self.by_name.get(name).copied().unwrap_or_default()
    }

    /// Where they were looked for.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// In `config` a section is `[profile NAME]` or `[default]`, in `credentials` it is `[NAME]`.
    fn add(&mut self, text: &str) {
        let mut current = None;
        for line in text.lines() {
            if let Some(section) = line.trim_end().strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                let mut words = section.split_whitespace();
                current = match (words.next(), words.next()) {
                    (Some("profile"), Some(name)) | (Some(name), None) => Some(name.to_owned()),
                    _ => None,
                };
                if let Some(name) = &current {
                    self.by_name.entry(name.clone()).or_default();
                }
                continue;
            }
            let login = match line.split('=').next().unwrap_or_default().trim() {
                "sso_session" | "sso_start_url" => Login::Sso,
                "login_session" => Login::Aws,
                _ => continue,
            };
            if let Some(name) = &current {
                self.by_name.insert(name.clone(), login);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_found_in_both_kinds_of_file() {
        let mut profiles = Profiles::default();
        profiles.add(
            "[default]\nregion = eu-west-1\n[profile dev]\nsso_session = corp\n[sso-session corp]\nsso_start_url = x\n\
             [profile new]\nlogin_session = y\n",
        );
        profiles.add("[old]\naws_access_key_id = AKIA\n");
        assert_eq!(profiles.names().collect::<Vec<_>>(), ["default", "dev", "new", "old"]);
        assert_eq!(profiles.login("dev"), Login::Sso);
        assert_eq!(profiles.login("new"), Login::Aws);
        assert_eq!(profiles.login("old"), Login::Unknown);
        assert!(!profiles.contains("corp"));
    }
}
