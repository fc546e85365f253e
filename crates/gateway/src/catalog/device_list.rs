//! A device list without a gateway.

use std::{ops::Deref, path::Path, sync::Arc};

use setpoint::{Device, Directory};

use super::{CatalogError, ChannelCommand, DeviceEntry, Draft, read_file};

/// Orgs, devices and channels without a gateway, for checks and simulations: it answers as a running gateway's does.
///
/// It is used as the [`Directory`] that it derefs to.
///
/// ```
/// use setpoint::{DeviceRef, Directory};
/// use setpoint_gateway::{DeviceEntry, DeviceList};
/// let mut list = DeviceList::default();
/// list.add_device(&DeviceEntry::new("o1", "turbine", "t-7", "asset-7"))?;
/// assert!(list.device("o1", DeviceRef::Asset("asset-7")).is_some());
/// assert!(list.device("o2", DeviceRef::Asset("asset-7")).is_none());
/// # Ok::<(), setpoint_gateway::CatalogError>(())
/// ```
#[derive(Debug)]
pub struct DeviceList(Draft);

impl Default for DeviceList {
    fn default() -> Self {
        Self(Draft::new(usize::MAX))
    }
}

impl DeviceList {
    /// The devices of a `.csv` or `.json` file.
    ///
    /// # Errors
    /// The file cannot be read, or a device in it cannot be used; the message names file, line and column.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, CatalogError> {
        let mut list = Self::default();
        read_file(path.as_ref(), &mut list.0)?;
        Ok(list)
    }

    /// Makes an org exist.
    ///
    /// # Errors
    /// The id cannot be used.
    pub fn add_org(&mut self, org_id: &str) -> Result<(), CatalogError> {
        let added = self.0.add_org(org_id);
        added.map(drop).map_err(|problem| CatalogError::new(format!("org {org_id:?}"), problem))
    }

    /// Adds a device, and its org if that is new.
    ///
    /// # Errors
    /// A field cannot be used, or the device is there already.
    pub fn add_device(&mut self, device: &DeviceEntry) -> Result<(), CatalogError> {
        let added = self.0.add_device(device);
        added.map(drop).map_err(|error| error.at(&format!("device {:?}", device.asset_id)))
    }

    /// Adds a channel.
    ///
    /// # Errors
    /// The org does not exist, or the id is taken or not well formed.
    pub fn add_channel(&mut self, org_id: &str, channel_id: &str) -> Result<(), CatalogError> {
        let command = ChannelCommand::create(org_id, channel_id, None)?;
        self.0.change_channel(&command).map(drop).map_err(|error| command.failed(error))
    }

    /// Every device with its org, in no particular order.
    pub fn devices(&self) -> impl Iterator<Item = (&str, &Arc<Device>)> {
        self.0.devices()
    }
}

impl Deref for DeviceList {
    type Target = dyn Directory + Send + Sync;

    fn deref(&self) -> &Self::Target {
        self.0.snapshot()
    }
}
