//! Group commit: what queues up while the store is busy is brought to it together.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use setpoint::responder::WriteId;
use setpoint_store::{AtomicWrite, Store, StoreError, StoreErrorKind};
use tokio::sync::oneshot;

use crate::{error::panic_message, telemetry::StoreMetrics};

/// Most writes in one commit: bounds how long the first of them waits for the last.
const MAX_GROUP: usize = 1_024;
/// How often the store is asked to drop what nobody needs any more.
const RETIRE_EVERY: Duration = Duration::from_secs(10);

/// A write on its way to the store, and who waits for it.
#[derive(Debug)]
pub(crate) struct QueuedWrite {
    pub(crate) content: AtomicWrite,
    pub(crate) confirm: Confirm,
}

/// Who waits for a write.
#[derive(Debug)]
pub(crate) enum Confirm {
    /// The engine.
    Engine(WriteId),
    /// A caller, by a channel that is dropped if the write fails.
    Caller(oneshot::Sender<()>),
}

/// The way to the store. Writes are committed in the order in which they are sent.
///
/// The queue needs no bound of its own: every write belongs to a batch that waits for it, or to an item in flight.
#[derive(Debug)]
pub(crate) struct StoreWriter {
    writes: Option<Sender<QueuedWrite>>,
    thread: Option<JoinHandle<()>>,
}

impl StoreWriter {
    /// Starts the thread. `report` hears of each commit: the last of the engine's writes in it, or why it failed.
    /// After a failure the thread ends.
    pub(crate) fn start(
        store: impl Store,
        metrics: StoreMetrics,
        report: impl Fn(Result<WriteId, StoreError>) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (mut writer, committer) = Self::with_committer(store, metrics, report);
        let thread = std::thread::Builder::new().name("setpoint-store".to_owned()).spawn(move || committer.run())?;
        writer.thread = Some(thread);
        Ok(writer)
    }

    /// The way to the store, and what has to run for its writes to get there.
    pub(crate) fn with_committer<S, R>(store: S, metrics: StoreMetrics, report: R) -> (Self, Committer<S, R>)
    where
        S: Store,
        R: Fn(Result<WriteId, StoreError>),
    {
        let (sender, writes) = channel();
        let committer = Committer {
            store,
            writes,
            metrics,
            report,
            group: Vec::new(),
            confirms: Vec::new(),
            retirement: Retirement { every: RETIRE_EVERY, last: Instant::now(), more: false, clock_stepped: false },
        };
        (Self { writes: Some(sender), thread: None }, committer)
    }

    /// Queues a write. After a failure it goes nowhere: the failure was reported.
    pub(crate) fn send(&self, write: QueuedWrite) {
        if let Some(writes) = &self.writes {
            let _ = writes.send(write);
        }
    }
}

