//! Replies: the items of responses and channel messages, written and read.
//!
//! ```
//! use setpoint::{Family, Limits, reply::{Reply, close, open_message, read_message, write_reply}};
//!
//! let mut reply = Reply::empty(Family::Write);
//! reply.target = Some(setpoint::json::Text::plain("power"));
//! let mut message = Vec::new();
//! open_message(&mut message);
//! write_reply(&mut message, &reply);
//! close(&mut message);
//! assert_eq!(read_message(&message, &Limits::DEFAULT)?, [Ok(reply)]);
//! # Ok::<(), setpoint::reply::MessageError>(())
//! ```

mod read;
mod spans;
mod write;

use crate::{
    Code, Family, RequestError,
    json::{Payload, SyntaxError, Text},
};

pub use read::{read_message, read_response, read_spans};
pub use spans::{ReplyPart, ReplyParts, ReplySpans};
pub use write::{close, open_message, open_response, write_error, write_reply};

/// One reply, to be written or as it was read (protocol §4). `None` is null.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply<'a> {
    /// Which fields the reply has.
    pub family: Family,
    /// `requestId`.
    pub request_id: Option<Text<'a>>,
    /// `orgId`; only in the write family.
    pub org_id: Option<Text<'a>>,
    /// `controlChannelId` or `setMeasurepointChannelId`.
    pub channel_id: Option<Text<'a>>,
    /// `productKey`.
    pub product_key: Option<Text<'a>>,
    /// `deviceKey`.
    pub device_key: Option<Text<'a>>,
    /// `assetId`.
    pub asset_id: Option<Text<'a>>,
    /// `serviceName`; only in the invoke family.
    pub service_name: Option<Text<'a>>,
    /// `serviceId` or `measurepointId`; `requestMethod` follows from it in the invoke family.
    pub target: Option<Text<'a>>,
    /// `callbackUrl`.
    pub callback_url: Option<Text<'a>>,
    /// `inputData`, as written.
    pub input: Option<Payload<'a>>,
    /// `outputData`, `{}` when there is none; only in the invoke family.
    pub output: Payload<'a>,
    /// `status`.
    pub code: Code,
    /// `msg`.
    pub msg: Option<Text<'a>>,
    /// `submsg`.
    pub submsg: Option<Text<'a>>,
    /// `timeout`, milliseconds.
    pub timeout: Option<i64>,
    /// `gmtServiceRequest`, epoch milliseconds.
    pub gmt_service_request: Option<i64>,
    /// `gmtServiceReply`, epoch milliseconds.
    pub gmt_service_reply: Option<i64>,
    /// `gmtDeviceReply`, epoch milliseconds, -1 while there is none; only in the invoke family.
    pub gmt_device_reply: Option<i64>,
}

impl Reply<'_> {
    /// A reply of this family with code 0 in which everything is null, and no device has answered yet.
    pub fn empty(family: Family) -> Self {
        Self {
            family,
            request_id: None,
            org_id: None,
            channel_id: None,
            product_key: None,
            device_key: None,
            asset_id: None,
            service_name: None,
            target: None,
            callback_url: None,
            input: None,
            output: Payload::EMPTY,
            code: Code::SUCCESS,
            msg: None,
            submsg: None,
            timeout: None,
            gmt_service_request: None,
            gmt_service_reply: None,
            gmt_device_reply: (family == Family::Invoke).then_some(-1),
        }
    }
}

/// The response to a batch, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "it is one or the other")]
pub enum Response<'a> {
    /// One reply for each item.
    Replies(Vec<Result<Reply<'a>, BadReply>>),
    /// The whole request was refused.
    Error(RequestError),
}

/// A reply that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("reply {index} (byte {offset}): {reason}")]
#[non_exhaustive]
pub struct BadReply {
    /// Which reply, from 0.
    pub index: usize,
    /// Where it starts in the message, in bytes.
    pub offset: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// A response or message that cannot be used at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {offset}")]
#[non_exhaustive]
pub struct MessageError {
    /// Where reading stopped, in bytes.
    pub offset: usize,
    /// What is wrong.
    pub reason: String,
}

impl MessageError {
    fn new(offset: usize, reason: impl Into<String>) -> Self {
        Self { offset, reason: reason.into() }
    }
}

impl From<SyntaxError> for MessageError {
    fn from(error: SyntaxError) -> Self {
        Self::new(error.offset, error.reason)
    }
}
