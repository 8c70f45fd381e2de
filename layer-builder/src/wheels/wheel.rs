//! A wheel: its entries, and where each belongs in the layer.

use std::fs::File;
use std::path::Path;

use crate::zip_reader::{Entry, Error, ZipFile};

/// An open wheel.
#[derive(Debug)]
pub struct Wheel {
    zip: ZipFile,
    /// Entries that belong in the layer, and where in their paths those below `site-packages` begin.
    placed: Vec<(usize, usize)>,
    /// Entries of `.data/scripts` that are programs and belong in the layer, and their paths there.
    programs: Vec<(usize, String)>,
    /// Entries of `.data/scripts` that do not.
    scripts: Vec<usize>,
}

impl Wheel {
    /// Reads an open wheel that lies at `path`; what does not belong in a layer is left out.
    pub fn read(path: &Path, file: File) -> Result<Self, Error> {
        let mut zip = ZipFile::read(path, file)?;
        let scripts = zip.entries().iter().enumerate().filter(|(_, entry)| script(&entry.path).is_some());
        let scripts: Vec<usize> = scripts.map(|(index, _)| index).collect();
        // Installers make them so, whatever the wheel says.
        for &index in &scripts {
            zip.make_executable(index);
        }
        let place =
            |(index, entry): (usize, &Entry)| Some((index, entry.path.len() - place(&entry.path)?.len()));
        let placed = zip.entries().iter().enumerate().filter_map(place).collect();
        Ok(Self { zip, placed, programs: Vec::new(), scripts })
    }

    /// Reads an open zip that is no wheel: every file of it belongs in the layer, at its own path.
    pub fn read_plain(path: &Path, file: File) -> Result<Self, Error> {
        let zip = ZipFile::read(path, file)?;
        let placed = (0..zip.entries().len()).map(|index| (index, 0)).collect();
        Ok(Self { zip, placed, programs: Vec::new(), scripts: Vec::new() })
    }

    /// The files that belong in the layer, each with its path below `site-packages`.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Entry)> {
        let entries = self.zip.entries();
        let placed =
            self.placed.iter().map(|&(index, start)| (&entries[index].path[start..], &entries[index]));
        placed.chain(self.programs.iter().map(|(index, path)| (path.as_str(), &entries[*index])))
    }

    /// Its scripts that do not belong in the layer.
    pub fn scripts(&self) -> impl Iterator<Item = &Entry> {
        self.scripts.iter().map(|&index| &self.zip.entries()[index])
    }

    /// Lets those of its scripts that `are_programs` belong in the layer.
    pub fn take_scripts(&mut self, are_programs: impl Fn(&Entry) -> bool) {
        let entries = self.zip.entries();
        let (taken, left) = self.scripts.iter().partition(|&&index| are_programs(&entries[index]));
        let taken: Vec<usize> = taken;
        let place = |index: usize| Some((index, place_of_program(&entries[index].path)?));
        self.programs.extend(taken.into_iter().filter_map(place));
        self.scripts = left;
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

/// Where programs go, beside the packages, as `pip install --target` has it. Packages that start their own look there.
const PROGRAMS: &str = "bin/";

/// The name of a file in `.data/scripts`.
pub(crate) fn script(path: &str) -> Option<&str> {
    let (first, inside) = path.split_once('/')?;
    inside.strip_prefix("scripts/").filter(|_| first.ends_with(".data"))
}

/// Where a file of a wheel goes if it is a program.
pub(crate) fn place_of_program(path: &str) -> Option<String> {
    Some(format!("{PROGRAMS}{}", script(path)?))
}

/// Where a file of a wheel goes, below `site-packages`: the end of its path. `None` if it does not belong in a layer.
///
/// `<name>.data/` spreads as PEP 427 says, and as `pip install --target` does it. Headers are of no use in a layer, nor
/// are scripts, which need an installer to write their first line, unless they are programs; bytecode and the notes of
/// installers depend on the machine.
pub(crate) fn place(path: &str) -> Option<&str> {
    let path = match path.split_once('/') {
        Some((first, inside)) if first.ends_with(".data") => match inside.split_once('/')? {
            ("purelib" | "platlib" | "data", rest) => rest,
            _ => return None,
        },
        _ => path,
    };
    let is_bytecode = path.ends_with(".pyc")
        || path.contains("__pycache__") && path.split('/').any(|part| part == "__pycache__");
    let is_note = || {
        let name = path.rsplit('/').next().unwrap_or_default();
        matches!(name, "INSTALLER" | "REQUESTED" | "direct_url.json" | "uv_build.json" | "uv_cache.json")
    };
    let in_dist_info = path.split_once('/').is_some_and(|(first, _)| first.ends_with(".dist-info"));
    let stays_out = is_bytecode || in_dist_info && is_note();
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
        assert_eq!(place("some.data"), Some("some.data"));
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
