//! What the responder asks of the outside.

use std::sync::Arc;

use crate::{Family, MessageId, MonotonicTime};

use super::{AuditRecord, Record};

/// One thing to do. Effects come in the order in which they may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Put all of it on stable storage or nothing, after every earlier write. There is at least one record of either kind.
    /// Confirm with `handle_persisted`; several writes may be committed together and confirmed by the last.
    Persist {
        /// Ascending from 1.
        write: WriteId,
        /// What a restart needs ([`Restore`](super::Restore)).
        records: Vec<Record>,
        /// What no restart reads.
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
    /// Hand the command to the device broker, once. Confirm with `handle_handed_over`.
    HandOver {
        /// Whose.
        message_id: MessageId,
        /// The MQTT topic.
        topic: String,
        /// The MQTT payload.
        payload: Vec<u8>,
        /// When it expires. MQTT 5 takes what is left, in whole seconds, as the message expiry.
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

/// Names a batch between `handle_batch` and its [`Effect::Answer`]; the requester's batches have a `BatchId` of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "an integer with a name")]
pub struct BatchTicket(pub u64);

/// Names a write to the store; later writes have greater ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "an integer with a name")]
pub struct WriteId(pub u64);

/// Names a channel message between its [`Effect::Publish`] and the confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "an integer with a name")]
pub struct PublicationId(pub u64);

/// How a hand-over went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "every link has to report one of these")]
pub enum HandedOver {
    /// The broker has it.
    Taken,
    /// It certainly never left. With the link up that ends the item with a known failure, safe to repeat;
    /// with the link down the command waits for the next one.
    NotSent,
    /// It may or may not have left, for instance because the connection broke.
    /// A device that de-duplicates is handed it again; any other is waited for until the deadline.
    Unclear,
}

/// What became of a device's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Attribution {
    /// It ended its item with success.
    Succeeded,
    /// It ended its item with a failure, or with an answer that cannot be used.
    Failed,
    /// Its item timed out before: recorded, nothing changed.
    Late,
    /// Its item was answered before: nothing changed.
    Duplicate,
    /// Its item was answered before with something else: nothing changed.
    Conflict,
    /// Its id is not one of ours, or no longer known.
    Unknown,
    /// Its topic names another device or service than the command was sent to.
    WrongDevice,
    /// Its id is one of ours, but nothing was sent under it yet.
    Premature,
    /// No id could be read from it, or its topic is not that of an answer.
    Unreadable,
}
