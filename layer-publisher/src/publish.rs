//! `publish`: everything that is built, into every region that is wanted, and into the ledger.

pub mod execute;
#[cfg(test)]
mod fake;
pub mod plan;
pub mod regions;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use template_tools::arn::{ArnError, Region};
use thiserror::Error;
use tokio::task::JoinSet;

use crate::aws::session::{Session, SessionError};
use crate::called::{CalledAs, Command};
use crate::clocks::Clocks;
use crate::config::{ConfigError, LayersFile};
use crate::ledger_file::{LedgerFile, LedgerFileError};
use crate::machine_lock;
use crate::manifest::{self, Artifact, ArtifactError, Freshness};
use crate::ui::{Ui, shown};
use execute::Clock;
use plan::Wanted;
use regions::{NoRegion, Place, places};
use report::{Done, Report};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct PublishRequest {
    /// Layers or artifacts by name; the only layer if there are none.
    pub names: Vec<String>,
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
            Self::Config(_) | Self::Name { .. } | Self::System { .. } => None,
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
}

/// Publishes, or shows what would be published.
pub async fn run(request: &PublishRequest, ui: &Ui, called: &CalledAs) -> Result<ExitCode, PublishError> {
    let start = Instant::now();
    let clocks = Clocks::from_environment();
    let here = std::env::current_dir()
        .map_err(|source| PublishError::System { what: "find the current folder", source })?;
    let file = LayersFile::find(request.layers_file.as_deref(), &here)?;
    let artifacts = manifest::artifacts(&file, &request.names, request.freshness)?;
    let ledger = LedgerFile::beside(&file.path);
    ledger.read()?;
    if request.intent == Intent::Publish {
        ledger.must_be_writable()?;
    }

    let configured = |artifact: &Artifact| file.layers.get(&artifact.manifest.layer);
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
        parcels.push(Parcel { wanted, places });
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
        Intent::Show => show(&session, &parcels, &mut report).await,
        Intent::Publish => {
            let waiting = || {
                ui.status("Waiting", format!("for another run that publishes to account {}", caller.account));
            };
            let lock = machine_lock::acquire(&caller, waiting);
            if let Err(error) = &lock {
                ui.warning(format!("other runs on this machine are not kept out: {error}"));
            }
            ledger.read()?;
            execute_all(&session, &clocks, &parcels, &ledger, &mut report).await;
            drop(lock);
        }
    }
    Ok(report.finish(start.elapsed()))
}

/// Every region at once, each on its own; what has come of one is recorded at once.
async fn execute_all(
    session: &Session,
    clocks: &Clocks,
    parcels: &[Parcel],
    ledger: &LedgerFile,
    report: &mut Report<'_>,
) {
    let mut running = JoinSet::new();
    for (index, parcel) in parcels.iter().enumerate() {
        let wanted = Arc::new(parcel.wanted.clone());
        for place in &parcel.places {
            let lambda = session.lambda(&place.region);
            let (wanted, place, clocks) = (Arc::clone(&wanted), place.clone(), *clocks);
            running.spawn(async move {
                let result = execute::bring(&lambda, &RealClock::default(), &clocks, &wanted).await;
                Done { index, place, result }
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
async fn show(session: &Session, parcels: &[Parcel], report: &mut Report<'_>) {
    let mut running = JoinSet::new();
    for (index, parcel) in parcels.iter().enumerate() {
        let wanted = Arc::new(parcel.wanted.clone());
        for place in &parcel.places {
            let (lambda, wanted, place) = (session.lambda(&place.region), Arc::clone(&wanted), place.clone());
            running.spawn(async move {
                let found = execute::look(&lambda, &wanted).await;
                (index, place, found.map(|found| plan::step(&wanted, &found)))
            });
        }
    }
    while let Some(joined) = running.join_next().await {
        match joined {
            Ok((index, place, step)) => report.would(&parcels[index], index, &place, step),
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
