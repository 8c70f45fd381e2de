//! From wheels on this machine to a zip that has no name yet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{Error, Here, Packing, Work, prove};
use crate::atomic;
use crate::layer::archive::{self, Assembled};
use crate::layer::audit::facts::Facts;
use crate::layer::audit::{self, AuditedFile, Finding, Severity, Subject};
use crate::layer::compress::{self, Compression};
use crate::layer::manifest::PackageRecord;
use crate::layer::metadata::Metadata;
use crate::layer::plan::{self, LayerPlan};
use crate::layer::{bytecode, licence};
use crate::ui::{counted, megabytes};
use crate::wheels::select::Chosen;
use crate::wheels::wheel::Wheel;
use crate::zip_reader::{self, ZipFile};

/// A zip that is complete, but has not got its name yet.
pub(super) struct Written {
    pub(super) out: NamedTempFile,
    pub(super) assembled: Assembled,
    pub(super) packages: Vec<PackageRecord>,
    pub(super) findings: Vec<Finding>,
    /// The interpreters that compiled its bytecode.
    pub(super) bytecode: Vec<String>,
}

impl Work<'_> {
    /// Writes the zip, while another thread checks that every wheel is what it has to be: the very files that are copied.
    pub(super) fn assemble(&self, path: &Path, chosen: &[Chosen], here: &[Here]) -> Result<Written, Error> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (written, facts) = std::thread::scope(|scope| {
            let files = here.iter().map(|here| (here.path.as_path(), &here.file, here.sha256));
            let checking = scope.spawn(|| archive::check_hashes(files));
            let written = self.write(path, chosen, here, threads);
            match checking.join() {
                Ok(Ok(())) => written,
                // A damaged wheel explains whatever else went wrong.
                Ok(Err(damaged)) => Err(damaged.into()),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })?;
        // Only now are the wheels known to be what their hashes say.
        facts.iter().try_for_each(|facts| facts.keep(self.cache))?;
        let mut findings = prove::refuse(self.layer, written.findings)?;
        findings.extend(self.prove(written.out.path(), chosen, here)?);
        Ok(Written { findings, ..written })
    }

    /// Writes and audits the zip, with what is known of compiled code in the wheels.
    pub(super) fn write(
        &self,
        path: &Path,
        chosen: &[Chosen],
        here: &[Here],
        threads: usize,
    ) -> Result<(Written, Vec<Facts>), Error> {
        let packing = self.options.packing;
        let open = |here: &Here| {
            let io = |source| zip_reader::Error::Io { path: here.path.clone(), source };
            Wheel::read(&here.path, here.file.try_clone().map_err(io)?)
        };
        let wheels =
            here.iter().map(open).collect::<Result<Vec<Wheel>, _>>().map_err(archive::Error::from)?;
        let names: Vec<String> =
            chosen.iter().map(|chosen| format!("{} {}", chosen.name, chosen.version)).collect();
        let plan = plan::plan(&wheels, &names)?;
        let mut packages: Vec<PackageRecord> = chosen.iter().map(record).collect();
        for entry in &plan.entries {
            let package = &mut packages[entry.wheel];
            package.files += 1;
            package.size += entry.entry.compressed_size;
            package.unzipped_size += entry.entry.size;
            if entry.path.ends_with(".dist-info/METADATA") {
                let metadata =
                    wheels[entry.wheel].zip().content(entry.entry).map_err(archive::Error::from)?;
                package.license = package.license.take().or_else(|| licence::of(&Metadata::parse(&metadata)));
            }
        }
        let failed = |source| Error::Write { path: path.to_path_buf(), source };
        let artifacts = path.parent().unwrap_or(path);
        std::fs::create_dir_all(artifacts).map_err(failed)?;
        atomic::sweep(artifacts);
        let out = atomic::begin(path).map_err(failed)?;
        let assembled = archive::assemble(&plan, &wheels, out.as_file())?;
        let copied = Packed { out, assembled, added: Vec::new(), bytecode: Vec::new() };
        let facts = wheels.iter().zip(here).map(|(wheel, here)| Facts::of(wheel, here.sha256, self.cache));
        let facts = facts.collect::<Result<Vec<Facts>, _>>().map_err(archive::Error::from)?;
        let mut subject = self.subject(&plan, &facts, chosen, assembled);
        let mut findings = audit::audit(&subject, &self.layer.audit);
        // What is refused anyway need not be packed anew.
        let is_refused = findings.iter().any(|finding| finding.is(Severity::Error));
        let packed = if packing == Packing::default() || is_refused {
            copied
        } else {
            let packed = self.repack(path, copied, packing, threads)?;
            let added = packed.added.iter().map(|(path, size)| AuditedFile {
                path,
                size: *size,
                package: None,
                native: None,
            });
            subject.files.extend(added);
            subject.zipped_size = packed.assembled.size;
            findings = audit::audit(&subject, &self.layer.audit);
            packed
        };
        let Packed { out, assembled, bytecode, .. } = packed;
        Ok((Written { out, assembled, packages, findings, bytecode }, facts))
    }

    /// `--bytecode` and `--compress max`: the zip of copied streams written anew.
    fn repack(&self, path: &Path, copied: Packed, packing: Packing, threads: usize) -> Result<Packed, Error> {
        let zip = ZipFile::open(copied.out.path()).map_err(archive::Error::from)?;
        let pythons = self.layer.pythons.iter().copied().collect();
        let compiled = packing.bytecode.then(|| bytecode::compile(&zip, &pythons)).transpose()?;
        let out = atomic::begin(path).map_err(|source| Error::Write { path: path.to_path_buf(), source })?;
        let nothing = BTreeMap::new();
        let more = compiled.as_ref().map_or(&nothing, |compiled| &compiled.files);
        let assembled = compress::repack(&zip, more, packing.compression, threads, out.as_file())?;
        if let Some(compiled) = &compiled {
            let versions = compiled.interpreters.join(", ");
            let files = counted(compiled.files.len(), "file");
            self.ui.status(
                "Compiled",
                format!("{files} with CPython {versions}: {} more, unzipped", megabytes(compiled.size)),
            );
            if !compiled.unstable.is_empty() {
                self.ui.note(format!(
                    "{} left out, whose bytecode is not the same twice",
                    counted(compiled.unstable.len(), "file")
                ));
            }
        }
        if packing.compression == Compression::Max {
            let (before, after) = (copied.assembled.size, assembled.size);
            self.ui.status("Compressed", format!("{} to {}", megabytes(before), megabytes(after)));
        }
        let size = |file: &PathBuf| std::fs::metadata(file).map_or(0, |file| file.len());
        let added = more.iter().map(|(path, file)| (path.clone(), size(file))).collect();
        let bytecode = compiled.map(|compiled| compiled.interpreters).unwrap_or_default();
        Ok(Packed { out, assembled, added, bytecode })
    }

    /// What the audit is to look at.
    fn subject<'a>(
        &self,
        plan: &'a LayerPlan<'_>,
        facts: &'a [Facts],
        chosen: &[Chosen],
        assembled: Assembled,
    ) -> Subject<'a> {
        let file = |entry: &'a plan::LayerEntry<'_>| AuditedFile {
            path: &entry.path,
            size: entry.entry.size,
            package: Some(entry.wheel),
            native: facts[entry.wheel].get(&entry.entry.path),
        };
        let package = |chosen: &Chosen| audit::Package {
            name: format!("{} {}", chosen.name, chosen.version),
            native_wheel_passed_over: chosen.native_wheel_passed_over,
        };
        Subject {
            files: plan.entries.iter().map(file).collect(),
            packages: chosen.iter().map(package).collect(),
            targets: self.layer.targets(),
            zipped_size: assembled.size,
            collisions: plan.collisions.clone(),
            shared: plan.shared.clone(),
        }
    }
}

/// A zip that has no name yet.
struct Packed {
    out: NamedTempFile,
    assembled: Assembled,
    /// Files that were added, with their sizes in bytes.
    added: Vec<(String, u64)>,
    bytecode: Vec<String>,
}

fn record(chosen: &Chosen) -> PackageRecord {
    let file = chosen.origin.file();
    PackageRecord {
        name: chosen.name.to_string(),
        version: chosen.version.to_string(),
        source: file.file_name.clone(),
        sha256: file.sha256,
        size: 0,
        unzipped_size: 0,
        files: 0,
        native_wheel_passed_over: chosen.native_wheel_passed_over,
        license: None,
    }
}
