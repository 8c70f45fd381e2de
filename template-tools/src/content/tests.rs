//! Templates that make the layer themselves: what is brought to the ledger's content, and what is refused.

use super::*;
use crate::pins::Pins;

fn ledger(content: bool) -> Ledger {
    let entry = |region: &str| Entry {
        content: content.then(|| Content {
            bucket: format!("b-{region}"),
            key: "sosw/new.zip".to_owned(),
            version: Some("v2".to_owned()),
        }),
        compatible_runtimes: vec!["python3.12".to_owned(), "python3.13".to_owned()],
        ..Entry::new(format!("arn:aws:lambda:{region}:123456789012:layer:sosw:7").parse().unwrap())
    };
    Ledger::from_iter([entry("us-east-1"), entry("eu-west-1")])
}

fn run(text: &str, ledger: &Ledger) -> Plan {
    let pins = Pins::from_ledger(ledger);
    update_content(text, &Wanted::new(&pins), ledger).unwrap()
}

/// `<old|new>` marks what changes.
#[track_caller]
fn check(marked: &str) {
    let side = |index: usize| {
        let mut text = String::new();
        for (number, piece) in marked.split(['<', '>']).enumerate() {
            text.push_str(if number % 2 == 0 { piece } else { piece.split('|').nth(index).unwrap() });
        }
        text
    };
    let (before, expected) = (side(0), side(1));
    let plan = run(&before, &ledger(true));
    assert_eq!(plan.refusals, []);
    assert_eq!(plan.text.unwrap_or(before), expected, "{:?}", plan.left_alone);
    assert_eq!(run(&expected, &ledger(true)).text, None);
}

fn layer(properties: &str) -> String {
    format!(
        "Resources:\n  L:\n    Type: AWS::Lambda::LayerVersion\n    Properties:\n      LayerName: sosw # x\n{properties}"
    )
}

#[test]
fn content_follows_the_ledger() {
    check(&layer(
        "      Content:\n        S3Bucket: b-eu-west-1\n        S3Key: '<old.zip|sosw/new.zip>' # key\n        S3ObjectVersion: \"<v1|v2>\"\n",
    ));
    check(&layer("      Content: {S3Bucket: !Sub 'b-${AWS::Region}', S3Key: <old.zip|sosw/new.zip>}\n"));
    check(&format!(
        "Parameters:\n  K: {{Type: String, Default: <k.zip|sosw/new.zip>}}\n{}",
        layer("      Content: {S3Bucket: b-us-east-1, S3Key: !Ref K}\n")
    ));
    check(
        "Resources:\n  sosw:\n    Type: AWS::Serverless::LayerVersion\n    Properties: {ContentUri: {Bucket: b-us-east-1, Key: <a|sosw/new.zip>, Version: <b|v2>}}\n",
    );
    check(
        "Resources:\n  sosw:\n    Type: AWS::Serverless::LayerVersion\n    Properties: {LayerName: other, ContentUri: {Bucket: b-us-east-1, Key: a}}\n",
    );
}

#[test]
fn runtimes_follow_the_ledger() {
    let content = "      Content: {S3Bucket: b-us-east-1, S3Key: sosw/new.zip}\n";
    // With the dash below the key's name, and at its column.
    for lists in [
        " <['python3.9']|['python3.12', 'python3.13']> # x\n",
        " [python3.12<|, python3.13>]\n",
        " [<python3.9, |>python3.12, python3.13<, x|>]\n",
        " [<|python3.12, >python3.13,]\n",
        " [python3.13, python3.12]\n",
        " [\n        python3.12<|,\n        python3.13>\n      ]\n",
        "\n        - python3.<9|12> # x<|\n        - python3.13>\n",
        "\n      - python3.<9|12>\n      - python3.1<0|3>\n",
        "\n      - 'python3.<9|12>'<|\n      - 'python3.13'>\n",
        "\n      # a\n      - python3.<9|12> # the oldest\n      # and the next\n      - python3.1<0|3>\n",
        "\n      # a\n<|      -  python3.12\n>      -  python3.13 # b\n      # c\n",
        "\n      - python3.12\n      # b\n      - python3.13<\n      - python3.14\n      - x|>\n",
        "\n<      - python3.9\n|>      - python3.12\n      # b\n      - python3.13\n",
        "\n      - python3.13\n      - python3.12\n",
    ] {
        for line_end in ["\n", "\r\n"] {
            let after = layer(&format!("{content}      CompatibleRuntimes:{lists}")).replace('\n', line_end);
            check(&after);
            check(after.strip_suffix(line_end).unwrap());
            check(&layer(&format!("      CompatibleRuntimes:{lists}{content}")).replace('\n', line_end));
        }
    }
}

