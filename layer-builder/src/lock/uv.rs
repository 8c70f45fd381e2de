//! uv: found on PATH or installed once into the cache, and driven. Everything that resolves or builds is its work.
//!
//! The user's own configuration of uv counts. What strangers' build backends may see is cut down here.

mod environment;
mod install;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::str::FromStr;

use pep508_rs::PackageName;
use pep508_rs::pep440_rs::Version;
use thiserror::Error;

use install::OURS;

use super::files::FileIndex;
use crate::cache::{self, Cache};
use crate::target::{PythonVersion, Target};
use crate::ui::Ui;

/// The oldest version that was seen to work here.
const OLDEST: &str = "0.9.0";

/// What uv warns of where only another Python is there than the one it resolves for: any will do for what it needs one
/// for here.
const ANY_PYTHON: &str = "will be used to build dependencies instead";

/// A uv that works.
#[derive(Debug)]
pub struct Uv {
    program: PathBuf,
    version: String,
    python_is_there: bool,
    exchange: PathBuf,
}

/// Which versions a new lock takes where the old one has a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// Those of the old lock, as far as they still serve.
    Nothing,
    /// The newest of these, those of the old lock for the others.
    Packages(Vec<PackageName>),
    /// The newest.
    Everything,
}

/// Whether the network may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// It may.
    Allowed,
    /// `--offline`.
    Forbidden,
}

/// What is to be resolved.
#[derive(Debug)]
pub struct Resolve<'a> {
    /// Where uv looks for its project configuration.
    pub folder: &'a Path,
    /// What the result is for, as it is to stand in the `via` comments.
    pub origin: &'a str,
    /// Requirements, one a line.
    pub requirements: &'a str,
    /// The lock as it is, whose versions are preferred.
    pub old: Option<&'a str>,
    /// What may be newer.
    pub upgrade: &'a Upgrade,
    /// The oldest Python that has to be served.
    pub oldest_python: &'a str,
    /// One version of each package, even if a newer one would serve the newer Pythons.
    pub fewest_versions: bool,
    /// What versions have to be, one a line.
    pub constraints: &'a str,
    /// Packages that are left out, one a line.
    pub excludes: &'a str,
    /// Packages that are resolved, but have no line in the result.
    pub not_emitted: &'a [&'a str],
}

/// What uv has resolved.
#[derive(Debug)]
pub struct Resolved {
    /// The text of a lock, without a header.
    pub text: String,
    /// What uv warns of.
    pub warnings: Vec<String>,
}

/// Why uv could not help.
#[derive(Debug, Error)]
pub enum Error {
    /// There is none, and no way to get one.
    #[error("found neither uv {OLDEST} or newer nor a Python with pip to install it")]
    NotFound {
        /// What was tried.
        tried: String,
    },
    /// There is none here, and the network may not be asked for one.
    #[error("found no uv {OLDEST} or newer on this machine")]
    NotHere,
    /// pip did not install it.
    #[error("failed to install uv {OURS} with pip:\n{output}")]
    Install {
        /// What pip said.
        output: String,
    },
    /// uv did not start, or did not do it.
    #[error("uv failed to {what}:\n{output}")]
    Failed {
        /// What it was to do.
        what: String,
        /// What uv said.
        output: String,
    },
    /// A file between us and uv.
    #[error("failed to pass `{}` to uv", path.display())]
    Exchange {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It said something that we do not understand.
    #[error("failed to read what uv says about where the files of `{}` lie", lock.display())]
    Locations {
        /// The lock that was asked about.
        lock: PathBuf,
        /// Why.
        source: super::files::Error,
    },
    /// The cache is of no use.
    #[error(transparent)]
    Cache(#[from] cache::Error),
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotHere => Some("run this once without `--offline`, which installs one".to_owned()),
            Self::NotFound { tried } => Some(format!(
                "install uv and have it on PATH, or a Python 3 with pip; what was tried: {tried}"
            )),
            Self::Failed { output, .. } if output.contains("No interpreter found") => Some(
                "uv needs a Python, any version: install one, or let `uv python install` do it".to_owned(),
            ),
            Self::Install { output } | Self::Failed { output, .. } if is_network_trouble(output) => Some(
                "this needs the network; with a fresh lock and a full cache `--offline` does without"
                    .to_owned(),
            ),
            Self::Cache(error) => Some(error.hint()),
            _ => None,
        }
    }
}

