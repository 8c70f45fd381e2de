//! Versions behind `Fn::Join`, `Fn::If`, `Fn::FindInMap`, `Ref` and `Fn::ForEach`, in entries and in place of the whole
//! list, in JSON and YAML: exactly these change.

use proptest::prelude::*;
use template_tools::plan::{Downgrades, plan};

use crate::expression::{DIALECTS, Tree, call, list, map, reference, text};
use crate::oracle::check_text;
use crate::{LAYERS, MINE, THEIRS, pinned, pins};

const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];

/// A version in a template.
#[derive(Clone, Copy, Debug)]
struct Slot {
    layer: &'static str,
    account: &'static str,
    /// Two of them, for the two rows of a mapping, or the two branches of a condition.
    written: [u64; 2],
}

/// Which of a slot's versions are written into a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

impl Slot {
    fn version(self, side: Side, region: usize) -> u64 {
        let wanted =
            pinned(self.layer, REGIONS[region]).filter(|_| side == Side::After && self.account == MINE);
        wanted.unwrap_or(self.written[region])
    }

    fn stem(self, region: usize) -> String {
        format!("arn:aws:lambda:{}:{}:layer:{}", REGIONS[region], self.account, self.layer)
    }

    fn arn(self, side: Side, region: usize) -> String {
        format!("{}:{}", self.stem(region), self.version(side, region))
    }
}

/// How an entry comes to its ARN.
#[derive(Clone, Copy, Debug)]
enum Way {
    Plain,
    JoinOfVersion,
    JoinOfPieces,
    JoinOfParameter,
    IfOrNothing,
    IfOfTwo,
    RowOfArn,
    RowOfVersion,
    Parameter,
    SubOfParameter,
}

const WAYS: [Way; 10] = [
    Way::Plain,
    Way::JoinOfVersion,
    Way::JoinOfPieces,
    Way::JoinOfParameter,
    Way::IfOrNothing,
    Way::IfOfTwo,
    Way::RowOfArn,
    Way::RowOfVersion,
    Way::Parameter,
    Way::SubOfParameter,
];

/// How the entries come into `Layers`.
#[derive(Clone, Copy, Debug)]
enum Whole {
    List,
    If,
    Row,
    Parameter,
    Split,
}

const WHOLES: [Whole; 5] = [Whole::List, Whole::If, Whole::Row, Whole::Parameter, Whole::Split];

/// What has `Layers`.
#[derive(Clone, Copy, Debug)]
enum Holder {
    Function,
    Globals,
    ForEach,
    /// The loop goes over the layer's name.
    ForEachLayer,
}

const HOLDERS: [Holder; 4] = [Holder::Function, Holder::Globals, Holder::ForEach, Holder::ForEachLayer];

/// A template that is being put together.
struct Build {
    side: Side,
    parameters: Vec<(String, Tree)>,
    mappings: Vec<(String, Tree)>,
}

impl Build {
    fn parameter(&mut self, kind: &str, default: Tree) -> String {
        let name = format!("P{}", self.parameters.len());
        self.parameters.push((name.clone(), map([("Type", text(kind)), ("Default", default)])));
        name
    }

    /// A row of the region, with a value for each.
    fn row(&mut self, value: impl Fn(usize) -> Tree) -> Tree {
        let name = format!("M{}", self.mappings.len());
        let rows = [0, 1].map(|region| (REGIONS[region], map([("A", value(region))])));
        self.mappings.push((name.clone(), map(rows)));
        call("Fn::FindInMap", list([text(name), reference("AWS::Region"), text("A")]))
    }

    fn entry(&mut self, way: Way, slot: Slot) -> Tree {
        let side = self.side;
        let join =
            |separator: &str, pieces: Vec<Tree>| call("Fn::Join", list([text(separator), list(pieces)]));
        let condition = |yes, no| call("Fn::If", list([text("C"), yes, no]));
        let version = slot.version(side, 0);
        match way {
            Way::Plain => text(slot.arn(side, 0)),
            Way::JoinOfVersion => join(":", vec![text(slot.stem(0)), Tree::Number(version)]),
            Way::JoinOfPieces => {
                let (start, rest) =
                    slot.stem(0).rsplit_once(':').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
                join("", vec![text(format!("{start}:")), text(format!("{rest}:{version}"))])
            }
            Way::JoinOfParameter => {
                let name = self.parameter("String", text(version.to_string()));
                join(":", vec![text(slot.stem(0)), reference(&name)])
            }
            Way::IfOrNothing => condition(text(slot.arn(side, 0)), reference("AWS::NoValue")),
            Way::IfOfTwo => condition(text(slot.arn(side, 0)), text(slot.arn(side, 1))),
            Way::RowOfArn => self.row(|region| text(slot.arn(side, region))),
            Way::RowOfVersion => {
                let row = self.row(|region| text(slot.version(side, region).to_string()));
                let arn = slot.stem(0).replace(REGIONS[0], "${AWS::Region}");
                call("Fn::Sub", list([text(format!("{arn}:${{V}}")), map([("V", row)])]))
            }
            Way::Parameter => reference(&self.parameter("String", text(slot.arn(side, 0)))),
            Way::SubOfParameter => {
                let name = self.parameter("Number", Tree::Number(version));
                call("Fn::Sub", text(format!("{}:${{{name}}}", slot.stem(0))))
            }
        }
    }

