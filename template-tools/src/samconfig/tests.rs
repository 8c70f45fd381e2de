//! What becomes of the values in `samconfig.toml`, in every form that `sam` reads.

use super::*;
use crate::arn::LayerVersionArn;
use crate::pins::{Pin, Pins};
use crate::plan::Goal;

const TEMPLATE: &str = "Parameters:
  Layer: {Type: String}
  LayerVersion: {Type: Number, Default: 1}
  Layers: {Type: CommaDelimitedList}
  Stage: {Type: String}
Globals:
  Function:
    Layers:
      - !Sub 'arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:${LayerVersion}'
      - !Ref Layer
Resources:
  F: {Type: AWS::Serverless::Function, Properties: {Layers: !Ref Layers}}
";
const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:layer:sosw";

fn pins() -> Pins {
    let arns = [format!("{ARN}:12"), format!("{ARN}:13").replace("us-east-1", "eu-west-1")];
    Pins::new(arns.iter().map(|arn| Pin::from(arn.parse::<LayerVersionArn>().unwrap()))).unwrap()
}

/// `<7>` becomes 12, `{7}` becomes 13.
#[track_caller]
fn check(marked: &str) {
    for line_end in ["\n", "\r\n"] {
        let marked = marked.replace("ARN", ARN).replace('\n', line_end);
        let before = marked.replace("<7>", "7").replace("{7}", "7");
        let expected = marked.replace("<7>", "12").replace("{7}", "13");
        let pins = pins();
        let template = |name: &str| (name == "template.yaml").then(|| TEMPLATE.to_owned());
        let run = |text: &str| plan_samconfig(text, &Wanted::new(&pins), template).unwrap();
        let plan = run(&before);
        assert_eq!(plan.refusals, []);
        assert_eq!(plan.text.as_deref().unwrap_or(&before), expected, "{plan:?}");
        assert_eq!(run(&expected).text, None);
    }
}

#[test]
fn the_string_form() {
    check(
        "version = 0.1\n[default.deploy.parameters]\nregion = \"us-east-1\" # 7\nparameter_overrides = \"Stage=7 LayerVersion=<7> Layer=ARN:<7>\"\n",
    );
    check(
        "[prod.deploy.parameters]\nregion = 'eu-west-1'\nparameter_overrides = \"Stage=\\\"LayerVersion=7\\\" LayerVersion=\\\"{7}\\\" Layers=\\\"ARN:<7>,ARN:<7>\\\"\"\n",
    );
    check(
        "[a.global.parameters]\nregion = 'us-east-1'\n[a.deploy.parameters]\nparameter_overrides = '''\nStage=7\n  LayerVersion=<7>\n'''\n",
    );
    check(
        "[a.deploy.parameters]\nregion = 'us-east-1'\nparameter_overrides = \"ParameterKey=LayerVersion,ParameterValue=<7> ParameterKey=Stage,ParameterValue=7\"\n",
    );
}

#[test]
fn the_list_form() {
    check(
        "[a.deploy.parameters]\nregion = 'us-east-1'\nparameter_overrides = [\n  'Stage=7', # 7\n  \"LayerVersion=<7>\",\n  'Layer=ARN:<7>']\n",
    );
}

#[test]
fn a_number_that_is_something_else_in_the_template_too_is_refused() {
    let pins = pins();
    let text = "[a.deploy.parameters]\nregion = 'us-east-1'\nparameter_overrides = 'LayerVersion=7'\n";
    let run = |more: &str| {
        let template = TEMPLATE.replace("Globals:", &format!("{more}Globals:"));
        plan_samconfig(text, &Wanted::new(&pins), |_| Some(template.clone())).unwrap()
    };
    assert_eq!(run("Outputs: {O: {Value: !Ref LayerVersion}}\n").refusals, []);
    let refusals = run("Conditions: {C: !Equals [!Ref LayerVersion, 7]}\n").refusals;
    let [(Position { line: 3, .. }, Refusal::UsedElsewhere { places, .. })] = &refusals[..] else {
        panic!("{refusals:?}")
    };
    assert_eq!(places, &["`Conditions.C` (6:31) of the template"]);
}

