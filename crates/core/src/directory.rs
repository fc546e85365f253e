//! What the engine asks its caller: which orgs, channels and devices exist.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{Code, Family, Fault, json::Payload};

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

/// How an item names its device; the names are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "directories look devices up by each of them")]
pub enum DeviceRef<'a> {
    /// By asset id. If all three names were sent, this one is used (source page).
    Asset(&'a str),
    /// By product key and device key.
    Keys {
        /// Key of the product.
        product_key: &'a str,
        /// Key of the device within the product.
        device_key: &'a str,
    },
}

/// The orgs, channels and devices that exist.
///
/// Every lookup names the org: what belongs to another org must look as if it did not exist.
pub trait Directory {
    /// Whether the org exists.
    fn has_org(&self, org_id: &str) -> bool;

    /// Whether the org has a channel of this family under this id.
    fn has_channel(&self, org_id: &str, family: Family, channel_id: &str) -> bool;

    /// The org's device with this name.
    fn device(&self, org_id: &str, device: DeviceRef<'_>) -> Option<Arc<Device>>;

    /// Checks that the device's thing model has the target and accepts the input; `Ok` if there is no model.
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

    /// The display name of a service, for `serviceName` of replies; `None` is written as null.
    fn service_name(&self, _org_id: &str, _device: &Device, _service_id: &str) -> Option<Arc<str>> {
        None
    }
}

/// A directory in which every well-formed org, channel and device exists: checks form alone.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::exhaustive_structs, reason = "it has no state")]
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

/// A directory in memory, read from data: for tests, for checks without a service, and for small installations.
///
/// ```
/// use setpoint::{Directory, Family, TableDirectory};
/// let directory: TableDirectory = serde_json::from_str(
///     r#"{"o1": {
///         "channels": ["DATASVC.CONTROL.ops"],
///         "devices": [{"productKey": "pk", "deviceKey": "dk", "assetId": "turbine-7",
///                      "services": {"start": "Start the turbine"}, "measurepoints": ["setpoint"]}]
///     }}"#,
/// )?;
/// assert!(directory.has_channel("o1", Family::Invoke, "DATASVC.CONTROL.ops"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(from = "BTreeMap<Box<str>, OrgData>")]
pub struct TableDirectory {
    orgs: BTreeMap<Box<str>, OrgTable>,
}

/// The data of one org. A channel's family follows from its prefix.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct OrgData {
    #[serde(default)]
    channels: BTreeSet<Box<str>>,
    #[serde(default)]
    devices: Vec<DeviceData>,
}

#[derive(serde::Deserialize)]
struct DeviceData {
    #[serde(flatten)]
    device: Device,
    #[serde(flatten)]
    model: Model,
}

/// The targets of a device. If those of a family are left out, every target of that family is accepted.
#[derive(Debug, Clone, Default, serde::Deserialize)]
struct Model {
    /// Service ids, each with the display name for replies.
    services: Option<BTreeMap<Box<str>, Option<Arc<str>>>>,
    measurepoints: Option<BTreeSet<Box<str>>>,
}

#[derive(Debug, Clone)]
struct OrgTable {
    channels: BTreeSet<Box<str>>,
    devices: Vec<(Arc<Device>, Model)>,
    /// Indices in `devices` by asset id, and by product key and device key.
    by_asset: BTreeMap<Box<str>, usize>,
    by_keys: BTreeMap<(Box<str>, Box<str>), usize>,
}

impl From<BTreeMap<Box<str>, OrgData>> for TableDirectory {
    fn from(orgs: BTreeMap<Box<str>, OrgData>) -> Self {
        Self { orgs: orgs.into_iter().map(|(id, org)| (id, OrgTable::from(org))).collect() }
    }
}

impl From<OrgData> for OrgTable {
    fn from(org: OrgData) -> Self {
        let devices: Vec<_> = org.devices.into_iter().map(|data| (Arc::new(data.device), data.model)).collect();
        let named = || devices.iter().enumerate().map(|(at, (device, _))| (at, device));
        Self {
            channels: org.channels,
            by_asset: named().map(|(at, device)| (device.asset_id.clone(), at)).collect(),
            by_keys: named()
                .map(|(at, device)| ((device.product_key.clone(), device.device_key.clone()), at))
                .collect(),
            devices,
        }
    }
}

impl TableDirectory {
    /// The device's model. Looked up by its keys, which every device has.
    fn model(&self, org_id: &str, device: &Device) -> Option<&Model> {
        let org = self.orgs.get(org_id)?;
        let at = org.by_keys.get(&(device.product_key.clone(), device.device_key.clone()))?;
        org.devices.get(*at).map(|(_, model)| model)
    }
}

impl Directory for TableDirectory {
    fn has_org(&self, org_id: &str) -> bool {
        self.orgs.contains_key(org_id)
    }

    fn has_channel(&self, org_id: &str, family: Family, channel_id: &str) -> bool {
        channel_id.starts_with(family.table().channel_prefix)
            && self.orgs.get(org_id).is_some_and(|org| org.channels.contains(channel_id))
    }

    fn device(&self, org_id: &str, device: DeviceRef<'_>) -> Option<Arc<Device>> {
        let org = self.orgs.get(org_id)?;
        let at = match device {
            DeviceRef::Asset(asset_id) => org.by_asset.get(asset_id),
            DeviceRef::Keys { product_key, device_key } => org.by_keys.get(&(product_key.into(), device_key.into())),
        }?;
        org.devices.get(*at).map(|(device, _)| Arc::clone(device))
    }

    fn target(
        &self,
        org_id: &str,
        device: &Device,
        family: Family,
        target: &str,
        _input: Option<Payload<'_>>,
    ) -> Result<(), Fault> {
        let model = self.model(org_id, device);
        let is_known = match family {
            Family::Invoke => model.and_then(|model| model.services.as_ref()).map(|known| known.contains_key(target)),
            Family::Write => model.and_then(|model| model.measurepoints.as_ref()).map(|known| known.contains(target)),
        };
        match is_known {
            Some(false) => {
                let reason = "is not in the device's model";
                Err(Fault::new(Code::TARGET_MISSING, family.table().target_field, reason))
            }
            Some(true) | None => Ok(()),
        }
    }

    fn service_name(&self, org_id: &str, device: &Device, service_id: &str) -> Option<Arc<str>> {
        self.model(org_id, device)?.services.as_ref()?.get(service_id)?.clone()
    }
}
