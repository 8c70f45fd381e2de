//! The only printer of this crate: verbs, notes, warnings and errors on standard error, results on standard output.
//!
//! Nothing is decided here. A closed pipe is no error: whoever reads us has seen enough.

use std::error::Error;
use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::sync::OnceLock;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

const VERB: Style = AnsiColor::Green.on_default().bold();
const FAILED_VERB: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Cyan.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Warnings and errors only.
    Quiet,
    /// What is being done, and what came of it.
    #[default]
    Normal,
    /// Details that matter when something is wrong.
    Verbose,
}

/// Says what happens, on standard error, and what came of it, on standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ui {
    verbosity: Verbosity,
    color: ColorChoice,
}

impl Ui {
    /// A printer that is as loud and as colourful as asked.
    pub(crate) fn new(verbosity: Verbosity, color: ColorChoice) -> Self {
        Self { verbosity, color }
    }

    /// `     Reading sosw.zip`: a verb, right-aligned in 12 columns, and what it is done to.
    pub(crate) fn status(self, verb: &str, text: impl Display) {
        self.verb(VERB, verb, &text);
    }

    /// Like [`Ui::status`], for what did not work out.
    pub(crate) fn failed(self, verb: &str, text: impl Display) {
        self.verb(FAILED_VERB, verb, &text);
    }

    /// A detail, for `--verbose` only.
    pub(crate) fn detail(self, verb: &str, text: impl Display) {
        if self.verbosity >= Verbosity::Verbose {
            self.verb(NOTE, verb, &text);
        }
    }

    /// Something worth knowing.
    pub(crate) fn note(self, text: impl Display) {
        if self.verbosity >= Verbosity::Normal {
            self.labelled(NOTE, "note", &text);
        }
    }

    /// Something that may be wrong.
    pub(crate) fn warning(self, text: impl Display) {
        self.labelled(WARNING, "warning", &text);
    }

    /// What failed, and why.
    pub(crate) fn error(self, error: &(dyn Error + 'static)) {
        self.labelled(ERROR, "error", &error);
        let mut cause = error.source();
        while let Some(error) = cause {
            for (index, line) in error.to_string().lines().enumerate() {
                let lead = if index == 0 { "  Caused by: " } else { "             " };
                self.line(&format!("{lead}{}", harmless(line)));
            }
            cause = error.source();
        }
    }

    /// After a blank line, what to type next.
    pub(crate) fn hint(self, text: impl Display) {
        self.line("");
        self.labelled(NOTE, "hint", &text);
    }

    /// A result, on standard output. Whether it got there is for [`lost_results`] to tell.
    pub(crate) fn result(self, text: impl Display) {
        let text = text.to_string();
        // Programs get paths as they are.
        let text = if std::io::stdout().is_terminal() { harmless(&text) } else { text };
        let mut out = AutoStream::new(std::io::stdout(), self.color);
        remember(writeln!(out, "{text}").and_then(|()| out.flush()));
    }

    fn verb(self, style: Style, verb: &str, text: &dyn Display) {
        if self.verbosity >= Verbosity::Normal {
            let text = harmless(&text.to_string());
            self.line(&format!("{style}{verb:>12}{style:#} {text}"));
        }
    }

    fn labelled(self, style: Style, label: &str, text: &dyn Display) {
        self.line(&format!("{style}{label}{style:#}: {}", harmless(&text.to_string())));
    }

    fn line(self, text: &str) {
        let mut err = AutoStream::new(std::io::stderr(), self.color);
        let _ = writeln!(err, "{text}");
    }
}

/// A text in which nothing gives orders to a terminal: files may be called anything. Lines stay.
pub(crate) fn harmless(text: &str) -> String {
    let is_order = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    if !text.contains(is_order) {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_order(letter) { plain.extend(letter.escape_default()) } else { plain.push(letter) }
    }
    plain
}

/// A path in one line, whatever is in it.
pub(crate) fn shown_path(path: &Path) -> String {
    harmless(&path.display().to_string()).replace('\n', "\\n").replace('\t', "\\t")
}

/// A result of many lines, on standard output, byte for byte: a diff has to apply.
pub(crate) fn raw_result(text: &str) {
    let mut out = std::io::stdout();
    remember(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Why a result did not get out. There is one standard output.
static LOST: OnceLock<ErrorKind> = OnceLock::new();

fn remember(written: std::io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        let _ = LOST.set(error.kind());
    }
}

/// Why results did not get out, if some did not. A closed pipe does not count.
pub(crate) fn lost_results() -> Option<LostResults> {
    LOST.get().copied().map(LostResults)
}

/// Results that did not get out.
#[derive(Debug, thiserror::Error)]
#[error("failed to write to standard output: {0}")]
pub(crate) struct LostResults(ErrorKind);

/// `1 file`, `2 files`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
