//! `samconfig.toml`: the values that `sam deploy` gives to a template's parameters, where they carry a layer's version.
//!
//! What a parameter is for is told by the template that the file deploys; only a whole ARN says so itself. Text in, plan
//! out: whoever reads files hands the templates in.

mod deploy;
mod named;
mod overrides;
mod unknown;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

use crate::document::{Document, ParseError, Position, Style, align, parse};
use crate::flow::{Flow, Given, Home, Outside, Reference, Source, Uses, flow_with};
use crate::pattern::{ArnPattern, Part, Variables, VersionPart};
use crate::plan::{
    AccountTaken, Bump, Decision, Goal, LeftAlone, Plan, Refusal, Unfit, Wanted, Weight, decide, misfit,
    not_allowed,
};

pub use deploy::{DeploySettings, deploy_settings};
pub use named::{NamedLayer, named_layers};
use overrides::{Deployment, Override, Way, deployments};

/// The name of the file.
pub const FILE_NAME: &str = "samconfig.toml";

/// The templates that `sam` looks for where none is named, in its order.
const DEFAULT_TEMPLATES: [&str; 3] = ["template.yaml", "template.yml", "template.json"];

/// Why a file is no samconfig.toml.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {message}", .position.line, .position.column)]
pub struct SamconfigError {
    /// Where.
    pub position: Position,
    /// What is wrong there.
    pub message: String,
}

struct Splice {
    range: Range<usize>,
    new: String,
    string: Range<usize>,
    becomes: String,
}

/// Plans one file. `template` gives the text of a template by its path, as the file names it.
pub fn plan_samconfig(
    text: &str,
    wanted: &Wanted<'_>,
    template: impl Fn(&str) -> Option<String>,
) -> Result<Plan, SamconfigError> {
    let file = read(text)?;
    let mut planner = Planner { text, wanted, plan: Plan::default(), splices: Vec::new() };
    for deployment in deployments(file.get_ref()) {
        let templates = deployment.ways.iter().map(|way| deployed_template(way, &template));
        planner.deployment(&deployment, &templates.collect::<Vec<_>>());
    }
    Ok(planner.finish())
}

fn read(text: &str) -> Result<Spanned<DeTable<'_>>, SamconfigError> {
    DeTable::parse(text).map_err(|error| SamconfigError {
        position: Position::at(text, error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })
}

/// The text of the template that is deployed, if it is there.
fn deployed_template(way: &Way, template: impl Fn(&str) -> Option<String>) -> Option<String> {
    match &way.template {
        Some(name) => template(name),
        None => DEFAULT_TEMPLATES.iter().find_map(|name| template(name)),
    }
}

struct Planner<'w, 't> {
    text: &'t str,
    wanted: &'w Wanted<'w>,
    plan: Plan,
    splices: Vec<Splice>,
}

