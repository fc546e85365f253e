//! The devices' link: commands out, answers in.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream::FuturesUnordered};
use setpoint::{MessageId, MonotonicTime, responder::HandedOver};
use tokio::{
    sync::mpsc,
    time::{Instant as Alarm, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    backoff::Backoff,
    connection::{Connection, Event, Incoming, Outgoing, Sent, Settings},
};
use crate::{
    clock,
    metrics::{Link, Metrics},
};

/// How long a connection may take to say good-bye.
const GOODBYE: Duration = Duration::from_secs(1);

/// A command to hand over.
#[derive(Debug)]
pub(crate) struct HandOver {
    pub(crate) message_id: MessageId,
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) deadline: MonotonicTime,
}

/// What the run loop hears from a link.
#[derive(Debug)]
pub(crate) enum LinkReport {
    /// The link is up, or down.
    Up(bool),
    /// How a hand-over went.
    HandedOver(MessageId, HandedOver),
}

/// Keeps a connection to the broker, and hands each command over at most once.
///
/// What waits here when the connection goes, or comes while there is none, was certainly not sent. What was given to
/// the connection and not acknowledged is unclear.
#[derive(Debug)]
pub(crate) struct DeviceLink<R> {
    pub(super) settings: Settings,
    pub(super) backoff: Backoff,
    /// Commands to hand over: as many as the engine's hand-over window at most.
    pub(super) commands: mpsc::UnboundedReceiver<HandOver>,
    pub(super) inbox: mpsc::Sender<Incoming>,
    pub(super) report: R,
    pub(super) metrics: Metrics,
}

impl<R: Fn(LinkReport) + Send> DeviceLink<R> {
    /// Runs until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            let outcome = match Connection::open(&self.settings, Some(self.inbox.clone())) {
                Ok(connection) => self.serve(connection, &stop).await,
                Err(reason) => Some(reason),
            };
            let Some(reason) = outcome else { return };
            let pause = self.backoff.pause();
            tracing::warn!(link = %Link::Devices, broker = %self.settings.address, reason, ?pause, "not connected");
            if !self.pause(pause, &stop).await {
                return;
            }
        }
    }

    /// One connection, to its end: why it was lost, or `None` for a stop.
    async fn serve(&mut self, mut connection: Connection, stop: &CancellationToken) -> Option<String> {
        let mut up = false;
        // An outcome that says that the connection is lost: that must be known before anything is handed over again.
        let mut last = None;
        let mut under_way = FuturesUnordered::new();
        let reason = loop {
            tokio::select! {
                () = stop.cancelled() => break None,
                event = connection.event() => match event {
                    Event::Up if !up => {
                        up = true;
                        self.backoff.reset();
                        tracing::info!(link = %Link::Devices, broker = %self.settings.address, "connected");
                        self.set_link(true);
                    }
                    Event::Up => {}
                    Event::Lost(reason) => break Some(reason),
                },
                Some((message_id, how)) = under_way.next() => {
                    if how == HandedOver::Unclear {
                        last = Some((message_id, how));
                        break Some(connection.why_lost().await);
                    }
                    (self.report)(LinkReport::HandedOver(message_id, how));
                }
                Some(command) = self.commands.recv() => {
                    let message_id = command.message_id;
                    match hand_over(&connection, command, up) {
                        Ok(sent) => under_way.push(async move { (message_id, judge(message_id, sent.await)) }),
                        Err(NotSent::ConnectionGone) => {
                            last = Some((message_id, HandedOver::NotSent));
                            break Some(connection.why_lost().await);
                        }
                        Err(NotSent::TooSoon | NotSent::TooLate) => {
                            (self.report)(LinkReport::HandedOver(message_id, HandedOver::NotSent));
                        }
                    }
                }
            }
        };
        self.set_link(false);
        match reason {
            Some(_) => drop(connection),
            None => drop(timeout(GOODBYE, connection.close()).await),
        }
        if let Some((message_id, how)) = last {
            (self.report)(LinkReport::HandedOver(message_id, how));
        }
        // With the connection gone, each of them is either acknowledged or lost.
        while let Some((message_id, how)) = under_way.next().await {
            (self.report)(LinkReport::HandedOver(message_id, how));
        }
        reason
    }

    /// Waits before the next attempt: `false` for a stop. Commands that come in the meantime are not sent.
    async fn pause(&mut self, pause: Duration, stop: &CancellationToken) -> bool {
        let end = Alarm::now() + pause;
        loop {
            tokio::select! {
                () = stop.cancelled() => return false,
                () = sleep_until(end) => return true,
                Some(command) = self.commands.recv() => {
                    (self.report)(LinkReport::HandedOver(command.message_id, HandedOver::NotSent));
                }
            }
        }
    }

    fn set_link(&self, up: bool) {
        self.metrics.set_link(Link::Devices, up);
        (self.report)(LinkReport::Up(up));
    }
}

/// Why a command certainly was not sent.
enum NotSent {
    /// The connection does not stand yet.
    TooSoon,
    /// The command has expired.
    TooLate,
    /// The connection is lost, and its event is on the way.
    ConnectionGone,
}

/// Gives a command to the connection.
fn hand_over(
    connection: &Connection,
    command: HandOver,
    up: bool,
) -> Result<impl Future<Output = Sent> + Send + use<>, NotSent> {
    let left_ms = command.deadline.millis_since(clock::now().instant);
    if left_ms == 0 {
        return Err(NotSent::TooLate);
    }
    if !up {
        return Err(NotSent::TooSoon);
    }
    let message = Outgoing {
        topic: command.topic,
        payload: command.payload,
        expiry_s: Some(u32::try_from(left_ms.div_ceil(1_000)).unwrap_or(u32::MAX)),
    };
    // It has room for as many as the engine hands over at once.
    connection.send(message).ok_or(NotSent::ConnectionGone)
}

fn judge(message_id: MessageId, sent: Sent) -> HandedOver {
    match sent {
        Sent::Acknowledged => HandedOver::Taken,
        Sent::Lost => HandedOver::Unclear,
        Sent::Refused(reason) => {
            tracing::warn!(%message_id, reason, "the broker refused a command");
            HandedOver::NotSent
        }
    }
}
