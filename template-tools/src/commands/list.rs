//! `list`: the inventory of layer references over a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::{BumpArgs, ListArgs, ListFormat};
use crate::commands::files::{FileError, SearchError, build_output, check_paths, readable, utf8};
use crate::commands::outcome::Outcome;
use crate::ui::{Ui, counted, harmless, raw_result, shown_path};
use template_tools::arn::{AccountId, LayerName, Partition, Region};
use template_tools::document::{Document, Position, parse};
use template_tools::flow::{Flow, Outside, Source, flow_with};
use template_tools::inventory::{Inventory, Named, NamedVersion};
use template_tools::kind::{Kind, kind};
use template_tools::lexical::has_expressions;
use template_tools::pattern::{ArnPattern, Part, Placeholders, VersionPart};
use template_tools::samconfig::{self, NamedLayer};
use template_tools::tree::needles::Needles;
use template_tools::tree::scan::scan;

mod table;

use table::{Cells, Line};

/// What a file has in it that can only be filled in later, and may name a layer.
const ARN: &str = "layer:";

/// One reference of a template.
struct Row {
    path: PathBuf,
    position: Position,
    functions: Vec<String>,
    what: Result<ArnPattern, String>,
}

/// Runs the command.
pub(crate) fn run(args: &ListArgs, ui: Ui) -> ExitCode {
    let needles = match needles(&args.paths) {
        Ok(needles) => needles,
        Err(error) => {
            ui.error(&error);
            return Outcome::Failed.into();
        }
    };
    let (mut all, errors) = search(&args.paths, &needles, args.placeholder.as_ref());
    let mut outcome = Outcome::Done;
    for error in errors {
        ui.error(&error);
        outcome = Outcome::Partly;
    }
    if !args.layer.is_empty() {
        all.retain(|row| row.what.as_ref().is_ok_and(|pattern| args.layer.contains(&pattern.layer)));
    }
    for layer in args.layer.iter().filter(|layer| !names(&all).contains(layer)) {
        ui.warning(format!("no template names layer `{layer}`"));
    }
    let layers = layers(&all);
    match args.format {
        ListFormat::Text => raw_result(&table(&all, &layers)),
        ListFormat::Json => raw_result(&format!("{:#}\n", as_json(&all, &layers))),
    }
    for (key, versions) in &layers {
        if versions.len() > 1 {
            let each: Vec<String> =
                versions.iter().map(|(version, count)| format!("{version} ({count})")).collect();
            ui.warning(format!(
                "layer `{}` of {} has mixed versions: {}",
                key.layer,
                key.shown(),
                each.join(", ")
            ));
        }
    }
    let files: BTreeSet<&Path> = all.iter().map(|row| row.path.as_path()).collect();
    let (references, files) = (counted(all.len(), "reference"), counted(files.len(), "file"));
    ui.status("Finished", format!("{references} to {} in {files}", counted(names(&all).len(), "layer")));
    outcome.into()
}

/// The layers that are named, wherever they are.
fn names(rows: &[Row]) -> BTreeSet<&LayerName> {
    rows.iter().filter_map(|row| Some(&row.what.as_ref().ok()?.layer)).collect()
}

/// What `list --format json` prints of the layers, for whoever asks AWS about them before `bump` goes over the same
/// paths. What cannot be read is passed over: `bump` says so.
pub(crate) fn print_layers(args: &BumpArgs, ui: Ui) -> ExitCode {
    match needles(&args.paths) {
        Ok(needles) => {
            let (all, _) = search(&args.paths, &needles, args.placeholder.as_ref());
            raw_result(&format!("{:#}\n", json!(inventory(&layers(&all)))));
            Outcome::Done.into()
        }
        Err(error) => {
            ui.error(&error);
            Outcome::Failed.into()
        }
    }
}

fn needles(paths: &[PathBuf]) -> Result<Needles, SearchError> {
    check_paths(paths)?;
    Ok(Needles::new(["Layers", "parameter_overrides"])?)
}

/// Every reference of every template, and what could not be read.
fn search(
    paths: &[PathBuf],
    needles: &Needles,
    placeholders: Option<&Placeholders>,
) -> (Vec<Row>, Vec<FileError>) {
    let outside = Outside { placeholders: placeholders.cloned().unwrap_or_default(), ..Outside::default() };
    let scanned = scan(paths, needles, |path, bytes| rows(path, bytes, &outside));
    let mut errors: Vec<FileError> = Vec::new();
    let mut all = Vec::new();
    for (_, result) in scanned.files {
        match result {
            Ok(rows) => all.extend(rows),
            Err(error) => errors.push(error),
        }
    }
    errors.extend(scanned.errors.into_iter().map(FileError::from));
    (all, errors)
}

fn rows(path: &Path, bytes: &[u8], outside: &Outside<'_>) -> Result<Vec<Row>, FileError> {
    if build_output(path).is_some() {
        return Ok(Vec::new());
    }
    let text = utf8(bytes).map_err(|source| FileError::Encoding { path: path.to_owned(), source })?;
    if path.file_name() == Some(OsStr::new(samconfig::FILE_NAME)) {
        return rows_of_samconfig(path, text, &outside.placeholders);
    }
    let document = match readable(path, text).and_then(|()| parse(text)) {
        Ok(document) => document,
        Err(source) if has_expressions(text) && text.contains(ARN) => {
            return Err(FileError::expressions(path, source));
        }
        Err(_) if has_expressions(text) => return Ok(Vec::new()),
        Err(source) => return Err(FileError::Parse { path: path.to_owned(), source }),
    };
    if kind(&document) != Kind::Template {
        return Ok(Vec::new());
    }
    Ok(rows_of(path, &document, &flow_with(&document, outside)))
}

