//! The two links to the broker, started.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use setpoint::{Directory, device::ANSWER_FILTERS};
use setpoint_clock::Backoff;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    catalog::Catalog,
    channels::ChannelLink,
    config::Config,
    devices::DeviceLink,
    lifecycle::Lifecycle,
    mqtt::{BrokerAddress, Settings},
    ports::{HandOver, Health, Link, Publication},
    run::RunHandle,
};

/// The ways to both links.
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) commands: mpsc::UnboundedSender<HandOver>,
    pub(crate) publications: mpsc::UnboundedSender<Publication>,
    pub(crate) tasks: [JoinHandle<()>; 2],
}

impl Links {
    /// Starts to connect. Both links report to the run loop, and end when the lifecycle aborts.
    pub(crate) fn start(
        config: &Config,
        address: &BrokerAddress,
        client_id: &str,
        run: &RunHandle,
        catalog: &Arc<Catalog>,
        health: &Health,
        lifecycle: &Lifecycle,
    ) -> Self {
        let mqtt = &config.mqtt;
        let settings = |link: Link, window: u16, filters: &'static [&'static str]| Settings {
            address: address.clone(),
            // Of this run alone: nobody else's connection is taken over, and no session of an earlier run.
            client_id: format!("setpoint-{link}-{client_id}").into(),
            keep_alive_s: mqtt.keep_alive_s.get(),
            max_packet_bytes: mqtt.max_packet_bytes,
            window,
            filters,
        };
        let backoff = || {
            Backoff::new(
                Duration::from_millis(mqtt.reconnect_min_ms.get()),
                Duration::from_millis(mqtt.reconnect_max_ms),
            )
        };
        let (commands, commands_out) = mpsc::unbounded_channel();
        let window = u16::try_from(config.engine.responder.hand_over_window.get()).unwrap_or(u16::MAX);
        let devices = DeviceLink {
            settings: settings(Link::Devices, window, &ANSWER_FILTERS),
            backoff: backoff(),
            commands: commands_out,
            events: run.clone(),
            health: health.clone(),
        };
        let (publications, messages) = mpsc::unbounded_channel();
        let catalog = Arc::clone(catalog);
        let channels = ChannelLink {
            settings: settings(Link::Channels, mqtt.publish_window.get(), &[]),
            backoff: backoff(),
            messages,
            exists: move |message: &Publication| {
                catalog.snapshot().has_channel(&message.org_id, message.family, &message.channel_id)
            },
            events: run.clone(),
            health: health.clone(),
            kept: BTreeMap::new(),
        };
        let stop = lifecycle.abort.clone();
        let tasks = [
            tokio::spawn(lifecycle.clone().supervise("devices' link", devices.run(stop.clone()))),
            tokio::spawn(lifecycle.clone().supervise("channels' link", channels.run(stop))),
        ];
        Self { commands, publications, tasks }
    }
}
