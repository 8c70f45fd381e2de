//! Being told to end while files are staged, by Ctrl-C or by a signal: taken as a wish, so that nothing is left lying
//! about.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use signal_hook::consts::{SIGINT, SIGTERM};

/// The number of the last signal that came; 0 if none did.
static CAME: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

/// A signal to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Signal(u8);

impl Signal {
    /// What shells say of a program that a signal has ended.
    pub(crate) fn exit_code(self) -> u8 {
        128_u8.saturating_add(self.0)
    }
}

/// From here on none of these signals ends the process by itself.
pub(crate) fn listen() {
    #[cfg(unix)]
    let signals = [signal_hook::consts::SIGHUP, SIGINT, SIGTERM];
    #[cfg(not(unix))]
    let signals = [SIGINT, SIGTERM];
    for signal in signals {
        // Where nobody can listen, it ends us as it always did.
        let _ = signal_hook::flag::register_usize(signal, Arc::clone(&CAME), signal as usize);
    }
}

/// The signal that came since we listen, if one did.
pub(crate) fn came() -> Option<Signal> {
    u8::try_from(CAME.load(Ordering::Relaxed)).ok().filter(|number| *number > 0).map(Signal)
}
