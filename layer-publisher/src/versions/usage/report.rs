//! What `usage` says: a table or a JSON document, what could not be asked, and the exit code.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use serde::Serialize;
use template_tools::ledger::LayerPlace;

use super::ask::{Answer, Corner};
use super::users::{User, ranges};
use super::{Found, UsageRequest, arn, table};
use crate::called::CalledAs;
use crate::publish::regions::Weight;
use crate::tally::Tally;
use crate::ui::{Format, Ui, counted, whole};
use crate::versions::ways::{Ways, hint_about_row};

pub(super) struct Report<'a> {
    pub(super) request: &'a UsageRequest,
    pub(super) ui: &'a Ui,
    pub(super) called: &'a CalledAs,
    pub(super) ways: &'a Ways,
    pub(super) answers: &'a BTreeMap<Corner, Answer>,
    pub(super) found: &'a [Found<'a>],
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    exit_code: u8,
    layer: &'a str,
    package: Option<String>,
    runtimes: &'a [String],
    /// Every version that is used, or, with a package, that is used and holds it.
    versions: Vec<Version<'a>>,
    /// Versions that nothing uses. Left out where only some packages or runtimes are asked for.
    unused: Vec<String>,
    /// Everything that could not be asked.
    failures: Vec<String>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "they are the names of Lambda")]
struct Version<'a> {
    layer_version_arn: String,
    layer_name: &'a str,
    account: &'a str,
    region: &'a str,
    version: u64,
    target: Option<&'a str>,
    /// A version that was deleted is still in use where it was used before.
    deleted: bool,
    package_versions: Option<&'a BTreeSet<String>>,
    functions: Vec<Function<'a>>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "they are the names of Lambda")]
struct Function<'a> {
    account: &'a str,
    function: &'a str,
    version: String,
    runtime: Option<&'a str>,
    aliases: &'a BTreeSet<String>,
}

/// What stands in the way of a whole answer.
#[derive(Default)]
struct Gaps {
    said: Vec<String>,
    hint: Option<String>,
    /// Whether one of them counts.
    counts: bool,
}

