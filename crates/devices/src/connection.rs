//! One device's MQTT connection, polled and reconnected by a task of its own.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, MqttOptions, Packet, Publish, QoS,
    SubscribeFilter, SubscribeNotice,
};
use setpoint_clock::Backoff;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::broker::Broker;
use crate::device_id::{DeviceId, stable_hash};
use crate::options::FleetOptions;

/// Messages between the connection and the device. While it is full the connection is not read, and messages queue up
/// at the broker, within the broker's limits.
const INBOX_CAPACITY: usize = 256;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long closing may wait for the last acknowledgements, and again for the disconnect.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that is open, or being opened again.
pub(crate) struct Connection {
    pub client: AsyncClient,
    pub events: mpsc::Receiver<ConnectionEvent>,
    task: JoinHandle<()>,
}

pub(crate) enum ConnectionEvent {
    /// Connected, and not subscribed.
    Up,
    /// A message, and when it was read.
    Message(Publish, Instant),
    /// Not connected; it will be tried again.
    Down(ConnectionFailure),
}

/// Why there is no connection.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionFailure {
    pub kind: FailureKind,
    pub error: Arc<ConnectionError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The broker refused it, and will again.
    Refused,
    /// Nothing answers at that address.
    Unreachable,
    /// Anything else. Likely to pass.
    Transient,
}

impl Connection {
    /// Starts to connect.
    pub(crate) fn open(device: &DeviceId, broker: &Broker, options: &FleetOptions) -> Self {
        let client_id = device.client_id();
        let mut mqtt = MqttOptions::new(client_id.as_str(), (broker.host.as_str(), broker.port));
        mqtt.set_keep_alive(options.keep_alive_s);
        mqtt.set_max_packet_size(options.max_packet_bytes, options.max_packet_bytes);
        mqtt.set_clean_session(!options.persistent_session);
        if let Some(credentials_for) = &options.credentials {
            let login = credentials_for(device);
            mqtt.set_credentials(login.username, login.password);
        }
        // Unbounded: a device that waits for its connection while the connection waits for the device would deadlock.
        // Its length is bounded by the number of answers to the messages in the inbox.
        let (client, mut eventloop) = AsyncClient::builder(mqtt).unbounded().build();
        // Nagle's algorithm with delayed acknowledgements costs 40 ms and more for each round trip.
        let mut network = eventloop.network_options();
        network.set_tcp_nodelay(true);
        eventloop.set_network_options(network);
        let (sender, events) = mpsc::channel(INBOX_CAPACITY);
        let task = tokio::spawn(drive(eventloop, sender, client_id));
        Self { client, events, task }
    }

    /// Subscribes to the device's commands. No two filters overlap, so no command arrives twice: `+` matches one level,
    /// and the topic of writes has two.
    pub(crate) fn subscribe(&self, device: &DeviceId, options: &FleetOptions) -> Option<SubscribeNotice> {
        let prefix = device.service_prefix();
        let mut below = vec!["measurepoint/set"];
        match &options.services {
            None => below.push("+"),
            Some(services) => below.extend(services.iter().map(String::as_str)),
        }
        let filters = below.into_iter().map(|below| SubscribeFilter::new(format!("{prefix}{below}"), QoS::AtLeastOnce));
        self.client.try_subscribe_many_tracked(filters).ok()
    }

    /// Cuts the connection, as a power failure does.
    pub(crate) async fn cut(mut self) {
        self.task.abort();
        let _ended = (&mut self.task).await;
    }

    /// Disconnects.
    pub(crate) async fn close(mut self) {
        if self.client.try_disconnect_with_timeout(CLOSE_TIMEOUT).is_ok() {
            let _ended = tokio::time::timeout(CLOSE_TIMEOUT, &mut self.task).await;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Polls the connection until it is disconnected. It awaits nothing else, because the connection makes no progress
/// meanwhile.
async fn drive(mut eventloop: EventLoop, events: mpsc::Sender<ConnectionEvent>, client_id: String) {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    // Differs from device to device and is the same in every run.
    let jitter = stable_hash(0, &[&client_id]) as u32;
    loop {
        let event = match eventloop.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                backoff.reset();
                ConnectionEvent::Up
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => ConnectionEvent::Message(publish, Instant::now()),
            Ok(_) => continue,
            Err(ConnectionError::RequestsDone) => return,
            Err(error) => {
                // Without a receiver this is being closed: do not connect again.
                if events.send(ConnectionEvent::Down(failure(error))).await.is_err() {
                    return;
                }
                tokio::time::sleep(backoff.pause(jitter)).await;
                continue;
            }
        };
        // Without a receiver it is being closed, and has acknowledgements to read: go on.
        let _closing = events.send(event).await;
    }
}

fn failure(error: ConnectionError) -> ConnectionFailure {
    let kind = match &error {
        ConnectionError::ConnectionRefused(ConnectReturnCode::ServiceUnavailable) => FailureKind::Transient,
        ConnectionError::ConnectionRefused(_) => FailureKind::Refused,
        ConnectionError::Io(io) => match io.kind() {
            ErrorKind::TimedOut
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
            | ErrorKind::Interrupted
            | ErrorKind::WouldBlock => FailureKind::Transient,
            _ => FailureKind::Unreachable,
        },
        _ => FailureKind::Transient,
    };
    ConnectionFailure { kind, error: Arc::new(error) }
}
