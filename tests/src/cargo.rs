//! Compiling the binaries that a command of this package starts: `cargo xtask` has compiled that command alone.

use std::io::{IsTerminal, Read, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::command::workspace;
use crate::interrupt::Interrupts;

/// Builds them, if anything has changed; silent if nothing has. The environment is ours, as it is: another one would
/// compile everything anew. Whoever listens for interrupts gets an [`Interrupted`](crate::interrupt::Interrupted) when
/// one comes.
pub fn build(binaries: &[&str], interrupts: Option<&Interrupts>) -> Result<()> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg("build").arg("--manifest-path").arg(workspace().join("Cargo.toml"));
    command.args(binaries.iter().flat_map(|binary| ["--bin", binary]));
    if std::io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb") {
        let colourless = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        command.env("CARGO_TERM_COLOR", if colourless { "never" } else { "always" });
        command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "80");
    }
    let mut cargo = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("failed to start cargo")?;
    let mut stderr = cargo.stderr.take().context("cargo has no standard error")?;
    let passing_on = std::thread::spawn(move || {
        let (mut line, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = stderr.read(&mut buffer) {
            for &byte in &buffer[..count] {
                line.push(byte);
                if byte == b'\n' || byte == b'\r' {
                    pass_on(&line);
                    line.clear();
                }
            }
        }
        pass_on(&line);
    });
    let status = match interrupts {
        Some(interrupts) => interrupts.wait(&mut cargo),
        None => cargo.wait().context("failed to wait for cargo"),
    };
    let _ = passing_on.join();
    if !status?.success() {
        bail!("failed to compile what this needs");
    }
    Ok(())
}

/// All but the line that says that there was nothing to do.
fn pass_on(line: &[u8]) {
    const ERASE_LINE: &str = "\x1b[K";
    let text = String::from_utf8_lossy(line);
    let mut out = std::io::stderr();
    let _ = if anstream::adapter::strip_str(&text).to_string().trim_start().starts_with("Finished ") {
        // A progress bar before it still has to be wiped.
        out.write_all(if text.contains(ERASE_LINE) { ERASE_LINE.as_bytes() } else { b"" })
    } else {
        out.write_all(line)
    };
    let _ = out.flush();
}
