//! What a store keeps.

use serde::{Deserialize, Serialize};
use setpoint::responder::{AuditRecord, Record};

/// One record of the state. Replaying all of them in order rebuilds a gateway.
///
/// A record about something that is not known (any more), or that says again what is known, changes nothing: retention
/// may leave the later records of an item or a channel behind, and after a crash it may have repeated some.
///
/// ```
/// use setpoint::{MessageId, responder::Record};
/// use setpoint_store::Entry;
///
/// let entry = Entry::Engine(Record::Intent { message_id: MessageId::from_bits(7) });
/// let line = serde_json::to_string(&entry)?;
/// assert_eq!(line, r#"{"engine":{"record":"intent","messageId":"00000000000000000000000000000007"}}"#);
/// assert_eq!(serde_json::from_str::<Entry>(&line)?, entry);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Entry {
    /// What the engine asks to keep: goes to [`Restore`](setpoint::responder::Restore).
    Engine(Record),
    /// A change of a channel.
    Channel(ChannelRecord),
}

/// What is stored for whoever looks into a case later. No restart reads it; [`Store::audit`](crate::Store::audit) does.
///
/// ```
/// use setpoint::{MessageId, responder::AuditRecord};
/// use setpoint_store::AuditEntry;
///
/// let late = AuditRecord::Late { message_id: MessageId::from_bits(7), device_code: Some(200), at_epoch_ms: 1 };
/// let AuditEntry::Engine(record) = AuditEntry::Engine(late) else { unreachable!() };
/// assert_eq!(record.message_id(), MessageId::from_bits(7));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum AuditEntry {
    /// What the engine asks to keep for the audit.
    Engine(AuditRecord),
}

/// A change of a channel. Its family follows from the prefix of its id.
///
/// ```
/// use setpoint_store::ChannelRecord;
///
/// let record = ChannelRecord::Deleted { org_id: "o1".into(), channel_id: "DATASVC.CONTROL.ops".into() };
/// assert_eq!((record.org_id(), record.channel_id()), ("o1", "DATASVC.CONTROL.ops"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "channel", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum ChannelRecord {
    /// Created, or its description changed.
    Saved {
        /// The org that it belongs to.
        org_id: Box<str>,
        /// Its id.
        channel_id: Box<str>,
        /// What it is for.
        desc: Option<Box<str>>,
    },
    /// Deleted. Of a channel that is not known it changes nothing.
    Deleted {
        /// The org that it belonged to.
        org_id: Box<str>,
        /// Its id.
        channel_id: Box<str>,
    },
}

impl ChannelRecord {
    /// The org that the channel belongs to.
    pub fn org_id(&self) -> &str {
        match self {
            Self::Saved { org_id, .. } | Self::Deleted { org_id, .. } => org_id,
        }
    }

    /// The channel's id.
    pub fn channel_id(&self) -> &str {
        match self {
            Self::Saved { channel_id, .. } | Self::Deleted { channel_id, .. } => channel_id,
        }
    }
}

/// Entries that are kept together or not at all.
///
/// ```
/// use setpoint_store::{AtomicWrite, ChannelRecord, Entry};
///
/// let record = ChannelRecord::Deleted { org_id: "o1".into(), channel_id: "DATASVC.CONTROL.ops".into() };
/// let write = AtomicWrite::from(vec![Entry::Channel(record)]);
/// assert_eq!(write.len(), 1);
/// assert!(AtomicWrite::default().is_empty());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "a store that does not know a part of it must not compile")]
pub struct AtomicWrite {
    /// The state, in the order in which it is replayed.
    #[serde(default)]
    pub entries: Vec<Entry>,
    /// The audit of it.
    #[serde(default)]
    pub audit: Vec<AuditEntry>,
}

impl AtomicWrite {
    /// A write of what the engine asks for in [`Effect::Persist`](setpoint::responder::Effect::Persist).
    ///
    /// ```
    /// use setpoint::{MessageId, responder::Record};
    /// use setpoint_store::AtomicWrite;
    ///
    /// let records = vec![Record::Published { message_id: MessageId::from_bits(7) }];
    /// assert_eq!(AtomicWrite::of_engine(records, Vec::new()).len(), 1);
    /// ```
    pub fn of_engine(records: Vec<Record>, audit: Vec<AuditRecord>) -> Self {
        Self {
            entries: records.into_iter().map(Entry::Engine).collect(),
            audit: audit.into_iter().map(AuditEntry::Engine).collect(),
        }
    }

    /// How many entries it has, state and audit.
    pub fn len(&self) -> usize {
        self.entries.len() + self.audit.len()
    }

    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<Vec<Entry>> for AtomicWrite {
    fn from(entries: Vec<Entry>) -> Self {
        Self { entries, audit: Vec::new() }
    }
}