impl Planner<'_, '_> {
    /// `templates` are those of its ways.
    fn deployment(&mut self, deployment: &Deployment, templates: &[Option<String>]) {
        let given: Vec<Given> = deployment.overrides.iter().map(|one| one.given.clone()).collect();
        let mut found: BTreeMap<(usize, usize), (Range<usize>, Vec<ArnPattern>)> = BTreeMap::new();
        let deployed = self.deployed(deployment, templates, &given);
        for reference in deployed.iter().flat_map(|(_, flow)| &flow.references) {
            if let Source::Given(number) = reference.source {
                let place = found.entry((number, reference.part.start));
                let (_, patterns) = place.or_insert_with(|| (reference.part.clone(), Vec::new()));
                patterns.push(reference.pattern.clone());
            }
        }
        let mut not_understood = Vec::new();
        for (number, one) in given.iter().enumerate() {
            // A list of ARNs, or only one: these say themselves what they are.
            let mut start = 0;
            for piece in one.value.split(',') {
                let parsed = ArnPattern::parse_with(piece, Variables::Literal, &self.wanted.placeholders);
                match parsed {
                    Ok(pattern) => {
                        let part = pattern.version_range.start + start..pattern.version_range.end + start;
                        found.entry((number, part.start)).or_insert_with(|| (part, vec![pattern]));
                    }
                    Err(error) => not_understood.push((number, start..start + piece.len(), error)),
                }
                start += piece.len() + 1;
            }
        }
        for (number, piece, error) in not_understood {
            let is_known = found.range((number, piece.start)..(number, piece.end)).next().is_some();
            let text = &given[number].value[piece];
            if let (false, Some(layer)) = (is_known, self.wanted.pins.mentioned_in(text)) {
                let position = Position::at(self.text, deployment.overrides[number].string.start);
                let (layer, weight) = (Some(layer.clone()), Weight::Warning);
                let reason = format!("`sam` takes `{text}` as it is, and {error}");
                self.plan.names.extend(layer.clone());
                self.plan.left_alone.push(LeftAlone { position, layer, reason, weight });
            }
        }
        if deployed.is_empty() {
            self.without_template(deployment, |number| {
                found.range((number, 0)..(number + 1, 0)).next().is_some()
            });
        }
        let all: Vec<_> = deployed.iter().map(|(document, _)| Uses::new(document, &given)).collect();
        for ((number, start), (part, patterns)) in found {
            let layers = patterns.iter().map(|pattern| pattern.layer.as_str()).collect();
            let one = &deployment.overrides[number];
            let uses = |flow: &'_ Flow| {
                let is_here = |reference: &&Reference| {
                    (reference.source, reference.part.start) == (Source::Given(number), start)
                };
                flow.references.iter().filter(is_here).cloned().collect::<Vec<_>>()
            };
            let any = deployed.iter().find_map(|(_, flow)| uses(flow).into_iter().next());
            let against = |to: &VersionPart| {
                let (layer, new) = (patterns[0].layer.clone(), to.written());
                let value = [&one.given.value[..part.start], &new, &one.given.value[part.end..]].concat();
                deployed.iter().zip(&all).find_map(|((document, flow), all)| {
                    let layer = layer.clone();
                    if let Some(reason) = not_allowed(document, &one.given.name, &value) {
                        return Some(Refusal::NotAllowed { layer, to: to.clone(), reason });
                    }
                    let references = uses(flow);
                    if let Some(refusal) = self.unfit(document, flow, &references) {
                        return Some(refusal);
                    }
                    // Where it is no version in this template, it is in another one.
                    let elsewhere = || Some(Reference { entry: *document.roots().first()?, ..any.clone()? });
                    let reference = references.into_iter().next().or_else(elsewhere)?;
                    let places = all.others(&reference, &layers, &new).into_iter();
                    let places: Vec<String> =
                        places.map(|place| format!("{place} of the template")).collect();
                    (!places.is_empty()).then_some(Refusal::UsedElsewhere { layer, places })
                })
            };
            let refusal = self.becomes(&patterns).and_then(|to| against(&to));
            self.place(one, &part, &patterns, refusal);
        }
    }

    /// The templates that could be read, each with what its functions have.
    fn deployed<'d>(
        &self,
        deployment: &Deployment,
        templates: &'d [Option<String>],
        given: &[Given],
    ) -> Vec<(Document<'d>, Flow)> {
        let read = |(way, template): (&Way, &'d Option<String>)| {
            let document = parse(template.as_deref()?).ok()?;
            let placeholders = self.wanted.placeholders.clone();
            let flow = flow_with(&document, &Outside { given, region: way.region.clone(), placeholders });
            Some((document, flow))
        };
        deployment.ways.iter().zip(templates).filter_map(read).collect()
    }

    /// What a place gets, if it gets anything.
    fn becomes(&self, patterns: &[ArnPattern]) -> Option<VersionPart> {
        match decide(&patterns[0], self.wanted) {
            Decision::Becomes(_, to) => Some(to),
            _ => None,
        }
    }

    /// The first function whose layer would not be made for it.
    fn unfit(&self, document: &Document<'_>, flow: &Flow, references: &[Reference]) -> Option<Refusal> {
        if self.wanted.unfit == Unfit::Allowed || self.wanted.goal != Goal::Versions {
            return None;
        }
        references.iter().find_map(|reference| match decide(&reference.pattern, self.wanted) {
            Decision::Becomes(pin, _) => misfit(document, flow, reference, pin, self.wanted.pins),
            _ => None,
        })
    }

    /// `against` is what in the template stands against another version.
    fn place(
        &mut self,
        one: &Override,
        part: &Range<usize>,
        patterns: &[ArnPattern],
        against: Option<Refusal>,
    ) {
        let position = Position::at(self.text, one.string.start);
        let decisions: Vec<Decision<'_>> =
            patterns.iter().map(|pattern| decide(pattern, self.wanted)).collect();
        let layer = &patterns[0].layer;
        if let Some(Decision::Refused(refusal)) =
            decisions.iter().find(|one| matches!(one, Decision::Refused(_)))
        {
            self.plan.names.insert(layer.clone());
            return self.plan.refusals.push((position, refusal.clone()));
        }
        if !decisions.iter().all(|one| is_same(one, &decisions[0])) {
            let region = |pattern: &ArnPattern| match &pattern.region {
                Part::Is(region) => format!(" of {region}"),
                Part::Deployed => String::new(),
            };
            let line = |pattern: &ArnPattern| {
                format!("{}{} in `{}`", pattern.layer, region(pattern), one.given.name)
            };
            let wanted: BTreeSet<String> = patterns.iter().map(line).collect();
            let wanted = wanted.into_iter().collect();
            return self.plan.refusals.push((position, Refusal::Shared { wanted }));
        }
        let left =
            |reason: String, weight| LeftAlone { position, layer: Some(layer.clone()), reason, weight };
        match &decisions[0] {
            Decision::Refused(_) => {}
            Decision::Stays(weight, reason) => self.plan.left_alone.push(left(reason.clone(), *weight)),
            Decision::Current(_) => {
                self.plan.names.insert(layer.clone());
                self.plan.current += 1;
            }
            Decision::Becomes(pin, to) => {
                self.plan.names.insert(layer.clone());
                if let (None, Part::Is(account)) = (&pin.account, &patterns[0].account) {
                    let (layer, account) = (layer.clone(), account.clone());
                    self.plan.accounts.push(AccountTaken { layer, account, position });
                }
                let meant = one.start + part.start..one.start + part.end;
                let Some(range) = self.range_of(one, &meant) else {
                    let reason = "the version cannot be found in the text as it is written".to_owned();
                    return self.plan.left_alone.push(left(reason, Weight::Warning));
                };
                let new = to.written();
                if let Some(refusal) = against {
                    return self.plan.refusals.push((position, refusal));
                }
                let becomes = format!("{}{new}{}", &one.meaning[..meant.start], &one.meaning[meant.end..]);
                self.splices.push(Splice { range, new, string: one.string.clone(), becomes });
                let (from, home) = (patterns[0].version.clone(), Home::Given(one.given.name.clone()));
                self.plan.bumps.push(Bump { position, layer: layer.clone(), from, to: to.clone(), home });
            }
        }
    }

    fn range_of(&self, one: &Override, part: &Range<usize>) -> Option<Range<usize>> {
        let raw = self.text.get(one.string.clone())?;
        let (quote, style) = [
            ("\"\"\"", Style::DoubleQuoted),
            ("'''", Style::Block),
            ("\"", Style::DoubleQuoted),
            ("'", Style::Block),
        ]
        .into_iter()
        .find(|(quote, _)| raw.starts_with(quote))?;
        let inner = raw.get(quote.len()..raw.len().checked_sub(quote.len())?)?;
        let range = align(inner, &one.meaning, style, part)?;
        let start = one.string.start + quote.len();
        Some(start + range.start..start + range.end)
    }

    fn finish(mut self) -> Plan {
        self.splices.sort_by_key(|splice| splice.range.start);
        self.splices.dedup_by(|one, other| one.range == other.range);
        if self.plan.refusals.is_empty() && !self.splices.is_empty() {
            if let Some(text) = self.proved() {
                self.plan.text = Some(text);
            } else {
                let position = self.plan.bumps[0].position;
                let error = crate::edit::ProofError::Elsewhere(position);
                self.plan.refusals.push((position, error.into()));
            }
        }
        self.plan
    }

    /// The new text, read again: it means what the old one did, but for the values that were to change.
    fn proved(&self) -> Option<String> {
        let mut after = String::with_capacity(self.text.len() + 8 * self.splices.len());
        let mut done = 0;
        for splice in &self.splices {
            after.push_str(self.text.get(done..splice.range.start)?);
            after.push_str(&splice.new);
            done = splice.range.end;
        }
        after.push_str(self.text.get(done..)?);
        let (mut before, mut new) = (Vec::new(), Vec::new());
        strings(DeTable::parse(self.text).ok()?.get_ref(), &mut before);
        strings(DeTable::parse(&after).ok()?.get_ref(), &mut new);
        let changes =
            |span: &Range<usize>| self.splices.iter().filter(|splice| splice.string == *span).count();
        let same = before.len() == new.len()
            && before.iter().zip(&new).all(|((span, old), (_, new))| match changes(span) {
                0 => old == new,
                1 => self.splices.iter().any(|splice| splice.string == *span && splice.becomes == *new),
                // Several in one string: as long as digits are all that differs.
                _ => without_versions(old) == without_versions(new),
            });
        let rest = |text: &str| text.parse::<toml::Table>().ok().map(|table| shape(&Value::Table(table)));
        (same && rest(self.text)? == rest(&after)?).then_some(after)
    }
}

