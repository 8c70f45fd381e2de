//! The texts of the new forms, and where they go.

use std::collections::{BTreeMap, BTreeSet};

use super::Form;
use super::choose::{Chosen, left_alone, rows_for};
use super::layout::{Layout, Tree};
use super::target::{Extent, Place, Why, extent, place};
use crate::arn::{LayerName, Region};
use crate::document::{Document, NodeId};
use crate::edit::Change;
use crate::flow::{Flow, Home, Reference};
use crate::pattern::VersionPart;
use crate::pins::Pin;
use crate::plan::{Bump, LeftAlone, Wanted};

/// What changes, and what does not after all.
#[derive(Default)]
pub(super) struct Replaced {
    pub(super) changes: Vec<Change>,
    pub(super) bumps: Vec<Bump>,
    pub(super) left: Vec<LeftAlone>,
    /// The references that are converted, as indexes.
    pub(super) converted: BTreeSet<usize>,
}

/// Replaces every chosen expression that can be, with one mapping for each table or one parameter for each layer of each
/// document.
pub(super) fn replace(
    document: &Document<'_>,
    flow: &Flow,
    wanted: &Wanted<'_>,
    form: &Form,
    chosen: &Chosen,
) -> Replaced {
    let mut replaced = Replaced::default();
    for &root in document.roots() {
        let below = document.below(root);
        let mut part = OneDocument {
            document,
            flow,
            wanted,
            form,
            root,
            layout: Layout::new(document, root),
            made: BTreeMap::new(),
            pairs: Vec::new(),
            replaced: Replaced::default(),
        };
        for (node, indexes) in chosen.expressions.range(below) {
            part.expression(*node, indexes);
        }
        let Replaced { changes, bumps, left, converted } = part.finish();
        replaced.changes.extend(changes);
        replaced.bumps.extend(bumps);
        replaced.left.extend(left);
        replaced.converted.extend(converted);
    }
    replaced
}

/// The pin of each region; none where a parameter takes the place.
type Rows = BTreeMap<Region, Pin>;

struct OneDocument<'c, 'd, 't> {
    document: &'d Document<'t>,
    flow: &'c Flow,
    wanted: &'c Wanted<'c>,
    form: &'c Form,
    root: NodeId,
    layout: Layout<'d, 't>,
    /// The mapping or parameter of each layer, and of each of its tables: accounts have numbers of their own.
    made: BTreeMap<(LayerName, Rows), String>,
    /// Those that are not in the template yet.
    pairs: Vec<(String, Tree)>,
    replaced: Replaced,
}

