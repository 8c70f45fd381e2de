//! Where a layer goes: the regions that were named, else those of `layers.toml`, else the user's own.

use std::path::PathBuf;

use template_tools::arn::Region;
use thiserror::Error;

use crate::called::{CalledAs, Command};
use crate::config::Layer;

/// Whether a region's failure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It counts.
    Required,
    /// It is a warning.
    Optional,
}

/// A region and its weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The region.
    pub region: Region,
    /// Whether its failure counts.
    pub weight: Weight,
}

/// There is nowhere to go.
#[derive(Debug, Error)]
#[error("no region is known for layer `{layer}`")]
pub struct NoRegion {
    /// The layer.
    pub layer: String,
    /// The file in which regions can be named.
    pub file: PathBuf,
    /// The command that was called.
    pub command: Command,
}

impl NoRegion {
    /// What to type next.
    pub fn hint(&self, called: &CalledAs) -> String {
        format!(
            "name one with `{} {} --region eu-west-1`, or for good with `regions = [\"eu-west-1\"]` in \
             `[layers.{}.publish]` of `{}`",
            called.words(self.command),
            self.layer,
            self.layer,
            self.file.display()
        )
    }
}

/// Each region once, in the order in which they were named.
pub fn places(named: &[Region], layer: Option<&Layer>, default: Option<&Region>) -> Vec<Place> {
    let mut places = Vec::<Place>::new();
    let mut add = |regions: &[Region], weight| {
        for region in regions {
            if !places.iter().any(|place| place.region == *region) {
                places.push(Place { region: region.clone(), weight });
            }
        }
    };
    if !named.is_empty() {
        add(named, Weight::Required);
    } else if let Some(layer) = layer {
        add(&layer.regions, Weight::Required);
        add(&layer.optional_regions, Weight::Optional);
    }
    if places.is_empty() {
        places.extend(default.map(|region| Place { region: region.clone(), weight: Weight::Required }));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regions(names: &[&str]) -> Vec<Region> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn shown(places: &[Place]) -> Vec<String> {
        let weight = |place: &Place| if place.weight == Weight::Optional { "?" } else { "" };
        places.iter().map(|place| format!("{}{}", place.region, weight(place))).collect()
    }

    #[test]
    fn what_is_named_outranks_the_file_and_the_file_outranks_the_default() {
        let layer = Layer {
            lambda_names: Vec::new(),
            regions: regions(&["us-west-2", "eu-west-1"]),
            optional_regions: regions(&["me-south-1"]),
            inputs_sha256: String::new(),
        };
        let default = regions(&["sa-east-1"]);
        let default = || default.first();
        let named = regions(&["me-south-1", "us-west-2", "me-south-1"]);
        assert_eq!(shown(&places(&named, Some(&layer), default())), ["me-south-1", "us-west-2"]);
        assert_eq!(shown(&places(&[], Some(&layer), default())), ["us-west-2", "eu-west-1", "me-south-1?"]);
        assert_eq!(shown(&places(&[], None, default())), ["sa-east-1"]);
        assert_eq!(shown(&places(&[], None, None)), Vec::<String>::new());
    }
}
