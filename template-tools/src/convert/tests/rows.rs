//! `--to-mapping` where the version stands in a list: of `Fn::Sub` with variables, or of `Fn::Join`.

use super::*;

/// What comes of `Layers` with a mapping, in YAML and JSON, where every region has a version of its own.
#[track_caller]
fn check_rows(before: &str, after: &str) {
    let eu =
        Pin::from(format!("{PLAIN}:8").replace("us-east", "eu-west").parse::<LayerVersionArn>().unwrap());
    let pins = Pins::new([own_pin(), eu]).unwrap();
    let long = |text: &str| text.replace("ARN", OPEN.strip_suffix(":1").unwrap());
    let is_json = before.contains('"');
    let whole = |layers: &str, mappings: &str| {
        let layers = long(layers);
        if is_json {
            format!(
                "{{{mappings}\"Resources\": {{\"F\": {{\"Type\": \"AWS::Lambda::Function\", \"Properties\": {{\"Layers\": {layers}}}}}}}}}"
            )
        } else {
            format!("{mappings}{}", of(&layers))
        }
    };
    let mapping = if is_json {
        "\"Mappings\": {\"MyLayer1Versions\": {\"eu-west-1\": {\"Version\": \"8\"}, \"us-east-1\": {\"Version\": \"7\"}}}, "
    } else {
        "Mappings:\n  MyLayer1Versions:\n    eu-west-1:\n      Version: 8\n    us-east-1:\n      Version: 7\n"
    };
    let row = if is_json {
        "{\"Fn::FindInMap\": [\"MyLayer1Versions\", {\"Ref\": \"AWS::Region\"}, \"Version\"]}"
    } else {
        "!FindInMap [MyLayer1Versions, !Ref 'AWS::Region', Version]"
    };
    let run = |text: &str| convert(text, &Wanted::new(&pins), &Form::Mapping).unwrap();
    let plan = run(&whole(before, ""));
    let expected = whole(&after.replace("<row>", row), mapping);
    assert_eq!(
        (plan.text.as_deref(), plan.refusals),
        (Some(expected.as_str()), vec![]),
        "{:?}",
        plan.left_alone
    );
    let again = run(&expected);
    assert_eq!((again.text, again.refusals), (None, vec![]));
}

