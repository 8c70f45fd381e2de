//! The end of a run: its counts, its results, its exit code.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use super::super::Intent;
use super::super::row::Document;
use super::Report;
use crate::interrupt;
use crate::tally::Tally;
use crate::ui::Format;

/// How often what happened.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) required: usize,
    pub(super) required_failed: usize,
    pub(super) optional_failed: usize,
    pub(super) published: usize,
    pub(super) unchanged: usize,
    pub(super) to_publish: usize,
    pub(super) made_current: usize,
    pub(super) to_make_current: usize,
    pub(super) to_record: usize,
    pub(super) to_point: usize,
    pub(super) not_recorded: usize,
    pub(super) shared: usize,
    pub(super) filled: usize,
    pub(super) is_refused: bool,
}

impl Report<'_> {
    /// Sums up, prints the results in the order in which the regions were named, and gives the exit code.
    pub(in super::super) fn finish(mut self, took: Duration, format: Format, intent: Intent) -> ExitCode {
        let Counts {
            published, unchanged, to_publish, shared, filled, required_failed, optional_failed, ..
        } = self.counts;
        let counts = [
            (published, "published"),
            (self.counts.made_current, "current again"),
            (to_publish, "to publish"),
            (self.counts.to_make_current, "to make current"),
            (unchanged, "unchanged"),
            (filled, "filled up"),
            (shared, "permissions changed"),
            (required_failed + optional_failed, "failed"),
        ];
        let counts =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        let counts = counts.collect::<Vec<_>>().join(", ");
        self.ui.status("Finished", format!("{counts} in {:.2} s", took.as_secs_f64()));
        self.rows.sort_by_key(|(index, position, _)| (*index, *position));
        self.summary();
        for failure in &mut self.failures {
            failure.regions.sort();
            if intent != Intent::Publish {
                failure.verb = "would fail to publish";
            }
            let error: &(dyn Error + 'static) = failure;
            self.ui.error(error, failure.hint.as_deref());
        }
        if optional_failed > 0 {
            self.ui.warning("optional regions are missing; the next run tries them again");
        }
        for (index, _, row) in &mut self.rows {
            let its = self.fills.iter().find(|((of, at), _)| of == index && row.region == at.as_str());
            row.filled = its.map(|(_, numbers)| numbers.clone()).unwrap_or_default();
        }
        let regions = self.rows.iter().map(|(_, _, row)| row).collect::<Vec<_>>();
        let exit_code = if self.interrupted { interrupt::EXIT_CODE } else { exit_code(&self.counts, intent) };
        match format {
            Format::Text => {
                regions
                    .iter()
                    .filter_map(|row| row.layer_version_arn.as_ref())
                    .for_each(|arn| self.ui.result(arn));
            }
            Format::Json => {
                let dry_run = intent != Intent::Publish;
                let document = Document { schema: 1, dry_run, exit_code, regions };
                match serde_json::to_string_pretty(&document) {
                    Ok(text) => self.ui.result(text),
                    Err(error) => self.ui.error(&error, None),
                }
            }
        }
        ExitCode::from(exit_code)
    }
}

/// 0 done · 1 every required region failed, or a check has found something to do · 3 some failed. Optional ones are
/// warnings.
fn exit_code(counts: &Counts, intent: Intent) -> u8 {
    let Counts { to_publish, to_make_current, to_record, to_point, shared, .. } = *counts;
    let is_to_do = to_publish + to_make_current + to_record + to_point + shared > 0;
    let done = counts.required.saturating_sub(counts.required_failed);
    let tally = Tally { done, failed: counts.required_failed + counts.not_recorded };
    match tally.exit_code() {
        _ if counts.is_refused => 1,
        0 => u8::from(intent == Intent::Check && is_to_do),
        code => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_regions_decide_the_exit_code() {
        let code = |required, required_failed, optional_failed, not_recorded| {
            let counts =
                Counts { required, required_failed, optional_failed, not_recorded, ..Counts::default() };
            exit_code(&counts, Intent::Publish)
        };
        assert_eq!(code(2, 0, 0, 0), 0);
        assert_eq!(code(2, 0, 1, 0), 0);
        assert_eq!(code(0, 0, 1, 0), 0);
        assert_eq!(code(2, 1, 0, 0), 3);
        assert_eq!(code(2, 2, 0, 0), 1);
        assert_eq!(code(2, 0, 0, 1), 3);

        let counts = |to_publish| Counts { required: 2, to_publish, ..Counts::default() };
        assert_eq!(exit_code(&counts(1), Intent::Check), 1);
        assert_eq!(exit_code(&counts(0), Intent::Check), 0);
        assert_eq!(exit_code(&counts(1), Intent::Show), 0);
        assert_eq!(exit_code(&Counts { required_failed: 1, ..counts(1) }, Intent::Check), 3);
    }
}
