//! The embedded broker.

use std::{error::Error, net::SocketAddr, sync::Arc, time::Duration};

use mqtt5::broker::{BrokerConfig, BrokerShutdownHandle, MqttBroker, StorageBackendType, StorageConfig};
use tokio::{task::JoinHandle, time::timeout};

use crate::{
    config::MqttConfig,
    error::{Chain, ListenError},
};

/// Why the broker ended.
type Ended = Arc<dyn Error + Send + Sync>;

/// How long a session outlives its connection. Without an end, sessions of clients that never return would accumulate.
const SESSION_EXPIRY: Duration = Duration::from_secs(60 * 60);

/// How often it is asked to stop, and how long it is waited for each time, before its task is aborted.
const STOP_ATTEMPTS: usize = 100;
const STOP_PATIENCE: Duration = Duration::from_millis(20);

/// The broker that a gateway embeds. It lives as long as this does, speaks MQTT 3.1.1 and 5 on one port, and keeps
/// everything in memory.
pub struct EmbeddedBroker {
    addr: SocketAddr,
    stop: BrokerShutdownHandle,
    running: JoinHandle<()>,
}

impl std::fmt::Debug for EmbeddedBroker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedBroker").field("addr", &self.addr).finish_non_exhaustive()
    }
}

impl EmbeddedBroker {
    /// Starts it without a gateway, for instance to measure what a gateway adds. Only the settings of the embedded broker
    /// are used.
    ///
    /// # Errors
    /// It cannot listen at the address.
    pub async fn alone(config: &MqttConfig) -> Result<Self, ListenError> {
        Self::start(config, |reason| tracing::debug!(reason = %Chain(&reason), "the broker ended")).await
    }

    /// Starts it. `ended` is called if it ever ends.
    pub(crate) async fn start(
        config: &MqttConfig,
        ended: impl FnOnce(Ended) + Send + 'static,
    ) -> Result<Self, ListenError> {
        let failed =
            |source: Box<dyn Error + Send + Sync>| ListenError { key: "mqtt.listen", addr: config.listen, source };
        // The default would store files in the working directory.
        let storage = StorageConfig::new()
            .with_backend(StorageBackendType::Memory)
            .with_max_queued_messages_per_client(config.queued_messages_per_client.get())
            .with_max_queued_bytes_per_client(config.queued_bytes_per_client);
        let settings = BrokerConfig::default()
            .with_bind_address(config.listen)
            .with_storage(storage)
            .with_session_expiry(SESSION_EXPIRY)
            .with_max_clients(config.max_clients.get())
            .with_max_packet_size(usize::try_from(config.max_packet_bytes).unwrap_or(usize::MAX))
            .with_sys_topics_enabled(false);
        let mut broker = MqttBroker::with_config(settings).await.map_err(|error| failed(Box::new(error)))?;
        let addr = broker.local_addr().ok_or_else(|| failed("the broker does not say its address".into()))?;
        let stop = broker.shutdown_handle();
        let running = tokio::spawn(async move {
            ended(match broker.run().await {
                Ok(()) => Arc::from(Box::<dyn Error + Send + Sync>::from("it stopped")),
                Err(error) => Arc::new(error),
            });
        });
        Ok(Self { addr, stop, running })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops it and waits until the port is free.
    pub async fn stop(mut self) {
        // A shutdown that is requested before the broker's task has begun to run is lost, so it is requested again.
        for _ in 0..STOP_ATTEMPTS {
            self.stop.shutdown();
            if timeout(STOP_PATIENCE, &mut self.running).await.is_ok() {
                return;
            }
        }
        self.running.abort();
        // `ended` was told why it ended.
        let _ = (&mut self.running).await;
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        self.running.abort();
    }
}
