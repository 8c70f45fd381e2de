//! Told to end while files are staged: nothing is written, nothing is left lying about, not by a run before it either, and
//! the exit code names the signal.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use tests::command::{Reach, signal};

mod harness;
use harness::{Project, arn, function};

/// Every file of a folder, with its text.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let read =
        |entry: fs::DirEntry| Some((entry.file_name().into_string().unwrap(), fs::read(entry.path()).ok()?));
    entries.filter_map(read).collect()
}

/// What a killed run has left.
const LEFT: &str = ".template-tools-left.tmp";

fn is_staged(name: &str) -> bool {
    name.starts_with(".template-tools-") && name != LEFT
}

/// A file that some run has left more than an hour ago.
fn leave(project: &Project) {
    let file = fs::File::create(project.path(LEFT)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_hours(2)).unwrap();
}

fn bump(project: &Project) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_template-tools"));
    command.args(["bump", "--layer", "sosw", "--version", "12"]).current_dir(project.root()).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Halts a run while it stages, and lets it go on with the signal; nothing if it was too quick for that.
fn interrupted(project: &Project, before: &BTreeMap<String, Vec<u8>>, name: &str) -> Option<(i32, String)> {
    let mut run = bump(project);
    let names = || fs::read_dir(project.root()).unwrap().map(|entry| entry.unwrap().file_name());
    while !names().any(|name| is_staged(&name.to_string_lossy())) {
        if run.try_wait().unwrap().is_some() {
            return None;
        }
    }
    signal(&run, Reach::Process, "STOP");
    // A signal is taken at the next system call: only what is the same twice has stopped.
    let mut now = files(project.root());
    loop {
        let next = files(project.root());
        if next == now {
            break;
        }
        now = next;
    }
    let staged = now.keys().filter(|name| is_staged(name)).count();
    let is_staging =
        (1..before.len() / 2).contains(&staged) && before.iter().all(|(name, text)| now[name] == *text);
    signal(&run, Reach::Process, name);
    signal(&run, Reach::Process, "CONT");
    let output = run.wait_with_output().unwrap();
    let code = output.status.code().unwrap();
    is_staging.then(|| (code, String::from_utf8(output.stderr).unwrap()))
}

#[test]
fn the_exit_code_names_the_signal_and_nothing_is_written() {
    for (name, code) in [("HUP", 129), ("INT", 130), ("TERM", 143)] {
        let mut count = 200;
        let (ended, said) = loop {
            let project = Project::new();
            for number in 0..count {
                project.write(&format!("{number}.yaml"), &function(&[&arn("sosw", "7")]));
            }
            let before = files(project.root());
            leave(&project);
            if let Some(outcome) = interrupted(&project, &before, name) {
                assert_eq!(
                    files(project.root()).keys().collect::<Vec<_>>(),
                    before.keys().collect::<Vec<_>>()
                );
                assert!(files(project.root()) == before, "something was written after {name}");
                break outcome;
            }
            // It was done with staging before it could be halted.
            count = (2 * count).min(6400);
        };
        assert_eq!(ended, code, "after {name}:\n{said}");
        assert!(said.contains("Stopped nothing was written"), "{said}");
    }
}
