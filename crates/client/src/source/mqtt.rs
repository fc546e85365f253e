//! MQTT topics named by the channels, QoS 1, in a session that outlives the connection.

use std::time::Duration;

use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Packet, QoS};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use url::Url;

use super::{ChannelSource, SourceError, SourceEvent, SourceFuture};
use crate::{Error, backoff::Backoff};

/// How long the broker may take for a connection and each subscription.
const ANSWER: Duration = Duration::from_secs(10);
/// Messages between the connection and the client's task.
const BUFFER: usize = 256;

/// The topics of one or more channels, over MQTT 3.1.1.
///
/// The session is persistent: what is published while the connection is down is delivered when it is back. A session
/// under a name made up here is removed again by [`close`](ChannelSource::close); under a client id of the caller's
/// own it stays, and what came in the meantime is delivered at the next start.
#[derive(Debug)]
pub struct MqttTopics {
    broker: Broker,
    client_id: String,
    own_session: bool,
    topics: Vec<String>,
    most: usize,
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
    /// Topics of the broker at `url` (`mqtt://[user:password@]host[:port]`). Messages may have `most` bytes.
    pub(crate) fn new(
        url: &str,
        client_id: Option<String>,
        topics: Vec<String>,
        most: usize,
        backoff: Backoff,
    ) -> Result<Self, Error> {
        let broker = Broker::parse(url).map_err(|reason| Error::Setting { setting: "MQTT URL", reason })?;
        let own_session = client_id.is_none();
        let client_id = match client_id {
            Some(id) if id.is_empty() => {
                return Err(Error::Setting {
                    setting: "MQTT client id",
                    reason: "it is empty, and a session that outlives its connection needs a name".to_owned(),
                });
            }
            Some(id) => id,
            None => format!("setpoint-{:016x}", getrandom::u64()?),
        };
        Ok(Self { broker, client_id, own_session, topics, most, backoff, running: None })
    }

    fn options(&self, clean: bool) -> MqttOptions {
        let mut options = MqttOptions::new(&self.client_id, (self.broker.host.as_str(), self.broker.port));
        options.set_keep_alive(30);
        options.set_clean_session(clean);
        // The topic and the packet's header come on top.
        let packet = self.most.saturating_add(1 << 10);
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

    async fn start(&mut self) -> Result<(), String> {
        let (client, eventloop) = self.connection(false);
        let (events_in, events) = mpsc::channel(BUFFER);
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
        // From here on the task ends with this value.
        let running = Running { client, events, task };
        timeout(ANSWER, connected)
            .await
            .map_err(|_| "no answer in time".to_owned())?
            .unwrap_or_else(|_| Err("the connection ended".to_owned()))
            .map_err(|reason| format!("{reason}; check the URL, the credentials and that the broker runs"))?;
        let subscribed = self.subscribe(&running.client).await;
        self.running = Some(running);
        if subscribed.is_err() {
            self.close().await;
        }
        subscribed
    }

    async fn subscribe(&self, client: &AsyncClient) -> Result<(), String> {
        for topic in &self.topics {
            let refused = |reason: String| format!("subscription to topic {topic:?}: {reason}");
            let notice = client
                .subscribe_tracked(topic.as_str(), QoS::AtLeastOnce)
                .await
                .map_err(|error| refused(error.to_string()))?;
            timeout(ANSWER, notice.wait_completion_async())
                .await
                .map_err(|_| refused("no answer in time".to_owned()))?
                .map_err(|error| refused(error.to_string()))?;
        }
        Ok(())
    }

    /// A clean connection under the same name makes the broker forget the session.
    async fn forget_session(&self) {
        let (client, mut eventloop) = self.connection(true);
        let forgotten = async {
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
        // The broker may be gone: then its sessions go with it, or by its own rule.
        let _ = timeout(Duration::from_secs(1), forgotten).await;
    }
}

impl ChannelSource for MqttTopics {
    fn name(&self) -> String {
        format!("mqtt://{}:{}/{}", self.broker.host, self.broker.port, self.topics.join(","))
    }

    fn open(&mut self) -> SourceFuture<'_, Result<(), SourceError>> {
        Box::pin(async { self.start().await.map_err(|reason| SourceError::new(self.name(), reason)) })
    }

    fn next(&mut self) -> SourceFuture<'_, Option<SourceEvent>> {
        Box::pin(async { self.running.as_mut()?.events.recv().await })
    }

