//! What `prune` says: the plan as a table or a JSON document, what was deleted, what could not be asked, and the exit
//! code.

use std::process::ExitCode;

use serde::Serialize;
use template_tools::ledger::LayerPlace;

use super::ask::{Asked, Silent};
use super::plan::{Plan, Reason, SharedOnes};
use super::{Deleted, Deletes, PruneRequest, summed_up};
use crate::aws::failure::CallFailure;
use crate::called::{CalledAs, Command};
use crate::interrupt;
use crate::publish::regions::Weight;
use crate::tally::Tally;
use crate::ui::{Format, Ui, counted, megabytes, whole};
use crate::versions::usage::{Opened, arn, table};
use crate::versions::ways::hint_about_row;
use crate::when::Age;

/// What is known about a place, and what follows from that.
#[derive(Debug)]
pub(super) struct Verdict<'a> {
    pub(super) asked: Asked<'a>,
    pub(super) plan: Plan,
}

impl<'a> Verdict<'a> {
    /// What both say may go; everything else by the second one's word.
    pub(super) fn agreed(&self, again: Verdict<'a>) -> Verdict<'a> {
        let Verdict { asked, mut plan } = again;
        for version in std::mem::take(&mut plan.remove) {
            if self.plan.remove.contains(&version) {
                plan.remove.insert(version);
            } else {
                plan.keep.entry(version).or_default().insert(Reason::NotPlanned);
            }
        }
        Verdict { asked, plan }
    }

    fn place(&self) -> &LayerPlace {
        &self.asked.spot.place
    }
}

pub(super) struct Report<'a> {
    pub(super) request: &'a PruneRequest,
    pub(super) ui: &'a Ui,
    pub(super) called: &'a CalledAs,
    pub(super) opened: &'a Opened,
    pub(super) deleted: Deleted,
    /// Whether Ctrl-C came: what was not deleted by then is not.
    pub(super) interrupted: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    exit_code: u8,
    layer: &'a str,
    execute: bool,
    /// Bytes of the zips that were or would be deleted, as far as their sizes are known.
    bytes: u64,
    places: Vec<Place<'a>>,
    /// Ways that could not be opened, and entries of the ledger that no way leads to.
    failures: Vec<String>,
}

#[derive(Serialize)]
struct Place<'a> {
    layer_name: &'a str,
    account: &'a str,
    region: &'a str,
    target: Option<&'a str>,
    /// Whoever did not answer. Nothing is deleted there then.
    silent: Vec<&'a str>,
    versions: Vec<Version>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "they are the names of Lambda")]
struct Version {
    version: u64,
    layer_version_arn: String,
    created: Option<String>,
    size: Option<u64>,
    /// `keep`, `remove`, `removed`, `failed`; `unknown` where somebody did not answer.
    action: &'static str,
    reasons: Vec<ReasonRow>,
    error: Option<String>,
}

#[derive(Serialize)]
struct ReasonRow {
    kind: &'static str,
    text: String,
}