fn rows_of_samconfig(path: &Path, text: &str, placeholders: &Placeholders) -> Result<Vec<Row>, FileError> {
    let beside = |name: &str| std::fs::read_to_string(path.parent()?.join(name)).ok();
    let named = samconfig::named_layers(text, placeholders, beside)
        .map_err(|source| FileError::Samconfig { path: path.to_owned(), source })?;
    let row = |named: NamedLayer| Row {
        path: path.to_owned(),
        position: named.position,
        functions: named.functions,
        what: Ok(named.pattern),
    };
    let mut rows: Vec<Row> = named.into_iter().map(row).collect();
    rows.sort_by_key(|row| row.position);
    Ok(rows)
}

fn rows_of(path: &Path, document: &Document<'_>, flow: &Flow) -> Vec<Row> {
    let names = |functions: &BTreeSet<usize>| {
        functions.iter().map(|index| flow.functions[*index].name.clone()).collect()
    };
    let mut rows = Vec::new();
    for reference in &flow.references {
        let Source::Leaf(leaf) = reference.source else { continue };
        rows.push(Row {
            path: path.to_owned(),
            position: document.position(leaf),
            functions: names(&reference.functions),
            what: Ok(reference.pattern.clone()),
        });
    }
    for unread in &flow.unread {
        rows.push(Row {
            path: path.to_owned(),
            position: document.position(unread.node),
            functions: names(&unread.functions),
            what: Err(unread.reason.to_string()),
        });
    }
    rows.sort_by_key(|row| row.position);
    rows
}

/// A layer in one place. Only versions of the same region can be mixed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    layer: LayerName,
    partition: Option<Partition>,
    account: Option<AccountId>,
    region: Option<Region>,
}

impl Key {
    fn of(pattern: &ArnPattern) -> Self {
        Self {
            layer: pattern.layer.clone(),
            partition: known(&pattern.partition),
            account: known(&pattern.account),
            region: known(&pattern.region),
        }
    }

    fn shown(&self) -> String {
        let account = self
            .account
            .as_ref()
            .map_or("the account that it is deployed to".to_owned(), |account| format!("account {account}"));
        let region = self.region.as_ref().map_or(String::new(), |region| format!(" in {region}"));
        format!("{account}{region}")
    }
}

fn known<T: Clone>(part: &Part<T>) -> Option<T> {
    match part {
        Part::Is(name) => Some(name.clone()),
        Part::Deployed => None,
    }
}

/// How often each version is named.
type Versions = BTreeMap<NamedVersion, usize>;

fn version(pattern: &ArnPattern) -> NamedVersion {
    match &pattern.version {
        VersionPart::Number(number) => NamedVersion::Number(*number),
        VersionPart::Placeholder(word) | VersionPart::Text(word) => NamedVersion::Word(word.clone()),
    }
}

fn layers(rows: &[Row]) -> BTreeMap<Key, Versions> {
    let mut layers: BTreeMap<Key, Versions> = BTreeMap::new();
    for pattern in rows.iter().filter_map(|row| row.what.as_ref().ok()) {
        *layers.entry(Key::of(pattern)).or_default().entry(version(pattern)).or_default() += 1;
    }
    layers
}

/// What is in the place of the columns behind the function.
/// `*` stands for what is known only when a stack is deployed; `!` marks layers with mixed versions.
fn table(rows: &[Row], layers: &BTreeMap<Key, Versions>) -> String {
    let line = |row: &Row| Line {
        path: shown_path(&row.path),
        position: row.position.to_string(),
        functions: row.functions.iter().map(|name| harmless(name)).collect(),
        cells: match &row.what {
            Ok(pattern) => Cells::Layer {
                layer: pattern.layer.to_string(),
                version: version(pattern).to_string(),
                is_mixed: layers.get(&Key::of(pattern)).is_some_and(|versions| versions.len() > 1),
                place: [any(&pattern.region), any(&pattern.account)],
            },
            Err(reason) => Cells::Reason(harmless(&format!("({reason})"))),
        },
    };
    let lines: Vec<Line> = rows.iter().map(line).collect();
    table::text(&lines).into_iter().map(|line| line + "\n").collect()
}

fn any<T: std::fmt::Display>(part: &Part<T>) -> String {
    match part {
        Part::Is(name) => name.to_string(),
        Part::Deployed => "*".to_owned(),
    }
}

fn as_json(rows: &[Row], layers: &BTreeMap<Key, Versions>) -> Value {
    let reference = |row: &Row| {
        let mut object = json!({
            "path": row.path.display().to_string(),
            "line": row.position.line,
            "column": row.position.column,
            "functions": row.functions,
        });
        match &row.what {
            Ok(pattern) => {
                object["layer"] = json!(pattern.layer.as_str());
                object["version"] = json!(version(pattern));
                object["partition"] = json!(known(&pattern.partition));
                object["region"] = json!(known(&pattern.region));
                object["account"] = json!(known(&pattern.account));
            }
            Err(reason) => object["reason"] = json!(reason),
        }
        object
    };
    let mut object = json!(inventory(layers));
    object["references"] = rows.iter().map(reference).collect();
    object
}

fn inventory(layers: &BTreeMap<Key, Versions>) -> Inventory {
    let named = |(key, versions): (&Key, &Versions)| Named {
        layer: key.layer.clone(),
        partition: key.partition.clone(),
        account: key.account.clone(),
        region: key.region.clone(),
        versions: versions.keys().cloned().collect(),
        mixed: versions.len() > 1,
    };
    Inventory { layers: layers.iter().map(named).collect() }
}
