//! Ctrl-C, taken as a wish: what has been begun is put in order first. A second one ends at once.

use std::io;

use tokio::sync::watch;

/// The exit code of an interrupted program: 128 and SIGINT's number.
pub(super) const EXIT_CODE: u8 = 130;

/// Whether somebody wants us to end.
#[derive(Clone, Debug)]
pub(super) struct Interrupts(watch::Receiver<bool>);

impl Interrupts {
    /// From here on, Ctrl-C does not end the process by itself. To be called once.
    pub(super) fn listen() -> io::Result<Self> {
        let (sender, receiver) = watch::channel(false);
        let handler = move || {
            if sender.send_replace(true) {
                std::process::exit(i32::from(EXIT_CODE));
            }
        };
        ctrlc::set_handler(handler).map_err(io::Error::other)?;
        Ok(Self(receiver))
    }

    /// Whether it came.
    pub(super) fn came(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits so long, or until it comes; says whether it came.
    pub(super) async fn come_within(&self, time: std::time::Duration) -> bool {
        let mut receiver = self.0.clone();
        let coming = async {
            // Its other end lives as long as the process.
            if receiver.wait_for(|came| *came).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::time::timeout(time, coming).await.is_ok()
    }
}