impl Report<'_> {
    pub(super) fn finish(&self) -> ExitCode {
        let gaps = self.gaps();
        let answered = self.answers.values().filter(|answer| answer.users.is_ok()).collect::<Vec<_>>();
        let required = answered.iter().filter(|answer| answer.weight == Weight::Required).count();
        let code = Tally { done: required, failed: usize::from(gaps.counts) }.exit_code();
        for gap in &gaps.said {
            self.ui.failed("Failed", gap);
        }
        let versions = self.versions();
        let unused = self.unused();
        self.sum_up(&versions, !answered.is_empty(), code);
        if let Some(hint) = &gaps.hint {
            self.ui.note(hint);
        }
        match self.request.format {
            Format::Text => self.table(&versions, &unused),
            Format::Json => {
                let of_place = |(place, versions): (&LayerPlace, BTreeSet<u64>)| {
                    versions.into_iter().map(|version| arn(place, version).to_string()).collect::<Vec<_>>()
                };
                let document = Document {
                    schema: 1,
                    exit_code: code,
                    layer: &self.request.layer,
                    package: self.request.package.as_ref().map(ToString::to_string),
                    runtimes: &self.request.runtimes,
                    versions: versions.iter().map(Row::as_json).collect(),
                    unused: unused.into_iter().flat_map(of_place).collect(),
                    failures: gaps.said,
                };
                let text = serde_json::to_string_pretty(&document).unwrap_or_default();
                self.ui.result(text);
            }
        }
        ExitCode::from(code)
    }

    /// Each version that is used and meant, in the order of the places, the newest first.
    fn versions(&self) -> Vec<Row<'_>> {
        let mut rows = Vec::new();
        for found in self.found {
            for (version, users) in found.users.iter().rev() {
                let package_versions = match found.packages.get(version) {
                    Some(Ok(versions)) if versions.is_empty() => continue,
                    Some(Ok(versions)) => Some(versions),
                    // What is not known is shown rather than not.
                    Some(Err(_)) | None => None,
                };
                let deleted = found.listed.as_ref().is_ok_and(|listed| !listed.contains(version));
                rows.push(Row { found, version: *version, users, package_versions, deleted });
            }
        }
        rows
    }

    fn unused(&self) -> Vec<(&LayerPlace, BTreeSet<u64>)> {
        if self.request.package.is_some() || !self.request.runtimes.is_empty() {
            return Vec::new();
        }
        let mut unused = Vec::new();
        for found in self.found {
            let place = &found.spot.place;
            // Where not everybody was asked nothing is known to be unused.
            let mut there = self.answers.iter().filter(|(corner, _)| corner.region == place.region);
            if there.any(|(_, answer)| answer.users.is_err())
                || !self.answers.contains_key(&Corner::of(found.spot))
            {
                continue;
            }
            let listed = found.listed.as_ref().cloned().unwrap_or_default();
            let idle = listed.into_iter().filter(|version| !found.users.contains_key(version));
            unused.push((place, idle.collect::<BTreeSet<_>>()));
        }
        unused.retain(|(_, versions)| !versions.is_empty());
        unused
    }

    fn gaps(&self) -> Gaps {
        let mut gaps = Gaps::default();
        for failure in &self.ways.failures {
            gaps.counts = true;
            gaps.said.push(whole(failure));
            gaps.hint = gaps.hint.or_else(|| failure.hint(self.called));
        }
        for entry in &self.ways.unreached {
            gaps.counts = true;
            let arn = &entry.layer_version_arn;
            gaps.said.push(format!("{arn}: the ledger names it, and no target of `layers.toml` leads there"));
            gaps.hint = gaps.hint.or_else(|| Some(hint_about_row(arn, self.called)));
        }
        let advice = |corner: &Corner| {
            let spot = self.found.iter().map(|found| found.spot).find(|spot| Corner::of(spot) == *corner);
            spot.map(|spot| spot.way.session.advice())
        };
        let corners = self.found.iter().map(|found| Corner::of(found.spot)).collect::<BTreeSet<_>>();
        for corner in corners {
            let place = format!("{}, account {}", corner.region, corner.account);
            let Some(answer) = self.answers.get(&corner) else {
                gaps.counts = true;
                gaps.said.push(format!("{place}: not asked"));
                continue;
            };
            let failures = answer.users.as_ref().err().into_iter().chain(&answer.without_aliases);
            for failure in failures {
                let what = if answer.users.is_err() { "" } else { "the aliases are not known: " };
                gaps.counts |= answer.weight == Weight::Required;
                gaps.said.push(format!("{place}: {what}{failure}"));
                let next = advice(&corner).and_then(|advice| failure.hint(advice, self.called));
                gaps.hint = gaps.hint.or(next);
            }
        }
        for found in self.found {
            let place = &found.spot.place;
            if let Err(failure) = &found.listed
                && self.answers.get(&Corner::of(found.spot)).is_none_or(|answer| answer.users.is_ok())
            {
                gaps.counts |= found.spot.weight == Weight::Required;
                let (region, account) = (&place.region, &place.account);
                gaps.said.push(format!("{region}, account {account}: the versions are not known: {failure}"));
                let next = failure.hint(found.spot.way.session.advice(), self.called);
                gaps.hint = gaps.hint.or(next);
            }
            for (version, packages) in &found.packages {
                let Err(error) = packages else { continue };
                gaps.counts = true;
                gaps.said.push(format!("{}: its packages are not known: {error}", arn(place, *version)));
            }
        }
        gaps
    }

    fn sum_up(&self, rows: &[Row<'_>], is_anything_known: bool, code: u8) {
        let layer = &self.request.layer;
        // Two functions of one name in two regions are two: a function is where its layer is.
        let functions = rows.iter().flat_map(|row| {
            let region = &row.found.spot.place.region;
            row.users.iter().map(move |user| (&user.account, region, &user.function))
        });
        let functions = functions.collect::<BTreeSet<_>>();
        let with = self.request.package.as_ref().map(|package| format!(" with `{package}`"));
        let with = with.unwrap_or_default();
        let (uses, of) = (
            if functions.len() == 1 { "uses" } else { "use" },
            if code == 0 { "" } else { " of those asked" },
        );
        let text = if !is_anything_known {
            format!("nobody could be asked who uses `{layer}`{with}")
        } else if rows.is_empty() {
            format!("no function{of} uses `{layer}`{with}")
        } else {
            let versions = counted(rows.len(), "version");
            format!("{}{of} {uses} {versions} of `{layer}`{with}", counted(functions.len(), "function"))
        };
        self.ui.status("Finished", text);
    }

    fn table(&self, rows: &[Row<'_>], unused: &[(&LayerPlace, BTreeSet<u64>)]) {
        let mut lines = Vec::new();
        for row in rows {
            lines.extend(table::wrapped(&row.title(), table::WIDTH));
            lines.extend(table::lines(&row.functions(), 2));
        }
        for (place, versions) in unused {
            let LayerPlace { layer_name, region, account, .. } = place;
            let text =
                format!("{layer_name} in {region}, account {account}: nothing uses {}", ranges(versions));
            lines.extend(table::wrapped(&text, table::WIDTH));
        }
        if !lines.is_empty() {
            self.ui.result(lines.join("\n"));
        }
    }
}

struct Row<'a> {
    found: &'a Found<'a>,
    version: u64,
    users: &'a BTreeSet<User>,
    package_versions: Option<&'a BTreeSet<String>>,
    deleted: bool,
}

