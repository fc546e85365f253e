//! What follows from a confirmation of the store, and the one final of an item.

use std::sync::Arc;

use crate::{Code, inflight::Key};

use super::{
    AfterPersist, FinalOutcome, Mode, Queued, Record, Responder,
    item::{Attempt, Decision, Delivery, State},
};

impl Responder {
    /// Does everything that has become possible: every input ends with it.
    pub(super) fn progress(&mut self) {
        if self.mode == Mode::Failed {
            return;
        }
        while let Some(then) = self.journal.next_persisted() {
            self.after_persist(then);
        }
        self.intend();
    }

    /// Does what has waited for the store.
    pub(super) fn after_persist(&mut self, then: AfterPersist) {
        match then {
            AfterPersist::Answer { batch, body, accepted, again } => {
                self.queue.push_back(Queued::Answer { batch, status: 200, body });
                for key in accepted {
                    self.acceptance_stored(key);
                }
                for message_id in again {
                    self.publish_again(message_id);
                }
            }
            AfterPersist::HandOver(key) => self.intent_stored(key),
            AfterPersist::Publish(key) => self.final_stored(key),
        }
    }

    /// The item may be handed over, unless it has ended meanwhile.
    pub(super) fn acceptance_stored(&mut self, key: Key) {
        if self.items.get(key).is_some_and(|item| matches!(item.state, State::Accepted)) {
            self.change(key, |state| *state = State::Ready(Attempt::First));
        }
    }

    /// Gives an item its final, of a code that does not come from a device.
    pub(super) fn decide_unanswered(&mut self, key: Key, code: Code, submsg: &str) {
        let decided_at_epoch_ms = self.now.epoch_ms;
        let submsg = submsg.into();
        let outcome = FinalOutcome { code, submsg, output: None, device_reply_epoch_ms: -1, decided_at_epoch_ms };
        self.decide(key, outcome, None);
    }

    /// Gives the item its one final, unless it has it. `heard` is the digest of the device's answer that says so.
    pub(super) fn decide(&mut self, key: Key, outcome: FinalOutcome, heard: Option<u64>) {
        let Some(item) = self.items.get(key).filter(|item| item.state.is_in_flight()) else { return };
        match outcome.code {
            Code::SUCCESS => self.counters.succeeded += 1,
            Code::TIMEOUT if item.state.is_unsent() => self.counters.expired_unsent += 1,
            Code::TIMEOUT => self.counters.timed_out += 1,
            _ => self.counters.failed += 1,
        }
        let message_id = item.command.message_id;
        let outcome = Arc::new(outcome);
        let decision = Decision { outcome: Arc::clone(&outcome), heard, delivery: Delivery::Storing };
        self.change(key, |state| *state = State::Decided(decision));
        self.journal.record(Record::Final { message_id, outcome });
        self.journal.after_persist(AfterPersist::Publish(key));
    }
}
