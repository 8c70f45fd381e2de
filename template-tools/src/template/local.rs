//! Files of this machine that a template names, and the template with their places in S3 instead.

use crate::document::{Content, Document, NodeId};
use crate::edit::{Change, ProofError, restructure};
use crate::ledger::Content as Place;

use super::resources;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The content of a layer.
    LayerContent,
    /// The code of a function.
    FunctionCode,
    /// Something else, which is none of our business.
    Other,
}

/// A property that names a file or a folder of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPath {
    /// The logical id of the resource; `Globals` for the globals.
    pub resource: String,
    /// The property.
    pub property: &'static str,
    /// What it is for.
    pub purpose: Purpose,
    /// The value.
    pub node: NodeId,
    /// The path, as it stands there.
    pub path: String,
    /// Whether SAM reads the property.
    pub is_sam: bool,
}

/// Properties that the AWS CLI's `package` and SAM's `build` take files from (its guide lists them); points lead into
/// tables.
const PROPERTIES: [(&str, &str, Purpose); 31] = [
    ("AWS::Lambda::LayerVersion", "Content", Purpose::LayerContent),
    ("AWS::Serverless::LayerVersion", "ContentUri", Purpose::LayerContent),
    ("AWS::Lambda::Function", "Code", Purpose::FunctionCode),
    ("AWS::Serverless::Function", "CodeUri", Purpose::FunctionCode),
    ("AWS::ApiGateway::RestApi", "BodyS3Location", Purpose::Other),
    ("AWS::AppSync::FunctionConfiguration", "CodeS3Location", Purpose::Other),
    ("AWS::AppSync::FunctionConfiguration", "RequestMappingTemplateS3Location", Purpose::Other),
    ("AWS::AppSync::FunctionConfiguration", "ResponseMappingTemplateS3Location", Purpose::Other),
    ("AWS::AppSync::GraphQLSchema", "DefinitionS3Location", Purpose::Other),
    ("AWS::AppSync::Resolver", "CodeS3Location", Purpose::Other),
    ("AWS::AppSync::Resolver", "RequestMappingTemplateS3Location", Purpose::Other),
    ("AWS::AppSync::Resolver", "ResponseMappingTemplateS3Location", Purpose::Other),
    ("AWS::CloudFormation::ModuleVersion", "ModulePackage", Purpose::Other),
    ("AWS::CloudFormation::ResourceVersion", "SchemaHandlerPackage", Purpose::Other),
    ("AWS::CloudFormation::Stack", "TemplateURL", Purpose::Other),
    ("AWS::CloudFormation::StackSet", "TemplateURL", Purpose::Other),
    ("AWS::CodeCommit::Repository", "Code.S3", Purpose::Other),
    ("AWS::ElasticBeanstalk::ApplicationVersion", "SourceBundle", Purpose::Other),
    ("AWS::Glue::Job", "Command.ScriptLocation", Purpose::Other),
    ("AWS::Lambda::Function", "Code.ImageUri", Purpose::Other),
    ("AWS::Serverless::Api", "DefinitionUri", Purpose::Other),
    ("AWS::Serverless::Application", "Location", Purpose::Other),
    ("AWS::Serverless::Function", "ImageUri", Purpose::Other),
    ("AWS::Serverless::GraphQLApi", "CodeUri", Purpose::Other),
    ("AWS::Serverless::GraphQLApi", "SchemaUri", Purpose::Other),
    ("AWS::Serverless::HttpApi", "DefinitionUri", Purpose::Other),
    ("AWS::Serverless::StateMachine", "DefinitionUri", Purpose::Other),
    ("AWS::ServerlessRepo::Application", "LicenseUrl", Purpose::Other),
    ("AWS::ServerlessRepo::Application", "ReadmeUrl", Purpose::Other),
    ("AWS::StepFunctions::StateMachine", "DefinitionS3Location", Purpose::Other),
    ("AWS::StepFunctions::StateMachine", "DefinitionUri", Purpose::Other),
];

