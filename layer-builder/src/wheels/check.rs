//! A wheel that has just come: every file of it is unpacked once, and it has to be what its name and its RECORD say.
//!
//! The specification of wheels wants an installation to fail where a file is not as RECORD has it
//! (<https://packaging.python.org/en/latest/specifications/binary-distribution-format/>). A layer is assembled without
//! a look at contents, so this is the one place to see it. pip and uv refuse the rest of what is refused here as well.

use std::collections::HashMap;
use std::str::FromStr;

use pep508_rs::pep440_rs::Version;
use thiserror::Error;

use super::facts::Facts;
use super::record::{Row, rows, same_hash};
use super::tags::WheelName;
use super::wheel::has_no_scheme;
use crate::requirement::normalised;
use crate::zip_reader::{self, Entry, ZipFile};

/// Why a wheel is of no use.
#[derive(Debug, Error)]
pub enum Error {
    /// Its zip is none, or holds what is refused.
    #[error(transparent)]
    Zip(#[from] zip_reader::Error),
    /// Its name tells nothing.
    #[error("its name is not that of a wheel")]
    Name,
    /// Nothing says what is in it.
    #[error("it holds no `.dist-info` folder: it is no wheel, or an empty one")]
    NoDistInfo,
    /// It is two wheels.
    #[error("it holds two `.dist-info` folders, `{one}` and `{other}`")]
    TwoDistInfos {
        /// One.
        one: String,
        /// The other.
        other: String,
    },
    /// A file that every wheel has.
    #[error("it lacks `{0}`")]
    Lacks(String),
    /// It is another package.
    #[error("`{0}` is not the folder of `{1}`, of which the wheel has its name")]
    OtherFolder(String, String),
    /// Its metadata is that of another package, or of another version.
    #[error("`{entry}` says `{field}: {found}`, and the name of the wheel says `{expected}`")]
    Other {
        /// Where it says so.
        entry: String,
        /// What it speaks of.
        field: &'static str,
        /// What it says.
        found: String,
        /// What the name says.
        expected: String,
    },
    /// Its form is of a later time.
    #[error("`{entry}` says `Wheel-Version: {found}`; this builder knows version 1")]
    WheelVersion {
        /// Where it says so.
        entry: String,
        /// What it says.
        found: String,
    },
    /// A file whose place nobody knows.
    #[error(
        "`{0}` has no place: a wheel's `.data` holds `purelib`, `platlib`, `headers`, `scripts` and `data`"
    )]
    Scheme(String),
    /// RECORD says something else.
    #[error("`{entry}` is not what RECORD says: expected {expected}, found {found}")]
    Differs {
        /// The file.
        entry: String,
        /// By RECORD.
        expected: String,
        /// In fact.
        found: String,
    },
    /// RECORD hashes it in a way that proves nothing.
    #[error("RECORD hashes `{entry}` with `{hash}`: expected sha256, sha384 or sha512")]
    Hash {
        /// The file.
        entry: String,
        /// What stands there.
        hash: String,
    },
    /// RECORD does not know it.
    #[error("`{0}` is not in RECORD")]
    Unlisted(String),
    /// RECORD knows it, and it is not there.
    #[error("RECORD lists `{0}`, which is not there")]
    Absent(String),
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Differs { .. } | Self::Hash { .. } | Self::Unlisted(_) | Self::Absent(_) => Some(
                "somebody has changed it after it was made: take another version; in a wheel of your own, `wheel unpack` \
                 and `wheel pack` bring RECORD up to date"
                    .to_owned(),
            ),
            Self::Zip(_) | Self::WheelVersion { .. } => None,
            _ => Some("it was not made as wheels are: take another version, or build it anew".to_owned()),
        }
    }
}

/// Checks the wheel `zip`, which is called `file_name`; gives what was seen of its compiled code on the way.
pub fn check(zip: &ZipFile, file_name: &str) -> Result<Facts, Error> {
    let name = WheelName::parse(file_name).map_err(|_| Error::Name)?;
    if let Some(entry) = zip.entries().iter().find(|entry| has_no_scheme(&entry.path)) {
        return Err(Error::Scheme(entry.path.clone()));
    }
    let info = dist_info(zip)?;
    let find = |file: &str| {
        let path = format!("{info}/{file}");
        zip.entries().iter().find(|entry| entry.path == path).ok_or(Error::Lacks(path))
    };
    check_identity(&name, zip, find("METADATA")?, info)?;
    check_version(zip, find("WHEEL")?)?;
    check_record(zip, find("RECORD")?, info)
}

