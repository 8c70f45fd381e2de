//! The templates that we hand out: a layer made by CloudFormation, one made by SAM, and functions that use one.
//!
//! Pure: what is known of a layer in, texts out. They are for people to read and to change, so they say in comments
//! what each line is there for. What the ledger knows stands in them already; for all else there is the layer's
//! placeholder, which a bump fills in.

mod cloudformation;
mod function;
mod sam;
mod scalar;

use std::fmt::Write as _;

use crate::arn::{LayerName, Region};
use crate::ledger::{Entry, Ledger};

use scalar::scalar;

/// At most, in characters (API reference, PublishLayerVersion).
const DESCRIPTION: usize = 256;
/// At most, in characters (API reference, PublishLayerVersion).
const LICENSE: usize = 512;
/// At most, in characters (API reference, CreateStack).
const STACK_NAME: usize = 128;

/// What is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A template of CloudFormation that makes the layer of a zip in S3.
    CloudFormation,
    /// A template of SAM that makes the layer of a zip on this machine, and the configuration to deploy it.
    Sam,
    /// A function on the layer in a stack of its own, and one in the layer's own template.
    Function,
}

/// What is known of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What our commands know it by: `sosw` in `[layers.sosw]`, or the name of what was built of it.
    pub name: String,
    /// Its name at AWS.
    pub layer_name: LayerName,
    /// What a version is described with.
    pub description: Option<String>,
    /// LicenseInfo.
    pub license: Option<String>,
    /// CompatibleRuntimes: `python3.12`; empty if they are not known.
    pub compatible_runtimes: Vec<String>,
    /// CompatibleArchitectures; empty if they are not known.
    pub compatible_architectures: Vec<String>,
    /// Where its zip lies or will lie, from the folder of the template, with `/` between folders.
    pub zip: String,
    /// The region that it is published to first.
    pub region: Option<Region>,
}

/// How the commands that comments name are typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// Builds a layer.
    pub build: &'static str,
    /// Uploads a zip to S3.
    pub stage: &'static str,
    /// Brings templates to new versions.
    pub bump: &'static str,
}

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StarterFile {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// The files of one kind for a layer.
pub fn starter(kind: Kind, layer: &Layer, ledger: &Ledger, words: Words) -> Vec<StarterFile> {
    let file = |name: String, text: String| StarterFile { name, text };
    let name = &layer.layer_name;
    match kind {
        Kind::CloudFormation => {
            vec![file(format!("{name}-layer.yaml"), cloudformation::template(layer, ledger, words))]
        }
        Kind::Sam => vec![
            file("template.yaml".to_owned(), sam::template(layer, words)),
            file("samconfig.toml".to_owned(), sam::config(layer)),
        ],
        Kind::Function => vec![
            file(format!("{name}-function.yaml"), function::template(layer, ledger, words)),
            file(format!("{name}-snippet.yaml"), function::snippet(layer, ledger, words)),
        ],
    }
}

/// The name of the stack that makes a layer: `sosw-layer`. A stack's name has letters, digits and `-`, begins with a
/// letter, and has at most 128 characters (API reference, CreateStack).
pub fn stack_name(layer: &LayerName) -> String {
    const END: &str = "-layer";
    let name = layer.as_str().replace('_', "-");
    let lead = if name.starts_with(|first: char| first.is_ascii_alphabetic()) { "" } else { "layer-" };
    let mut stack = format!("{lead}{name}");
    stack.truncate(STACK_NAME - END.len());
    stack + END
}

/// What the ledger says of the layer, for each account and region.
fn entries<'l>(ledger: &'l Ledger, layer: &Layer) -> Vec<&'l Entry> {
    ledger.entries().filter(|entry| entry.layer_version_arn.layer == layer.layer_name).collect()
}

/// LayerName and all else that describes a version, as properties. Both kinds of resources have them in common.
fn properties(layer: &Layer) -> String {
    let mut text = format!("      LayerName: {}\n", scalar(layer.layer_name.as_str()));
    if let Some(description) = layer.description.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        let cut: String = description.chars().take(DESCRIPTION).collect();
        let _ = writeln!(text, "      Description: {}", scalar(&cut));
    }
    if let Some(license) = layer.license.as_deref().filter(|license| license.chars().count() <= LICENSE) {
        let _ = writeln!(text, "      LicenseInfo: {}", scalar(license));
    }
    for (property, items) in [
        ("CompatibleRuntimes", &layer.compatible_runtimes),
        ("CompatibleArchitectures", &layer.compatible_architectures),
    ] {
        if !items.is_empty() {
            let _ = writeln!(text, "      {property}:");
            for item in items {
                let _ = writeln!(text, "        - {}", scalar(item));
            }
        }
    }
    text
}

/// The parameters that say where the zip lies, with what the ledger knows as their defaults.
fn content_parameters(layer: &Layer, ledger: &Ledger) -> String {
    let contents: Vec<_> =
        entries(ledger, layer).into_iter().filter_map(|entry| entry.content.as_ref()).collect();
    // What is not the same everywhere is asked for: a default would be wrong in some region.
    let same = |field: fn(&crate::ledger::Content) -> &str| {
        let first = field(contents.first()?);
        contents.iter().all(|content| field(content) == first).then(|| first.to_owned())
    };
    let bucket = same(|content| &content.bucket).map_or_else(String::new, |bucket| default(&bucket));
    let key = default(&same(|content| &content.key).unwrap_or_else(|| layer.layer_name.placeholder()));
    format!(
        "  S3Bucket:
    Type: String
    Description: The bucket with the zip of the layer, in the region of the stack
{bucket}  S3Key:
    Type: String
    Description: The key of the zip; it holds the hash of the content, so that another zip makes another version
{key}  S3ObjectVersion:
    Type: String
    Description: The version of the object where the bucket keeps versions; may be empty
    Default: \"\"
"
    )
}

fn default(value: &str) -> String {
    format!("    Default: {}\n", scalar(value))
}

/// Whether [`content_parameters`] name a version of the object.
const CONDITIONS: &str = "Conditions:
  HasObjectVersion: !Not [!Equals [!Ref S3ObjectVersion, \"\"]]
";

/// Where the zip lies, by [`content_parameters`].
const CONTENT: &str = "      Content:
        S3Bucket: !Ref S3Bucket
        S3Key: !Ref S3Key
        S3ObjectVersion: !If [HasObjectVersion, !Ref S3ObjectVersion, !Ref \"AWS::NoValue\"]
";

#[cfg(test)]
mod tests;
