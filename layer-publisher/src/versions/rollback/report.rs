//! What a rollback says, and the exit code it ends with. Decides nothing but that.

use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use template_tools::arn::LayerVersionArn;

use super::RollbackRequest;
use super::plan::Move;
use crate::aws::failure::CallFailure;
use crate::called::{CalledAs, Command};
use crate::publish::pointer::Pointed;
use crate::publish::regions::Weight;
use crate::tally::Tally;
use crate::ui::{Format, Ui};
use crate::versions::ways::{Spot, WayFailure};

/// One layer in one account and region.
#[derive(Debug, Serialize)]
struct Row {
    layer_name: String,
    account: String,
    region: String,
    target: Option<String>,
    required: bool,
    status: Status,
    from: Option<u64>,
    to: Option<u64>,
    layer_version_arn: Option<LayerVersionArn>,
    withdrawn: Vec<u64>,
    reason: Option<String>,
    pointer: Option<&'static str>,
    error: Option<String>,
    hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    RolledBack,
    WouldRollBack,
    Unchanged,
    Failed,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    dry_run: bool,
    exit_code: u8,
    regions: &'a [Row],
}

/// Says what happens as it happens, and sums up.
pub(super) struct Report<'a> {
    ui: &'a Ui,
    called: &'a CalledAs,
    request: &'a RollbackRequest,
    rows: Vec<Row>,
    ways_failed: usize,
}

impl<'a> Report<'a> {
    pub(super) fn new(ui: &'a Ui, called: &'a CalledAs, request: &'a RollbackRequest) -> Self {
        Self { ui, called, request, rows: Vec::new(), ways_failed: 0 }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.ways_failed > 0 || self.rows.iter().any(|row| row.status == Status::Failed)
    }

    /// Nobody could be asked.
    pub(super) fn no_way(&mut self, failure: &WayFailure) {
        self.ways_failed += 1;
        self.ui.error(failure, failure.hint(self.called).as_deref());
    }

    /// A region without a version. That matters only if the ledger has one.
    pub(super) fn nothing_there(&mut self, spot: &Spot, is_known: bool) {
        if is_known {
            let said = "it has no version of this layer, though the ledger names one".to_owned();
            self.fail(spot, said, None);
        } else if spot.wanted {
            self.ui.note(format!("{}: there is no version yet", spot.place.region));
        }
    }

    /// A region that does not answer.
    pub(super) fn failed(&mut self, spot: &Spot, failure: &CallFailure) {
        let hint = failure.hint(spot.way.session.advice(), self.called);
        self.fail(spot, failure.to_string(), hint);
    }

    fn fail(&mut self, spot: &Spot, error: String, hint: Option<String>) {
        self.ui.failed("Failed", format!("{}: {error}", spot.place.region));
        let (error, status) = (Some(error), Status::Failed);
        self.rows.push(Row { error, hint, ..row(spot, status) });
    }

    /// The ledger says so now, or would.
    pub(super) fn moved(&mut self, spot: &Spot, step: &Move, reason: &str) {
        let region = &spot.place.region;
        let to = step.to.arn.version;
        let is_unchanged = step.from == Some(to) && step.withdrawn.is_empty();
        let status = match (is_unchanged, self.request.is_dry_run) {
            (true, _) => Status::Unchanged,
            (false, true) => Status::WouldRollBack,
            (false, false) => Status::RolledBack,
        };
        let from = step.from.filter(|from| *from != to).map(|from| format!("from version {from} "));
        let from = from.unwrap_or_default();
        match status {
            Status::Unchanged => self.ui.status("Unchanged", format!("{region}: at version {to}")),
            Status::WouldRollBack => {
                self.ui.status("Would", format!("roll back {region}: {from}to version {to}"));
            }
            _ => self.ui.status("Rolled back", format!("{region}: {from}to version {to}")),
        }
        for version in &step.withdrawn {
            match status {
                Status::WouldRollBack => {
                    self.ui.status("Would", format!("withdraw {region}: version {version}: {reason}"));
                }
                _ => self.ui.status("Withdrawn", format!("{region}: version {version}: {reason}")),
            }
        }
        self.rows.push(Row {
            from: step.from,
            to: Some(to),
            layer_version_arn: Some(step.to.arn.clone()),
            withdrawn: step.withdrawn.clone(),
            reason: (!step.withdrawn.is_empty()).then(|| reason.to_owned()),
            ..row(spot, status)
        });
    }