fn is_network_trouble(output: &str) -> bool {
    ["dns error", "error sending request", "Failed to fetch", "Could not connect", "NewConnectionError"]
        .iter()
        .any(|sign| output.contains(sign))
}

impl Uv {
    /// The uv on PATH if it is new enough, else our own, which pip installs once into the cache.
    pub fn find(cache: &Cache, network: Network, ui: &Ui) -> Result<Self, Error> {
        let mut tried = String::new();
        match version_of(Path::new("uv")) {
            Some(version) if is_new_enough(&version) => {
                return Ok(Self::new("uv".into(), version, cache, ui));
            }
            Some(version) => _ = write!(tried, "uv {version} on PATH is older than {OLDEST}, "),
            None => tried.push_str("no uv on PATH, "),
        }
        let home = cache.uv(OURS);
        let program = home.join("bin").join(format!("uv{}", std::env::consts::EXE_SUFFIX));
        if let Some(version) = version_of(&program) {
            return Ok(Self::new(program, version, cache, ui));
        }
        if network == Network::Forbidden {
            return Err(Error::NotHere);
        }
        install::with_pip(cache, &home, ui, &mut tried)?;
        match version_of(&program) {
            Some(version) => Ok(Self::new(program, version, cache, ui)),
            None => Err(Error::Install { output: format!("`{}` does not run", program.display()) }),
        }
    }

