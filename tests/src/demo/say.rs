//! What the demo says, on standard error: in 80 columns, and plain where that is no terminal.

use std::fmt::Display;
use std::io::Write;

use anstyle::{AnsiColor, Style};

const TITLE: Style = Style::new().bold();
const PROMPT: Style = AnsiColor::Cyan.on_default().bold();
const VERB: Style = AnsiColor::Green.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();

/// The number and the one line of a step, after an empty line.
pub(super) fn step(number: usize, text: &str) {
    line(format!("\n{TITLE}{number}. {text}{TITLE:#}"));
}

/// A command, as it can be typed.
pub(super) fn command(text: &str) {
    line(format!("{PROMPT}${PROMPT:#} {text}"));
}

/// A verb in 12 columns, as the tools themselves speak.
pub(super) fn status(verb: &str, text: impl Display) {
    line(format!("{VERB}{verb:>12}{VERB:#} {text}"));
}

/// Words of ours.
pub(super) fn plain(text: impl Display) {
    line(text);
}

/// What failed, and why.
pub(super) fn error(error: &anyhow::Error) {
    line(format!("{ERROR}error{ERROR:#}: {error}"));
    for cause in error.chain().skip(1) {
        line(format!("  Caused by: {cause}"));
    }
}

/// Whoever has closed the terminal behind us has seen enough.
fn line(text: impl Display) {
    let mut err = anstream::stderr().lock();
    let _ = writeln!(err, "{text}").and_then(|()| err.flush());
}
