//! A device that answers by hand.

use std::net::SocketAddr;

use rumqttc_v4::{AsyncClient, Event, MqttOptions, Packet, PublishOptions, QoS};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::within;

/// An MQTT client in the place of a device.
pub(crate) struct Device {
    client: AsyncClient,
    commands: mpsc::UnboundedReceiver<Command>,
    task: tokio::task::JoinHandle<()>,
}

/// A command as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub(crate) topic: String,
    pub(crate) payload: Value,
}

impl Command {
    pub(crate) fn id(&self) -> &str {
        self.payload["id"].as_str().expect("an id")
    }

    /// Where the answer belongs.
    pub(crate) fn reply_topic(&self) -> String {
        format!("{}_reply", self.topic)
    }
}

impl Device {
    /// Connects, and waits until the commands of both families are subscribed to.
    pub(crate) async fn connect(addr: SocketAddr, product_key: &str, device_key: &str) -> Self {
        let mut options = MqttOptions::new(
            format!("{product_key}-{device_key}-{}", fastrand::u64(..)),
            (addr.ip().to_string(), addr.port()),
        );
        options.set_max_packet_size(4 << 20, 4 << 20);
        let (client, mut driver) = AsyncClient::builder(options).capacity(1_000).build();
        let mut network = driver.network_options();
        network.set_tcp_nodelay(true);
        driver.set_network_options(network);
        let filters = [
            format!("/sys/{product_key}/{device_key}/thing/service/+"),
            format!("/sys/{product_key}/{device_key}/thing/service/measurepoint/set"),
        ];
        let (arrived, commands) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Ok(event) = driver.poll().await {
                let Event::Incoming(Packet::Publish(publish)) = event else { continue };
                let topic = String::from_utf8(publish.topic.to_vec()).expect("UTF-8");
                if topic.ends_with("_reply") {
                    continue;
                }
                assert!(!publish.retain, "commands are not retained");
                let payload = serde_json::from_slice(&publish.payload).expect("JSON");
                if arrived.send(Command { topic, payload }).is_err() {
                    return;
                }
            }
        });
        for filter in filters {
            let notice = client.subscribe_tracked(filter, QoS::AtLeastOnce).await.expect("a subscription");
            within("a subscription", notice.wait_completion_async()).await.expect("it is granted");
        }
        Self { client, commands, task }
    }

    /// The next command.
    pub(crate) async fn command(&mut self) -> Command {
        within("a command", self.commands.recv()).await.expect("a command")
    }

    /// Whether a command came that nobody waited for.
    pub(crate) fn has_more(&mut self) -> bool {
        self.commands.try_recv().is_ok()
    }

    /// Answers with success.
    pub(crate) async fn succeed(&self, command: &Command, data: Value) {
        self.publish(&command.reply_topic(), &json!({ "id": command.id(), "code": 200, "data": data }).to_string())
            .await;
    }

    /// Publishes anything, and waits until the broker has it.
    pub(crate) async fn publish(&self, topic: &str, payload: &str) {
        self.publish_with(topic, payload, PublishOptions::at_least_once()).await;
    }

    /// Publishes a message that the broker keeps.
    pub(crate) async fn publish_retained(&self, topic: &str, payload: &str) {
        self.publish_with(topic, payload, PublishOptions::at_least_once().retained()).await;
    }

    async fn publish_with(&self, topic: &str, payload: &str, options: PublishOptions) {
        let notice = self.client.publish_tracked(topic, payload.to_owned(), options).await.expect("it is queued");
        within("an acknowledgement", notice.wait_completion_async()).await.expect("it is acknowledged");
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.task.abort();
    }
}
