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

use crate::{Error, batch_events::BatchEvents, messages::Command};

/// The events of one batch as they come, up to and including [`Event::BatchDone`], after which the stream ends.
///
/// Every item ends with exactly one of `Refused`, `Finished`, `TimedOut` and `Cancelled`. The events wait here for as
/// long as it takes to read them: a slow reader delays no other batch and loses nothing. There are at most two for each
/// item and one for the batch.
///
/// Dropping it before the end cancels the batch: a request that is under way is aborted, and what the service
/// answers for items it had already accepted arrives at [`Client::late_events`](crate::Client::late_events). The
/// devices may act all the same.
///
/// ```no_run
/// # async fn run(client: setpoint_client::Client, item: setpoint_client::InvokeItem) -> Result<(), setpoint_client::Error> {
/// let (events, summary) = client.invoke([item]).await?.collect().await?;
/// println!("{} of {} succeeded: {events:?}", summary.succeeded, summary.submitted);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it cancels the batch"]
pub struct Outcomes {
    events: BatchEvents,
    /// The client's task runs for as long as there is a sender of commands: as long as anyone waits for outcomes.
    _keeps_task_alive: mpsc::Sender<Command>,
}

impl Outcomes {
    pub(crate) fn new(events: BatchEvents, commands: mpsc::Sender<Command>) -> Self {
        Self { events, _keeps_task_alive: commands }
    }

    /// The batch, as its events name it.
    pub fn batch(&self) -> RequestBatchId {
        self.events.batch
    }

    /// Invoke or write.
    pub fn family(&self) -> Family {
        self.events.family
    }

    /// How many items the batch has.
    pub fn items(&self) -> usize {
        self.events.items
    }

    /// The next event; `None` after [`Event::BatchDone`].
    ///
    /// Nothing is lost when the returned future is dropped.
    pub async fn next_event(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| self.events.poll(cx)).await
    }

    /// Waits until every item has ended; returns how many ended in which way.
    ///
    /// # Errors
    /// [`Error::Closed`] if the client's task ended before the batch did, which only a panic in it can cause.
    pub async fn summary(mut self) -> Result<Summary, Error> {
        while let Some(event) = self.next_event().await {
            if let Event::BatchDone { summary, .. } = event {
                return Ok(summary);
            }
        }
        Err(Error::Closed)
    }

    /// Waits until every item has ended; returns all events but the last, and the summary from the last.
    ///
    /// # Errors
    /// [`Error::Closed`] if the client's task ended before the batch did, which only a panic in it can cause.
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
}

impl Stream for Outcomes {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().events.poll(cx)
    }
}
