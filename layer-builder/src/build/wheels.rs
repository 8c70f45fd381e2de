//! The wheels of a zip: on this machine, open, and with the place of each.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Error, Work, pack};
use crate::hash::Sha256;
use crate::indexes::Indexes;
use crate::layer::manifest::PackageRecord;
use crate::layer::{archive, include};
use crate::target::Target;
use crate::wheels::fetch;
use crate::wheels::layout::{Item, Part, Place};
use crate::wheels::select::Origin;
use crate::wheels::source::{self, Built, Input, Workshop};
use crate::zip_reader;

/// A wheel on this machine, open, and where it goes.
#[derive(Clone)]
pub(super) struct Here {
    pub(super) path: PathBuf,
    pub(super) sha256: Sha256,
    pub(super) file: Arc<File>,
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) record: Option<PackageRecord>,
    /// Whether it holds compiled code that was made on this machine.
    pub(super) own_code: bool,
}

impl Here {
    /// The wheel of a package.
    fn new(item: &Item, place: Place, path: PathBuf, sha256: Sha256) -> Result<Self, Error> {
        let record = pack::record(item, &place, &path, sha256);
        let name = format!("{} {}", record.name, record.version);
        let file = open(&path)?;
        Ok(Self { path, sha256, file, name, place, record: Some(record), own_code: false })
    }
}

impl Work<'_> {
    /// The wheels of a zip: fetched, or built now.
    pub(super) fn wheels(&self, part: &Part) -> Result<Vec<Here>, Error> {
        let files: Vec<_> = part.items.iter().filter_map(|item| item.chosen.origin.file()).collect();
        let indexes = || Indexes::of(self.spec.folder, &self.spec.wanted);
        let paths = fetch::fetch(&files, indexes, self.cache, self.options.network, self.ui)?;
        let mut paths = paths.into_iter();
        let (spec, cache, network, ui) = (self.spec, self.cache, self.options.network, self.ui);
        let shop = Workshop { spec, cache, network, ui };
        let mut here = Vec::new();
        for item in &part.items {
            let chosen = &item.chosen;
            let path = chosen.origin.file().and_then(|_| paths.next()).unwrap_or_default();
            let name = chosen.name.as_ref();
            let built = match &chosen.origin {
                Origin::Wheel(file) => {
                    here.push(Here::new(item, item.place.clone(), path, file.sha256)?);
                    continue;
                }
                Origin::Sdist(file) => shop.build(Input::Sdist(file, &path), &part.targets_of(item))?,
                Origin::Commit(commit) => shop.build(Input::Commit(name, commit), &part.targets_of(item))?,
                Origin::Folder(folder) => {
                    self.of_folder(&shop, Input::Folder(name, folder), folder, &part.targets_of(item))?
                }
            };
            match built {
                Built::Whole(built) => {
                    here.push(Here::new(item, item.place.clone(), built.path, built.sha256)?);
                }
                Built::ByPython(wheels) => {
                    let whole = wheels.len() == 1;
                    for (pythons, built) in wheels {
                        let place = if whole { item.place.clone() } else { Place::Versions(pythons) };
                        let own_code = !source::is_pure(&built.path);
                        let here_too = Here::new(item, place, built.path, built.sha256)?;
                        here.push(Here { own_code, ..here_too });
                    }
                }
            }
        }
        if let Some((path, sha256)) = include::pack(self.spec.folder, &self.spec.layer.include, self.cache)? {
            let name = "include".to_owned();
            let (file, place) = (open(&path)?, Place::Top);
            here.push(Here { file, path, sha256, name, place, record: None, own_code: false });
        }
        Ok(here)
    }

    /// What a folder becomes: what it has become for another zip of this build, if that serves everything.
    fn of_folder(
        &self,
        shop: &Workshop<'_>,
        input: Input<'_>,
        folder: &Path,
        targets: &[Target],
    ) -> Result<Built, Error> {
        // What was damaged was thrown away.
        let known = self.folders.borrow().get(folder).filter(|built| built.path.is_file()).cloned();
        if let Some(built) = known {
            return Ok(Built::Whole(built));
        }
        let built = shop.build(input, targets)?;
        if let Built::Whole(built) = &built {
            self.folders.borrow_mut().insert(folder.to_path_buf(), built.clone());
        }
        Ok(built)
    }
}

fn open(path: &Path) -> Result<Arc<File>, Error> {
    let io = |source| zip_reader::Error::Io { path: path.to_path_buf(), source };
    Ok(File::open(path).map(Arc::new).map_err(io).map_err(archive::Error::from)?)
}
