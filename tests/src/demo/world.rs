//! Where the demo happens: a copy of the example in a temporary folder, a local AWS, and the real binaries between them.
//! All of it ends with this value.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use super::say;
use crate::command::binary;
use crate::example::{self, LAYER};
use crate::interrupt::Interrupts;
use crate::local_aws::{self, LocalAws};
use crate::tools::Tool;

/// Taken from the environment of whoever runs the demo: its course must not depend on them, and no command may find
/// another AWS than ours.
const SCRUBBED: [&str; 3] = ["CI", "GITHUB_ACTIONS", "SOURCE_DATE_EPOCH"];
const SCRUBBED_PREFIXES: [&str; 3] = ["AWS_", "LAYER_PUBLISHER_", "XTASK_"];

/// Where in the folder the programs leave what they forget to remove.
const TEMPORARY: &str = "target/tmp";

/// The folder, the server, and the way to them.
pub(super) struct World<'a> {
    folder: TempDir,
    local: LocalAws,
    aws_cli: Tool,
    interrupts: &'a Interrupts,
}

impl<'a> World<'a> {
    pub(super) fn new(interrupts: &'a Interrupts) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("lambda-layer-demo-")
            .tempdir()
            .context("failed to make a temporary folder")?;
        example::copy_to(folder.path())?;
        std::fs::create_dir_all(folder.path().join(TEMPORARY))
            .context("failed to make a temporary folder")?;
        if !["local-aws", "aws-cli"].into_iter().all(Tool::is_installed) {
            say::status("Installing", "the local AWS and the AWS CLI into target/tools, once");
        }
        let local = LocalAws::start()?;
        interrupts.check()?;
        say::status("Started", format!("a local AWS at {}", local.url()));
        let aws_cli = Tool::install("aws-cli")?;
        interrupts.check()?;
        Ok(Self { folder, local, aws_cli, interrupts })
    }

    /// Shows a command of `cargo xtask`, and runs the binary that does it, in the folder.
    pub(super) fn xtask(&self, bin: &str, subcommand: &str, typed: &str) -> Result<()> {
        say::command(&format!("cargo xtask {typed}"));
        let mut words = typed.split(' ');
        let called_as = format!("cargo xtask {}", words.next().unwrap_or_default());
        let mut command = self.scrubbed(Command::new(binary(bin)));
        if bin == "layer-publisher" {
            local_aws::point_at(&mut command, &self.local.url());
        }
        command.arg(subcommand).args(words).env("XTASK_CALLED_AS", called_as);
        let mut child = command.spawn().with_context(|| format!("failed to start `{bin}`"))?;
        let status = self.interrupts.wait(&mut child)?;
        if !status.success() {
            bail!("`cargo xtask {typed}` ended with {status}");
        }
        Ok(())
    }

    /// Shows a command of the AWS CLI, runs it, and gives what it prints.
    pub(super) fn aws(&self, typed: &str) -> Result<String> {
        // In two lines of at most 80 columns.
        say::command(&format!("aws {}", typed.replacen(" --region", " \\\n      --region", 1)));
        let mut command = self.scrubbed(self.aws_cli.command("aws"));
        local_aws::point_at(&mut command, &self.local.url());
        let mut child = command
            .args(typed.split(' '))
            .stdout(Stdio::piped())
            .spawn()
            .context("failed to start the AWS CLI")?;
        // One short line, which the pipe holds until the end.
        let status = self.interrupts.wait(&mut child)?;
        let mut said = String::new();
        if let Some(mut stdout) = child.stdout.take() {
            std::io::Read::read_to_string(&mut stdout, &mut said).context("failed to read what it says")?;
        }
        if !status.success() {
            bail!("`aws {typed}` ended with {status}");
        }
        say::plain(said.trim());
        Ok(said.trim().to_owned())
    }

    /// CodeSha256 of what was built last, by the manifest.
    pub(super) fn code_sha256(&self) -> Result<String> {
        let manifest = self.read(&format!("target/layers/{LAYER}.json"))?;
        let manifest: Value = serde_json::from_str(&manifest).context("failed to read the manifest")?;
        Ok(manifest["code_sha256"].as_str().unwrap_or_default().to_owned())
    }

    /// A file of the folder.
    pub(super) fn read(&self, name: &str) -> Result<String> {
        let path = self.folder.path().join(name);
        std::fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))
    }

    /// Puts one more companion into `layers.toml`.
    pub(super) fn add_companion(&self, companion: &str) -> Result<()> {
        example::add_companion(self.folder.path(), companion)
    }

    /// Ends the server, and leaves the folder where it is.
    pub(super) fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    fn scrubbed(&self, mut command: Command) -> Command {
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if SCRUBBED.contains(&&*text) || SCRUBBED_PREFIXES.iter().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        let folder = self.folder.path();
        command.current_dir(folder).env("TMPDIR", folder.join(TEMPORARY)).stdin(Stdio::null());
        command
    }
}
