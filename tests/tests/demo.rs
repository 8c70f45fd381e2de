//! `cargo xtask demo`: it shows what it promises, and leaves nothing behind, however it ends.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tests::command::{Outcome, Reach, binary, clean, run, signal, workspace};
use tests::tools::Tool;

/// What would lead it astray, if it listened.
const ASTRAY: [(&str, &str); 8] = [
    ("AWS_PROFILE", "production"),
    ("AWS_REGION", "nowhere-1"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
    ("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:1"),
    ("AWS_ACCESS_KEY_ID", "AKIAREAL"),
    ("AWS_CONFIG_FILE", "/nowhere"),
    ("CI", "true"),
    ("XTASK_CALLED_AS", "cargo xtask demo"),
];

fn demo(temporary: &TempDir, arguments: &[&str]) -> Command {
    for tool in ["local-aws", "aws-cli"] {
        Tool::install(tool).unwrap();
    }
    let mut command = clean(binary("demo"));
    command.args(arguments).envs(ASTRAY).env("TMPDIR", temporary.path()).current_dir(workspace());
    command
}

/// What of the repository could have changed.
fn repository() -> Vec<(String, Vec<u8>)> {
    let mut seen = Vec::new();
    let git = clean("git").args(["status", "--porcelain"]).current_dir(workspace()).output();
    seen.extend(git.map(|output| ("git status".to_owned(), output.stdout)));
    let layers = workspace().join("target/layers");
    for folder in [workspace(), workspace().join("tests/example"), layers] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_file() {
                seen.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
    }
    seen.sort();
    seen
}

/// Where its local AWS was, if it came so far.
fn address(said: &str) -> Option<SocketAddr> {
    let (_, rest) = said.split_once("a local AWS at http://")?;
    Some(rest.lines().next().unwrap().parse().unwrap())
}

#[track_caller]
fn nothing_is_left(said: &str, temporary: &TempDir) {
    let server = address(said).filter(|address| TcpStream::connect(address).is_ok());
    assert_eq!(server, None, "the server is still there");
    // Its local AWS has a folder of its own there, as long as it runs.
    let left = std::fs::read_dir(temporary.path()).unwrap().flatten().map(|entry| entry.path());
    assert_eq!(left.collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

#[test]
fn pypi_demo_ends_with_version_2_and_leaves_nothing() {
    let (before, temporary) = (repository(), TempDir::new().unwrap());
    let Outcome { stdout, stderr, .. } = run(&mut demo(&temporary, &[])).expect_code(0);
    assert!(before == repository(), "the repository is not as it was");
    nothing_is_left(&stderr, &temporary);

    let mut arns = Vec::new();
    for version in [1, 1, 2] {
        for region in ["us-west-2", "eu-west-1"] {
            arns.push(format!("arn:aws:lambda:{region}:000000000000:layer:sosw:{version}"));
        }
    }
    assert_eq!(stdout.lines().filter(|line| line.starts_with("arn:")).collect::<Vec<_>>(), arns);
    assert!(
        stdout.contains("\n+        - !Sub \"arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:1\"")
    );
    for said in [
        "Published us-west-2: version 1",
        "Bumped cloudformation.yaml: sosw placeholder to 1",
        "Unchanged eu-west-1: version 1 has this content",
        "Changed tenacity ",
        "Published eu-west-1: version 2",
        "Bumped cloudformation.yaml: sosw 1 to 2",
        "Bumped sam.yaml: sosw 1 to 2",
    ] {
        assert!(stderr.contains(said), "`{said}` is not in:\n{stderr}");
    }
    // Its own words fit 80 columns, and are plain where nobody looks.
    assert!(!stderr.contains('\u{1b}') && !stdout.contains('\u{1b}'));
    let is_ours =
        |line: &&str| line.starts_with('$') || line.starts_with(|first: char| first.is_ascii_digit());
    let ours = stderr.lines().filter(is_ours).collect::<Vec<_>>();
    assert!(ours.len() >= 18 && ours.iter().all(|line| line.chars().count() <= 80), "{ours:#?}");
}

#[test]
fn pypi_demo_keeps_its_folder_if_asked() {
    let temporary = TempDir::new().unwrap();
    let said = run(&mut demo(&temporary, &["--keep"])).expect_code(0).stderr;
    assert!(TcpStream::connect(address(&said).unwrap()).is_err(), "the server is still there");
    let (_, rest) = said.split_once("Kept ").unwrap();
    let folder = Path::new(rest.lines().next().unwrap());
    let ledger = std::fs::read_to_string(folder.join("layer-versions.json")).unwrap();
    assert_eq!(ledger.matches("layer:sosw:2\"").count(), 2);
    assert!(std::fs::read_to_string(folder.join("sam.yaml")).unwrap().contains("layer:sosw:2\n"));
}

#[test]
fn pypi_demo_interrupted_leaves_nothing() {
    let before = repository();
    let moments = [
        // The local AWS is about to start.
        ("nothing of yours is touched", Reach::Group, "INT"),
        ("$ cargo xtask publish", Reach::Group, "INT"),
        ("$ cargo xtask publish", Reach::Process, "TERM"),
        // uv is at work then.
        ("     Locking ", Reach::Group, "INT"),
    ];
    for (moment, reach, name) in moments {
        let temporary = TempDir::new().unwrap();
        let mut command = demo(&temporary, &[]);
        let mut child =
            command.process_group(0).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut stderr, mut said) = (BufReader::new(child.stderr.take().unwrap()), String::new());
        while !said.contains(moment) {
            assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "it never came to `{moment}`:\n{said}");
        }
        signal(&child, reach, name);
        let code = child.wait().unwrap().code();
        nothing_is_left(&said, &temporary);
        stderr.read_to_string(&mut said).unwrap();
        assert_eq!(code, Some(130), "{said}");
        assert!(said.contains("     Stopped ") && !said.contains("error:"), "{said}");
    }
    assert!(before == repository(), "the repository is not as it was");
}

#[test]
fn pypi_demo_that_fails_says_so_and_leaves_nothing() {
    let temporary = TempDir::new().unwrap();
    let mut command = demo(&temporary, &[]);
    let outcome = run(command.env("LAYER_BUILDER_CACHE_DIR", "/dev/null/nowhere")).expect_code(1);
    assert!(outcome.stderr.contains("error: `cargo xtask build-layer` ended with "), "{}", outcome.stderr);
    nothing_is_left(&outcome.stderr, &temporary);
}
