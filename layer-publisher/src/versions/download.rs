//! `download`: the zip of a published version, held against its CodeSha256 while it is written, and in its place only
//! when it is whole.

mod error;
mod subject;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use template_tools::arn::{LayerVersionArn, Region};
use template_tools::ledger::Ledger;

use crate::aws::download;
use crate::aws::lambda::LambdaRegion;
use crate::aws::session::Session;
use crate::called::CalledAs;
use crate::clocks::Clocks;
use crate::config::{ConfigError, LayersFile, hex};
use crate::layer_version::LayerVersion;
use crate::ledger_file::LedgerFile;
use crate::manifest;
use crate::ui::{Ui, megabytes, shown};
use crate::versions::usage::arn;
use crate::versions::ways::{self, Ask, Spot, Subject, Ways};
use crate::zip_source::ZipSource;
pub use error::DownloadError;
pub use subject::Wanted;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct DownloadRequest {
    /// Which version.
    pub wanted: Wanted,
    /// Where the zip goes; else to where `layer-builder inspect --diff` looks for it.
    pub output: Option<PathBuf>,
    /// The target of `layers.toml` to take it from.
    pub target: Option<String>,
    /// The profile that was named.
    pub profile: Option<String>,
    /// The regions that were named.
    pub regions: Vec<Region>,
    /// The `layers.toml` that was named.
    pub layers_file: Option<PathBuf>,
}

/// So often a download is begun again.
const TRIES: usize = 3;

/// A version, and who gives it.
struct Source {
    lambda: LambdaRegion,
    version: LayerVersion,
}

/// Fetches it, and prints where it is.
pub async fn run(request: &DownloadRequest, ui: &Ui, called: &CalledAs) -> Result<ExitCode, DownloadError> {
    let here = std::env::current_dir().map_err(DownloadError::Folder)?;
    let file = match LayersFile::find(request.layers_file.as_deref(), &here) {
        Ok(file) => Some(file),
        // Somebody else's version, to a place that was named, needs no file of ours.
        Err(ConfigError::NotFound { .. }) if request.wanted.is_arn() && request.output.is_some() => None,
        Err(error) => return Err(error.into()),
    };
    let source = match &request.wanted {
        Wanted::Arn(arn) => by_arn(arn, file.as_ref(), request, called).await?,
        Wanted::Layer { name, version } => {
            let file = file.as_ref().ok_or(DownloadError::NoFile)?;
            by_name(name, *version, file, request, ui, called).await?
        }
    };
    let sha256 = BASE64.decode(&source.version.code_sha256).ok().filter(|bytes| bytes.len() == 32);
    let sha256 = sha256.ok_or_else(|| DownloadError::NoHash(source.version.arn.clone()))?;
    let output = match (&request.output, &file) {
        (Some(output), _) => output.clone(),
        (None, Some(file)) => manifest::folder(file).join("published").join(format!("{}.zip", hex(&sha256))),
        (None, None) => return Err(DownloadError::NoFile),
    };
    if output.is_dir() {
        return Err(DownloadError::IsFolder(output));
    }
    let size = source.version.size;
    let is_there =
        ZipSource::read(&output).is_ok_and(|(_, found, digest)| found == size && digest[..] == sha256);
    if is_there {
        ui.status("Unchanged", format!("{}: it has this content", shown(&output)));
    } else {
        ui.status("Fetching", format!("{}, {}", source.version.arn, megabytes(size)));
        fetch(&source, &sha256, &output).await?;
        ui.status("Fetched", format!("{}, sha256 {}…", shown(&output), &hex(&sha256)[..8]));
    }
    ui.result(output.display());
    Ok(ExitCode::SUCCESS)
}

