//! `new`: writes starters.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::called::{CalledAs, Command};
use crate::cli::{NewArgs, StarterKind};
use crate::commands::interrupt;
use crate::commands::layer::{self, Found, Known};
use crate::commands::outcome::Outcome;
use crate::ui::Ui;
use template_tools::starter::{Kind, Words, stack_name, starter};
use template_tools::tree::create::{Became, CreateError, Existing, NewFile, create};

/// Runs the command.
pub(crate) fn run(args: &NewArgs, called: &CalledAs, ui: Ui) -> ExitCode {
    let layers_file = args.common.layers_file.as_deref();
    let found = match layer::find(args.layer.as_deref(), layers_file, &args.dir) {
        Ok(found) => found,
        Err(error) => {
            ui.error(&error);
            if let Some(hint) = error.hint(called) {
                ui.hint(hint);
            }
            return Outcome::Failed.into();
        }
    };
    let kind = kind(args.kind);
    let words = Words {
        build: called.words(Command::Build),
        stage: called.words(Command::Stage),
        bump: called.words(Command::Bump),
    };
    let files = starter(kind, &found.layer, &found.ledger, words);
    let file = |file: template_tools::starter::StarterFile| NewFile {
        path: path(args, &file.name),
        text: file.text,
    };
    let existing = if args.force { Existing::Replace } else { Existing::Refuse };
    interrupt::listen();
    match create(files.into_iter().map(file).collect(), existing, || interrupt::came().is_some()) {
        Ok(written) => {
            for (path, became) in written {
                let verb = match became {
                    Became::Created => "Created",
                    Became::Replaced => "Replaced",
                    Became::Unchanged => "Unchanged",
                };
                ui.status(verb, path.display());
                ui.result(path.display());
            }
            say_next(kind, &found, words, called, ui);
            Outcome::Done.into()
        }
        Err(CreateError::Stopped) => {
            ui.failed("Stopped", "nothing was written");
            interrupt::came().map_or(Outcome::Failed, Outcome::Interrupted).into()
        }
        Err(error) => {
            ui.error(&error);
            if let Some(hint) = error.hint() {
                ui.hint(hint);
            }
            Outcome::Failed.into()
        }
    }
}

fn kind(kind: StarterKind) -> Kind {
    match kind {
        StarterKind::Cloudformation => Kind::CloudFormation,
        StarterKind::Sam => Kind::Sam,
        StarterKind::Function => Kind::Function,
    }
}

fn typed(kind: Kind) -> &'static str {
    match kind {
        Kind::CloudFormation => "cloudformation",
        Kind::Sam => "sam",
        Kind::Function => "function",
    }
}

/// `a.yaml` here, `deploy/a.yaml` elsewhere.
fn path(args: &NewArgs, name: &str) -> PathBuf {
    if args.dir.as_os_str() == "." { PathBuf::from(name) } else { args.dir.join(name) }
}

fn say_next(kind: Kind, found: &Found, words: Words, called: &CalledAs, ui: Ui) {
    let Words { build, stage, bump } = words;
    let Found { layer, known, ledger } = found;
    let name = &layer.name;
    if *known == Known::AskedFor {
        let new = format!("{} {}", called.words(Command::New), typed(kind));
        ui.note(format!(
            "`{name}` is not built here, so runtimes and architectures are those of `layers.toml`; after \
             `{build} {name}`, `{new} --layer {name} --force` writes those that the packages serve"
        ));
    }
    let is_published = ledger.entries().any(|entry| entry.layer_version_arn.layer == layer.layer_name);
    ui.note(match kind {
        Kind::CloudFormation => {
            format!("`{stage} {name}` uploads the zip, and prints the line that creates the stack")
        }
        Kind::Sam => format!(
            "`sam build && sam deploy` makes the stack `{}`, after `{build} {name}`",
            stack_name(&layer.layer_name)
        ),
        Kind::Function if is_published => format!("`{bump}` keeps the version up to date"),
        Kind::Function => format!("`{bump}` puts the version in place, when the layer is published"),
    });
}
