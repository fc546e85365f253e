//! Which orgs, devices and channels there are.

mod channels;
mod devices;
mod entry;
mod list;

use std::sync::Arc;

use setpoint::{Device, DeviceRef, Directory, Family, Fault, json::Payload};

pub use entry::{DeviceEntry, ServiceEntry};

pub(crate) use channels::{Channel, ChannelError, Channels, family_of};
pub(crate) use devices::Devices;
pub(crate) use list::read_file;

use crate::config::Config;

/// A device or a channel of the configuration or of a device list that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
#[non_exhaustive]
pub struct RegistryError {
    /// File, line or record, and column.
    pub place: String,
    /// What is wrong and what to do about it.
    pub problem: String,
}

impl RegistryError {
    pub(crate) fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into() }
    }
}

/// The one table of orgs, devices and channels. Every lookup is by org and id, never by id alone.
#[derive(Debug)]
pub(crate) struct Registry {
    pub(crate) devices: Devices,
    pub(crate) channels: Channels,
}

impl Registry {
    /// The orgs and devices of a configuration, without any channel yet.
    pub(crate) fn from_config(config: &Config, channels: Channels) -> Result<Self, RegistryError> {
        let mut devices = Devices::default();
        for org_id in &config.orgs {
            devices.add_org(org_id).map_err(|problem| RegistryError::new("configuration, orgs", problem))?;
        }
        if let Some(path) = &config.devices_file {
            read_file(path, &mut devices)?;
        }
        for (index, entry) in config.devices.iter().enumerate() {
            devices.add(entry).map_err(|e| e.at(&format!("configuration, device {}", index + 1)))?;
        }
        Ok(Self { devices, channels })
    }
}

impl Directory for Registry {
    fn has_org(&self, org_id: &str) -> bool {
        self.devices.has_org(org_id)
    }

    fn has_channel(&self, org_id: &str, family: Family, channel_id: &str) -> bool {
        self.channels.get(org_id, family, channel_id).is_some()
    }

    fn device(&self, org_id: &str, device: DeviceRef<'_>) -> Option<Arc<Device>> {
        self.devices.find(org_id, device).map(Arc::clone)
    }

    fn target(
        &self,
        org_id: &str,
        device: &Device,
        family: Family,
        target: &str,
        _input: Option<Payload<'_>>,
    ) -> Result<(), Fault> {
        self.devices.check_target(org_id, device, family, target)
    }

    fn service_name(&self, org_id: &str, device: &Device, service_id: &str) -> Option<Arc<str>> {
        self.devices.service_name(org_id, device, service_id)
    }
}
