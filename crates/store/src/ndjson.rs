//! A log as text: one JSON object per line, for other tools and for moving a log into another store.
//!
//! Each line is a part of an [`AtomicWrite`]. Where one write ended and the next began is not exported:
//! it matters only for a crash while they were written.

use std::io::{self, BufRead, Write};

use crate::{AtomicWrite, Store, StoreError};

/// Most entries in one write of an import.
const ENTRIES_PER_WRITE: usize = 1_000;

/// Why an export or an import ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NdjsonError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The text cannot be read or written.
    #[error("line {line} cannot be read or written")]
    Io {
        /// From 1.
        line: u64,
        /// What the system says.
        source: io::Error,
    },
    /// A line is not one of an export.
    #[error("line {line} is not an entry that this version knows; nothing from there on was imported")]
    Line {
        /// From 1.
        line: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Writes all of a store, the state and then the audit. Gives the number of lines.
///
/// # Errors
/// The store cannot be read, or the text not be written.
///
/// ```
/// use setpoint_store::{AtomicWrite, ChannelRecord, Entry, MemoryStore, Store, ndjson};
///
/// let record = ChannelRecord::Deleted { org_id: "o1".into(), channel_id: "DATASVC.CONTROL.ops".into() };
/// let mut store = MemoryStore::new();
/// store.append(&[AtomicWrite::from(vec![Entry::Channel(record)])])?;
///
/// let mut text = Vec::new();
/// assert_eq!(ndjson::export(&mut store, &mut text)?, 1);
/// let line = br#"{"entries":[{"channel":{"channel":"deleted","orgId":"o1","channelId":"DATASVC.CONTROL.ops"}}]}"#;
/// assert_eq!(text.trim_ascii_end(), line);
///
/// let mut copy = MemoryStore::new();
/// assert_eq!(ndjson::import(&mut text.as_slice(), &mut copy)?, 1);
/// assert_eq!(copy.frames(), store.frames());
/// # Ok::<(), ndjson::NdjsonError>(())
/// ```
pub fn export(store: &mut dyn Store, into: &mut dyn Write) -> Result<u64, NdjsonError> {
    let mut lines = Lines { into, written: 0, failed: None };
    let outcome = store.replay(&mut |entry| lines.write(&Line { entries: Some([entry]), audit: None }));
    let outcome =
        outcome.and_then(|()| store.audit(&mut |entry| lines.write(&Line { entries: None, audit: Some([entry]) })));
    match (lines.failed, outcome) {
        (Some(source), _) => Err(NdjsonError::Io { line: lines.written + 1, source }),
        (None, outcome) => Ok(outcome.map(|()| lines.written)?),
    }
}

/// Appends everything that an export wrote. Gives the number of lines.
///
/// # Errors
/// The text cannot be read, a line is not one of an export, or the store fails. What was appended before stays.
pub fn import(text: &mut dyn BufRead, store: &mut dyn Store) -> Result<u64, NdjsonError> {
    let mut write = AtomicWrite::default();
    let mut read = 0;
    for line in text.lines() {
        read += 1;
        let line = line.map_err(|source| NdjsonError::Io { line: read, source })?;
        let more: AtomicWrite =
            serde_json::from_str(&line).map_err(|source| NdjsonError::Line { line: read, source })?;
        write.entries.extend(more.entries);
        write.audit.extend(more.audit);
        if write.len() >= ENTRIES_PER_WRITE {
            store.append(&[std::mem::take(&mut write)])?;
        }
    }
    if !write.is_empty() {
        store.append(&[write])?;
    }
    Ok(read)
}

/// An [`AtomicWrite`] of one entry.
#[derive(serde::Serialize)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<[crate::Entry; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<[crate::AuditEntry; 1]>,
}

struct Lines<'a> {
    into: &'a mut dyn Write,
    written: u64,
    failed: Option<io::Error>,
}

impl Lines<'_> {
    fn write(&mut self, line: &Line) -> Result<(), StoreError> {
        let text = serde_json::to_string(line).map_err(io::Error::from);
        match text.and_then(|text| writeln!(self.into, "{text}")) {
            Ok(()) => {
                self.written += 1;
                Ok(())
            }
            Err(error) => {
                self.failed = Some(error);
                Err(StoreError::rejected("an export", "its text cannot be written"))
            }
        }
    }
}
