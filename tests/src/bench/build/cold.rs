//! A build with nothing but its lock, against uv that installs the same lock with an empty cache of its own.

use std::path::Path;

use anyhow::Result;

use super::case::{Case, run, with_uv};
use crate::bench::verdicts::Verdicts;
use crate::bench::{Contender, in_turns, table, times};
use crate::command::clean;

/// The table, and what it says. `python` is what uv installs for.
pub(super) fn measure(case: &Case, python: &Path, runs: usize, verdicts: &mut Verdicts) -> Result<String> {
    let (cache, uv_cache, site) = (case.path("cold cache"), case.path("cold uv cache"), case.path("site"));
    let forget = || {
        case.forget();
        for folder in [&cache, &uv_cache, &site] {
            let _ = std::fs::remove_dir_all(folder);
        }
    };
    let mut uv = clean("uv");
    with_uv(&mut uv)?.env("UV_CACHE_DIR", &uv_cache).args(["pip", "install", "--quiet", "--python"]);
    uv.arg(python).arg("--target").arg(&site).arg("--requirements").arg(case.lock());
    let mut build = case.build();
    with_uv(&mut build)?.env("UV_CACHE_DIR", &uv_cache).env("LAYER_BUILDER_CACHE_DIR", &cache);

    let mut both = [
        Contender::new("uv pip install --target, same lock", || run(&mut uv)).after(forget),
        Contender::new("layer-builder build", || run(&mut build)).after(forget),
    ];
    in_turns(&mut both, runs);
    let title = format!("The {} layer, cold: both caches are empty, {} in turns", case.layer, times(runs));
    let ratio = both[1].median().as_secs_f64() / both[0].median().as_secs_f64();
    verdicts.at_most(&format!("{}, cold: of the time of uv", case.layer), ratio, 1.0, "times");
    let text = table(&title, &both.iter().collect::<Vec<_>>());
    drop(both);
    forget();
    Ok(text)
}
