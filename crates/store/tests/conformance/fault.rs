//! A store in memory with one fault.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use setpoint::{MessageId, Now, responder::Record};
use setpoint_store::{
    AtomicWrite, AuditEntry, Entry, MemoryStore, Retention, Retired, Store, StoreError, StoreErrorKind,
    codec::{Decoder, encode},
};

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Gives an entry although nothing was appended.
    InventsOne,
    /// Leaves out every seventh entry.
    SkipsEntries,
    /// Two entries of each replay change places.
    Reorders,
    /// Gives the last entry twice.
    RepeatsLast,
    /// Gives nothing at the second replay.
    ReplaysOnce,
    /// Keeps the first 2,000 writes.
    ForgetsMany,
    /// Keeps the first 500 entries of a write.
    CutsBigWrites,
    /// Keeps no audit.
    LosesAudit,
    /// Gives the audit from its end.
    ReversesAudit,
    /// Goes on after the reader took no more.
    IgnoresReader,
    /// Says that the reader took no more, and not why.
    LosesSource,
    /// Writes an append only when it is closed, or asked for more.
    SyncsLate,
    /// Of the write that does not fit any more, keeps the first half.
    HalfWrites,
    /// Says that all is well when an append failed.
    HidesFailure,
    /// Takes further appends after one that failed.
    GoesOn,
    /// Leaves out frames that it cannot read.
    SkipsDamaged,
    /// Gives what it can read of a damaged log and stops there, as if it were the end.
    StopsAtDamage,
    /// Leaves out frames of another version.
    SkipsUnknown,
    /// Refuses another version as if it were damage.
    CallsUnknownDamaged,
    /// Does not notice that a frame is missing.
    IgnoresGaps,
    /// Drops whatever is old, also what is open.
    DropsOpen,
    /// Drops what has ended, before its window has passed.
    DropsInWindow,
    /// Drops nothing.
    NeverDrops,
    /// Waits for the oldest item, however long it stays open.
    LetsOnePinAll,
    /// Carries the acceptance of an item forward, and not its final.
    CarriesHalf,
    /// Does so from the fourth time on.
    CarriesHalfLater,
    /// Drops by whatever the wall clock says.
    BelievesClock,
}

#[derive(Debug)]
pub(crate) struct Faulty {
    pub(crate) inner: MemoryStore,
    fault: Fault,
    replays: u64,
    unsynced: Vec<AtomicWrite>,
    counts: Arc<Counts>,
}

/// In all lives of a store.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    appended: AtomicU64,
    carries: AtomicU64,
}

impl Faulty {
    pub(crate) fn new(inner: MemoryStore, fault: Fault, counts: Arc<Counts>) -> Self {
        Self { inner, fault, replays: 0, unsynced: Vec::new(), counts }
    }

    /// What is not written yet is lost.
    pub(crate) fn crash(mut self) {
        self.unsynced.clear();
    }

    fn sync(&mut self) {
        let unsynced = std::mem::take(&mut self.unsynced);
        if !unsynced.is_empty() {
            self.inner.append(&unsynced).unwrap();
        }
    }

    /// Every write with its position, read as this store does.
    fn writes(&self) -> Result<Vec<(u64, AtomicWrite)>, StoreError> {
        let (mut decoder, mut writes, mut first, mut next) = (Decoder::new(), Vec::new(), None, None);
        for frame in self.inner.frames() {
            let is_gap = next.replace(frame.position + 1).is_some_and(|next| next != frame.position);
            if is_gap && self.fault != Fault::IgnoresGaps {
                let gap = StoreError::new(StoreErrorKind::Damaged, "a gap").at(frame.position - 1);
                return Err(gap);
            }
            let first_frame = *first.get_or_insert(frame.position);
            match decoder.frame(frame.position, &frame.bytes).map_err(|error| StoreError::codec("test", error)) {
                Ok(None) => continue,
                Ok(Some(write)) => writes.push((first_frame, write)),
                Err(error) => match (self.fault, error.kind()) {
                    (Fault::SkipsDamaged, StoreErrorKind::Damaged)
                    | (Fault::SkipsUnknown, StoreErrorKind::Unsupported) => {}
                    (Fault::StopsAtDamage, _) => return Ok(writes),
                    (Fault::CallsUnknownDamaged, _) => {
                        let position = error.position().unwrap();
                        return Err(StoreError::new(StoreErrorKind::Damaged, "it").at(position).caused_by(error));
                    }
                    _ => return Err(error),
                },
            }
            first = None;
        }
        Ok(writes)
    }

