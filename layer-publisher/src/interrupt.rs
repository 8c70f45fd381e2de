//! Ctrl-C, taken as a wish: what has been begun is put in order first. A second one ends at once.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::OnceLock;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;

use crate::ui::Ui;
use crate::under_way::UnderWay;

/// The exit code of an interrupted program: 128 and SIGINT's number.
pub(crate) const EXIT_CODE: u8 = 130;

/// Whether somebody wants us to end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupts(watch::Receiver<bool>);

impl Interrupts {
    /// From here on, Ctrl-C does not end the process by itself. Who listens first decides what is said.
    pub(crate) fn listen() -> io::Result<Self> {
        Self::listen_with(|| (), || ())
    }

    /// The same for stacks, where nobody waits for CloudFormation: what it has begun goes on by itself.
    pub(crate) fn listen_for_stacks(ui: &Ui, under_way: &UnderWay) -> io::Result<Self> {
        let (first, second) = ((ui.clone(), under_way.clone()), (ui.clone(), under_way.clone()));
        let say = move || {
            let (ui, under_way) = &first;
            let names =
                under_way.names().map(|names| format!("; left in order: {names}")).unwrap_or_default();
            ui.failed(
                "Interrupted",
                format!(
                    "nothing more is begun, and what CloudFormation has begun goes on without us{names}; Ctrl-C again ends at once"
                ),
            );
        };
        let end = move || {
            let (ui, under_way) = &second;
            if let Some(names) = under_way.names() {
                ui.failed("Ended", format!("in the middle of: {names}; change sets may be left there"));
            }
        };
        Self::listen_with(say, end)
    }

    /// The same, and it is said at once what is waited for: what is under way, while `stop` sees to it that nothing more
    /// begins. A second Ctrl-C says what is left in the middle.
    pub(crate) fn listen_for(
        ui: &Ui,
        under_way: &UnderWay,
        stop: impl Fn() + Send + 'static,
    ) -> io::Result<Self> {
        let (first, second) = ((ui.clone(), under_way.clone()), (ui.clone(), under_way.clone()));
        let say = move || {
            let (ui, under_way) = &first;
            let text = match under_way.names() {
                Some(names) => format!("nothing more is begun; waiting for what is under way: {names}"),
                None => "nothing more is begun".to_owned(),
            };
            ui.failed("Interrupted", format!("{text}; Ctrl-C again ends at once"));
            stop();
        };
        let end = move || {
            let (ui, under_way) = &second;
            if let Some(names) = under_way.names() {
                ui.failed("Ended", format!("in the middle of: {names}; nobody knows what came of that"));
                ui.note("run it again: it looks what is there first, and does what is missing");
            }
        };
        Self::listen_with(say, end)
    }

    fn listen_with(
        first: impl Fn() + Send + 'static,
        second: impl Fn() + Send + 'static,
    ) -> io::Result<Self> {
        static ONE: OnceLock<Interrupts> = OnceLock::new();
        if let Some(one) = ONE.get() {
            return Ok(one.clone());
        }
        let (sender, receiver) = watch::channel(false);
        let handler = move || {
            // One call comes after the other, and what is said comes before anybody acts on it.
            if *sender.borrow() {
                second();
                std::process::exit(i32::from(EXIT_CODE));
            }
            first();
            sender.send_replace(true);
        };
        ctrlc::set_handler(handler).map_err(io::Error::other)?;
        Ok(ONE.get_or_init(|| Self(receiver)).clone())
    }

    /// Whether it came.
    pub(crate) fn came(&self) -> bool {
        *self.0.borrow()
    }

    async fn coming(&self) {
        // Its other end lives as long as the process.
        if self.0.clone().wait_for(|came| *came).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits so long, or until it comes; says whether it came.
    pub(crate) async fn come_within(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.coming()).await.is_ok()
    }

    /// What comes of the work, unless Ctrl-C comes before. For work that changes nothing.
    pub(crate) async fn before<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let (mut work, mut coming) = (pin!(work), pin!(self.coming()));
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending => coming.as_mut().poll(context).map(|()| None),
        })
        .await
    }
}
