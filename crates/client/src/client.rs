//! The handle on a running client.

use std::sync::Arc;

use setpoint::{Family, InvokeItem, WriteItem};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::{
    ChannelEvents, Channels, Error, LateEvents, Outcomes, Stats,
    messages::{BatchContent, Command},
    observers::Observers,
};

/// Sends batches and receives their outcomes: a handle, cheap to clone, on the one task that owns the engine's
/// [`Requester`](setpoint::Requester).
///
/// Every call may be dropped at any await: a batch whose call was dropped is not sent if it had not been, and is
/// cancelled if it had; no call ever gets another one's outcomes. The task ends when the client is
/// [closed](Self::close), or when every client and every [`Outcomes`] has been dropped.
///
/// [`Client::builder`] makes one.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) request_slots: Arc<Semaphore>,
    pub(crate) observers: Arc<Observers>,
    pub(crate) channels: Channels,
    pub(crate) listening: Listening,
    /// Carries nothing: its other end is dropped when the client's task ends.
    pub(crate) ended: mpsc::Sender<()>,
}

/// The channels on which a client listens.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    /// The first of each family is the channel of items that name none.
    pub(crate) invoke: Vec<String>,
    pub(crate) write: Vec<String>,
    /// With a source of the caller's own, any channel may be listened on, so no item is refused for its channel.
    pub(crate) any_channel: bool,
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
        } else if !self.any_channel && !ours.contains(channel_id) {
            return Err(Error::NotListening { index, channel_id: channel_id.clone() });
        }
        Ok(())
    }
}

impl Client {
    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Sends a batch of invokes. Items with an empty channel id get the client's invoke channel.
    ///
    /// Returns as soon as the batch is registered and about to be sent; whether the service accepted its items is told
    /// by the first events. While as many requests are under way as
    /// [the client may have](crate::Builder::requests_under_way), it waits.
    ///
    /// ```no_run
    /// use setpoint_client::{DeviceName, InvokeItem};
    ///
    /// # async fn run(client: setpoint_client::Client) -> Result<(), setpoint_client::Error> {
    /// let start = InvokeItem::new("", DeviceName::asset("turbine-7"), "start").with_timeout_ms(5_000);
    /// let summary = client.invoke([start]).await?.summary().await?;
    /// assert_eq!(summary.submitted, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The batch is not usable as it is, or the client cannot hear its outcomes. Nothing was sent.
    pub async fn invoke(&self, items: impl Into<Vec<InvokeItem>>) -> Result<Outcomes, Error> {
        let mut items = items.into();
        for (index, item) in items.iter_mut().enumerate() {
            self.inner.listening.fill(Family::Invoke, index, &mut item.control_channel_id)?;
        }
        self.submit(BatchContent::Invokes(items)).await
    }

    /// Sends a batch of writes, as [`invoke`](Self::invoke) sends invokes. Items with an empty channel id get the client's
    /// write channel.
    ///
    /// ```no_run
    /// use setpoint_client::{DeviceName, WriteItem};
    ///
    /// # async fn run(client: setpoint_client::Client) -> Result<(), setpoint_client::Error> {
    /// let limit = WriteItem::new("", DeviceName::asset("turbine-7"), "powerLimit", 1_500);
    /// let summary = client.write([limit]).await?.summary().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The batch is not usable as it is, or the client cannot hear its outcomes. Nothing was sent.
    pub async fn write(&self, items: impl Into<Vec<WriteItem>>) -> Result<Outcomes, Error> {
        let mut items = items.into();
        for (index, item) in items.iter_mut().enumerate() {
            self.inner.listening.fill(Family::Write, index, &mut item.set_measurepoint_channel_id)?;
        }
        self.submit(BatchContent::Writes(items)).await
    }

    /// Sends a body that was written elsewhere, byte for byte. It may contain items that the service is going to refuse,
    /// and no channel is filled in or checked: outcomes on a channel on which this client does not listen are never
    /// seen here, and their items time out.
    ///
    /// ```no_run
    /// use setpoint_client::Family;
    ///
    /// # async fn run(client: setpoint_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let outcomes = client.send_body(Family::Invoke, std::fs::read("start.json")?).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The body is not usable as a whole. Nothing was sent.
    pub async fn send_body(&self, family: Family, body: impl Into<Vec<u8>>) -> Result<Outcomes, Error> {
        self.submit(BatchContent::Body(family, body.into())).await
    }

    async fn submit(&self, content: BatchContent) -> Result<Outcomes, Error> {
        let inner = &*self.inner;
        // Before the submission: deadlines run from there, and a batch that waits here was certainly not sent.
        let permit = Arc::clone(&inner.request_slots).acquire_owned().await.map_err(|_| Error::Closed)?;
        let (submitted, registered) = oneshot::channel();
        inner.commands.send(Command::Submit { content, permit, submitted }).await.map_err(|_| Error::Closed)?;
        let events = registered.await.map_err(|_| Error::Closed)??;
        Ok(Outcomes::new(events, inner.commands.clone()))
    }

    /// Replies that end nothing: late, duplicate, unknown and unreadable ones, from now on.
    pub fn late_events(&self) -> LateEvents {
        self.inner.observers.late_events()
    }

    /// Changes of the connections on which outcomes arrive (lost, back, possible gaps), from now on.
    pub fn channel_events(&self) -> ChannelEvents {
        self.inner.observers.channel_events()
    }

    /// Counters of what belongs to no batch, since the client was built.
    pub fn stats(&self) -> Stats {
        self.inner.observers.stats()
    }

    /// The channel calls, over the same connection pool.
    pub fn channels(&self) -> &Channels {
        &self.inner.channels
    }

    /// Cancels the open items, stops listening and ends the client's task, for every clone; when any call of it returns,
    /// the task has ended. Streams of outcomes end with `Cancelled` for the open items and `BatchDone`: wait for them
    /// first if their outcomes matter.
    pub async fn close(&self) {
        self.inner.request_slots.close();
        // Fails only if the task is ending already, or has ended.
        let _ = self.inner.commands.send(Command::Close).await;
        self.inner.ended.closed().await;
    }
}
