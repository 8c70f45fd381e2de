//! A folder with one layer, `own`, that the real builder locks and builds with the real uv, and a cache that all such
//! folders share.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::command::{Outcome, binary, clean, run};

/// The folder. It is gone when it is dropped.
#[derive(Debug)]
pub struct OwnLayer {
    folder: tempfile::TempDir,
}

impl OwnLayer {
    /// A layer with this table.
    pub fn of(table: &str) -> Self {
        let layer = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        layer.write("layers.toml", &format!("[layers.own]\n{table}"));
        layer
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A place in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        let written = std::fs::create_dir_all(path.parent().unwrap_or(self.folder()))
            .and_then(|()| std::fs::write(&path, text));
        written.unwrap_or_else(|error| panic!("failed to write `{name}`: {error}"));
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.path(name));
        text.unwrap_or_else(|error| panic!("failed to read `{name}`: {error}"))
    }

    /// The manifest of an artifact.
    pub fn manifest(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(&format!("target/layers/{name}.json"))).expect("a manifest is JSON")
    }

    /// The builder, in the folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = clean(binary("layer-builder"));
        let cache = binary("layer-builder").with_file_name("tests-cache");
        command.current_dir(self.folder()).env("LAYER_BUILDER_CACHE_DIR", cache).args(arguments);
        command
    }

    /// Runs it.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        run(&mut self.command(arguments))
    }

    /// The paths of an artifact's zip.
    pub fn files(&self, name: &str) -> Vec<String> {
        let program = "import sys, zipfile\nprint(*zipfile.ZipFile(sys.argv[1]).namelist(), sep='\\n')";
        let zip = self.path(&format!("target/layers/{name}.zip"));
        let listing = run(clean("python3").args(["-c", program]).arg(zip)).expect_code(0);
        listing.stdout.lines().map(str::to_owned).collect()
    }
}