/// Into a file beside its place, and from there into its place.
async fn fetch(source: &Source, sha256: &[u8], output: &Path) -> Result<(), DownloadError> {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = |source: io::Error| DownloadError::Write { path: output.to_owned(), source };
    if !folder.is_dir() {
        // Only our own folders are made.
        let is_ours = folder.ends_with("target/layers/published");
        if !is_ours {
            return Err(DownloadError::NoFolder(folder.to_owned()));
        }
        std::fs::create_dir_all(folder).map_err(write)?;
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".download-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(folder).map_err(write)?;
    let arn = &source.version.arn;
    let mut last = None;
    for _ in 0..TRIES {
        // Each link is good for ten minutes only.
        let located = source.lambda.locate_by_arn(arn).await;
        let (version, link) = located.map_err(|failure| DownloadError::call(arn, failure, None))?;
        let size = version.size;
        let fetched = tokio::task::spawn_blocking(move || {
            file.as_file().set_len(0)?;
            let digest = download::fetch(&link, size, file.as_file_mut());
            Ok::<_, io::Error>((digest, file))
        });
        let (digest, back) = match fetched.await {
            Ok(result) => result.map_err(write)?,
            Err(error) => return Err(write(io::Error::other(error))),
        };
        file = back;
        match digest {
            Ok(digest) if digest[..] == *sha256 => {
                file.as_file().sync_all().map_err(write)?;
                file.persist(output).map_err(|error| write(error.error))?;
                return Ok(());
            }
            Ok(digest) => {
                let (found, expected) = (BASE64.encode(digest), BASE64.encode(sha256));
                last = Some(DownloadError::OtherContent { arn: arn.clone(), found, expected });
            }
            // A full disk does not get emptier by trying again.
            Err(source) if source.kind() == io::ErrorKind::StorageFull => return Err(write(source)),
            Err(source) => last = Some(DownloadError::Link { arn: arn.clone(), source }),
        }
    }
    Err(last.unwrap_or_else(|| DownloadError::NoHash(arn.clone())))
}

/// A version by its whole name: with the credentials of the target whose account it is, or with those that there are.
async fn by_arn(
    arn: &LayerVersionArn,
    file: Option<&LayersFile>,
    request: &DownloadRequest,
    called: &CalledAs,
) -> Result<Source, DownloadError> {
    let own = file.into_iter().flat_map(|file| file.layers.values());
    let own = own.filter(|layer| layer.lambda_names.iter().any(|name| name == arn.layer.as_str()));
    let mut destinations = own.flat_map(|layer| {
        let targets = layer.targets.iter().map(|(name, to)| (Some(name), to));
        std::iter::once((None, &layer.destination)).chain(targets)
    });
    let way = destinations.find(|(name, to)| match &request.target {
        Some(target) => *name == Some(target),
        None => to.account.as_ref() == Some(&arn.account),
    });
    let way = way.map(|(_, to)| to);
    let profile = request.profile.as_deref().or(way.and_then(|to| to.profile.as_deref()));
    let role = way.and_then(|to| to.role_arn.as_deref());
    let region = std::slice::from_ref(&arn.region);
    let session = Session::open(profile, role, region, Clocks::from_environment()).await?;
    let lambda = session.lambda(&arn.region);
    let (version, _) = lambda.locate_by_arn(arn).await.map_err(|failure| {
        let hint = failure.hint(session.advice(), called);
        DownloadError::call(arn, failure, hint)
    })?;
    Ok(Source { lambda, version })
}

/// A version by its layer's name and its number: of one content, wherever it lies.
async fn by_name(
    name: &str,
    version: Option<u64>,
    file: &LayersFile,
    request: &DownloadRequest,
    ui: &Ui,
    called: &CalledAs,
) -> Result<Source, DownloadError> {
    let subjects = Subject::of(file, &[name.to_owned()])?;
    let ledger = LedgerFile::beside(&file.path).read()?;
    let ask = Ask {
        targets: request.target.clone().into_iter().collect(),
        profile: request.profile.clone(),
        regions: request.regions.clone(),
    };
    let Ways { spots, failures, .. } =
        ways::open(&subjects, &ledger, &ask, Clocks::from_environment()).await?;
    let mut found = Vec::<Source>::new();
    let mut first_failure = None;
    for spot in &spots {
        match look(spot, version, &ledger).await {
            Ok(Some(source)) => found.push(source),
            Ok(None) => {}
            Err((arn, failure)) => {
                let hint = failure.hint(spot.way.session.advice(), called);
                ui.detail("Failed", format!("{}: {failure}", spot.place.region));
                first_failure.get_or_insert_with(|| DownloadError::call(&arn, failure, hint));
            }
        }
    }
    if let Some((first, other)) = found.first().and_then(|first| {
        let other = found.iter().find(|other| other.version.code_sha256 != first.version.code_sha256)?;
        Some((first, other))
    }) {
        let arns = [first, other].map(|source| source.version.arn.clone());
        return Err(DownloadError::Several { name: name.to_owned(), arns: Box::new(arns) });
    }
    if !found.is_empty() {
        return Ok(found.swap_remove(0));
    }
    let unopened = || failures.into_iter().next().map(|failure| DownloadError::Way(Box::new(failure)));
    if let Some(error) = first_failure.or_else(unopened) {
        return Err(error);
    }
    let mut newest = Vec::new();
    for spot in spots.iter().filter(|_| version.is_some()) {
        let listed = spot.way.session.lambda(&spot.place.region).list(&spot.place.layer_name).await;
        // Who does not say it now has said before that the version is not there.
        let first = listed.ok().and_then(|listed| listed.first().map(|listed| listed.version));
        newest.extend(first.map(|version| (spot.place.region.to_string(), version)));
    }
    Err(DownloadError::Nowhere {
        name: name.to_owned(),
        version,
        regions: spots.iter().map(|spot| spot.place.region.to_string()).collect(),
        newest,
    })
}

type LookFailure = (LayerVersionArn, crate::aws::failure::CallFailure);

/// The version in one place, if it is there: the one that was named, or the ledger's, or the newest.
async fn look(spot: &Spot, version: Option<u64>, ledger: &Ledger) -> Result<Option<Source>, LookFailure> {
    use crate::aws::failure::Kind;
    let (lambda, place) = (spot.way.session.lambda(&spot.place.region), &spot.place);
    let current = ledger.get(place).map(template_tools::ledger::Entry::version);
    let version = match version.or(current) {
        Some(version) => version,
        None => {
            let listed = lambda.list(&place.layer_name).await.map_err(|failure| (arn(place, 1), failure))?;
            let Some(newest) = listed.first() else { return Ok(None) };
            newest.version
        }
    };
    match lambda.get(&place.layer_name, version).await {
        Ok(version) => Ok(Some(Source { lambda, version })),
        Err(failure) if failure.kind == Kind::NotFound => Ok(None),
        Err(failure) => Err((arn(place, version), failure)),
    }
}
