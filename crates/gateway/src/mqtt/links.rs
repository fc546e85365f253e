//! Both connections to the broker, started.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use setpoint::{Directory, device::ANSWER_FILTERS};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    address::BrokerAddress,
    backoff::Backoff,
    commands::{DeviceLink, HandOver},
    connection::Settings,
    publisher::{ChannelLink, Publication},
};
use crate::{
    Config,
    metrics::{Link, Metrics},
    registry::Registry,
    run::{Control, RunHandle},
};

/// The ways to both links.
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) commands: mpsc::UnboundedSender<HandOver>,
    pub(crate) publications: mpsc::UnboundedSender<Publication>,
    pub(crate) tasks: [JoinHandle<()>; 2],
}

impl Links {
    /// Starts to connect. Both links report to the run loop, and end with `stop`.
    pub(crate) fn start(
        config: &Config,
        address: &BrokerAddress,
        client_id: &str,
        run: &RunHandle,
        registry: &Arc<RwLock<Registry>>,
        metrics: &Metrics,
        stop: &CancellationToken,
    ) -> Self {
        let mqtt = &config.mqtt;
        let settings = |link: Link, window: u16, filters: &'static [&'static str]| Settings {
            address: address.clone(),
            // Of this run alone: nobody else's connection is taken over, and no session of an earlier run.
            client_id: format!("setpoint-{link}-{client_id}").into(),
            keep_alive_s: mqtt.keep_alive_s,
            max_packet_bytes: mqtt.max_packet_bytes,
            window,
            filters,
        };
        let backoff = || Backoff::new(mqtt.reconnect_min_ms, mqtt.reconnect_max_ms);
        let (commands, commands_out) = mpsc::unbounded_channel();
        let reports = run.clone();
        let window = u16::try_from(config.engine.hand_over_window).unwrap_or(u16::MAX);
        let devices = DeviceLink {
            settings: settings(Link::Devices, window, &ANSWER_FILTERS),
            backoff: backoff(),
            commands: commands_out,
            inbox: run.devices.clone(),
            report: move |report| reports.tell(Control::Link(report)),
            metrics: metrics.clone(),
        };
        let (publications, messages) = mpsc::unbounded_channel();
        let (reports, registry) = (run.clone(), Arc::clone(registry));
        let channels = ChannelLink {
            settings: settings(Link::Channels, mqtt.publish_window, &[]),
            backoff: backoff(),
            messages,
            exists: move |message: &Publication| {
                let registry = registry.read().unwrap_or_else(PoisonError::into_inner);
                registry.has_channel(&message.org_id, message.family, &message.channel_id)
            },
            report: move |id, how| reports.tell(Control::Published(id, how)),
            metrics: metrics.clone(),
            kept: BTreeMap::new(),
        };
        let tasks = [tokio::spawn(devices.run(stop.clone())), tokio::spawn(channels.run(stop.clone()))];
        Self { commands, publications, tasks }
    }
}
