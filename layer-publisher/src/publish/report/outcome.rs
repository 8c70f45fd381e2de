//! What is said of a version: that it was published, that it was there, that it would be.

use template_tools::ledger::FILE_NAME;

use super::super::execute::{Outcome, RegionFailure, Was};
use super::super::permissions::Shared;
use super::super::plan::Step;
use super::super::regions::{Place, Weight};
use super::super::row::{Row, Status};
use super::super::{Intent, Parcel, Told, refused};
use super::{Report, held};
use crate::aws::failure::CallFailure;
use crate::layer_version::LayerVersion;

impl Report<'_> {
    /// One artifact in one region: what would be done.
    pub(in super::super) fn would(
        &mut self,
        parcel: &Parcel,
        index: usize,
        place: &Place,
        told: Result<Told, RegionFailure>,
        shared: Option<Result<Shared, CallFailure>>,
        is_recorded: bool,
    ) {
        self.counts.required += usize::from(place.weight == Weight::Required);
        let region = self.place(parcel, &place.region);
        let twins = told.as_ref().map(|told| told.twins.clone()).unwrap_or_default();
        match told.map(|told| told.step) {
            Ok(Step::Unchanged { version, differences }) => {
                self.counts.unchanged += 1;
                self.ui.status(
                    "Unchanged",
                    format!("{region}: version {} has this content", version.arn.version),
                );
                let verified = differences.is_empty();
                let differences = self.differ(parcel, &region, &version, differences);
                self.tell_twins(&region, &twins);
                self.would_record(&region, &version, is_recorded);
                let row = held(parcel, Status::Unchanged, &version);
                let same_content = twins;
                let row = Row { verified, differences, same_content, to_record: !is_recorded, ..row };
                self.row(parcel, index, place, row);
            }
            Ok(Step::MakeCurrent { version, differences, replaced, reinstated }) => {
                self.counts.to_make_current += 1;
                let number = version.arn.version;
                self.ui.status("Would", format!("use {region}: version {number}, which has this content"));
                self.tell_moves(&region, &replaced, &reinstated, Intent::Show);
                let verified = differences.is_empty();
                let differences = self.differ(parcel, &region, &version, differences);
                let row = held(parcel, Status::WouldMakeCurrent, &version);
                let row = Row { verified, differences, replaced, reinstated, to_record: !is_recorded, ..row };
                self.row(parcel, index, place, row);
            }
            Ok(Step::Refused { version, why }) => {
                self.failed(parcel, index, place, &RegionFailure::Withdrawn { version, why });
            }
            Ok(Step::Publish { expected, reinstated }) => {
                self.counts.to_publish += 1;
                let number = expected
                    .map_or_else(|| "the first version".to_owned(), |number| format!("version {number}"));
                self.ui.status("Would", format!("publish {region}: as {number}"));
                self.tell_moves(&region, &[], &reinstated, Intent::Show);
                let status = Status::WouldPublish;
                let row =
                    Row { status, expected_version: expected, reinstated, to_record: true, ..Row::default() };
                self.row(parcel, index, place, row);
            }
            Err(failure) => self.failed(parcel, index, place, &failure),
        }
        if let Some(shared) = shared {
            self.shared(parcel, place, shared, Intent::Show);
        }
    }

    pub(super) fn succeeded(&mut self, parcel: &Parcel, index: usize, place: &Place, outcome: &Outcome) {
        let region = self.place(parcel, &place.region);
        let arn = &outcome.version.arn;
        let version = arn.version;
        match outcome.was {
            Was::Unchanged => {
                self.counts.unchanged += 1;
                self.ui.status("Unchanged", format!("{region}: version {version} has this content"));
            }
            Was::MadeCurrent => {
                self.counts.made_current += 1;
                self.ui.status("Current", format!("{region}: version {version}, which has this content"));
            }
            Was::Published => {
                self.counts.published += 1;
                self.ui.status("Published", format!("{region}: version {version}"));
            }
            Was::PublishedUnheard => {
                self.counts.published += 1;
                self.ui.status(
                    "Published",
                    format!("{region}: version {version}, found after its answer was lost"),
                );
            }
        }
        self.tell_moves(&region, &outcome.replaced, &outcome.reinstated, Intent::Publish);
        let differences = self.differ(parcel, &region, &outcome.version, outcome.differences.clone());
        self.tell_twins(&region, &outcome.twins);
        if let Some(failure) = &outcome.not_read_back {
            self.count_failure(parcel, place);
            self.ui.warning(format!("{region}: version {version} is not verified: {failure}"));
        }
        let refused = refused::refused_of(&outcome.version.description, &parcel.wanted.mark);
        if !refused.is_empty() && outcome.was != Was::Unchanged {
            self.ui.warning(format!(
                "{region}: the region refuses {}, and version {version} does without",
                refused.join(", ")
            ));
        }
        let status = match outcome.was {
            Was::Unchanged => Status::Unchanged,
            Was::MadeCurrent => Status::MadeCurrent,
            Was::Published | Was::PublishedUnheard => Status::Published,
        };
        let row = Row {
            verified: outcome.is_verified(),
            differences,
            same_content: outcome.twins.clone(),
            replaced: outcome.replaced.clone(),
            reinstated: outcome.reinstated.clone(),
            error: outcome.not_read_back.as_ref().map(ToString::to_string),
            ..held(parcel, status, &outcome.version)
        };
        self.row(parcel, index, place, row);
    }

    /// Tells where a version differs from what was built, its description too, and gives all of that.
    pub(super) fn differ(
        &self,
        parcel: &Parcel,
        region: &str,
        version: &LayerVersion,
        mut differences: Vec<String>,
    ) -> Vec<String> {
        let number = version.arn.version;
        for difference in &differences {
            self.ui.warning(format!("{region}: version {number} is not as it was built: {difference}"));
        }
        if let Some(words) = parcel.wanted.other_words(version) {
            self.ui.note(format!("{region}: version {number}: {words}; `--republish-metadata` ends that"));
            differences.push(words);
        }
        differences
    }

    pub(super) fn tell_twins(&self, region: &str, twins: &[u64]) {
        if !twins.is_empty() {
            let versions = numbers(twins);
            self.ui
                .warning(format!("{region}: versions {versions} have the same content, the newest is used"));
        }
    }

    /// What changes among the withdrawn versions, or would.
    pub(super) fn tell_moves(&self, region: &str, replaced: &[u64], reinstated: &[u64], intent: Intent) {
        for (versions, would, done, noun) in [
            (replaced, "withdraw", "Withdrawn", "gives way to it"),
            (reinstated, "reinstate", "Reinstated", "is no longer withdrawn"),
        ] {
            for version in versions {
                match intent {
                    Intent::Publish => self.ui.status(done, format!("{region}: version {version} {noun}")),
                    Intent::Show | Intent::Check => {
                        self.ui.status("Would", format!("{would} {region}: version {version}"));
                    }
                }
            }
        }
    }

    pub(super) fn would_record(&mut self, region: &str, version: &LayerVersion, is_recorded: bool) {
        if !is_recorded {
            self.counts.to_record += 1;
            let number = version.arn.version;
            self.ui.status("Would", format!("record {region}: version {number} in `{FILE_NAME}`"));
        }
    }
}

fn numbers(versions: &[u64]) -> String {
    versions.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}
