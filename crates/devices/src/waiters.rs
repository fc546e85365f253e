//! Those who wait for a device to be subscribed.

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::{Error, Result};

/// Everyone who waits for the same device, each until a moment of their own.
#[derive(Default)]
pub(crate) struct Waiters {
    waiting: Vec<(Instant, oneshot::Sender<Result<()>>)>,
}

impl Waiters {
    pub(crate) fn add(&mut self, until: Instant, done: oneshot::Sender<Result<()>>) {
        self.waiting.push((until, done));
    }

    /// When the first of them has waited long enough.
    pub(crate) fn first_deadline(&self) -> Option<Instant> {
        self.waiting.iter().map(|&(until, _)| until).min()
    }

    /// The device is subscribed.
    pub(crate) fn succeed(&mut self) {
        for (_, done) in self.waiting.drain(..) {
            let _gone = done.send(Ok(()));
        }
    }

    /// Waiting longer makes no sense.
    pub(crate) fn fail(&mut self, error: impl Fn() -> Error) {
        for (_, done) in self.waiting.drain(..) {
            let _gone = done.send(Err(error()));
        }
    }

    /// Ends the waiting of those who have waited until `now`.
    pub(crate) fn expire(&mut self, now: Instant, error: impl Fn() -> Error) {
        for (_, done) in self.waiting.extract_if(.., |(until, _)| *until <= now) {
            let _gone = done.send(Err(error()));
        }
    }
}
