//! A layer's own lists, with dashes at the key's column and below its name: they get the ledger's items, and every comment
//! stays, or the list does.

use std::collections::BTreeSet;

use proptest::prelude::*;
use template_tools::content::update_content;
use template_tools::document::{Document, parse};
use template_tools::plan::Weight;

use crate::oracle::{check_text, ledger, pins, wanted};

const RUNTIMES: [&str; 5] = ["python3.9", "python3.12", "python3.13", "python3.14", "nodejs22.x"];

/// What stands behind an item: nothing, a comment in its line, or one below it.
const BEHIND: [&str; 4] = ["", "", " # its own", "\n      # of its own"];

fn items(document: &Document<'_>) -> BTreeSet<String> {
    let mut found = document.roots()[0];
    for key in ["Resources", "L", "Properties", "CompatibleRuntimes"] {
        found = document.values(found, key)[0];
    }
    let items = document.items(found).unwrap_or_default();
    items.iter().filter_map(|item| document.scalar(*item).map(str::to_owned)).collect()
}

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn a_list_gets_its_items_and_keeps_its_comments(
        items_before in prop::collection::vec((prop::sample::select(&RUNTIMES[..]), prop::sample::select(&BEHIND[..])), 1..6),
        lead in prop::sample::select(&["      - ", "        - ", "      -   "][..]),
        quote in prop::sample::select(&["", "'", "\""][..]),
        (crlf, is_last) in any::<(bool, bool)>(),
    ) {
        let item = |(item, behind): &(&str, &str)| format!("{lead}{quote}{item}{quote}{behind}\n");
        let list = items_before.iter().map(item).collect::<Vec<_>>().concat();
        let start = "Resources:\n  L:\n    Type: AWS::Lambda::LayerVersion\n    Properties:\n      LayerName: sosw\n";
        let content = "      Content: {S3Bucket: b-us-east-1, S3Key: sosw/new.zip} # c\n";
        let list = format!("      CompatibleRuntimes: # r\n{list}");
        let before = if is_last { [start, content, &list].concat() } else { [start, &list, content].concat() };
        let before = if crlf { before.replace('\n', "\r\n") } else { before };
        check_text(&before);
        let (pins, ledger) = (pins(), ledger());
        let plan = update_content(&before, &wanted(&pins), &ledger).unwrap();
        prop_assert_eq!(&plan.refusals, &[]);
        let meant: BTreeSet<String> = ["python3.13", "python3.14"].map(str::to_owned).into();
        if let Some(after) = plan.text {
            prop_assert_eq!(items(&parse(&after).unwrap()), meant, "{}", after);
            let rest = |text: &str| -> Vec<String> {
                let lines = text.split_inclusive('\n').filter(|line| !line.trim_start().starts_with('-'));
                lines.map(str::to_owned).collect()
            };
            prop_assert_eq!(rest(&after), rest(&before));
            prop_assert_eq!(after.matches('#').count(), before.matches('#').count(), "{}", after);
        } else if items(&parse(&before).unwrap()) != meant {
            prop_assert!(before.contains("# its own"), "{}", before);
            prop_assert!(plan.left_alone.iter().any(|left| left.weight == Weight::Warning));
        }
    }
}
