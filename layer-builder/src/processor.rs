//! Which processor a thread runs on.
//!
//! Where processors are virtual, some systems leave a new thread on that of the thread that made it until the next tick,
//! although another one is free: for 4 ms, a sixth of a whole build.

/// Starts a thread that begins on another processor, if there is one.
pub(crate) fn spawn_elsewhere<T: Send + 'static>(
    run: impl FnOnce() -> T + Send + 'static,
) -> std::thread::JoinHandle<T> {
    let here = Processor::current();
    let thread = std::thread::spawn(move || {
        here.leave();
        run()
    });
    // It has to run once to get away from here.
    std::thread::yield_now();
    thread
}

/// A processor.
#[derive(Clone, Copy, Debug)]
struct Processor {
    #[cfg(target_os = "linux")]
    number: Option<usize>,
}

impl Processor {
    /// The one that this thread runs on.
    fn current() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            number: nix::sched::sched_getcpu().ok(),
        }
    }

    /// Moves this thread away from it, if there is another one. It may come back. Where nobody can be asked for that,
    /// nothing happens.
    fn leave(self) {
        #[cfg(target_os = "linux")]
        {
            use nix::sched::{sched_getaffinity, sched_setaffinity};
            let this_thread = nix::unistd::Pid::from_raw(0);
            let (Some(number), Ok(all)) = (self.number, sched_getaffinity(this_thread)) else { return };
            let mut others = all;
            // No processor at all is refused.
            if others.unset(number).is_ok() && sched_setaffinity(this_thread, &others).is_ok() {
                let _ = sched_setaffinity(this_thread, &all);
            }
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use nix::sched::sched_getaffinity;
    use nix::unistd::Pid;

    use super::*;

    #[test]
    fn a_thread_leaves_and_may_come_back() {
        std::thread::spawn(|| {
            let this_thread = Pid::from_raw(0);
            let allowed = sched_getaffinity(this_thread).unwrap();
            Processor::current().leave();
            assert_eq!(sched_getaffinity(this_thread).unwrap(), allowed);
        })
        .join()
        .unwrap();
    }
}
