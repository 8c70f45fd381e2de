//! The list as text: a line for each reference where none gets wider than 80 columns, else in groups by file and function.

use template_tools::table::{WIDTH, wrapped};

/// One reference, as it is shown.
pub(super) struct Line {
    pub(super) path: String,
    pub(super) position: String,
    pub(super) functions: Vec<String>,
    pub(super) cells: Cells,
}

/// What a reference names.
pub(super) enum Cells {
    Layer {
        layer: String,
        version: String,
        is_mixed: bool,
        /// Region and account.
        place: [String; 2],
    },
    /// Why nothing is known.
    Reason(String),
}

/// A reason in a narrower column is no help.
const ROOM: usize = 30;

/// All lines, in the order in which they come.
pub(super) fn text(lines: &[Line]) -> Vec<String> {
    if lines.is_empty() {
        return Vec::new();
    }
    one_for_each(lines).unwrap_or_else(|| groups(lines))
}

fn one_for_each(lines: &[Line]) -> Option<Vec<String>> {
    let head = ["REFERENCE", "FUNCTION", "LAYER", "VERSION", "REGION", "ACCOUNT"].map(str::to_owned);
    let mut rows = vec![Row { cells: head.to_vec(), reason: None }];
    rows.extend(lines.iter().map(|line| {
        let mut cells = vec![format!("{}:{}", line.path, line.position), line.functions.join(",")];
        let reason = match &line.cells {
            Cells::Layer { layer, version, is_mixed, place: [region, account] } => {
                let version = format!("{version}{}", mark(*is_mixed));
                cells.extend([layer.clone(), version, region.clone(), account.clone()]);
                None
            }
            Cells::Reason(reason) => Some(reason.as_str()),
        };
        Row { cells, reason }
    }));
    let text = aligned(&rows, 0)?;
    text.iter().all(|line| line.chars().count() <= WIDTH).then_some(text)
}

/// Paths are not broken, or nobody could copy them.
fn groups(lines: &[Line]) -> Vec<String> {
    let mut text = Vec::new();
    for file in lines.chunk_by(|one, other| one.path == other.path) {
        text.push(file[0].path.clone());
        for function in file.chunk_by(|one, other| one.functions == other.functions) {
            let names = wrapped(&function[0].functions.join(", "), WIDTH - 2);
            text.extend(names.into_iter().map(|line| format!("  {line}")));
            text.extend(references(function));
        }
    }
    text
}

/// The references of one function of one file, in columns if these are narrow enough.
fn references(lines: &[Line]) -> Vec<String> {
    let row = |line: &'_ Line| match &line.cells {
        Cells::Layer { layer, version, is_mixed, place: [region, account] } => {
            let layer = format!("{layer}:{version}{}", mark(*is_mixed));
            vec![line.position.clone(), layer, region.clone(), account.clone()]
        }
        Cells::Reason(_) => vec![line.position.clone()],
    };
    let rows = lines.iter().map(|line| {
        let reason = if let Cells::Reason(reason) = &line.cells { Some(reason.as_str()) } else { None };
        Row { cells: row(line), reason }
    });
    let rows: Vec<Row<'_>> = rows.collect();
    if let Some(text) = aligned(&rows, 4)
        && text.iter().all(|line| line.chars().count() <= WIDTH)
    {
        return text;
    }
    let sentence = |row: &Row<'_>| match (&row.cells[..], row.reason) {
        ([position, layer, region, account], _) => {
            wrapped(&format!("{position} {layer} in {region}, account {account}"), WIDTH - 4)
        }
        (cells, reason) => wrapped(&format!("{} {}", cells.join(" "), reason.unwrap_or_default()), WIDTH - 4),
    };
    rows.iter().flat_map(sentence).map(|line| format!("    {line}")).collect()
}

fn mark(is_mixed: bool) -> &'static str {
    if is_mixed { " !" } else { "" }
}

/// Cells, and a reason that has the rest of the line for itself.
struct Row<'r> {
    cells: Vec<String>,
    reason: Option<&'r str>,
}

/// Columns as wide as they need to be; nothing if that leaves no room for a reason.
fn aligned(rows: &[Row<'_>], indent: usize) -> Option<Vec<String>> {
    let columns = rows.iter().map(|row| row.cells.len()).max()?;
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.cells.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).filter_map(width).collect();
    let mut text = Vec::new();
    for row in rows {
        let cells = row.cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}  "));
        let line = format!("{:indent$}{}", "", cells.collect::<String>());
        let Some(reason) = row.reason else {
            text.push(line.trim_end().to_owned());
            continue;
        };
        let start = line.chars().count();
        let room = WIDTH.checked_sub(start).filter(|room| *room >= ROOM)?;
        let mut parts = wrapped(reason, room).into_iter();
        text.push(line + &parts.next().unwrap_or_default());
        text.extend(parts.map(|part| format!("{:start$}{part}", "")));
    }
    Some(text)
}
