//! The events of one batch.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use setpoint::{
    Family,
    requester::{Event, RequestBatchId, Summary},
};
use tokio::sync::mpsc;

use crate::{Client, Error};

/// A batch's place in the client's task; dropping it cancels the batch, unless it is done.
#[derive(Debug)]
pub(crate) struct Ticket {
    batch: RequestBatchId,
    family: Family,
    items: usize,
    events: mpsc::UnboundedReceiver<Event>,
    cancels: mpsc::UnboundedSender<RequestBatchId>,
    done: bool,
}

impl Ticket {
    pub(crate) fn new(
        batch: RequestBatchId,
        family: Family,
        items: usize,
        events: mpsc::UnboundedReceiver<Event>,
        cancels: mpsc::UnboundedSender<RequestBatchId>,
    ) -> Self {
        Self { batch, family, items, events, cancels, done: false }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.done {
            // When the client's task is gone, so is the batch.
            let _ = self.cancels.send(self.batch);
        }
    }
}

/// The events of one batch as they come, up to and including [`Event::BatchDone`], after which the stream ends.
///
/// Nothing is lost when they are read late: the batch's own buffer holds all it can ever have, which is at most two
/// events an item. And nobody else waits for them.
///
/// Dropping it before the end cancels the batch: what is still being sent is broken off, and what the service
/// answers for items it had already taken arrives at [`Client::late_events`]. The devices may act all the same.
#[derive(Debug)]
#[must_use = "dropping it cancels the batch"]
pub struct Outcomes {
    ticket: Ticket,
    /// The client's task runs for as long as anyone waits for outcomes.
    _client: Client,
}

impl Outcomes {
    pub(crate) fn new(ticket: Ticket, client: Client) -> Self {
        Self { ticket, _client: client }
    }

    /// The batch, as its events name it.
    pub fn batch(&self) -> RequestBatchId {
        self.ticket.batch
    }

    /// Invoke or write.
    pub fn family(&self) -> Family {
        self.ticket.family
    }

    /// How many items the batch has.
    pub fn items(&self) -> usize {
        self.ticket.items
    }

    /// The next event; `None` after [`Event::BatchDone`].
    ///
    /// Nothing is lost when the returned future is dropped.
    pub async fn next_event(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Waits until every item has ended, and says how.
    ///
    /// # Errors
    /// [`Error::Closed`] if the client ended before the batch did, which takes a panic.
    pub async fn summary(mut self) -> Result<Summary, Error> {
        while let Some(event) = self.next_event().await {
            if let Event::BatchDone { summary, .. } = event {
                return Ok(summary);
            }
        }
        Err(Error::Closed)
    }

    /// Waits until every item has ended: all its events but the last, and how the items ended.
    ///
    /// # Errors
    /// [`Error::Closed`] if the client ended before the batch did, which takes a panic.
    pub async fn collect(mut self) -> Result<(Vec<Event>, Summary), Error> {
        let mut events = Vec::with_capacity(2 * self.items());
        while let Some(event) = self.next_event().await {
            match event {
                Event::BatchDone { summary, .. } => return Ok((events, summary)),
                event => events.push(event),
            }
        }
        Err(Error::Closed)
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.ticket.done {
            return Poll::Ready(None);
        }
        let polled = self.ticket.events.poll_recv(cx);
        self.ticket.done = matches!(polled, Poll::Ready(None | Some(Event::BatchDone { .. })));
        polled
    }
}

impl Stream for Outcomes {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().poll_event(cx)
    }
}
