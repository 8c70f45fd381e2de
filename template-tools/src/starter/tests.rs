//! What is handed out: whole, as it is read; and what our own tools say of it.

use expect_test::{Expect, expect};

use super::*;
use crate::content::update_content;
use crate::document::{Document, NodeId, parse};
use crate::ledger::Content;
use crate::lint::lint;
use crate::pins::Pins;
use crate::plan::{Plan, Wanted, plan_with};

const KINDS: [Kind; 3] = [Kind::CloudFormation, Kind::Sam, Kind::Function];

const WORDS: Words = Words {
    build: "cargo xtask build-layer",
    stage: "cargo xtask stage",
    bump: "cargo xtask bump-templates",
};

fn texts(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn layer() -> Layer {
    Layer {
        name: "sosw".to_owned(),
        layer_name: LayerName::new("sosw").unwrap(),
        description: Some("sosw: and its \"companions\"".to_owned()),
        license: Some("MIT".to_owned()),
        compatible_runtimes: texts(&["python3.9", "python3.13"]),
        compatible_architectures: texts(&["arm64", "x86_64"]),
        zip: "target/layers/sosw.zip".to_owned(),
        region: Some(Region::new("us-west-2").unwrap()),
    }
}

fn entry(region: &str, version: u64) -> Entry {
    Entry {
        content: Some(Content {
            bucket: format!("layers-{region}"),
            key: "lambda-layers/sosw/0123.zip".to_owned(),
            version: Some(format!("v-{region}")),
        }),
        compatible_runtimes: texts(&["python3.12", "python3.9"]),
        compatible_architectures: texts(&["x86_64"]),
        ..Entry::new(format!("arn:aws:lambda:{region}:123456789012:layer:sosw:{version}").parse().unwrap())
    }
}

fn ledger(entries: &[(&str, u64)]) -> Ledger {
    entries.iter().map(|(region, version)| entry(region, *version)).collect()
}

/// Every file of a kind, with its name before it.
fn check(kind: Kind, ledger: &Ledger, expected: Expect) {
    let files = starter(kind, &layer(), ledger, WORDS);
    let text = |file: &StarterFile| format!("=== {}\n{}", file.name, file.text);
    expected.assert_eq(&files.iter().map(text).collect::<Vec<_>>().concat());
}

fn yaml(kind: Kind, ledger: &Ledger) -> Vec<StarterFile> {
    let mut files = starter(kind, &layer(), ledger, WORDS);
    files.retain(|file| file.name.ends_with(".yaml"));
    files
}

fn at(document: &Document<'_>, path: &[&str]) -> Option<NodeId> {
    let root = document.roots()[0];
    path.iter().try_fold(root, |node, key| document.values(node, key).first().copied())
}

fn text_at(text: &str, path: &[&str]) -> Option<String> {
    let document = parse(text).unwrap();
    at(&document, path).and_then(|node| document.scalar(node).map(str::to_owned))
}

#[test]
fn cloudformation() {
    check(
        Kind::CloudFormation,
        &Ledger::default(),
        expect![[r#"
        === sosw-layer.yaml
        AWSTemplateFormatVersion: "2010-09-09"
        Description: The Lambda layer sosw

        # A stack of this template publishes the layer. `cargo xtask stage sosw`
        # uploads the zip, and prints the parameters and the line that creates the stack. For
        # another zip, stage it and update the stack with its S3Key.

        Parameters:
          # `cargo xtask bump-templates --update-content` sets the defaults to what the ledger says. A stack
          # that exists keeps its values until it is given others.
          S3Bucket:
            Type: String
            Description: The bucket with the zip of the layer, in the region of the stack
          S3Key:
            Type: String
            Description: The key of the zip; it holds the hash of the content, so that another zip makes another version
            Default: SOSW_LAYER_PLACEHOLDER
          S3ObjectVersion:
            Type: String
            Description: The version of the object where the bucket keeps versions; may be empty
            Default: ""

        Conditions:
          HasObjectVersion: !Not [!Equals [!Ref S3ObjectVersion, ""]]

        Resources:
          LayerVersion:
            Type: AWS::Lambda::LayerVersion
            # Every change makes a new version. Without these two lines the old one would be
            # deleted, and with it the way back, for every stack that names it.
            DeletionPolicy: Retain
            UpdateReplacePolicy: Retain
            Properties:
              LayerName: sosw
              Description: "sosw: and its \"companions\""
              LicenseInfo: MIT
              CompatibleRuntimes:
                - python3.9
                - python3.13
              CompatibleArchitectures:
                - arm64
                - x86_64
              Content:
                S3Bucket: !Ref S3Bucket
                S3Key: !Ref S3Key
                S3ObjectVersion: !If [HasObjectVersion, !Ref S3ObjectVersion, !Ref "AWS::NoValue"]

        Outputs:
          # There is no `Export` here on purpose: while another stack imports an ARN, it cannot
          # change, and no new version could be published.
          LayerVersionArn:
            Description: The ARN of the version, for the Layers of functions
            Value: !Ref LayerVersion
    "#]],
    );
}

#[test]
fn sam() {
    check(
        Kind::Sam,
        &Ledger::default(),
        expect![[r#"
        === template.yaml
        AWSTemplateFormatVersion: "2010-09-09"
        Transform: AWS::Serverless-2016-10-31
        Description: The Lambda layer sosw

        # `cargo xtask build-layer sosw` builds the zip; `sam build && sam deploy`
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
              LayerName: sosw
              Description: "sosw: and its \"companions\""
              LicenseInfo: MIT
              CompatibleRuntimes:
                - python3.9
                - python3.13
              CompatibleArchitectures:
                - arm64
                - x86_64
              # In SAM this is `ContentUri`, and may be a file of this machine; in CloudFormation it
              # is `Content`, with S3Bucket and S3Key.
              ContentUri: target/layers/sosw.zip
              RetentionPolicy: Retain

        Outputs:
          # There is no `Export` here on purpose: while another stack imports an ARN, it cannot
          # change, and no new version could be published.
          LayerVersionArn:
            Description: The ARN of the version, for the Layers of functions
            Value: !Ref LayerVersion
        === samconfig.toml
        # What `sam build` and `sam deploy` are to know, beside template.yaml.
        version = 0.1

        [default.global.parameters]
        stack_name = "sosw-layer"
        region = "us-west-2"

        [default.deploy.parameters]
        # The zip goes to the bucket that SAM keeps for such things. `s3_bucket = "…"` names another.
        resolve_s3 = true
        s3_prefix = "sosw-layer"
        # Nothing to do is no failure.
        fail_on_empty_changeset = false
    "#]],
    );
}

#[test]
fn function() {
    check(
        Kind::Function,
        &Ledger::default(),
        expect![[r#"
        === sosw-function.yaml
        AWSTemplateFormatVersion: "2010-09-09"
        Description: A function on the Lambda layer sosw

        Resources:
          Function:
            Type: AWS::Lambda::Function
            Metadata:
              # cfn-lint says that a placeholder is no version. Take this away when there is one.
              cfn-lint: {config: {ignore_checks: [W1031]}}
            Properties:
              Description: A function on the Lambda layer sosw
              Runtime: python3.13
              Architectures:
                - arm64
              Handler: index.handler
              Timeout: 30
              MemorySize: 256
              Role: !GetAtt FunctionRole.Arn
              Layers:
                # A function names one version of a layer, exactly. `cargo xtask bump-templates`
                # puts the number in place and keeps it up to date. If the layer belongs to another
                # account, write that account's number for ${AWS::AccountId}.
                - !Sub "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:SOSW_LAYER_PLACEHOLDER"
              Code:
                ZipFile: |
                  import sys
                  from importlib.metadata import distributions


                  def handler(event, context):
                      """The packages that the layer brings along, with their versions."""
                      layer = [path for path in sys.path if path.startswith("/opt/python")]
                      return {found.metadata["Name"]: found.version for found in distributions(path=layer)}

          FunctionRole:
            Type: AWS::IAM::Role
            Properties:
              AssumeRolePolicyDocument:
                Version: "2012-10-17"
                Statement:
                  - Effect: Allow
                    Principal:
                      Service: lambda.amazonaws.com
                    Action: sts:AssumeRole
              ManagedPolicyArns:
                - !Sub "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"

        Outputs:
          FunctionName:
            Description: What to call, as in `aws lambda invoke --function-name`
            Value: !Ref Function
        === sosw-snippet.yaml
        AWSTemplateFormatVersion: "2010-09-09"
        Description: The Lambda layer sosw and a function on it

        # How to connect a layer to a function of the same template: take the two resources over
        # into yours. In SAM the types are AWS::Serverless::LayerVersion, which has `ContentUri` and
        # not `Content`, and AWS::Serverless::Function; `Layers` is the same, and may stand
        # in `Globals: Function:` for all functions.

        Parameters:
          # `cargo xtask stage sosw` uploads the zip, and prints these.
          S3Bucket:
            Type: String
            Description: The bucket with the zip of the layer, in the region of the stack
          S3Key:
            Type: String
            Description: The key of the zip; it holds the hash of the content, so that another zip makes another version
            Default: SOSW_LAYER_PLACEHOLDER
          S3ObjectVersion:
            Type: String
            Description: The version of the object where the bucket keeps versions; may be empty
            Default: ""

        Conditions:
          HasObjectVersion: !Not [!Equals [!Ref S3ObjectVersion, ""]]

        Resources:
          MyLambdaLayer:
            Type: AWS::Lambda::LayerVersion
            # Every change makes a new version. Without these two lines the old one would be deleted.
            DeletionPolicy: Retain
            UpdateReplacePolicy: Retain
            Properties:
              LayerName: sosw
              Description: "sosw: and its \"companions\""
              LicenseInfo: MIT
              CompatibleRuntimes:
                - python3.9
                - python3.13
              CompatibleArchitectures:
                - arm64
                - x86_64
              Content:
                S3Bucket: !Ref S3Bucket
                S3Key: !Ref S3Key
                S3ObjectVersion: !If [HasObjectVersion, !Ref S3ObjectVersion, !Ref "AWS::NoValue"]

          MyLambdaFunction:
            Type: AWS::Lambda::Function
            Properties:
              Runtime: python3.13
              Architectures:
                - arm64
              Handler: index.handler
              Role: !GetAtt FunctionRole.Arn
              Layers:
                - !Ref MyLambdaLayer
              Code:
                ZipFile: |
                  import sys
                  from importlib.metadata import distributions


                  def handler(event, context):
                      """The packages that the layer brings along, with their versions."""
                      layer = [path for path in sys.path if path.startswith("/opt/python")]
                      return {found.metadata["Name"]: found.version for found in distributions(path=layer)}

          FunctionRole:
            Type: AWS::IAM::Role
            Properties:
              AssumeRolePolicyDocument:
                Version: "2012-10-17"
                Statement:
                  - Effect: Allow
                    Principal:
                      Service: lambda.amazonaws.com
                    Action: sts:AssumeRole
              ManagedPolicyArns:
                - !Sub "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    "#]],
    );
}

#[test]
fn our_own_lint_finds_nothing_and_lines_fit() {
    let ledgers =
        [Ledger::default(), ledger(&[("us-west-2", 7)]), ledger(&[("us-west-2", 7), ("eu-west-1", 8)])];
    for (kind, ledger) in KINDS.iter().flat_map(|kind| ledgers.iter().map(move |ledger| (*kind, ledger))) {
        for StarterFile { name, text } in yaml(kind, ledger) {
            let linted = lint(&text, &Pins::from_ledger(ledger)).unwrap();
            assert_eq!((linted.found, linted.ignored), (vec![], 0), "{name}\n{text}");
            let is_long = |line: &&str| line.chars().count() > 120 && !line.contains(":layer:");
            let long = text.lines().find(|line| is_long(line) || line.ends_with(' '));
            assert_eq!(long, None, "{name}");
        }
    }
}

#[test]
fn both_policies_retain_and_nothing_is_exported() {
    for (kind, resource) in [
        (Kind::CloudFormation, "LayerVersion"),
        (Kind::Sam, "LayerVersion"),
        (Kind::Function, "MyLambdaLayer"),
    ] {
        let text = yaml(kind, &Ledger::default()).pop().unwrap().text;
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(text_at(&text, &["Resources", resource, policy]).as_deref(), Some("Retain"), "{text}");
        }
        let is_export = |line: &str| line.trim_start().starts_with("Export");
        assert!(!text.lines().any(is_export), "{text}");
    }
    let text = &yaml(Kind::Sam, &Ledger::default())[0].text;
    let policy = text_at(text, &["Resources", "LayerVersion", "Properties", "RetentionPolicy"]);
    assert_eq!(policy.as_deref(), Some("Retain"));
}

fn bump(text: &str, ledger: &Ledger) -> Plan {
    let pins = Pins::from_ledger(ledger);
    let plan = plan_with(text, &Wanted::new(&pins)).unwrap();
    assert_eq!(plan.refusals, [], "{text}");
    plan
}

#[test]
fn a_function_starts_with_the_published_version_or_a_placeholder() {
    let version = |files: &[StarterFile]| {
        let line = files[0].text.lines().find(|line| line.contains(":layer:")).unwrap().to_owned();
        line.trim_end_matches('"').rsplit(':').next().unwrap().to_owned()
    };
    let start = starter(Kind::Function, &layer(), &Ledger::default(), WORDS);
    assert_eq!(version(&start), "SOSW_LAYER_PLACEHOLDER");
    assert!(start[0].text.contains("ignore_checks: [W1031]"));
    // A bump fills it in, and keeps it up to date.
    let seven = ledger(&[("us-west-2", 7), ("eu-west-1", 7)]);
    let bumped = bump(&start[0].text, &ledger_for(&start[0].text, &seven)).text.unwrap();
    assert!(bumped.contains(":layer:sosw:7\""), "{bumped}");

    let files = starter(Kind::Function, &layer(), &seven, WORDS);
    assert_eq!(version(&files), "7");
    assert!(!files[0].text.contains("Metadata"));
    // The runtime is one of the published version, whatever is built by now.
    assert_eq!(
        text_at(&files[0].text, &["Resources", "Function", "Properties", "Runtime"]).as_deref(),
        Some("python3.12")
    );
    assert_eq!(bump(&files[0].text, &seven).text, None);
    let bumped = bump(&files[0].text, &ledger(&[("us-west-2", 8), ("eu-west-1", 8)])).text.unwrap();
    assert_eq!(bumped, files[0].text.replace("sosw:7", "sosw:8"));
}

/// The same versions, made for the runtime and the architecture that the function has.
fn ledger_for(text: &str, ledger: &Ledger) -> Ledger {
    let runtime = text_at(text, &["Resources", "Function", "Properties", "Runtime"]).unwrap();
    let fits = |entry: &Entry| Entry {
        compatible_runtimes: vec![runtime.clone()],
        compatible_architectures: Vec::new(),
        ..entry.clone()
    };
    ledger.entries().map(fits).collect()
}

#[test]
fn versions_that_differ_by_region_become_a_mapping() {
    let ledger = ledger(&[("us-west-2", 7), ("eu-west-1", 8)]);
    let text = &yaml(Kind::Function, &ledger)[0].text;
    assert!(text.contains("Mappings:") && !text.contains("PLACEHOLDER"), "{text}");
    assert_eq!(bump(text, &ledger).text, None);
}

#[test]
fn content_starts_with_what_the_ledger_knows_everywhere() {
    let default = |text: &str, name: &str| text_at(text, &["Parameters", name, "Default"]);
    for kind in [Kind::CloudFormation, Kind::Function] {
        let text = |ledger: &Ledger| yaml(kind, ledger).pop().unwrap().text;
        let none = text(&Ledger::default());
        assert_eq!(default(&none, "S3Key").as_deref(), Some("SOSW_LAYER_PLACEHOLDER"));
        // Without parameters no stack comes into being: nobody knows the bucket.
        assert_eq!(default(&none, "S3Bucket"), None);
        let one = text(&ledger(&[("us-west-2", 7)]));
        assert_eq!(default(&one, "S3Bucket").as_deref(), Some("layers-us-west-2"));
        assert_eq!(default(&one, "S3Key").as_deref(), Some("lambda-layers/sosw/0123.zip"));
        assert_eq!(default(&one, "S3ObjectVersion").as_deref(), Some(""));
        let two = ledger(&[("us-west-2", 7), ("eu-west-1", 7)]);
        assert_eq!(default(&text(&two), "S3Bucket"), None);

        // And a bump that is asked to keeps it there.
        let pins = Pins::from_ledger(&two);
        let plan = update_content(&none, &Wanted::new(&pins), &two).unwrap();
        assert_eq!(plan.refusals, []);
        let bumped = plan.text.unwrap();
        assert_eq!(default(&bumped, "S3Key").as_deref(), Some("lambda-layers/sosw/0123.zip"));
        assert!(!bumped.contains("PLACEHOLDER"), "{bumped}");
    }
}

#[test]
fn long_descriptions_are_cut_and_unknown_things_left_out() {
    let layer = Layer {
        description: Some("é".repeat(300)),
        license: Some("x".repeat(513)),
        compatible_runtimes: Vec::new(),
        compatible_architectures: Vec::new(),
        region: None,
        ..layer()
    };
    for kind in KINDS {
        for StarterFile { name, text } in starter(kind, &layer, &Ledger::default(), WORDS) {
            assert!(!text.contains("Compatible") && !text.contains("LicenseInfo"), "{name}\n{text}");
            assert!(text.lines().all(|line| !line.contains("region =") || line.starts_with('#')), "{text}");
        }
    }
    let text = &starter(Kind::Sam, &layer, &Ledger::default(), WORDS)[0].text;
    let description = text_at(text, &["Resources", "LayerVersion", "Properties", "Description"]).unwrap();
    assert_eq!(description.chars().count(), 256);
}

#[test]
fn a_stack_s_name_is_one_that_cloudformation_takes() {
    let name = |layer: &str| stack_name(&LayerName::new(layer).unwrap());
    assert_eq!(name("sosw"), "sosw-layer");
    assert_eq!(name("my_layer"), "my-layer-layer");
    assert_eq!(name("7up"), "layer-7up-layer");
    assert_eq!(name("_x"), "layer--x-layer");
    assert_eq!(name(&"a".repeat(140)).len(), 128);
}

#[test]
fn names_that_are_numbers_or_start_with_a_dash_stay_texts() {
    for name in ["123", "-x", "null", "1e3"] {
        let layer = Layer { layer_name: LayerName::new(name).unwrap(), ..layer() };
        for kind in [Kind::CloudFormation, Kind::Sam] {
            let text = &starter(kind, &layer, &Ledger::default(), WORDS)[0].text;
            let written = text.lines().find(|line| line.contains("LayerName:")).unwrap();
            assert_eq!(written.trim(), format!("LayerName: {}", scalar(name)));
            assert!(name == "-x" || written.contains('"'), "{written}");
        }
    }
}
