//! What a run says, and the exit code it ends with. Decides nothing but that.

mod failures;
mod numbers;
mod outcome;
mod permissions;
mod pointers;
mod summary;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use template_tools::arn::Region;
use template_tools::ledger::{Content, Entry};

use self::failures::{Cause, Failed};
use self::summary::Counts;
use super::everywhere::Everything;
use super::execute::{Outcome, RegionFailure};
use super::permissions::Shared;
use super::plan::Step;
use super::regions::{Place, Weight};
use super::row::{Row, Status};
use super::staging::S3Object;
use super::{Intent, Parcel, refused, terms};
use crate::aws::failure::{Advice, CallFailure};
use crate::aws::session::Caller;
use crate::called::CalledAs;
use crate::layer_version::LayerVersion;
use crate::ledger_file::LedgerFileError;
use crate::manifest::Artifact;
use crate::stack::layer::Around;
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
    /// Where its zip was put, if it went through S3.
    pub(super) staged: Option<S3Object>,
    /// What came of its permissions, if any are wanted.
    pub(super) shared: Option<Result<Shared, CallFailure>>,
    /// The number that was agreed on.
    pub(super) agreed: Option<u64>,
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

    /// A task ended as none should: our own bug, told as such.
    pub(super) fn panicked(&mut self, what: &str) {
        self.counts.required += 1;
        self.counts.required_failed += 1;
        self.ui.failed("Failed", format!("a region, by a bug of this program: {what}"));
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
