//! `latest`: the newest version of each layer in each region, as a ledger on standard output. What was withdrawn
//! does not count. Writes nothing.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use template_tools::arn::{ArnError, LayerName, Region};
use template_tools::ledger::{Entry, Ledger};
use thiserror::Error;
use tokio::task::JoinSet;

use crate::aws::failure::CallFailure;
use crate::aws::lambda::LambdaRegion;
use crate::aws::session::{Session, SessionError};
use crate::called::{CalledAs, Command};
use crate::clocks::Clocks;
use crate::config::{ConfigError, LayersFile};
use crate::layer_version::LayerVersion;
use crate::ledger_file::LedgerFile;
use crate::publish::regions::{NoRegion, places};
use crate::ui::{Ui, counted};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct LatestRequest {
    /// Layers by their name in `layers.toml`, or in Lambda; those of `layers.toml` if there are none.
    pub names: Vec<String>,
    /// The profile that was named.
    pub profile: Option<String>,
    /// The regions that were named; else those of `layers.toml`.
    pub regions: Vec<Region>,
    /// The `layers.toml` that was named.
    pub layers_file: Option<PathBuf>,
}

/// Why nothing was asked, or nothing was found.
#[derive(Debug, Error)]
pub enum LatestError {
    /// `layers.toml`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A name that no layer can have.
    #[error("there can be no such layer")]
    Name(#[source] ArnError),
    /// No layer was named, and none is in the file.
    #[error("`{}` has no layer", file.display())]
    NoLayers {
        /// The file.
        file: PathBuf,
    },
    /// No region.
    #[error(transparent)]
    NoRegion(#[from] NoRegion),
    /// Credentials and the way to AWS.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// No region has answered.
    #[error("failed to ask for the newest versions of {layers}")]
    NoAnswer {
        /// The layers, in backticks.
        layers: String,
        /// What the first of them said.
        source: Box<CallFailure>,
        /// What to do about it.
        hint: Option<String>,
    },
    /// There is no version anywhere.
    #[error("no region has a version of {layers}")]
    Nowhere {
        /// The layers, in backticks.
        layers: String,
        /// One of them.
        first: String,
    },
    /// The process itself.
    #[error("failed to find the current folder")]
    Folder(#[source] std::io::Error),
}

impl LatestError {
    /// What to type next.
    pub fn hint(&self, called: &CalledAs) -> Option<String> {
        match self {
            Self::NoRegion(error) => Some(error.hint(called)),
            Self::Session(error) => error.hint(called),
            Self::NoAnswer { hint, .. } => hint.clone(),
            Self::Nowhere { first, .. } => {
                Some(format!("publish it first with `{} {first}`", called.words(Command::Publish)))
            }
            Self::Config(ConfigError::NotFound { .. }) => {
                Some("name the layers, or a file with `--layers-file FILE`".to_owned())
            }
            Self::Config(_) | Self::Name(_) | Self::NoLayers { .. } | Self::Folder(_) => None,
        }
    }
}

/// One layer and where to ask for it.
struct Question {
    layer: LayerName,
    regions: Vec<Region>,
}

/// Asks, and prints a ledger.
pub async fn run(request: &LatestRequest, ui: &Ui, called: &CalledAs) -> Result<ExitCode, LatestError> {
    let file = find(request)?;
    let configured = file.iter().flat_map(|file| file.layers.values());
    let configured = configured.map(|layer| &layer.destination);
    let configured = configured.flat_map(|to| to.regions.iter().chain(&to.optional_regions));
    let likely = request.regions.iter().chain(configured).cloned().collect::<Vec<_>>();
    let session =
        Session::open(request.profile.as_deref(), None, &likely, Clocks::from_environment()).await?;
    let questions = questions(request, file.as_ref(), session.default_region().as_ref())?;

    let withdrawn = Arc::new(withdrawn(file.as_ref(), ui));
    let mut running = JoinSet::new();
    for question in &questions {
        for region in &question.regions {
            ui.detail("Asking", format!("{region} for the newest version of `{}`", question.layer));
            let (lambda, layer, region) = (session.lambda(region), question.layer.clone(), region.clone());
            let withdrawn = withdrawn.clone();
            running.spawn(async move { (newest(&lambda, &layer, &withdrawn).await, layer, region) });
        }
    }
    let mut ledger = Ledger::default();
    let mut failures = Vec::new();
    while let Some(joined) = running.join_next().await {
        match joined {
            Ok((Ok(Some(version)), layer, region)) => {
                ui.status("Found", format!("{region}: version {} of `{layer}`", version.arn.version));
                let entry = version.entry();
                // What is withdrawn goes along: templates may go down from there.
                let withdrawn = withdrawn.get(&entry.place());
                let withdrawn = withdrawn.map(|entry| entry.withdrawn.clone()).unwrap_or_default();
                ledger.insert(Entry { withdrawn, ..entry });
            }
            Ok((Ok(None), layer, region)) => ui.warning(format!("{region} has no version of `{layer}`")),
            Ok((Err(failure), layer, region)) => {
                failures.push((layer, region, failure));
            }
            // Our own bug, which has printed itself; the versions of that region are missing all the same.
            Err(error) => ui.failed("Failed", error),
        }
    }
    let hint = failures.first().and_then(|(.., failure)| failure.hint(session.advice(), called));
    if ledger.is_empty() {
        let layers =
            questions.iter().map(|question| format!("`{}`", question.layer)).collect::<Vec<_>>().join(", ");
        return Err(match failures.into_iter().next() {
            Some((.., source)) => LatestError::NoAnswer { layers, source: Box::new(source), hint },
            None => LatestError::Nowhere { layers, first: first_name(&questions) },
        });
    }
    for (layer, region, failure) in &failures {
        ui.failed("Failed", format!("{region}: no word about `{layer}`: {failure}"));
    }
    ui.status("Finished", counted(ledger.entries().len(), "version"));
    if let Some(hint) = hint {
        ui.note(hint);
    }
    ui.result(ledger.to_text().trim_end());
    Ok(ExitCode::from(if failures.is_empty() { 0 } else { 3 }))
}

/// Layers that were named need no `layers.toml`, but are looked up in it if there is one.
fn find(request: &LatestRequest) -> Result<Option<LayersFile>, LatestError> {
    let here = std::env::current_dir().map_err(LatestError::Folder)?;
    match LayersFile::find(request.layers_file.as_deref(), &here) {
        Ok(file) => Ok(Some(file)),
        Err(ConfigError::NotFound { .. }) if !request.names.is_empty() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn questions(
    request: &LatestRequest,
    file: Option<&LayersFile>,
    default: Option<&Region>,
) -> Result<Vec<Question>, LatestError> {
    let path = || file.map_or_else(|| crate::config::FILE_NAME.into(), |file| file.path.clone());
    let names = match (request.names.is_empty(), file) {
        (true, Some(file)) => file.layers.keys().cloned().collect(),
        _ => request.names.clone(),
    };
    if names.is_empty() {
        return Err(LatestError::NoLayers { file: path() });
    }
    let mut questions = Vec::new();
    for name in names {
        let layer = file.and_then(|file| file.layers.get(&name));
        let destination = layer.map(|layer| &layer.destination);
        let places = places(&request.regions, destination, default);
        let regions = places.into_iter().map(|place| place.region).collect::<Vec<_>>();
        if regions.is_empty() {
            return Err(NoRegion { layer: name, file: path(), command: Command::Latest }.into());
        }
        let lambda_names = layer.map_or_else(|| vec![name.clone()], |layer| layer.lambda_names.clone());
        for lambda_name in lambda_names {
            let layer = LayerName::new(lambda_name).map_err(LatestError::Name)?;
            questions.push(Question { layer, regions: regions.clone() });
        }
    }
    Ok(questions)
}

fn first_name(questions: &[Question]) -> String {
    questions.first().map(|question| question.layer.to_string()).unwrap_or_default()
}

/// The ledger beside `layers.toml`, for what it says is withdrawn. That it cannot be read is no reason to keep silent.
fn withdrawn(file: Option<&LayersFile>, ui: &Ui) -> Ledger {
    let Some(file) = file else { return Ledger::default() };
    LedgerFile::beside(&file.path).read().unwrap_or_else(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        ui.warning(format!("versions that were withdrawn are not known: {error}{cause}"));
        Ledger::default()
    })
}

/// The newest version that is not withdrawn. Whose account it is, and so what is withdrawn there, its ARN tells.
async fn newest(
    lambda: &LambdaRegion,
    layer: &LayerName,
    ledger: &Ledger,
) -> Result<Option<LayerVersion>, CallFailure> {
    for listed in lambda.list(layer).await? {
        let version = lambda.get(layer, listed.version).await?;
        let known = ledger.get(&Entry::new(version.arn.clone()).place());
        if !known.is_some_and(|entry| entry.withdrawn.contains_key(&listed.version)) {
            return Ok(Some(version));
        }
    }
    Ok(None)
}
