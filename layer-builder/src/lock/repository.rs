//! What a lock may name as a git repository, and as a folder of one. A lock is a stranger's text, and git takes more
//! than addresses: options, and helpers that are programs. Nothing is looked up here.

use std::path::{Component, Path};

use super::Commit;
use crate::indexes::without_userinfo;

/// The ways to a repository that run nothing but git and ssh.
const SCHEMES: [&str; 5] = ["https", "ssh", "git", "http", "file"];

/// What is wrong with the place of this commit, to be read after `comes from`; `None` if nothing is.
pub(super) fn mistake(commit: &Commit) -> Option<String> {
    if !is_repository(&commit.url) {
        return Some(format!(
            "`{}`, which is no address of a repository: expected one like `https://…`, `ssh://…` or `git@host:path`, \
             or an absolute path",
            without_userinfo(&commit.url)
        ));
    }
    let subdirectory = commit.subdirectory.as_ref().filter(|subdirectory| !is_inside(subdirectory))?;
    Some(format!("`{subdirectory}`, which is no folder inside of its repository"))
}

fn is_repository(url: &str) -> bool {
    if let Some((scheme, rest)) = url.split_once("://") {
        return SCHEMES.contains(&scheme) && !rest.is_empty();
    }
    // `host:path`; two colons would name a helper.
    let is_for_ssh = url.split_once(':').is_some_and(|(host, path)| {
        !host.is_empty() && !host.starts_with('-') && !host.contains('/') && !path.starts_with(':')
    });
    is_for_ssh || Path::new(url).is_absolute()
}

fn is_inside(subdirectory: &str) -> bool {
    let mut parts = Path::new(subdirectory).components();
    parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_options_and_helpers() {
        for url in [
            "https://example.com/a.git",
            "ssh://git@example.com/a.git",
            "git://example.com/a",
            "http://127.0.0.1:81/a",
            "file:///a/b",
            "git@example.com:a.git",
            "example.com:a/b:c",
            #[cfg(unix)]
            "/a/b",
        ] {
            assert!(is_repository(url), "{url}");
        }
        for url in [
            "",
            "--upload-pack=touch x",
            "--upload-pack=touch https://example.com/a",
            "-oProxyCommand=x:a",
            "ext::sh -c x",
            "ext::sh -c x://y",
            "ext://x",
            "https://",
            ":a",
            "a/b",
            "a/b:c",
            "../a",
            "origin",
        ] {
            assert!(!is_repository(url), "{url}");
        }
    }

    #[test]
    fn folders_lie_inside_of_their_repository() {
        for subdirectory in ["a", "a/b", "./a", "..a/b"] {
            assert!(is_inside(subdirectory), "{subdirectory}");
        }
        for subdirectory in ["..", "../a", "a/../../b", "/a", "a/.."] {
            assert!(!is_inside(subdirectory), "{subdirectory}");
        }
    }
}
