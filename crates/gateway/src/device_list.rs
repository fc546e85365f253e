//! A device list without a gateway.

use std::{path::Path, sync::Arc};

use setpoint::{Device, DeviceRef, Directory, Family, Fault, json::Payload};

use crate::{
    DeviceEntry, EventsConfig,
    events::Logs,
    registry::{Channels, Devices, Registry, RegistryError, family_of, read_file},
};

/// Orgs, devices and channels without a gateway, for checks and simulations: it answers as a running gateway's does.
///
/// ```
/// use setpoint::{DeviceRef, Directory};
/// use setpoint_gateway::{DeviceEntry, DeviceList};
/// let mut list = DeviceList::default();
/// list.add_device(&DeviceEntry::new("o1", "turbine", "t-7", "asset-7"))?;
/// assert!(list.device("o1", DeviceRef::Asset("asset-7")).is_some());
/// assert!(list.device("o2", DeviceRef::Asset("asset-7")).is_none());
/// # Ok::<(), setpoint_gateway::RegistryError>(())
/// ```
#[derive(Debug)]
pub struct DeviceList(Registry);

impl Default for DeviceList {
    fn default() -> Self {
        let logs = Logs::new("".into(), &EventsConfig::default());
        Self(Registry { devices: Devices::default(), channels: Channels::new(usize::MAX, logs) })
    }
}

impl DeviceList {
    /// The devices of a `.csv` or `.json` file.
    ///
    /// # Errors
    /// The file cannot be read, or a device in it cannot be used; the message names file, line and column.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, RegistryError> {
        let mut list = Self::default();
        read_file(path.as_ref(), &mut list.0.devices)?;
        Ok(list)
    }

    /// Makes an org exist.
    ///
    /// # Errors
    /// The id cannot be used.
    pub fn add_org(&mut self, org_id: &str) -> Result<(), RegistryError> {
        self.0.devices.add_org(org_id).map_err(|problem| RegistryError::new(format!("org {org_id:?}"), problem))
    }

    /// Adds a device, and its org if that is new.
    ///
    /// # Errors
    /// A field cannot be used, or the device is there already.
    pub fn add_device(&mut self, device: &DeviceEntry) -> Result<(), RegistryError> {
        self.0.devices.add(device).map_err(|error| error.at(&format!("device {:?}", device.asset_id)))
    }

    /// Adds a channel.
    ///
    /// # Errors
    /// The org does not exist, or the id is taken or not well formed.
    pub fn add_channel(&mut self, org_id: &str, channel_id: &str) -> Result<(), RegistryError> {
        let failed = |problem: String| RegistryError::new(format!("channel {channel_id:?}"), problem);
        let family = family_of(channel_id)
            .ok_or_else(|| failed("the id must start with DATASVC.CONTROL. or DATASVC.SET.".to_owned()))?;
        if !self.has_org(org_id) {
            return Err(failed(format!("the org {org_id:?} does not exist: add it first")));
        }
        let created = self.0.channels.create(org_id, family, channel_id, None);
        created.map(drop).map_err(|error| failed(format!("{}: {error}", error.code(family).msg())))
    }

    /// Every device with its org, in no particular order.
    pub fn devices(&self) -> impl Iterator<Item = (&str, &Arc<Device>)> {
        self.0.devices.iter()
    }
}

impl Directory for DeviceList {
    fn has_org(&self, org_id: &str) -> bool {
        self.0.has_org(org_id)
    }

    fn has_channel(&self, org_id: &str, family: Family, channel_id: &str) -> bool {
        self.0.has_channel(org_id, family, channel_id)
    }

    fn device(&self, org_id: &str, device: DeviceRef<'_>) -> Option<Arc<Device>> {
        self.0.device(org_id, device)
    }

    fn target(
        &self,
        org_id: &str,
        device: &Device,
        family: Family,
        target: &str,
        input: Option<Payload<'_>>,
    ) -> Result<(), Fault> {
        self.0.target(org_id, device, family, target, input)
    }

    fn service_name(&self, org_id: &str, device: &Device, service_id: &str) -> Option<Arc<str>> {
        self.0.service_name(org_id, device, service_id)
    }
}
