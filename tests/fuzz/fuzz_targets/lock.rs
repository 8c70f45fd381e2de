//! Any text as a lock, of ours or of PEP 751, and as the answer about its files: nothing panics, and what is accepted says
//! the same when it is written and read again.

#![no_main]

use std::path::Path;

use layer_builder::config::WheelPreference;
use layer_builder::lock::files::FileIndex;
use layer_builder::lock::{Lock, LockedPackage, Pin, pylock};
use layer_builder::requirement::{self, Wanted};
use layer_builder::target::{Architecture, Runtimes, Target};
use layer_builder::wheels::select::{select, unserved};
use layer_builder::wheels::tags::WheelName;
use libfuzzer_sys::fuzz_target;

/// A lock as the tools write it.
fn written(lock: &Lock) -> String {
    let mut text = String::new();
    for package in &lock.packages {
        let pin = match &package.pin {
            Pin::Version { version, .. } => format!("=={version}"),
            Pin::Commit(commit) => {
                let folder = commit.subdirectory.iter().map(|folder| format!("#subdirectory={folder}"));
                format!(" @ git+{}@{}{}", commit.url, commit.commit, folder.collect::<String>())
            }
        };
        let marker = package.marker.contents().map(|marker| format!(" ; {marker}")).unwrap_or_default();
        let hashes = package.hashes().map(|hash| format!(" \\\n    --hash=sha256:{hash}"));
        text += &format!("{}{pin}{marker}{}\n", package.name, hashes.collect::<String>());
    }
    text
}

fn read(text: &str) -> Option<Lock> {
    Lock::parse(Path::new("requirements.x.txt"), text.as_bytes()).ok()
}

fn targets() -> [Target; 2] {
    [("3.11", Architecture::X86_64), ("3.13", Architecture::Arm64)].map(|(python, architecture)| {
        let python = python.parse().expect("a version");
        let glibc_minor = Runtimes::default().get(python).expect("a runtime").glibc_minor;
        Target { python, architecture, glibc_minor }
    })
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        let _ = Lock::parse(Path::new("requirements.x.txt"), data);
        return;
    };
    for line in text.lines() {
        let _ = Wanted::parse(line);
        let _ = requirement::parse(line);
        if let Ok(name) = WheelName::parse(line) {
            targets().iter().for_each(|target| drop(name.refusal(*target)));
        }
    }
    if let Ok(lock) = pylock::parse(Path::new("pylock.toml"), data) {
        let given = lock.given.clone().unwrap_or_default();
        let _ = select(&lock, &given.files, &targets(), WheelPreference::Native);
    }
    // A lock, and behind a line of its own what was answered about it.
    let (locked, answer) = text.split_once("\n===\n").unwrap_or((text, text));
    let lock = read(locked);
    if let Some(lock) = &lock {
        let again = read(&written(lock)).expect("what was written can be read");
        let says = |lock: &Lock| {
            let says = |package: &LockedPackage| format!("{} {:?} {:?}", package.name, package.marker, package.pin);
            lock.packages.iter().map(says).collect::<Vec<_>>()
        };
        assert_eq!(says(lock), says(&again));
    }
    if let Ok(index) = FileIndex::from_pylock(answer) {
        let json = serde_json::to_string(&index).expect("it can be kept");
        let again: FileIndex = serde_json::from_str(&json).expect("what is kept can be read");
        assert_eq!(json, serde_json::to_string(&again).expect("it can be kept"));
        if let Some(lock) = &lock {
            let index = index.allowed_by(lock);
            let _ = select(lock, &index, &targets(), WheelPreference::Pure);
            let _ = unserved(lock, &index, &targets());
            let _ = index.without_their_wheels(lock).count();
        }
    }
});
