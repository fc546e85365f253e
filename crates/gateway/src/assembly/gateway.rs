//! The gateway as a whole: what is started, in which order, and how it ends.

use std::{
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use setpoint::responder::ResponderStats;
use setpoint_store::{NullStore, Store};
use tokio::{
    net::TcpListener,
    runtime::Handle,
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_util::sync::DropGuard;

use super::{
    DirectoryHandle, StartError, catalog_with_feeds,
    outside::Links,
    restore::{Restored, restore},
};
use crate::{
    channels::Router,
    config::Config,
    error::{GatewayError, ListenError},
    http::{App, Server},
    lifecycle::Lifecycle,
    mqtt::{BrokerAddress, EmbeddedBroker},
    ports::Health,
    run::{Control, Inputs, Outputs, RunHandle, RunLoop, inputs},
    store::StoreWriter,
    telemetry::Metrics,
};

/// How much longer than the shutdown timeout the run loop is waited for.
const SLACK: Duration = Duration::from_secs(1);

/// A running gateway. Many can live in one process.
///
/// Dropping it ends everything at once; [`shutdown`](Self::shutdown) finishes what is under way first. It needs a
/// multi-threaded tokio runtime, or one that is not blocked.
///
/// ```
/// use setpoint_gateway::{ChannelEntry, Config, DeviceEntry, Gateway};
///
/// # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let mut config = Config::default();
/// config.http.listen.set_port(0);
/// config.mqtt.listen.set_port(0);
/// config.devices.push(DeviceEntry::new("o1", "turbine", "t-7", "asset-7"));
/// config.channels.push(ChannelEntry::new("o1", "DATASVC.CONTROL.ops"));
/// let gateway = Gateway::start(config).await?;
/// println!("http://{} {}", gateway.http_addr(), gateway.broker_url());
/// gateway.shutdown().await?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Gateway {
    server: Server,
    broker: Option<EmbeddedBroker>,
    broker_address: BrokerAddress,
    links: [JoinHandle<()>; 2],
    run: RunHandle,
    /// Sent when the run loop has ended and everything that it owned is dropped.
    run_ended: oneshot::Receiver<()>,
    directory: DirectoryHandle,
    metrics: Metrics,
    health: Health,
    lifecycle: Lifecycle,
    shutdown_timeout: Duration,
    _abort_on_drop: DropGuard,
}

impl Gateway {
    /// Starts a gateway without a store: what it has accepted is gone when it ends.
    ///
    /// # Errors
    /// The configuration, the device list or an address cannot be used. Nothing is left running.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with_store(config, NullStore).await
    }

    /// Starts a gateway from what the store holds.
    ///
    /// # Errors
    /// As [`start`](Self::start), and if the store cannot be read.
    pub async fn start_with_store(config: Config, store: impl Store) -> Result<Self, StartError> {
        config.check()?;
        let config = Arc::new(config);
        let health = Health::new();
        let lifecycle = Lifecycle::new(health.clone());
        let abort_on_drop = lifecycle.abort.clone().drop_guard();
        let metrics = Metrics::new(health.clone());
        let Restored { store, draft, responder, run_id, client_id } = restore(Arc::clone(&config), store).await?;
        let (catalog, feeds) = catalog_with_feeds(draft, run_id, &config.events);
        let listener = TcpListener::bind(config.http.listen).await.map_err(|error| listen_error(&config, error))?;
        let (broker, broker_address) = broker(&config, &lifecycle).await?;

        let (run, inputs) = inputs(config.engine.waiting_batches, config.mqtt.inbox_messages);
        let reports = run.clone();
        let store = StoreWriter::start(store, metrics.store.clone(), move |outcome| {
            reports.tell(outcome.map_or_else(Control::PersistFailed, Control::Persisted));
        })
        .map_err(StartError::Thread)?;
        let links = Links::start(&config, &broker_address, &client_id, &run, &catalog, &health, &lifecycle);
        let outputs = Outputs {
            store,
            devices: Box::new(links.commands),
            channels: Box::new(Router::new(vec![feeds.clone()], links.publications)),
        };
        let run_loop = RunLoop::new(responder, Arc::clone(&catalog), outputs, metrics.clone());
        let run_ended = spawn(run_loop, inputs, lifecycle.clone())?;

        let app = App::new(
            Arc::clone(&config),
            Arc::clone(&catalog),
            feeds,
            run.clone(),
            metrics.clone(),
            health.clone(),
            lifecycle.clone(),
        );
        let server = Server::start(listener, app).map_err(|error| listen_error(&config, error))?;
        let gateway = Self {
            server,
            broker,
            broker_address,
            links: links.tasks,
            directory: DirectoryHandle::new(catalog, run.clone()),
            run,
            run_ended,
            metrics,
            health,
            lifecycle,
            shutdown_timeout: Duration::from_millis(config.http.shutdown_timeout_ms),
            _abort_on_drop: abort_on_drop,
        };
        tracing::info!(
            http = %gateway.http_addr(),
            broker = %gateway.broker_address,
            devices = gateway.directory.device_count(),
            "started"
        );
        Ok(gateway)
    }

    /// Where the HTTP side listens.
    pub fn http_addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Where the embedded broker listens; `None` with an external one.
    pub fn mqtt_addr(&self) -> Option<SocketAddr> {
        self.broker.as_ref().map(EmbeddedBroker::addr)
    }

    /// The broker that is used, embedded or external, without credentials: `mqtt://host:port`.
    pub fn broker_url(&self) -> String {
        self.broker_address.to_string()
    }

    /// Adds orgs, devices and channels.
    pub fn directory(&self) -> DirectoryHandle {
        self.directory.clone()
    }

    /// The engine's counters and gauges.
    pub fn stats(&self) -> ResponderStats {
        self.metrics.engine.get()
    }

    /// Waits until both links to the broker are up: commands can go out, and outcomes be published.
    ///
    /// # Errors
    /// The gateway stopped before.
    pub async fn ready(&self) -> Result<(), GatewayError> {
        tokio::select! {
            () = self.health.links_up() => Ok(()),
            ended = self.lifecycle.ended() => ended,
        }
    }

    /// Waits until the gateway stops by itself.
    ///
    /// # Errors
    /// Why it did. Shut it down then: what is left of it answers 503, and `/healthz` 500.
    pub async fn wait(&self) -> Result<(), GatewayError> {
        self.lifecycle.ended().await
    }

    /// Accepts no more, finishes the requests under way, publishes the outcomes that are decided, and ends.
    /// Items without an outcome stay in the store.
    ///
    /// # Errors
    /// Why the gateway had stopped by itself, if it had.
    pub async fn shutdown(self) -> Result<(), GatewayError> {
        self.run.tell(Control::StopAccepting);
        self.lifecycle.shut_down();
        self.server.drained(self.shutdown_timeout).await;
        self.run.tell(Control::Finish(Instant::now() + self.shutdown_timeout));
        if timeout(self.shutdown_timeout + SLACK, self.run_ended).await.is_err() {
            tracing::error!("the run loop does not end");
        }
        let failure = self.lifecycle.failure();
        self.lifecycle.abort.cancel();
        for link in self.links {
            // A link that panicked was reported when it did.
            let _ = link.await;
        }
        if let Some(broker) = self.broker {
            broker.stop().await;
        }
        tracing::info!("stopped");
        failure.map_or(Ok(()), Err)
    }
}

