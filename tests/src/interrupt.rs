//! Ctrl-C, and being told to end: taken as a wish, so that what was started can be ended and what was made removed.
//!
//! Nothing is cleaned up here. Whoever waits gets an [`Interrupted`] and passes it up; what it owns ends on the way.

use std::fmt;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How often a child is looked after.
const TICK: Duration = Duration::from_millis(5);
/// How long a child may take to end by itself; Ctrl-C in a terminal reaches it, too.
const GRACE: Duration = Duration::from_secs(1);

/// The exit code of an interrupted program: 128 and SIGINT's number.
pub const EXIT_CODE: u8 = 130;

/// Somebody wanted us to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// What comes from outside while we work.
#[derive(Debug)]
pub struct Interrupts {
    events: Receiver<()>,
    sender: Sender<()>,
}

impl Interrupts {
    /// From here on, no signal to end ends the process by itself. To be called once.
    pub fn listen() -> Result<Self> {
        let (sender, events) = channel();
        let signals = sender.clone();
        ctrlc::set_handler(move || _ = signals.send(())).context("failed to listen for Ctrl-C")?;
        Ok(Self { events, sender })
    }

    /// Something else that counts as Ctrl-C when it happens.
    pub fn sender(&self) -> Sender<()> {
        self.sender.clone()
    }

    /// Whether one came within this time.
    pub fn comes_within(&self, time: Duration) -> bool {
        !matches!(self.events.recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }

    /// An error if one came.
    pub fn check(&self) -> Result<()> {
        if self.comes_within(Duration::ZERO) { Err(Interrupted.into()) } else { Ok(()) }
    }

    /// Waits for a child, and ends it if we have to end before it.
    pub fn wait(&self, child: &mut Child) -> Result<ExitStatus> {
        loop {
            if let Some(status) = child.try_wait().context("failed to wait for a program")? {
                // It may have heard of it before us.
                if was_interrupted(status) {
                    return Err(Interrupted.into());
                }
                self.check()?;
                return Ok(status);
            }
            if self.comes_within(TICK) {
                end(child);
                return Err(Interrupted.into());
            }
        }
    }
}

/// Lets a child end by itself for a moment, and then ends it.
fn end(child: &mut Child) {
    let start = Instant::now();
    while start.elapsed() < GRACE && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(TICK);
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn was_interrupted(status: ExitStatus) -> bool {
    #[cfg(unix)]
    if std::os::unix::process::ExitStatusExt::signal(&status)
        .is_some_and(|signal| [1, 2, 15].contains(&signal))
    {
        return true;
    }
    status.code() == Some(i32::from(EXIT_CODE))
}