#[test]
fn a_list_stays_where_a_comment_would_be_lost() {
    let content = "      Content: {S3Bucket: b-us-east-1, S3Key: sosw/new.zip}\n";
    let comment = "a comment in it would be lost, or stand at another item";
    let form = "it is written in a way that cannot be kept";
    for (lists, why) in [
        ("\n      - python3.12\n      - python3.13\n      - python3.14 # soon\n", comment),
        (" [ # none\n      ]\n", comment),
        (" [\n        python3.12 # a\n      ]\n", comment),
        (" [\n        python3.9, # a\n        python3.12, python3.13\n      ]\n", comment),
        (" [python3.12, python3.13, # a\n        x]\n", comment),
        ("\n      - !!str python3.12\n", form),
        ("\n      - >-\n        python3.9\n      - python3.13\n", form),
        ("\n      -\n        python3.12\n", form),
    ] {
        let text = layer(&format!("{content}      CompatibleRuntimes:{lists}"));
        let plan = run(&text, &ledger(true));
        assert_eq!((plan.text, plan.refusals), (None, vec![]), "{lists}");
        let reason = format!("`CompatibleRuntimes` should be python3.12, python3.13, and {why}");
        let left = |left: &LeftAlone| left.reason == reason && left.weight == Weight::Warning;
        assert!(plan.left_alone.iter().any(left), "{lists}: {:?}", plan.left_alone);
    }
}

#[test]
fn several_places_are_refused_and_so_is_a_second_publisher() {
    let open = layer("      Content: {S3Bucket: !Ref Bucket, S3Key: k}\n");
    let plan = run(
        &format!("Resources: {{}}\n---\n{}", layer("      Content: {S3Bucket: other, S3Key: k}\n")),
        &ledger(true),
    );
    assert!(matches!(plan.refusals[..], [(_, Refusal::Contents { .. })]), "{plan:?}");
    assert!(matches!(run(&open, &ledger(false)).refusals[..], [(_, Refusal::PublishedByApi { .. })]));
    assert_eq!(run(&open, &ledger(false)).text, None);
}

#[test]
fn a_bucket_from_outside_keeps_nobody_from_the_key() {
    let parameters = "Parameters:\n  B: {Type: String}\n  K: {Type: String, Default: <k.zip|sosw/new.zip>}\n  V: {Type: String, Default: ''}\n";
    let content = "      Content: {S3Bucket: !Ref B, S3Key: !Ref K, S3ObjectVersion: !If [HasV, !Ref V, !Ref AWS::NoValue]}\n";
    check(&format!("{parameters}{}", layer(content)));
    let plan = run(&layer(content), &ledger(true));
    assert!(
        plan.left_alone.iter().any(|left| left.reason.starts_with("`${B}` is set from outside")),
        "{plan:?}"
    );
}

#[test]
fn a_version_is_found_where_it_may_be_absent() {
    for content in [
        "{S3Bucket: b-us-east-1, S3Key: sosw/new.zip, S3ObjectVersion: !If [Has, <v1|v2>, !Ref AWS::NoValue]}",
        "{S3Bucket: b-us-east-1, S3Key: sosw/new.zip, S3ObjectVersion: !If [HasNot, !Ref AWS::NoValue, <v1|v2>]}",
    ] {
        check(&layer(&format!("      Content: {content}\n")));
    }
}

#[test]
fn a_file_of_this_machine_stays() {
    check(
        "Resources:\n  sosw:\n    Type: AWS::Serverless::LayerVersion\n    Properties: {ContentUri: target/layers/sosw.zip}\n",
    );
}

/// `x` lies in bucket `bx` and `y` in `by`, for other runtimes.
fn two_layers() -> Ledger {
    let entry = |layer: &str| Entry {
        content: Some(Content { bucket: format!("b{layer}"), key: "new.zip".to_owned(), version: None }),
        compatible_runtimes: vec![if layer == "x" { "python3.12" } else { "python3.13" }.to_owned()],
        ..Entry::new(format!("arn:aws:lambda:us-east-1:123456789012:layer:{layer}:7").parse().unwrap())
    };
    Ledger::from_iter([entry("x"), entry("y")])
}