impl Drop for StoreWriter {
    /// Commits what is queued, then ends the thread.
    fn drop(&mut self) {
        self.writes = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the store was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// Brings writes to the store, group by group.
pub(crate) struct Committer<S, R> {
    store: S,
    writes: Receiver<QueuedWrite>,
    metrics: StoreMetrics,
    report: R,
    group: Vec<AtomicWrite>,
    confirms: Vec<Confirm>,
    retirement: Retirement,
}

/// When the store is asked next to drop what nobody needs any more.
struct Retirement {
    every: Duration,
    last: Instant,
    /// The last time something was dropped, so there may be more.
    more: bool,
    /// The last time the store did not believe the wall clock.
    clock_stepped: bool,
}

impl<S: Store, R: Fn(Result<WriteId, StoreError>)> Committer<S, R> {
    /// Until the last writer is gone, or the store fails.
    fn run(mut self) {
        loop {
            let wait = if self.retirement.more { Duration::ZERO } else { self.retirement.due_in() };
            let works = match self.writes.recv_timeout(wait) {
                Ok(first) => {
                    self.gather(first);
                    // Writes that come without a pause do not keep the store from dropping.
                    self.commit() && (!self.retirement.due_in().is_zero() || self.retire())
                }
                Err(RecvTimeoutError::Timeout) => self.retire(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if !works {
                return;
            }
        }
    }

    /// Takes what waits into one group.
    fn gather(&mut self, first: QueuedWrite) {
        let mut write = Some(first);
        while let Some(QueuedWrite { content, confirm }) = write {
            self.group.push(content);
            self.confirms.push(confirm);
            write = if self.group.len() < MAX_GROUP { self.writes.try_recv().ok() } else { None };
        }
    }

    /// Commits the group, and says so to everyone who waits for it; `false` if the store failed.
    pub(crate) fn commit(&mut self) -> bool {
        let started = Instant::now();
        let (store, group) = (&mut self.store, &self.group);
        if let Err(error) = no_panic(|| store.append(group)) {
            // Dropping the callers' confirmations tells them.
            (self.report)(Err(error));
            return false;
        }
        self.metrics.committed(self.group.len(), started.elapsed());
        self.group.clear();
        let mut last = None;
        for confirm in self.confirms.drain(..) {
            match confirm {
                Confirm::Engine(write) => last = Some(write),
                // A caller that went away does not need to know.
                Confirm::Caller(caller) => drop(caller.send(())),
            }
        }
        if let Some(last) = last {
            (self.report)(Ok(last));
        }
        true
    }

    /// Has the store drop what nobody needs any more, a bounded piece of it; `false` if the store failed.
    fn retire(&mut self) -> bool {
        let store = &mut self.store;
        let retired = match no_panic(|| store.retire(setpoint_clock::now())) {
            Ok(retired) => retired,
            Err(error) => {
                (self.report)(Err(error));
                return false;
            }
        };
        self.retirement.last = Instant::now();
        self.retirement.more = retired.writes > 0;
        match retired.clock_step_ms {
            Some(step_ms) if !self.retirement.clock_stepped => {
                tracing::warn!(step_ms, "the wall clock was set: nothing is dropped from the store by it for now");
            }
            _ => {}
        }
        self.retirement.clock_stepped = retired.clock_step_ms.is_some();
        true
    }
}

impl Retirement {
    fn due_in(&self) -> Duration {
        self.every.saturating_sub(self.last.elapsed())
    }
}

/// A panic of the store is a failure of it: nothing is known of what it holds.
fn no_panic<T>(call: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let what = format!("the store panicked: {}", panic_message(&*panic));
        Err(StoreError::new(StoreErrorKind::Failed, what))
    })
}

#[cfg(test)]
impl<S: Store, R: Fn(Result<WriteId, StoreError>)> Committer<S, R> {
    /// Gathers what waits, without waiting for it. `None` when the last writer is gone.
    pub(crate) fn gather_waiting(&mut self) -> Option<bool> {
        match self.writes.try_recv() {
            Ok(first) => self.gather(first),
            Err(std::sync::mpsc::TryRecvError::Empty) => return Some(false),
            Err(std::sync::mpsc::TryRecvError::Disconnected) => return None,
        }
        Some(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, SyncSender};

    use setpoint::Now;
    use setpoint_store::{AuditEntry, ChannelRecord, Entry, Retired};

    use super::*;

    /// What a store is asked for.
    #[derive(Debug, PartialEq, Eq)]
    enum Call {
        /// The number of entries in each write.
        Append(Vec<usize>),
        Retire,
    }

    /// A store that says what it is asked for, and waits for a permit before it does it.
    struct Permitted {
        permits: Receiver<Result<Retired, StoreError>>,
        calls: SyncSender<Call>,
    }

    impl Store for Permitted {
        fn replay(&mut self, _: &mut dyn FnMut(Entry) -> Result<(), StoreError>) -> Result<(), StoreError> {
            Ok(())
        }

        fn append(&mut self, writes: &[AtomicWrite]) -> Result<(), StoreError> {
            self.calls.send(Call::Append(writes.iter().map(AtomicWrite::len).collect())).unwrap();
            self.permits.recv().unwrap().map(drop)
        }

        fn retire(&mut self, _: Now) -> Result<Retired, StoreError> {
            self.calls.send(Call::Retire).unwrap();
            self.permits.recv().unwrap()
        }

        fn audit(&mut self, _: &mut dyn FnMut(AuditEntry) -> Result<(), StoreError>) -> Result<(), StoreError> {
            Ok(())
        }
    }

    fn write(entries: usize, confirm: Confirm) -> QueuedWrite {
        let record = ChannelRecord::Deleted { org_id: "o".into(), channel_id: "c".into() };
        QueuedWrite { content: vec![Entry::Channel(record); entries].into(), confirm }
    }

    fn failure() -> StoreError {
        StoreError::new(StoreErrorKind::Failed, "disk full")
    }

    type Permits = mpsc::Sender<Result<Retired, StoreError>>;
    type Reports = Receiver<Result<WriteId, StoreError>>;

    /// A writer whose store is asked to drop something so often.
    fn start(retire_every: Duration) -> (StoreWriter, Permits, Receiver<Call>, Reports) {
        let (permit, permits) = mpsc::channel();
        let (called, calls) = mpsc::sync_channel(16);
        let (report, reports) = mpsc::channel();
        let store = Permitted { permits, calls: called };
        let (mut writer, mut committer) = StoreWriter::with_committer(store, StoreMetrics::default(), move |outcome| {
            report.send(outcome).unwrap();
        });
        committer.retirement.every = retire_every;
        writer.thread = Some(std::thread::spawn(move || committer.run()));
        (writer, permit, calls, reports)
    }

    #[test]
    fn what_queues_up_during_a_commit_is_committed_together_and_confirmed_by_its_last() {
        let (writer, permit, calls, reports) = start(Duration::MAX);
        let (caller, mut answer) = oneshot::channel();
        writer.send(write(1, Confirm::Engine(WriteId(1))));
        assert_eq!(calls.recv().unwrap(), Call::Append(vec![1]));
        writer.send(write(2, Confirm::Engine(WriteId(2))));
        writer.send(write(1, Confirm::Caller(caller)));
        writer.send(write(3, Confirm::Engine(WriteId(3))));
        permit.send(Ok(Retired::default())).unwrap();
        assert_eq!(reports.recv().unwrap().unwrap(), WriteId(1));
        assert_eq!(calls.recv().unwrap(), Call::Append(vec![2, 1, 3]));
        assert!(answer.try_recv().is_err(), "nothing is confirmed before it is kept");
        permit.send(Ok(Retired::default())).unwrap();
        assert_eq!(reports.recv().unwrap().unwrap(), WriteId(3));
        assert_eq!(answer.blocking_recv(), Ok(()));
        drop(writer);
        assert!(reports.recv().is_err());
    }

    #[test]
    fn a_failure_is_reported_once_and_nothing_is_tried_again() {
        let (writer, permit, calls, reports) = start(Duration::MAX);
        let (caller, answer) = oneshot::channel();
        writer.send(write(1, Confirm::Caller(caller)));
        permit.send(Err(failure())).unwrap();
        assert_eq!(calls.recv().unwrap(), Call::Append(vec![1]));
        assert_eq!(reports.recv().unwrap().unwrap_err().to_string(), "disk full");
        assert!(answer.blocking_recv().is_err());
        writer.send(write(1, Confirm::Engine(WriteId(9))));
        drop(writer);
        assert!(calls.recv().is_err());
        assert!(reports.recv().is_err());
    }

    #[test]
    fn a_panic_of_the_store_is_a_failure_that_says_so() {
        let (writer, permit, calls, reports) = start(Duration::MAX);
        // The store unwraps what it receives.
        drop(permit);
        writer.send(write(1, Confirm::Engine(WriteId(1))));
        assert_eq!(calls.recv().unwrap(), Call::Append(vec![1]));
        let error = reports.recv().unwrap().unwrap_err().to_string();
        assert!(error.starts_with("the store panicked: "), "{error}");
    }

    #[test]
    fn the_store_is_asked_to_drop_what_is_no_longer_needed_until_there_is_nothing_left_and_writes_go_first() {
        let (writer, permit, calls, reports) = start(Duration::ZERO);
        assert_eq!(calls.recv().unwrap(), Call::Retire, "also when nothing is written");
        writer.send(write(1, Confirm::Engine(WriteId(1))));
        let mut dropped = Retired::default();
        dropped.writes = 7;
        permit.send(Ok(dropped)).unwrap();
        assert_eq!(calls.recv().unwrap(), Call::Append(vec![1]));
        permit.send(Ok(Retired::default())).unwrap();
        assert_eq!(reports.recv().unwrap().unwrap(), WriteId(1));
        assert_eq!(calls.recv().unwrap(), Call::Retire);
        permit.send(Err(failure())).unwrap();
        assert_eq!(reports.recv().unwrap().unwrap_err().to_string(), "disk full");
        assert!(calls.recv().is_err(), "after a failure the thread ends");
        drop(writer);
    }
}
