//! The store: group commit, with delays; a crash loses writes that are not synced.

use std::collections::VecDeque;

use setpoint::responder::{Record, WriteId};

use crate::{
    coverage::Exercised,
    faults::Fault,
    rng::Rng,
    service::Input,
    sim::{Event, Sim},
    violation::Check,
};

#[derive(Debug)]
pub(crate) struct Store {
    /// What survives a crash.
    pub(crate) records: Vec<Record>,
    /// Written and not synced. Each write is atomic: a torn write is discarded.
    unsynced: VecDeque<(WriteId, Vec<Record>)>,
    /// How many of those are part of the commit under way.
    syncing: usize,
    chance: Rng,
}

impl Store {
    pub(crate) fn new(seed: u64) -> Self {
        Self { records: Vec::new(), unsynced: VecDeque::new(), syncing: 0, chance: Rng::new(seed, 3) }
    }
}

impl Sim {
    /// The service asks for a write.
    pub(crate) fn write(&mut self, write: WriteId, records: Vec<Record>) {
        self.store.unsynced.push_back((write, records));
        if self.store.syncing == 0 {
            self.commit();
        }
    }

    fn commit(&mut self) {
        self.store.syncing = self.store.unsynced.len();
        let mut takes = self.store.chance.delay(self.plan.store_ms);
        if self.strikes(Fault::StoreSlow) {
            takes += self.faults.chance(Fault::StoreSlow).below(4_000);
        }
        self.after(takes, Event::Synced(self.service.life));
    }

    /// A commit has ended.
    pub(crate) fn synced(&mut self, life: u64) -> Check {
        if life != self.service.life || self.store.syncing == 0 {
            return Ok(());
        }
        if self.may_crash() && self.strikes(Fault::StoreFails) {
            self.store.syncing = 0;
            return self.give(life, Input::PersistFailed);
        }
        let mut newest = None;
        for (write, records) in self.store.unsynced.drain(..self.store.syncing) {
            self.oracle.synced(&records);
            self.store.records.extend(records);
            newest = Some(write);
        }
        self.store.syncing = 0;
        if let Some(write) = newest {
            self.trace.line(self.now, format_args!("store: synced up to {}", write.0));
            let notice = self.store.chance.below(2);
            self.after(notice, Event::Input(life, Input::Persisted(write)));
        }
        if !self.store.unsynced.is_empty() {
            self.commit();
        }
        Ok(())
    }

    /// Of the unsynced writes, a random prefix survives.
    pub(crate) fn crash_store(&mut self) {
        let unsynced = std::mem::take(&mut self.store.unsynced);
        self.store.syncing = 0;
        let kept = self.store.chance.index(unsynced.len() + 1);
        if kept > 0 {
            self.exercised(Exercised::WritesLeft);
        }
        if kept < unsynced.len() {
            self.exercised(Exercised::WritesLost);
        }
        self.trace
            .line(self.now, format_args!("store: {kept} of {} writes that nobody confirmed are left", unsynced.len()));
        self.store.records.extend(unsynced.into_iter().take(kept).flat_map(|(_, records)| records));
    }
}