/// The one refusal that there is, as it is told.
#[track_caller]
fn refusal(text: &str) -> Refusal {
    let plan = run(text, &two_layers());
    assert_eq!(plan.text, None);
    let [(_, refusal)] = &plan.refusals[..] else { panic!("{plan:?}") };
    refusal.clone()
}

fn sam_layer(name: &str, content: &str) -> String {
    format!("  {name}: {{Type: AWS::Serverless::LayerVersion, Properties: {{{content}}}}}\n")
}

#[test]
fn what_something_else_uses_is_refused() {
    let bucket = "Parameters: {Bucket: {Type: String, Default: old}}\nResources:\n";
    let x = sam_layer("x", "ContentUri: {Bucket: !Ref Bucket, Key: new.zip}");
    for other in [
        "  B: {Type: AWS::S3::Bucket, Properties: {BucketName: !Ref Bucket}}\n",
        "  B: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub '${Bucket}-b'}}\n",
        "  B: {Type: AWS::Lambda::Function, Properties: {Environment: {Variables: {B: !Ref Bucket}}}}\n",
        "  B: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: {Bucket: !Ref Bucket, Key: k}}}\n",
        "  L: {Type: AWS::Lambda::Function, Properties: {Code: {S3Bucket: !Ref Bucket, S3Key: k}}}\n",
    ] {
        let refusal = refusal(&format!("{bucket}{x}{other}"));
        let Refusal::ContentUsedElsewhere { places, .. } = &refusal else { panic!("{refusal:?}") };
        assert!(places.len() == 1 && places[0].contains(".Properties."), "{places:?}");
    }
    let anchored = |content: &str, other: &str| format!("Resources:\n{}{other}", sam_layer("x", content));
    let function = |properties: &str| {
        format!("  F: {{Type: AWS::Serverless::Function, Properties: {{{properties}}}}}\n")
    };
    let content = "ContentUri: {Bucket: bx, Key: new.zip}";
    for (content, other) in [
        ("ContentUri: {Bucket: &b old, Key: new.zip}", "Environment: {Variables: {B: *b}}"),
        (&format!("{content}, CompatibleRuntimes: &r [python3.9]"), "Environment: {Variables: {R: *r}}"),
        (&format!("{content}, CompatibleRuntimes: [&r python3.9]"), "Runtime: *r"),
    ] {
        let refusal = refusal(&anchored(content, &function(other)));
        assert!(matches!(refusal, Refusal::ContentUsedElsewhere { .. }), "{refusal:?}");
    }
    // The anchor stands at the other use.
    let other = function("Environment: {Variables: {B: &b old}}");
    let text = format!("Resources:\n{other}{}", sam_layer("x", "ContentUri: {Bucket: *b, Key: new.zip}"));
    assert!(matches!(refusal(&text), Refusal::ContentUsedElsewhere { .. }));
}

#[test]
fn what_does_no_harm_elsewhere_is_changed() {
    let text = |bucket: &str| {
        format!(
            "Parameters: {{Bucket: {{Type: String, Default: {bucket}}}}}\nConditions: {{Has: !Not [!Equals [!Ref Bucket,              '']]}}\nResources:\n{}Outputs: {{B: {{Value: !Ref Bucket}}}}\n",
            sam_layer("x", "ContentUri: {Bucket: !Ref Bucket, Key: new.zip}")
        )
    };
    let plan = run(&text("old"), &two_layers());
    assert_eq!((plan.text, plan.refusals), (Some(text("bx")), vec![]));
}

#[test]
fn what_a_parameter_does_not_take_is_refused() {
    let x = sam_layer("x", "ContentUri: {Bucket: !Ref Bucket, Key: new.zip}");
    let refusal = refusal(&format!(
        "Parameters: {{Bucket: {{Type: String, Default: old, AllowedValues: [old]}}}}\nResources:\n{x}"
    ));
    assert_eq!(
        refusal.to_string(),
        "layer `x` cannot get `bx` there: the `AllowedValues` of parameter `Bucket` do not hold `bx`"
    );
}