impl<'a> Row<'a> {
    /// `sosw:7 in eu-west-1, account 123456789012 (prod)`
    fn title(&self) -> String {
        let LayerPlace { layer_name, region, account, .. } = &self.found.spot.place;
        let mut title = format!("{layer_name}:{} in {region}, account {account}", self.version);
        if let Some(target) = &self.found.spot.target {
            title.push_str(&format!(" ({target})"));
        }
        if self.deleted {
            title.push_str(", deleted");
        }
        match (self.package_versions, self.found.packages.get(&self.version)) {
            (Some(versions), _) => {
                let versions = versions.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                title.push_str(&format!(", has {versions}"));
            }
            (None, Some(Err(_))) => title.push_str(", packages not known"),
            _ => {}
        }
        title
    }

    fn functions(&self) -> Vec<Vec<String>> {
        let owner = &self.found.spot.place.account;
        let elsewhere = self.users.iter().any(|user| user.account != *owner);
        let mut head = vec!["FUNCTION", "VERSION", "RUNTIME", "ALIASES"];
        if elsewhere {
            head.insert(0, "ACCOUNT");
        }
        let mut rows = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
        for user in self.users {
            let aliases = user.aliases.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let runtime = user.runtime.clone().unwrap_or_default();
            let mut row = vec![user.function.clone(), user.version.to_string(), runtime, aliases];
            if elsewhere {
                row.insert(0, user.account.to_string());
            }
            rows.push(row);
        }
        rows
    }

    fn as_json(&self) -> Version<'a> {
        let place = &self.found.spot.place;
        let functions = self.users.iter().map(|user| Function {
            account: user.account.as_str(),
            function: &user.function,
            version: user.version.to_string(),
            runtime: user.runtime.as_deref(),
            aliases: &user.aliases,
        });
        Version {
            layer_version_arn: arn(place, self.version).to_string(),
            layer_name: place.layer_name.as_str(),
            account: place.account.as_str(),
            region: place.region.as_str(),
            version: self.version,
            target: self.found.spot.target.as_deref(),
            deleted: self.deleted,
            package_versions: self.package_versions,
            functions: functions.collect(),
        }
    }
}