impl Report<'_> {
    /// One version was deleted, or not.
    pub(super) fn deleted(
        &mut self,
        verdict: Option<&Verdict<'_>>,
        place: LayerPlace,
        version: u64,
        result: Result<(), CallFailure>,
    ) {
        let arn = arn(&place, version);
        match &result {
            Ok(()) => {
                let size = verdict.and_then(|verdict| verdict.asked.sizes.get(&version));
                let size = size.map(|size| format!(", {}", megabytes(*size))).unwrap_or_default();
                self.ui.status("Deleted", format!("{arn}{size}"));
            }
            Err(failure) => {
                self.ui.failed("Failed", format!("{arn}: not deleted: {failure}"));
                let advice = verdict.map(|verdict| verdict.asked.spot.way.session.advice());
                if let Some(hint) = advice.and_then(|advice| failure.hint(advice, self.called)) {
                    self.ui.note(hint);
                }
            }
        }
        self.deleted.insert((place, version), result);
    }

    pub(super) fn finish(&self, verdicts: &[Verdict<'_>]) -> ExitCode {
        let failures = self.failures();
        let code = if self.interrupted { interrupt::EXIT_CODE } else { self.code(verdicts, failures.len()) };
        for failure in &failures {
            self.ui.failed("Failed", failure);
        }
        let mut hints = Vec::new();
        hints.extend(self.opened.ways.failures.iter().filter_map(|failure| failure.hint(self.called)));
        let unreached = self.opened.ways.unreached.iter().map(|entry| &entry.layer_version_arn);
        hints.extend(unreached.map(|row| hint_about_row(row, self.called)));
        for verdict in verdicts {
            let LayerPlace { layer_name, account, region, .. } = verdict.place();
            for Silent { said, hint } in &verdict.asked.silent {
                let text =
                    format!("`{layer_name}` in {region}, account {account}: nothing is deleted: {said}");
                match verdict.asked.spot.weight {
                    Weight::Required => self.ui.failed("Failed", text),
                    Weight::Optional => self.ui.warning(text),
                }
                hints.extend(hint.clone());
            }
        }
        self.sum_up(verdicts);
        if let Some(hint) = hints.first() {
            self.ui.note(hint);
        }
        match self.request.format {
            Format::Text => self.table(verdicts),
            Format::Json => {
                let document = Document {
                    schema: 1,
                    exit_code: code,
                    layer: &self.request.layer,
                    execute: self.request.deletes == Deletes::Really,
                    bytes: self.bytes(verdicts),
                    places: verdicts.iter().map(|verdict| self.place(verdict)).collect(),
                    failures,
                };
                self.ui.result(serde_json::to_string_pretty(&document).unwrap_or_default());
            }
        }
        ExitCode::from(code)
    }

    fn failures(&self) -> Vec<String> {
        let ways = &self.opened.ways;
        let unopened = ways.failures.iter().map(|failure| whole(failure));
        let unreached = ways.unreached.iter().map(|entry| {
            format!(
                "{}: the ledger names it, and no target of `layers.toml` leads there",
                entry.layer_version_arn
            )
        });
        unopened.chain(unreached).collect()
    }

    /// A version that was to be deleted and was not is a failure, as is a place where nobody knows what may go.
    fn code(&self, verdicts: &[Verdict<'_>], failures: usize) -> u8 {
        let mut tally = Tally { failed: failures, ..Tally::default() };
        for verdict in verdicts.iter().filter(|verdict| verdict.asked.spot.weight == Weight::Required) {
            tally.add(verdict.asked.silent.is_empty());
            let is_unknown = |reason: &Reason| matches!(reason, Reason::PolicyUnknown(_));
            tally.failed += usize::from(verdict.plan.keep.values().flatten().any(is_unknown));
        }
        if !self.deleted.is_empty() {
            // The deed counts, and not that it was known what to do.
            tally.done = self.deleted.values().filter(|result| result.is_ok()).count();
            tally.failed += self.deleted.len() - tally.done;
        }
        tally.exit_code()
    }

    /// What happens, or happened, to a version.
    fn action(&self, verdict: &Verdict<'_>, version: u64) -> &'static str {
        match self.deleted.get(&(verdict.place().clone(), version)) {
            Some(Ok(())) => "removed",
            Some(Err(_)) => "failed",
            None if verdict.plan.remove.contains(&version) => "remove",
            None if verdict.plan.keep.contains_key(&version) => "keep",
            None => "unknown",
        }
    }

    fn bytes(&self, verdicts: &[Verdict<'_>]) -> u64 {
        let of_place = |verdict: &Verdict<'_>| {
            let sizes = verdict.asked.sizes.iter();
            let goes = |version: u64| ["remove", "removed"].contains(&self.action(verdict, version));
            sizes.filter(|(version, _)| goes(**version)).map(|(_, size)| size).sum::<u64>()
        };
        verdicts.iter().map(of_place).sum()
    }

    fn sum_up(&self, verdicts: &[Verdict<'_>]) {
        let actions = verdicts.iter().flat_map(|verdict| {
            let versions = verdict.asked.known.versions.iter().map(|dated| dated.version);
            versions.map(|version| self.action(verdict, version))
        });
        let actions = actions.collect::<Vec<_>>();
        let count = |action: &str| actions.iter().filter(|one| **one == action).count();
        let (removed, remove) = (count("removed"), count("remove"));
        let size = megabytes(self.bytes(verdicts));
        let mut words = Vec::new();
        let is_anything_known = verdicts.iter().any(|verdict| verdict.asked.silent.is_empty());
        match (self.request.deletes, removed, remove) {
            _ if !is_anything_known => words.push("nothing deleted: it is not known what may go".to_owned()),
            (Deletes::Really, 0, _) | (Deletes::Not, _, 0) => words.push("nothing to delete".to_owned()),
            (Deletes::Really, ..) => {
                words.push(format!("{} deleted, {size} freed", counted(removed, "version")));
            }
            (Deletes::Not, ..) => {
                words.push(format!("{} would be deleted, {size}", counted(remove, "version")));
            }
        }
        if self.interrupted && remove > 0 {
            words.push(format!("{} not deleted, for Ctrl-C came", counted(remove, "version")));
        }
        for (action, word) in [("keep", "kept"), ("failed", "failed"), ("unknown", "left alone")] {
            if count(action) > 0 {
                words.push(format!("{} {word}", count(action)));
            }
        }
        self.ui.status("Finished", words.join(", "));
        if self.request.deletes == Deletes::Not && remove > 0 {
            self.ui.note(format!("delete them with `{}`", self.command()));
        }
    }

    /// The same command, with the deed.
    fn command(&self) -> String {
        let PruneRequest { layer, keep, min_age, shared, ask, layers_file, .. } = self.request;
        let mut words = format!("{} {layer} --keep {keep}", self.called.words(Command::Prune));
        if *min_age != Age::USUAL {
            words.push_str(&format!(" --min-age {min_age}"));
        }
        if *shared == SharedOnes::Include {
            words.push_str(" --include-shared");
        }
        ask.targets.iter().for_each(|target| words.push_str(&format!(" --target {target}")));
        ask.regions.iter().for_each(|region| words.push_str(&format!(" --region {region}")));
        ask.profile.iter().for_each(|profile| words.push_str(&format!(" -p {profile}")));
        if let Some(file) = layers_file {
            words.push_str(&format!(" --layers-file {}", file.display()));
        }
        words + " --execute"
    }

    fn table(&self, verdicts: &[Verdict<'_>]) {
        let mut lines = Vec::new();
        for verdict in verdicts {
            let LayerPlace { layer_name, account, region, .. } = verdict.place();
            let target = verdict.asked.spot.target.as_ref().map(|target| format!(" ({target})"));
            let title = format!("{layer_name} in {region}, account {account}{}", target.unwrap_or_default());
            if verdict.asked.known.versions.is_empty() {
                continue;
            }
            lines.extend(table::wrapped(&title, table::WIDTH));
            let mut rows =
                vec![["VERSION", "PUBLISHED", "SIZE", "ACTION", "REASONS"].map(str::to_owned).to_vec()];
            for dated in &verdict.asked.known.versions {
                let version = dated.version;
                let size = verdict.asked.sizes.get(&version).map(|size| megabytes(*size));
                let reasons = match verdict.plan.keep.get(&version) {
                    Some(reasons) => summed_up(reasons),
                    None if verdict.asked.silent.is_empty() => String::new(),
                    None => "not everybody was asked".to_owned(),
                };
                rows.push(vec![
                    version.to_string(),
                    dated.created.map(|created| created.to_string()).unwrap_or_default(),
                    size.unwrap_or_default(),
                    self.action(verdict, version).to_owned(),
                    reasons,
                ]);
            }
            lines.extend(table::lines(&rows, 2));
        }
        if !lines.is_empty() {
            self.ui.result(lines.join("\n"));
        }
    }

    fn place<'v>(&self, verdict: &'v Verdict<'_>) -> Place<'v> {
        let place = verdict.place();
        let version = |dated: &crate::layer_version::Dated| {
            let version = dated.version;
            let reasons = verdict.plan.keep.get(&version).into_iter().flatten();
            let error = self.deleted.get(&(place.clone(), version)).and_then(|result| result.as_ref().err());
            Version {
                version,
                layer_version_arn: arn(place, version).to_string(),
                created: dated.created.map(|created| created.to_string()),
                size: verdict.asked.sizes.get(&version).copied(),
                action: self.action(verdict, version),
                reasons: reasons
                    .map(|reason| ReasonRow { kind: reason.kind(), text: reason.to_string() })
                    .collect(),
                error: error.map(ToString::to_string),
            }
        };
        Place {
            layer_name: place.layer_name.as_str(),
            account: place.account.as_str(),
            region: place.region.as_str(),
            target: verdict.asked.spot.target.as_deref(),
            silent: verdict.asked.silent.iter().map(|silent| silent.said.as_str()).collect(),
            versions: verdict.asked.known.versions.iter().map(version).collect(),
        }
    }
}
