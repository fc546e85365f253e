//! The suite passes what is right, and names what is wrong with what is not.

mod broken;
mod fault;

use setpoint_store::{
    AtomicWrite, MemoryStore, NullStore, Store, StoreError,
    codec::Frame,
    conformance::{Subject, verify},
};

/// A log in memory, with everything that the suite can do to one.
struct InMemory(MemoryStore);

impl Subject for InMemory {
    type Store = MemoryStore;

    fn open(&mut self) -> Result<MemoryStore, StoreError> {
        Ok(self.0.clone())
    }

    fn break_appends(&mut self, _store: &mut MemoryStore) -> bool {
        break_memory(&self.0);
        true
    }

    fn repair(&mut self) {
        self.0.set_capacity(usize::MAX);
    }

    fn frames(&mut self) -> Option<Vec<Frame>> {
        Some(self.0.frames())
    }

    fn set_frames(&mut self, frames: Vec<Frame>) {
        self.0.set_frames(frames);
    }
}

/// Leaves room for a few more writes.
fn break_memory(log: &MemoryStore) {
    let bytes: usize = log.frames().iter().map(|frame| frame.bytes.len()).sum();
    log.set_capacity(bytes + 2_000);
}

#[test]
fn the_store_in_memory_keeps_every_promise_that_one_in_memory_can() {
    let report = verify(|| InMemory(MemoryStore::new())).unwrap_or_else(|violation| panic!("{violation}"));
    assert_eq!(report.skipped(), ["one owner"]);
    assert_eq!(report.held().len(), 17);
}

#[test]
fn a_store_that_keeps_nothing_does_not_pass() {
    struct Nothing;
    impl Subject for Nothing {
        type Store = NullStore;
        fn open(&mut self) -> Result<NullStore, StoreError> {
            Ok(NullStore)
        }
    }
    let violation = verify(|| Nothing).unwrap_err();
    assert_eq!(violation.property(), "a replay is exact and in order");
}

#[test]
fn a_store_that_lets_a_second_owner_in_does_not_pass() {
    /// Says that it is exclusive, and is not.
    struct Shared(MemoryStore);
    impl Subject for Shared {
        type Store = MemoryStore;
        const IS_EXCLUSIVE: bool = true;
        fn open(&mut self) -> Result<MemoryStore, StoreError> {
            Ok(self.0.clone())
        }
    }
    let violation = verify(|| Shared(MemoryStore::new())).unwrap_err();
    assert_eq!(violation.property(), "one owner");
}

#[test]
fn a_clone_of_the_store_in_memory_is_the_same_log_opened_anew() {
    let log = MemoryStore::new();
    log.clone().append(&[AtomicWrite::default(), AtomicWrite::default()]).unwrap();
    assert_eq!(log.frames().iter().map(|frame| frame.position).collect::<Vec<_>>(), [0, 1]);
}
