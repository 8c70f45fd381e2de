//! A mistake in `layers.toml`, shown where it stands.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Something in the file that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file.
    pub path: PathBuf,
    /// Where it stands: line and column, counted from 1, in characters.
    pub position: (usize, usize),
    /// The line, and how many of its characters are meant.
    pub line: (String, usize),
    /// What is wrong.
    pub what: String,
    /// What was expected, in a few words.
    pub expected: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Mistake {
    /// A mistake at the bytes `span` of `text`.
    pub(super) fn new(path: &Path, text: &str, span: Range<usize>, what: String, expected: &str) -> Self {
        let start = text.floor_char_boundary(span.start);
        let end = text.floor_char_boundary(span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = text[line_start..line_end].trim_end_matches('\r');
        Self {
            path: path.to_path_buf(),
            position: (text[..start].matches('\n').count() + 1, text[line_start..start].chars().count() + 1),
            line: (line.replace('\t', " "), text[start..end.min(line_end)].chars().count().max(1)),
            what,
            expected: expected.to_owned(),
            hint: None,
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.position;
        let margin = " ".repeat(line.to_string().len());
        writeln!(f, "{}", self.what)?;
        writeln!(f, " {margin}--> {}:{line}:{column}", self.path.display())?;
        writeln!(f, " {margin} |")?;
        writeln!(f, " {line} | {}", self.line.0)?;
        let marked = format!("{}{}", " ".repeat(column - 1), "^".repeat(self.line.1));
        write!(f, " {margin} | {}", format!("{marked} {}", self.expected).trim_end())
    }
}

impl std::error::Error for Mistake {}
