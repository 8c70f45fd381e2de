//! The layers that a command is about: those of `layers.toml`, or one by the name that Lambda knows.

use std::collections::BTreeMap;
use std::path::PathBuf;

use template_tools::arn::{ArnError, LayerName};
use thiserror::Error;

use crate::config::publish::{Destination, UnknownTarget};
use crate::config::{Layer, LayersFile, meant, nearest};

/// A layer, where it is called what, and where it goes.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name in `layers.toml`.
    pub name: String,
    /// Its names in Lambda: several where it is split by architecture.
    pub lambda_names: Vec<LayerName>,
    /// Where its own table sends it.
    pub destination: Destination,
    /// Where its targets send it.
    pub targets: BTreeMap<String, Destination>,
}

/// A name that means no layer.
#[derive(Debug, Error)]
pub enum SubjectError {
    /// Not in the file.
    #[error("there is no layer `{name}` in `{}`{}", file.display(), meant(nearest.as_deref()))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The file.
        file: PathBuf,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// The file has none.
    #[error("`{}` has no layer", file.display())]
    NoLayers {
        /// The file.
        file: PathBuf,
    },
    /// A name that Lambda does not take.
    #[error("there can be no layer `{name}` in Lambda")]
    Name {
        /// The layer.
        name: String,
        /// What is wrong.
        source: ArnError,
    },
}

impl Subject {
    /// The layers of these names, each once; all layers of the file if there are none. A name may be that of
    /// `layers.toml`, or one that Lambda knows a layer of it by.
    pub fn of(file: &LayersFile, names: &[String]) -> Result<Vec<Self>, SubjectError> {
        if file.layers.is_empty() {
            return Err(SubjectError::NoLayers { file: file.path.clone() });
        }
        let all = file.layers.keys().cloned().collect::<Vec<_>>();
        let names = if names.is_empty() { &all } else { names };
        let mut subjects = Vec::<Self>::new();
        for name in names {
            let is_split_part = |layer: &&Layer| layer.lambda_names.contains(name);
            let found = file.layers.get_key_value(name);
            let found = found.map(|(key, layer)| (key, layer, layer.lambda_names.as_slice())).or_else(|| {
                let (key, layer) = file.layers.iter().find(|(_, layer)| is_split_part(layer))?;
                Some((key, layer, std::slice::from_ref(name)))
            });
            let (key, layer, lambda_names) = found.ok_or_else(|| SubjectError::Unknown {
                name: name.clone(),
                file: file.path.clone(),
                nearest: nearest(name, file.layers.keys().map(String::as_str)),
            })?;
            let lambda_names = lambda_names.iter().map(|lambda_name| {
                LayerName::new(lambda_name.as_str())
                    .map_err(|source| SubjectError::Name { name: lambda_name.clone(), source })
            });
            let lambda_names = lambda_names.collect::<Result<Vec<_>, _>>()?;
            match subjects.iter_mut().find(|known| known.name == *key) {
                Some(known) => {
                    known.lambda_names.extend(lambda_names);
                    known.lambda_names.sort();
                    known.lambda_names.dedup();
                }
                None => subjects.push(Self {
                    name: key.clone(),
                    lambda_names,
                    destination: layer.destination.clone(),
                    targets: layer.targets.clone(),
                }),
            }
        }
        Ok(subjects)
    }

    /// Where it goes: to this target, or where its table says without one.
    pub fn destination(&self, target: Option<&str>) -> Result<&Destination, UnknownTarget> {
        let Some(target) = target else { return Ok(&self.destination) };
        self.targets.get(target).ok_or_else(|| UnknownTarget {
            layer: self.name.clone(),
            target: target.to_owned(),
            known: self.targets.keys().cloned().collect(),
        })
    }
}
