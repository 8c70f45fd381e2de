//! A small project in a temporary folder, as `build-layer` would leave it: `layers.toml`, a lock, a zip and its
//! manifest. Everything is made here and not by the builder, so that what the publisher reads is held against
//! DESIGN.md's words and not against the builder's code.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::{command, local_aws};

/// The layer of the project.
pub const LAYER: &str = "demo";

/// Many regions.
pub const TWENTY: [&str; 20] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "sa-east-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-north-1",
    "eu-south-1",
    "ap-south-1",
    "ap-east-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "af-south-1",
];

/// A project that is gone when it is dropped.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// A project whose layer goes to these regions, with nothing built.
    pub fn new(regions: &[&str], optional: &[&str]) -> Result<Self> {
        let folder = TempDir::new().context("failed to make a temporary folder")?;
        let project = Self { folder };
        let text = format!(
            "[layers.{LAYER}]\nrequirements = [\"six\"]\npython = [\"3.13\", \"3.12\"]\n\n\
             [layers.{LAYER}.publish]\nregions = {regions:?}\noptional-regions = {optional:?}\n"
        );
        project.write("layers.toml", text)?;
        project.write(&format!("requirements.{LAYER}.txt"), "six==1.17.0\n")?;
        Ok(project)
    }

    /// Puts a zip with this text in it where the builder puts one, with its manifest.
    pub fn build(&self, content: &str) -> Result<()> {
        self.build_as(LAYER, None, content)
    }

    /// The same, under another name.
    pub fn build_as(&self, artifact: &str, variant: Option<&str>, content: &str) -> Result<()> {
        let zip = zip(&format!("python/{LAYER}.py"), content.as_bytes());
        let lock = self.read(&format!("requirements.{LAYER}.txt"))?;
        let inputs = r#"{"python":["3.13","3.12"],"requirements":["six"]}"#;
        let manifest = json!({
            "schema": 1,
            "layer": LAYER,
            "variant": variant,
            "layer_name": artifact,
            "zip": format!("{artifact}.zip"),
            "sha256": hex(&zip),
            "code_sha256": BASE64.encode(Sha256::digest(&zip)),
            "size": zip.len(),
            "unzipped_size": content.len(),
            "compatible_runtimes": ["python3.12", "python3.13"],
            "compatible_architectures": ["x86_64", "arm64"],
            "description": "a layer of the tests",
            "license": "MIT",
            "inputs_sha256": hex(inputs.as_bytes()),
            "lock": { "path": format!("requirements.{LAYER}.txt"), "sha256": hex(lock.as_bytes()) },
            "packages": [{ "name": "six", "version": "1.17.0" }],
        });
        std::fs::create_dir_all(self.path("target/layers")).context("failed to make `target/layers`")?;
        std::fs::write(self.path(&format!("target/layers/{artifact}.zip")), &zip)
            .context("failed to write a zip")?;
        self.write(&format!("target/layers/{artifact}.json"), manifest.to_string())
    }

    /// A file of the project.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of a file of the project.
    pub fn read(&self, name: &str) -> Result<String> {
        let path = self.path(name);
        std::fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))
    }

    /// Writes a file of the project.
    pub fn write(&self, name: &str, text: impl AsRef<str>) -> Result<()> {
        let path = self.path(name);
        std::fs::write(&path, text.as_ref()).with_context(|| format!("failed to write `{}`", path.display()))
    }

    /// CodeSha256, as the manifest says it.
    pub fn code_sha256(&self) -> Result<String> {
        let manifest: serde_json::Value =
            serde_json::from_str(&self.read(&format!("target/layers/{LAYER}.json"))?)
                .context("failed to read the manifest")?;
        Ok(manifest["code_sha256"].as_str().unwrap_or_default().to_owned())
    }

    /// A binary of the workspace in the project's folder, which knows neither the user's home nor any credentials.
    pub fn command(&self, binary: &str) -> Command {
        let mut command = command::clean(command::binary(binary));
        let home = self.folder.path();
        command.current_dir(home).env("HOME", home).env("XDG_CACHE_HOME", home.join(".cache"));
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    /// The same, with an AWS behind this address and time that passes 20 times as fast.
    pub fn command_at(&self, binary: &str, url: &str) -> Command {
        let mut command = self.command(binary);
        local_aws::point_at(&mut command, url);
        command.env("LAYER_PUBLISHER_TEST_HASTE", "20");
        command
    }

    /// `cargo xtask` in the project's folder, with an AWS behind this address.
    pub fn xtask_at(&self, url: &str) -> Command {
        let mut command = self.command_at("xtask", url);
        let cache = command::binary("layer-builder").with_file_name("tests-cache");
        // cargo and rustup are found by what lies in the home of whoever runs the tests.
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
            command.env(name, std::env::var_os(name).unwrap_or_else(|| home.join(folder).into()));
        }
        command.env("LAYER_BUILDER_CACHE_DIR", cache);
        command
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// SHA-256, in hex.
pub fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// A zip with one file, stored.
pub fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
    // Versions, flags, method (stored), time and date: 1980-01-01.
    let mut common = vec![10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
    common.extend(crc32fast::hash(content).to_le_bytes());
    common.extend(number(content.len()));
    common.extend(number(content.len()));
    common.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
    common.extend([0, 0]);

    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend(&common);
    zip.extend(name.as_bytes());
    zip.extend(content);

    let directory = zip.len();
    zip.extend(b"PK\x01\x02\x14\x03");
    zip.extend(&common);
    // No comment, disk 0, internal attributes 0, mode 0644, offset 0.
    zip.extend([0, 0, 0, 0, 0, 0, 0, 0, 0xa4, 0x81, 0, 0, 0, 0]);
    zip.extend(name.as_bytes());

    let size = zip.len() - directory;
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend(number(size));
    zip.extend(number(directory));
    zip.extend([0, 0]);
    zip
}
