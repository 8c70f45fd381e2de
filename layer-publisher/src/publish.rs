//! `publish`: everything that is built, into every region that is wanted, and into the ledger.

pub mod choose;
pub mod execute;
#[cfg(test)]
mod fake;
pub mod journal;
pub mod permissions;
pub mod plan;
pub mod refused;
pub mod regions;
mod report;
pub mod row;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use template_tools::arn::{ArnError, Region};
use thiserror::Error;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;

use crate::aws::session::{Caller, Session, SessionError};
use crate::called::{CalledAs, Command};
use crate::clocks::Clocks;
use crate::config::{ConfigError, LayersFile};
use crate::ledger_file::{LedgerFile, LedgerFileError};
use crate::machine_lock;
use crate::manifest::{self, Artifact, ArtifactError, Freshness};
use crate::ui::{Format, Ui, shown};
use choose::ChangedError;
use execute::{Clock, Outcome, RegionFailure};
use journal::JournalFile;
use permissions::{Grant, Grants, Others, Policy};
use plan::{Step, Wanted};
use regions::{NoRegion, Place, places};
use report::{Done, Report};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct PublishRequest {
    /// Layers or artifacts by name; the only layer if there are none.
    pub names: Vec<String>,
    /// Only layers that have changed since this commit.
    pub changed_since: Option<String>,
    /// Whether layers may become public.
    pub public: Public,
    /// What happens to permissions that nobody asked for.
    pub others: Others,
    /// The form of the results.
    pub format: Format,
    /// The profile that was named.
    pub profile: Option<String>,
    /// The regions that were named; else those of `layers.toml`.
    pub regions: Vec<Region>,
    /// Whether anything may be changed.
    pub intent: Intent,
    /// Whether the artifact must belong to the lock and the table as they are now.
    pub freshness: Freshness,
    /// The `layers.toml` that was named.
    pub layers_file: Option<PathBuf>,
}

/// Whether anything may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Publish, and write it down.
    Publish,
    /// Say what would be done.
    Show,
}

/// Whether layers may become public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Public {
    /// They may (`--allow-public`).
    Allowed,
    /// Only if somebody at the terminal says so.
    Asked,
}

