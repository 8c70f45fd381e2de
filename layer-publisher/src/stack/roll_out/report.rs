//! What came of all stacks: a table on standard output, or a JSON document; failures on standard error.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use template_tools::arn::AccountId;

use super::error::RollOutError;
use super::one::{Done, Moved, Run};
use super::{Intent, Target};
use crate::aws::failure::Advice;
use crate::called::CalledAs;
use crate::stack::describe::Description;
use crate::tally::Tally;
use crate::ui::{Format, Ui, whole};
use crate::versions::usage::table;

/// One stack.
#[derive(Debug)]
pub(super) struct Row {
    stack: String,
    region: String,
    advice: Advice,
    run: Run,
}

impl Row {
    /// What came of it.
    pub(super) fn of(target: &Target, run: Run) -> Self {
        let advice = target.way.as_ref().map(|way| way.session.advice().clone()).unwrap_or_default();
        Self { stack: target.stack.clone(), region: target.region.to_string(), advice, run }
    }

    /// Whether it failed.
    pub(super) fn has_failed(&self) -> bool {
        self.run.result.is_err()
    }

    fn word(&self, intent: Intent) -> &'static str {
        match &self.run.result {
            Ok(Done::RolledOut) => "rolled out",
            Ok(Done::Unchanged) => "unchanged",
            Ok(Done::Shown) => "shown",
            Ok(Done::Left) => "not changed",
            Ok(Done::GoesOn) => "goes on",
            Ok(Done::NotBegun) if intent == Intent::Show => "not looked at",
            Ok(Done::NotBegun) => "not begun",
            Err(_) => "failed",
        }
    }
}

/// What came of all.
pub(super) struct Report<'a> {
    pub(super) ui: &'a Ui,
    pub(super) called: &'a CalledAs,
    pub(super) intent: Intent,
    pub(super) rows: &'a [Row],
    /// Where nobody could say which stacks there are.
    pub(super) failures: &'a [RollOutError],
    /// So many accounts and regions that count could say it.
    pub(super) answered: usize,
    /// Whether the stacks are those of `[[stacks]]`.
    pub(super) is_named: bool,
}

#[derive(Serialize)]
struct JsonRow<'a> {
    stack_name: &'a str,
    stack_id: Option<&'a str>,
    account: Option<&'a str>,
    region: &'a str,
    result: String,
    layers: &'a BTreeSet<Moved>,
    changes: Option<&'a Description>,
    error: Option<String>,
    hint: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    exit_code: u8,
    stacks: Vec<JsonRow<'a>>,
    failures: Vec<String>,
}

impl Report<'_> {
    /// Says it all, and gives the exit code: 0 if all is well, 3 if a part is, else 1.
    pub(super) fn finish(&self, format: Format, took: Duration) -> u8 {
        let code = self.exit_code();
        let mut counts = BTreeMap::<&str, usize>::new();
        for row in self.rows {
            *counts.entry(row.word(self.intent)).or_default() += 1;
        }
        let mut counts =
            counts.into_iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>();
        if self.rows.is_empty() {
            counts.push(
                match (self.failures.is_empty(), self.answered) {
                    (true, _) if self.is_named => "no stack to roll out",
                    (true, _) => "no stack runs an older version",
                    (false, 0) => "it is not known which stacks run an older version",
                    (false, _) => "no stack of those asked runs an older version",
                }
                .to_owned(),
            );
        }
        for row in self.rows {
            if let Err(error) = &row.run.result {
                self.ui.error(error, error.hint(&row.advice, self.called).as_deref());
            }
        }
        for error in self.failures {
            self.ui.error(error, error.hint(&Advice::default(), self.called).as_deref());
        }
        self.ui.status("Finished", format!("{} in {:.2} s", counts.join(", "), took.as_secs_f64()));
        match format {
            Format::Text => table::lines(&self.table(), 0).iter().for_each(|line| self.ui.result(line)),
            Format::Json => {
                let stacks = self.rows.iter().map(|row| self.row(row)).collect();
                let failures = self.failures.iter().map(|error| whole(error)).collect();
                match serde_json::to_string_pretty(&Document { schema: 1, exit_code: code, stacks, failures })
                {
                    Ok(text) => self.ui.result(text),
                    Err(error) => self.ui.error(&error, None),
                }
            }
        }
        code
    }

    fn exit_code(&self) -> u8 {
        let is_done =
            |row: &&Row| matches!(row.run.result, Ok(Done::RolledOut | Done::Unchanged | Done::Shown));
        let done = match self.rows {
            // Where nothing is behind, whoever has said so is done.
            [] => self.answered,
            rows => rows.iter().filter(is_done).count(),
        };
        let failed = self.failures.len() + self.rows.iter().filter(|row| row.has_failed()).count();
        Tally { done, failed }.exit_code()
    }

    fn table(&self) -> Vec<Vec<String>> {
        let accounts = self.rows.iter().filter_map(|row| row.run.account.as_ref()).collect::<BTreeSet<_>>();
        let with_account = accounts.len() > 1;
        let line = |stack: &str, region: &str, account: &str, result: &str, layers: String| {
            let mut cells = vec![stack.to_owned(), region.to_owned()];
            if with_account {
                cells.push(account.to_owned());
            }
            cells.extend([result.to_owned(), layers]);
            cells
        };
        let mut rows = Vec::new();
        for row in self.rows {
            let account = row.run.account.as_ref().map(ToString::to_string).unwrap_or_default();
            let moved = row.run.moved.iter();
            let moved = moved.map(|one| format!("{} {} -> {}", one.layer, one.old, one.new));
            let layers = moved.collect::<Vec<_>>().join(", ");
            rows.push(line(&row.stack, &row.region, &account, row.word(self.intent), layers));
        }
        if !rows.is_empty() {
            rows.insert(0, line("STACK", "REGION", "ACCOUNT", "RESULT", "LAYERS".to_owned()));
        }
        rows
    }

    fn row<'r>(&self, row: &'r Row) -> JsonRow<'r> {
        let error = row.run.result.as_ref().err();
        JsonRow {
            stack_name: &row.stack,
            stack_id: row.run.stack_id.as_deref(),
            account: row.run.account.as_ref().map(AccountId::as_str),
            region: &row.region,
            result: row.word(self.intent).replace(' ', "_"),
            layers: &row.run.moved,
            changes: row.run.changes.as_ref(),
            error: error.map(|error: &Arc<RollOutError>| whole(error.as_ref())),
            hint: error.and_then(|error| error.hint(&row.advice, self.called)),
        }
    }
}
