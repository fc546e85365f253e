//! A hash table of what is in flight, and a binary heap of deadlines. What was matched stays in the heap until its time.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::Arc,
};

use super::{Chunk, Keeper, ROUND_MS};

/// The table and the heap.
#[derive(Debug, Default)]
pub struct Heap {
    pending: HashMap<Arc<str>, u64>,
    /// Deadline, sequence number, id.
    deadlines: BinaryHeap<Reverse<(u64, u64, Arc<str>)>>,
    now_ms: u64,
    sequence: u64,
}

impl Heap {
    /// Registers a chunk's items.
    pub fn submit(&mut self, chunk: &Chunk) {
        for (n, (id, timeout_ms)) in chunk.ids.iter().zip(&chunk.timeouts).enumerate() {
            let deadline = self.now_ms + Chunk::submitted_ms(n) + u64::from(*timeout_ms);
            let id: Arc<str> = id.as_str().into();
            self.sequence += 1;
            self.pending.insert(Arc::clone(&id), self.sequence);
            self.deadlines.push(Reverse((deadline, self.sequence, id)));
        }
    }
}

impl Keeper for Heap {
    fn run(&mut self, chunks: &mut [Chunk]) {
        for chunk in chunks {
            self.submit(chunk);
            for id in &chunk.answers {
                self.pending.remove(&**id).expect("it is pending");
            }
            self.now_ms += ROUND_MS;
            while let Some(Reverse((deadline, ..))) = self.deadlines.peek()
                && *deadline <= self.now_ms
            {
                let Some(Reverse((_, sequence, id))) = self.deadlines.pop() else { break };
                if self.pending.get(&id) == Some(&sequence) {
                    self.pending.remove(&id);
                }
            }
            assert!(self.pending.is_empty() && self.deadlines.is_empty());
        }
    }
}
