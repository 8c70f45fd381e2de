//! The layer's own template: its content, runtimes and architectures follow the ledger.
//!
//! Pure. Only a layer whose content lies in S3 is brought there: one that is published without a template would get a
//! second publisher.

use std::collections::BTreeSet;

use crate::arn::LayerName;
use crate::document::{Document, NodeId, ParseError, parse};
use crate::edit::{Change, apply, restructure};
use crate::flow::{ContentField, ContentPart, Definition, Home, Outside, definitions, flow_with};
use crate::kind::{Kind, kind};
use crate::ledger::{Content, Entry, Ledger};
use crate::pins::Pin;
use crate::plan::{LeftAlone, Part, Plan, Refusal, Wanted, Weight, plan_beside, plan_with};

mod asked;
mod list;

use asked::{Asked, Claim, To};

/// Plans one template: what it makes, and what it names.
pub fn update_content(text: &str, wanted: &Wanted<'_>, ledger: &Ledger) -> Result<Plan, ParseError> {
    let document = parse(text)?;
    if matches!(wanted.part, Part::Excluded(_)) || kind(&document) != Kind::Template {
        return plan_with(text, wanted);
    }
    let mut updater = Updater { document: &document, asked: Asked::default(), plan: Plan::default() };
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
    let Updater { asked, mut plan, .. } = updater;
    let changes = asked.changes(&document, &mut plan);
    let outside = Outside { placeholders: wanted.placeholders.clone(), ..Outside::default() };
    let flow = flow_with(&document, &outside);
    let (mut rest, versions) = plan_beside(&document, &flow, flow.references.clone(), wanted);
    // What is brought to the ledger is not left alone.
    let edited: BTreeSet<_> = changes.keys().map(|node| document.position(*node)).collect();
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
    if !plan.refusals.is_empty() || versions.is_empty() && changes.is_empty() {
        return Ok(plan);
    }
    let updated = if changes.is_empty() {
        apply(&document, &versions)
    } else {
        let versions = versions.into_iter().map(Change::Scalar);
        restructure(&document, &changes.into_values().chain(versions).collect::<Vec<_>>())
    };
    match updated {
        Ok(after) => plan.text = Some(after),
        Err(error) => plan.refusals.push((plan.bumps[0].position, error.into())),
    }
    Ok(plan)
}

