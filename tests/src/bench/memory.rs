//! The most memory that a process has had at one time, as Linux counts it for each of them.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Runs a program to its end, which is to be this exit code; gives what it had in memory at most, in bytes, without its
/// children. `None` where the system does not tell.
pub(super) fn peak(command: &mut Command, code: i32) -> Result<Option<u64>> {
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.with_context(|| format!("failed to start {command:?}"))?;
    // The system forgets it with the process; the mark only rises, so the last look before the end tells it.
    let mut highest = None;
    let status = loop {
        highest = high_water_mark(&child).or(highest);
        match child.try_wait().context("failed to wait for a child")? {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_micros(500)),
        }
    };
    if status.code() != Some(code) {
        bail!("{command:?} ended with {status}");
    }
    Ok(highest)
}

fn high_water_mark(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}
