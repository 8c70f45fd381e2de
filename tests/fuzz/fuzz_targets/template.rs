//! Any bytes: nothing panics, the quick readers see what the full one sees, whatever is edited differs in versions only, and
//! a second run changes nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use template_tools::arn::LayerVersionArn;
use template_tools::lexical::plan_lexical;
use template_tools::lint::lint;
use template_tools::pins::{Pin, Pins};
use template_tools::plan::{Downgrades, Part, Plan, Unfit, Wanted, comments, plan_with};
use template_tools::samconfig::plan_samconfig;

fn pins() -> Pins {
    let arns = [
        "arn:aws:lambda:us-east-1:123456789012:layer:sosw:12",
        "arn:aws:lambda:eu-west-1:123456789012:layer:sosw:12",
        "arn:aws:lambda:us-east-1:123456789012:layer:two:3",
    ];
    Pins::new(arns.iter().map(|arn| Pin::from(arn.parse::<LayerVersionArn>().expect("it is one")))).expect("they agree")
}

/// What is left of a text without the words that versions are made of.
fn without_versions(text: &str) -> String {
    let mut rest = String::new();
    let mut word = String::new();
    for letter in text.chars().chain(['\n']) {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            word.push(letter);
            continue;
        }
        let is_version = word.bytes().all(|byte| byte.is_ascii_digit()) || word.ends_with("_LAYER_PLACEHOLDER");
        if !is_version {
            rest.push_str(&word);
        }
        word.clear();
        rest.push(letter);
    }
    rest
}

/// Escapes of digits are versions, too: such texts are not compared by their letters.
fn check(text: &str, plan: &Plan, again: impl Fn(&str) -> Option<Plan>) {
    let Some(after) = &plan.text else { return };
    assert!(plan.refusals.is_empty() && !plan.bumps.is_empty());
    if !text.contains('\\') {
        assert_eq!(without_versions(text), without_versions(after));
    }
    assert_eq!(text.lines().count(), after.lines().count());
    let second = again(after).expect("the result can be read");
    assert_eq!(second.text, None);
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let pins = pins();
    let wanted = Wanted { downgrades: Downgrades::Allowed, unfit: Unfit::Allowed, ..Wanted::new(&pins) };
    let forced = Wanted { part: Part::Forced, ..wanted.clone() };
    for wanted in [&wanted, &forced] {
        if let Ok(plan) = plan_with(text, wanted) {
            check(text, &plan, |after| plan_with(after, wanted).ok());
        }
    }
    check(text, &plan_lexical(text, &wanted), |after| Some(plan_lexical(after, &wanted)));
    let template = |_: &str| Some("Parameters: {V: {Type: Number}}\nGlobals: {Function: {Layers: [!Sub 'arn:aws:lambda:us-east-1:123456789012:layer:sosw:${V}']}}".to_owned());
    if let Ok(plan) = plan_samconfig(text, &wanted, template) {
        check(text, &plan, |after| plan_samconfig(after, &wanted, template).ok());
    }
    assert!(template_tools::document::readers_agree(text));
    let _ = lint(text, &pins);
    if let Ok(document) = template_tools::document::parse(text) {
        let _ = comments(&document, &pins);
    }
});
