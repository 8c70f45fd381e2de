//! The two commands that are more than one binary: `release`, and `bump-templates --latest`.
//!
//! Only here does xtask look at arguments.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result};
use clap::Parser;

use crate::child::{self, Prepared};
use crate::dev;

/// Build layers, publish them, and bring templates to them: one after the other, what `./deploy.sh` was.
#[derive(Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(name = "cargo xtask release", bin_name = "cargo xtask release")]
struct Release {
    /// The layers to release; may be left out if there is only one
    #[arg(value_name = "LAYER")]
    layers: Vec<OsString>,
    /// Lock the newest versions first
    #[arg(long, conflicts_with = "locked")]
    upgrade: bool,
    /// Fail if the lock does not fit `layers.toml`, instead of making it anew
    #[arg(long)]
    locked: bool,
    /// The profile of the AWS configuration files to use
    #[arg(short, long, value_name = "NAME")]
    profile: Option<OsString>,
    /// A region, instead of those in `layers.toml`; may be given several times
    #[arg(long, value_name = "REGION")]
    region: Vec<OsString>,
    /// Where the templates lie; may be given several times
    #[arg(long, value_name = "PATH", default_value = ".")]
    templates: Vec<OsString>,
    /// The `layers.toml` to use; else the nearest one from here upwards
    #[arg(long, value_name = "FILE")]
    layers_file: Option<OsString>,
    /// Say nothing but warnings and errors
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more
    #[arg(long)]
    verbose: bool,
}

pub(crate) fn release(arguments: &[OsString]) -> Result<ExitCode> {
    let release: Release = dev::parse(arguments);
    let mut common: Vec<OsString> = Vec::new();
    common.extend(flag("--layers-file", release.layers_file.as_slice()));
    common.extend(release.quiet.then(|| "--quiet".into()));
    common.extend(release.verbose.then(|| "--verbose".into()));
    let mut build = common.clone();
    build.extend(release.upgrade.then(|| "--upgrade".into()));
    build.extend(release.locked.then(|| "--locked".into()));
    let mut publish = common.clone();
    publish.extend(flag("--profile", release.profile.as_slice()));
    publish.extend(flag("--region", &release.region));
    for arguments in [&mut build, &mut publish] {
        arguments.push("--".into());
        arguments.extend(release.layers.iter().cloned());
    }
    let mut bump = common;
    bump.push("--".into());
    bump.extend(release.templates);
    let steps = [
        ("layer-builder", "build", "build-layer", build),
        ("layer-publisher", "publish", "publish", publish),
        ("template-tools", "bump", "bump-templates", bump),
    ];
    for (bin, subcommand, name, arguments) in steps {
        let command = match child::prepare(bin, subcommand, name)? {
            Prepared::Ready(command) => command,
            Prepared::Failed(code) => return Ok(code),
        };
        let status = child::run(command, &arguments)?;
        if !status.success() {
            dev::note(&format!(
                "`cargo xtask {name}` did not succeed, so the release ends here; run it again"
            ));
            return Ok(child::exit_code(status));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn flag<'a>(name: &'a str, values: &'a [OsString]) -> impl Iterator<Item = OsString> {
    values.iter().flat_map(move |value| [name.into(), value.clone()])
}

/// Whether `bump-templates` is to ask AWS.
pub(crate) fn asks_for_latest(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--latest")
}

/// `layer-publisher latest`, and then `template-tools bump --ledger -` over what it says.
pub(crate) fn bump_latest(arguments: &[OsString]) -> Result<ExitCode> {
    let Split { ask, bump } = split(arguments);
    let name = "bump-templates --latest";
    let mut latest = match child::prepare("layer-publisher", "latest", name)? {
        Prepared::Ready(command) => command,
        Prepared::Failed(code) => return Ok(code),
    };
    // A file and no pipe: nothing is bumped unless the whole answer is there.
    let (path, mut ledger) = new_file().context("failed to make a temporary file")?;
    latest.stdout(Stdio::from(ledger.try_clone().context("failed to share a temporary file")?));
    let status = child::run(latest, &ask);
    let _ = std::fs::remove_file(path);
    let status = status?;
    if !status.success() {
        return Ok(child::exit_code(status));
    }
    ledger.flush().and_then(|()| ledger.rewind()).context("failed to read what `layer-publisher` says")?;
    match child::prepare("template-tools", "bump", "bump-templates")? {
        Prepared::Ready(mut command) => {
            command.stdin(Stdio::from(ledger)).args(["--ledger", "-"]);
            child::replace_by(command, &bump)
        }
        Prepared::Failed(code) => Ok(code),
    }
}

fn new_file() -> std::io::Result<(PathBuf, File)> {
    let path = std::env::temp_dir().join(format!("xtask-latest-{}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    Ok((path, file))
}

/// The arguments of `bump-templates --latest`, by who gets them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Split {
    ask: Vec<OsString>,
    bump: Vec<OsString>,
}

/// Profile, regions and layers are for asking, the rest is for bumping; what is common goes to both.
fn split(arguments: &[OsString]) -> Split {
    let mut split = Split::default();
    let mut layers = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let text = argument.to_string_lossy();
        let (name, value) = match text.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(OsString::from(value))),
            _ => (text.clone().into_owned(), None),
        };
        match name.as_str() {
            "--" => {
                split.bump.push(argument.clone());
                split.bump.extend(rest.by_ref().cloned());
            }
            "--latest" => {}
            "--layer" => layers.extend(value.or_else(|| rest.next().cloned())),
            "-p" | "--profile" | "--region" => {
                split.ask.push(name.into());
                split.ask.extend(value.or_else(|| rest.next().cloned()));
            }
            "--layers-file" | "--color" => {
                let value = value.or_else(|| rest.next().cloned());
                for side in [&mut split.ask, &mut split.bump] {
                    side.push(name.clone().into());
                    side.extend(value.clone());
                }
            }
            "-q" | "--quiet" | "--verbose" => {
                split.ask.push(argument.clone());
                split.bump.push(argument.clone());
            }
            _ if text.starts_with("-p") && !text.starts_with("--") => split.ask.push(argument.clone()),
            _ => split.bump.push(argument.clone()),
        }
    }
    if !layers.is_empty() {
        split.ask.push("--".into());
        split.ask.extend(layers);
    }
    split
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str, ask: &str, bump: &str) {
        let words = |text: &str| text.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(split(&words(typed)), Split { ask: words(ask), bump: words(bump) }, "{typed}");
    }

    #[test]
    fn each_side_gets_its_arguments() {
        check("--latest", "", "");
        check("templates --latest --check", "", "templates --check");
        check("--latest -p prod --region eu-west-1 a b", "-p prod --region eu-west-1", "a b");
        check("--latest --profile=prod -pother --diff", "--profile prod -pother", "--diff");
        check("--latest --layer sosw --layer=other x", "-- sosw other", "x");
        check("-q --latest --layers-file l.toml", "-q --layers-file l.toml", "-q --layers-file l.toml");
        check("--latest -- --region", "", "-- --region");
    }

    #[test]
    fn only_what_stands_before_the_end_of_options_asks_for_latest() {
        assert!(asks_for_latest(&["a".into(), "--latest".into()]));
        assert!(!asks_for_latest(&["a".into(), "--".into(), "--latest".into()]));
    }
}
