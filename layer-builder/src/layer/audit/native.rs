//! Rules for compiled code: machine, glibc, and the libraries that have to be there.

use std::collections::BTreeSet;

use super::{AuditedFile, Finding, Subject, targets_of};
use crate::target::Target;
use crate::wheels::elf::{Elf, Native};

pub(super) fn findings(subject: &Subject<'_>) -> Vec<Finding> {
    let provided = provided(subject);
    let mut findings = Vec::new();
    for file in &subject.files {
        match file.native {
            Some(Native::Elf(elf)) => {
                let targets = targets_of(file.path, &subject.targets);
                let (fitting, foreign): (Vec<Target>, Vec<Target>) =
                    targets.iter().partition(|target| target.architecture.name() == elf.machine);
                findings.extend(machine(file, elf, &foreign));
                findings.extend(glibc(file, elf, &fitting));
                findings.extend(libraries(file, elf, &fitting, &provided));
            }
            Some(Native::Damaged(why)) => findings.push(Finding::error(
                "elf-damaged",
                Some(file.path),
                format!("cannot be loaded: {why}"),
                "take another version of the package; libraries that patchelf has touched break when they are stripped",
            )),
            Some(Native::Other) if file.path.ends_with(".so") => findings.push(Finding::note(
                "not-elf",
                Some(file.path),
                "is named like a library, but holds no code for Linux".to_owned(),
                "nothing, unless something on Lambda loads it: then take another version of the package",
            )),
            Some(Native::Other) | None => {}
        }
    }
    let compiled = subject.packages.iter().filter(|package| package.compiled_here);
    findings.extend(compiled.map(|package| {
        Finding::warning(
            "compiled-here",
            Some(&package.name),
            "is compiled on this machine: another one makes other bytes, against another glibc".to_owned(),
            "find a version that offers wheels for Lambda's systems, or build where the runtime's own libraries are",
        )
    }));
    findings
}

fn machine(file: &AuditedFile<'_>, elf: &Elf, foreign: &[Target]) -> Option<Finding> {
    let architectures: BTreeSet<&str> = foreign.iter().map(|target| target.architecture.name()).collect();
    let architectures: Vec<&str> = architectures.into_iter().collect();
    (!architectures.is_empty()).then(|| {
        Finding::error(
            "elf-machine",
            Some(file.path),
            format!("is code for {}, and the layer serves {}", elf.machine, architectures.join(" and ")),
            "take a wheel for that architecture, or leave the architecture out of `architectures`",
        )
    })
}

fn glibc(file: &AuditedFile<'_>, elf: &Elf, targets: &[Target]) -> Option<Finding> {
    let (major, minor) = elf.glibc?;
    let lacks = |target: &&Target| (major, minor) > (2, u32::from(target.glibc_minor));
    let lacking: Vec<&Target> = targets.iter().filter(lacks).collect();
    let oldest = lacking.iter().map(|target| target.glibc_minor).min()?;
    let pythons: BTreeSet<_> = lacking.iter().map(|target| target.python).collect();
    let runtimes: Vec<String> = pythons.iter().map(|python| python.runtime()).collect();
    Some(Finding::error(
        "glibc-too-new",
        Some(file.path),
        format!("needs GLIBC_{major}.{minor}, and {} has glibc 2.{}", runtimes.join(", "), oldest),
        "pin a version of the package with a wheel for an older manylinux, or leave the runtime out of `python`",
    ))
}

/// What the loader finds by name without looking into the layer: glibc, and what every Python of Lambda stands on.
const OF_EVERY_RUNTIME: &[&str] = &[
    "ld-linux-aarch64.so.1",
    "ld-linux-x86-64.so.2",
    "libanl.so.1",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libstdc++.so.6",
    "libutil.so.1",
    "libz.so.1",
];
/// How the names of libraries begin that no runtime has.
const OF_NO_RUNTIME: &[&str] = &["libGL.so", "libc.musl-"];
/// How the names of libraries begin that Amazon Linux 2023 does not have.
const NOT_OF_AL2023: &[&str] = &["libatomic.so", "libexslt.so", "libicu", "libxslt.so"];

fn libraries(
    file: &AuditedFile<'_>,
    elf: &Elf,
    targets: &[Target],
    provided: &BTreeSet<&str>,
) -> Vec<Finding> {
    let fix = "take a package that brings the library, put it into the layer's `lib/`, or allow this if another layer \
               has it";
    let missing = elf
        .needed
        .iter()
        .filter(|needed| !OF_EVERY_RUNTIME.contains(&needed.as_str()) && !provided.contains(needed.as_str()));
    let mut findings = Vec::new();
    for library in missing {
        let begins_with_one = |names: &[&str]| names.iter().any(|name| library.starts_with(name));
        let lacks = |target: &&Target| {
            begins_with_one(OF_NO_RUNTIME) || target.glibc_minor >= 34 && begins_with_one(NOT_OF_AL2023)
        };
        let runtimes = |targets: Vec<&Target>| {
            let runtimes: BTreeSet<_> = targets.iter().map(|target| target.python).collect();
            runtimes.iter().map(|python| python.runtime()).collect::<Vec<_>>().join(", ")
        };
        let own = |target: &&Target| library.starts_with(&format!("libpython{}.so", target.python));
        let (lacking, unknown): (Vec<&Target>, Vec<&Target>) =
            targets.iter().filter(|target| !own(target)).partition(lacks);
        if !lacking.is_empty() {
            let reason = format!("needs `{library}`, which neither the layer nor {} has", runtimes(lacking));
            findings.push(Finding::error("missing-library", Some(file.path), reason, fix));
        } else if !unknown.is_empty() {
            let reason =
                format!("needs `{library}`, which the layer lacks; {} may not have it", runtimes(unknown));
            findings.push(Finding::warning("missing-library", Some(file.path), reason, fix));
        }
    }
    findings
}

/// The libraries of the layer, under the names by which others ask for them.
fn provided<'a>(subject: &Subject<'a>) -> BTreeSet<&'a str> {
    let mut provided = BTreeSet::new();
    for file in &subject.files {
        if let Some(Native::Elf(elf)) = file.native {
            provided.extend(file.path.rsplit('/').next());
            provided.extend(elf.soname.as_deref());
        }
    }
    provided
}
