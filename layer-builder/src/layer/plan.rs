//! The layer as a list: sorted, each path once, each with the wheel that it comes from. Nothing is read here.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use thiserror::Error;

use super::audit::Collision;
use crate::target::PythonVersion;
use crate::wheels::layout::Place;
use crate::wheels::wheel::Wheel;
use crate::zip_reader::Entry;

/// What a plan is made from.
#[derive(Debug)]
pub struct Input {
    /// The wheel, or what is read like one.
    pub wheel: Wheel,
    /// For messages.
    pub name: String,
    /// Where its files go.
    pub place: Place,
}

/// A file of the layer.
#[derive(Clone, Debug)]
pub struct LayerEntry<'a> {
    /// Its path in the zip.
    pub path: String,
    /// Which wheel it is copied from.
    pub wheel: usize,
    /// Which entry of that wheel.
    pub entry: &'a Entry,
}

/// What the zip will hold.
#[derive(Clone, Debug)]
pub struct LayerPlan<'a> {
    /// Its files, sorted by the bytes of their paths.
    pub entries: Vec<LayerEntry<'a>>,
    /// Files that two wheels hold with the same content, and that are taken once.
    pub shared: Vec<Collision>,
    /// Files that two wheels hold with different contents; the first one's is taken. The audit does not let them pass.
    pub collisions: Vec<Collision>,
}

/// Why there can be no such layer.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Error {
    /// What is a file in one wheel is a folder in another.
    #[error("`{path}` is a file in `{file_of}` and a folder in `{folder_of}`")]
    FileAndFolder {
        /// The file.
        path: String,
        /// The wheel in which it is a file.
        file_of: String,
        /// The wheel in which it is a folder.
        folder_of: String,
    },
    /// Nothing to put in.
    #[error("the layer would be empty")]
    Empty,
}

/// Puts the inputs together, for these Python versions.
pub fn plan<'a>(inputs: &'a [Input], pythons: &BTreeSet<PythonVersion>) -> Result<LayerPlan<'a>, Error> {
    let places = kept_together(inputs, pythons);
    let mut entries: Vec<LayerEntry<'_>> = Vec::new();
    for (wheel, (input, place)) in inputs.iter().zip(&places).enumerate() {
        for prefix in prefixes(place) {
            let files = input.wheel.files();
            entries.extend(files.map(|(path, entry)| LayerEntry {
                path: [&prefix, path].concat(),
                wheel,
                entry,
            }));
        }
    }
    // Of two files for one path that of the layer's own comes first, then that of the first package. Most wheels are
    // sorted by and large: a stable sort makes use of that.
    let whose = |entry: &LayerEntry<'_>| (inputs[entry.wheel].place != Place::Top, &inputs[entry.wheel].name);
    entries.sort_by(|one, other| one.path.cmp(&other.path).then_with(|| whose(one).cmp(&whose(other))));
    let (mut shared, mut collisions) = (Vec::new(), Vec::new());
    entries.dedup_by(|next, kept| {
        if next.path != kept.path {
            return false;
        }
        let is_same = (next.entry.crc32, next.entry.size) == (kept.entry.crc32, kept.entry.size);
        let list = if is_same { &mut shared } else { &mut collisions };
        list.push(Collision {
            path: kept.path.clone(),
            taken: inputs[kept.wheel].name.clone(),
            left: inputs[next.wheel].name.clone(),
        });
        true
    });
    if entries.is_empty() {
        return Err(Error::Empty);
    }
    check_folders(&entries, inputs)?;
    Ok(LayerPlan { entries, shared, collisions })
}

/// The folders of a place.
fn prefixes(place: &Place) -> Vec<String> {
    match place {
        Place::Everywhere => vec!["python/".to_owned()],
        Place::Versions(versions) => {
            versions.iter().map(|python| format!("python/lib/python{python}/site-packages/")).collect()
        }
        Place::Top => vec![String::new()],
    }
}

/// Where each input goes, so that distributions that share a top-level package lie together: an `__init__.py` in one
/// folder hides what lies under the same name in another.
fn kept_together(inputs: &[Input], pythons: &BTreeSet<PythonVersion>) -> Vec<Place> {
    let mut places: Vec<Place> = inputs.iter().map(|input| input.place.clone()).collect();
    if places.iter().all(|place| !matches!(place, Place::Versions(_))) {
        return places;
    }
    let packages: Vec<BTreeSet<&str>> = inputs.iter().map(|input| top_level_packages(&input.wheel)).collect();
    loop {
        let moved: BTreeSet<&str> = places
            .iter()
            .zip(&packages)
            .filter(|(place, _)| matches!(place, Place::Versions(_)))
            .flat_map(|(_, packages)| packages.iter().copied())
            .collect();
        let mut changed = false;
        for (place, packages) in places.iter_mut().zip(&packages) {
            if *place == Place::Everywhere && packages.iter().any(|package| moved.contains(package)) {
                *place = Place::Versions(pythons.clone());
                changed = true;
            }
        }
        if !changed {
            return places;
        }
    }
}

/// The folders at the top of a wheel, without its metadata.
fn top_level_packages(wheel: &Wheel) -> BTreeSet<&str> {
    let folders = wheel.files().filter_map(|(path, _)| Some(path.split_once('/')?.0));
    folders.filter(|folder| !folder.ends_with(".dist-info")).collect()
}

/// No path may be a file here and a folder there: no unpacker could write both.
fn check_folders(entries: &[LayerEntry<'_>], inputs: &[Input]) -> Result<(), Error> {
    for (index, file) in entries.iter().enumerate() {
        let below = |entry: &LayerEntry<'_>| {
            entry.path.strip_prefix(file.path.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        // `a/…` sorts after `a`, and only names like `a-b` or `a.c` stand between.
        let between = entries[index + 1..].iter().take_while(|entry| entry.path.starts_with(&file.path));
        if let Some(inside) = between.into_iter().find(|entry| below(entry)) {
            return Err(Error::FileAndFolder {
                path: file.path.clone(),
                file_of: inputs[file.wheel].name.clone(),
                folder_of: inputs[inside.wheel].name.clone(),
            });
        }
    }
    debug_assert!(entries.is_sorted_by(|one, other| one.path.cmp(&other.path) == Ordering::Less));
    Ok(())
}
