//! Each rule: a template that breaks it, and one beside it that does not.

use std::fmt::Write;

use expect_test::{Expect, expect};

use super::*;
use crate::ledger::{Entry, Ledger};

fn check(text: &str, expected: &Expect) {
    check_with(&Pins::default(), text, expected);
}

fn check_with(pins: &Pins, text: &str, expected: &Expect) {
    let linted = lint(text, pins).unwrap();
    let mut shown = String::new();
    for Found { rule, position, message } in &linted.found {
        writeln!(shown, "{position} {}: {message}", rule.id).unwrap();
    }
    if linted.ignored > 0 {
        writeln!(shown, "{} ignored", linted.ignored).unwrap();
    }
    expected.assert_eq(&shown);
}

fn resource(kind: &str, rest: &str) -> String {
    format!("Resources:\n  R:\n    Type: {kind}\n{rest}\n")
}

const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:layer:sosw";

fn function(properties: &str) -> String {
    resource("AWS::Serverless::Function", &format!("    Properties: {{{properties}}}").replace("ARN", ARN))
}

#[test]
fn layer_definitions() {
    check(
        &resource(
            "AWS::Lambda::LayerVersion",
            "    Properties:\n      ContentUri: x/\n      RetentionPolicy: Retain",
        ),
        &expect![[r#"
            3:5 missing-retain: `R` is deleted with its next change: no `Retain` in `DeletionPolicy` and `UpdateReplacePolicy`
            5:7 content-uri-on-layer-version: `R` has `ContentUri`, which is SAM's and not CloudFormation's
            6:7 content-uri-on-layer-version: `R` has `RetentionPolicy`, which is SAM's and not CloudFormation's
        "#]],
    );
    check(
        &resource(
            "AWS::Lambda::LayerVersion",
            "    DeletionPolicy: RetainExceptOnCreate\n    UpdateReplacePolicy: Retain\n    Properties:\n      Content: {S3Bucket: b, S3Key: layers/sosw.zip}",
        ),
        &expect![[r#"
            7:37 fixed-s3-key: `R` has its content under the fixed key `layers/sosw.zip`
        "#]],
    );
    check(
        &resource(
            "AWS::Lambda::LayerVersion",
            "    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n    Properties:\n      Content: {S3Bucket: b, S3Key: layers/sosw-0123abcd.zip}",
        ),
        &expect![[r#""#]],
    );
    check(
        &resource(
            "AWS::Serverless::LayerVersion",
            "    Properties:\n      Content: {S3Bucket: b, S3Key: k, S3ObjectVersion: v}\n      RetentionPolicy: Delete\n      ContentUri: s3://b/k.zip",
        ),
        &expect![[r#"
            5:7 content-on-serverless-layer-version: `R` has `Content`, which is CloudFormation's and not SAM's
            6:24 missing-retain: `R` is deleted with its next change
            7:19 fixed-s3-key: `R` has its content at the fixed place `s3://b/k.zip`
        "#]],
    );
    check(
        &resource("AWS::Lambda::LayerVersionPermission", "    DeletionPolicy: Retain"),
        &expect![[r#"
            3:5 missing-retain: `R` is deleted with its next change: no `Retain` in `UpdateReplacePolicy`
        "#]],
    );
}

#[test]
fn keys_that_do_not_change() {
    let fixed = |content: &str| {
        let properties = format!("    Properties:\n      ContentUri: {content}");
        let found =
            lint(&resource("AWS::Serverless::LayerVersion", &properties), &Pins::default()).unwrap().found;
        found.iter().any(|found| found.rule.id == "fixed-s3-key")
    };
    for content in [
        "s3://my-layers/sosw.zip",
        "s3://my-layers-123456789012/sosw.zip",
        "!Sub 's3://b/fixed.zip'",
        "!Sub 's3://layers-${AWS::AccountId}/sosw.zip'",
        "!Sub ['s3://${B}/sosw.zip', {B: b}]",
        "{Bucket: b, Key: sosw.zip}",
        "{Bucket: b, Key: !Sub sosw.zip}",
    ] {
        assert!(fixed(content), "{content}");
    }
    for content in [
        "s3://my-layers/sosw-0123abcd.zip",
        "s3://my-layers/sosw.zip?versionId=3",
        "!Sub 's3://b/${Key}'",
        "!Sub 's3://${Place}'",
        "!Sub ['s3://b/${K}', {K: x}]",
        "!Ref Place",
        "{Bucket: b, Key: !Sub '${Key}.zip'}",
        "{Bucket: b, Key: sosw.zip, Version: v}",
        "layers/sosw.zip",
    ] {
        assert!(!fixed(content), "{content}");
    }
}

#[test]
fn exports() {
    let layer = resource("AWS::Serverless::LayerVersion", "    Properties: {ContentUri: x/}");
    for (value, is_found) in
        [("!Ref R", true), ("!GetAtt R.LayerVersionArn", true), ("!Sub '${R}'", true), ("!Ref Other", false)]
    {
        let text = format!("{layer}Outputs:\n  O: {{Value: {value}, Export: {{Name: x}}}}\n");
        let found = lint(&text, &Pins::default()).unwrap().found;
        assert_eq!(found.len(), usize::from(is_found), "{value}: {found:?}");
        assert_eq!(lint(&text.replace("Export", "Import"), &Pins::default()).unwrap().found, []);
    }
    let parameters =
        format!("Parameters: {{LP: {{Type: String, Default: '{ARN}:3'}}, S: {{Type: String, Default: x}}}}");
    let joined = "!Join [':', ['arn:aws:lambda', us-east-1, '123456789012', layer, x, '3']]";
    for (value, is_found) in [
        ("!Ref LP", true),
        (joined, true),
        ("!Sub ['${X}', {X: !Ref R}]", true),
        ("!Ref S", false),
        ("!Sub ['${X}', {X: !Ref Other}]", false),
    ] {
        let text = format!("{parameters}\n{layer}Outputs:\n  O: {{Value: {value}, Export: {{Name: x}}}}\n");
        let found = lint(&text, &Pins::default()).unwrap().found;
        assert_eq!(found.len(), usize::from(is_found), "{value}: {found:?}");
    }
}

#[test]
fn layers_in_a_parameter_count() {
    let found = |count: usize| {
        let arns: Vec<String> = (0..count).map(|number| format!("{ARN}-{number}:1")).collect();
        let parameter =
            format!("Parameters: {{Ls: {{Type: CommaDelimitedList, Default: '{}'}}}}", arns.join(", "));
        lint(&format!("{parameter}\n{}", function("Layers: !Ref Ls")), &Pins::default()).unwrap().found
    };
    assert_eq!(found(5), []);
    assert_eq!(found(6)[0].message, "`R` has 6 layers, and Lambda takes 5");
}

#[test]
fn counts_and_repetitions() {
    check(&function("Layers: [ARN-1:1, ARN-2:1, ARN-3:1, !Ref A, !Ref B]"), &expect![[r#""#]]);
    check(
        &function("Layers: [ARN-1:1, ARN-2:1, ARN-3:1, !Ref A, !Ref B, !Ref C]"),
        &expect![[r#"
        4:26 too-many-layers: `R` has 6 layers, and Lambda takes 5
    "#]],
    );
    check(
        &format!(
            "Globals: {{Function: {{Layers: [{ARN}:1]}}}}\n{}",
            function("Layers: [ARN-1:1, ARN-2:1, ARN-3:1, !Ref A, !Ref B]")
        ),
        &expect![[r#"
            5:26 too-many-layers: `R` has 6 layers, and Lambda takes 5
        "#]],
    );
    check(
        &function("Layers: [ARN:1, ARN:2]"),
        &expect![[r#"
        4:79 same-layer-twice: `R` has layer `sosw` 2 times
    "#]],
    );
    check(&function("Layers: [!If [C, ARN:1, ARN:2]]"), &expect![[r#""#]]);
    check(
        &format!("Globals: {{Function: {{Layers: [{ARN}:1]}}}}\n{}", function("Layers: [ARN:1]")),
        &expect![[r#"
            5:27 same-layer-twice: `R` has layer `sosw` 2 times
        "#]],
    );
}

#[test]
fn what_keeps_the_old_layer() {
    check(
        &function("Layers: [ARN:1], AutoPublishAlias: live"),
        &expect![[r#"
        4:98 alias-keeps-old-layer: the alias of `R` keeps the old layer version
    "#]],
    );
    check(
        &function("Layers: [ARN:1], AutoPublishAlias: live, AutoPublishAliasAllProperties: true"),
        &expect![[r#""#]],
    );
    check(&function("AutoPublishAlias: live"), &expect![[r#""#]]);
    let version = "  V:\n    Type: AWS::Lambda::Version\n    Properties: {FunctionName: !Ref R}\n  A:\n    Type: AWS::Lambda::Alias\n    Properties: {FunctionName: !GetAtt R.Arn}\n";
    check(
        &format!("{}{version}", function("Layers: [ARN:1]")),
        &expect![[r#"
        6:5 version-keeps-old-layer: version `V` of `R` keeps the layer version that it was made with
        9:5 version-keeps-old-layer: alias `A` of `R` keeps the layer version that it was made with
    "#]],
    );
    check(&format!("{}{version}", function("Timeout: 1")), &expect![[r#""#]]);
    let alias = |version: &str| {
        let alias = format!(
            "  A:\n    Type: AWS::Lambda::Alias\n    Properties: {{FunctionName: !Ref R, FunctionVersion: {version}}}\n"
        );
        lint(&format!("{}{alias}", function("Layers: [ARN:1]")), &Pins::default()).unwrap().found.len()
    };
    assert_eq!(alias("!GetAtt V.Version"), 1);
    assert_eq!(alias("$LATEST"), 0);
}

#[test]
fn functions_that_cannot_use_their_layers() {
    check(
        &function("Layers: [ARN:1], Environment: {Variables: {PYTHONPATH: /var/task}}"),
        &expect![[r#"
        4:118 pythonpath-hides-layers: `R` sets PYTHONPATH, and loses what its layers bring for Python
    "#]],
    );
    check(
        &function("Layers: [ARN:1], Environment: {Variables: {PYTHONPATH: '/opt/python:/x'}}"),
        &expect![[r#""#]],
    );
    check(
        &function("Layers: [ARN:1], PackageType: Image"),
        &expect![[r#"
        4:93 layers-on-image: `R` is a container image, and has layers
    "#]],
    );
    check(
        &function("Layers: ['arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:1']"),
        &expect![[r#"
            4:27 variable-without-sub: `${AWS::Region}` stands in a plain string, and CloudFormation replaces it in `Fn::Sub` only
        "#]],
    );
    check(
        &function("Layers: ['{{resolve:ssm:/x}}']"),
        &expect![[r#"
        4:27 resolve-is-not-noticed: CloudFormation does not notice when `{{resolve:ssm:/x}}` changes
    "#]],
    );
    check(
        &function(
            "Layers: [!Sub 'ARN:{{resolve:ssm:/x}}', !Join ['', ['{{resolve:ssm:/', !Ref AWS::Region, '}}']]]",
        ),
        &expect![[r#"
            4:32 resolve-is-not-noticed: CloudFormation does not notice when `{{resolve:ssm:/x}}` changes
            4:109 resolve-is-not-noticed: CloudFormation does not notice when `{{resolve:ssm:/${AWS::Region}}}` changes
        "#]],
    );
}

#[test]
fn what_the_ledger_knows() {
    let entry = Entry {
        compatible_runtimes: vec!["python3.13".to_owned()],
        compatible_architectures: vec!["arm64".to_owned()],
        ..Entry::new(format!("{ARN}:7").parse().unwrap())
    };
    let pins = Pins::from_ledger(&Ledger::from_iter([entry]));
    check_with(
        &pins,
        &function("Runtime: python3.9, Layers: [ARN:8]"),
        &expect![[r#"
        4:47 newer-than-ledger: version 8 of layer `sosw` is newer than 7, the ledger's
        4:47 unfit-runtime: function `R` has runtime `python3.9`, and layer `sosw` version 7 is made for python3.13
    "#]],
    );
    check_with(
        &pins,
        &function("Runtime: python3.13, Layers: [ARN:7]"),
        &expect![[r#"
        4:48 unfit-architecture: function `R` has architecture `x86_64`, and layer `sosw` version 7 is made for arm64
    "#]],
    );
    check_with(
        &pins,
        &function("Runtime: python3.13, Architectures: [arm64], Layers: [ARN:7]"),
        &expect![[r#""#]],
    );
}

/// From a version that was withdrawn `bump` goes back, and nobody need be told.
#[test]
fn a_withdrawn_version_is_not_newer_than_the_ledger() {
    let entry = Entry {
        withdrawn: BTreeMap::from([(12, "it does not start".to_owned())]),
        ..Entry::new(format!("{ARN}:9").parse().unwrap())
    };
    let pins = Pins::from_ledger(&Ledger::from_iter([entry]));
    check_with(&pins, &function("Layers: [ARN:12]"), &expect![[""]]);
    check_with(
        &pins,
        &function("Layers: [ARN:13]"),
        &expect![[r#"
            4:27 newer-than-ledger: version 13 of layer `sosw` is newer than 9, the ledger's
        "#]],
    );
}

#[test]
fn findings_are_taken_back_with_a_reason() {
    let with = |comment: &str| {
        format!(
            "Resources:\n  R:\n    # {comment}\n    Type: AWS::Lambda::LayerVersion\n    Properties: {{}}\n"
        )
    };
    check(
        &with("layer-lint: ignore missing-retain the stack is a test"),
        &expect![[r#"
        1 ignored
    "#]],
    );
    check(
        &with("layer-lint: ignore missing-retain"),
        &expect![[r#"
            3:5 ignore-needs-reason: nothing says why `missing-retain` is ignored
            4:5 missing-retain: `R` is deleted with its next change: no `Retain` in `DeletionPolicy` and `UpdateReplacePolicy`
        "#]],
    );
    check(
        &with("layer-lint: ignore mising-retain because"),
        &expect![[r#"
            3:5 ignore-needs-reason: there is no rule `mising-retain`, did you mean `missing-retain`?
            4:5 missing-retain: `R` is deleted with its next change: no `Retain` in `DeletionPolicy` and `UpdateReplacePolicy`
        "#]],
    );
    check(
        &with("layer-lint: skip"),
        &expect![[r#"
            3:5 ignore-needs-reason: only `ignore` can be asked for
            4:5 missing-retain: `R` is deleted with its next change: no `Retain` in `DeletionPolicy` and `UpdateReplacePolicy`
        "#]],
    );
    check(
        &resource("AWS::Lambda::LayerVersion", "    Metadata: {layer-lint: {missing-retain: a test}}"),
        &expect![[r#"
            1 ignored
        "#]],
    );
    check(
        "Description: '# layer-lint: ignore x'\nResources: {R: {Type: 'AWS::S3::Bucket'}}\n",
        &expect![[r#""#]],
    );
}

/// One reason is given for one line.
#[test]
fn a_comment_behind_a_line_does_not_speak_of_the_next() {
    let text = "Globals:\n  Function:\n    Layers:\n      - '{{resolve:ssm:/x}}' # layer-lint: ignore resolve-is-not-noticed it is read by hand\n      - '{{resolve:ssm:/y}}'\n";
    check(
        text,
        &expect![[r#"
            5:9 resolve-is-not-noticed: CloudFormation does not notice when `{{resolve:ssm:/y}}` changes
            1 ignored
        "#]],
    );
}

/// What a condition lets come together, and what it keeps apart.
#[test]
fn conditions_around_layers() {
    let none = expect![[""]];
    let entry = "!If [C, 'ARN:8', !Ref AWS::NoValue]";
    let lines = |text: &str| lint(&function(text), &Pins::default()).unwrap().found.len();
    assert_eq!(lines(&format!("Layers: ['ARN:7', {entry}]")), 1);
    assert_eq!(lines(&format!("Layers: [{entry}, 'ARN:7']")), 1);
    assert_eq!(lines("Layers: !If [C, ['ARN:7', 'ARN:8'], []]"), 1);
    check(&function("Layers: !If [C, ['ARN:7'], ['ARN:8']]"), &none);
    check(&function("Layers: [!If [C, 'ARN:7', 'ARN:8']]"), &none);
    // They may be each other's opposite.
    check(
        &function(
            "Layers: [!If [IsArm, 'ARN:7', !Ref AWS::NoValue], !If [IsX86, 'ARN:8', !Ref AWS::NoValue]]",
        ),
        &none,
    );
    check(
        &function("Layers: [!If [C, 'ARN:7', !Ref AWS::NoValue], !If [C, !Ref AWS::NoValue, 'ARN:8']]"),
        &none,
    );
    let six = ["!Ref A", "!Ref B", "!Ref C", "!Ref D", "!Ref E"].join(", ");
    assert_eq!(lines(&format!("Layers: !If [C, [{six}, !Ref F], []]")), 1);
    assert_eq!(lines(&format!("Layers: !If [C, [], !If [D, [{six}, !If [E, 'ARN:1', !Ref F]], []]]")), 1);
    check(&function(&format!("Layers: !If [C, [{six}], [{six}]]")), &none);
    check(&function(&format!("Layers: [{six}, !If [C, !Ref F, !Ref AWS::NoValue]]")), &none);
}

/// What SAM makes of `Globals`: lists are put together, maps merged, all else is replaced by the function's own.
#[test]
fn globals_reach_functions_as_sam_merges_them() {
    let found = |globals: &str, function: &str| {
        let text = format!(
            "Globals: {{Function: {{{globals}}}}}\nResources:\n  R:\n    Type: AWS::Serverless::Function\n{function}\n"
        );
        let found = lint(&text.replace("ARN", ARN), &Pins::default()).unwrap().found;
        found.iter().map(|found| found.rule.id).collect::<Vec<_>>()
    };
    let layers = |rest: &str, own: &str| format!("{rest}    Properties: {{Layers: {own}}}");
    let seven = "Layers: ['ARN:7']";
    assert_eq!(found(seven, &layers("", "['ARN:6']")), ["same-layer-twice"]);
    assert_eq!(found(seven, &layers("    IgnoreGlobals: [Timeout]\n", "['ARN:6']")), ["same-layer-twice"]);
    for ignored in ["[Timeout, Layers]", "'*'"] {
        let rest = format!("    IgnoreGlobals: {ignored}\n");
        assert!(found(seven, &layers(&rest, "['ARN:6']")).is_empty(), "{ignored}");
        let five = "[!Ref A, !Ref B, !Ref C, !Ref D, !Ref E]";
        assert_eq!(found(seven, &layers("", five)), ["too-many-layers"]);
        assert!(found(seven, &layers(&rest, five)).is_empty(), "{ignored}");
    }
    // A function of CloudFormation is no list to SAM.
    assert!(found(seven, &layers("", "!If [C, ['ARN:6'], []]")).is_empty());

    let path = |own: &str| {
        let globals = format!("{seven}, Environment: {{Variables: {{PYTHONPATH: /var/task/lib}}}}");
        found(&globals, &format!("    Properties: {{Environment: {{Variables: {{{own}}}}}}}"))
    };
    assert_eq!(path("STAGE: x"), ["pythonpath-hides-layers"]);
    assert!(path("PYTHONPATH: '/opt/python:/var/task/lib'").is_empty());

    let alias = |globals: &str, own: &str| {
        let globals = format!("{seven}, AutoPublishAliasAllProperties: {globals}");
        found(&globals, &format!("    Properties: {{AutoPublishAlias: live{own}}}"))
    };
    assert!(alias("true", "").is_empty());
    assert_eq!(alias("true", ", AutoPublishAliasAllProperties: false"), ["alias-keeps-old-layer"]);
    assert!(alias("false", ", AutoPublishAliasAllProperties: true").is_empty());
}

/// A function is held to what it takes over, and to nothing else.
#[test]
fn what_is_ignored_need_not_fit() {
    let entry = Entry {
        compatible_runtimes: vec!["python3.13".to_owned()],
        compatible_architectures: vec!["arm64".to_owned()],
        ..Entry::new(format!("{ARN}:7").parse().unwrap())
    };
    let pins = Pins::from_ledger(&Ledger::from_iter([entry]));
    let found = |rest: &str| {
        let text = format!(
            "Globals: {{Function: {{Runtime: python3.9, Architectures: [arm64], Layers: ['{ARN}:7']}}}}\nResources:\n  R:\n    Type: AWS::Serverless::Function\n{rest}"
        );
        lint(&text, &pins).unwrap().found.len()
    };
    assert_eq!(found(""), 1);
    assert_eq!(found("    IgnoreGlobals: [Layers]\n"), 0);
    assert_eq!(found("    IgnoreGlobals: [Runtime]\n    Properties: {Runtime: !Ref Unknown}\n"), 0);
    let own =
        |ignored: &str| format!("    IgnoreGlobals: [{ignored}]\n    Properties: {{Runtime: python3.13}}\n");
    assert_eq!([found(&own("Timeout")), found(&own("Architectures"))], [0, 1], "x86_64 is Lambda's default");
    // Of two properties only the one that is named is ignored.
    assert_eq!(found("    IgnoreGlobals: [Architectures]\n    Properties: {Architectures: [arm64]}\n"), 1);
}

/// One row of a mapping is there at a time, and the layers of a text are as many as those of a list.
#[test]
fn lists_out_of_mappings_and_texts() {
    let found = |mappings: &str, layers: &str| {
        let text = format!("Mappings: {{M: {{{mappings}}}}}\n{}", function(&format!("Layers: {layers}")));
        let found = lint(&text.replace("ARN", ARN), &Pins::default()).unwrap().found;
        found.into_iter().map(|found| found.message).collect::<Vec<_>>()
    };
    let twice = ["`R` has layer `sosw` 2 times"];
    let rows = "us-east-1: {L: ['ARN:7', 'ARN-x:1'], K: 'ARN:7'}, eu-west-1: {L: ['ARN:7'], K: 'ARN-x:1'}";
    let list = "!FindInMap [M, !Ref 'AWS::Region', L]";
    let one = "!FindInMap [M, !Ref 'AWS::Region', K]";
    assert!(found(rows, list).is_empty());
    // It need not be told what picks the row.
    assert!(found(rows, "!FindInMap [M, !Join ['-', [us-east, !Ref N]], L]").is_empty());
    assert!(found(rows, "!FindInMap [M, !Ref N, L, {DefaultValue: ['ARN:7']}]").is_empty());
    assert_eq!(found("us-east-1: {L: ['ARN:7', 'ARN:8']}, eu-west-1: {L: ['ARN:7']}", list), twice);
    // What is there in every region meets each row, and two rows of one region meet.
    assert_eq!(found(rows, &format!("['ARN:8', {one}]")), twice);
    let crossed = "us-east-1: {K: 'ARN:7', J: 'ARN-x:1'}, eu-west-1: {K: 'ARN-x:1', J: 'ARN:7'}";
    let other = one.replace('K', "J");
    assert!(found(crossed, &format!("[{one}, {other}]")).is_empty());
    assert_eq!(found(&crossed.replace("J: 'ARN-x:1'", "J: 'ARN:8'"), &format!("[{one}, {other}]")), twice);

    let six: Vec<String> = (0..6).map(|number| format!("ARN-{number}:1")).collect();
    let (five, six) = (six[1..].join(","), six.join(","));
    let too_many = ["`R` has 6 layers, and Lambda takes 5"];
    for (layers, expected) in [(&five, &[][..]), (&six, &too_many)] {
        assert_eq!(found("", &format!("!Split [',', '{layers}']")), expected);
        assert_eq!(found("", &format!("!Split [';', '{}']", layers.replace(',', ";"))), expected);
        let rows = |row: &str| format!("us-east-1: {{L: {row}}}, eu-west-1: {{L: ['ARN:7']}}");
        assert_eq!(found(&rows(&format!("['{}']", layers.replace(',', "', '"))), list), expected);
        assert_eq!(found(&rows(&format!("'{layers}'")), list), expected);
        assert_eq!(found(&rows(&format!("'{layers}'")), &format!("!If [C, {list}, []]")), expected);
    }
}
