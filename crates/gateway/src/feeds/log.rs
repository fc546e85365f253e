//! A channel's log: a bounded ring of its last messages.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, MutexGuard, atomic::Ordering},
};

use bytes::Bytes;
use tokio::sync::watch;

use super::Shared;
use crate::lock::lock;

/// A channel's last messages, each with a number from which a reader resumes.
#[derive(Debug)]
pub(crate) struct ChannelLog {
    shared: Shared,
    ring: Mutex<Ring>,
    /// Counts changes, so that readers wake up.
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    /// The last message has this number; 0 before the first.
    last: u64,
    /// As the engine wrote them; a message is framed when somebody reads it.
    messages: VecDeque<Bytes>,
    /// The size of all of them as frames: what readers that resume would be sent.
    bytes: usize,
    closed: bool,
}

/// Where a reader starts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// It has everything up to this number.
    pub(crate) after: u64,
    /// Why it may have missed some before.
    pub(crate) gap: Option<&'static str>,
}

/// What a reader finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The messages that come next, at least one; each is numbered one higher than the one before.
    Messages(Vec<Bytes>),
    /// Nothing new.
    Nothing,
    /// The next one is no longer kept: the reader was too slow.
    Lost,
    /// The channel is gone.
    Closed,
}

impl ChannelLog {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared, ring: Mutex::default(), changed: watch::Sender::new(0) }
    }

    /// Appends a channel message.
    pub(crate) fn append(&self, message: Bytes) {
        let limits = &self.shared.limits;
        let mut ring = self.ring();
        ring.last += 1;
        let size = self.frame_bytes(ring.last, &message);
        ring.bytes += size;
        ring.messages.push_back(message);
        let mut in_all = self.shared.used.fetch_add(size, Ordering::Relaxed) + size;
        // The newest stays, however large: a live reader must get it.
        while ring.messages.len() > 1
            && (ring.messages.len() > limits.messages || ring.bytes > limits.bytes || in_all > limits.bytes_in_all)
        {
            let number = ring.evicted() + 1;
            let Some(oldest) = ring.messages.pop_front() else { break };
            let size = self.frame_bytes(number, &oldest);
            ring.bytes -= size;
            in_all = self.shared.used.fetch_sub(size, Ordering::Relaxed) - size;
        }
        drop(ring);
        self.changed.send_modify(|changes| *changes += 1);
    }

    /// The channel is gone: readers end.
    pub(crate) fn close(&self) {
        self.ring().closed = true;
        self.changed.send_modify(|changes| *changes += 1);
    }

    /// Tells a reader of changes.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The event id that stands for having everything up to this number.
    pub(crate) fn event_id(&self, number: u64) -> impl fmt::Display {
        format!("{}-{number}", self.shared.run)
    }

    /// Where a reader starts that had this event last; without one it starts with what is to come.
    pub(crate) fn resume(&self, last_event_id: Option<&str>) -> Position {
        let ring = self.ring();
        let Some(id) = last_event_id else { return Position { after: ring.last, gap: None } };
        let number = id
            .rsplit_once('-')
            .filter(|(run, _)| *run == &*self.shared.run)
            .and_then(|(_, number)| number.parse::<u64>().ok())
            .filter(|number| *number <= ring.last);
        let Some(number) = number else {
            return Position { after: ring.evicted(), gap: Some("the event id is not of this channel and run") };
        };
        if number < ring.evicted() {
            return Position { after: ring.evicted(), gap: Some("the messages after the event id are no longer kept") };
        }
        Position { after: number, gap: None }
    }

    /// What comes after this number, at most `most` messages.
    pub(crate) fn after(&self, number: u64, most: usize) -> Found {
        let ring = self.ring();
        if number < ring.evicted() {
            return Found::Lost;
        }
        if number >= ring.last {
            return if ring.closed { Found::Closed } else { Found::Nothing };
        }
        let skip = usize::try_from(number - ring.evicted()).unwrap_or(usize::MAX);
        Found::Messages(ring.messages.iter().skip(skip).take(most).cloned().collect())
    }

    /// One event: its id, and the message on one line. A line break can only stand between the tokens of JSON,
    /// where a space says the same.
    pub(super) fn frame(&self, number: u64, message: &[u8]) -> Bytes {
        let head = format!("id: {}-{number}\ndata: ", self.shared.run);
        let mut frame = Vec::with_capacity(head.len() + message.len() + END.len());
        frame.extend_from_slice(head.as_bytes());
        frame.extend(message.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
        frame.extend_from_slice(END);
        frame.into()
    }

    /// The length of [`frame`](Self::frame), without making it.
    fn frame_bytes(&self, number: u64, message: &[u8]) -> usize {
        let digits = number.checked_ilog10().unwrap_or(0) as usize + 1;
        "id: -\ndata: ".len() + self.shared.run.len() + digits + message.len() + END.len()
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        lock(&self.ring)
    }
}

