//! The two commands that are more than one binary: `release`, and `bump-templates --latest`.
//!
//! Only here does xtask look at arguments.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use anyhow::{Context, Result};
use clap::Parser;

use crate::child::{self, Prepared};
use crate::dev;

/// Build layers, publish them, and bring templates to them: one after the other, what `./deploy.sh` was
///
/// With `--roll-out`, the stacks come last. A branch is published as a layer of its own, as `build-layer -v` names it, and
/// no stack is brought to it.
#[derive(Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(name = "cargo xtask release", bin_name = "cargo xtask release")]
struct Release {
    /// The layers to release; may be left out if there is only one
    #[arg(value_name = "LAYER")]
    layers: Vec<OsString>,
    /// Take the requirements of `branch-of` from this branch, tag or commit, as a variant of the layer
    #[arg(short = 'v', long, value_name = "REF")]
    branch: Option<OsString>,
    /// Leave the companions out, as a variant of the layer
    #[arg(short, long)]
    raw: bool,
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
    /// Bring the stacks to the new versions in the end, as `roll-out` does
    #[arg(long, conflicts_with_all = ["branch", "raw"])]
    roll_out: bool,
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
    // Nothing is built that could not be published for want of a name.
    build.push("--for-release".into());
    build.extend(release.upgrade.then(|| "--upgrade".into()));
    build.extend(release.locked.then(|| "--locked".into()));
    build.extend(flag("--branch", release.branch.as_slice()));
    build.extend(release.raw.then(|| "--raw".into()));
    build.push("--".into());
    build.extend(release.layers.iter().cloned());
    let mut aws = common.clone();
    aws.extend(flag("--profile", release.profile.as_slice()));
    aws.extend(flag("--region", &release.region));
    aws.push("--".into());
    let mut bump = common;
    bump.push("--".into());
    bump.extend(release.templates);

