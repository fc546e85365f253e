//! Each fault is found, under the name of the promise that it breaks.

use std::sync::Arc;

use setpoint_store::{
    MemoryStore, StoreError,
    codec::Frame,
    conformance::{Subject, verify},
};

use crate::{
    break_memory,
    fault::{Counts, Fault, Faulty},
};

struct Broken {
    log: MemoryStore,
    fault: Fault,
    counts: Arc<Counts>,
}

impl Subject for Broken {
    type Store = Faulty;

    fn open(&mut self) -> Result<Faulty, StoreError> {
        Ok(Faulty::new(self.log.clone(), self.fault, Arc::clone(&self.counts)))
    }

    fn crash(&mut self, store: Faulty) {
        store.crash();
    }

    fn break_appends(&mut self, _store: &mut Faulty) -> bool {
        break_memory(&self.log);
        true
    }

    fn repair(&mut self) {
        self.log.set_capacity(usize::MAX);
    }

    fn frames(&mut self) -> Option<Vec<Frame>> {
        Some(self.log.frames())
    }

    fn set_frames(&mut self, frames: Vec<Frame>) {
        self.log.set_frames(frames);
    }
}

#[test]
fn every_fault_is_found_under_the_name_of_the_promise_that_it_breaks() {
    let faults = [
        (Fault::InventsOne, "an empty store replays nothing"),
        (Fault::SkipsEntries, "a replay is exact and in order"),
        (Fault::Reorders, "a replay is exact and in order"),
        (Fault::RepeatsLast, "a replay is exact and in order"),
        (Fault::SyncsLate, "a crash loses nothing that was confirmed"),
        (Fault::ReplaysOnce, "a second replay gives the same"),
        (Fault::ForgetsMany, "many writes are kept"),
        (Fault::CutsBigWrites, "a big write is kept"),
        (Fault::LosesAudit, "audit is kept apart from the state"),
        (Fault::ReversesAudit, "audit is kept apart from the state"),
        (Fault::IgnoresReader, "an error of the reader ends a replay and comes back with its source"),
        (Fault::LosesSource, "an error of the reader ends a replay and comes back with its source"),
        (Fault::HalfWrites, "a failed append leaves a prefix of whole writes"),
        (Fault::HidesFailure, "a failed append leaves a prefix of whole writes"),
        (Fault::GoesOn, "after a failed append nothing more is taken"),
        (Fault::SkipsDamaged, "a damaged frame is named and not skipped"),
        (Fault::StopsAtDamage, "a damaged frame is named and not skipped"),
        (Fault::SkipsUnknown, "an unknown kind or format is refused by name"),
        (Fault::CallsUnknownDamaged, "an unknown kind or format is refused by name"),
        (Fault::IgnoresGaps, "a missing or wandered frame is refused"),
        (Fault::DropsOpen, "retention keeps what is needed"),
        (Fault::DropsInWindow, "retention keeps what is needed"),
        (Fault::NeverDrops, "retention drops what may go"),
        (Fault::LetsOnePinAll, "retention drops what may go"),
        (Fault::CarriesHalf, "retention keeps what is needed"),
        (Fault::CarriesHalfLater, "what is carried forward is whole"),
        (Fault::BelievesClock, "a clock that steps is not believed"),
    ];
    for (fault, property) in faults {
        let new = || Broken { log: MemoryStore::new(), fault, counts: Arc::default() };
        match verify(new) {
            Ok(_) => panic!("{fault:?} passes"),
            Err(violation) => assert_eq!(violation.property(), property, "{fault:?}: {violation}"),
        }
    }
}
