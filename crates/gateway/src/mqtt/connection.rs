//! One connection to a broker, of either version of the protocol, used once.
//!
//! A connection that is lost is thrown away with everything in it, and another one is opened with a client of its own.
//! So nothing can be sent again behind our back: the client library keeps and repeats unacknowledged messages only
//! within one client.

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use setpoint::Now;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use super::address::{BrokerAddress, Trust};
use crate::{clock, config::MqttProtocol};

mod v311;
mod v5;

/// What the broker may add to a message on its way: a full topic in place of an alias, and properties.
const PACKET_SLACK_BYTES: usize = 128 << 10;

/// Most messages written to the socket at once. By itself the client library writes each of them with a system call of
/// its own, and wakes the broker with it. Many more save nothing, and answers wait behind them: nothing is read while
/// something is to be written.
const MESSAGES_PER_WRITE: usize = 16;

/// How long the last event of a lost connection may take.
const LAST_EVENT: Duration = Duration::from_millis(100);

/// What a connection is opened with.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) address: BrokerAddress,
    pub(super) client_id: Arc<str>,
    pub(super) keep_alive_s: u16,
    /// Largest packet in either direction, in bytes.
    pub(super) max_packet_bytes: u32,
    /// Most messages sent and not acknowledged.
    pub(super) window: u16,
    /// What is subscribed to as soon as the connection stands.
    pub(super) filters: &'static [&'static str],
}

/// What happens on a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It stands, and every subscription is granted.
    Up,
    /// It is lost, or was never made; the last event.
    Lost(String),
}

/// A message that arrived.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// Its topic.
    pub(crate) topic: Bytes,
    /// Its payload.
    pub(crate) payload: Bytes,
    /// Whether the broker had kept it from before.
    pub(crate) retained: bool,
    /// When it was read.
    pub(crate) received: Now,
}

/// A message to send with QoS 1, not retained.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    /// Seconds after which the broker drops it; MQTT 5 only.
    pub(super) expiry_s: Option<u32>,
}

/// How a message fared.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The broker has it.
    Acknowledged,
    /// The broker does not take it.
    Refused(String),
    /// The connection went before it was acknowledged: the broker may have it.
    Lost,
}

/// A connection being made, standing, or lost. Dropping it closes it.
#[derive(Debug)]
pub(super) struct Connection {
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
    /// Starts to connect. Messages that arrive go to `inbox`; while that is full, nothing more is read.
    pub(super) fn open(settings: &Settings, inbox: Option<mpsc::Sender<Incoming>>) -> Result<Self, String> {
        // Few enough are ever sent that the sender never waits.
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
    pub(super) async fn event(&mut self) -> Event {
        self.events.recv().await.unwrap_or_else(|| Event::Lost("the connection ended".to_owned()))
    }

    /// Why the connection is lost, when that shows before its last event has come.
    pub(super) async fn why_lost(&mut self) -> String {
        loop {
            match timeout(LAST_EVENT, self.event()).await {
                Ok(Event::Lost(reason)) => return reason,
                Ok(Event::Up) => {}
                Err(_) => return "the connection does not react".to_owned(),
            }
        }
    }

    /// Sends a message. `None` means that it certainly was not and will not be.
    pub(super) fn send(&self, message: Outgoing) -> Option<impl Future<Output = Sent> + Send + use<>> {
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

    /// Says good-bye, so that the broker does not wait for the connection to time out.
    pub(super) async fn close(mut self) {
        match &self.client {
            Client::V311(client) => client.say_goodbye(),
            Client::V5(client) => client.say_goodbye(),
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

/// Hands a message on: `false` if there is no one to hand it to any more.
///
/// The filters also match commands, our own among them; they are passed over here, before they cost anything.
async fn deliver(inbox: Option<&mpsc::Sender<Incoming>>, topic: Bytes, payload: Bytes, retained: bool) -> bool {
    let Some(inbox) = inbox.filter(|_| topic.ends_with(b"_reply")) else { return true };
    inbox.send(Incoming { topic, payload, retained, received: clock::now() }).await.is_ok()
}
