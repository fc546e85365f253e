//! The orgs, channels and devices of a run.

use std::sync::Arc;

use setpoint::{Device, DeviceRef, Directory, Family};

use crate::{plan::Plan, rng::Rng};

pub(crate) const ORGS: [&str; 2] = ["o1", "o2"];
/// The wall clock at the start of a run.
pub(crate) const EPOCH_MS: i64 = 1_700_000_000_000;
/// Services and measure points of every device.
pub(crate) const TARGETS: [&str; 3] = ["start", "stop", "power limit"];

/// Two orgs with equal asset ids, channel ids and request ids, so that every mix-up between them shows.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) devices: Vec<KnownDevice>,
    channels: u64,
}

#[derive(Debug)]
pub(crate) struct KnownDevice {
    pub(crate) org: usize,
    pub(crate) device: Arc<Device>,
}

impl World {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut rng = Rng::new(plan.seed, 1);
        let mut devices = Vec::new();
        for (org, initial) in ["d", "e"].into_iter().enumerate() {
            for n in 0..plan.devices {
                let mut device = Device::new("p", &format!("{initial}{n}"), &format!("a{n}"));
                device.deduplicates = rng.below(100) < plan.deduplicating;
                devices.push(KnownDevice { org, device: Arc::new(device) });
            }
        }
        Self { devices, channels: plan.channels }
    }

    pub(crate) fn per_org(&self) -> usize {
        self.devices.len() / ORGS.len()
    }
}

pub(crate) fn channel(family: Family, n: u64) -> String {
    format!("{}c{n}", family.table().channel_prefix)
}

impl Directory for World {
    fn has_org(&self, org_id: &str) -> bool {
        ORGS.contains(&org_id)
    }

    fn has_channel(&self, _org_id: &str, family: Family, channel_id: &str) -> bool {
        (0..self.channels).any(|n| channel(family, n) == channel_id)
    }

    fn device(&self, org_id: &str, device: DeviceRef<'_>) -> Option<Arc<Device>> {
        let is_meant = |known: &&KnownDevice| {
            ORGS[known.org] == org_id
                && match device {
                    DeviceRef::Asset(asset_id) => &*known.device.asset_id == asset_id,
                    DeviceRef::Keys { product_key, device_key } => {
                        &*known.device.product_key == product_key && &*known.device.device_key == device_key
                    }
                }
        };
        self.devices.iter().find(is_meant).map(|known| Arc::clone(&known.device))
    }

    fn service_name(&self, _org_id: &str, _device: &Device, service_id: &str) -> Option<Arc<str>> {
        (service_id == "start").then(|| "Start".into())
    }
}
