//! What is said of the parameters that name a version.

use template_tools::arn::LayerVersionArn;

use super::super::pointer::Pointed;
use super::super::row::{PointerStatus, Row};
use super::super::{Intent, Parcel};
use super::Report;
use crate::aws::failure::CallFailure;

impl Report<'_> {
    /// The versions that a pointer may name: none, as long as a required region lacks its own.
    pub(in super::super) fn verified(
        &self,
        parcel: &Parcel,
        index: usize,
        intent: Intent,
    ) -> Vec<LayerVersionArn> {
        let rows = self.rows.iter().filter(|(of, ..)| *of == index).map(|(.., row)| row);
        let is_right = |row: &Row| row.verified && row.error.is_none();
        let (right, wrong) = rows.partition::<Vec<_>, _>(|row| is_right(row));
        if intent == Intent::Publish && wrong.iter().any(|row| row.required) {
            let name = parcel.pointer.as_deref().unwrap_or_default();
            self.ui.warning(format!(
                "parameter `{name}` stays as it is in every region until all required regions are verified"
            ));
            return Vec::new();
        }
        right.into_iter().filter_map(|row| row.layer_version_arn.clone()).collect()
    }

    /// What came of a pointer, or would.
    pub(in super::super) fn pointed(
        &mut self,
        parcel: &Parcel,
        index: usize,
        version: &LayerVersionArn,
        pointed: Result<Pointed, CallFailure>,
        intent: Intent,
    ) {
        let region = self.place(parcel, &version.region);
        let name = parcel.pointer.as_deref().unwrap_or_default();
        let mut error = None;
        let status = match pointed {
            Ok(Pointed::Unchanged) => PointerStatus::Unchanged,
            Ok(Pointed::Moved) if intent == Intent::Show => {
                self.counts.to_point += 1;
                self.ui.status("Would", format!("point {region}: `{name}` to version {}", version.version));
                PointerStatus::Stale
            }
            Ok(Pointed::Moved) => {
                self.ui.status("Pointed", format!("{region}: `{name}` to version {}", version.version));
                PointerStatus::Moved
            }
            Err(failure) => {
                let cause = format!("parameter `{name}` is not right: {failure}");
                self.ui.failed("Failed", format!("{region}: {cause}"));
                error = Some(cause.clone());
                let hint = failure.hint(self.advice, self.called);
                if let Some(place) = parcel.places.iter().find(|place| place.region == version.region) {
                    self.fail(parcel, place, cause, hint);
                }
                PointerStatus::Failed
            }
        };
        let is_its =
            |(of, _, row): &&mut (usize, usize, Row)| *of == index && row.region == version.region.as_str();
        if let Some((.., row)) = self.rows.iter_mut().find(is_its) {
            row.pointer = Some(status);
            row.error = row.error.take().or(error);
        }
    }
}
