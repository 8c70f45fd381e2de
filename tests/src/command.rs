//! Running programs in an environment that does not depend on who runs the tests.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What is kept of the environment: where programs, certificates and proxies are.
const KEPT: [&str; 24] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "PYENV_ROOT",
    "CARGO_HOME",
    "RUSTUP_HOME",
    // Without them rustup takes another toolchain, or installs one in the midst of a run.
    "RUSTUP_TOOLCHAIN",
    "RUSTUP_AUTO_INSTALL",
    "CARGO_TARGET_DIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];

/// `program` in a clean environment, with nothing on its standard input.
pub fn clean(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null());
    for name in KEPT {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// What came of a program.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Outcome {
    /// Checks the exit code.
    #[must_use]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code\n{}\n{}", self.stdout, self.stderr);
        self
    }
}

/// Runs `command` to its end.
pub fn run(command: &mut Command) -> Outcome {
    let output = command.output().unwrap_or_else(|error| panic!("failed to start {command:?}: {error}"));
    outcome(output)
}

/// Who gets a signal.
#[cfg(unix)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The process alone.
    Process,
    /// It and all that it has started in its process group, which it leads: what Ctrl-C does in a terminal.
    Group,
}

/// Sends a signal, `INT` or `TERM`, to a child of ours.
#[cfg(unix)]
pub fn signal(child: &std::process::Child, reach: Reach, name: &str) {
    let id = i64::from(child.id());
    let target = if reach == Reach::Group { -id } else { id };
    let sent = clean("sh").args(["-c", &format!("kill -s {name} -- {target}")]).status();
    assert!(sent.is_ok_and(|status| status.success()), "failed to send {name} to {target}");
}

/// The text of an output.
pub fn outcome(output: Output) -> Outcome {
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Says that a test, or a part of one, was left out, and why. `cargo xtask test` shows it when all are done.
pub fn skipped(test: &str, why: &str) {
    let folder = binary("xtask").parent().map(|folder| folder.join("skipped-tests")).unwrap_or_default();
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(folder.join(test), why));
    written.unwrap_or_else(|error| panic!("failed to write `{}`: {error}", folder.display()));
}

/// The folder of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// A binary of another package of the workspace, as `cargo build` has left it beside the tests.
pub fn binary(name: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap_or_default();
    let folder = here.ancestors().find(|folder| folder.join(name).is_file());
    let folder =
        folder.unwrap_or_else(|| panic!("`{name}` is not built; `cargo xtask test` builds it first"));
    folder.join(name)
}

/// Every Python of these minor versions that can be found: on PATH, or where pyenv and uv keep theirs.
pub fn pythons(minors: impl IntoIterator<Item = u8>) -> Vec<PathBuf> {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let pyenv = std::env::var_os("PYENV_ROOT").map_or_else(|| home.join(".pyenv"), PathBuf::from);
    let mut folders = vec![];
    for root in [pyenv.join("versions"), home.join(".local/share/uv/python")] {
        folders.extend(
            std::fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path().join("bin")),
        );
    }
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let works = |path: &PathBuf| {
        clean(path).arg("-c").arg("import ssl").output().is_ok_and(|output| output.status.success())
    };
    let of_minor = |minor| {
        let name = format!("python3.{minor}");
        folders.iter().map(move |folder| folder.join(&name)).filter(|path| path.is_file()).find(works)
    };
    minors.into_iter().filter_map(of_minor).collect()
}
