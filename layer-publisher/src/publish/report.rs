//! What a run says, and the exit code it ends with. Decides nothing but that.

mod numbers;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use template_tools::arn::{LayerVersionArn, Region};
use template_tools::ledger::{Content, Entry, FILE_NAME};
use thiserror::Error;

use super::everywhere::Everything;
use super::execute::{Outcome, RegionFailure, Was};
use super::permissions::{Change, Shared, Statement};
use super::plan::Step;
#[cfg(feature = "ssm")]
use super::pointer::Pointed;
use super::regions::{Place, Weight};
#[cfg(feature = "ssm")]
use super::row::PointerStatus;
use super::row::{Document, Permissions, Row, Status};
use super::staging::S3Object;
use super::{Intent, Parcel, Told, refused, terms};
use crate::aws::failure::{Advice, CallFailure, Kind};
use crate::aws::session::Caller;
use crate::called::CalledAs;
use crate::layer_version::LayerVersion;
use crate::ledger_file::LedgerFileError;
use crate::manifest::Artifact;
use crate::stack::interrupt;
use crate::stack::layer::Around;
use crate::tally::Tally;
use crate::ui::{Format, Ui, megabytes};

/// What came of one artifact in one region.
#[derive(Debug)]
pub(super) struct Done {
    /// Which artifact.
    pub(super) index: usize,
    /// Where.
    pub(super) place: Place,
    /// What came of it.
    pub(super) result: Result<Outcome, RegionFailure>,
    /// Where its zip was put, if it went through S3.
    pub(super) staged: Option<S3Object>,
    /// What came of its permissions, if any are wanted.
    pub(super) shared: Option<Result<Shared, CallFailure>>,
    /// The number that was agreed on.
    pub(super) agreed: Option<u64>,
}

/// One failure, for several regions if it is the same in all of them.
#[derive(Debug, Error)]
#[error("{verb} layer `{layer}` to {}", regions.join(", "))]
struct Failed {
    verb: &'static str,
    layer: String,
    regions: Vec<String>,
    source: Cause,
    hint: Option<String>,
}

/// Why something failed, in words.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub(super) struct Cause(String);

#[derive(Default)]
struct Counts {
    required: usize,
    required_failed: usize,
    optional_failed: usize,
    published: usize,
    unchanged: usize,
    to_publish: usize,
    made_current: usize,
    to_make_current: usize,
    to_record: usize,
    to_point: usize,
    not_recorded: usize,
    shared: usize,
    filled: usize,
    is_refused: bool,
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
    rows: Vec<(usize, usize, Row)>,
    has_failed: BTreeSet<(String, Region)>,
    fills: BTreeMap<(usize, Region), Vec<u64>>,
    /// Whether Ctrl-C came before all was done.
    pub(super) interrupted: bool,
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

/// What the ledger gets of it, if there is anything to be written down, and which withdrawals it loses.
pub(super) fn entry<'a>(done: &'a Done, target: Option<&str>) -> Option<(Entry, &'a [u64])> {
    let outcome = done.result.as_ref().ok()?;
    let content = done.staged.clone().map(|object| Content {
        bucket: object.bucket,
        key: object.key,
        version: object.version,
    });
    let entry = Entry {
        verified: outcome.is_verified(),
        content,
        ..held_entry(&outcome.version, &outcome.replaced, target)
    };
    Some((entry, &outcome.reinstated))
}

/// What the ledger would get where nothing has to be published.
pub(super) fn expected<'a>(step: &'a Step, target: Option<&str>) -> Option<(Entry, &'a [u64])> {
    let (version, differences, replaced, reinstated) = match step {
        Step::Unchanged { version, differences } => (version, differences, &[][..], &[][..]),
        Step::MakeCurrent { version, differences, replaced, reinstated } => {
            (version, differences, replaced.as_slice(), reinstated.as_slice())
        }
        Step::Publish { .. } | Step::Refused { .. } => return None,
    };
    let entry = Entry { verified: differences.is_empty(), ..held_entry(version, replaced, target) };
    Some((entry, reinstated))
}

