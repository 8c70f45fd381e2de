//! Other forms: what is meant gets one, and every other line stays.

use std::collections::BTreeSet;

use proptest::prelude::*;
use template_tools::arn::LayerVersionArn;
use template_tools::convert::{Form as Conversion, SsmParameterName, convert};
use template_tools::pins::{Pin, Pins};
use template_tools::plan::{Downgrades, Wanted};

use crate::MINE;
use crate::entries::{Entry, Form, entries, finished, template};
use crate::oracle::check_text;

/// Every line of the text is there after the conversion, in its order, but for those that were to change: these have
/// become another, or are taken together with the next ones.
fn check_lines(before: &str, after: &str, changed: BTreeSet<usize>) -> Result<(), TestCaseError> {
    let mut lines = after.trim_start_matches('\u{feff}').split_inclusive('\n');
    let before = before.trim_start_matches('\u{feff}');
    for (index, line) in before.split_inclusive('\n').enumerate() {
        // A block's `>-` is on the line before its text.
        let is_near = (index..=index + 2).any(|near| changed.contains(&near));
        let is_entry = line.contains("layer:") || line.trim_start().starts_with("- ");
        if is_near && is_entry || before.starts_with('{') {
            continue;
        }
        prop_assert!(lines.any(|other| other == line), "{line:?} is not in\n{after}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn a_conversion_changes_what_is_meant_and_nothing_else(
        form in prop::sample::select(&[Form::Block, Form::Globals, Form::Flow, Form::Json][..]),
        entries in entries(),
        (crlf, bom) in any::<(bool, bool)>(),
        to_ssm in any::<bool>(),
    ) {
        let before = finished(template(form, &entries, Entry::written), crlf, bom);
        check_text(&before);
        // Every region has a version of its own.
        let layers = ["sosw", "my-Layer_1"].iter().zip([7, 70]);
        let pin = |(layer, version): (&&str, u64), region: &str| {
            let arn = format!("arn:aws:lambda:{region}:{MINE}:layer:{layer}:{version}");
            Pin::from(arn.parse::<LayerVersionArn>().unwrap())
        };
        let pinned = layers.flat_map(|(layer, version)| {
            [pin((layer, version), "us-east-1"), pin((layer, version + 1), "eu-west-1")]
        });
        let pins = Pins::new(pinned).unwrap();
        let conversion = if to_ssm {
            Conversion::Ssm(SsmParameterName::new("/layers/x").unwrap())
        } else {
            Conversion::Mapping
        };
        let wanted = Wanted { downgrades: Downgrades::Allowed, ..Wanted::new(&pins) };
        let first = convert(&before, &wanted, &conversion).unwrap();
        // An anchor on the text of `Fn::Sub:` and several regions in one function are refused, and change nothing.
        let Some(after) = first.text else {
            prop_assert!(!first.refusals.is_empty() || first.bumps.is_empty());
            return Ok(());
        };
        prop_assert_eq!(&first.refusals, &[]);
        check_lines(&before, &after, first.bumps.iter().map(|bump| bump.position.line).collect())?;
        let second = convert(&after, &wanted, &conversion).unwrap();
        prop_assert_eq!(&second.refusals, &[]);
        prop_assert_eq!(second.text, None);
    }
}
