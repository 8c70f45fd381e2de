//! What is said of the permissions of a version.

use super::super::permissions::{Change, Shared, Statement};
use super::super::regions::Place;
use super::super::row::Permissions;
use super::super::{Intent, Parcel};
use super::Report;
use crate::aws::failure::CallFailure;

impl Report<'_> {
    /// What came of the permissions, or would come of them.
    pub(super) fn shared(
        &mut self,
        parcel: &Parcel,
        place: &Place,
        shared: Result<Shared, CallFailure>,
        intent: Intent,
    ) {
        let region = self.place(parcel, &place.region);
        match shared {
            Ok(shared) => {
                for change in &shared.changes {
                    let (verb, text) = match (change, intent) {
                        (Change::Add(grant), Intent::Publish) => {
                            ("Shared", format!("{region}: with {grant}"))
                        }
                        (Change::Add(grant), _) => ("Would", format!("share {region}: with {grant}")),
                        (Change::Remove(statement), Intent::Publish) => {
                            ("Unshared", format!("{region}: with {statement}"))
                        }
                        (Change::Remove(statement), _) => {
                            ("Would", format!("unshare {region}: with {statement}"))
                        }
                    };
                    self.ui.status(verb, text);
                    self.counts.shared += 1;
                }
                for other in &shared.others {
                    self.ui.warning(format!(
                        "{region}: also shared with {other}; `--remove-other-permissions` ends that"
                    ));
                }
                if let Some((.., row)) = self.rows.last_mut() {
                    row.permissions = Some(Permissions {
                        changes: shared.changes.iter().map(Change::to_string).collect(),
                        others: shared.others.iter().map(Statement::to_string).collect(),
                    });
                }
            }
            Err(failure) => {
                let cause = format!("the permissions are not right: {failure}");
                self.ui.failed("Failed", format!("{region}: {cause}"));
                if let Some((.., row)) = self.rows.last_mut() {
                    row.error = Some(cause.clone());
                }
                let hint = failure.hint(self.advice, self.called);
                self.fail(parcel, place, cause, hint);
            }
        }
    }
}