/// Every file and folder that a template names in the place of something that lies in S3.
pub fn local_paths(document: &Document<'_>) -> Vec<LocalPath> {
    let mut found = Vec::new();
    let mut look = |resource: &str, is_sam, properties: NodeId, property: &'static str, purpose| {
        let into = |tables: Vec<NodeId>, name: &str| {
            tables.into_iter().flat_map(|table| document.values(table, name)).collect::<Vec<_>>()
        };
        for node in property.split('.').fold(vec![properties], into) {
            // An image of this machine is no file, and has no registry in its name.
            let is_image = property.ends_with("ImageUri");
            let path = local(document, node).filter(|path| !is_image || !path.contains(".dkr.ecr."));
            if let Some(path) = path {
                let (resource, path) = (resource.to_owned(), path.to_owned());
                found.push(LocalPath { resource, property, purpose, node, path, is_sam });
            }
        }
    };
    for globals in document.roots().iter().flat_map(|root| document.values(*root, "Globals")) {
        for function in document.values(globals, "Function") {
            look("Globals", true, function, "CodeUri", Purpose::FunctionCode);
        }
    }
    for resource in resources(document) {
        let is_sam = resource.kind.starts_with("AWS::Serverless::");
        for (_, property, purpose) in PROPERTIES.iter().filter(|(kind, ..)| *kind == resource.kind) {
            for properties in document.values(resource.node, "Properties") {
                look(&resource.name, is_sam, properties, property, *purpose);
            }
        }
    }
    found
}

/// The contents of layers that stand in the template themselves, as a file of this machine or a place in S3: those that
/// come from parameters or are put together are not among them. The path is empty where a place stands as a table.
pub fn written_contents(document: &Document<'_>) -> Vec<LocalPath> {
    let mut found = Vec::new();
    for resource in resources(document) {
        let of_layer = PROPERTIES
            .iter()
            .find(|(kind, _, purpose)| *purpose == Purpose::LayerContent && *kind == resource.kind);
        let Some((kind, property, purpose)) = of_layer else { continue };
        let tables = document.values(resource.node, "Properties");
        for node in tables.into_iter().flat_map(|table| document.values(table, property)) {
            let pairs = document.pairs(node);
            let is_plain =
                |node: NodeId| document.intrinsic(node).is_none() && document.scalar(node).is_some();
            let is_table = !pairs.is_empty() && document.intrinsic(node).is_none();
            if is_plain(node) || is_table && pairs.iter().all(|(_, value)| is_plain(*value)) {
                found.push(LocalPath {
                    resource: resource.name.clone(),
                    property,
                    purpose: *purpose,
                    node,
                    path: document.scalar(node).unwrap_or_default().trim().to_owned(),
                    is_sam: kind.starts_with("AWS::Serverless::"),
                });
            }
        }
    }
    found
}

/// The path, if a value is one.
fn local<'d>(document: &'d Document<'_>, node: NodeId) -> Option<&'d str> {
    if document.intrinsic(node).is_some() || !matches!(document.node(node).content, Content::Scalar { .. }) {
        return None;
    }
    let text = document.scalar(node)?.trim();
    let elsewhere = ["s3://", "http://", "https://", "arn:", "{{resolve:"];
    (!text.is_empty() && !elsewhere.iter().any(|start| text.starts_with(start))).then_some(text)
}

