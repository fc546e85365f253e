//! The record of what really happened at the devices.

mod entry;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

pub use entry::{Answer, Entry, Stamp, Verdict};

use crate::answer::Planned;

/// Everything that arrived at the devices of a fleet, what they made of it, and what they answered.
///
/// It is a test's oracle, so by default it keeps every entry for as long as it lives: somewhat under a
/// kilobyte for a small command. [`FleetOptions::ledger_limit`](crate::FleetOptions::ledger_limit) bounds it to the newest entries.
/// Clones share one record.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
}

struct Shared {
    started: Instant,
    limit: Option<usize>,
    book: Mutex<Book>,
    /// Counts changes, so that a test can wait for one instead of sleeping.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Book {
    entries: VecDeque<Entry>,
    /// The number of the first entry that is still there.
    first: u64,
    by_message: HashMap<String, Vec<u64>>,
}

impl Ledger {
    /// All entries, in order.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.book().entries.iter().cloned().collect()
    }

    /// The entries of one message id, in order: more than one when it arrived more than once.
    #[must_use]
    pub fn by_message_id(&self, message_id: &str) -> Vec<Entry> {
        let book = self.book();
        let numbers = book.by_message.get(message_id);
        numbers.into_iter().flatten().filter_map(|&seq| book.get(seq).cloned()).collect()
    }

    /// How often a message id was executed.
    #[must_use]
    pub fn executions(&self, message_id: &str) -> usize {
        let entries = self.by_message_id(message_id);
        entries.iter().filter(|entry| entry.executed.is_some()).count()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.book().entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many entries were given up to stay within the limit.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.book().first
    }

    /// Waits until `done` says true of this ledger, at most for `at_most`. Returns whether it came to that.
    ///
    /// `done` is asked after every change, so it should be quick.
    pub async fn wait_for(&self, at_most: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let mut changes = self.shared.changes.subscribe();
        let wait = async {
            loop {
                changes.borrow_and_update();
                if done(self) {
                    return;
                }
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        let _elapsed = tokio::time::timeout(at_most, wait).await;
        done(self)
    }

    /// Writes every entry as one line of JSON.
    ///
    /// # Errors
    ///
    /// What `out` fails with.
    pub fn write_ndjson(&self, mut out: impl io::Write) -> io::Result<()> {
        for entry in self.entries() {
            serde_json::to_writer(&mut out, &entry)?;
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// An empty ledger that keeps at most `limit` entries.
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Self {
            shared: Arc::new(Shared {
                started: Instant::now(),
                limit,
                book: Mutex::default(),
                changes: watch::Sender::new(0),
            }),
        }
    }

    /// The stamp of `instant`, which is now or a moment ago.
    pub(crate) fn stamp(&self, instant: Instant) -> Stamp {
        let since = instant.saturating_duration_since(self.shared.started);
        let ago = i64::try_from(instant.elapsed().as_millis()).unwrap_or(0);
        Stamp { us: u64::try_from(since.as_micros()).unwrap_or(u64::MAX), epoch_ms: epoch_ms() - ago }
    }

    /// Adds an entry and returns the number it got.
    pub(crate) fn record(&self, mut entry: Entry) -> u64 {
        let mut book = self.book();
        let seq = book.first + book.entries.len() as u64;
        entry.seq = seq;
        if !entry.message_id.is_empty() {
            book.by_message.entry(entry.message_id.clone()).or_default().push(seq);
        }
        book.entries.push_back(entry);
        if self.shared.limit.is_some_and(|limit| book.entries.len() > limit) {
            book.forget_oldest();
        }
        drop(book);
        self.changed();
        seq
    }

    /// Notes that `answer` to entry `seq` was handed to the connection; returns its place among the answers.
    pub(crate) fn answered(&self, seq: u64, answer: &Planned) -> Option<usize> {
        let sent = self.stamp(Instant::now());
        let mut book = self.book();
        let entry = book.get_mut(seq)?;
        entry.answers.push(Answer {
            topic: answer.topic.clone(),
            payload: answer.payload.clone(),
            code: answer.code,
            data: answer.data.clone(),
            sent,
            attempts: 1,
            acknowledged: None,
        });
        let place = entry.answers.len() - 1;
        drop(book);
        self.changed();
        Some(place)
    }

    /// Changes the answer at `place` of entry `seq`, if it is still there.
    pub(crate) fn update_answer(&self, seq: u64, place: usize, change: impl FnOnce(&mut Answer)) {
        if let Some(answer) = self.book().get_mut(seq).and_then(|entry| entry.answers.get_mut(place)) {
            change(answer);
        }
        self.changed();
    }

    fn changed(&self) {
        self.shared.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing below panics half-way through a change, so a poisoned book is still a good one.
        self.shared.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let book = self.book();
        f.debug_struct("Ledger")
            .field("entries", &book.entries.len())
            .field("forgotten", &book.first)
            .finish_non_exhaustive()
    }
}

/// The machine's wall clock, in milliseconds since the Unix epoch.
pub(crate) fn epoch_ms() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
    }
}

impl Book {
    fn get(&self, seq: u64) -> Option<&Entry> {
        let index = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.entries.get(index)
    }

    fn get_mut(&mut self, seq: u64) -> Option<&mut Entry> {
        let index = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(index)
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.entries.pop_front() else {
            return;
        };
        self.first += 1;
        if let Some(numbers) = self.by_message.get_mut(&oldest.message_id) {
            numbers.retain(|&seq| seq != oldest.seq);
            if numbers.is_empty() {
                self.by_message.remove(&oldest.message_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Family;
    use crate::device_id::DeviceId;

    fn entry(ledger: &Ledger, message_id: &str) -> Entry {
        let now = ledger.stamp(Instant::now());
        Entry {
            seq: 0,
            device: DeviceId::new("pk", "dk"),
            message_id: message_id.to_owned(),
            family: Family::Write,
            target: "p".to_owned(),
            params: r#"{"p":1.0}"#.to_owned(),
            received: now,
            verdict: Verdict::Executed,
            executed: Some(now),
            behaviour: None,
            answers: Vec::new(),
        }
    }

    fn planned() -> Planned {
        Planned {
            after_ms: 0,
            topic: "t".to_owned(),
            payload: "{}".to_owned(),
            code: Some(200),
            data: None,
            insist: true,
        }
    }

    #[test]
    fn finds_by_message_id_and_forgets_the_oldest() {
        let ledger = Ledger::new(Some(2));
        for id in ["a", "b", "a"] {
            ledger.record(entry(&ledger, id));
        }
        assert_eq!((ledger.len(), ledger.forgotten()), (2, 1));
        assert_eq!(ledger.by_message_id("a").len(), 1);
        assert_eq!(ledger.by_message_id("a")[0].seq, 2);
        ledger.record(entry(&ledger, "c"));
        assert!(ledger.by_message_id("b").is_empty());
        // What is forgotten can no longer be answered, and that is no failure.
        assert_eq!(ledger.answered(0, &planned()), None);
        assert_eq!(ledger.answered(2, &planned()), Some(0));
        assert_eq!(ledger.by_message_id("a")[0].answers.len(), 1);
    }

    #[test]
    fn every_line_is_one_entry() {
        let ledger = Ledger::new(None);
        for id in ["a", "b"] {
            let seq = ledger.record(entry(&ledger, id));
            ledger.answered(seq, &planned());
        }
        let mut out = Vec::new();
        ledger.write_ndjson(&mut out).unwrap();
        let read: Vec<Entry> =
            String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, ledger.entries());
    }
}
