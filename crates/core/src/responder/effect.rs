//! What a responder asks of the outside, and how it names what the outside reports on.

use std::sync::Arc;

use crate::{Family, MessageId, MonotonicTime};

use super::{AuditRecord, Record};

/// One thing to do. Effects come in the order in which they may be done ([`Responder`](crate::Responder) has examples).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Put all of it on stable storage or nothing, after every earlier write. There is at least one record, of either kind.
    /// Confirm with `handle_persisted`; several writes may be committed together and confirmed by the last.
    Persist {
        /// Ascending from 1.
        write: WriteId,
        /// The state: what a restart needs ([`Restore`](super::Restore)).
        records: Vec<Record>,
        /// What is kept for audits alone; no restart needs it.
        audit: Vec<AuditRecord>,
    },
    /// Answer the batch. Everything that it accepts is on stable storage.
    Answer {
        /// The batch.
        batch: BatchTicket,
        /// The HTTP status; it mirrors the body.
        status: u16,
        /// The response body, JSON in UTF-8.
        body: Vec<u8>,
    },
    /// Hand the command to the device broker, once. Report with `handle_handed_over`.
    HandOver {
        /// The id of the command, which the device's answer repeats.
        message_id: MessageId,
        /// The MQTT topic.
        topic: String,
        /// The MQTT payload.
        payload: Vec<u8>,
        /// When the command expires. MQTT 5 takes the time left, in whole seconds, as the message expiry interval.
        deadline: MonotonicTime,
    },
    /// Publish a channel message. Confirm with `handle_published` or `handle_undeliverable`.
    Publish {
        /// Ascending from 1.
        publication: PublicationId,
        /// The org that owns the channel.
        org_id: Arc<str>,
        /// The channel's family.
        family: Family,
        /// The channel.
        channel_id: Arc<str>,
        /// The message, JSON in UTF-8.
        body: Vec<u8>,
        /// How many replies it carries.
        replies: usize,
    },
}

/// Names a batch between `handle_batch` and its [`Effect::Answer`].
///
/// ```
/// use setpoint::responder::BatchTicket;
/// assert!(BatchTicket(1) < BatchTicket(2), "batches are numbered in the order in which they came");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "an integer with a name")]
pub struct BatchTicket(pub u64);

/// Names a write to the store; later writes have greater ids.
///
/// ```
/// use setpoint::responder::WriteId;
/// assert!(WriteId(1) < WriteId(2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "an integer with a name")]
pub struct WriteId(pub u64);

/// Names a channel message between its [`Effect::Publish`] and the confirmation.
///
/// ```
/// use setpoint::responder::PublicationId;
/// assert!(PublicationId(1) < PublicationId(2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "an integer with a name")]
pub struct PublicationId(pub u64);

/// How a hand-over went.
///
/// ```
/// use setpoint::responder::HandedOver;
///
/// /// What an MQTT client reports of a publish.
/// fn report(was_written: bool, was_acknowledged: bool) -> HandedOver {
///     match (was_written, was_acknowledged) {
///         (_, true) => HandedOver::Taken,
///         (false, _) => HandedOver::NotSent,
///         (true, false) => HandedOver::Unclear,
///     }
/// }
/// assert_eq!(report(true, false), HandedOver::Unclear);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandedOver {
    /// The broker has it.
    Taken,
    /// It certainly never left. With the link up that ends the item with a failure after which a retry is safe;
    /// with the link down the command waits for the link.
    NotSent,
    /// It may or may not have left, for instance because the connection broke.
    /// A device that de-duplicates is handed it again; from any other an answer is awaited until the deadline.
    Unclear,
}

/// What became of a device's message.
///
/// ```
/// use setpoint::responder::Attribution;
///
/// /// Messages that ended no item are worth a look.
/// fn is_odd(attribution: Attribution) -> bool {
///     !matches!(attribution, Attribution::Succeeded | Attribution::Failed)
/// }
/// assert!(is_odd(Attribution::WrongDevice));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Attribution {
    /// It ended its item with success.
    Succeeded,
    /// It ended its item with a failure, or with an answer that cannot be used.
    Failed,
    /// Its item had timed out: recorded for audits, nothing changed.
    Late,
    /// Its item had been answered with the same: nothing changed.
    Duplicate,
    /// Its item had been answered with something else: nothing changed.
    Conflict,
    /// Its id is none of this responder's, or no longer known.
    Unknown,
    /// Its topic names another device or service than the command was sent to.
    WrongDevice,
    /// Its id is one of this responder's, and nothing has been sent under it yet.
    Premature,
    /// No id could be read from it, or its topic is not that of an answer.
    Unreadable,
}
