//! Versions come and go: nothing else changes, whatever the entries look like.

use proptest::prelude::*;
use template_tools::arn::LayerName;
use template_tools::plan::{Downgrades, Goal, Wanted, plan, plan_with};

use crate::entries::{Entry, Form, entries, finished, template};
use crate::pins;

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn exactly_the_versions_change_and_then_nothing(
        form in prop::sample::select(&[Form::Block, Form::Globals, Form::Flow, Form::Json][..]),
        entries in entries(),
        crlf in any::<bool>(),
        bom in any::<bool>(),
        newline_at_end in any::<bool>(),
    ) {
        let finished = |text: String| {
            let text = if newline_at_end { text.as_str() } else { text.trim_end_matches('\n') };
            finished(text.to_owned(), crlf, bom)
        };
        let before = finished(template(form, &entries, Entry::written));
        let expected = finished(template(form, &entries, Entry::wanted));

        let first = plan(&before, &pins(), Downgrades::Allowed).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&first.refusals, &[]);
        prop_assert_eq!(first.text.as_deref().unwrap_or(&before), &expected);
        prop_assert_eq!(first.text.is_some(), before != expected);

        let second = plan(&expected, &pins(), Downgrades::Refused).unwrap();
        prop_assert_eq!(&second.refusals, &[]);
        prop_assert_eq!(second.text, None);
    }

    #[test]
    fn a_placeholder_can_be_taken_back(
        form in prop::sample::select(&[Form::Block, Form::Globals, Form::Flow, Form::Json][..]),
        entries in entries(),
        (crlf, bom) in any::<(bool, bool)>(),
    ) {
        let text = |version: &dyn Fn(&Entry) -> String| finished(template(form, &entries, version), crlf, bom);
        // What is pinned already: so the numbers come back as they were.
        let before = text(&Entry::wanted);
        let pins = pins();
        let away = plan_with(&before, &Wanted { goal: Goal::Placeholder, ..Wanted::new(&pins) }).unwrap();
        prop_assert_eq!(&away.refusals, &[]);
        let placeholder = |entry: &Entry| {
            if entry.is_pinned() { LayerName::new(entry.layer).unwrap().placeholder() } else { entry.written() }
        };
        let there = away.text.unwrap_or_else(|| before.clone());
        prop_assert_eq!(&there, &text(&placeholder));
        let back = plan_with(&there, &Wanted::new(&pins)).unwrap();
        prop_assert_eq!(&back.refusals, &[]);
        prop_assert_eq!(back.text.as_ref().unwrap_or(&there), &before);
    }
}
