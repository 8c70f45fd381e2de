//! For generated templates over all supported forms: exactly the versions change, and a second run does nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use template_tools::arn::{LayerName, LayerVersionArn};
use template_tools::content::update_content;
use template_tools::convert::{Form as Conversion, SsmParameterName, convert};
use template_tools::document::parse;
use template_tools::ledger::{Content, Entry as LedgerEntry, Ledger};
use template_tools::pins::{Pin, Pins};
use template_tools::plan::{Downgrades, Goal, Wanted, plan, plan_with};

const MINE: &str = "123456789012";
const THEIRS: &str = "210987654321";

/// `sosw` has one version everywhere, `my-Layer_1` differs by region, `so` is published in one region only.
const PINNED: [(&str, &str, u64); 5] = [
    ("sosw", "us-east-1", 100),
    ("sosw", "eu-west-1", 100),
    ("my-Layer_1", "us-east-1", 41),
    ("my-Layer_1", "eu-west-1", 4),
    ("so", "us-east-1", 5),
];
const LAYERS: [&str; 5] = ["sosw", "my-Layer_1", "so", "sosw2", "SOSW"];
const NOISE: [&str; 6] = [
    "",
    " # größer 你好 🦀",
    "   # arn:aws:lambda:us-east-1:123456789012:layer:sosw:7",
    " # - SOSW_LAYER_PLACEHOLDER",
    "\t# ' \" {",
    " ",
];

fn pins() -> Pins {
    let arn = |(layer, region, version): &(&str, &str, u64)| {
        let arn: LayerVersionArn =
            format!("arn:aws:lambda:{region}:{MINE}:layer:{layer}:{version}").parse().unwrap();
        Pin::from(arn)
    };
    Pins::new(PINNED.iter().map(arn)).unwrap()
}

#[derive(Clone, Copy, Debug)]
enum Quotes {
    Plain,
    Single,
    Double,
    Folded,
    Literal,
}

#[derive(Clone, Copy, Debug)]
enum Sub {
    No,
    Tag,
    Key,
}

/// One entry of a `Layers` list.
#[derive(Clone, Debug)]
struct Entry {
    layer: &'static str,
    region: Option<&'static str>,
    account: Option<&'static str>,
    version: Option<u64>,
    quotes: Quotes,
    sub: Sub,
    anchor: bool,
    noise: &'static str,
}

