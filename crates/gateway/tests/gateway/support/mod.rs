//! A gateway to test, and the parties around it.

mod broker;
mod device;
mod http;
mod reader;
mod store;

use std::{error::Error, fmt::Debug, future::Future, num::NonZeroU64, time::Duration};

use serde_json::{Value, json};
use setpoint_gateway::{
    ChannelEntry, Config, DeviceEntry, Gateway,
    setpoint_store::{NullStore, Store},
};
use tokio::time::timeout;

pub(crate) use broker::{FakeBroker, TestBroker};
pub(crate) use device::Device;
pub(crate) use http::{Reply, Socket};
pub(crate) use reader::{EventReader, TopicReader};
pub(crate) use store::{SharedStore, failing_store};

/// The org that most tests act for.
pub(crate) const ORG: &str = "o1";
/// Its invoke channel.
pub(crate) const OPS: &str = "DATASVC.CONTROL.ops";
/// Its write channel.
pub(crate) const SET: &str = "DATASVC.SET.plant";
/// The batch calls.
pub(crate) const INVOKE: &str = "/dataService/devices/multiInvoke?orgId=o1";
pub(crate) const WRITE: &str = "/dataService/devices/multiSet?orgId=o1";

/// Nothing in these tests takes so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for what must come.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what}: it does not come"))
}

/// An error with everything that caused it, on one line.
pub(crate) fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        chain.push_str(&format!(": {error}"));
        source = error.source();
    }
    chain
}

/// Two devices and a channel of each family in org o1, one device and no channel in org o2, free ports.
pub(crate) fn config() -> Config {
    let mut config = Config::default();
    config.http.listen.set_port(0);
    config.mqtt.listen.set_port(0);
    config.mqtt.reconnect_min_ms = nonzero(10);
    config.mqtt.reconnect_max_ms = 50;
    config.devices = vec![
        DeviceEntry::new("o1", "p", "d1", "a1"),
        DeviceEntry::new("o1", "p", "d2", "a2"),
        DeviceEntry::new("o2", "p", "d3", "a1"),
    ];
    config.channels = vec![ChannelEntry::new("o1", OPS), ChannelEntry::new("o1", SET)];
    config
}

/// A number of the configuration that is not 0.
pub(crate) fn nonzero<N: TryFrom<NonZeroU64, Error: Debug>>(number: u64) -> N {
    N::try_from(NonZeroU64::new(number).expect("it is not 0")).expect("it fits")
}

/// A client for plain HTTP.
pub(crate) fn http_client() -> reqwest::Client {
    // Built with the whole workspace, reqwest has TLS without a provider of its own and refuses to start without one.
    // An error says that it has been installed before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Given up before the gateway closes an idle connection: a request on one that is closing would be lost.
    reqwest::Client::builder().pool_idle_timeout(Duration::from_secs(5)).build().unwrap()
}

/// A running gateway.
pub(crate) struct Service {
    pub(crate) gateway: Gateway,
    pub(crate) http: reqwest::Client,
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        Self::with_store(config, NullStore).await
    }

    pub(crate) async fn with_store(config: Config, store: impl Store) -> Self {
        let gateway = Gateway::start_with_store(config, store).await.expect("it starts");
        within("the broker", gateway.ready()).await.expect("it runs");
        Self { gateway, http: http_client() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.gateway.http_addr())
    }

    /// Sends a batch.
    pub(crate) async fn put(&self, path: &str, items: Value) -> Reply {
        self.send("PUT", path, &json!({ "data": items }).to_string()).await
    }

    /// Sends anything.
    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> Reply {
        let request = self
            .http
            .request(method.parse().expect("a method"), self.url(path))
            .header("content-type", "application/json")
            .body(body.to_owned());
        Reply::of(within("a response", request.send()).await.expect("a response")).await
    }

    /// Connects a device that answers by hand.
    pub(crate) async fn device(&self, product_key: &str, device_key: &str) -> Device {
        let addr = self.gateway.mqtt_addr().expect("an embedded broker");
        Device::connect(addr, product_key, device_key).await
    }

    /// Subscribes to the topic that is named by the channel.
    pub(crate) async fn topic(&self, channel: &str) -> TopicReader {
        TopicReader::subscribe(self.gateway.mqtt_addr().expect("an embedded broker"), channel).await
    }

    /// Opens the event stream of a channel of org o1.
    pub(crate) async fn events(&self, channel: &str, last_event_id: Option<&str>) -> EventReader {
        EventReader::open(self, &format!("/channels/{channel}/events?orgId={ORG}"), last_event_id).await
    }
}

/// An invoke of the service `start` on the device with asset `a1`.
pub(crate) fn invoke(request_id: &str) -> Value {
    json!({ "requestId": request_id, "controlChannelId": OPS, "assetId": "a1", "serviceId": "start",
            "inputData": { "ramp": 30 }, "timeout": 20_000 })
}

/// A write to the measure point `speed` of the device `p`/`d2`.
pub(crate) fn write(request_id: &str) -> Value {
    json!({ "requestId": request_id, "setMeasurepointChannelId": SET, "productKey": "p", "deviceKey": "d2",
            "measurepointId": "speed", "inputData": { "arg": 1.50 }, "timeout": 20_000 })
}