fn listen_error(config: &Config, error: std::io::Error) -> ListenError {
    ListenError { key: "http.listen", addr: config.http.listen, source: Box::new(error) }
}

async fn broker(config: &Config, lifecycle: &Lifecycle) -> Result<(Option<EmbeddedBroker>, BrokerAddress), StartError> {
    if let Some(url) = &config.mqtt.url {
        return Ok((None, BrokerAddress::external(url, &config.mqtt)?));
    }
    let lifecycle = lifecycle.clone();
    let broker =
        EmbeddedBroker::start(&config.mqtt, move |reason| lifecycle.fail(GatewayError::Broker(reason))).await?;
    let address = BrokerAddress::embedded(broker.addr(), config.mqtt.protocol);
    Ok((Some(broker), address))
}

/// Gives the run loop a thread of its own, so that it neither delays connections nor waits for them.
fn spawn(run_loop: RunLoop, inputs: Inputs, lifecycle: Lifecycle) -> Result<oneshot::Receiver<()>, StartError> {
    let (ended, run_ended) = oneshot::channel();
    let runtime = Handle::current();
    std::thread::Builder::new()
        .name("setpoint-run".to_owned())
        .spawn(move || {
            let abort = lifecycle.abort.clone();
            let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(run_loop.run(inputs, abort))));
            if let Err(error) = outcome.unwrap_or_else(|panic| Err(GatewayError::panicked("run loop", &*panic))) {
                lifecycle.fail(error);
            }
            // Nobody waits for it if the gateway was dropped.
            let _ = ended.send(());
        })
        .map_err(StartError::Thread)?;
    Ok(run_ended)
}
