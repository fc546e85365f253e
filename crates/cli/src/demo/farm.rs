//! The wind farm: a gateway and a fleet of simulated turbines in this process.

use std::{collections::HashMap, num::NonZeroUsize, sync::Arc};

use setpoint::Family;
use setpoint_client::Client;
use setpoint_devices::{Behaviour, Broker, Command, DeviceId, Fleet, FleetOptions};
use setpoint_gateway::{ChannelEntry, Config, DeviceEntry, Gateway, ServiceEntry};

use super::{
    orders::{Expected, Order},
    samples,
};
use crate::failure::{Failure, exit};

/// Few, so that the service is not asked to hold every body at once.
const REQUESTS_UNDER_WAY: NonZeroUsize = NonZeroUsize::new(4).unwrap();

pub(super) const ORG: &str = "windfarm";
pub(super) const PRODUCT: &str = "turbine";
const SERVICES: [(&str, &str); 4] = [
    ("start", "Start the turbine"),
    ("stop", "Stop the turbine"),
    ("setPower", "Set the power"),
    ("yaw", "Turn into the wind"),
];

pub(super) fn device(turbine: usize) -> DeviceId {
    DeviceId::new(PRODUCT, format!("t-{turbine:04}"))
}

pub(super) fn asset(turbine: usize) -> String {
    format!("wtg-{turbine:04}")
}

pub(super) fn channel(family: Family) -> &'static str {
    match family {
        Family::Invoke => "DATASVC.CONTROL.farm",
        Family::Write => "DATASVC.SET.farm",
    }
}

/// What a turbine can do.
pub(super) fn targets(family: Family) -> &'static [&'static str] {
    match family {
        Family::Invoke => &["start", "stop", "setPower", "yaw"],
        Family::Write => &["powerLimit", "pitchAngle", "yawTarget"],
    }
}

/// Everything that runs.
#[derive(Debug)]
pub(super) struct Farm {
    pub(super) gateway: Gateway,
    pub(super) fleet: Fleet,
}

impl Farm {
    pub(super) async fn start(devices: usize, orders: &[Order]) -> Result<Self, Failure> {
        let failed = |what: &str, why: String| Failure::new(exit::INTERNAL, format!("{what} does not start: {why}"));
        let gateway = Gateway::start(config(devices, orders.len()))
            .await
            .map_err(|error| failed("the gateway", error.to_string()))?;
        let broker = Broker::parse(&gateway.broker_url()).map_err(|error| failed("the fleet", error.to_string()))?;
        let ids = (0..devices).map(device).chain(samples::devices());
        let fleet = Fleet::connect_with(broker, ids, plan(orders), FleetOptions::default())
            .await
            .map_err(|error| failed("the fleet", error.to_string()))?;
        Ok(Self { gateway, fleet })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.gateway.http_addr())
    }

    /// A client of the farm's own org. Outcomes of invokes are read from the service's event stream, those of writes
    /// from the MQTT topic.
    pub(super) async fn client(&self, family: Family) -> Result<Client, Failure> {
        let builder =
            Client::builder(self.url()).org_id(ORG).channel(channel(family)).requests_under_way(REQUESTS_UNDER_WAY);
        let builder = match family {
            Family::Invoke => builder,
            Family::Write => builder.mqtt(self.gateway.broker_url()),
        };
        Ok(builder.build().await?)
    }

    pub(super) async fn stop(self) {
        self.fleet.shutdown().await;
        // What it had to say is in its log; the books are what counts here.
        let _ = self.gateway.shutdown().await;
    }
}

fn config(devices: usize, items: usize) -> Config {
    let mut config = Config::default();
    config.http.listen.set_port(0);
    config.mqtt.listen.set_port(0);
    // All at once, and in the worst case all to one device.
    config.engine.pending_per_device = items.max(config.engine.pending_per_device);
    config.engine.pending_per_org = items.max(config.engine.pending_per_org);
    config.events.retained_messages = items.max(config.events.retained_messages);
    config.events.retained_bytes = config.events.retained_bytes_in_all;
    config.devices = (0..devices).map(entry).chain(samples::entries()).collect();
    config.channels = Family::ALL.map(|family| ChannelEntry::new(ORG, channel(family))).into();
    config.channels.extend(samples::channels());
    config
}

fn entry(turbine: usize) -> DeviceEntry {
    let mut entry = DeviceEntry::new(ORG, PRODUCT, device(turbine).device_key, asset(turbine));
    let named = |(id, name): (&str, &str)| ServiceEntry::Named { id: id.to_owned(), name: name.to_owned() };
    entry.services = Some(SERVICES.into_iter().map(named).collect());
    entry.measurepoints = Some(targets(Family::Write).iter().map(|&id| id.to_owned()).collect());
    entry
}

/// Every command is treated as its order says. The parameters say which order it is.
fn plan(orders: &[Order]) -> impl Fn(&Command) -> Behaviour + Send + Sync + 'static {
    let behaviours: HashMap<(DeviceId, String), Behaviour> = orders
        .iter()
        .filter_map(|order| match &order.expected {
            Expected::Taken(behaviour) => Some(((order.device.clone(), order.params.clone()), behaviour.clone())),
            Expected::Refused(_) => None,
        })
        .collect();
    let behaviours = Arc::new(behaviours);
    move |command| {
        let known = behaviours.get(&(command.device.clone(), command.params.clone()));
        // What nobody ordered succeeds: the books find it.
        known.cloned().unwrap_or_else(|| samples::treat(command))
    }
}

/// The farm as the engine's check sees it, without a gateway.
#[cfg(test)]
pub(super) struct Known {
    pub(super) devices: usize,
}

#[cfg(test)]
impl setpoint::Directory for Known {
    fn has_org(&self, org_id: &str) -> bool {
        org_id == ORG
    }

    fn has_channel(&self, _org_id: &str, family: Family, channel_id: &str) -> bool {
        channel_id == channel(family)
    }

    fn device(&self, _org_id: &str, name: setpoint::DeviceRef<'_>) -> Option<Arc<setpoint::Device>> {
        let turbine = (0..self.devices).find(|&turbine| match name {
            setpoint::DeviceRef::Asset(id) => asset(turbine) == id,
            setpoint::DeviceRef::Keys { product_key, device_key } => {
                device(turbine) == DeviceId::new(product_key, device_key)
            }
        })?;
        let id = device(turbine);
        Some(Arc::new(setpoint::Device::new(&id.product_key, &id.device_key, &asset(turbine))))
    }

    fn target(
        &self,
        _org_id: &str,
        _device: &setpoint::Device,
        family: Family,
        target: &str,
        _input: Option<setpoint::json::Payload<'_>>,
    ) -> Result<(), setpoint::Fault> {
        if targets(family).contains(&target) {
            return Ok(());
        }
        Err(setpoint::Fault::new(setpoint::Code::TARGET_MISSING, family.table().target_field, "no such target"))
    }
}
