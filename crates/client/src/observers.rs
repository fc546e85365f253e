//! Events that belong to no batch (late replies, changes of the channel connection), and their counters.

use std::{
    num::NonZeroUsize,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
};

use futures_core::Stream;
use setpoint::requester::Event;

use crate::broadcast::{Broadcast, Subscription};

/// A change of the connection on which outcomes arrive.
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
    /// The source is connected again.
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
    /// The source ended for good; the client accepts no more batches.
    Ended {
        /// Which source.
        source: String,
        /// Why.
        reason: String,
    },
}

/// Counters of what belongs to no batch, since the client was built.
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
    /// Times a source lost its connection, or failed to connect again for a new reason.
    pub disconnects: u64,
    /// Times messages may have been missed.
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

/// Replies that end nothing: late, duplicate, unknown and unreadable ones, from the moment it was made.
///
/// Its buffer is bounded ([`Builder::late_buffer`](crate::Builder::late_buffer)). Events that come while it is full are
/// not delivered, only counted in [`missed`](Self::missed).
///
/// ```no_run
/// # async fn run(client: setpoint_client::Client) {
/// let mut late = client.late_events();
/// tokio::spawn(async move {
///     while let Some(event) = late.next_event().await {
///         println!("{event:?}");
///     }
/// });
/// # }
/// ```
#[derive(Debug)]
pub struct LateEvents(Subscription<Event>);

impl LateEvents {
    /// How many events found the buffer full.
    pub fn missed(&self) -> u64 {
        self.0.missed()
    }

    /// The next event; `None` when the client has closed.
    pub async fn next_event(&mut self) -> Option<Event> {
        self.0.next().await
    }
}

impl Stream for LateEvents {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().0.poll_next(cx)
    }
}

/// Changes of the connection on which outcomes arrive, from the moment it was made.
///
/// Its buffer is bounded ([`Builder::late_buffer`](crate::Builder::late_buffer)). Events that come while it is full are
/// not delivered, only counted in [`missed`](Self::missed).
///
/// ```no_run
/// use setpoint_client::ChannelEvent;
/// # async fn run(client: setpoint_client::Client) {
/// let mut changes = client.channel_events();
/// while let Some(change) = changes.next_event().await {
///     if let ChannelEvent::Gap { source, reason } = change {
///         println!("outcomes on {source} may have been missed: {reason}");
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct ChannelEvents(Subscription<ChannelEvent>);

impl ChannelEvents {
    /// How many events found the buffer full.
    pub fn missed(&self) -> u64 {
        self.0.missed()
    }

    /// The next event; `None` when the client has closed.
    pub async fn next_event(&mut self) -> Option<ChannelEvent> {
        self.0.next().await
    }
}

impl Stream for ChannelEvents {
    type Item = ChannelEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ChannelEvent>> {
        self.get_mut().0.poll_next(cx)
    }
}

/// Takes events from the client's task to those who subscribed to them, and counts them.
#[derive(Debug)]
pub(crate) struct Observers {
    late: Broadcast<Event>,
    channel: Broadcast<ChannelEvent>,
    counters: Counters,
    /// How many events a subscriber may leave unread.
    capacity: NonZeroUsize,
}

impl Observers {
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        Self { late: Broadcast::new(), channel: Broadcast::new(), counters: Counters::default(), capacity }
    }

    pub(crate) fn late_events(&self) -> LateEvents {
        LateEvents(self.late.subscribe(self.capacity))
    }

    pub(crate) fn channel_events(&self) -> ChannelEvents {
        ChannelEvents(self.channel.subscribe(self.capacity))
    }

    /// A reply that ends nothing.
    pub(crate) fn notify_late(&self, event: Event) {
        let counter = match &event {
            Event::Late { .. } => &self.counters.late,
            Event::Duplicate { .. } => &self.counters.duplicate,
            Event::Unknown { .. } => &self.counters.unknown,
            _ => &self.counters.unreadable,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.late.send(&event);
    }

    pub(crate) fn notify_unreadable(&self, reason: String) {
        self.notify_late(Event::Unreadable { reason });
    }

    pub(crate) fn notify_channel(&self, event: ChannelEvent) {
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
    async fn every_unreadable_message_is_counted_also_where_a_slow_reader_misses_it() {
        let observers = Observers::new(NonZeroUsize::new(2).unwrap());
        let (mut slow, mut other) = (observers.late_events(), observers.late_events());
        for n in 0..5 {
            observers.notify_unreadable(n.to_string());
            assert!(other.next_event().await.is_some());
        }
        observers.close();
        let reason = |event| match event {
            Some(Event::Unreadable { reason }) => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(slow.next_event().await), "0");
        assert_eq!(reason(slow.next_event().await), "1");
        assert_eq!(slow.next_event().await, None);
        assert_eq!((slow.missed(), other.missed(), observers.stats().unreadable), (3, 0, 5));
        assert_eq!(observers.late_events().next_event().await, None, "after the end there is nothing to wait for");
    }
}
