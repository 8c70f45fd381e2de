//! `status --forget`: rows that leave the ledger because somebody says so. Asks nobody, and changes nothing in AWS.

use std::path::PathBuf;

use template_tools::arn::LayerVersionArn;
use template_tools::ledger::Entry;
use thiserror::Error;

use crate::called::{CalledAs, Command};
use crate::config::ConfigError;
use crate::config::publish::UnknownTarget;
use crate::ledger_file::{LedgerFile, LedgerFileError};
use crate::ui::Ui;
use crate::versions::ways::{SubjectError, WaysError};

/// Why there is no status.
#[derive(Debug, Error)]
pub enum StatusError {
    /// What any command that looks at layers needs.
    #[error(transparent)]
    Ways(#[from] WaysError),
    /// A row that is not there.
    #[error("the ledger `{}` has no row `{arn}`", file.display())]
    NoRow {
        /// What was asked for.
        arn: Box<LayerVersionArn>,
        /// The ledger.
        file: PathBuf,
        /// The version that the ledger names there, if it names another one.
        other: Option<Box<LayerVersionArn>>,
    },
}

impl From<ConfigError> for StatusError {
    fn from(error: ConfigError) -> Self {
        Self::Ways(error.into())
    }
}

impl From<SubjectError> for StatusError {
    fn from(error: SubjectError) -> Self {
        Self::Ways(error.into())
    }
}

impl From<UnknownTarget> for StatusError {
    fn from(error: UnknownTarget) -> Self {
        Self::Ways(error.into())
    }
}

impl From<LedgerFileError> for StatusError {
    fn from(error: LedgerFileError) -> Self {
        Self::Ways(error.into())
    }
}

impl StatusError {
    /// What to type next.
    pub fn hint(&self, called: &CalledAs) -> Option<String> {
        match self {
            Self::Ways(error) => error.hint(called),
            Self::NoRow { other: Some(other), .. } => {
                Some(format!("its row there is `{} --forget {other}`", called.words(Command::Status)))
            }
            Self::NoRow { .. } => Some("a row is named by its `layer_version_arn`".to_owned()),
        }
    }
}

/// Takes these rows out of the ledger: all of them, or none.
pub(super) fn forget(file: &LedgerFile, arns: &[LayerVersionArn], ui: &Ui) -> Result<(), StatusError> {
    let ledger = file.read()?;
    for arn in arns {
        let known = ledger.get(&Entry::new(arn.clone()).place()).map(|entry| &entry.layer_version_arn);
        if known != Some(arn) {
            let other = known.cloned().map(Box::new);
            return Err(StatusError::NoRow {
                arn: Box::new(arn.clone()),
                file: file.path().to_owned(),
                other,
            });
        }
    }
    file.must_be_writable()?;
    file.update(|ledger| {
        for arn in arns {
            ledger.remove(&Entry::new(arn.clone()).place());
        }
    })?;
    for arn in arns {
        ui.status("Forgot", arn);
    }
    ui.note("the versions themselves stay as they are");
    Ok(())
}
