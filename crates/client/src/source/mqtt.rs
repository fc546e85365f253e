//! MQTT topics named by the channels, QoS 1, in a session that outlives the connection.

use std::time::Duration;

use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Packet, QoS};
use setpoint_clock::Backoff;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use url::Url;

use super::{ChannelSource, SourceError, SourceEvent, SourceFuture, connect_error::ConnectError};
use crate::{Error, error_chain, seam::random};

/// How long the broker may take to answer a connection and each subscription.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long each step of closing may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Messages between the connection and the client's task.
const EVENT_CAPACITY: usize = 256;
/// Room in a packet besides the message: the fixed header, the packet id and the topic.
const PACKET_OVERHEAD_BYTES: usize = 1 << 10;

/// The topics of one or more channels, over MQTT 3.1.1.
///
/// The session is persistent: what is published while the connection is down is delivered on the next one. A session
/// with a random client id is removed by [`close`](ChannelSource::close); with a client id of the caller's own it stays,
/// and what was published in the meantime is delivered at the next start.
///
/// [`Builder::mqtt`](crate::Builder::mqtt) makes one.
#[derive(Debug)]
pub struct MqttTopics {
    broker: Broker,
    client_id: String,
    remove_session: bool,
    topics: Vec<String>,
    max_message_bytes: usize,
    backoff: Backoff,
    running: Option<Running>,
}

#[derive(Debug, Clone)]
struct Broker {
    host: String,
    port: u16,
    credentials: Option<Credentials>,
}

#[derive(Clone, PartialEq, Eq)]
struct Credentials {
    user: String,
    password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Running {
    client: AsyncClient,
    events: mpsc::Receiver<SourceEvent>,
    task: tokio::task::JoinHandle<()>,
}

impl MqttTopics {
    /// Topics of the broker at `url` (`mqtt://[user:password@]host[:port]`).
    pub(crate) fn new(
        url: &str,
        client_id: Option<String>,
        topics: Vec<String>,
        max_message_bytes: usize,
        backoff: Backoff,
    ) -> Result<Self, Error> {
        let broker = Broker::parse(url)?;
        let remove_session = client_id.is_none();
        let client_id = match client_id {
            Some(id) if id.is_empty() => {
                return Err(Error::setting(
                    "MQTT client id",
                    "it is empty, and a session that outlives its connection needs a name",
                ));
            }
            Some(id) => id,
            None => format!("setpoint-{:016x}", getrandom::u64()?),
        };
        Ok(Self { broker, client_id, remove_session, topics, max_message_bytes, backoff, running: None })
    }

    fn options(&self, clean: bool) -> MqttOptions {
        let mut options = MqttOptions::new(&self.client_id, (self.broker.host.as_str(), self.broker.port));
        options.set_keep_alive(30);
        options.set_clean_session(clean);
        let packet = self.max_message_bytes.saturating_add(PACKET_OVERHEAD_BYTES);
        options.set_max_packet_size(packet, packet);
        if let Some(Credentials { user, password }) = &self.broker.credentials {
            options.set_credentials(user, password.clone());
        }
        options
    }

    fn connection(&self, clean: bool) -> (AsyncClient, EventLoop) {
        let (client, mut eventloop) = AsyncClient::builder(self.options(clean)).capacity(self.topics.len() + 8).build();
        let mut network = eventloop.network_options();
        network.set_tcp_nodelay(true);
        eventloop.set_network_options(network);
        (client, eventloop)
    }

    async fn start(&mut self) -> Result<(), ConnectError> {
        let (client, eventloop) = self.connection(false);
        let (events_in, events) = mpsc::channel(EVENT_CAPACITY);
        let (first, connected) = oneshot::channel();
        let link = Link {
            eventloop,
            client: client.clone(),
            topics: self.topics.clone(),
            events: events_in,
            first: Some(first),
            backoff: self.backoff.clone(),
            up: false,
        };
        let task = tokio::spawn(link.run());
        // Dropping this ends the task, on every return from here on.
        let running = Running { client, events, task };
        let no_connection = "no connection; check the URL, the credentials and that the broker runs";
        match timeout(ANSWER_TIMEOUT, connected).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => return Err(ConnectError::because(no_connection, error)),
            Ok(Err(_)) => return Err(ConnectError::because(no_connection, "the connection ended")),
            Err(_) => return Err(ConnectError::because(no_connection, "no answer in time")),
        }
        let subscribed = self.subscribe(&running.client).await;
        self.running = Some(running);
        if subscribed.is_err() {
            self.close().await;
        }
        subscribed
    }

    async fn subscribe(&self, client: &AsyncClient) -> Result<(), ConnectError> {
        for topic in &self.topics {
            let reason = || format!("subscription to topic {topic:?} failed");
            let notice = client
                .subscribe_tracked(topic.as_str(), QoS::AtLeastOnce)
                .await
                .map_err(|error| ConnectError::because(reason(), error))?;
            timeout(ANSWER_TIMEOUT, notice.wait_completion_async())
                .await
                .map_err(|_| ConnectError::because(reason(), "no answer in time"))?
                .map_err(|error| ConnectError::because(reason(), error))?;
        }
        Ok(())
    }

    /// Removes the session at the broker, by a connection with the same client id and clean session.
    async fn remove_session(&self) {
        let (client, mut eventloop) = self.connection(true);
        let removed = async {
            loop {
                match eventloop.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        if client.disconnect_now().await.is_err() {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        };
        // If the broker cannot be reached, the session expires by its rules.
        let _ = timeout(CLOSE_TIMEOUT, removed).await;
    }
}

impl ChannelSource for MqttTopics {
    fn name(&self) -> String {
        format!("mqtt://{}:{}/{}", self.broker.host, self.broker.port, self.topics.join(","))
    }

    fn open(&mut self) -> SourceFuture<'_, Result<(), SourceError>> {
        Box::pin(async { self.start().await.map_err(|error| error.of_source(self.name())) })
    }

    fn next(&mut self) -> SourceFuture<'_, Option<SourceEvent>> {
        Box::pin(async { self.running.as_mut()?.events.recv().await })
    }

