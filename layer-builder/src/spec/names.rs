//! Names of files. Those of layers, of their variants and of zips for one architecture lie side by side: none of them may
//! be written over another.

use std::collections::BTreeMap;

use crate::config::LayerTable;

/// The variant without companions: `sosw-raw`.
pub(super) const RAW: &str = "raw";

/// What of `layer` has files of this name, if it is not the layer itself; branches are not asked about.
pub(crate) fn made_by(layer: &LayerTable, name: &str) -> Option<String> {
    let variant = variant(name, layer)?;
    let raw = || format!("the variant `--{RAW}`");
    if variant == RAW {
        return Some(raw());
    }
    let (whose, architecture) = match variant.strip_prefix(RAW).and_then(|rest| rest.strip_prefix('-')) {
        Some(architecture) => (raw(), architecture),
        None => ("the zip".to_owned(), variant),
    };
    layer.zip_for(architecture).map(|architecture| format!("{whose} for {architecture}"))
}

/// What else than the variant of a branch has files of this name.
pub(super) fn owner(
    artifact: &str,
    layer: &LayerTable,
    layers: &BTreeMap<String, LayerTable>,
    is_raw: bool,
) -> Option<String> {
    if layers.contains_key(artifact) {
        return Some("another layer".to_owned());
    }
    let variant = variant(artifact, layer).filter(|_| !is_raw)?;
    if variant.split('-').next() == Some(RAW) {
        return Some(format!("the variant `--{RAW}`"));
    }
    made_by(layer, artifact)
}

fn variant<'a>(name: &'a str, layer: &LayerTable) -> Option<&'a str> {
    name.strip_prefix(layer.name.as_str())?.strip_prefix('-')
}

/// A branch as a part of a file's and of a layer's name.
pub(super) fn slug(branch: &str) -> String {
    let allowed = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let slug: String =
        branch.chars().map(|character| if allowed(character) { character } else { '-' }).collect();
    slug.trim_matches('-').chars().take(60).collect()
}
