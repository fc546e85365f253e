//! Stores that outlive their gateway, or fail.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use setpoint_gateway::{Store, StoreEntry, StoreError};

/// A store whose clones share one log, and can be made to fail.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedStore {
    log: Arc<Mutex<Vec<StoreEntry>>>,
    broken: Arc<AtomicBool>,
}

impl SharedStore {
    /// Every later write fails.
    pub(crate) fn break_it(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    pub(crate) fn entries(&self) -> Vec<StoreEntry> {
        self.log.lock().expect("the log").clone()
    }
}

impl Store for SharedStore {
    fn load(&mut self) -> Result<Vec<StoreEntry>, StoreError> {
        Ok(self.entries())
    }

    fn append(&mut self, writes: &[Vec<StoreEntry>]) -> Result<(), StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError::new("no space left on device"));
        }
        self.log.lock().expect("the log").extend(writes.iter().flatten().cloned());
        Ok(())
    }
}

/// A store that cannot be read.
pub(crate) fn failing_store() -> impl Store {
    struct Damaged;
    impl Store for Damaged {
        fn load(&mut self) -> Result<Vec<StoreEntry>, StoreError> {
            Err(StoreError::new("entry 7 is damaged"))
        }
        fn append(&mut self, _: &[Vec<StoreEntry>]) -> Result<(), StoreError> {
            unreachable!("nothing is written to a store that cannot be read")
        }
    }
    Damaged
}
