//! The layers that a template makes itself, and where their content is said to lie.

use super::evaluate::{Evaluator, plain};
use super::value::{Home, Source};
use crate::document::{Document, NodeId};

/// A part of where a layer's content lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContentPart {
    /// The bucket.
    Bucket,
    /// The key.
    Key,
    /// The object's version.
    Version,
    /// All of it in one text, as SAM has it.
    Uri,
}

/// One part, as the template says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentField {
    /// Which part.
    pub part: ContentPart,
    /// The property's value.
    pub node: NodeId,
    /// What it comes to; `${name}` for what is known only when a stack is deployed.
    pub text: String,
    /// The scalar that holds all of it, if there is one, and the part of the template that it is in.
    pub leaf: Option<(NodeId, Home)>,
}

/// A resource that makes a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its logical id.
    pub resource: String,
    /// The resource.
    pub node: NodeId,
    /// The layer's name, if it is known here.
    pub layer: Option<String>,
    /// Where the content lies.
    pub content: Vec<ContentField>,
    /// `CompatibleRuntimes`, as they stand.
    pub runtimes: Option<NodeId>,
    /// `CompatibleArchitectures`, as they stand.
    pub architectures: Option<NodeId>,
}

/// All layers that a file makes.
pub fn definitions(document: &Document<'_>) -> Vec<Definition> {
    let mut all = Vec::new();
    for &root in document.roots() {
        let evaluator = Evaluator::new(document, root, &[]);
        for resources in document.values(root, "Resources") {
            for &(name, node) in document.pairs(resources) {
                let kinds = document.values(node, "Type");
                let kind = kinds.iter().find_map(|kind| document.scalar(*kind));
                let is_sam = match kind {
                    Some("AWS::Lambda::LayerVersion") => false,
                    Some("AWS::Serverless::LayerVersion") => true,
                    _ => continue,
                };
                all.extend(document.scalar(name).map(|name| definition(&evaluator, name, node, is_sam)));
            }
        }
    }
    all
}

fn definition(evaluator: &Evaluator<'_, '_>, name: &str, node: NodeId, is_sam: bool) -> Definition {
    let document = evaluator.document;
    let properties = document.values(node, "Properties");
    let values = |key: &str| -> Vec<NodeId> {
        properties.iter().flat_map(|properties| document.values(*properties, key)).collect()
    };
    let names = values("LayerName");
    let layer = match names.first() {
        Some(node) => evaluator.one_text(*node).map(|(text, _)| text),
        // SAM calls a layer like its resource; CloudFormation invents a name.
        None => is_sam.then(|| name.to_owned()),
    };
    let mut content = Vec::new();
    let mut field = |part, node: NodeId| {
        let node = present(document, node);
        let Some((text, source)) = evaluator.one_text(node) else { return };
        let leaf = source.and_then(|(source, home)| match source {
            Source::Leaf(leaf) => Some((leaf, home)),
            Source::Given(_) => None,
        });
        content.push(ContentField { part, node, text, leaf });
    };
    if is_sam {
        for place in values("ContentUri") {
            if document.pairs(place).is_empty() || document.intrinsic(place).is_some() {
                field(ContentPart::Uri, place);
                continue;
            }
            for (key, part) in [
                ("Bucket", ContentPart::Bucket),
                ("Key", ContentPart::Key),
                ("Version", ContentPart::Version),
            ] {
                document.values(place, key).into_iter().for_each(|node| field(part, node));
            }
        }
    } else {
        for place in values("Content") {
            for (key, part) in [
                ("S3Bucket", ContentPart::Bucket),
                ("S3Key", ContentPart::Key),
                ("S3ObjectVersion", ContentPart::Version),
            ] {
                document.values(place, key).into_iter().for_each(|node| field(part, node));
            }
        }
    }
    let list = |key: &str| {
        values(key).first().copied().filter(|list| {
            let items = document.items(*list).filter(|_| document.intrinsic(*list).is_none());
            items.is_some_and(|items| items.iter().all(|item| plain(document, *item).is_some()))
        })
    };
    Definition {
        resource: name.to_owned(),
        node,
        layer,
        content,
        runtimes: list("CompatibleRuntimes"),
        architectures: list("CompatibleArchitectures"),
    }
}

/// What a property is if it is there at all: the other branch where one of `Fn::If` is `AWS::NoValue`.
fn present(document: &Document<'_>, node: NodeId) -> NodeId {
    let is_nothing = |branch: NodeId| {
        document
            .intrinsic(branch)
            .is_some_and(|call| call.name == "Ref" && document.scalar(call.argument) == Some("AWS::NoValue"))
    };
    let argument = document.intrinsic(node).filter(|call| call.name == "Fn::If").map(|call| call.argument);
    match argument.and_then(|argument| document.items(argument)) {
        Some(&[_, yes, no]) if is_nothing(no) => yes,
        Some(&[_, yes, no]) if is_nothing(yes) => no,
        _ => node,
    }
}
