//! Which versions the files of the work tree name. A file that cannot be read may name any.

use std::path::Path;

use template_tools::ledger::LayerPlace;
use template_tools::tree::scan::{Needles, scan};

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

/// Reads every file below the folder, as git sees it.
pub(super) fn ask(root: &Path, places: &[LayerPlace]) -> Tree {
    let names =
        places.iter().map(|place| place.layer_name.as_str()).collect::<std::collections::BTreeSet<_>>();
    let mut tree = Tree::default();
    let needles = match Needles::new(names) {
        Ok(needles) => needles,
        Err(error) => {
            tree.failures.push(error.to_string());
            return tree;
        }
    };
    let scanned = scan(&[root.to_owned()], &needles, |path, bytes| {
        let text = String::from_utf8_lossy(bytes);
        let is_template = path
            .extension()
            .is_some_and(|ending| ["yaml", "yml", "json", "template"].iter().any(|known| ending == *known));
        let of_place = |place: &LayerPlace| match is_template {
            true => naming::in_template(&text, place, None),
            false => naming::in_text(&text, place),
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
