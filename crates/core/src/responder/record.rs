//! What a responder asks a store to keep, and what it is rebuilt from.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Code, Device, Family, MessageId};

/// One entry of the store's log. Replaying the entries in order ([`Restore`](super::Restore)) rebuilds the responder.
///
/// Retention: once `Published` or `Undeliverable` of an item is stored and
/// [`remember_until_epoch_ms`](StoredCommand::remember_until_epoch_ms) of its `Accepted` has passed, a store may drop all
/// records of the item, `Accepted` first or all at once. A responder that is rebuilt without them only forgets what it would
/// have forgotten: the request id is free again, and an answer under the message id is `Unknown`. Of an item whose end is
/// not stored every record has to be kept.
///
/// ```
/// use setpoint::{MessageId, responder::Record};
///
/// let message_id: MessageId = "00000123456789abcdef0123456789ab".parse()?;
/// let record = Record::Intent { message_id };
/// assert_eq!(record.message_id(), message_id);
/// let text = serde_json::to_string(&record)?;
/// assert_eq!(text, r#"{"record":"intent","messageId":"00000123456789abcdef0123456789ab"}"#);
/// assert_eq!(serde_json::from_str::<Record>(&text)?, record);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Record {
    /// The item was accepted. On stable storage before the answer leaves.
    Accepted(Arc<StoredCommand>),
    /// The command is about to be handed over. On stable storage before it is.
    #[serde(rename_all = "camelCase")]
    Intent {
        /// The item's id.
        message_id: MessageId,
    },
    /// The item's one final value. On stable storage before it is published.
    #[serde(rename_all = "camelCase")]
    Final {
        /// The item's id.
        message_id: MessageId,
        /// The value.
        outcome: Arc<FinalOutcome>,
    },
    /// The final reached its channel.
    #[serde(rename_all = "camelCase")]
    Published {
        /// The item's id.
        message_id: MessageId,
    },
    /// The final's channel is gone: it was never published, and never will be.
    #[serde(rename_all = "camelCase")]
    Undeliverable {
        /// The item's id.
        message_id: MessageId,
    },
}

impl Record {
    /// The item that the record belongs to.
    pub fn message_id(&self) -> MessageId {
        match self {
            Self::Accepted(command) => command.message_id,
            Self::Intent { message_id }
            | Self::Final { message_id, .. }
            | Self::Published { message_id }
            | Self::Undeliverable { message_id } => *message_id,
        }
    }
}

/// What is stored for audits. It is not state: a restart does not read it, and a store may keep it for as long as it likes.
///
/// ```
/// use setpoint::{MessageId, responder::AuditRecord};
///
/// let message_id: MessageId = "00000123456789abcdef0123456789ab".parse()?;
/// let late = AuditRecord::Late { message_id, device_code: Some(200), at_epoch_ms: 1_700_000_000_000 };
/// assert_eq!(late.message_id(), message_id);
/// # Ok::<(), setpoint::ParseMessageIdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "audit", rename_all = "camelCase")]
#[non_exhaustive]
pub enum AuditRecord {
    /// A device answered after the final was decided; it changed nothing.
    #[serde(rename_all = "camelCase")]
    Late {
        /// The command that it answered.
        message_id: MessageId,
        /// The device's own code, if one could be read.
        device_code: Option<i64>,
        /// When the answer was received, epoch milliseconds.
        at_epoch_ms: i64,
    },
}

impl AuditRecord {
    /// The item that the record is about.
    pub fn message_id(&self) -> MessageId {
        match self {
            Self::Late { message_id, .. } => *message_id,
        }
    }
}

/// An accepted item, complete: what the reply echoes and what the device gets.
///
/// Exhaustive on purpose: a store's codec that does not know a field of it must not compile.
///
/// ```
/// use setpoint::responder::StoredCommand;
///
/// let text = r#"{
///     "messageId": "00000123456789abcdef0123456789ab", "family": "invoke", "orgId": "o1", "requestId": "r1",
///     "channelId": "DATASVC.CONTROL.ops", "device": {"productKey": "pk", "deviceKey": "dk", "assetId": "a"},
///     "serviceName": null, "target": "start", "callbackUrl": null, "input": null, "timeoutMs": 30000,
///     "gmtServiceRequest": 1700000000000, "acceptedAtEpochMs": 1700000000000,
///     "rememberUntilEpochMs": 1700086400000, "fingerprint": "54453c0ac2e639a871f3d8e21595b55f"
/// }"#;
/// let command: StoredCommand = serde_json::from_str(text)?;
/// assert_eq!((&*command.request_id, command.timeout_ms), ("r1", 30_000));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a store's codec that does not know a field must not compile")]
#[serde(rename_all = "camelCase")]
pub struct StoredCommand {
    /// The service's own id of the item, which its device echoes.
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
    /// Until when a repetition of the request id gets the original answer, epoch milliseconds: acceptance plus
    /// [`ResponderConfig::dedup_window_ms`](super::ResponderConfig::dedup_window_ms). See [`Record`] for what a store may
    /// drop after that. A record without it was written before there was one, and may be dropped as soon as it has ended.
    #[serde(default)]
    pub remember_until_epoch_ms: i64,
    /// A hash of the content: a repetition of the request id with another one is refused.
    #[serde(with = "hex128")]
    pub fingerprint: u128,
}

/// The one final value of an accepted item. Exhaustive on purpose, as [`StoredCommand`] is.
///
/// ```
/// use setpoint::{Code, responder::FinalOutcome};
///
/// let text = r#"{"code": 0, "submsg": "SUCCESS", "output": "{\"rpm\":12}",
///     "deviceReplyEpochMs": 1700000000040, "decidedAtEpochMs": 1700000000040}"#;
/// let outcome: FinalOutcome = serde_json::from_str(text)?;
/// assert_eq!((outcome.code, outcome.output.as_deref()), (Code::SUCCESS, Some(r#"{"rpm":12}"#)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a store's codec that does not know a field must not compile")]
#[serde(rename_all = "camelCase")]
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
