//! What a status says: a table for each layer and account, what is not as it should be under it, and the exit code.

use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use template_tools::arn::LayerVersionArn;
use template_tools::ledger::{Entry, LayerPlace};

use super::compare::{self, Finding, Kind};
use super::mend::Mode;
use super::{Looked, StatusRequest, group};
use crate::called::{CalledAs, Command};
use crate::publish::regions::Weight;
use crate::tally::Tally;
use crate::ui::{Format, Ui, counted, whole};
use crate::versions::usage::table;
use crate::versions::ways::{Ways, hint_about_row};

/// One layer in one account and region. Fields that say nothing are null or empty, and always there.
#[derive(Debug, Serialize)]
struct Row {
    layer: String,
    layer_name: String,
    account: String,
    region: String,
    target: Option<String>,
    required: bool,
    /// The version that the ledger names.
    ledger_version: Option<u64>,
    /// The newest version that is not withdrawn.
    newest_version: Option<u64>,
    /// The version that counts, and what it is.
    layer_version_arn: Option<LayerVersionArn>,
    code_sha256: Option<String>,
    size: Option<u64>,
    /// Whether it is what is built; null if nothing is.
    same_as_built: Option<bool>,
    verified: bool,
    shared_with: Option<String>,
    pointer: Option<PointerRow>,
    withdrawn: Vec<u64>,
    differences: Vec<Finding>,
    notes: Vec<Finding>,
    error: Option<String>,
    hint: Option<String>,
}

impl Row {
    fn has(&self, kinds: &[Kind]) -> bool {
        self.differences.iter().any(|finding| kinds.contains(&finding.kind))
    }
}

#[derive(Debug, Serialize)]
struct PointerRow {
    name: String,
    value: Option<String>,
}

/// Somewhere nobody could be asked.
#[derive(Debug, Serialize)]
struct NotAsked {
    layers: Vec<String>,
    target: Option<String>,
    account: Option<String>,
    layer_version_arn: Option<LayerVersionArn>,
    error: String,
    hint: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    exit_code: u8,
    regions: &'a [Row],
    not_asked: &'a [NotAsked],
}

/// Says what happens, and sums up.
pub(super) struct Report<'a> {
    ui: &'a Ui,
    called: &'a CalledAs,
    request: &'a StatusRequest,
}

impl<'a> Report<'a> {
    pub(super) fn new(ui: &'a Ui, called: &'a CalledAs, request: &'a StatusRequest) -> Self {
        Self { ui, called, request }
    }

    /// A row of the ledger is another one now, or none.
    pub(super) fn mended(&self, place: &LayerPlace, row: Option<&Entry>) {
        let LayerPlace { layer_name, account, region, .. } = place;
        let at = format!("`{layer_name}` in {region} of account {account}");
        match (row, self.request.mode) {
            (Some(entry), Mode::Import) => {
                let doubt = if entry.verified { "" } else { ", not verified: it is not what is built" };
                self.ui.status("Imported", format!("{at}: version {}{doubt}", entry.version()));
            }
            (Some(entry), _) => self.ui.status("Repaired", format!("{at}: version {}", entry.version())),
            (None, _) => self.ui.status("Removed", format!("{at}: there is none")),
        }
    }

