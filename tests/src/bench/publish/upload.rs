//! A zip near Lambda's limit to the local S3, against `aws s3 cp` of the same file; and the memory that it takes.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Verdicts, middle, time};
use crate::bench::memory;
use crate::local_aws::{self, LocalAws};
use crate::project::{LAYER, Project};
use crate::tools::Tool;

/// The zip, in MB.
const SIZE: usize = 200;
/// It has to be so many times as fast as `aws s3 cp`.
const THAN_CP: f64 = 0.5;
/// In MB.
const MEMORY: f64 = 100.0;
const REGION: &str = "us-east-1";

/// Sends the same zip by both, in turns, to a local AWS that knows nothing of it each time.
pub(super) fn measure(local: &LocalAws, runs: usize, verdicts: &mut Verdicts) -> Result<String> {
    let project = Project::new(&[REGION], &[])?;
    project.build(&"0123456789abcdef".repeat(SIZE * 1_000_000 / 16))?;
    let zip = project.path(&format!("target/layers/{LAYER}.zip"));
    let cli = Tool::install("aws-cli")?;
    let (mut by_us, mut by_cp) = (Vec::new(), Vec::new());
    // Once each before it counts.
    for run in 0..=runs {
        let times = [(&mut by_us, stage(&project, local)), (&mut by_cp, copy(&cli, &zip, local))];
        for (times, mut command) in times {
            local.reset()?;
            make_bucket(&cli, local)?;
            let took = time(&mut command)?;
            if run > 0 {
                times.push(took);
            }
        }
    }
    local.reset()?;
    make_bucket(&cli, local)?;
    let peak = memory::peak(&mut stage(&project, local), 0).context("failed to measure its memory")?;

    let (ours, theirs) = (middle(by_us), middle(by_cp));
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    verdicts.at_least(&format!("{SIZE} MB to S3, as fast as `aws s3 cp`"), ratio, THAN_CP, "times");
    let speed = |took: Duration| SIZE as f64 / took.as_secs_f64();
    let mut text = format!("{SIZE} MB to the local S3\n\n");
    for (name, took) in [("layer-publisher stage", ours), ("aws s3 cp", theirs)] {
        text += &format!("{name:<24} {:>6.2} s  {:>6.0} MB/s\n", took.as_secs_f64(), speed(took));
    }
    match peak.map(|bytes| bytes as f64 / 1e6) {
        Some(peak) => {
            verdicts.at_most(&format!("{SIZE} MB to S3: memory"), peak, MEMORY, "MB");
            text += &format!("{:<24} {peak:>6.1} MB\n", "memory of the first");
        }
        None => text.push_str("(this system does not tell how much memory it takes)\n"),
    }
    Ok(text)
}

fn stage(project: &Project, local: &LocalAws) -> Command {
    let mut command = project.command_at("layer-publisher", &local.url());
    command.env_remove("LAYER_PUBLISHER_TEST_HASTE");
    command.args(["stage", "--quiet", "--s3-bucket", "layers"]);
    command
}

fn copy(cli: &Tool, zip: &Path, local: &LocalAws) -> Command {
    let mut command = aws(cli, local);
    command.args(["s3", "cp", "--quiet"]).arg(zip).arg("s3://layers/layer.zip");
    command
}

fn make_bucket(cli: &Tool, local: &LocalAws) -> Result<()> {
    time(aws(cli, local).args(["s3api", "create-bucket", "--bucket", "layers"])).map(drop)
}

fn aws(cli: &Tool, local: &LocalAws) -> Command {
    let mut command = cli.command("aws");
    local_aws::point_at(&mut command, &local.url());
    command.args(["--region", REGION]);
    command
}
