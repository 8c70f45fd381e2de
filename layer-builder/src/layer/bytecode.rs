//! Bytecode for exactly the targets' Python versions, as the runtime's `/opt` wants it: with unchecked hashes and paths
//! below `/opt`.
//!
//! The compiler's bytes are not stable for every file. So everything is compiled twice, in another order, and what does
//! not come out the same is left out: the runtime compiles it itself.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use thiserror::Error;

use super::audit::sites;
use super::smoke;
use crate::interpreter::Interpreter;
use crate::target::PythonVersion;
use crate::zip_reader::ZipFile;

const PROGRAM: &str = include_str!("bytecode.py");

/// Compiled files, and who compiled them.
#[derive(Debug)]
pub struct Bytecode {
    /// Where each lies on this machine, by its path in the layer.
    pub files: BTreeMap<String, PathBuf>,
    /// What they take unpacked, in bytes.
    pub size: u64,
    /// The full versions of the interpreters.
    pub interpreters: Vec<String>,
    /// Files that did not come out the same twice.
    pub unstable: Vec<String>,
    /// Keeps the files until they are written.
    kept: tempfile::TempDir,
}

/// Why there is none.
#[derive(Debug, Error)]
pub enum Error {
    /// No interpreter of a target's version.
    #[error("found no CPython {0} to compile for {runtime}", runtime = .0.runtime())]
    NoInterpreter(PythonVersion),
    /// The zip cannot be unpacked.
    #[error(transparent)]
    Unpack(#[from] smoke::Error),
    /// The interpreter did not do it.
    #[error("CPython {version} failed to compile:\n{output}")]
    Failed {
        /// Its version.
        version: String,
        /// What it said.
        output: String,
    },
    /// A file of ours.
    #[error("failed to compile in `{}`", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoInterpreter(python) => Some(format!(
                "install it, with `layer-builder uv -- python install {python}` for example, or leave `--bytecode` out"
            )),
            _ => None,
        }
    }
}

/// Compiles every module of `zip` for each of `pythons` that would import it.
pub fn compile(zip: &ZipFile, pythons: &BTreeSet<PythonVersion>) -> Result<Bytecode, Error> {
    let io = |path: &Path| {
        let path = path.to_path_buf();
        move |source| Error::Io { path, source }
    };
    let folder = tempfile::tempdir().map_err(io(Path::new("a temporary folder")))?;
    let found: Vec<(PythonVersion, Interpreter)> = pythons
        .iter()
        .map(|&python| Ok((python, Interpreter::find(python).ok_or(Error::NoInterpreter(python))?)))
        .collect::<Result<_, Error>>()?;
    let opt = folder.path().join("opt");
    smoke::unpack(zip, &opt)?;
    let mut bytecode = Bytecode {
        files: BTreeMap::new(),
        size: 0,
        interpreters: Vec::new(),
        unstable: Vec::new(),
        kept: tempfile::tempdir().map_err(io(folder.path()))?,
    };
    for (python, interpreter) in &found {
        let sources = sources(zip, python.minor());
        let (first, second) = (bytecode.kept.path().join(python.to_string()), folder.path().join("second"));
        run(interpreter, &opt, &first, sources.iter())?;
        run(interpreter, &opt, &second, sources.iter().rev())?;
        bytecode.compare(&sources, *python, [&first, &second]);
        let _ = std::fs::remove_dir_all(&second);
        bytecode.interpreters.push(interpreter.version.clone());
    }
    Ok(bytecode)
}

impl Bytecode {
    /// Takes what came out the same in both folders.
    fn compare(&mut self, sources: &[String], python: PythonVersion, folders: [&Path; 2]) {
        for source in sources {
            let compiled = compiled(source, python.minor());
            let [one, other] = folders.map(|folder| folder.join(&compiled));
            match (std::fs::read(&one), std::fs::read(&other)) {
                (Ok(bytes), Ok(other)) if bytes == other => {
                    self.size += bytes.len() as u64;
                    self.files.insert(compiled, one);
                }
                (Ok(_), _) | (_, Ok(_)) => self.unstable.push(source.clone()),
                // It is no Python of this version: a template, or code for another one.
                (Err(_), Err(_)) => {}
            }
        }
    }
}

