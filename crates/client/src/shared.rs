//! What belongs to no batch: late replies, changes of the channel, counters.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use futures_core::Stream;
use setpoint::requester::Event;
use tokio::sync::mpsc;

/// A change of the way on which outcomes come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelEvent {
    /// The connection was lost, or still cannot be made, for this reason; the source goes on trying.
    Disconnected {
        /// Which source.
        source: String,
        /// Why.
        reason: String,
    },
    /// The connection is back.
    Connected {
        /// Which source.
        source: String,
    },
    /// Messages may have been missed: items whose outcome was among them will time out.
    Gap {
        /// Which source.
        source: String,
        /// Why.
        reason: String,
    },
    /// The source ended for good; the client takes no more batches.
    Ended {
        /// Which source.
        source: String,
        /// Why.
        reason: String,
    },
}

/// Counters since the client was built, of what belongs to no batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Outcomes of items that had ended before.
    pub late: u64,
    /// Replies that repeated an outcome.
    pub duplicate: u64,
    /// Replies under a request id that is not known here.
    pub unknown: u64,
    /// Replies, messages and responses that could not be read.
    pub unreadable: u64,
    /// Times at which a source lost its connection, or found a new reason why it cannot be made.
    pub disconnects: u64,
    /// Times at which messages may have been missed.
    pub gaps: u64,
}

#[derive(Debug, Default)]
struct Counters {
    late: AtomicU64,
    duplicate: AtomicU64,
    unknown: AtomicU64,
    unreadable: AtomicU64,
    disconnects: AtomicU64,
    gaps: AtomicU64,
}

/// Subscribers with a bounded buffer each; what does not fit is counted.
#[derive(Debug)]
struct Fan<T>(Mutex<Option<Subscribers<T>>>);

type Subscribers<T> = Vec<(mpsc::Sender<T>, Arc<AtomicU64>)>;

impl<T: Clone> Fan<T> {
    fn new() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }

    fn subscribe(&self, buffer: usize) -> Feed<T> {
        let (sender, receiver) = mpsc::channel(buffer.max(1));
        let missed = Arc::new(AtomicU64::new(0));
        // After the end the sender is dropped here, and the feed has ended as well.
        if let Some(all) = &mut *self.lock() {
            all.push((sender, Arc::clone(&missed)));
        }
        Feed { receiver, missed }
    }

    fn send(&self, value: &T) {
        if let Some(all) = &mut *self.lock() {
            all.retain(|(sender, missed)| match sender.try_send(value.clone()) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    missed.fetch_add(1, Ordering::Relaxed);
                    true
                }
                Err(mpsc::error::TrySendError::Closed(_)) => false,
            });
        }
    }

    fn close(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Subscribers<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Feed<T> {
    receiver: mpsc::Receiver<T>,
    missed: Arc<AtomicU64>,
}

/// Replies that end nothing: late, duplicate, unknown and unreadable ones, from when it was made.
///
/// Its buffer is bounded. What comes while it is full is not in the stream but in [`missed`](Self::missed).
#[derive(Debug)]
pub struct LateEvents(Feed<Event>);

impl LateEvents {
    /// How many events found the buffer full.
    pub fn missed(&self) -> u64 {
        self.0.missed.load(Ordering::Relaxed)
    }

    /// The next event; `None` when the client has closed.
    pub async fn next_event(&mut self) -> Option<Event> {
        self.0.receiver.recv().await
    }
}

impl Stream for LateEvents {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().0.receiver.poll_recv(cx)
    }
}

/// Changes of the way on which outcomes come, from when it was made.
///
/// Its buffer is bounded. What comes while it is full is not in the stream but in [`missed`](Self::missed).
#[derive(Debug)]
pub struct ChannelEvents(Feed<ChannelEvent>);

impl ChannelEvents {
    /// How many events found the buffer full.
    pub fn missed(&self) -> u64 {
        self.0.missed.load(Ordering::Relaxed)
    }

    /// The next event; `None` when the client has closed.
    pub async fn next_event(&mut self) -> Option<ChannelEvent> {
        self.0.receiver.recv().await
    }
}

impl Stream for ChannelEvents {
    type Item = ChannelEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ChannelEvent>> {
        self.get_mut().0.receiver.poll_recv(cx)
    }
}

/// Between the client's task and the handles.
#[derive(Debug)]
pub(crate) struct Shared {
    late: Fan<Event>,
    channel: Fan<ChannelEvent>,
    counters: Counters,
    buffer: usize,
}

impl Shared {
    /// `buffer` is how many events each subscriber may leave unread.
    pub(crate) fn new(buffer: usize) -> Self {
        Self { late: Fan::new(), channel: Fan::new(), counters: Counters::default(), buffer }
    }

    pub(crate) fn late_events(&self) -> LateEvents {
        LateEvents(self.late.subscribe(self.buffer))
    }

    pub(crate) fn channel_events(&self) -> ChannelEvents {
        ChannelEvents(self.channel.subscribe(self.buffer))
    }

    pub(crate) fn late(&self, event: Event) {
        let counter = match &event {
            Event::Late { .. } => &self.counters.late,
            Event::Duplicate { .. } => &self.counters.duplicate,
            Event::Unknown { .. } => &self.counters.unknown,
            _ => &self.counters.unreadable,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.late.send(&event);
    }

    pub(crate) fn unreadable(&self, reason: String) {
        self.late(Event::Unreadable { reason });
    }

    pub(crate) fn tell(&self, event: ChannelEvent) {
        match &event {
            ChannelEvent::Disconnected { .. } => self.counters.disconnects.fetch_add(1, Ordering::Relaxed),
            ChannelEvent::Gap { .. } => self.counters.gaps.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
        self.channel.send(&event);
    }

    pub(crate) fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            late: read(&self.counters.late),
            duplicate: read(&self.counters.duplicate),
            unknown: read(&self.counters.unknown),
            unreadable: read(&self.counters.unreadable),
            disconnects: read(&self.counters.disconnects),
            gaps: read(&self.counters.gaps),
        }
    }

    pub(crate) fn close(&self) {
        self.late.close();
        self.channel.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_reader_misses_a_counted_number_and_holds_nobody_up() {
        let shared = Shared::new(2);
        let (mut slow, mut other) = (shared.late_events(), shared.late_events());
        for n in 0..5 {
            shared.unreadable(n.to_string());
            assert!(other.next_event().await.is_some());
        }
        shared.close();
        let reason = |event| match event {
            Some(Event::Unreadable { reason }) => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(slow.next_event().await), "0");
        assert_eq!(reason(slow.next_event().await), "1");
        assert_eq!(slow.next_event().await, None);
        assert_eq!((slow.missed(), other.missed(), shared.stats().unreadable), (3, 0, 5));
        assert_eq!(shared.late_events().next_event().await, None, "after the end there is nothing to wait for");
    }
}