/// The text of the template with places in S3 where files of this machine stood. Nothing else may differ.
pub fn with_places(document: &Document<'_>, places: &[(&LocalPath, Place)]) -> Result<String, ProofError> {
    let changes = places.iter().map(|(local, place)| {
        let [bucket, key, version] = if local.is_sam {
            ["Bucket", "Key", "Version"]
        } else {
            ["S3Bucket", "S3Key", "S3ObjectVersion"]
        };
        let mut pairs = vec![(bucket, &place.bucket), (key, &place.key)];
        pairs.extend(place.version.iter().map(|object| (version, object)));
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let pairs = pairs.into_iter().map(|(name, text)| format!("{}: {}", quoted(name), quoted(text)));
        let new = format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "));
        let range = document.node(local.node).range();
        // A table in lines ends where the next thing begins: the line's end stays.
        let end = range.start + document.text()[range.clone()].trim_end().len();
        Change::Replace { node: local.node, range: range.start..end, new }
    });
    restructure(document, &changes.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse;

    #[test]
    fn files_are_told_from_places_in_s3() {
        let text = "Globals: {Function: {CodeUri: src/}}\nResources:\n  \
                    A: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layer.zip}}\n  \
                    B: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: 's3://b/k'}}\n  \
                    C: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: !Ref Where}}\n  \
                    D: {Type: AWS::Lambda::LayerVersion, Properties: {Content: {S3Bucket: b, S3Key: k}}}\n  \
                    E: {Type: AWS::Lambda::Function, Properties: {Code: ./code}}\n  \
                    F: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: flow.json}}\n  \
                    G: {Type: AWS::Glue::Job, Properties: {Command: {Name: glueetl, ScriptLocation: job.py}}}\n  \
                    H: {Type: AWS::Lambda::Function, Properties: {Code: {ImageUri: 'app:latest'}}}\n  \
                    I: {Type: AWS::Serverless::Function, Properties: {ImageUri: '1.dkr.ecr.eu-west-1.amazonaws.com/a:1'}}\n";
        let found = local_paths(&parse(text).unwrap());
        let found: Vec<_> =
            found.iter().map(|one| (one.resource.as_str(), one.path.as_str(), one.purpose)).collect();
        let expected = [
            ("Globals", "src/", Purpose::FunctionCode),
            ("A", "layer.zip", Purpose::LayerContent),
            ("E", "./code", Purpose::FunctionCode),
            ("F", "flow.json", Purpose::Other),
            ("G", "job.py", Purpose::Other),
            ("H", "app:latest", Purpose::Other),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn contents_that_are_written_out_are_replaced_and_others_are_not_found() {
        let text = "Resources:\n  A:\n    Type: AWS::Serverless::LayerVersion\n    Properties:\n      ContentUri:\n        Bucket: a\n        Key: b # old\n  \
                    B: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: 's3://b/k'}}\n  \
                    C: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: !Ref Where}}\n  \
                    D: {Type: AWS::Lambda::LayerVersion, Properties: {Content: {S3Bucket: b, S3Key: !Ref Key}}}\n  \
                    E: {Type: AWS::Lambda::LayerVersion, Properties: {Content: {S3Bucket: b, S3Key: k}}}\n  \
                    F: {Type: AWS::Lambda::LayerVersion, Properties: {Content: {Fn::If: [X, a, b]}}}\n  \
                    G: {Type: AWS::Lambda::Function, Properties: {Code: {S3Bucket: b, S3Key: k}}}\n";
        let document = parse(text).unwrap();
        let found = written_contents(&document);
        let names: Vec<_> = found.iter().map(|one| (one.resource.as_str(), one.path.as_str())).collect();
        assert_eq!(names, [("A", ""), ("B", "s3://b/k"), ("E", "")]);
        let place = Place { bucket: "n".to_owned(), key: "z".to_owned(), version: None };
        let places: Vec<_> = found.iter().map(|one| (one, place.clone())).collect();
        let after = with_places(&document, &places).unwrap();
        assert_eq!(after.matches("{\"Bucket\": \"n\", \"Key\": \"z\"}").count(), 2, "{after}");
        assert_eq!(after.matches("{\"S3Bucket\": \"n\", \"S3Key\": \"z\"}").count(), 1, "{after}");
        assert!(after.contains("Content: {S3Bucket: b, S3Key: !Ref Key}"), "{after}");
    }

    #[test]
    fn places_stand_where_files_stood() {
        let text = "Resources:\n  A:\n    Type: AWS::Serverless::LayerVersion\n    Properties:\n      ContentUri: layer.zip # here\n  \
                    E: {Type: AWS::Lambda::LayerVersion, Properties: {Content: layer.zip}}\n";
        let document = parse(text).unwrap();
        let paths = local_paths(&document);
        let place = Place { bucket: "b".to_owned(), key: "k.zip".to_owned(), version: Some("v1".to_owned()) };
        let places: Vec<_> = paths.iter().map(|path| (path, place.clone())).collect();
        let after = with_places(&document, &places).unwrap();
        assert!(
            after.contains(
                "ContentUri: {\"Bucket\": \"b\", \"Key\": \"k.zip\", \"Version\": \"v1\"} # here\n"
            )
        );
        assert!(
            after.contains(
                "Content: {\"S3Bucket\": \"b\", \"S3Key\": \"k.zip\", \"S3ObjectVersion\": \"v1\"}}"
            )
        );
        assert!(local_paths(&parse(&after).unwrap()).is_empty());
    }
}
