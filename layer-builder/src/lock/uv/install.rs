//! Getting uv where there is none: pip installs one version of it, checked by hash, into the cache.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use super::Error;
use super::run::{quietly, said};
use crate::cache::Cache;
use crate::ui::Ui;

/// The version that is installed where none is found.
pub(super) const OURS: &str = "0.13.9";
/// The hashes of that version's wheels, as pip reads them.
pub(super) const HASHED: &str = include_str!("requirements.uv.txt");

/// Installs our uv into `home`, and adds to `tried` what did not work.
pub(super) fn with_pip(cache: &Cache, home: &Path, ui: &Ui, tried: &mut String) -> Result<(), Error> {
    let mut output = None;
    for python in ["python3", "python"] {
        let has_pip = match quietly(Command::new(python).args(["-m", "pip", "--version"])) {
            Ok(output) if output.status.success() => true,
            Ok(_) => {
                _ = write!(tried, "`{python}` has no pip, ");
                false
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                _ = write!(tried, "no `{python}` on PATH, ");
                false
            }
            Err(error) => {
                _ = write!(tried, "`{python}` does not start ({error}), ");
                false
            }
        };
        if !has_pip {
            continue;
        }
        ui.status("Installing", format!("uv {OURS} into the cache, with pip"));
        let folder = cache.new_folder()?;
        let hashed = folder.path().join("requirements.txt");
        let filled = folder.path().join("uv");
        std::fs::write(&hashed, HASHED).map_err(|source| Error::Exchange { path: hashed.clone(), source })?;
        let mut pip = Command::new(python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            "--no-deps",
        ]);
        pip.args([
            "--only-binary",
            ":all:",
            "--require-hashes",
            "--no-warn-script-location",
            "--requirement",
        ]);
        pip.arg(&hashed)
            .arg("--target")
            .arg(&filled)
            .env("PIP_USER", "0")
            .env_remove("PIP_REQUIRE_VIRTUALENV");
        match quietly(&mut pip) {
            Ok(pip) if pip.status.success() => {
                cache.make_folder(home.parent().unwrap_or(home))?;
                // One that does not run would be in the way; one that somebody else has just put there is as good.
                let _ = std::fs::remove_dir_all(home);
                match std::fs::rename(&filled, home) {
                    Ok(()) => return Ok(()),
                    Err(_) if home.is_dir() => return Ok(()),
                    Err(error) => output = Some(format!("  failed to write `{}`: {error}", home.display())),
                }
            }
            Ok(pip) => output = Some(crate::indexes::without_userinfo(&said(&pip))),
            Err(error) => output = Some(error.to_string()),
        }
    }
    Err(match output {
        Some(output) => Error::Install { output },
        None => Error::NotFound { tried: tried.trim_end_matches([',', ' ']).to_owned() },
    })
}
