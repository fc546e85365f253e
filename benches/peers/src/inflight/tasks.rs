//! One tokio task with a oneshot channel and a timeout for each item, and a map of the senders.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    time::{Instant, advance, timeout_at},
};

use super::{Chunk, Keeper, ROUND_MS};

type Pending = Arc<Mutex<HashMap<Arc<str>, oneshot::Sender<u32>>>>;

/// The map, and the runtime that the tasks run on. Its clock is a virtual one.
#[derive(Debug)]
pub struct Tasks {
    runtime: Runtime,
    pending: Pending,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    started: AtomicUsize,
    answered: AtomicUsize,
    expired: AtomicUsize,
}

impl Tasks {
    /// Nothing in flight.
    ///
    /// # Panics
    /// No runtime can be made.
    pub fn new() -> Self {
        Self { runtime: paused_runtime(), pending: Pending::default(), counters: Arc::default() }
    }

    /// Registers a chunk's items and waits until every task waits.
    pub fn submit(&mut self, chunk: &Chunk) {
        self.runtime.block_on(submit(chunk, &self.pending, &self.counters));
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

/// A runtime on this thread, whose clock moves only when it is moved.
///
/// # Panics
/// No runtime can be made.
pub(super) fn paused_runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}

impl Keeper for Tasks {
    fn run(&mut self, chunks: &mut [Chunk]) {
        let Self { runtime, pending, counters } = self;
        runtime.block_on(async {
            for chunk in chunks {
                submit(chunk, pending, counters).await;
                for id in &chunk.answers {
                    let sender = pending.lock().unwrap_or_else(PoisonError::into_inner).remove(&**id);
                    sender.expect("it is pending").send(0).expect("its task waits");
                }
                wait_for(&counters.answered, chunk.answers.len()).await;
                advance(Duration::from_millis(ROUND_MS)).await;
                wait_for(&counters.expired, chunk.ids.len() - chunk.answers.len()).await;
                assert!(pending.lock().is_ok_and(|pending| pending.is_empty()));
            }
        });
    }
}

async fn submit(chunk: &Chunk, pending: &Pending, counters: &Arc<Counters>) {
    let start = Instant::now();
    for (n, (id, timeout_ms)) in chunk.ids.iter().zip(&chunk.timeouts).enumerate() {
        let deadline = start + Duration::from_millis(Chunk::submitted_ms(n) + u64::from(*timeout_ms));
        let id: Arc<str> = id.as_str().into();
        let (sender, receiver) = oneshot::channel();
        pending.lock().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(&id), sender);
        let (pending, counters) = (Arc::clone(pending), Arc::clone(counters));
        tokio::spawn(async move {
            counters.started.fetch_add(1, Relaxed);
            if let Ok(Ok(status)) = timeout_at(deadline, receiver).await {
                std::hint::black_box(status);
                counters.answered.fetch_add(1, Relaxed);
            } else {
                pending.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
                counters.expired.fetch_add(1, Relaxed);
            }
        });
    }
    wait_for(&counters.started, chunk.ids.len()).await;
}

/// Lets the tasks run until so many more have counted themselves.
async fn wait_for(counter: &AtomicUsize, count: usize) {
    while counter.load(Relaxed) < count {
        tokio::task::yield_now().await;
    }
    counter.store(0, Relaxed);
}
