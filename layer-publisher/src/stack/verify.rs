//! Whether the functions of a stack have the layer versions that its template names. Pure.

use std::collections::{BTreeMap, BTreeSet};

use template_tools::arn::LayerVersionArn;
use template_tools::template::layers::FunctionLayer;

/// A function that has another version than the template says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// The logical id of the function.
    pub(super) function: String,
    /// What Lambda says that it has.
    pub(super) found: LayerVersionArn,
    /// What the template says; several where a condition decides.
    pub(super) wanted: Vec<u64>,
}

/// The versions of the functions: those of the template's own layers are known now. `physical` has the physical ids of the
/// stack's resources.
pub(super) fn wanted(
    layers: &BTreeMap<String, BTreeSet<FunctionLayer>>,
    physical: &BTreeMap<String, String>,
) -> BTreeMap<String, BTreeSet<LayerVersionArn>> {
    let version = |layer: &FunctionLayer| match layer {
        FunctionLayer::Version(arn) => Some(arn.clone()),
        FunctionLayer::Resource(name) => physical.get(name)?.parse().ok(),
        FunctionLayer::Placeholder(_) => None,
    };
    layers
        .iter()
        .map(|(function, layers)| (function.clone(), layers.iter().filter_map(version).collect()))
        .collect()
}

/// Holds what a function has against what it should have. A layer that a condition leaves out is no mismatch.
pub(super) fn mismatches(
    function: &str,
    wanted: &BTreeSet<LayerVersionArn>,
    found: &[String],
) -> Vec<Mismatch> {
    let found = found.iter().filter_map(|arn| arn.parse::<LayerVersionArn>().ok());
    found
        .filter_map(|found| {
            let same = wanted.iter().filter(|wanted| wanted.layer_arn() == found.layer_arn());
            let versions = same.map(|wanted| wanted.version).collect::<Vec<_>>();
            (!versions.is_empty() && !versions.contains(&found.version)).then(|| Mismatch {
                function: function.to_owned(),
                found,
                wanted: versions,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_of_the_same_layer_is_a_mismatch_and_nothing_else_is() {
        let arn = |name: &str| format!("arn:aws:lambda:eu-west-1:123456789012:layer:{name}");
        let layers = [
            FunctionLayer::Version(arn("a:2").parse().unwrap()),
            FunctionLayer::Resource("Own".to_owned()),
            FunctionLayer::Resource("Gone".to_owned()),
        ];
        let layers = [("F".to_owned(), BTreeSet::from(layers))].into();
        let physical = [("Own".to_owned(), arn("own:5"))].into();
        let wanted = wanted(&layers, &physical).remove("F").unwrap();
        assert!(mismatches("F", &wanted, &[arn("a:2"), arn("own:5"), arn("other:1")]).is_empty());
        let found = mismatches("F", &wanted, &[arn("a:1"), arn("own:4")]);
        assert_eq!(found.iter().map(|one| one.wanted[0]).collect::<Vec<_>>(), [2, 5]);
    }
}
