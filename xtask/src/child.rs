//! Starting the binary of another package: built first if it has to be, then put in our own place.
//!
//! Arguments, terminal, signals and exit code are the child's; nothing of ours stands between.

use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

/// Tells the child under which name it was called, so that its usage lines and hints can be typed as they stand.
const CALLED_AS: &str = "XTASK_CALLED_AS";

/// Builds the binary `bin` if needed and becomes it.
pub(crate) fn start(bin: &str, subcommand: &str, name: &str, arguments: &[OsString]) -> Result<ExitCode> {
    match prepare(bin, subcommand, name)? {
        Prepared::Ready(command) => replace_by(command, arguments),
        Prepared::Failed(code) => Ok(code),
    }
}

/// A child that can be started, or the exit code of the cargo that could not build it.
pub(crate) enum Prepared {
    /// It lacks its arguments only.
    Ready(Command),
    /// cargo has said why.
    Failed(ExitCode),
}

/// Builds the binary `bin` if needed; `name` is what was typed after `cargo xtask`.
pub(crate) fn prepare(bin: &str, subcommand: &str, name: &str) -> Result<Prepared> {
    let executable = match build(bin)? {
        Built::Executable(path) => path,
        Built::Failed(code) => return Ok(Prepared::Failed(code)),
    };
    let mut command = Command::new(&executable);
    if !subcommand.is_empty() {
        command.arg(subcommand);
    }
    command.env(CALLED_AS, format!("cargo xtask {name}"));
    scrub(&mut command);
    Ok(Prepared::Ready(command))
}

/// Becomes the child.
pub(crate) fn replace_by(mut command: Command, arguments: &[OsString]) -> Result<ExitCode> {
    command.args(arguments);
    let program = command.get_program().to_owned();
    become_it(command).with_context(|| format!("failed to start `{}`", program.display()))
}

/// Runs the child to its end.
pub(crate) fn run(mut command: Command, arguments: &[OsString]) -> Result<ExitStatus> {
    let program = command.get_program().to_owned();
    command.args(arguments).status().with_context(|| format!("failed to start `{}`", program.display()))
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let manifest = PathBuf::from(manifest);
    manifest.parent().map_or_else(|| manifest.clone(), Path::to_path_buf)
}

/// A cargo without what the outer cargo has set for us: build scripts that look at `CARGO_MANIFEST_DIR` or
/// `CARGO_PKG_*` (ring's is one) would otherwise run again, and all above them compile again, at every switch
/// between `cargo build` and `cargo xtask`.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    scrub(&mut command);
    command
}

/// The exit code of a child as a shell would give it: 128+n for signal n.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX));
    }
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

fn scrub(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let lossy = name.to_string_lossy();
        if lossy.starts_with("CARGO_PKG_") || lossy.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}

enum Built {
    Executable(PathBuf),
    Failed(ExitCode),
}

/// `cargo build`, by the manifest of the workspace and not by package: features then resolve as for everything else,
/// and nothing compiles twice. What cargo says is shown, but for the line that says that there was nothing to do.
fn build(bin: &str) -> Result<Built> {
    let to_terminal = std::io::stderr().is_terminal();
    let mut command = cargo();
    command
        .args(["build", "--message-format", "json-render-diagnostics", "--bin", bin, "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if to_terminal && std::env::var_os("TERM").is_some_and(|term| term != "dumb") {
        let color = if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
            "never"
        } else {
            "always"
        };
        default_to(&mut command, "CARGO_TERM_COLOR", color);
        default_to(&mut command, "CARGO_TERM_PROGRESS_WHEN", "always");
        default_to(&mut command, "CARGO_TERM_PROGRESS_WIDTH", "80");
    }
    let mut cargo = command.spawn().context("failed to start cargo")?;
    let messages = read_messages(&mut cargo, bin)?;
    let status = cargo.wait().context("failed to wait for cargo")?;
    if !status.success() {
        return Ok(Built::Failed(exit_code(status)));
    }
    match messages {
        Some(path) => Ok(Built::Executable(path)),
        None => bail!("cargo built `{bin}` but named no executable"),
    }
}

fn default_to(command: &mut Command, name: &str, value: &str) {
    if std::env::var_os(name).is_none() {
        command.env(name, value);
    }
}

