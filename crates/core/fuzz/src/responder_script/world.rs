//! The orgs and devices of a script.

use std::{collections::BTreeSet, sync::Arc};

use setpoint::{Device, DeviceRef, Directory, Family};

/// Devices of each org.
pub(super) const DEVICES: u8 = 4;

/// Orgs `o1` with devices `d0`…`d3` and `o2` with `e0`…`e3`. Those with odd numbers de-duplicate.
#[derive(Debug, Default)]
pub(super) struct World {
    /// Numbers of devices that have left.
    pub(super) gone: BTreeSet<u8>,
}

pub(super) fn org(second: bool) -> &'static str {
    if second { "o2" } else { "o1" }
}

/// The asset id and device key of an org's device.
pub(super) fn device(org_id: &str, number: u8) -> String {
    format!("{}{}", if org_id == "o1" { 'd' } else { 'e' }, number % DEVICES)
}

impl Directory for World {
    fn has_org(&self, org_id: &str) -> bool {
        matches!(org_id, "o1" | "o2")
    }

    fn has_channel(&self, _org_id: &str, family: Family, channel_id: &str) -> bool {
        channel_id == crate::body::channel(family)
    }

    fn device(&self, org_id: &str, named: DeviceRef<'_>) -> Option<Arc<Device>> {
        let key = match named {
            DeviceRef::Asset(asset_id) => asset_id,
            DeviceRef::Keys { product_key, device_key } => (product_key == "p").then_some(device_key)?,
        };
        let number = (0..DEVICES).find(|number| device(org_id, *number) == key && !self.gone.contains(number))?;
        let mut device = Device::new("p", key, key);
        device.deduplicates = number % 2 == 1;
        Some(Arc::new(device))
    }
}
