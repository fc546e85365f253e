//! One sender, many subscribers, each with a bounded buffer.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use tokio::sync::{Semaphore, mpsc};

/// Sends each value to all subscribers. A subscriber whose buffer is full misses the value and counts it: nobody waits.
#[derive(Debug)]
pub(crate) struct Broadcast<T>(Mutex<Subscribers<T>>);

#[derive(Debug)]
enum Subscribers<T> {
    Open(Vec<Subscriber<T>>),
    Closed,
}

#[derive(Debug)]
struct Subscriber<T> {
    sender: mpsc::Sender<T>,
    missed: Arc<AtomicU64>,
}

/// The values sent since it was made.
#[derive(Debug)]
pub(crate) struct Subscription<T> {
    receiver: mpsc::Receiver<T>,
    missed: Arc<AtomicU64>,
}

impl<T: Clone> Broadcast<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Subscribers::Open(Vec::new())))
    }

    /// A new subscriber with room for `capacity` unread values. After `close`, its subscription has ended.
    pub(crate) fn subscribe(&self, capacity: NonZeroUsize) -> Subscription<T> {
        let (sender, receiver) = mpsc::channel(capacity.get().min(Semaphore::MAX_PERMITS));
        let missed = Arc::new(AtomicU64::new(0));
        if let Subscribers::Open(all) = &mut *self.lock() {
            all.push(Subscriber { sender, missed: Arc::clone(&missed) });
        }
        Subscription { receiver, missed }
    }

    pub(crate) fn send(&self, value: &T) {
        if let Subscribers::Open(all) = &mut *self.lock() {
            all.retain(|subscriber| match subscriber.sender.try_send(value.clone()) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    subscriber.missed.fetch_add(1, Ordering::Relaxed);
                    true
                }
                Err(mpsc::error::TrySendError::Closed(_)) => false,
            });
        }
    }

    /// Ends every subscription.
    pub(crate) fn close(&self) {
        *self.lock() = Subscribers::Closed;
    }

    fn lock(&self) -> MutexGuard<'_, Subscribers<T>> {
        // Poisoned only by a panicking `T::clone` in `send`, which leaves the list as it was.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Subscription<T> {
    /// How many values found the buffer full.
    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// The next value; `None` once the broadcast is closed and everything in the buffer is read.
    pub(crate) async fn next(&mut self) -> Option<T> {
        self.receiver.recv().await
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.receiver.poll_recv(cx)
    }
}
