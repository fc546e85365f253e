//! What the responder asks a store to keep, and what it is rebuilt from.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Code, Device, Family, MessageId};

/// One entry of the store's log. Replaying the entries in order rebuilds the responder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Record {
    /// The item was accepted. On stable storage before the answer leaves.
    Accepted(Arc<StoredCommand>),
    /// The command is about to be handed over. On stable storage before it is.
    #[serde(rename_all = "camelCase")]
    Intent {
        /// Whose.
        message_id: MessageId,
    },
    /// The item's one final value. On stable storage before it is published.
    #[serde(rename_all = "camelCase")]
    Final {
        /// Whose.
        message_id: MessageId,
        /// The value.
        outcome: Arc<FinalOutcome>,
    },
    /// The final reached its channel.
    #[serde(rename_all = "camelCase")]
    Published {
        /// Whose.
        message_id: MessageId,
    },
    /// The final's channel is gone: kept, and never published.
    #[serde(rename_all = "camelCase")]
    Undeliverable {
        /// Whose.
        message_id: MessageId,
    },
    /// A device answered after the final was decided; it changed nothing.
    #[serde(rename_all = "camelCase")]
    Late {
        /// Whose.
        message_id: MessageId,
        /// What the device said: its own code, if one could be read.
        device_code: Option<i64>,
        /// When, epoch milliseconds.
        at_epoch_ms: i64,
    },
}

/// An accepted item, complete: what the reply echoes and what the device gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StoredCommand {
    /// The gateway's own id.
    pub message_id: MessageId,
    /// Invoke or write.
    pub family: Family,
    /// The org that the item belongs to.
    pub org_id: Arc<str>,
    /// The caller's correlation key, decoded.
    pub request_id: Arc<str>,
    /// Where the outcome is to arrive.
    pub channel_id: Arc<str>,
    /// The device.
    pub device: Arc<Device>,
    /// What replies carry as `serviceName`.
    pub service_name: Option<Arc<str>>,
    /// Service id or measure point id, decoded.
    pub target: Box<str>,
    /// Echoed, never fetched.
    pub callback_url: Option<Box<str>>,
    /// `inputData` as the caller wrote it.
    pub input: Option<Box<str>>,
    /// Milliseconds from receipt to the deadline.
    pub timeout_ms: u32,
    /// `gmtServiceRequest` as replies carry it, epoch milliseconds.
    pub gmt_service_request: i64,
    /// When the item was received, epoch milliseconds: `gmtServiceReply` of the answer.
    pub accepted_at_epoch_ms: i64,
    /// What distinguishes this content from another under the same request id.
    #[serde(with = "hex128")]
    pub fingerprint: u128,
}

/// The one final value of an accepted item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FinalOutcome {
    /// 0, 1000203, 1000204 or 1000205.
    pub code: Code,
    /// `SUCCESS`, or exactly what went wrong.
    pub submsg: Box<str>,
    /// What the device returned, as it wrote it.
    pub output: Option<Box<str>>,
    /// When the device's answer was received, epoch milliseconds; -1 without one.
    pub device_reply_epoch_ms: i64,
    /// When the value was decided, epoch milliseconds: `gmtServiceReply` of the final.
    pub decided_at_epoch_ms: i64,
}

/// 128-bit integers as hexadecimal text: JSON readers elsewhere would round a number.
mod hex128 {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{value:032x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}
