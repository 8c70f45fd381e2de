//! Ctrl-C while files are staged: taken as a wish, so that nothing is left lying about.

use std::sync::atomic::{AtomicBool, Ordering};

static CAME: AtomicBool = AtomicBool::new(false);

/// Listens for Ctrl-C, and for being told to end.
pub(crate) struct Interrupt(());

impl Interrupt {
    /// From here on Ctrl-C no longer ends the process by itself.
    pub(crate) fn listen() -> Self {
        // Where no handler can be set, Ctrl-C ends us as it always did.
        let _ = ctrlc::set_handler(|| CAME.store(true, Ordering::Relaxed));
        Self(())
    }

    /// Whether it came.
    pub(crate) fn came(&self) -> bool {
        let Self(()) = self;
        CAME.load(Ordering::Relaxed)
    }
}
