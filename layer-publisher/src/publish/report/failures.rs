//! What is said of what went wrong, once for all regions where it is the same.

use template_tools::arn::Region;
use thiserror::Error;

use super::super::Parcel;
use super::super::execute::RegionFailure;
use super::super::regions::{Place, Weight};
use super::super::row::{Row, Status};
use super::Report;
use crate::aws::failure::{CallFailure, Kind};

/// One failure, for several regions if it is the same in all of them.
#[derive(Debug, Error)]
#[error("{verb} layer `{layer}` to {}", regions.join(", "))]
pub(super) struct Failed {
    pub(super) verb: &'static str,
    pub(super) layer: String,
    pub(super) regions: Vec<String>,
    source: Cause,
    pub(super) hint: Option<String>,
}

/// Why something failed, in words.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub(in super::super) struct Cause(pub(super) String);

impl Report<'_> {
    pub(super) fn failed(&mut self, parcel: &Parcel, index: usize, place: &Place, failure: &RegionFailure) {
        let region = self.place(parcel, &place.region);
        let (cause, hint) = self.explain(failure, &place.region);
        self.ui.failed("Failed", format!("{region}: {cause}"));
        let status = match failure {
            RegionFailure::Withdrawn { .. } => Status::Withdrawn,
            failure if failure.call().is_some_and(|call| call.kind == Kind::UnknownKey) => {
                Status::RegionNotEnabled
            }
            _ => Status::Failed,
        };
        let row = Row { status, error: Some(cause.clone()), hint: hint.clone(), ..Row::default() };
        self.row(parcel, index, place, row);
        self.fail(parcel, place, cause, hint);
    }

    pub(super) fn fail(&mut self, parcel: &Parcel, place: &Place, cause: String, hint: Option<String>) {
        self.count_failure(parcel, place);
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
                verb: "failed to publish",
                layer,
                regions: vec![place.region.to_string()],
                source: cause,
                hint,
            });
        }
    }

    pub(super) fn explain(&self, failure: &RegionFailure, region: &Region) -> (String, Option<String>) {
        if let RegionFailure::Withdrawn { .. } = failure {
            let hint = "build something else, or take the withdrawal back with `--reinstate`".to_owned();
            return (failure.to_string(), Some(hint));
        }
        match failure {
            RegionFailure::OtherPublisher { hint, .. } => return (failure.to_string(), Some(hint.clone())),
            RegionFailure::Stack { hint, .. } => return (failure.to_string(), hint.clone()),
            _ => {}
        }
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

    /// However much fails in one place, it counts once.
    pub(super) fn count_failure(&mut self, parcel: &Parcel, place: &Place) {
        if !self.has_failed.insert((parcel.wanted.layer_name().to_string(), place.region.clone())) {
            return;
        }
        match place.weight {
            Weight::Required => self.counts.required_failed += 1,
            Weight::Optional => self.counts.optional_failed += 1,
        }
    }
}
