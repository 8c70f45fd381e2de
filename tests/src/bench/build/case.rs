//! A layer that is built for a bench: in a repository of its own, with a cache of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::command::{binary, clean, workspace};
use crate::tools;

/// A layer with its lock, and the cache that it is built from.
pub(super) struct Case {
    /// Its name in `layers.toml`.
    pub(super) layer: String,
    folder: TempDir,
}

impl Case {
    /// The layer that this repository builds.
    pub(super) fn sosw() -> Result<Self> {
        let files = ["layers.toml", "requirements.sosw.txt", "requirements.sosw.build.txt"];
        Self::of("sosw", &workspace(), &files)
    }

    /// One near the limits of Lambda.
    pub(super) fn large() -> Result<Self> {
        let folder = workspace().join("tests/layers/large");
        Self::of("large", &folder, &["layers.toml", "requirements.large.txt"])
    }

    fn of(layer: &str, from: &Path, files: &[&str]) -> Result<Self> {
        let case = Self::empty(layer)?;
        for name in files {
            std::fs::copy(from.join(name), case.path(name))
                .with_context(|| format!("failed to copy `{name}`"))?;
        }
        case.commit()?;
        Ok(case)
    }

    /// Nothing yet.
    pub(super) fn empty(layer: &str) -> Result<Self> {
        let folder = TempDir::new().context("failed to make a temporary folder")?;
        std::fs::write(folder.path().join(".gitignore"), "/cache/\n/target/\n")
            .context("failed to write a file")?;
        Ok(Self { layer: layer.to_owned(), folder })
    }

    /// A layer lies in a repository, and a build asks git about it: so it does here.
    pub(super) fn commit(&self) -> Result<()> {
        for arguments in [&["init", "-q"][..], &["add", "."], &["commit", "-qm", "a layer"]] {
            let mut git = clean("git");
            git.current_dir(self.folder()).env("GIT_CONFIG_GLOBAL", "/dev/null");
            git.args([
                "-c",
                "user.name=bench",
                "-c",
                "user.email=bench@localhost",
                "-c",
                "commit.gpgsign=false",
            ]);
            succeed(git.args(arguments))?;
        }
        Ok(())
    }

    /// Where it lies.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file of it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The lock.
    pub(super) fn lock(&self) -> PathBuf {
        self.path(&format!("requirements.{}.txt", self.layer))
    }

    /// The zip, once it is built.
    pub(super) fn zip(&self) -> PathBuf {
        self.path(&format!("target/layers/{}.zip", self.layer))
    }

    /// Builds it once, so that all is there.
    pub(super) fn fill_cache(&self) -> Result<()> {
        succeed(with_uv(&mut self.build())?)
    }

    /// The builder as `cargo xtask build-layer --quiet --locked` starts it.
    pub(super) fn build(&self) -> Command {
        self.builder_by(clean(binary("layer-builder")))
    }

    /// The same, started by another program.
    pub(super) fn build_by(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = clean(program);
        command.args(arguments).arg(binary("layer-builder"));
        self.builder_by(command)
    }

    fn builder_by(&self, mut command: Command) -> Command {
        command.args(["build", "--quiet", "--locked"]).current_dir(self.folder());
        command.env("XTASK_CALLED_AS", "cargo xtask build-layer");
        command.env("LAYER_BUILDER_CACHE_DIR", self.path("cache"));
        command
    }

    /// Removes what was built.
    pub(super) fn forget(&self) {
        let _ = std::fs::remove_dir_all(self.path("target"));
    }

    /// The wheels in its cache, those that were built here among them.
    pub(super) fn wheels(&self) -> Vec<PathBuf> {
        let mut wheels = Vec::new();
        for folder in ["cache/files", "cache/built"] {
            let folders = files_in(&self.path(folder));
            let files = folders.iter().flat_map(|folder| files_in(folder));
            wheels.extend(files.filter(|path| path.extension().is_some_and(|extension| extension == "whl")));
        }
        wheels.sort();
        wheels
    }

    /// The largest of the wheels, and all together, in bytes.
    pub(super) fn sizes(&self) -> (u64, u64) {
        let sizes: Vec<u64> = self.wheels().iter().map(|path| size_of(path)).collect();
        (sizes.iter().copied().max().unwrap_or(0), sizes.iter().sum())
    }
}

/// Has the uv on PATH that the builder would use: the user's, or one that is installed here, once.
pub(super) fn with_uv(command: &mut Command) -> Result<&mut Command> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&paths).collect();
    if !folders.iter().any(|folder| folder.join("uv").is_file()) {
        let cache = tools::folder().join("bench");
        let mut uv = clean(binary("layer-builder"));
        succeed(uv.args(["uv", "--", "--version"]).env("LAYER_BUILDER_CACHE_DIR", &cache))?;
        let installed = files_in(&cache.join("uv")).into_iter().map(|folder| folder.join("bin"));
        folders.insert(
            0,
            installed.into_iter().find(|folder| folder.join("uv").is_file()).context("found no uv")?,
        );
    }
    Ok(command.env("PATH", std::env::join_paths(folders).context("PATH has a strange folder")?))
}

/// In bytes; 0 if it is not there.
pub(super) fn size_of(path: &Path) -> u64 {
    path.metadata().map_or(0, |file| file.len())
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Runs a program to its end.
pub(super) fn succeed(command: &mut Command) -> Result<()> {
    let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.with_context(|| format!("failed to start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// The same, where there is nobody to hand an error to.
pub(super) fn run(command: &mut Command) {
    succeed(command).unwrap_or_else(|error| panic!("{error:#}"));
}