    /// Prints everything, and gives the exit code.
    pub(super) fn finish(self, looked: &[Looked<'_>], ways: &Ways, took: Duration) -> ExitCode {
        let rows = looked.iter().map(|looked| self.row(looked)).collect::<Vec<_>>();
        let not_asked = self.not_asked(ways);
        let failed = rows.iter().filter(|row| row.error.is_some()).count();
        let differing = rows.iter().filter(|row| !row.differences.is_empty()).count();
        for (row, looked) in rows.iter().zip(looked) {
            if let Some(error) = &row.error {
                self.ui
                    .failed("Failed", format!("{} in {}: {error}", row.layer_name, looked.spot.place.region));
            }
        }
        for failure in &ways.failures {
            self.ui.error(failure, failure.hint(self.called).as_deref());
        }
        for entry in &ways.unreached {
            self.ui.warning(format!("no way of `layers.toml` leads to {}", entry.layer_version_arn));
        }
        let counts = format!(
            "{}, {differing} with differences, {} failed",
            counted(rows.len(), "region"),
            failed + not_asked.len()
        );
        self.ui.status("Finished", format!("{counts} in {:.2} s", took.as_secs_f64()));
        if let Some(hint) = rows.iter().find_map(|row| row.hint.as_deref()) {
            self.ui.note(hint);
        }
        if let Some(entry) = ways.unreached.first() {
            self.ui.note(hint_about_row(&entry.layer_version_arn, self.called));
        }
        self.advise(&rows);

        let mut tally = Tally { failed: not_asked.len(), ..Tally::default() };
        rows.iter().filter(|row| row.required).for_each(|row| tally.add(row.error.is_none()));
        let exit_code = match tally.exit_code() {
            0 => u8::from(self.request.is_check && differing > 0),
            code => code,
        };
        match self.request.format {
            Format::Text => self.tables(&rows, looked),
            Format::Json => {
                let document = Document { schema: 1, exit_code, regions: &rows, not_asked: &not_asked };
                match serde_json::to_string_pretty(&document) {
                    Ok(text) => self.ui.result(text),
                    Err(error) => self.ui.error(&error, None),
                }
            }
        }
        ExitCode::from(exit_code)
    }

    fn row(&self, looked: &Looked<'_>) -> Row {
        let Looked { spot, seen, known, wanted, findings } = looked;
        let known = known.as_ref();
        let seen_here = seen.as_ref().ok();
        let current = seen_here.and_then(|seen| seen.current(known));
        let (differences, notes) =
            findings.iter().cloned().partition(|finding: &Finding| finding.kind.is_difference());
        let policy = seen_here.and_then(|seen| seen.policy.as_ref()).and_then(|policy| policy.as_ref().ok());
        let pointer = seen_here.and_then(|seen| seen.pointer.as_ref()).map(|pointer| PointerRow {
            name: pointer.name.clone(),
            value: pointer.value.clone().ok().flatten(),
        });
        let failure = seen.as_ref().err();
        Row {
            layer: spot.layer.clone(),
            layer_name: spot.place.layer_name.to_string(),
            account: spot.place.account.to_string(),
            region: spot.place.region.to_string(),
            target: spot.target.clone(),
            required: spot.weight == Weight::Required,
            ledger_version: known.map(Entry::version),
            newest_version: seen_here.and_then(|seen| seen.newest(known)).map(|newest| newest.arn.version),
            layer_version_arn: current.map(|current| current.arn.clone()),
            code_sha256: current.map(|current| current.code_sha256.clone()),
            size: current.map(|current| current.size),
            same_as_built: current.and_then(|current| wanted.map(|wanted| wanted.is_in(current))),
            verified: known.is_some_and(|entry| entry.verified),
            shared_with: policy.map(compare::shared_with),
            pointer,
            withdrawn: known.map(|entry| entry.withdrawn.keys().copied().collect()).unwrap_or_default(),
            differences,
            notes,
            error: failure.map(ToString::to_string),
            hint: failure.and_then(|failure| failure.hint(spot.way.session.advice(), self.called)),
        }
    }

    fn not_asked(&self, ways: &Ways) -> Vec<NotAsked> {
        let failures = ways.failures.iter().map(|failure| NotAsked {
            layers: failure.layers.clone(),
            target: failure.target.clone(),
            account: failure.destination.account.as_ref().map(ToString::to_string),
            layer_version_arn: None,
            error: whole(&failure.source),
            hint: failure.hint(self.called),
        });
        let unreached = ways.unreached.iter().map(|entry| NotAsked {
            layers: vec![entry.layer_version_arn.layer.to_string()],
            target: entry.target.clone(),
            account: Some(entry.layer_version_arn.account.to_string()),
            layer_version_arn: Some(entry.layer_version_arn.clone()),
            error: "no way of `layers.toml` leads there".to_owned(),
            hint: Some(hint_about_row(&entry.layer_version_arn, self.called)),
        });
        failures.chain(unreached).collect()
    }

    /// What would end the differences, each once.
    fn advise(&self, rows: &[Row]) {
        let foreign = rows.iter().flat_map(|row| &row.differences).any(|finding| {
            finding.kind == Kind::Foreign
                || (finding.kind == Kind::NotInLedger && finding.text.ends_with("none of ours"))
        });
        let status = self.called.words(Command::Status);
        let repairable = rows.iter().flat_map(|row| &row.differences).any(|finding| {
            matches!(finding.kind, Kind::Gone | Kind::Newer | Kind::LedgerDiffers)
                || (finding.kind == Kind::NotInLedger && !finding.text.ends_with("none of ours"))
        });
        if repairable {
            self.ui.note(format!("`{status} --repair` brings the ledger to what is there"));
        }
        if foreign {
            self.ui
                .note(format!("`{status} --import` takes versions over that something else has published"));
        }
        // Where what is built was withdrawn, `publish` writes nothing.
        let is_withdrawn = |row: &&Row| row.has(&[Kind::BuiltWithdrawn]);
        let publishable = [Kind::NotPublished, Kind::BuiltDiffers, Kind::Permissions, Kind::Pointer];
        let publish = self.called.words(Command::Publish);
        if rows.iter().any(|row| !is_withdrawn(&row) && row.has(&publishable)) {
            self.ui.note(format!("`{publish}` brings everything to what is built and wanted"));
        }
        if let Some(row) = rows.iter().find(is_withdrawn) {
            let build = self.called.words(Command::Build);
            self.ui.note(format!(
                "what is built was withdrawn: build something else with `{build} {layer}`, or take that back with \
                 `{publish} {layer} --reinstate`",
                layer = row.layer
            ));
        }
        if let Some(row) = rows.iter().filter(is_withdrawn).find(|row| row.has(&[Kind::Pointer])) {
            let rollback = self.called.words(Command::Rollback);
            let to = row.ledger_version.unwrap_or_default();
            self.ui.note(format!("`{rollback} {} --to {to}` moves the pointer", row.layer));
        }
    }

    /// One table for each layer in each account.
    fn tables(&self, rows: &[Row], looked: &[Looked<'_>]) {
        let mut from = 0;
        while from < rows.len() {
            let of = group(looked[from].spot);
            let count = looked[from..].iter().take_while(|looked| group(looked.spot) == of).count();
            if from > 0 {
                self.ui.result("");
            }
            let (layer, account, target) = of;
            let target = target.map(|target| format!(", target {target}")).unwrap_or_default();
            self.ui.result(format!("{layer} in account {account}{target}"));
            self.table(&rows[from..from + count]);
            from += count;
        }
    }

    fn table(&self, rows: &[Row]) {
        let number =
            |version: Option<u64>| version.map_or_else(|| "-".to_owned(), |version| version.to_string());
        let heads = ["REGION", "LEDGER", "NEWEST", "BUILT", "VERIFIED", "SHARED", "POINTER"];
        let mut lines = vec![heads.map(str::to_owned)];
        for row in rows {
            let unknown = |text: String| if row.error.is_some() { "?".to_owned() } else { text };
            let built = row.same_as_built.map_or("-", |same| if same { "same" } else { "other" });
            let verified = row.ledger_version.map_or("-", |_| if row.verified { "yes" } else { "no" });
            let pointer = row.pointer.as_ref().map_or_else(
                || "-".to_owned(),
                |pointer| {
                    let version =
                        pointer.value.as_deref().and_then(|value| value.parse::<LayerVersionArn>().ok());
                    version.map_or_else(|| "none".to_owned(), |version| version.version.to_string())
                },
            );
            lines.push([
                row.region.clone(),
                number(row.ledger_version),
                unknown(number(row.newest_version)),
                unknown(built.to_owned()),
                verified.to_owned(),
                unknown(row.shared_with.clone().unwrap_or_else(|| "-".to_owned())),
                unknown(pointer),
            ]);
        }
        let width =
            |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
        let widths = std::array::from_fn::<_, 7, _>(width);
        for line in &lines {
            let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            self.ui.result(cells.collect::<Vec<_>>().join("  ").trim_end());
        }
        for row in rows {
            for finding in row.differences.iter().chain(&row.notes) {
                let noun = if finding.kind.is_difference() { "" } else { "note: " };
                let text = format!("{}: {noun}{}", row.region, finding.text);
                for (index, line) in table::wrapped(&text, table::WIDTH - 4).into_iter().enumerate() {
                    let indent = if index == 0 { "  " } else { "    " };
                    self.ui.result(format!("{indent}{line}"));
                }
            }
        }
    }
}
