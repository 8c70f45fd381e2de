//! From wheels on this machine to a zip that has no name yet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::ProgressBar;
use tempfile::NamedTempFile;

use super::{Error, Here, Packing, Work, prove};
use crate::atomic;
use crate::hash::Sha256;
use crate::indexes::told;
use crate::layer::archive::{self, Assembled};
use crate::layer::audit::{self, AuditedFile, Finding, Severity, Subject};
use crate::layer::compress::{self, Compression};
use crate::layer::manifest::PackageRecord;
use crate::layer::metadata::Metadata;
use crate::layer::plan::{self, LayerPlan};
use crate::layer::requires;
use crate::layer::{bytecode, licence};
use crate::lock::roots;
use crate::target::{Architecture, Target};
use crate::ui::{counted, megabytes};
use crate::wheels::facts::Facts;
use crate::wheels::layout::{Item, Part, Place};
use crate::wheels::select::Origin;
use crate::wheels::tags::WheelName;
use crate::wheels::wheel::{Wheel, script};
use crate::zip_reader::{self, ZipFile};

/// A zip that is complete, but has not got its name yet.
pub(super) struct Written {
    pub(super) path: PathBuf,
    pub(super) architecture: Option<Architecture>,
    pub(super) targets: Vec<Target>,
    pub(super) out: NamedTempFile,
    pub(super) assembled: Assembled,
    pub(super) packages: Vec<PackageRecord>,
    pub(super) findings: Vec<Finding>,
    /// The interpreters that compiled its bytecode.
    pub(super) bytecode: Vec<String>,
}

impl Work<'_> {
    /// Writes the zip, while other threads check that every wheel is what it has to be: the very files that are copied.
    pub(super) fn assemble(&self, path: &Path, part: &Part, here: &[Here]) -> Result<Written, Error> {
        self.hashing.begin(here.iter().map(|here| (here.path.clone(), Arc::clone(&here.file), here.sha256)));
        let written = self.write(path, part, here);
        // A damaged wheel explains whatever else went wrong.
        self.hashing.finish()?;
        let (written, facts) = written?;
        // Only now are the wheels known to be what their hashes say.
        facts.iter().zip(here).try_for_each(|(facts, here)| facts.keep(here.sha256, self.cache))?;
        let mut findings = prove::refuse(self.spec, written.findings)?;
        findings.extend(self.prove(written.out.path(), part, here)?);
        Ok(Written { findings, ..written })
    }

    /// Writes and audits the zip, with what is known of compiled code in the wheels.
    pub(super) fn write(
        &self,
        path: &Path,
        part: &Part,
        here: &[Here],
    ) -> Result<(Written, Vec<Facts>), Error> {
        let packing = self.options.packing;
        let open = |here: &Here| {
            let io = |source| zip_reader::Error::Io { path: here.path.clone(), source };
            let file = here.file.try_clone().map_err(io)?;
            let wheel = match here.place {
                Place::Top => Wheel::read_plain(&here.path, file)?,
                Place::Everywhere | Place::Versions(_) => Wheel::read(&here.path, file)?,
            };
            Ok(plan::Input { wheel, name: here.name.clone(), place: here.place.clone() })
        };
        let inputs = here.iter().map(open).collect::<Result<Vec<_>, zip_reader::Error>>();
        let mut inputs = inputs.map_err(archive::Error::from)?;
        let facts_of = |(input, here): (&plan::Input, &Here)| {
            Facts::of(&input.wheel, here.sha256, self.cache).map_err(archive::Error::from)
        };
        // Which of its scripts belong in the layer has to be known before; the rest can wait.
        let early = inputs.iter().zip(here).map(|(input, here)| {
            let has_scripts = input.wheel.scripts().next().is_some();
            has_scripts.then(|| facts_of((input, here))).transpose()
        });
        let early = early.collect::<Result<Vec<Option<Facts>>, _>>()?;
        for (input, facts) in inputs.iter_mut().zip(&early) {
            if let Some(facts) = facts {
                input.wheel.take_scripts(|script| facts.is_code(&script.path));
            }
        }
        let plan = plan::plan(&inputs, &part.pythons())?;
        let failed = |source| Error::Write { path: path.to_path_buf(), source };
        let artifacts = path.parent().unwrap_or(path);
        std::fs::create_dir_all(artifacts).map_err(failed)?;
        atomic::sweep(artifacts);
        let out = atomic::begin(path).map_err(failed)?;
        let copied = archive::assemble(&plan, &inputs, out.as_file(), self.hashing)?;

        // The end of the zip is still being hashed.
        let metadata = inputs.iter().map(|input| Metadata::of(&input.wheel)).collect::<Result<Vec<_>, _>>();
        let metadata = metadata.map_err(archive::Error::from)?;
        requires::check(&inputs, &metadata, &part.targets)?;
        let packages = records(here, &plan, &metadata);
        let facts = early.into_iter().zip(inputs.iter().zip(here));
        let facts = facts.map(|(early, both)| early.map_or_else(|| facts_of(both), Ok));
        let facts = facts.collect::<Result<Vec<Facts>, _>>()?;
        let mut subject = subject(&plan, &inputs, &facts, &metadata, part, here, copied.size);
        subject.asked = roots::asked(self.spec);
        subject.provided = self.spec.layer.provided.clone();
        subject.told = told(self.spec.folder);
        let mut findings = audit::audit(&subject, &self.spec.layer.audit);
        let assembled = copied.hashed(self.hashing);
        let copied = Packed { out, assembled, added: Vec::new(), bytecode: Vec::new() };
        // What is refused anyway need not be packed anew.
        let is_refused = findings.iter().any(|finding| finding.is(Severity::Error));
        let packed = if packing == Packing::default() || is_refused {
            copied
        } else {
            let packed = self.repack(path, part, copied)?;
            let owners: BTreeMap<&str, Option<usize>> =
                subject.files.iter().map(|file| (file.path, file.package)).collect();
            let owner = |path: &str| *owners.get(bytecode::source_of(path)?.as_str())?;
            let added = packed.added.iter().map(|(path, size)| AuditedFile {
                path,
                size: *size,
                package: owner(path),
                native: None,
            });
            subject.files.extend(added);
            subject.files.sort_by_key(|file| file.path);
            subject.zipped_size = packed.assembled.size;
            findings = audit::audit(&subject, &self.spec.layer.audit);
            packed
        };
        let Packed { out, assembled, bytecode, .. } = packed;
        Ok((
            Written {
                path: path.to_path_buf(),
                architecture: part.architecture,
                targets: part.targets.clone(),
                out,
                assembled,
                packages,
                findings,
                bytecode,
            },
            facts,
        ))
    }

    /// `--bytecode` and `--compress max`: the zip of copied streams written anew.
    fn repack(&self, path: &Path, part: &Part, copied: Packed) -> Result<Packed, Error> {
        let packing = self.options.packing;
        let zip = ZipFile::open(copied.out.path()).map_err(archive::Error::from)?;
        let pythons = part.pythons();
        let compile = || {
            let all: Vec<String> = pythons.iter().map(ToString::to_string).collect();
            self.ui.status("Compiling", format!("twice, for Python {}", all.join(", ")));
            bytecode::compile(&zip, &pythons)
        };
        let compiled = packing.bytecode.then(compile).transpose()?;
        let out = atomic::begin(path).map_err(|source| Error::Write { path: path.to_path_buf(), source })?;
        let nothing = BTreeMap::new();
        let more = compiled.as_ref().map_or(&nothing, |compiled| &compiled.files);
        let bar = match packing.compression {
            Compression::Copied => ProgressBar::hidden(),
            Compression::Max => {
                let size = zip.entries().iter().map(|entry| entry.size).sum();
                let files = counted(zip.entries().len(), "file");
                self.ui.status("Compressing", format!("{files}, {}", megabytes(size)));
                self.ui.bar(size)
            }
        };
        let (compression, threads) = (packing.compression, self.threads);
        let progress = |bytes| bar.inc(bytes);
        let written =
            compress::repack(&zip, more, compression, threads, out.as_file(), self.hashing, &progress);
        bar.finish_and_clear();
        let assembled = written?;
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
                for path in &compiled.unstable {
                    self.ui.detail("Unstable", path);
                }
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
}

