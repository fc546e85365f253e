//! A log in the memory of the process.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use setpoint::Now;

use crate::{
    AtomicWrite, AuditEntry, Entry, Retention, Retired, Store, StoreError, StoreErrorKind,
    codec::{self, Decoder, Frame},
};

/// Largest frame, in bytes: what a store on disk would choose, so that writes of several frames occur here too.
const MAX_FRAME_BYTES: usize = 60_000;
/// What its errors call it.
const NAME: &str = "the log in memory";

/// A log in the memory of the process. Its clones are the same log, each opened anew: one kept outside of a gateway
/// survives the gateway, not the process.
///
/// It keeps encoded frames, as a store on disk does: a replay decodes them, and retention drops them.
///
/// ```
/// use setpoint_store::{AtomicWrite, MemoryStore, Store, StoreErrorKind};
///
/// let log = MemoryStore::with_capacity(10);
/// let mut store = log.clone();
/// let error = store.append(&[AtomicWrite::default()]).unwrap_err();
/// assert_eq!(error.kind(), StoreErrorKind::Full);
/// let refused = store.append(&[]).unwrap_err();
/// assert_eq!(refused.kind(), StoreErrorKind::FailedBefore);
///
/// log.set_capacity(1_000);
/// log.clone().append(&[AtomicWrite::default()])?;
/// assert_eq!(log.frames().len(), 1);
/// # Ok::<(), setpoint_store::StoreError>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore {
    log: Arc<Mutex<Log>>,
    failed: Option<StoreError>,
}

#[derive(Debug, Default)]
struct Log {
    /// At consecutive positions.
    frames: VecDeque<Frame>,
    next: u64,
    retention: Retention,
    bytes: usize,
    capacity: Option<usize>,
}

impl Clone for MemoryStore {
    /// The same log, opened anew.
    fn clone(&self) -> Self {
        Self { log: Arc::clone(&self.log), failed: None }
    }
}

impl MemoryStore {
    /// An empty log. If it is retired now and then, its size is bounded by what is written while items are remembered.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty log with a capacity, in bytes of frames.
    pub fn with_capacity(bytes: usize) -> Self {
        let store = Self::new();
        store.set_capacity(bytes);
        store
    }

    /// Sets the capacity, in bytes of frames.
    pub fn set_capacity(&self, bytes: usize) {
        self.log().capacity = Some(bytes);
    }

    /// What the log keeps.
    ///
    /// ```
    /// # use setpoint_store::MemoryStore;
    /// assert!(MemoryStore::new().frames().is_empty());
    /// ```
    pub fn frames(&self) -> Vec<Frame> {
        self.log().frames.iter().cloned().collect()
    }

    /// Replaces everything that the log keeps: for tests with damaged frames, or with those of another version.
    ///
    /// ```
    /// use setpoint_store::{AtomicWrite, MemoryStore, Store, StoreErrorKind};
    ///
    /// let mut store = MemoryStore::new();
    /// store.append(&[AtomicWrite::default()])?;
    /// let mut frames = store.frames();
    /// frames[0].bytes[4] ^= 1;
    /// store.set_frames(frames);
    /// assert_eq!(store.replay(&mut |_| Ok(())).unwrap_err().kind(), StoreErrorKind::Damaged);
    /// # Ok::<(), setpoint_store::StoreError>(())
    /// ```
    pub fn set_frames(&self, frames: Vec<Frame>) {
        let mut log = self.log();
        log.next = frames.last().map_or(0, |frame| frame.position.saturating_add(1));
        log.bytes = frames.iter().map(|frame| frame.bytes.len()).sum();
        log.frames = frames.into();
        log.retention = Retention::new();
        // What cannot be read is refused by the replay.
        let _ = log.rebuild_retention();
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // Every change of the log is whole before anything can panic.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `change`, unless an earlier one failed.
    fn change<T>(&mut self, change: impl FnOnce(&mut Log) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if let Some(first) = &self.failed {
            return Err(StoreError::failed_before(first));
        }
        let outcome = change(&mut self.log());
        self.failed = outcome.as_ref().err().cloned();
        outcome
    }

    /// Gives each write to `each`. The log is locked only while the next frame is copied.
    fn writes(&self, mut each: impl FnMut(AtomicWrite) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut reader = Reader::default();
        loop {
            let frame = reader.next_frame(&self.log())?;
            match frame {
                None => return reader.finish(),
                Some(frame) => {
                    if let Some(write) = reader.decode(&frame)? {
                        each(write)?;
                    }
                }
            }
        }
    }
}

impl Store for MemoryStore {
    fn replay(&mut self, each: &mut dyn FnMut(Entry) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.writes(|write| write.entries.into_iter().try_for_each(&mut *each))
    }

