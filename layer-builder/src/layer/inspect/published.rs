//! A version of the ledger, as something to compare a zip with: which rows are meant, and where on this machine their
//! content is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{Inspection, inspect};
use crate::cache::Cache;
use crate::hash::Sha256;
use crate::layer::ledger::{self, Row};
use crate::layer::listing;
use crate::zip_reader::{self, hash_of};

/// How a version is named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// `ledger`: the one that the ledger has of the layer that is looked at.
    Current,
    /// `sosw:12`
    Version {
        /// The layer.
        layer: String,
        /// The number.
        version: u64,
    },
    /// The whole name.
    Arn(String),
}

impl Named {
    /// What `text` names; `None` if it is a file or a layer.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "ledger" {
            return Some(Self::Current);
        }
        if text.starts_with("arn:") {
            return Some(Self::Arn(text.to_owned()));
        }
        let (layer, version) = text.split_once(':')?;
        let is_name =
            !layer.is_empty() && layer.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        Some(Self::Version { layer: layer.to_owned(), version: version.parse().ok().filter(|_| is_name)? })
    }
}

/// Why a version cannot be looked at.
#[derive(Debug, Error)]
pub enum Error {
    /// The ledger tells nothing.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// It tells nothing of this one.
    #[error("the ledger does not name {wanted}; it names {}", list(there))]
    NotNamed {
        /// What was asked for.
        wanted: String,
        /// What there is of the layer, or of all.
        there: Vec<String>,
    },
    /// It names several contents.
    #[error("the ledger names different contents of {wanted}:\n{}", rows.join("\n"))]
    Several {
        /// What was asked for.
        wanted: String,
        /// Each with its hash.
        rows: Vec<String>,
        /// One of them.
        arn: String,
    },
    /// Nobody wrote down what it holds.
    #[error("the ledger does not say what `{0}` holds: its CodeSha256 is missing")]
    NoHash(String),
    /// What it holds is nowhere here.
    #[error("found nothing on this machine with the CodeSha256 of `{row}`, {code_sha256}")]
    NotHere {
        /// The version.
        row: String,
        /// Its hash.
        code_sha256: String,
        /// Its whole name, and its region.
        arn: String,
        /// Where it is looked for, as it is shown.
        place: String,
    },
    /// A zip of this machine cannot be read.
    #[error(transparent)]
    Zip(#[from] zip_reader::Error),
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "no version".to_owned() } else { names.join(", ") }
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Ledger(ledger::Error::Read { source, .. }) if source.kind() == ErrorKind::NotFound => Some(
                "`publish` writes it; to compare with something else, name a zip, or a layer that has been built"
                    .to_owned(),
            ),
            Self::Ledger(_) | Self::NoHash(_) | Self::Zip(_) => None,
            Self::NotNamed { .. } => Some("name one of these".to_owned()),
            Self::Several { arn, .. } => Some(format!("name one of them, as in `--diff {arn}`")),
            Self::NotHere { arn, place, .. } => {
                let region = arn.split(':').nth(3).unwrap_or_default();
                Some(format!(
                    "get it with\n  curl -f --create-dirs -o {place} \"$(aws lambda get-layer-version-by-arn --arn {arn} \
                     --region {region} --query Content.Location --output text)\""
                ))
            }
        }
    }
}

/// A version that was found.
#[derive(Debug)]
pub struct Found {
    /// `sosw:12 in eu-west-1 and us-west-2`
    pub name: String,
    /// What it holds.
    pub inspection: Inspection,
    /// Where that was found.
    pub source: String,
}

