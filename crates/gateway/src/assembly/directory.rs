//! Orgs, devices and channels, changed from within the process.

use std::sync::Arc;

use crate::{
    catalog::{Catalog, CatalogError, ChannelCommand, DeviceEntry},
    run::RunHandle,
};

/// Adds orgs, devices and channels to a running gateway. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DirectoryHandle {
    catalog: Arc<Catalog>,
    run: RunHandle,
}

impl DirectoryHandle {
    pub(crate) fn new(catalog: Arc<Catalog>, run: RunHandle) -> Self {
        Self { catalog, run }
    }

    /// Makes an org exist.
    ///
    /// # Errors
    /// The id cannot be used.
    pub fn add_org(&self, org_id: &str) -> Result<(), CatalogError> {
        let added = self.catalog.apply(|draft| draft.add_org(org_id));
        added.map(drop).map_err(|problem| CatalogError::new(format!("org {org_id:?}"), problem))
    }

    /// Adds a device, and its org if that is new. Devices are not stored: add them at every start.
    ///
    /// # Errors
    /// A field cannot be used, or the device is there already.
    pub fn add_device(&self, device: &DeviceEntry) -> Result<(), CatalogError> {
        let added = self.catalog.apply(|draft| draft.add_device(device));
        added.map(drop).map_err(|error| error.at(&format!("device {:?}", device.asset_id)))
    }

    /// How many devices there are.
    pub fn device_count(&self) -> usize {
        self.catalog.snapshot().device_count()
    }

    /// Creates a channel. It is stored when this returns.
    ///
    /// # Errors
    /// The org does not exist, the id is taken or not well formed, or the gateway is stopping.
    pub async fn create_channel(&self, org_id: &str, channel_id: &str, desc: Option<&str>) -> Result<(), CatalogError> {
        let command = ChannelCommand::create(org_id, channel_id, desc)?;
        match self.run.channel(command.clone()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(command.failed(error)),
            Err(reason) => {
                let problem = "the gateway is stopping or overloaded";
                Err(CatalogError::because(format!("channel {channel_id:?}"), problem, reason))
            }
        }
    }
}
