//! Starts what is measured: a gateway, or a broker alone, and devices.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use setpoint::DeviceName;
use setpoint_devices::{Behaviour, Broker, Command, DeviceId, Fleet, FleetOptions};
use setpoint_gateway::{ChannelEntry, Config, DeviceEntry, EmbeddedBroker, Gateway, MqttConfig};

use super::{
    args::Args,
    bare::{self, Bare},
    item::{CHANNEL, End, ORG, PRODUCT, device_key},
    through::{self, Through},
};
use crate::{
    failure::{Failure, exit},
    input::read_devices,
};

/// Entries kept of the devices' ledger. The books need only a count, and memory is not to grow.
const LEDGER: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();
/// A limit that no measurement reaches: otherwise it would be the limit that is measured.
const UNBOUNDED: NonZeroUsize = NonZeroUsize::new(100_000_000).unwrap();

/// The parts that run in this process; none of them with `--url`.
#[derive(Debug)]
pub(super) struct Rig {
    broker: Option<EmbeddedBroker>,
    gateway: Option<Gateway>,
    fleet: Option<Fleet>,
    executed: Arc<AtomicU64>,
}

impl Rig {
    pub(super) async fn start(args: &Args, bare: bool) -> Result<Self, Failure> {
        let mut rig = Self { broker: None, gateway: None, fleet: None, executed: Arc::default() };
        if args.url.is_some() {
            return Ok(rig);
        }
        let url = if bare {
            let mut config = MqttConfig::default();
            config.listen.set_port(0);
            let broker =
                EmbeddedBroker::alone(&config).await.map_err(|error| Failure::does_not_start("the broker", &error))?;
            let url = format!("mqtt://{}", broker.addr());
            rig.broker = Some(broker);
            url
        } else {
            let failed = |error: &dyn std::error::Error| Failure::does_not_start("the gateway", error);
            let gateway = Gateway::start(config(args)).await.map_err(|error| failed(&error))?;
            // The start-up is not measured.
            gateway.ready().await.map_err(|error| failed(&error))?;
            let url = gateway.broker_url();
            rig.gateway = Some(gateway);
            url
        };
        let broker = Broker::parse(&url).map_err(|error| Failure::does_not_start("the fleet", &error))?;
        let ids = (0..args.devices as usize).map(|device| DeviceId::new(PRODUCT, device_key(device)));
        let mut options = FleetOptions::default();
        options.ledger_limit = Some(LEDGER);
        options.services = (!args.wildcards).then(|| vec![args.service.clone()]);
        let executed = Arc::clone(&rig.executed);
        let plan = move |_: &Command| {
            executed.fetch_add(1, Ordering::Relaxed);
            Behaviour::succeed()
        };
        let fleet = Fleet::connect_with(broker, ids, plan, options)
            .await
            .map_err(|error| Failure::does_not_start("the fleet", &error))?;
        rig.fleet = Some(fleet);
        Ok(rig)
    }

    /// Connects a way to the devices.
    pub(super) async fn way(&self, args: &Args) -> Result<Way, Failure> {
        if let Some(broker) = &self.broker {
            let bare = Bare::connect(broker.addr(), args.devices as usize, &args.service).await?;
            return Ok(Way::Bare(Arc::new(bare)));
        }
        let (url, org, devices) = match (&self.gateway, &args.url, &args.org, &args.list) {
            (Some(gateway), ..) => {
                let devices = (0..args.devices as usize).map(|device| DeviceName::asset(device_key(device))).collect();
                (format!("http://{}", gateway.http_addr()), ORG, devices)
            }
            (None, Some(url), Some(org), Some(list)) => {
                let list = read_devices(list)?;
                let ours = list.devices().filter(|(of, _)| of == org);
                let devices: Vec<_> = ours.map(|(_, device)| DeviceName::asset(&*device.asset_id)).collect();
                if devices.is_empty() {
                    return Err(Failure::new(exit::INPUT, format!("the list has no device of the org {org:?}")));
                }
                (url.clone(), org.as_str(), devices)
            }
            _ => return Err(Failure::new(exit::USAGE, "--url needs --org and --list")),
        };
        Ok(Way::Through(Arc::new(Through::connect(&url, org, devices, &args.service).await?)))
    }

    /// Stops everything. Returns how many commands the devices executed, if they are simulated here.
    pub(super) async fn stop(self) -> Option<u64> {
        let fleet = self.fleet?;
        fleet.shutdown().await;
        if let Some(gateway) = self.gateway {
            // The books show whether something went wrong.
            let _ = gateway.shutdown().await;
        }
        if let Some(broker) = self.broker {
            broker.stop().await;
        }
        Some(self.executed.load(Ordering::Relaxed))
    }
}

fn config(args: &Args) -> Config {
    let mut config = Config::default();
    config.http.listen.set_port(0);
    config.mqtt.listen.set_port(0);
    config.engine.responder.pending_per_device = UNBOUNDED;
    config.engine.responder.pending_per_org = UNBOUNDED;
    config.engine.responder.dedup_per_org = UNBOUNDED;
    config.devices = (0..args.devices as usize)
        .map(|device| DeviceEntry::new(ORG, PRODUCT, device_key(device), device_key(device)))
        .collect();
    config.channels = vec![ChannelEntry::new(ORG, CHANNEL)];
    config
}

/// A way to send batches to the devices and to receive the ends of their items.
#[derive(Debug, Clone)]
pub(super) enum Way {
    Bare(Arc<Bare>),
    Through(Arc<Through>),
}

/// A batch that was sent.
pub(super) enum Sent {
    Bare(bare::Sent),
    Through(through::Sent),
}

impl Way {
    /// Sends a batch of items, numbered from `first` on.
    pub(super) async fn send(&self, first: u64, items: usize) -> Result<Sent, Failure> {
        match self {
            Self::Bare(bare) => bare.send(first, items).await.map(Sent::Bare),
            Self::Through(through) => through.send(first, items).await.map(Sent::Through),
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Bare(bare) => bare.close().await,
            Self::Through(through) => through.close().await,
        }
    }
}

impl Sent {
    /// The next end of an item; `None` when all have ended.
    pub(super) async fn next(&mut self) -> Option<End> {
        match self {
            Self::Bare(sent) => sent.next().await,
            Self::Through(sent) => sent.next().await,
        }
    }
}
