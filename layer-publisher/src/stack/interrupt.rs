//! Ctrl-C, taken as a wish: what has been begun is put in order first. A second one ends at once.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

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

    async fn coming(&self) {
        // Its other end lives as long as the process.
        if self.0.clone().wait_for(|came| *came).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits so long, or until it comes; says whether it came.
    pub(super) async fn come_within(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.coming()).await.is_ok()
    }

    /// What comes of the work, unless Ctrl-C comes before. For work that changes nothing.
    pub(super) async fn before<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let (mut work, mut coming) = (pin!(work), pin!(self.coming()));
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending => coming.as_mut().poll(context).map(|()| None),
        })
        .await
    }
}
