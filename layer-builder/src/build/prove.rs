//! What is tried with a zip before it gets its name, and what is said of it.

use std::path::{Path, PathBuf};

use super::artifact::described;
use super::{Artifact, Error, Here, Work};
use crate::layer::audit::{self, Finding, Severity, sizes};
use crate::layer::hashing::Hashing;
use crate::layer::manifest::Manifest;
use crate::layer::{archive, compress, smoke};
use crate::spec::{LockMaker, Spec};
use crate::target::Target;
use crate::ui::{Ui, Verbosity, megabytes};
use crate::wheels::layout::Part;
use crate::zip_reader::{self, ZipFile};

impl Work<'_> {
    /// `--smoke` and `--verify`; gives what was found and does not stop the build.
    pub(super) fn prove(&self, zip: &Path, part: &Part, here: &[Here]) -> Result<Vec<Finding>, Error> {
        let mut findings = Vec::new();
        if self.options.proofs.smoke {
            findings = refuse(self.spec, self.try_imports(zip, &part.targets)?)?;
        }
        if self.options.proofs.verify {
            self.verify(zip, part, here)?;
        }
        Ok(findings)
    }

    /// A zip that nothing has changed for. It stays as it is.
    pub(super) fn still(&self, zip: PathBuf, manifest: Manifest) -> Result<Artifact, Error> {
        if self.options.proofs.smoke {
            let of_zip = |target: &Target| {
                manifest.compatible_architectures.iter().any(|name| name == target.architecture.name())
            };
            let targets: Vec<Target> = self.spec.targets.iter().copied().filter(of_zip).collect();
            refuse(self.spec, self.try_imports(&zip, &targets)?)?;
        }
        self.say_findings(&manifest);
        self.ui.status("Fresh", described(&zip, self.spec, &manifest));
        Ok(Artifact { zip, manifest })
    }

    /// `--smoke`: says what was tried and what was not, and gives what does not import.
    pub(super) fn try_imports(&self, zip: &Path, targets: &[Target]) -> Result<Vec<Finding>, Error> {
        self.ui.status("Trying", "to import every module");
        let outcome = smoke::smoke(zip, targets)?;
        for tried in &outcome.tried {
            self.ui.status("Tried", tried);
        }
        if outcome.tried.is_empty() {
            self.ui.warning(format!("nothing was tried: {}", outcome.not_tried.join(", ")));
        } else if !outcome.not_tried.is_empty() {
            self.ui.note(format!("not tried: {}", outcome.not_tried.join(", ")));
        }
        let mut findings = outcome.failures;
        let late = self.spec.layer.audit.allow.iter().filter(|(key, _)| key.starts_with("import-fails"));
        audit::allow(&mut findings, &late.map(|(key, reason)| (key.clone(), reason.clone())).collect());
        Ok(findings)
    }

    /// `--verify`: the same layer once more, in another folder, from the wheels in another order, on one thread.
    fn verify(&self, zip: &Path, part: &Part, here: &[Here]) -> Result<(), Error> {
        let failed = |source| Error::Write { path: zip.to_path_buf(), source };
        let folder = tempfile::tempdir().map_err(failed)?;
        let other = folder.path().join("another").join("layer.zip");
        let here: Vec<Here> = here.iter().rev().cloned().collect();
        let quiet = Ui::new(Verbosity::Quiet, anstream::ColorChoice::Never);
        let again = Work { ui: &quiet, threads: 1, hashing: &Hashing::on(1), ..*self };
        let (written, _) = again.write(&other, part, &here)?;
        let hash = |path: &Path| {
            let hashed = std::fs::File::open(path).and_then(|file| zip_reader::hash_of(&file));
            hashed.map_err(|source| {
                archive::Error::from(zip_reader::Error::Io { path: path.to_path_buf(), source })
            })
        };
        let (one, other) = (hash(zip)?, hash(written.out.path())?);
        if one == other && other == written.assembled.sha256 {
            self.ui.status("Verified", "built twice, by different routes: the same bytes");
            return Ok(());
        }
        let open = |path: &Path| ZipFile::open(path).map_err(archive::Error::from);
        let entry = compress::first_difference(&open(zip)?, &open(written.out.path())?);
        Err(Error::Unstable { entry: entry.unwrap_or_else(|| "the order of the files".to_owned()) })
    }

    /// Warnings and notes of the audit, and the sizes against their limits.
    pub(super) fn say_findings(&self, manifest: &Manifest) {
        let growth = sizes::growth(
            manifest.size,
            sizes::published(self.spec.folder, &manifest.layer_name),
            &self.spec.layer.audit,
        );
        let all: Vec<Finding> = growth.into_iter().chain(manifest.findings.iter().cloned()).collect();
        let of = |severity| all.iter().filter(|finding| finding.is(severity)).collect::<Vec<_>>();
        for line in audit::lines(&of(Severity::Warning)) {
            match line.strip_prefix("  ") {
                Some(fix) => self.ui.more(fix),
                None => self.ui.warning(line),
            }
        }
        for line in audit::lines(&of(Severity::Note)) {
            self.ui.detail("Found", line.trim_start());
        }
        self.ui.status(
            "Audited",
            format!(
                "{} of {} zipped, {} of {} unzipped: {}",
                megabytes(manifest.size),
                megabytes(sizes::DIRECT_LIMIT),
                megabytes(manifest.unzipped_size),
                megabytes(self.spec.layer.audit.max_unzipped_size.unwrap_or(sizes::UNZIPPED_LIMIT)),
                audit::summary(&all)
            ),
        );
    }
}

/// Stops the build if there is an error among the findings.
pub(super) fn refuse(spec: &Spec<'_>, findings: Vec<Finding>) -> Result<Vec<Finding>, Error> {
    let (errors, others): (Vec<Finding>, Vec<Finding>) =
        findings.into_iter().partition(|finding| finding.is(Severity::Error));
    if errors.is_empty() {
        return Ok(others);
    }
    let relock = match spec.variant.as_deref() {
        _ if spec.lock_maker == LockMaker::SomebodyElse => None,
        None => Some(spec.layer.name.clone()),
        Some("raw") => Some(format!("{} --raw", spec.layer.name)),
        // Locks of branches are made by builds only.
        Some(_) => None,
    };
    Err(Error::Audit { layer: spec.layer.name.clone(), relock, findings: errors })
}

pub(super) fn indented(findings: &[Finding]) -> String {
    let findings: Vec<&Finding> = findings.iter().collect();
    audit::lines(&findings).iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