#[test]
fn two_texts_for_one_place_are_refused() {
    let of = |content: &str| [sam_layer("x", content), sam_layer("y", content)].concat();
    let by_parameter = of("ContentUri: {Bucket: !Ref Bucket, Key: new.zip}");
    // Also where it is right for one of them.
    for bucket in ["old", "bx", "by"] {
        let parameter = format!("Parameters: {{Bucket: {{Type: String, Default: {bucket}}}}}\nResources:\n");
        let Refusal::SharedContent { wanted } = refusal(&format!("{parameter}{by_parameter}")) else {
            panic!()
        };
        assert_eq!(wanted, ["x: bx", "y: by"]);
    }
    let lists = "Resources:\n".to_owned()
        + &sam_layer("x", "ContentUri: {Bucket: bx, Key: new.zip}, CompatibleRuntimes: &r [python3.9]")
        + &sam_layer("y", "ContentUri: {Bucket: by, Key: new.zip}, CompatibleRuntimes: *r");
    let Refusal::SharedContent { wanted } = refusal(&lists) else { panic!() };
    assert_eq!(wanted, ["x: python3.12", "y: python3.13"]);
}

#[test]
fn an_objects_version_changes_with_its_key_or_nothing_does() {
    let whole = |content: &str| format!("Resources:\n{}", sam_layer("x", content));
    let by_cloudformation = |key: &str, version: &str| {
        let content = format!("{{S3Bucket: bx, S3Key: {key}, S3ObjectVersion: {version}}}");
        layer(&format!("      Content: {content}\n")).replace("sosw", "x")
    };
    for text in [
        by_cloudformation("old.zip", "abc123"),
        whole("ContentUri: {Bucket: bx, Key: old.zip, Version: abc123}"),
        whole("ContentUri: {Bucket: bx, Key: old.zip, Version: !Ref V}")
            .replace("Resources:", "Parameters: {V: {Type: String, Default: abc123}}\nResources:"),
    ] {
        assert_eq!(
            refusal(&text).to_string(),
            "layer `x` gets `new.zip` there, whose version the ledger does not know, and `abc123` is that of another object"
        );
    }
    // It is no version, or the key is right and stays.
    for (before, after) in [
        (by_cloudformation("old.zip", "''"), Some(by_cloudformation("new.zip", "''"))),
        (by_cloudformation("new.zip", "abc123"), None),
    ] {
        let plan = run(&before, &two_layers());
        assert_eq!((plan.text, plan.refusals), (after, vec![]));
    }
    // A key that is put together stays, and so does its version.
    let text = layer("      Content: {S3Bucket: b-us-east-1, S3Key: !Sub '${K}.zip', S3ObjectVersion: v1}\n");
    let plan = run(&text, &ledger(true));
    assert_eq!((plan.text, plan.refusals), (None, vec![]));
    let left = plan
        .left_alone
        .iter()
        .any(|left| left.reason.ends_with("which it is the version of, stays: it should be `v2`"));
    assert!(left, "{:?}", plan.left_alone);
}

/// Key and version of one bucket name nothing in another, and a bucket has no key of another one.
#[test]
fn key_and_version_stay_where_the_bucket_does_and_the_bucket_where_the_key_does() {
    let text = |bucket: &str, key: &str, version: &str| {
        layer(&format!("      Content: {{S3Bucket: {bucket}, S3Key: {key}, S3ObjectVersion: {version}}}\n"))
    };
    let left = |text: &str| {
        let plan = run(text, &one_place());
        assert_eq!((&plan.text, &plan.refusals[..]), (&None, &[][..]), "{text}");
        assert!(plan.left_alone.iter().all(|left| left.weight == Weight::Warning), "{text}");
        plan.left_alone.into_iter().map(|left| left.reason).collect::<Vec<_>>()
    };
    let open = "is put together or set from outside: it should be";
    for bucket in ["artifacts-${AWS::Region}", "${AWS::StackName}-b"] {
        assert_eq!(
            left(&text(&format!("!Sub '{bucket}'"), "old.zip", "v1")),
            [
                format!("`{bucket}` {open} `bk`"),
                format!("`{bucket}`, which goes with it, stays: it should be `sosw/new.zip`"),
                format!("`{bucket}`, which goes with it, stays: it should be `v2`"),
            ]
        );
    }
    assert_eq!(
        left(&text("old", "!Sub '${AWS::StackName}.jar'", "v1")),
        [
            "`${AWS::StackName}.jar`, which goes with it, stays: it should be `bk`".to_owned(),
            format!("`${{AWS::StackName}}.jar` {open} `sosw/new.zip`"),
            "`${AWS::StackName}.jar`, which goes with it, stays: it should be `v2`".to_owned(),
        ]
    );
    // What is known only where the stack is deployed may be the right one.
    for bucket in ["!Sub 'b${AWS::StackName}'", "!ImportValue Bucket", "'{{resolve:ssm:bucket}}'"] {
        let plan = run(&text(bucket, "old.zip", "v1"), &one_place());
        assert_eq!(plan.text, Some(text(bucket, "sosw/new.zip", "v2")), "{:?}", plan.left_alone);
        assert_eq!(plan.left_alone.len(), 1, "{:?}", plan.left_alone);
    }
}

