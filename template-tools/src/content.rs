//! The layer's own template: its content, runtimes and architectures follow the ledger.
//!
//! Pure. Only a layer whose content lies in S3 is brought there: one that is published without a template would get a
//! second publisher.

use std::collections::{BTreeMap, BTreeSet};

use crate::arn::LayerName;
use crate::document::{Document, NodeId, ParseError, parse};
use crate::edit::{Change, Edit, apply, restructure};
use crate::flow::{ContentField, ContentPart, Definition, Home, Outside, definitions, flow_with};
use crate::kind::{Kind, kind};
use crate::ledger::{Content, Entry, Ledger};
use crate::pattern::VersionPart;
use crate::pins::Pin;
use crate::plan::{Bump, LeftAlone, Part, Plan, Refusal, Wanted, Weight, plan_beside, plan_with};

mod list;

use list::with_items;

/// Plans one template: what it makes, and what it names.
pub fn update_content(text: &str, wanted: &Wanted<'_>, ledger: &Ledger) -> Result<Plan, ParseError> {
    let document = parse(text)?;
    if matches!(wanted.part, Part::Excluded(_)) || kind(&document) != Kind::Template {
        return plan_with(text, wanted);
    }
    let mut updater = Updater {
        document: &document,
        edits: BTreeMap::new(),
        lists: BTreeMap::new(),
        plan: Plan::default(),
    };
    for definition in definitions(&document) {
        let name = definition.layer.clone().and_then(|name| LayerName::new(name).ok());
        let Some(name) = name.filter(|name| wanted.pins.has(name)) else { continue };
        // Only what is pinned: where one region is meant, the contents of the others are not.
        let is_meant = |entry: &&Entry| {
            let pin = Pin::from(entry.layer_version_arn.clone());
            pin.layer == name && wanted.pins.pins().any(|other| *other == pin)
        };
        let entries: Vec<&Entry> = ledger.entries().filter(is_meant).collect();
        updater.definition(&definition, &name, &entries);
    }
    let Updater { edits, lists, mut plan, .. } = updater;
    let outside = Outside { placeholders: wanted.placeholders.clone(), ..Outside::default() };
    let flow = flow_with(&document, &outside);
    let (mut rest, versions) = plan_beside(&document, &flow, flow.references.clone(), wanted);
    // What is brought to the ledger is not left alone.
    let edited: BTreeSet<_> = edits.keys().map(|leaf| document.position(*leaf)).collect();
    rest.left_alone.retain(|left| !edited.contains(&left.position));
    plan.refusals.extend(rest.refusals);
    plan.bumps.extend(rest.bumps);
    plan.bumps.sort_by_key(|bump| bump.position);
    plan.current += rest.current;
    plan.names.extend(rest.names);
    plan.left_alone.extend(rest.left_alone);
    plan.left_alone.sort_by_key(|left| left.position);
    plan.left_alone.dedup();
    plan.accounts.extend(rest.accounts);
    let edits: Vec<Edit> = edits.into_values().chain(versions).collect();
    if !plan.refusals.is_empty() || edits.is_empty() && lists.is_empty() {
        return Ok(plan);
    }
    let updated = if lists.is_empty() {
        apply(&document, &edits)
    } else {
        let edits = edits.into_iter().map(Change::Scalar);
        restructure(&document, &lists.into_values().chain(edits).collect::<Vec<_>>())
    };
    match updated {
        Ok(after) => plan.text = Some(after),
        Err(error) => plan.refusals.push((plan.bumps[0].position, error.into())),
    }
    Ok(plan)
}

struct Updater<'d, 't> {
    document: &'d Document<'t>,
    edits: BTreeMap<NodeId, Edit>,
    lists: BTreeMap<NodeId, Change>,
    plan: Plan,
}

