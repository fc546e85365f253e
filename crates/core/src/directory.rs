//! What the engine asks of the outside: which orgs, channels and devices there are.

use std::sync::Arc;

use crate::{Family, Fault, json::Payload};

/// A device, with all three names that identify it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Device {
    /// Key of its product.
    pub product_key: Box<str>,
    /// Its key within the product.
    pub device_key: Box<str>,
    /// Its asset id.
    pub asset_id: Box<str>,
    /// Whether the device itself executes a message id at most once.
    /// Only such a device may be handed the same message id again after a crash or a lost connection.
    #[serde(default)]
    pub deduplicates: bool,
}

impl Device {
    /// A device that does not de-duplicate.
    pub fn new(product_key: &str, device_key: &str, asset_id: &str) -> Self {
        Self {
            product_key: product_key.into(),
            device_key: device_key.into(),
            asset_id: asset_id.into(),
            deduplicates: false,
        }
    }
}

/// How an item names its device, decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceRef<'a> {
    /// By asset id. If all three names were sent, this one counts (source page).
    Asset(&'a str),
    /// By product key and device key.
    Keys {
        /// Key of the product.
        product_key: &'a str,
        /// Key of the device within the product.
        device_key: &'a str,
    },
}

/// The orgs, channels and devices that exist, as the caller knows them.
///
/// Every lookup names the org: what belongs to another org must look like what does not exist.
pub trait Directory {
    /// Whether the org exists.
    fn has_org(&self, org_id: &str) -> bool;

    /// Whether the org has a channel of this family under this id.
    fn has_channel(&self, org_id: &str, family: Family, channel_id: &str) -> bool;

    /// The org's device of that name.
    fn device(&self, org_id: &str, device: DeviceRef<'_>) -> Option<Arc<Device>>;

    /// Whether the device's thing model has the target and takes the input; `Ok` where there is no model to ask.
    ///
    /// # Errors
    /// A fault with 1000211, 1000213 or 1004.
    fn target(
        &self,
        _org_id: &str,
        _device: &Device,
        _family: Family,
        _target: &str,
        _input: Option<Payload<'_>>,
    ) -> Result<(), Fault> {
        Ok(())
    }

    /// The display name that replies carry as `serviceName`; `None` writes null.
    fn service_name(&self, _org_id: &str, _device: &Device, _service_id: &str) -> Option<Arc<str>> {
        None
    }
}

/// A directory in which every well-formed org, channel and device exists: for checking form alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnyDirectory;

impl Directory for AnyDirectory {
    fn has_org(&self, _org_id: &str) -> bool {
        true
    }

    fn has_channel(&self, _org_id: &str, _family: Family, _channel_id: &str) -> bool {
        true
    }

    fn device(&self, _org_id: &str, device: DeviceRef<'_>) -> Option<Arc<Device>> {
        Some(Arc::new(match device {
            DeviceRef::Asset(asset_id) => Device::new("", "", asset_id),
            DeviceRef::Keys { product_key, device_key } => Device::new(product_key, device_key, ""),
        }))
    }
}
