//! The handle.

use std::sync::Arc;

use setpoint::{Family, InvokeItem, WriteItem};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::{
    ChannelEvents, Channels, Error, LateEvents, Outcomes, Stats,
    actor::{Batch, Command},
    builder::Builder,
    shared::Shared,
};

/// Sends batches and hears their outcomes: a cheap handle on one task that owns the engine's
/// [`Requester`](setpoint::Requester).
///
/// Every call may be dropped at any await: a batch whose call was dropped is not sent if it had not been, and is
/// cancelled if it had; nobody gets anybody else's answer. The task ends when the client is [closed](Self::close), or
/// when every client and every [`Outcomes`] is gone.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) channels: Channels,
    pub(crate) listening: Listening,
    /// Carries nothing: its other end goes with the client's task.
    pub(crate) ended: mpsc::Sender<()>,
}

/// The channels on which a client listens.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    /// The first of each family is for the items that name none.
    pub(crate) invoke: Vec<String>,
    pub(crate) write: Vec<String>,
    /// A plug-in source hears what it hears: no channel can be ruled out.
    pub(crate) anything: bool,
}

impl Listening {
    pub(crate) fn of(&self, family: Family) -> &[String] {
        match family {
            Family::Invoke => &self.invoke,
            Family::Write => &self.write,
        }
    }

    /// Gives the item at `index` the client's channel if it names none.
    fn fill(&self, family: Family, index: usize, channel_id: &mut String) -> Result<(), Error> {
        let ours = self.of(family);
        if channel_id.is_empty() {
            channel_id.clone_from(ours.first().ok_or(Error::NoChannel { index, family })?);
        } else if !self.anything && !ours.contains(channel_id) {
            return Err(Error::NotListening { index, channel_id: channel_id.clone() });
        }
        Ok(())
    }
}

impl Client {
    /// A client of the service at `url`, such as `http://127.0.0.1:8080`.
    ///
    /// ```no_run
    /// use setpoint::{DeviceName, InvokeItem, requester::Event};
    /// use setpoint_client::Client;
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::builder("http://127.0.0.1:8080")
    ///     .org_id("o1")
    ///     .channel("DATASVC.CONTROL.ops")
    ///     .create_channels()
    ///     .build()
    ///     .await?;
    /// let start = InvokeItem::new("", DeviceName::asset("turbine-7"), "start").with_timeout_ms(5_000);
    /// let mut outcomes = client.invoke(vec![start]).await?;
    /// while let Some(event) = outcomes.next_event().await {
    ///     match event {
    ///         Event::Finished { item, outcome } => println!("{:?}: {}", item.request_id(), outcome.code()),
    ///         Event::TimedOut { item, known_unsent: true, .. } => println!("{:?} may be repeated", item.request_id()),
    ///         other => println!("{other:?}"),
    ///     }
    /// }
    /// client.close().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder::new(url.into())
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Sends a batch of invokes. Items with an empty channel id get the client's invoke channel.
    ///
    /// Returns as soon as the batch is on its way; the response's verdicts are the first events.
    /// While as many requests are under way as the client may have, it waits.
    ///
    /// # Errors
    /// The batch is not usable as it is, or the client cannot hear its outcomes. Nothing was sent.
    pub async fn invoke(&self, items: impl Into<Vec<InvokeItem>>) -> Result<Outcomes, Error> {
        let mut items = items.into();
        for (index, item) in items.iter_mut().enumerate() {
            self.inner.listening.fill(Family::Invoke, index, &mut item.control_channel_id)?;
        }
        self.submit(Batch::Invokes(items)).await
    }

    /// Sends a batch of writes. Items with an empty channel id get the client's write channel.
    ///
    /// Returns as soon as the batch is on its way; the response's verdicts are the first events.
    /// While as many requests are under way as the client may have, it waits.
    ///
    /// # Errors
    /// The batch is not usable as it is, or the client cannot hear its outcomes. Nothing was sent.
    pub async fn write(&self, items: impl Into<Vec<WriteItem>>) -> Result<Outcomes, Error> {
        let mut items = items.into();
        for (index, item) in items.iter_mut().enumerate() {
            self.inner.listening.fill(Family::Write, index, &mut item.set_measurepoint_channel_id)?;
        }
        self.submit(Batch::Writes(items)).await
    }

    /// Sends a body that was written elsewhere, byte for byte. Items that the service is going to refuse may be in
    /// it, and no channel is filled in or checked: the outcomes of a channel on which this client does not listen
    /// are never seen here, and their items time out.
    ///
    /// # Errors
    /// The body is not usable as a whole. Nothing was sent.
    pub async fn send_body(&self, family: Family, body: impl Into<Vec<u8>>) -> Result<Outcomes, Error> {
        self.submit(Batch::Body(family, body.into())).await
    }

    async fn submit(&self, batch: Batch) -> Result<Outcomes, Error> {
        // Before the submission: deadlines run from there, and a batch that waits here was never sent.
        let permit = Arc::clone(&self.inner.slots).acquire_owned().await.map_err(|_| Error::Closed)?;
        let (answer, ticket) = oneshot::channel();
        self.inner.commands.send(Command::Submit { batch, permit, answer }).await.map_err(|_| Error::Closed)?;
        let ticket = ticket.await.map_err(|_| Error::Closed)??;
        Ok(Outcomes::new(ticket, self.clone()))
    }

    /// Replies that end nothing: late, duplicate, unknown and unreadable ones, from now on.
    pub fn late_events(&self) -> LateEvents {
        self.inner.shared.late_events()
    }

    /// Changes of the way on which outcomes come (lost, back, possible gaps), from now on.
    pub fn channel_events(&self) -> ChannelEvents {
        self.inner.shared.channel_events()
    }

    /// Counters of what belongs to no batch, since the client was built.
    pub fn stats(&self) -> Stats {
        self.inner.shared.stats()
    }

    /// The channel calls, over the same connection pool.
    pub fn channels(&self) -> &Channels {
        &self.inner.channels
    }

    /// Cancels what is open, stops to listen and ends the client's task, for every clone; when any call returns, the task
    /// has ended. Streams of outcomes end with `Cancelled` for the open items and `BatchDone`; wait for them first if they
    /// matter.
    pub async fn close(&self) {
        self.inner.slots.close();
        // An error means that the task is ending already, or has ended.
        let _ = self.inner.commands.send(Command::Close).await;
        self.inner.ended.closed().await;
    }
}
