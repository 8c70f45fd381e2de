//! The example project of `tests/example`, copied to where it may be changed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::workspace;

/// The layer that it builds, publishes and uses.
pub const LAYER: &str = "sosw";
/// The regions that it publishes to.
pub const REGIONS: [&str; 2] = ["us-west-2", "eu-west-1"];
/// Its templates: one of CloudFormation, one of SAM.
pub const TEMPLATES: [&str; 2] = ["cloudformation.yaml", "sam.yaml"];

/// Where the original lies.
pub fn folder() -> PathBuf {
    workspace().join("tests/example")
}

/// Copies it into an existing folder, with the locks of the repository's own layer, which is the same.
pub fn copy_to(folder: &Path) -> Result<()> {
    copy_all(&self::folder(), folder)?;
    for lock in [format!("requirements.{LAYER}.txt"), format!("requirements.{LAYER}.build.txt")] {
        copy(&workspace().join(&lock), &folder.join(&lock))?;
    }
    Ok(())
}

/// Makes another layer of it: one companion more.
pub fn add_companion(folder: &Path, companion: &str) -> Result<()> {
    let path = folder.join("layers.toml");
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
    let changed = text.replacen("companions = [", &format!("companions = [\"{companion}\", "), 1);
    std::fs::write(&path, changed).with_context(|| format!("failed to write `{}`", path.display()))
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    let entries = std::fs::read_dir(from).with_context(|| format!("failed to read `{}`", from.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("failed to read `{}`", from.display()))?;
        let (path, name) = (entry.path(), entry.file_name());
        // What is hidden is about the repository; `target/` is what somebody has built in the example itself.
        if name.to_string_lossy().starts_with('.') || name == "target" {
            continue;
        }
        if path.is_dir() {
            std::fs::create_dir(to.join(&name)).context("failed to make a folder")?;
            copy_all(&path, &to.join(&name))?;
        } else {
            copy(&path, &to.join(&name))?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to).with_context(|| format!("failed to copy `{}`", from.display()))?;
    Ok(())
}