    fn new(program: PathBuf, version: String, cache: &Cache, ui: &Ui) -> Self {
        ui.detail("Using", format!("uv {version} ({})", program.display()));
        let mut find = Command::new(&program);
        find.args(["python", "find", "--quiet", "--no-python-downloads"]);
        let python_is_there = quietly(&mut find).is_ok_and(|output| output.status.success());
        Self { program, version, python_is_there, exchange: cache.folder().to_path_buf() }
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// A uv to be given its arguments.
    pub fn command(&self) -> Command {
        Command::new(&self.program)
    }

    /// Resolves for all platforms and for all Python versions from the oldest one on; the answer is a lock's text.
    pub fn resolve(&self, resolve: &Resolve<'_>) -> Result<Resolved, Error> {
        let exchange = Exchange::below(&self.exchange)?;
        let input = exchange.write("requirements.in", resolve.requirements)?;
        let output = match resolve.old {
            Some(old) => exchange.write("requirements.txt", old)?,
            None => exchange.path("requirements.txt"),
        };
        let mut command = self.working(resolve.folder);
        command.args(["pip", "compile", "--universal", "--generate-hashes", "--no-header"]);
        command.args([
            "--no-emit-index-url",
            "--no-emit-find-links",
            "--python-version",
            resolve.oldest_python,
        ]);
        narrow(&mut command, &exchange, resolve)?;
        if resolve.fewest_versions {
            command.args(["--fork-strategy", "fewest"]);
        }
        match resolve.upgrade {
            Upgrade::Nothing => {}
            Upgrade::Everything => _ = command.arg("--upgrade"),
            Upgrade::Packages(names) => {
                for name in names {
                    command.args(["--upgrade-package", name.as_ref()]);
                }
            }
        }
        command.arg("--output-file").arg(&output).arg(&input);
        let warnings = run(&mut command, &format!("resolve the requirements of {}", resolve.origin))?;
        let text = read(&output)?.replace(&format!("-r {}", input.display()), resolve.origin);
        // Files that are asked for by name lie below the folder, wherever that is.
        let text = text.replace(&format!("-r {}/", resolve.folder.display()), "-r ");
        Ok(Resolved { text, warnings })
    }

    /// The version of `name` that a resolution for one target alone takes, if only its wheels count; `None` if that
    /// target does not need it. The error is uv's, where there is no such version.
    pub fn version_for(
        &self,
        resolve: &Resolve<'_>,
        target: Target,
        name: &PackageName,
    ) -> Result<Option<String>, Error> {
        let exchange = Exchange::below(&self.exchange)?;
        let input = exchange.write("requirements.in", resolve.requirements)?;
        let output = exchange.path("requirements.txt");
        let mut command = self.working(resolve.folder);
        command.args(["pip", "compile", "--no-header", "--no-annotate", "--no-emit-index-url"]);
        command.args([
            "--python-version",
            &target.python.to_string(),
            "--python-platform",
            &platform(target),
        ]);
        command.args(["--only-binary", name.as_ref()]);
        narrow(&mut command, &exchange, resolve)?;
        command.arg("--output-file").arg(&output).arg(&input);
        run(&mut command, &format!("find a version of `{name}` for {target}"))?;
        let text = read(&output)?;
        let version = text.lines().find_map(|line| line.strip_prefix(name.as_ref())?.strip_prefix("=="));
        Ok(version.map(|version| version.split_whitespace().next().unwrap_or_default().to_owned()))
    }

    /// Asks where the files of the lock lie. `folder` is where uv looks for its project configuration.
    pub fn locate(
        &self,
        folder: &Path,
        lock: &Path,
        oldest_python: PythonVersion,
    ) -> Result<FileIndex, Error> {
        let exchange = Exchange::below(&self.exchange)?;
        let output = exchange.path("pylock.toml");
        let mut command = self.working(folder);
        command.args(["pip", "compile", "--universal", "--no-deps", "--no-header"]);
        command.args(["--format", "pylock.toml", "--python-version", &oldest_python.to_string()]);
        command.arg("--output-file").arg(&output).arg(lock);
        run(&mut command, &format!("find the files of `{}`", lock.display()))?;
        let text = read(&output)?;
        FileIndex::from_pylock(&text).map_err(|source| Error::Locations { lock: lock.to_path_buf(), source })
    }

    /// Builds the source distribution at `sdist` into a wheel in `out`, with the pinned and hashed tools of
    /// `constraints` and nothing else.
    ///
    /// The backend is a stranger's code: of the environment it sees what it needs, and the same umask, clock and
    /// language everywhere.
    pub fn build_wheel(
        &self,
        folder: &Path,
        sdist: &Path,
        constraints: &Path,
        out: &Path,
        network: Network,
    ) -> Result<(), Error> {
        let mut command = with_fixed_umask(&self.program);
        self.prepare(&mut command, folder);
        command.env_clear();
        command.envs(std::env::vars_os().filter(|(name, _)| environment::is_for_builds(name)));
        self.settle(&mut command);
        command.args(["build", "--wheel", "--require-hashes", "--build-constraints"]);
        command.arg(constraints).arg("--out-dir").arg(out);
        if network == Network::Forbidden {
            command.arg("--offline");
        }
        command.arg(sdist);
        // 1980-01-01, the oldest time that a zip can hold.
        command.env("SOURCE_DATE_EPOCH", "315532800").env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
        // Tools leave lock files where temporary files are.
        command.env("PYTHONHASHSEED", "0").env("TMPDIR", out);
        let name = sdist.file_name().unwrap_or_default().to_string_lossy().into_owned();
        run(&mut command, &format!("build `{name}`")).map(drop)
    }

    /// uv at work for us in `folder`.
    fn working(&self, folder: &Path) -> Command {
        let mut command = self.command();
        self.prepare(&mut command, folder);
        command
    }

    fn prepare(&self, command: &mut Command, folder: &Path) {
        // An empty path is the current folder, but not one that a process can be started in.
        command.current_dir(if folder == Path::new("") { Path::new(".") } else { folder });
        for (name, _) in std::env::vars_os() {
            if environment::is_not_for_uv(&name) {
                command.env_remove(&name);
            }
        }
        self.settle(command);
        command.stdin(Stdio::null());
    }

    fn settle(&self, command: &mut Command) {
        if self.python_is_there {
            command.env("UV_PYTHON_DOWNLOADS", "never");
        }
        // Like our own downloads: the certificates of the system. Older versions know the second name.
        for name in ["UV_SYSTEM_CERTS", "UV_NATIVE_TLS"] {
            if std::env::var_os(name).is_none() {
                command.env(name, "1");
            }
        }
        command.env("UV_NO_PROGRESS", "1");
    }
}

/// What uv calls the platform of a target: it knows no manylinux between 2.17 and 2.28.
fn platform(target: Target) -> String {
    let known = [17, 28].into_iter().chain(31..=40);
    let newest = known.filter(|minor| *minor <= target.glibc_minor).max().unwrap_or(17);
    format!("{}-manylinux_2_{newest}", target.architecture.machine())
}

/// Adds what limits a resolution.
fn narrow(command: &mut Command, exchange: &Exchange, resolve: &Resolve<'_>) -> Result<(), Error> {
    if !resolve.constraints.is_empty() {
        command.arg("--constraints").arg(exchange.write("constraints.txt", resolve.constraints)?);
    }
    if !resolve.excludes.is_empty() {
        command.arg("--excludes").arg(exchange.write("excludes.txt", resolve.excludes)?);
    }
    for name in resolve.not_emitted {
        command.args(["--no-emit-package", name]);
    }
    Ok(())
}

/// A program that starts with umask 022, whatever ours is.
fn with_fixed_umask(program: &Path) -> Command {
    if cfg!(unix) {
        let mut command = Command::new("sh");
        command.args(["-c", r#"umask 022 && exec "$0" "$@""#]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

/// Files between us and uv, gone when they are no longer needed.
struct Exchange {
    folder: tempfile::TempDir,
}

impl Exchange {
    /// In the cache, where what killed processes leave behind is swept.
    fn below(cache: &Path) -> Result<Self, Error> {
        let folder = Cache::at(cache).new_folder()?;
        Ok(Self { folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.path(name);
        std::fs::write(&path, text).map_err(|source| Error::Exchange { path: path.clone(), source })?;
        Ok(path)
    }
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Exchange { path: path.to_path_buf(), source })
}

/// Runs uv to its end; gives its warnings.
fn run(command: &mut Command, what: &str) -> Result<Vec<String>, Error> {
    let failed = |output: String| Error::Failed { what: what.to_owned(), output };
    let output = quietly(command).map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(said(&output)));
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let warnings = stderr.lines().filter_map(|line| line.strip_prefix("warning: "));
    Ok(warnings.filter(|warning| !warning.contains(ANY_PYTHON)).map(str::to_owned).collect())
}

fn quietly(command: &mut Command) -> std::io::Result<Output> {
    command.stdin(Stdio::null()).output()
}

/// What a program said, indented, for an error of ours.
fn said(output: &Output) -> String {
    let text = [&output.stderr[..], &output.stdout[..]].map(String::from_utf8_lossy).concat();
    let lines: Vec<String> = text
        .trim()
        .lines()
        .filter(|line| !line.contains(ANY_PYTHON))
        .map(|line| format!("  {line}"))
        .collect();
    if lines.is_empty() { format!("  {}", output.status) } else { lines.join("\n") }
}

fn version_of(program: &Path) -> Option<String> {
    let output =
        quietly(Command::new(program).arg("--version")).ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.strip_prefix("uv ")?.split_whitespace().next()?.to_owned())
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
