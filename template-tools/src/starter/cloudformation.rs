//! `<layer>-layer.yaml`: a template of CloudFormation that makes the layer of a zip in S3.

use super::scalar::scalar;
use super::{CONDITIONS, CONTENT, Layer, Words, content_parameters, properties};
use crate::ledger::Ledger;

/// The template.
pub(super) fn template(layer: &Layer, ledger: &Ledger, words: Words) -> String {
    let Words { stage, bump, .. } = words;
    let (name, description) = (&layer.name, scalar(&format!("The Lambda layer {}", layer.layer_name)));
    let (parameters, properties) = (content_parameters(layer, ledger), properties(layer));
    format!(
        "AWSTemplateFormatVersion: \"2010-09-09\"
Description: {description}

# A stack of this template publishes the layer. `{stage} {name}`
# uploads the zip, and prints the parameters and the line that creates the stack. For
# another zip, stage it and update the stack with its S3Key.

Parameters:
  # `{bump} --update-content` sets the defaults to what the ledger says. A stack
  # that exists keeps its values until it is given others.
{parameters}
{CONDITIONS}
Resources:
  LayerVersion:
    Type: AWS::Lambda::LayerVersion
    # Every change makes a new version. Without these two lines the old one would be
    # deleted, and with it the way back, for every stack that names it.
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
{properties}{CONTENT}
Outputs:
  # There is no `Export` here on purpose: while another stack imports an ARN, it cannot
  # change, and no new version could be published.
  LayerVersionArn:
    Description: The ARN of the version, for the Layers of functions
    Value: !Ref LayerVersion
"
    )
}
