//! What a template asks of whoever deploys it: values for its parameters, capabilities, files of this machine.
//!
//! Pure: a tree in, facts out. Which layers its functions get is in [`layers`].

pub mod layers;
pub mod local;

use std::collections::{BTreeMap, BTreeSet};

use crate::document::{Document, NodeId};
use crate::flow::{Definition, Given, Home, Outside, definitions, flow_with};

/// A parameter of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type, for example `String`.
    pub kind: String,
    /// The value that it has if none is given.
    pub default: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The values that it may have; empty if it may have any.
    pub allowed: Vec<String>,
    /// Whether its value is not to be shown.
    pub no_echo: bool,
}

/// What a parameter carries, if it is about a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carries {
    /// The version of a layer, alone or in its ARN.
    LayerVersion,
    /// Where the content of a layer lies.
    Content,
}

/// What becomes of a resource's old self.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It stays.
    Retain,
    /// It is deleted, which is also what happens if nothing is said.
    Delete,
}

/// A resource of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its logical id.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Where it stands.
    pub node: NodeId,
    /// When it leaves the stack.
    pub deletion: Policy,
    /// When another one takes its place.
    pub replacement: Policy,
}

/// The parameters, in the order of the template.
pub fn parameters(document: &Document<'_>) -> Vec<Parameter> {
    let tables = document.roots().iter().flat_map(|root| document.values(*root, "Parameters"));
    let pairs = tables.flat_map(|table| document.pairs(table));
    pairs
        .filter_map(|&(name, parameter)| {
            let values = |key: &str| document.values(parameter, key);
            let text = |key: &str| {
                values(key).into_iter().find_map(|value| document.scalar(value)).map(str::to_owned)
            };
            let allowed = values("AllowedValues").into_iter().filter_map(|list| document.items(list));
            let allowed = allowed.flatten().filter_map(|item| document.scalar(*item)).map(str::to_owned);
            Some(Parameter {
                name: document.scalar(name)?.to_owned(),
                kind: text("Type").unwrap_or_else(|| "String".to_owned()),
                default: text("Default"),
                description: text("Description"),
                allowed: allowed.collect(),
                no_echo: text("NoEcho").is_some_and(|text| text.eq_ignore_ascii_case("true")),
            })
        })
        .collect()
}

/// The parameters whose Default carries a layer's version or content. `given` helps where the name of a layer is put
/// together of others.
pub fn carriers(document: &Document<'_>, given: &[Given]) -> BTreeMap<String, Carries> {
    let with_default: BTreeSet<String> = parameters(document)
        .into_iter()
        .filter_map(|parameter| parameter.default.is_some().then_some(parameter.name))
        .collect();
    let given: Vec<Given> =
        given.iter().filter(|given| !with_default.contains(&given.name)).cloned().collect();
    let mut carriers = BTreeMap::new();
    for definition in definitions(document) {
        for field in definition.content {
            if let Some((_, Home::Default(name))) = field.leaf {
                carriers.insert(name, Carries::Content);
            }
        }
    }
    let outside = Outside { given: &given, ..Outside::default() };
    for reference in flow_with(document, &outside).references {
        if let Home::Default(name) = reference.home {
            carriers.insert(name, Carries::LayerVersion);
        }
    }
    carriers
}

/// The parameters whose Defaults say together where the content of one layer lies, for each layer that the template makes.
pub fn contents(document: &Document<'_>) -> Vec<BTreeSet<String>> {
    let of = |definition: Definition| {
        let homes = definition.content.into_iter().filter_map(|field| Some(field.leaf?.1));
        homes.filter_map(|home| if let Home::Default(name) = home { Some(name) } else { None }).collect()
    };
    definitions(document).into_iter().map(of).collect()
}

/// The resources, in the order of the template; those in a loop are not among them.
pub fn resources(document: &Document<'_>) -> Vec<Resource> {
    let tables = document.roots().iter().flat_map(|root| document.values(*root, "Resources"));
    let pairs = tables.flat_map(|table| document.pairs(table));
    pairs
        .filter_map(|&(name, node)| {
            let text =
                |key: &str| document.values(node, key).into_iter().find_map(|value| document.scalar(value));
            let policy = |key: &str| match text(key) {
                Some("Retain" | "RetainExceptOnCreate" | "Snapshot") => Policy::Retain,
                _ => Policy::Delete,
            };
            Some(Resource {
                name: document.scalar(name)?.to_owned(),
                kind: text("Type")?.to_owned(),
                node,
                deletion: policy("DeletionPolicy"),
                replacement: policy("UpdateReplacePolicy"),
            })
        })
        .collect()
}