    fn append(&mut self, writes: &[AtomicWrite]) -> Result<(), StoreError> {
        self.change(|log| writes.iter().try_for_each(|write| log.append(write)))
    }

    fn retire(&mut self, now: Now) -> Result<Retired, StoreError> {
        self.change(|log| log.retire(now))
    }

    fn audit(&mut self, each: &mut dyn FnMut(AuditEntry) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.writes(|write| write.audit.into_iter().try_for_each(&mut *each))
    }
}

impl Log {
    fn append(&mut self, write: &AtomicWrite) -> Result<(), StoreError> {
        self.keep(write, self.capacity.unwrap_or(usize::MAX))
    }

    fn keep(&mut self, write: &AtomicWrite, capacity: usize) -> Result<(), StoreError> {
        let frames =
            codec::encode(write, self.next, MAX_FRAME_BYTES).map_err(|error| StoreError::codec(NAME, error))?;
        let bytes: usize = frames.iter().map(|frame| frame.bytes.len()).sum();
        if self.bytes + bytes > capacity {
            let what = format!("{NAME} holds {} of {capacity} bytes, and {bytes} more do not fit", self.bytes);
            return Err(StoreError::new(StoreErrorKind::Full, what));
        }
        self.retention.note(self.next, write, bytes);
        self.next += frames.len() as u64;
        self.bytes += bytes;
        self.frames.extend(frames);
        Ok(())
    }

    fn retire(&mut self, now: Now) -> Result<Retired, StoreError> {
        let plan = self.retention.plan(now);
        let carry = plan.carry(|position| self.read(position))?;
        let carried = carry.as_ref().map_or(0, |write| write.len() as u64);
        // Over the capacity too: it makes room.
        carry.iter().try_for_each(|write| self.keep(write, usize::MAX))?;
        let dropped = self.frames.iter().take_while(|frame| frame.position < plan.drop_below()).count();
        self.bytes -= self.frames.drain(..dropped).map(|frame| frame.bytes.len()).sum::<usize>();
        self.retention.dropped(plan.drop_below());
        Ok(Retired { writes: plan.writes(), carried, clock_step_ms: self.retention.clock_step_ms() })
    }

    /// The write whose first frame is at `position`.
    fn read(&self, position: u64) -> Result<AtomicWrite, StoreError> {
        let mut reader = Reader { next: Some(position), ..Reader::default() };
        while let Some(frame) = reader.next_frame(self)? {
            if let Some(write) = reader.decode(&frame)? {
                return Ok(write);
            }
        }
        Err(StoreError::new(StoreErrorKind::Damaged, format!("{NAME} has no whole write here")).at(position))
    }

    fn rebuild_retention(&mut self) -> Result<(), StoreError> {
        let mut reader = Reader::default();
        let (mut first, mut bytes) = (None, 0);
        while let Some(frame) = reader.next_frame(self)? {
            let first_of_write = *first.get_or_insert(frame.position);
            bytes += frame.bytes.len();
            if let Some(write) = reader.decode(&frame)? {
                self.retention.note(first_of_write, &write, bytes);
                (first, bytes) = (None, 0);
            }
        }
        Ok(())
    }
}

/// Reads frames in order, and refuses a gap.
#[derive(Debug, Default)]
struct Reader {
    decoder: Decoder,
    next: Option<u64>,
}

impl Reader {
    fn next_frame(&mut self, log: &Log) -> Result<Option<Frame>, StoreError> {
        let Some(front) = log.frames.front() else { return Ok(None) };
        let next = *self.next.get_or_insert(front.position);
        let Some(at) = next.checked_sub(front.position) else {
            let what = format!("{NAME} was changed by a second owner while it was read");
            return Err(StoreError::new(StoreErrorKind::InUse, what).at(next));
        };
        let Some(frame) = usize::try_from(at).ok().and_then(|at| log.frames.get(at)) else { return Ok(None) };
        if frame.position != next {
            let what = format!("{NAME} goes on at {} where {next} should follow", frame.position);
            return Err(StoreError::new(StoreErrorKind::Damaged, what).at(next));
        }
        self.next = Some(next.saturating_add(1));
        Ok(Some(frame.clone()))
    }

    fn decode(&mut self, frame: &Frame) -> Result<Option<AtomicWrite>, StoreError> {
        self.decoder.frame(frame.position, &frame.bytes).map_err(|error| StoreError::codec(NAME, error))
    }

    fn finish(&self) -> Result<(), StoreError> {
        self.decoder.finish().map_err(|error| StoreError::codec(NAME, error))
    }
}
