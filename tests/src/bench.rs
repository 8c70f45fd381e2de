//! Measuring: several runs of each, in turns, so that a noisy moment hits all of them; medians, and ratios of medians.

pub mod build;
mod memory;
pub mod publish;
pub mod templates;
mod verdicts;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Something to be measured.
pub struct Contender<'a> {
    name: String,
    prepare: Box<dyn FnMut() + 'a>,
    run: Box<dyn FnMut() + 'a>,
    times: Vec<Duration>,
}

impl<'a> Contender<'a> {
    /// What `run` does is measured.
    pub fn new(name: &str, run: impl FnMut() + 'a) -> Self {
        Self { name: name.to_owned(), prepare: Box::new(|| ()), run: Box::new(run), times: Vec::new() }
    }

    /// What has to be done before each run, and is not measured.
    #[must_use]
    pub fn after(mut self, prepare: impl FnMut() + 'a) -> Self {
        self.prepare = Box::new(prepare);
        self
    }

    fn measure(&mut self) {
        (self.prepare)();
        let start = Instant::now();
        (self.run)();
        self.times.push(start.elapsed());
    }

    fn sorted(&self) -> Vec<Duration> {
        let mut times = self.times.clone();
        times.sort_unstable();
        times
    }

    /// The shortest of its times: what it takes when nobody else is at work.
    pub fn fastest(&self) -> Duration {
        self.sorted()[0]
    }

    /// The median of its times.
    pub fn median(&self) -> Duration {
        self.sorted()[self.times.len() / 2]
    }
}

/// Runs each of them `runs` times, in turns, after one run that does not count.
pub fn in_turns(contenders: &mut [Contender<'_>], runs: usize) {
    for contender in contenders.iter_mut() {
        (contender.prepare)();
        (contender.run)();
    }
    for _ in 0..runs {
        contenders.iter_mut().for_each(Contender::measure);
    }
}

/// `1 run`, `21 runs`.
pub fn times(runs: usize) -> String {
    if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") }
}

/// A table: median, fastest and slowest, and the ratio to the first.
pub fn table(title: &str, contenders: &[&Contender<'_>]) -> String {
    let first = contenders[0].median().as_secs_f64();
    let width = contenders.iter().map(|contender| contender.name.chars().count()).max().unwrap_or(0);
    let mut text = format!(
        "{title}\n\n{:<width$}  {:>9}  {:>9}  {:>9}  {:>7}\n",
        "", "median", "fastest", "slowest", "ratio"
    );
    for contender in contenders {
        let sorted = contender.sorted();
        let shown = |time: Duration| match time.as_secs_f64() {
            seconds if seconds < 10.0 => format!("{:.1} ms", seconds * 1e3),
            seconds => format!("{seconds:.2} s"),
        };
        let _ = writeln!(
            text,
            "{:<width$}  {:>9}  {:>9}  {:>9}  {:>7.2}",
            contender.name,
            shown(contender.median()),
            shown(sorted[0]),
            shown(sorted[sorted.len() - 1]),
            contender.median().as_secs_f64() / first,
        );
    }
    text
}
