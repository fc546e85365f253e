//! Records what really happened at the devices.

mod entry;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use setpoint_clock::epoch_ms;
use tokio::sync::watch;

pub use entry::{Answer, Disposition, Entry, Stamp};

use crate::answer::PlannedAnswer;

/// Every message that arrived at the devices of a fleet, what they did with it, and what they answered.
///
/// It is a test oracle, so by default it keeps every entry: a little less than a kilobyte for a small command.
/// [`FleetOptions::ledger_limit`](crate::FleetOptions::ledger_limit) keeps only the newest entries. Clones share the
/// entries.
///
/// ```no_run
/// # async fn run(fleet: setpoint_devices::Fleet) -> std::io::Result<()> {
/// use std::time::Duration;
///
/// let arrived = fleet.ledger().wait_for(Duration::from_secs(5), |ledger| ledger.executions("m1") == 1).await;
/// assert!(arrived);
/// fleet.ledger().write_ndjson(std::io::stdout())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
}

struct Shared {
    started: Instant,
    limit: Option<NonZeroUsize>,
    entries: Mutex<Entries>,
    /// Counts changes, so that tests can wait for one.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Entries {
    kept: VecDeque<Entry>,
    /// The number of the first entry that is kept.
    first: u64,
    /// The numbers of the kept entries of each message id.
    by_message: HashMap<String, Vec<u64>>,
}

impl Ledger {
    /// All entries, in order.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().kept.iter().cloned().collect()
    }

    /// The entries of one message id, in order: more than one when it arrived more than once.
    #[must_use]
    pub fn by_message_id(&self, message_id: &str) -> Vec<Entry> {
        let entries = self.lock();
        let numbers = entries.by_message.get(message_id);
        numbers.into_iter().flatten().filter_map(|&seq| entries.get(seq).cloned()).collect()
    }

    /// How many times a message id was executed.
    #[must_use]
    pub fn executions(&self, message_id: &str) -> usize {
        let entries = self.by_message_id(message_id);
        entries.iter().filter(|entry| entry.executed.is_some()).count()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().kept.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many entries were dropped to stay within the limit.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.lock().first
    }

    /// Waits until `done` is true of this ledger, for `at_most`. Returns whether it is.
    ///
    /// `done` is called after every change, so it should be quick.
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
    /// `out` cannot be written.
    pub fn write_ndjson(&self, mut out: impl io::Write) -> io::Result<()> {
        for entry in self.entries() {
            serde_json::to_writer(&mut out, &entry)?;
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// An empty ledger that keeps at most `limit` entries.
    pub(crate) fn new(limit: Option<NonZeroUsize>) -> Self {
        Self {
            shared: Arc::new(Shared {
                started: Instant::now(),
                limit,
                entries: Mutex::default(),
                changes: watch::Sender::new(0),
            }),
        }
    }

    /// `instant` on both clocks. It must not be in the future.
    pub(crate) fn stamp(&self, instant: Instant) -> Stamp {
        let since = instant.saturating_duration_since(self.shared.started);
        let ago = i64::try_from(instant.elapsed().as_millis()).unwrap_or(0);
        Stamp { us: u64::try_from(since.as_micros()).unwrap_or(u64::MAX), epoch_ms: epoch_ms() - ago }
    }

    /// Adds an entry and returns its number.
    pub(crate) fn record(&self, mut entry: Entry) -> u64 {
        let mut entries = self.lock();
        let seq = entries.first + entries.kept.len() as u64;
        entry.seq = seq;
        if !entry.message_id.is_empty() {
            entries.by_message.entry(entry.message_id.clone()).or_default().push(seq);
        }
        entries.kept.push_back(entry);
        if self.shared.limit.is_some_and(|limit| entries.kept.len() > limit.get()) {
            entries.drop_oldest();
        }
        drop(entries);
        self.notify();
        seq
    }

    /// Records that `answer` to entry `seq` was handed to the connection; returns its index among the answers, or `None`
    /// if the entry was dropped.
    pub(crate) fn answered(&self, seq: u64, answer: &PlannedAnswer) -> Option<usize> {
        let sent = self.stamp(Instant::now());
        let mut entries = self.lock();
        let entry = entries.get_mut(seq)?;
        entry.answers.push(Answer {
            topic: answer.topic.clone(),
            payload: answer.payload.clone(),
            code: answer.code,
            data: answer.data.clone(),
            sent,
            attempts: 1,
            acknowledged: None,
        });
        let index = entry.answers.len() - 1;
        drop(entries);
        self.notify();
        Some(index)
    }

    /// Changes the answer at `index` of entry `seq`, if the entry is kept.
    pub(crate) fn update_answer(&self, seq: u64, index: usize, change: impl FnOnce(&mut Answer)) {
        if let Some(answer) = self.lock().get_mut(seq).and_then(|entry| entry.answers.get_mut(index)) {
            change(answer);
        }
        self.notify();
    }

    /// Wakes those who wait for a change.
    fn notify(&self) {
        self.shared.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // No change can panic before it is complete, so the entries are consistent even if the lock is poisoned.
        self.shared.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.lock();
        f.debug_struct("Ledger")
            .field("entries", &entries.kept.len())
            .field("forgotten", &entries.first)
            .finish_non_exhaustive()
    }
}

impl Entries {
    fn get(&self, seq: u64) -> Option<&Entry> {
        let index = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.kept.get(index)
    }

    fn get_mut(&mut self, seq: u64) -> Option<&mut Entry> {
        let index = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.kept.get_mut(index)
    }

    fn drop_oldest(&mut self) {
        let Some(oldest) = self.kept.pop_front() else {
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
            disposition: Disposition::Executed,
            executed: Some(now),
            behaviour: None,
            answers: Vec::new(),
        }
    }

    fn planned() -> PlannedAnswer {
        PlannedAnswer {
            after_ms: 0,
            topic: "t".to_owned(),
            payload: "{}".to_owned(),
            code: Some(200),
            data: None,
            retransmit: true,
        }
    }

    #[test]
    fn entries_are_found_by_message_id_and_the_oldest_is_dropped_at_the_limit() {
        let ledger = Ledger::new(NonZeroUsize::new(2));
        for id in ["a", "b", "a"] {
            ledger.record(entry(&ledger, id));
        }
        assert_eq!((ledger.len(), ledger.forgotten()), (2, 1));
        assert_eq!(ledger.by_message_id("a").len(), 1);
        assert_eq!(ledger.by_message_id("a")[0].seq, 2);
        ledger.record(entry(&ledger, "c"));
        assert!(ledger.by_message_id("b").is_empty());
        // An answer to a dropped entry is not recorded.
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
