//! The two ways to read a channel.

use std::net::SocketAddr;

use rumqttc_v4::{AsyncClient, MqttOptions, Packet, QoS};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{Service, within};

/// Reads the topic that is named by the channel.
pub(crate) struct TopicReader {
    _client: AsyncClient,
    messages: mpsc::UnboundedReceiver<String>,
    task: tokio::task::JoinHandle<()>,
}

impl TopicReader {
    pub(crate) async fn subscribe(addr: SocketAddr, channel: &str) -> Self {
        let mut options =
            MqttOptions::new(format!("reader-{}", fastrand::u64(..)), (addr.ip().to_string(), addr.port()));
        options.set_max_packet_size(4 << 20, 4 << 20);
        let (client, mut driver) = AsyncClient::builder(options).capacity(10).build();
        let (arrived, messages) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Ok(event) = driver.poll().await {
                if let rumqttc_v4::Event::Incoming(Packet::Publish(publish)) = event {
                    assert!(!publish.retain, "channel messages are not retained");
                    let text = String::from_utf8(publish.payload.to_vec()).expect("UTF-8");
                    if arrived.send(text).is_err() {
                        return;
                    }
                }
            }
        });
        let notice = client.subscribe_tracked(channel, QoS::AtLeastOnce).await.expect("a subscription");
        within("a subscription", notice.wait_completion_async()).await.expect("it is granted");
        Self { _client: client, messages, task }
    }

    /// The next channel message as it came.
    pub(crate) async fn text(&mut self) -> String {
        within("a channel message", self.messages.recv()).await.expect("a message")
    }

    /// The next message, which carries one reply.
    pub(crate) async fn reply(&mut self) -> Value {
        sole_reply(&self.text().await)
    }

    /// Replies until there are so many.
    pub(crate) async fn replies(&mut self, count: usize) -> Vec<Value> {
        let mut replies = Vec::new();
        while replies.len() < count {
            let message: Value = serde_json::from_str(&self.text().await).expect("JSON");
            replies.extend(message["data"].as_array().expect("a list").clone());
        }
        replies
    }
}

impl Drop for TopicReader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The one reply of a channel message.
pub(crate) fn sole_reply(text: &str) -> Value {
    let message: Value = serde_json::from_str(text).expect("JSON");
    let replies = message["data"].as_array().expect("a list");
    assert_eq!(replies.len(), 1, "{text}");
    assert_eq!(message.as_object().expect("an object").len(), 1, "nothing but data: {text}");
    replies[0].clone()
}

/// Reads an event stream.
pub(crate) struct EventReader {
    response: reqwest::Response,
    buffer: String,
}

/// One block of an event stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Event {
    pub(crate) kind: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) comment: Option<String>,
}

impl EventReader {
    /// Opens the stream and reads its first block, which tells that it is open.
    pub(crate) async fn open(service: &Service, path: &str, last_event_id: Option<&str>) -> Self {
        let mut request = service.http.get(service.url(path));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = within("a stream", request.send()).await.expect("a stream");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, buffer: String::new() }
    }

    /// The next block; `None` at the end of the stream.
    pub(crate) async fn block(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let event = Event::parse(block);
                self.buffer = rest.to_owned();
                return Some(event);
            }
            let part = within("an event", self.response.chunk()).await.ok()??;
            self.buffer.push_str(std::str::from_utf8(&part).expect("UTF-8"));
        }
    }

    /// The next event with data.
    pub(crate) async fn event(&mut self) -> Event {
        loop {
            let event = self.block().await.expect("an event");
            if event.data.is_some() {
                return event;
            }
        }
    }

    /// The one reply of the next event that is not a gap, and its id.
    pub(crate) async fn reply_after_gap(&mut self) -> (Value, String) {
        assert_eq!(self.event().await.kind.as_deref(), Some("gap"));
        self.reply().await
    }

    /// The one reply of the next event, and its id.
    pub(crate) async fn reply(&mut self) -> (Value, String) {
        let event = self.event().await;
        assert_eq!(event.kind, None, "{event:?}");
        (sole_reply(&event.data.expect("data")), event.id.expect("an id"))
    }
}

impl Event {
    fn parse(block: &str) -> Self {
        let mut event = Self::default();
        for line in block.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match field {
                "" => event.comment = Some(value),
                "event" => event.kind = Some(value),
                "id" => event.id = Some(value),
                "data" => event.data = Some(value),
                "retry" => {}
                other => panic!("{other} is no field of an event stream"),
            }
        }
        event
    }
}
