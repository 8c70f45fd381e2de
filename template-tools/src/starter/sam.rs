//! `template.yaml` and `samconfig.toml`: what `sam build && sam deploy` needs to make the layer.

use super::scalar::scalar;
use super::{Layer, Words, properties, stack_name};

/// The template.
pub(super) fn template(layer: &Layer, words: Words) -> String {
    let build = words.build;
    let (name, description) = (&layer.name, scalar(&format!("The Lambda layer {}", layer.layer_name)));
    let (zip, properties) = (scalar(&layer.zip), properties(layer));
    format!(
        "AWSTemplateFormatVersion: \"2010-09-09\"
Transform: AWS::Serverless-2016-10-31
Description: {description}

# `{build} {name}` builds the zip; `sam build && sam deploy`
# uploads it and publishes the layer. samconfig.toml names the stack and the region.

Resources:
  LayerVersion:
    Type: AWS::Serverless::LayerVersion
    # Another zip makes a new version. The old one is kept, for every stack that names it:
    # when it is replaced, when the stack is deleted, and when SAM gives the new one
    # another logical id.
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
{properties}      # In SAM this is `ContentUri`, and may be a file of this machine; in CloudFormation it
      # is `Content`, with S3Bucket and S3Key.
      ContentUri: {zip}
      RetentionPolicy: Retain

Outputs:
  # There is no `Export` here on purpose: while another stack imports an ARN, it cannot
  # change, and no new version could be published.
  LayerVersionArn:
    Description: The ARN of the version, for the Layers of functions
    Value: !Ref LayerVersion
"
    )
}

/// The configuration.
pub(super) fn config(layer: &Layer) -> String {
    let stack = stack_name(&layer.layer_name);
    let region = match &layer.region {
        Some(region) => format!("region = \"{region}\"\n"),
        None => "# region = \"us-west-2\"   # without it, that of the profile\n".to_owned(),
    };
    format!(
        "# What `sam build` and `sam deploy` are to know, beside template.yaml.
version = 0.1

[default.global.parameters]
stack_name = \"{stack}\"
{region}
[default.deploy.parameters]
# The zip goes to the bucket that SAM keeps for such things. `s3_bucket = \"…\"` names another.
resolve_s3 = true
s3_prefix = \"{stack}\"
# Nothing to do is no failure.
fail_on_empty_changeset = false
"
    )
}
