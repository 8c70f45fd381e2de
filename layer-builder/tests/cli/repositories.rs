//! Layers of a commit of a repository: with the real git, a uv that is played here, and no backend.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tests::command::{Outcome, clean, run};
use tests::wheels::wheel;

use crate::world::World;

fn git(folder: &Path, arguments: &[&str]) -> String {
    std::fs::create_dir_all(folder).unwrap();
    let mut command = clean("git");
    command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.args(["-c", "user.name=tests", "-c", "user.email=tests@localhost", "-c", "commit.gpgsign=false"]);
    run(command.args(["-c", "protocol.file.allow=always"]).args(arguments)).expect_code(0).stdout
}

/// A repository with these files, in one commit.
fn repository(folder: &Path, files: &[(&str, &str)]) {
    git(folder, &["init", "-q", "-b", "main"]);
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    git(folder, &["add", "."]);
    git(folder, &["commit", "-qm", "first"]);
}

/// A layer of the newest commit of the repository in `own`.
struct OfCommit {
    world: World,
}

impl OfCommit {
    fn new() -> Self {
        let layer = Self { world: World::new(&[wheel("alpha", "1.0", &[])]) };
        let own = wheel("own", "1.0", &[]);
        std::fs::write(layer.world.path(&own.file_name), &own.bytes).unwrap();
        repository(&layer.world.path("own"), &[("pyproject.toml", "[project]\nname = \"own\"\n")]);
        layer.play_uv();
        layer.lock();
        layer
    }

    /// Locks the newest commit.
    fn lock(&self) {
        let own = self.world.path("own");
        let commit = git(&own, &["rev-parse", "HEAD"]);
        let lock = format!(
            "lock-version = \"1.0\"\ncreated-by = \"somebody\"\n[[packages]]\nname = \"own\"\n\
             vcs = {{ type = \"git\", url = \"file://{}\", commit-id = \"{}\" }}\n",
            own.display(),
            commit.trim()
        );
        std::fs::write(self.world.path("pylock.toml"), lock).unwrap();
        let toml = "[layers.small]\nrequirements = [\"own\"]\npython = [\"3.12\"]\nlock = \"pylock.toml\"\n\
                    architectures = [\"x86_64\"]\n";
        std::fs::write(self.world.path("layers.toml"), toml).unwrap();
    }

    /// One that keeps what it was to build in `seen`, and works in no repository that somebody else has named.
    fn play_uv(&self) {
        let path = self.world.path("tools/uv");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let home = self.world.folder.path().display();
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && echo 'uv 0.9.0' && exit\n\
             [ -z \"$GIT_DIR$GIT_INDEX_FILE$GIT_WORK_TREE\" ] || exit 3\ncase \"$1\" in\n\
             pip) while [ \"$1\" != --output-file ]; do shift; done; : > \"$2\" ;;\n\
             build) while [ \"$1\" != --out-dir ]; do shift; done; out=$2\n\
             while [ $# -gt 1 ]; do shift; done\n\
             rm -rf {home}/seen; cp -R \"$1\" {home}/seen; cp {home}/own-*.whl \"$out\" ;;\n\
             *) exit 2 ;;\nesac\n"
        );
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.world.path("tools")).chain(std::env::split_paths(&path));
        let mut command = self.world.command(arguments);
        command.env("PATH", std::env::join_paths(folders).unwrap());
        command
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        run(&mut self.command(arguments))
    }
}

#[test]
fn a_hook_of_the_users_repository_does_not_lead_git_into_it() {
    let layer = OfCommit::new();
    let users = layer.world.path("users");
    repository(&users, &[("theirs.py", "")]);
    let state = || {
        let said = ["status --porcelain", "rev-parse HEAD", "branch --show-current", "count-objects"];
        said.map(|words| git(&users, &words.split(' ').collect::<Vec<_>>()))
    };
    let before = state();
    let mut command = layer.command(&["build"]);
    command.env("GIT_DIR", users.join(".git")).env("GIT_WORK_TREE", &users);
    command.env("GIT_INDEX_FILE", users.join(".git/index")).env("GIT_PREFIX", "");
    let outcome = run(&mut command);
    assert_eq!(state(), before, "{}", outcome.stderr);
    let _ = outcome.expect_code(0);
    assert!(layer.world.path("seen/pyproject.toml").is_file());
}

/// Also where its commit is not the newest of its branch, and where it has one in turn.
#[test]
fn submodules_are_a_part_of_what_is_built() {
    let layer = OfCommit::new();
    let (own, lib, deep) = (layer.world.path("own"), layer.world.path("lib"), layer.world.path("deep"));
    // Git refuses files for submodules, unless it is told otherwise.
    std::fs::write(layer.world.path(".gitconfig"), "[protocol \"file\"]\nallow = always\n").unwrap();
    repository(&deep, &[("deep.py", "")]);
    repository(&lib, &[("lib.py", "")]);
    git(&lib, &["submodule", "--quiet", "add", &deep.display().to_string(), "deep"]);
    git(&lib, &["commit", "-qm", "deep"]);
    // The address begins at that of the repository, which is not where it was cloned to.
    std::fs::write(own.join(".gitmodules"), "[submodule \"lib\"]\npath = lib\nurl = ../lib\n").unwrap();
    let commit = git(&lib, &["rev-parse", "HEAD"]);
    git(&own, &["update-index", "--add", "--cacheinfo", &format!("160000,{},lib", commit.trim())]);
    git(&own, &["add", ".gitmodules"]);
    git(&own, &["commit", "-qm", "lib"]);
    git(&lib, &["commit", "--allow-empty", "-qm", "later"]);
    layer.lock();
    let outcome = layer.run(&["build"]).expect_code(0);
    for name in ["seen/lib/lib.py", "seen/lib/deep/deep.py"] {
        assert!(layer.world.path(name).is_file(), "{name}\n{}", outcome.stderr);
    }

    std::fs::remove_dir_all(&lib).unwrap();
    std::fs::remove_dir_all(layer.world.path("cache/built")).unwrap();
    layer.world.forget_artifacts();
    let outcome = layer.run(&["build"]).expect_code(1);
    assert!(outcome.stderr.contains("failed to get the source of `own at "), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("lib"), "{}", outcome.stderr);
}

#[test]
fn offline_no_repository_is_asked() {
    let layer = OfCommit::new();
    let _ = layer.run(&["build"]).expect_code(0);
    layer.world.forget_artifacts();
    let _ = layer.run(&["build", "--offline"]).expect_code(0);
    layer.world.forget_artifacts();
    std::fs::remove_dir_all(layer.world.path("cache/built")).unwrap();
    std::fs::remove_dir_all(layer.world.path("seen")).unwrap();
    let outcome = layer.run(&["build", "--offline"]).expect_code(1);
    assert!(outcome.stderr.contains("the cache has no wheel of `own at "), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint: run this once without `--offline`"), "{}", outcome.stderr);
    assert!(!layer.world.path("seen").exists());
}
