//! `promote`: the very bytes that one target has verified, to another. Nothing is built, and what comes out of the
//! source is held against its CodeSha256 before anything is sent on.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use template_tools::arn::{LayerName, Region};
use template_tools::ledger::{Entry, LayerPlace};
use thiserror::Error;

use crate::aws::session::{Session, SessionError};
use crate::called::{CalledAs, Command};
use crate::clocks::Clocks;
use crate::config::publish::UnknownTarget;
use crate::config::{ConfigError, LayersFile, meant, nearest};
use crate::ledger_file::{LedgerFile, LedgerFileError};
use crate::publish::copy::{self, FetchError};
use crate::publish::regions::{NoRegion, places};
use crate::publish::{self, Options, Order, PublishError};
use crate::ui::Ui;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct PromoteRequest {
    /// The layer, by its name in `layers.toml`.
    pub layer: String,
    /// The target that has it.
    pub from: String,
    /// How it is published there; the target that gets it among it.
    pub options: Options,
    /// The `layers.toml` that was named.
    pub layers_file: Option<PathBuf>,
}

/// Why nothing was promoted.
#[derive(Debug, Error)]
pub enum PromoteError {
    /// `layers.toml`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No such target.
    #[error(transparent)]
    Target(#[from] UnknownTarget),
    /// No such layer.
    #[error("there is no layer `{name}` in `{}`{}", file.display(), meant(nearest.as_deref()))]
    UnknownLayer {
        /// What was asked for.
        name: String,
        /// The file.
        file: PathBuf,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerFileError),
    /// No region.
    #[error(transparent)]
    NoRegion(#[from] NoRegion),
    /// Credentials and the way to AWS.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The ledger knows nothing that could be promoted.
    #[error("`{}` names no version of layer `{layer}` in target `{from}`", file.display())]
    NotPublished {
        /// The layer.
        layer: LayerName,
        /// The target.
        from: String,
        /// The ledger.
        file: PathBuf,
    },
    /// From a target to itself.
    #[error("`--from` and `--to` both name target `{target}` of layer `{layer}`")]
    Same {
        /// The layer.
        layer: String,
        /// The target.
        target: String,
        /// The other targets.
        others: Vec<String>,
    },
    /// It has not been verified.
    #[error("version {version} of layer `{layer}` in {region} is not verified")]
    NotVerified {
        /// The layer.
        layer: LayerName,
        /// Its version.
        version: u64,
        /// The region.
        region: Region,
        /// The target.
        from: String,
    },
    /// Its regions do not agree.
    #[error("target `{from}` has different contents of layer `{layer}`: {first} and {second}")]
    Disagree {
        /// The layer.
        layer: LayerName,
        /// The target.
        from: String,
        /// A region.
        first: Region,
        /// Another one.
        second: Region,
    },
    /// No region gives the bytes.
    #[error("failed to fetch layer `{layer}` from target `{from}`")]
    Fetch {
        /// The layer.
        layer: LayerName,
        /// The target.
        from: String,
        /// What the last region said.
        source: Box<FetchError>,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Publishing it.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The process itself.
    #[error("failed to find the current folder")]
    Folder(#[source] io::Error),
}

impl PromoteError {
    /// What to type next.
    pub fn hint(&self, called: &CalledAs) -> Option<String> {
        match self {
            Self::NoRegion(error) => Some(error.hint(called)),
            Self::Session(error) => error.hint(called),
            Self::Ledger(error) => error.hint(),
            Self::Target(error) => error.hint(),
            Self::Same { others, .. } if others.is_empty() => {
                Some("describe the other account as a target of its own in `layers.toml`".to_owned())
            }
            Self::Same { others, .. } => Some(format!("other targets are: `{}`", others.join("`, `"))),
            Self::NotPublished { from, .. }
            | Self::NotVerified { from, .. }
            | Self::Disagree { from, .. } => Some(format!(
                "publish it there first with `{} --target {from}`",
                called.words(Command::Publish)
            )),
            Self::Fetch { hint, .. } => hint.clone(),
            Self::Publish(error) => error.hint(called),
            Self::Config(ConfigError::NotFound { .. }) => {
                Some(format!("name the file with `{} --layers-file FILE`", called.words(Command::Promote)))
            }
            Self::Config(_) | Self::UnknownLayer { .. } | Self::Folder(_) => None,
        }
    }
}

/// Promotes, or shows what would be done.
pub async fn run(request: &PromoteRequest, ui: &Ui, called: &CalledAs) -> Result<ExitCode, PromoteError> {
    let start = Instant::now();
    let here = std::env::current_dir().map_err(PromoteError::Folder)?;
    let file = LayersFile::find(request.layers_file.as_deref(), &here)?;
    let layer = file.layers.get(&request.layer).ok_or_else(|| PromoteError::UnknownLayer {
        name: request.layer.clone(),
        file: file.path.clone(),
        nearest: nearest(&request.layer, file.layers.keys().map(String::as_str)),
    })?;
    let from = layer.destination(&request.layer, Some(&request.from))?;
    // Before anything is fetched, the other end must exist.
    layer.destination(&request.layer, request.options.target.as_deref())?;
    if request.options.target.as_ref() == Some(&request.from) {
        let others = layer.targets.keys().filter(|target| **target != request.from).cloned().collect();
        return Err(PromoteError::Same {
            layer: request.layer.clone(),
            target: request.from.clone(),
            others,
        });
    }
    let ledger = LedgerFile::beside(&file.path);
    let known = ledger.read()?;

    // `-p` names the way to the target that is written to.
    let wanted = places(&[], Some(from), None).into_iter().map(|place| place.region).collect::<Vec<_>>();
    let session =
        Session::open(from.profile.as_deref(), from.role_arn.as_deref(), &wanted, Clocks::from_environment())
            .await?;
    let regions = places(&[], Some(from), session.default_region().as_ref());
    let regions = regions.into_iter().map(|place| place.region).collect::<Vec<_>>();
    if regions.is_empty() {
        return Err(
            NoRegion { layer: request.layer.clone(), file: file.path, command: Command::Promote }.into()
        );
    }
    let caller = session.caller(&regions).await?;
    caller.must_be(from.account.as_ref(), Some(&request.from)).map_err(PublishError::from)?;

    let mut artifacts = Vec::new();
    for name in &layer.lambda_names {
        let name = LayerName::new(name.as_str())
            .map_err(|source| PublishError::Name { artifact: name.clone(), source })?;
        let place = |region: &Region| LayerPlace {
            layer_name: name.clone(),
            partition: caller.partition.clone(),
            account: caller.account.clone(),
            region: region.clone(),
        };
        let entries = regions.iter().filter_map(|region| known.get(&place(region))).collect::<Vec<_>>();
        let expected = agreed(&entries, &name, request, &ledger)?;
        let mut failure = None;
        for entry in &entries {
            let lambda = session.lambda(&entry.layer_version_arn.region);
            match copy::fetch(&lambda, &entry.layer_version_arn, Some(&expected), &request.layer).await {
                Ok(artifact) => {
                    let arn = &entry.layer_version_arn;
                    ui.status("Fetched", format!("{arn}, sha256 {}…", expected.get(..8).unwrap_or_default()));
                    artifacts.push(artifact);
                    failure = None;
                    break;
                }
                Err(error) => failure = Some(error),
            }
        }
        if let Some(source) = failure {
            let hint = match &source {
                FetchError::Call(call) => call.hint(session.advice(), called),
                _ => None,
            };
            let (from, source) = (request.from.clone(), Box::new(source));
            return Err(PromoteError::Fetch { layer: name, from, source, hint });
        }
    }
    let order = Order { file: &file, artifacts, options: &request.options, start };
    Ok(publish::send(order, ui, called).await?)
}

/// The one content that all regions of the source have verified.
fn agreed(
    entries: &[&Entry],
    layer: &LayerName,
    request: &PromoteRequest,
    ledger: &LedgerFile,
) -> Result<String, PromoteError> {
    let from = || request.from.clone();
    let Some(first) = entries.first() else {
        return Err(PromoteError::NotPublished {
            layer: layer.clone(),
            from: from(),
            file: ledger.path().to_owned(),
        });
    };
    for entry in entries {
        let arn = &entry.layer_version_arn;
        if !entry.verified || entry.code_sha256.is_none() {
            let (version, region) = (arn.version, arn.region.clone());
            return Err(PromoteError::NotVerified { layer: layer.clone(), version, region, from: from() });
        }
        if entry.code_sha256 != first.code_sha256 {
            let (first, second) = (first.layer_version_arn.region.clone(), arn.region.clone());
            return Err(PromoteError::Disagree { layer: layer.clone(), from: from(), first, second });
        }
    }
    Ok(first.code_sha256.clone().unwrap_or_default())
}
