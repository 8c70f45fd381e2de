//! The Python that uv works with. It needs one, of any version, and gets one of its own only where there is none.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Network;
use super::run::quietly;
use crate::interpreter::Interpreter;
use crate::ui::Ui;

/// What this machine has.
#[derive(Clone, Debug)]
pub(super) struct Python {
    /// One that uv can work with.
    pub(super) program: Option<PathBuf>,
    /// Whether uv may get one of its own.
    may_download: bool,
}

impl Python {
    /// Looks for one, and says it where there is none.
    pub(super) fn find(uv: &Path, network: Network, ui: &Ui) -> Self {
        // uv does not look where every version manager keeps its Pythons.
        let program = found_by(uv).or_else(|| Interpreter::any().map(|found| found.program));
        let may_download = program.is_none() && network == Network::Allowed;
        if may_download && !is_set("UV_PYTHON_DOWNLOADS") {
            ui.note("found no Python on this machine; where uv needs one, it downloads one of its own");
        }
        Self { program, may_download }
    }

    /// It, unless `UV_PYTHON` names another one.
    pub(super) fn unless_named(&self) -> Option<&Path> {
        self.program.as_deref().filter(|_| !is_set("UV_PYTHON"))
    }

    /// Tells uv, which else asks every Python for its version, and looks for the one that a project names: any will do.
    pub(super) fn hand(&self, command: &mut Command) {
        if !self.may_download {
            command.env("UV_PYTHON_DOWNLOADS", "never");
        }
        if let Some(program) = self.unless_named() {
            command.env("UV_PYTHON", program);
        }
    }
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// The Python that uv takes by itself, wherever it is started: what a folder says of Pythons is about that folder. (With
/// `--quiet`, uv 0.13 says nothing at all.)
fn found_by(uv: &Path) -> Option<PathBuf> {
    let mut find = Command::new(uv);
    find.args(["python", "find", "--no-python-downloads", "--no-project", "--no-config"]);
    find.current_dir("/").env_remove("UV_PYTHON");
    let output = quietly(&mut find).ok().filter(|output| output.status.success())?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim_end());
    path.is_file().then_some(path)
}
