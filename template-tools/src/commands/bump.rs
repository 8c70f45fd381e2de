//! `bump`: brings templates to the pinned versions, or shows what that would do.
//!
//! Everything is planned and proved before the first file is written, so that a refusal anywhere can stop the run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use crate::called::{CalledAs, Command};
use crate::cli::{BumpArgs, Format};
use crate::commands::bump_report::Report;
use crate::commands::files::{FileError, Files, Include, Lexical, Planned, Search, SearchError, Why};
use crate::commands::interrupt::{self, Signal};
use crate::commands::outcome::Outcome;
use crate::commands::say::{say_bumps, say_defaults, say_left_alone, say_pins, say_unused};
use crate::commands::source::{self, Source, SourceError};
use crate::commands::unified::unified;
use crate::ui::{Ui, counted, raw_result};
use template_tools::arn::LayerName;
use template_tools::convert::Form;
use template_tools::document::Position;
use template_tools::pattern::VersionPart;
use template_tools::plan::{AccountTaken, Downgrades, Goal, Refusal, Unfit, Wanted};
use template_tools::tree::at_once::at_once;
use template_tools::tree::write::{Change, Staged, WriteError, stage, sweep};

#[derive(Debug, thiserror::Error)]
enum BumpError {
    #[error(transparent)]
    Search(#[from] SearchError),
    #[error("no version is known{0}")]
    Nowhere(String),
    #[error("refused to change `{}:{position}`", path.display())]
    Refused { path: PathBuf, position: Position, source: Box<Refusal> },
    #[error("refused to change layer `{layer}` in several accounts:\n{}", shown_accounts(.taken))]
    Accounts { layer: LayerName, taken: Vec<(PathBuf, AccountTaken)> },
}

fn shown_accounts(taken: &[(PathBuf, AccountTaken)]) -> String {
    let line = |(path, taken): &(PathBuf, AccountTaken)| {
        format!("       {} in {}:{}", taken.account, path.display(), taken.position)
    };
    taken.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Runs the command.
pub(crate) fn run(args: &BumpArgs, called: &CalledAs, ui: Ui) -> ExitCode {
    let started = Instant::now();
    let source = match source::pins(args) {
        Ok(source) => source,
        Err(error) => {
            ui.error(&error);
            let is_piped = args.ledger.as_deref() == Some(Path::new("-"));
            if is_piped && matches!(error, SourceError::Ledger { .. } | SourceError::Empty { .. }) {
                ui.hint("what came in is no ledger: see what the command before the pipe says");
            } else if let Some(hint) = error.hint(called) {
                ui.hint(hint);
            }
            return Outcome::Failed.into();
        }
    };
    let source = match narrowed(source, args) {
        Ok(source) => source,
        Err(error) => {
            ui.error(&error);
            ui.hint(
                "`--account` and `--region` keep what is pinned for them: name others, or leave them out",
            );
            return Outcome::Failed.into();
        }
    };
    say_pins(&source, ui);
    match bump(args, &source, called, ui, started) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            ui.error(&error);
            Outcome::Failed.into()
        }
    }
}

/// Only what is pinned for the account and region that were named, if any were.
fn narrowed(source: Source, args: &BumpArgs) -> Result<Source, BumpError> {
    let pins = source.pins.within(args.account.as_ref(), args.region.as_ref());
    if pins.is_empty() {
        let account = args.account.as_ref().map(|account| format!(" in account {account}"));
        let region = args.region.as_ref().map(|region| format!(" in region {region}"));
        return Err(BumpError::Nowhere(format!(
            "{}{}",
            account.unwrap_or_default(),
            region.unwrap_or_default()
        )));
    }
    Ok(Source { pins, ..source })
}

