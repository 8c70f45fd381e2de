//! Which processor a thread runs on.
//!
//! Where processors are virtual, some systems leave a new thread on that of the thread that made it until the next tick,
//! although another one is free: for 4 ms, a sixth of a whole build.

/// A processor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Processor(#[cfg(target_os = "linux")] usize);

impl Processor {
    /// The one that this thread runs on.
    pub(crate) fn current() -> Self {
        Self(
            #[cfg(target_os = "linux")]
            rustix::thread::sched_getcpu(),
        )
    }

    /// Moves this thread away from it, if there is another one. It may come back. Where nobody can be asked for that,
    /// nothing happens.
    pub(crate) fn leave(self) {
        #[cfg(target_os = "linux")]
        {
            use rustix::thread::{sched_getaffinity, sched_setaffinity};
            let Ok(all) = sched_getaffinity(None) else { return };
            let mut others = all;
            others.unset(self.0);
            // No processor at all is refused.
            if sched_setaffinity(None, &others).is_ok() {
                let _ = sched_setaffinity(None, &all);
            }
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::thread::sched_getaffinity;

    use super::*;

    #[test]
    fn a_thread_leaves_and_may_come_back() {
        std::thread::spawn(|| {
            let allowed = sched_getaffinity(None).unwrap();
            Processor::current().leave();
            assert_eq!(sched_getaffinity(None).unwrap(), allowed);
        })
        .join()
        .unwrap();
    }
}
