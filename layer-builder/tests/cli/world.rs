//! A folder with a `layers.toml`, a lock and a cache that knows where the lock's files lie, for builds without uv.

use std::path::{Path, PathBuf};
use std::process::Command;

use layer_builder::cache::Cache;
use layer_builder::config::LayersFile;
use layer_builder::lock::Lock;
use layer_builder::lock::files::FileIndex;
use layer_builder::spec::Spec;
use layer_builder::{lock::requirements, relock};
use tests::command::{Outcome, clean, run};
use tests::server::{Answer, Server};
use tests::wheels::TestWheel;

/// A project of one layer, `small`, and the server that its wheels come from.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) server: Server,
    /// `python = …` and `architectures = …`
    targets: &'static str,
}

const TARGETS: &str = "python = [\"3.12\", \"3.13\"]\narchitectures = [\"x86_64\", \"arm64\"]\n";

impl World {
    /// A project whose wheels are served.
    pub(crate) fn new(wheels: &[TestWheel]) -> Self {
        let world = Self::unserved(wheels, Server::start());
        for wheel in wheels {
            world.server.answer(&format!("/{}", wheel.file_name), Answer::File(wheel.bytes.clone()));
        }
        world
    }

    /// A project for other targets, whose wheels are served.
    pub(crate) fn for_targets(wheels: &[TestWheel], targets: &'static str) -> Self {
        let mut world = Self::new(wheels);
        world.targets = targets;
        world.write_project(wheels, |wheel| world.server.url(&format!("/{}", wheel.file_name)));
        world
    }

    /// Adds lines to the end of `layers.toml`: keys of the layer, or tables in it.
    pub(crate) fn add_to_table(&self, lines: &str) {
        let toml = std::fs::read_to_string(self.path("layers.toml")).unwrap();
        std::fs::write(self.path("layers.toml"), toml + lines).unwrap();
    }

    /// Removes what was built.
    pub(crate) fn forget_artifacts(&self) {
        std::fs::remove_dir_all(self.path("target")).unwrap();
    }

    /// A project whose wheels lie on `server`, which does not answer yet.
    pub(crate) fn unserved(wheels: &[TestWheel], server: Server) -> Self {
        let url = |wheel: &TestWheel| server.url(&format!("/{}", wheel.file_name));
        let world = Self { folder: tempfile::tempdir().unwrap(), server: Server::start(), targets: TARGETS };
        world.write_project(wheels, url);
        Self { server, ..world }
    }

    /// Writes `layers.toml`, the lock, and what uv would have answered about the addresses.
    pub(crate) fn write_project(&self, wheels: &[TestWheel], url: impl Fn(&TestWheel) -> String) {
        // Several wheels of one version are one package.
        let mut packages: Vec<Vec<&TestWheel>> = Vec::new();
        for wheel in wheels {
            match packages.iter_mut().find(|package| package[0].name == wheel.name) {
                Some(package) => package.push(wheel),
                None => packages.push(vec![wheel]),
            }
        }
        let names: Vec<String> = packages.iter().map(|package| format!("{:?}", package[0].name)).collect();
        let toml = format!(
            "[layers.small]\ndescription = \"a small layer\"\nrequirements = [{}]\n{}",
            names.join(", "),
            self.targets
        );
        std::fs::write(self.path("layers.toml"), toml).unwrap();
        let file = LayersFile::read(&self.path("layers.toml")).unwrap();
        let spec = Spec::of(self.folder.path(), &file.layers["small"]);
        let mut text = requirements::header("small", "0.0.0", requirements::inputs_of(&spec), &[]);
        let mut pylock = String::new();
        for package in packages {
            let (name, version) = (&package[0].name, &package[0].version);
            let hashes = package.iter().map(|wheel| format!(" \\\n    --hash=sha256:{}", wheel.sha256()));
            text += &format!("{name}=={version}{}\n", hashes.collect::<String>());
            let file = |wheel: &&TestWheel| {
                let (url, size, hash) = (url(wheel), wheel.bytes.len(), wheel.sha256());
                format!("{{ url = {url:?}, size = {size}, hashes = {{ sha256 = \"{hash}\" }} }}")
            };
            let files: Vec<String> = package.iter().map(file).collect();
            pylock += &format!(
                "[[packages]]\nname = {name:?}\nversion = {version:?}\nwheels = [{}]\n",
                files.join(", ")
            );
        }
        let lock_path = self.path("requirements.small.txt");
        std::fs::write(&lock_path, text).unwrap();
        let lock = Lock::read(&lock_path).unwrap().unwrap();
        let cache = Cache::at(self.path("cache"));
        let index = FileIndex::from_pylock(&pylock).unwrap();
        let kept = cache.locations(relock::question(&lock, file.layers["small"].pythons[0]));
        cache.write(&kept, &serde_json::to_vec(&index).unwrap()).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn zip(&self) -> PathBuf {
        self.path("target/layers/small.zip")
    }

    /// The binary, in the project's folder, with its cache.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = builder(self.folder.path());
        // No uv and no Python is found: what is tested here does without.
        command
            .env("LAYER_BUILDER_CACHE_DIR", self.path("cache"))
            .env("PATH", self.path("nothing"))
            .args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        run(&mut self.command(arguments))
    }

    /// Where a file of the lock lies in the cache.
    pub(crate) fn cached(&self, wheel: &TestWheel) -> PathBuf {
        self.path("cache/files").join(wheel.sha256()).join(&wheel.file_name)
    }
}

/// The binary under test, in `folder`.
pub(crate) fn builder(folder: &Path) -> Command {
    let mut command = clean(env!("CARGO_BIN_EXE_layer-builder"));
    command.current_dir(folder).env("HOME", folder);
    command
}