    fn layers(&mut self, whole: Whole, entries: &[(Way, Slot)]) -> Tree {
        let side = self.side;
        let arns = |region: usize| entries.iter().map(move |(_, slot)| slot.arn(side, region));
        match whole {
            Whole::List => {
                list(entries.iter().map(|(way, slot)| self.entry(*way, *slot)).collect::<Vec<_>>())
            }
            Whole::If => {
                let (one, other) = entries.split_at(entries.len() / 2);
                let (one, other) = (self.layers(Whole::List, one), self.layers(Whole::List, other));
                // Another condition than that of entries: those would be contradicted.
                call("Fn::If", list([text("D"), one, other]))
            }
            Whole::Row => self.row(|region| list(arns(region).map(text))),
            Whole::Parameter => {
                let default = arns(0).collect::<Vec<_>>().join(",");
                reference(&self.parameter("CommaDelimitedList", text(default)))
            }
            Whole::Split => {
                let default = arns(1).collect::<Vec<_>>().join("|");
                let name = self.parameter("String", text(default));
                call("Fn::Split", list([text("|"), reference(&name)]))
            }
        }
    }
}

fn template(side: Side, holder: Holder, whole: Whole, entries: &[(Way, Slot)]) -> Tree {
    let mut build = Build { side, parameters: Vec::new(), mappings: Vec::new() };
    let function = |layers: Tree| {
        map([
            ("Type", text("AWS::Lambda::Function")),
            ("Properties", map([("Handler", text("a.b:7")), ("Layers", layers)])),
        ])
    };
    let each = |name: &str, items: Vec<Tree>, layers: Tree| {
        let body = map([("F${N}", function(layers))]);
        (format!("Fn::ForEach::{name}"), list([text("N"), Tree::List(items), body]))
    };
    let layers = build.layers(whole, entries);
    let (mut globals, mut resources) = (None, Vec::new());
    match holder {
        Holder::Function => resources.push(("F".to_owned(), function(layers))),
        Holder::Globals => globals = Some(map([("Function", map([("Layers", layers)]))])),
        Holder::ForEach => resources.push(each("L", vec![text("One"), text("Two")], layers)),
        Holder::ForEachLayer => {
            resources.push(("F".to_owned(), function(layers)));
            for (number, (_, slot)) in entries.iter().enumerate() {
                let arn = slot.arn(side, 0).replace(slot.layer, "${N}");
                let layers = list([call("Fn::Sub", text(arn))]);
                // The name of a layer of which another begins with it would be replaced in both.
                resources.push(each(&format!("L{number}"), vec![text(slot.layer)], layers));
            }
        }
    }
    let mut all = vec![("Description".to_owned(), text("größer 你好 layer:sosw:7"))];
    all.extend(globals.map(|globals| ("Globals".to_owned(), globals)));
    all.push(("Parameters".to_owned(), Tree::Map(build.parameters)));
    all.push(("Mappings".to_owned(), Tree::Map(build.mappings)));
    all.push(("Resources".to_owned(), Tree::Map(resources)));
    Tree::Map(all)
}

fn entries() -> impl Strategy<Value = Vec<(Way, Slot)>> {
    let slot =
        (prop::sample::select(&LAYERS[..]), prop::sample::select(&[MINE, THEIRS][..]), any::<[u8; 2]>());
    let slot = slot.prop_map(|(layer, account, written)| Slot {
        layer,
        account,
        written: written.map(|number| u64::from(number) + 1),
    });
    prop::collection::vec((prop::sample::select(&WAYS[..]), slot), 1..6)
}

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn exactly_the_versions_change_wherever_they_stand(
        entries in entries(),
        whole in prop::sample::select(&WHOLES[..]),
        holder in prop::sample::select(&HOLDERS[..]),
        dialect in prop::sample::select(&DIALECTS[..]),
        crlf in any::<bool>(),
    ) {
        let text = |side: Side| {
            let text = template(side, holder, whole, &entries).written(dialect);
            if crlf { text.replace('\n', "\r\n") } else { text }
        };
        let (before, expected) = (text(Side::Before), text(Side::After));
        let first = plan(&before, &pins(), Downgrades::Allowed).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&first.refusals, &[], "in\n{}", before);
        let after = first.text.as_deref().unwrap_or(&before);
        prop_assert!(after == expected, "in\n{before}\nbecame\n{after}\nleft {:?}", first.left_alone);
        let second = plan(&expected, &pins(), Downgrades::Refused).unwrap();
        prop_assert_eq!((second.text, second.refusals), (None, vec![]));
        check_text(&before);
    }
}
