//! What a run says, and the exit code it ends with. Decides nothing but that.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use template_tools::arn::{LayerVersionArn, Region};
use template_tools::ledger::Entry;
use thiserror::Error;

use super::Parcel;
use super::execute::{Outcome, RegionFailure, Was};
use super::plan::Step;
use super::regions::{Place, Weight};
use crate::aws::failure::{Advice, CallFailure, Kind};
use crate::aws::session::Caller;
use crate::called::CalledAs;
use crate::ledger_file::LedgerFileError;
use crate::manifest::Artifact;
use crate::ui::{Ui, megabytes};

/// What came of one artifact in one region.
#[derive(Debug)]
pub(super) struct Done {
    /// Which artifact.
    pub(super) index: usize,
    /// Where.
    pub(super) place: Place,
    /// What came of it.
    pub(super) result: Result<Outcome, RegionFailure>,
}

/// One failure, for several regions if it is the same in all of them.
#[derive(Debug, Error)]
#[error("failed to publish layer `{layer}` to {}", regions.join(", "))]
struct Failed {
    layer: String,
    regions: Vec<String>,
    source: Cause,
    hint: Option<String>,
}

#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
struct Cause(String);

#[derive(Default)]
struct Counts {
    required: usize,
    required_failed: usize,
    optional_failed: usize,
    published: usize,
    unchanged: usize,
    to_publish: usize,
    not_recorded: usize,
}

/// Says what happens as it happens, and sums up.
pub(super) struct Report<'a> {
    ui: &'a Ui,
    called: &'a CalledAs,
    advice: &'a Advice,
    caller: &'a Caller,
    names_layers: bool,
    counts: Counts,
    failures: Vec<Failed>,
    arns: Vec<(usize, usize, LayerVersionArn)>,
}

/// `Reading sosw.zip: sosw 3.0.1 and 17 more, 19.0 MB, sha256 n9yf1qKc…`
pub(super) fn reading(ui: &Ui, artifact: &Artifact) {
    let manifest = &artifact.manifest;
    let named = manifest.packages.iter().find(|package| package.name == manifest.layer);
    let mut inside = String::new();
    if let Some(first) = named.or(manifest.packages.first()) {
        inside = format!("{} {}", first.name, first.version);
        if manifest.packages.len() > 1 {
            inside = format!("{inside} and {} more", manifest.packages.len() - 1);
        }
        inside.push_str(", ");
    }
    let hash = manifest.code_sha256.get(..8).unwrap_or_default();
    let size = megabytes(manifest.size);
    ui.status("Reading", format!("{}: {inside}{size}, sha256 {hash}…", manifest.zip.display()));
}

/// What the ledger gets of it, if there is anything to be written down.
pub(super) fn entry(done: &Done) -> Option<Entry> {
    let outcome = done.result.as_ref().ok()?;
    let version = &outcome.version;
    Some(Entry {
        code_sha256: Some(version.code_sha256.clone()),
        size: Some(version.size),
        compatible_runtimes: version.compatible_runtimes.clone(),
        compatible_architectures: version.compatible_architectures.clone(),
        verified: outcome.is_verified(),
        ..Entry::new(version.arn.clone())
    })
}

impl<'a> Report<'a> {
    /// Nothing said yet. With several layers each line names its layer.
    pub(super) fn new(
        ui: &'a Ui,
        called: &'a CalledAs,
        advice: &'a Advice,
        caller: &'a Caller,
        names_layers: bool,
    ) -> Self {
        let counts = Counts::default();
        Self { ui, called, advice, caller, names_layers, counts, failures: Vec::new(), arns: Vec::new() }
    }

    /// One artifact in one region is done.
    pub(super) fn done(&mut self, parcel: &Parcel, done: Done, not_recorded: Option<LedgerFileError>) {
        let Done { index, place, result } = done;
        self.counts.required += usize::from(place.weight == Weight::Required);
        match result {
            Ok(outcome) => self.succeeded(parcel, index, &place, &outcome),
            Err(failure) => self.failed(parcel, &place, &failure),
        }
        if let Some(error) = not_recorded {
            self.counts.not_recorded += 1;
            self.ui.error(&error, error.hint().as_deref());
        }
    }

    /// One artifact in one region: what would be done.
    pub(super) fn would(
        &mut self,
        parcel: &Parcel,
        index: usize,
        place: &Place,
        step: Result<Step, RegionFailure>,
    ) {
        self.counts.required += usize::from(place.weight == Weight::Required);
        let region = self.place(parcel, &place.region);
        match step {
            Ok(Step::Unchanged { version, differences }) => {
                self.counts.unchanged += 1;
                self.ui.status(
                    "Unchanged",
                    format!("{region}: version {} has this content", version.arn.version),
                );
                self.differ(&region, &version.arn, &differences);
                self.holds(parcel, index, &version.arn);
            }
            Ok(Step::Publish { expected }) => {
                self.counts.to_publish += 1;
                let number = expected
                    .map_or_else(|| "the first version".to_owned(), |number| format!("version {number}"));
                self.ui.status("Would", format!("publish {region}: as {number}"));
            }
            Err(failure) => self.failed(parcel, place, &failure),
        }
    }

    /// A task ended as none should: our own bug, told as such.
    pub(super) fn panicked(&mut self, what: &str) {
        self.counts.required += 1;
        self.counts.required_failed += 1;
        self.ui.failed("Failed", format!("a region, by a bug of this program: {what}"));
    }

