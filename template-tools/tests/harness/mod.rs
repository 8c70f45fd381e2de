//! What the tests of the binary share: a folder to work in, and what a run said.

#![expect(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder to work in, and the binary in an environment that holds nothing of ours.
pub(crate) struct Project {
    pub(crate) folder: TempDir,
}

/// What a run said, and how it ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Project {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "", &[])
    }

    pub(crate) fn run_with(&self, arguments: &[&str], stdin: &str, environment: &[(&str, &str)]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_template-tools"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().env("HOME", self.folder.path());
        command.envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Who does not read standard input may have gone already.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// The exit code, with what was said if it is another.
    #[track_caller]
    pub(crate) fn ends(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "\n{}{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "`{text}` is not in\n{}", self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn prints(&self, text: &str) -> &Self {
        assert_eq!(self.stdout, text, "\n{}", self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn is_silent_about(&self, text: &str) -> &Self {
        assert!(!self.stderr.contains(text), "`{text}` is in\n{}", self.stderr);
        self
    }
}

pub(crate) fn ledger(versions: &[(&str, &str, &str, u64)]) -> String {
    let entries: Vec<_> = versions
        .iter()
        .map(|(layer, account, region, version)| entry(layer, account, region, *version))
        .collect();
    format!("{{\"schema\": 1, \"versions\": [{}]}}\n", entries.join(",\n"))
}

pub(crate) fn entry(layer: &str, account: &str, region: &str, version: u64) -> String {
    format!(
        r#"{{"layer_name": "{layer}", "partition": "aws", "account": "{account}", "region": "{region}", "version": {version},
        "layer_version_arn": "arn:aws:lambda:{region}:{account}:layer:{layer}:{version}", "code_sha256": "x=", "size": 1,
        "compatible_runtimes": [], "compatible_architectures": [], "content": null, "verified": true, "target": null}}"#
    )
}

pub(crate) fn function(layers: &[&str]) -> String {
    let layers = layers.iter().map(|layer| format!("        - {layer}\n")).collect::<Vec<_>>().concat();
    format!(
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: a.b\n      Layers:\n{layers}"
    )
}

pub(crate) fn arn(layer: &str, version: &str) -> String {
    format!("arn:aws:lambda:us-east-1:123456789012:layer:{layer}:{version}")
}

#[cfg(unix)]
pub(crate) fn set_readonly(path: &Path, readonly: bool) {
    use std::os::unix::fs::PermissionsExt;
    let mode = match (path.is_dir(), readonly) {
        (true, true) => 0o555,
        (true, false) => 0o755,
        (false, true) => 0o444,
        (false, false) => 0o644,
    };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
pub(crate) fn set_readonly(path: &Path, readonly: bool) {
    let mut permissions = fs::metadata(path).unwrap().permissions();
    permissions.set_readonly(readonly);
    fs::set_permissions(path, permissions).unwrap();
}