#[test]
fn what_the_parameter_does_not_take_is_refused() {
    let text = "[a.deploy.parameters]\nregion = 'us-east-1'\nparameter_overrides = 'LayerVersion=7'\n";
    let template = TEMPLATE.replace("Default: 1", "MaxValue: 10");
    let pins = pins();
    let plan = plan_samconfig(text, &Wanted::new(&pins), |_| Some(template.clone())).unwrap();
    assert!(matches!(plan.refusals[..], [(_, Refusal::NotAllowed { .. })]), "{plan:?}");
}

#[test]
fn a_placeholder_is_held_to_the_parameter_as_a_number_is() {
    let text = "[a.deploy.parameters]\nregion = 'us-east-1'\nparameter_overrides = 'LayerVersion=7'\n";
    let pins = pins();
    let away = Wanted { goal: Goal::Placeholder, ..Wanted::new(&pins) };
    for (kind, reason) in [
        (
            "Number",
            "the `Type` of parameter `LayerVersion` is `Number`, which `SOSW_LAYER_PLACEHOLDER` is not",
        ),
        (
            "String, AllowedPattern: '[0-9]+'",
            "the `AllowedPattern` of parameter `LayerVersion`, `[0-9]+`, does not match `SOSW_LAYER_PLACEHOLDER`",
        ),
    ] {
        let template = TEMPLATE.replace("Number", kind);
        let plan = plan_samconfig(text, &away, |_| Some(template.clone())).unwrap();
        let [(_, Refusal::NotAllowed { reason: said, .. })] = &plan.refusals[..] else { panic!("{plan:?}") };
        assert_eq!((said.as_str(), plan.text), (reason, None));
    }
    let template = TEMPLATE.replace("Number", "String");
    let plan = plan_samconfig(text, &away, |_| Some(template.clone())).unwrap();
    assert_eq!(plan.text, Some(text.replace("=7", "=SOSW_LAYER_PLACEHOLDER")), "{plan:?}");
}

#[test]
fn of_a_parameter_that_is_given_twice_the_last_counts() {
    let start = "[a.deploy.parameters]\nregion = 'us-east-1'\nparameter_overrides = ";
    check(&format!("{start}'LayerVersion=7 LayerVersion=<7>'\n"));
    check(&format!("{start}['LayerVersion=7', 'Stage=a LayerVersion=<7>']\n"));
}

/// In quotes of either kind, as `sam` reads them.
#[test]
fn quotes_within_the_string() {
    let start = "[a.deploy.parameters]\nregion = 'us-east-1'\nparameter_overrides = ";
    for value in [
        r#""Layers='ARN:<7>,ARN:<7>' LayerVersion=<7>""#,
        r#""Layers=\"ARN:<7>,ARN:<7>\" LayerVersion='<7>'""#,
        r#""ParameterKey=Layers,ParameterValue='ARN:<7>,ARN:<7>' ParameterKey=Stage,ParameterValue='LayerVersion=7'""#,
        r#"['Stage="a b" Layers="ARN:<7>,ARN:<7>"', ["LayerVersion='<7>'"]]"#,
        r#"{Layers = "ARN:<7>,ARN:<7>", LayerVersion = '<7>', Stage = 7}"#,
        // Where one form is used, the other is none.
        r#""ParameterKey=LayerVersion,ParameterValue=<7> LayerVersion=7""#,
    ] {
        check(&format!("{start}{value}\n"));
    }
}

