//! Python programs that serve or judge: each in an environment of its own, made by uv from a lock with hashes, once.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::command::{binary, clean};

/// The last file that is written into an environment.
const DONE: &str = "installed";

/// An environment with a program in it.
#[derive(Clone, Debug)]
pub struct Tool {
    folder: PathBuf,
}

impl Tool {
    /// The environment of `requirements.<name>.txt`. It is made if it is not there, and again if the lock changes.
    pub fn install(name: &str) -> Result<Self> {
        let (folder, lock) = environment(name)?;
        let home = self::folder();
        std::fs::create_dir_all(&home).with_context(|| format!("failed to make `{}`", home.display()))?;
        let done = folder.join(DONE);
        // Several test processes may come here at the same time.
        let guard = File::create(home.join(format!("{name}.lock"))).context("failed to make a lock file")?;
        guard.lock().context("failed to wait for another test")?;
        if !done.is_file() {
            install(&folder, &lock).with_context(|| format!("failed to install `{name}`"))?;
            File::create(&done).context("failed to mark an installation as done")?;
        }
        Ok(Self { folder })
    }

    /// Whether [`Self::install`] has nothing to do. What it does takes seconds, and a network.
    pub fn is_installed(name: &str) -> bool {
        environment(name).is_ok_and(|(folder, _)| folder.join(DONE).is_file())
    }

    /// A program of the environment, with nothing of ours around it.
    pub fn command(&self, program: &str) -> Command {
        let folder = if cfg!(windows) { "Scripts" } else { "bin" };
        clean(self.folder.join(folder).join(program))
    }
}

/// Where they are installed: in cargo's target folder, so that they stay, and go with `cargo clean`.
pub fn folder() -> PathBuf {
    target().join("tools")
}

/// Where the environment of this name lies, which depends on what is in its lock; and the lock.
fn environment(name: &str) -> Result<(PathBuf, PathBuf)> {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("requirements.{name}.txt"));
    let text = std::fs::read(&lock).with_context(|| format!("failed to read `{}`", lock.display()))?;
    let hash = Sha256::digest(&text).iter().take(8).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
    Ok((folder().join(format!("{name}-{}", hash.concat())), lock))
}

fn install(folder: &Path, lock: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).context("failed to remove what was left unfinished")?;
    }
    run(uv().args(["venv", "--quiet", "--no-python-downloads", "--no-project"]).arg(folder))?;
    run(uv()
        .args([
            "pip",
            "install",
            "--quiet",
            "--no-python-downloads",
            "--require-hashes",
            "--no-deps",
            "--python",
        ])
        .arg(folder)
        .arg("--requirements")
        .arg(lock))
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("failed to start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// Cargo's target folder: it may hold what takes long to make. Cargo marks it, unless somebody else has made it.
fn target() -> PathBuf {
    let here = std::env::current_exe().unwrap_or_default();
    let is_marked = |folder: &&Path| folder.join("CACHEDIR.TAG").is_file();
    let above_binaries =
        || binary("xtask").ancestors().nth(2).map_or_else(std::env::temp_dir, Path::to_path_buf);
    here.ancestors().find(is_marked).map_or_else(above_binaries, Path::to_path_buf)
}

/// The uv that locks and builds use: the one on PATH, or the builder's own.
fn uv() -> Command {
    let mut command = clean(binary("layer-builder"));
    command.args(["uv", "--"]);
    command
}
