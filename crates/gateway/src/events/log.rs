//! A channel's log: a bounded ring of messages, ready to be sent.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use tokio::sync::watch;

use crate::config::EventsConfig;

/// Opens logs, and knows what they share.
#[derive(Debug, Clone)]
pub(crate) struct Logs {
    /// Distinguishes this run's event ids from those of every other run.
    run: Arc<str>,
    messages: usize,
    bytes: usize,
    bytes_in_all: usize,
    used: Arc<AtomicUsize>,
}

impl Logs {
    pub(crate) fn new(run: Arc<str>, config: &EventsConfig) -> Self {
        Self {
            run,
            messages: config.retained_messages,
            bytes: config.retained_bytes,
            bytes_in_all: config.retained_bytes_in_all,
            used: Arc::default(),
        }
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self::new("run".into(), &EventsConfig::default())
    }

    /// An empty log.
    pub(crate) fn open(&self) -> Arc<ChannelLog> {
        Arc::new(ChannelLog { shared: self.clone(), ring: Mutex::default(), changed: watch::Sender::new(0) })
    }
}

/// A channel's last messages, each with the event id from which a reader resumes.
#[derive(Debug)]
pub(crate) struct ChannelLog {
    shared: Logs,
    ring: Mutex<Ring>,
    /// Counts changes, so that readers wake up.
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    /// The last message has this number; 0 before the first.
    last: u64,
    frames: VecDeque<Bytes>,
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
    /// Frames to send, and the number of the last.
    Frames(Vec<Bytes>, u64),
    /// Nothing new.
    Nothing,
    /// The next one is no longer kept: the reader was too slow.
    Lost,
    /// The channel is gone.
    Closed,
}

impl ChannelLog {
    /// Appends a channel message.
    pub(crate) fn append(&self, message: &[u8]) {
        let mut ring = self.ring();
        ring.last += 1;
        let frame = self.frame(ring.last, message);
        let size = frame.len();
        ring.bytes += size;
        ring.frames.push_back(frame);
        let mut in_all = self.shared.used.fetch_add(size, Ordering::Relaxed) + size;
        // The newest stays, however large: a live reader must get it.
        while ring.frames.len() > 1
            && (ring.frames.len() > self.shared.messages
                || ring.bytes > self.shared.bytes
                || in_all > self.shared.bytes_in_all)
        {
            let Some(oldest) = ring.frames.pop_front() else { break };
            ring.bytes -= oldest.len();
            in_all = self.shared.used.fetch_sub(oldest.len(), Ordering::Relaxed) - oldest.len();
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
        let frames: Vec<Bytes> = ring.frames.iter().skip(skip).take(most).cloned().collect();
        let last = number + frames.len() as u64;
        Found::Frames(frames, last)
    }

    /// One event: its id, and the message on one line. A line break can only stand between the tokens of JSON,
    /// where a space says the same.
    fn frame(&self, number: u64, message: &[u8]) -> Bytes {
        let head = format!("id: {}\ndata: ", self.event_id(number));
        let mut frame = Vec::with_capacity(head.len() + message.len() + 2);
        frame.extend_from_slice(head.as_bytes());
        frame.extend(message.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
        frame.extend_from_slice(b"\n\n");
        frame.into()
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // No code that holds the lock can panic half-way through a change.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ChannelLog {
    fn drop(&mut self) {
        let bytes = self.ring().bytes;
        self.shared.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Ring {
    /// Messages up to this number are no longer kept.
    fn evicted(&self) -> u64 {
        self.last - self.frames.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(messages: usize, bytes: usize, bytes_in_all: usize) -> Logs {
        let config = EventsConfig {
            retained_messages: messages,
            retained_bytes: bytes,
            retained_bytes_in_all: bytes_in_all,
            ..EventsConfig::default()
        };
        Logs::new("r7".into(), &config)
    }

    fn position(after: u64) -> Position {
        Position { after, gap: None }
    }

    #[test]
    fn a_reader_without_an_id_gets_what_is_to_come_and_one_with_an_id_what_it_missed() {
        let log = logs(10, 1 << 20, 1 << 20).open();
        log.append(b"{\"data\":[1]}");
        log.append(b"{\"data\":[2]}");
        assert_eq!(log.resume(None), position(2));
        assert_eq!(log.after(2, 10), Found::Nothing);
        assert_eq!(log.resume(Some("r7-1")), position(1));
        let Found::Frames(frames, last) = log.after(1, 10) else { panic!("there is one") };
        assert_eq!((frames, last), (vec![Bytes::from_static(b"id: r7-2\ndata: {\"data\":[2]}\n\n")], 2));
        assert!(matches!(log.after(0, 1), Found::Frames(frames, 1) if frames.len() == 1));
    }

    #[test]
    fn an_id_that_cannot_be_resumed_from_says_so_and_starts_with_the_oldest() {
        let log = logs(2, 1 << 20, 1 << 20).open();
        for _ in 0..5 {
            log.append(b"{}");
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
        let log = logs(100, 100, 1 << 20).open();
        for _ in 0..10 {
            log.append(&[b'x'; 30]);
        }
        let kept = log.ring().frames.len();
        assert!(kept == 2, "{kept} frames of about 45 bytes");
        log.append(&[b'x'; 1_000]);
        assert_eq!(log.ring().frames.len(), 1);
        assert!(matches!(log.after(10, 10), Found::Frames(_, 11)));
    }

    #[test]
    fn all_logs_together_are_bounded_and_a_dropped_one_gives_its_share_back() {
        let logs = logs(100, 1 << 20, 200);
        let (one, two) = (logs.open(), logs.open());
        for _ in 0..4 {
            one.append(&[b'x'; 30]);
        }
        for _ in 0..4 {
            two.append(&[b'x'; 30]);
        }
        assert!(logs.used.load(Ordering::Relaxed) <= 300, "the bound, and a message a log");
        assert_eq!(two.ring().frames.len(), 1);
        drop((one, two));
        assert_eq!(logs.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn line_breaks_of_the_payload_do_not_end_the_event() {
        let log = Logs::for_tests().open();
        log.append(b"{\"data\":\r\n[\n]}");
        let Found::Frames(frames, _) = log.after(0, 1) else { panic!("there is one") };
        assert_eq!(frames[0], b"id: run-1\ndata: {\"data\":  [ ]}\n\n"[..]);
    }

    #[test]
    fn a_closed_log_is_read_to_its_end() {
        let log = Logs::for_tests().open();
        log.append(b"{}");
        log.close();
        assert!(matches!(log.after(0, 1), Found::Frames(_, 1)));
        assert_eq!(log.after(1, 1), Found::Closed);
    }
}
