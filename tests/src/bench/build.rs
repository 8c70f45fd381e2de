//! The warm build of the sosw layer, against the least that anybody could do, and against pip and zip.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use super::{Contender, in_turns, table};
use crate::command::{binary, clean, pythons, workspace};

/// What `./deploy.sh` installs.
const REQUIREMENTS: [&str; 5] = ["sosw", "aws-lambda-powertools", "aws-xray-sdk", "bson", "requests"];

/// Prints the tables.
#[expect(clippy::print_stdout, reason = "a bench prints its figures")]
pub fn run(runs: usize, slow_runs: usize) {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    for name in ["layers.toml", "requirements.sosw.txt", "requirements.sosw.build.txt"] {
        std::fs::copy(workspace().join(name), folder.path().join(name)).expect("the lock is committed");
    }
    let cache = folder.path().join("cache");
    let build = || {
        let mut command = clean(binary("layer-builder"));
        command.args(["build", "--quiet", "--locked"]).current_dir(folder.path());
        succeed(command.env("LAYER_BUILDER_CACHE_DIR", &cache));
    };
    build();
    let wheels = wheels_in(&cache);
    let all_bytes: u64 = wheels.iter().filter_map(|path| path.metadata().ok()).map(|file| file.len()).sum();

    // Everybody writes a new file: what an earlier run has left would have to be flushed or truncated first.
    let nothing_built = || _ = std::fs::remove_dir_all(folder.path().join("target"));
    let floor_file = folder.path().join("floor.bin");
    let mut quick = [
        Contender::new("floor: those wheels' bytes to one file, hashed", || floor(&wheels, &floor_file))
            .after(|| _ = std::fs::remove_file(&floor_file)),
        Contender::new("layer-builder build (as cargo xtask starts it)", build).after(nothing_built),
        Contender::new("cargo xtask build-layer (as typed)", || {
            let mut command = clean(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            command.args(["xtask", "build-layer", "--quiet", "--locked", "--layers-file"]);
            command.arg(folder.path().join("layers.toml")).current_dir(workspace());
            succeed(command.env("LAYER_BUILDER_CACHE_DIR", &cache));
        })
        .after(nothing_built),
        Contender::new("layer-builder build, nothing has changed", build).after(build),
    ];
    in_turns(&mut quick, runs);
    let title = format!(
        "The sosw layer, warm: {} wheels, {:.1} MB, {runs} runs of each in turns",
        wheels.len(),
        all_bytes as f64 / 1e6
    );
    println!("{}", table(&title, &quick.iter().collect::<Vec<_>>()));

    let python = pythons([13, 12, 14]).into_iter().next().unwrap_or_else(|| "python3".into());
    let mut slow = [Contender::new("pip install -t, then zip -qr", || pip_and_zip(&python, folder.path()))
        .after(|| {
            let _ = std::fs::remove_dir_all(folder.path().join("site"));
            let _ = std::fs::remove_file(folder.path().join("pip.zip"));
        })];
    in_turns(&mut slow, slow_runs);
    let title = format!("Against pip (warm cache, {}) and zip, {slow_runs} runs", python.display());
    println!("{}", table(&title, &[&quick[1], &slow[0]]));
}

/// The least that can be done with the wheels: read them, write them one after another, hash what is written.
fn floor(wheels: &[PathBuf], file: &Path) {
    let mut out = File::create(file).expect("a file in our own folder");
    let mut hasher = Sha256::new();
    for wheel in wheels {
        let bytes = std::fs::read(wheel).expect("a wheel of the cache");
        hasher.update(&bytes);
        out.write_all(&bytes).expect("space on the disk");
    }
    std::hint::black_box(hasher.finalize());
}

fn pip_and_zip(python: &Path, folder: &Path) {
    let site = folder.join("site");
    let mut pip = clean(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]);
    succeed(pip.arg(site.join("python")).args(REQUIREMENTS));
    succeed(clean("zip").args(["-qr", "../pip.zip", "python"]).current_dir(&site));
}

fn wheels_in(cache: &Path) -> Vec<PathBuf> {
    let folders = ["files", "built"].map(|name| cache.join(name));
    let entries =
        |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut wheels: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| entries(folder).collect::<Vec<_>>())
        .flat_map(|folder| entries(&folder).collect::<Vec<_>>())
        .filter(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .collect();
    wheels.sort();
    wheels
}

fn succeed(command: &mut Command) {
    let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.unwrap_or_else(|error| panic!("failed to start {command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}
