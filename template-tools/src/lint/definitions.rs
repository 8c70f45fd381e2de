//! Rules about the resources that make layers, and about what hands their ARNs on.

use super::rules::{CONTENT, CONTENT_URI, EXPORT, FIXED_KEY, RETAIN};
use super::{Linter, Resource};
use crate::document::NodeId;
use crate::flow::Text;

const LAMBDA_LAYER: &str = "AWS::Lambda::LayerVersion";
const SAM_LAYER: &str = "AWS::Serverless::LayerVersion";
const PERMISSION: &str = "AWS::Lambda::LayerVersionPermission";

impl Linter<'_, '_> {
    pub(super) fn definitions(&mut self) {
        for &root in self.document.roots() {
            let resources = self.resources(root);
            for resource in &resources {
                match resource.kind {
                    LAMBDA_LAYER => {
                        self.wrong_keys(resource);
                        self.retained(resource);
                        self.fixed_key(resource);
                    }
                    SAM_LAYER => {
                        self.sam_layer(resource);
                        self.fixed_key(resource);
                    }
                    PERMISSION => self.retained(resource),
                    _ => {}
                }
            }
            self.exports(root, &resources);
        }
    }

    fn wrong_keys(&mut self, resource: &Resource<'_>) {
        for properties in self.properties(resource.node) {
            for key in ["ContentUri", "RetentionPolicy"] {
                if let Some(at) = self.key(properties, key) {
                    let message =
                        format!("`{}` has `{key}`, which is SAM's and not CloudFormation's", resource.name);
                    self.find(CONTENT_URI, resource.node, at, message);
                }
            }
        }
    }

    fn retained(&mut self, resource: &Resource<'_>) {
        let missing = |policy: &&str| {
            let values = self.document.values(resource.node, policy);
            !values.iter().any(|value| {
                self.document.scalar(*value).is_some_and(|value| {
                    value.starts_with("Retain") && **policy == *"DeletionPolicy" || value == "Retain"
                })
            })
        };
        let missing: Vec<_> =
            ["DeletionPolicy", "UpdateReplacePolicy"].into_iter().filter(|policy| missing(policy)).collect();
        if !missing.is_empty() {
            let names = missing.join("` and `");
            let message =
                format!("`{}` is deleted with its next change: no `Retain` in `{names}`", resource.name);
            let at = self.key(resource.node, "Type").unwrap_or(resource.node);
            self.find(RETAIN, resource.node, at, message);
        }
    }

    fn sam_layer(&mut self, resource: &Resource<'_>) {
        for properties in self.properties(resource.node) {
            if let Some(at) = self.key(properties, "Content") {
                let message =
                    format!("`{}` has `Content`, which is CloudFormation's and not SAM's", resource.name);
                self.find(CONTENT, resource.node, at, message);
            }
            for policy in self.document.values(properties, "RetentionPolicy") {
                if self.document.scalar(policy) == Some("Delete") {
                    let message = format!("`{}` is deleted with its next change", resource.name);
                    self.find(RETAIN, resource.node, policy, message);
                }
            }
        }
    }

    /// A key written out, without a hash in it and without the object's version.
    fn fixed_key(&mut self, resource: &Resource<'_>) {
        let properties = self.properties(resource.node);
        let mut places: Vec<(NodeId, &str, &str)> = Vec::new();
        places.extend(
            self.values(&properties, "Content").into_iter().map(|place| (place, "S3Key", "S3ObjectVersion")),
        );
        places.extend(
            self.values(&properties, "ContentUri").into_iter().map(|place| (place, "Key", "Version")),
        );
        for (place, key, version) in places {
            if let Some(text) = self.written(place)
                && let Some((_, key)) = text.strip_prefix("s3://").and_then(|text| text.split_once('/'))
                && !has_hash(key)
                && !key.contains("versionId=")
            {
                let message = format!("`{}` has its content at the fixed place `{text}`", resource.name);
                self.find(FIXED_KEY, resource.node, place, message);
            }
            if !self.document.values(place, version).is_empty() {
                continue;
            }
            for value in self.document.values(place, key) {
                if let Some(text) = self.written(value).filter(|text| !has_hash(text)) {
                    let message = format!("`{}` has its content under the fixed key `{text}`", resource.name);
                    self.find(FIXED_KEY, resource.node, value, message);
                }
            }
        }
    }

    fn exports(&mut self, root: NodeId, resources: &[Resource<'_>]) {
        for outputs in self.document.values(root, "Outputs") {
            for &(name, output) in self.document.pairs(outputs) {
                if self.document.values(output, "Export").is_empty() {
                    continue;
                }
                let is_layer = |text: Text| match text {
                    Text::Known(text) => text.contains(":layer:"),
                    Text::Resource(name) => resources.iter().any(|resource| {
                        resource.name == name && [LAMBDA_LAYER, SAM_LAYER].contains(&resource.kind)
                    }),
                };
                let values = self.document.values(output, "Value");
                if values.iter().flat_map(|value| self.texts(root, *value)).any(is_layer) {
                    let name_text = self.document.scalar(name).unwrap_or_default();
                    let message = format!("output `{name_text}` exports the ARN of a layer version");
                    let at = self.key(output, "Export").unwrap_or(name);
                    self.find(EXPORT, output, at, message);
                }
            }
        }
    }
}

/// Whether a key looks as if it changed with the content: it holds eight hexadecimal digits in a row, one of them a
/// letter or not, or something that is replaced.
fn has_hash(text: &str) -> bool {
    let mut run = 0;
    text.contains("${")
        || text.bytes().any(|byte| {
            run = if byte.is_ascii_hexdigit() { run + 1 } else { 0 };
            run >= 8
        })
}
