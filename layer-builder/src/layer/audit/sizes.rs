//! Rules for sizes: Lambda's limits, the layer's own, and growth since the last published version.

use std::path::Path;

use super::{Finding, Subject};
use crate::config::AuditTable;
use crate::layer::ledger;
pub use crate::target::UNZIPPED_LIMIT;
use crate::ui::megabytes;

/// What may be sent to Lambda directly, in bytes; larger zips go through S3.
pub const DIRECT_LIMIT: u64 = 52_428_800;
/// How far a layer may grow without a word, in percent, unless its table says otherwise.
pub const GROWTH: u64 = 20;

pub(super) fn findings(subject: &Subject<'_>, table: &AuditTable) -> Vec<Finding> {
    let unzipped: u64 = subject.files.iter().map(|file| file.size).sum();
    let mut findings = Vec::new();
    let own = table.max_unzipped_size;
    let limit = own.unwrap_or(UNZIPPED_LIMIT);
    let whose = if own.is_some() { "`max-unzipped-size` is" } else { "Lambda allows" };
    let figures = format!("the layer unpacks to {}, and {whose} {}", megabytes(unzipped), megabytes(limit));
    if unzipped > limit {
        findings.push(Finding::error(
            "unzipped-too-large",
            None,
            format!("{figures}; {}", largest(subject)),
            "leave packages out, or split the layer; the limit is shared by a function and all its layers",
        ));
    } else if unzipped.saturating_mul(10) > limit.saturating_mul(9) {
        findings.push(Finding::warning(
            "near-limit",
            None,
            format!("{figures}; {}", largest(subject)),
            "leave packages out before it is too late; the limit is shared by a function and all its layers",
        ));
    }
    if subject.zipped_size > DIRECT_LIMIT {
        let reason = format!(
            "the zip has {}, and {} can be sent to Lambda directly",
            megabytes(subject.zipped_size),
            megabytes(DIRECT_LIMIT)
        );
        findings.push(Finding::note("through-s3", None, reason, "publish it through a bucket"));
    }
    findings
}

/// `the largest are numpy 2.4.6 (71.2 MB), …`
fn largest(subject: &Subject<'_>) -> String {
    let mut sizes = vec![0; subject.packages.len()];
    for file in &subject.files {
        if let Some(package) = file.package {
            sizes[package] += file.size;
        }
    }
    let mut packages: Vec<_> = sizes.iter().zip(&subject.packages).collect();
    packages.sort_by_key(|(size, _)| std::cmp::Reverse(**size));
    let shown: Vec<String> = packages
        .iter()
        .take(3)
        .map(|(size, package)| format!("{} ({})", package.name, megabytes(**size)))
        .collect();
    format!("the largest are {}", shown.join(", "))
}

/// What the ledger says of a layer's newest version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its number.
    pub version: u64,
    /// The size of its zip, in bytes.
    pub size: u64,
}

/// The newest version of `layer_name` in the ledger beside `layers.toml`. No ledger, or one in another form, is no
/// reason not to build.
pub fn published(folder: &Path, layer_name: &str) -> Option<Published> {
    let rows = ledger::read(folder).ok()?;
    let newest = rows.iter().filter(|row| row.layer_name == layer_name).max_by_key(|row| row.version)?;
    Some(Published { version: newest.version, size: newest.size? })
}

/// Whether the zip has grown beyond what was agreed. It depends on the ledger, so it is no part of the manifest.
pub fn growth(size: u64, published: Option<Published>, table: &AuditTable) -> Option<Finding> {
    let before = published?;
    let percent = table.growth.unwrap_or(GROWTH);
    let is_more = u128::from(size) * 100 > u128::from(before.size) * u128::from(100 + percent);
    (is_more && before.size > 0).then(|| {
        let grown = (size - before.size) as f64 * 100.0 / before.size as f64;
        let reason = format!(
            "the zip has grown by {grown:.0} %, from {} (version {}) to {}",
            megabytes(before.size),
            before.version,
            megabytes(size)
        );
        let fix = "if it is meant, publish it, or set `growth` to more percent; `inspect --diff` tells what has come";
        let mut finding = vec![Finding::warning("growth", None, reason, fix)];
        super::allow(&mut finding, &table.allow);
        finding.swap_remove(0)
    })
}
