//! One device of a device list.

use serde::{Deserialize, Serialize};

/// One device, and the org that it belongs to.
///
/// ```
/// use setpoint_gateway::DeviceEntry;
/// let device = DeviceEntry::new("o1", "turbine", "t-7", "asset-7");
/// assert!(!device.deduplicates);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct DeviceEntry {
    /// The org.
    pub org_id: String,
    /// Key of the product; with the device key unique over all orgs.
    pub product_key: String,
    /// Key of the device within the product.
    pub device_key: String,
    /// Asset id, unique within the org.
    pub asset_id: String,
    /// Whether the device itself executes a message id at most once. Only then is a command sent again of which it is unknown
    /// whether it arrived.
    #[serde(default)]
    pub deduplicates: bool,
    /// The services that it has; without a list every service is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<ServiceEntry>>,
    /// The measure points that can be written; without a list every one is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measurepoints: Option<Vec<String>>,
}

impl DeviceEntry {
    /// A device that does not de-duplicate and whose services and measure points are not known.
    pub fn new(
        org_id: impl Into<String>,
        product_key: impl Into<String>,
        device_key: impl Into<String>,
        asset_id: impl Into<String>,
    ) -> Self {
        Self {
            org_id: org_id.into(),
            product_key: product_key.into(),
            device_key: device_key.into(),
            asset_id: asset_id.into(),
            deduplicates: false,
            services: None,
            measurepoints: None,
        }
    }
}

/// A service of a device: its id, or its id and the name that replies show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
#[non_exhaustive]
pub enum ServiceEntry {
    /// Its id.
    Id(String),
    /// Its id and its name.
    Named {
        /// Its id.
        id: String,
        /// What replies carry as `serviceName`.
        name: String,
    },
}

impl ServiceEntry {
    /// Its id.
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) | Self::Named { id, .. } => id,
        }
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Id(_) => None,
            Self::Named { name, .. } => Some(name),
        }
    }
}
