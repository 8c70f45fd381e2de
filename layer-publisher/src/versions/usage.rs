//! `usage`: which functions, and which of their published versions and aliases, use which version of a layer, in every
//! account and region that it is published to. Reads only.

pub mod ask;
pub mod packages;
mod report;
pub use template_tools::table;
pub mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use template_tools::arn::LayerVersionArn;
use template_tools::ledger::LayerPlace;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::aws::failure::CallFailure;
use crate::called::CalledAs;
use crate::clocks::Clocks;
use crate::config::LayersFile;
use crate::ledger_file::LedgerFile;
use crate::manifest;
use crate::ui::{Format, Ui, counted};
use crate::versions::ways::{self, Ask, Spot, Subject, Ways, WaysError};
use ask::{Aliases, Answer, Corner};
use packages::{KnownHere, PackageWanted, PackagesError};
use report::Report;
use users::{User, with_runtimes};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct UsageRequest {
    /// The layer, as `layers.toml` or Lambda names it.
    pub layer: String,
    /// Only versions that hold such a package.
    pub package: Option<PackageWanted>,
    /// Only functions with one of these runtimes.
    pub runtimes: Vec<String>,
    /// Which ways are meant.
    pub ask: Ask,
    /// The form of the result.
    pub format: Format,
    /// The `layers.toml` that was named.
    pub layers_file: Option<PathBuf>,
}

/// The layer that is meant, and every way to it.
pub(crate) struct Opened {
    pub(crate) file: LayersFile,
    pub(crate) subjects: Vec<Subject>,
    pub(crate) ledger: LedgerFile,
    pub(crate) ways: Ways,
}

/// Finds the layer and opens the ways to it.
pub(crate) async fn open(
    layer: &str,
    layers_file: Option<&std::path::Path>,
    ask: &Ask,
) -> Result<Opened, WaysError> {
    let here = std::env::current_dir().map_err(WaysError::Folder)?;
    let file = LayersFile::find(layers_file, &here)?;
    let subjects = Subject::of(&file, &[layer.to_owned()])?;
    let ledger = LedgerFile::beside(&file.path);
    let known = ledger.read()?;
    let ways = ways::open(&subjects, &known, ask, Clocks::from_environment()).await?;
    Ok(Opened { file, subjects, ledger, ways })
}

/// What is known about one place: the versions that there are, and who uses which.
struct Found<'a> {
    spot: &'a Spot,
    listed: Result<BTreeSet<u64>, CallFailure>,
    /// Also of versions that are not there any more.
    users: BTreeMap<u64, BTreeSet<User>>,
    /// With `--package`: the versions of the package that a version holds, or why that is not known.
    packages: BTreeMap<u64, Result<BTreeSet<String>, PackagesError>>,
}

/// Asks, and prints who uses what.
pub async fn run(request: &UsageRequest, ui: &Ui, called: &CalledAs) -> Result<ExitCode, WaysError> {
    let opened = open(&request.layer, request.layers_file.as_deref(), &request.ask).await?;
    let Opened { file, ways, .. } = &opened;
    let asked = ways.spots.iter().map(Corner::of).collect::<BTreeSet<_>>();
    if !asked.is_empty() {
        ui.status("Asking", format!("{} who uses `{}`", counted(asked.len(), "region"), request.layer));
    }
    for corner in &asked {
        ui.detail("Asking", format!("account {} in {} for its functions", corner.account, corner.region));
    }
    let spots = ways.spots.clone();
    let answers = tokio::spawn(async move { ask::ask(&spots, Aliases::Asked).await });
    let listed = list(&ways.spots).await;
    // A panic is our own bug and has printed itself; the answers are missing then, which is told.
    let answers = answers.await.unwrap_or_default();
    let mut found = Vec::new();
    for spot in &ways.spots {
        let listed = listed.get(&spot.place).cloned().unwrap_or_else(|| Ok(BTreeSet::new()));
        let users = users_of(&answers, &spot.place, &request.runtimes);
        found.push(Found { spot, listed, users, packages: BTreeMap::new() });
    }
    if let Some(package) = &request.package {
        look_inside(&mut found, package, Arc::new(KnownHere::read(&manifest::folder(file)))).await;
    }
    Ok(Report { request, ui, called, ways, answers: &answers, found: &found }.finish())
}

/// Who uses the versions that lie in one place, from whichever account.
fn users_of(
    answers: &BTreeMap<Corner, Answer>,
    place: &LayerPlace,
    runtimes: &[String],
) -> BTreeMap<u64, BTreeSet<User>> {
    let mut users = BTreeMap::<u64, BTreeSet<User>>::new();
    for all in answers.values().filter_map(|answer| answer.users.as_ref().ok()) {
        let is_here = |arn: &LayerVersionArn| {
            arn.layer == place.layer_name && arn.account == place.account && arn.region == place.region
        };
        let here = all.iter().filter(|(arn, _)| is_here(arn));
        let here = here.map(|(arn, users)| (arn.clone(), users.clone())).collect();
        for (arn, more) in with_runtimes(here, runtimes) {
            users.entry(arn.version).or_default().extend(more);
        }
    }
    users
}

/// The versions that there are in each place.
async fn list(spots: &[Spot]) -> BTreeMap<LayerPlace, Result<BTreeSet<u64>, CallFailure>> {
    let mut running = JoinSet::new();
    for spot in spots {
        let (lambda, place) = (spot.way.session.lambda(&spot.place.region), spot.place.clone());
        running.spawn(async move {
            let versions = lambda.all_versions(&place.layer_name).await;
            (place, versions.map(|versions| versions.iter().map(|dated| dated.version).collect()))
        });
    }
    let mut listed = BTreeMap::new();
    while let Some(joined) = running.join_next().await {
        listed.extend(joined.ok());
    }
    listed
}

/// Looks into every version that is used.
async fn look_inside(found: &mut [Found<'_>], package: &PackageWanted, known: Arc<KnownHere>) {
    /// So many zips are looked into at once.
    const AT_ONCE: usize = 16;
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (index, found) in found.iter().enumerate() {
        let lambda = found.spot.way.session.lambda(&found.spot.place.region);
        for &version in found.users.keys() {
            let (lambda, known, turns) = (lambda.clone(), Arc::clone(&known), Arc::clone(&turns));
            let arn = arn(&found.spot.place, version);
            running.spawn(async move {
                let _turn = turns.acquire().await;
                (index, version, packages::of_version(&lambda, &arn, &known).await)
            });
        }
    }
    while let Some(joined) = running.join_next().await {
        let Ok((index, version, packages)) = joined else { continue };
        let versions = packages.map(|packages| package.among(&packages));
        found[index].packages.insert(version, versions);
    }
}

/// One version in a place.
pub(crate) fn arn(place: &LayerPlace, version: u64) -> LayerVersionArn {
    let LayerPlace { layer_name, partition, account, region } = place.clone();
    LayerVersionArn { layer: layer_name, partition, account, region, version }
}
