//! The audit: what is known to go wrong with a layer is found before it leaves the machine.
//!
//! A file of rules for each family; each rule turns facts into findings and reads nothing. Errors stop the build,
//! warnings and notes don't; `allow` in the layer's table silences a finding, with a reason.

pub mod collisions;
mod dependencies;
pub mod names;
pub mod native;
pub mod provided;
pub mod sizes;
mod stdlib;
mod view;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config::AuditTable;
use crate::indexes::Told;
use crate::provided::Provided;
use crate::requirement::Requirement;
use crate::target::Target;
use crate::ui::counted;
use crate::wheels::elf::Native;

pub(crate) use dependencies::MISSING;

/// What the audit looks at.
#[derive(Clone, Debug, Default)]
pub struct Subject<'a> {
    /// The files, sorted by path.
    pub files: Vec<AuditedFile<'a>>,
    /// The packages: name and version.
    pub packages: Vec<Package>,
    /// What the zip is to serve; empty if nobody knows.
    pub targets: Vec<Target>,
    /// The size of the zip, in bytes.
    pub zipped_size: u64,
    /// Files of which two packages hold different contents.
    pub collisions: Vec<Collision>,
    /// Files of which two packages hold the same content.
    pub shared: Vec<Collision>,
    /// What the layer itself asks for.
    pub asked: Vec<Requirement>,
    /// What the runtimes bring along.
    pub provided: Provided,
    /// What the user has told uv about packages.
    pub told: Told,
}

/// A file of the layer.
#[derive(Clone, Copy, Debug)]
pub struct AuditedFile<'a> {
    /// Its path in the zip.
    pub path: &'a str,
    /// Its size, in bytes.
    pub size: u64,
    /// Which package it belongs to.
    pub package: Option<usize>,
    /// What its content is, if it may be compiled code.
    pub native: Option<&'a Native>,
}

/// A package of the layer.
#[derive(Clone, Debug, Default)]
pub struct Package {
    /// Name and version, as they are shown.
    pub name: String,
    /// Whether a wheel with compiled code would have served too.
    pub native_wheel_passed_over: bool,
    /// Whether it holds compiled code that was made on this machine.
    pub compiled_here: bool,
    /// Its scripts that are not in the layer.
    pub scripts_left_out: Vec<String>,
    /// What it asks for: `Requires-Dist` of its metadata.
    pub requires: Vec<String>,
}

/// One path in two packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collision {
    /// The path.
    pub path: String,
    /// Whose file is taken.
    pub taken: String,
    /// Whose file is not.
    pub left: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The layer does not work. It is not made.
    Error,
    /// It may not work.
    Warning,
    /// Worth knowing.
    Note,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which rule found it.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// The file, package or module that it is about; `null` if it is about the whole layer.
    pub file: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub fix: String,
    /// Why it is allowed, in the words of the layer's table.
    #[serde(default)]
    pub allowed: Option<String>,
}

impl Finding {
    fn new(severity: Severity, id: &str, file: Option<&str>, reason: String, fix: &str) -> Self {
        let (id, file, fix) = (id.to_owned(), file.map(str::to_owned), fix.to_owned());
        Self { id, severity, file, reason, fix, allowed: None }
    }

    pub(crate) fn error(id: &str, file: Option<&str>, reason: String, fix: &str) -> Self {
        Self::new(Severity::Error, id, file, reason, fix)
    }

    pub(crate) fn warning(id: &str, file: Option<&str>, reason: String, fix: &str) -> Self {
        Self::new(Severity::Warning, id, file, reason, fix)
    }

    pub(crate) fn note(id: &str, file: Option<&str>, reason: String, fix: &str) -> Self {
        Self::new(Severity::Note, id, file, reason, fix)
    }

    /// Whether it counts, and is as bad as this.
    pub fn is(&self, severity: Severity) -> bool {
        self.severity == severity && self.allowed.is_none()
    }
}

impl fmt::Display for Finding {
    /// `python/a.so is code for x86_64 (elf-machine)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "`{file}` {} ({})", self.reason, self.id),
            None => write!(f, "{} ({})", self.reason, self.id),
        }
    }
}