/// The one folder at the top that says what the wheel is.
fn dist_info(zip: &ZipFile) -> Result<&str, Error> {
    let folders = zip.entries().iter().filter_map(|entry| Some(entry.path.split_once('/')?.0));
    let mut infos = folders.filter(|folder| folder.ends_with(".dist-info"));
    let one = infos.next().ok_or(Error::NoDistInfo)?;
    match infos.find(|other| *other != one) {
        None => Ok(one),
        Some(other) => Err(Error::TwoDistInfos { one: one.to_owned(), other: other.to_owned() }),
    }
}

/// Folder and metadata have to be those of the package that the wheel's name names.
fn check_identity(name: &WheelName, zip: &ZipFile, metadata: &Entry, info: &str) -> Result<(), Error> {
    let own = normalised(&name.distribution);
    let differs = |field: &'static str, found: &str, expected: &str| Error::Other {
        entry: metadata.path.clone(),
        field,
        found: found.to_owned(),
        expected: expected.to_owned(),
    };
    if !normalised(info).strip_prefix(&own).is_some_and(|rest| rest.starts_with('-')) {
        return Err(Error::OtherFolder(info.to_owned(), name.distribution.clone()));
    }
    let content = zip.content(metadata)?;
    let text = String::from_utf8_lossy(&content);
    let (found, version) = (header(&text, "name"), header(&text, "version"));
    if normalised(found) != own {
        return Err(differs("Name", found, &name.distribution));
    }
    if !is_same_version(version, &name.version) {
        return Err(differs("Version", version, &name.version));
    }
    Ok(())
}

/// The value of a header, by its name in lower case; empty if there is none.
fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let headers = text.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(':'));
    headers
        .into_iter()
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map_or("", |(_, value)| value.trim())
}

/// Whether two versions are one by PEP 440; those of old times have to be equal.
fn is_same_version(one: &str, other: &str) -> bool {
    match (Version::from_str(one), Version::from_str(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => normalised(one) == normalised(other),
    }
}

fn check_version(zip: &ZipFile, entry: &Entry) -> Result<(), Error> {
    let content = zip.content(entry)?;
    let text = String::from_utf8_lossy(&content);
    let found = header(&text, "wheel-version");
    if found.split('.').next() == Some("1") {
        return Ok(());
    }
    Err(Error::WheelVersion { entry: entry.path.clone(), found: found.to_owned() })
}

/// Unpacks everything and holds it against RECORD.
fn check_record(zip: &ZipFile, record: &Entry, info: &str) -> Result<Facts, Error> {
    let mut facts = Facts::default();
    let content = zip.content(record)?;
    let text = String::from_utf8_lossy(&content);
    // Folders need no line; some have one.
    let files = rows(&text).filter(|row| !row.path.ends_with('/'));
    let mut listed: HashMap<String, Row> = files.map(|row| (row.path.clone(), row)).collect();
    // These cannot be in it, or need not be.
    for exempt in ["RECORD", "RECORD.jws", "RECORD.p7s"] {
        listed.remove(&format!("{info}/{exempt}"));
    }
    for entry in zip.entries() {
        let in_info = entry.path.strip_prefix(info).and_then(|rest| rest.strip_prefix('/'));
        if matches!(in_info, Some("RECORD" | "RECORD.jws" | "RECORD.p7s")) {
            zip.look(entry, |_| ())?;
            continue;
        }
        let row = listed.remove(&entry.path).ok_or_else(|| Error::Unlisted(entry.path.clone()))?;
        zip.look(entry, |content| {
            facts.see(entry, content);
            check_row(entry, row, content)
        })??;
    }
    match listed.into_keys().min() {
        None => Ok(facts),
        Some(absent) => Err(Error::Absent(absent)),
    }
}

/// Holds a file against its line of RECORD.
fn check_row(entry: &Entry, row: Row, content: &[u8]) -> Result<(), Error> {
    let differs =
        |expected: String, found: String| Err(Error::Differs { entry: entry.path.clone(), expected, found });
    if !row.hash.is_empty() {
        let found = same_hash(&row.hash, content)
            .ok_or_else(|| Error::Hash { entry: entry.path.clone(), hash: row.hash.clone() })?;
        // Some write the padding of base64, which does not belong there.
        if row.hash.trim_end_matches('=') != found {
            return differs(row.hash, found);
        }
    }
    if !row.size.is_empty() && row.size.parse() != Ok(content.len() as u64) {
        return differs(format!("{} bytes", row.size), format!("{} bytes", content.len()));
    }
    Ok(())
}
