//! Other ways to name the version: a mapping by region where the numbers differ, an SSM parameter.
//!
//! Pure. What comes into a template follows its own indentation and quotes; everything else stays, which is proved, and
//! so is that the new form means what it should.

use std::collections::{BTreeMap, BTreeSet};

use crate::arn::{LayerName, Region};
use crate::document::{Content, Document, NodeId, ParseError, Position, Style, parse};
use crate::edit::{Change, restructure};
use crate::flow::{Flow, Home, Outside, Reason, Reference, Source, Unread, flow_with};
use crate::kind::{Kind, kind};
use crate::pattern::Part;
use crate::pins::{Pin, Resolution};
use crate::plan::{Bump, LeftAlone, Plan, Refusal, Wanted, Weight, plan_with};

mod layout;

use layout::{Layout, Tree};

/// What references become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A row of `Mappings` for each region, where the pins of regions disagree.
    Mapping,
    /// A parameter that CloudFormation reads from this SSM parameter.
    Ssm(String),
}

/// Plans one template: the new form first, then the versions of what is still a number.
pub fn convert(text: &str, wanted: &Wanted<'_>, form: &Form) -> Result<Plan, ParseError> {
    let document = parse(text)?;
    let takes_part =
        !matches!(wanted.part, crate::plan::Part::Excluded(_)) && kind(&document) == Kind::Template;
    let [root] = *document.roots() else { return plan_with(text, wanted) };
    if !takes_part {
        return plan_with(text, wanted);
    }
    let outside = Outside { placeholders: wanted.placeholders.clone(), ..Outside::default() };
    let flow = flow_with(&document, &outside);
    let layout = Layout::new(&document, root);
    let mut converter = Converter {
        document: &document,
        root,
        layout,
        wanted,
        changes: Vec::new(),
        made: BTreeMap::new(),
        plan: Plan::default(),
    };
    for reference in &flow.references {
        match form {
            Form::Mapping => converter.take_to_mapping(reference),
            Form::Ssm(name) => converter.take_to_ssm(reference, name),
        }
    }
    let Converter { changes, plan, .. } = converter;
    if changes.is_empty() {
        let mut rest = plan_with(text, wanted)?;
        rest.left_alone.extend(plan.left_alone);
        return Ok(rest);
    }
    let refused = |plan: Plan, refusal: Refusal| {
        let position = plan.bumps.first().map_or(Position { line: 1, column: 1 }, |bump| bump.position);
        Plan { text: None, refusals: vec![(position, refusal)], ..plan }
    };
    let after = match restructure(&document, &changes) {
        Ok(after) => after,
        Err(error) => return Ok(refused(plan, error.into())),
    };
    let converted = parse(&after)?;
    let new_flow = flow_with(&converted, &outside);
    if !means_the_same(&flow, &new_flow, form, plan.bumps.len()) {
        let position = plan.bumps[0].position;
        return Ok(refused(plan, crate::edit::ProofError::Elsewhere(position).into()));
    }
    let rest = plan_with(&after, wanted)?;
    let text = if rest.refusals.is_empty() { Some(rest.text.unwrap_or(after)) } else { None };
    let mut names = rest.names;
    names.extend(plan.names);
    Ok(Plan {
        text,
        bumps: plan.bumps.into_iter().chain(rest.bumps).collect(),
        left_alone: plan.left_alone.into_iter().chain(rest.left_alone).collect(),
        refusals: rest.refusals,
        names,
        ..plan
    })
}

/// Every layer that reached a function before still does: by rows, or, for SSM, by way of the parameter.
fn means_the_same(before: &Flow, after: &Flow, form: &Form, converted: usize) -> bool {
    let layers = |flow: &Flow| -> BTreeSet<LayerName> {
        flow.references.iter().map(|reference| reference.pattern.layer.clone()).collect()
    };
    match form {
        Form::Mapping => layers(before) == layers(after) && before.unread.len() == after.unread.len(),
        Form::Ssm(ssm) => {
            let read = |unread: &&Unread| matches!(&unread.reason, Reason::Ssm { name, .. } if name == ssm);
            let count = |flow: &Flow| flow.unread.iter().filter(read).count();
            before.references.len() == after.references.len() + converted
                && count(after) == count(before) + converted
        }
    }
}

