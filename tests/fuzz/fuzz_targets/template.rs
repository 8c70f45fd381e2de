//! Any bytes: nothing panics, the quick readers see what the full one sees, whatever is edited or converted differs where
//! it says so, and a second run changes nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use template_tools::lexical::plan_lexical;
use template_tools::lint::lint;
use template_tools::plan::comments;
use template_tools::samconfig::plan_samconfig;

// What has to hold, as the property tests have it.
#[path = "../../../template-tools/tests/properties/oracle.rs"]
mod oracle;
use oracle::{check_text, check_words, pins, wanted};

const TEMPLATE: &str = "Parameters: {V: {Type: Number}}\nGlobals: {Function: {Layers: [!Sub \
    'arn:aws:lambda:us-east-1:123456789012:layer:sosw:${V}']}}";

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let pins = pins();
    let wanted = wanted(&pins);
    check_text(text);
    let lexical = |text: &str| plan_lexical(text, &wanted);
    if let Some(after) = lexical(text).text {
        check_words(text, &after);
        assert_eq!(lexical(&after).text, None);
    }
    let samconfig = |text: &str| plan_samconfig(text, &wanted, |_| Some(TEMPLATE.to_owned()));
    if let Ok(plan) = samconfig(text)
        && let Some(after) = plan.text
    {
        check_words(text, &after);
        assert_eq!(samconfig(&after).expect("the result can be read").text, None);
    }
    assert!(template_tools::document::readers_agree(text));
    let _ = lint(text, &pins);
    if let Ok(document) = template_tools::document::parse(text) {
        let _ = comments(&document, &pins);
    }
});
