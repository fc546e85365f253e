//! Callers that wait until a device is subscribed.

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::{Error, Result};

/// Callers that wait for the same device, each with a deadline of its own. Some may have given up meanwhile.
#[derive(Default)]
pub(crate) struct Waiters {
    waiting: Vec<(Instant, oneshot::Sender<Result<()>>)>,
}

impl Waiters {
    pub(crate) fn add(&mut self, until: Instant, done: oneshot::Sender<Result<()>>) {
        self.waiting.push((until, done));
    }

    /// The earliest deadline.
    pub(crate) fn first_deadline(&self) -> Option<Instant> {
        self.waiting.iter().map(|&(until, _)| until).min()
    }

    /// The device is subscribed.
    pub(crate) fn succeed(&mut self) {
        for (_, done) in self.waiting.drain(..) {
            let _gave_up = done.send(Ok(()));
        }
    }

    /// The device cannot be subscribed soon: all waiters get an error.
    pub(crate) fn fail(&mut self, error: impl Fn() -> Error) {
        for (_, done) in self.waiting.drain(..) {
            let _gave_up = done.send(Err(error()));
        }
    }

    /// Gives an error to the waiters whose deadline is at or before `now`.
    pub(crate) fn expire(&mut self, now: Instant, error: impl Fn() -> Error) {
        for (_, done) in self.waiting.extract_if(.., |(until, _)| *until <= now) {
            let _gave_up = done.send(Err(error()));
        }
    }
}
