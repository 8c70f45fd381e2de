//! `inspect`: a zip as a table, a page, or held against another.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::arguments::{Format, InspectArgs};
use super::{Door, Failure, config_failure, user_cache};
use crate::build;
use crate::called;
use crate::layer::html;
use crate::layer::inspect::published::{self, Named};
use crate::layer::inspect::{Diff, Inspection, audited, inspect};
use crate::layer::ledger;
use crate::spec::{Spec, artifacts_of};
use crate::target::Architecture;
use crate::ui::shown;

#[derive(Debug, thiserror::Error)]
#[error("there is no zip of the layer `{0}`")]
struct NotBuilt(String);

#[derive(Debug, thiserror::Error)]
#[error("nothing says which layer `{0}` is")]
struct NoLayerOf(String);

impl Door<'_> {
    pub(super) fn inspect(&self, args: &InspectArgs) -> Result<ExitCode, Failure> {
        let path = self.zip_of(&args.subject)?;
        let look = |path: &Path| inspect(path).map_err(|error| Failure::new(error, None));
        let inspection = look(&path)?;
        if let Some(other) = &args.diff {
            let before = match self.published(other, &args.subject, &path, &inspection)? {
                Some(published) => published,
                None => look(&self.zip_of(other)?)?,
            };
            let diff = Diff::between(&before, &inspection);
            match args.format {
                Format::Text => self.ui.result(diff),
                Format::Json => self.ui.result(format!("{:#}", serde_json::json!(diff))),
            }
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(page) = &args.html {
            return self.write_page(&path, &inspection, page);
        }
        match args.format {
            Format::Text => self.ui.result(inspection.table()),
            Format::Json => {
                self.ui.result(
                    serde_json::to_string_pretty(&inspection).map_err(|error| Failure::new(error, None))?,
                );
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// `--html`: the file's path is the result.
    fn write_page(&self, zip: &Path, inspection: &Inspection, page: &Path) -> Result<ExitCode, Failure> {
        let manifest = audited::manifest_of(zip, inspection);
        let findings = match &manifest {
            Some(manifest) => manifest.findings.clone(),
            None => audited::findings(zip, inspection).map_err(|error| Failure::new(error, None))?,
        };
        let own = manifest.as_ref().map(|manifest| manifest.layer_name.clone());
        let name = own.unwrap_or_else(|| zip.file_stem().unwrap_or_default().to_string_lossy().into_owned());
        let text = html::page(&name, inspection, manifest.as_ref(), &findings);
        crate::atomic::write(page, text.as_bytes()).map_err(|source| {
            let folder = page.parent().unwrap_or(page);
            let hint = match source.kind() {
                ErrorKind::NotFound => format!("make the folder first: `mkdir -p {}`", folder.display()),
                _ => "name another file with `--html`".to_owned(),
            };
            Failure::new(build::Error::Write { path: page.to_path_buf(), source }, Some(hint))
        })?;
        self.ui.result(shown(page));
        Ok(ExitCode::SUCCESS)
    }

    /// What a version of the ledger holds, if `other` names one. `subject` is what was typed for the zip that is looked
    /// at, `zip` where it lies.
    fn published(
        &self,
        other: &Path,
        subject: &Path,
        zip: &Path,
        inspection: &Inspection,
    ) -> Result<Option<Inspection>, Failure> {
        let Some(named) = Named::parse(&other.to_string_lossy()).filter(|_| !other.is_file()) else {
            return Ok(None);
        };
        let file = self.file()?;
        let mut layers: BTreeSet<String> = match &named {
            Named::Version { layer, .. } => [layer.clone()].into(),
            Named::Arn(_) => BTreeSet::new(),
            // The zip's own manifest knows best.
            Named::Current => audited::manifest_of(zip, inspection)
                .map(|manifest| manifest.layer_name)
                .or_else(|| subject.to_str().filter(|_| subject != zip).map(str::to_owned))
                .into_iter()
                .collect(),
        };
        let at_aws = layers.iter().filter_map(|name| file.layers.get(name));
        let at_aws: Vec<String> =
            at_aws.map(|layer| Spec::of(file.folder(), layer).layer_name(None)).collect();
        layers.extend(at_aws);
        if named == Named::Current && layers.is_empty() {
            let hint = "name the version, as in `--diff sosw:12`".to_owned();
            return Err(Failure::new(NoLayerOf(shown(zip)), Some(hint)));
        }
        let failed = |error: published::Error| {
            let hint = error.hint();
            Failure::new(error, hint)
        };
        let rows = ledger::read(file.folder()).map_err(|error| failed(error.into()))?;
        let rows = published::meant(&rows, &named, &layers).map_err(failed)?;
        let found = published::find(&rows, &artifacts_of(file.folder()), &user_cache()?).map_err(failed)?;
        self.ui.status("Comparing", format!("with {}, from {}", found.name, found.source));
        Ok(Some(found.inspection))
    }

    /// The file that was named, or the zip of the layer that was named.
    fn zip_of(&self, subject: &Path) -> Result<PathBuf, Failure> {
        let looks_like_file = subject.components().count() > 1 || subject.extension().is_some();
        if subject.is_file() || looks_like_file {
            return Ok(subject.to_path_buf());
        }
        let file = self.file()?;
        let name = subject.to_string_lossy().into_owned();
        // Also of a variant, or of one architecture.
        let artifact = artifacts_of(file.folder()).join(format!("{name}.zip"));
        if artifact.is_file() {
            return Ok(artifact);
        }
        // Of a layer that is not there nothing can be built either.
        file.chosen(std::slice::from_ref(&name)).map_err(config_failure)?;
        let build = self.called.words(called::Command::Build);
        let split: Vec<String> = Architecture::ALL
            .iter()
            .map(|architecture| artifacts_of(file.folder()).join(format!("{name}-{architecture}.zip")))
            .filter(|path| path.is_file())
            .map(|path| format!("`{}`", shown(&path)))
            .collect();
        let hint = if split.is_empty() {
            format!("run `{build} {name}`")
        } else {
            format!("it has a zip for each architecture: name one of {}", split.join(", "))
        };
        Err(Failure::new(NotBuilt(name), Some(hint)))
    }
}
