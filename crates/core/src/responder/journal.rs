//! What is being written to the store, and what waits for it.

use std::collections::VecDeque;

use super::{Record, WriteId};

/// Collects records into writes, and holds back what may happen only once they are on stable storage.
#[derive(Debug)]
pub(super) struct Journal<G> {
    open: Vec<Record>,
    /// The newest write, which `open` belongs to while it has records.
    newest: u64,
    persisted: u64,
    gated: VecDeque<(u64, G)>,
}

impl<G> Journal<G> {
    pub(super) fn new() -> Self {
        Self { open: Vec::new(), newest: 0, persisted: 0, gated: VecDeque::new() }
    }

    pub(super) fn record(&mut self, record: Record) {
        if self.open.is_empty() {
            self.newest += 1;
        }
        self.open.push(record);
    }

    /// Holds `then` back until everything recorded so far is persisted.
    pub(super) fn gate(&mut self, then: G) {
        self.gated.push_back((self.newest, then));
    }

    /// The next thing that no longer has to wait.
    pub(super) fn release(&mut self) -> Option<G> {
        let (write, _) = self.gated.front()?;
        if *write > self.persisted {
            return None;
        }
        self.gated.pop_front().map(|(_, then)| then)
    }

    /// Everything that waits, whether or not it may happen.
    pub(super) fn abandon(&mut self) -> impl Iterator<Item = G> + use<'_, G> {
        self.open.clear();
        self.gated.drain(..).map(|(_, then)| then)
    }

    /// The records that are not yet on their way to the store.
    pub(super) fn take_write(&mut self) -> Option<(WriteId, Vec<Record>)> {
        (!self.open.is_empty()).then(|| (WriteId(self.newest), std::mem::take(&mut self.open)))
    }

    pub(super) fn handle_persisted(&mut self, up_to: WriteId) {
        let handed_out = if self.open.is_empty() { self.newest } else { self.newest - 1 };
        self.persisted = self.persisted.max(up_to.0.min(handed_out));
    }
}