/// `sosw` lies in bucket `bk`, in one region.
fn one_place() -> Ledger {
    Ledger::from_iter([Entry {
        content: Some(Content {
            bucket: "bk".to_owned(),
            key: "sosw/new.zip".to_owned(),
            version: Some("v2".to_owned()),
        }),
        ..Entry::new("arn:aws:lambda:us-east-1:123456789012:layer:sosw:7".parse().unwrap())
    }])
}

#[test]
fn lists_of_json_stay_json() {
    let text = |runtimes: &str, key: &str| {
        format!(
            "{{\"Resources\": {{\"L\": {{\"Type\": \"AWS::Lambda::LayerVersion\", \"Properties\": {{\"LayerName\": \"sosw\", \"Content\": {{\"S3Bucket\": \"b-us-east-1\", \"S3Key\": \"{key}\"}}, \"CompatibleRuntimes\": {runtimes}}}}}}}}}"
        )
    };
    let lines = |items: &[&str]| format!("[\n    {}\n  ]", items.join(",\n    "));
    let (old, new) = (["\"python3.9\"", "\"python3.10\""], ["\"python3.12\"", "\"python3.13\""]);
    for (before, after) in [
        ("[]".to_owned(), format!("[{}]", new.join(", "))),
        (format!("[{}]", old.join(",")), format!("[{}]", new.join(","))),
        (format!("[{}]", old[0]), format!("[{}]", new.join(", "))),
        (lines(&old), lines(&new)),
        (lines(&old[..1]), lines(&new)),
        (lines(&[old[0], old[1], new[0], new[1]]), lines(&new)),
        (lines(&[new[0], new[1], old[0], old[1]]), lines(&new)),
    ] {
        let plan = run(&text(&before, "k"), &ledger(true));
        assert_eq!(plan.refusals, []);
        assert_eq!(plan.text, Some(text(&after, "sosw/new.zip")));
        let dense = |text: String| text.replace(": ", ":").replace(", ", ",");
        let plan = run(&dense(text(&before, "k")), &ledger(true));
        assert_eq!(plan.text, Some(dense(text(&after, "sosw/new.zip"))));
    }
}

#[test]
fn every_place_is_that_of_the_file_and_a_list_may_serve_two_layers() {
    let text = format!(
        "{}  M:\n    Type: AWS::Lambda::LayerVersion\n    Properties: {{LayerName: sosw, Content: {{S3Bucket: b-us-east-1, S3Key: \
         sosw/new.zip}}, CompatibleRuntimes: *r}}\n  F: {{Type: AWS::Lambda::Function, Properties: {{Layers: \
         ['arn:aws:lambda:us-east-1:123456789012:layer:sosw:1']}}}}\n",
        layer(
            "      Content: {S3Bucket: b-us-east-1, S3Key: sosw/new.zip}\n      CompatibleRuntimes: &r\n        - python3.9\n"
        )
    );
    let plan = run(&text, &ledger(true));
    assert_eq!(plan.refusals, []);
    let expected =
        text.replace("- python3.9", "- python3.12\n        - python3.13").replace("sosw:1'", "sosw:7'");
    assert_eq!(plan.text.as_ref(), Some(&expected));
    let lines: Vec<_> = plan.bumps.iter().map(|bump| bump.position.line).collect();
    assert_eq!(lines, [8, 8, 12]);
    assert_eq!(run(&expected, &ledger(true)).text, None);
}