impl Updater<'_, '_> {
    fn definition(&mut self, definition: &Definition, layer: &LayerName, entries: &[&Entry]) {
        let position = self.document.position(definition.node);
        self.plan.names.insert(layer.clone());
        let staged: Vec<(&Entry, &Content)> =
            entries.iter().filter_map(|entry| Some((*entry, entry.content.as_ref()?))).collect();
        if staged.is_empty() {
            let (resource, layer) = (definition.resource.clone(), layer.clone());
            return self.plan.refusals.push((position, Refusal::PublishedByApi { resource, layer }));
        }
        let fits: Vec<(&Entry, &Content)> =
            match definition.content.iter().find(|field| field.part == ContentPart::Bucket) {
                Some(bucket) => staged
                    .iter()
                    .copied()
                    .filter(|(entry, content)| bucket_of(&bucket.text, entry) == content.bucket)
                    .collect(),
                None => staged.clone(),
            };
        let candidates = if fits.is_empty() { staged } else { fits };
        let mut places = BTreeSet::new();
        for field in &definition.content {
            let wanted: BTreeSet<Option<String>> =
                candidates.iter().map(|(entry, content)| wanted(field, entry, content)).collect();
            if wanted.len() > 1 && is_given(field) {
                let reason = format!("`{}` is set from outside: each region has its own", field.text);
                self.leave(field.node, layer, &reason);
                continue;
            }
            if wanted.len() > 1 {
                places.extend(candidates.iter().map(|(entry, content)| {
                    format!("s3://{}/{} ({})", content.bucket, content.key, entry.layer_version_arn.region)
                }));
                continue;
            }
            match wanted.into_iter().next().flatten() {
                Some(text) => self.field(field, layer, text),
                None if field.part == ContentPart::Version => {
                    self.leave(field.node, layer, "the ledger knows no version of the object");
                }
                None => {}
            }
        }
        if !places.is_empty() {
            let refusal = Refusal::Contents { layer: layer.clone(), places: places.into_iter().collect() };
            return self.plan.refusals.push((position, refusal));
        }
        let (entry, _) = candidates[0];
        for (key, list, known) in [
            ("CompatibleRuntimes", definition.runtimes, &entry.compatible_runtimes),
            ("CompatibleArchitectures", definition.architectures, &entry.compatible_architectures),
        ] {
            if known.is_empty() {
                continue;
            }
            let Some(list) = list else {
                let reason = format!("`{key}` is no list there, and the ledger says {}", known.join(", "));
                let (layer, weight) = (Some(layer.clone()), Weight::Note);
                self.plan.left_alone.push(LeftAlone { position, layer, reason, weight });
                continue;
            };
            self.list(list, key, layer, known);
        }
    }

    fn list(&mut self, list: NodeId, key: &str, layer: &LayerName, known: &[String]) {
        let items = self.document.items(list).unwrap_or_default();
        let written: BTreeSet<&str> = items.iter().filter_map(|item| self.document.scalar(*item)).collect();
        if written == known.iter().map(String::as_str).collect() {
            return;
        }
        let target = self.document.resolve(list);
        let wanted = known.join(", ");
        match with_items(self.document, target, known) {
            Ok(change) => {
                self.lists.insert(target, change);
                let written = written.into_iter().collect::<Vec<_>>().join(", ");
                self.bump(list, layer, &written, &wanted, Home::Entry);
            }
            Err(why) => self.leave(list, layer, &format!("`{key}` should be {wanted}, and {why}")),
        }
    }

    fn field(&mut self, field: &ContentField, layer: &LayerName, text: String) {
        if field.text == text {
            return;
        }
        let Some((leaf, home)) = &field.leaf else {
            return self.leave(
                field.node,
                layer,
                &format!("`{}` is put together or set from outside: it should be `{text}`", field.text),
            );
        };
        let part = 0..self.document.scalar(*leaf).map_or(0, str::len);
        let Some(range) = self.document.range_of(*leaf, &part) else {
            return self.leave(field.node, layer, "its text cannot be found as it is written");
        };
        self.bump(*leaf, layer, &field.text, &text, home.clone());
        self.edits.insert(*leaf, Edit { leaf: *leaf, part, range, new: text });
    }

    fn bump(&mut self, node: NodeId, layer: &LayerName, from: &str, to: &str, home: Home) {
        let position = self.document.position(node);
        let word = |text: &str| VersionPart::Text(text.to_owned());
        self.plan.bumps.push(Bump { position, layer: layer.clone(), from: word(from), to: word(to), home });
    }

    fn leave(&mut self, node: NodeId, layer: &LayerName, reason: &str) {
        let position = self.document.position(node);
        let (layer, reason) = (Some(layer.clone()), reason.to_owned());
        self.plan.left_alone.push(LeftAlone { position, layer, reason, weight: Weight::Warning });
    }
}

/// What a bucket's name comes to where an entry's layer is.
fn bucket_of(text: &str, entry: &Entry) -> String {
    let arn = &entry.layer_version_arn;
    text.replace("${AWS::Region}", arn.region.as_str())
        .replace("${AWS::AccountId}", arn.account.as_str())
        .replace("${AWS::Partition}", arn.partition.as_str())
}

/// Whether a parameter without a default stands there: each stack has a value of its own.
fn is_given(field: &ContentField) -> bool {
    let name = field.text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    field.leaf.is_none() && name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// What a field should say for an entry: what it says already, if that comes to the same.
fn wanted(field: &ContentField, entry: &Entry, content: &Content) -> Option<String> {
    let Content { bucket, key, version } = content;
    let wanted = match field.part {
        // A file of this machine is sent by whoever deploys, and an empty version says that the key is enough: it holds
        // the content's hash.
        ContentPart::Uri if !field.text.starts_with("s3://") => field.text.clone(),
        ContentPart::Version if field.text.is_empty() => String::new(),
        ContentPart::Bucket => bucket.clone(),
        ContentPart::Key => key.clone(),
        ContentPart::Version => version.clone()?,
        ContentPart::Uri => match version {
            Some(version) if field.text.contains("versionId=") => {
                format!("s3://{bucket}/{key}?versionId={version}")
            }
            _ => format!("s3://{bucket}/{key}"),
        },
    };
    Some(if bucket_of(&field.text, entry) == wanted { field.text.clone() } else { wanted })
}

#[cfg(test)]
mod tests;
