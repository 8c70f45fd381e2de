//! Which uv is used: the one on PATH, or one that is installed once into the cache.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use pep508_rs::pep440_rs::Version;

use super::install::{self, OURS};
use super::python::Python;
use super::run::version_of;
use super::{Error, Network, Uv};
use crate::cache::Cache;
use crate::ui::Ui;

/// The oldest version that was seen to work here.
pub(super) const OLDEST: &str = "0.9.0";

impl Uv {
    /// The uv on PATH if it is new enough, else our own, which pip installs once into the cache. It is looked for once
    /// in each run, for that takes several times what a build does.
    pub fn find(cache: &Cache, network: Network, ui: &Ui) -> Result<Self, Error> {
        static FOUND: Mutex<Vec<(Network, Uv)>> = Mutex::new(Vec::new());
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |(asked, uv): &&(Network, Self)| *asked == network && uv.exchange == cache.folder();
        if let Some((_, uv)) = found.iter().find(same) {
            return Ok(uv.clone());
        }
        let uv = Self::look_for(cache, network, ui)?;
        found.push((network, uv.clone()));
        Ok(uv)
    }

    fn look_for(cache: &Cache, network: Network, ui: &Ui) -> Result<Self, Error> {
        let mut tried = match installed(cache) {
            Ok((program, version)) => return Ok(Self::new(program, version, cache, network, ui)),
            Err(tried) => tried,
        };
        if network == Network::Forbidden {
            return Err(Error::NotHere);
        }
        install::with_pip(cache, &cache.uv(OURS), ui, &mut tried)?;
        match installed(cache) {
            Ok((program, version)) => Ok(Self::new(program, version, cache, network, ui)),
            Err(_) => {
                let output = format!("`{}` does not run", our_program(cache).display());
                Err(Error::Install { output })
            }
        }
    }

    fn new(program: PathBuf, version: String, cache: &Cache, network: Network, ui: &Ui) -> Self {
        ui.detail("Using", format!("uv {version} ({})", program.display()));
        let python = Python::find(&program, network, ui);
        let exchange = cache.folder().to_path_buf();
        Self { program, version, python, exchange }
    }
}

fn our_program(cache: &Cache) -> PathBuf {
    cache.uv(OURS).join("bin").join(format!("uv{}", std::env::consts::EXE_SUFFIX))
}

/// A uv of this machine, and its version; else what was tried.
pub(super) fn installed(cache: &Cache) -> Result<(PathBuf, String), String> {
    let mut tried = String::new();
    match version_of(Path::new("uv")) {
        Some(version) if is_new_enough(&version) => return Ok(("uv".into(), version)),
        Some(version) => _ = write!(tried, "uv {version} on PATH is older than {OLDEST}, "),
        None => tried.push_str("no uv on PATH, "),
    }
    let program = our_program(cache);
    version_of(&program).map(|version| (program, version)).ok_or(tried)
}

fn is_new_enough(version: &str) -> bool {
    let version = Version::from_str(version);
    let oldest = Version::from_str(OLDEST);
    matches!((version, oldest), (Ok(version), Ok(oldest)) if version >= oldest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_uv_is_the_one_that_is_hashed() {
        assert!(install::HASHED.contains(&format!("\nuv=={OURS} \\\n    --hash=sha256:")));
        assert!(!install::HASHED.contains("://"), "a lock holds no addresses");
    }

    #[test]
    fn old_versions_are_told_from_new_ones() {
        assert!(is_new_enough(OURS) && is_new_enough(OLDEST) && is_new_enough("1.0.0"));
        assert!(!is_new_enough("0.8.99") && !is_new_enough("nonsense"));
    }
}
