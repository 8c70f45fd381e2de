//! A local AWS of its own, from its start to Ctrl-C: what `cargo xtask local-aws` does.

use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::{Result, bail};

use super::{ACCESS_KEY, ACCOUNT, LocalAws, SECRET_KEY};
use crate::cargo;
use crate::interrupt::{Interrupted, Interrupts};
use crate::tools::Tool;

/// The region for whoever does not name one.
const REGION: &str = "us-west-2";
/// How often the server is looked after.
const TICK: Duration = Duration::from_millis(500);
/// What would make tools look elsewhere, or show other credentials.
const IN_THE_WAY: [&str; 4] = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"];

/// Starts it, says where it is, and waits for the end. Being told to end is no failure.
#[expect(clippy::print_stderr, reason = "the edge of a command")]
pub fn run() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Interrupted>() => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  Caused by: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the edge of a command")]
fn serve() -> Result<()> {
    let interrupts = Interrupts::listen()?;
    // It makes the environment that the server runs in.
    cargo::build(&["layer-builder"], Some(&interrupts))?;
    if !Tool::is_installed("local-aws") {
        eprintln!("  Installing the local AWS into target/tools, once");
    }
    let mut local = LocalAws::start()?;
    interrupts.check()?;
    end_with_standard_input(interrupts.sender());
    eprintln!("     Started a local AWS: every region, account {ACCOUNT}; it forgets all when it ends");
    eprintln!("note: run these lines in another terminal; Ctrl-C here ends it");
    // Whoever has closed the pipe behind us has seen enough.
    let mut out = std::io::stdout();
    let _ = out.write_all(exports(&local.url()).as_bytes()).and_then(|()| out.flush());
    while !interrupts.comes_within(TICK) {
        if local.has_ended() {
            bail!("the local AWS has ended by itself");
        }
    }
    Ok(())
}

/// Lines for a shell.
fn exports(url: &str) -> String {
    let set = |name: &&&str| std::env::var_os(name).is_some();
    let in_the_way = IN_THE_WAY.iter().filter(set).copied().collect::<Vec<_>>();
    let unset =
        if in_the_way.is_empty() { String::new() } else { format!("unset {}\n", in_the_way.join(" ")) };
    format!(
        "{unset}export AWS_ENDPOINT_URL={url}\nexport AWS_ACCESS_KEY_ID={ACCESS_KEY}\n\
         export AWS_SECRET_ACCESS_KEY={SECRET_KEY}\nexport AWS_DEFAULT_REGION={REGION}\n"
    )
}

/// Whoever holds the other end of a pipe ends us by closing it, or by being gone. A terminal is not read: in the
/// background that would stop us. Neither is a null device, which ends at once.
fn end_with_standard_input(end: Sender<()>) {
    if is_pipe() {
        std::thread::spawn(move || {
            let mut sink = [0; 1024];
            while matches!(std::io::stdin().read(&mut sink), Ok(1..)) {}
            let _ = end.send(());
        });
    }
}

#[cfg(unix)]
fn is_pipe() -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileTypeExt;
    let standard_input = std::io::stdin().as_fd().try_clone_to_owned().map(std::fs::File::from);
    let kind = standard_input.and_then(|file| file.metadata()).map(|file| file.file_type());
    kind.is_ok_and(|kind| kind.is_fifo() || kind.is_socket())
}

#[cfg(not(unix))]
fn is_pipe() -> bool {
    !std::io::IsTerminal::is_terminal(&std::io::stdin())
}
