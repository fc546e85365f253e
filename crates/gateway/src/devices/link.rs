//! The link to the broker over which devices are reached.

use std::time::Duration;

use futures_util::{StreamExt, stream::FuturesUnordered};
use setpoint::MessageId;
use setpoint_clock::Backoff;
use tokio::{
    sync::mpsc,
    time::{Instant as Alarm, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    error::Chain,
    mqtt::{Arrived, Connection, ConnectionError, Event, Inbox, Outgoing, Sent, Settings},
    ports::{DeviceEvents, DeviceMessage, HandOver, HandedOver, Health, Link},
};

/// How long a connection may take to disconnect in order.
const GOODBYE: Duration = Duration::from_secs(1);

/// Keeps a connection to the broker, and hands each command over at most once.
///
/// A command that is still queued here when the connection is lost, or arrives while there is none, was certainly not sent.
/// Whether one was sent that was given to the connection and not acknowledged is unknown (`Unclear`).
#[derive(Debug)]
pub(crate) struct DeviceLink<E> {
    pub(crate) settings: Settings,
    pub(crate) backoff: Backoff,
    /// Commands to hand over: as many as the engine's hand-over window at most.
    pub(crate) commands: mpsc::UnboundedReceiver<HandOver>,
    /// The run loop.
    pub(crate) events: E,
    pub(crate) health: Health,
}

impl<E: DeviceEvents> DeviceLink<E> {
    /// Runs until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            let outcome = match Connection::open(&self.settings, Answers(self.events.clone())) {
                Ok(connection) => self.serve(connection, &stop).await,
                Err(reason) => Some(reason),
            };
            let Some(reason) = outcome else { return };
            let pause = self.backoff.pause(fastrand::u32(..));
            self.log_lost(&reason, pause);
            if !self.pause(pause, &stop).await {
                return;
            }
        }
    }

    fn log_lost(&self, reason: &ConnectionError, pause: Duration) {
        let (broker, reason) = (&self.settings.address, Chain(reason));
        tracing::warn!(link = %Link::Devices, %broker, %reason, ?pause, "not connected");
    }

    /// One connection, to its end: why it was lost, or `None` for a stop.
    async fn serve(&mut self, mut connection: Connection, stop: &CancellationToken) -> Option<ConnectionError> {
        let mut up = false;
        // The report that revealed that the connection is lost. It waits until the run loop knows that the link is down:
        // otherwise the run loop would hand the next command over to this connection.
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
                    self.events.handed_over(message_id, how);
                }
                Some(command) = self.commands.recv() => {
                    let message_id = command.message_id;
                    match hand_over(&connection, command, up) {
                        Ok(sent) => under_way.push(async move { (message_id, outcome(message_id, sent.await)) }),
                        Err(NotSent::ConnectionGone) => {
                            last = Some((message_id, HandedOver::NotSent));
                            break Some(connection.why_lost().await);
                        }
                        Err(NotSent::TooSoon | NotSent::TooLate) => {
                            self.events.handed_over(message_id, HandedOver::NotSent);
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
            self.events.handed_over(message_id, how);
        }
        // The connection has ended, so each of these resolves: acknowledged, or lost.
        while let Some((message_id, how)) = under_way.next().await {
            self.events.handed_over(message_id, how);
        }
        reason
    }

    /// Waits before the next attempt; `false` for a stop. Commands that arrive meanwhile are reported as not sent.
    async fn pause(&mut self, pause: Duration, stop: &CancellationToken) -> bool {
        let end = Alarm::now() + pause;
        loop {
            tokio::select! {
                () = stop.cancelled() => return false,
                () = sleep_until(end) => return true,
                Some(command) = self.commands.recv() => {
                    self.events.handed_over(command.message_id, HandedOver::NotSent);
                }
            }
        }
    }

    fn set_link(&self, up: bool) {
        self.health.set_link(Link::Devices, up);
        self.events.link(up);
    }
}

/// Takes the devices' answers from a connection.
struct Answers<E>(E);

impl<E: DeviceEvents> Inbox for Answers<E> {
    async fn take(&self, message: Arrived) -> bool {
        let Arrived { topic, payload, retained } = message;
        // The filters also match commands, the gateway's own included. They are dropped here, before they take up the queue.
        if !topic.ends_with(b"_reply") {
            return true;
        }
        let message = DeviceMessage { topic, payload, retained, received: setpoint_clock::now() };
        self.0.message(message).await.is_ok()
    }
}

/// Why a command certainly was not sent.
enum NotSent {
    /// The connection is not up yet.
    TooSoon,
    /// The command has expired.
    TooLate,
    /// The connection is lost; its last event is still queued.
    ConnectionGone,
}

/// Gives a command to the connection.
fn hand_over(
    connection: &Connection,
    command: HandOver,
    up: bool,
) -> Result<impl Future<Output = Sent> + Send + use<>, NotSent> {
    let left_ms = command.deadline.millis_since(setpoint_clock::now().instant);
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
    // The client's queue is as long as the engine's hand-over window, so it is never full.
    connection.send(message).ok_or(NotSent::ConnectionGone)
}

fn outcome(message_id: MessageId, sent: Sent) -> HandedOver {
    match sent {
        Sent::Acknowledged => HandedOver::Taken,
        Sent::Lost => HandedOver::Unclear,
        Sent::Rejected(reason) => {
            tracing::warn!(%message_id, reason, "the broker refused a command");
            HandedOver::NotSent
        }
    }
}