/// Passes cargo's standard error on while it comes, and finds the executable in the messages on standard output.
fn read_messages(cargo: &mut Child, bin: &str) -> Result<Option<PathBuf>> {
    let mut stderr = cargo.stderr.take().context("cargo has no standard error")?;
    let mut stdout = cargo.stdout.take().context("cargo has no standard output")?;
    let passing_on = std::thread::spawn(move || {
        let mut filter = Filter::default();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stderr.read(&mut buffer) {
            let text = filter.feed(&buffer[..count]);
            let _ = std::io::stderr().write_all(&text);
        }
        let _ = std::io::stderr().write_all(&filter.rest());
    });
    let mut text = String::new();
    stdout.read_to_string(&mut text).context("failed to read what cargo says")?;
    let _ = passing_on.join();
    Ok(executable_in(&text, bin))
}

/// The `executable` of the last artifact whose file is named after the binary. The messages are JSON, one on a line;
/// reading this one field does not need a JSON library.
fn executable_in(messages: &str, bin: &str) -> Option<PathBuf> {
    const KEY: &str = "\"executable\":\"";
    messages.lines().rev().find_map(|line| {
        let value = &line[line.find(KEY)? + KEY.len()..];
        let mut path = String::new();
        let mut characters = value.chars();
        loop {
            match characters.next()? {
                '"' => break,
                '\\' => path.push(characters.next()?),
                character => path.push(character),
            }
        }
        let path = PathBuf::from(path);
        (path.file_stem() == Some(OsStr::new(bin))).then_some(path)
    })
}

const ERASE_LINE: &[u8] = b"\x1b[K";

/// Leaves out the lines of cargo that say that all is done; what else it says, and how it moves on a terminal, passes.
#[derive(Default)]
struct Filter {
    line: Vec<u8>,
}

impl Filter {
    fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut passed = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            self.line.push(byte);
            match byte {
                b'\n' if is_finished(&self.line) => {
                    // A progress bar before it still has to be wiped.
                    if self.line.windows(ERASE_LINE.len()).any(|bytes| bytes == ERASE_LINE) {
                        passed.extend_from_slice(ERASE_LINE);
                    }
                    self.line.clear();
                }
                b'\n' | b'\r' => passed.append(&mut self.line),
                _ => {}
            }
        }
        passed
    }

    fn rest(self) -> Vec<u8> {
        self.line
    }
}

fn is_finished(line: &[u8]) -> bool {
    let mut text = String::new();
    let mut characters = std::str::from_utf8(line).unwrap_or_default().chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // A control sequence ends with its first letter.
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            text.push(character);
        }
    }
    text.trim_start().starts_with("Finished ")
}

#[cfg(unix)]
fn become_it(mut command: Command) -> Result<ExitCode> {
    // With `status()` Ctrl-C would give the prompt back before the child has cleaned up.
    Err(std::os::unix::process::CommandExt::exec(&mut command).into())
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> Result<ExitCode> {
    Ok(exit_code(command.status()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(pieces: &[&str]) -> String {
        let mut filter = Filter::default();
        let mut passed = Vec::new();
        for piece in pieces {
            passed.extend(filter.feed(piece.as_bytes()));
        }
        passed.extend(filter.rest());
        String::from_utf8(passed).unwrap()
    }

    #[test]
    fn cargo_is_silent_when_there_was_nothing_to_do() {
        assert_eq!(filtered(&["    Finished `dev` profile in 0.04s\n"]), "");
        assert_eq!(filtered(&["    Fin", "ished `dev` profile in 0.04s\n"]), "");
        assert_eq!(filtered(&["\u{1b}[1m\u{1b}[92m    Finished\u{1b}[0m `dev`\n"]), "");
        assert_eq!(
            filtered(&["Building\r\u{1b}[K\u{1b}[1m    Finished\u{1b}[0m `dev`\n"]),
            "Building\r\u{1b}[K"
        );
    }

    #[test]
    fn compiler_progress_and_diagnostics_stay_visible() {
        let text = "   Compiling sha2 v0.11.1\nwarning: unused `Finished `\n    Finished `dev`\nerror: no";
        assert_eq!(filtered(&[text]), "   Compiling sha2 v0.11.1\nwarning: unused `Finished `\nerror: no");
        assert_eq!(filtered(&["Building 1/2\rBuil", "ding 2/2\r"]), "Building 1/2\rBuilding 2/2\r");
    }

    #[test]
    fn the_executable_is_read_from_cargos_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","executable":"/a \"b\"/target/debug/layer-builder","fresh":true}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        let expected = PathBuf::from("/a \"b\"/target/debug/layer-builder");
        assert_eq!(executable_in(messages, "layer-builder"), Some(expected));
        assert_eq!(executable_in(messages, "layer-publisher"), None);
    }
}
