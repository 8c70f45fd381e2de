//! References that leave the region to the stack, where each region has a version of its own: every one of them gets a
//! row of a mapping, in JSON and YAML, and whatever else is asked of such a template holds, too.

use std::collections::BTreeSet;

use proptest::prelude::*;
use template_tools::convert::{Form, convert};

use crate::expression::{DIALECTS, Tree, call, list, map, reference, text};
use crate::oracle::{check_text, pins, wanted};
use crate::{MINE, THEIRS};

/// How an entry comes to its ARN.
#[derive(Clone, Copy, Debug)]
enum Way {
    Sub,
    SubOfOne,
    SubWithVariables,
    SubOfNothing,
    SubOfVersion,
    JoinOfVersion,
    JoinOfPieces,
    JoinOfSub,
}

const WAYS: [Way; 8] = [
    Way::Sub,
    Way::SubOfOne,
    Way::SubWithVariables,
    Way::SubOfNothing,
    Way::SubOfVersion,
    Way::JoinOfVersion,
    Way::JoinOfPieces,
    Way::JoinOfSub,
];

fn entry(way: Way, account: &str, version: u8) -> Tree {
    let stem = format!("arn:aws:lambda:${{AWS::Region}}:{account}:layer:two");
    let sub = |items: [Tree; 2]| call("Fn::Sub", list(items));
    let join = |separator: &str, pieces: Vec<Tree>| call("Fn::Join", list([text(separator), list(pieces)]));
    let region = || reference("AWS::Region");
    let arn = || text(format!("{stem}:{version}"));
    match way {
        Way::Sub => call("Fn::Sub", arn()),
        Way::SubOfOne => call("Fn::If", list([text("C"), call("Fn::Sub", arn()), reference("AWS::NoValue")])),
        Way::SubWithVariables => sub([
            text(format!("{}:{version}", stem.replace(account, "${A}"))),
            map([("A", text(account)), ("TwoVersion", text("x"))]),
        ]),
        Way::SubOfNothing => sub([arn(), map([])]),
        Way::SubOfVersion => sub([text(format!("{stem}:${{V}}")), map([("V", text(version.to_string()))])]),
        Way::JoinOfVersion => {
            let version = Tree::Number(version.into());
            join(":", vec![text("arn:aws:lambda"), region(), text(format!("{account}:layer:two")), version])
        }
        Way::JoinOfPieces => {
            let end = text(format!(":{account}:layer:two:{version}"));
            join("", vec![text("arn:aws:lambda:"), region(), end])
        }
        Way::JoinOfSub => {
            join("", vec![text("arn:aws:"), call("Fn::Sub", text(format!("{}:{version}", &stem[8..])))])
        }
    }
}

fn template(entries: &[(Way, &str, u8)]) -> Tree {
    let layers = entries.iter().map(|(way, account, version)| entry(*way, account, *version));
    let properties = map([("Handler", text("a.b:1")), ("Layers", list(layers))]);
    let function = map([("Type", text("AWS::Lambda::Function")), ("Properties", properties)]);
    map([("Description", text("größer 你好 layer:two:1")), ("Resources", map([("F", function)]))])
}

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn every_reference_gets_a_row(
        entries in prop::collection::vec(
            (prop::sample::select(&WAYS[..]), prop::sample::select(&[MINE, THEIRS][..]), 1_u8..200), 1..6,
        ),
        dialect in prop::sample::select(&DIALECTS[..]),
        crlf in any::<bool>(),
    ) {
        let before = template(&entries).written(dialect);
        let before = if crlf { before.replace('\n', "\r\n") } else { before };
        check_text(&before);
        let pins = pins();
        let plan = convert(&before, &wanted(&pins), &Form::Mapping).unwrap();
        prop_assert_eq!(&plan.refusals, &[], "in\n{}\nleft {:?}", before, plan.left_alone);
        let after = plan.text.unwrap_or_default();
        prop_assert_eq!(plan.bumps.len(), entries.len(), "in\n{}\nbecame\n{}", before, after);
        // Each account has a table of its own.
        let accounts: BTreeSet<&str> = entries.iter().map(|(_, account, _)| *account).collect();
        prop_assert_eq!(after.matches("TwoVersions").count(), entries.len() + accounts.len(), "{}", after);
    }
}
