//! The running wind farm: a gateway and a fleet of simulated turbines in this process.

use std::{collections::HashMap, num::NonZeroUsize};

use setpoint::Family;
use setpoint_client::Client;
use setpoint_devices::{Behaviour, Broker, Command, DeviceId, Fleet, FleetOptions};
use setpoint_gateway::{ChannelEntry, Config, DeviceEntry, Gateway, ServiceEntry};

use super::{
    orders::{Expected, Order},
    plant::{self, ORG, PRODUCT},
    samples,
};
use crate::failure::Failure;

/// Few, so that the service need not hold all bodies at once.
const REQUESTS_UNDER_WAY: NonZeroUsize = NonZeroUsize::new(4).unwrap();

#[derive(Debug)]
pub(super) struct Farm {
    pub(super) gateway: Gateway,
    pub(super) fleet: Fleet,
}

impl Farm {
    pub(super) async fn start(devices: usize, orders: &[Order]) -> Result<Self, Failure> {
        let gateway = Gateway::start(config(devices, orders.len()))
            .await
            .map_err(|error| Failure::does_not_start("the gateway", &error))?;
        let broker =
            Broker::parse(&gateway.broker_url()).map_err(|error| Failure::does_not_start("the fleet", &error))?;
        let ids = (0..devices).map(plant::device).chain(samples::devices());
        let fleet = Fleet::connect_with(broker, ids, plan(orders), FleetOptions::default())
            .await
            .map_err(|error| Failure::does_not_start("the fleet", &error))?;
        Ok(Self { gateway, fleet })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.gateway.http_addr())
    }

    /// A client of the farm's org. It reads outcomes of invokes from the service's event stream, and those of writes from
    /// the MQTT topic.
    pub(super) async fn client(&self, family: Family) -> Result<Client, Failure> {
        let builder = Client::builder(self.url())
            .org_id(ORG)
            .channel(plant::channel(family))
            .requests_under_way(REQUESTS_UNDER_WAY);
        let builder = match family {
            Family::Invoke => builder,
            Family::Write => builder.mqtt(self.gateway.broker_url()),
        };
        Ok(builder.build().await?)
    }

    pub(super) async fn stop(self) {
        self.fleet.shutdown().await;
        // The books show whether something went wrong.
        let _ = self.gateway.shutdown().await;
    }
}

fn config(devices: usize, items: usize) -> Config {
    let mut config = Config::default();
    config.http.listen.set_port(0);
    config.mqtt.listen.set_port(0);
    // All items may be pending at once, in the worst case at one device.
    let responder = &mut config.engine.responder;
    responder.pending_per_device = responder.pending_per_device.saturating_add(items);
    responder.pending_per_org = responder.pending_per_org.saturating_add(items);
    config.events.retained_messages = config.events.retained_messages.saturating_add(items);
    config.events.retained_bytes = config.events.retained_bytes_in_all;
    config.devices = (0..devices).map(entry).chain(samples::entries()).collect();
    config.channels = Family::ALL.map(|family| ChannelEntry::new(ORG, plant::channel(family))).into();
    config.channels.extend(samples::channels());
    config
}

fn entry(turbine: usize) -> DeviceEntry {
    let mut entry = DeviceEntry::new(ORG, PRODUCT, plant::device(turbine).device_key, plant::asset(turbine));
    let named = |(id, name): (&str, &str)| ServiceEntry::Named { id: id.to_owned(), name: name.to_owned() };
    entry.services = Some(plant::SERVICES.into_iter().map(named).collect());
    entry.measurepoints = Some(plant::targets(Family::Write).iter().map(|&id| id.to_owned()).collect());
    entry
}

/// Devices handle each command as its order says. The parameters tell which order it is.
fn plan(orders: &[Order]) -> impl Fn(&Command) -> Behaviour + Send + Sync + 'static {
    let behaviours: HashMap<(DeviceId, String), Behaviour> = orders
        .iter()
        .filter_map(|order| match &order.expected {
            Expected::Accepted(behaviour) => Some(((order.device.clone(), order.params.clone()), behaviour.clone())),
            Expected::Refused(_) => None,
        })
        .collect();
    move |command| {
        let known = behaviours.get(&(command.device.clone(), command.params.clone()));
        // A command that was not ordered succeeds, and the books find it.
        known.cloned().unwrap_or_else(|| samples::behaviour(command))
    }
}