/// What cannot be changed is named: nothing is changed by half without a word.
#[test]
fn what_sam_reads_otherwise_than_meant_is_named() {
    let pins = pins();
    let run = |value: &str| {
        let text = format!(
            "[a.deploy.parameters]\nregion = 'us-east-1'\nparameter_overrides = {}\n",
            value.replace("ARN", ARN)
        );
        plan_samconfig(&text, &Wanted::new(&pins), |_| Some(TEMPLATE.to_owned())).unwrap().left_alone
    };
    let left = run(r#""ParameterKey=Layers,ParameterValue=ARN:7\\,ARN:7""#);
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0].reason, format!("`sam` takes `{ARN}:7\\` as it is, and `7\\` is no version"));
    assert_eq!(left[0].weight, Weight::Warning);
    assert_eq!(run("{Layers = ['ARN:7', 'ARN:7'], LayerVersion = 7}").len(), 3);
}

#[test]
fn without_its_template_only_whole_arns_are_known() {
    check(
        "[a.deploy.parameters]\ntemplate_file = 'other.yaml'\nregion = 'us-east-1'\nparameter_overrides = 'LayerVersion=7 Any=ARN:<7>'\n",
    );
}

#[test]
fn an_open_region_needs_pins_that_agree() {
    let pins = pins();
    let text = "[a.deploy.parameters]\nparameter_overrides = 'LayerVersion=7'\n";
    let plan = plan_samconfig(text, &Wanted::new(&pins), |_| Some(TEMPLATE.to_owned())).unwrap();
    assert!(matches!(plan.refusals[..], [(Position { line: 2, .. }, Refusal::Ambiguous { .. })]));
    assert_eq!(plan.text, None);
}

/// What a file becomes for templates of these names, whose texts are that of `TEMPLATE`.
fn run(text: &str, templates: &[&str]) -> Plan {
    let template = |name: &str| templates.contains(&name).then(|| TEMPLATE.to_owned());
    plan_samconfig(text, &Wanted::new(&pins()), template).unwrap()
}

const BY_DEPLOY: &str = "[a.deploy.parameters]\nregion = 'us-east-1'\n";
const OVERRIDES: &str = "parameter_overrides = 'LayerVersion=7'\n";
const APP: &str = "template_file = 'app.yaml'\n";

#[test]
fn overrides_and_their_template_may_stand_in_different_tables() {
    let global = format!("[a.global.parameters]\n{OVERRIDES}");
    let local = "[a.local_invoke.parameters]\ndebug = true\n[a.logs.parameters]\nregion = 'eu-west-1'\n";
    let build = format!("[a.build.parameters]\n{APP}");
    for text in [
        format!("{global}{BY_DEPLOY}{APP}"),
        format!("{global}{BY_DEPLOY}{build}{local}"),
        format!("{global}region = 'us-east-1'\n{build}"),
        format!("{BY_DEPLOY}{OVERRIDES}{build}"),
        format!("{BY_DEPLOY}{OVERRIDES}[a.build.parameters]\n[a.global.parameters]\n{APP}"),
    ] {
        let plan = run(&text, &["app.yaml"]);
        assert_eq!((&plan.refusals[..], &plan.left_alone[..]), (&[][..], &[][..]), "{text}");
        assert_eq!(plan.text, Some(text.replace("=7", "=12")), "{text}");
        assert_eq!(plan.bumps.len(), 1, "{text}");
        let after = run(&text.replace("=7", "=12"), &["app.yaml"]);
        assert_eq!((after.text, after.current), (None, 1), "{text}");
        let named = named_layers(&text, &Wanted::new(&pins()).placeholders, |name| {
            (name == "app.yaml").then(|| TEMPLATE.to_owned())
        });
        assert_eq!(named.unwrap().len(), 1, "{text}");
    }
    // `sync` reads the template as it is written, and a command's own overrides are not those of `global`.
    for text in [
        format!("[a.sync.parameters]\nregion = 'us-east-1'\n{OVERRIDES}{build}"),
        format!("{global}{BY_DEPLOY}parameter_overrides = 'Stage=7'\n{build}{OVERRIDES}")
            .replace("=7", "=12"),
    ] {
        assert_eq!(run(&text, &["app.yaml"]).text, None, "{text}");
    }
}

