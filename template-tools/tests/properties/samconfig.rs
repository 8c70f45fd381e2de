//! `parameter_overrides` of samconfig.toml, in every form, with quotes of every kind: exactly the versions change.

use proptest::prelude::*;
use template_tools::plan::{Downgrades, Goal, Wanted};
use template_tools::samconfig::{deploy_settings, plan_samconfig};

use crate::{MINE, pins};

const TEMPLATE: &str = "Parameters:
  Layer: {Type: String}
  Version: {Type: Number}
  Layers: {Type: CommaDelimitedList}
  Stage: {Type: String}
Globals:
  Function:
    Layers:
      - !Sub 'arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:${Version}'
      - !Ref Layer
Resources:
  F: {Type: AWS::Serverless::Function, Properties: {Layers: !Ref Layers}}
";

/// The value of one parameter, with `<7>` for versions of a layer.
#[derive(Clone, Debug)]
struct Pair {
    name: &'static str,
    value: String,
}

/// How pairs stand in the file.
#[derive(Clone, Copy, Debug)]
enum Form {
    String,
    List,
    /// Several in one string of a list.
    Mixed,
    Table,
}

/// How a pair stands in its string.
#[derive(Clone, Copy, Debug)]
enum Written {
    Plain,
    Quoted(char),
    Long,
    LongQuoted(char),
}

/// How a string stands in TOML.
#[derive(Clone, Copy, Debug)]
enum Toml {
    Basic,
    Literal,
    Lines,
    LiteralLines,
}

impl Toml {
    fn string(self, text: &str) -> String {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        match self {
            // What a literal cannot hold is written with escapes.
            Self::Literal if !text.contains('\'') => format!("'{text}'"),
            Self::Basic | Self::Literal => format!("\"{escaped}\""),
            Self::Lines => format!("\"\"\"\n  {}\"\"\"", escaped.replace("  ", " \\\n  ")),
            Self::LiteralLines => format!("'''\n{text} '''"),
        }
    }
}

impl Pair {
    fn written(&self, written: Written, version: &str) -> String {
        let (name, value) = (self.name, self.value.replace("<7>", version));
        match written {
            Written::Plain => format!("{name}={value}"),
            Written::Quoted(quote) => format!("{name}={quote}{value}{quote}"),
            Written::Long => format!("ParameterKey={name},ParameterValue={value}"),
            Written::LongQuoted(quote) => format!("ParameterKey={name},ParameterValue={quote}{value}{quote}"),
        }
    }
}

/// Each parameter at most once.
fn pairs() -> impl Strategy<Value = Vec<Pair>> {
    let arn = |layer: &str, version: &str| format!("arn:aws:lambda:us-east-1:{MINE}:layer:{layer}:{version}");
    let value = move |name: &'static str| {
        let values = match name {
            "Version" => vec!["<7>".to_owned()],
            "Layer" => vec![arn("sosw", "<7>"), arn("sosw2", "7"), arn("SOSW", "7")],
            "Layers" => vec![
                format!("{},{}", arn("sosw", "<7>"), arn("other", "7")),
                format!("{0},{0}", arn("sosw", "<7>")),
            ],
            _ => vec!["7".to_owned(), "größer-你好".to_owned(), "layer:sosw:7".to_owned()],
        };
        prop::sample::select(values).prop_map(move |value| Pair { name, value })
    };
    let names = prop::sample::subsequence(vec!["Version", "Layer", "Layers", "Stage", "Other"], 0..=5);
    names.prop_shuffle().prop_flat_map(move |names| names.into_iter().map(value).collect::<Vec<_>>())
}

fn file(pairs: &[Pair], form: Form, written: Written, toml: Toml, version: &str) -> String {
    let each = || pairs.iter().map(|pair| pair.written(written, version));
    let value = match form {
        Form::String => toml.string(&each().collect::<Vec<_>>().join("  ")),
        Form::List => {
            format!("[{}]", each().map(|pair| toml.string(&pair)).collect::<Vec<_>>().join(", # 7\n  "))
        }
        Form::Mixed => {
            let all: Vec<_> = each().collect();
            let strings = all.chunks(2).map(|pairs| toml.string(&pairs.join("  ")));
            format!("[\n{}]", strings.map(|string| format!("  {string},\n")).collect::<Vec<_>>().concat())
        }
        Form::Table => {
            // Blanks and lines around a value would be part of it.
            let toml = match toml {
                Toml::Lines => Toml::Basic,
                Toml::LiteralLines => Toml::Literal,
                other => other,
            };
            let pair =
                |pair: &Pair| format!("{} = {}", pair.name, toml.string(&pair.value.replace("<7>", version)));
            format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
    };
    format!(
        "version = 0.1 # 7\n[default.global.parameters]\nregion = 'us-east-1'\n[default.deploy.parameters]\nstack_name = \
         \"layer:sosw:7\"\nparameter_overrides = {value} # sosw:7\n\n[other.build.parameters]\ncached = true\n"
    )
}

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn exactly_the_versions_of_samconfig_change(
        pairs in pairs(),
        form in prop::sample::select(&[Form::String, Form::List, Form::Mixed, Form::Table][..]),
        written in prop::sample::select(&[
            Written::Plain,
            Written::Quoted('"'),
            Written::Quoted('\''),
            Written::Long,
            Written::LongQuoted('"'),
        ][..]),
        toml in prop::sample::select(&[Toml::Basic, Toml::Literal, Toml::Lines, Toml::LiteralLines][..]),
        crlf in any::<bool>(),
    ) {
        let text = |version: &str| {
            let text = file(&pairs, form, written, toml, version);
            if crlf { text.replace('\n', "\r\n") } else { text }
        };
        let pins = pins();
        let wanted = Wanted { downgrades: Downgrades::Allowed, ..Wanted::new(&pins) };
        let run = |text: &str, wanted: &Wanted<'_>| plan_samconfig(text, wanted, |_| Some(TEMPLATE.to_owned())).unwrap();
        let (before, expected) = (text("7"), text("100"));
        let plan = run(&before, &wanted);
        prop_assert_eq!(&plan.refusals, &[]);
        let after = plan.text.as_deref().unwrap_or(&before);
        prop_assert!(after == expected, "in\n{before}\nbecame\n{after}\nleft {:?}", plan.left_alone);
        prop_assert_eq!(run(&expected, &wanted).text, None);
        // What `sam deploy` would take is what was changed.
        let settings = deploy_settings(&expected, "default").unwrap().unwrap();
        let mut taken = settings.parameters;
        let mut given: Vec<_> =
            pairs.iter().map(|pair| (pair.name.to_owned(), pair.value.replace("<7>", "100"))).collect();
        taken.sort();
        given.sort();
        prop_assert_eq!(taken, given);
        // A number takes no placeholder.
        let away = run(&expected, &Wanted { goal: Goal::Placeholder, ..wanted });
        prop_assert_eq!(away.refusals.is_empty(), !pairs.iter().any(|pair| pair.name == "Version"));
    }
}