#[test]
fn a_row_takes_the_place_of_a_version_in_a_list() {
    let version = "MyLayer1Version";
    // A text with variables gets one more, whose name nothing has.
    for (before, after) in [
        (" [!Sub ['ARN:1', {A: b}]]", format!(" [!Sub ['ARN:${{{version}}}', {{{version}: <row>, A: b}}]]")),
        (
            "\n        - Fn::Sub:\n          - ARN:1 # x\n          - A: b",
            format!(
                "\n        - Fn::Sub:\n          - 'ARN:${{{version}}}' # x\n          - {version}: <row>\n            A: b"
            ),
        ),
        (" [!Sub ['ARN:1', {}]]", format!(" [!Sub ['ARN:${{{version}}}', {{{version}: <row>}}]]")),
        (
            " [!Sub ['ARN:1', {MyLayer1Version: b}]]",
            format!(" [!Sub ['ARN:${{{version}2}}', {{{version}2: <row>, {version}: b}}]]"),
        ),
        (
            r#"[{"Fn::Sub": ["ARN:1", {"A": "b"}]}]"#,
            format!(r#"[{{"Fn::Sub": ["ARN:${{{version}}}", {{"{version}": <row>, "A": "b"}}]}}]"#),
        ),
        (
            r#"[{"Fn::Sub": ["ARN:1", {}]}]"#,
            format!(r#"[{{"Fn::Sub": ["ARN:${{{version}}}", {{"{version}": <row>}}]}}]"#),
        ),
    ] {
        check_rows(before, &after);
    }
    // What is a version by itself becomes the row.
    let pieces = "'arn:aws:lambda', !Ref AWS::Region, '123456789012:layer:my-Layer_1'";
    check_rows(" [!Sub ['ARN:${V}', {V: 1}]]", " [!Sub ['ARN:${V}', {V: <row>}]]");
    let sub = |text: &str| format!(" [!Join ['', [!Sub {text}, '']]]");
    check_rows(&sub("'ARN:1'"), &sub(&format!("['ARN:${{{version}}}', {{{version}: <row>}}]")));
    check_rows(&format!(" [!Join [':', [{pieces}, 1]]]"), &format!(" [!Join [':', [{pieces}, <row>]]]"));
    check_rows(
        r#"[{"Fn::Join": [":", ["arn:aws:lambda", {"Ref": "AWS::Region"}, "123456789012:layer:my-Layer_1", "1"]]}]"#,
        r#"[{"Fn::Join": [":", ["arn:aws:lambda", {"Ref": "AWS::Region"}, "123456789012:layer:my-Layer_1", <row>]]}]"#,
    );
    // With more of the ARN around it, it becomes a text with the row in it.
    let start = "!Join ['', ['arn:aws:lambda:', !Ref AWS::Region, ";
    check_rows(
        &format!(" [{start}':123456789012:layer:my-Layer_1:1']]]"),
        &format!(" [{start}!Sub [':123456789012:layer:my-Layer_1:${{{version}}}', {{{version}: <row>}}]]]]"),
    );
    check_rows(
        r#"[{"Fn::Join": ["", ["arn:aws:lambda:", {"Ref": "AWS::Region"}, ":123456789012:layer:my-Layer_1:1"]]}]"#,
        &format!(
            r#"[{{"Fn::Join": ["", ["arn:aws:lambda:", {{"Ref": "AWS::Region"}}, {{"Fn::Sub": [":123456789012:layer:my-Layer_1:${{{version}}}", {{"{version}": <row>}}]}}]]}}]"#
        ),
    );
}

/// Where no row can stand, the versions that differ are refused, and it is said why there is no mapping.
#[test]
fn what_cannot_have_a_row_is_refused_with_a_reason() {
    let eu =
        Pin::from(format!("{PLAIN}:8").replace("us-east", "eu-west").parse::<LayerVersionArn>().unwrap());
    let pins = Pins::new([own_pin(), eu]).unwrap();
    let start = OPEN.strip_suffix(":1").unwrap();
    for (layers, reason) in [
        (format!(" [!Sub [!Sub '{OPEN}', {{}}]]"), "its form cannot be replaced"),
        (format!(" [!Sub ['{OPEN}']]"), "its form cannot be replaced"),
        // A pair without braces: no mapping is made that nothing would read.
        (format!(" [!Sub ['{OPEN}', L: x]]"), "nothing can be put into its variables"),
        (format!(" [!Join [':', [!Sub '{start}', !If [C, 1, 2]]]]"), "its form cannot be replaced"),
        (format!(" [!Join [':', !If [C, [!Sub '{start}', 1], []]]]"), "its form cannot be replaced"),
        (
            format!(" [!Sub '{start}:${{P}}']\nParameters: {{P: {{Type: Number, Default: 1}}}}"),
            "the version does not stand in the entry itself",
        ),
    ] {
        let plan = convert(&of(&layers), &Wanted::new(&pins), &Form::Mapping).unwrap();
        assert_eq!(plan.text, None, "{layers}");
        let has_reason = plan.left_alone.iter().any(|left| left.reason.starts_with(reason));
        assert!(has_reason, "{layers}: {:?}", plan.left_alone);
        assert!(
            matches!(plan.refusals[..], [(_, crate::plan::Refusal::Ambiguous { .. }), ..]),
            "{layers}: {plan:?}"
        );
    }
}

#[test]
fn an_anchor_outside_of_layers_keeps_its_form() {
    let text = format!("Metadata: {{L: &l '{PLAIN}:7'}}\n{}", of(" [*l]"));
    let pins = Pins::new([Pin { version: None, ..own_pin() }]).unwrap();
    let plan = convert(&text, &Wanted::new(&pins), &ssm("/l")).unwrap();
    assert_eq!((plan.text, plan.refusals), (None, vec![]));
    assert!(plan.left_alone.iter().any(|left| left.reason.starts_with("its anchor is used outside")));
}

/// `x` has numbers of its own in each of two accounts and two regions.
fn two_accounts() -> Pins {
    let arns = [
        "us-east-1:111111111111:layer:x:2",
        "eu-west-1:111111111111:layer:x:1",
        "us-east-1:222222222222:layer:x:6",
        "eu-west-1:222222222222:layer:x:5",
    ];
    let pin = |rest: &str| Pin::from(format!("arn:aws:lambda:{rest}").parse::<LayerVersionArn>().unwrap());
    Pins::new(arns.map(pin)).unwrap()
}

#[test]
fn each_account_has_a_table_of_its_own() {
    let arn = |account: &str, version: &str| {
        format!("'arn:aws:lambda:${{AWS::Region}}:{account}:layer:x:{version}'")
    };
    let [one, other] = ["111111111111", "222222222222"];
    let before = of(&format!(" [!Sub {}, !Sub {}, !Sub {}]", arn(one, "1"), arn(other, "5"), arn(one, "1")));
    let pins = two_accounts();
    let plan = convert(&before, &Wanted::new(&pins), &Form::Mapping).unwrap();
    assert_eq!(plan.refusals, []);
    let row = |account: &str, mapping: &str| {
        let arn = arn(account, "${XVersion}");
        format!("!Sub [{arn}, {{XVersion: !FindInMap [{mapping}, !Ref 'AWS::Region', Version]}}]")
    };
    let rows = [row(one, "XVersions"), row(other, "XVersions2"), row(one, "XVersions")].join(", ");
    let tables = "Mappings:\n  XVersions:\n    eu-west-1:\n      Version: 1\n    us-east-1:\n      Version: 2\n  \
                  XVersions2:\n    eu-west-1:\n      Version: 5\n    us-east-1:\n      Version: 6\n";
    assert_eq!(plan.text, Some(format!("{tables}{}", of(&format!(" [{rows}]")))));
}

#[test]
fn one_text_for_layers_of_several_accounts_keeps_its_form() {
    let mapping = "Mappings: {M: {dev: {A: '111111111111'}, prod: {A: '222222222222'}}}\nParameters: {S: {Type: String}}\n";
    let arn = "!Sub ['arn:aws:lambda:${AWS::Region}:${A}:layer:x:1', {A: !FindInMap [M, !Ref S, A]}]";
    let pins = two_accounts();
    let plan =
        convert(&format!("{mapping}{}", of(&format!(" [{arn}]"))), &Wanted::new(&pins), &Form::Mapping);
    let plan = plan.unwrap();
    assert!(matches!(plan.refusals[..], [(_, crate::plan::Refusal::Ambiguous { .. })]), "{plan:?}");
    let reason = "it comes to layers of several accounts, whose versions differ";
    assert!(plan.left_alone.iter().any(|left| left.reason == reason), "{:?}", plan.left_alone);
}