    fn entries(&mut self) -> Result<Vec<Entry>, StoreError> {
        let mut entries: Vec<_> = self.writes()?.into_iter().flat_map(|(_, write)| write.entries).collect();
        self.replays += 1;
        let nothing = Record::Intent { message_id: MessageId::from_bits(1) };
        match self.fault {
            Fault::InventsOne if entries.is_empty() => entries.push(Entry::Engine(nothing)),
            Fault::SkipsEntries => {
                let mut number = 0;
                entries.retain(|_| {
                    number += 1;
                    number % 7 != 0
                });
            }
            Fault::Reorders if entries.len() > 9 => entries.swap(5, 8),
            Fault::RepeatsLast => entries.extend(entries.last().cloned()),
            Fault::ReplaysOnce if self.replays > 1 => entries.clear(),
            _ => {}
        }
        Ok(entries)
    }

    /// Drops the front below `position`, and puts `carry` at the end.
    fn rewrite(&self, below: u64, carry: &[AtomicWrite]) {
        let mut frames = self.inner.frames();
        if carry.is_empty() && frames.first().is_none_or(|frame| frame.position >= below) {
            return;
        }
        let mut next = frames.last().map_or(0, |frame| frame.position + 1);
        for write in carry {
            let more = encode(write, next, usize::MAX).unwrap();
            next += more.len() as u64;
            frames.extend(more);
        }
        frames.retain(|frame| frame.position >= below);
        self.inner.set_frames(frames);
    }

    /// The items whose end is stored.
    fn ended(&self) -> Result<BTreeSet<MessageId>, StoreError> {
        let entries = self.writes()?.into_iter().flat_map(|(_, write)| write.entries);
        let of_end = |entry| match entry {
            Entry::Engine(record @ (Record::Published { .. } | Record::Undeliverable { .. })) => {
                Some(record.message_id())
            }
            _ => None,
        };
        Ok(entries.filter_map(of_end).collect())
    }

    /// Drops the front as long as every write there satisfies `may_go`.
    fn drop_while(&self, may_go: impl Fn(&AtomicWrite) -> bool) -> Result<Retired, StoreError> {
        let writes = self.writes()?;
        let kept = writes.iter().find(|(_, write)| !may_go(write));
        self.rewrite(kept.map_or(u64::MAX, |(position, _)| *position), &[]);
        Ok(Retired::default())
    }

    /// Writes everything anew, except what satisfies `may_go`.
    fn drop_each(&self, may_go: impl Fn(&AtomicWrite) -> bool) -> Result<Retired, StoreError> {
        let kept: Vec<_> = self.writes()?.into_iter().map(|(_, write)| write).filter(|write| !may_go(write)).collect();
        self.rewrite(u64::MAX, &kept);
        Ok(Retired::default())
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.sync();
    }
}