    let mut published = release.layers.clone();
    if release.branch.is_some() || release.raw {
        // A variant is published under its own name only, and the builder knows what that is.
        let command = match child::prepare("layer-builder", "build", "build-layer")? {
            Prepared::Ready(command) => command,
            Prepared::Failed(code) => return Ok(code),
        };
        let (status, mut zips) = into_file(command, &build)?;
        if let Some(code) = ended("build-layer", status) {
            return Ok(code);
        }
        let zips = std::io::read_to_string(&mut zips).context("failed to read what was built")?;
        // A closed pipe behind us is no error of ours.
        let _ = std::io::stdout().write_all(zips.as_bytes());
        published = artifacts(&zips);
    } else if let Some(code) = step("layer-builder", "build", "build-layer", &build)? {
        return Ok(code);
    }
    let publish = [aws.clone(), published].concat();
    let roll_out = [aws, release.layers].concat();
    let steps = [
        ("layer-publisher", "publish", "publish", Some(publish)),
        ("template-tools", "bump", "bump-templates", Some(bump)),
        ("layer-publisher", "roll-out", "roll-out", Some(roll_out).filter(|_| release.roll_out)),
    ];
    for (bin, subcommand, name, arguments) in steps {
        let Some(arguments) = arguments else { continue };
        if let Some(code) = step(bin, subcommand, name, &arguments)? {
            return Ok(code);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Carries one step out. Its exit code, if the release ends with it.
fn step(bin: &str, subcommand: &str, name: &str, arguments: &[OsString]) -> Result<Option<ExitCode>> {
    match child::prepare(bin, subcommand, name)? {
        Prepared::Ready(command) => Ok(ended(name, child::run(command, arguments)?)),
        Prepared::Failed(code) => Ok(Some(code)),
    }
}

/// Says that a step did not succeed.
fn ended(name: &str, status: ExitStatus) -> Option<ExitCode> {
    if status.success() {
        return None;
    }
    dev::note(&format!("`cargo xtask {name}` did not succeed, so the release ends here; run it again"));
    Some(child::exit_code(status))
}

/// `sosw-feature` of `target/layers/sosw-feature.zip`, of each line.
fn artifacts(zips: &str) -> Vec<OsString> {
    zips.lines().filter_map(|line| Path::new(line).file_stem()).map(OsString::from).collect()
}

fn flag<'a>(name: &'a str, values: &'a [OsString]) -> impl Iterator<Item = OsString> {
    values.iter().flat_map(move |value| [name.into(), value.clone()])
}

/// Whether `bump-templates` is to ask AWS.
pub(crate) fn asks_for_latest(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--latest")
}

/// `layer-publisher latest`, and then `template-tools bump --ledger -` over what it says. With `--all-layers`,
/// `template-tools` first says which layers the templates name.
pub(crate) fn bump_latest(arguments: &[OsString]) -> Result<ExitCode> {
    let Split { mut ask, bump, all_layers, keep_going } = split(arguments);
    let name = "bump-templates --latest";
    let tools = |command| child::prepare("template-tools", command, "bump-templates");
    let mut latest = match child::prepare("layer-publisher", "latest", name)? {
        Prepared::Ready(command) => command,
        Prepared::Failed(code) => return Ok(code),
    };
    if all_layers {
        let mut list = match tools("bump")? {
            Prepared::Ready(command) => command,
            Prepared::Failed(code) => return Ok(code),
        };
        list.arg("--print-layers");
        let (status, layers) = into_file(list, &bump)?;
        if !status.success() {
            return Ok(child::exit_code(status));
        }
        latest.stdin(Stdio::from(layers));
        ask.splice(0..0, ["--references".into(), "-".into()]);
    }
    let (status, ledger) = into_file(latest, &ask)?;
    // What could not be asked about is not brought anywhere; the rest is, if that is wanted.
    let is_partial = status.code() == Some(PARTLY) && keep_going;
    if !status.success() && !is_partial {
        if status.code() == Some(PARTLY) {
            dev::note(
                "not every layer could be asked about, so nothing is bumped; `--keep-going` bumps the others",
            );
        }
        return Ok(child::exit_code(status));
    }
    match tools("bump")? {
        Prepared::Ready(mut command) => {
            command.stdin(Stdio::from(ledger)).args(["--ledger", "-"]);
            if !is_partial {
                return child::replace_by(command, &bump);
            }
            let bumped = child::run(command, &bump)?;
            Ok(child::exit_code(if bumped.code() == Some(2) { bumped } else { status }))
        }
        Prepared::Failed(code) => Ok(code),
    }
}

/// The exit code of a part that was done only in part.
const PARTLY: i32 = 3;

/// Runs a child to its end, with its standard output in a file and not in a pipe: nothing comes of it unless all of it
/// is there.
fn into_file(mut command: Command, arguments: &[OsString]) -> Result<(ExitStatus, File)> {
    let (path, mut file) = new_file().context("failed to make a temporary file")?;
    command.stdout(Stdio::from(file.try_clone().context("failed to share a temporary file")?));
    let status = child::run(command, arguments);
    let _ = std::fs::remove_file(path);
    let status = status?;
    file.flush().and_then(|()| file.rewind()).context("failed to read what was said")?;
    Ok((status, file))
}

fn new_file() -> std::io::Result<(PathBuf, File)> {
    let path = std::env::temp_dir().join(format!("xtask-latest-{}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    Ok((path, file))
}

/// The arguments of `bump-templates --latest`, by who gets them, and what both sides have to know.
#[derive(Debug, Default, PartialEq, Eq)]
struct Split {
    ask: Vec<OsString>,
    bump: Vec<OsString>,
    all_layers: bool,
    keep_going: bool,
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
            "--all-layers" => split.all_layers = true,
            "--keep-going" => {
                split.keep_going = true;
                split.bump.push(argument.clone());
            }
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
        let Split { ask: asked, bump: bumped, .. } = split(&words(typed));
        assert_eq!((asked, bumped), (words(ask), words(bump)), "{typed}");
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
    fn artifacts_are_named_by_their_zips() {
        let zips = "target/layers/sosw-feature.zip\n/a b/target/layers/sosw-1.2-x86_64.zip\n";
        assert_eq!(artifacts(zips), ["sosw-feature", "sosw-1.2-x86_64"]);
        assert_eq!(artifacts(""), [""; 0]);
    }

    #[test]
    fn what_both_sides_have_to_know_is_seen() {
        let split = split(&["--latest".into(), "--all-layers".into(), "a".into(), "--keep-going".into()]);
        assert!(split.all_layers && split.keep_going);
        assert_eq!((split.ask.len(), split.bump), (0, vec!["a".into(), "--keep-going".into()]));
    }

    #[test]
    fn only_what_stands_before_the_end_of_options_asks_for_latest() {
        assert!(asks_for_latest(&["a".into(), "--latest".into()]));
        assert!(!asks_for_latest(&["a".into(), "--".into(), "--latest".into()]));
    }
}
