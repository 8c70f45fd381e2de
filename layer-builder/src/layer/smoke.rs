//! The import test: the finished zip is unpacked and every top-level module imported, by an interpreter of each
//! target's version, as far as this machine has them.
//!
//! The interpreter sees the layer and the standard library, and nothing else of this machine.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use thiserror::Error;

use super::audit::{Finding, sites};
use crate::interpreter::Interpreter;
use crate::provided;
use crate::target::{PythonVersion, Target};
use crate::zip_reader::{self, ZipFile};

/// How long one import may take: what takes longer would be over Lambda's time for starting, too.
const LONGEST: Duration = Duration::from_mins(1);
/// Imports what it is given and says how each went; what modules print themselves goes elsewhere.
const PROGRAM: &str = include_str!("smoke.py");

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What was tried: which interpreter, how many modules.
    pub tried: Vec<String>,
    /// What was not, and why.
    pub not_tried: Vec<String>,
    /// What does not import.
    pub failures: Vec<Finding>,
}

/// Why nothing came of it.
#[derive(Debug, Error)]
pub enum Error {
    /// The zip cannot be read.
    #[error(transparent)]
    Zip(#[from] zip_reader::Error),
    /// It cannot be unpacked, or the interpreter not be run.
    #[error("failed to try the imports in `{}`", path.display())]
    Io {
        /// Where.
        path: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Imports what is in the zip at `path`, for each of `targets`.
pub fn smoke(path: &Path, targets: &[Target]) -> Result<Outcome, Error> {
    let zip = ZipFile::open(path)?;
    let mut outcome = Outcome::default();
    let is_native =
        zip.entries().iter().any(|entry| entry.path.ends_with(".so") || entry.path.contains(".so."));
    let can_run = |target: &&Target| {
        !is_native
            || target.architecture.machine() == std::env::consts::ARCH && std::env::consts::OS == "linux"
    };
    let (own, foreign): (Vec<&Target>, Vec<&Target>) = targets.iter().partition(can_run);
    let machine = std::env::consts::ARCH;
    outcome.not_tried.extend(foreign.iter().map(|target| format!("{target} (this machine is {machine})")));
    let pythons: BTreeSet<PythonVersion> = own.iter().map(|target| target.python).collect();

    let failed = |source| Error::Io { path: path.to_path_buf(), source };
    let folder = tempfile::tempdir().map_err(failed)?;
    let mut unpacked = false;
    for python in pythons {
        let Some(interpreter) = Interpreter::find(python) else {
            outcome.not_tried.push(format!("{} (found no CPython {python})", python.runtime()));
            continue;
        };
        if !std::mem::replace(&mut unpacked, true) {
            unpack(&zip, folder.path())?;
        }
        let Modules { tried: modules, plain } = Modules::of(&zip, python.minor());
        let count = modules.len();
        let tried = import_all(&interpreter, folder.path(), python, modules).map_err(failed)?;
        let failures = match tried {
            Ok(failures) => failures,
            Err(why) => {
                let version = &interpreter.version;
                outcome
                    .not_tried
                    .push(format!("{} (CPython {version} does not run: {why})", python.runtime()));
                continue;
            }
        };
        let fine = count - failures.len();
        outcome.tried.push(format!("{fine} of {count} modules import under CPython {}", interpreter.version));
        let mut lacking = BTreeMap::<&str, Vec<String>>::new();
        for (module, why) in failures {
            if let Some(package) = of_the_runtime(&why) {
                lacking.entry(package).or_default().push(module);
                continue;
            }
            let reason = format!("does not import under {}: {why}", python.runtime());
            let fix = "a package that it needs is missing, or does not work there";
            outcome.failures.push(Finding::error("import-fails", Some(&module), reason, fix));
        }
        outcome.not_tried.extend(lacking.iter().map(|(package, modules)| {
            let named = some_of(modules);
            format!("{named} under {} (imports {package}, which the runtime brings along)", python.runtime())
        }));
        if !plain.is_empty() {
            let (named, runtime) = (some_of(&plain), python.runtime());
            outcome.not_tried.push(format!("{named} under {runtime} (in folders without `__init__.py`)"));
        }
    }
    Ok(outcome)
}

/// The package of the runtime's own that an import misses here, if it is one.
fn of_the_runtime(why: &str) -> Option<&'static str> {
    let missing = why.strip_prefix("ModuleNotFoundError: No module named '")?.split(['.', '\'']).next()?;
    // `python-dateutil` is imported as `dateutil`.
    let module = |name: &'static str| name.strip_prefix("python-").unwrap_or(name);
    provided::NAMES.into_iter().map(module).find(|name| *name == missing)
}

/// The first few of some names.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown} and {} more", names.len() - SHOWN) } else { shown }
}

/// Unpacks everything below `folder`, as Lambda does below `/opt`.
pub(super) fn unpack(zip: &ZipFile, folder: &Path) -> Result<(), Error> {
    for entry in zip.entries() {
        let path = folder.join(&entry.path);
        let content = zip.content(entry)?;
        let write = || {
            std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
            let mut file = std::fs::File::create(&path)?;
            #[cfg(unix)]
            if entry.executable {
                file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
            }
            file.write_all(&content)
        };
        write().map_err(|source| Error::Io { path: path.clone(), source })?;
    }
    Ok(())
}

/// The modules that the layer gives to one version of Python.
struct Modules {
    /// Those at the top, and the packages inside of namespaces.
    tried: Vec<String>,
    /// Plain modules in folders that are no packages: some are examples and the like, which nobody imports.
    plain: Vec<String>,
}

impl Modules {
    fn of(zip: &ZipFile, minor: u8) -> Self {
        let mut files = BTreeSet::new();
        for site in sites(minor) {
            for entry in zip.entries() {
                if let Some(rest) = entry.path.strip_prefix(&site)
                    && !(site == "python/" && rest.starts_with("lib/python3."))
                {
                    files.insert(rest);
                }
            }
        }
        let (mut tried, mut plain) = (BTreeSet::new(), BTreeSet::new());
        for file in &files {
            let parts: Vec<&str> = file.split('/').collect();
            let (name, folders) = (parts[parts.len() - 1], &parts[..parts.len() - 1]);
            let Some(module) = module_of(name, minor) else { continue };
            let is_regular =
                |depth: usize| files.contains(format!("{}/__init__.py", folders[..depth].join("/")).as_str());
            if !folders.iter().all(|part| is_identifier(part)) {
                continue;
            }
            // The outermost package that is not a namespace.
            let outermost = (1..=folders.len()).find(|&depth| is_regular(depth));
            match outermost {
                Some(depth) => _ = tried.insert(folders[..depth].join(".")),
                None if module == "__main__" => {}
                None if folders.is_empty() => _ = tried.insert(module.to_owned()),
                None => _ = plain.insert(format!("{}.{module}", folders.join("."))),
            }
        }
        Self { tried: tried.into_iter().collect(), plain: plain.into_iter().collect() }
    }
}

/// `a` for `a.py`, `a.abi3.so` and `a.cpython-312-x86_64-linux-gnu.so`, if this Python would take it.
fn module_of(name: &str, minor: u8) -> Option<&str> {
    let (module, rest) = name.split_once('.')?;
    let own = format!("cpython-3{minor}-");
    let fits = matches!(rest, "py" | "so" | "abi3.so") || rest.starts_with(&own) && rest.ends_with(".so");
    (fits && is_identifier(module)).then_some(module)
}

fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|c| c.is_alphanumeric() || c == '_')
}

