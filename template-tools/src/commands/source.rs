//! Where the pins of a run come from: the ledger, or the command line.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::called::{CalledAs, Command};
use crate::cli::BumpArgs;
use template_tools::arn::LayerName;
use template_tools::layers_file::{self, LayersFileError};
use template_tools::ledger::{self, Ledger, LedgerError};
use template_tools::pins::{Pin, PinConflict, Pins};

/// Why there are no pins to work with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("failed to find the ledger")]
    LayersFile(#[from] LayersFileError),
    #[error("failed to find the folder that this runs in")]
    Folder(#[source] io::Error),
    #[error("failed to read the ledger `{name}`")]
    Read { name: String, source: io::Error },
    #[error("failed to read the ledger `{name}`")]
    Ledger { name: String, source: LedgerError },
    #[error("the ledger `{name}` names no versions")]
    Empty { name: String },
    #[error("layer `{layer}` is not in the ledger `{name}`, which knows `{known}`")]
    UnknownLayer { layer: LayerName, name: String, known: String },
    #[error("failed to bring templates to two versions at once")]
    Conflict(#[from] PinConflict),
}

impl SourceError {
    /// What to type next.
    pub(crate) fn hint(&self, called: &CalledAs) -> Option<String> {
        let bump = called.words(Command::Bump);
        let publish = called.words(Command::Publish);
        let by_hand = format!("name the version with `{bump} --layer NAME --version N`");
        match self {
            Self::LayersFile(LayersFileError::Missing(_)) => {
                Some(format!("name the ledger with `{bump} --ledger FILE`, or {by_hand}"))
            }
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some(format!("`{publish}` writes it; or {by_hand}"))
            }
            Self::Empty { .. } => Some(format!("publish a layer first with `{publish}`; or {by_hand}")),
            Self::Ledger { source, .. } => Some(source.hint().to_owned()),
            Self::Conflict(_) => Some("keep one `--pin` for each layer, account and region".to_owned()),
            Self::UnknownLayer { layer, .. } => {
                Some(format!("name the version with `{bump} --layer {layer} --version N`"))
            }
            Self::Read { name, source } if source.kind() == io::ErrorKind::IsADirectory => {
                Some(format!("the ledger is a file, and `{name}` a folder; or {by_hand}"))
            }
            Self::LayersFile(_) | Self::Folder(_) | Self::Read { .. } => None,
        }
    }
}

/// The pins of a run, and what they were taken from.
pub(crate) struct Source {
    pub(crate) pins: Pins,
    /// The ledger, if there was one.
    pub(crate) ledger: Option<String>,
    /// What stands in it.
    pub(crate) entries: Option<Ledger>,
}

/// The pins that the arguments ask for. What references become without a number needs no version, and gets none.
pub(crate) fn pins(args: &BumpArgs) -> Result<Source, SourceError> {
    let source = pins_with_versions(args)?;
    if args.to_ssm.is_some() || args.to_placeholder {
        return Ok(Source { pins: source.pins.without_versions(), ..source });
    }
    Ok(source)
}

fn pins_with_versions(args: &BumpArgs) -> Result<Source, SourceError> {
    let needs_a_version = args.to_ssm.is_none() && !args.to_placeholder;
    if let Some(layer) = &args.layer
        && (args.version.is_some() || !needs_a_version && args.ledger.is_none())
    {
        let (account, region) = (args.account.clone(), args.region.clone());
        let pin = Pin { layer: layer.clone(), partition: None, account, region, version: args.version };
        return Ok(Source { pins: Pins::new([pin])?, ledger: None, entries: None });
    }
    if !args.pin.is_empty() {
        return Ok(Source {
            pins: Pins::new(args.pin.iter().cloned().map(Pin::from))?,
            ledger: None,
            entries: None,
        });
    }
    let (name, text) = ledger_text(args.ledger.as_deref(), args.common.layers_file.as_deref())?;
    let ledger = Ledger::parse(&text).map_err(|source| SourceError::Ledger { name: name.clone(), source })?;
    if ledger.is_empty() {
        return Err(SourceError::Empty { name });
    }
    let mut pins = Pins::from_ledger(&ledger);
    if let Some(layer) = &args.layer {
        if !pins.has(layer) {
            let known = pins.layers().map(ToString::to_string).collect::<Vec<_>>().join("`, `");
            return Err(SourceError::UnknownLayer { layer: layer.clone(), name, known });
        }
        pins = pins.only(layer);
    }
    Ok(Source { pins, ledger: Some(name), entries: Some(ledger) })
}

/// The pins of a ledger that may be missing, unless it was named.
pub(crate) fn pins_if_any(ledger: Option<&Path>, layers_file: Option<&Path>) -> Result<Pins, SourceError> {
    let (name, text) = match ledger_text(ledger, layers_file) {
        Ok(found) => found,
        Err(SourceError::Read { source, .. })
            if ledger.is_none() && source.kind() == io::ErrorKind::NotFound =>
        {
            return Ok(Pins::default());
        }
        Err(SourceError::LayersFile(LayersFileError::Missing(_))) if layers_file.is_none() => {
            return Ok(Pins::default());
        }
        Err(error) => return Err(error),
    };
    let ledger = Ledger::parse(&text).map_err(|source| SourceError::Ledger { name, source })?;
    Ok(Pins::from_ledger(&ledger))
}

fn ledger_text(ledger: Option<&Path>, layers_file: Option<&Path>) -> Result<(String, String), SourceError> {
    if ledger == Some(Path::new("-")) {
        let name = "standard input".to_owned();
        let mut text = String::new();
        return match io::stdin().read_to_string(&mut text) {
            Ok(_) => Ok((name, text)),
            Err(source) => Err(SourceError::Read { name, source }),
        };
    }
    let path = match ledger {
        Some(path) => path.to_owned(),
        None => ledger_beside_layers_file(layers_file)?,
    };
    let name = shown(&path);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok((name, text)),
        Err(source) => Err(SourceError::Read { name, source }),
    }
}

fn ledger_beside_layers_file(layers_file: Option<&Path>) -> Result<PathBuf, SourceError> {
    let layers_file = match layers_file {
        Some(path) => path.to_owned(),
        None => layers_file::find(&std::env::current_dir().map_err(SourceError::Folder)?)?,
    };
    layers_file::check(&layers_file)?;
    Ok(layers_file.with_file_name(ledger::FILE_NAME))
}

/// `a/b` for a path below the current folder, the whole path elsewhere.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}