impl Entry {
    /// The region and account that can be written: a variable needs `Fn::Sub`, and pins that agree.
    fn region(&self) -> &'static str {
        match (self.region, self.sub) {
            (Some(region), _) => region,
            (None, Sub::No) => "us-east-1",
            (None, _) if self.layer == "my-Layer_1" => "eu-west-1",
            (None, _) => "${AWS::Region}",
        }
    }

    fn account(&self) -> &'static str {
        match (self.account, self.sub) {
            (Some(account), _) => account,
            (None, Sub::No) => MINE,
            (None, _) => "${AWS::AccountId}",
        }
    }

    fn written(&self) -> String {
        self.version.map_or_else(|| "ANY_LAYER_PLACEHOLDER".to_owned(), |version| version.to_string())
    }

    /// What the pins ask for, worked out without them.
    fn wanted(&self) -> String {
        self.pinned().map_or_else(|| self.written(), |version| version.to_string())
    }

    fn pinned(&self) -> Option<u64> {
        let fits = |region: &str| self.region() == "${AWS::Region}" || self.region() == region;
        let pinned = PINNED.iter().find(|(layer, region, _)| *layer == self.layer && fits(region));
        pinned.filter(|_| self.account() != THEIRS).map(|(_, _, version)| *version)
    }

    fn is_pinned(&self) -> bool {
        self.pinned().is_some()
    }

    fn arn(&self, version: &str) -> String {
        format!("arn:aws:lambda:{}:{}:layer:{}:{version}", self.region(), self.account(), self.layer)
    }

    /// As an item of a block list, `- ` and all.
    fn block(&self, index: usize, version: &str) -> String {
        let anchor = if self.anchor { format!("&a{index} ") } else { String::new() };
        let (before, tag) = match self.sub {
            Sub::No => ("", ""),
            Sub::Tag => ("", "!Sub "),
            Sub::Key => ("Fn::Sub: ", ""),
        };
        let arn = self.arn(version);
        let noise = self.noise;
        let text = match self.quotes {
            Quotes::Plain => format!("{arn}{noise}"),
            Quotes::Single => format!("'{arn}'{noise}"),
            Quotes::Double => format!("\"{arn}\"{noise}"),
            Quotes::Folded => format!(">-{noise}\n            {arn}"),
            Quotes::Literal => format!("|{noise}\n            {arn}"),
        };
        format!("        - {before}{anchor}{tag}{text}\n")
    }

    /// As an item of a flow list.
    fn flow(&self, version: &str) -> String {
        let arn = self.arn(version);
        let text = match self.quotes {
            Quotes::Plain if !arn.contains('{') => arn,
            Quotes::Single | Quotes::Literal => format!("'{arn}'"),
            _ => format!("\"{arn}\""),
        };
        match self.sub {
            Sub::No => text,
            Sub::Tag => format!("!Sub {text}"),
            Sub::Key => format!("{{ \"Fn::Sub\" :{text} }}").replace(":'", ": '").replace(":arn", ": arn"),
        }
    }

    fn json(&self, version: &str) -> String {
        let arn = self.arn(version).replace("arn:", "\\u0061rn:");
        match self.sub {
            Sub::No => format!("\"{arn}\""),
            _ => format!("{{\"Fn::Sub\" : \"{arn}\"}}"),
        }
    }
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let entry = (
        (
            prop::sample::select(&LAYERS[..]),
            prop::sample::select(&[Some("us-east-1"), Some("eu-west-1"), Some("ap-south-1"), None][..]),
            prop::sample::select(&[Some(MINE), Some(THEIRS), None][..]),
            prop::option::of(1_u64..200),
        ),
        (
            prop::sample::select(
                &[Quotes::Plain, Quotes::Single, Quotes::Double, Quotes::Folded, Quotes::Literal][..],
            ),
            prop::sample::select(&[Sub::No, Sub::Tag, Sub::Key][..]),
            any::<bool>(),
            prop::sample::select(&NOISE[..]),
        ),
    );
    let entry = entry.prop_map(|((layer, region, account, version), (quotes, sub, anchor, noise))| Entry {
        layer,
        region,
        account,
        version,
        quotes,
        sub,
        anchor,
        noise,
    });
    prop::collection::vec(entry, 0..8)
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Block,
    Globals,
    Flow,
    Json,
}

/// The whole template, with a version for each entry.
fn template(form: Form, entries: &[Entry], version: impl Fn(&Entry) -> String) -> String {
    let blocks = || -> String {
        entries.iter().enumerate().map(|(index, entry)| entry.block(index, &version(entry))).collect()
    };
    // Items behind an alias: none for those with `Fn::Sub:`, where the anchor is on the text alone.
    let aliases = || -> String {
        let anchored =
            entries.iter().enumerate().filter(|(_, entry)| entry.anchor && !matches!(entry.sub, Sub::Key));
        anchored.map(|(index, _)| format!("        - *a{index}\n")).collect::<Vec<_>>().concat()
    };
    let description = "größer 你好 layer:sosw:7";
    match form {
        Form::Block | Form::Globals => {
            let (first, more) = if matches!(form, Form::Block) {
                ("AWS::Serverless::Function", "")
            } else {
                ("AWS::Lambda::Function", "Globals:\n  Function:\n    Timeout: 3\n")
            };
            format!(
                "# {description}\n{more}Resources:\n  Größe:\n    Type: {first}\n    Properties:\n      Layers: # x\n{}\
                 \n      Description: {description}\n  G:\n    Type: 'AWS::Lambda::Function'\n    Properties:\n      Layers:\n{}",
                blocks(),
                aliases()
            )
        }
        Form::Flow => {
            let items: Vec<_> = entries.iter().map(|entry| entry.flow(&version(entry))).collect();
            format!("Globals: {{Function: {{Layers: [ {} ]}}}} # {description}\n", items.join(" ,\n   "))
        }
        Form::Json => {
            let items: Vec<_> = entries.iter().map(|entry| entry.json(&version(entry))).collect();
            format!(
                "{{\"Description\": \"{description}\",\n\t\"Resources\": {{\"F\": {{\"Type\": \"AWS::Lambda::Function\", \
                 \"Properties\": {{\"Layers\": [\n{}\n]}}}}}}}}\n",
                items.join(",\n")
            )
        }
    }
}

