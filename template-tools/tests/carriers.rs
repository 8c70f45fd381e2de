//! Generated templates over every form that carries a version, in every quoting: exactly the versions change.

use proptest::prelude::*;
use template_tools::arn::LayerVersionArn;
use template_tools::pins::{Pin, Pins};
use template_tools::plan::{Downgrades, plan};

/// Where the version of a reference stands.
#[derive(Clone, Copy, Debug)]
enum Carrier {
    Plain,
    Join,
    If,
    DefaultArn,
    DefaultVersion,
    DefaultList,
    Row,
    RowVersion,
    Variable,
    Split,
}

const CARRIERS: [Carrier; 10] = [
    Carrier::Plain,
    Carrier::Join,
    Carrier::If,
    Carrier::DefaultArn,
    Carrier::DefaultVersion,
    Carrier::DefaultList,
    Carrier::Row,
    Carrier::RowVersion,
    Carrier::Variable,
    Carrier::Split,
];

#[derive(Clone, Debug)]
struct Entry {
    carrier: Carrier,
    quote: &'static str,
    /// Whether the layer is one that is pinned.
    ours: bool,
    version: u64,
}

const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:layer:";

/// A text in the quotes that were chosen, which may be those of a block.
fn quoted(quote: &str, text: &str) -> String {
    match quote {
        "\\" => format!("\"{}\"", text.replace('a', "\\x61").replace(':', "\\u003a")),
        quote => format!("{quote}{text}{quote}"),
    }
}

/// The whole template, with the version that each entry should have.
fn template(entries: &[Entry], version: impl Fn(&Entry) -> u64) -> String {
    let (mut parameters, mut mappings, mut layers) =
        (Vec::<String>::new(), Vec::<String>::new(), Vec::<String>::new());
    for (index, entry) in entries.iter().enumerate() {
        let (version, layer) = (version(entry), if entry.ours { "sosw" } else { "sosw2" });
        let arn = format!("{ARN}{layer}:{version}");
        let (text, number) = (quoted(entry.quote, &arn), quoted(entry.quote, &version.to_string()));
        let base = "'arn:aws:lambda:us-east-1:123456789012'";
        let item = match entry.carrier {
            Carrier::Plain => text,
            Carrier::Join => format!("!Join [':', [{base}, layer, {layer}, {number}]]"),
            Carrier::If => format!("!If [C{index}, {text}, !Ref 'AWS::NoValue']"),
            Carrier::DefaultArn => {
                parameters
                    .push(format!("  P{index}:\n    Default: {text} # größer {arn}\n    Type: String\n"));
                format!("{{Ref: P{index}}}")
            }
            Carrier::DefaultVersion => {
                parameters.push(format!("  P{index}: {{Type: String, Default: {number}}}\n"));
                format!("!Sub '{ARN}{layer}:${{P{index}}}'")
            }
            Carrier::DefaultList => {
                let list = quoted(
                    if entry.quote.is_empty() { "'" } else { entry.quote },
                    &format!("{arn}, {ARN}other:1,{arn}"),
                );
                parameters.push(format!("  P{index}: {{Type: CommaDelimitedList, Default: {list}}}\n"));
                format!("!Select [0, !Ref P{index}]")
            }
            Carrier::Row => {
                mappings.push(format!(
                    "  M{index}:\n    us-east-1: {{A: {text}}}\n    eu-west-1: {{A: '{}'}}\n",
                    arn.replace("us-east-1", "eu-west-1")
                ));
                format!("!FindInMap [M{index}, !Ref 'AWS::Region', A]")
            }
            Carrier::RowVersion => {
                mappings.push(format!("  M{index}: {{us-east-1: {{V: {number}}}}}\n"));
                format!(
                    "!Join [':', [arn:aws:lambda, !Ref 'AWS::Region', '123456789012', layer, {layer}, !FindInMap [M{index}, !Ref 'AWS::Region', V]]]"
                )
            }
            Carrier::Variable => format!("!Sub ['{ARN}{layer}:${{V}}', {{V: {number}}}]"),
            Carrier::Split => format!("!Select [1, !Split [';', 'x;{arn}']]"),
        };
        layers.push(format!("        - {item} # {arn}\n"));
    }
    let section =
        |name: &str, body: &str| if body.is_empty() { String::new() } else { format!("{name}:\n{body}") };
    format!(
        "# größer\n{}{}Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Layers:\n{}",
        section("Parameters", &parameters.concat()),
        section("Mappings", &mappings.concat()),
        layers.concat()
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exactly_the_versions_change_in_every_form(
        entries in prop::collection::vec(
            (prop::sample::select(&CARRIERS[..]), prop::sample::select(&["", "'", "\"", "\\"][..]), any::<bool>(), 1_u64..200)
                .prop_map(|(carrier, quote, ours, version)| Entry { carrier, quote, ours, version }),
            1..8,
        ),
        crlf in any::<bool>(),
        bom in any::<bool>(),
    ) {
        let finished = |text: String| {
            let text = if crlf { text.replace('\n', "\r\n") } else { text };
            if bom { format!("\u{feff}{text}") } else { text }
        };
        let pins = Pins::new(["us-east-1", "eu-west-1"].map(|region| {
            Pin::from(format!("{ARN}sosw:100").replace("us-east-1", region).parse::<LayerVersionArn>().unwrap())
        })).unwrap();
        // What is only said in comments, and of the second item of a list that is not selected, stays.
        let before = finished(template(&entries, |entry| entry.version));
        let first = plan(&before, &pins, Downgrades::Allowed).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&first.refusals, &[]);
        let after = first.text.unwrap_or_else(|| before.clone());
        let strip = |text: &str| text.lines().map(|line| line.split(" # ").next().unwrap().to_owned()).collect::<Vec<_>>();
        let comments = |text: &str| text.lines().map(|line| line.split_once(" # ").map(|(_, comment)| comment.to_owned())).collect::<Vec<_>>();
        let mut expected = template(&entries, |entry| if entry.ours { 100 } else { entry.version });
        for (index, entry) in entries.iter().enumerate() {
            if let (Carrier::DefaultList, true) = (entry.carrier, entry.ours) {
                // Only the item that is selected reaches the function.
                let start = expected.find(&format!("  P{index}: ")).unwrap();
                let end = start + expected[start..].find('\n').unwrap();
                let line = expected[start..end].to_owned();
                let at = line.rfind("100").unwrap();
                expected.replace_range(start + at..start + at + 3, &entry.version.to_string());
            }
        }
        prop_assert_eq!(strip(&after), strip(&finished(expected)));
        prop_assert_eq!(comments(&after), comments(&before));
        prop_assert_eq!(after.matches('\r').count(), before.matches('\r').count());
        prop_assert_eq!(plan(&after, &pins, Downgrades::Refused).unwrap().text, None);
    }
}
