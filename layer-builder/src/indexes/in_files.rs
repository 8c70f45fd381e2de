//! Indexes that requirements files name with pip's options. uv reads them where it reads the file; where it is asked
//! about the lock alone, it has to be told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Index, Origin};

/// What the files say.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) indexes: Vec<Index>,
    /// The options, one a line, with the paths of folders absolute.
    pub(super) options: Vec<String>,
}

/// Options with one value: as they are written, and in full.
const OPTIONS: [(&str, &str); 5] = [
    ("--index-url", "--index-url"),
    ("-i", "--index-url"),
    ("--extra-index-url", "--extra-index-url"),
    ("--find-links", "--find-links"),
    ("-f", "--find-links"),
];

/// Options that name another file.
const NAMING: [&str; 4] = ["--requirement", "-r", "--constraint", "-c"];

/// Reads the files, and those that they name in turn.
pub(super) fn read(files: &[PathBuf], variables: &BTreeMap<String, String>) -> Found {
    let mut found = Found::default();
    for (path, lines) in reached(files) {
        let folder = path.parent().unwrap_or(Path::new(".")).to_path_buf();
        for line in &lines {
            if line == "--no-index" {
                found.options.push(line.clone());
            } else {
                found.add(line, &folder, &path, variables);
            }
        }
    }
    found
}

/// The lines of the requirements file at `path`, and of those that it asks for in turn: whatever is no option. What only
/// limits versions is not asked for.
pub fn required(path: &Path) -> Vec<String> {
    let lines = reached_by(&[path.to_path_buf()], &NAMING[..2]).into_iter().flat_map(|(_, lines)| lines);
    lines.filter(|line| !line.is_empty() && !line.starts_with(['-', '#'])).collect()
}

/// These requirements files, and those that they name in turn, each with its lines. One that is not there is none of
/// ours to complain of.
pub fn reached(files: &[PathBuf]) -> Vec<(PathBuf, Vec<String>)> {
    reached_by(files, &NAMING)
}

/// The same, by these of the options that name another file.
fn reached_by(files: &[PathBuf], naming: &[&str]) -> Vec<(PathBuf, Vec<String>)> {
    let (mut reached, mut seen) = (Vec::new(), Vec::new());
    let mut waiting: Vec<PathBuf> = files.iter().rev().cloned().collect();
    while let Some(path) = waiting.pop() {
        // The same file has several names.
        let Ok(known) = path.canonicalize() else { continue };
        // Reading a pipe may never end.
        if seen.contains(&known) || !known.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default().replace("\\\n", " ");
        let lines: Vec<String> =
            text.lines().map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned()).collect();
        let folder = path.parent().unwrap_or(Path::new("."));
        let named =
            |line: &String| naming.iter().find_map(|option| value_of(line, option)).map(|it| folder.join(it));
        let named: Vec<PathBuf> = lines.iter().filter_map(named).collect();
        waiting.extend(named.into_iter().rev());
        seen.push(known);
        reached.push((path, lines));
    }
    reached
}

impl Found {
    fn add(&mut self, line: &str, folder: &Path, file: &Path, variables: &BTreeMap<String, String>) {
        let option = OPTIONS.iter().find_map(|(name, full)| Some((*full, value_of(line, name)?)));
        let Some((option, value)) = option else { return };
        let expanded = expanded(value, variables);
        if expanded.contains("://") {
            self.indexes.push(Index::at(&expanded, format!("`{}`", file.display()), Origin::File));
            // As it stands there: uv expands variables itself.
            self.options.push(format!("{option} {value}"));
        } else {
            self.options.push(format!("{option} {}", folder.join(&expanded).display()));
        }
    }
}

fn value_of<'a>(line: &'a str, option: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(option)?;
    let is_short = !option.starts_with("--");
    let value = rest.strip_prefix(['=', ' ', '\t']).or_else(|| is_short.then_some(rest))?.trim();
    (!value.is_empty()).then_some(value)
}

/// `${NAME}` for what the environment holds, as pip and uv expand it.
fn expanded(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut expanded = text.to_owned();
    for (name, value) in variables {
        expanded = expanded.replace(&format!("${{{name}}}"), value);
    }
    expanded
}
