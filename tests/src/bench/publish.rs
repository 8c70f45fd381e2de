//! `bench publish`: twenty regions against one, and against the AWS CLI that takes one region after another, with
//! 100 ms added to every call. The local AWS answers; what is measured is how calls follow each other.

use std::fmt;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::local_aws::{self, LocalAws};
use crate::project::{LAYER, Project};
use crate::proxy::Proxy;
use crate::tools::Tool;

/// What is added to every call: about the way from Europe to the west of America and back.
const DELAY: Duration = Duration::from_millis(100);
/// Twenty regions may take so many times what one takes.
pub const TARGET: f64 = 2.0;
/// The AWS CLI is measured in so many regions; the time for all is reckoned from that, and said to be.
const CLI_REGIONS: usize = 4;
/// Runs of each of ours; the middle one counts.
const RUNS: usize = 3;

const REGIONS: [&str; 20] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "sa-east-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-north-1",
    "eu-south-1",
    "ap-south-1",
    "ap-east-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "af-south-1",
];

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Publishing a new layer to one region.
    pub one: Duration,
    /// The same to twenty regions.
    pub twenty: Duration,
    /// A second run in twenty regions, which finds everything there.
    pub unchanged: Duration,
    /// The AWS CLI: list, publish, get in one region, on average over a few.
    pub cli: Duration,
}

impl Measured {
    /// Twenty regions against one.
    pub fn ratio(&self) -> f64 {
        self.twenty.as_secs_f64() / self.one.as_secs_f64()
    }

    /// Whether twenty regions take at most [`TARGET`] times what one takes.
    pub fn holds(&self) -> bool {
        self.ratio() <= TARGET
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = REGIONS.len();
        let all = self.cli.as_secs_f64() * count as f64;
        let twenty = self.twenty.as_secs_f64();
        writeln!(f, "publish, {} ms added to every call", DELAY.as_millis())?;
        writeln!(f, "  1 region             {:>7.2} s", self.one.as_secs_f64())?;
        writeln!(
            f,
            "  {count} regions           {twenty:>7.2} s   {:.2} times one (at most {TARGET})",
            self.ratio()
        )?;
        writeln!(f, "  {count} again, unchanged  {:>7.2} s", self.unchanged.as_secs_f64())?;
        write!(
            f,
            "  AWS CLI, {count} in a row {all:>7.2} s   {:.0} times ours; reckoned from {CLI_REGIONS} regions, {:.2} s each",
            all / twenty,
            self.cli.as_secs_f64()
        )
    }
}

/// Measures it all on a local AWS of its own, and prints it. A failure, if twenty regions take too long.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "figures are what a bench is for")]
pub fn run() -> ExitCode {
    let measured = LocalAws::start().and_then(|local| measure(&local));
    match measured {
        Ok(measured) => {
            println!("{measured}");
            if measured.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures it all on this local AWS.
pub fn measure(local: &LocalAws) -> Result<Measured> {
    let proxy = Proxy::start(local.address()).context("failed to start a proxy")?;
    let project = Project::new(&REGIONS, &[])?;
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
    for _ in 0..RUNS {
        new_content()?;
        one.push(time(&mut ours(&project, &proxy, &["--region", REGIONS[0]]))?);
        new_content()?;
        twenty.push(time(&mut ours(&project, &proxy, &[]))?);
        unchanged.push(time(&mut ours(&project, &proxy, &[]))?);
    }
    let cli = measure_cli(&project, &proxy)?;
    Ok(Measured { one: middle(one), twenty: middle(twenty), unchanged: middle(unchanged), cli })
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
    aws(REGIONS[0], &["list-layer-versions"])?;
    let mut all = Duration::ZERO;
    for region in &REGIONS[..CLI_REGIONS] {
        all += aws(region, &["list-layer-versions"])?;
        all += aws(region, &["publish-layer-version", "--zip-file", &zip])?;
        all += aws(region, &["get-layer-version", "--version-number", "1"])?;
    }
    Ok(all / u32::try_from(CLI_REGIONS).unwrap_or(1))
}

fn time(command: &mut Command) -> Result<Duration> {
    let start = Instant::now();
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("failed to start {command:?}"))?;
    let took = start.elapsed();
    if !output.status.success() {
        bail!("{command:?} ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(took)
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
