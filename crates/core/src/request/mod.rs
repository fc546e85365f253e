//! A batch body, read: one entry per item, accepted or refused.

use crate::{
    DeviceRef, Family, Fault, Limits, RequestError,
    json::{Payload, Text},
};

/// Reads a batch body: one [`Entry`] per item, in request order, borrowing from the body.
///
/// Checks form alone: everything that can be known without asking which orgs, channels and devices exist.
///
/// # Errors
/// Only what makes the whole request unusable (protocol §3), with the byte offset.
pub fn read_batch<'a>(
    body: &'a [u8],
    family: Family,
    org_id: &str,
    limits: &Limits,
) -> Result<Vec<Entry<'a>>, RequestError> {
    let _ = (body, family, org_id, limits);
    unimplemented!()
}

/// One item of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<'a> {
    /// Every field is usable.
    Accepted(Command<'a>),
    /// At least one is not.
    Refused(Refusal<'a>),
}

/// An item whose every field is usable.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Command<'a> {
    /// The correlation key, 1 to 128 bytes.
    pub request_id: Text<'a>,
    /// The channel where the outcome is to arrive; its prefix and form are right for the family.
    pub channel_id: Text<'a>,
    /// Key of the device's product, as sent; `None` for absent, null or empty.
    pub product_key: Option<Text<'a>>,
    /// Key of the device, as sent.
    pub device_key: Option<Text<'a>>,
    /// Asset id of the device, as sent.
    pub asset_id: Option<Text<'a>>,
    /// Service id or measure point id.
    pub target: Text<'a>,
    /// Echoed, never fetched.
    pub callback_url: Option<Text<'a>>,
    /// The arguments as written; always present, with exactly one non-null member, in the write family.
    pub input: Option<Payload<'a>>,
    /// Milliseconds from receipt to the deadline: 1 to 300,000.
    pub timeout_ms: u32,
    /// When the application says it made the request, epoch milliseconds; `None` for absent, null or ≤ 0.
    pub gmt_service_request: Option<i64>,
}

/// An item that is refused, with every fault and what the reply can still echo.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal<'a> {
    /// What the reply repeats.
    pub echo: Echo<'a>,
    /// Every fault, in the order of the protocol's field table; at least one. The first gives the code of the reply.
    pub faults: Vec<Fault>,
}

/// The fields of a refused item that could be read. A field of the wrong JSON type is `None` and echoed as null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Echo<'a> {
    /// `requestId`.
    pub request_id: Option<Text<'a>>,
    /// `controlChannelId` or `setMeasurepointChannelId`.
    pub channel_id: Option<Text<'a>>,
    /// `productKey`.
    pub product_key: Option<Text<'a>>,
    /// `deviceKey`.
    pub device_key: Option<Text<'a>>,
    /// `assetId`.
    pub asset_id: Option<Text<'a>>,
    /// `serviceId` or `measurepointId`.
    pub target: Option<Text<'a>>,
    /// `callbackUrl`.
    pub callback_url: Option<Text<'a>>,
    /// `inputData`.
    pub input: Option<Payload<'a>>,
    /// `timeout`: what was sent if it is an integer (also out of range), the default if absent or null, else `None`.
    pub timeout: Option<i64>,
    /// `gmtServiceRequest`, if it is a positive integer.
    pub gmt_service_request: Option<i64>,
    /// The item is not an object at all: every echo is null, also those that have a default.
    pub is_object: bool,
}
