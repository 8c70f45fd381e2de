//! Zips that are made here, by our own compressor: what was built, and other files of the layer.

use libdeflater::{CompressionLvl, Compressor};

use crate::zip_reader::{self, Method, ZipFile};
use crate::zip_writer::{File, Writer};

/// A file to be packed.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    /// Its path in the zip.
    pub(crate) path: String,
    /// Whether its owner may execute it.
    pub(crate) executable: bool,
    /// What is in it.
    pub(crate) content: Vec<u8>,
}

/// A canonical zip of `files`, which are sorted here.
pub(crate) fn pack_files(mut files: Vec<Packed>) -> std::io::Result<Vec<u8>> {
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let mut compressor = Compressor::new(CompressionLvl::best());
    let mut writer = Writer::new(Vec::new());
    for file in &files {
        let mut stream = vec![0; compressor.deflate_compress_bound(file.content.len())];
        let size = compressor.deflate_compress(&file.content, &mut stream).unwrap_or(usize::MAX);
        let (method, stored) = match stream.get(..size) {
            Some(stream) if size < file.content.len() => (Method::Deflated, stream),
            _ => (Method::Stored, file.content.as_slice()),
        };
        let entry = File {
            path: &file.path,
            executable: file.executable,
            method,
            crc32: crc32fast::hash(&file.content),
            size: file.content.len() as u64,
        };
        writer.add(&entry, stored)?;
    }
    Ok(writer.finish()?.inner)
}

/// `zip` in the canonical form and by our own compressor.
pub(crate) fn pack(zip: &ZipFile) -> Result<Vec<u8>, zip_reader::Error> {
    let files = zip.entries().iter().map(|entry| {
        Ok(Packed { path: entry.path.clone(), executable: entry.executable, content: zip.content(entry)? })
    });
    let files = files.collect::<Result<Vec<_>, zip_reader::Error>>()?;
    pack_files(files).map_err(|source| zip_reader::Error::Io { path: zip.path().to_path_buf(), source })
}
