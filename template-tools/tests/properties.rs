//! For generated templates over all supported forms: exactly the versions change, and a second run does nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;
use template_tools::arn::LayerVersionArn;
use template_tools::pins::{Pin, Pins};
use template_tools::plan::{Downgrades, plan};

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
        let fits = |region: &str| self.region() == "${AWS::Region}" || self.region() == region;
        let pinned = PINNED.iter().find(|(layer, region, _)| *layer == self.layer && fits(region));
        match pinned {
            Some((_, _, version)) if self.account() != THEIRS => version.to_string(),
            _ => self.written(),
        }
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
            let text = if crlf { text.replace('\n', "\r\n") } else { text.to_owned() };
            if bom { format!("\u{feff}{text}") } else { text }
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
