//! A wheel: its entries, and where each belongs in the layer.

use std::fs::File;
use std::path::Path;

use crate::zip_reader::{Entry, Error, ZipFile};

/// An open wheel.
#[derive(Debug)]
pub struct Wheel {
    zip: ZipFile,
    placed: Vec<(usize, String)>,
}

impl Wheel {
    /// Reads an open wheel that lies at `path`; what does not belong in a layer is left out.
    pub fn read(path: &Path, file: File) -> Result<Self, Error> {
        let zip = ZipFile::read(path, file)?;
        let place = |(index, entry): (usize, &Entry)| Some((index, place(&entry.path)?.to_owned()));
        let placed = zip.entries().iter().enumerate().filter_map(place).collect();
        Ok(Self { zip, placed })
    }

    /// Reads an open zip that is no wheel: every file of it belongs in the layer, at its own path.
    pub fn read_plain(path: &Path, file: File) -> Result<Self, Error> {
        let zip = ZipFile::read(path, file)?;
        let placed =
            zip.entries().iter().enumerate().map(|(index, entry)| (index, entry.path.clone())).collect();
        Ok(Self { zip, placed })
    }

    /// The files that belong in the layer, each with its path below `site-packages`.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.placed.iter().map(|(index, path)| (path.as_str(), &self.zip.entries()[*index]))
    }

    /// The zip that it is.
    pub fn zip(&self) -> &ZipFile {
        &self.zip
    }
}

/// What may lie in the `.data` folder of a wheel, by the specification of wheels.
const SCHEMES: &[&str] = &["data", "headers", "platlib", "purelib", "scripts"];

/// Whether a file of a wheel lies in a `.data` folder, but in none of those that may be there.
pub(crate) fn has_no_scheme(path: &str) -> bool {
    match path.split_once('/') {
        Some((first, inside)) if first.ends_with(".data") => {
            !inside.split_once('/').is_some_and(|(scheme, _)| SCHEMES.contains(&scheme))
        }
        _ => false,
    }
}

/// Where a file of a wheel goes, below `site-packages`; `None` if it does not belong in a layer.
///
/// `<name>.data/` spreads as PEP 427 says, and as `pip install --target` does it. Scripts and headers are of no use in
/// a layer; bytecode and the notes of installers depend on the machine.
pub(crate) fn place(path: &str) -> Option<&str> {
    let mut path = path;
    let first = path.split('/').next().unwrap_or_default();
    if let Some(inside) = first.ends_with(".data").then(|| &path[first.len()..]) {
        let (scheme, rest) = inside.trim_start_matches('/').split_once('/')?;
        path = match scheme {
            "purelib" | "platlib" | "data" => rest,
            _ => return None,
        };
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_bytecode = name.ends_with(".pyc") || path.split('/').any(|part| part == "__pycache__");
    let in_dist_info = path.split('/').next().unwrap_or_default().ends_with(".dist-info");
    let is_note =
        matches!(name, "INSTALLER" | "REQUESTED" | "direct_url.json" | "uv_build.json" | "uv_cache.json");
    let stays_out = is_bytecode || in_dist_info && is_note;
    (!stays_out).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_where_an_installer_puts_them() {
        assert_eq!(place("six.py"), Some("six.py"));
        assert_eq!(place("pkg-1.data/purelib/pkg/a.py"), Some("pkg/a.py"));
        assert_eq!(place("pkg-1.data/platlib/pkg/a.so"), Some("pkg/a.so"));
        assert_eq!(place("pkg-1.data/data/share/x.json"), Some("share/x.json"));
        assert_eq!(place("pkg/some.data"), Some("pkg/some.data"));
        assert_eq!(place("pkg/direct_url.json"), Some("pkg/direct_url.json"));
    }

    #[test]
    fn only_known_folders_of_data_have_a_place() {
        for path in ["a-1.data/x", "a-1.data/unknown/x", "a-1.data/purelibs/x"] {
            assert!(has_no_scheme(path), "{path}");
        }
        for path in ["a-1.data/purelib/x", "a-1.data/headers/a/b.h", "a/b.data/x", "a.data", "a.py"] {
            assert!(!has_no_scheme(path), "{path}");
        }
    }

    #[test]
    fn what_depends_on_a_machine_stays_out() {
        for path in [
            "pkg-1.data/scripts/tool",
            "pkg-1.data/headers/a.h",
            "pkg/__pycache__/a.cpython-312.pyc",
            "pkg/a.pyc",
            "pkg-1.dist-info/INSTALLER",
            "pkg-1.dist-info/direct_url.json",
            "pkg-1.data/purelib/pkg/__pycache__/a.py",
        ] {
            assert_eq!(place(path), None, "{path}");
        }
        for kept in ["METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"] {
            let path = format!("pkg-1.dist-info/{kept}");
            assert_eq!(place(&path), Some(path.as_str()));
        }
    }
}
