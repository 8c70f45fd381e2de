//! What `parameter_overrides` says, read as `sam` reads it (`CfnParameterOverridesType` in samcli/cli/types.py): pairs in a
//! string, strings in a list, or a table.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::arn::Region;
use crate::flow::Given;

/// A parameter's value, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Override {
    pub(super) given: Given,
    /// The string, list or number that it is part of, with quotes, as bytes of the file.
    pub(super) string: Range<usize>,
    /// What the string means.
    pub(super) meaning: String,
    /// Where in that the value begins.
    pub(super) start: usize,
    /// Whether it is written as `ParameterKey=…,ParameterValue=…`.
    pub(super) is_long: bool,
}

/// The overrides of one table, and every way in which they are deployed.
#[derive(Clone, Debug)]
pub(super) struct Deployment {
    pub(super) ways: Vec<Way>,
    pub(super) overrides: Vec<Override>,
    /// All of them, as bytes of the file.
    pub(super) whole: Range<usize>,
}

/// What overrides are for: a template, and where it is deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) template: Option<String>,
    pub(super) region: Option<Region>,
}

/// The commands that take `parameter_overrides`, and those of `global` where they have none of their own.
const COMMANDS: [&str; 6] =
    ["deploy", "sync", "build", "local_invoke", "local_start_api", "local_start_lambda"];
/// Those that read a template as it is written. The others take what `build` has made of it.
const FROM_SOURCE: [&str; 2] = ["sync", "build"];

const OVERRIDES: &str = "parameter_overrides";
const GLOBAL: &str = "global";

pub(super) fn deployments(file: &DeTable<'_>) -> Vec<Deployment> {
    let mut all = Vec::new();
    for environment in file.values().filter_map(|value| value.get_ref().as_table()).map(Environment) {
        for command in environment.0.keys().map(|command| command.get_ref().as_ref()) {
            let Some(given) = environment.parameters(command).and_then(|own| own.get(OVERRIDES)) else {
                continue;
            };
            let mut overrides = Vec::new();
            // What is no pair carries no version.
            let _ = read(given.get_ref(), &given.span(), &mut overrides);
            let ways =
                if command == GLOBAL { environment.shared_ways() } else { vec![environment.way(command)] };
            all.push(Deployment { ways, overrides, whole: given.span() });
        }
    }
    all
}

/// The table of one environment.
struct Environment<'f>(&'f DeTable<'f>);

impl<'f> Environment<'f> {
    fn parameters(&self, command: &str) -> Option<&'f DeTable<'f>> {
        self.0.get(command)?.get_ref().as_table()?.get("parameters")?.get_ref().as_table()
    }

    /// What a command has, or `global` for it.
    fn text(&self, command: &str, key: &str) -> Option<String> {
        let value = [command, GLOBAL].into_iter().find_map(|table| self.parameters(table)?.get(key))?;
        value.get_ref().as_str().map(str::to_owned)
    }

    fn template(&self, command: &str) -> Option<String> {
        self.text(command, "template_file").or_else(|| self.text(command, "template"))
    }

    fn region(&self, command: &str) -> Option<Region> {
        self.text(command, "region").and_then(|region| Region::new(region).ok())
    }

    fn way(&self, command: &str) -> Way {
        let built = || if FROM_SOURCE.contains(&command) { None } else { self.template("build") };
        Way { template: self.template(command).or_else(built), region: self.region(command) }
    }

    /// The ways of all commands that take the overrides of `global`. A command that names no region goes where `deploy`
    /// does: one value cannot be for two places.
    fn shared_ways(&self) -> Vec<Way> {
        let mut ways = Vec::new();
        for command in COMMANDS {
            let takes = match self.parameters(command) {
                Some(own) => !own.contains_key(OVERRIDES),
                None => command == "deploy",
            };
            let way = self.way(command);
            let way = Way { region: way.region.or_else(|| self.region("deploy")), ..way };
            if takes && !ways.contains(&way) {
                ways.push(way);
            }
        }
        if ways.is_empty() {
            ways.push(self.way(GLOBAL));
        }
        ways
    }
}

/// All pairs, and whether everything there is one: `sam` refuses a text in which it finds none.
pub(super) fn read(value: &DeValue<'_>, span: &Range<usize>, all: &mut Vec<Override>) -> bool {
    match value {
        DeValue::String(meaning) => {
            let mut pairs = in_string(meaning, span);
            // Where one pair has the long form, `sam` sees only those that have it.
            if pairs.iter().any(|pair| pair.is_long) {
                pairs.retain(|pair| pair.is_long);
            }
            let is_read = !pairs.is_empty() || meaning.trim().is_empty();
            all.append(&mut pairs);
            is_read
        }
        DeValue::Array(items) => items.iter().fold(true, |is_read, item| {
            let is_item_read = read(item.get_ref(), &item.span(), all);
            is_read && is_item_read
        }),
        DeValue::Table(table) => {
            let before = all.len();
            all.extend(table.iter().filter_map(|(name, value)| {
                let meaning = text_of(value.get_ref())?;
                let given = Given { name: name.get_ref().to_string(), value: meaning.clone() };
                Some(Override { given, string: value.span(), meaning, start: 0, is_long: false })
            }));
            all.len() - before == table.len()
        }
        _ => false,
    }
}

/// The text that a value of a table is sent as.
fn text_of(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(|item| text_of(item.get_ref())).collect();
            items.map(|items| items.join(","))
        }
        _ => None,
    }
}

/// `Key=value Other="a value" Third='another'`, or `ParameterKey=Key,ParameterValue=value …`.
pub(super) fn in_string(meaning: &str, string: &Range<usize>) -> Vec<Override> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < meaning.len() {
        let rest = &meaning[at..];
        let blank = rest.len() - rest.trim_start().len();
        if blank > 0 {
            at += blank;
            continue;
        }
        let end = end_of(rest);
        all.extend(one(&rest[..end], at, meaning, string));
        at += end;
    }
    all
}

const KEY: &str = "ParameterKey=";

/// Where a pair ends: at a blank outside of quotes. A `\\` takes the next letter along.
fn end_of(text: &str) -> usize {
    let (mut quote, mut escaped, mut before) = (None, false, ' ');
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if quote == Some(letter) => quote = None,
            // A `'` in the middle of a value is a letter as any other.
            '"' => quote = quote.or(Some(letter)),
            '\'' if before == '=' => quote = quote.or(Some(letter)),
            _ if letter.is_whitespace() && quote.is_none() => return at,
            _ => {}
        }
        before = letter;
    }
    text.len()
}

/// One pair, blanks and all.
pub(super) fn one(pair: &str, at: usize, meaning: &str, string: &Range<usize>) -> Option<Override> {
    let (name, value) = match pair.strip_prefix(KEY) {
        Some(rest) => rest.split_once(",ParameterValue=")?,
        None => pair.split_once('=')?,
    };
    let start = pair.len() - value.len();
    let within = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    let unquoted = within('"').or_else(|| within('\''));
    let (value, start) = unquoted.map_or((value, start), |value| (value, start + 1));
    let given = Given { name: name.trim_matches(['"', '\'']).to_owned(), value: value.to_owned() };
    let (is_long, start) = (pair.starts_with(KEY), at + start);
    Some(Override { given, string: string.clone(), meaning: meaning.to_owned(), start, is_long })
}