/// Resources of IAM, each with the property that gives it a name.
const IAM: [(&str, &str); 8] = [
    ("AWS::IAM::AccessKey", ""),
    ("AWS::IAM::Group", "GroupName"),
    ("AWS::IAM::InstanceProfile", "InstanceProfileName"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
    ("AWS::IAM::Policy", ""),
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::IAM::User", "UserName"),
    ("AWS::IAM::UserToGroupAddition", ""),
];

/// The capabilities that CloudFormation wants for this template, each with the resource that needs it.
pub fn capabilities(document: &Document<'_>) -> BTreeMap<&'static str, String> {
    let mut wanted = BTreeMap::new();
    let globals = document.roots().iter().flat_map(|root| document.values(*root, "Globals"));
    let globals: Vec<NodeId> = globals.flat_map(|globals| document.values(globals, "Function")).collect();
    for resource in resources(document) {
        let properties = document.values(resource.node, "Properties");
        let has = |key: &str| properties.iter().any(|node| !document.values(*node, key).is_empty());
        let mut want = |name| _ = wanted.entry(name).or_insert_with(|| resource.name.clone());
        match resource.kind.as_str() {
            "AWS::Serverless::Application" => want("CAPABILITY_AUTO_EXPAND"),
            // SAM makes a role for what has none.
            "AWS::Serverless::Function" => {
                if !has("Role") && !globals.iter().any(|node| !document.values(*node, "Role").is_empty()) {
                    want("CAPABILITY_IAM");
                }
            }
            "AWS::Serverless::StateMachine" if !has("Role") => want("CAPABILITY_IAM"),
            kind => {
                if let Some((_, name)) = IAM.iter().find(|(iam, _)| *iam == kind) {
                    let is_named = !name.is_empty() && has(name);
                    want(if is_named { "CAPABILITY_NAMED_IAM" } else { "CAPABILITY_IAM" });
                }
            }
        }
    }
    // The stronger one includes the other.
    if wanted.contains_key("CAPABILITY_NAMED_IAM") {
        wanted.remove("CAPABILITY_IAM");
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse;

    #[test]
    fn a_parameter_is_all_that_the_template_says_of_it() {
        let text = "Parameters:\n  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod], Description: where}\n  \
                    Secret: {Type: String, NoEcho: true}\n  Number: {Type: Number, Default: 5}\n";
        let parameters = parameters(&parse(text).unwrap());
        assert_eq!(parameters[0].allowed, ["dev", "prod"]);
        assert_eq!(parameters[0].description.as_deref(), Some("where"));
        assert!(parameters[1].no_echo && parameters[1].default.is_none());
        assert_eq!(parameters[2].default.as_deref(), Some("5"));
    }

    #[test]
    fn parameters_that_carry_a_version_or_content_are_known_and_no_others() {
        let text = "Parameters:\n  Stage: {Type: String}\n  Version: {Type: String, Default: 2}\n  \
                    Arn: {Type: String, Default: 'arn:aws:lambda:us-east-1:123456789012:layer:b:3'}\n  \
                    Key: {Type: String, Default: k}\n  Bucket: {Type: String}\n  Memory: {Type: Number, Default: 128}\n\
                    Resources:\n  L:\n    Type: AWS::Lambda::LayerVersion\n    Properties: {LayerName: a, Content: {S3Bucket: !Ref Bucket, S3Key: !Ref Key}}\n  \
                    F:\n    Type: AWS::Lambda::Function\n    Properties:\n      MemorySize: !Ref Memory\n      Layers:\n        \
                    - !Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:a-${Stage}:${Version}'\n        - !Ref Arn\n        - !Ref L\n";
        let document = parse(text).unwrap();
        let names = |carries| {
            let given = [Given { name: "Stage".to_owned(), value: "prod".to_owned() }];
            let all = carriers(&document, &given);
            all.into_iter().filter(|(_, is)| *is == carries).map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names(Carries::LayerVersion), ["Arn", "Version"]);
        assert_eq!(names(Carries::Content), ["Key"]);
    }

    #[test]
    fn capabilities_follow_from_what_is_in_the_template() {
        let wanted = |resources: &str| {
            let text = format!("Resources:\n{resources}");
            capabilities(&parse(&text).unwrap()).into_keys().collect::<Vec<_>>()
        };
        assert_eq!(wanted("  L: {Type: AWS::Serverless::LayerVersion}\n"), [] as [&str; 0]);
        assert_eq!(wanted("  R: {Type: AWS::IAM::Role}\n"), ["CAPABILITY_IAM"]);
        assert_eq!(
            wanted("  R: {Type: AWS::IAM::Role}\n  S: {Type: AWS::IAM::Role, Properties: {RoleName: x}}\n"),
            ["CAPABILITY_NAMED_IAM"]
        );
        assert_eq!(wanted("  F: {Type: AWS::Serverless::Function}\n"), ["CAPABILITY_IAM"]);
        assert_eq!(
            wanted("  F: {Type: AWS::Serverless::Function, Properties: {Role: r}}\n"),
            [] as [&str; 0]
        );
        assert_eq!(wanted("  A: {Type: AWS::Serverless::Application}\n"), ["CAPABILITY_AUTO_EXPAND"]);
    }
}
