//! `lint`: looks for the traps around layers.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use crate::called::CalledAs;
use crate::cli::{Format, LintArgs};
use crate::commands::files::{FileError, build_output, check_paths, readable, utf8};
use crate::commands::outcome::Outcome;
use crate::commands::source;
use crate::ui::{Ui, counted, harmless, raw_result, shown_path};
use template_tools::document::ParseError;
use template_tools::lexical::has_expressions;
use template_tools::lint::{ALL, Linted, lint};
use template_tools::report::{Finding, Level, github, json_of, pretty, sarif};
use template_tools::samconfig;
use template_tools::tree::needles::Needles;
use template_tools::tree::scan::scan;

/// What a template that breaks a rule has in it.
const NEEDLES: [&str; 3] = ["Layer", "layer:", "Lambda"];

/// Runs the command.
pub(crate) fn run(args: &LintArgs, called: &CalledAs, ui: Ui) -> ExitCode {
    if args.rules {
        return explain(ui);
    }
    let started = Instant::now();
    let pins = match source::pins_if_any(args.ledger.as_deref(), args.common.layers_file.as_deref()) {
        Ok(pins) => pins,
        Err(error) => {
            ui.error(&error);
            if let Some(hint) = error.hint(called) {
                ui.hint(hint);
            }
            return Outcome::Failed.into();
        }
    };
    let needles = match check_paths(&args.paths).and_then(|()| Ok(Needles::new(NEEDLES)?)) {
        Ok(needles) => needles,
        Err(error) => {
            ui.error(&error);
            return Outcome::Failed.into();
        }
    };
    let scanned = scan(&args.paths, &needles, |path, bytes| match utf8(bytes) {
        _ if build_output(path).is_some() || is_samconfig(path) => Ok(Linted::default()),
        Ok(text) => {
            let linted = readable(path, text).and_then(|()| lint(text, &pins));
            linted.or_else(|error| unreadable(path, text, error))
        }
        Err(source) => Err(FileError::Encoding { path: path.to_owned(), source }),
    });
    let mut outcome = Outcome::Done;
    for error in scanned.errors {
        ui.error(&FileError::from(error));
        outcome = Outcome::Partly;
    }
    let mut findings = Vec::new();
    let (mut ignored, mut templates) = (0, 0);
    for (path, result) in scanned.files {
        match result {
            Ok(linted) => {
                ignored += linted.ignored;
                templates += usize::from(linted.is_template);
                findings.extend(linted.found.into_iter().map(|found| Finding {
                    rule: found.rule,
                    path: path.clone(),
                    position: Some(found.position),
                    message: found.message,
                }));
            }
            Err(error) => {
                // Whoever cannot read it has found it.
                templates += 1;
                ui.error(&error);
                outcome = Outcome::Partly;
            }
        }
    }
    print(&findings, args.format);
    let files: std::collections::BTreeSet<&PathBuf> = findings.iter().map(|finding| &finding.path).collect();
    let taken_back = if ignored > 0 { format!(", {ignored} ignored") } else { String::new() };
    let found = counted(findings.len(), "finding");
    let seconds = started.elapsed().as_secs_f64();
    let files = counted(files.len(), "file");
    if templates == 0 {
        ui.warning(format!("no template with a layer or a function was found in {}", shown(&args.paths)));
    }
    let read = counted(templates, "template");
    ui.status("Finished", format!("{found} in {files}{taken_back}, of {read}, in {seconds:.2} s"));
    if findings.iter().any(|finding| finding.rule.level > Level::Note) {
        outcome = outcome.max(Outcome::Failed);
    }
    outcome.into()
}

/// `` `a`, `b` ``
fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", ")
}

/// It has parameters, and none of the traps.
fn is_samconfig(path: &Path) -> bool {
    path.file_name() == Some(OsStr::new(samconfig::FILE_NAME))
}

/// A file that is YAML only after somebody has filled it in is nobody's template yet, unless a layer stands in it.
fn unreadable(path: &Path, text: &str, source: ParseError) -> Result<Linted, FileError> {
    if has_expressions(text) && !text.contains("layer:") {
        return Ok(Linted::default());
    }
    if has_expressions(text) {
        return Err(FileError::expressions(path, source));
    }
    Err(FileError::Parse { path: path.to_owned(), source })
}

fn print(findings: &[Finding], format: Format) {
    let text = match format {
        Format::Text => {
            let line = |finding: &Finding| {
                let place = finding.position.map_or_else(String::new, |position| format!(":{position}"));
                let (path, rule) = (shown_path(&finding.path), finding.rule);
                format!(
                    "{path}{place}: {}[{}] {}\n    fix: {}",
                    rule.level.name(),
                    rule.id,
                    harmless(&finding.message),
                    rule.fix
                )
            };
            findings.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        Format::Json => pretty(&json_of(findings)),
        Format::Sarif => sarif(findings, ALL),
        Format::Github => github(findings),
    };
    if !text.is_empty() {
        raw_result(&format!("{text}\n"));
    }
}

fn explain(ui: Ui) -> ExitCode {
    for rule in ALL {
        ui.result(format!(
            "{} ({})\n    {}\n    why: {}\n    fix: {}",
            rule.id,
            rule.level.name(),
            rule.about,
            rule.reason,
            rule.fix
        ));
    }
    ExitCode::SUCCESS
}
