//! Layers of 1, 10, 50 and 200 packages: does twice as much take twice as long?

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::case::{Case, succeed, with_uv};
use super::{build_contender, floor_contender};
use crate::bench::verdicts::Verdicts;
use crate::bench::{in_turns, times};
use crate::command::{binary, clean};
use crate::server::{Answer, Server};
use crate::wheels::{TestWheel, ZipEntry, file, wheel};

const COUNTS: [usize; 4] = [1, 10, 50, 200];
/// Modules of a package, and lines of a module: 150 kB zipped, as the median of what people install.
const MODULES: usize = 40;
const LINES: usize = 280;

/// The table, and what it says.
pub(super) fn measure(runs: usize, verdicts: &mut Verdicts) -> Result<String> {
    let wheels: Vec<TestWheel> = (0..COUNTS[COUNTS.len() - 1]).map(package).collect();
    let cases = COUNTS.iter().map(|&count| layer_of(&wheels[..count])).collect::<Result<Vec<Case>>>()?;
    let mut contenders = Vec::new();
    for case in &cases {
        contenders.extend([floor_contender(case), build_contender(case)]);
    }
    in_turns(&mut contenders, runs);

    let mut text = format!(
        "Growth: packages of {MODULES} modules, {} in turns\n\n{:>8}  {:>8}  {:>10}  {:>10}  {:>8}  {:>13}\n",
        times(runs),
        "packages",
        "MB",
        "the floor",
        "build",
        "ratio",
        "for each more"
    );
    let milliseconds = |at: usize| contenders[at].median().as_secs_f64() * 1e3;
    for (at, (count, case)) in COUNTS.iter().zip(&cases).enumerate() {
        let (floor, build) = (milliseconds(2 * at), milliseconds(2 * at + 1));
        let more = (build - milliseconds(1)) / (count - COUNTS[0]).max(1) as f64;
        let more = if at == 0 { String::new() } else { format!("{more:.3} ms") };
        let megabytes = case.sizes().1 as f64 / 1e6;
        let _ = writeln!(
            text,
            "{count:>8}  {megabytes:>8.1}  {floor:>7.1} ms  {build:>7.1} ms  {:>8.2}  {more:>13}",
            build / floor
        );
    }
    let growth = milliseconds(7) / milliseconds(5);
    verdicts.at_most("growth: 200 packages, of the time of 50", growth, 4.0, "times");
    Ok(text)
}

/// A package with modules of text like Python's, none like another.
fn package(number: usize) -> TestWheel {
    const WORDS: [&str; 16] = [
        "return",
        "value",
        "self.items",
        "for key in",
        "if not",
        "None",
        "import",
        "config",
        "raise",
        "ValueError",
        "client",
        "response",
        "data[key]",
        "while",
        "encode",
        "yield",
    ];
    let name = format!("package{number:03}");
    let mut state = number as u32 + 1;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    let module = |module: usize| -> ZipEntry {
        let mut text = String::new();
        for _ in 0..LINES {
            let words = [(); 5].map(|()| WORDS[next() as usize % WORDS.len()]);
            let _ = writeln!(text, "    {} = {}  # {:x}", words[0], words[1..].join(" "), next());
        }
        file(&format!("{name}/module_{module:02}.py"), text)
    };
    let modules: Vec<ZipEntry> = (0..MODULES).map(module).collect();
    wheel(&name, "1.0", &modules)
}

/// A layer of these packages, locked and built once, with an index on loopback.
fn layer_of(wheels: &[TestWheel]) -> Result<Case> {
    let case = Case::empty("grown")?;
    let server = Server::start();
    for wheel in wheels {
        let path = format!("/files/{}", wheel.file_name);
        let link =
            format!("<a href=\"{}#sha256={}\">{}</a>", server.url(&path), wheel.sha256(), wheel.file_name);
        server.answer(&format!("/simple/{}/", wheel.name), Answer::Page(link));
        server.answer(&path, Answer::File(wheel.bytes.clone()));
    }
    let names: Vec<&str> = wheels.iter().map(|wheel| wheel.name.as_str()).collect();
    let toml = format!(
        "[layers.grown]\nrequirements = {names:?}\npython = [\"3.12\", \"3.13\"]\narchitectures = [\"x86_64\", \"arm64\"]\n"
    );
    std::fs::write(case.path("layers.toml"), toml).context("failed to write `layers.toml`")?;
    let uv_cache = tempfile::tempdir().context("failed to make a temporary folder")?;
    let (mut lock, mut build) = (clean(binary("layer-builder")), case.build());
    lock.args(["lock", "--quiet"]).current_dir(case.folder());
    for command in [&mut lock, &mut build] {
        command.env("LAYER_BUILDER_CACHE_DIR", case.path("cache"));
        command.env("UV_DEFAULT_INDEX", server.url("/simple")).env("UV_CACHE_DIR", uv_cache.path());
        succeed(with_uv(command)?)?;
    }
    case.commit()?;
    Ok(case)
}
