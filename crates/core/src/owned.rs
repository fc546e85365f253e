//! Items to send, as owned values that serde reads and writes.

use serde::{Deserialize, Serialize};

/// An invoke to send: a service on a device.
///
/// ```
/// use setpoint::{DeviceName, InvokeItem};
/// let item = InvokeItem::new("DATASVC.CONTROL.ops", DeviceName::asset("turbine-7"), "start")
///     .with_input(&serde_json::json!({ "rampSeconds": 30 }))?
///     .with_timeout_ms(60_000);
/// assert_eq!(item.service_id, "start");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InvokeItem {
    /// The request id; a UUIDv7 is generated if there is none.
    #[serde(default)]
    pub request_id: Option<String>,
    /// The channel on which the outcome arrives.
    pub control_channel_id: String,
    /// The device.
    #[serde(flatten)]
    pub device: DeviceName,
    /// The service.
    pub service_id: String,
    /// The arguments: a JSON object.
    #[serde(default)]
    pub input_data: Option<serde_json::Map<String, serde_json::Value>>,
    /// Milliseconds from receipt to the deadline, 1 to 300,000; the service's default is 30,000.
    #[serde(default)]
    pub timeout: Option<u32>,
    /// Echoed in replies, never called.
    #[serde(default)]
    pub callback_url: Option<String>,
}

/// A write to send: a value to a measure point of a device.
///
/// ```
/// use setpoint::{DeviceName, WriteItem};
/// let item = WriteItem::new("DATASVC.SET.ops", DeviceName::keys("turbine", "7"), "power", 1_500).with_request_id("w1");
/// assert_eq!(item.value, 1_500);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct WriteItem {
    /// The request id; a UUIDv7 is generated if there is none.
    #[serde(default)]
    pub request_id: Option<String>,
    /// The channel on which the outcome arrives.
    pub set_measurepoint_channel_id: String,
    /// The device.
    #[serde(flatten)]
    pub device: DeviceName,
    /// The measure point.
    pub measurepoint_id: String,
    /// The value.
    pub value: serde_json::Value,
    /// Milliseconds from receipt to the deadline, 1 to 300,000; the service's default is 30,000.
    #[serde(default)]
    pub timeout: Option<u32>,
    /// Echoed in replies, never called.
    #[serde(default)]
    pub callback_url: Option<String>,
}

impl InvokeItem {
    /// An invoke without arguments, with the service's default timeout.
    pub fn new(channel_id: impl Into<String>, device: DeviceName, service_id: impl Into<String>) -> Self {
        Self {
            request_id: None,
            control_channel_id: channel_id.into(),
            device,
            service_id: service_id.into(),
            input_data: None,
            timeout: None,
            callback_url: None,
        }
    }

    /// With these arguments.
    ///
    /// # Errors
    /// `input` does not serialise to a JSON object.
    pub fn with_input(mut self, input: &impl Serialize) -> Result<Self, serde_json::Error> {
        self.input_data = serde_json::from_value(serde_json::to_value(input)?)?;
        Ok(self)
    }

    /// With this timeout, in milliseconds.
    #[must_use]
    pub fn with_timeout_ms(mut self, timeout_ms: u32) -> Self {
        self.timeout = Some(timeout_ms);
        self
    }

    /// With this request id.
    #[must_use]
    pub fn with_request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request_id = Some(request_id.into());
        self
    }
}

impl WriteItem {
    /// A write with the service's default timeout.
    pub fn new(
        channel_id: impl Into<String>,
        device: DeviceName,
        measurepoint_id: impl Into<String>,
        value: impl Into<serde_json::Value>,
    ) -> Self {
        Self {
            request_id: None,
            set_measurepoint_channel_id: channel_id.into(),
            device,
            measurepoint_id: measurepoint_id.into(),
            value: value.into(),
            timeout: None,
            callback_url: None,
        }
    }

    /// With this timeout, in milliseconds.
    #[must_use]
    pub fn with_timeout_ms(mut self, timeout_ms: u32) -> Self {
        self.timeout = Some(timeout_ms);
        self
    }

    /// With this request id.
    #[must_use]
    pub fn with_request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request_id = Some(request_id.into());
        self
    }
}

/// How an item names its device.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum DeviceName {
    /// By asset id.
    #[serde(rename_all = "camelCase")]
    Asset {
        /// The asset id.
        asset_id: String,
    },
    /// By product key and device key.
    #[serde(rename_all = "camelCase")]
    Keys {
        /// Key of the product.
        product_key: String,
        /// Key of the device within the product.
        device_key: String,
    },
}

impl DeviceName {
    /// The device with this asset id.
    pub fn asset(asset_id: impl Into<String>) -> Self {
        Self::Asset { asset_id: asset_id.into() }
    }

    /// The device with these keys.
    pub fn keys(product_key: impl Into<String>, device_key: impl Into<String>) -> Self {
        Self::Keys { product_key: product_key.into(), device_key: device_key.into() }
    }
}
