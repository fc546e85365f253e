//! The receiving end of one batch's events.

use std::task::{Context, Poll};

use setpoint::{
    Family,
    requester::{Event, RequestBatchId},
};
use tokio::sync::mpsc;

/// Receives a batch's events from the client's task. Dropping it before the batch is done cancels the batch.
#[derive(Debug)]
pub(crate) struct BatchEvents {
    pub(crate) batch: RequestBatchId,
    pub(crate) family: Family,
    /// How many items the batch has.
    pub(crate) items: usize,
    events: mpsc::UnboundedReceiver<Event>,
    cancels: mpsc::UnboundedSender<RequestBatchId>,
    done: bool,
}

impl BatchEvents {
    pub(crate) fn new(
        batch: RequestBatchId,
        family: Family,
        items: usize,
        events: mpsc::UnboundedReceiver<Event>,
        cancels: mpsc::UnboundedSender<RequestBatchId>,
    ) -> Self {
        Self { batch, family, items, events, cancels, done: false }
    }

    /// The next event; `None` after `BatchDone`.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.done {
            return Poll::Ready(None);
        }
        let polled = self.events.poll_recv(cx);
        self.done = matches!(polled, Poll::Ready(None | Some(Event::BatchDone { .. })));
        polled
    }
}

impl Drop for BatchEvents {
    fn drop(&mut self) {
        if !self.done {
            // Fails only if the client's task has ended, and its batches with it.
            let _ = self.cancels.send(self.batch);
        }
    }
}
