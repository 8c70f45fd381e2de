//! What is inside a layer's zip: packages, files, sizes. It reads layers that others have built, too, unless they hold
//! what a wheel may not hold either (links, names twice).

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

use serde::Serialize;

use crate::hash::Sha256;
use crate::ui::{counted, megabytes};
use crate::wheels::wheel::place;
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
}

/// A package in a zip.
#[derive(Clone, Debug, Serialize)]
pub struct Package {
    /// Its name, as its metadata has it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it takes.
    #[serde(flatten)]
    pub share: Share,
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
    let sha256 = File::open(path).and_then(|file| hash_of(&file)).map_err(io)?;
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
        let metadata = zip.content(entry)?;
        let (name, version) = name_and_version(&String::from_utf8_lossy(&metadata));
        let record = by_path.get(format!("{folder}/RECORD").as_str());
        if let Some(record) = record {
            let record = zip.content(record)?;
            for file in recorded(&String::from_utf8_lossy(&record)) {
                // The RECORD is the wheel's own: it names files as they lay there.
                let placed = place(&file).unwrap_or(&file);
                owner.entry(format!("{site}{placed}")).or_insert(packages.len());
            }
        }
        // Its own folder belongs to it whatever RECORD says.
        let own = zip.entries().iter().filter(|entry| entry.path.starts_with(&format!("{folder}/")));
        owner.extend(own.map(|entry| (entry.path.clone(), packages.len())));
        packages.push(Package { name, version, share: Share::default() });
    }
    let mut other = Share::default();
    for entry in zip.entries() {
        match owner.get(&entry.path) {
            Some(&package) => packages[package].share.add(entry),
            None => other.add(entry),
        }
    }
    packages.sort_by(|one, another| {
        let size = |package: &Package| std::cmp::Reverse(package.share.unzipped_size);
        (size(one), &one.name).cmp(&(size(another), &another.name))
    });
    Ok(Inspection {
        sha256,
        code_sha256: sha256.base64(),
        size,
        unzipped_size: zip.entries().iter().map(|entry| entry.size).sum(),
        files: zip.entries().len(),
        packages,
        other: (other.files > 0).then_some(other),
    })
}

/// The first `Name` and `Version` of core metadata.
fn name_and_version(metadata: &str) -> (String, String) {
    let headers =
        metadata.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(": "));
    let value = |name: &str| {
        let found = headers.clone().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map_or("?", |(_, value)| value.trim()).to_owned()
    };
    (value("Name"), value("Version"))
}

/// The paths of a RECORD: the first column of a CSV file.
fn recorded(record: &str) -> impl Iterator<Item = String> {
    record.lines().filter_map(|line| match line.strip_prefix('"') {
        Some(quoted) => Some(quoted.split("\",").next()?.replace("\"\"", "\"")),
        None => Some(line.split(',').next()?.to_owned()).filter(|path| !path.is_empty()),
    })
}

impl Inspection {
    /// A table of at most 80 columns.
    pub fn table(&self) -> String {
        let mut rows: Vec<[String; 5]> =
            vec![["package", "version", "files", "zipped", "unzipped"].map(str::to_owned)];
        let row = |name: &str, version: &str, share: &Share| {
            [
                shortened(name, 32),
                shortened(version, 16),
                share.files.to_string(),
                megabytes(share.zipped_size),
                megabytes(share.unzipped_size),
            ]
        };
        rows.extend(self.packages.iter().map(|package| row(&package.name, &package.version, &package.share)));
        rows.extend(self.other.iter().map(|other| row("(no package)", "", other)));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 5] = std::array::from_fn(width);
        let mut text = String::new();
        for [name, version, files, zipped, unzipped] in &rows {
            let [first, second, third, fourth, fifth] = widths;
            let _ = writeln!(
                text,
                "{name:<first$}  {version:<second$}  {files:>third$}  {zipped:>fourth$}  {unzipped:>fifth$}"
            );
        }
        let _ = write!(
            text,
            "\n{} in {}\n{} zipped (52.4 MB can be sent directly)\n{} unzipped (limit 262.1 MB)\nsha256 {}\nCodeSha256 {}",
            counted(self.files, "file"),
            counted(self.packages.len(), "package"),
            megabytes(self.size),
            megabytes(self.unzipped_size),
            self.sha256,
            self.code_sha256,
        );
        text
    }
}

fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}
