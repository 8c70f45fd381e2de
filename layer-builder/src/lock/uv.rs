//! uv: found on PATH or installed once into the cache, and driven. Everything that resolves or builds is its work.
//!
//! The user's own configuration of uv counts. What strangers' build backends may see is cut down here.

mod environment;
mod error;
mod find;
mod install;
mod netrc;
mod python;
mod run;
mod store;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pep508_rs::PackageName;

use python::Python;
use run::{Exchange, read, run, with_fixed_umask};

pub use error::Error;
pub use store::stored_credentials;

use super::files::FileIndex;
use crate::indexes::Indexes;
use crate::target::{PythonVersion, Target};

/// What uv warns of where only another Python is there than the one it resolves for: any will do for what it needs one
/// for here.
const ANY_PYTHON: &str = "will be used to build dependencies instead";

/// A uv that works.
#[derive(Clone, Debug)]
pub struct Uv {
    program: PathBuf,
    version: String,
    python: Python,
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
    /// What uv does not find there.
    pub indexes: &'a Indexes,
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

/// What is to become a wheel.
#[derive(Clone, Copy, Debug)]
pub struct WheelBuild<'a> {
    /// A source distribution, or the folder of a project.
    pub source: &'a Path,
    /// What it is called in messages.
    pub name: &'a str,
    /// What pins its tools.
    pub constraints: &'a Path,
    /// Which Python builds it, if not any.
    pub python: Option<&'a Path>,
    /// Where the wheel goes, and whatever its backend leaves behind.
    pub out: &'a Path,
}

/// What uv has resolved.
#[derive(Debug)]
pub struct Resolved {
    /// The text of a lock, without a header.
    pub text: String,
    /// What uv warns of.
    pub warnings: Vec<String>,
}

impl Uv {
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
        let mut command = self.working(resolve.folder, resolve.indexes, &exchange)?;
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
        let secrets = &resolve.indexes.handed().secrets;
        let warnings =
            run(&mut command, &format!("resolve the requirements of {}", resolve.origin), secrets)?;
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
        let mut command = self.working(resolve.folder, resolve.indexes, &exchange)?;
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
        let secrets = &resolve.indexes.handed().secrets;
        run(&mut command, &format!("find a version of `{name}` for {target}"), secrets)?;
        let text = read(&output)?;
        let version = text.lines().find_map(|line| line.strip_prefix(name.as_ref())?.strip_prefix("=="));
        Ok(version.map(|version| version.split_whitespace().next().unwrap_or_default().to_owned()))
    }

    /// Asks where the files of the lock with this text lie. `folder` is where uv looks for its project configuration.
    pub fn locate(
        &self,
        folder: &Path,
        indexes: &Indexes,
        lock: (&Path, &str),
        oldest_python: PythonVersion,
    ) -> Result<FileIndex, Error> {
        let (path, text) = lock;
        let exchange = Exchange::below(&self.exchange)?;
        let options = indexes.options().iter().map(|option| format!("{option}\n")).collect::<String>();
        let input = exchange.write("requirements.txt", &format!("{options}{text}"))?;
        let output = exchange.path("pylock.toml");
        let mut command = self.working(folder, indexes, &exchange)?;
        command.args(["pip", "compile", "--universal", "--no-deps", "--no-header"]);
        command.args(["--format", "pylock.toml", "--python-version", &oldest_python.to_string()]);
        command.args(&indexes.handed().arguments);
        command.arg("--output-file").arg(&output).arg(&input);
        let what = format!("find the files of `{}`", path.display());
        run(&mut command, &what, &indexes.handed().secrets)?;
        let text = read(&output)?;
        FileIndex::from_pylock(&text).map_err(|source| Error::Locations { lock: path.to_path_buf(), source })
    }

    /// Builds a source into a wheel, with the pinned and hashed tools that its constraints name and nothing else.
    ///
    /// The backend is a stranger's code: of the environment it sees what it needs, and the same umask, clock and
    /// language everywhere.
    pub fn build_wheel(
        &self,
        folder: &Path,
        indexes: &Indexes,
        build: &WheelBuild<'_>,
        network: Network,
    ) -> Result<(), Error> {
        let exchange = Exchange::below(&self.exchange)?;
        let mut command = with_fixed_umask(&self.program);
        self.prepare(&mut command, folder, indexes, &exchange)?;
        command.env_clear();
        command.envs(std::env::vars_os().filter(|(name, _)| environment::is_for_builds(name)));
        self.settle(&mut command, indexes, &exchange)?;
        command.args(["build", "--wheel", "--require-hashes", "--build-constraints"]);
        command.arg(build.constraints).arg("--out-dir").arg(build.out).args(&indexes.handed().arguments);
        if network == Network::Forbidden {
            command.arg("--offline");
        }
        if let Some(python) = build.python {
            command.arg("--python").arg(python);
        }
        command.arg(build.source);
        // 1980-01-01, the oldest time that a zip can hold.
        command.env("SOURCE_DATE_EPOCH", "315532800").env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
        // Tools leave lock files where temporary files are.
        command.env("PYTHONHASHSEED", "0").env("TMPDIR", build.out);
        if cfg!(target_os = "linux") {
            // What debuggers are told names the folders of headers, and uv gives those of build tools random names.
            command.env("LDFLAGS", "-Wl,--strip-debug");
        }
        run(&mut command, &format!("build `{}`", build.name), &indexes.handed().secrets).map(drop)
    }

    /// A Python that it finds, if there is one, and the user has named none.
    pub fn python(&self) -> Option<&Path> {
        self.python.unless_named()
    }

    /// uv at work for us in `folder`.
    fn working(&self, folder: &Path, indexes: &Indexes, exchange: &Exchange) -> Result<Command, Error> {
        let mut command = self.command();
        self.prepare(&mut command, folder, indexes, exchange)?;
        Ok(command)
    }

    fn prepare(
        &self,
        command: &mut Command,
        folder: &Path,
        indexes: &Indexes,
        exchange: &Exchange,
    ) -> Result<(), Error> {
        // An empty path is the current folder, but not one that a process can be started in.
        command.current_dir(if folder == Path::new("") { Path::new(".") } else { folder });
        for (name, _) in std::env::vars_os() {
            if environment::is_not_for_uv(&name) {
                command.env_remove(&name);
            }
        }
        command.stdin(Stdio::null());
        self.settle(command, indexes, exchange)
    }

    fn settle(&self, command: &mut Command, indexes: &Indexes, exchange: &Exchange) -> Result<(), Error> {
        self.python.hand(command);
        // Like our own downloads: the certificates of the system. Older versions know the second name.
        for name in ["UV_SYSTEM_CERTS", "UV_NATIVE_TLS"] {
            if std::env::var_os(name).is_none() {
                command.env(name, "1");
            }
        }
        command.env("UV_NO_PROGRESS", "1");
        command.envs(&indexes.handed().variables);
        if let Some(path) = netrc::write(exchange, &indexes.handed().logins)? {
            command.env("NETRC", path);
        }
        Ok(())
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
    command.args(&resolve.indexes.handed().arguments);
    for name in resolve.not_emitted {
        command.args(["--no-emit-package", name]);
    }
    Ok(())
}
