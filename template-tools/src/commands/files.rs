//! The files of a run: found, read and planned, each on its own.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::arn::PLACEHOLDER_END;
use crate::document::{ParseError, Position};
use crate::pins::Pins;
use crate::plan::{Downgrades, Plan, plan};
use crate::tree::scan::{Needles, ScanError, scan};

/// A file that names a pinned layer.
pub(crate) struct Planned {
    pub(crate) path: PathBuf,
    /// What was read, where something would change.
    pub(crate) before: Option<String>,
    pub(crate) plan: Plan,
}

/// A file that could not be planned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error("failed to read `{}`", path.display())]
    Parse { path: PathBuf, source: ParseError },
    #[error("failed to read `{}`", path.display())]
    Encoding { path: PathBuf, source: NotUtf8 },
}

/// Where a file stops being UTF-8.
#[derive(Debug, thiserror::Error)]
#[error("line {}, column {}: this is not UTF-8", .0.line, .0.column)]
pub(crate) struct NotUtf8(Position);

/// All files that name a pinned layer, sorted by path.
pub(crate) struct Files {
    pub(crate) planned: Vec<Planned>,
    pub(crate) errors: Vec<FileError>,
    /// How many files were read to find them.
    pub(crate) read: usize,
}

/// Every way to name a layer in a template comes with one of these. The name alone is not enough to parse a file: it may
/// be a common word.
const CONTEXT: [&str; 3] = ["Layers", "layer:", PLACEHOLDER_END];

/// Where a name is put together or escaped, it does not stand in the file as it is.
const IN_PIECES: [&str; 3] = ["Join", "\\u", "\\x"];

/// Walks the paths, and plans every file that names a pinned layer.
pub(crate) fn plan_all(
    paths: &[PathBuf],
    pins: &Pins,
    downgrades: Downgrades,
) -> Result<Files, aho_corasick::BuildError> {
    let needles = Needles::new(pins.layers().flat_map(|layer| [layer.to_string(), layer.placeholder()]))?
        .and(CONTEXT)?
        .or(Needles::new(["Layers"])?.and(IN_PIECES)?);
    let scanned = scan(paths, &needles, |path, bytes| plan_one(path.to_owned(), bytes, pins, downgrades));
    let mut files = Files { planned: Vec::new(), errors: Vec::new(), read: scanned.read };
    files.errors.extend(scanned.errors.into_iter().map(FileError::from));
    let mut seen = BTreeSet::new();
    for (path, result) in scanned.files {
        // The same file may have been named in two ways.
        if let Ok(path) = path.canonicalize()
            && !seen.insert(path)
        {
            continue;
        }
        match result {
            Ok(planned) => files.planned.push(planned),
            Err(error) => files.errors.push(error),
        }
    }
    Ok(files)
}

fn plan_one(path: PathBuf, bytes: &[u8], pins: &Pins, downgrades: Downgrades) -> Result<Planned, FileError> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let source = NotUtf8(end_of(&bytes[..error.valid_up_to()]));
            return Err(FileError::Encoding { path, source });
        }
    };
    match plan(text, pins, downgrades) {
        Ok(plan) => Ok(Planned { path, before: plan.text.is_some().then(|| text.to_owned()), plan }),
        Err(source) => Err(FileError::Parse { path, source }),
    }
}

fn end_of(valid: &[u8]) -> Position {
    let line = valid.split(|byte| *byte == b'\n').count();
    let start = valid.iter().rposition(|byte| *byte == b'\n').map_or(0, |index| index + 1);
    Position { line, column: String::from_utf8_lossy(&valid[start..]).chars().count() + 1 }
}
