//! No store.

use setpoint::Now;

use crate::{AtomicWrite, AuditEntry, Entry, Retired, Store, StoreError};

/// Keeps nothing. With it the promises about crashes and restarts do not hold; all others do.
///
/// For a service whose state may be gone with its process. [`MemoryStore`](crate::MemoryStore) survives the restart of a
/// gateway inside one process.
///
/// ```
/// use setpoint_store::{AtomicWrite, NullStore, Store};
///
/// let mut store = NullStore;
/// store.append(&[AtomicWrite::default()])?;
/// store.replay(&mut |entry| unreachable!("{entry:?}"))?;
/// # Ok::<(), setpoint_store::StoreError>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::exhaustive_structs, reason = "it keeps nothing, whatever else there is to be kept")]
pub struct NullStore;

impl Store for NullStore {
    fn replay(&mut self, _each: &mut dyn FnMut(Entry) -> Result<(), StoreError>) -> Result<(), StoreError> {
        Ok(())
    }

    fn append(&mut self, _writes: &[AtomicWrite]) -> Result<(), StoreError> {
        Ok(())
    }

    fn retire(&mut self, _now: Now) -> Result<Retired, StoreError> {
        Ok(Retired::default())
    }

    fn audit(&mut self, _each: &mut dyn FnMut(AuditEntry) -> Result<(), StoreError>) -> Result<(), StoreError> {
        Ok(())
    }
}