    /// What came of a pointer, or would.
    pub(super) fn pointed(
        &mut self,
        spot: &Spot,
        step: &Move,
        name: &str,
        pointed: Result<Pointed, CallFailure>,
    ) {
        let (region, version) = (&spot.place.region, step.to.arn.version);
        let status = match pointed {
            Ok(Pointed::Unchanged) => "unchanged",
            Ok(Pointed::Moved) if self.request.is_dry_run => {
                self.ui.status("Would", format!("point {region}: `{name}` to version {version}"));
                "stale"
            }
            Ok(Pointed::Moved) => {
                self.ui.status("Pointed", format!("{region}: `{name}` to version {version}"));
                "moved"
            }
            Err(failure) => {
                let hint = failure.hint(spot.way.session.advice(), self.called);
                let said = format!("parameter `{name}` is not right: {failure}");
                self.not_pointed(spot, &said, hint);
                return;
            }
        };
        if let Some(row) = self.row_of(spot) {
            row.pointer = Some(status);
        }
    }

    /// A pointer that stays as it is.
    pub(super) fn not_pointed(&mut self, spot: &Spot, said: &str, hint: Option<String>) {
        self.ui.failed("Failed", format!("{}: {said}", spot.place.region));
        if let Some(row) = self.row_of(spot) {
            (row.pointer, row.error, row.hint) = (Some("failed"), Some(said.to_owned()), hint);
        }
    }

    fn row_of(&mut self, spot: &Spot) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| {
            row.layer_name == spot.place.layer_name.as_str()
                && row.account == spot.place.account.as_str()
                && row.region == spot.place.region.as_str()
        })
    }

    /// Sums up, prints the results, and gives the exit code.
    pub(super) fn finish(mut self, took: Duration) -> ExitCode {
        self.rows.sort_by(|one, other| {
            let key = |row: &Row| (row.layer_name.clone(), row.account.clone(), row.region.clone());
            key(one).cmp(&key(other))
        });
        let of = |status| self.rows.iter().filter(|row| row.status == status).count();
        let failed = self.rows.iter().filter(|row| row.error.is_some()).count() + self.ways_failed;
        let counts = [
            (of(Status::RolledBack), "rolled back"),
            (of(Status::WouldRollBack), "to roll back"),
            (of(Status::Unchanged), "unchanged"),
            (failed, "failed"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts = counts.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ");
        self.ui.status("Finished", format!("{counts} in {:.2} s", took.as_secs_f64()));
        if let Some(hint) = self.rows.iter().find_map(|row| row.hint.as_deref()) {
            self.ui.note(hint);
        }
        if of(Status::RolledBack) > 0 {
            let bump = self.called.words(Command::Bump);
            self.ui.note(format!("`{bump}` now brings templates down to it"));
        }
        let exit_code = self.exit_code();
        match self.request.format {
            Format::Text => {
                let arns = self.rows.iter().filter_map(|row| row.layer_version_arn.as_ref());
                arns.for_each(|arn| self.ui.result(arn));
            }
            Format::Json => {
                let dry_run = self.request.is_dry_run;
                let document = Document { schema: 1, dry_run, exit_code, regions: &self.rows };
                match serde_json::to_string_pretty(&document) {
                    Ok(text) => self.ui.result(text),
                    Err(error) => self.ui.error(&error, None),
                }
            }
        }
        ExitCode::from(exit_code)
    }

    fn exit_code(&self) -> u8 {
        let mut tally = Tally { failed: self.ways_failed, ..Tally::default() };
        for row in self.rows.iter().filter(|row| row.required) {
            // The ledger may have gone back, and the pointer not.
            tally.done += usize::from(row.status != Status::Failed);
            tally.failed += usize::from(row.error.is_some());
        }
        tally.exit_code()
    }
}

fn row(spot: &Spot, status: Status) -> Row {
    Row {
        layer_name: spot.place.layer_name.to_string(),
        account: spot.place.account.to_string(),
        region: spot.place.region.to_string(),
        target: spot.target.clone(),
        required: spot.weight == Weight::Required,
        status,
        from: None,
        to: None,
        layer_version_arn: None,
        withdrawn: Vec::new(),
        reason: None,
        pointer: None,
        error: None,
        hint: None,
    }
}