/// Applies every rule; errors first, then warnings, then notes, each in the order of their files.
pub fn audit(subject: &Subject<'_>, table: &AuditTable) -> Vec<Finding> {
    let mut findings = native::findings(subject);
    findings.extend(sizes::findings(subject, table));
    findings.extend(collisions::findings(subject));
    findings.extend(names::findings(subject));
    let views = view::views(subject);
    findings.extend(provided::findings(&views));
    findings.extend(dependencies::findings(&views));
    allow(&mut findings, &table.allow);
    findings.sort_by(|one, other| {
        (one.severity, &one.id, &one.file).cmp(&(other.severity, &other.id, &other.file))
    });
    findings
}

/// The rules for what packages ask for alone: they need no more of the files than which packages are there.
pub fn dependencies(subject: &Subject<'_>) -> Vec<Finding> {
    dependencies::findings(&view::views(subject))
}

/// Marks what the layer's table allows: `id` allows every finding of a rule, `id:file` one of them, and `*` at the end
/// of a file stands for any rest. What allows nothing is a finding itself.
pub fn allow(findings: &mut Vec<Finding>, allowed: &BTreeMap<String, String>) {
    for (key, reason) in allowed {
        let mut is_used = LATE.iter().any(|id| covers_id(key, id));
        for finding in findings.iter_mut().filter(|finding| covers(key, finding)) {
            finding.allowed = Some(reason.clone());
            is_used = true;
        }
        if !is_used {
            findings.push(Finding::warning(
                "unused-allow",
                None,
                format!("`allow` names `{key}`, which was not found"),
                "remove it from `layers.toml`",
            ));
        }
    }
}

/// Rules that are not part of every audit.
const LATE: &[&str] = &["growth", "import-fails"];

fn covers_id(key: &str, id: &str) -> bool {
    key == id || key.strip_prefix(id).is_some_and(|rest| rest.starts_with(':'))
}

fn covers(key: &str, finding: &Finding) -> bool {
    let Some(rest) = key.strip_prefix(finding.id.as_str()) else { return false };
    match (rest.strip_prefix(':'), &finding.file) {
        (None, _) => rest.is_empty(),
        (Some(pattern), Some(file)) => match pattern.strip_suffix('*') {
            Some(start) => file.starts_with(start),
            None => file == pattern,
        },
        (Some(_), None) => false,
    }
}

/// The findings as lines, each with what to do; of many of one kind only the first few.
pub fn lines(findings: &[&Finding]) -> Vec<String> {
    const SHOWN: usize = 4;
    let mut lines = Vec::new();
    for group in findings.chunk_by(|one, other| one.id == other.id && one.fix == other.fix) {
        lines.extend(group.iter().take(SHOWN).map(ToString::to_string));
        if group.len() > SHOWN {
            lines.push(format!("… and {} more of `{}`", group.len() - SHOWN, group[0].id));
        }
        if !group[0].fix.is_empty() {
            lines.push(format!("  fix: {}", group[0].fix));
        }
    }
    lines
}

/// `1 error, 2 warnings`, or `no findings`.
pub fn summary(findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.is(severity)).count();
    let allowed = findings.iter().filter(|finding| finding.allowed.is_some()).count();
    let kinds = [
        (count(Severity::Error), "error"),
        (count(Severity::Warning), "warning"),
        (count(Severity::Note), "note"),
    ];
    let mut parts: Vec<String> =
        kinds.iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(*count, what)).collect();
    if allowed > 0 {
        parts.push(format!("{allowed} allowed"));
    }
    if parts.is_empty() { "no findings".to_owned() } else { parts.join(", ") }
}

/// The layer's folders that the runtime of `python3.<minor>` looks for modules in, in its order.
pub(super) fn sites(minor: u8) -> [String; 2] {
    [format!("python/lib/python3.{minor}/site-packages/"), "python/".to_owned()]
}

/// Those of `targets` that load the file at `path`: a folder or a name may be for one Python version only.
fn targets_of(path: &str, targets: &[Target]) -> Vec<Target> {
    let of_folder = path
        .strip_prefix("python/lib/python3.")
        .and_then(|rest| rest.split('/').next())
        .and_then(|minor| minor.parse::<u8>().ok());
    let name = path.rsplit('/').next().unwrap_or_default();
    let of_name = name
        .split_once(".cpython-3")
        .and_then(|(_, rest)| rest.split(['-', '.']).next())
        .and_then(|minor| minor.parse::<u8>().ok());
    let fits = |minor: Option<u8>, target: &Target| minor.is_none_or(|minor| minor == target.python.minor());
    targets.iter().copied().filter(|target| fits(of_folder, target) && fits(of_name, target)).collect()
}

#[cfg(test)]
mod tests;
