//! The engine's table of what is in flight, by itself: what the requester and the responder stand on.

use setpoint::{
    MonotonicTime,
    inflight::{Id, IdRef, InFlight, Key},
};

use super::{Chunk, Keeper, ROUND_MS};

/// So many items are registered, and so many answers looked up at once, as for a batch and a channel message.
const BATCH: usize = 1_000;
const MESSAGE: usize = 100;

/// The table.
#[derive(Debug)]
pub struct Table {
    table: InFlight<Id, u64>,
    inserted: Vec<Result<Key, Option<Key>>>,
    answered: Vec<Option<u64>>,
    now_ms: u64,
}

impl Table {
    /// Nothing in flight.
    pub fn new() -> Self {
        Self { table: InFlight::new([7; 32]), inserted: Vec::new(), answered: Vec::new(), now_ms: 0 }
    }

    /// Registers a chunk's items.
    ///
    /// # Panics
    /// An id is taken.
    pub fn submit(&mut self, chunk: &mut Chunk) {
        let Self { table, inserted, now_ms, .. } = self;
        let (ids, timeouts) = (chunk.ids.chunks(BATCH), chunk.timeouts.chunks(BATCH));
        for (n_batch, (ids, timeouts)) in ids.zip(timeouts).enumerate() {
            inserted.clear();
            let entries = ids.iter().zip(timeouts).enumerate().map(|(n, (id, timeout_ms))| {
                let n = n_batch * BATCH + n;
                let deadline = *now_ms + Chunk::submitted_ms(n) + u64::from(*timeout_ms);
                (IdRef { space: 0, text: id.into() }, MonotonicTime::from_millis(deadline), n as u64)
            });
            table.insert_each(entries, inserted);
            assert!(inserted.iter().all(Result::is_ok), "fresh ids");
        }
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

impl Keeper for Table {
    fn run(&mut self, chunks: &mut [Chunk]) {
        for chunk in chunks {
            self.submit(chunk);
            for message in chunk.answers.chunks(MESSAGE) {
                self.answered.clear();
                let ids = message.iter().map(|id| IdRef { space: 0, text: id.into() });
                self.table.take_each(ids, &mut self.answered);
                assert!(self.answered.iter().all(Option::is_some), "they are pending");
            }
            self.now_ms += ROUND_MS;
            while let Some(key) = self.table.pop_expired(MonotonicTime::from_millis(self.now_ms)) {
                self.table.remove(key).expect("it is pending");
            }
            assert!(self.table.is_empty());
        }
    }
}
