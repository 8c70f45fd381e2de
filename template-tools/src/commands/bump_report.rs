//! What a bump found and did, for machines.

use serde_json::{Value, json};

use crate::cli::Format;
use crate::commands::files::{Files, Planned};
use crate::commands::unified::unified;
use crate::ui::raw_result;
use template_tools::flow::Home;
use template_tools::plan::Weight;
use template_tools::report::{Finding, Level, Rule, github, json_of, pretty, sarif};
use template_tools::tree::write::WriteError;

const RULES: [Rule; 5] = [
    Rule {
        id: "layer-version",
        about: "a reference does not name the layer's current version",
        reason: "A function keeps the layer version that its template names, until the template names another.",
        fix: "run the bump without --check",
        level: Level::Warning,
    },
    Rule {
        id: "layer-refused",
        about: "a reference could not be changed without guessing",
        reason: "Where several versions could be meant, or the change could be wrong, nothing is changed.",
        fix: "see the ways out on standard error",
        level: Level::Error,
    },
    Rule {
        id: "layer-left-alone",
        about: "a place names the layer and stays as it is",
        reason: "It may have to be brought to the new version by hand.",
        fix: "look at the reason, and change it by hand if it should follow the layer",
        level: Level::Note,
    },
    Rule {
        id: "layer-unreadable",
        about: "a file that names the layer could not be read",
        reason: "Its references stay as they are.",
        fix: "mend the file, or leave it out",
        level: Level::Error,
    },
    Rule {
        id: "layer-unwritten",
        about: "a file that was to change could not be written",
        reason: "Its references stay as they are.",
        fix: "see to it that the file can be written, and run the bump again",
        level: Level::Error,
    },
];

fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// What a bump found, collected while it runs.
pub(crate) struct Report {
    findings: Vec<Finding>,
    changes: Vec<Value>,
    diffs: Vec<Value>,
}

impl Report {
    /// Everything but the changes.
    pub(crate) fn new(files: &Files) -> Self {
        let mut findings = Vec::new();
        for error in &files.errors {
            let (path, position) = error.place();
            findings.push(Finding { rule: &RULES[3], path, position, message: with_cause(error) });
        }
        for Planned { path, plan, .. } in &files.planned {
            let refusals = plan.refusals.iter();
            findings.extend(refusals.map(|(position, refusal)| Finding {
                rule: &RULES[1],
                path: path.clone(),
                position: Some(*position),
                message: refusal.to_string(),
            }));
            let left = plan.left_alone.iter().filter(|left| left.weight >= Weight::Note);
            findings.extend(left.map(|left| {
                let layer =
                    left.layer.as_ref().map_or_else(String::new, |layer| format!("layer `{layer}`: "));
                let message = format!("{layer}{}", left.reason);
                Finding { rule: &RULES[2], path: path.clone(), position: Some(left.position), message }
            }));
        }
        Self { findings, changes: Vec::new(), diffs: Vec::new() }
    }

    /// The files that were to change and did not.
    pub(crate) fn unwritten(&mut self, errors: &[WriteError]) {
        self.findings.extend(errors.iter().map(|error| Finding {
            rule: &RULES[4],
            path: error.path().to_owned(),
            position: None,
            message: with_cause(error),
        }));
    }

    /// The references that change, or have been changed.
    pub(crate) fn changes(&mut self, changing: &[Planned]) {
        for Planned { path, plan, .. } in changing {
            for bump in &plan.bumps {
                let place = match &bump.home {
                    Home::Entry => "reference".to_owned(),
                    Home::Row => "mapping".to_owned(),
                    Home::Default(name) => format!("default of parameter {name}"),
                    Home::Given(name) => format!("value of parameter {name}"),
                };
                let (layer, from, to) = (&bump.layer, bump.from.to_string(), bump.to.to_string());
                self.findings.push(Finding {
                    rule: &RULES[0],
                    path: path.clone(),
                    position: Some(bump.position),
                    message: format!("layer `{layer}` goes from {from} to {to}"),
                });
                self.changes.push(json!({
                    "path": path.display().to_string(),
                    "line": bump.position.line,
                    "column": bump.position.column,
                    "layer": layer.as_str(),
                    "from": from,
                    "to": to,
                    "in": place,
                }));
            }
        }
    }

    /// What becomes of each file.
    pub(crate) fn diffs(&mut self, changing: &[Planned]) {
        for file in changing {
            if let (Some(before), Some(after)) = (&file.before, &file.plan.text) {
                let diff = unified(&file.path, before, after);
                self.diffs.push(json!({"path": file.path.display().to_string(), "diff": diff}));
            }
        }
    }

    /// Writes it to standard output.
    pub(crate) fn print(self, format: Format) {
        let text = match format {
            Format::Text => return,
            Format::Json => {
                let others: Vec<Finding> =
                    self.findings.into_iter().filter(|finding| finding.rule.id != RULES[0].id).collect();
                let mut report = json!({"changes": self.changes, "findings": json_of(&others)});
                if !self.diffs.is_empty() {
                    report["diffs"] = self.diffs.into();
                }
                pretty(&report)
            }
            Format::Sarif => sarif(&self.findings, &RULES),
            Format::Github => github(&self.findings),
        };
        if !text.is_empty() {
            raw_result(&format!("{text}\n"));
        }
    }
}
