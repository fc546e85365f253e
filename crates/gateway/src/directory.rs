//! Orgs, devices and channels, changed from within the process.

use std::sync::{Arc, PoisonError, RwLock};

use crate::{
    DeviceEntry,
    registry::{Registry, RegistryError, family_of},
    run::{ChannelCall, RunHandle},
};

/// Adds orgs, devices and channels to a running gateway. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DirectoryHandle {
    registry: Arc<RwLock<Registry>>,
    run: RunHandle,
}

impl DirectoryHandle {
    pub(crate) fn new(registry: Arc<RwLock<Registry>>, run: RunHandle) -> Self {
        Self { registry, run }
    }

    /// Makes an org exist.
    ///
    /// # Errors
    /// The id cannot be used.
    pub fn add_org(&self, org_id: &str) -> Result<(), RegistryError> {
        let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        registry.devices.add_org(org_id).map_err(|problem| RegistryError::new(format!("org {org_id:?}"), problem))
    }

    /// Adds a device, and its org if that is new. Devices are not stored: add them at every start.
    ///
    /// # Errors
    /// A field cannot be used, or the device is there already.
    pub fn add_device(&self, device: &DeviceEntry) -> Result<(), RegistryError> {
        let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        registry.devices.add(device).map_err(|error| error.at(&format!("device {:?}", device.asset_id)))
    }

    /// How many devices there are.
    pub fn device_count(&self) -> usize {
        self.registry.read().unwrap_or_else(PoisonError::into_inner).devices.len()
    }

    /// Creates a channel. It is stored when this returns.
    ///
    /// # Errors
    /// The org does not exist, the id is taken or not well formed, or the gateway is stopping.
    pub async fn create_channel(
        &self,
        org_id: &str,
        channel_id: &str,
        desc: Option<&str>,
    ) -> Result<(), RegistryError> {
        let failed = |problem: String| RegistryError::new(format!("channel {channel_id:?}"), problem);
        let family = family_of(channel_id)
            .ok_or_else(|| failed("the id must start with DATASVC.CONTROL. or DATASVC.SET.".to_owned()))?;
        if !self.registry.read().unwrap_or_else(PoisonError::into_inner).devices.has_org(org_id) {
            return Err(failed(format!("the org {org_id:?} does not exist: add it first")));
        }
        let call = ChannelCall::Create {
            org_id: org_id.to_owned(),
            family,
            id: channel_id.to_owned(),
            desc: desc.map(str::to_owned),
        };
        match self.run.channel(call).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(format!("{}: {error}", error.code(family).msg()))),
            Err(_) => Err(failed("the gateway is stopping or overloaded".to_owned())),
        }
    }
}
