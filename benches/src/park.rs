//! The devices that the corpora name.

use std::sync::Arc;

use setpoint::{Device, DeviceRef, Directory, Family};

/// So many turbines.
pub(crate) const TURBINES: u32 = 400;
pub(crate) const PRODUCT_KEY: &str = "x7Fq2LrT";
const DEVICE_PREFIX: &str = "WTG-";
const ASSET_PREFIX: &str = "kS3hT9Q";

pub(crate) fn device_key(turbine: u32) -> String {
    format!("{DEVICE_PREFIX}{turbine:04}")
}

pub(crate) fn asset_id(turbine: u32) -> String {
    format!("{ASSET_PREFIX}{turbine}")
}

/// A directory with all turbines of the corpora.
#[derive(Debug)]
pub struct Park(Vec<Arc<Device>>);

impl Park {
    /// All of them.
    pub fn new() -> Self {
        let device = |turbine| Arc::new(Device::new(PRODUCT_KEY, &device_key(turbine), &asset_id(turbine)));
        Self((0..TURBINES).map(device).collect())
    }
}

impl Default for Park {
    fn default() -> Self {
        Self::new()
    }
}

impl Directory for Park {
    fn has_org(&self, org_id: &str) -> bool {
        org_id == crate::ORG
    }

    fn has_channel(&self, _org_id: &str, _family: Family, _channel_id: &str) -> bool {
        true
    }

    fn device(&self, _org_id: &str, device: DeviceRef<'_>) -> Option<Arc<Device>> {
        let turbine: usize = match device {
            DeviceRef::Asset(asset_id) => asset_id.strip_prefix(ASSET_PREFIX)?.parse().ok()?,
            DeviceRef::Keys { product_key: PRODUCT_KEY, device_key } => {
                device_key.strip_prefix(DEVICE_PREFIX)?.parse().ok()?
            }
            DeviceRef::Keys { .. } => return None,
        };
        self.0.get(turbine).map(Arc::clone)
    }
}