impl OneDocument<'_, '_, '_> {
    fn expression(&mut self, node: NodeId, indexes: &[usize]) {
        let reference = &self.flow.references[indexes[0]];
        let done = match self.form {
            Form::Mapping => self.take_to_mapping(node, reference, indexes),
            Form::Ssm(name) => self.take_to_ssm(node, reference, name.as_str()),
        };
        match done {
            Ok(name) => {
                let (layer, from) = (reference.pattern.layer.clone(), reference.pattern.version.clone());
                let (position, to) = (self.document.position(node), VersionPart::Text(format!("`{name}`")));
                self.replaced.bumps.push(Bump { position, layer, from, to, home: Home::Entry });
                self.replaced.converted.extend(indexes);
            }
            Err(why) => self.replaced.left.push(left_alone(self.document, reference, why)),
        }
    }

    fn take_to_mapping(
        &mut self,
        node: NodeId,
        reference: &Reference,
        indexes: &[usize],
    ) -> Result<String, Why> {
        let layer = &reference.pattern.layer;
        let form = place(self.document, node, reference)?;
        let (Place::Text(leaf) | Place::TextWith(leaf, _) | Place::Piece(leaf) | Place::Alone(leaf)) = form;
        let text = self.document.scalar(leaf).unwrap_or_default();
        let (before, after) = (&text[..reference.part.start], &text[reference.part.end..]);
        let place = extent(self.document, leaf)?;
        let rows = self.rows(reference).ok_or("the versions cannot be told apart by region")?;
        let mut others = indexes.iter().map(|index| self.rows(&self.flow.references[*index]));
        if others.any(|other| other.is_none_or(|other| !have_the_same_numbers(&other, &rows))) {
            return Err("it comes to layers of several accounts, whose versions differ");
        }
        let variable = self.free_variable(&format!("{}Version", logical(layer)), form);
        if let Place::TextWith(_, variables) = form {
            // Known before there is a mapping that nothing would read.
            let pair = self.layout.put(variables, &variable, Tree::Code(String::new()));
            pair.ok_or("nothing can be put into its variables")?;
        }
        let table = rows.iter().filter_map(|(region, pin)| {
            let version = Tree::Plain(pin.version?.to_string());
            Some((region.to_string(), Tree::Map(vec![("Version".to_owned(), version)])))
        });
        let table = Tree::Map(table.collect());
        let name = self.named(layer, rows, "Mappings", "Versions", table);
        let row = self.layout.row(&name);
        let text = format!("{}${{{variable}}}{}", before.trim_start(), after.trim_end());
        let new = match form {
            Place::Alone(_) => row,
            Place::Text(_) => {
                let tag = if self.document.tag(leaf).is_some() { "!Sub " } else { "" };
                format!("{tag}{}", self.layout.text_with(&text, &variable, &row))
            }
            Place::Piece(_) => {
                // Blanks count between the other pieces.
                let text = format!("{before}${{{variable}}}{after}");
                let list = self.layout.text_with(&text, &variable, &row);
                if self.layout.is_json() {
                    self.layout.call("Fn::Sub", &list)
                } else {
                    format!("!Sub {list}")
                }
            }
            Place::TextWith(_, variables) => {
                let pair = self.layout.put(variables, &variable, Tree::Code(row));
                self.replaced.changes.push(pair.ok_or("nothing can be put into its variables")?);
                let quote = if self.layout.is_json() { '"' } else { self.layout.quote };
                format!("{quote}{text}{quote}")
            }
        };
        self.change(leaf, place, &new);
        Ok(name)
    }

    /// A name that neither the variables of `Fn::Sub` have nor its text.
    fn free_variable(&self, name: &str, form: Place) -> String {
        let Place::TextWith(leaf, variables) = form else { return name.to_owned() };
        let text = self.document.scalar(leaf).unwrap_or_default();
        let is_taken = |name: &str| {
            !self.document.values(variables, name).is_empty() || text.contains(&format!("${{{name}}}"))
        };
        first_free(name, is_taken)
    }

    fn take_to_ssm(&mut self, node: NodeId, reference: &Reference, ssm: &str) -> Result<String, Why> {
        let place = extent(self.document, node)?;
        let known = self.parameter_of(ssm);
        let layer = &reference.pattern.layer;
        let name = match known {
            Some(name) => name,
            None => {
                let default = if is_bare(ssm) { Tree::Plain } else { Tree::Quoted };
                let tree = Tree::Map(vec![
                    ("Type".to_owned(), Tree::Plain(PARAMETER_TYPE.to_owned())),
                    ("Default".to_owned(), default(ssm.to_owned())),
                ]);
                self.named(layer, Rows::new(), "Parameters", "LayerVersionArn", tree)
            }
        };
        let new = if self.layout.is_json() {
            self.layout.call("Ref", &format!("\"{name}\""))
        } else {
            format!("!Ref {name}")
        };
        self.change(node, place, &new);
        Ok(name)
    }

    fn change(&mut self, node: NodeId, place: Extent, new: &str) {
        let new = place.with(new);
        self.replaced.changes.push(Change::Replace { node, range: place.range, new });
    }

    /// What a mapping for a reference holds.
    fn rows(&self, reference: &Reference) -> Option<Rows> {
        let rows = rows_for(reference, self.wanted)?;
        Some(rows.into_iter().map(|(region, pin)| (region, pin.clone())).collect())
    }

    /// The mapping or parameter of a layer, which is made if there is none yet.
    fn named(&mut self, layer: &LayerName, rows: Rows, section: &str, ending: &str, tree: Tree) -> String {
        let key = (layer.clone(), rows);
        if let Some(name) = self.made.get(&key) {
            return name.clone();
        }
        let name = self.free_name(section, &format!("{}{ending}", logical(layer)));
        self.made.insert(key, name.clone());
        self.pairs.push((name.clone(), tree));
        name
    }

    /// The parameter that is read from a parameter of SSM already.
    fn parameter_of(&self, ssm: &str) -> Option<String> {
        let document = self.document;
        let sections = document.values(self.root, "Parameters").into_iter();
        let mut pairs = sections.flat_map(|section| document.pairs(section));
        let has = |parameter: NodeId, key: &str, value: &str| {
            document.values(parameter, key).iter().any(|node| document.scalar(*node) == Some(value))
        };
        let fits =
            |parameter: NodeId| has(parameter, "Type", PARAMETER_TYPE) && has(parameter, "Default", ssm);
        let found = pairs.find(|(_, parameter)| fits(*parameter))?;
        document.scalar(found.0).map(str::to_owned)
    }

    /// A name that nothing has: parameters and resources share theirs.
    fn free_name(&self, section: &str, name: &str) -> String {
        let sections =
            [section, "Resources"].map(|section| self.document.values(self.root, section)).concat();
        let is_taken = |name: &str| {
            self.made.values().any(|other| other == name)
                || sections.iter().any(|section| !self.document.values(*section, name).is_empty())
        };
        first_free(name, is_taken)
    }

    fn finish(mut self) -> Replaced {
        if self.pairs.is_empty() {
            return self.replaced;
        }
        let section = if *self.form == Form::Mapping { "Mappings" } else { "Parameters" };
        if let Some(inserts) = self.layout.insert(section, self.pairs) {
            self.replaced.changes.extend(inserts);
            return self.replaced;
        }
        let why = match self.form {
            Form::Mapping => "`Mappings` is written in a way that nothing can be put into",
            Form::Ssm(_) => "`Parameters` is written in a way that nothing can be put into",
        };
        let references = self.replaced.converted.iter().map(|index| &self.flow.references[*index]);
        let left = references.map(|reference| left_alone(self.document, reference, why)).collect();
        Replaced { left, ..Replaced::default() }
    }
}

fn have_the_same_numbers(one: &Rows, other: &Rows) -> bool {
    let numbers = |rows: &Rows| -> Vec<(Region, Option<u64>)> {
        rows.iter().map(|(region, pin)| (region.clone(), pin.version)).collect()
    };
    numbers(one) == numbers(other)
}

/// The name, or the first with a number behind it that nothing has.
fn first_free(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number| format!("{name}{number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
}

const PARAMETER_TYPE: &str = "AWS::SSM::Parameter::Value<String>";

/// Whether YAML reads the name of an SSM parameter as a text: not as a number, a date, or a word of its own.
fn is_bare(name: &str) -> bool {
    const RESERVED: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    name.starts_with(|first: char| first == '/' || first.is_ascii_alphabetic())
        && !RESERVED.contains(&name.to_ascii_lowercase().as_str())
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
