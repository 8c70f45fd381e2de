//! The layers that each function of a template gets, with the values that its parameters have.

use std::collections::{BTreeMap, BTreeSet};

use crate::arn::{AccountId, LayerVersionArn, Partition, Region};
use crate::document::Document;
use crate::flow::{Given, Outside, Reason, flow_with};
use crate::pattern::{ArnPattern, Part, VersionPart};

/// Where a stack is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The partition.
    pub partition: Partition,
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
}

/// A layer of a function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FunctionLayer {
    /// A version that the template names.
    Version(LayerVersionArn),
    /// A layer that the template makes itself, by its logical id.
    Resource(String),
    /// One without a version: the placeholder that still stands there.
    Placeholder(String),
}

/// The layers of every function that has some, by its logical id. Where a condition decides, all that are possible.
pub fn function_layers(
    document: &Document<'_>,
    values: &BTreeMap<String, String>,
    deployment: &Deployment,
) -> BTreeMap<String, BTreeSet<FunctionLayer>> {
    let given: Vec<Given> =
        values.iter().map(|(name, value)| Given { name: name.clone(), value: value.clone() }).collect();
    let outside = Outside { given: &given, region: Some(deployment.region.clone()), ..Outside::default() };
    let flow = flow_with(document, &outside);
    let mut all: BTreeMap<String, BTreeSet<FunctionLayer>> = BTreeMap::new();
    let mut add = |functions: &BTreeSet<usize>, layer: FunctionLayer| {
        for index in flow.reached(functions) {
            all.entry(flow.functions[index].name.clone()).or_default().insert(layer.clone());
        }
    };
    for reference in &flow.references {
        add(&reference.functions, layer(&reference.pattern, deployment));
    }
    for unread in &flow.unread {
        if let Reason::Resource(name) = &unread.reason {
            add(&unread.functions, FunctionLayer::Resource(name.clone()));
        }
    }
    all
}

fn layer(pattern: &ArnPattern, deployment: &Deployment) -> FunctionLayer {
    let version = match &pattern.version {
        VersionPart::Number(version) => *version,
        other => return FunctionLayer::Placeholder(other.written()),
    };
    FunctionLayer::Version(LayerVersionArn {
        layer: pattern.layer.clone(),
        partition: or_deployed(&pattern.partition, &deployment.partition),
        account: or_deployed(&pattern.account, &deployment.account),
        region: or_deployed(&pattern.region, &deployment.region),
        version,
    })
}

fn or_deployed<T: Clone>(part: &Part<T>, deployed: &T) -> T {
    match part {
        Part::Is(value) => value.clone(),
        Part::Deployed => deployed.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse;

    #[test]
    fn every_function_has_the_versions_that_its_values_give_it() {
        let text = "Parameters:\n  Version: {Type: String, Default: 2}\n\
                    Globals: {Function: {Layers: [!Ref Own]}}\nResources:\n  Own: {Type: AWS::Serverless::LayerVersion}\n  \
                    F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Layers: [!Sub 'arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:layer:a:${Version}']\n  \
                    G:\n    Type: AWS::Lambda::Function\n    Properties:\n      Layers: [!Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:a:A_LAYER_PLACEHOLDER']\n";
        let deployment = Deployment {
            partition: Partition::new("aws").unwrap(),
            account: AccountId::new("123456789012").unwrap(),
            region: Region::new("eu-west-1").unwrap(),
        };
        let values = [("Version".to_owned(), "7".to_owned())].into();
        let all = function_layers(&parse(text).unwrap(), &values, &deployment);
        let arn = "arn:aws:lambda:eu-west-1:123456789012:layer:a:7".parse().unwrap();
        let own = FunctionLayer::Resource("Own".to_owned());
        assert_eq!(all["F"], [FunctionLayer::Version(arn), own].into());
        assert_eq!(all["G"], [FunctionLayer::Placeholder("A_LAYER_PLACEHOLDER".to_owned())].into());
    }
}
