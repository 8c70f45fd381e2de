//! What came of all regions: outputs on standard output, failures and a summary on standard error.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use template_tools::arn::Region;

use super::describe::Description;
use super::error::StackError;
use super::region::Outcome;
use crate::aws::failure::Advice;
use crate::called::CalledAs;
use crate::ui::{Format, Ui, whole};

/// What came of all regions.
pub(super) struct Report<'a> {
    pub(super) ui: &'a Ui,
    pub(super) called: &'a CalledAs,
    pub(super) advice: &'a Advice,
    pub(super) stack_name: &'a str,
    pub(super) results: &'a [(Region, Result<Outcome, StackError>)],
}

/// One region, for programs.
#[derive(Serialize)]
struct Row<'a> {
    region: &'a Region,
    stack_name: &'a str,
    result: String,
    stack_id: Option<&'a str>,
    status: Option<&'a str>,
    change_set: Option<&'a str>,
    changes: Option<&'a Description>,
    outputs: BTreeMap<&'a str, &'a str>,
    error: Option<String>,
}

impl Report<'_> {
    /// Says it all.
    pub(super) fn print(&self, format: Format, took: Duration) {
        let mut counts = BTreeMap::<&str, usize>::new();
        for (region, result) in self.results {
            *counts.entry(word(result)).or_default() += 1;
            let Err(error) = result else { continue };
            if self.results.len() > 1 {
                self.ui.failed("Failed", format!("{region}: {error}"));
            }
        }
        let counts = counts.into_iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>();
        self.ui.status("Finished", format!("{} in {:.2} s", counts.join(", "), took.as_secs_f64()));
        for (_, result) in self.results {
            if let Err(error) = result {
                self.ui.error(error, error.hint(self.advice, self.called).as_deref());
            }
        }
        match format {
            Format::Text => self.lines(),
            Format::Json => {
                let rows = self.results.iter().map(|(region, result)| self.row(region, result));
                match serde_json::to_string_pretty(&rows.collect::<Vec<_>>()) {
                    Ok(text) => self.ui.result(text),
                    Err(error) => self.ui.error(&error, None),
                }
            }
        }
    }

    /// Outputs as `Name=value`; with several regions the region comes first. A change set or a stack by its ARN.
    fn lines(&self) {
        for (region, result) in self.results {
            let lead = if self.results.len() > 1 { format!("{region} ") } else { String::new() };
            match result {
                Ok(Outcome::Deployed(stack) | Outcome::Unchanged(stack)) => {
                    for (name, value) in &stack.outputs {
                        self.ui.result(format!("{lead}{name}={value}"));
                    }
                }
                Ok(Outcome::Prepared(arn, _) | Outcome::Begun(arn)) => self.ui.result(format!("{lead}{arn}")),
                Ok(Outcome::Shown(_) | Outcome::Left | Outcome::GoesOn) | Err(_) => {}
            }
        }
    }

    fn row<'r>(&'r self, region: &'r Region, result: &'r Result<Outcome, StackError>) -> Row<'r> {
        let mut row = Row {
            region,
            stack_name: self.stack_name,
            result: word(result).replace(' ', "_"),
            stack_id: None,
            status: None,
            change_set: None,
            changes: None,
            outputs: BTreeMap::new(),
            error: None,
        };
        match result {
            Ok(Outcome::Deployed(stack) | Outcome::Unchanged(stack)) => {
                row.stack_id = Some(&stack.id);
                row.status = Some(stack.status.as_str());
                row.outputs =
                    stack.outputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            }
            Ok(Outcome::Prepared(arn, description)) => {
                row.change_set = Some(arn);
                row.changes = Some(description);
            }
            Ok(Outcome::Shown(description)) => row.changes = Some(description),
            Ok(Outcome::Begun(arn)) => row.stack_id = Some(arn),
            Ok(Outcome::Left | Outcome::GoesOn) => {}
            Err(error) => row.error = Some(whole(error)),
        }
        row
    }

    /// 0 if all is well, 1 if nothing is, 3 if a part is.
    pub(super) fn exit_code(&self) -> ExitCode {
        let failed = self.results.iter().filter(|(_, result)| result.is_err()).count();
        ExitCode::from(match failed {
            0 => 0,
            _ if failed == self.results.len() => 1,
            _ => 3,
        })
    }
}

fn word(result: &Result<Outcome, StackError>) -> &'static str {
    match result {
        Ok(Outcome::Deployed(_)) => "deployed",
        Ok(Outcome::Unchanged(_)) => "unchanged",
        Ok(Outcome::Shown(_)) => "shown",
        Ok(Outcome::Prepared(..)) => "prepared",
        Ok(Outcome::Begun(_)) => "begun",
        Ok(Outcome::Left) => "not changed",
        Ok(Outcome::GoesOn) => "goes on",
        Err(_) => "failed",
    }
}
