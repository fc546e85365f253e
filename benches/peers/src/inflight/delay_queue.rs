//! A concurrent map of what is in flight, and tokio's queue of delays beside it.

use std::{future::poll_fn, sync::Arc, time::Duration};

use dashmap::DashMap;
use tokio::{
    runtime::Runtime,
    time::{Instant, advance},
};
use tokio_util::time::{DelayQueue, delay_queue::Key};

use super::{Chunk, Keeper, ROUND_MS, tasks::paused_runtime};

/// The map and the queue.
#[derive(Debug)]
pub struct Queue {
    runtime: Runtime,
    pending: DashMap<Arc<str>, Key>,
    delays: DelayQueue<Arc<str>>,
}

impl Queue {
    /// Nothing in flight.
    pub fn new() -> Self {
        let runtime = paused_runtime();
        let delays = {
            let _in_it = runtime.enter();
            DelayQueue::new()
        };
        Self { runtime, pending: DashMap::new(), delays }
    }

    /// Registers a chunk's items.
    pub fn submit(&mut self, chunk: &Chunk) {
        let _in_it = self.runtime.enter();
        submit(chunk, &self.pending, &mut self.delays);
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self::new()
    }
}

impl Keeper for Queue {
    fn run(&mut self, chunks: &mut [Chunk]) {
        let Self { runtime, pending, delays } = self;
        runtime.block_on(async {
            for chunk in chunks {
                submit(chunk, pending, delays);
                for id in &chunk.answers {
                    let (_, key) = pending.remove(&**id).expect("it is pending");
                    delays.remove(&key);
                }
                advance(Duration::from_millis(ROUND_MS)).await;
                while let Some(expired) = poll_fn(|context| delays.poll_expired(context)).await {
                    pending.remove(expired.get_ref()).expect("it is pending");
                }
                assert!(pending.is_empty());
            }
        });
    }
}

fn submit(chunk: &Chunk, pending: &DashMap<Arc<str>, Key>, delays: &mut DelayQueue<Arc<str>>) {
    let start = Instant::now();
    for (n, (id, timeout_ms)) in chunk.ids.iter().zip(&chunk.timeouts).enumerate() {
        let deadline = start + Duration::from_millis(Chunk::submitted_ms(n) + u64::from(*timeout_ms));
        let id: Arc<str> = id.as_str().into();
        let key = delays.insert_at(Arc::clone(&id), deadline);
        pending.insert(id, key);
    }
}