/// Whether two decisions come to the same number, in whatever regions.
fn is_same(one: &Decision<'_>, other: &Decision<'_>) -> bool {
    match (one, other) {
        (Decision::Becomes(_, one), Decision::Becomes(_, other)) => one == other,
        (Decision::Current(_), Decision::Current(_)) => true,
        _ => one == other,
    }
}

fn without_versions(text: &str) -> String {
    text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .filter(|word| {
            !word.bytes().all(|byte| byte.is_ascii_digit()) && !word.ends_with("_LAYER_PLACEHOLDER")
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// All strings of a file, in the order of its tables, each with its place.
fn strings(table: &DeTable<'_>, all: &mut Vec<(Range<usize>, String)>) {
    for value in table.values() {
        strings_of(value.get_ref(), value.span(), all);
    }
}

fn strings_of(value: &DeValue<'_>, span: Range<usize>, all: &mut Vec<(Range<usize>, String)>) {
    match value {
        DeValue::String(text) => all.push((span, text.to_string())),
        DeValue::Array(items) => items.iter().for_each(|item| strings_of(item.get_ref(), item.span(), all)),
        DeValue::Table(table) => strings(table, all),
        _ => {}
    }
}

/// The same value with every string empty: its keys, numbers and structure.
fn shape(value: &Value) -> Value {
    match value {
        Value::String(_) => Value::String(String::new()),
        Value::Array(items) => Value::Array(items.iter().map(shape).collect()),
        Value::Table(table) => {
            Value::Table(table.iter().map(|(key, value)| (key.clone(), shape(value))).collect())
        }
        other => other.clone(),
    }
}

impl From<ParseError> for SamconfigError {
    fn from(error: ParseError) -> Self {
        Self { position: error.position, message: error.message }
    }
}

#[cfg(test)]
mod tests;
