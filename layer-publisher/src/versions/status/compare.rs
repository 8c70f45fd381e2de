//! What one place has, against the ledger, the built zip and `layers.toml`: what is not as it should be. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use template_tools::ledger::Entry;

use super::look::Seen;
use crate::config::publish::Destination;
use crate::layer_version::LayerVersion;
use crate::publish::permissions::{self, Change, Grant, Others, Policy};
use crate::publish::plan::{self, Wanted};
use crate::versions::usage::users::ranges;

/// Something that was found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of thing.
    pub kind: Kind,
    /// In words.
    pub text: String,
}

/// What can be found out. All but [`Kind::Twins`], [`Kind::NumberDrift`], [`Kind::AlsoShared`] and
/// [`Kind::Withdrawn`] are differences, which `--check` fails on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `layers.toml` sends it there, and it is not.
    NotPublished,
    /// The ledger has no row for it.
    NotInLedger,
    /// The ledger's version is not there any more.
    Gone,
    /// There is a newer version of ours than the ledger's.
    Newer,
    /// There is a newer version that something else has published.
    Foreign,
    /// The ledger says another hash or other metadata.
    LedgerDiffers,
    /// It is not known to be what was built.
    NotVerified,
    /// What is built is something else.
    BuiltDiffers,
    /// What is built was withdrawn.
    BuiltWithdrawn,
    /// Regions of one account have different contents.
    ContentDrift,
    /// Its permissions are not what is wanted.
    Permissions,
    /// The pointer names something else, or nothing.
    Pointer,
    /// Versions that have the same content without need.
    Twins,
    /// The same content has different numbers.
    NumberDrift,
    /// Somebody may use it whom nobody has asked for.
    AlsoShared,
    /// Versions that come after the current one, and were withdrawn.
    Withdrawn,
}

impl Kind {
    /// Whether it is a difference; else it is only worth knowing.
    pub fn is_difference(self) -> bool {
        !matches!(self, Self::Twins | Self::NumberDrift | Self::AlsoShared | Self::Withdrawn)
    }
}

/// What is compared.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// What was found.
    pub seen: &'a Seen,
    /// The ledger's row.
    pub known: Option<&'a Entry>,
    /// What is built.
    pub wanted: Option<&'a Wanted>,
    /// What `layers.toml` says.
    pub destination: &'a Destination,
    /// Whether `layers.toml` sends it there.
    pub is_wanted: bool,
}

/// Everything about one place by itself.
pub fn findings(place: Place<'_>) -> Vec<Finding> {
    let Place { seen, known, wanted, destination, is_wanted } = place;
    let mut findings = Vec::new();
    let mut add = |kind, text: String| findings.push(Finding { kind, text });
    let newest = seen.newest(known);
    match (known, newest) {
        (None, None) if is_wanted => add(Kind::NotPublished, "it is not published".to_owned()),
        (None, Some(newest)) => {
            let whose = if plan::is_marked(&newest.description) { "" } else { ", and is none of ours" };
            add(Kind::NotInLedger, format!("version {} is not in the ledger{whose}", newest.arn.version));
        }
        (Some(entry), _) if !seen.versions.contains_key(&entry.version()) => {
            add(Kind::Gone, format!("version {} of the ledger is not there", entry.version()));
        }
        (Some(entry), Some(newest)) if newest.arn.version > entry.version() => {
            let (newest, there) = (newest.arn.version, plan::is_marked(&newest.description));
            let kind = if there { Kind::Newer } else { Kind::Foreign };
            let whose = if there { "" } else { ", and is none of ours" };
            add(
                kind,
                format!("version {newest} is newer than version {} of the ledger{whose}", entry.version()),
            );
        }
        _ => {}
    }
    let Some(current) = seen.current(known) else { return findings };
    let number = current.arn.version;
    if let Some(entry) = known.filter(|entry| entry.version() == number) {
        for text in ledger_differs(entry, current) {
            add(Kind::LedgerDiffers, text);
        }
        if !entry.verified {
            add(Kind::NotVerified, format!("version {number} is not verified"));
        }
    }
    if let Some(wanted) = wanted {
        match withdrawn_with(seen, known, wanted) {
            _ if wanted.is_in(current) => {}
            Some(withdrawn) => {
                let text = format!(
                    "version {number} is not what is built: that is version {withdrawn}, which is withdrawn"
                );
                add(Kind::BuiltWithdrawn, text);
            }
            None => add(Kind::BuiltDiffers, format!("version {number} is not what is built")),
        }
        for difference in wanted.differences(current).into_iter().filter(|_| wanted.is_in(current)) {
            add(Kind::BuiltDiffers, format!("version {number} is not as it was built: {difference}"));
        }
    }
    withdrawn(seen, known, number, &mut add);
    shared(seen, destination, &mut add);
    pointer(seen, current, &mut add);
    if let Some(mark) = plan::mark_of(&current.description) {
        let after = seen.listed.iter().position(|listed| listed.version == number).unwrap_or_default();
        let twins = plan::twins(&format!("[sha256:{mark}]"), &seen.listed[after..]);
        if !twins.is_empty() {
            let twins = twins.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
            add(Kind::Twins, format!("versions {twins} have the same content"));
        }
    }
    findings
}

