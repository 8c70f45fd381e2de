//! `<layer>-function.yaml` and `<layer>-snippet.yaml`: a function on the layer, in a stack of its own and in the layer's.

use super::scalar::scalar;
use super::{CONDITIONS, CONTENT, Layer, Words, content_parameters, entries, properties};
use crate::convert::{Form, convert};
use crate::ledger::Ledger;
use crate::pins::Pins;
use crate::plan::{Wanted, plan_with};

/// What a function runs on where nothing is known of the layer.
const RUNTIME: &str = "python3.13";

/// The function tells what the layer brings along: so whoever calls it sees that it is there.
const CODE: &str = "          import sys
          from importlib.metadata import distributions


          def handler(event, context):
              \"\"\"The packages that the layer brings along, with their versions.\"\"\"
              layer = [path for path in sys.path if path.startswith(\"/opt/python\")]
              return {found.metadata[\"Name\"]: found.version for found in distributions(path=layer)}
";

/// A function in a stack of its own: it names one version of the layer by its ARN.
pub(super) fn template(layer: &Layer, ledger: &Ledger, words: Words) -> String {
    let filled = fill(text(layer, ledger, words, ""), layer, ledger);
    if !filled.contains(&layer.layer_name.placeholder()) {
        return filled;
    }
    let metadata = "    Metadata:
      # cfn-lint says that a placeholder is no version. Take this away when there is one.
      cfn-lint: {config: {ignore_checks: [W1031]}}
";
    text(layer, ledger, words, metadata)
}

fn text(layer: &Layer, ledger: &Ledger, words: Words, metadata: &str) -> String {
    let (name, placeholder) = (&layer.layer_name, layer.layer_name.placeholder());
    let description = scalar(&format!("A function on the Lambda layer {name}"));
    let (runtime, architecture) = (scalar(&runtime(layer, ledger)), architecture(layer, ledger));
    let bump = words.bump;
    format!(
        "AWSTemplateFormatVersion: \"2010-09-09\"
Description: {description}

Resources:
  Function:
    Type: AWS::Lambda::Function
{metadata}    Properties:
      Description: {description}
      Runtime: {runtime}
      Architectures:
        - {architecture}
      Handler: index.handler
      Timeout: 30
      MemorySize: 256
      Role: !GetAtt FunctionRole.Arn
      Layers:
        # A function names one version of a layer, exactly. `{bump}`
        # puts the number in place and keeps it up to date. If the layer belongs to another
        # account, write that account's number for ${{AWS::AccountId}}.
        - !Sub \"arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:layer:{name}:{placeholder}\"
      Code:
        ZipFile: |
{CODE}
{ROLE}
Outputs:
  FunctionName:
    Description: What to call, as in `aws lambda invoke --function-name`
    Value: !Ref Function
"
    )
}

/// Layer and function in one template: the function refers to the layer, and follows it by itself.
pub(super) fn snippet(layer: &Layer, ledger: &Ledger, words: Words) -> String {
    let (stage, name) = (words.stage, &layer.name);
    let description = scalar(&format!("The Lambda layer {} and a function on it", layer.layer_name));
    let (parameters, properties) = (content_parameters(layer, ledger), properties(layer));
    let (runtime, architecture) =
        (newest(&layer.compatible_runtimes), preferred(&layer.compatible_architectures));
    let runtime = scalar(&runtime.unwrap_or_else(|| RUNTIME.to_owned()));
    format!(
        "AWSTemplateFormatVersion: \"2010-09-09\"
Description: {description}

# How to connect a layer to a function of the same template: take the two resources over
# into yours. In SAM the types are AWS::Serverless::LayerVersion, which has `ContentUri` and
# not `Content`, and AWS::Serverless::Function; `Layers` is the same, and may stand
# in `Globals: Function:` for all functions.

Parameters:
  # `{stage} {name}` uploads the zip, and prints these.
{parameters}
{CONDITIONS}
Resources:
  MyLambdaLayer:
    Type: AWS::Lambda::LayerVersion
    # Every change makes a new version. Without these two lines the old one would be deleted.
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
{properties}{CONTENT}
  MyLambdaFunction:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: {runtime}
      Architectures:
        - {architecture}
      Handler: index.handler
      Role: !GetAtt FunctionRole.Arn
      Layers:
        - !Ref MyLambdaLayer
      Code:
        ZipFile: |
{CODE}
{ROLE}"
    )
}

const ROLE: &str = "  FunctionRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: \"2012-10-17\"
        Statement:
          - Effect: Allow
            Principal:
              Service: lambda.amazonaws.com
            Action: sts:AssumeRole
      ManagedPolicyArns:
        - !Sub \"arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole\"
";

/// The versions of the ledger in the place of placeholders, as a bump would put them there: one number where they
/// agree, else a mapping by region. As it is where neither works.
fn fill(text: String, layer: &Layer, ledger: &Ledger) -> String {
    let pins = Pins::from_ledger(ledger);
    if !pins.has(&layer.layer_name) {
        return text;
    }
    let pins = pins.only(&layer.layer_name);
    let wanted = Wanted::new(&pins);
    let plans = [plan_with(&text, &wanted), convert(&text, &wanted, &Form::Mapping)];
    let filled =
        plans.into_iter().flatten().filter(|plan| plan.refusals.is_empty()).find_map(|plan| plan.text);
    filled.unwrap_or(text)
}

/// The newest runtime that every published version is made for; what was built may be for others.
fn runtime(layer: &Layer, ledger: &Ledger) -> String {
    let published = common(entries(ledger, layer).into_iter().map(|entry| &entry.compatible_runtimes));
    let known = published.filter(|runtimes| !runtimes.is_empty());
    newest(known.as_ref().unwrap_or(&layer.compatible_runtimes)).unwrap_or_else(|| RUNTIME.to_owned())
}

fn architecture(layer: &Layer, ledger: &Ledger) -> &'static str {
    let published = common(entries(ledger, layer).into_iter().map(|entry| &entry.compatible_architectures));
    let known = published.filter(|architectures| !architectures.is_empty());
    preferred(known.as_ref().unwrap_or(&layer.compatible_architectures))
}

/// What all lists that say something have in common.
fn common<'l>(lists: impl Iterator<Item = &'l Vec<String>>) -> Option<Vec<String>> {
    lists.filter(|list| !list.is_empty()).fold(None, |common, list| match common {
        None => Some(list.clone()),
        Some(common) => Some(common.into_iter().filter(|item| list.contains(item)).collect()),
    })
}

/// `python3.13` comes after `python3.9`.
fn newest(runtimes: &[String]) -> Option<String> {
    let number = |runtime: &&String| -> Option<(u32, u32)> {
        let (major, minor) = runtime.strip_prefix("python")?.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    runtimes.iter().max_by_key(number).cloned()
}

/// arm64, which costs less, where the layer serves both.
fn preferred(architectures: &[String]) -> &'static str {
    let has = |name: &str| architectures.iter().any(|architecture| architecture == name);
    if has("arm64") { "arm64" } else { "x86_64" }
}