struct Converter<'c, 'd, 't> {
    document: &'d Document<'t>,
    root: NodeId,
    layout: Layout<'d, 't>,
    wanted: &'c Wanted<'c>,
    changes: Vec<Change>,
    /// The mapping or parameter of each layer.
    made: BTreeMap<LayerName, String>,
    plan: Plan,
}

impl Converter<'_, '_, '_> {
    fn take_to_mapping(&mut self, reference: &Reference) {
        let Resolution::Disagree(pins) = self.wanted.pins.resolve(&reference.pattern) else { return };
        if reference.pattern.region != Part::Deployed {
            return;
        }
        let Some(rows) = rows(&pins) else { return };
        let layer = &reference.pattern.layer;
        let Some((leaf, replaced)) = self.entry_of(reference) else { return };
        let name = self
            .made
            .get(layer)
            .cloned()
            .unwrap_or_else(|| self.free_name("Mappings", &format!("{}Versions", logical(layer))));
        let variable = format!("{}Version", logical(layer));
        let Some(text) = self.document.scalar(leaf) else { return };
        let text = format!("{}${{{variable}}}{}", &text[..reference.part.start], &text[reference.part.end..]);
        let is_short = self.document.tag(leaf) == Some("!Sub");
        let new = if is_short {
            let quote = self.layout.quote;
            format!(
                "!Sub [{quote}{text}{quote}, {{{variable}: !FindInMap [{name}, !Ref {quote}AWS::Region{quote}, Version]}}]"
            )
        } else {
            format!(
                "[\"{text}\", {{\"{variable}\": {{\"Fn::FindInMap\": [\"{name}\", {{\"Ref\": \"AWS::Region\"}}, \"Version\"]}}}}]"
            )
        };
        let rows_of = rows.iter().map(|(region, version)| {
            (region.to_string(), Tree::Map(vec![("Version".to_owned(), Tree::Plain(version.to_string()))]))
        });
        let tree = Tree::Map(rows_of.collect());
        self.make(layer, "Mappings", name, tree, (leaf, replaced, new), reference);
    }

    fn take_to_ssm(&mut self, reference: &Reference, ssm: &str) {
        let is_pinned = match self.wanted.pins.resolve(&reference.pattern) {
            Resolution::Version(_) | Resolution::Disagree(_) => true,
            Resolution::NotPinned(_) => false,
        };
        if !is_pinned {
            return;
        }
        let layer = &reference.pattern.layer;
        let Some((leaf, _)) = self.entry_of(reference) else { return };
        // `!Sub x` is a node with a tag; `Fn::Sub: x` is a mapping around its text.
        let node =
            if self.document.tag(leaf).is_some() || reference.entry == leaf { leaf } else { reference.entry };
        let range = if node == leaf || self.layout.can_be_replaced(node) {
            self.layout.with_tag(node)
        } else {
            self.line_of(node, leaf)
        };
        let Some(range) = range else { return self.leave(reference, "its form cannot be replaced") };
        let name =
            self.made.get(layer).cloned().unwrap_or_else(|| {
                self.free_name("Parameters", &format!("{}LayerVersionArn", logical(layer)))
            });
        let new =
            if self.layout.is_json() { format!("{{\"Ref\": \"{name}\"}}") } else { format!("!Ref {name}") };
        let tree = Tree::Map(vec![
            ("Type".to_owned(), Tree::Plain("AWS::SSM::Parameter::Value<String>".to_owned())),
            ("Default".to_owned(), Tree::Plain(ssm.to_owned())),
        ]);
        self.make(layer, "Parameters", name, tree, (node, range, new), reference);
    }

    fn make(
        &mut self,
        layer: &LayerName,
        section: &str,
        name: String,
        tree: Tree,
        (node, range, new): (NodeId, std::ops::Range<usize>, String),
        reference: &Reference,
    ) {
        if self
            .changes
            .iter()
            .any(|change| matches!(change, Change::Replace { node: other, .. } if *other == node))
        {
            return;
        }
        if !self.made.contains_key(layer) {
            let Some(insert) = self.layout.insert(section, &name, tree) else {
                return self.leave(reference, "there is no place for what it would become");
            };
            // The second layer goes into the section that the first has made.
            if self.changes.iter().any(|change| matches!(change, Change::Insert { .. })) {
                return self.leave(reference, "one layer is converted at a time: name it with `--layer`");
            }
            self.changes.push(insert);
            self.made.insert(layer.clone(), name);
        }
        self.changes.push(Change::Replace { node, range, new });
        let to = crate::pattern::VersionPart::Text(
            self.made.get(layer).map_or_else(String::new, |name| format!("`{name}`")),
        );
        let (position, from) = (self.document.position(node), reference.pattern.version.clone());
        self.plan.names.insert(layer.clone());
        self.plan.bumps.push(Bump { position, layer: layer.clone(), from, to, home: Home::Entry });
    }

    /// The text of an entry, and its bytes with its tag, if it is a text on one line that stands in the entry itself.
    fn entry_of(&mut self, reference: &Reference) -> Option<(NodeId, std::ops::Range<usize>)> {
        let leaf = match reference.source {
            Source::Leaf(leaf) if reference.home == Home::Entry => leaf,
            _ => {
                self.leave(
                    reference,
                    "the version does not stand in the entry itself, and the form is not changed",
                );
                return None;
            }
        };
        let below = self.document.below(reference.entry);
        let is_sub = self
            .document
            .intrinsic(reference.entry)
            .is_none_or(|call| call.name == "Fn::Sub" && call.argument == leaf);
        let is_text = matches!(&self.document.node(leaf).content, Content::Scalar { style, .. } if *style != Style::Block);
        let range = self
            .layout
            .with_tag(leaf)
            .filter(|_| is_text && is_sub && below.contains(&leaf) && self.layout.can_be_replaced(leaf));
        if range.is_none() {
            self.leave(reference, "its form cannot be replaced");
        }
        Some((leaf, range?))
    }

    /// `Fn::Sub: text` in block style: from its key to the end of its text.
    fn line_of(&self, entry: NodeId, leaf: NodeId) -> Option<std::ops::Range<usize>> {
        let (key, _) = *self.document.pairs(entry).first()?;
        let range = self.document.node(key).range().start..self.document.node(leaf).range().end;
        (!self.document.text()[range.clone()].contains('\n')).then_some(range)
    }

    fn leave(&mut self, reference: &Reference, reason: &str) {
        let position = self.document.position(reference.entry);
        let (layer, reason) = (Some(reference.pattern.layer.clone()), reason.to_owned());
        self.plan.left_alone.push(LeftAlone { position, layer, reason, weight: Weight::Warning });
    }

    fn free_name(&self, section: &str, name: &str) -> String {
        let sections = self.document.values(self.root, section);
        let is_taken =
            |name: &str| sections.iter().any(|section| !self.document.values(*section, name).is_empty());
        let numbered = (2..).map(|number| format!("{name}{number}"));
        std::iter::once(name.to_owned()).chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
    }
}

/// The version of each region, if one region has one version.
fn rows(pins: &[&Pin]) -> Option<BTreeMap<Region, u64>> {
    let mut rows = BTreeMap::new();
    for pin in pins {
        let region = pin.region.clone()?;
        if rows.insert(region, pin.version?).is_some_and(|other| Some(other) != pin.version) {
            return None;
        }
    }
    Some(rows)
}

/// `my-Layer_1` as a logical id may be: `MyLayer1`.
fn logical(layer: &LayerName) -> String {
    let words = layer.as_str().split(['-', '_']);
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map_or_else(String::new, |first| format!("{}{}", first.to_ascii_uppercase(), letters.as_str()))
    };
    words.map(capital).collect()
}

#[cfg(test)]
mod tests;
