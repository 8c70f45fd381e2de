//! What is said about the numbers of versions: those that are expected, those that are filled up, those that differ.

use template_tools::arn::{LayerVersionArn, Region};

use super::super::continuity::{Agreement, Has, Standing};
use super::super::regions::Place;
use super::super::row::Status;
use super::super::{Parcel, PublishError};
use super::{Cause, Report};
use crate::publish::execute::RegionFailure;

impl Report<'_> {
    /// The number that each region would give, before the first write.
    pub(in super::super) fn expects(&self, parcel: &Parcel, standings: &[Standing]) {
        for standing in standings {
            let region = self.place(parcel, &standing.region);
            match standing.has {
                Has::Content(number) => {
                    self.ui.status("Expecting", format!("{region}: version {number}, unchanged"));
                }
                Has::Next(number) => self.ui.status("Expecting", format!("{region}: version {number}")),
                Has::Unknown => self.ui.failed("Expecting", format!("{region}: no answer")),
            }
        }
    }

    /// A version was filled up.
    pub(in super::super) fn filled(
        &mut self,
        parcel: &Parcel,
        index: usize,
        region: &Region,
        number: u64,
        source: &LayerVersionArn,
    ) {
        let place = self.place(parcel, region);
        self.ui.status(
            "Filled",
            format!("{place}: version {number}, with version {} of {}", source.version, source.region),
        );
        self.counts.filled += 1;
        self.fills.entry((index, region.clone())).or_default().push(number);
    }

    /// What would be filled up.
    pub(in super::super) fn would_fill(&mut self, parcel: &Parcel, index: usize, agreement: &Agreement) {
        for (region, missing) in &agreement.fills {
            let last = missing.end - 1;
            let versions = if missing.start == last {
                format!("version {last}")
            } else {
                format!("versions {} to {last}", missing.start)
            };
            let place = self.place(parcel, region);
            self.ui.status("Would", format!("fill {place}: {versions}, from {}", agreement.leader));
            self.fills.insert((index, region.clone()), missing.clone().collect());
            for (of, _, row) in &mut self.rows {
                if *of == index && row.region == region.as_str() && row.status == Status::WouldPublish {
                    row.expected_version = Some(agreement.number);
                }
            }
        }
    }

    /// The numbers would differ, and nobody has asked for the same ones.
    pub(in super::super) fn drifts(&self, error: &PublishError) {
        if let PublishError::Numbers { .. } = error {
            self.ui.note(format!("{error}; `--align` fills up what lags behind, where that is possible"));
        }
    }

    /// What was asked for cannot be done.
    pub(in super::super) fn refused(&mut self, error: &PublishError) {
        self.counts.is_refused = true;
        self.ui.error(error, error.hint(self.called).as_deref());
    }

    /// Why a region does not say which number it would give.
    pub(in super::super) fn cause(&self, failure: Option<RegionFailure>, region: &Region) -> Cause {
        Cause(failure.map_or_else(|| "no answer".to_owned(), |failure| self.explain(&failure, region).0))
    }

    /// The number that came out, against the one that was agreed on.
    pub(super) fn must_be_agreed(&mut self, parcel: &Parcel, place: &Place, found: u64, agreed: Option<u64>) {
        let Some(agreed) = agreed.filter(|agreed| *agreed != found) else { return };
        let cause = format!("it is version {found} now, and not {agreed} as in the other regions");
        self.ui.failed("Failed", format!("{}: {cause}", self.place(parcel, &place.region)));
        if let Some((.., row)) = self.rows.last_mut() {
            row.error.get_or_insert(cause.clone());
        }
        self.fail(parcel, place, cause, None);
    }
}
