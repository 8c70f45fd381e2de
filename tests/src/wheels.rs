//! Wheels to order, broken ones too: a zip writer with a knob for everything that can be wrong.

use libdeflater::{CompressionLvl, Compressor};
use sha2::{Digest, Sha256};

/// A file to be put into a zip, well or badly.
#[derive(Clone, Debug)]
pub struct ZipEntry {
    /// The bytes of its name.
    pub name: Vec<u8>,
    /// The name in the local header, if it is to be another one.
    pub local_name: Option<Vec<u8>>,
    /// What is in it.
    pub content: Vec<u8>,
    /// The method in the headers; 8 is compressed, everything else stands there as it is.
    pub method: u16,
    /// Flag bits of the headers.
    pub flags: u16,
    /// Unix mode, with the kind of file.
    pub mode: u32,
    /// The CRC, if it is to be a wrong one.
    pub crc32: Option<u32>,
    /// The unpacked size, if it is to be a wrong one.
    pub size: Option<u32>,
    /// An extra field of the local header.
    pub local_extra: Vec<u8>,
    /// Sizes in the extra fields of zip64, in both headers.
    pub zip64: bool,
}

/// A good file.
pub fn file(name: &str, content: impl AsRef<[u8]>) -> ZipEntry {
    ZipEntry {
        name: name.as_bytes().to_vec(),
        local_name: None,
        content: content.as_ref().to_vec(),
        method: 8,
        flags: 0,
        mode: 0o100_644,
        crc32: None,
        size: None,
        local_extra: Vec::new(),
        zip64: false,
    }
}

/// A zip of `entries`, in their order. An entry with flag bit 3 gets a data descriptor.
pub fn zip(entries: &[ZipEntry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let offset = u32::try_from(bytes.len()).expect("tests make small zips");
        let stored = if entry.method == 8 { deflated(&entry.content) } else { entry.content.clone() };
        let crc32 = entry.crc32.unwrap_or_else(|| crc32fast::hash(&entry.content));
        let length = |length: usize| u32::try_from(length).expect("tests make small zips");
        let size = entry.size.unwrap_or_else(|| length(entry.content.len()));
        let streamed = entry.flags & 8 != 0;
        let sizes = [crc32, length(stored.len()), size];
        let local_name = entry.local_name.as_ref().unwrap_or(&entry.name);
        // Field 1 of the extra fields: the size of the file, then what is stored.
        let zip64 =
            [&[1, 0, 16, 0][..], &u64::from(size).to_le_bytes(), &(stored.len() as u64).to_le_bytes()];
        let (shown, zip64) =
            if entry.zip64 { ([crc32, u32::MAX, u32::MAX], zip64.concat()) } else { (sizes, Vec::new()) };
        let local_extra = [&entry.local_extra[..], &zip64].concat();
        bytes.extend_from_slice(b"PK\x03\x04");
        bytes.extend(header(
            entry,
            if streamed { [0; 3] } else { shown },
            local_name.len(),
            local_extra.len(),
        ));
        bytes.extend_from_slice(local_name);
        bytes.extend_from_slice(&local_extra);
        bytes.extend_from_slice(&stored);
        if streamed {
            bytes.extend_from_slice(b"PK\x07\x08");
            bytes.extend(sizes.iter().flat_map(|value| value.to_le_bytes()));
        }
        directory.extend_from_slice(b"PK\x01\x02\x14\x03");
        directory.extend(header(entry, shown, entry.name.len(), zip64.len()));
        directory.extend_from_slice(&[0; 6]);
        directory.extend_from_slice(&(entry.mode << 16).to_le_bytes());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(&entry.name);
        directory.extend_from_slice(&zip64);
    }
    let count = u16::try_from(entries.len()).expect("tests make small zips").to_le_bytes();
    let start = u32::try_from(bytes.len()).expect("tests make small zips").to_le_bytes();
    let size = u32::try_from(directory.len()).expect("tests make small zips").to_le_bytes();
    bytes.extend(directory);
    for part in [&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &size, &start, &[0, 0]] {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// The part that local header and directory have in common, dated 2024-05-06.
fn header(entry: &ZipEntry, sizes: [u32; 3], name: usize, extra: usize) -> Vec<u8> {
    let short = |length: usize| u16::try_from(length).expect("tests use short names").to_le_bytes();
    let mut bytes = Vec::new();
    for value in [20, entry.flags, entry.method, 0x6000, 0x58a6] {
        bytes.extend(u16::to_le_bytes(value));
    }
    bytes.extend(sizes.iter().flat_map(|value| value.to_le_bytes()));
    bytes.extend(short(name));
    bytes.extend(short(extra));
    bytes
}

fn deflated(content: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::default());
    let mut stream = vec![0; compressor.deflate_compress_bound(content.len())];
    let size = compressor.deflate_compress(content, &mut stream).expect("the bound holds");
    stream.truncate(size);
    stream
}

/// A wheel with its name.
#[derive(Clone, Debug)]
pub struct TestWheel {
    /// The distribution's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `name-version-py3-none-any.whl`
    pub file_name: String,
    /// The zip.
    pub bytes: Vec<u8>,
}

impl TestWheel {
    /// SHA-256 of the file, in hex.
    pub fn sha256(&self) -> String {
        sha256(&self.bytes)
    }
}

/// A pure wheel of `name`, with `entries` before its metadata. RECORD lists them without hashes.
pub fn wheel(name: &str, version: &str, entries: &[ZipEntry]) -> TestWheel {
    wheel_with(name, version, "", entries)
}

/// The same, with more lines in its `METADATA`.
pub fn wheel_with(name: &str, version: &str, metadata: &str, entries: &[ZipEntry]) -> TestWheel {
    let info = format!("{name}-{version}.dist-info");
    let mut all = entries.to_vec();
    all.push(file(
        &format!("{info}/METADATA"),
        format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}"),
    ));
    all.push(file(
        &format!("{info}/WHEEL"),
        "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    ));
    let names = all.iter().map(|entry| format!("{},,\n", String::from_utf8_lossy(&entry.name)));
    let record = names.collect::<String>() + &format!("{info}/RECORD,,\n");
    all.push(file(&format!("{info}/RECORD"), record));
    bare_wheel(name, version, &all)
}

/// A wheel of `name`, of exactly these entries; what its metadata and RECORD say is theirs to know.
pub fn bare_wheel(name: &str, version: &str, entries: &[ZipEntry]) -> TestWheel {
    TestWheel {
        name: name.to_owned(),
        version: version.to_owned(),
        file_name: format!("{name}-{version}-py3-none-any.whl"),
        bytes: zip(entries),
    }
}

/// SHA-256 in hex.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
