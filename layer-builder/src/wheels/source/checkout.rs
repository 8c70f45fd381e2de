//! The source of a package that is in no index: a commit of a repository, or a folder, as a copy that a build backend
//! may write to.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::indexes::without_userinfo;
use crate::lock::Commit;

/// What a copy of a folder leaves out: what is made from the source, and what is no part of it.
const NOT_SOURCE: [&str; 8] =
    [".git", ".hg", ".venv", "venv", "__pycache__", "node_modules", "target", "build"];

/// Gets `commit` into `folder`; gives the folder of the package. The error is what git said.
pub(super) fn checkout(commit: &Commit, folder: &Path) -> Result<PathBuf, String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(folder)
            .env("GIT_TERMINAL_PROMPT", "0")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("git does not start: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(without_userinfo(String::from_utf8_lossy(&output.stderr).trim()))
    };
    git(&["init", "--quiet"])?;
    // Most servers hand out a commit by its name; the others hand out everything.
    if git(&["fetch", "--quiet", "--depth", "1", &commit.url, &commit.commit]).is_err() {
        git(&["fetch", "--quiet", "--tags", &commit.url, "+refs/heads/*:refs/remotes/origin/*"])?;
    }
    git(&["-c", "advice.detachedHead=false", "checkout", "--quiet", &commit.commit])?;
    Ok(match &commit.subdirectory {
        Some(subdirectory) => folder.join(subdirectory),
        None => folder.to_path_buf(),
    })
}

/// Copies the source in `from` to `to`; the error is a sentence.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |path: &Path, error: &std::io::Error| format!("`{}`: {error}", path.display());
    std::fs::create_dir_all(to).map_err(|error| failed(to, &error))?;
    for entry in std::fs::read_dir(from).map_err(|error| failed(from, &error))? {
        let entry = entry.map_err(|error| failed(from, &error))?;
        let name = entry.file_name();
        let lossy = name.to_string_lossy();
        if NOT_SOURCE.contains(&lossy.as_ref()) || lossy.ends_with(".egg-info") {
            continue;
        }
        // Links are followed: what they lead to is what is meant.
        let path = entry.path();
        let metadata = path.metadata().map_err(|error| failed(&path, &error))?;
        if metadata.is_dir() {
            copy(&path, &to.join(&name))?;
        } else if metadata.is_file() {
            std::fs::copy(&path, to.join(&name)).map_err(|error| failed(&path, &error))?;
        } else {
            // Reading a pipe or a device may never end.
            return Err(format!("`{}` is no regular file", path.display()));
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_regular_file_is_named_and_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        std::fs::create_dir_all(from.join("deep")).unwrap();
        std::fs::write(from.join("deep/a.py"), "").unwrap();
        copy(&from, &folder.path().join("to")).unwrap();
        assert!(folder.path().join("to/deep/a.py").is_file());
        let socket = from.join("deep/socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let why = copy(&from, &folder.path().join("again")).unwrap_err();
        assert_eq!(why, format!("`{}` is no regular file", socket.display()));
    }
}
