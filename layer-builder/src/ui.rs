//! The only printer of this crate: verbs, notes, warnings and errors on standard error, results on standard output.
//!
//! Nothing is decided here. A closed pipe is no error: whoever reads us has seen enough.

use std::cell::Cell;
use std::error::Error;
use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::path::Path;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};

use crate::indexes::without_userinfo;

const VERB: Style = AnsiColor::Green.on_default().bold();
const FAILED_VERB: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Cyan.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Warnings and errors only.
    Quiet,
    /// What is being done, and what came of it.
    #[default]
    Normal,
    /// Details that matter when something is wrong.
    Verbose,
}

/// Says what happens, on standard error, and what came of it, on standard output.
#[derive(Debug)]
pub struct Ui {
    verbosity: Verbosity,
    color: ColorChoice,
    lost: Cell<Option<std::io::ErrorKind>>,
}

impl Ui {
    /// A printer that is as loud and as colourful as asked.
    pub fn new(verbosity: Verbosity, color: ColorChoice) -> Self {
        Self { verbosity, color, lost: Cell::new(None) }
    }

    /// `     Reading sosw.zip`: a verb, right-aligned in 12 columns, and what it is done to.
    pub fn status(&self, verb: &str, text: impl Display) {
        self.verb(VERB, verb, &text);
    }

    /// Like [`Ui::status`], for what did not work out.
    pub fn failed(&self, verb: &str, text: impl Display) {
        self.verb(FAILED_VERB, verb, &text);
    }

    /// A detail, for `--verbose` only.
    pub fn detail(&self, verb: &str, text: impl Display) {
        if self.verbosity >= Verbosity::Verbose {
            self.verb(NOTE, verb, &text);
        }
    }

    /// Something worth knowing.
    pub fn note(&self, text: impl Display) {
        if self.verbosity >= Verbosity::Normal {
            self.labelled(NOTE, "note", &text);
        }
    }

    /// Something that may be wrong.
    pub fn warning(&self, text: impl Display) {
        self.labelled(WARNING, "warning", &text);
    }

    /// Another line of the last warning.
    pub fn more(&self, text: impl Display) {
        self.line(&format!("         {}", plain(&text)));
    }

    /// What failed, why, and after a blank line what to type next.
    pub fn error(&self, error: &(dyn Error + 'static), hint: Option<&str>) {
        self.labelled(ERROR, "error", &error);
        let mut cause = error.source();
        while let Some(error) = cause {
            for (index, line) in error.to_string().lines().enumerate() {
                let lead = if index == 0 { "  Caused by: " } else { "             " };
                self.line(&format!("{lead}{}", plain(&line)));
            }
            cause = error.source();
        }
        if let Some(hint) = hint {
            self.line("");
            self.labelled(NOTE, "hint", &hint);
        }
    }

    /// A result, on standard output. Whether it got there is for [`Ui::lost_results`] to tell.
    pub fn result(&self, text: impl Display) {
        let mut out = AutoStream::new(std::io::stdout(), self.color);
        if let Err(error) = writeln!(out, "{}", plain(&text)).and_then(|()| out.flush())
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            self.lost.set(Some(error.kind()));
        }
    }

    /// Why results did not get out, if some did not. A closed pipe does not count.
    pub fn lost_results(&self) -> Option<std::io::ErrorKind> {
        self.lost.get()
    }

    /// A bar for so many bytes, where one that moves is wanted: on a terminal, unless we are to be quiet.
    pub fn bar(&self, total: u64) -> ProgressBar {
        if self.verbosity < Verbosity::Normal || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(total);
        let template = "{spinner:>12} [{bar:24}] {decimal_bytes} of {decimal_total_bytes}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar
    }

    fn verb(&self, style: Style, verb: &str, text: &dyn Display) {
        if self.verbosity >= Verbosity::Normal {
            self.line(&format!("{style}{verb:>12}{style:#} {}", plain(text)));
        }
    }

    fn labelled(&self, style: Style, label: &str, text: &dyn Display) {
        self.line(&format!("{style}{label}{style:#}: {}", plain(text)));
    }

    fn line(&self, text: &str) {
        let mut err = AutoStream::new(std::io::stderr(), self.color);
        // Whoever said it, and however it got there: no password in an address is shown.
        let _ = writeln!(err, "{}", without_userinfo(text));
    }
}

/// The text without what a terminal would take for a command: names and metadata of packages are a stranger's.
fn plain(text: &dyn Display) -> String {
    let text = text.to_string();
    if !text.contains(|character: char| character.is_control() && character != '\n') {
        return text;
    }
    let plain = |character: char| match character {
        '\n' | '\t' => character.to_string(),
        other if other.is_control() => other.escape_default().to_string(),
        other => other.to_string(),
    };
    text.chars().map(plain).collect()
}

/// `a/b` for a path below the current folder, the whole path elsewhere.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}

/// `19.0 MB`: bytes in millions, with one decimal; below 100 kB in kB.
pub fn megabytes(bytes: u64) -> String {
    if bytes < 100_000 {
        format!("{:.1} kB", bytes as f64 / 1e3)
    } else {
        format!("{:.1} MB", bytes as f64 / 1e6)
    }
}

/// `1 file`, `2 files`.
pub fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_commands_the_terminal() {
        assert_eq!(plain(&"a \u{1b}[2Jb\r\0\u{9b}c\n\td"), "a \\u{1b}[2Jb\\r\\u{0}\\u{9b}c\n\td");
        assert_eq!(plain(&"größer\n"), "größer\n");
    }
}
