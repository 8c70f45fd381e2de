//! Which versions the files of the work tree name. A file that cannot be read may name any.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use template_tools::ledger::{FILE_NAME as LEDGER, LayerPlace};
use template_tools::tree::needles::Needles;
use template_tools::tree::scan::{Sight, scan_with};

use super::ask::Naming;
use super::naming;
use super::plan::Reason;

/// What the files say.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Who names what.
    pub(super) named: Vec<Naming>,
    /// Files that could not be read, and why.
    pub(super) failures: Vec<String>,
    /// What may name a version, and does not tell which: parameters without a default, placeholders.
    pub(super) unclear: Vec<String>,
}

/// What is no template is looked at up to this size, in bytes: whoever writes versions by hand writes less.
const LARGEST_TEXT: u64 = 4 << 20;

/// Other tools deploy layers too, from files of whatever name. The ledger is asked by itself.
fn is_text(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name != LEDGER)
        && path.metadata().is_ok_and(|metadata| metadata.len() <= LARGEST_TEXT)
}

/// The letters of a file, of UTF-16 too.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        let letters = bytes.iter().copied().filter(|byte| *byte != 0).collect::<Vec<_>>();
        return Cow::Owned(String::from_utf8_lossy(&letters).into_owned());
    }
    String::from_utf8_lossy(bytes)
}

/// Reads every file below the folder, as git sees it.
pub(super) fn ask(root: &Path, places: &[LayerPlace]) -> Tree {
    let names = places.iter().map(|place| place.layer_name.as_str()).collect::<BTreeSet<_>>();
    let mut tree = Tree::default();
    let needles = match Needles::new(names) {
        Ok(needles) => needles,
        Err(error) => {
            tree.failures.push(error.to_string());
            return tree;
        }
    };
    let scanned = scan_with(&[root.to_owned()], &needles, Sight::Git, is_text, |path, bytes| {
        let text = text_of(bytes);
        let is_template = path
            .extension()
            .is_some_and(|ending| ["yaml", "yml", "json", "template"].iter().any(|known| ending == *known));
        let of_place = |place: &LayerPlace| {
            if is_template { naming::in_template(&text, place, None) } else { naming::in_text(&text, place) }
        };
        places.iter().map(|place| (place.clone(), of_place(place))).collect::<Vec<_>>()
    });
    for (path, namings) in scanned.files {
        let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        for (place, naming) in namings {
            let reason = || Reason::File(shown.clone());
            let named = naming.versions.into_iter();
            tree.named.extend(named.map(|version| Naming {
                place: place.clone(),
                version,
                reason: reason(),
            }));
            tree.unclear.extend(naming.unclear.map(|what| format!("{shown}: {what}")));
        }
    }
    tree.failures.extend(scanned.errors.iter().map(|error| format!("{error}: {}", error.source)));
    tree.unclear.sort();
    tree.unclear.dedup();
    tree
}