    fn succeeded(&mut self, parcel: &Parcel, index: usize, place: &Place, outcome: &Outcome) {
        let region = self.place(parcel, &place.region);
        let arn = &outcome.version.arn;
        let version = arn.version;
        match outcome.was {
            Was::Unchanged => {
                self.counts.unchanged += 1;
                self.ui.status("Unchanged", format!("{region}: version {version} has this content"));
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
        self.differ(&region, arn, &outcome.differences);
        if !outcome.twins.is_empty() {
            let versions = outcome.twins.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
            self.ui
                .warning(format!("{region}: versions {versions} have the same content, the newest is used"));
        }
        if let Some(failure) = &outcome.not_read_back {
            self.count_failure(place);
            self.ui.warning(format!("{region}: version {version} is not verified: {failure}"));
        }
        self.holds(parcel, index, arn);
    }

    fn differ(&self, region: &str, arn: &LayerVersionArn, differences: &[String]) {
        for difference in differences {
            self.ui
                .warning(format!("{region}: version {} is not as it was built: {difference}", arn.version));
        }
    }

    fn failed(&mut self, parcel: &Parcel, place: &Place, failure: &RegionFailure) {
        let region = self.place(parcel, &place.region);
        let (cause, hint) = self.explain(failure, &place.region);
        self.ui.failed("Failed", format!("{region}: {cause}"));
        self.count_failure(place);
        if place.weight == Weight::Optional {
            return;
        }
        let layer = parcel.wanted.layer_name().to_string();
        let cause = Cause(cause);
        let same = |known: &&mut Failed| known.layer == layer && known.source == cause && known.hint == hint;
        if let Some(known) = self.failures.iter_mut().find(same) {
            known.regions.push(place.region.to_string());
        } else {
            self.failures.push(Failed {
                layer,
                regions: vec![place.region.to_string()],
                source: cause,
                hint,
            });
        }
    }

    fn explain(&self, failure: &RegionFailure, region: &Region) -> (String, Option<String>) {
        let Some(call) = failure.call() else { return (failure.to_string(), None) };
        // STS has accepted the key before: it is the region that does not know it.
        if call.kind == Kind::UnknownKey {
            let cause = format!("not enabled for account {}", self.caller.account);
            let profile =
                self.advice.profile.as_ref().map(|name| format!(" --profile {name}")).unwrap_or_default();
            let hint = format!("enable it with `aws account enable-region --region-name {region}{profile}`");
            return (cause, Some(hint));
        }
        let cause = match failure {
            RegionFailure::Unheard { .. } => format!("{failure}; the last word was: {call}"),
            _ => CallFailure::to_string(call),
        };
        (cause, call.hint(self.advice, self.called))
    }

    fn count_failure(&mut self, place: &Place) {
        match place.weight {
            Weight::Required => self.counts.required_failed += 1,
            Weight::Optional => self.counts.optional_failed += 1,
        }
    }

    fn place(&self, parcel: &Parcel, region: &Region) -> String {
        if self.names_layers {
            format!("{} in {region}", parcel.wanted.layer_name())
        } else {
            region.to_string()
        }
    }

    fn holds(&mut self, parcel: &Parcel, index: usize, arn: &LayerVersionArn) {
        let position =
            parcel.places.iter().position(|place| place.region == arn.region).unwrap_or(usize::MAX);
        self.arns.push((index, position, arn.clone()));
    }

    /// Sums up, prints the ARNs in the order in which the regions were named, and gives the exit code.
    pub(super) fn finish(mut self, took: Duration) -> ExitCode {
        let Counts { published, unchanged, to_publish, required_failed, optional_failed, .. } = self.counts;
        let counts = [
            (published, "published"),
            (to_publish, "to publish"),
            (unchanged, "unchanged"),
            (required_failed + optional_failed, "failed"),
        ];
        let counts =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        let counts = counts.collect::<Vec<_>>().join(", ");
        self.ui.status("Finished", format!("{counts} in {:.2} s", took.as_secs_f64()));
        for failure in &self.failures {
            let error: &(dyn Error + 'static) = failure;
            self.ui.error(error, failure.hint.as_deref());
        }
        if optional_failed > 0 {
            self.ui.warning("optional regions are missing; the next run tries them again");
        }
        self.arns.sort();
        for (_, _, arn) in &self.arns {
            self.ui.result(arn);
        }
        ExitCode::from(exit_code(&self.counts))
    }
}

/// 0 done · 1 every required region failed · 3 some did. Optional ones are warnings.
fn exit_code(counts: &Counts) -> u8 {
    if counts.required_failed > 0 && counts.required_failed == counts.required {
        1
    } else if counts.required_failed > 0 || counts.not_recorded > 0 {
        3
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_regions_decide_the_exit_code() {
        let code = |required, required_failed, optional_failed, not_recorded| {
            exit_code(&Counts {
                required,
                required_failed,
                optional_failed,
                not_recorded,
                ..Counts::default()
            })
        };
        assert_eq!(code(2, 0, 0, 0), 0);
        assert_eq!(code(2, 0, 1, 0), 0);
        assert_eq!(code(0, 0, 1, 0), 0);
        assert_eq!(code(2, 1, 0, 0), 3);
        assert_eq!(code(2, 2, 0, 0), 1);
        assert_eq!(code(2, 0, 0, 1), 3);
    }
}