fn ledger_differs(entry: &Entry, current: &LayerVersion) -> Vec<String> {
    let number = current.arn.version;
    let mut found = Vec::new();
    if entry.code_sha256.as_ref() != Some(&current.code_sha256) {
        let said = entry.code_sha256.as_deref().unwrap_or("nothing");
        found
            .push(format!("version {number} has CodeSha256 {}, the ledger says {said}", current.code_sha256));
    }
    if entry.size != Some(current.size) {
        found.push(format!("version {number} has {} bytes, the ledger says otherwise", current.size));
    }
    for (what, said, there) in [
        ("runtimes", &entry.compatible_runtimes, &current.compatible_runtimes),
        ("architectures", &entry.compatible_architectures, &current.compatible_architectures),
    ] {
        if said.iter().collect::<BTreeSet<_>>() != there.iter().collect::<BTreeSet<_>>() {
            let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
            found.push(format!("version {number} is for {what} {there}, the ledger says otherwise"));
        }
    }
    found
}

/// The version that has what is built by its own word, and was withdrawn: `publish` refuses that content.
fn withdrawn_with(seen: &Seen, known: Option<&Entry>, wanted: &Wanted) -> Option<u64> {
    let withdrawn = &known?.withdrawn;
    let mut listed = seen.listed.iter().filter(|listed| withdrawn.contains_key(&listed.version));
    listed.find(|listed| listed.description.ends_with(&wanted.mark)).map(|listed| listed.version)
}

/// What comes after the current version and does not count; those with the same reason together.
fn withdrawn(seen: &Seen, known: Option<&Entry>, current: u64, add: &mut impl FnMut(Kind, String)) {
    let is_there = |version: u64| seen.listed.iter().any(|listed| listed.version == version);
    let mut by_reason = BTreeMap::<&str, BTreeSet<u64>>::new();
    for (version, why) in known.iter().flat_map(|entry| &entry.withdrawn) {
        if *version > current && is_there(*version) {
            by_reason.entry(why).or_default().insert(*version);
        }
    }
    let mut by_reason = by_reason.into_iter().collect::<Vec<_>>();
    by_reason.sort_by(|(_, one), (_, other)| one.cmp(other));
    for (why, versions) in by_reason {
        let (noun, verb) = if versions.len() == 1 { ("version", "is") } else { ("versions", "are") };
        add(Kind::Withdrawn, format!("{noun} {} {verb} withdrawn: {why}", ranges(&versions)));
    }
}

fn shared(seen: &Seen, destination: &Destination, add: &mut impl FnMut(Kind, String)) {
    let Some(grants) = &destination.permissions else { return };
    match &seen.policy {
        Some(Ok(policy)) => {
            let plan = permissions::plan(grants, policy, Others::Keep);
            for change in plan.changes {
                if let Change::Add(grant) = change {
                    add(Kind::Permissions, format!("it is not shared with {grant}"));
                }
            }
            for other in plan.others {
                add(Kind::AlsoShared, format!("it is also shared with {other}"));
            }
        }
        Some(Err(failure)) => add(Kind::Permissions, format!("its permissions are not known: {failure}")),
        None => {}
    }
}

fn pointer(seen: &Seen, current: &LayerVersion, add: &mut impl FnMut(Kind, String)) {
    let Some(pointer) = &seen.pointer else { return };
    let name = &pointer.name;
    match &pointer.value {
        Ok(Some(value)) if *value == current.arn.to_string() => {}
        Ok(Some(value)) => {
            let short = value.strip_prefix(&format!("{}:", current.arn.layer_arn()));
            let named = short.map_or_else(|| format!("`{value}`"), |version| format!("version {version}"));
            add(Kind::Pointer, format!("parameter `{name}` names {named}"));
        }
        Ok(None) => add(Kind::Pointer, format!("there is no parameter `{name}`")),
        Err(failure) => add(Kind::Pointer, format!("parameter `{name}` is not known: {failure}")),
    }
}

/// What regions of one layer in one account say about each other: for each of them, in their order.
pub fn drift(places: &[(&str, &LayerVersion)]) -> Vec<Option<Finding>> {
    let mut contents = BTreeMap::<&str, usize>::new();
    for (_, version) in places {
        *contents.entry(&version.code_sha256).or_default() += 1;
    }
    // What most of them have; of as many, what the first one has.
    let most = contents.values().copied().max().unwrap_or_default();
    let usual = places.iter().find(|(_, version)| contents[version.code_sha256.as_str()] == most);
    let Some((usual_region, usual)) = usual else { return Vec::new() };
    let finding = |(_, version): &(&str, &LayerVersion)| {
        let (number, usual_number) = (version.arn.version, usual.arn.version);
        if version.code_sha256 != usual.code_sha256 {
            let text = format!("version {number} is not what {usual_region} has as version {usual_number}");
            return Some(Finding { kind: Kind::ContentDrift, text });
        }
        (number != usual_number).then(|| Finding {
            kind: Kind::NumberDrift,
            text: format!("version {number} is what {usual_region} has as version {usual_number}"),
        })
    };
    places.iter().map(finding).collect()
}

/// `private`, `public`, `org, 2 accounts`, and what nobody understands as `others`.
pub fn shared_with(policy: &Policy) -> String {
    let grants = policy.statements.iter().map(|statement| statement.grant.as_ref()).collect::<Vec<_>>();
    let accounts = grants.iter().filter(|grant| matches!(grant, Some(Grant::Account(_)))).count();
    let mut words = Vec::new();
    if grants.contains(&Some(&Grant::Public)) {
        words.push("public".to_owned());
    }
    if grants.iter().any(|grant| matches!(grant, Some(Grant::Organization(_)))) {
        words.push("org".to_owned());
    }
    if accounts > 0 {
        words.push(crate::ui::counted(accounts, "account"));
    }
    if grants.contains(&None) {
        words.push("others".to_owned());
    }
    if words.is_empty() { "private".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests;
