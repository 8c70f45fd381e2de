//! Child processes that see nothing of the environment in which the tests happen to run, but for what leads to the
//! network: certificates and proxies.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Variables with these beginnings are removed.
const REMOVED: &[&str] =
    &["AWS_", "CI", "NO_COLOR", "CLICOLOR", "XTASK_", "UV_", "PIP_", "PYTHON", "LAYER_PUBLISHER_"];
/// These lead to the network, so they stay.
const KEPT: &[&str] = &["AWS_CA_BUNDLE", "PIP_CERT", "PIP_PROXY"];

/// A command without the variables that would change what it does.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if REMOVED.iter().any(|start| text.starts_with(start)) && !KEPT.contains(&text.as_ref()) {
            command.env_remove(&name);
        }
    }
    command
}

/// A binary of this workspace, which `cargo build --workspace` has put beside us.
pub fn binary(name: &str) -> PathBuf {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let me = std::env::current_exe().unwrap_or_default();
    let found = me.ancestors().skip(1).take(3).map(|folder| folder.join(&file)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("`{name}` is not built; build it with `cargo build --workspace`"))
}

/// Cargo's target folder, as far as we lie in one; it may hold what takes long to make.
pub fn target() -> PathBuf {
    let me = std::env::current_exe().unwrap_or_default();
    let marked = |folder: &&Path| folder.join("CACHEDIR.TAG").is_file();
    me.ancestors().find(marked).map_or_else(std::env::temp_dir, Path::to_path_buf)
}

/// A file of the `tests` package.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
