//! Reads batch bodies: one entry per item, accepted or refused.
//!
//! This is about form alone: what can be known without asking which orgs, channels and devices exist
//! ([`Command::resolve`] asks). All faults of an item are reported at once, in this order: those with code 1000, in the order
//! of the protocol's field table, then the others, in the same order. An item whose form is wrong is thus answered with
//! 1000, whatever else is wrong with it (ours).
//!
//! ```
//! use setpoint::{Family, Limits, request::{Entry, read_batch}};
//!
//! let body = br#"{"data":[{"requestId":"r1","controlChannelId":"DATASVC.CONTROL.ops","assetId":"a","serviceId":"s"},{}]}"#;
//! let entries = read_batch(body, Family::Invoke, "o1", &Limits::DEFAULT)?;
//! let [Entry::Accepted(command), Entry::Refused(item)] = &entries[..] else { panic!() };
//! assert_eq!((command.timeout_ms, item.code().0), (30_000, 1000));
//! # Ok::<(), setpoint::RequestError>(())
//! ```

mod batch;
mod fast_path;
mod fields;
mod input;
mod item;
mod name;

use std::sync::Arc;

use crate::{
    Code, Device, Fault,
    json::{Payload, Text},
};

pub use batch::read_batch;
pub(crate) use batch::{TakeItems, expected_items, read_each, read_each_by};
pub(crate) use fields::{Fields, ItemReader};
pub(crate) use input::out_of_range;
pub use name::is_topic_safe;

/// One item of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "an item is one or the other")]
pub enum Entry<'a> {
    /// Every field is usable.
    Accepted(Command<'a>),
    /// At least one is not.
    Refused(RefusedItem<'a>),
}

impl<'a> Entry<'a> {
    /// The correlation key; `None` if it could not be read.
    pub fn request_id(&self) -> Option<Text<'a>> {
        match self {
            Self::Accepted(command) => Some(command.request_id),
            Self::Refused(item) => item.echo.request_id,
        }
    }
}

/// An item whose every field is usable.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Command<'a> {
    /// The correlation key, 1 to 128 bytes.
    pub request_id: Text<'a>,
    /// The channel on which the outcome is published; its form is that of the family's channels.
    pub channel_id: Text<'a>,
    /// Key of the device's product, as sent; `None` for absent, null or empty.
    pub product_key: Option<Text<'a>>,
    /// Key of the device, as sent; `None` for absent, null or empty.
    pub device_key: Option<Text<'a>>,
    /// Asset id of the device, as sent; `None` for absent, null or empty.
    pub asset_id: Option<Text<'a>>,
    /// Service id or measure point id.
    pub target: Text<'a>,
    /// Echoed, never fetched.
    pub callback_url: Option<Text<'a>>,
    /// The arguments as written; in the write family always present, with exactly one member, which is not null.
    pub input: Option<Payload<'a>>,
    /// Milliseconds from receipt to the deadline: 1 to 300,000.
    pub timeout_ms: u32,
    /// When the application says it made the request, epoch milliseconds; `None` for absent, null or ≤ 0.
    pub gmt_service_request: Option<i64>,
}

impl<'a> Command<'a> {
    /// The refused item that echoes everything that was sent.
    ///
    /// `faults` should not be empty: the first gives the code of the reply.
    pub fn refuse(self, faults: Vec<Fault>) -> RefusedItem<'a> {
        let echo = Echo {
            request_id: Some(self.request_id),
            channel_id: Some(self.channel_id),
            product_key: self.product_key,
            device_key: self.device_key,
            asset_id: self.asset_id,
            target: Some(self.target),
            callback_url: self.callback_url,
            input: self.input,
            timeout: Some(i64::from(self.timeout_ms)),
            gmt_service_request: self.gmt_service_request,
            is_object: true,
        };
        RefusedItem { echo, faults, device: None }
    }
}

/// A refused item: every fault, and what the reply can echo.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedItem<'a> {
    /// What the reply echoes.
    pub echo: Echo<'a>,
    /// Every fault, in the order that the module's documentation gives; at least one. The first gives the code of the
    /// reply.
    pub faults: Vec<Fault>,
    /// The device that the item names, where that is known: the reply echoes its names complete (protocol §4).
    pub device: Option<Arc<Device>>,
}

impl RefusedItem<'_> {
    /// The code of the reply.
    pub fn code(&self) -> Code {
        // A caller that refuses without a fault gives no better reason.
        self.faults.first().map_or(Code::PARA_ERROR, |fault| fault.code)
    }
}

/// The fields of a refused item that could be read. A field of the wrong JSON type is `None` and echoed as null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Echo<'a> {
    /// `requestId`.
    pub request_id: Option<Text<'a>>,
    /// `controlChannelId` or `setMeasurepointChannelId`.
    pub channel_id: Option<Text<'a>>,
    /// `productKey`; `None` also if it is empty.
    pub product_key: Option<Text<'a>>,
    /// `deviceKey`; `None` also if it is empty.
    pub device_key: Option<Text<'a>>,
    /// `assetId`; `None` also if it is empty.
    pub asset_id: Option<Text<'a>>,
    /// `serviceId` or `measurepointId`.
    pub target: Option<Text<'a>>,
    /// `callbackUrl`.
    pub callback_url: Option<Text<'a>>,
    /// `inputData`; `None` also if it is larger than [`Limits::payload_bytes`](crate::Limits::payload_bytes), so that
    /// the reply stays within what a reader with the same limits takes.
    pub input: Option<Payload<'a>>,
    /// `timeout`: what was sent if it is an integer (also out of range), the default if absent or null, else `None`.
    pub timeout: Option<i64>,
    /// `gmtServiceRequest`, if it is a positive integer.
    pub gmt_service_request: Option<i64>,
    /// Whether the item is an object. If not, every echo is null, also those with a default.
    pub is_object: bool,
}
