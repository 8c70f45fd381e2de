//! `bench templates`: what `bump` takes in large trees, against ripgrep that only lists the files to look at, and against a
//! plain script; what it has in memory; how that grows; and one large file.

mod rivals;
mod tree;

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use super::verdicts::Verdicts;
use super::{Contender, in_turns, memory, table, times};
use crate::command::{binary, clean};
use tree::{ONE_IN, VERSION};

/// It may take so many times what ripgrep takes, whether there is something to do or not.
const OF_RIPGREP: f64 = 1.5;
/// It has to be so many times as fast as the script.
const THAN_THE_SCRIPT: f64 = 3.0;
/// How many templates there are, all of which ripgrep and we read.
const TREES: [usize; 2] = [10_000, 50_000];
/// Five times as many may take so many times as long: linear, and a little for the noise.
const GROWTH: f64 = 5.5;
/// In bytes: a JSON template larger than any that CloudFormation takes.
const LARGE_JSON: usize = 20_000_000;
/// In MB a second: how fast it is to be gone through.
const JSON_SPEED: f64 = 50.0;
/// In MB: what may be in memory besides [`FILES_IN_MEMORY`] times the largest file.
const MEMORY: f64 = 50.0;
const FILES_IN_MEMORY: f64 = 4.0;

/// How often each is run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What takes less than a second.
    pub runs: usize,
    /// The script, and the larger tree.
    pub slow_runs: usize,
}

