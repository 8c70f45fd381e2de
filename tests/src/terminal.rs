//! The publisher on a terminal of its own, by util-linux's `script`.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::command::{clean, skipped};
use crate::world::{Run, World};

/// The key that ends what goes on, as `line` of [`answering`]: nothing is typed behind it.
pub const CTRL_C: &str = "\u{3}";

/// Whether there is a `script` that gives programs a terminal; says that the test was left out if there is none.
pub fn is_there(test: &str) -> bool {
    let found = cfg!(target_os = "linux") && clean("script").arg("--version").output().is_ok();
    if !found {
        skipped(test, "found no `script` of util-linux");
    }
    found
}

/// The publisher with these arguments, which a shell reads, on a terminal; not started yet.
pub fn on_a_terminal(world: &World, arguments: &str) -> Command {
    let publisher = world.command(&[]);
    let mut command = clean("script");
    let line = format!("exec '{}' {arguments}", publisher.get_program().display());
    command.args(["-qec", &line, "/dev/null"]).current_dir(world.project.folder());
    command.envs(publisher.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("TERM", "xterm");
    command
}

/// The same, where somebody sits at the terminal and types this line once `question` is on the screen. What was on the
/// screen is standard output.
pub fn answering(world: &World, arguments: &str, question: &str, line: &str) -> Run {
    world.proxy.take_calls();
    let mut command = on_a_terminal(world, arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // The keyboard stays until the end: without it the terminal says that nobody sits there.
    let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut is_typed = false;
    let (mut seen, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let count = screen.read(&mut part).unwrap();
        if count == 0 {
            break;
        }
        seen.extend_from_slice(&part[..count]);
        let asked = String::from_utf8_lossy(&seen).contains(question);
        if asked && !is_typed {
            let enter = if line == CTRL_C { "" } else { "\n" };
            write!(keys, "{line}{enter}").unwrap();
            is_typed = true;
        }
    }
    let status = child.wait().unwrap();
    assert!(is_typed, "`{question}` was not asked:\n{}", String::from_utf8_lossy(&seen));
    Run::new(std::process::Output { status, stdout: seen, stderr: Vec::new() }, world.proxy.take_calls())
}
