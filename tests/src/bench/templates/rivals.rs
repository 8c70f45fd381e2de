//! What `bump` is measured against: ripgrep, and the script that people write.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::command::{clean, pythons};
use crate::tools;

/// Reads every YAML and JSON file below the current folder, replaces text, and writes what is changed by that.
const SCRIPT: &str = r#"
import os, re, sys

version = sys.argv[1]
for folder, folders, files in os.walk("."):
    for name in files:
        if not name.endswith((".yaml", ".yml", ".json", ".template")):
            continue
        path = os.path.join(folder, name)
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
        changed = re.sub(r"(:layer:sosw:)\d+", r"\g<1>" + version, text)
        if changed != text:
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(changed)
            print(path)
"#;

/// The Python that runs the script.
pub(super) fn python() -> Result<PathBuf> {
    pythons((9..=14).rev()).into_iter().next().context("a Python is needed, for the script to compare with")
}

/// The script, about to bring a tree to a version.
pub(super) fn script(python: &Path, tree: &Path, version: u64) -> Command {
    let mut command = clean(python);
    command.args(["-c", SCRIPT, &version.to_string()]).current_dir(tree);
    command
}

/// The one on PATH, or else one of our own, compiled once.
#[expect(clippy::print_stderr, reason = "minutes of compiling are to be explained")]
pub(super) fn ripgrep() -> Result<PathBuf> {
    if clean("rg").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return Ok("rg".into());
    }
    let root = tools::folder().join("ripgrep");
    let program = root.join("bin").join(format!("rg{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        eprintln!(
            "note: there is no ripgrep on PATH (the packages `ripgrep` of apt, Homebrew and PyPI bring one); it is compiled into \
             `{}`, once",
            root.display()
        );
        let mut cargo = clean(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let status = cargo.args(["install", "ripgrep", "--locked", "--root"]).arg(&root).status();
        if !status.context("failed to start cargo")?.success() {
            bail!("failed to install ripgrep");
        }
    }
    Ok(program)
}
