//! The write-ahead log as the responder sees it: records on their way to the store, and what waits for them.

use std::collections::VecDeque;

use super::{AuditRecord, Effect, Record, WriteId};

/// Collects records into writes (group commit), and holds back what may happen only once they are on stable storage.
#[derive(Debug)]
pub(super) struct Journal<T> {
    /// What the next write will hold.
    records: Vec<Record>,
    audit: Vec<AuditRecord>,
    /// The number of the write that is being collected, or of the last one handed out if nothing has been recorded since.
    newest: u64,
    persisted: u64,
    /// What waits, each with the write that it waits for, in ascending order.
    waiting: VecDeque<(u64, T)>,
}

impl<T> Journal<T> {
    pub(super) fn new() -> Self {
        Self { records: Vec::new(), audit: Vec::new(), newest: 0, persisted: 0, waiting: VecDeque::new() }
    }

    pub(super) fn record(&mut self, record: Record) {
        self.open();
        self.records.push(record);
    }

    pub(super) fn audit(&mut self, record: AuditRecord) {
        self.open();
        self.audit.push(record);
    }

    /// Starts a write if none is being collected.
    fn open(&mut self) {
        if self.is_empty() {
            self.newest += 1;
        }
    }

    /// Whether every record has been handed out.
    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.audit.is_empty()
    }

    /// Holds `then` back until every record so far is persisted.
    pub(super) fn after_persist(&mut self, then: T) {
        self.waiting.push_back((self.newest, then));
    }

    /// The next thing whose records are persisted.
    pub(super) fn next_persisted(&mut self) -> Option<T> {
        let (write, _) = self.waiting.front()?;
        if *write > self.persisted {
            return None;
        }
        self.waiting.pop_front().map(|(_, then)| then)
    }

    /// Drops the records that have not been handed out, and gives back everything that waits.
    pub(super) fn abandon(&mut self) -> impl Iterator<Item = T> + use<'_, T> {
        self.records.clear();
        self.audit.clear();
        self.waiting.drain(..).map(|(_, then)| then)
    }

    /// The write that has been collected, if it has any records.
    pub(super) fn take_write(&mut self) -> Option<Effect> {
        (!self.is_empty()).then(|| Effect::Persist {
            write: WriteId(self.newest),
            records: std::mem::take(&mut self.records),
            audit: std::mem::take(&mut self.audit),
        })
    }

    pub(super) fn handle_persisted(&mut self, up_to: WriteId) {
        let handed_out = if self.is_empty() { self.newest } else { self.newest - 1 };
        self.persisted = self.persisted.max(up_to.0.min(handed_out));
    }
}