impl Store for Faulty {
    fn replay(&mut self, each: &mut dyn FnMut(Entry) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.sync();
        for entry in self.entries()? {
            match each(entry) {
                Err(_) if self.fault == Fault::IgnoresReader => {}
                Err(error) if self.fault == Fault::LosesSource => {
                    return Err(StoreError::new(StoreErrorKind::Rejected, error.to_string()));
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }

    fn append(&mut self, writes: &[AtomicWrite]) -> Result<(), StoreError> {
        let mut writes = writes.to_vec();
        let already = self.counts.appended.fetch_add(writes.len() as u64, Ordering::Relaxed);
        match self.fault {
            Fault::ForgetsMany if already >= 2_000 => return Ok(()),
            Fault::CutsBigWrites => writes.iter_mut().for_each(|write| write.entries.truncate(500)),
            Fault::LosesAudit => writes.iter_mut().for_each(|write| write.audit.clear()),
            Fault::SyncsLate => {
                self.sync();
                self.unsynced = std::mem::take(&mut writes);
            }
            _ => {}
        }
        let kept_before = self.inner.frames().len();
        let outcome = self.inner.append(&writes);
        match (self.fault, &outcome) {
            (Fault::HidesFailure, Err(_)) => return Ok(()),
            (Fault::GoesOn, Err(_)) => self.inner = self.inner.clone(),
            (Fault::HalfWrites, Err(_)) => {
                let kept = self.inner.frames().len() - kept_before;
                if let Some(torn) = writes.get_mut(kept) {
                    torn.entries.truncate(torn.entries.len() / 2);
                    self.rewrite(0, std::slice::from_ref(torn));
                }
            }
            _ => {}
        }
        outcome
    }

    fn retire(&mut self, now: Now) -> Result<Retired, StoreError> {
        self.sync();
        let ended = if matches!(self.fault, Fault::DropsInWindow | Fault::LetsOnePinAll) {
            self.ended()?
        } else {
            BTreeSet::new()
        };
        let is_old = |record: &Record| match record {
            Record::Accepted(command) => command.remember_until_epoch_ms < now.epoch_ms,
            _ => true,
        };
        let has_ended = |record: &Record| ended.contains(&record.message_id());
        let all = |write: &AtomicWrite, may_go: &dyn Fn(&Record) -> bool| {
            write.entries.iter().all(|entry| matches!(entry, Entry::Engine(record) if may_go(record)))
        };
        match self.fault {
            Fault::NeverDrops => Ok(Retired::default()),
            Fault::DropsOpen => self.drop_each(|write| all(write, &is_old)),
            Fault::DropsInWindow => self.drop_each(|write| all(write, &has_ended)),
            Fault::LetsOnePinAll => self.drop_while(|write| all(write, &|record| is_old(record) && has_ended(record))),
            Fault::CarriesHalf | Fault::CarriesHalfLater => {
                let mut retention = Retention::new();
                let writes = self.writes()?;
                writes.iter().for_each(|(position, write)| retention.note(*position, write, 100));
                // It knows what time it is: a tracker that was just made has to be told.
                retention.saw(now.epoch_ms);
                let plan = retention.plan(now);
                let read = |position| Ok(writes.iter().find(|at| at.0 == position).unwrap().1.clone());
                let mut carry = plan.carry(read)?;
                let already = self.counts.carries.fetch_add(u64::from(carry.is_some()), Ordering::Relaxed);
                if let Some(write) = carry.as_mut().filter(|_| self.fault == Fault::CarriesHalf || already >= 3) {
                    write.entries.retain(|entry| !matches!(entry, Entry::Engine(Record::Final { .. })));
                }
                self.rewrite(plan.drop_below(), carry.as_slice());
                let mut retired = Retired::default();
                retired.writes = plan.writes();
                Ok(retired)
            }
            Fault::BelievesClock => {
                let instant = now.epoch_ms.unsigned_abs() - 1_000_000_000_000;
                self.inner.retire(Now::new(instant, now.epoch_ms))
            }
            _ => self.inner.retire(now),
        }
    }

    fn audit(&mut self, each: &mut dyn FnMut(AuditEntry) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.sync();
        let mut entries: Vec<_> = self.writes()?.into_iter().flat_map(|(_, write)| write.audit).collect();
        if self.fault == Fault::ReversesAudit {
            entries.reverse();
        }
        entries.into_iter().try_for_each(each)
    }
}
