//! The only printer of this crate: verbs, notes, warnings and errors on standard error, results on standard output.
//!
//! Nothing is decided here. A closed pipe is no error: whoever reads us has seen enough.

use std::error::Error;
use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

const VERB: Style = AnsiColor::Green.on_default().bold();
const FAILED_VERB: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Cyan.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();

/// How often a line that changes is drawn.
const TICK: Duration = Duration::from_millis(100);

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

/// The form of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Lines for people and pipes.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// Results that did not get out.
#[derive(Debug, thiserror::Error)]
#[error("failed to write to standard output: {0}")]
pub struct LostResults(ErrorKind);

/// Says what happens, on standard error, and what came of it, on standard output.
#[derive(Clone, Debug)]
pub struct Ui {
    verbosity: Verbosity,
    color: ColorChoice,
    /// Lines that change, below all others. Only on a terminal, and not if we are to be quiet.
    moving: Option<MultiProgress>,
    /// Why a result did not get out.
    lost: Arc<OnceLock<ErrorKind>>,
}

impl Ui {
    /// A printer that is as loud and as colourful as asked.
    pub fn new(verbosity: Verbosity, color: ColorChoice) -> Self {
        let moves = verbosity >= Verbosity::Normal && std::io::stderr().is_terminal();
        Self { verbosity, color, moving: moves.then(MultiProgress::new), lost: Arc::default() }
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

    /// What failed, why, and after a blank line what to type next.
    pub fn error(&self, error: &(dyn Error + 'static), hint: Option<&str>) {
        self.labelled(ERROR, "error", &error);
        let mut cause = error.source();
        while let Some(error) = cause {
            for (index, line) in error.to_string().lines().enumerate() {
                let lead = if index == 0 { "  Caused by: " } else { "             " };
                self.line(&format!("{lead}{line}"));
            }
            cause = error.source();
        }
        if let Some(hint) = hint {
            self.line("");
            self.labelled(NOTE, "hint", &hint);
        }
    }

    /// Lines that stand as they are, a table for example.
    pub fn lines(&self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            text.lines().for_each(|line| self.line(line));
        }
    }

    /// What there is to choose from, on the terminal: part of a question, and so said however quiet we are.
    pub fn menu(&self, text: &str) {
        text.lines().for_each(|line| self.line(line));
    }

    /// A result, on standard output. Whether it got there is for [`Ui::lost_results`] to tell.
    pub fn result(&self, text: impl Display) {
        let mut out = AutoStream::new(std::io::stdout(), self.color);
        if let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush())
            && error.kind() != ErrorKind::BrokenPipe
        {
            let _ = self.lost.set(error.kind());
        }
    }

    /// Why results did not get out, if some did not. A closed pipe does not count.
    pub fn lost_results(&self) -> Option<LostResults> {
        self.lost.get().copied().map(LostResults)
    }

    /// A line that changes and counts seconds, on a terminal only. It goes with its value.
    pub fn moving_line(&self) -> Option<MovingLine> {
        let bar = self.moving.as_ref()?.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner:>12} {wide_msg} {elapsed:>4}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Some(MovingLine { bar })
    }

    /// Whether there is somebody who could be asked: a terminal at both ends.
    pub fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Asks on the terminal. Nothing if there is none, at either end.
    pub fn ask(&self, question: &str) -> Option<String> {
        if !self.can_ask() {
            return None;
        }
        let mut err = AutoStream::new(std::io::stderr(), self.color);
        let _ = write!(err, "{question} ").and_then(|()| err.flush());
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).ok()?;
        Some(answer.trim().to_owned()).filter(|answer| !answer.is_empty())
    }

    fn verb(&self, style: Style, verb: &str, text: &dyn Display) {
        if self.verbosity >= Verbosity::Normal {
            self.line(&format!("{style}{verb:>12}{style:#} {text}"));
        }
    }

    fn labelled(&self, style: Style, label: &str, text: &dyn Display) {
        self.line(&format!("{style}{label}{style:#}: {text}"));
    }

    fn line(&self, text: &str) {
        let write = || {
            let mut err = AutoStream::new(std::io::stderr(), self.color);
            let _ = writeln!(err, "{text}");
        };
        match &self.moving {
            Some(moving) => moving.suspend(write),
            None => write(),
        }
    }
}

/// A line that changes.
#[derive(Debug)]
pub struct MovingLine {
    bar: ProgressBar,
}

impl MovingLine {
    /// What it says from now on.
    pub fn say(&self, text: String) {
        self.bar.set_message(text);
    }
}

impl Drop for MovingLine {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// `a/b` for a path below the current folder, the whole path elsewhere.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}

/// An error with all of its causes, in one line.
pub fn whole(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
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
