//! One connection to a broker, of either version of the protocol, used once.
//!
//! A connection that is lost is thrown away with everything in it, and another one is opened with a client of its own.
//! The client library keeps unacknowledged messages and repeats them, but only within one client: so nothing is ever sent
//! again without this crate deciding it.

use std::{error::Error, future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use super::address::BrokerAddress;
use crate::config::MqttProtocol;

mod options;
mod v311;
mod v5;

/// What the broker may add to a message on its way: a full topic in place of an alias, and properties.
const PACKET_SLACK_BYTES: usize = 128 << 10;

/// Most messages written to the socket at once. By default the client library writes each of them with a system call of
/// its own, and wakes the broker with it. Many more save nothing, and answers wait behind them: nothing is read while
/// something is to be written.
const MESSAGES_PER_WRITE: usize = 16;

/// How long the last event of a lost connection may take.
const LAST_EVENT: Duration = Duration::from_millis(100);

/// What a connection is opened with.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) address: BrokerAddress,
    pub(crate) client_id: Arc<str>,
    pub(crate) keep_alive_s: u16,
    /// Largest packet in either direction, in bytes.
    pub(crate) max_packet_bytes: u32,
    /// Most messages sent and not acknowledged.
    pub(crate) window: u16,
    /// What is subscribed to when the connection is up.
    pub(crate) filters: &'static [&'static str],
}

/// A change of a connection.
#[derive(Debug)]
pub(crate) enum Event {
    /// It is up, and every subscription is granted.
    Up,
    /// It is lost, or was never made; the last event.
    Lost(ConnectionError),
}

/// Why a connection is lost, or was never made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error("the connection ended")]
    Ended,
    #[error("the connection does not react")]
    Unresponsive,
    /// With the reason code, where the protocol has one.
    #[error("the broker refused a subscription{0}")]
    SubscriptionRefused(String),
    #[error("nobody takes messages any more")]
    NobodyListens,
    /// What the client library says.
    #[error(transparent)]
    Client(Box<dyn Error + Send + Sync>),
}

impl ConnectionError {
    fn client(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Client(Box::new(error))
    }
}

/// A message that arrived.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) topic: Bytes,
    pub(crate) payload: Bytes,
    /// Whether the broker had kept it from before.
    pub(crate) retained: bool,
}

/// Takes the messages that arrive.
pub(crate) trait Inbox: Send + Sync + 'static {
    /// Takes a message; while it waits, nothing more is read. Whether anybody takes messages any more.
    fn take(&self, message: Arrived) -> impl Future<Output = bool> + Send;
}

/// For a connection that subscribes to nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoInbox;

impl Inbox for NoInbox {
    async fn take(&self, _message: Arrived) -> bool {
        true
    }
}

/// A message to send with QoS 1, not retained.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    /// Seconds after which the broker drops it; MQTT 5 only.
    pub(crate) expiry_s: Option<u32>,
}

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The broker has it.
    Acknowledged,
    /// The broker does not take it; its reason code.
    Rejected(String),
    /// The connection was lost before it was acknowledged: the broker may have it.
    Lost,
}

/// A connection, from the attempt to its loss. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Connection {
    client: Client,
    events: mpsc::Receiver<Event>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
enum Client {
    V311(v311::Client),
    V5(v5::Client),
}

impl Connection {
    /// Begins to connect. Messages that arrive go to `inbox`.
    pub(crate) fn open(settings: &Settings, inbox: impl Inbox) -> Result<Self, ConnectionError> {
        // At most two events are ever sent, so the sender never waits.
        let (sender, events) = mpsc::channel(4);
        let (client, task) = match settings.address.protocol {
            MqttProtocol::V311 => {
                let (client, run) = v311::open(settings, sender, inbox)?;
                (Client::V311(client), tokio::spawn(run))
            }
            MqttProtocol::V5 => {
                let (client, run) = v5::open(settings, sender, inbox)?;
                (Client::V5(client), tokio::spawn(run))
            }
        };
        Ok(Self { client, events, task })
    }

    /// The next event; after the last one it says once more that the connection is lost.
    pub(crate) async fn event(&mut self) -> Event {
        self.events.recv().await.unwrap_or(Event::Lost(ConnectionError::Ended))
    }

    /// Why the connection is lost, when that shows before its last event has come.
    pub(crate) async fn why_lost(&mut self) -> ConnectionError {
        loop {
            match timeout(LAST_EVENT, self.event()).await {
                Ok(Event::Lost(reason)) => return reason,
                Ok(Event::Up) => {}
                Err(_) => return ConnectionError::Unresponsive,
            }
        }
    }

    /// Sends a message. `None` means that it certainly was not and will not be.
    pub(crate) fn send(&self, message: Outgoing) -> Option<impl Future<Output = Sent> + Send + use<>> {
        enum Either<A, B> {
            V311(A),
            V5(B),
        }
        let sent = match &self.client {
            Client::V311(client) => Either::V311(client.send(message)?),
            Client::V5(client) => Either::V5(client.send(message)?),
        };
        Some(async move {
            match sent {
                Either::V311(sent) => sent.await,
                Either::V5(sent) => sent.await,
            }
        })
    }

    /// Disconnects in order, so that the broker does not wait for the connection to time out.
    pub(crate) async fn close(mut self) {
        match &self.client {
            Client::V311(client) => client.disconnect(),
            Client::V5(client) => client.disconnect(),
        }
        // The caller bounds the time.
        while !matches!(self.event().await, Event::Lost(_)) {}
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Drives a connection to its end, and tells of that.
async fn drive(to_the_end: impl Future<Output = ConnectionError>, events: mpsc::Sender<Event>) {
    let reason = to_the_end.await;
    // Nobody may be listening any more.
    let _ = events.send(Event::Lost(reason)).await;
}