    fn close(&mut self) -> SourceFuture<'_, ()> {
        Box::pin(async {
            let Some(mut running) = self.running.take() else { return };
            // The task ends with the disconnect, or when nobody takes its events.
            let _ = running.client.disconnect_now().await;
            running.events.close();
            if timeout(Duration::from_secs(1), &mut running.task).await.is_ok() && self.own_session {
                self.forget_session().await;
            }
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Owns the connection: polls it, reconnects it, and does nothing that could hold it up.
struct Link {
    eventloop: EventLoop,
    client: AsyncClient,
    topics: Vec<String>,
    events: mpsc::Sender<SourceEvent>,
    /// Where to say how the first connection went.
    first: Option<oneshot::Sender<Result<(), String>>>,
    backoff: Backoff,
    up: bool,
}

impl Link {
    async fn run(mut self) {
        loop {
            let taken = match self.eventloop.poll().await {
                Ok(Event::Incoming(packet)) => self.incoming(packet).await,
                Ok(Event::Outgoing(_)) => Ok(()),
                Err(ConnectionError::RequestsDone) => return,
                Err(error) => {
                    if let Some(first) = self.first.take() {
                        // Nobody waits any more when `open` was dropped.
                        let _ = first.send(Err(error.to_string()));
                        return;
                    }
                    let lost = std::mem::replace(&mut self.up, false);
                    let taken =
                        if lost { self.say(SourceEvent::Disconnected(error.to_string())).await } else { Ok(()) };
                    tokio::time::sleep(self.backoff.pause()).await;
                    taken
                }
            };
            if taken.is_err() {
                return;
            }
        }
    }

    /// `Err` when nobody listens any more.
    async fn say(&self, event: SourceEvent) -> Result<(), ()> {
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
                self.say(SourceEvent::Connected).await?;
                if ack.session_present {
                    return Ok(());
                }
                for topic in &self.topics {
                    // The queue holds one request a topic; were it full all the same, the next connection asks again.
                    if let Err(error) = self.client.try_subscribe(topic.as_str(), QoS::AtLeastOnce) {
                        self.say(SourceEvent::Gap(format!("topic {topic} was not subscribed to: {error}"))).await?;
                    }
                }
                self.say(SourceEvent::Gap("the broker no longer had the session".to_owned())).await
            }
            Packet::SubAck(ack) => {
                let refused = ack.return_codes.iter().any(|code| matches!(code, rumqttc::SubscribeReasonCode::Failure));
                if refused && self.first.is_none() {
                    return self.say(SourceEvent::Gap("the broker refused a subscription".to_owned())).await;
                }
                Ok(())
            }
            // Nothing on a channel is retained by the service: such a message was planted, or is from another time.
            Packet::Publish(publish) if publish.retain => {
                self.say(SourceEvent::Unreadable("a retained message was ignored".to_owned())).await
            }
            Packet::Publish(publish) => self.say(SourceEvent::Message(publish.payload)).await,
            _ => Ok(()),
        }
    }
}

impl Broker {
    fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text)
            .map_err(|error| format!("{text:?} is not a URL ({error}); it looks like mqtt://127.0.0.1:1883"))?;
        if !matches!(url.scheme(), "mqtt" | "tcp") {
            return Err(format!("{}:// is not mqtt://; TLS to the broker is not supported yet", url.scheme()));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it names no host")?;
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