#[test]
fn a_value_that_commands_share_has_to_be_right_for_each() {
    let text =
        |more: &str| format!("[a.global.parameters]\n{OVERRIDES}{BY_DEPLOY}[a.sync.parameters]\n{more}");
    let refusal = |text: &str, template: &dyn Fn(&str) -> Option<String>| {
        let plan = plan_samconfig(text, &Wanted::new(&pins()), template).unwrap();
        let [(Position { line: 2, .. }, refusal)] = &plan.refusals[..] else { panic!("{plan:?}") };
        assert_eq!(plan.text, None);
        refusal.clone()
    };
    let everywhere = |_: &str| Some(TEMPLATE.to_owned());
    let Refusal::Shared { wanted } = refusal(&text("region = 'eu-west-1'\n"), &everywhere) else { panic!() };
    assert_eq!(wanted, ["sosw of eu-west-1 in `LayerVersion`", "sosw of us-east-1 in `LayerVersion`"]);
    // One number for both, though the regions are not the same.
    let same = Pins::new([Pin {
        region: None,
        ..Pin::from(format!("{ARN}:12").parse::<LayerVersionArn>().unwrap())
    }]);
    let plan = plan_samconfig(&text("region = 'eu-west-1'\n"), &Wanted::new(&same.unwrap()), everywhere);
    assert_eq!(plan.unwrap().bumps.len(), 1);
    // In the other command's template it is something else, or may not become that.
    let other = |parameter: &str| {
        let other = format!(
            "Parameters: {{LayerVersion: {{{parameter}}}}}\nResources: {{F: {{Type: AWS::Lambda::Function, Properties: {{Timeout: !Ref LayerVersion}}}}}}\n"
        );
        move |name: &str| Some(if name == "app.yaml" { other.clone() } else { TEMPLATE.to_owned() })
    };
    let Refusal::UsedElsewhere { places, .. } = refusal(&text(APP), &other("Type: Number")) else { panic!() };
    assert_eq!(places, ["`Resources.F.Properties.Timeout` (2:73) of the template"]);
    let refusal = refusal(&text(APP), &other("Type: Number, MaxValue: 9"));
    assert!(matches!(refusal, Refusal::NotAllowed { .. }), "{refusal:?}");
}

#[test]
fn values_without_a_template_are_named() {
    let reason = |name: &str| {
        format!(
            "its version may be one of these values, and the template that would tell cannot be read: `{name}`"
        )
    };
    let left = |text: &str| run(text, &[]).left_alone;
    for (template, name) in [(APP, "app.yaml"), ("", "template.yaml")] {
        let text = format!("{BY_DEPLOY}{template}{OVERRIDES}");
        let [LeftAlone { position, layer: None, reason: said, weight: Weight::Other }] = &left(&text)[..]
        else {
            panic!("{text}")
        };
        let line = if template.is_empty() { 3 } else { 4 };
        assert_eq!((said, *position), (&reason(name), Position { line, column: 23 }));
    }
    // One that is called like the layer, and a number.
    let text = format!("{BY_DEPLOY}parameter_overrides = 'SoswStage=x Sosw=7'\n");
    let [LeftAlone { layer: Some(_), weight: Weight::Warning, .. }] = &left(&text)[..] else { panic!() };
    assert_eq!(left(&format!("{BY_DEPLOY}parameter_overrides = 'Layer={ARN}:7'\n")), []);
}

#[test]
fn an_error_has_a_place() {
    let pins = pins();
    let error = plan_samconfig("a = 1\nb = [\n", &Wanted::new(&pins), |_| None).unwrap_err();
    assert!(error.to_string().starts_with("line 2, column 6: "), "{error}");
}
