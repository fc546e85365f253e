//! A real broker and an independent client.
#![allow(dead_code, reason = "every test file uses another part")]
#![allow(missing_docs, unreachable_pub, reason = "test support")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mqtt5::broker::{AuthProvider, BrokerConfig, BrokerShutdownHandle, MqttBroker, StorageBackendType, StorageConfig};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, PublishOptions, QoS};
use serde_json::Value;
use setpoint_devices::{Broker, DeviceId, Ledger};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Far longer than anything takes: only a failure ever waits for it.
pub const SOON: Duration = Duration::from_secs(20);

pub struct TestBroker {
    pub address: SocketAddr,
    stop: BrokerShutdownHandle,
    running: JoinHandle<()>,
}

impl TestBroker {
    pub async fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), None).await
    }

    pub async fn start_at(address: SocketAddr, auth: Option<Arc<dyn AuthProvider>>) -> Self {
        let config = BrokerConfig::default()
            .with_bind_address(address)
            .with_storage(StorageConfig::new().with_backend(StorageBackendType::Memory))
            .with_sys_topics_enabled(false);
        let mut broker = MqttBroker::with_config(config).await.unwrap();
        if let Some(auth) = auth {
            broker = broker.with_auth_provider(auth);
        }
        let address = broker.local_addr().unwrap();
        let stop = broker.shutdown_handle();
        let running = tokio::spawn(async move { broker.run().await.unwrap() });
        Self { address, stop, running }
    }

    pub fn broker(&self) -> Broker {
        Broker::from(self.address)
    }

    pub async fn stop(self) {
        self.stop.shutdown();
        self.running.await.unwrap();
    }
}

/// A reply as the probe saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub topic: String,
    pub payload: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.payload).unwrap()
    }

    pub fn id(&self) -> String {
        self.json()["id"].as_str().unwrap().to_owned()
    }
}

/// A client that sends commands as the gateway does, and receives every reply.
pub struct Probe {
    client: AsyncClient,
    replies: mpsc::UnboundedReceiver<Reply>,
    task: JoinHandle<()>,
}

impl Probe {
    pub async fn connect(address: SocketAddr) -> Self {
        let mut options = MqttOptions::new("probe", (address.ip().to_string(), address.port()));
        options.set_max_packet_size(1 << 20, 1 << 20);
        Self::with(options).await
    }

    pub async fn with(options: MqttOptions) -> Self {
        let (client, mut connection) = AsyncClient::builder(options).unbounded().build();
        let mut network = connection.network_options();
        network.set_tcp_nodelay(true);
        connection.set_network_options(network);
        let (heard, replies) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            loop {
                match connection.poll().await {
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        let topic = String::from_utf8(publish.topic.to_vec()).unwrap();
                        // The filter also matches the commands.
                        if topic.ends_with("_reply") {
                            let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
                            let _gone = heard.send(Reply { topic, payload });
                        }
                    }
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        for filter in ["/sys/+/+/thing/service/+", "/sys/+/+/thing/service/measurepoint/set_reply"] {
            let notice = client.subscribe_tracked(filter, QoS::AtLeastOnce).await.unwrap();
            notice.wait_completion_async().await.unwrap();
        }
        Self { client, replies, task }
    }

    /// Publishes and waits for the broker's acknowledgement.
    pub async fn publish(&self, topic: &str, payload: &str, retain: bool) {
        let options = PublishOptions::at_least_once().retain(retain);
        let notice = self.client.publish_tracked(topic, payload, options).await.unwrap();
        notice.wait_completion_async().await.unwrap();
    }

    /// Invokes `service`; `extra` is inserted into the payload as it is.
    pub async fn invoke(&self, device: &DeviceId, service: &str, id: &str, params: &str, extra: &str) {
        self.publish(&invoke_topic(device, service), &invoke_payload(service, id, params, extra), false).await;
    }

    /// Queues an invoke and waits for nothing.
    pub fn send(&self, device: &DeviceId, service: &str, id: &str, params: &str) {
        let payload = invoke_payload(service, id, params, "");
        let options = PublishOptions::at_least_once();
        self.client.try_publish(invoke_topic(device, service), payload, options).unwrap();
    }

    pub async fn write(&self, device: &DeviceId, id: &str, params: &str) {
        let topic = format!("/sys/{}/{}/thing/service/measurepoint/set", device.product_key, device.device_key);
        let payload =
            format!(r#"{{"id":"{id}","version":"1.0","params":{params},"method":"thing.service.measurepoint.set"}}"#);
        self.publish(&topic, &payload, false).await;
    }

    /// The next reply.
    pub async fn reply(&mut self) -> Reply {
        tokio::time::timeout(SOON, self.replies.recv()).await.expect("a reply in time").unwrap()
    }

    /// Sends a command that is answered at once, and returns all replies before that answer. MQTT keeps the order from
    /// one device to one subscriber, so none that was sent before is missing.
    pub async fn replies_until_fence(&mut self, device: &DeviceId, fence: &str) -> Vec<Reply> {
        self.invoke(device, "fence", fence, "{}", "").await;
        let mut before = Vec::new();
        loop {
            let reply = self.reply().await;
            if serde_json::from_str::<Value>(&reply.payload).is_ok_and(|json| json["id"] == *fence) {
                return before;
            }
            before.push(reply);
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub fn invoke_topic(device: &DeviceId, service: &str) -> String {
    format!("/sys/{}/{}/thing/service/{service}", device.product_key, device.device_key)
}

pub fn invoke_payload(service: &str, id: &str, params: &str, extra: &str) -> String {
    format!(r#"{{"id":"{id}","version":"1.0","params":{params},"method":"thing.service.{service}"{extra}}}"#)
}

pub fn device(n: usize) -> DeviceId {
    DeviceId::new("pk", format!("dk-{n}"))
}

pub fn epoch_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// Waits until every answer in the ledger is acknowledged.
pub async fn all_acknowledged(ledger: &Ledger) {
    let done = ledger
        .wait_for(SOON, |ledger| {
            let entries = ledger.entries();
            entries.iter().flat_map(|entry| &entry.answers).all(|answer| answer.acknowledged.is_some())
        })
        .await;
    assert!(done, "{:#?}", ledger.entries());
}
