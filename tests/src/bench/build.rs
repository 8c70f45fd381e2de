//! `bench build`: what builds take, against the least that anybody could do, and against pip, zip and uv; what they have
//! in memory; how that grows.

mod case;
mod cold;
mod growth;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use sha2::{Digest, Sha256};

use super::verdicts::Verdicts;
use super::{Contender, in_turns, memory, table, times};
use crate::command::{clean, pythons, workspace};
use case::{Case, run, size_of};

/// What `./deploy.sh` installs.
const SOSW: [&str; 5] = ["sosw", "aws-lambda-powertools", "aws-xray-sdk", "bson", "requests"];
/// A build may take so many times the floor.
const OF_THE_FLOOR: f64 = 1.3;
/// It has to be so many times as fast as pip and zip.
const THAN_PIP: f64 = 150.0;
/// In milliseconds: a build that has nothing to do.
const NOTHING_TO_DO: f64 = 20.0;
/// `--compress max` has to be so many times as fast on two processors.
const ON_TWO: f64 = 1.5;

/// A part of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The layer of this repository, warm: against its floor, and against pip and zip
    Sosw,
    /// The same for a layer near Lambda's limits
    Large,
    /// Both with empty caches, against uv
    Cold,
    /// What is in memory at most
    Memory,
    /// `--compress max` on one processor and on two
    Compress,
    /// Layers of 1 to 200 packages
    Growth,
}

/// What is to be measured, and how often.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The parts; all of them if none is named.
    pub parts: Vec<Part>,
    /// Runs of what takes milliseconds.
    pub runs: usize,
    /// Runs of what takes seconds.
    pub slow_runs: usize,
}

/// Prints the tables. A failure, if something was not reached.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "figures are what a bench is for")]
pub fn run_plan(plan: &Plan) -> ExitCode {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("`layer-builder build --quiet --locked`, dev profile, {processors} processors; medians\n");
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

fn measure(plan: &Plan, verdicts: &mut Verdicts, show: impl Fn(String)) -> Result<()> {
    let wanted = |parts: &[Part]| plan.parts.is_empty() || parts.iter().any(|part| plan.parts.contains(part));
    let python = pythons([13]).into_iter().next().context("a Python 3.13 is needed, for pip and for uv")?;
    if wanted(&[Part::Growth]) {
        show(growth::measure(plan.runs, verdicts)?);
    }
    let of_sosw = [Part::Sosw, Part::Cold, Part::Memory, Part::Compress];
    let of_large = [Part::Large, Part::Cold, Part::Memory];
    for (case, parts) in [(Case::sosw as fn() -> Result<Case>, &of_sosw[..]), (Case::large, &of_large)] {
        if !wanted(parts) {
            continue;
        }
        let case = case()?;
        case.fill_cache()?;
        if wanted(&parts[..1]) {
            show(warm(&case, &python, plan, verdicts));
        }
        if wanted(&[Part::Cold]) {
            show(cold::measure(&case, &python, plan.slow_runs, verdicts)?);
        }
        if wanted(&[Part::Compress]) && parts.contains(&Part::Compress) {
            show(compress(&case, plan.slow_runs, verdicts)?);
        }
        if wanted(&[Part::Memory]) {
            show(peaks(&case, verdicts)?);
        }
    }
    Ok(())
}

/// Everybody writes a new file: what an earlier run has left would have to be flushed or truncated first.
fn floor_contender(case: &Case) -> Contender<'_> {
    let (wheels, file) = (case.wheels(), case.path("floor.bin"));
    let again = file.clone();
    Contender::new("the floor: wheels to one file, hashed", move || floor(&wheels, &file))
        .after(move || _ = std::fs::remove_file(&again))
}

fn build_contender(case: &Case) -> Contender<'_> {
    Contender::new("layer-builder build", || run(&mut case.build())).after(|| case.forget())
}

/// The least that can be done with the wheels: read them, write them one after another, hash what is written.
fn floor(wheels: &[PathBuf], file: &Path) {
    let mut out = File::create(file).expect("a file in our own folder");
    let mut hasher = Sha256::new();
    for wheel in wheels {
        let bytes = std::fs::read(wheel).expect("a wheel of the cache");
        hasher.update(&bytes);
        out.write_all(&bytes).expect("space on the disk");
    }
    std::hint::black_box(hasher.finalize());
}

