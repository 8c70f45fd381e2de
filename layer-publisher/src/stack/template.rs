//! The template as it lies on this machine, with everything that can be known of it before AWS is asked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};
use template_tools::document::{Document, parse};
use template_tools::kind::{Kind, kind};
use template_tools::template::local::LocalPath;
use template_tools::template::{Parameter, capabilities, parameters, resources};

use super::change_set::{LARGEST_BODY, LARGEST_TEMPLATE, NESTED};
use super::error::StackError;
use super::local::{self, Packed};
use crate::config::hex;
use crate::ui::{Ui, shown};
use crate::zip_source::ZipSource;

/// What a template that is too large for a request is called where a bucket is missing for it.
pub(super) const LARGE: &str = "a template of more than 51,200 bytes, which has to go through S3";

/// What a file of this machine is called where a bucket is missing for it.
pub(super) fn bucket_for(local: &LocalPath) -> String {
    format!("`{}` of `{}`", local.property, local.resource)
}

/// A template that was read.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) parameters: Vec<Parameter>,
    /// The files of this machine that it names.
    pub(super) packed: Vec<Packed>,
}

impl Template {
    /// Reads the template, and the files that it names.
    pub(super) fn read(path: &Path, ui: &Ui) -> Result<Self, StackError> {
        let text = read(path)?;
        let document = parsed(path, &text)?;
        if let Some(unbuilt) = local::unbuilt(&document, path).filter(|_| !local::is_built(path)) {
            return Self::built(path, &document, unbuilt, ui);
        }
        let packed = local::pack(&document, path)?;
        let parameters = parameters(&document);
        Ok(Self { path: path.to_owned(), parameters, packed, text })
    }

    /// Reads the template of a layer's own stack, which is given the content by whoever publishes it: the file that stands
    /// there is not read.
    pub(super) fn of_layer(path: &Path) -> Result<Self, StackError> {
        let text = read(path)?;
        let parameters = parameters(&parsed(path, &text)?);
        Ok(Self { path: path.to_owned(), parameters, packed: Vec::new(), text })
    }

    /// What `sam build` has made of it, if it has, and if that names the same layers.
    fn built(
        path: &Path,
        source: &Document<'_>,
        unbuilt: local::LocalError,
        ui: &Ui,
    ) -> Result<Self, StackError> {
        let built = path.with_file_name(".aws-sam").join("build").join("template.yaml");
        if !built.is_file() {
            return Err(unbuilt.into());
        }
        let text = read(&built)?;
        let document = parsed(&built, &text)?;
        if !says_the_same_of_layers(source, &document) {
            return Err(local::LocalError::Stale { template: path.to_owned(), built }.into());
        }
        ui.status("Taking", format!("{}, what `sam build` has made of {}", shown(&built), shown(path)));
        let packed = local::pack(&document, &built)?;
        let parameters = parameters(&document);
        Ok(Self { path: built, parameters, packed, text })
    }

    /// The template as a tree.
    pub(super) fn parsed(&self) -> Document<'_> {
        // It was parsed when it was read.
        parse(&self.text).unwrap_or_else(|error| unreachable!("{error}"))
    }

    /// What of it has to go through S3, if anything has.
    pub(super) fn needs_bucket(&self) -> Option<String> {
        let local = self.packed.first().map(|packed| bucket_for(&packed.local));
        local.or_else(|| (self.text.len() > LARGEST_BODY).then(|| LARGE.to_owned()))
    }

    /// Whether it has stacks in it; an application of SAM becomes one.
    pub(super) fn has_nested(&self) -> bool {
        has_nested(&self.parsed())
    }

    /// Capabilities that the template needs and that nobody has allowed.
    pub(super) fn missing_capabilities(
        &self,
        allowed: &[String],
    ) -> std::collections::BTreeMap<String, Option<String>> {
        let has = |name: &str| {
            allowed.iter().any(|one| one == name || one == "CAPABILITY_NAMED_IAM" && name == "CAPABILITY_IAM")
        };
        let needed = capabilities(&self.parsed());
        let missing = needed.into_iter().filter(|(name, _)| !has(name));
        missing.map(|(name, resource)| (name.to_owned(), Some(resource))).collect()
    }
}

fn read(path: &Path) -> Result<String, StackError> {
    let unreadable = |source| StackError::Read { path: path.to_owned(), source };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > LARGEST_TEMPLATE as u64 {
        return Err(StackError::TooLarge { path: path.to_owned(), size });
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

fn parsed<'t>(path: &Path, text: &'t str) -> Result<Document<'t>, StackError> {
    let document = parse(text).map_err(|source| StackError::Parse { path: path.to_owned(), source })?;
    if kind(&document) != Kind::Template || resources(&document).is_empty() {
        return Err(StackError::NoResources { path: path.to_owned() });
    }
    Ok(document)
}

/// Whether a template has stacks in it.
pub(super) fn has_nested(document: &Document<'_>) -> bool {
    resources(document)
        .iter()
        .any(|one| [NESTED, "AWS::Serverless::Application"].contains(&one.kind.as_str()))
}

/// Whether the layers of every function are written alike, with the defaults of the parameters.
fn says_the_same_of_layers(one: &Document<'_>, other: &Document<'_>) -> bool {
    let layers = |document: &Document<'_>| {
        let flow = template_tools::flow::flow(document);
        let mut all = flow
            .references
            .iter()
            .flat_map(|reference| {
                let pattern = &reference.pattern;
                let version = pattern.version.to_string();
                flow.reached(&reference.functions)
                    .into_iter()
                    .map(move |index| (index, pattern, version.clone()))
            })
            .map(|(index, pattern, version)| {
                let (layer, region) = (pattern.layer.to_string(), format!("{:?}", pattern.region));
                (flow.functions[index].name.clone(), layer, region, version)
            })
            .collect::<Vec<_>>();
        all.sort();
        all.dedup();
        all
    };
    layers(one) == layers(other)
}

/// A text, as S3 gets it: bytes, size, SHA-256 in hex and in base64.
pub(super) fn as_object(text: &str) -> (ZipSource, u64, String, String) {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let bytes = ZipSource::Memory(Arc::new(text.as_bytes().to_vec()));
    (bytes, text.len() as u64, hex(&digest), BASE64.encode(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_built_from_an_older_version_is_known() {
        let with = |version: u8| {
            format!(
                "Globals: {{Function: {{Layers: ['arn:aws:lambda:us-east-1:123456789012:layer:a:{version}']}}}}\n\
                 Resources: {{F: {{Type: AWS::Serverless::Function}}}}\n"
            )
        };
        let built = |version: u8| {
            format!(
                "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Layers: ['arn:aws:lambda:us-east-1:123456789012:layer:a:{version}']\n"
            )
        };
        let same =
            |one: &str, other: &str| says_the_same_of_layers(&parse(one).unwrap(), &parse(other).unwrap());
        assert!(same(&with(2), &built(2)));
        assert!(!same(&with(2), &built(1)));
    }
}
