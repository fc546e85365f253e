//! Stores that outlive their gateway, or fail.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use setpoint::Now;
use setpoint_gateway::setpoint_store::{
    AtomicWrite, AuditEntry, Entry, MemoryStore, Retired, Store, StoreError, StoreErrorKind,
};

/// A store whose clones share one log, and can be made to fail.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedStore {
    log: MemoryStore,
    broken: Arc<AtomicBool>,
}

impl SharedStore {
    /// Every later write fails.
    pub(crate) fn break_it(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut keep = |entry| {
            entries.push(entry);
            Ok(())
        };
        self.log.clone().replay(&mut keep).expect("the log");
        entries
    }

    pub(crate) fn audit_entries(&self) -> Vec<AuditEntry> {
        let mut entries = Vec::new();
        let mut keep = |entry| {
            entries.push(entry);
            Ok(())
        };
        self.log.clone().audit(&mut keep).expect("the log");
        entries
    }
}

impl Store for SharedStore {
    fn replay(&mut self, each: &mut dyn FnMut(Entry) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.log.replay(each)
    }

    fn append(&mut self, writes: &[AtomicWrite]) -> Result<(), StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError::new(StoreErrorKind::Failed, "no space left on device"));
        }
        self.log.append(writes)
    }

    fn retire(&mut self, now: Now) -> Result<Retired, StoreError> {
        self.log.retire(now)
    }

    fn audit(&mut self, each: &mut dyn FnMut(AuditEntry) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.log.audit(each)
    }
}

/// A store that cannot be read.
pub(crate) fn failing_store() -> impl Store {
    struct Damaged;
    impl Store for Damaged {
        fn replay(&mut self, _: &mut dyn FnMut(Entry) -> Result<(), StoreError>) -> Result<(), StoreError> {
            Err(StoreError::new(StoreErrorKind::Damaged, "entry 7 is damaged"))
        }
        fn append(&mut self, _: &[AtomicWrite]) -> Result<(), StoreError> {
            unreachable!("nothing is written to a store that cannot be read")
        }
        fn retire(&mut self, _: Now) -> Result<Retired, StoreError> {
            unreachable!("nothing is dropped from a store that cannot be read")
        }
        fn audit(&mut self, _: &mut dyn FnMut(AuditEntry) -> Result<(), StoreError>) -> Result<(), StoreError> {
            unreachable!("nobody asks for the audit")
        }
    }
    Damaged
}