fn bump(
    args: &BumpArgs,
    source: &Source,
    called: &CalledAs,
    ui: Ui,
    started: Instant,
) -> Result<Outcome, BumpError> {
    let search = Search {
        paths: &args.paths,
        ledger: args.ledger.as_ref().and_then(|ledger| ledger.canonicalize().ok()),
        include: Include::new(&args.include)?,
        wanted: wanted(args, source),
        form: match &args.to_ssm {
            Some(name) => Some(Form::Ssm(name.clone())),
            None => args.to_mapping.then_some(Form::Mapping),
        },
        content: source.entries.clone().filter(|_| args.update_content),
        lexical: if args.lexical { Lexical::Yes } else { Lexical::No },
        why: if args.why { Why::Everything } else { Why::Important },
    };
    let mut files = search.run()?;
    ui.detail(
        "Searched",
        format!("{}, of which {} name a layer", counted(files.read, "file"), files.planned.len()),
    );
    say_left_alone(&files, args.why, ui);
    say_unused(source, &files, ui);
    let mut outcome = Outcome::Done;
    for error in &files.errors {
        ui.error(error);
        outcome = Outcome::Partly;
    }
    if files.errors.iter().any(|error| matches!(error, FileError::Expressions { .. })) {
        let bump = called.words(Command::Bump);
        ui.hint(format!("`{bump} --lexical` changes plain ARNs in files with expressions, outside of these"));
    }
    let mut report = (args.format != Format::Text).then(|| Report::new(&files));
    let refused = say_refusals(&files, args, called, ui);
    if !refused.is_empty() {
        if !args.keep_going {
            ui.failed("Refused", format!("{}, so nothing was written", counted(refused.len(), "file")));
            if let Some(report) = report {
                report.print(args.format);
            }
            return Ok(outcome.max(Outcome::Failed));
        }
        outcome = Outcome::Partly;
        files.planned.retain(|file| !refused.contains(&file.path));
    }
    let current =
        files.planned.iter().filter(|file| file.plan.text.is_none() && file.plan.current > 0).count();
    let changing: Vec<Planned> = files.planned.into_iter().filter(|file| file.plan.text.is_some()).collect();
    say_defaults(&changing, ui);
    let verb = if args.check || args.diff { "would change" } else { "changed" };
    let (changed, done) = if args.check || args.diff {
        if let Some(report) = &mut report {
            report.changes(&changing);
            if args.diff {
                report.diffs(&changing);
            }
        }
        (show(&changing, args, ui), Outcome::Done)
    } else {
        let written = write(changing, args.format, ui);
        if let Some(report) = &mut report {
            report.changes(&written.changed);
            report.unwritten(&written.failed);
        }
        (written.changed.len(), written.outcome())
    };
    if let Some(report) = report {
        report.print(args.format);
    }
    let seconds = started.elapsed().as_secs_f64();
    let changed_files = counted(changed, "file");
    ui.status("Finished", format!("{changed_files} {verb}, {current} up to date, in {seconds:.2} s"));
    let found_something = if args.check && changed > 0 { Outcome::Failed } else { Outcome::Done };
    Ok(outcome.max(done).max(found_something))
}

fn wanted<'s>(args: &BumpArgs, source: &'s Source) -> Wanted<'s> {
    Wanted {
        downgrades: if args.allow_downgrade { Downgrades::Allowed } else { Downgrades::Refused },
        unfit: if args.allow_unfit { Unfit::Allowed } else { Unfit::Refused },
        goal: if args.to_placeholder { Goal::Placeholder } else { Goal::Versions },
        placeholders: args.placeholder.clone().unwrap_or_default(),
        ..Wanted::new(&source.pins)
    }
}

/// What would change, for `--check` and `--diff`. Gives the number of files.
fn show(changing: &[Planned], args: &BumpArgs, ui: Ui) -> usize {
    for file in changing {
        say_bumps("Would bump", file, ui);
        if args.format != Format::Text {
            continue;
        }
        if !args.diff {
            ui.result(file.path.display());
        } else if let (Some(before), Some(after)) = (&file.before, &file.plan.text) {
            raw_result(&unified(&file.path, before, after));
        }
    }
    changing.len()
}

/// What came of the files that were to change.
#[derive(Default)]
struct Written {
    /// Those that have their new text, in the order of their paths.
    changed: Vec<Planned>,
    /// Why others do not.
    failed: Vec<WriteError>,
    /// The signal that came before the first was written.
    stopped: Option<Signal>,
}

impl Written {
    fn outcome(&self) -> Outcome {
        match self.stopped {
            Some(signal) => Outcome::Interrupted(signal),
            None if self.failed.is_empty() => Outcome::Done,
            None => Outcome::Partly,
        }
    }
}

/// Stages every file, and puts all that could be staged in their places. Until the first is in its place, Ctrl-C takes
/// all of it back; from there on it is a matter of renames, and those are finished.
fn write(changing: Vec<Planned>, format: Format, ui: Ui) -> Written {
    interrupt::listen();
    let paths: Vec<PathBuf> = changing.iter().map(|file| file.path.clone()).collect();
    let mut written = Written::default();
    let mut staged = Vec::with_capacity(changing.len());
    std::thread::scope(|scope| {
        // What goes makes room for what comes, and folders are read while the disk is busy with new files.
        scope.spawn(|| sweep(&paths));
        at_once(changing, stage_file, |(file, result)| match result {
            Some(Ok(change)) => staged.push((file, change)),
            Some(Err(error)) => {
                ui.error(&error);
                written.failed.push(error);
            }
            None => {}
        });
    });
    if let Some(signal) = interrupt::came() {
        ui.failed("Stopped", "nothing was written");
        written.stopped = Some(signal);
        return written;
    }
    let commit = |(file, change): (Planned, Staged)| (file, change.commit());
    // In the order of the paths, and each is told as soon as it is in its place, or very few others are.
    at_once(staged, commit, |(file, result)| match result {
        Ok(path) => {
            say_bumps("Bumped", &file, ui);
            if format == Format::Text {
                ui.result(path.display());
            }
            written.changed.push(file);
        }
        Err(error) => {
            ui.error(&error);
            written.failed.push(error);
        }
    });
    written
}