/// What ends an event.
const END: &[u8] = b"\n\n";

impl Drop for ChannelLog {
    fn drop(&mut self) {
        let bytes = self.ring().bytes;
        self.shared.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Ring {
    /// Messages up to this number are no longer kept.
    fn evicted(&self) -> u64 {
        self.last - self.messages.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::feeds::{FeedLimits, Feeds};

    /// Some feeds that share their bounds.
    fn logs<const N: usize>(messages: usize, bytes: usize, bytes_in_all: usize) -> [ChannelLog; N] {
        let limits = FeedLimits { messages, bytes, bytes_in_all };
        let shared = Shared { run: "r7".into(), limits, used: Arc::default() };
        [(); N].map(|()| ChannelLog::new(shared.clone()))
    }

    fn log(messages: usize, bytes: usize) -> ChannelLog {
        let [log] = logs(messages, bytes, 1 << 20);
        log
    }

    fn append(log: &ChannelLog, message: &'static str) {
        log.append(Bytes::from_static(message.as_bytes()));
    }

    fn position(after: u64) -> Position {
        Position { after, gap: None }
    }

    #[test]
    fn a_reader_without_an_id_gets_what_is_to_come_and_one_with_an_id_what_it_missed() {
        let log = log(10, 1 << 20);
        append(&log, "{\"data\":[1]}");
        append(&log, "{\"data\":[2]}");
        assert_eq!(log.resume(None), position(2));
        assert_eq!(log.after(2, 10), Found::Nothing);
        assert_eq!(log.resume(Some("r7-1")), position(1));
        assert_eq!(log.after(1, 10), Found::Messages(vec![Bytes::from_static(b"{\"data\":[2]}")]));
        assert_eq!(log.frame(2, b"{\"data\":[2]}"), b"id: r7-2\ndata: {\"data\":[2]}\n\n"[..]);
        assert!(matches!(log.after(0, 1), Found::Messages(messages) if messages.len() == 1));
    }

    #[test]
    fn an_id_that_cannot_be_resumed_from_says_so_and_starts_with_the_oldest() {
        let log = log(2, 1 << 20);
        for _ in 0..5 {
            append(&log, "{}");
        }
        for id in ["r7-2", "r6-5", "r7-6", "r7-", "r7-x", "0", "", "r7--1"] {
            let position = log.resume(Some(id));
            assert_eq!((position.after, position.gap.is_some()), (3, true), "{id}");
        }
        assert_eq!(log.resume(Some("r7-3")), position(3));
        assert_eq!(log.resume(Some("r7-5")), position(5));
        assert_eq!(log.after(2, 1), Found::Lost);
    }

    #[test]
    fn bytes_are_bounded_and_the_newest_is_kept_however_large() {
        let log = log(100, 100);
        for _ in 0..10 {
            log.append(vec![b'x'; 30].into());
        }
        let kept = log.ring().messages.len();
        assert!(kept == 2, "{kept} of about 45 bytes as frames");
        log.append(vec![b'x'; 1_000].into());
        assert_eq!(log.ring().messages.len(), 1);
        assert!(matches!(log.after(10, 10), Found::Messages(messages) if messages.len() == 1));
    }

    #[test]
    fn all_logs_together_are_bounded_and_a_dropped_one_gives_its_share_back() {
        let [one, two] = logs(100, 1 << 20, 200);
        let used = Arc::clone(&one.shared.used);
        for _ in 0..4 {
            one.append(vec![b'x'; 30].into());
        }
        for _ in 0..4 {
            two.append(vec![b'x'; 30].into());
        }
        assert!(used.load(Ordering::Relaxed) <= 300, "the bound, and a message a log");
        assert_eq!(two.ring().messages.len(), 1);
        drop((one, two));
        assert_eq!(used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn line_breaks_of_the_payload_do_not_end_the_event() {
        let log = Feeds::one();
        assert_eq!(log.frame(1, b"{\"data\":\r\n[\n]}"), b"id: run-1\ndata: {\"data\":  [ ]}\n\n"[..]);
    }

    #[test]
    fn a_closed_log_is_read_to_its_end() {
        let log = Feeds::one();
        append(&log, "{}");
        log.close();
        assert!(matches!(log.after(0, 1), Found::Messages(_)));
        assert_eq!(log.after(1, 1), Found::Closed);
    }

    #[test]
    fn the_size_of_a_frame_is_known_without_making_it() {
        let log = Feeds::one();
        for number in [1, 9, 10, 99, 100, 123_456, u64::MAX] {
            assert_eq!(log.frame_bytes(number, b"{}"), log.frame(number, b"{}").len(), "{number}");
        }
    }
}