/// With lock and cache in place.
fn warm(case: &Case, python: &Path, plan: &Plan, verdicts: &mut Verdicts) -> String {
    let mut quick = [
        floor_contender(case),
        build_contender(case),
        Contender::new("cargo xtask build-layer, as typed", || {
            let mut command = clean(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            command.args(["xtask", "build-layer", "--quiet", "--locked", "--layers-file"]);
            command.arg(case.path("layers.toml")).current_dir(workspace());
            run(command.env("LAYER_BUILDER_CACHE_DIR", case.path("cache")));
        })
        .after(|| case.forget()),
        Contender::new("layer-builder build, nothing to do", || run(&mut case.build()))
            .after(|| run(&mut case.build())),
    ];
    in_turns(&mut quick, plan.runs);
    let (site, zip) = (case.path("site"), case.path("pip.zip"));
    let forget = || {
        let _ = std::fs::remove_dir_all(&site);
        let _ = std::fs::remove_file(&zip);
    };
    let mut slow = [Contender::new("pip install -t (warm), then zip -qr", || {
        let mut pip = clean(python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]);
        pip.arg(site.join("python"));
        // deploy.sh took the newest of everything; there is no newest that would fit for the other.
        if case.layer == "sosw" {
            pip.args(SOSW);
        } else {
            pip.args(["--only-binary", ":all:", "--requirement"]).arg(case.lock());
        }
        run(&mut pip);
        run(clean("zip").args(["-qr", "../pip.zip", "python"]).current_dir(&site));
    })
    .after(forget)];
    in_turns(&mut slow, plan.slow_runs);
    let seconds = |contender: &Contender<'_>| contender.median().as_secs_f64();
    let of = |what: &str| format!("{}, warm: {what}", case.layer);
    verdicts.at_most(
        &of("of the time of the floor"),
        seconds(&quick[1]) / seconds(&quick[0]),
        OF_THE_FLOOR,
        "times",
    );
    verdicts.at_least(
        &of("as fast as pip and zip"),
        seconds(&slow[0]) / seconds(&quick[1]),
        THAN_PIP,
        "times",
    );
    verdicts.at_most(&of("nothing to do"), seconds(&quick[3]) * 1e3, NOTHING_TO_DO, "ms");
    let title = format!(
        "The {} layer, warm: {} wheels, {:.1} MB; {} in turns, {} of pip",
        case.layer,
        case.wheels().len(),
        case.sizes().1 as f64 / 1e6,
        times(plan.runs),
        plan.slow_runs
    );
    let text = table(&title, &quick.iter().chain(&slow).collect::<Vec<_>>());
    drop(slow);
    forget();
    text
}

/// The same binary with the same options, on one processor and on two, and the same bytes.
fn compress(case: &Case, runs: usize, verdicts: &mut Verdicts) -> Result<String> {
    let on = |processors: &'static str| {
        move || run(case.build_by("taskset", &["-c", processors]).args(["--compress", "max"]))
    };
    let mut all = [
        Contender::new("taskset -c 0,1 layer-builder build …", on("0,1")).after(|| case.forget()),
        Contender::new("taskset -c 0 layer-builder build …", on("0")).after(|| case.forget()),
    ];
    let mut bytes = Vec::new();
    for contender in &mut all {
        in_turns(std::slice::from_mut(contender), 1);
        bytes.push(std::fs::read(case.zip()).context("failed to read a zip")?);
    }
    ensure!(bytes[0] == bytes[1], "the bytes depend on the number of processors");
    in_turns(&mut all, runs);
    let ratio = all[1].median().as_secs_f64() / all[0].median().as_secs_f64();
    verdicts.at_least(&format!("{}, max: as fast on two processors", case.layer), ratio, ON_TWO, "times");
    let title =
        format!("The {} layer, `--compress max`: the same bytes, {} in turns", case.layer, times(runs));
    Ok(table(&title, &all.iter().collect::<Vec<_>>()))
}

/// The most memory that the builder has, for each way to build.
fn peaks(case: &Case, verdicts: &mut Verdicts) -> Result<String> {
    let (largest, _) = case.sizes();
    let bound = largest as f64 * 1.5 / 1e6 + 100.0;
    let mut text = format!(
        "Memory of the {} layer: VmHWM, the largest wheel has {:.1} MB\n\n",
        case.layer,
        largest as f64 / 1e6
    );
    let cold = case.path("cold cache");
    let ways: [(&str, &Path, &[&str]); 3] = [
        ("warm", &case.path("cache"), &[]),
        ("cold", &cold, &[]),
        ("--compress max", &case.path("cache"), &["--compress", "max"]),
    ];
    for (name, cache, arguments) in ways {
        case.forget();
        let mut command = case.build();
        case::with_uv(&mut command)?.env("LAYER_BUILDER_CACHE_DIR", cache).args(arguments);
        let Some(peak) = memory::peak(&mut command, 0)? else {
            return Ok(format!("{text}(this system does not tell)\n"));
        };
        let (peak, zip) = (peak as f64 / 1e6, size_of(&case.zip()) as f64 / 1e6);
        text += &format!("{name:<16}  {peak:>7.1} MB  for a zip of {zip:>5.1} MB\n");
        verdicts.at_most(&format!("{}, {name}: memory", case.layer), peak, bound, "MB");
    }
    let _ = std::fs::remove_dir_all(&cold);
    Ok(text)
}
