//! The Pythons of this machine: found on PATH, and where pyenv and uv keep theirs. One of the edges: it reads the
//! environment.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::target::PythonVersion;

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
        found.find_map(|program| {
            let version = version_of(&program)?;
            version.starts_with(&format!("{python}.")).then_some(Self { program, version })
        })
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

fn version_of(program: &Path) -> Option<String> {
    let ask = "import platform, zlib; print(platform.python_implementation(), platform.python_version())";
    let output = Command::new(program)
        .args(["-I", "-c", ask])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().strip_prefix("CPython ")?.to_owned())
}
