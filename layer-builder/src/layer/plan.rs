//! The layer as a list: sorted, each path once, each with the wheel that it comes from. Nothing is read here.

use std::cmp::Ordering;

use thiserror::Error;

use super::audit::Collision;
use crate::wheels::wheel::Wheel;
use crate::zip_reader::Entry;

/// Where packages lie in a layer that serves every Python version:
/// <https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html>.
pub const FOLDER: &str = "python/";

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

/// Puts the wheels together. `names` are theirs, for messages.
pub fn plan<'a>(wheels: &'a [Wheel], names: &[String]) -> Result<LayerPlan<'a>, Error> {
    let files = wheels.iter().enumerate().flat_map(|(wheel, opened)| {
        opened.files().map(move |(path, entry)| LayerEntry { path: [FOLDER, path].concat(), wheel, entry })
    });
    let mut entries: Vec<LayerEntry<'_>> = files.collect();
    entries.sort_unstable_by(|one, other| {
        (&one.path, &names[one.wheel]).cmp(&(&other.path, &names[other.wheel]))
    });
    let (mut shared, mut collisions) = (Vec::new(), Vec::new());
    entries.dedup_by(|next, kept| {
        if next.path != kept.path {
            return false;
        }
        let is_same = (next.entry.crc32, next.entry.size) == (kept.entry.crc32, kept.entry.size);
        let list = if is_same { &mut shared } else { &mut collisions };
        list.push(Collision {
            path: kept.path.clone(),
            taken: names[kept.wheel].clone(),
            left: names[next.wheel].clone(),
        });
        true
    });
    if entries.is_empty() {
        return Err(Error::Empty);
    }
    check_folders(&entries, names)?;
    Ok(LayerPlan { entries, shared, collisions })
}

/// No path may be a file here and a folder there: no unpacker could write both.
fn check_folders(entries: &[LayerEntry<'_>], names: &[String]) -> Result<(), Error> {
    for (index, file) in entries.iter().enumerate() {
        let below = |entry: &LayerEntry<'_>| {
            entry.path.strip_prefix(file.path.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        // `a/…` sorts after `a`, and only names like `a-b` or `a.c` stand between.
        let between = entries[index + 1..].iter().take_while(|entry| entry.path.starts_with(&file.path));
        if let Some(inside) = between.into_iter().find(|entry| below(entry)) {
            return Err(Error::FileAndFolder {
                path: file.path.clone(),
                file_of: names[file.wheel].clone(),
                folder_of: names[inside.wheel].clone(),
            });
        }
    }
    debug_assert!(entries.is_sorted_by(|one, other| one.path.cmp(&other.path) == Ordering::Less));
    Ok(())
}