/// Why nothing was tried.
#[derive(Debug, Error)]
pub enum PublishError {
    /// `layers.toml`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The artifacts.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// A name that Lambda does not take.
    #[error("artifact `{artifact}` cannot be published")]
    Name {
        /// The artifact.
        artifact: String,
        /// What is wrong.
        source: ArnError,
    },
    /// git.
    #[error(transparent)]
    Changed(#[from] ChangedError),
    /// A layer would become public.
    #[error("`{}` makes layer `{layer}` public: everybody could use it", file.display())]
    Public {
        /// The layer.
        layer: String,
        /// The file that says so.
        file: PathBuf,
    },
    /// No region.
    #[error(transparent)]
    NoRegion(#[from] NoRegion),
    /// Credentials and the way to AWS.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerFileError),
    /// The process itself.
    #[error("failed to {what}")]
    System {
        /// What was being done.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl PublishError {
    /// What to type next.
    pub fn hint(&self, called: &CalledAs) -> Option<String> {
        match self {
            Self::Config(ConfigError::NotFound { .. }) => {
                Some(format!("name the file with `{} --layers-file FILE`", called.words(Command::Publish)))
            }
            Self::Changed(ChangedError::Refused { .. }) => {
                Some("name a commit, a branch or a tag, for example `origin/main`; a shallow clone may not have it".to_owned())
            }
            Self::Public { layer, .. } => Some(format!(
                "if that is meant, say so with `{} {layer} --allow-public`",
                called.words(Command::Publish)
            )),
            Self::Config(_) | Self::Changed(_) | Self::Name { .. } | Self::System { .. } => None,
            Self::Artifact(error) => error.hint(called),
            Self::NoRegion(error) => Some(error.hint(called)),
            Self::Session(error) => error.hint(called),
            Self::Ledger(error) => error.hint(),
        }
    }
}

/// One artifact, ready to be sent.
struct Parcel {
    wanted: Wanted,
    places: Vec<Place>,
    /// Who shall be able to use it, if that is ours to say.
    grants: Option<Grants>,
}

/// Publishes, or shows what would be published.
pub async fn run(request: &PublishRequest, ui: &Ui, called: &CalledAs) -> Result<ExitCode, PublishError> {
    let start = Instant::now();
    let clocks = Clocks::from_environment();
    let here = std::env::current_dir()
        .map_err(|source| PublishError::System { what: "find the current folder", source })?;
    let file = LayersFile::find(request.layers_file.as_deref(), &here)?;
    let Some(names) = names(request, &file, ui)? else {
        ui.status("Finished", "no layer has changed");
        return Ok(ExitCode::SUCCESS);
    };
    let artifacts = manifest::artifacts(&file, &names, request.freshness)?;
    let ledger = LedgerFile::beside(&file.path);
    ledger.read()?;
    if request.intent == Intent::Publish {
        ledger.must_be_writable()?;
    }

    let configured =
        |artifact: &Artifact| file.layers.get(&artifact.manifest.layer).map(|layer| &layer.destination);
    let all = artifacts.iter().flat_map(|artifact| places(&request.regions, configured(artifact), None));
    let wanted_regions = all.map(|place| place.region).collect::<Vec<_>>();
    let session = Session::open(request.profile.as_deref(), &wanted_regions, clocks).await?;
    let default = session.default_region();
    let mut parcels = Vec::new();
    for artifact in artifacts {
        report::reading(ui, &artifact);
        let places = places(&request.regions, configured(&artifact), default.as_ref());
        if places.is_empty() {
            return Err(NoRegion {
                layer: artifact.manifest.layer.clone(),
                file: file.path.clone(),
                command: Command::Publish,
            }
            .into());
        }
        let wanted = Wanted::new(&artifact)
            .map_err(|source| PublishError::Name { artifact: artifact.name.clone(), source })?;
        let grants = configured(&artifact).and_then(|destination| destination.permissions.clone());
        parcels.push(Parcel { wanted, places, grants });
    }
    if request.intent == Intent::Publish && request.public == Public::Asked {
        ask_about_public(&parcels, &file.path, ui)?;
    }
    let mut asked = parcels.iter().flat_map(|parcel| &parcel.places).collect::<Vec<_>>();
    asked.sort_by_key(|place| place.weight);
    let asked = asked.into_iter().map(|place| place.region.clone()).collect::<Vec<_>>();
    let caller = session.caller(&asked).await?;
    ui.detail(
        "Using",
        format!(
            "account {} in partition {}, ledger {}",
            caller.account,
            caller.partition,
            shown(ledger.path())
        ),
    );

    let mut report = Report::new(ui, called, session.advice(), &caller, parcels.len() > 1);
    match request.intent {
        Intent::Show => show(&session, &clocks, &parcels, request.others, &mut report).await,
        Intent::Publish => {
            let waiting = || {
                ui.status("Waiting", format!("for another run that publishes to account {}", caller.account));
            };
            let lock = machine_lock::acquire(&caller, waiting);
            if let Err(error) = &lock {
                ui.warning(format!("other runs on this machine are not kept out: {error}"));
            }
            if let Err(error) = journal::must_be_writable() {
                ui.warning(format!("requests on their way are not written down: {error}"));
            }
            ledger.read()?;
            execute_all(&session, &caller, &clocks, &parcels, request.others, &ledger, &mut report).await;
            drop(lock);
        }
    }
    Ok(report.finish(start.elapsed(), request.format, request.intent))
}

/// A layer becomes public only if somebody has said so.
fn ask_about_public(parcels: &[Parcel], file: &Path, ui: &Ui) -> Result<(), PublishError> {
    for parcel in parcels {
        if !parcel.grants.as_ref().is_some_and(|grants| grants.contains(&Grant::Public)) {
            continue;
        }
        let layer = parcel.wanted.layer_name().to_string();
        let question = format!("layer `{layer}` becomes public: everybody can use it. Go on? [yes/no]");
        if ui.ask(&question).is_none_or(|answer| answer != "yes") {
            return Err(PublishError::Public { layer, file: file.to_owned() });
        }
    }
    Ok(())
}

/// The names that are meant. Nothing, if those that were asked for have not changed.
fn names(request: &PublishRequest, file: &LayersFile, ui: &Ui) -> Result<Option<Vec<String>>, ChangedError> {
    if let Some(reference) = &request.changed_since {
        let mut names = choose::changed_since(file, reference)?;
        if !request.names.is_empty() {
            names.retain(|name| request.names.contains(name));
        }
        return Ok(Some(names).filter(|names| !names.is_empty()));
    }
    if request.names.is_empty()
        && file.layers.len() > 1
        && let Some(chosen) = choose::ask(ui, file)
    {
        return Ok(Some(chosen));
    }
    Ok(Some(request.names.clone()))
}

/// So many artifacts are attended to at once in one region, and
const AT_ONCE_IN_A_REGION: usize = 3;
/// so many over all.
const AT_ONCE: usize = 64;

/// Who may begin: the regions have queues of their own, so that one that is dead holds up nobody else.
struct Turns {
    all: Semaphore,
    regions: BTreeMap<Region, Semaphore>,
}

impl Turns {
    fn new(parcels: &[Parcel]) -> Arc<Self> {
        let regions = parcels.iter().flat_map(|parcel| &parcel.places);
        let regions = regions.map(|place| (place.region.clone(), Semaphore::new(AT_ONCE_IN_A_REGION)));
        Arc::new(Self { all: Semaphore::new(AT_ONCE), regions: regions.collect() })
    }

    /// They are never closed, so there is always a permit in the end.
    async fn wait(&self, region: &Region) -> [Option<SemaphorePermit<'_>>; 2] {
        let in_region = match self.regions.get(region) {
            Some(region) => region.acquire().await.ok(),
            None => None,
        };
        [in_region, self.all.acquire().await.ok()]
    }
}

/// What it comes to within the time that there is for it.
async fn in_time<T>(
    clocks: &Clocks,
    wanted: &Wanted,
    work: impl Future<Output = Result<T, RegionFailure>>,
) -> Result<T, RegionFailure> {
    let after = clocks.deadline(wanted.size);
    let layer = || wanted.layer_name().clone();
    let result = tokio::time::timeout(after, work).await;
    result.unwrap_or_else(|_| Err(RegionFailure::Deadline { layer: layer(), after }))
}

/// Every region at once, each on its own; what has come of one is recorded at once.
async fn execute_all(
    session: &Session,
    caller: &Caller,
    clocks: &Clocks,
    parcels: &[Parcel],
    others: Others,
    ledger: &LedgerFile,
    report: &mut Report<'_>,
) {
    let mut running = JoinSet::new();
    let turns = Turns::new(parcels);
    for (index, parcel) in parcels.iter().enumerate() {
        let wanted = Arc::new(parcel.wanted.clone());
        for place in &parcel.places {
            let lambda = session.lambda(&place.region);
            let (wanted, place, clocks) = (Arc::clone(&wanted), place.clone(), *clocks);
            let journal = JournalFile::new(caller, &place.region, &wanted, &clocks);
            let (turns, grants) = (Arc::clone(&turns), parcel.grants.clone());
            running.spawn(async move {
                let _turn = turns.wait(&place.region).await;
                let clock = RealClock::default();
                let work = execute::bring(&lambda, &clock, &journal, &clocks, &wanted);
                let result: Result<Outcome, _> = in_time(&clocks, &wanted, work).await;
                let shared = match (&result, &grants) {
                    (Ok(outcome), Some(grants)) => {
                        Some(permissions::bring(&lambda, &outcome.version.arn, grants, others).await)
                    }
                    _ => None,
                };
                Done { index, place, result, shared }
            });
        }
    }
    while let Some(joined) = running.join_next().await {
        match joined {
            Ok(done) => {
                let recorded = match report::entry(&done) {
                    Some(entry) => ledger.record(&[entry]),
                    None => Ok(false),
                };
                report.done(&parcels[done.index], done, recorded.err());
            }
            Err(error) => report.panicked(&error.to_string()),
        }
    }
}

/// What each region has, and what would be done there.
async fn show(
    session: &Session,
    clocks: &Clocks,
    parcels: &[Parcel],
    others: Others,
    report: &mut Report<'_>,
) {
    let mut running = JoinSet::new();
    let turns = Turns::new(parcels);
    for (index, parcel) in parcels.iter().enumerate() {
        let wanted = Arc::new(parcel.wanted.clone());
        for place in &parcel.places {
            let (lambda, wanted, place) = (session.lambda(&place.region), Arc::clone(&wanted), place.clone());
            let (turns, clocks, grants) = (Arc::clone(&turns), *clocks, parcel.grants.clone());
            running.spawn(async move {
                let _turn = turns.wait(&place.region).await;
                let found = in_time(&clocks, &wanted, execute::look(&lambda, &wanted)).await;
                let step = found.map(|found| plan::step(&wanted, &found));
                let shared = match (&step, &grants) {
                    (Ok(Step::Unchanged { version, .. }), Some(grants)) => {
                        Some(permissions::look(&lambda, &version.arn, grants, others).await)
                    }
                    // A version that does not exist yet is private.
                    (Ok(Step::Publish { .. }), Some(grants)) => {
                        Some(Ok(permissions::plan(grants, &Policy::default(), others)))
                    }
                    _ => None,
                };
                (index, place, step, shared)
            });
        }
    }
    while let Some(joined) = running.join_next().await {
        match joined {
            Ok((index, place, step, shared)) => {
                report.would(&parcels[index], index, &place, step, shared);
            }
            Err(error) => report.panicked(&error.to_string()),
        }
    }
}

/// Time as it passes.
struct RealClock {
    start: Instant,
}

impl Default for RealClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for RealClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