/// What the manifest says of the packages.
fn records(here: &[Here], plan: &LayerPlan<'_>, metadata: &[Option<Metadata>]) -> Vec<PackageRecord> {
    let mut packages: Vec<Option<PackageRecord>> = here.iter().map(|here| here.record.clone()).collect();
    for (package, metadata) in packages.iter_mut().zip(metadata) {
        if let Some(package) = package {
            package.license = metadata.as_ref().and_then(licence::of);
        }
    }
    for entry in &plan.entries {
        let Some(package) = &mut packages[entry.wheel] else { continue };
        package.files += 1;
        package.size += entry.entry.compressed_size;
        package.unzipped_size += entry.entry.size;
    }
    packages.into_iter().flatten().collect()
}

/// What the audit is to look at.
fn subject<'a>(
    plan: &'a LayerPlan<'_>,
    inputs: &[plan::Input],
    facts: &'a [Facts],
    metadata: &[Option<Metadata>],
    part: &Part,
    here: &[Here],
    zipped_size: u64,
) -> Subject<'a> {
    let file = |entry: &'a plan::LayerEntry<'_>| AuditedFile {
        path: &entry.path,
        size: entry.entry.size,
        package: Some(entry.wheel),
        native: facts[entry.wheel].get(&entry.entry.path),
    };
    let package = |((here, input), metadata): ((&Here, &plan::Input), &Option<Metadata>)| audit::Package {
        name: here.name.clone(),
        requires: metadata.as_ref().map(|metadata| metadata.requires_dist.clone()).unwrap_or_default(),
        scripts_left_out: input
            .wheel
            .scripts()
            .filter_map(|entry| Some(script(&entry.path)?.to_owned()))
            .collect(),
        compiled_here: here.own_code,
        native_wheel_passed_over: here.record.as_ref().is_some_and(|record| record.native_wheel_passed_over),
    };
    Subject {
        files: plan.entries.iter().map(file).collect(),
        packages: here.iter().zip(inputs).zip(metadata).map(package).collect(),
        targets: part.targets.clone(),
        zipped_size,
        collisions: plan.collisions.clone(),
        shared: plan.shared.clone(),
        ..Subject::default()
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

/// What the manifest says of a package, but for its files.
pub(super) fn record(item: &Item, place: &Place, path: &Path, sha256: Sha256) -> PackageRecord {
    let chosen = &item.chosen;
    // What is built says its version in its name.
    let built = || {
        let name = path.file_name()?.to_str()?;
        Some(WheelName::parse(name).ok()?.version)
    };
    let version = chosen.version.as_ref().map(ToString::to_string).or_else(built).unwrap_or_default();
    PackageRecord {
        name: chosen.name.to_string(),
        version,
        source: match &chosen.origin {
            Origin::Folder(_) => "folder".to_owned(),
            other => other.file_name(),
        },
        sha256: chosen.origin.file().map_or(sha256, |file| file.sha256),
        size: 0,
        unzipped_size: 0,
        files: 0,
        python: match place {
            Place::Versions(versions) => Some(versions.iter().map(ToString::to_string).collect()),
            Place::Everywhere | Place::Top => None,
        },
        native_wheel_passed_over: chosen.native_wheel_passed_over,
        license: None,
    }
}
