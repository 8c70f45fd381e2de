//! The ways to a layer: its own table of `layers.toml` and each of its targets, and behind them the accounts and regions
//! in which it lies or should lie. Opens what it needs, asks STS once for each kind of credentials, and writes nothing.
//! A way that cannot be opened is a failure of its own, and stops no other one.

mod error;
mod places;
mod subject;

use std::collections::BTreeMap;
use std::sync::Arc;

use template_tools::arn::{LayerVersionArn, Region};
use template_tools::ledger::{Entry, LayerPlace, Ledger};
use thiserror::Error;
use tokio::task::JoinSet;

use crate::aws::session::{Caller, OtherAccount, Session, SessionError};
use crate::called::{CalledAs, Command};
use crate::clocks::Clocks;
use crate::config::publish::{Destination, UnknownTarget};
use crate::publish::regions::Weight;
pub use error::WaysError;
pub use subject::{Subject, SubjectError};

/// Which ways are meant.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// These targets only. Without one every way of a layer is meant.
    pub targets: Vec<String>,
    /// The profile that was named: for the target, or else for the layer's own table, which then is the only way.
    pub profile: Option<String>,
    /// These regions only, instead of those of `layers.toml` and of the ledger.
    pub regions: Vec<Region>,
}

/// Credentials that are good, and whose they are.
#[derive(Clone, Debug)]
pub struct Way {
    /// What calls are made with.
    pub session: Session,
    /// Who calls.
    pub caller: Caller,
}

/// A layer in one account and region, and the way there.
#[derive(Clone, Debug)]
pub struct Spot {
    /// The way there.
    pub way: Arc<Way>,
    /// The layer's name in `layers.toml`.
    pub layer: String,
    /// The target; nothing for the layer's own table.
    pub target: Option<String>,
    /// What is wanted there.
    pub destination: Arc<Destination>,
    /// The layer, its account and its region.
    pub place: LayerPlace,
    /// Whether its failure counts.
    pub weight: Weight,
    /// Whether `layers.toml`, or the command line, sends the layer there. Else only the ledger knows of it, or it is the
    /// table that the targets are made of.
    pub wanted: bool,
}

/// A way that could not be opened.
#[derive(Debug, Error)]
#[error("failed to reach {}", whose(layers, target.as_deref()))]
pub struct WayFailure {
    /// The layers that lie behind it, by their names in `layers.toml`.
    pub layers: Vec<String>,
    /// The target; nothing for the layers' own tables.
    pub target: Option<String>,
    /// The account, where `layers.toml` names it.
    pub destination: Arc<Destination>,
    /// Why not.
    pub source: WayError,
}

