//! Running programs for uv and uv itself: quietly, with files between us that are gone afterwards, and without a secret
//! in what is quoted of them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::{ANY_PYTHON, Error};
use crate::cache::Cache;
use crate::indexes::without_secrets;

/// A program that starts with umask 022, whatever ours is.
pub(super) fn with_fixed_umask(program: &Path) -> Command {
    if cfg!(unix) {
        let mut command = Command::new("sh");
        command.args(["-c", r#"umask 022 && exec "$0" "$@""#]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

/// Files between us and uv, gone when they are no longer needed.
pub(super) struct Exchange {
    folder: tempfile::TempDir,
}

impl Exchange {
    /// In the cache, where what killed processes leave behind is swept; nobody else looks into it.
    pub(super) fn below(cache: &Path) -> Result<Self, Error> {
        let folder = Cache::at(cache).new_folder()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let only_ours = std::fs::Permissions::from_mode(0o700);
            let path = folder.path().to_path_buf();
            std::fs::set_permissions(&path, only_ours).map_err(|source| Error::Exchange { path, source })?;
        }
        Ok(Self { folder })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.path(name);
        std::fs::write(&path, text).map_err(|source| Error::Exchange { path: path.clone(), source })?;
        Ok(path)
    }
}

pub(super) fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Exchange { path: path.to_path_buf(), source })
}

/// Runs uv to its end; gives its warnings. Neither they nor an error hold one of `secrets`.
pub(super) fn run(command: &mut Command, what: &str, secrets: &[String]) -> Result<Vec<String>, Error> {
    let failed = |output: String| Error::Failed { what: what.to_owned(), output };
    let output = quietly(command).map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(without_secrets(&said(&output), secrets)));
    }
    let stderr = without_secrets(&String::from_utf8_lossy(&output.stderr), secrets);
    let warnings = stderr.lines().filter_map(|line| line.strip_prefix("warning: "));
    Ok(warnings.filter(|warning| !warning.contains(ANY_PYTHON)).map(str::to_owned).collect())
}

pub(super) fn quietly(command: &mut Command) -> std::io::Result<Output> {
    command.stdin(Stdio::null()).output()
}

/// What a program said, indented, for an error of ours.
pub(super) fn said(output: &Output) -> String {
    let text = [&output.stderr[..], &output.stdout[..]].map(String::from_utf8_lossy).concat();
    let lines: Vec<String> = text
        .trim()
        .lines()
        .filter(|line| !line.contains(ANY_PYTHON))
        .map(|line| format!("  {line}"))
        .collect();
    if lines.is_empty() { format!("  {}", output.status) } else { lines.join("\n") }
}

pub(super) fn version_of(program: &Path) -> Option<String> {
    let output =
        quietly(Command::new(program).arg("--version")).ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.strip_prefix("uv ")?.split_whitespace().next()?.to_owned())
}