fn finished(text: String, crlf: bool, bom: bool) -> String {
    let text = if crlf { text.replace('\n', "\r\n") } else { text };
    if bom { format!("\u{feff}{text}") } else { text }
}

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

/// What comes out can be read, and a second time nothing changes.
fn check_twice(text: &str, run: impl Fn(&str) -> Option<String>) -> Result<(), TestCaseError> {
    if let Some(after) = run(text) {
        prop_assert!(parse(&after).is_ok());
        prop_assert_eq!(run(&after), None);
    }
    Ok(())
}

fn ledger() -> Ledger {
    let entry = |(layer, region, version): &(&str, &str, u64)| {
        let arn = format!("arn:aws:lambda:{region}:{MINE}:layer:{layer}:{version}");
        let content = Content { bucket: format!("b-{region}"), key: "k/new.zip".to_owned(), version: None };
        LedgerEntry { content: Some(content), ..LedgerEntry::new(arn.parse().unwrap()) }
    };
    PINNED.iter().map(entry).collect()
}

const SECTIONS: [&str; 10] = [
    "Parameters:\n",
    "Parameters: {}\n",
    "Mappings: ~ # x\n",
    "Mappings:\n  A:\n    b: {c: d}\n",
    "Parameters: {P: {Type: Number, Default: 7}}\n",
    "Description: x\n",
    "Resources:\n  L:\n    Type: AWS::Lambda::LayerVersion\n    Properties:\n      LayerName: sosw\n      Content: {S3Bucket: b-us-east-1, S3Key: k}\n",
    "a: b\n---\n",
    "{\"Resources\":",
    "\"Parameters\":\n  \"a\": &a {}\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

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

    #[test]
    fn a_conversion_changes_what_is_meant_and_nothing_else(
        form in prop::sample::select(&[Form::Block, Form::Globals, Form::Flow, Form::Json][..]),
        entries in entries(),
        (crlf, bom) in any::<(bool, bool)>(),
        to_ssm in any::<bool>(),
    ) {
        let before = finished(template(form, &entries, Entry::written), crlf, bom);
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

    #[test]
    fn no_text_makes_a_conversion_panic(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40),
        more in prop::collection::vec(prop::sample::select(&SECTIONS[..]), 0..4),
    ) {
        let text = [more.concat(), pieces.concat()].concat();
        let (pins, ledger) = (pins(), ledger());
        let wanted = Wanted { downgrades: Downgrades::Allowed, ..Wanted::new(&pins) };
        let ssm = Conversion::Ssm(SsmParameterName::new("/l").unwrap());
        for conversion in [Conversion::Mapping, ssm] {
            check_twice(&text, |text| convert(text, &wanted, &conversion).ok()?.text)?;
        }
        check_twice(&text, |text| update_content(text, &wanted, &ledger).ok()?.text)?;
    }

    #[test]
    fn no_text_makes_it_panic(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40)) {
        let text = pieces.concat();
        if let Ok(first) = plan(&text, &pins(), Downgrades::Allowed)
            && let Some(after) = first.text
        {
            prop_assert_eq!(plan(&after, &pins(), Downgrades::Refused).unwrap().text, None);
        }
    }
}

const PIECES: [&str; 40] = [
    "Globals: {Function: {Layers: [",
    "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Layers:\n        - ",
    "arn:aws:lambda:us-east-1:123456789012:layer:sosw:7",
    "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:",
    "SOSW_LAYER_PLACEHOLDER",
    "layer:sosw:",
    "!Sub ",
    "Fn::Sub: ",
    "'",
    "\"",
    "\\x37",
    "\\",
    "${",
    "}",
    "{",
    "]",
    "[",
    "&a ",
    "*a",
    "<<: *a",
    "\n        - ",
    "\n",
    "\r\n",
    "\r",
    "\t",
    " ",
    "# ",
    ": ",
    ":",
    ",",
    ">-\n          ",
    "|",
    "---\n",
    "\u{feff}",
    "你",
    "\u{85}",
    "\u{0}",
    "7",
    "? ",
    "%YAML 1.2\n",
];