/// Why a way cannot be opened.
#[derive(Clone, Debug, Error)]
pub enum WayError {
    /// Credentials.
    #[error(transparent)]
    Session(Arc<SessionError>),
    /// They are for another account.
    #[error(transparent)]
    OtherAccount(#[from] OtherAccount),
    /// There is nowhere to go.
    #[error("no region is known there")]
    NoRegion,
}

impl WayFailure {
    /// What to type next.
    pub fn hint(&self, called: &CalledAs) -> Option<String> {
        match &self.source {
            WayError::Session(error) => error.hint(called),
            WayError::OtherAccount(error) => Some(error.hint()),
            WayError::NoRegion => Some("name a region with `--region eu-west-1`".to_owned()),
        }
    }
}

/// What to do about a row of the ledger that no way leads to.
pub fn hint_about_row(row: &LayerVersionArn, called: &CalledAs) -> String {
    format!(
        "give account {} a target in `layers.toml`, or take the row out of the ledger with `{} --forget {row}`",
        row.account,
        called.words(Command::Status)
    )
}

/// ``layer `sosw` through target `prod` ``
fn whose(layers: &[String], target: Option<&str>) -> String {
    let names = layers.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let noun = if layers.len() == 1 { "layer" } else { "layers" };
    match target {
        Some(target) => format!("{noun} {names} through target `{target}`"),
        None => format!("{noun} {names}"),
    }
}

/// Everything that could be opened, and what could not.
#[derive(Debug, Default)]
pub struct Ways {
    /// Each place once, in the order of the layers, their ways and their regions.
    pub spots: Vec<Spot>,
    /// What could not be opened.
    pub failures: Vec<WayFailure>,
    /// What the ledger names, and no way leads to. Empty if only some ways or regions were asked for.
    pub unreached: Vec<Entry>,
}

/// One candidate: a table of one layer.
#[derive(Clone, Debug)]
struct Candidate {
    subject: usize,
    target: Option<String>,
    destination: Arc<Destination>,
    profile: Option<String>,
    /// The table that the targets are made of, and for all we know nothing else.
    is_base: bool,
}

/// Opens the ways of these layers.
///
/// # Errors
/// If a target was named that no layer has.
pub async fn open(
    subjects: &[Subject],
    ledger: &Ledger,
    ask: &Ask,
    clocks: Clocks,
) -> Result<Ways, UnknownTarget> {
    let candidates = candidates(subjects, ledger, ask)?;
    let mut opening = JoinSet::new();
    let mut opened = BTreeMap::new();
    for candidate in &candidates {
        let key = key(candidate);
        if opened.contains_key(&key) {
            continue;
        }
        let same = candidates.iter().filter(|other| self::key(other) == key);
        let mut regions = same
            .flat_map(|other| places::regions(&subjects[other.subject], &other.destination, ledger, ask))
            .collect::<Vec<_>>();
        regions.sort_by_key(|(_, weight, _)| *weight);
        let regions = regions.into_iter().map(|(region, ..)| region).collect::<Vec<_>>();
        opened.insert(key.clone(), Err(WayError::NoRegion));
        opening.spawn(async move { (open_one(&key, regions, clocks).await, key) });
    }
    while let Some(joined) = opening.join_next().await {
        // A panic is our own bug and has printed itself; its way stays one without a region.
        if let Ok((way, key)) = joined {
            opened.insert(key, way);
        }
    }
    let mut ways = Ways::default();
    for candidate in candidates {
        let way = opened.get(&key(&candidate)).cloned().unwrap_or(Err(WayError::NoRegion));
        let account = candidate.destination.account.as_ref();
        let way = way.and_then(|way| {
            way.caller.must_be(account, candidate.target.as_deref())?;
            Ok(way)
        });
        let subject = &subjects[candidate.subject];
        match way {
            Ok(way) => places::add(&mut ways, subject, &candidate, &way, ledger, ask),
            Err(_) if candidate.is_base => {}
            Err(source) => fail(&mut ways, subject, &candidate, source),
        }
    }
    if ask.targets.is_empty() && ask.profile.is_none() && ask.regions.is_empty() {
        let of_subjects = |entry: &&Entry| {
            let layer = &entry.layer_version_arn.layer;
            subjects.iter().any(|subject| subject.lambda_names.contains(layer))
        };
        let is_reached = |entry: &&Entry| {
            let place = entry.place();
            ways.spots.iter().any(|spot| spot.place == place)
                || ways.failures.iter().any(|failure| places::is_behind(failure, entry))
        };
        let unreached = ledger.entries().filter(of_subjects).filter(|entry| !is_reached(entry));
        ways.unreached = unreached.cloned().collect();
    }
    Ok(ways)
}

/// Whose credentials: a profile, and a role.
pub(crate) type Key = (Option<String>, Option<String>);

fn key(candidate: &Candidate) -> Key {
    (candidate.profile.clone(), candidate.destination.role_arn.clone())
}

/// Opens one way; the regions are those that STS can be asked in.
pub(crate) async fn open_one(key: &Key, regions: Vec<Region>, clocks: Clocks) -> Result<Arc<Way>, WayError> {
    let session = |error| WayError::Session(Arc::new(error));
    let (profile, role) = key;
    let opened =
        Session::open(profile.as_deref(), role.as_deref(), &regions, clocks).await.map_err(session)?;
    let mut regions = regions;
    if regions.is_empty() {
        regions.extend(opened.default_region());
    }
    if regions.is_empty() {
        return Err(WayError::NoRegion);
    }
    let caller = opened.caller(&regions).await.map_err(session)?;
    Ok(Arc::new(Way { session: opened, caller }))
}

/// Every table that is meant, of every layer.
fn candidates(subjects: &[Subject], ledger: &Ledger, ask: &Ask) -> Result<Vec<Candidate>, UnknownTarget> {
    let mut candidates = Vec::new();
    let mut unknown = Vec::new();
    for (index, subject) in subjects.iter().enumerate() {
        let mut add = |target: Option<&str>, destination: &Destination, is_base| {
            candidates.push(Candidate {
                subject: index,
                target: target.map(str::to_owned),
                destination: Arc::new(destination.clone()),
                profile: ask.profile.clone().or_else(|| destination.profile.clone()),
                is_base,
            });
        };
        for target in &ask.targets {
            match subject.destination(Some(target)) {
                Ok(destination) => add(Some(target), destination, false),
                Err(error) => unknown.push(error),
            }
        }
        if ask.targets.is_empty() {
            let own = &subject.destination;
            let is_named = own.profile.is_some() || own.role_arn.is_some() || own.account.is_some();
            let is_used = ledger.entries().any(|entry| {
                entry.target.is_none() && subject.lambda_names.contains(&entry.layer_version_arn.layer)
            });
            let is_base = !subject.targets.is_empty() && !is_named && !is_used && ask.profile.is_none();
            add(None, own, is_base);
            if ask.profile.is_none() {
                subject.targets.iter().for_each(|(name, to)| add(Some(name), to, false));
            }
        }
    }
    // Another layer may have it.
    let is_nowhere = |unknown: &UnknownTarget| {
        !candidates.iter().any(|candidate| candidate.target.as_ref() == Some(&unknown.target))
    };
    match unknown.into_iter().find(is_nowhere) {
        Some(unknown) => Err(unknown),
        None => Ok(candidates),
    }
}

/// One failure for all layers that it keeps away.
fn fail(ways: &mut Ways, subject: &Subject, candidate: &Candidate, source: WayError) {
    let said = source.to_string();
    let is_same = |known: &&mut WayFailure| {
        known.target == candidate.target
            && known.source.to_string() == said
            && known.destination.account == candidate.destination.account
    };
    if let Some(known) = ways.failures.iter_mut().find(is_same) {
        known.layers.push(subject.name.clone());
        return;
    }
    ways.failures.push(WayFailure {
        layers: vec![subject.name.clone()],
        target: candidate.target.clone(),
        destination: Arc::clone(&candidate.destination),
        source,
    });
}
