//! One device's MQTT connection, kept up by a task of its own.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, MqttOptions, Packet, Publish, QoS,
    SubscribeFilter, SubscribeNotice,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::broker::Broker;
use crate::device_id::{DeviceId, digest};
use crate::options::FleetOptions;

/// How many messages may wait between the connection and the device. Past it the connection is not read, and the
/// broker keeps what comes: the device's inbox is bounded by the broker's own limits.
const INBOX: usize = 256;
/// The pause after the first failed attempt to connect; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long a connection may take for its last acknowledgements, and again to say good-bye.
pub(crate) const FAREWELL: Duration = Duration::from_secs(2);

/// A connection that is up, or being brought up again.
pub(crate) struct Link {
    pub client: AsyncClient,
    pub events: mpsc::Receiver<LinkEvent>,
    task: JoinHandle<()>,
}

/// What a connection reports.
pub(crate) enum LinkEvent {
    /// Connected, and not subscribed.
    Up,
    /// A message, and when it was read.
    Message(Publish, Instant),
    /// Not connected; it will be tried again.
    Down(Trouble),
}

/// Why there is no connection.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub kind: TroubleKind,
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TroubleKind {
    /// The broker said no, and will again.
    Refused,
    /// There is nothing at that address.
    Unreachable,
    /// Anything else, likely to pass.
    Passing,
}

impl Link {
    /// Starts connecting.
    pub(crate) fn start(device: &DeviceId, broker: &Broker, options: &FleetOptions) -> Self {
        let client_id = device.client_id();
        let mut mqtt = MqttOptions::new(client_id.as_str(), (broker.host.as_str(), broker.port));
        mqtt.set_keep_alive(options.keep_alive_s);
        mqtt.set_max_packet_size(options.max_packet_bytes, options.max_packet_bytes);
        mqtt.set_clean_session(!options.persistent_session);
        if let Some(credentials_for) = &options.credentials {
            let login = credentials_for(device);
            mqtt.set_credentials(login.username, login.password);
        }
        // Unbounded, because the device must never wait for a connection that waits for the device; what can pile
        // up in it is bounded by the answers to what came in.
        let (client, mut connection) = AsyncClient::builder(mqtt).unbounded().build();
        // Without it, Nagle's algorithm and delayed acknowledgements cost 40 ms and more a round trip.
        let mut network = connection.network_options();
        network.set_tcp_nodelay(true);
        connection.set_network_options(network);
        let (sender, events) = mpsc::channel(INBOX);
        let jitter = Duration::from_millis(digest(0, &[&client_id]) % 50);
        let task = tokio::spawn(drive(connection, sender, jitter));
        Self { client, events, task }
    }

    /// Asks for the device's commands. No two filters overlap: `+` stands for one level, and the topic of writes
    /// has two. So no command comes twice.
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

    /// Says good-bye to the broker and closes.
    pub(crate) async fn close(mut self) {
        if self.client.try_disconnect_with_timeout(FAREWELL).is_ok() {
            let _ended = tokio::time::timeout(FAREWELL, &mut self.task).await;
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Polls the connection for ever. It does nothing else: whoever waits in here stops the connection.
async fn drive(mut connection: EventLoop, events: mpsc::Sender<LinkEvent>, jitter: Duration) {
    let mut pause = FIRST_PAUSE;
    loop {
        let event = match connection.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                pause = FIRST_PAUSE;
                LinkEvent::Up
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => LinkEvent::Message(publish, Instant::now()),
            Ok(_) => continue,
            Err(ConnectionError::RequestsDone) => return,
            Err(error) => {
                // Nobody listens any more: the link is being closed, and there is nobody to come back for.
                if events.send(LinkEvent::Down(trouble(&error))).await.is_err() {
                    return;
                }
                tokio::time::sleep(pause + jitter).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
        };
        // A link that is being closed still has acknowledgements to fetch: go on without a listener.
        let _closing = events.send(event).await;
    }
}

fn trouble(error: &ConnectionError) -> Trouble {
    let kind = match error {
        ConnectionError::ConnectionRefused(ConnectReturnCode::ServiceUnavailable) => TroubleKind::Passing,
        ConnectionError::ConnectionRefused(_) => TroubleKind::Refused,
        ConnectionError::Io(io) => match io.kind() {
            ErrorKind::TimedOut
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
            | ErrorKind::Interrupted
            | ErrorKind::WouldBlock => TroubleKind::Passing,
            _ => TroubleKind::Unreachable,
        },
        _ => TroubleKind::Passing,
    };
    Trouble {
        kind,
        reason: match error {
            ConnectionError::ConnectionRefused(code) => format!("{code:?}"),
            other => other.to_string(),
        },
    }
}