/// Puts a file's new text beside it; nothing, once somebody wants to stop.
fn stage_file(mut file: Planned) -> (Planned, Option<Result<Staged, WriteError>>) {
    let texts = file.before.take().zip(file.plan.text.take()).filter(|_| interrupt::came().is_none());
    let staged = texts.map(|(before, after)| {
        stage(Change { path: file.path.clone(), before: before.into_bytes(), after: after.into_bytes() })
    });
    (file, staged)
}

/// Tells every refusal, with its ways out, and gives the files that they are about.
fn say_refusals(files: &Files, args: &BumpArgs, called: &CalledAs, ui: Ui) -> BTreeSet<PathBuf> {
    let mut refused = BTreeSet::new();
    let mut hints = BTreeSet::new();
    let bump = called.words(Command::Bump);
    for Planned { path, plan, .. } in &files.planned {
        for (position, refusal) in &plan.refusals {
            refused.insert(path.clone());
            hints.insert(hint(refusal, bump));
            ui.error(&BumpError::Refused {
                path: path.clone(),
                position: *position,
                source: Box::new(refusal.clone()),
            });
        }
    }
    for (layer, taken) in several_accounts(files) {
        refused.extend(taken.iter().map(|(path, _)| path.clone()));
        let how = match &args.to_ssm {
            Some(name) => format!("--to-ssm {name}"),
            None if args.to_placeholder => "--to-placeholder".to_owned(),
            None => "--version N".to_owned(),
        };
        hints.insert(format!("say whose layer is meant: `{bump} --layer {layer} {how} --account ID`"));
        ui.error(&BumpError::Accounts { layer, taken });
    }
    for text in hints {
        ui.hint(text);
    }
    refused
}

fn hint(refusal: &Refusal, bump: &str) -> String {
    match refusal {
        Refusal::Ambiguous { layer, .. } => format!(
            "name the version that these templates are for, `{bump} --pin ARN` for one account and region or \
             `{bump} --layer {layer} --version N` for all of them; or write region and account into the template"
        ),
        Refusal::Downgrade { .. } => "add `--allow-downgrade` if the older version is meant".to_owned(),
        Refusal::Shared { .. } => {
            "give each reference a number of its own in the template, or pin one version for all of them".to_owned()
        }
        Refusal::NotAllowed { to: VersionPart::Text(_), .. } => {
            "let the parameter take the new value: widen the limit in the template".to_owned()
        }
        Refusal::NotAllowed { .. } => "let the parameter take the new version: widen the limit in the template".to_owned(),
        Refusal::SharedContent { .. } => "give each layer a parameter or an anchor of its own in the template".to_owned(),
        Refusal::ContentUsedElsewhere { .. } => {
            "give the layer a parameter or an anchor of its own in the template, which nothing else uses".to_owned()
        }
        Refusal::UsedElsewhere { .. } => {
            "give the layer's version a number of its own in the template: a parameter, a row or an anchor that nothing else \
             uses"
                .to_owned()
        }
        Refusal::Unfit { .. } => "Lambda itself does not hold a function to what a layer is made for: add `--allow-unfit` if it is \
             meant"
            .to_owned(),
        Refusal::PublishedByApi { .. } => {
            "one layer must not have two publishers: take the resource out of the template and name the version, or stage \
             the content and let the stack publish it"
                .to_owned()
        }
        Refusal::ObjectVersion { .. } => {
            "take the object's version out of the template, as the bucket keeps none; or stage the layer into a bucket that does"
                .to_owned()
        }
        Refusal::Contents { .. } => "write the bucket of the region into the template, or `${AWS::Region}` in its place".to_owned(),
        Refusal::Regions { .. } => {
            "`--region R` converts the references of one region and leaves the others as they are".to_owned()
        }
        Refusal::Proof(_) => "this is a fault in these tools: please report it, with the file".to_owned(),
    }
}

/// Where a pin for any account would change literal accounts, and more than one of them: some are somebody else's.
fn several_accounts(files: &Files) -> BTreeMap<LayerName, Vec<(PathBuf, AccountTaken)>> {
    let mut by_layer: BTreeMap<LayerName, Vec<(PathBuf, AccountTaken)>> = BTreeMap::new();
    for Planned { path, plan, .. } in &files.planned {
        for taken in &plan.accounts {
            by_layer.entry(taken.layer.clone()).or_default().push((path.clone(), taken.clone()));
        }
    }
    by_layer.retain(|_, taken| taken.iter().any(|(_, other)| other.account != taken[0].1.account));
    by_layer
}