/// Prints the tables. A failure, if something was not reached.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "figures are what a bench is for")]
pub fn run(plan: Plan) -> ExitCode {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("`template-tools bump`, dev profile, {processors} processors\n");
    let mut verdicts = Verdicts::default();
    match measure(plan, &mut verdicts, |text| println!("{text}")) {
        Ok(()) => println!("{}", verdicts.table()),
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    }
    if verdicts.all_held() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn measure(plan: Plan, verdicts: &mut Verdicts, show: impl Fn(String)) -> Result<()> {
    let mut idle = Vec::new();
    for (count, runs) in TREES.into_iter().zip([plan.runs, plan.slow_runs]) {
        let (text, seconds) = one_tree(count, Plan { runs, ..plan }, verdicts)?;
        show(text);
        idle.push(seconds);
    }
    let what = format!("growth: {} templates, of the time of {}", TREES[1], TREES[0]);
    verdicts.at_most(&what, idle[1] / idle[0], GROWTH, "times");
    show(one_file(plan, verdicts)?);
    Ok(())
}

/// The table of one tree, and what `bump` takes there if there is nothing to do, in seconds.
fn one_tree(count: usize, plan: Plan, verdicts: &mut Verdicts) -> Result<(String, f64)> {
    let (ripgrep, python) = (rivals::ripgrep()?, rivals::python()?);
    let folder = tempfile::tempdir().context("failed to make a temporary folder")?;
    let tree = folder.path();
    let (bytes, largest) = tree::generate(tree, count)?;
    let references = count / ONE_IN;

    let list = || expect(clean(&ripgrep).args(["-l", ":layer:"]).current_dir(tree), 0, references);
    let check = |version, code, lines| expect(bump(tree, version).arg("--check"), code, lines);
    let mut quick = [
        Contender::new("rg -l ':layer:'", list),
        Contender::new("bump --check, nothing to do", || check(VERSION, 0, 0)),
        Contender::new("bump --check, one in 50 would change", || check(VERSION + 1, 1, references)),
    ];
    in_turns(&mut quick, plan.runs);
    // Up and down again: each run has as much to write.
    let (mut ours, mut theirs) = (Turns::default(), Turns::default());
    let mut slow = [
        Contender::new("bump, one in 50 is written", || {
            expect(bump(tree, ours.next()).arg("--allow-downgrade"), 0, references);
        }),
        Contender::new("a Python script, the same", || {
            expect(&mut rivals::script(&python, tree, theirs.next()), 0, references);
        }),
    ];
    for contender in &mut slow {
        // Each by itself, because the one must not do the work of the other.
        in_turns(std::slice::from_mut(contender), plan.slow_runs);
        expect_at(tree, &ripgrep, references)?;
    }
    let seconds = |contender: &Contender<'_>| contender.median().as_secs_f64();
    let of_ripgrep = |contender: &Contender<'_>| seconds(contender) / seconds(&quick[0]);
    let of = |what: &str| format!("{count} templates: {what}");
    verdicts.at_most(&of("nothing to do, of ripgrep's time"), of_ripgrep(&quick[1]), OF_RIPGREP, "times");
    verdicts.at_most(&of("with changes, of ripgrep's time"), of_ripgrep(&quick[2]), OF_RIPGREP, "times");
    let than_script = seconds(&slow[1]) / seconds(&slow[0]);
    verdicts.at_least(&of("as fast as the script"), than_script, THAN_THE_SCRIPT, "times");
    let title = format!(
        "{count} templates, {:.1} MB, {references} of them with references; {} in turns, {} of what writes",
        bytes as f64 / 1e6,
        times(plan.runs),
        plan.slow_runs
    );
    let mut text = table(&title, &quick.iter().chain(&slow).collect::<Vec<_>>());
    let fastest = |at: usize| quick[at].fastest().as_secs_f64() / quick[0].fastest().as_secs_f64();
    text += &format!("by the fastest runs: {:.2} and {:.2} times ripgrep\n", fastest(1), fastest(2));
    if let Some(peak) = memory::peak(bump(tree, VERSION + 2).arg("--check"), 1)? {
        let bound = MEMORY + FILES_IN_MEMORY * largest as f64 / 1e6;
        verdicts.at_most(&of("memory"), peak as f64 / 1e6, bound, "MB");
    }
    let idle = seconds(&quick[1]);
    Ok((text, idle))
}

/// One JSON template of 20 MB, in which every function changes.
fn one_file(plan: Plan, verdicts: &mut Verdicts) -> Result<String> {
    let folder = tempfile::tempdir().context("failed to make a temporary folder")?;
    let (size, functions) = tree::large_json(&folder.path().join("template.json"), LARGE_JSON)?;
    let megabytes = size as f64 / 1e6;
    let check = |version, code, lines| expect(bump(folder.path(), version).arg("--check"), code, lines);
    let mut all = [
        Contender::new("bump --check, nothing to do", || check(VERSION, 0, 0)),
        Contender::new("bump --check, every function would change", || check(VERSION + 1, 1, 1)),
    ];
    in_turns(&mut all, plan.runs);
    let speed = |at: usize| megabytes / all[at].median().as_secs_f64();
    verdicts.at_least("JSON of 20 MB, nothing to do", speed(0), JSON_SPEED, "MB/s");
    verdicts.at_least("JSON of 20 MB, with changes", speed(1), JSON_SPEED, "MB/s");
    if let Some(peak) = memory::peak(bump(folder.path(), VERSION + 1).arg("--check"), 1)? {
        let bound = MEMORY + FILES_IN_MEMORY * megabytes;
        verdicts.at_most("JSON of 20 MB: memory", peak as f64 / 1e6, bound, "MB");
    }
    let title = format!(
        "A JSON template of {megabytes:.1} MB with {functions} functions; {} in turns",
        times(plan.runs)
    );
    Ok(table(&title, &all.iter().collect::<Vec<_>>()))
}

/// `bump` in a tree, about to bring the layer to a version.
fn bump(tree: &Path, version: u64) -> Command {
    let mut command = clean(binary("template-tools"));
    command.args(["bump", "--quiet", "--layer", "sosw", "--version", &version.to_string()]);
    command.current_dir(tree).env("XTASK_CALLED_AS", "cargo xtask bump-templates");
    command
}

/// A version, and the one before, in turns.
#[derive(Default)]
struct Turns(u64);

impl Turns {
    fn next(&mut self) -> u64 {
        self.0 += 1;
        VERSION + self.0 % 2
    }
}

/// Sees that what was written is what was meant, and takes it back.
fn expect_at(tree: &Path, ripgrep: &Path, references: usize) -> Result<()> {
    let found = clean(ripgrep).args(["-l", r":layer:sosw:4[12]\b"]).current_dir(tree).output();
    let found = String::from_utf8_lossy(&found.context("failed to start ripgrep")?.stdout).lines().count();
    anyhow::ensure!(found == references, "{found} files of {references} name the version after writing");
    let back = bump(tree, VERSION).arg("--allow-downgrade").output().context("failed to start `bump`")?;
    anyhow::ensure!(back.status.success(), "{}", String::from_utf8_lossy(&back.stderr));
    Ok(())
}

/// Runs it, and sees that it did what is measured: its exit code, and how many paths it prints.
fn expect(command: &mut Command, code: i32, lines: usize) {
    let output = command.output().unwrap_or_else(|error| panic!("failed to start {command:?}: {error}"));
    let printed = String::from_utf8_lossy(&output.stdout).lines().count();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(code) && printed == lines, "{command:?}: {printed} paths\n{said}");
}
