//! Entries of `Layers` that hold an ARN, in every way to write one, and templates of them.

use proptest::prelude::*;

use crate::{LAYERS, MINE, PINNED, THEIRS};

const NOISE: [&str; 6] = [
    "",
    " # größer 你好 🦀",
    "   # arn:aws:lambda:us-east-1:123456789012:layer:sosw:7",
    " # - SOSW_LAYER_PLACEHOLDER",
    "\t# ' \" {",
    " ",
];

#[derive(Clone, Copy, Debug)]
enum Quotes {
    Plain,
    Single,
    Double,
    Folded,
    Literal,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Sub {
    No,
    Tag,
    Key,
}

/// One entry of a `Layers` list.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) layer: &'static str,
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

    pub(crate) fn written(&self) -> String {
        self.version.map_or_else(|| "ANY_LAYER_PLACEHOLDER".to_owned(), |version| version.to_string())
    }

    /// What the pins ask for, worked out without them.
    pub(crate) fn wanted(&self) -> String {
        self.pinned().map_or_else(|| self.written(), |version| version.to_string())
    }

    fn pinned(&self) -> Option<u64> {
        let fits = |region: &str| self.region() == "${AWS::Region}" || self.region() == region;
        let pinned = PINNED.iter().find(|(layer, region, _)| *layer == self.layer && fits(region));
        pinned.filter(|_| self.account() != THEIRS).map(|(_, _, version)| *version)
    }

    pub(crate) fn is_pinned(&self) -> bool {
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

pub(crate) fn entries() -> impl Strategy<Value = Vec<Entry>> {
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
pub(crate) enum Form {
    Block,
    Globals,
    Flow,
    Json,
}

/// The whole template, with a version for each entry.
pub(crate) fn template(form: Form, entries: &[Entry], version: impl Fn(&Entry) -> String) -> String {
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

pub(crate) fn finished(text: String, crlf: bool, bom: bool) -> String {
    let text = if crlf { text.replace('\n', "\r\n") } else { text };
    if bom { format!("\u{feff}{text}") } else { text }
}
