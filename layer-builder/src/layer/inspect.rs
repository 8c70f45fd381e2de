//! What is inside a layer's zip: packages, files, sizes. It reads layers that others have built, too, unless they hold
//! what a wheel may not hold either (links, names twice).

pub mod audited;
mod diff;
pub mod published;
mod table;

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use serde::Serialize;

pub use diff::{Change, Diff};

use super::bytecode::source_of;
use super::licence;
use super::metadata::Metadata;
use crate::hash::Sha256;
use crate::wheels::elf::{Native, may_be_native};
use crate::wheels::record::{Row, rows};
use crate::wheels::wheel::{place, place_of_program};
use crate::zip_reader::{Entry, Error, ZipFile, hash_of};

/// What a zip holds.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// Its hash, in hex.
    pub sha256: Sha256,
    /// The same in base64, as AWS shows it.
    pub code_sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// What it unpacks to, in bytes.
    pub unzipped_size: u64,
    /// How many files there are.
    pub files: usize,
    /// The packages, the largest first.
    pub packages: Vec<Package>,
    /// Files that belong to no package.
    pub other: Option<Share>,
    /// Every file, by path.
    #[serde(skip)]
    pub contents: Vec<Content>,
}

/// A file in a zip.
#[derive(Clone, Debug)]
pub struct Content {
    /// Its path.
    pub path: String,
    /// The package that it belongs to.
    pub package: Option<usize>,
    /// Its size, in bytes.
    pub size: u64,
    /// What it takes in the zip, in bytes.
    pub zipped_size: u64,
    /// Its CRC-32.
    pub crc32: u32,
    /// Whether it is marked as executable.
    pub executable: bool,
}

/// A package in a zip.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Package {
    /// Its name, as its metadata has it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence as an SPDX expression, if its metadata tells.
    pub license: Option<String>,
    /// Whether it holds compiled code.
    pub native: bool,
    /// Its part of the unzipped size, in percent, with one decimal.
    pub percent: f64,
    /// What it takes.
    #[serde(flatten)]
    pub share: Share,
    /// What it requires, as its metadata has it.
    #[serde(skip)]
    pub requires: Vec<String>,
    /// What it says of itself.
    #[serde(skip)]
    pub summary: Option<String>,
}

/// What some files take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// How many they are.
    pub files: usize,
    /// Their size in the zip, in bytes, without headers.
    pub zipped_size: u64,
    /// Their size unpacked, in bytes.
    pub unzipped_size: u64,
}

impl Share {
    fn add(&mut self, entry: &Entry) {
        self.files += 1;
        self.zipped_size += entry.compressed_size;
        self.unzipped_size += entry.size;
    }
}

/// Looks into the zip at `path`.
pub fn inspect(path: &Path) -> Result<Inspection, Error> {
    let io = |source| Error::Io { path: path.to_path_buf(), source };
    inspect_known(path, File::open(path).and_then(|file| hash_of(&file)).map_err(io)?)
}

/// Looks into the zip at `path`, whose hash is known.
pub fn inspect_known(path: &Path, sha256: Sha256) -> Result<Inspection, Error> {
    let io = |source| Error::Io { path: path.to_path_buf(), source };
    let zip = ZipFile::open(path)?;
    let size = std::fs::metadata(path).map_err(io)?.len();

    let by_path: HashMap<&str, &Entry> =
        zip.entries().iter().map(|entry| (entry.path.as_str(), entry)).collect();
    let mut packages = Vec::new();
    let mut owner: HashMap<String, usize> = HashMap::new();
    for entry in zip.entries() {
        let Some((folder, "METADATA")) = entry.path.rsplit_once('/') else { continue };
        let Some(site) =
            folder.strip_suffix(".dist-info").map(|name| &name[..name.rfind('/').map_or(0, |at| at + 1)])
        else {
            continue;
        };
        let metadata = Metadata::parse(&zip.content(entry)?);
        let record = by_path.get(format!("{folder}/RECORD").as_str());
        if let Some(record) = record {
            let record = zip.content(record)?;
            for Row { path: file, .. } in rows(&String::from_utf8_lossy(&record)) {
                // The RECORD is the wheel's own: it names files as they lay there.
                let program = place_of_program(&file);
                let placed = program.as_deref().or_else(|| place(&file)).unwrap_or(&file);
                owner.entry(format!("{site}{placed}")).or_insert(packages.len());
            }
        }
        // Its own folder belongs to it whatever RECORD says.
        let own = zip.entries().iter().filter(|entry| entry.path.starts_with(&format!("{folder}/")));
        owner.extend(own.map(|entry| (entry.path.clone(), packages.len())));
        packages.push(Package {
            license: licence::of(&metadata),
            name: metadata.name,
            version: metadata.version,
            requires: metadata.requires_dist,
            summary: metadata.summary,
            native: false,
            percent: 0.0,
            share: Share::default(),
        });
    }
    let mut other = Share::default();
    let mut contents = Vec::with_capacity(zip.entries().len());
    for entry in zip.entries() {
        // No RECORD names bytecode that was added later.
        let of_source = || owner.get(&source_of(&entry.path)?);
        let package = owner.get(&entry.path).or_else(of_source).copied();
        match package {
            Some(package) => {
                packages[package].share.add(entry);
                packages[package].native |= is_library(&entry.path) || is_program(&zip, entry)?;
            }
            None => other.add(entry),
        }
        contents.push(Content {
            path: entry.path.clone(),
            package,
            size: entry.size,
            zipped_size: entry.compressed_size,
            crc32: entry.crc32,
            executable: entry.executable,
        });
    }
    let unzipped_size: u64 = contents.iter().map(|content| content.size).sum();
    for package in &mut packages {
        package.percent = percent(package.share.unzipped_size, unzipped_size);
    }
    // The largest first; files still have to find theirs.
    let mut order: Vec<usize> = (0..packages.len()).collect();
    order.sort_by_key(|&index| {
        (std::cmp::Reverse(packages[index].share.unzipped_size), packages[index].name.clone())
    });
    let mut rank = vec![0; order.len()];
    order.iter().enumerate().for_each(|(place, &index)| rank[index] = place);
    for content in &mut contents {
        content.package = content.package.map(|index| rank[index]);
    }
    let packages = order.iter().map(|&index| packages[index].clone()).collect();
    contents.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(Inspection {
        sha256,
        code_sha256: sha256.base64(),
        size,
        unzipped_size,
        files: contents.len(),
        packages,
        other: (other.files > 0).then_some(other),
        contents,
    })
}

/// A part of a whole in percent, with one decimal.
pub fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 * 1000.0 / whole as f64).round() / 10.0 }
}

fn is_library(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.ends_with(".so") || name.contains(".so.")
}

/// Programs tell by their content only what they are; few files have to be read for that.
fn is_program(zip: &ZipFile, entry: &Entry) -> Result<bool, Error> {
    let may_be = may_be_native(&entry.path, entry.executable) && !is_library(&entry.path);
    Ok(may_be && Native::read(&zip.content(entry)?) != Native::Other)
}