    fn close(&mut self) -> SourceFuture<'_, ()> {
        Box::pin(async {
            let Some(mut running) = self.running.take() else { return };
            // The task ends with the disconnect, or when it finds its receiver closed.
            let _ = running.client.disconnect_now().await;
            running.events.close();
            if timeout(CLOSE_TIMEOUT, &mut running.task).await.is_ok() && self.remove_session {
                self.remove_session().await;
            }
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Owns the connection: polls it and connects it again.
struct Link {
    eventloop: EventLoop,
    client: AsyncClient,
    topics: Vec<String>,
    events: mpsc::Sender<SourceEvent>,
    /// Takes the result of the first connection attempt.
    first: Option<oneshot::Sender<Result<(), ConnectionError>>>,
    backoff: Backoff,
    up: bool,
}

impl Link {
    async fn run(mut self) {
        loop {
            let received = match self.eventloop.poll().await {
                Ok(Event::Incoming(packet)) => self.incoming(packet).await,
                Ok(Event::Outgoing(_)) => Ok(()),
                Err(ConnectionError::RequestsDone) => return,
                Err(error) => {
                    if let Some(first) = self.first.take() {
                        // Fails only if `open` was dropped.
                        let _ = first.send(Err(error));
                        return;
                    }
                    let lost = std::mem::replace(&mut self.up, false);
                    let received =
                        if lost { self.send(SourceEvent::Disconnected(error_chain(&error))).await } else { Ok(()) };
                    tokio::time::sleep(self.backoff.pause(random().unwrap_or(u32::MAX))).await;
                    received
                }
            };
            if received.is_err() {
                return;
            }
        }
    }

    /// # Errors
    /// The receiver is closed: this link is to end.
    async fn send(&self, event: SourceEvent) -> Result<(), ()> {
        self.events.send(event).await.map_err(drop)
    }

    async fn incoming(&mut self, packet: Packet) -> Result<(), ()> {
        match packet {
            Packet::ConnAck(ack) => {
                self.up = true;
                self.backoff.reset();
                if let Some(first) = self.first.take() {
                    let _ = first.send(Ok(()));
                    return Ok(());
                }
                self.send(SourceEvent::Connected).await?;
                if ack.session_present {
                    return Ok(());
                }
                for topic in &self.topics {
                    // The queue has room for a request for each topic. Were it full all the same, this topic's outcomes
                    // would be missing: that is a gap.
                    if let Err(error) = self.client.try_subscribe(topic.as_str(), QoS::AtLeastOnce) {
                        self.send(SourceEvent::Gap(format!("topic {topic} was not subscribed to: {error}"))).await?;
                    }
                }
                self.send(SourceEvent::Gap("the broker no longer had the session".to_owned())).await
            }
            Packet::SubAck(ack) => {
                let refused = ack.return_codes.iter().any(|code| matches!(code, rumqttc::SubscribeReasonCode::Failure));
                if refused && self.first.is_none() {
                    return self.send(SourceEvent::Gap("the broker refused a subscription".to_owned())).await;
                }
                Ok(())
            }
            // The service never retains a message: this one is forged or obsolete.
            Packet::Publish(publish) if publish.retain => {
                self.send(SourceEvent::Unreadable("a retained message was ignored".to_owned())).await
            }
            Packet::Publish(publish) => self.send(SourceEvent::Message(publish.payload)).await,
            _ => Ok(()),
        }
    }
}

impl Broker {
    fn parse(text: &str) -> Result<Self, Error> {
        const SETTING: &str = "MQTT URL";
        let url = Url::parse(text).map_err(|error| {
            Error::setting_because(SETTING, "it is not a URL; it looks like mqtt://127.0.0.1:1883", error)
        })?;
        if !matches!(url.scheme(), "mqtt" | "tcp") {
            let reason = format!("{}:// is not mqtt://; TLS to the broker is not supported yet", url.scheme());
            return Err(Error::setting(SETTING, reason));
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| Error::setting(SETTING, "it names no host"))?;
        // Percent-decodes, and keeps `+`, which means itself in this part of a URL.
        let decode = |text: &str| -> String {
            let pair = format!("x={}", text.replace('+', "%2B"));
            url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, v)| v.into_owned()).unwrap_or_default()
        };
        let credentials = (!url.username().is_empty()).then(|| Credentials {
            user: decode(url.username()),
            password: decode(url.password().unwrap_or_default()),
        });
        Ok(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port().unwrap_or(1883),
            credentials,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broker_urls() {
        let broker = Broker::parse("mqtt://us%40er:p%2Bw+x@[::1]:7883").unwrap();
        assert_eq!((broker.host.as_str(), broker.port), ("::1", 7883));
        assert!(!format!("{broker:?}").contains("p+w+x"), "passwords stay out of logs");
        assert_eq!(broker.credentials, Some(Credentials { user: "us@er".to_owned(), password: "p+w+x".to_owned() }));
        let plain = Broker::parse("mqtt://broker").unwrap();
        assert_eq!((plain.host.as_str(), plain.port, plain.credentials), ("broker", 1883, None));
        for bad in ["broker:1883", "http://x", "mqtts://x", "mqtt://", ""] {
            assert!(Broker::parse(bad).is_err(), "{bad}");
        }
    }
}
