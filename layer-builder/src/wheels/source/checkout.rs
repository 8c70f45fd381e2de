//! The source of a package that is in no index: a commit of a repository, or a folder, as a copy that a build backend
//! may write to.

use std::path::{Path, PathBuf};

use crate::git::git_in;
use crate::indexes::without_userinfo;
use crate::lock::Commit;

/// What a copy of a folder leaves out wherever it lies: this is nobody's source.
const NEVER_SOURCE: [&str; 4] = [".git", ".hg", ".venv", "__pycache__"];
/// What it leaves out at the top, where tools make it. Further down these are names like any other.
const MADE_AT_THE_TOP: [&str; 4] = ["build", "node_modules", "target", "venv"];

/// Gets `commit` into `folder`; gives the folder of the package. The error is what git said.
pub(super) fn checkout(commit: &Commit, folder: &Path) -> Result<PathBuf, String> {
    let git = |arguments: &[&str]| {
        let output = git_in(folder)
            .args(arguments)
            .output()
            .map_err(|error| format!("git does not start: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(without_userinfo(String::from_utf8_lossy(&output.stderr).trim()))
    };
    git(&["init", "--quiet"])?;
    // Most servers hand out a commit by its name; the others hand out everything. After `--` nothing is an option.
    if git(&["fetch", "--quiet", "--depth", "1", "--", &commit.url, &commit.commit]).is_err() {
        git(&["fetch", "--quiet", "--tags", "--", &commit.url, "+refs/heads/*:refs/remotes/origin/*"])?;
    }
    git(&["-c", "advice.detachedHead=false", "checkout", "--quiet", &commit.commit])?;
    if folder.join(".gitmodules").is_file() {
        get_submodules(git, &commit.url, folder)?;
    }
    commit.subdirectory.as_ref().map_or(Ok(folder.to_path_buf()), |inside| folder_inside(folder, inside))
}

/// Gets the repositories that the one in `folder`, which comes from `url`, has in it.
fn get_submodules(
    git: impl Fn(&[&str]) -> Result<(), String>,
    url: &str,
    folder: &Path,
) -> Result<(), String> {
    // Their addresses may begin where this one ends.
    git(&["remote", "add", "--", "origin", url])?;
    let update = ["submodule", "--quiet", "update", "--init", "--recursive"];
    if git(&[&update[..], &["--depth", "1"]].concat()).is_ok() {
        return Ok(());
    }
    // Some servers hand out the commits of branches only: all of it then, and nothing of what has come so far.
    git(&["submodule", "--quiet", "deinit", "--all", "--force"])?;
    let _ = std::fs::remove_dir_all(folder.join(".git/modules"));
    git(&update)
}

/// The folder `inside` of what was checked out to `folder`, unless links of the repository lead out of it.
fn folder_inside(folder: &Path, inside: &str) -> Result<PathBuf, String> {
    let place = folder.join(inside);
    let real =
        |path: &Path| path.canonicalize().map_err(|error| format!("`{inside}` of the repository: {error}"));
    if real(&place)?.starts_with(real(folder)?) {
        return Ok(place);
    }
    Err(format!("`{inside}` of the repository leads out of it"))
}

/// Copies the source in `from` to `to`; the error is a sentence.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), String> {
    copy_below(from, to, Path::new(""))
}

/// Whether a copy leaves this out; `above` is where it lies in the source.
fn is_left_out(name: &str, above: &Path) -> bool {
    let is_at_the_top = above == Path::new("");
    // Setuptools makes it beside the packages.
    let is_beside_packages = is_at_the_top || above == Path::new("src");
    NEVER_SOURCE.contains(&name)
        || is_at_the_top && MADE_AT_THE_TOP.contains(&name)
        || is_beside_packages && name.ends_with(".egg-info")
}

/// Copies the folder that lies at `above` in its source.
fn copy_below(from: &Path, to: &Path, above: &Path) -> Result<(), String> {
    let failed = |path: &Path, error: &std::io::Error| format!("`{}`: {error}", path.display());
    std::fs::create_dir_all(to).map_err(|error| failed(to, &error))?;
    for entry in std::fs::read_dir(from).map_err(|error| failed(from, &error))? {
        let entry = entry.map_err(|error| failed(from, &error))?;
        let name = entry.file_name();
        if is_left_out(&name.to_string_lossy(), above) {
            continue;
        }
        // Links are followed: what they lead to is what is meant.
        let path = entry.path();
        let metadata = path.metadata().map_err(|error| failed(&path, &error))?;
        if metadata.is_dir() {
            copy_below(&path, &to.join(&name), &above.join(&name))?;
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
    fn an_address_is_never_an_option_of_git() {
        let folder = tempfile::tempdir().unwrap();
        let (marker, to) = (folder.path().join("marker"), folder.path().join("to"));
        std::fs::create_dir(&to).unwrap();
        let commit = Commit {
            url: format!("--upload-pack=touch {}; false", marker.display()),
            commit: "153a5c78589226cf97099a1ce6f74c980d5aece4".to_owned(),
            subdirectory: None,
        };
        assert!(checkout(&commit, &to).is_err());
        assert!(!marker.exists(), "git has run a program of the lock's");
    }

    #[test]
    fn a_link_of_a_repository_does_not_lead_out_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let checked_out = folder.path().join("to");
        std::fs::create_dir_all(checked_out.join("lib")).unwrap();
        std::fs::create_dir(folder.path().join("else")).unwrap();
        std::os::unix::fs::symlink("../else", checked_out.join("out")).unwrap();
        std::os::unix::fs::symlink("lib", checked_out.join("in")).unwrap();
        assert_eq!(folder_inside(&checked_out, "in").unwrap(), checked_out.join("in"));
        assert_eq!(
            folder_inside(&checked_out, "out").unwrap_err(),
            "`out` of the repository leads out of it"
        );
        assert!(folder_inside(&checked_out, "lost").unwrap_err().starts_with("`lost` of the repository: "));
    }

    #[test]
    fn what_tools_make_is_left_out_and_packages_that_are_called_like_it_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let kept = ["own/build", "own/target", "own/venv", "own/node_modules", "own/x.egg-info", "src/build"];
        let left_out = [
            "build",
            "target",
            "venv",
            "node_modules",
            "own.egg-info",
            "src/own.egg-info",
            ".git",
            "own/.git",
            "own/__pycache__",
        ];
        for name in kept.iter().chain(&left_out) {
            std::fs::create_dir_all(from.join(name)).unwrap();
            std::fs::write(from.join(name).join("a.py"), "").unwrap();
        }
        copy(&from, &to).unwrap();
        assert!(kept.iter().all(|name| to.join(name).join("a.py").is_file()));
        assert!(left_out.iter().all(|name| !to.join(name).exists()));
    }

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