fn held_entry(version: &LayerVersion, replaced: &[u64], target: Option<&str>) -> Entry {
    let why = terms::replaced_by(version.arn.version);
    Entry {
        target: target.map(str::to_owned),
        withdrawn: replaced.iter().map(|replaced| (*replaced, why.clone())).collect(),
        ..version.entry()
    }
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
        Self {
            ui,
            called,
            advice,
            caller,
            names_layers,
            counts,
            failures: Vec::new(),
            rows: Vec::new(),
            has_failed: BTreeSet::new(),
            fills: BTreeMap::new(),
            interrupted: false,
        }
    }

    /// What deployments of stacks need, if there are any.
    pub(super) fn around(&self, everything: &Everything<'_>) -> std::io::Result<Around> {
        let Everything { session, caller, clocks, .. } = *everything;
        Around::new(session, caller, *clocks, self.ui, self.called)
    }

    /// One artifact in one region is done.
    pub(super) fn done(&mut self, parcel: &Parcel, done: Done, not_recorded: Option<LedgerFileError>) {
        let Done { index, place, result, shared, agreed, .. } = done;
        self.counts.required += usize::from(place.weight == Weight::Required);
        match result {
            Ok(outcome) => {
                self.succeeded(parcel, index, &place, &outcome);
                self.must_be_agreed(parcel, &place, outcome.version.arn.version, agreed);
            }
            Err(failure) => self.failed(parcel, index, &place, &failure),
        }
        if let Some(shared) = shared {
            self.shared(parcel, &place, shared, Intent::Publish);
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

    /// What came of the permissions, or would come of them.
    fn shared(
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

    /// A task ended as none should: our own bug, told as such.
    pub(super) fn panicked(&mut self, what: &str) {
        self.counts.required += 1;
        self.counts.required_failed += 1;
        self.ui.failed("Failed", format!("a region, by a bug of this program: {what}"));
    }

    /// The versions that a pointer may name: none, as long as a required region lacks its own.
    #[cfg(feature = "ssm")]
    pub(super) fn verified(&self, parcel: &Parcel, index: usize, intent: Intent) -> Vec<LayerVersionArn> {
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
    #[cfg(feature = "ssm")]
    pub(super) fn pointed(
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

    fn succeeded(&mut self, parcel: &Parcel, index: usize, place: &Place, outcome: &Outcome) {
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
    fn differ(
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

    fn tell_twins(&self, region: &str, twins: &[u64]) {
        if !twins.is_empty() {
            let versions = numbers(twins);
            self.ui
                .warning(format!("{region}: versions {versions} have the same content, the newest is used"));
        }
    }

    /// What changes among the withdrawn versions, or would.
    fn tell_moves(&self, region: &str, replaced: &[u64], reinstated: &[u64], intent: Intent) {
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

    fn would_record(&mut self, region: &str, version: &LayerVersion, is_recorded: bool) {
        if !is_recorded {
            self.counts.to_record += 1;
            let number = version.arn.version;
            self.ui.status("Would", format!("record {region}: version {number} in `{FILE_NAME}`"));
        }
    }

    fn failed(&mut self, parcel: &Parcel, index: usize, place: &Place, failure: &RegionFailure) {
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

    fn fail(&mut self, parcel: &Parcel, place: &Place, cause: String, hint: Option<String>) {
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

    fn explain(&self, failure: &RegionFailure, region: &Region) -> (String, Option<String>) {
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
    fn count_failure(&mut self, parcel: &Parcel, place: &Place) {
        if !self.has_failed.insert((parcel.wanted.layer_name().to_string(), place.region.clone())) {
            return;
        }
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

    fn row(&mut self, parcel: &Parcel, index: usize, place: &Place, row: Row) {
        let position =
            parcel.places.iter().position(|known| known.region == place.region).unwrap_or(usize::MAX);
        let row = Row {
            layer_name: parcel.wanted.layer_name().to_string(),
            account: self.caller.account.to_string(),
            region: place.region.to_string(),
            required: place.weight == Weight::Required,
            ..row
        };
        self.rows.push((index, position, row));
    }

    /// Sums up, prints the results in the order in which the regions were named, and gives the exit code.
    pub(super) fn finish(mut self, took: Duration, format: Format, intent: Intent) -> ExitCode {
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

/// What is known of a version that holds the content.
fn held(parcel: &Parcel, status: Status, version: &LayerVersion) -> Row {
    Row {
        status,
        version: Some(version.arn.version),
        layer_version_arn: Some(version.arn.clone()),
        refused: refused::refused_of(&version.description, &parcel.wanted.mark),
        ..Row::default()
    }
}

fn numbers(versions: &[u64]) -> String {
    versions.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
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