/// The modules that a runtime would look at, but for those whose bytecode is in the zip already: the layer asks for it.
fn sources(zip: &ZipFile, minor: u8) -> Vec<String> {
    let sites = sites(minor);
    let there: HashSet<&str> = zip.entries().iter().map(|entry| entry.path.as_str()).collect();
    let is_ours = |path: &str| {
        let of_others = path.starts_with("python/lib/python3.") && !path.starts_with(&sites[0]);
        path.ends_with(".py") && path.starts_with("python/") && !of_others
    };
    let paths = zip.entries().iter().map(|entry| entry.path.clone());
    paths.filter(|path| is_ours(path) && !there.contains(compiled(path, minor).as_str())).collect()
}

/// `a/__pycache__/b.cpython-312.pyc` for `a/b.py`.
fn compiled(source: &str, minor: u8) -> String {
    let (folder, name) = source.rsplit_once('/').unwrap_or(("", source));
    let stem = name.strip_suffix(".py").unwrap_or(name);
    format!("{folder}/__pycache__/{stem}.cpython-3{minor}.pyc")
}

/// `a/b.py` for `a/__pycache__/b.cpython-312.pyc`: bytecode belongs to whatever its source belongs to.
pub fn source_of(compiled: &str) -> Option<String> {
    let (folder, name) = compiled.strip_suffix(".pyc")?.rsplit_once('/')?;
    let folder = folder.strip_suffix("__pycache__")?;
    let (stem, _) = name.split_once(".cpython-3")?;
    (folder.is_empty() || folder.ends_with('/')).then(|| format!("{folder}{stem}.py"))
}

fn run<'a>(
    interpreter: &Interpreter,
    opt: &Path,
    out: &Path,
    sources: impl Iterator<Item = &'a String>,
) -> Result<(), Error> {
    let io = |source| Error::Io { path: out.to_path_buf(), source };
    std::fs::create_dir_all(out).map_err(io)?;
    let list: Vec<&str> = sources.map(String::as_str).collect();
    let home = tempfile::tempdir().map_err(io)?;
    let mut command = interpreter.isolated(home.path());
    // Not `-I`: it would ignore the seed, and the order of sets with it.
    command.args(["-s", "-S", "-B", "-c", PROGRAM]).arg(opt).arg(out).env("PYTHONHASHSEED", "0");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(io)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(list.join("\n").as_bytes()).map_err(io)?;
    }
    let output = child.wait_with_output().map_err(io)?;
    if output.status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Failed { version: interpreter.version.clone(), output })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_of_bytecode_is_beside_its_folder() {
        for source in ["python/a.py", "python/a/b.py", "python/a.b.py"] {
            assert_eq!(source_of(&compiled(source, 12)).as_deref(), Some(source));
        }
        assert_eq!(source_of("__pycache__/a.cpython-314.opt-1.pyc").as_deref(), Some("a.py"));
        for other in
            ["python/a.pyc", "python/__pycache__/a.pyc", "python/x__pycache__/a.cpython-312.pyc", "a.py"]
        {
            assert_eq!(source_of(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_not_the_same_twice_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("1"), folder.path().join("2"));
        let write = |folder: &Path, name: &str, content: &str| {
            let path = folder.join(format!("python/__pycache__/{name}.cpython-312.pyc"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        };
        for (name, contents) in [("same", ["abc", "abc"]), ("other", ["abc", "abd"]), ("longer", ["a", "ab"])]
        {
            write(&first, name, contents[0]);
            write(&second, name, contents[1]);
        }
        write(&first, "once", "abc");
        let sources = ["same", "other", "longer", "once", "never"].map(|name| format!("python/{name}.py"));
        let mut bytecode = Bytecode {
            files: BTreeMap::new(),
            size: 0,
            interpreters: Vec::new(),
            unstable: Vec::new(),
            kept: tempfile::tempdir().unwrap(),
        };
        bytecode.compare(&sources, "3.12".parse().unwrap(), [&first, &second]);
        let taken: Vec<&str> = bytecode.files.keys().map(String::as_str).collect();
        assert_eq!(taken, ["python/__pycache__/same.cpython-312.pyc"]);
        assert_eq!(bytecode.size, 3);
        assert_eq!(bytecode.unstable, ["python/other.py", "python/longer.py", "python/once.py"]);
    }
}