/// What does not import, and why; or why nothing could be tried.
type Tried = Result<Vec<(String, String)>, String>;

/// Imports one module after another in one process; whatever ends that process is left out of the next one.
fn import_all(
    interpreter: &Interpreter,
    opt: &Path,
    python: PythonVersion,
    mut modules: Vec<String>,
) -> io::Result<Tried> {
    let mut failures = Vec::new();
    let home = tempfile::tempdir()?;
    let sites = sites(python.minor()).map(|site| opt.join(site.trim_end_matches('/')));
    while !modules.is_empty() {
        let mut command = interpreter.isolated(home.path());
        command.args(["-I", "-S", "-B", "-c", PROGRAM]).args(&sites).args(&modules);
        // As on Lambda, where functions have a region; without credentials.
        command.env("AWS_REGION", "us-east-1").env("AWS_DEFAULT_REGION", "us-east-1");
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("PATH", opt.join("bin"));
        command.env("LD_LIBRARY_PATH", opt.join("lib"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let (send, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                let lines = BufReader::new(stdout).lines().map_while(Result::ok);
                lines.into_iter().try_for_each(|line| send.send(line).ok())
            });
        }
        let mut begun = None;
        let mut runs = false;
        let why = loop {
            match lines.recv_timeout(LONGEST) {
                Ok(line) => match (line.get(..1), line.get(1..)) {
                    (Some(">"), Some(module)) => {
                        begun = Some(module.to_owned());
                        runs = true;
                    }
                    (Some("="), Some(module)) => {
                        modules.retain(|other| other != module);
                        begun = None;
                    }
                    (Some("!"), Some(why)) => {
                        if let Some(module) = begun.take() {
                            modules.retain(|other| *other != module);
                            failures.push((module, why.to_owned()));
                        }
                    }
                    _ => {}
                },
                Err(RecvTimeoutError::Disconnected) => {
                    let status = child.wait()?;
                    if !runs {
                        return Ok(Err(status.to_string()));
                    }
                    break format!("it ends the interpreter, {status}");
                }
                Err(RecvTimeoutError::Timeout) => {
                    child.kill()?;
                    child.wait()?;
                    break format!("it takes more than {} s", LONGEST.as_secs());
                }
            }
        };
        // If it was in none of them, a thread of an earlier one has ended the process: the next one gets the blame.
        let Some(culprit) = begun.take().or_else(|| modules.first().cloned()) else { break };
        modules.retain(|other| *other != culprit);
        failures.push((culprit, why));
    }
    Ok(Ok(failures))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_what_a_runtime_could_import() {
        let names = [
            "python/a.py",
            "python/a-1.dist-info/METADATA",
            "python/b/__init__.py",
            "python/b/inner/__init__.py",
            "python/c.abi3.so",
            "python/d.cpython-313-x86_64-linux-gnu.so",
            "python/data/table.json",
            "python/examples/run.py",
            "python/numpy.libs/libx.so",
            "python/space/one/__init__.py",
            "python/lib/python3.12/site-packages/e.py",
            "python/lib/python3.12/site-packages/space/two/__init__.py",
            "python/lib/python3.13/site-packages/f.py",
            "python/lib/python3.13/site-packages/space/three.py",
        ];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        let files: Vec<_> = names.iter().map(|name| ::tests::wheels::file(name, "")).collect();
        std::fs::write(&path, ::tests::wheels::zip(&files)).unwrap();
        let zip = ZipFile::open(&path).unwrap();
        let (old, new) = (Modules::of(&zip, 12), Modules::of(&zip, 13));
        assert_eq!(old.tried, ["a", "b", "c", "e", "space.one", "space.two"]);
        assert_eq!(new.tried, ["a", "b", "c", "d", "f", "space.one"]);
        assert_eq!(old.plain, ["examples.run"]);
        assert_eq!(new.plain, ["examples.run", "space.three"]);
    }

    #[test]
    fn what_the_runtime_brings_is_not_missed() {
        assert_eq!(of_the_runtime("ModuleNotFoundError: No module named 'boto3'"), Some("boto3"));
        assert_eq!(
            of_the_runtime("ModuleNotFoundError: No module named 'botocore.config'"),
            Some("botocore")
        );
        assert_eq!(of_the_runtime("ModuleNotFoundError: No module named 'dateutil'"), Some("dateutil"));
        assert_eq!(of_the_runtime("ModuleNotFoundError: No module named 'requests'"), None);
        assert_eq!(of_the_runtime("ImportError: cannot import name 'x' from 'boto3'"), None);
    }
}