/// The rows of the ledger that are meant: all of one content. `layers` are the names of the layer that is looked at or
/// that was named, for [`Named::Current`] and for a layer that AWS has under another name.
pub fn meant<'a>(rows: &'a [Row], named: &Named, layers: &BTreeSet<String>) -> Result<Vec<&'a Row>, Error> {
    let of_layer = |row: &&Row| layers.contains(&row.layer_name);
    let (wanted, fits): (String, Vec<&Row>) = match named {
        Named::Current => {
            let names: Vec<String> = layers.iter().map(|name| format!("`{name}`")).collect();
            (names.join(" or "), rows.iter().filter(of_layer).collect())
        }
        Named::Version { layer, version } => {
            let fits = rows.iter().filter(of_layer).filter(|row| row.version == *version);
            (format!("`{layer}:{version}`"), fits.collect())
        }
        Named::Arn(arn) => {
            (format!("`{arn}`"), rows.iter().filter(|row| row.layer_version_arn == *arn).collect())
        }
    };
    let Some(first) = fits.first() else {
        let of_it: BTreeSet<String> = rows.iter().filter(of_layer).map(|row| format!("`{row}`")).collect();
        let all: BTreeSet<String> = rows.iter().map(|row| format!("`{row}`")).collect();
        let there = if of_it.is_empty() { all } else { of_it };
        return Err(Error::NotNamed { wanted, there: there.into_iter().collect() });
    };
    if fits.iter().any(|row| row.code_sha256 != first.code_sha256) {
        let shown = |row: &&Row| {
            let hash = row.code_sha256.as_deref().unwrap_or("of unknown content");
            format!("  {row} in {}: {hash}", row.region())
        };
        let arn = first.layer_version_arn.clone();
        return Err(Error::Several { wanted, rows: fits.iter().map(shown).collect(), arn });
    }
    Ok(fits)
}

/// Finds what `rows`, which are of one content, hold: a zip below `artifacts`, or a listing in the cache.
pub fn find(rows: &[&Row], artifacts: &Path, cache: &Cache) -> Result<Found, Error> {
    let Some(first) = rows.first() else { return Err(Error::NoHash(String::new())) };
    let code_sha256 = first.code_sha256.clone().ok_or_else(|| Error::NoHash(first.to_string()))?;
    let mut regions = BTreeMap::<String, BTreeSet<&str>>::new();
    for row in rows {
        regions.entry(row.to_string()).or_default().insert(row.region());
    }
    let named: Vec<String> = regions
        .iter()
        .map(|(row, regions)| {
            format!("{row} in {}", regions.iter().copied().collect::<Vec<_>>().join(" and "))
        })
        .collect();
    let name = named.join(", ");
    let not_here = |place: PathBuf| Error::NotHere {
        row: first.to_string(),
        code_sha256: code_sha256.clone(),
        arn: first.layer_version_arn.clone(),
        place: crate::ui::shown(&place),
    };
    let Some(sha256) = Sha256::from_base64(&code_sha256) else {
        return Err(not_here(artifacts.to_path_buf()));
    };
    let published = artifacts.join("published");
    for folder in [artifacts, &artifacts.join("partial"), &published] {
        let mut zips: Vec<PathBuf> =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path()).collect();
        zips.retain(|path| path.extension().is_some_and(|extension| extension == "zip"));
        zips.sort();
        for path in zips {
            let is_it = File::open(&path).and_then(|file| hash_of(&file)).is_ok_and(|found| found == sha256);
            if is_it {
                return Ok(Found { name, inspection: inspect(&path)?, source: crate::ui::shown(&path) });
            }
        }
    }
    match listing::find(sha256, cache) {
        Some(inspection) => Ok(Found { name, inspection, source: "what this machine once built".to_owned() }),
        None => Err(not_here(published.join(format!("{sha256}.zip")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_from_files() {
        let version = |layer: &str, version| Some(Named::Version { layer: layer.to_owned(), version });
        assert_eq!(Named::parse("sosw:12"), version("sosw", 12));
        assert_eq!(Named::parse("a_b-c:1"), version("a_b-c", 1));
        assert_eq!(Named::parse("ledger"), Some(Named::Current));
        let arn = "arn:aws:lambda:us-west-2:123456789012:layer:sosw:12";
        assert_eq!(Named::parse(arn), Some(Named::Arn(arn.to_owned())));
        for other in ["sosw", "old.zip", "C:\\old.zip", "sosw:x", ":1", "a/b:1", "sosw:", "sosw:12:3"] {
            assert_eq!(Named::parse(other), None, "{other}");
        }
    }
}
