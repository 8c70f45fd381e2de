//! The Pythons of this machine: found on PATH, and where pyenv and uv keep theirs. One of the edges: it reads the
//! environment.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::target::{PythonVersion, Runtimes};

/// An interpreter that runs.
#[derive(Clone, Debug)]
pub struct Interpreter {
    /// The program.
    pub program: PathBuf,
    /// Its full version: `3.12.1`.
    pub version: String,
}

impl Interpreter {
    /// A CPython of this minor version, if there is one.
    pub fn find(python: PythonVersion) -> Option<Self> {
        let name = format!("python{python}{}", std::env::consts::EXE_SUFFIX);
        let mut found = folders().into_iter().map(|folder| folder.join(&name)).filter(|path| path.is_file());
        found.find_map(|path| Self::behind(&path).filter(|it| it.version.starts_with(&format!("{python}."))))
    }

    /// A CPython of any version that a layer can be for, if there is one; the newest.
    pub fn any() -> Option<Self> {
        Runtimes::default().pythons().collect::<Vec<_>>().into_iter().rev().find_map(Self::find)
    }

    /// The interpreter that runs when `path` is started, if it does so with nothing around it. What lies on PATH may be
    /// the shim of a version manager, which needs the environment to find the interpreter.
    fn behind(path: &Path) -> Option<Self> {
        let (_, program) = answer(&mut Command::new(path))?;
        let there = Self { program, version: String::new() };
        let home = tempfile::tempdir().ok()?;
        let (version, _) = answer(&mut there.isolated(home.path()))?;
        Some(Self { version, ..there })
    }

    /// The interpreter with nothing around it: no environment, no packages of its own, nothing on its input.
    pub fn isolated(&self, home: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().env("HOME", home).env("TMPDIR", home).current_dir(home).stdin(Stdio::null());
        command
    }
}

fn folders() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = variable("HOME").unwrap_or_default();
    let mut folders: Vec<PathBuf> =
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let pyenv = variable("PYENV_ROOT").unwrap_or_else(|| home.join(".pyenv")).join("versions");
    let uv = variable("UV_PYTHON_INSTALL_DIR").unwrap_or_else(|| home.join(".local/share/uv/python"));
    for root in [pyenv, uv] {
        let mut inside: Vec<PathBuf> = std::fs::read_dir(root)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path().join("bin"))
            .collect();
        inside.sort();
        folders.extend(inside);
    }
    folders
}

/// The full version of the CPython that `command` starts, and where it is.
fn answer(command: &mut Command) -> Option<(String, PathBuf)> {
    let ask = "import platform, sys, zlib\n\
               print(platform.python_implementation(), platform.python_version(), sys.executable)";
    let output = command.args(["-I", "-c", ask]).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    let (version, program) = text.trim_end().strip_prefix("CPython ")?.split_once(' ')?;
    Some((version.to_owned(), PathBuf::from(program)))
}
