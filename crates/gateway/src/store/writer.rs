//! The thread that owns the store, and commits in groups.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, Sender, channel},
    thread::JoinHandle,
    time::Instant,
};

use setpoint::responder::WriteId;
use tokio::sync::oneshot;

use super::{Store, StoreEntry};
use crate::{error::StoreError, telemetry::StoreMetrics};

/// Most writes in one commit: bounds how long the first of them waits for the last.
const MAX_GROUP: usize = 1_024;

/// Entries that are kept together or not at all.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) entries: Vec<StoreEntry>,
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
    writes: Option<Sender<Write>>,
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
        let committer = Committer { store, writes, metrics, report, groups: Vec::new(), confirms: Vec::new() };
        (Self { writes: Some(sender), thread: None }, committer)
    }

    /// Queues a write. After a failure it goes nowhere: the failure was reported.
    pub(crate) fn send(&self, write: Write) {
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
    writes: Receiver<Write>,
    metrics: StoreMetrics,
    report: R,
    groups: Vec<Vec<StoreEntry>>,
    confirms: Vec<Confirm>,
}

impl<S: Store, R: Fn(Result<WriteId, StoreError>)> Committer<S, R> {
    /// Until the last writer is gone, or the store fails.
    fn run(mut self) {
        while let Ok(first) = self.writes.recv() {
            self.gather(first);
            if !self.commit() {
                return;
            }
        }
    }

    /// Takes what waits into one group.
    fn gather(&mut self, first: Write) {
        let mut write = Some(first);
        while let Some(Write { entries, confirm }) = write {
            self.groups.push(entries);
            self.confirms.push(confirm);
            write = if self.groups.len() < MAX_GROUP { self.writes.try_recv().ok() } else { None };
        }
    }

    /// Commits the group, and says so to everyone who waits for it; `false` if the store failed.
    pub(crate) fn commit(&mut self) -> bool {
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| self.store.append(&self.groups)))
            .unwrap_or_else(|_| Err(StoreError::new("it panicked")));
        if let Err(error) = outcome {
            // Dropping the callers' confirmations tells them.
            (self.report)(Err(error));
            return false;
        }
        self.metrics.committed(self.groups.len(), started.elapsed());
        self.groups.clear();
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

    use super::*;
    use crate::store::ChannelRecord;

    /// A store that waits for a permit before each commit and says what it committed.
    struct Gated {
        permits: Receiver<Result<(), StoreError>>,
        committed: SyncSender<Vec<usize>>,
    }

    impl Store for Gated {
        fn load(&mut self) -> Result<Vec<StoreEntry>, StoreError> {
            Ok(Vec::new())
        }
        fn append(&mut self, writes: &[Vec<StoreEntry>]) -> Result<(), StoreError> {
            self.committed.send(writes.iter().map(Vec::len).collect()).unwrap();
            self.permits.recv().unwrap()
        }
    }

    fn entries(count: usize) -> Vec<StoreEntry> {
        let record = ChannelRecord::Deleted { org_id: "o".into(), channel_id: "c".into() };
        vec![StoreEntry::Channel(record); count]
    }

    type Permit = mpsc::Sender<Result<(), StoreError>>;
    type Reports = Receiver<Result<WriteId, StoreError>>;

    fn start() -> (StoreWriter, Permit, Receiver<Vec<usize>>, Reports) {
        let (permit, permits) = mpsc::channel();
        let (committed, commits) = mpsc::sync_channel(16);
        let (report, reports) = mpsc::channel();
        let writer = StoreWriter::start(Gated { permits, committed }, StoreMetrics::default(), move |outcome| {
            report.send(outcome).unwrap();
        });
        (writer.unwrap(), permit, commits, reports)
    }

    #[test]
    fn what_queues_up_during_a_commit_is_committed_together_and_confirmed_by_its_last() {
        let (writer, permit, commits, reports) = start();
        let (caller, mut answer) = oneshot::channel();
        writer.send(Write { entries: entries(1), confirm: Confirm::Engine(WriteId(1)) });
        assert_eq!(commits.recv().unwrap(), [1]);
        writer.send(Write { entries: entries(2), confirm: Confirm::Engine(WriteId(2)) });
        writer.send(Write { entries: entries(1), confirm: Confirm::Caller(caller) });
        writer.send(Write { entries: entries(3), confirm: Confirm::Engine(WriteId(3)) });
        permit.send(Ok(())).unwrap();
        assert_eq!(reports.recv().unwrap(), Ok(WriteId(1)));
        assert_eq!(commits.recv().unwrap(), [2, 1, 3]);
        assert!(answer.try_recv().is_err(), "nothing is confirmed before it is kept");
        permit.send(Ok(())).unwrap();
        assert_eq!(reports.recv().unwrap(), Ok(WriteId(3)));
        assert_eq!(answer.blocking_recv(), Ok(()));
        drop(writer);
        assert!(reports.recv().is_err());
    }

    #[test]
    fn a_failure_is_reported_once_and_nothing_is_tried_again() {
        let (writer, permit, commits, reports) = start();
        let (caller, answer) = oneshot::channel();
        writer.send(Write { entries: entries(1), confirm: Confirm::Caller(caller) });
        permit.send(Err(StoreError::new("disk full"))).unwrap();
        assert_eq!(commits.recv().unwrap(), [1]);
        assert_eq!(reports.recv().unwrap(), Err(StoreError::new("disk full")));
        assert!(answer.blocking_recv().is_err());
        writer.send(Write { entries: entries(1), confirm: Confirm::Engine(WriteId(9)) });
        drop(writer);
        assert!(commits.recv().is_err());
        assert!(reports.recv().is_err());
    }
}