struct Updater<'d, 't> {
    document: &'d Document<'t>,
    asked: Asked,
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
        let mut decided: Vec<(&ContentField, Option<String>)> = Vec::new();
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
            decided.push((field, wanted.into_iter().next().flatten()));
        }
        if !places.is_empty() {
            let refusal = Refusal::Contents { layer: layer.clone(), places: places.into_iter().collect() };
            return self.plan.refusals.push((position, refusal));
        }
        self.content(definition, layer, &decided, &candidates);
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
            let to = To::Items(known.clone());
            self.asked.ask(self.document.resolve(list), claim(definition, layer, &[&[key]], Home::Entry, to));
        }
    }

    /// The fields of one definition, together: a version belongs to a key, and a key to a bucket.
    fn content(
        &mut self,
        definition: &Definition,
        layer: &LayerName,
        decided: &[(&ContentField, Option<String>)],
        candidates: &[(&Entry, &Content)],
    ) {
        let is_version = |field: &ContentField| field.part == ContentPart::Version;
        // What is put together and cannot come to what it should be keeps the others from moving without it.
        let stuck = decided.iter().find(|(field, to)| {
            let may_be = |to: &String| {
                candidates.iter().any(|(entry, _)| may_come_to(&bucket_of(&field.text, entry), to))
            };
            let is_wrong = to.as_ref().is_some_and(|to| *to != field.text && !may_be(to));
            is_wrong && field.leaf.is_none() && !is_version(field)
        });
        let moved = decided.iter().find_map(|(field, to)| {
            let to = to.as_ref().filter(|to| **to != field.text)?;
            (stuck.is_none() && !is_version(field) && field.leaf.is_some()).then_some(to)
        });
        let is_right = |key: &ContentField| {
            decided.iter().any(|(field, to)| field.node == key.node && to.as_ref() == Some(&key.text))
        };
        let keys = definition.content.iter().filter(|field| field.part == ContentPart::Key);
        let stays = keys.into_iter().find(|key| key.leaf.is_none() && !is_right(key));
        for (field, to) in decided {
            if let (Some((stuck, _)), Some(to)) = (stuck, to)
                && field.leaf.is_some()
                && *to != field.text
            {
                let reason = format!("`{}`, which goes with it, stays: it should be `{to}`", stuck.text);
                self.leave(field.node, layer, &reason);
                continue;
            }
            match (to, moved, stays) {
                (Some(to), _, Some(key)) if is_version(field) && *to != field.text => {
                    let reason =
                        format!("`{}`, which it is the version of, stays: it should be `{to}`", key.text);
                    self.leave(field.node, layer, &reason);
                }
                (Some(to), ..) => self.field(definition, field, layer, to.clone()),
                (None, Some(to), _) if is_version(field) && field.leaf.is_some() => {
                    let (layer, version, to) = (layer.clone(), field.text.clone(), to.clone());
                    let refusal = Refusal::ObjectVersion { layer, version, to };
                    self.plan.refusals.push((self.document.position(field.node), refusal));
                }
                (None, ..) if is_version(field) => {
                    self.field(definition, field, layer, field.text.clone());
                    self.leave(field.node, layer, "the ledger knows no version of the object");
                }
                (None, ..) => {}
            }
        }
    }

    fn field(&mut self, definition: &Definition, field: &ContentField, layer: &LayerName, text: String) {
        match &field.leaf {
            Some((leaf, home)) => {
                let claim = claim(definition, layer, keys(field.part), home.clone(), To::Text(text));
                self.asked.ask(*leaf, claim);
            }
            None if field.text == text => {}
            None => {
                let reason =
                    format!("`{}` is put together or set from outside: it should be `{text}`", field.text);
                self.leave(field.node, layer, &reason);
            }
        }
    }

    fn leave(&mut self, node: NodeId, layer: &LayerName, reason: &str) {
        let position = self.document.position(node);
        let (layer, reason) = (Some(layer.clone()), reason.to_owned());
        self.plan.left_alone.push(LeftAlone { position, layer, reason, weight: Weight::Warning });
    }
}

/// The keys under which a part may stand, by CloudFormation or by SAM.
fn keys(part: ContentPart) -> &'static [&'static [&'static str]] {
    match part {
        ContentPart::Bucket => &[&["Content", "S3Bucket"], &["ContentUri", "Bucket"]],
        ContentPart::Key => &[&["Content", "S3Key"], &["ContentUri", "Key"]],
        ContentPart::Version => &[&["Content", "S3ObjectVersion"], &["ContentUri", "Version"]],
        ContentPart::Uri => &[&["ContentUri"]],
    }
}

fn claim(definition: &Definition, layer: &LayerName, keys: &[&[&str]], home: Home, to: To) -> Claim {
    let properties = ["Resources", &definition.resource, "Properties"];
    let way = |keys: &&[&str]| properties.iter().chain(*keys).map(|key| (*key).to_owned()).collect();
    Claim { layer: layer.clone(), ways: keys.iter().map(way).collect(), home, to }
}

/// What a bucket's name comes to where an entry's layer is.
fn bucket_of(text: &str, entry: &Entry) -> String {
    let arn = &entry.layer_version_arn;
    text.replace("${AWS::Region}", arn.region.as_str())
        .replace("${AWS::AccountId}", arn.account.as_str())
        .replace("${AWS::Partition}", arn.partition.as_str())
}

/// Whether a text can be this one where a stack is deployed. What is known only there may be anything.
fn may_come_to(text: &str, wanted: &str) -> bool {
    let Some((before, rest)) = text.split_once("${") else { return text == wanted };
    let after = rest.rsplit_once('}').map_or("", |(_, after)| after);
    wanted.strip_prefix(before).is_some_and(|rest| rest.ends_with(after))
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
