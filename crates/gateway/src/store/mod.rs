//! The seam to stable storage.

mod memory;
mod writer;

use serde::{Deserialize, Serialize};
use setpoint::responder::{AuditRecord, Record};

pub use memory::MemoryStore;

use crate::error::StoreError;

#[cfg(test)]
pub(crate) use writer::Committer;
pub(crate) use writer::{Confirm, StoreWriter, Write};

/// Where accepted items, their finals and the channels are kept.
///
/// It has one owner, a thread of its own: calls may block. The log is append-only; replaying it in order
/// rebuilds the gateway. A store that survives the process checks every entry that it reads and names a damaged one
/// instead of skipping it, refuses a second process, and never retries a failed sync.
pub trait Store: Send + 'static {
    /// Everything that was appended, in that order. Called once, before anything else.
    ///
    /// # Errors
    /// The log cannot be read, is damaged, or is open in another process. The gateway then does not start.
    fn load(&mut self) -> Result<Vec<StoreEntry>, StoreError>;

    /// Appends the writes in order. They are on stable storage when this returns.
    ///
    /// One write is kept whole or not at all. After a crash inside the call, the log holds a prefix of the writes.
    ///
    /// # Errors
    /// Nothing is known of the writes any more: the gateway stops, and does not call again.
    fn append(&mut self, writes: &[Vec<StoreEntry>]) -> Result<(), StoreError>;
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum StoreEntry {
    /// What the engine asks to keep.
    Engine(Record),
    /// What the engine asks to keep for whoever looks into a case later; no start reads it.
    Audit(AuditRecord),
    /// A change of a channel.
    Channel(ChannelRecord),
}

/// A change of a channel. Its family follows from the prefix of its id.
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
    /// Deleted.
    Deleted {
        /// The org that it belonged to.
        org_id: Box<str>,
        /// Its id.
        channel_id: Box<str>,
    },
}

impl ChannelRecord {
    /// The channel's id.
    pub fn channel_id(&self) -> &str {
        match self {
            Self::Saved { channel_id, .. } | Self::Deleted { channel_id, .. } => channel_id,
        }
    }
}
