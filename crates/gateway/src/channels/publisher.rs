//! The link to the broker on whose topics channel messages are published.

use std::{collections::BTreeMap, future::Future, pin::Pin, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use setpoint::responder::PublicationId;
use setpoint_clock::Backoff;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    error::Chain,
    mqtt::{Connection, ConnectionError, Event, NoInbox, Outgoing, Sent, Settings},
    ports::{ChannelEvents, Health, Link, Publication, Published},
};

/// How long a connection may take to disconnect in order.
const GOODBYE: Duration = Duration::from_secs(1);
/// How long to wait before a message that the broker rejected is sent again.
const REJECTED: Duration = Duration::from_secs(1);

/// Keeps a connection to the broker, and publishes every message at least once, in order.
///
/// Messages are kept here until they are acknowledged: as many as the engine's outbox holds at most. After a lost
/// connection the unacknowledged ones are published again, the oldest first.
#[derive(Debug)]
pub(crate) struct ChannelLink<X, E> {
    pub(crate) settings: Settings,
    pub(crate) backoff: Backoff,
    pub(crate) messages: mpsc::UnboundedReceiver<Publication>,
    /// Whether the org still has the channel.
    pub(crate) exists: X,
    /// The run loop.
    pub(crate) events: E,
    pub(crate) health: Health,
    /// Messages that are not acknowledged yet, in order.
    pub(crate) kept: BTreeMap<PublicationId, Publication>,
}

/// One attempt to publish, or the pause before the next.
type Attempt = Pin<Box<dyn Future<Output = (PublicationId, After)> + Send>>;

/// What follows from an attempt.
enum After {
    Sent(Sent),
    /// The pause after a rejection is over.
    TryAgain,
}

impl<X, E> ChannelLink<X, E>
where
    X: Fn(&Publication) -> bool + Send,
    E: ChannelEvents,
{
    /// Runs until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            let outcome = match Connection::open(&self.settings, NoInbox) {
                Ok(connection) => self.serve(connection, &stop).await,
                Err(reason) => Some(reason),
            };
            let Some(reason) = outcome else { return };
            let pause = self.backoff.pause(fastrand::u32(..));
            self.log_lost(&reason, pause);
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
    }

    fn log_lost(&self, reason: &ConnectionError, pause: Duration) {
        let (broker, reason) = (&self.settings.address, Chain(reason));
        tracing::warn!(link = %Link::Channels, %broker, %reason, ?pause, "not connected");
    }

    /// One connection, to its end: why it was lost, or `None` for a stop.
    async fn serve(&mut self, mut connection: Connection, stop: &CancellationToken) -> Option<ConnectionError> {
        let mut up = false;
        // Messages before this one have been sent on this connection.
        let mut next = PublicationId(0);
        let mut under_way = FuturesUnordered::<Attempt>::new();
        let reason = loop {
            if up {
                self.fill(&connection, &mut next, &under_way);
            }
            tokio::select! {
                () = stop.cancelled() => break None,
                event = connection.event() => match event {
                    Event::Up => {
                        up = true;
                        self.backoff.reset();
                        self.health.set_link(Link::Channels, true);
                        tracing::info!(link = %Link::Channels, broker = %self.settings.address, "connected");
                    }
                    Event::Lost(reason) => break Some(reason),
                },
                Some((id, after)) = under_way.next() => self.follow(&connection, id, after, &under_way),
                Some(message) = self.messages.recv() => drop(self.kept.insert(message.id, message)),
            }
        };
        self.health.set_link(Link::Channels, false);
        if reason.is_none() {
            drop(timeout(GOODBYE, connection.close()).await);
        }
        reason
    }

    /// Publishes the next messages, as many as the window allows.
    fn fill(&mut self, connection: &Connection, next: &mut PublicationId, under_way: &FuturesUnordered<Attempt>) {
        while under_way.len() < usize::from(self.settings.window) {
            let Some((&id, _)) = self.kept.range(*next..).next() else { return };
            *next = PublicationId(id.0 + 1);
            self.publish(connection, id, under_way);
        }
    }

    fn publish(&mut self, connection: &Connection, id: PublicationId, under_way: &FuturesUnordered<Attempt>) {
        let Some(message) = self.kept.get(&id) else { return };
        let bytes = message.body.len() + message.channel_id.len();
        let too_large = bytes >= usize::try_from(self.settings.max_packet_bytes).unwrap_or(usize::MAX);
        if too_large {
            tracing::error!(
                channel = &*message.channel_id,
                bytes,
                "a channel message is larger than mqtt.max_packet_bytes"
            );
        }
        if too_large || !(self.exists)(message) {
            self.kept.remove(&id);
            self.events.published(id, Published::Undeliverable);
            return;
        }
        let topic = message.channel_id.to_string();
        let outgoing = Outgoing { topic, payload: message.body.clone(), expiry_s: None };
        under_way.push(match connection.send(outgoing) {
            Some(sent) => Box::pin(async move { (id, After::Sent(sent.await)) }),
            // The connection is being lost: the message is published on the next one.
            None => Box::pin(async move { (id, After::Sent(Sent::Lost)) }),
        });
    }

    fn follow(
        &mut self,
        connection: &Connection,
        id: PublicationId,
        after: After,
        under_way: &FuturesUnordered<Attempt>,
    ) {
        match after {
            After::Sent(Sent::Acknowledged) => {
                self.kept.remove(&id);
                self.events.published(id, Published::Done);
            }
            After::Sent(Sent::Lost) => {}
            After::Sent(Sent::Rejected(reason)) => {
                let channel = self.kept.get(&id).map(|message| &*message.channel_id);
                tracing::warn!(channel, reason, "the broker refused a channel message; it is tried again");
                under_way.push(Box::pin(async move {
                    sleep(REJECTED).await;
                    (id, After::TryAgain)
                }));
            }
            After::TryAgain => self.publish(connection, id, under_way),
        }
    }
}
