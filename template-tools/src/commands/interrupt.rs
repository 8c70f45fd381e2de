//! Ctrl-C while files are staged: taken as a wish, so that nothing is left lying about.

use std::sync::atomic::{AtomicBool, Ordering};

static CAME: AtomicBool = AtomicBool::new(false);

/// From here on Ctrl-C, or being told to end, no longer ends the process by itself.
pub(crate) fn listen() {
    // Where no handler can be set, Ctrl-C ends us as it always did.
    let _ = ctrlc::set_handler(|| CAME.store(true, Ordering::Relaxed));
}

/// Whether it came since we listen.
pub(crate) fn came() -> bool {
    CAME.load(Ordering::Relaxed)
}
