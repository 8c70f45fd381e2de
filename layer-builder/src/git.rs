//! Git, away from the repository that we are started in: a hook of that one names it in the environment.

use std::path::Path;
use std::process::{Command, Stdio};

/// What names a repository, or belongs to one: most of what `git rev-parse --local-env-vars` lists. Settings like
/// `GIT_CONFIG_COUNT` are left alone, for they may be how the user gets into a repository.
pub(crate) const OF_A_REPOSITORY: [&str; 14] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// A git for the repository in `folder` and no other one. It asks nobody for a password.
pub(crate) fn git_in(folder: &Path) -> Command {
    let mut git = Command::new("git");
    for name in OF_A_REPOSITORY {
        git.env_remove(name);
    }
    git.current_dir(folder).env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null());
    git
}
