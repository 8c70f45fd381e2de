//! Twenty regions: as fast as one, nearly; and in the steady state no call too many.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Verdicts, middle, time};
use crate::local_aws::{self, LocalAws};
use crate::project::{LAYER, Project, TWENTY};
use crate::proxy::Proxy;
use crate::tools::Tool;

/// What is added to every call: about the way from Europe to the west of America and back.
const DELAY: Duration = Duration::from_millis(100);
/// Twenty regions may take so many times what one takes.
const OF_ONE: f64 = 1.5;
/// They have to be so many times as fast as the AWS CLI.
const THAN_CLI: f64 = 50.0;
/// The AWS CLI is measured in so many regions; the time for all is reckoned from that, and said to be.
const CLI_REGIONS: usize = 4;

/// Publishes new content to one region and to twenty, and to twenty once more; and asks the AWS CLI for the same.
pub(super) fn measure(local: &LocalAws, runs: usize, verdicts: &mut Verdicts) -> Result<String> {
    let proxy = Proxy::start(local.address()).context("failed to start a proxy")?;
    let project = Project::new(&TWENTY, &[])?;
    let mut number = 0;
    let mut new_content = || {
        number += 1;
        project.build(&format!("NUMBER = {number}\n"))
    };

    // Once without delay: whatever is loaded only at first is not what is measured.
    new_content()?;
    time(&mut ours(&project, &proxy, &[]))?;
    proxy.delay_every_call(DELAY);

    let (mut one, mut twenty, mut unchanged) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        new_content()?;
        one.push(time(&mut ours(&project, &proxy, &["--region", TWENTY[0]]))?);
        new_content()?;
        twenty.push(time(&mut ours(&project, &proxy, &[]))?);
        unchanged.push(time(&mut ours(&project, &proxy, &[]))?);
    }
    let seconds = |times| middle(times).as_secs_f64();
    let (one, twenty, unchanged) = (seconds(one), seconds(twenty), seconds(unchanged));
    let each = measure_cli(&project, &proxy)?.as_secs_f64();
    let count = TWENTY.len();
    let all = each * count as f64;
    verdicts.at_most("20 regions, of what one takes", twenty / one, OF_ONE, "times");
    verdicts.at_least("20 regions, as fast as the AWS CLI in a row", all / twenty, THAN_CLI, "times");

    let mut text = format!("publish, {} ms added to every call\n\n", DELAY.as_millis());
    for (name, took) in [("1 region", one), ("20 regions", twenty), ("20 again, unchanged", unchanged)] {
        let _ = writeln!(text, "{name:<28} {took:>7.2} s  {:>6.2}", took / one);
    }
    let name = format!("AWS CLI, {count} in a row");
    let _ = writeln!(
        text,
        "{name:<28} {all:>7.2} s  {:>6.2}  reckoned from {CLI_REGIONS} regions, {each:.2} s each",
        all / one
    );
    Ok(text)
}

/// Counts the calls of a run that finds everything there: version, permissions and pointer in twenty regions.
pub(super) fn steady(local: &LocalAws, verdicts: &mut Verdicts) -> Result<String> {
    let proxy = Proxy::start(local.address()).context("failed to start a proxy")?;
    let project = Project::new(&TWENTY, &[])?;
    let table = project.read("layers.toml")?
        + "ssm-parameter = \"lambda-layer-demo-latest\"\npermissions = { accounts = [\"111111111111\"] }\n";
    project.write("layers.toml", table)?;
    project.build("STEADY = True\n")?;
    time(&mut ours(&project, &proxy, &[]))?;
    proxy.take_calls();
    time(&mut ours(&project, &proxy, &[]))?;

    let mut calls = BTreeMap::new();
    for call in proxy.take_calls() {
        ensure!(
            call.service == "sts" || !call.operation.writes(),
            "a run without anything to do has written"
        );
        *calls.entry(call.operation.to_string()).or_insert(0_u32) += 1;
    }
    let count = TWENTY.len() as f64;
    let mut text = format!("The steady state: 20 regions, permissions and a pointer\n\n{:<24} calls\n", "");
    for (operation, calls) in &calls {
        let _ = writeln!(text, "{operation:<24} {calls:>5}");
    }
    for (operation, bound) in [
        ("GetCallerIdentity", 1.0),
        ("ListLayerVersions", count),
        ("GetLayerVersion", count),
        ("GetLayerVersionPolicy", count),
        ("GetParameter", count),
    ] {
        let found = f64::from(calls.remove(operation).unwrap_or_default());
        verdicts.at_most(&format!("the steady state: {operation}"), found, bound, "calls");
    }
    verdicts.at_most("the steady state: other calls", f64::from(calls.values().sum::<u32>()), 0.0, "calls");
    Ok(text)
}

fn ours(project: &Project, proxy: &Proxy, arguments: &[&str]) -> Command {
    let mut command = project.command_at("layer-publisher", &proxy.url());
    command.env_remove("LAYER_PUBLISHER_TEST_HASTE").args(["publish", "--quiet"]).args(arguments);
    command
}

fn measure_cli(project: &Project, proxy: &Proxy) -> Result<Duration> {
    let tool = Tool::install("aws-cli")?;
    let zip = format!("fileb://{}", project.path(&format!("target/layers/{LAYER}.zip")).display());
    let aws = |region: &str, arguments: &[&str]| {
        let mut command = tool.command("aws");
        local_aws::point_at(&mut command, &proxy.url());
        command.args(["--region", region, "lambda"]).args(arguments).args(["--layer-name", "cli"]);
        time(&mut command)
    };
    aws(TWENTY[0], &["list-layer-versions"])?;
    let mut all = Duration::ZERO;
    for region in &TWENTY[..CLI_REGIONS] {
        all += aws(region, &["list-layer-versions"])?;
        all += aws(region, &["publish-layer-version", "--zip-file", &zip])?;
        all += aws(region, &["get-layer-version", "--version-number", "1"])?;
    }
    Ok(all / u32::try_from(CLI_REGIONS).unwrap_or(1))
}
