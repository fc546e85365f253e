//! The seam to stable storage.

use setpoint::Now;

use crate::{AtomicWrite, AuditEntry, Entry, StoreError};

/// Where accepted items, their finals and the channels are kept: a log that is appended to, replayed, and dropped from its
/// front. What a store promises is in the [crate's documentation](crate#what-a-store-promises); how to show that one keeps
/// it, in [`conformance`](crate::conformance).
///
/// A store has one owner, a thread of its own: calls may block.
///
/// ```
/// use setpoint::{MessageId, Now, responder::Record};
/// use setpoint_store::{AtomicWrite, MemoryStore, Store};
///
/// let log = MemoryStore::new();
/// let mut store = log.clone();
/// let records = vec![Record::Published { message_id: MessageId::from_bits(7) }];
/// store.append(&[AtomicWrite::of_engine(records, Vec::new())])?;
///
/// // After a restart:
/// let (mut store, mut replayed) = (log.clone(), Vec::new());
/// store.replay(&mut |entry| {
///     replayed.push(entry);
///     Ok(())
/// })?;
/// assert_eq!(replayed.len(), 1);
/// // The end of an item that was never accepted: nothing has to be kept.
/// assert_eq!(store.retire(Now::new(0, 1_700_000_000_000))?.writes, 1);
/// # Ok::<(), setpoint_store::StoreError>(())
/// ```
pub trait Store: Send + 'static {
    /// Gives every entry of the state to `each`, in the order in which it was appended. Never holds all of them in memory.
    ///
    /// Called once after opening, before anything else; it may be called again.
    ///
    /// # Errors
    /// The log cannot be read, is damaged, or has something that this version does not know; the error names the
    /// position, and nothing of that write or of a later one was given. An error of `each` ends the replay and comes back as it is.
    fn replay(&mut self, each: &mut dyn FnMut(Entry) -> Result<(), StoreError>) -> Result<(), StoreError>;

    /// Appends the writes in order. They are on stable storage when this returns.
    ///
    /// One write is kept whole or not at all. After a crash inside the call the log holds a prefix of the writes.
    ///
    /// # Errors
    /// It is not known how many of the writes are kept. Every later call fails with
    /// [`FailedBefore`](crate::StoreErrorKind::FailedBefore) until the store is opened again: nothing is tried twice.
    fn append(&mut self, writes: &[AtomicWrite]) -> Result<(), StoreError>;

    /// Drops what nobody needs any more at this time, by the rule of [`Record`](setpoint::responder::Record).
    ///
    /// It does a bounded amount of work: call it now and then, and again while it says that it dropped something.
    ///
    /// # Errors
    /// As for [`append`](Self::append).
    fn retire(&mut self, now: Now) -> Result<Retired, StoreError>;

    /// Gives every entry of the audit to `each`, in order. An entry is kept at least as long as every write before it.
    ///
    /// # Errors
    /// As for [`replay`](Self::replay).
    fn audit(&mut self, each: &mut dyn FnMut(AuditEntry) -> Result<(), StoreError>) -> Result<(), StoreError>;
}

/// What [`Store::retire`] did.
///
/// ```
/// use setpoint::Now;
/// use setpoint_store::{MemoryStore, Retired, Store};
///
/// let nothing = MemoryStore::new().retire(Now::new(0, 0))?;
/// assert_eq!(nothing, Retired::default());
/// # Ok::<(), setpoint_store::StoreError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retired {
    /// How many writes were dropped. While it is not 0, another call may drop more.
    pub writes: u64,
    /// How many entries were appended again, so that they do not hold back what is behind them.
    pub carried: u64,
    /// By how many milliseconds the wall clock has stepped, while the step is not believed ([`Retention`](crate::Retention)).
    pub clock_step_ms: Option<i64>,
}
