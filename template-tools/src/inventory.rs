//! The layers that templates name, as `list --format json` writes them for whoever asks AWS about them.
//!
//! A file between crates, like the ledger: data and its reading, nothing else.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::arn::{AccountId, LayerName, Partition, Region};

/// What `list --format json` prints, without the single references.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// Each layer in each place, sorted.
    pub layers: Vec<Named>,
}

/// A layer in one place, with all versions that templates name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The layer.
    pub layer: LayerName,
    /// The partition; `None` where it is known only when a stack is deployed, as of the others.
    pub partition: Option<Partition>,
    /// The account.
    pub account: Option<AccountId>,
    /// The region.
    pub region: Option<Region>,
    /// The versions.
    pub versions: BTreeSet<NamedVersion>,
    /// Whether there are several versions.
    pub mixed: bool,
}

/// A version as a template names it. Sorted as numbers are, words last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NamedVersion {
    /// Its number.
    Number(u64),
    /// A placeholder.
    Word(String),
}

impl std::fmt::Display for NamedVersion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Word(word) => formatter.write_str(word),
        }
    }
}

/// The text is no such list.
#[derive(Debug, thiserror::Error)]
#[error("this is not what `list --format json` prints")]
pub struct NoInventory(#[source] serde_json::Error);

impl Inventory {
    /// Reads what `list --format json` prints. Fields that are not known here are passed over.
    pub fn parse(text: &str) -> Result<Self, NoInventory> {
        serde_json::from_str(text).map_err(NoInventory)
    }
}

impl Named {
    /// The highest number; 0 if there are only placeholders.
    pub fn highest(&self) -> u64 {
        let numbers = self.versions.iter().filter_map(|version| match version {
            NamedVersion::Number(number) => Some(*number),
            NamedVersion::Word(_) => None,
        });
        numbers.max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read() {
        let text = r#"{"references": [{"path": "a.yaml"}], "layers": [{"layer": "x", "partition": null, "account":
            "123456789012", "region": "eu-west-1", "versions": [9, 10, "X_LAYER_PLACEHOLDER"], "mixed": true}]}"#;
        let inventory = Inventory::parse(text).unwrap();
        let named = &inventory.layers[0];
        assert_eq!((named.highest(), named.partition.as_ref(), named.versions.len()), (10, None, 3));
        assert_eq!(Inventory::parse(&serde_json::to_string(&inventory).unwrap()).unwrap(), inventory);
        assert!(Inventory::parse("{}").is_err() && Inventory::parse("").is_err());
    }
}
